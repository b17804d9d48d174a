// types/sparsevec_ops.cpp - distances, norm, order, hash and scaling of sparsevec.
#include <algorithm>
#include <climits>
#include <cmath>
#include <cstring>

#include "ruvector/pg/boundary.hpp"
#include "ruvector/simd/kernels.hpp"
#include "ruvector/types/dense.hpp"
#include "ruvector/types/sparse.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace ruvector::types {

namespace {

struct Pair {
	const Sparsevec *a;
	const Sparsevec *b;
};

// The two arguments of a distance.
Pair same_dims_args(FunctionCallInfo fcinfo) {
	const Pair pair = {sparsevec_arg(PG_GETARG_DATUM(0)), sparsevec_arg(PG_GETARG_DATUM(1))};
	check_same_dims(pair.a, pair.b);
	return pair;
}

double inner_product(const Pair &p) noexcept {
	return static_cast<double>(simd::sparse_ip(p.a->indices, sparse_values(p.a), static_cast<size_t>(p.a->nnz),
											   p.b->indices, sparse_values(p.b), static_cast<size_t>(p.b->nnz)));
}

double l2_squared(const Pair &p) noexcept {
	return static_cast<double>(simd::sparse_l2sq(p.a->indices, sparse_values(p.a), static_cast<size_t>(p.a->nnz),
												 p.b->indices, sparse_values(p.b), static_cast<size_t>(p.b->nnz)));
}

// In single precision, as the distances.
double self_product(const Sparsevec *v) noexcept {
	const float *x = sparse_values(v);
	return static_cast<double>(simd::kernels->ip_f32(x, x, static_cast<size_t>(v->nnz)));
}

double norm(const Sparsevec *v) noexcept {
	const float *x = sparse_values(v);
	double sum = 0.0;
	for (int i = 0; i < v->nnz; i++)
		sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
	return std::sqrt(sum);
}

int three_way(float a, float b) noexcept {
	return a < b ? -1 : a > b ? 1 : 0;
}

// The order of the dense vectors: element by element, then the shorter first.
int compare(const Sparsevec *a, const Sparsevec *b) noexcept {
	const float *x = sparse_values(a);
	const float *y = sparse_values(b);
	const int32 dim = std::min(a->dim, b->dim);
	for (int i = 0, j = 0;;) {
		const int32 left = i < a->nnz ? a->indices[i] : INT32_MAX;
		const int32 right = j < b->nnz ? b->indices[j] : INT32_MAX;
		if (std::min(left, right) >= dim)
			break;
		const int order = three_way(left <= right ? x[i] : 0.0f, right <= left ? y[j] : 0.0f);
		if (order != 0)
			return order;
		i += left <= right;
		j += right <= left;
	}
	return a->dim < b->dim ? -1 : a->dim > b->dim ? 1 : 0;
}

int compare_args(FunctionCallInfo fcinfo) {
	return compare(sparsevec_arg(PG_GETARG_DATUM(0)), sparsevec_arg(PG_GETARG_DATUM(1)));
}

// A copy with every value replaced, without those that became zero; an infinite one is an overflow.
template <typename F>
Sparsevec *map_values(const Sparsevec *v, F &&f) {
	const float *values = sparse_values(v);
	auto *mapped = static_cast<float *>(palloc(std::max<Size>(1, static_cast<Size>(v->nnz) * sizeof(float))));
	int nnz = 0;
	for (int i = 0; i < v->nnz; i++) {
		mapped[i] = f(values[i]);
		if (std::isinf(mapped[i]))
			raise_overflow();
		nnz += mapped[i] != 0.0f;
	}
	Sparsevec *result = make_sparsevec(v->dim, nnz);
	float *to = sparse_values(result);
	for (int i = 0, n = 0; i < v->nnz; i++) {
		if (mapped[i] == 0.0f)
			continue;
		result->indices[n] = v->indices[i];
		to[n++] = mapped[i];
	}
	pfree(mapped);
	return result;
}

// Equal vectors hash alike: values are canonical but for a zero, which equals an absent one and is left out.
uint64 hash(const Sparsevec *v, uint64 seed) noexcept {
	const float *values = sparse_values(v);
	const auto step = [&seed](uint32 n) { seed = DatumGetUInt64(hash_uint32_extended(n, seed)); };
	step(static_cast<uint32>(v->dim));
	for (int i = 0; i < v->nnz; i++) {
		if (values[i] == 0.0f)
			continue;
		uint32 bits;
		memcpy(&bits, &values[i], sizeof(bits));
		step(static_cast<uint32>(v->indices[i]));
		step(bits);
	}
	return seed;
}

} // namespace

} // namespace ruvector::types

using namespace ruvector;
using namespace ruvector::types;

RV_FUNCTION(ruvector_sparsevec_l2_distance) {
	PG_RETURN_FLOAT8(std::sqrt(l2_squared(same_dims_args(fcinfo))));
}

RV_FUNCTION(ruvector_sparsevec_l2_squared_distance) {
	PG_RETURN_FLOAT8(l2_squared(same_dims_args(fcinfo)));
}

RV_FUNCTION(ruvector_sparsevec_inner_product) {
	PG_RETURN_FLOAT8(inner_product(same_dims_args(fcinfo)));
}

RV_FUNCTION(ruvector_sparsevec_negative_inner_product) {
	PG_RETURN_FLOAT8(-inner_product(same_dims_args(fcinfo)));
}

RV_FUNCTION(ruvector_sparsevec_cosine_distance) {
	const Pair p = same_dims_args(fcinfo);
	// One square root of a product; NaN where a norm is zero or not finite, which clamp() lets pass.
	const double similarity = inner_product(p) / std::sqrt(self_product(p.a) * self_product(p.b));
	PG_RETURN_FLOAT8(1.0 - std::clamp(similarity, -1.0, 1.0));
}

RV_FUNCTION(ruvector_sparsevec_l1_distance) {
	const Pair p = same_dims_args(fcinfo);
	PG_RETURN_FLOAT8(
		static_cast<double>(simd::sparse_l1(p.a->indices, sparse_values(p.a), static_cast<size_t>(p.a->nnz),
											p.b->indices, sparse_values(p.b), static_cast<size_t>(p.b->nnz))));
}

RV_FUNCTION(ruvector_sparsevec_l2_norm) {
	PG_RETURN_FLOAT8(norm(sparsevec_arg(PG_GETARG_DATUM(0))));
}

RV_FUNCTION(ruvector_sparsevec_l2_normalize) {
	const Sparsevec *v = sparsevec_arg(PG_GETARG_DATUM(0));
	const double length = norm(v);
	if (length == 0.0)
		PG_RETURN_POINTER(make_sparsevec(v->dim, 0));
	PG_RETURN_POINTER(map_values(v, [length](float x) { return static_cast<float>(static_cast<double>(x) / length); }));
}

// Errors as those of scale() on the other types; a factor of zero leaves no elements.
RV_FUNCTION(ruvector_sparsevec_scale) {
	const Sparsevec *v = sparsevec_arg(PG_GETARG_DATUM(0));
	const double factor = PG_GETARG_FLOAT8(1);
	if (std::isnan(factor) || std::isinf(factor))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("factor must be finite")));
	const auto times = [factor](float x) {
		const auto product = static_cast<float>(static_cast<double>(x) * factor);
		if (unlikely(product == 0.0f && x != 0.0f && factor != 0.0))
			raise_underflow();
		return product;
	};
	PG_RETURN_POINTER(map_values(v, times));
}

RV_FUNCTION(ruvector_sparsevec_lt) {
	PG_RETURN_BOOL(compare_args(fcinfo) < 0);
}

RV_FUNCTION(ruvector_sparsevec_le) {
	PG_RETURN_BOOL(compare_args(fcinfo) <= 0);
}

RV_FUNCTION(ruvector_sparsevec_eq) {
	PG_RETURN_BOOL(compare_args(fcinfo) == 0);
}

RV_FUNCTION(ruvector_sparsevec_ne) {
	PG_RETURN_BOOL(compare_args(fcinfo) != 0);
}

RV_FUNCTION(ruvector_sparsevec_ge) {
	PG_RETURN_BOOL(compare_args(fcinfo) >= 0);
}

RV_FUNCTION(ruvector_sparsevec_gt) {
	PG_RETURN_BOOL(compare_args(fcinfo) > 0);
}

RV_FUNCTION(ruvector_sparsevec_cmp) {
	PG_RETURN_INT32(compare_args(fcinfo));
}

RV_FUNCTION(ruvector_sparsevec_hash) {
	PG_RETURN_UINT32(static_cast<uint32>(hash(sparsevec_arg(PG_GETARG_DATUM(0)), 0)));
}

RV_FUNCTION(ruvector_sparsevec_hash_extended) {
	PG_RETURN_UINT64(hash(sparsevec_arg(PG_GETARG_DATUM(0)), static_cast<uint64>(PG_GETARG_INT64(1))));
}
