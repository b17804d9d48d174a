// codec/code_block.cpp - codes of whole vectors as lanes of a block.
#include "ruvector/codec/code_block.hpp"

#include "vector_code.hpp"

namespace ruvector::codec {

size_t code_nibbles(const VectorCodec &codec) noexcept {
	switch (codec.kind) {
	case VectorCode::int8:
		break;
	case VectorCode::binary:
		return binary_code::nibbles(codec.dims);
	case VectorCode::pq:
		return codec.pq_bits == 4 ? codec.pq_subspaces : 0;
	}
	return 0;
}

void to_lane(const VectorCodec &codec, VectorMetric metric, const uint8_t *code, uint8_t *packed, float &a,
			 float &f) noexcept {
	const size_t n = code_nibbles(codec);
	const Lane lane = codec.kind == VectorCode::binary ? binary_code::lane(code) : pq_code::lane(code);
	for (size_t i = 0; i < n; i++)
		packed[i] = static_cast<uint8_t>(lane.nibbles[i / 2] >> i % 2 * 4 & 15);
	a = metric == VectorMetric::l2 ? lane.norm_sq : -lane.add;
	f = metric == VectorMetric::l2 ? 2.0f * lane.factor : lane.factor;
}

float prepare_blocks(const VectorCodec &codec, VectorMetric metric, const float *q, QueryTable &table,
					 void *scratch) noexcept {
	float *floats = static_cast<float *>(scratch);
	const QueryHead head = codec.kind == VectorCode::binary
							   ? binary_code::prepare_blocks(codec.state, q, codec.dims, table, floats)
							   : pq_code::prepare_blocks(codec, q, table);
	return metric == VectorMetric::l2 ? head.norm_sq : -head.add;
}

} // namespace ruvector::codec
