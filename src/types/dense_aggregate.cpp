// types/dense_aggregate.cpp - avg() and weighted_avg(). Their states are float8 arrays {weight, sum of x1, sum of x2,
// ...}; {0} before the first row. The weight of avg() is the number of rows.
#include "types/dense_floats.hpp"
#include "types/dense_function.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"
}

namespace ruvector::types {

namespace {

struct State {
	ArrayType *array;
	float8 *values; // values[0] is the weight
	int dim;        // 0 before the first row

	float8 &weight() const { return values[0]; }
	float8 *sums() const { return values + 1; }
};

State view(ArrayType *array) {
	return {array, reinterpret_cast<float8 *>(ARR_DATA_PTR(array)), ARR_DIMS(array)[0] - 1};
}

State state_arg(FunctionCallInfo fcinfo, int argument, const char *caller) {
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] < 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != FLOAT8OID)
		elog(ERROR, "%s: expected state array", caller);
	return view(array);
}

State make_state(int dim) {
	const Size size = ARR_OVERHEAD_NONULLS(1) + sizeof(float8) * (static_cast<Size>(dim) + 1);
	auto *array = static_cast<ArrayType *>(palloc0(size));
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = FLOAT8OID;
	ARR_DIMS(array)[0] = dim + 1;
	ARR_LBOUND(array)[0] = 1;
	return view(array);
}

State copy_of(const State &state) {
	const State copy = make_state(state.dim);
	memcpy(copy.values, state.values, sizeof(float8) * (static_cast<size_t>(state.dim) + 1));
	return copy;
}

// The state to add to: inside an aggregate the one that was passed, else a copy.
State writable(FunctionCallInfo fcinfo, const State &state) {
	if (AggCheckCallContext(fcinfo, nullptr))
		return state;
	return copy_of(state);
}

void check_sums(const State &state) {
	bool infinite = false;
	for (int i = 0; i < state.dim; i++)
		infinite |= std::isinf(state.sums()[i]);
	if (unlikely(infinite))
		float_overflow_error();
}

// Adds a row with a weight.
template <typename V>
ArrayType *accumulate(FunctionCallInfo fcinfo, const State &old, const V *v, float8 weight) {
	State state;
	if (old.dim == 0) {
		state = make_state(v->dim);
		state.weight() = old.weight();
	} else {
		check_expected_dim(old.dim, v->dim);
		state = writable(fcinfo, old);
	}

	float buffer[kBlock];
	state.weight() += weight;
	for (int first = 0; first < v->dim; first += kBlock) {
		const int n = v->dim - first < kBlock ? v->dim - first : kBlock;
		const float *x = floats(v, first, n, buffer);
		float8 *sums = state.sums() + first;
		for (int i = 0; i < n; i++)
			sums[i] += weight * static_cast<float8>(x[i]);
	}
	check_sums(state);
	return state.array;
}

template <typename V>
Datum accum(FunctionCallInfo fcinfo) {
	constexpr const char *caller = std::is_same_v<V, Vector> ? "vector_accum" : "halfvec_accum";
	const State state = state_arg(fcinfo, 0, caller);
	PG_RETURN_ARRAYTYPE_P(accumulate(fcinfo, state, dense_arg<V>(PG_GETARG_DATUM(1)), 1.0));
}

// Joins the states of two workers. A state that has seen no row has no dimensions.
Datum combine_states(FunctionCallInfo fcinfo, const char *caller) {
	const State a = state_arg(fcinfo, 0, caller);
	const State b = state_arg(fcinfo, 1, caller);

	if (b.dim == 0) {
		const State state = writable(fcinfo, a);
		state.weight() += b.weight();
		PG_RETURN_ARRAYTYPE_P(state.array);
	}
	if (a.dim == 0) {
		// Never `b` itself: inside an aggregate it is in a memory context that does not live as long.
		const State state = copy_of(b);
		state.weight() += a.weight();
		PG_RETURN_ARRAYTYPE_P(state.array);
	}
	check_expected_dim(a.dim, b.dim);
	const State state = writable(fcinfo, a);
	for (int i = 0; i <= state.dim; i++)
		state.values[i] += b.values[i];
	check_sums(state);
	PG_RETURN_ARRAYTYPE_P(state.array);
}

// The sums divided by the weight; NULL without weight.
template <typename V>
Datum mean(FunctionCallInfo fcinfo, const State &state) {
	if (state.weight() == 0)
		PG_RETURN_NULL();
	check_dim<V>(state.dim);
	V *result = make_dense<V>(state.dim);
	for (int i = 0; i < state.dim; i++) {
		result->x[i] = to_element<V>(static_cast<float>(state.sums()[i] / state.weight()));
		check_element<V>(result->x[i]);
	}
	PG_RETURN_POINTER(result);
}

template <typename V>
Datum avg(FunctionCallInfo fcinfo) {
	constexpr const char *caller = std::is_same_v<V, Vector> ? "vector_avg" : "halfvec_avg";
	return mean<V>(fcinfo, state_arg(fcinfo, 0, caller));
}

// Strict: a row whose vector or weight is NULL does not count.
template <typename V>
Datum weighted_accum(FunctionCallInfo fcinfo) {
	const State state = state_arg(fcinfo, 0, "weighted_accum");
	const V *v = dense_arg<V>(PG_GETARG_DATUM(1));
	const float8 weight = PG_GETARG_FLOAT8(2);

	if (std::isnan(weight) || std::isinf(weight) || weight < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("weight must be finite and not negative")));
	ArrayType *result = accumulate(fcinfo, state, v, weight);
	if (std::isinf(view(result).weight()))
		float_overflow_error();
	PG_RETURN_ARRAYTYPE_P(result);
}

} // namespace

RV_DENSE_FUNCTION(accum)
RV_DENSE_FUNCTION(avg)

// Serves halfvec too: the states are alike.
RV_FUNCTION(ruvector_vector_combine) {
	return combine_states(fcinfo, "vector_combine");
}

RV_FUNCTION(ruvector_vector_weighted_accum) {
	return weighted_accum<Vector>(fcinfo);
}

RV_FUNCTION(ruvector_halfvec_weighted_accum) {
	return weighted_accum<Halfvec>(fcinfo);
}

RV_FUNCTION(ruvector_vector_weighted_combine) {
	Datum result = combine_states(fcinfo, "weighted_combine");
	if (std::isinf(view(DatumGetArrayTypeP(result)).weight()))
		float_overflow_error();
	return result;
}

RV_FUNCTION(ruvector_vector_weighted_avg) {
	return mean<Vector>(fcinfo, state_arg(fcinfo, 0, "weighted_avg"));
}

RV_FUNCTION(ruvector_halfvec_weighted_avg) {
	return mean<Halfvec>(fcinfo, state_arg(fcinfo, 0, "weighted_avg"));
}

} // namespace ruvector::types
