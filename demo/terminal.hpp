// demo/terminal.hpp - what the demonstration prints: headings, SQL, notes, a progress bar, small gray images.
// On a terminal with colours, a bar in place; into a file or a pipe, plain lines.
#ifndef RUVECTOR_DEMO_TERMINAL_HPP
#define RUVECTOR_DEMO_TERMINAL_HPP

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace ruvector::demo {

class Terminal {
public:
	Terminal();

	void heading(const std::string &text);
	void sql(const std::string &statement); // as psql would show it
	void note(const std::string &text);     // indented
	void line(const std::string &text = "");

	// A bar of what is done; call as often as you like. finish_progress() puts `result` in its place.
	void progress(const std::string &what, std::size_t done, std::size_t total);
	void finish_progress(const std::string &result);
	void clear_progress();

	// Images of 0..255 in one row, each with its caption lines below. As many as tiles_per_row().
	struct Tile {
		const float *pixels;
		std::vector<std::string> captions;
	};
	void tiles(const std::vector<Tile> &tiles, int image_side);
	std::size_t tiles_per_row() const { return 5; }

	int columns() const { return columns_; }

private:
	std::string bold(const std::string &text) const;
	std::string dim(const std::string &text) const;
	bool interactive_; // stdout is a terminal that can go back to the start of a line
	bool colors_;      // 256 colours and half blocks
	int columns_;
	bool in_progress_ = false;
	std::chrono::steady_clock::time_point progress_start_;
	std::chrono::steady_clock::time_point progress_shown_;
};

// 60000 -> "60,000"
std::string grouped(std::size_t number);
// printf into a string
std::string format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

} // namespace ruvector::demo

#endif
