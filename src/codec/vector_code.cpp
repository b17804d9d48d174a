// codec/vector_code.cpp - the kinds of codes behind one interface; from inner products to distances and their errors.
#include "vector_code.hpp"

namespace ruvector::codec {

namespace {

constexpr uint32_t kMaxDims = 16000;

inline Product product(const VectorCodec &codec, const uint8_t *table, const uint8_t *code) noexcept {
	switch (codec.kind) {
	case VectorCode::int8:
		return int8_code::dot(codec.dims, table, code);
	case VectorCode::binary:
		return binary_code::dot(codec.dims, table, code);
	case VectorCode::pq:
		return pq_code::dot(codec, table, code);
	}
	return {};
}

inline float to_distance(VectorMetric metric, const Product &p, const QueryHead &head) noexcept {
	if (metric == VectorMetric::l2)
		return static_cast<float>(p.norm_sq + head.norm_sq - 2 * p.dot);
	return -(static_cast<float>(p.dot) + p.add + head.add);
}

inline QueryHead head_of(const VectorQuery &query) noexcept {
	QueryHead head;
	std::memcpy(&head, query.table, sizeof(head));
	return head;
}

} // namespace

VectorCodec int8_codec(uint32_t dims) noexcept {
	return {VectorCode::int8, 0, 0, dims, nullptr};
}

VectorCodec binary_codec(uint32_t dims) noexcept {
	return {VectorCode::binary, 0, 0, dims, nullptr};
}

VectorCodec pq_codec(uint32_t dims) noexcept {
	return {VectorCode::pq, 4, static_cast<uint16_t>((dims + 1) / 2), dims, nullptr};
}

bool valid(const VectorCodec &codec) noexcept {
	if (codec.dims < 1 || codec.dims > kMaxDims)
		return false;
	switch (codec.kind) {
	case VectorCode::int8:
	case VectorCode::binary:
		return codec.pq_bits == 0 && codec.pq_subspaces == 0;
	case VectorCode::pq:
		return (codec.pq_bits == 4 || codec.pq_bits == 8) && codec.pq_subspaces >= 1 &&
			   codec.pq_subspaces <= codec.dims;
	}
	return false;
}

size_t state_bytes(const VectorCodec &codec) noexcept {
	switch (codec.kind) {
	case VectorCode::int8:
		break;
	case VectorCode::binary:
		return binary_code::state_bytes(codec.dims);
	case VectorCode::pq:
		return pq_code::state_bytes(codec);
	}
	return 0;
}

size_t code_bytes(const VectorCodec &codec) noexcept {
	switch (codec.kind) {
	case VectorCode::int8:
		return int8_code::code_bytes(codec.dims);
	case VectorCode::binary:
		return binary_code::code_bytes(codec.dims);
	case VectorCode::pq:
		return pq_code::code_bytes(codec);
	}
	return 0;
}

size_t query_bytes(const VectorCodec &codec) noexcept {
	switch (codec.kind) {
	case VectorCode::int8:
		return kQueryData + int8_code::code_bytes(codec.dims);
	case VectorCode::binary:
		return binary_code::query_bytes(codec.dims);
	case VectorCode::pq:
		return pq_code::query_bytes(codec);
	}
	return 0;
}

size_t scratch_bytes(const VectorCodec &codec) noexcept {
	return (size_t(codec.dims) + 4) * sizeof(float);
}

void make_binary_state(const VectorCodec &codec, uint64_t seed, const float *centre, uint8_t *state,
					   void *scratch) noexcept {
	binary_code::make_state(codec.dims, seed, centre, state, static_cast<float *>(scratch));
}

void encode(const VectorCodec &codec, const float *x, uint8_t *code, void *scratch) noexcept {
	switch (codec.kind) {
	case VectorCode::int8:
		return int8_code::encode(x, codec.dims, code);
	case VectorCode::binary:
		return binary_code::encode(codec.state, x, codec.dims, code, static_cast<float *>(scratch));
	case VectorCode::pq:
		return pq_code::encode(codec, x, code);
	}
}

void decode(const VectorCodec &codec, const uint8_t *code, float *x, void *scratch) noexcept {
	switch (codec.kind) {
	case VectorCode::int8:
		return int8_code::decode(code, codec.dims, x);
	case VectorCode::binary:
		return binary_code::decode(codec.state, code, codec.dims, x, static_cast<float *>(scratch));
	case VectorCode::pq:
		return pq_code::decode(codec, code, x);
	}
}

VectorQuery prepare(const VectorCodec &codec, VectorMetric metric, const float *q, void *table,
					void *scratch) noexcept {
	uint8_t *bytes = static_cast<uint8_t *>(table);
	switch (codec.kind) {
	case VectorCode::int8:
		int8_code::prepare(q, codec.dims, bytes);
		break;
	case VectorCode::binary:
		binary_code::prepare(codec.state, q, codec.dims, bytes, static_cast<float *>(scratch));
		break;
	case VectorCode::pq:
		pq_code::prepare(codec, q, bytes);
		break;
	}
	return {codec, metric, table};
}

float distance(const VectorQuery &query, const uint8_t *code) noexcept {
	const QueryHead head = head_of(query);
	return to_distance(query.metric, product(query.codec, static_cast<const uint8_t *>(query.table), code), head);
}

void distances(const VectorQuery &query, const uint8_t *codes, size_t stride, size_t n, float *out) noexcept {
	const QueryHead head = head_of(query);
	const uint8_t *table = static_cast<const uint8_t *>(query.table);
	for (size_t i = 0; i < n; i++)
		out[i] = to_distance(query.metric, product(query.codec, table, codes + i * stride), head);
}

// The error of <x, q> is <e, w> with w the part of q orthogonal to x, and the same of the query's own error; either
// points anywhere: one coordinate of sqrt(dims - 1). cos^2 comes from the estimate, so it is kept below 1.
DistanceEstimate estimate(const VectorQuery &query, const uint8_t *code) noexcept {
	const QueryHead head = head_of(query);
	const Product p = product(query.codec, static_cast<const uint8_t *>(query.table), code);
	const float distance = to_distance(query.metric, p, head);
	if (query.codec.kind == VectorCode::int8 && p.error == 0.0f && head.error == 0.0f)
		return {distance, 0.0f};
	const float norm_sq = static_cast<float>(p.norm_sq), query_norm_sq = static_cast<float>(head.norm_sq);
	const float norms = norm_sq * query_norm_sq;
	if (!(norms > 0.0f && finite(norms)))
		return {distance, norms == 0.0f ? 0.0f : std::numeric_limits<float>::infinity()};
	const float dot = static_cast<float>(p.dot), cosine_sq = dot * dot / norms;
	const float sine_sq = cosine_sq < 0.99f ? 1.0f - cosine_sq : 0.01f;
	const float free = query.codec.dims > 1 ? static_cast<float>(query.codec.dims - 1) : 1.0f;
	const float variance = sine_sq * (p.error * p.error * query_norm_sq + head.error * head.error * norm_sq) / free;
	return {distance, (query.metric == VectorMetric::l2 ? 2.0f : 1.0f) * std::sqrt(variance)};
}

float code_norm_squared(const VectorCodec &codec, const uint8_t *code) noexcept {
	switch (codec.kind) {
	case VectorCode::int8:
		return int8_code::norm_squared_of(code);
	case VectorCode::binary:
		return binary_code::norm_squared_of(codec.state, codec.dims, code);
	case VectorCode::pq:
		return pq_code::norm_squared_of(code);
	}
	return 0.0f;
}

float code_distance(const VectorCodec &codec, VectorMetric metric, const uint8_t *a, const uint8_t *b) noexcept {
	CodePair p = {};
	switch (codec.kind) {
	case VectorCode::int8:
		p = int8_code::code_dot(codec.dims, a, b);
		break;
	case VectorCode::binary:
		p = binary_code::code_dot(codec.state, codec.dims, a, b);
		break;
	case VectorCode::pq:
		p = pq_code::code_dot(codec, a, b);
		break;
	}
	return metric == VectorMetric::l2 ? static_cast<float>(p.norm_sq_a + p.norm_sq_b - 2 * p.dot)
									  : -(static_cast<float>(p.dot) + p.add);
}

} // namespace ruvector::codec
