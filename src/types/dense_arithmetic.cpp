// types/dense_arithmetic.cpp - what makes a new value from others: + - *, scale, concatenation, parts, signs.
#include "types/dense_floats.hpp"
#include "types/dense_function.hpp"

extern "C" {
#include "utils/varbit.h"
}

namespace ruvector::types {

namespace {

// Whether finite operands gave a result that the type cannot hold.
template <typename V>
bool overflows(typename Dense<V>::Element result) noexcept {
	return Dense<V>::is_inf(result);
}
template <typename V, typename Op>
bool underflows(typename Dense<V>::Element result, float x, float y) noexcept {
	return Op::can_underflow && Dense<V>::is_zero(result) && x != 0 && y != 0;
}

// result[i] = op(a[i], b[i]); `result` may be `a` where op cannot underflow. The range is checked a block at a time,
// which keeps the loops free for the vectoriser; the first element in order decides the error.
template <typename V, typename Op>
void elementwise(const V *a, const V *b, V *result, Op op) {
	float buffer_a[kBlock];
	float buffer_b[kBlock];
	float out[kBlock];

	for (int first = 0; first < a->dim; first += kBlock) {
		const int n = a->dim - first < kBlock ? a->dim - first : kBlock;
		const float *x = floats(a, first, n, buffer_a);
		const float *y = floats(b, first, n, buffer_b);
		for (int i = 0; i < n; i++)
			out[i] = op(x[i], y[i]);
		store_floats(out, result, first, n);

		const auto *stored = result->x + first;
		bool bad = false;
		for (int i = 0; i < n; i++)
			bad |= overflows<V>(stored[i]) || underflows<V, Op>(stored[i], x[i], y[i]);
		for (int i = 0; bad && i < n; i++) {
			if (overflows<V>(stored[i]))
				raise_overflow();
			if (underflows<V, Op>(stored[i], x[i], y[i]))
				raise_underflow();
		}
	}
}

struct Sum {
	static constexpr bool can_underflow = false;
	float operator()(float a, float b) const noexcept { return a + b; }
};
struct Difference {
	static constexpr bool can_underflow = false;
	float operator()(float a, float b) const noexcept { return a - b; }
};
struct Product {
	static constexpr bool can_underflow = true;
	float operator()(float a, float b) const noexcept { return a * b; }
};

template <typename V, typename Op>
Datum combine(FunctionCallInfo fcinfo, V *into) {
	const V *a = into ? into : dense_arg<V>(PG_GETARG_DATUM(0));
	const V *b = dense_arg<V>(PG_GETARG_DATUM(1));
	check_same_dims(a, b);
	V *result = into ? into : make_dense<V>(a->dim);
	elementwise(a, b, result, Op());
	PG_RETURN_POINTER(result);
}

// Also the transition and combine function of sum(): there the first argument is the aggregate's own and is added to in
// place.
template <typename V>
Datum add(FunctionCallInfo fcinfo) {
	V *into = AggCheckCallContext(fcinfo, nullptr) ? dense_arg<V>(PG_GETARG_DATUM(0)) : nullptr;
	return combine<V, Sum>(fcinfo, into);
}

template <typename V>
Datum sub(FunctionCallInfo fcinfo) {
	return combine<V, Difference>(fcinfo, nullptr);
}

template <typename V>
Datum mul(FunctionCallInfo fcinfo) {
	return combine<V, Product>(fcinfo, nullptr);
}

// Every element times a number, rounded once. Errors as those of `*`.
template <typename V>
Datum scale(FunctionCallInfo fcinfo) {
	const V *v = dense_arg<V>(PG_GETARG_DATUM(0));
	const float8 factor = PG_GETARG_FLOAT8(1);
	V *result = make_dense<V>(v->dim);

	if (std::isnan(factor) || std::isinf(factor))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("factor must be finite")));
	for (int i = 0; i < v->dim; i++) {
		const float x = Dense<V>::to_float(v->x[i]);
		result->x[i] = Dense<V>::from_float(static_cast<float>(static_cast<double>(x) * factor));
		if (unlikely(Dense<V>::is_inf(result->x[i])))
			raise_overflow();
		if (unlikely(Dense<V>::is_zero(result->x[i]) && x != 0 && factor != 0))
			raise_underflow();
	}
	PG_RETURN_POINTER(result);
}

template <typename V>
Datum concat(FunctionCallInfo fcinfo) {
	const V *a = dense_arg<V>(PG_GETARG_DATUM(0));
	const V *b = dense_arg<V>(PG_GETARG_DATUM(1));
	const int dim = a->dim + b->dim;

	check_dim<V>(dim);
	V *result = make_dense<V>(dim);
	memcpy(result->x, a->x, sizeof(a->x[0]) * static_cast<size_t>(a->dim));
	memcpy(result->x + a->dim, b->x, sizeof(b->x[0]) * static_cast<size_t>(b->dim));
	PG_RETURN_POINTER(result);
}

// `count` elements from the 1-based `start`, cut to what there is, like substring(); nothing left is an error.
template <typename V>
Datum subvector(FunctionCallInfo fcinfo) {
	const V *v = dense_arg<V>(PG_GETARG_DATUM(0));
	const int64 start = PG_GETARG_INT32(1);
	const int64 count = PG_GETARG_INT32(2);
	const int64 first = start < 1 ? 1 : start;
	const int64 end = start + count > v->dim + 1 ? v->dim + 1 : start + count;
	const int64 dim = count < 1 || end < first ? 0 : end - first;

	check_dim<V>(static_cast<int>(dim));
	V *result = make_dense<V>(static_cast<int>(dim));
	memcpy(result->x, v->x + (first - 1), sizeof(v->x[0]) * static_cast<size_t>(dim));
	PG_RETURN_POINTER(result);
}

// One bit for each element: is it positive?
template <typename V>
Datum binary_quantize(FunctionCallInfo fcinfo) {
	const V *v = dense_arg<V>(PG_GETARG_DATUM(0));
	const int size = VARBITTOTALLEN(v->dim);
	auto *result = static_cast<VarBit *>(palloc0(size));
	SET_VARSIZE(result, size);
	VARBITLEN(result) = v->dim;

	bits8 *bits = VARBITS(result);
	for (int i = 0; i < v->dim; i++)
		if (Dense<V>::to_float(v->x[i]) > 0)
			bits[i / 8] |= static_cast<bits8>(1 << (7 - i % 8));
	PG_RETURN_VARBIT_P(result);
}

} // namespace

RV_DENSE_FUNCTION(add)
RV_DENSE_FUNCTION(sub)
RV_DENSE_FUNCTION(mul)
RV_DENSE_FUNCTION(scale)
RV_DENSE_FUNCTION(concat)
RV_DENSE_FUNCTION(subvector)
RV_DENSE_FUNCTION(binary_quantize)

} // namespace ruvector::types
