// types/half.hpp - one IEEE binary16 value from and to float, rounding to nearest even. Pure: no PostgreSQL.
// For whole arrays use simd::kernels->f16_to_f32 and f32_to_f16.
#pragma once

#include <cstdint>
#include <cstring>

namespace ruvector::types {

// The smallest magnitude that rounds to a half infinity.
constexpr float kHalfOverflow = 65520.0f;

inline bool half_is_nan(uint16_t h) noexcept {
	return (h & 0x7FFF) > 0x7C00;
}
inline bool half_is_inf(uint16_t h) noexcept {
	return (h & 0x7FFF) == 0x7C00;
}
inline bool half_is_zero(uint16_t h) noexcept {
	return (h & 0x7FFF) == 0;
}

inline float half_to_float(uint16_t h) noexcept {
	const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
	const uint32_t exponent = (h >> 10) & 0x1F;
	uint32_t mantissa = h & 0x3FF;
	uint32_t bits;

	if (exponent == 0x1F) {
		bits = sign | 0x7F800000 | (mantissa << 13);
	} else if (exponent != 0) {
		bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
	} else if (mantissa != 0) {
		// Subnormal: a normal number in float.
		uint32_t shift = 0;
		while ((mantissa & 0x400) == 0) {
			mantissa <<= 1;
			shift++;
		}
		bits = sign | ((113 - shift) << 23) | ((mantissa & 0x3FF) << 13);
	} else {
		bits = sign;
	}
	float result;
	std::memcpy(&result, &bits, sizeof(result));
	return result;
}

// Overflows to infinity; keeps a NaN a NaN.
inline uint16_t float_to_half(float f) noexcept {
	uint32_t bits;
	std::memcpy(&bits, &f, sizeof(bits));
	const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
	bits &= 0x7FFFFFFF;

	if (bits > 0x7F800000)
		return static_cast<uint16_t>(sign | 0x7E00 | ((bits >> 13) & 0x3FF));
	if (bits >= 0x477FF000) // kHalfOverflow
		return static_cast<uint16_t>(sign | 0x7C00);
	if (bits >= 0x38800000) { // normal in half
		bits += 0xFFF + ((bits >> 13) & 1);
		return static_cast<uint16_t>(sign | ((bits - 0x38000000) >> 13));
	}
	if (bits < 0x33000000) // below half of the smallest subnormal
		return sign;
	// Subnormal: count units of 2^-24.
	const uint32_t exponent = bits >> 23;
	const uint32_t mantissa = (bits & 0x7FFFFF) | 0x800000;
	const uint32_t shift = 126 - exponent; // 14 to 24
	uint32_t result = mantissa >> shift;
	const uint32_t rest = mantissa & ((1u << shift) - 1);
	const uint32_t middle = 1u << (shift - 1);
	if (rest > middle || (rest == middle && (result & 1)))
		result++;
	return static_cast<uint16_t>(sign | result);
}

} // namespace ruvector::types
