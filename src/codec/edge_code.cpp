// codec/edge_code.cpp - quantises residuals, lays their codes out in blocks, and scores blocks against a query.
//
// Reductions go through sixteen partial sums added in a fixed order, and no kernel table is used on the way to a code:
// the bytes that quantize gives for the same floats do not depend on the instruction set in use. Loops have constant
// trip counts inside because that is what compilers vectorise at -O2.
#include "ruvector/codec/edge_code.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "ruvector/simd/kernels.hpp"

namespace ruvector::codec {

namespace {

constexpr size_t kWidth = 16;   // partial sums, coordinates at a time
constexpr uint32_t kLanes = 32; // of fastscan
constexpr uint32_t kHalf = 16;  // fastscan's distance between the lanes of a byte

// x_hat = u - centre.
float centre_of(uint32_t bits) noexcept {
	return 0.5f * static_cast<float>((1u << bits) - 1);
}

float sum_of(const float *partial) noexcept {
	float a[8], b[4];
	for (size_t k = 0; k < 8; k++)
		a[k] = partial[k] + partial[k + 8];
	for (size_t k = 0; k < 4; k++)
		b[k] = a[k] + a[k + 4];
	return (b[0] + b[2]) + (b[1] + b[3]);
}

// 1 bit: x_hat is half the sign. Returns <r, x_hat>.
float code_signs(const float *r, size_t n, float *x_hat) noexcept {
	float dot[kWidth] = {};
	size_t i = 0;
	for (; i + kWidth <= n; i += kWidth)
		for (size_t k = 0; k < kWidth; k++) {
			float half = r[i + k] >= 0.0f ? 0.5f : -0.5f; // NaN: -0.5
			x_hat[i + k] = half;
			dot[k] += half * r[i + k];
		}
	for (size_t k = 0; i + k < n; k++) {
		float half = r[i + k] >= 0.0f ? 0.5f : -0.5f;
		x_hat[i + k] = half;
		dot[k] += half * r[i + k];
	}
	return sum_of(dot);
}

struct Sums {
	float dot; // <r, x_hat>
	float sq;  // |x_hat|^2
};

// The nearest level to value * inverse_step, as x_hat. NaN becomes the lowest level.
inline float level_of(float value, float inverse_step, float top, float centre) noexcept {
	float u = value * inverse_step + (centre + 0.5f);
	u = u > 0.0f ? u : 0.0f;
	u = u < top ? u : top;
	return static_cast<float>(static_cast<int32_t>(u)) - centre;
}

// Rounds r to levels of the given step.
Sums code_levels(const float *r, size_t n, float inverse_step, float centre, float *x_hat) noexcept {
	const float top = 2.0f * centre;
	float dot[kWidth] = {}, sq[kWidth] = {};
	size_t i = 0;
	for (; i + kWidth <= n; i += kWidth)
		for (size_t k = 0; k < kWidth; k++) {
			float x = level_of(r[i + k], inverse_step, top, centre);
			x_hat[i + k] = x;
			dot[k] += x * r[i + k];
			sq[k] += x * x;
		}
	for (size_t k = 0; i + k < n; k++) {
		float x = level_of(r[i + k], inverse_step, top, centre);
		x_hat[i + k] = x;
		dot[k] += x * r[i + k];
		sq[k] += x * x;
	}
	return {sum_of(dot), sum_of(sq)};
}

float root_mean_square(const float *r, size_t n) noexcept {
	float sq[kWidth] = {};
	size_t i = 0;
	for (; i + kWidth <= n; i += kWidth)
		for (size_t k = 0; k < kWidth; k++)
			sq[k] += r[i + k] * r[i + k];
	for (size_t k = 0; i + k < n; k++)
		sq[k] += r[i + k] * r[i + k];
	return std::sqrt(sum_of(sq) / static_cast<float>(n));
}

// 2 and 4 bits: the step that makes x_hat's direction nearest to r's. Rounding to a step and refitting the step to the
// result both lower |r - step * x_hat|, whose minimum over steps is at the largest cosine, so a few rounds of the two
// get there from the step that is best for Gaussian coordinates (which rotated ones nearly are). Short codes are less
// Gaussian: they get more starts. Returns <r, x_hat>.
float code_best_levels(const float *r, size_t n, uint32_t bits, float *x_hat) noexcept {
	constexpr int kRefits = 2;
	constexpr size_t kShort = 64;
	const float centre = centre_of(bits);
	const float gaussian = (bits == 2 ? 0.9957f : 0.3352f) * root_mean_square(r, n);
	const float starts[] = {1.0f, 0.75f, 1.3f};
	float best_inverse = 1.0f / gaussian, best = -1.0f;
	const int start_count = n < kShort ? 3 : 1;
	for (int s = 0; s < start_count; s++) {
		float inverse = 1.0f / (starts[s] * gaussian);
		for (int refit = 0; refit < kRefits; refit++) {
			Sums sums = code_levels(r, n, inverse, centre, x_hat);
			if (!(sums.dot > 0.0f))
				break;
			if (start_count > 1 && sums.dot * sums.dot / sums.sq > best) {
				best = sums.dot * sums.dot / sums.sq;
				best_inverse = inverse;
			}
			inverse = sums.sq / sums.dot;
		}
		if (start_count == 1)
			best_inverse = inverse;
	}
	return code_levels(r, n, best_inverse, centre, x_hat).dot;
}

// The nibble of the sign bits of four floats, 1 where positive.
inline uint8_t positive_nibble(const float *x) noexcept {
	uint32_t w[4];
	std::memcpy(w, x, sizeof(w));
	uint32_t negative = (w[0] >> 31) | ((w[1] >> 30) & 2) | ((w[2] >> 29) & 4) | ((w[3] >> 28) & 8);
	return static_cast<uint8_t>(negative ^ 15);
}

void pack(const EdgeCodec &codec, const float *x_hat, uint8_t *packed) noexcept {
	const size_t groups = codec.groups();
	if (codec.bits == 1) {
		for (size_t g = 0; g < groups; g++)
			packed[g] = positive_nibble(x_hat + 4 * g);
		return;
	}
	const float centre = centre_of(codec.bits);
	for (size_t g = 0; g < groups; g++) {
		uint32_t u = 0; // a level a byte
		for (uint32_t k = 0; k < 4; k++)
			u |= static_cast<uint32_t>(static_cast<int32_t>(x_hat[4 * g + k] + centre)) << (8 * k);
		for (uint32_t p = 0; p < codec.bits; p++) // the product gathers the lowest bits of the bytes in bits 24 to 27
			packed[p * groups + g] = static_cast<uint8_t>((((u >> p) & 0x01010101u) * 0x01020408u) >> 24 & 15);
	}
}

} // namespace

float quantize(const EdgeCodec &codec, const float *r, float norm_sq, uint8_t *packed, float *x_hat) noexcept {
	const size_t n = codec.code_dims;
	float dot = codec.bits == 1 ? code_signs(r, n, x_hat) : code_best_levels(r, n, codec.bits, x_hat);
	pack(codec, x_hat, packed);
	float f = norm_sq / dot;
	// also false for NaN: a zero or a non-finite residual has a valid code and no say
	return norm_sq > 0.0f && dot > 0.0f && f <= std::numeric_limits<float>::max() ? f : 0.0f;
}

void complement(const EdgeCodec &codec, uint8_t *packed) noexcept {
	const size_t n = codec.packed_bytes();
	for (size_t i = 0; i < n; i++)
		packed[i] ^= 15;
}

void store_lane(const EdgeCodec &codec, const uint8_t *packed, uint8_t *block, uint32_t lane) noexcept {
	const size_t n = codec.packed_bytes(), stride = codec.row_bytes;
	if (lane < stride) {
		uint8_t *at = block + lane;
		for (size_t i = 0; i < n; i++, at += stride)
			*at = static_cast<uint8_t>((*at & 0xf0) | packed[i]);
	} else {
		uint8_t *at = block + (lane - stride);
		for (size_t i = 0; i < n; i++, at += stride)
			*at = static_cast<uint8_t>((*at & 0x0f) | (packed[i] << 4));
	}
}

void load_lane(const EdgeCodec &codec, const uint8_t *block, uint32_t lane, uint8_t *packed) noexcept {
	const size_t n = codec.packed_bytes(), stride = codec.row_bytes;
	const bool high = lane >= stride;
	const uint8_t *at = block + (high ? lane - stride : lane);
	const uint32_t shift = high ? 4 : 0;
	for (size_t i = 0; i < n; i++, at += stride)
		packed[i] = static_cast<uint8_t>((*at >> shift) & 15);
}

void decode(const EdgeCodec &codec, const uint8_t *packed, float *x_hat) noexcept {
	const size_t groups = codec.groups();
	const float centre = centre_of(codec.bits);
	for (size_t g = 0; g < groups; g++) {
		uint32_t u[4] = {};
		for (uint32_t p = 0; p < codec.bits; p++)
			for (uint32_t k = 0; k < 4; k++)
				u[k] |= ((packed[p * groups + g] >> k) & 1u) << p;
		for (uint32_t k = 0; k < 4; k++)
			x_hat[4 * g + k] = static_cast<float>(static_cast<int32_t>(u[k])) - centre;
	}
}

// Entry c of a group is T_c = sum of +-q_i / 2, plus where bit i of c is set, in units of delta, plus 127.5, rounded;
// delta makes the largest |T_c| 127.5. With that centring the entries of c and of its complement add up to 255 exactly,
// so the rounding errors have no mean over codes, the offset needs no sum over q, and a complement scores the negative.
// For it no T_c may lie half way between two entries: T_c is formed in 1/256 of a unit from one odd and three even
// numbers. <x_hat, q> = sum_p 2^p sum_g T, and the entries of plane p sum to S_p, so the offset is -127.5 delta groups
// (2^bits - 1).
void prepare_query(const EdgeCodec &codec, const float *q, QueryTable &table) noexcept {
	constexpr float kTooSmall = 1e-33f; // below it 1 / range overflows
	constexpr int32_t kRounding = 128 * 255 + 128;
	const size_t groups = codec.groups();
	float range = 0.0f, sum = 0.0f;
	for (size_t g = 0; g < groups; g++) {
		const float *x = q + 4 * g;
		float size = (std::fabs(x[0]) + std::fabs(x[2])) + (std::fabs(x[1]) + std::fabs(x[3]));
		sum += size;
		range = size > range ? size : range;
	}
	if (!(range > kTooSmall) || !(sum <= std::numeric_limits<float>::max())) { // zero, or not finite
		std::memset(table.lut, 0, codec.lut_bytes());
		table.delta = table.offset = 0.0f;
		return;
	}
	table.delta = range / 255.0f;
	table.offset = -table.delta * 127.5f * static_cast<float>(groups * ((1u << codec.bits) - 1));

	const float scale = 255.0f * 64.0f / range;
	for (size_t g = 0; g < groups; g++) {
		int32_t w[4];
		for (size_t k = 0; k < 4; k++) // the shift rounds to nearest for 1, 2, 3; down for 0, which gets the odd number
			w[k] = static_cast<int32_t>(q[4 * g + k] * scale + (k == 0 ? 32768.0f : 32768.5f));
		const int32_t w0 = 2 * (w[0] - 32768) + 1, w1 = 2 * (w[1] - 32768);
		const int32_t w2 = 2 * (w[2] - 32768), w3 = 2 * (w[3] - 32768);
		const uint16_t low[4] = {static_cast<uint16_t>(kRounding - w0 - w1), static_cast<uint16_t>(kRounding + w0 - w1),
								 static_cast<uint16_t>(kRounding - w0 + w1),
								 static_cast<uint16_t>(kRounding + w0 + w1)};
		const uint16_t high[4] = {static_cast<uint16_t>(-w2 - w3), static_cast<uint16_t>(w2 - w3),
								  static_cast<uint16_t>(w3 - w2), static_cast<uint16_t>(w2 + w3)};
		uint8_t *entry = table.lut + 16 * g;
		for (size_t c = 0; c < 16; c++)
			entry[c] = static_cast<uint8_t>(static_cast<uint16_t>(low[c & 3] + high[c >> 2]) >> 8);
	}
}

void score_block(const EdgeCodec &codec, const uint8_t *block, const QueryTable &table, float *dots) noexcept {
	const size_t groups = codec.groups(), row_bytes = codec.row_bytes;
	uint32_t sums[kLanes], plane[kLanes];
	simd::kernels->fastscan(block, groups, row_bytes, table.lut, sums);
	for (uint32_t p = 1; p < codec.bits; p++) {
		simd::kernels->fastscan(block + p * groups * row_bytes, groups, row_bytes, table.lut, plane);
		for (uint32_t lane = 0; lane < kLanes; lane++)
			sums[lane] += plane[lane] << p;
	}
	// At most 4000 groups * 255 * 15 < 2^24: exact in single precision.
	for (uint32_t lane = 0; lane < kLanes; lane++)
		dots[lane] = table.delta * static_cast<float>(static_cast<int32_t>(sums[lane])) + table.offset;
	if (row_bytes < kHalf)
		std::memmove(dots + row_bytes, dots + kHalf, row_bytes * sizeof(float));
}

} // namespace ruvector::codec
