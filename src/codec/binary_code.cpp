// codec/binary_code.cpp - RaBitQ: of o = P(x - centre), the signs. x_hat is +-1/2 a coordinate; <o, q'> is about
// f <x_hat, q'>. The query q' = P(q - centre) is rounded to integers of kPlanes bits, whose bits are kept as planes:
// the sum of those at the set bits of a code is a count of common bits for each plane.
#include "vector_code.hpp"

#include "ruvector/codec/edge_code.hpp"
#include "ruvector/simd/kernels.hpp"

namespace ruvector::codec::binary_code {

namespace {

// With 6 bits the rounding of the query adds 0.3 % to the variance that the code has already; with 4 it adds 6 %.
constexpr uint32_t kPlanes = 6;

struct Factors {
	float factor;  // f
	float norm_sq; // |o|^2
	float add;     // <o, centre>
};
static_assert(sizeof(Factors) == 12);

struct QueryFactors {
	float step; // q'_i is about step * v_i
	float half; // half the sum of v_i
};

Factors factors(const uint8_t *code) noexcept {
	Factors f;
	std::memcpy(&f, code, sizeof(f));
	return f;
}

uint32_t rotated(uint32_t dims) noexcept {
	return (dims + 3) / 4 * 4;
}
size_t bit_bytes(uint32_t dims) noexcept {
	return (rotated(dims) + size_t(7)) / 8;
}
size_t sign_bytes(uint32_t dims) noexcept {
	return (rotation_sign_bytes(dims) + 3) / 4 * 4;
}
const float *centre_of(const uint8_t *state, uint32_t dims) noexcept {
	return reinterpret_cast<const float *>(state + sign_bytes(dims));
}

// y = P(x) - centre
void project(const uint8_t *state, const float *x, uint32_t dims, float *y) noexcept {
	rotate({dims, rotated(dims), state}, x, y);
	const float *centre = centre_of(state, dims);
	for (uint32_t i = 0; i < rotated(dims); i++)
		y[i] -= centre[i];
}

} // namespace

size_t state_bytes(uint32_t dims) noexcept {
	return sign_bytes(dims) + rotated(dims) * sizeof(float);
}

size_t code_bytes(uint32_t dims) noexcept {
	return sizeof(Factors) + (bit_bytes(dims) + 3) / 4 * 4;
}

size_t query_bytes(uint32_t dims) noexcept {
	return kQueryData + kPlanes * bit_bytes(dims);
}

void make_state(uint32_t dims, uint64_t seed, const float *centre, uint8_t *state, float *scratch) noexcept {
	std::memset(state, 0, state_bytes(dims));
	make_rotation_signs(dims, seed, state);
	if (centre) {
		rotate({dims, rotated(dims), state}, centre, scratch);
		std::memcpy(state + sign_bytes(dims), scratch, rotated(dims) * sizeof(float));
	}
}

void encode(const uint8_t *state, const float *x, uint32_t dims, uint8_t *code, float *scratch) noexcept {
	const uint32_t n = rotated(dims);
	std::memset(code, 0, code_bytes(dims));
	project(state, x, dims, scratch);
	Factors f = {0.0f, norm_squared(scratch, n), 0.0f};
	if (!finite(f.norm_sq)) {
		f.norm_sq = std::numeric_limits<float>::infinity();
		std::memcpy(code, &f, sizeof(f));
		return;
	}
	uint8_t *bits = code + sizeof(f);
	float sums_of[4] = {};
	for (uint32_t i = 0; i < n; i += 4) {
		uint32_t nibble = 0;
		for (uint32_t k = 0; k < 4; k++) {
			nibble |= static_cast<uint32_t>(scratch[i + k] >= 0.0f) << k;
			sums_of[k] += std::fabs(scratch[i + k]);
		}
		bits[i / 8] = static_cast<uint8_t>(bits[i / 8] | nibble << i % 8);
	}
	f.factor =
		f.norm_sq > 0.0f ? correction(f.norm_sq, 0.5f * ((sums_of[0] + sums_of[2]) + (sums_of[1] + sums_of[3]))) : 0.0f;
	f.add = sums(scratch, centre_of(state, dims), n).ab;
	std::memcpy(code, &f, sizeof(f));
}

// The multiple of x_hat that is nearest to o; its length is that of o's projection.
void decode(const uint8_t *state, const uint8_t *code, uint32_t dims, float *x, float *scratch) noexcept {
	const uint32_t n = rotated(dims);
	const Factors f = factors(code);
	const float *centre = centre_of(state, dims);
	const float scale = f.factor > 0.0f ? 0.5f * f.norm_sq / f.factor / (0.25f * static_cast<float>(n)) : 0.0f;
	for (uint32_t i = 0; i < n; i++)
		scratch[i] = centre[i] + (code[sizeof(f) + i / 8] >> i % 8 & 1 ? scale : -scale);
	unrotate({dims, n, state}, scratch);
	std::memcpy(x, scratch, dims * sizeof(float));
}

void prepare(const uint8_t *state, const float *q, uint32_t dims, uint8_t *table, float *scratch) noexcept {
	const uint32_t n = rotated(dims);
	const size_t bytes = bit_bytes(dims);
	constexpr float kTop = static_cast<float>((1 << (kPlanes - 1)) - 1);
	std::memset(table, 0, query_bytes(dims));
	rotate({dims, n, state}, q, scratch);
	const float *centre = centre_of(state, dims);
	QueryHead head = {0.0, sums(scratch, centre, n).ab, 0.0f};
	for (uint32_t i = 0; i < n; i++)
		scratch[i] -= centre[i];
	head.norm_sq = norm_squared(scratch, n);
	QueryFactors f = {0.0f, 0.0f};
	if (!finite(head.norm_sq)) {
		head = {std::numeric_limits<float>::infinity(), 0.0f, 0.0f};
	} else {
		float largest[4] = {};
		for (uint32_t i = 0; i < n; i++) {
			const float size = std::fabs(scratch[i]);
			largest[i % 4] = largest[i % 4] > size ? largest[i % 4] : size;
		}
		const float top = std::fmax(std::fmax(largest[0], largest[1]), std::fmax(largest[2], largest[3]));
		const float inverse = kTop / top;
		if (finite(inverse)) {
			uint8_t *planes = table + kQueryData;
			int32_t sum = 0;
			f.step = top / kTop;
			for (uint32_t i = 0; i < n; i++) {
				const int32_t v =
					static_cast<int32_t>(scratch[i] * inverse + (kTop + 0.5f)) - static_cast<int32_t>(kTop);
				sum += v;
				for (uint32_t p = 0; p < kPlanes; p++)
					planes[p * bytes + i / 8] =
						static_cast<uint8_t>(planes[p * bytes + i / 8] | (static_cast<uint32_t>(v) >> p & 1u) << i % 8);
			}
			f.half = 0.5f * static_cast<float>(sum);
			head.error = f.step * std::sqrt(static_cast<float>(n) / 12.0f);
		}
	}
	std::memcpy(table, &head, sizeof(head));
	std::memcpy(table + sizeof(head), &f, sizeof(f));
}

size_t nibbles(uint32_t dims) noexcept {
	return rotated(dims) / 4;
}

Lane lane(const uint8_t *code) noexcept {
	const Factors f = factors(code);
	return {code + sizeof(f), f.factor, f.norm_sq, f.add};
}

// A nibble is four signs, which is what one-bit codes of edges are.
QueryHead prepare_blocks(const uint8_t *state, const float *q, uint32_t dims, QueryTable &table,
						 float *scratch) noexcept {
	const uint32_t n = rotated(dims);
	rotate({dims, n, state}, q, scratch);
	const float *centre = centre_of(state, dims);
	QueryHead head = {0.0, sums(scratch, centre, n).ab, 0.0f};
	for (uint32_t i = 0; i < n; i++)
		scratch[i] -= centre[i];
	head.norm_sq = norm_squared(scratch, n);
	prepare_query({dims, n, n, 1, 16}, scratch, table);
	return head;
}

// |e|, e = o - f x_hat.
static float error(const Factors &f, uint32_t dims) noexcept {
	const float e = 0.25f * static_cast<float>(rotated(dims)) * f.factor * f.factor - f.norm_sq;
	return e > 0.0f ? std::sqrt(e) : 0.0f;
}

float error_of(const uint8_t *code, uint32_t dims) noexcept {
	return error(factors(code), dims);
}

float sign_dot(const uint8_t *state, uint32_t dims, const uint8_t *code, const float *v, float *scratch) noexcept {
	const uint32_t n = rotated(dims);
	const uint8_t *bits = code + sizeof(Factors);
	rotate({dims, n, state}, v, scratch);
	float sums_of[4] = {};
	for (uint32_t i = 0; i < n; i++)
		sums_of[i % 4] += bits[i / 8] >> i % 8 & 1 ? scratch[i] : -scratch[i];
	return 0.5f * ((sums_of[0] + sums_of[2]) + (sums_of[1] + sums_of[3]));
}

Product dot(uint32_t dims, const uint8_t *table, const uint8_t *code) noexcept {
	const Factors f = factors(code);
	QueryFactors q;
	std::memcpy(&q, table + sizeof(QueryHead), sizeof(q));
	const int32_t sum = simd::kernels->plane_dot(code + sizeof(f), table + kQueryData, kPlanes, bit_bytes(dims));
	return {f.factor * q.step * (static_cast<float>(sum) - q.half), f.norm_sq, error(f, dims), f.add};
}

// The angle between two vectors is the share of the signs in which they differ (Charikar 2002).
CodePair code_dot(const uint8_t *state, uint32_t dims, const uint8_t *a, const uint8_t *b) noexcept {
	const Factors fa = factors(a), fb = factors(b);
	const uint64_t differing = simd::kernels->hamming(a + sizeof(fa), b + sizeof(fb), bit_bytes(dims));
	const float angle = 3.14159265f * static_cast<float>(differing) / static_cast<float>(rotated(dims));
	const float norms = std::sqrt(fa.norm_sq) * std::sqrt(fb.norm_sq);
	const float centre_sq = norm_squared(centre_of(state, dims), rotated(dims));
	return {finite(norms) ? norms * std::cos(angle) : 0.0f, fa.norm_sq, fb.norm_sq, fa.add + fb.add + centre_sq};
}

float norm_squared_of(const uint8_t *state, uint32_t dims, const uint8_t *code) noexcept {
	const Factors f = factors(code);
	return f.norm_sq + 2.0f * f.add + norm_squared(centre_of(state, dims), rotated(dims));
}

} // namespace ruvector::codec::binary_code
