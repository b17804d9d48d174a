// types/dense.cpp - the checks of the door, with the error texts that clients know.
#include "ruvector/types/dense.hpp"

extern "C" {
#include "common/shortest_dec.h"
#include "utils/float.h"
}

namespace ruvector::types {

void raise_overflow() {
	float_overflow_error();
	pg_unreachable();
}

void raise_underflow() {
	float_underflow_error();
	pg_unreachable();
}

void raise_out_of_range(float value, const char *type_name) {
	char text[FLOAT_SHORTEST_DECIMAL_LEN];
	float_to_shortest_decimal_buf(value, text);
	ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					errmsg("\"%s\" is out of range for type %s", text, type_name)));
	pg_unreachable();
}

void check_dim_of(const char *type_name, int dim, int max_dim) {
	if (dim < 1)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s must have at least 1 dimension", type_name)));
	if (dim > max_dim)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("%s cannot have more than %d dimensions", type_name, max_dim)));
}

void check_expected_dim(int32 typmod, int dim) {
	if (typmod != -1 && typmod != dim)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected %d dimensions, not %d", typmod, dim)));
}

void check_same_dims_of(const char *type_name, int a, int b) {
	if (a != b)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("different %s dimensions %d and %d", type_name, a, b)));
}

void raise_bad_element(const char *type_name, bool is_nan) {
	if (is_nan)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in %s", type_name)));
	ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("infinite value not allowed in %s", type_name)));
	pg_unreachable();
}

} // namespace ruvector::types
