// types/dense_cast.cpp - type modifiers, vector to and from halfvec, arrays.
#include "types/dense_floats.hpp"
#include "types/dense_function.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
}

namespace ruvector::types {

namespace {

// The cast to the same type checks the type modifier.
template <typename V>
Datum coerce(FunctionCallInfo fcinfo) {
	V *v = dense_arg<V>(PG_GETARG_DATUM(0));
	check_expected_dim(PG_GETARG_INT32(1), v->dim);
	PG_RETURN_POINTER(v);
}

template <typename V, typename T>
void from_fixed(const ArrayType *array, V *result) {
	const T *values = reinterpret_cast<const T *>(ARR_DATA_PTR(array));
	for (int i = 0; i < result->dim; i++)
		result->x[i] = to_element<V>(static_cast<float>(values[i]));
}

template <typename V>
void from_numeric(ArrayType *array, V *result) {
	Datum *elements;
	int n;
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements, nullptr, &n);
	for (int i = 0; i < n; i++)
		result->x[i] = to_element<V>(DatumGetFloat4(DirectFunctionCall1(numeric_float4, elements[i])));
	pfree(elements);
}

template <typename V>
Datum from_array(FunctionCallInfo fcinfo) {
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	const int32 typmod = PG_GETARG_INT32(1);

	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
	const int dim = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	check_dim<V>(dim);
	check_expected_dim(typmod, dim);

	V *result = make_dense<V>(dim);
	switch (ARR_ELEMTYPE(array)) {
	case INT4OID:
		from_fixed<V, int32>(array, result);
		break;
	case FLOAT4OID:
		from_fixed<V, float4>(array, result);
		break;
	case FLOAT8OID:
		from_fixed<V, float8>(array, result);
		break;
	case NUMERICOID:
		from_numeric(array, result);
		break;
	default:
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("unsupported array type")));
	}
	// Values beyond float have become infinities.
	for (int i = 0; i < dim; i++)
		check_element<V>(result->x[i]);
	PG_RETURN_POINTER(result);
}

// The type modifier belongs to the array and is not looked at.
template <typename V>
Datum to_float4(FunctionCallInfo fcinfo) {
	const V *v = dense_arg<V>(PG_GETARG_DATUM(0));
	const Size size = ARR_OVERHEAD_NONULLS(1) + sizeof(float4) * static_cast<Size>(v->dim);
	auto *result = static_cast<ArrayType *>(palloc0(size));

	SET_VARSIZE(result, size);
	result->ndim = 1;
	result->dataoffset = 0;
	result->elemtype = FLOAT4OID;
	ARR_DIMS(result)[0] = v->dim;
	ARR_LBOUND(result)[0] = 1;
	auto *out = reinterpret_cast<float4 *>(ARR_DATA_PTR(result));
	for (int i = 0; i < v->dim; i++)
		out[i] = Dense<V>::to_float(v->x[i]);
	PG_RETURN_ARRAYTYPE_P(result);
}

} // namespace

RV_DENSE_FUNCTION(coerce)
RV_DENSE_FUNCTION(from_array)
RV_DENSE_FUNCTION(to_float4)

RV_FUNCTION(ruvector_halfvec_to_vector) {
	const Halfvec *v = halfvec_arg(PG_GETARG_DATUM(0));
	check_expected_dim(PG_GETARG_INT32(1), v->dim);
	Vector *result = make_vector(v->dim);
	simd::kernels->f16_to_f32(v->x, result->x, static_cast<size_t>(v->dim));
	PG_RETURN_POINTER(result);
}

RV_FUNCTION(ruvector_vector_to_halfvec) {
	const Vector *v = vector_arg(PG_GETARG_DATUM(0));
	check_expected_dim(PG_GETARG_INT32(1), v->dim);
	Halfvec *result = make_halfvec(v->dim);
	simd::kernels->f32_to_f16(v->x, result->x, static_cast<size_t>(v->dim));
	for (int i = 0; i < v->dim; i++)
		if (unlikely(half_is_inf(result->x[i])))
			raise_out_of_range(v->x[i], Dense<Halfvec>::name);
	PG_RETURN_POINTER(result);
}

} // namespace ruvector::types
