// codec/list_code.hpp - codes of the vectors in the lists of an inverted file, in blocks of up to 32 lanes
// (edge_code.hpp): binary codes, and pq codes of four bits. What is coded is r = x - c, c the centre of the vector's
// list: it is shorter than x, and so is the error.
//
//   |q - x|^2 = |q - c|^2 + |r|^2 - 2 <r, q - c>        -<q, x> = -<q, c> - <c, r> - <r, q - c>
//   <r, q - c> ~ f <x_hat, q - m> - f <x_hat, c - m>
//
// with m a point in the middle of all data, so that the table of q - m has small entries (its rounding grows with them).
// One table of a query serves all lists: the distance of the query from the vector in lane i of a list is about
// base + a_i - f_i * dots[i], base being its distance from c, and dots from score_block.
//
// Everything here is noexcept, allocates nothing and has no state: page code calls it.
#pragma once

#include "ruvector/codec/code_block.hpp"

namespace ruvector::codec {

struct ListCodec {
	VectorCodec vectors; // binary: with m as its centre; pq: with a codebook of residuals
	VectorMetric metric;
	const float *middle; // m
};

struct ListFactors {
	float a, f;
	float error; // times the part of q - c that is orthogonal to r (at most |q - x|): the estimate's standard deviation
};

// A block's shape: lanes is even and at most 32.
EdgeCodec list_blocks(const ListCodec &codec, uint32_t lanes) noexcept;
size_t list_scratch_bytes(const ListCodec &codec) noexcept; // aligned to 64
// packed: a nibble a byte, code_nibbles() of them.
void encode_in_list(const ListCodec &codec, const float *centre, const float *x, uint8_t *packed, ListFactors &factors,
					void *scratch) noexcept;
// Fills a table of code_nibbles() * 16 entries.
void prepare_lists(const ListCodec &codec, const float *q, QueryTable &table, void *scratch) noexcept;

} // namespace ruvector::codec
