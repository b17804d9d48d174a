// codec/edge_code.cpp - quantises residuals, lays their codes out in blocks, and scores blocks against a query.
//
// Reductions go through partial sums that are added in a fixed order, and no kernel table is used on the way to a code:
// the bytes that quantize gives for the same floats do not depend on the instruction set in use. The loops are written
// with the compilers' vector types of 16 bytes (every x86-64 and arm64 has them), because -O2 alone does not vectorise
// them.
#include "ruvector/codec/edge_code.hpp"

#include <cmath>
#include <cstring>
#include <limits>

#include "ruvector/simd/kernels.hpp"

namespace ruvector::codec {

namespace {

typedef float Float4 __attribute__((vector_size(16)));
typedef int32_t Int4 __attribute__((vector_size(16)));
typedef uint16_t Short8 __attribute__((vector_size(16)));
typedef uint8_t Byte8 __attribute__((vector_size(8)));

inline Float4 load(const float *p) noexcept {
	Float4 v;
	std::memcpy(&v, p, sizeof(v));
	return v;
}

inline void store(float *p, Float4 v) noexcept {
	std::memcpy(p, &v, sizeof(v));
}

inline Float4 all(float x) noexcept {
	return Float4{x, x, x, x};
}

inline float sum_of(Float4 v) noexcept {
	return (v[0] + v[2]) + (v[1] + v[3]);
}

constexpr uint32_t kLanes = 32; // of fastscan
constexpr uint32_t kHalf = 16;  // fastscan's distance between the lanes of a byte

// x_hat = u - centre.
float centre_of(uint32_t bits) noexcept {
	return 0.5f * static_cast<float>((1u << bits) - 1);
}

// Calls step(i, k) for i = 0, 4, ... below n (a multiple of 4), with the accumulator's number k = i / 4 % 4.
template <typename Step>
inline void by_four(size_t n, Step step) noexcept {
	size_t i = 0;
	for (; i + 16 <= n; i += 16) { // unrolled, so that accumulators can be registers
		step(i, 0);
		step(i + 4, 1);
		step(i + 8, 2);
		step(i + 12, 3);
	}
	for (size_t k = 0; i < n; i += 4, k++)
		step(i, k);
}

inline float sum_of(const Float4 *partial) noexcept {
	return sum_of((partial[0] + partial[2]) + (partial[1] + partial[3]));
}

// The lanes of v, ored.
inline uint32_t any_of(Int4 v) noexcept {
	uint64_t half[2];
	std::memcpy(half, &v, sizeof(half));
	const uint64_t both = half[0] | half[1];
	return static_cast<uint32_t>(both | (both >> 32));
}

// Four nibbles, one a byte.
inline void store_nibbles(uint8_t *p, uint32_t nibbles) noexcept {
	for (uint32_t k = 0; k < 4; k++) // one store on little endian
		p[k] = static_cast<uint8_t>(nibbles >> (8 * k));
}

// 1 bit: x_hat is half the sign. Returns <r, x_hat>.
float code_signs(const float *r, size_t n, uint8_t *packed, float *x_hat) noexcept {
	const Int4 bits = {1, 2, 4, 8};
	Float4 dot[4] = {};
	auto code_four = [&](size_t i, size_t k) {
		const Float4 v = load(r + i);
		const Int4 positive = v >= 0.0f; // NaN is not
		const Float4 half = positive ? all(0.5f) : all(-0.5f);
		store(x_hat + i, half);
		dot[k] += half * v;
		return positive & bits;
	};
	size_t i = 0;
	for (; i + 16 <= n; i += 16) {
		Int4 nibbles = code_four(i, 0);
		nibbles |= code_four(i + 4, 1) << 8;
		nibbles |= code_four(i + 8, 2) << 16;
		nibbles |= code_four(i + 12, 3) << 24;
		store_nibbles(packed + i / 4, any_of(nibbles));
	}
	for (size_t k = 0; i < n; i += 4, k++)
		packed[i / 4] = static_cast<uint8_t>(any_of(code_four(i, k)));
	return sum_of(dot);
}

struct Sums {
	float dot; // <r, x_hat>
	float sq;  // |x_hat|^2
};

// Rounds r to levels of the given step; x_hat is only written where kStore. NaN becomes the lowest level.
template <bool kStore>
Sums code_levels(const float *r, size_t n, float inverse_step, float centre, float *x_hat) noexcept {
	const Float4 top = all(2.0f * centre), none = all(0.0f);
	Float4 dot[4] = {}, sq[4] = {};
	by_four(n, [&](size_t i, size_t k) {
		const Float4 v = load(r + i);
		Float4 u = v * inverse_step + (centre + 0.5f);
		u = u > none ? u : none;
		u = u < top ? u : top;
		const Float4 x = __builtin_convertvector(__builtin_convertvector(u, Int4), Float4) - centre;
		if (kStore)
			store(x_hat + i, x);
		dot[k] += x * v;
		if (!kStore)
			sq[k] += x * x;
	});
	return {sum_of(dot), sum_of(sq)};
}

float root_mean_square(const float *r, size_t n) noexcept {
	Float4 sq[4] = {};
	by_four(n, [&](size_t i, size_t k) { sq[k] += load(r + i) * load(r + i); });
	return std::sqrt(sum_of(sq) / static_cast<float>(n));
}

// 2 and 4 bits: the step that makes x_hat's direction nearest to r's. The best of a few steps around the one that is
// best for Gaussian coordinates (which rotated ones nearly are; of a short code they vary more, so more steps are
// tried), then refitted to the code it gives: rounding to a step and fitting the step to a code both lower |r - step *
// x_hat|, whose minimum over steps is at the largest cosine. Returns <r, x_hat>.
float code_best_levels(const float *r, size_t n, uint32_t bits, float *x_hat) noexcept {
	constexpr float kSteps[] = {1.0f, 0.9f, 1.12f, 0.65f, 0.8f, 1.2f, 1.3f, 1.45f};
	constexpr size_t kShort = 256;
	const size_t steps = n < kShort ? 8 : bits == 2 ? 1 : 3;
	const float centre = centre_of(bits);
	const float gaussian = (bits == 2 ? 0.9957f : 0.3352f) * root_mean_square(r, n);
	float best_inverse = 1.0f / gaussian, best = -1.0f;
	for (size_t s = 0; s < steps; s++) {
		const Sums sums = code_levels<false>(r, n, 1.0f / (kSteps[s] * gaussian), centre, x_hat);
		const float score = sums.dot * std::fabs(sums.dot) / sums.sq;
		if (score > best) {
			best = score;
			best_inverse = sums.sq / sums.dot;
		}
	}
	return code_levels<true>(r, n, best_inverse, centre, x_hat).dot;
}

// 2 and 4 bits: x_hat's packed code.
void pack(const EdgeCodec &codec, const float *x_hat, uint8_t *packed) noexcept {
	const size_t groups = codec.groups();
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
	float dot;
	if (codec.bits == 1) {
		dot = code_signs(r, n, packed, x_hat);
	} else {
		dot = code_best_levels(r, n, codec.bits, x_hat);
		pack(codec, x_hat, packed);
	}
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
	constexpr uint16_t kRounding = 128 * 255 + 128;
	const size_t groups = codec.groups();
	float largest[4] = {}; // four, for they depend on one another
	bool finite = true;
	for (size_t g = 0; g < groups; g++) {
		const float *x = q + 4 * g;
		float size = (std::fabs(x[0]) + std::fabs(x[2])) + (std::fabs(x[1]) + std::fabs(x[3]));
		finite &= size <= std::numeric_limits<float>::max(); // not NaN either
		largest[g % 4] = size > largest[g % 4] ? size : largest[g % 4];
	}
	const float range = std::fmax(std::fmax(largest[0], largest[1]), std::fmax(largest[2], largest[3]));
	if (!(range > kTooSmall && finite)) {
		std::memset(table.lut, 0, codec.lut_bytes());
		table.delta = table.offset = 0.0f;
		return;
	}
	table.delta = range / 255.0f;
	table.offset = -table.delta * 127.5f * static_cast<float>(groups * ((1u << codec.bits) - 1));

	const float scale = 255.0f * 64.0f / range;
	constexpr uint16_t kMinus = 0xffff; // -1, of the entries 0 to 7 or 8 to 15 where the bit is clear
	const Short8 sign0 = {kMinus, 1, kMinus, 1, kMinus, 1, kMinus, 1};
	const Short8 sign1 = {kMinus, kMinus, 1, 1, kMinus, kMinus, 1, 1};
	const Short8 sign2 = {kMinus, kMinus, kMinus, kMinus, 1, 1, 1, 1};
	for (size_t g = 0; g < groups; g++) {
		// Adding 32768 makes the conversion, which cuts, round to nearest for 1, 2, 3; down for 0, which gets the odd
		// number.
		const Float4 shifted = load(q + 4 * g) * scale + Float4{32768.0f, 32768.5f, 32768.5f, 32768.5f};
		const Int4 w = (__builtin_convertvector(shifted, Int4) - 32768) * 2 + Int4{1, 0, 0, 0};
		const uint16_t w0 = static_cast<uint16_t>(w[0]), w1 = static_cast<uint16_t>(w[1]);
		const uint16_t w2 = static_cast<uint16_t>(w[2]), w3 = static_cast<uint16_t>(w[3]);
		const Short8 sum = sign0 * w0 + sign1 * w1 + sign2 * w2 + kRounding;
		const Byte8 lower = __builtin_convertvector((sum - w3) >> 8, Byte8);
		const Byte8 upper = __builtin_convertvector((sum + w3) >> 8, Byte8);
		std::memcpy(table.lut + 16 * g, &lower, 8);
		std::memcpy(table.lut + 16 * g + 8, &upper, 8);
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
