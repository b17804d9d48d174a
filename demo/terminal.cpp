// demo/terminal.cpp - what the demonstration prints.
#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ruvector::demo {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kBarWidth = 30;
constexpr double kRedrawSeconds = 0.1;
constexpr double kPlainLineSeconds = 15; // a line of progress, where a bar cannot be drawn

bool utf8_locale() {
	for (const char *name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
		const char *value = std::getenv(name);
		if (value != nullptr && *value != '\0')
			return strcasestr(value, "utf-8") != nullptr || strcasestr(value, "utf8") != nullptr;
	}
	return false;
}

// The image made `wide` by `high`, each value the mean of the area it covers.
std::vector<float> resample(const float *pixels, int side, int wide, int high) {
	std::vector<float> out(static_cast<std::size_t>(wide * high));
	const double step_x = static_cast<double>(side) / wide;
	const double step_y = static_cast<double>(side) / high;
	for (int y = 0; y < high; y++)
		for (int x = 0; x < wide; x++) {
			double sum = 0;
			for (int row = 0; row < side; row++) {
				const double covered_y =
					std::min(row + 1.0, (y + 1) * step_y) - std::max(static_cast<double>(row), y * step_y);
				if (covered_y <= 0)
					continue;
				for (int column = 0; column < side; column++) {
					const double covered_x =
						std::min(column + 1.0, (x + 1) * step_x) - std::max(static_cast<double>(column), x * step_x);
					if (covered_x > 0)
						sum += covered_x * covered_y * static_cast<double>(pixels[row * side + column]);
				}
			}
			out[static_cast<std::size_t>(y * wide + x)] = static_cast<float>(sum / (step_x * step_y));
		}
	return out;
}

// Of the 256-colour palette: 232..255 are grays.
int gray_color(float value) {
	return 232 + std::clamp(static_cast<int>(value * 24.0F / 256.0F), 0, 23);
}

std::string padded(const std::string &text, std::size_t width) {
	return text.size() >= width ? text.substr(0, width) : text + std::string(width - text.size(), ' ');
}

} // namespace

Terminal::Terminal() {
	const char *term = std::getenv("TERM");
	interactive_ = isatty(STDOUT_FILENO) != 0 && term != nullptr && std::strcmp(term, "dumb") != 0;
	colors_ = interactive_ && std::getenv("NO_COLOR") == nullptr && utf8_locale();
	columns_ = 80;
	winsize size{};
	if (interactive_ && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
		columns_ = std::min<int>(size.ws_col, 120);
}

std::string Terminal::bold(const std::string &text) const {
	return colors_ ? "\033[1m" + text + "\033[0m" : text;
}
std::string Terminal::dim(const std::string &text) const {
	return colors_ ? "\033[2m" + text + "\033[0m" : text;
}

void Terminal::line(const std::string &text) {
	std::printf("%s\n", text.c_str());
	std::fflush(stdout);
}

void Terminal::heading(const std::string &text) {
	line();
	line(bold(text));
}

void Terminal::sql(const std::string &statement) {
	std::string prompt = "demo=# ";
	std::size_t start = 0;
	while (start <= statement.size()) {
		const std::size_t end = std::min(statement.find('\n', start), statement.size());
		line("  " + dim(prompt) + bold(statement.substr(start, end - start)));
		start = end + 1;
		prompt = "demo-# ";
	}
}

void Terminal::note(const std::string &text) {
	line("  " + text);
}

void Terminal::progress(const std::string &what, std::size_t done, std::size_t total) {
	const auto now = Clock::now();
	if (!in_progress_) {
		in_progress_ = true;
		progress_start_ = now;
		progress_shown_ = interactive_ ? Clock::time_point{} : now;
	}
	const double since = std::chrono::duration<double>(now - progress_shown_).count();
	if (since < (interactive_ ? kRedrawSeconds : kPlainLineSeconds))
		return;
	progress_shown_ = now;
	done = std::min(done, total);
	const double part = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
	const double elapsed = std::chrono::duration<double>(now - progress_start_).count();
	const std::string numbers =
		format("%3.0f %%  %s of %s  %.0f s", 100 * part, grouped(done).c_str(), grouped(total).c_str(), elapsed);
	if (!interactive_) {
		note(what + ": " + numbers);
		return;
	}
	const int full = static_cast<int>(part * kBarWidth);
	std::string bar = "[" + std::string(static_cast<std::size_t>(full), '#') +
					  std::string(static_cast<std::size_t>(kBarWidth - full), '.') + "]";
	std::string text = "  " + what + " " + bar + " " + numbers;
	std::printf("\r\033[K%s", text.substr(0, static_cast<std::size_t>(columns_ - 1)).c_str());
	std::fflush(stdout);
}

void Terminal::clear_progress() {
	if (in_progress_ && interactive_)
		std::printf("\r\033[K");
	in_progress_ = false;
}

void Terminal::finish_progress(const std::string &result) {
	clear_progress();
	note(result);
}

void Terminal::tiles(const std::vector<Tile> &tiles, int image_side) {
	const std::size_t count = std::min(tiles.size(), tiles_per_row());
	const int gap = 2;
	// Two pixels to a character, one above the other: an even number of them.
	const int side = std::clamp((columns_ - 2) / static_cast<int>(tiles_per_row()) - gap, 8, image_side) / 2 * 2;
	std::vector<std::vector<float>> small;
	for (std::size_t i = 0; i < count; i++)
		small.push_back(resample(tiles[i].pixels, image_side, side, colors_ ? side : side / 2));

	static const char kShades[] = " .:-=+*#%@";
	for (int y = 0; y < side / 2; y++) {
		std::string text = "  ";
		for (std::size_t i = 0; i < count; i++) {
			for (int x = 0; x < side; x++) {
				if (colors_) {
					const float upper = small[i][static_cast<std::size_t>(2 * y * side + x)];
					const float lower = small[i][static_cast<std::size_t>((2 * y + 1) * side + x)];
					text += format("\033[38;5;%dm\033[48;5;%dm\u2580", gray_color(upper), gray_color(lower));
				} else {
					const float value = small[i][static_cast<std::size_t>(y * side + x)];
					text += kShades[std::clamp(static_cast<int>(value * 10.0F / 256.0F), 0, 9)];
				}
			}
			text += (colors_ ? "\033[0m" : "") + std::string(static_cast<std::size_t>(gap), ' ');
		}
		if (!colors_)
			text.erase(text.find_last_not_of(' ') + 1);
		line(text);
	}
	std::size_t captions = 0;
	for (std::size_t i = 0; i < count; i++)
		captions = std::max(captions, tiles[i].captions.size());
	for (std::size_t row = 0; row < captions; row++) {
		std::string text = "  ";
		for (std::size_t i = 0; i < count; i++)
			text +=
				padded(row < tiles[i].captions.size() ? tiles[i].captions[row] : "", static_cast<std::size_t>(side)) +
				std::string(static_cast<std::size_t>(gap), ' ');
		text.erase(text.find_last_not_of(' ') + 1);
		line(text);
	}
}

std::string grouped(std::size_t number) {
	std::string digits = std::to_string(number);
	for (std::size_t at = digits.size(); at > 3; at -= 3)
		digits.insert(at - 3, 1, ',');
	return digits;
}

std::string format(const char *pattern, ...) {
	char buffer[512];
	va_list arguments;
	va_start(arguments, pattern);
	std::vsnprintf(buffer, sizeof buffer, pattern, arguments);
	va_end(arguments);
	return buffer;
}

} // namespace ruvector::demo
