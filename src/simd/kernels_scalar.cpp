// simd/kernels_scalar.cpp - the reference: no vector instruction, not even by the compiler (see mk/arch.mk).
#include "portable.tpp"
#include "tables.hpp"

namespace ruvector::simd {
namespace {

inline float value(float x) noexcept {
	return x;
}
inline float value(uint16_t x) noexcept {
	return half_to_float(x);
}

struct L2sq {
	static float term(float a, float b) noexcept { return (a - b) * (a - b); }
};
struct Ip {
	static float term(float a, float b) noexcept { return a * b; }
};
struct L1 {
	static float term(float a, float b) noexcept { return __builtin_fabsf(a - b); }
};

template <class Metric, class Element>
float distance(const Element *a, const Element *b, size_t n) noexcept {
	float s[4] = {0, 0, 0, 0};
	size_t i = 0;
	for (; i + 4 <= n; i += 4)
		for (size_t j = 0; j < 4; ++j)
			s[j] += Metric::term(value(a[i + j]), value(b[i + j]));
	for (; i < n; ++i)
		s[i % 4] += Metric::term(value(a[i]), value(b[i]));
	return (s[0] + s[1]) + (s[2] + s[3]);
}

template <class Element>
CosineSums cosine(const Element *a, const Element *b, size_t n) noexcept {
	return {distance<Ip>(a, b, n), distance<Ip>(a, a, n), distance<Ip>(b, b, n)};
}

void f16_to_f32(const uint16_t *in, float *out, size_t n) noexcept {
	for (size_t i = 0; i < n; ++i)
		out[i] = half_to_float(in[i]);
}

void f32_to_f16(const float *in, uint16_t *out, size_t n) noexcept {
	for (size_t i = 0; i < n; ++i)
		out[i] = float_to_half(in[i]);
}

// Sums of neighbouring bits, pairs, nibbles; the product adds the bytes up in the top one.
uint64_t popcount(uint64_t x) noexcept {
	x -= x >> 1 & 0x5555555555555555u;
	x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return x * 0x0101010101010101u >> 56;
}

uint64_t load_bytes(const uint8_t *p, size_t n) noexcept {
	uint64_t x = 0;
	std::memcpy(&x, p, n < 8 ? n : 8);
	return x;
}

uint64_t hamming(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
	uint64_t count = 0;
	for (size_t i = 0; i < n; i += 8)
		count += popcount(load_bytes(a + i, n - i) ^ load_bytes(b + i, n - i));
	return count;
}

void jaccard(const uint8_t *a, const uint8_t *b, size_t n, uint64_t *common, uint64_t *any) noexcept {
	uint64_t both = 0, either = 0;
	for (size_t i = 0; i < n; i += 8) {
		uint64_t x = load_bytes(a + i, n - i), y = load_bytes(b + i, n - i);
		both += popcount(x & y);
		either += popcount(x | y);
	}
	*common = both;
	*any = either;
}

uint32_t dot_u8(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
	uint32_t s = 0;
	for (size_t i = 0; i < n; ++i)
		s += uint32_t{a[i]} * b[i];
	return s;
}

int32_t plane_dot(const uint8_t *x, const uint8_t *planes, size_t count, size_t n) noexcept {
	int32_t s = 0;
	for (size_t p = 0; p < count; ++p, planes += n) {
		int32_t weight = p + 1 < count ? 1 << p : -(1 << p);
		for (size_t i = 0; i < n; i += 8)
			s += weight * static_cast<int32_t>(popcount(load_bytes(x + i, n - i) & load_bytes(planes + i, n - i)));
	}
	return s;
}

void hadamard(float *x, size_t n) noexcept {
	for (size_t h = 1; h < n; h *= 2)
		for (size_t i = 0; i < n; i += 2 * h)
			for (size_t j = i; j < i + h; ++j) {
				float u = x[j], v = x[j + h];
				x[j] = u + v;
				x[j + h] = u - v;
			}
}

void flip_signs(float *x, const uint8_t *signs, size_t n) noexcept {
	for (size_t i = 0; i < n; ++i)
		x[i] = float_of_bits(bits_of_float(x[i]) ^ (uint32_t{signs[i / 8]} >> i % 8) << 31);
}

void mix(float *x, float *y, size_t n, float a, float b) noexcept {
	for (size_t i = 0; i < n; ++i) {
		const float u = a * x[i], v = b * y[i];
		x[i] = u + v;
		y[i] = u - v;
	}
}

} // namespace

constexpr KernelTable kScalarTable = {
	Level::scalar,   "scalar",     distance<L2sq>,   distance<Ip>, distance<L1>, cosine<float>, distance<L2sq>,
	distance<Ip>,    distance<L1>, cosine<uint16_t>, f16_to_f32,   f32_to_f16,   hamming,       jaccard,
	fastscan_lookup, dot_u8,       plane_dot,        hadamard,     flip_signs,   mix,
};

} // namespace ruvector::simd
