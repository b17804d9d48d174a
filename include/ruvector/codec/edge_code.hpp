// codec/edge_code.hpp - codes of graph edges: the residual between two neighbours, rotated and quantised to 1, 2 or 4
// bits per coordinate, with an unbiased estimator of inner products (RaBitQ: Gao & Long, arXiv 2405.12497; multi-bit
// 2409.09913).
//
// A residual r = P(x_j - x_i) is coded as integers u_d in [0, 2^bits); its direction is x_hat_d = u_d - (2^bits - 1)
// / 2. With f = |r|^2 / <r, x_hat>, the product <r, q> of any rotated q is estimated by f * <x_hat, q>. The complement
// of a code is the code of -r, so the two directions of an edge share one quantisation.
//
// Codes of up to 32 edges ("lanes") are stored as one block for simd::KernelTable::fastscan: for each bit plane p
// (plane 0 is the least significant), for each group g of 4 coordinates, a row of row_bytes bytes; byte k holds the
// nibble of lane k (low) and of lane k + row_bytes (high); bit i of a nibble is the plane's bit of coordinate 4g + i.
//
// The bytes of a code depend on nothing but the floats given to quantize; rotate may differ in the last bits between
// instruction sets, and so may, now and then, the code of a coordinate next to a boundary: codes are estimates, never
// compared for equality.
//
// Everything here is noexcept, allocates nothing and has no state: page code calls it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ruvector::codec {

struct EdgeCodec {
	uint32_t dims;         // of the data, 1 to 16000
	uint32_t rotated_dims; // dims rounded up to a multiple of 4 (zero padded before the rotation)
	uint32_t
		code_dims; // how many of the rotated coordinates are coded: the first ones; a multiple of 4, 4 to rotated_dims
	uint32_t bits; // per coordinate: 1, 2 or 4
	uint32_t row_bytes; // 1 to 16; a block has 2 * row_bytes lanes

	size_t groups() const noexcept { return code_dims / 4; }
	size_t lanes() const noexcept { return 2 * row_bytes; }
	size_t block_bytes() const noexcept { return bits * groups() * row_bytes; } // of one block of lanes() edges
	size_t packed_bytes() const noexcept { return bits * groups(); }            // of one edge's code, a nibble a byte
	size_t lut_bytes() const noexcept { return groups() * 16; }
};

// A random orthogonal map of rotated_dims coordinates: four rounds of random signs and Hadamard transforms over the
// leading and trailing power of two of coordinates with a Kac-style mixing of the halves (no mixing where rotated_dims
// is a power of two itself); O(D log D), any D, norm preserving.
struct Rotation {
	uint32_t dims;
	uint32_t rotated_dims;
	const uint8_t *signs; // rotation_sign_bytes(dims) bytes from make_rotation_signs; not owned
};

size_t rotation_sign_bytes(uint32_t dims) noexcept;
// The same seed gives the same signs on every machine (the seed is stored in the index).
void make_rotation_signs(uint32_t dims, uint64_t seed, uint8_t *signs) noexcept;
// y = P x. x has dims floats, y rotated_dims; they may not overlap.
void rotate(const Rotation &rotation, const float *x, float *y) noexcept;
// y = P^-1 y, in place: rotated_dims floats, of which the first dims are the vector.
void unrotate(const Rotation &rotation, float *y) noexcept;

// Quantises r (rotated; code_dims coordinates are read). norm_sq is |r|^2 over all coordinates. Writes the packed code
// (one nibble a byte: packed[p * groups + g]) and x_hat (code_dims floats). Returns f; 0 when r is zero (or not finite,
// or zero in all coded coordinates), with a code that is valid and says nothing.
float quantize(const EdgeCodec &codec, const float *r, float norm_sq, uint8_t *packed, float *x_hat) noexcept;
// The packed code of -r from that of r, in place.
void complement(const EdgeCodec &codec, uint8_t *packed) noexcept;

void store_lane(const EdgeCodec &codec, const uint8_t *packed, uint8_t *block, uint32_t lane) noexcept;
void load_lane(const EdgeCodec &codec, const uint8_t *block, uint32_t lane, uint8_t *packed) noexcept;
// x_hat (code_dims floats) of a packed code.
void decode(const EdgeCodec &codec, const uint8_t *packed, float *x_hat) noexcept;

// The query's side of a block score: <x_hat, q> = delta * sum over planes p of 2^p * S_p + offset, where S_p are the
// integers that fastscan gives for plane p.
struct QueryTable {
	uint8_t *lut; // lut_bytes(), owned by the caller, 64-byte aligned for speed
	float delta;
	float offset;
};

// Fills the table from a rotated query (code_dims coordinates are read; one that is zero or not finite gives scores of
// 0). Table entries are rounded to 8 bits; the error that this adds to <x_hat, q> has mean zero over codes and is below
// 0.1 % of |x_hat| |q| (root mean square) from 64 coordinates up, falling to 0.03 % at 784. It scales with |q|, the
// error of the code itself with |q - x_i|: where vectors lie far from the origin, take rotated vectors and queries
// relative to a common centre.
void prepare_query(const EdgeCodec &codec, const float *q, QueryTable &table) noexcept;

// dots[lane] = <x_hat_lane, q> for every lane of one block (dots has 32 floats; unused lanes get unspecified finite
// values). May read up to 16 bytes past the block (see fastscan).
void score_block(const EdgeCodec &codec, const uint8_t *block, const QueryTable &table, float *dots) noexcept;

} // namespace ruvector::codec
