// codec/int8_code.cpp - a byte a coordinate: x_i is about low + step * c_i. The query is coded in the same way, so that
// an inner product is one of bytes, and four multiplications. The factor f is within low, step and sum.
#include "vector_code.hpp"

#include <cstddef>

#include "ruvector/simd/kernels.hpp"

namespace ruvector::codec::int8_code {

namespace {

// A code of whole numbers that are at most 255 apart (pixels, SIFT) is exact: x_i = low + c_i. Its norm_sq has a minus
// sign, and the place of the step, which is 1, holds the sum of c_i^2 as an integer: distances between two such codes
// are computed without rounding.
struct StoredFactors {
	float low, step;
	float sum; // of step * c_i
	float norm_sq;
};
static_assert(sizeof(StoredFactors) == 16);

struct Factors {
	float low, step, sum;
	bool exact;
	double norm_sq;
};

Factors factors(const uint8_t *code, uint32_t dims) noexcept {
	StoredFactors s;
	std::memcpy(&s, code, sizeof(s));
	if (!std::signbit(s.norm_sq))
		return {s.low, s.step, s.sum, false, s.norm_sq};
	uint32_t squares;
	std::memcpy(&squares, code + offsetof(StoredFactors, step), sizeof(squares));
	const double low = s.low;
	return {s.low, 1.0f, s.sum, true, squares + low * (2 * double(s.sum) + low * dims)};
}

// A rounding error of one step has a standard deviation of step / sqrt(12).
float error(const Factors &f, uint32_t dims) noexcept {
	return f.exact ? 0.0f : f.step * std::sqrt(static_cast<float>(dims) / 12.0f);
}

inline float smaller(float a, float b) noexcept {
	return a < b ? a : b;
}
inline float larger(float a, float b) noexcept {
	return a > b ? a : b;
}

struct Range {
	float low, high;
};

Range range(const float *x, uint32_t dims) noexcept {
	float lows[4] = {x[0], x[0], x[0], x[0]}, highs[4] = {x[0], x[0], x[0], x[0]};
	for (uint32_t i = 0; i < dims; i++) {
		lows[i % 4] = smaller(lows[i % 4], x[i]);
		highs[i % 4] = larger(highs[i % 4], x[i]);
	}
	return {smaller(smaller(lows[0], lows[1]), smaller(lows[2], lows[3])),
			larger(larger(highs[0], highs[1]), larger(highs[2], highs[3]))};
}

// Whether all coordinates are whole numbers at most 255 apart, and small enough for sums of them to be exact.
bool whole(const float *x, uint32_t dims, Range r) noexcept {
	constexpr float kMost = 65536;
	if (!(r.high - r.low <= 255.0f && r.low >= -kMost && r.high <= kMost))
		return false;
	int32_t fractions = 0;
	for (uint32_t i = 0; i < dims; i++)
		fractions |= x[i] != static_cast<float>(static_cast<int32_t>(x[i]));
	return fractions == 0;
}

} // namespace

size_t code_bytes(uint32_t dims) noexcept {
	return sizeof(StoredFactors) + (size_t(dims) + 3) / 4 * 4;
}

void encode(const float *x, uint32_t dims, uint8_t *code) noexcept {
	std::memset(code, 0, code_bytes(dims));
	StoredFactors f = {0.0f, 0.0f, 0.0f, norm_squared(x, dims)};
	if (!finite(f.norm_sq)) {
		f.norm_sq = std::numeric_limits<float>::infinity();
		std::memcpy(code, &f, sizeof(f));
		return;
	}
	const Range r = range(x, dims);
	if (whole(x, dims, r)) {
		uint8_t *c = code + sizeof(f);
		uint32_t sum = 0, squares = 0;
		for (uint32_t i = 0; i < dims; i++) {
			c[i] = static_cast<uint8_t>(static_cast<int32_t>(x[i] - r.low));
			sum += c[i];
			squares += uint32_t(c[i]) * c[i];
		}
		f = {r.low, 0.0f, static_cast<float>(sum), -f.norm_sq};
		std::memcpy(code, &f, sizeof(f));
		std::memcpy(code + offsetof(StoredFactors, step), &squares, sizeof(squares));
		return;
	}
	const float step = (r.high - r.low) / 255.0f, inverse = 1.0f / step;
	f.low = r.low;
	f.step = step > 0.0f && finite(inverse) ? step : 0.0f; // else all are as good as equal

	uint8_t *c = code + sizeof(f);
	if (f.step > 0.0f)
		for (uint32_t i = 0; i < dims; i++)
			c[i] = static_cast<uint8_t>(static_cast<int32_t>(smaller((x[i] - f.low) * inverse + 0.5f, 255.0f)));

	uint32_t sum = 0;
	float dots[4] = {}, totals[4] = {};
	for (uint32_t i = 0; i < dims; i++) {
		sum += c[i];
		dots[i % 4] += x[i] * static_cast<float>(c[i]);
		totals[i % 4] += x[i];
	}
	const float dot = (dots[0] + dots[1]) + (dots[2] + dots[3]);
	const float total = (totals[0] + totals[1]) + (totals[2] + totals[3]);
	const float scale = correction(f.norm_sq, f.low * total + f.step * dot);
	f.low *= scale;
	f.step *= scale;
	f.sum = f.step * static_cast<float>(sum);
	std::memcpy(code, &f, sizeof(f));
}

void decode(const uint8_t *code, uint32_t dims, float *x) noexcept {
	const Factors f = factors(code, dims);
	for (uint32_t i = 0; i < dims; i++)
		x[i] = f.low + f.step * static_cast<float>(code[sizeof(StoredFactors) + i]);
}

void prepare(const float *q, uint32_t dims, uint8_t *table) noexcept {
	uint8_t *code = table + kQueryData;
	encode(q, dims, code);
	const Factors f = factors(code, dims);
	const QueryHead head = {f.norm_sq, 0.0f, error(f, dims)};
	std::memcpy(table, &head, sizeof(head));
}

namespace {

double inner_product(uint32_t dims, const Factors &fa, const Factors &fb, const uint8_t *a, const uint8_t *b) noexcept {
	const double bytes = simd::kernels->dot_u8(a + sizeof(StoredFactors), b + sizeof(StoredFactors), dims);
	return double(fa.low) * (double(fb.low) * dims + double(fb.sum)) + double(fb.low) * double(fa.sum) +
		   double(fa.step) * double(fb.step) * bytes;
}

} // namespace

CodePair code_dot(uint32_t dims, const uint8_t *a, const uint8_t *b) noexcept {
	const Factors fa = factors(a, dims), fb = factors(b, dims);
	return {inner_product(dims, fa, fb, a, b), fa.norm_sq, fb.norm_sq, 0.0f};
}

Product dot(uint32_t dims, const uint8_t *table, const uint8_t *code) noexcept {
	const Factors q = factors(table + kQueryData, dims), f = factors(code, dims);
	return {inner_product(dims, q, f, table + kQueryData, code), f.norm_sq, error(f, dims), 0.0f};
}

float norm_squared_of(const uint8_t *code) noexcept {
	StoredFactors s;
	std::memcpy(&s, code, sizeof(s));
	return std::fabs(s.norm_sq);
}

} // namespace ruvector::codec::int8_code
