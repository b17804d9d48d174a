// simd/portable.tpp - what needs no vector instruction: the conversions of one half, the plain look-up of fastscan.
// In an anonymous namespace, because files with different -m flags include it: a shared inline function would be one
// weak symbol, and the linker could keep the copy that only the newest machine can execute.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ruvector::simd {
namespace {

inline float float_of_bits(uint32_t bits) noexcept {
	float f;
	std::memcpy(&f, &bits, sizeof f);
	return f;
}

inline uint32_t bits_of_float(float f) noexcept {
	uint32_t bits;
	std::memcpy(&bits, &f, sizeof bits);
	return bits;
}

// Moved to the place of a float's exponent and mantissa, a half is its value divided by 2^112, subnormals included.
inline float half_to_float(uint16_t h) noexcept {
	uint32_t magnitude = h & 0x7fffu;
	uint32_t bits = bits_of_float(float_of_bits(magnitude << 13) * 0x1p112f);
	if (magnitude >= 0x7c00u) // infinity or NaN
		bits |= 0x7f800000u;
	return float_of_bits(bits | (uint32_t{h} & 0x8000u) << 16);
}

inline uint16_t float_to_half(float f) noexcept {
	uint32_t bits = bits_of_float(f);
	uint32_t sign = bits >> 16 & 0x8000u;
	uint32_t magnitude = bits & 0x7fffffffu;
	uint32_t half;
	if (magnitude > 0x7f800000u)
		half = 0x7e00u | (magnitude >> 13 & 0x1ffu); // a quiet NaN with what fits of the payload
	else if (magnitude >= 0x477ff000u)               // 65520 and above round to infinity
		half = 0x7c00u;
	else if (magnitude < 0x38800000u) // below 2^-14: the unit in the last place of 0.5 is the one of a subnormal half
		half = bits_of_float(float_of_bits(magnitude) + 0.5f) - 0x3f000000u;
	else // rebias the exponent by 127 - 15; a tie goes to the even mantissa, a carry into the exponent
		half = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
	return static_cast<uint16_t>(sign | half);
}

// The first n bytes, n up to 8, the others zero; in loads of fixed sizes.
inline uint64_t load_up_to_8(const uint8_t *p, size_t n) noexcept {
	if (n >= 8) {
		uint64_t all;
		std::memcpy(&all, p, 8);
		return all;
	}
	if (n >= 4) {
		uint32_t first, last;
		std::memcpy(&first, p, 4);
		std::memcpy(&last, p + n - 4, 4);
		return first | uint64_t{last} << 8 * (n - 4);
	}
	uint64_t bytes = 0;
	for (size_t i = 0; i < n; ++i)
		bytes |= uint64_t{p[i]} << 8 * i;
	return bytes;
}

inline void fastscan_lookup(const uint8_t *codes, size_t rows, size_t row_bytes, const uint8_t *lut,
							uint32_t *out) noexcept {
	for (int lane = 0; lane < 32; ++lane)
		out[lane] = 0;
	for (size_t r = 0; r < rows; ++r, codes += row_bytes, lut += 16)
		for (size_t k = 0; k < row_bytes; ++k) {
			out[k] += lut[codes[k] & 15];
			out[k + 16] += lut[codes[k] >> 4];
		}
}

} // namespace
} // namespace ruvector::simd
