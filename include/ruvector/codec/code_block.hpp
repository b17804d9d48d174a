// codec/code_block.hpp - codes of whole vectors (vector_code.hpp) in blocks of up to 32 lanes, laid out and scored like
// those of edges (edge_code.hpp): binary codes, and pq codes of four bits.
//
// The distance of a query from the vector in lane i of a block is about base + a_i - f_i * dots[i], with dots from
// score_block.
#pragma once

#include "ruvector/codec/edge_code.hpp"
#include "ruvector/codec/vector_code.hpp"

namespace ruvector::codec {

// Nibbles of a code, the groups of its blocks; 0: codes of this kind do not go into blocks.
size_t code_nibbles(const VectorCodec &codec) noexcept;
// The packed form (a nibble a byte) and the factors of a code.
void to_lane(const VectorCodec &codec, VectorMetric metric, const uint8_t *code, uint8_t *packed, float &a,
			 float &f) noexcept;
// Fills a table of code_nibbles() * 16 entries and returns the query's base. scratch as for prepare().
float prepare_blocks(const VectorCodec &codec, VectorMetric metric, const float *q, QueryTable &table,
					 void *scratch) noexcept;

} // namespace ruvector::codec
