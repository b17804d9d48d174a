// demo/canvas.hpp - a picture in memory: rectangles, gray images, text; written as PNG.
#ifndef RUVECTOR_DEMO_CANVAS_HPP
#define RUVECTOR_DEMO_CANVAS_HPP

#include <cstdint>
#include <string>
#include <vector>

namespace ruvector::demo {

struct Color {
	std::uint8_t red, green, blue;
};

class Canvas {
public:
	Canvas(int width, int height, Color background);

	// Whatever lies outside the picture is left out.
	void fill(int x, int y, int width, int height, Color color);
	// pixels: height * width values 0..255, each drawn as a square of `scale` pixels; 0 is paper, 255 is ink.
	void gray_image(int x, int y, const float *pixels, int width, int height, int scale);
	void text(int x, int y, const std::string &text, int scale, Color color);
	static int text_width(const std::string &text, int scale);

	// Throws std::runtime_error.
	void write_png(const std::string &path) const;

private:
	int width_, height_;
	std::vector<std::uint8_t> pixels_; // red, green, blue
};

} // namespace ruvector::demo

#endif
