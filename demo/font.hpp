// demo/font.hpp - a 5 x 7 bitmap font, enough for captions.
#ifndef RUVECTOR_DEMO_FONT_HPP
#define RUVECTOR_DEMO_FONT_HPP

#include <cstdint>

namespace ruvector::demo {

constexpr int kGlyphWidth = 5;  // and one column of space
constexpr int kGlyphHeight = 9; // seven rows above the base line, two below

// Nine rows; the highest of the five low bits is the left column. An unknown character is an empty box.
const std::uint8_t *glyph(char c);

} // namespace ruvector::demo

#endif
