// codec/vector_code.hpp - codes of whole vectors: what a quantized index keeps of each vector, and what the SQL
// functions give out. (Codes of graph edges: edge_code.hpp.)
//
//   int8    a byte a coordinate, scaled between the vector's own smallest and largest coordinate; no training
//   binary  one bit a coordinate of P(x - centre), P a random rotation: RaBitQ (Gao & Long, arXiv 2405.12497)
//   pq      a product quantizer (Jegou et al. 2011): the nearest of 16 or 256 centroids in each of M subspaces
//
// Each code also holds the exact squared norm of its vector and a factor f that makes the estimate of an inner product
// f <x_hat, q> exact for a query in the vector's own direction: f = |x|^2 / <x, x_hat>. The error that is left is
// f <e, w>, with e the code's error and w the part of q that is orthogonal to x; |w| is at most |q - x|, so neighbours
// are told apart well wherever the origin is. One code serves all metrics.
//
// Distances order as the operators do: l2 is squared, ip the negative inner product; cosine is ip of normalised
// vectors. Estimates are not cut at zero.
//
// A vector whose squared norm is not finite has a valid code; its estimates are infinite (l2) or those of a zero vector
// (ip). A code of zero bytes is that of a zero vector (binary: of the centre). Any bytes of the right length can be
// given as a code: the estimate may be nonsense or NaN, nothing else happens.
//
// Everything here is noexcept, allocates nothing and has no state: page code calls it. Memory comes from the caller;
// scratch and query tables are aligned to 64 bytes, states to 4, codes to nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ruvector::codec {

enum class VectorCode : uint8_t { int8 = 1, binary = 2, pq = 3 };
enum class VectorMetric : uint8_t { l2, ip };

// The parameters are written into an index as they are; the state after them.
struct VectorCodec {
	VectorCode kind;
	uint8_t pq_bits;       // pq: 4 or 8 a subspace
	uint16_t pq_subspaces; // pq: 1 to dims (and to 16383)
	uint32_t dims;         // 1 to 16000
	const uint8_t *state;  // state_bytes(), not owned; none for int8
};

// What is right for most data (measured: docs/codecs.md). state is null.
VectorCodec int8_codec(uint32_t dims) noexcept;
VectorCodec binary_codec(uint32_t dims) noexcept;
VectorCodec pq_codec(uint32_t dims) noexcept;
// Whether the parameters are within their ranges: of an index page or a byte string that may be damaged.
bool valid(const VectorCodec &codec) noexcept;

size_t state_bytes(const VectorCodec &codec) noexcept;
size_t code_bytes(const VectorCodec &codec) noexcept;    // of one vector; a multiple of 4
size_t query_bytes(const VectorCodec &codec) noexcept;   // of a query table
size_t scratch_bytes(const VectorCodec &codec) noexcept; // of encode, decode, prepare, make_binary_state

// The state of a binary codec. The same seed gives the same rotation on every machine. centre: dims floats near the
// mean of the data, or null for the origin.
void make_binary_state(const VectorCodec &codec, uint64_t seed, const float *centre, uint8_t *state,
					   void *scratch) noexcept;

struct PqTraining {
	VectorCodec codec;   // its state is not read
	const float *sample; // samples * dims floats, finite
	uint32_t samples;    // pq_training_rows() are enough; may be fewer than the clusters, and none
	uint64_t seed;
	uint32_t max_iterations; // of k-means; 10 is plenty
	uint8_t *state;          // the result: state_bytes()
	void *scratch;           // pq_training_scratch_bytes(), aligned to 64
	bool (*stop)(void *);    // asked often; true: give up. May be null, may jump out
	void *stop_argument;
};

uint32_t pq_training_rows(const VectorCodec &codec) noexcept;
size_t pq_training_scratch_bytes(const VectorCodec &codec, uint32_t samples) noexcept;
bool train_pq(const PqTraining &task) noexcept; // false if stopped

void encode(const VectorCodec &codec, const float *x, uint8_t *code, void *scratch) noexcept;
// The vector that the code stands for; dims floats.
void decode(const VectorCodec &codec, const uint8_t *code, float *x, void *scratch) noexcept;

struct VectorQuery {
	VectorCodec codec;
	VectorMetric metric;
	const void *table; // query_bytes(), owned by the caller
};

VectorQuery prepare(const VectorCodec &codec, VectorMetric metric, const float *q, void *table, void *scratch) noexcept;

float distance(const VectorQuery &query, const uint8_t *code) noexcept;
// out[i] = distance(query, codes + i * stride)
void distances(const VectorQuery &query, const uint8_t *codes, size_t stride, size_t n, float *out) noexcept;

struct DistanceEstimate {
	float distance;
	float error; // standard deviation: no bound that always holds. 2 of them hold for 95 %, 3 for 99.7 %
};
DistanceEstimate estimate(const VectorQuery &query, const uint8_t *code) noexcept;

// |x|^2, exact but for rounding.
float code_norm_squared(const VectorCodec &codec, const uint8_t *code) noexcept;

// Between two codes, without their vectors.
float code_distance(const VectorCodec &codec, VectorMetric metric, const uint8_t *a, const uint8_t *b) noexcept;

} // namespace ruvector::codec
