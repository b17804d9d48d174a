// simd/sparse.cpp - distances of sparse vectors: merges of two ascending lists of indices.
// The merge is bound by its comparisons, so the sums can afford double precision.
#include "ruvector/simd/kernels.hpp"

#include <cmath>

namespace ruvector::simd {

float sparse_ip(const int32_t *ia, const float *va, size_t na, const int32_t *ib, const float *vb, size_t nb) noexcept {
	double sum = 0;
	for (size_t i = 0, j = 0; i < na && j < nb;) {
		int32_t x = ia[i], y = ib[j];
		if (x == y)
			sum += static_cast<double>(va[i]) * vb[j];
		i += x <= y;
		j += y <= x;
	}
	return static_cast<float>(sum);
}

// Sums term(a, b) over the union of the indices; what is missing on one side is zero.
template <class Term>
static float merge(Term term, const int32_t *ia, const float *va, size_t na, const int32_t *ib, const float *vb,
				   size_t nb) noexcept {
	double sum = 0;
	size_t i = 0, j = 0;
	while (i < na && j < nb) {
		int32_t x = ia[i], y = ib[j];
		sum += term(x <= y ? va[i] : 0.0, y <= x ? vb[j] : 0.0);
		i += x <= y;
		j += y <= x;
	}
	for (; i < na; ++i)
		sum += term(va[i], 0.0);
	for (; j < nb; ++j)
		sum += term(0.0, vb[j]);
	return static_cast<float>(sum);
}

float sparse_l2sq(const int32_t *ia, const float *va, size_t na, const int32_t *ib, const float *vb,
				  size_t nb) noexcept {
	return merge([](double a, double b) noexcept { return (a - b) * (a - b); }, ia, va, na, ib, vb, nb);
}

float sparse_l1(const int32_t *ia, const float *va, size_t na, const int32_t *ib, const float *vb, size_t nb) noexcept {
	return merge([](double a, double b) noexcept { return std::fabs(a - b); }, ia, va, na, ib, vb, nb);
}

} // namespace ruvector::simd
