// api/arguments.hpp - SQL values to and from the plain ones that the pure rooms take.
//
// Everything here may raise a PostgreSQL error and owns nothing: call it before any object with a destructor is alive,
// and build results after all of them are gone.
#pragma once

#include <cmath>
#include <cstdint>

#include "ruvector/pg/postgres.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
}
#pragma GCC diagnostic pop

namespace ruvector::api {

template <typename T>
struct Span {
	const T *data;
	size_t size;
};

inline void check_no_nulls(ArrayType *array, const char *name) {
	if (array_contains_nulls(array))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not contain nulls", name));
}

// An array without nulls of any number of dimensions, in storage (row-major) order. T is the C type of its elements.
template <typename T>
inline Span<T> array_arg(Datum datum, const char *name) {
	ArrayType *array = DatumGetArrayTypeP(datum);
	check_no_nulls(array, name);
	return {reinterpret_cast<const T *>(ARR_DATA_PTR(array)),
			static_cast<size_t>(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)))};
}

// The same for values that must be numbers.
inline Span<double> finite_array_arg(Datum datum, const char *name) {
	const auto values = array_arg<double>(datum, name);
	for (size_t i = 0; i < values.size; ++i)
		if (!std::isfinite(values.data[i]))
			ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s must not contain NaN or infinity", name));
	return values;
}

// The row that a function with OUT parameters returns: add the columns in order. NaN, which means "cannot be told" in the
// pure rooms, becomes NULL.
class Row {
public:
	Row &add(double value) { return add(Float8GetDatum(value), std::isnan(value)); }
	Row &add(int64 value) { return add(Int64GetDatum(value), false); }
	Row &add(bool value) { return add(BoolGetDatum(value), false); }
	Row &add(Datum value, bool is_null) {
		values_[count_] = value;
		nulls_[count_++] = is_null;
		return *this;
	}
	Datum build(FunctionCallInfo fcinfo) {
		TupleDesc descriptor;
		if (get_call_result_type(fcinfo, nullptr, &descriptor) != TYPEFUNC_COMPOSITE || descriptor->natts != count_)
			elog(ERROR, "return type must be a row type of %d columns", count_);
		return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values_, nulls_));
	}

private:
	static constexpr int kMaxColumns = 24;
	Datum values_[kMaxColumns];
	bool nulls_[kMaxColumns];
	int count_ = 0;
};

inline Datum float8_array(const double *values, size_t n) {
	auto *elements = static_cast<Datum *>(palloc(sizeof(Datum) * (n + 1)));
	auto *nulls = static_cast<bool *>(palloc(n + 1));
	int dims[1] = {static_cast<int>(n)}, bounds[1] = {1};
	for (size_t i = 0; i < n; ++i) {
		elements[i] = Float8GetDatum(values[i]);
		nulls[i] = std::isnan(values[i]);
	}
	return PointerGetDatum(construct_md_array(elements, nulls, n == 0 ? 0 : 1, dims, bounds, FLOAT8OID, 8,
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

} // namespace ruvector::api

// A function that returns NULL where an inner result is NaN.
#define RV_RETURN_FLOAT8(value)                                                                                        \
	do {                                                                                                               \
		const double rv_value = (value);                                                                               \
		if (std::isnan(rv_value))                                                                                      \
			PG_RETURN_NULL();                                                                                          \
		PG_RETURN_FLOAT8(rv_value);                                                                                    \
	} while (0)
