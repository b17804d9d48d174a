// types/dense.hpp - the values of type vector and halfvec: layout, making them, reading arguments, checking.
//
// Layouts are those of ruvector.h. Functions written as templates take V = Vector or Halfvec. Everything here may raise
// a PostgreSQL error, and nothing owns memory: values live in the current memory context.
#pragma once

#include <cmath>
#include <cstdint>

#include "ruvector/pg/postgres.hpp"
#include "ruvector/ruvector.h"
#include "ruvector/types/half.hpp"

namespace ruvector::types {

using Vector = ::RuvectorVector;
using Halfvec = ::RuvectorHalfvec;

constexpr int kVectorMaxDim = 16000;
constexpr int kHalfvecMaxDim = 16000;

// What differs between the two types.
template <typename V>
struct Dense;

template <>
struct Dense<Vector> {
	using Element = float;
	static constexpr const char *name = "vector";
	static constexpr int max_dim = kVectorMaxDim;
	static float to_float(float x) noexcept { return x; }
	static float from_float(float x) noexcept { return x; }
	static bool is_nan(float x) noexcept { return std::isnan(x); }
	static bool is_inf(float x) noexcept { return std::isinf(x); }
	static bool is_zero(float x) noexcept { return x == 0.0f; }
};

template <>
struct Dense<Halfvec> {
	using Element = uint16_t;
	static constexpr const char *name = "halfvec";
	static constexpr int max_dim = kHalfvecMaxDim;
	static float to_float(uint16_t x) noexcept { return half_to_float(x); }
	static uint16_t from_float(float x) noexcept { return float_to_half(x); } // unchecked: may give infinity
	static bool is_nan(uint16_t x) noexcept { return half_is_nan(x); }
	static bool is_inf(uint16_t x) noexcept { return half_is_inf(x); }
	static bool is_zero(uint16_t x) noexcept { return half_is_zero(x); }
};

// Bytes of a value with `dim` elements.
template <typename V>
constexpr Size dense_size(int dim) noexcept {
	return offsetof(V, x) + static_cast<Size>(dim) * sizeof(typename Dense<V>::Element);
}

// A new value with all elements zero. The caller has checked dim.
template <typename V>
inline V *make_dense(int dim) {
	const Size size = dense_size<V>(dim);
	auto *result = static_cast<V *>(palloc0(size));
	SET_VARSIZE(result, size);
	result->dim = static_cast<int16>(dim);
	return result;
}
inline Vector *make_vector(int dim) {
	return make_dense<Vector>(dim);
}
inline Halfvec *make_halfvec(int dim) {
	return make_dense<Halfvec>(dim);
}

// The value of a Datum, detoasted (a copy only if it was toasted or had a short header).
template <typename V>
inline V *dense_arg(Datum datum) {
	return reinterpret_cast<V *>(PG_DETOAST_DATUM(datum));
}
inline Vector *vector_arg(Datum datum) {
	return dense_arg<Vector>(datum);
}
inline Halfvec *halfvec_arg(Datum datum) {
	return dense_arg<Halfvec>(datum);
}

// Raise 22003 "value out of range: overflow" / "underflow", and `"x" is out of range for type ...`.
[[noreturn]] void raise_overflow();
[[noreturn]] void raise_underflow();
[[noreturn]] void raise_out_of_range(float value, const char *type_name);

// 1 to max_dim dimensions, else 22000 or 54000; type_name is in the message.
void check_dim_of(const char *type_name, int dim, int max_dim);
// 22000 "expected %d dimensions, not %d" unless typmod is -1 or dim.
void check_expected_dim(int32 typmod, int dim);
// 22000 "different <type> dimensions %d and %d".
void check_same_dims_of(const char *type_name, int a, int b);
[[noreturn]] void raise_bad_element(const char *type_name, bool is_nan);

template <typename V>
inline void check_dim(int dim) {
	if (unlikely(dim < 1 || dim > Dense<V>::max_dim))
		check_dim_of(Dense<V>::name, dim, Dense<V>::max_dim);
}

template <typename V>
inline void check_same_dims(const V *a, const V *b) {
	if (unlikely(a->dim != b->dim))
		check_same_dims_of(Dense<V>::name, a->dim, b->dim);
}

// 22000 "NaN not allowed in <type>" and "infinite value not allowed in <type>".
template <typename V>
inline void check_element(typename Dense<V>::Element x) {
	if (unlikely(Dense<V>::is_nan(x) || Dense<V>::is_inf(x)))
		raise_bad_element(Dense<V>::name, Dense<V>::is_nan(x));
}

// float to element; 22003 where a finite float does not fit in a half. NaN and infinity pass: see check_element.
template <typename V>
inline typename Dense<V>::Element to_element(float x) {
	const auto result = Dense<V>::from_float(x);
	if (unlikely(Dense<V>::is_inf(result) && !std::isinf(x)))
		raise_out_of_range(x, Dense<V>::name);
	return result;
}

} // namespace ruvector::types
