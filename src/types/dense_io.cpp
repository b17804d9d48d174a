// types/dense_io.cpp - text and binary input and output, type modifiers.
#include "ruvector/pg/compat.hpp"
#include "types/dense_floats.hpp"
#include "types/dense_function.hpp"
#include "types/parse_dense.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
}

namespace ruvector::types {

namespace {

// Reports what the parser found, as a soft error where there are such. `text` is the whole input.
template <typename V>
Datum report(FunctionCallInfo fcinfo, const DenseText &parsed, const char *text) {
	const char *name = Dense<V>::name;

	switch (parsed.error) {
	case DenseError::no_bracket:
		RV_INPUT_ERROR(fcinfo, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
								errmsg("invalid input syntax for type %s: \"%s\"", name, text),
								errdetail("Vector contents must start with \"[\".")));
		break;
	case DenseError::empty:
		RV_INPUT_ERROR(fcinfo, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("%s must have at least 1 dimension", name)));
		break;
	case DenseError::too_many:
		RV_INPUT_ERROR(fcinfo, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
								errmsg("%s cannot have more than %d dimensions", name, Dense<V>::max_dim)));
		break;
	case DenseError::out_of_range:
		RV_INPUT_ERROR(fcinfo, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
								errmsg("\"%s\" is out of range for type %s",
									   pnstrdup(text + parsed.position, parsed.end - parsed.position), name)));
		break;
	case DenseError::nan:
		RV_INPUT_ERROR(fcinfo, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("NaN not allowed in %s", name)));
		break;
	case DenseError::infinite:
		RV_INPUT_ERROR(fcinfo, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("infinite value not allowed in %s", name)));
		break;
	case DenseError::junk:
		RV_INPUT_ERROR(fcinfo, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
								errmsg("invalid input syntax for type %s: \"%s\"", name, text),
								errdetail("Junk after closing right brace.")));
		break;
	case DenseError::syntax:
	case DenseError::none:
		break;
	}
	RV_INPUT_ERROR(fcinfo, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
							errmsg("invalid input syntax for type %s: \"%s\"", name, text)));
	return 0;
}

template <typename V>
Datum in(FunctionCallInfo fcinfo) {
	constexpr bool is_vector = std::is_same_v<V, Vector>;
	const char *text = PG_GETARG_CSTRING(0);
	const int32 typmod = PG_GETARG_INT32(2);
	const int capacity = dense_capacity(text, Dense<V>::max_dim);

	// A vector is parsed in place, a halfvec by way of floats (so decimals are rounded twice, as pgvector does).
	V *result = make_dense<V>(capacity);
	float *values;
	if constexpr (is_vector)
		values = result->x;
	else
		values = static_cast<float *>(palloc(sizeof(float) * capacity));

	const DenseText parsed = parse_dense(text, values, capacity, is_vector ? HUGE_VALF : kHalfOverflow);
	if (parsed.error != DenseError::none)
		return report<V>(fcinfo, parsed, text);
	if (typmod != -1 && typmod != parsed.dim)
		RV_INPUT_ERROR(fcinfo,
					   (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected %d dimensions, not %d", typmod, parsed.dim)));

	if constexpr (!is_vector) {
		store_floats(values, result, 0, parsed.dim);
		pfree(values);
	}
	result->dim = static_cast<int16>(parsed.dim);
	SET_VARSIZE(result, dense_size<V>(parsed.dim));
	PG_RETURN_POINTER(result);
}

// The shortest text that reads back as the same float, whatever extra_float_digits says.
template <typename V>
Datum out(FunctionCallInfo fcinfo) {
	const V *v = dense_arg<V>(PG_GETARG_DATUM(0));
	const int dim = v->dim;
	// FLOAT_SHORTEST_DECIMAL_LEN counts a terminator: room for the comma.
	auto *text = static_cast<char *>(palloc(static_cast<Size>(dim) * FLOAT_SHORTEST_DECIMAL_LEN + 3));
	char *p = text;

	*p++ = '[';
	for (int i = 0; i < dim; i++) {
		if (i > 0)
			*p++ = ',';
		p += float_to_shortest_decimal_bufn(Dense<V>::to_float(v->x[i]), p);
	}
	*p++ = ']';
	*p = '\0';
	PG_FREE_IF_COPY(const_cast<V *>(v), 0);
	PG_RETURN_CSTRING(text);
}

template <typename V>
Datum typmod_in(FunctionCallInfo fcinfo) {
	int n;
	const int32 *modifiers = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &n);

	if (n != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid type modifier")));
	if (modifiers[0] < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("dimensions for type %s must be at least 1", Dense<V>::name)));
	if (modifiers[0] > Dense<V>::max_dim)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("dimensions for type %s cannot exceed %d", Dense<V>::name, Dense<V>::max_dim)));
	PG_RETURN_INT32(modifiers[0]);
}

// On the wire: int16 dim, int16 zero, the elements; network byte order.
template <typename V>
Datum recv(FunctionCallInfo fcinfo) {
	auto *message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
	const int32 typmod = PG_GETARG_INT32(2);
	const auto dim = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));
	const auto unused = static_cast<int16>(pq_getmsgint(message, sizeof(int16)));

	check_dim<V>(dim);
	check_expected_dim(typmod, dim);
	if (unused != 0)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected unused to be 0, not %d", unused)));

	V *result = make_dense<V>(dim);
	for (int i = 0; i < dim; i++) {
		if constexpr (std::is_same_v<V, Vector>)
			result->x[i] = pq_getmsgfloat4(message);
		else
			result->x[i] = static_cast<uint16_t>(pq_getmsgint(message, sizeof(uint16_t)));
		check_element<V>(result->x[i]);
	}
	PG_RETURN_POINTER(result);
}

template <typename V>
Datum send(FunctionCallInfo fcinfo) {
	const V *v = dense_arg<V>(PG_GETARG_DATUM(0));
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	enlargeStringInfo(&buffer, static_cast<int>(dense_size<V>(v->dim)));
	pq_sendint16(&buffer, static_cast<uint16>(v->dim));
	pq_sendint16(&buffer, static_cast<uint16>(v->unused));
	for (int i = 0; i < v->dim; i++) {
		if constexpr (std::is_same_v<V, Vector>)
			pq_sendfloat4(&buffer, v->x[i]);
		else
			pq_sendint16(&buffer, v->x[i]);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

} // namespace

RV_DENSE_FUNCTION(in)
RV_DENSE_FUNCTION(out)
RV_DENSE_FUNCTION(typmod_in)
RV_DENSE_FUNCTION(recv)
RV_DENSE_FUNCTION(send)

} // namespace ruvector::types
