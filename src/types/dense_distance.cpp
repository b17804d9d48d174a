// types/dense_distance.cpp - distances and norms. Distances are float8 results of single-precision sums.
#include "types/dense_floats.hpp"
#include "types/dense_function.hpp"

namespace ruvector::types {

namespace {

// The kernels of an element type under one name.
template <typename V>
struct Kernel;

template <>
struct Kernel<Vector> {
	static float l2sq(const Vector *a, const Vector *b) noexcept {
		return simd::kernels->l2sq_f32(a->x, b->x, static_cast<size_t>(a->dim));
	}
	static float ip(const Vector *a, const Vector *b) noexcept {
		return simd::kernels->ip_f32(a->x, b->x, static_cast<size_t>(a->dim));
	}
	static float l1(const Vector *a, const Vector *b) noexcept {
		return simd::kernels->l1_f32(a->x, b->x, static_cast<size_t>(a->dim));
	}
	static simd::CosineSums cosine(const Vector *a, const Vector *b) noexcept {
		return simd::kernels->cosine_f32(a->x, b->x, static_cast<size_t>(a->dim));
	}
};

template <>
struct Kernel<Halfvec> {
	static float l2sq(const Halfvec *a, const Halfvec *b) noexcept {
		return simd::kernels->l2sq_f16(a->x, b->x, static_cast<size_t>(a->dim));
	}
	static float ip(const Halfvec *a, const Halfvec *b) noexcept {
		return simd::kernels->ip_f16(a->x, b->x, static_cast<size_t>(a->dim));
	}
	static float l1(const Halfvec *a, const Halfvec *b) noexcept {
		return simd::kernels->l1_f16(a->x, b->x, static_cast<size_t>(a->dim));
	}
	static simd::CosineSums cosine(const Halfvec *a, const Halfvec *b) noexcept {
		return simd::kernels->cosine_f16(a->x, b->x, static_cast<size_t>(a->dim));
	}
};

// Rounding can carry a cosine past its bounds. NaN stays.
double clamp_cosine(double similarity) noexcept {
	if (similarity > 1)
		return 1;
	if (similarity < -1)
		return -1;
	return similarity;
}

// Both arguments, checked to have the same dimensions.
template <typename V>
struct Pair {
	const V *a;
	const V *b;

	explicit Pair(FunctionCallInfo fcinfo) : a(dense_arg<V>(PG_GETARG_DATUM(0))), b(dense_arg<V>(PG_GETARG_DATUM(1))) {
		check_same_dims(a, b);
	}
};

template <typename V>
Datum l2_distance(FunctionCallInfo fcinfo) {
	const Pair<V> pair(fcinfo);
	PG_RETURN_FLOAT8(std::sqrt(static_cast<double>(Kernel<V>::l2sq(pair.a, pair.b))));
}

// What an index compares: saves the square root.
template <typename V>
Datum l2_squared_distance(FunctionCallInfo fcinfo) {
	const Pair<V> pair(fcinfo);
	PG_RETURN_FLOAT8(static_cast<double>(Kernel<V>::l2sq(pair.a, pair.b)));
}

template <typename V>
Datum inner_product(FunctionCallInfo fcinfo) {
	const Pair<V> pair(fcinfo);
	PG_RETURN_FLOAT8(static_cast<double>(Kernel<V>::ip(pair.a, pair.b)));
}

template <typename V>
Datum negative_inner_product(FunctionCallInfo fcinfo) {
	const Pair<V> pair(fcinfo);
	PG_RETURN_FLOAT8(-static_cast<double>(Kernel<V>::ip(pair.a, pair.b)));
}

// NaN for a zero vector.
template <typename V>
Datum cosine_distance(FunctionCallInfo fcinfo) {
	const Pair<V> pair(fcinfo);
	const simd::CosineSums sums = Kernel<V>::cosine(pair.a, pair.b);
	const double norms = std::sqrt(static_cast<double>(sums.aa) * static_cast<double>(sums.bb));
	PG_RETURN_FLOAT8(1.0 - clamp_cosine(static_cast<double>(sums.ip) / norms));
}

// The angle between unit vectors as a share of a half turn.
template <typename V>
Datum spherical_distance(FunctionCallInfo fcinfo) {
	const Pair<V> pair(fcinfo);
	PG_RETURN_FLOAT8(std::acos(clamp_cosine(static_cast<double>(Kernel<V>::ip(pair.a, pair.b)))) / M_PI);
}

template <typename V>
Datum l1_distance(FunctionCallInfo fcinfo) {
	const Pair<V> pair(fcinfo);
	PG_RETURN_FLOAT8(static_cast<double>(Kernel<V>::l1(pair.a, pair.b)));
}

// In double precision: a norm of finite elements is finite.
template <typename V>
double norm_of(const V *v) noexcept {
	float buffer[kBlock];
	double sums[4] = {0, 0, 0, 0};

	for (int first = 0; first < v->dim; first += kBlock) {
		const int n = v->dim - first < kBlock ? v->dim - first : kBlock;
		const float *x = floats(v, first, n, buffer);
		int i = 0;
		for (; i + 4 <= n; i += 4)
			for (int k = 0; k < 4; k++)
				sums[k] += static_cast<double>(x[i + k]) * static_cast<double>(x[i + k]);
		for (; i < n; i++)
			sums[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
	}
	return std::sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

template <typename V>
Datum norm(FunctionCallInfo fcinfo) {
	PG_RETURN_FLOAT8(norm_of(dense_arg<V>(PG_GETARG_DATUM(0))));
}

// A zero vector stays one.
template <typename V>
Datum l2_normalize(FunctionCallInfo fcinfo) {
	const V *v = dense_arg<V>(PG_GETARG_DATUM(0));
	V *result = make_dense<V>(v->dim);
	const double norm = norm_of(v);
	float in[kBlock];
	float out[kBlock];

	if (norm > 0) {
		for (int first = 0; first < v->dim; first += kBlock) {
			const int n = v->dim - first < kBlock ? v->dim - first : kBlock;
			const float *x = floats(v, first, n, in);
			for (int i = 0; i < n; i++)
				out[i] = static_cast<float>(static_cast<double>(x[i]) / norm);
			store_floats(out, result, first, n);
		}
	}
	PG_RETURN_POINTER(result);
}

template <typename V>
Datum dims(FunctionCallInfo fcinfo) {
	// Only the head of a value that is stored out of line.
	const auto *head = reinterpret_cast<const V *>(
		PG_DETOAST_DATUM_SLICE(PG_GETARG_DATUM(0), 0, static_cast<int32>(offsetof(V, x) - VARHDRSZ)));
	PG_RETURN_INT32(head->dim);
}

} // namespace

RV_DENSE_FUNCTION(l2_distance)
RV_DENSE_FUNCTION(l2_squared_distance)
RV_DENSE_FUNCTION(inner_product)
RV_DENSE_FUNCTION(negative_inner_product)
RV_DENSE_FUNCTION(cosine_distance)
RV_DENSE_FUNCTION(spherical_distance)
RV_DENSE_FUNCTION(l1_distance)
RV_DENSE_FUNCTION(norm)
RV_DENSE_FUNCTION(l2_normalize)
RV_DENSE_FUNCTION(dims)

} // namespace ruvector::types
