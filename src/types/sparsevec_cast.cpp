// types/sparsevec_cast.cpp - between sparsevec and vector, halfvec and arrays.
#include <algorithm>

#include "ruvector/pg/boundary.hpp"
#include "ruvector/types/dense.hpp"
#include "ruvector/types/sparse.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
}

namespace ruvector::types {

namespace {

template <typename V>
Sparsevec *from_dense(const V *v, int32 typmod) {
	check_sparsevec_typmod(typmod, v->dim);
	int nnz = 0;
	for (int i = 0; i < v->dim; i++)
		nnz += !Dense<V>::is_zero(v->x[i]);
	Sparsevec *result = make_sparsevec(v->dim, nnz);
	float *values = sparse_values(result);
	for (int i = 0, n = 0; i < v->dim; i++) {
		if (Dense<V>::is_zero(v->x[i]))
			continue;
		result->indices[n] = i;
		values[n++] = Dense<V>::to_float(v->x[i]);
	}
	return result;
}

template <typename V>
V *to_dense(const Sparsevec *v, int32 typmod) {
	check_dim<V>(v->dim);
	check_expected_dim(typmod, v->dim);
	V *result = make_dense<V>(v->dim);
	const float *values = sparse_values(v);
	for (int i = 0; i < v->nnz; i++)
		result->x[v->indices[i]] = to_element<V>(values[i]);
	return result;
}

// The elements of an array without NULLs as floats, in `to`.
void array_to_floats(ArrayType *array, int n, float *to) {
	const char *data = ARR_DATA_PTR(array);
	switch (ARR_ELEMTYPE(array)) {
	case INT4OID:
		std::transform(reinterpret_cast<const int32 *>(data), reinterpret_cast<const int32 *>(data) + n, to,
					   [](int32 x) { return static_cast<float>(x); });
		break;
	case FLOAT4OID:
		std::copy_n(reinterpret_cast<const float *>(data), n, to);
		break;
	case FLOAT8OID:
		std::transform(reinterpret_cast<const double *>(data), reinterpret_cast<const double *>(data) + n, to,
					   [](double x) { return static_cast<float>(x); });
		break;
	case NUMERICOID: {
		Datum *elements;
		int count;
		deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements, nullptr, &count);
		for (int i = 0; i < n; i++) {
			CHECK_FOR_INTERRUPTS();
			to[i] = DatumGetFloat4(DirectFunctionCall1(numeric_float4, elements[i]));
		}
		pfree(elements);
		break;
	}
	default:
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("unsupported array type")));
	}
}

Sparsevec *from_array(ArrayType *array, int32 typmod) {
	if (ARR_NDIM(array) > 1)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("array must be 1-D")));
	if (array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("array must not contain nulls")));
	const int dim = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	check_sparsevec_dim(dim);
	check_sparsevec_typmod(typmod, dim);

	auto *elements = static_cast<float *>(palloc_extended(static_cast<Size>(dim) * sizeof(float), MCXT_ALLOC_HUGE));
	array_to_floats(array, dim, elements);
	// NaN counts too, so that there is room for it when it is found.
	const auto nnz = dim - static_cast<int>(std::count(elements, elements + dim, 0.0f));
	check_sparsevec_nnz(nnz, dim);
	Sparsevec *result = make_sparsevec(dim, nnz);
	float *values = sparse_values(result);
	for (int i = 0, n = 0; i < dim; i++) {
		if (elements[i] == 0.0f)
			continue;
		check_sparsevec_element(elements[i]);
		result->indices[n] = i;
		values[n++] = elements[i];
	}
	pfree(elements);
	return result;
}

} // namespace

} // namespace ruvector::types

using namespace ruvector::types;

// The length coercion: applies a type modifier.
RV_FUNCTION(ruvector_sparsevec_sparsevec) {
	Sparsevec *v = sparsevec_arg(PG_GETARG_DATUM(0));
	check_sparsevec_typmod(PG_GETARG_INT32(1), v->dim);
	PG_RETURN_POINTER(v);
}

RV_FUNCTION(ruvector_sparsevec_vector_to_sparsevec) {
	PG_RETURN_POINTER(from_dense(vector_arg(PG_GETARG_DATUM(0)), PG_GETARG_INT32(1)));
}

RV_FUNCTION(ruvector_sparsevec_sparsevec_to_vector) {
	PG_RETURN_POINTER(to_dense<Vector>(sparsevec_arg(PG_GETARG_DATUM(0)), PG_GETARG_INT32(1)));
}

RV_FUNCTION(ruvector_sparsevec_halfvec_to_sparsevec) {
	PG_RETURN_POINTER(from_dense(halfvec_arg(PG_GETARG_DATUM(0)), PG_GETARG_INT32(1)));
}

RV_FUNCTION(ruvector_sparsevec_sparsevec_to_halfvec) {
	PG_RETURN_POINTER(to_dense<Halfvec>(sparsevec_arg(PG_GETARG_DATUM(0)), PG_GETARG_INT32(1)));
}

RV_FUNCTION(ruvector_sparsevec_array_to_sparsevec) {
	PG_RETURN_POINTER(from_array(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_INT32(1)));
}
