// codec/vector_code.hpp (private) - what vector_code.cpp asks of each kind of code, and what they share.
//
// Each kind has a namespace of its own. Of what it codes, o = x (int8, pq) or x - centre (binary), a code has factors at
// its beginning, and a query table a QueryHead.
#pragma once

#include <cmath>
#include <cstring>
#include <limits>

#include "ruvector/codec/edge_code.hpp"
#include "ruvector/codec/vector_code.hpp"

namespace ruvector::codec {

typedef float Float4 __attribute__((vector_size(16)));

// Two inner products in one pass, in the same order on every machine; n need not be a multiple of anything.
struct Sums {
	float ab, aa;
};
inline Sums sums(const float *a, const float *b, size_t n) noexcept {
	Float4 ab[2] = {}, aa[2] = {};
	size_t i = 0;
	for (; i + 8 <= n; i += 8)
		for (size_t k = 0; k < 2; k++) {
			Float4 u, v;
			std::memcpy(&u, a + i + 4 * k, sizeof(u));
			std::memcpy(&v, b + i + 4 * k, sizeof(v));
			ab[k] += u * v;
			aa[k] += u * u;
		}
	ab[0] += ab[1];
	aa[0] += aa[1];
	Sums s = {(ab[0][0] + ab[0][2]) + (ab[0][1] + ab[0][3]), (aa[0][0] + aa[0][2]) + (aa[0][1] + aa[0][3])};
	for (; i < n; i++) {
		s.ab += a[i] * b[i];
		s.aa += a[i] * a[i];
	}
	return s;
}
inline float norm_squared(const float *a, size_t n) noexcept {
	return sums(a, a, n).aa;
}

inline bool finite(float x) noexcept {
	return std::fabs(x) <= std::numeric_limits<float>::max(); // NaN is not
}

// |x|^2 / <x, x_hat>, or 1 where that says nothing.
inline float correction(float norm_sq, float dot) noexcept {
	const float f = norm_sq / dot;
	return norm_sq > 0.0f && dot > 0.0f && finite(f) ? f : 1.0f;
}

struct QueryHead {
	double norm_sq; // |o|^2 of the query
	float add;      // binary: <centre, q>
	float error;    // |e| of the query's own quantization
};
constexpr size_t kQueryData = 64; // where a table's data begins

// What a code says: <o, query's o> is about dot, |o|^2 is norm_sq, |e| is error, <o, centre> is add.
// In double precision: the terms of a distance cancel, and those of exact codes must not be rounded before.
struct Product {
	double dot, norm_sq;
	float error, add;
};

// The same of two codes; add makes dot the inner product of the vectors.
struct CodePair {
	double dot, norm_sq_a, norm_sq_b;
	float add;
};

// A code as a lane of a block, see code_block.hpp.
struct Lane {
	const uint8_t *nibbles; // two a byte, the lower first
	float factor, norm_sq, add;
};

namespace int8_code {
size_t code_bytes(uint32_t dims) noexcept;
void encode(const float *x, uint32_t dims, uint8_t *code) noexcept;
void decode(const uint8_t *code, uint32_t dims, float *x) noexcept;
void prepare(const float *q, uint32_t dims, uint8_t *table) noexcept;
Product dot(uint32_t dims, const uint8_t *table, const uint8_t *code) noexcept;
CodePair code_dot(uint32_t dims, const uint8_t *a, const uint8_t *b) noexcept;
float norm_squared_of(const uint8_t *code) noexcept;
} // namespace int8_code

namespace binary_code {
// The state: the signs of the rotation, then the rotated centre.
size_t state_bytes(uint32_t dims) noexcept;
size_t code_bytes(uint32_t dims) noexcept;
size_t query_bytes(uint32_t dims) noexcept;
void make_state(uint32_t dims, uint64_t seed, const float *centre, uint8_t *state, float *scratch) noexcept;
// scratch: the dims rounded up to a multiple of 4, floats
void encode(const uint8_t *state, const float *x, uint32_t dims, uint8_t *code, float *scratch) noexcept;
void decode(const uint8_t *state, const uint8_t *code, uint32_t dims, float *x, float *scratch) noexcept;
void prepare(const uint8_t *state, const float *q, uint32_t dims, uint8_t *table, float *scratch) noexcept;
Product dot(uint32_t dims, const uint8_t *table, const uint8_t *code) noexcept;
CodePair code_dot(const uint8_t *state, uint32_t dims, const uint8_t *a, const uint8_t *b) noexcept;
size_t nibbles(uint32_t dims) noexcept;
Lane lane(const uint8_t *code) noexcept;
float error_of(const uint8_t *code, uint32_t dims) noexcept; // |e|
// <x_hat, P v>; scratch as for encode
float sign_dot(const uint8_t *state, uint32_t dims, const uint8_t *code, const float *v, float *scratch) noexcept;
QueryHead prepare_blocks(const uint8_t *state, const float *q, uint32_t dims, QueryTable &table,
						 float *scratch) noexcept;
float norm_squared_of(const uint8_t *state, uint32_t dims, const uint8_t *code) noexcept;
} // namespace binary_code

namespace pq_code {
// Coordinates begin to begin + dims; the first subspaces have one more where they cannot be equal.
struct Subspace {
	uint32_t begin, dims;
};
inline Subspace subspace(const VectorCodec &codec, uint32_t m) noexcept {
	const uint32_t each = codec.dims / codec.pq_subspaces, more = codec.dims % codec.pq_subspaces;
	return {m * each + (m < more ? m : more), each + (m < more ? 1u : 0u)};
}
inline float error_scale(const VectorCodec &codec) noexcept {
	return *reinterpret_cast<const float *>(codec.state);
}
// Those of subspace m begin at its `begin` times the number of clusters.
inline const float *codebooks(const VectorCodec &codec) noexcept {
	return reinterpret_cast<const float *>(codec.state) + 1;
}

size_t state_bytes(const VectorCodec &codec) noexcept;
size_t code_bytes(const VectorCodec &codec) noexcept;
size_t query_bytes(const VectorCodec &codec) noexcept;
void encode(const VectorCodec &codec, const float *x, uint8_t *code) noexcept;
void decode(const VectorCodec &codec, const uint8_t *code, float *x) noexcept;
void prepare(const VectorCodec &codec, const float *q, uint8_t *table) noexcept;
Product dot(const VectorCodec &codec, const uint8_t *table, const uint8_t *code) noexcept;
CodePair code_dot(const VectorCodec &codec, const uint8_t *a, const uint8_t *b) noexcept;
Lane lane(const uint8_t *code) noexcept;
float error_of(const VectorCodec &codec, const uint8_t *code) noexcept; // |e|, as it acts on estimates
QueryHead prepare_blocks(const VectorCodec &codec, const float *q, QueryTable &table) noexcept;
float norm_squared_of(const uint8_t *code) noexcept;
} // namespace pq_code

} // namespace ruvector::codec
