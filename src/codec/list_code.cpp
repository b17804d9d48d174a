// codec/list_code.cpp - codes of vectors relative to the centre of their list.
#include "ruvector/codec/list_code.hpp"

#include "vector_code.hpp"

namespace ruvector::codec {

namespace {

size_t padded(const ListCodec &codec) noexcept {
	return (size_t(codec.vectors.dims) + 15) / 16 * 16;
}

bool is_binary(const ListCodec &codec) noexcept {
	return codec.vectors.kind == VectorCode::binary;
}

// <x_hat, v>. reproduction, scratch: padded() floats each.
float reproduced_dot(const ListCodec &codec, const uint8_t *code, const float *v, float *reproduction,
					 float *scratch) noexcept {
	if (is_binary(codec))
		return binary_code::sign_dot(codec.vectors.state, codec.vectors.dims, code, v, scratch);
	pq_code::decode(codec.vectors, code, reproduction);
	return sums(reproduction, v, codec.vectors.dims).ab;
}

} // namespace

EdgeCodec list_blocks(const ListCodec &codec, uint32_t lanes) noexcept {
	const uint32_t coordinates = static_cast<uint32_t>(4 * code_nibbles(codec.vectors));
	return {coordinates, coordinates, coordinates, 1, lanes / 2};
}

size_t list_scratch_bytes(const ListCodec &codec) noexcept {
	return 4 * padded(codec) * sizeof(float) + code_bytes(codec.vectors);
}

void encode_in_list(const ListCodec &codec, const float *centre, const float *x, uint8_t *packed, ListFactors &factors,
					void *scratch) noexcept {
	const size_t n = codec.vectors.dims, step = padded(codec);
	float *r = static_cast<float *>(scratch), *coded = r + step, *shifted = coded + step, *rotated = shifted + step;
	uint8_t *code = reinterpret_cast<uint8_t *>(rotated + step);
	for (size_t i = 0; i < n; i++) {
		r[i] = x[i] - centre[i];
		coded[i] = is_binary(codec) ? r[i] + codec.middle[i] : r[i]; // binary codes what it is given less its centre
		shifted[i] = centre[i] - codec.middle[i];
	}
	encode(codec.vectors, coded, code, rotated);
	float norm_sq, f;
	to_lane(codec.vectors, codec.metric, code, packed, norm_sq, f);
	const Lane lane = is_binary(codec) ? binary_code::lane(code) : pq_code::lane(code);
	const float back = f * reproduced_dot(codec, code, shifted, coded, rotated);
	const float error =
		is_binary(codec) ? binary_code::error_of(code, codec.vectors.dims) : pq_code::error_of(codec.vectors, code);
	factors.f = f;
	factors.a = back + (codec.metric == VectorMetric::l2 ? lane.norm_sq : -sums(centre, r, n).ab);
	const float free = n > 1 ? static_cast<float>(n - 1) : 1.0f;
	factors.error = (codec.metric == VectorMetric::l2 ? 2.0f : 1.0f) * error / std::sqrt(free);
}

void prepare_lists(const ListCodec &codec, const float *q, QueryTable &table, void *scratch) noexcept {
	float *floats = static_cast<float *>(scratch);
	if (is_binary(codec)) {
		(void)prepare_blocks(codec.vectors, codec.metric, q, table, floats);
		return;
	}
	for (size_t i = 0; i < codec.vectors.dims; i++)
		floats[i] = q[i] - codec.middle[i];
	(void)prepare_blocks(codec.vectors, codec.metric, floats, table, floats + padded(codec));
}

} // namespace ruvector::codec
