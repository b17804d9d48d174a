// demo/canvas.cpp - a picture in memory, written as PNG with nothing but zlib (deflate and crc32).
#include "canvas.hpp"

#include "font.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace ruvector::demo {

namespace {

void append_be32(std::vector<std::uint8_t> &out, std::uint32_t v) {
	for (int shift = 24; shift >= 0; shift -= 8)
		out.push_back(static_cast<std::uint8_t>(v >> shift));
}

void append_chunk(std::vector<std::uint8_t> &out, const char *type, const std::vector<std::uint8_t> &data) {
	append_be32(out, static_cast<std::uint32_t>(data.size()));
	const std::size_t start = out.size();
	out.insert(out.end(), type, type + 4);
	out.insert(out.end(), data.begin(), data.end());
	append_be32(out, static_cast<std::uint32_t>(crc32(0, out.data() + start, static_cast<uInt>(out.size() - start))));
}

} // namespace

Canvas::Canvas(int width, int height, Color background)
	: width_(width), height_(height), pixels_(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3) {
	fill(0, 0, width, height, background);
}

void Canvas::fill(int x, int y, int width, int height, Color color) {
	for (int row = std::max(0, y); row < std::min(height_, y + height); row++)
		for (int column = std::max(0, x); column < std::min(width_, x + width); column++) {
			std::uint8_t *pixel = &pixels_[(static_cast<std::size_t>(row) * static_cast<std::size_t>(width_) +
											static_cast<std::size_t>(column)) *
										   3];
			pixel[0] = color.red;
			pixel[1] = color.green;
			pixel[2] = color.blue;
		}
}

void Canvas::gray_image(int x, int y, const float *pixels, int width, int height, int scale) {
	for (int row = 0; row < height; row++)
		for (int column = 0; column < width; column++) {
			const auto gray = static_cast<std::uint8_t>(255 - std::clamp(pixels[row * width + column], 0.0F, 255.0F));
			fill(x + column * scale, y + row * scale, scale, scale, Color{gray, gray, gray});
		}
}

void Canvas::text(int x, int y, const std::string &text, int scale, Color color) {
	for (const char c : text) {
		const std::uint8_t *rows = glyph(c);
		for (int row = 0; row < kGlyphHeight; row++)
			for (int column = 0; column < kGlyphWidth; column++)
				if ((rows[row] >> (kGlyphWidth - 1 - column) & 1) != 0)
					fill(x + column * scale, y + row * scale, scale, scale, color);
		x += (kGlyphWidth + 1) * scale;
	}
}

int Canvas::text_width(const std::string &text, int scale) {
	return static_cast<int>(text.size()) * (kGlyphWidth + 1) * scale;
}

void Canvas::write_png(const std::string &path) const {
	// Every row is preceded by its filter; 0 is none.
	std::vector<std::uint8_t> raw;
	const std::size_t stride = static_cast<std::size_t>(width_) * 3;
	raw.reserve((stride + 1) * static_cast<std::size_t>(height_));
	for (std::size_t row = 0; row < static_cast<std::size_t>(height_); row++) {
		raw.push_back(0);
		raw.insert(raw.end(), pixels_.begin() + static_cast<std::ptrdiff_t>(row * stride),
				   pixels_.begin() + static_cast<std::ptrdiff_t>((row + 1) * stride));
	}
	uLongf size = compressBound(static_cast<uLong>(raw.size()));
	std::vector<std::uint8_t> deflated(size);
	if (compress2(deflated.data(), &size, raw.data(), static_cast<uLong>(raw.size()), 9) != Z_OK)
		throw std::runtime_error("cannot compress the picture");
	deflated.resize(size);

	std::vector<std::uint8_t> png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	std::vector<std::uint8_t> head;
	append_be32(head, static_cast<std::uint32_t>(width_));
	append_be32(head, static_cast<std::uint32_t>(height_));
	head.insert(head.end(), {8, 2, 0, 0, 0}); // 8 bits, red-green-blue, the only methods there are
	append_chunk(png, "IHDR", head);
	append_chunk(png, "IDAT", deflated);
	append_chunk(png, "IEND", {});

	std::FILE *file = std::fopen(path.c_str(), "wb");
	const bool written = file != nullptr && std::fwrite(png.data(), 1, png.size(), file) == png.size();
	if ((file != nullptr && std::fclose(file) != 0) || !written)
		throw std::runtime_error(path + ": cannot be written");
}

} // namespace ruvector::demo
