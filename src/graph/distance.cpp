// graph/distance.cpp - exact distances between vectors in their working form.
#include "ruvector/graph/distance.hpp"

#include <cmath>

#include "ruvector/simd/kernels.hpp"

namespace ruvector::graph {

namespace {

const float *f32(const void *v) {
	return static_cast<const float *>(v);
}
const uint16_t *f16(const void *v) {
	return static_cast<const uint16_t *>(v);
}
const uint8_t *bits(const void *v) {
	return static_cast<const uint8_t *>(v);
}

struct Sparse {
	size_t nnz;
	const int32_t *indices;
	const float *values;
	explicit Sparse(const void *v)
		: nnz(size_t(*static_cast<const int32_t *>(v))), indices(static_cast<const int32_t *>(v) + 1),
		  values(reinterpret_cast<const float *>(indices + nnz)) {}
};

float l2_f32(const Layout &l, const void *a, const void *b) noexcept {
	return simd::kernels->l2sq_f32(f32(a), f32(b), l.dims);
}
float ip_f32(const Layout &l, const void *a, const void *b) noexcept {
	return -simd::kernels->ip_f32(f32(a), f32(b), l.dims);
}
float l1_f32(const Layout &l, const void *a, const void *b) noexcept {
	return simd::kernels->l1_f32(f32(a), f32(b), l.dims);
}
float l2_f16(const Layout &l, const void *a, const void *b) noexcept {
	return simd::kernels->l2sq_f16(f16(a), f16(b), l.dims);
}
float ip_f16(const Layout &l, const void *a, const void *b) noexcept {
	return -simd::kernels->ip_f16(f16(a), f16(b), l.dims);
}
float l1_f16(const Layout &l, const void *a, const void *b) noexcept {
	return simd::kernels->l1_f16(f16(a), f16(b), l.dims);
}
float hamming_bit(const Layout &l, const void *a, const void *b) noexcept {
	return float(simd::kernels->hamming(bits(a), bits(b), l.vector_bytes));
}
float jaccard_bit(const Layout &l, const void *a, const void *b) noexcept {
	uint64_t common, any;
	simd::kernels->jaccard(bits(a), bits(b), l.vector_bytes, &common, &any);
	return common == 0 ? 1.0f : 1.0f - float(double(common) / double(any));
}
float l2_sparse(const Layout &, const void *a, const void *b) noexcept {
	Sparse x(a), y(b);
	return simd::sparse_l2sq(x.indices, x.values, x.nnz, y.indices, y.values, y.nnz);
}
float ip_sparse(const Layout &, const void *a, const void *b) noexcept {
	Sparse x(a), y(b);
	return -simd::sparse_ip(x.indices, x.values, x.nnz, y.indices, y.values, y.nnz);
}
float l1_sparse(const Layout &, const void *a, const void *b) noexcept {
	Sparse x(a), y(b);
	return simd::sparse_l1(x.indices, x.values, x.nnz, y.indices, y.values, y.nnz);
}

} // namespace

DistanceFunction distance_function(const Layout &layout) noexcept {
	static constexpr DistanceFunction table[4][6] = {
		{l2_f32, ip_f32, ip_f32, l1_f32, nullptr, nullptr},
		{l2_f16, ip_f16, ip_f16, l1_f16, nullptr, nullptr},
		{nullptr, nullptr, nullptr, nullptr, hamming_bit, jaccard_bit},
		{l2_sparse, ip_sparse, ip_sparse, l1_sparse, nullptr, nullptr},
	};
	return layout.element < 4 && layout.metric < 6 ? table[layout.element][layout.metric] : nullptr;
}

size_t working_size(const Layout &layout, const void *vector) noexcept {
	if (Element(layout.element) != Element::sparse)
		return layout.working_bytes();
	return 4 + 8 * size_t(*static_cast<const int32_t *>(vector));
}

size_t stored_size(const Layout &layout, const void *stored) noexcept {
	return layout.is_plain() ? working_size(layout, stored) : layout.vector_bytes;
}

void to_floats(const Layout &layout, const void *vector, float *out) noexcept {
	if (Element(layout.element) == Element::f32)
		std::memcpy(out, vector, size_t(layout.dims) * 4);
	else
		simd::kernels->f16_to_f32(f16(vector), out, layout.dims);
}

uint64_t hash_vector(const void *vector, size_t bytes, uint64_t seed) noexcept {
	const uint8_t *p = static_cast<const uint8_t *>(vector);
	uint64_t h = seed ^ (bytes * 0x9e3779b97f4a7c15u);
	auto mix = [&](uint64_t word) {
		h = (h ^ word) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	};
	for (; bytes >= 8; p += 8, bytes -= 8) {
		uint64_t word;
		std::memcpy(&word, p, 8);
		mix(word);
	}
	uint64_t tail = 0;
	std::memcpy(&tail, p, bytes);
	mix(tail);
	h *= 0xc4ceb9fe1a85ec53u;
	return h ^ (h >> 33);
}

// The share of vertices with a record on level 1 is 1 / (4 m), one in 64 by default: the paper has 1 / m, and lists of m
// edges above level 0, where ours have 2 m on every level.
int draw_level(const Layout &layout, uint64_t hash) noexcept {
	double u = (double(hash >> 11) + 0.5) * 0x1p-53;
	int level = int(-std::log(u) / std::log(4.0 * layout.m));
	return level < kMaxLevel ? level : kMaxLevel;
}

} // namespace ruvector::graph
