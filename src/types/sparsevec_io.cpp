// types/sparsevec_io.cpp - input, output and type modifier of sparsevec, and the checks of its door.
#include "types/sparsevec_format.hpp"

#include <algorithm>
#include <cmath>

#include "ruvector/pg/boundary.hpp"
#include "ruvector/pg/compat.hpp"
#include "ruvector/types/sparse.hpp"

extern "C" {
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
}

namespace ruvector::types {

float sparse_at(const Sparsevec *v, int32 index) noexcept {
	const int32 *end = v->indices + v->nnz;
	const int32 *found = std::lower_bound(v->indices, end, index);
	return found != end && *found == index ? sparse_values(v)[found - v->indices] : 0.0f;
}

void check_same_dims(const Sparsevec *a, const Sparsevec *b) {
	if (unlikely(a->dim != b->dim))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("different sparsevec dimensions %d and %d", a->dim, b->dim)));
}

void check_sparsevec_typmod(int32 typmod, int dim) {
	if (unlikely(typmod != -1 && typmod != dim))
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected %d dimensions, not %d", typmod, dim)));
}

namespace {

struct FaultText {
	int sqlstate;
	const char *message;
};

// The faults that do not quote the input.
FaultText fault_text(SparseFault fault) noexcept {
	switch (fault) {
	case SparseFault::nan:
		return {ERRCODE_DATA_EXCEPTION, "NaN not allowed in sparsevec"};
	case SparseFault::infinite:
		return {ERRCODE_DATA_EXCEPTION, "infinite value not allowed in sparsevec"};
	case SparseFault::zero:
		return {ERRCODE_DATA_EXCEPTION, "binary representation of sparsevec cannot contain zero values"};
	case SparseFault::too_few_dims:
		return {ERRCODE_DATA_EXCEPTION, "sparsevec must have at least 1 dimension"};
	case SparseFault::too_many_dims:
		return {ERRCODE_PROGRAM_LIMIT_EXCEEDED, "sparsevec cannot have more than 1000000000 dimensions"};
	case SparseFault::negative_nnz:
		return {ERRCODE_DATA_EXCEPTION, "sparsevec cannot have negative number of elements"};
	case SparseFault::too_many_elements:
		return {ERRCODE_PROGRAM_LIMIT_EXCEEDED, "sparsevec cannot have more than 16000 non-zero elements"};
	case SparseFault::more_than_dims:
		return {ERRCODE_PROGRAM_LIMIT_EXCEEDED, "sparsevec cannot have more elements than dimensions"};
	case SparseFault::index_bounds:
		return {ERRCODE_DATA_EXCEPTION, "sparsevec index out of bounds"};
	case SparseFault::index_order:
		return {ERRCODE_DATA_EXCEPTION, "sparsevec indices must be in ascending order"};
	case SparseFault::index_duplicate:
		return {ERRCODE_DATA_EXCEPTION, "sparsevec indices must not contain duplicates"};
	case SparseFault::short_data:
		return {ERRCODE_PROTOCOL_VIOLATION, "insufficient data left in message"};
	default:
		return {ERRCODE_INTERNAL_ERROR, "unexpected fault of a sparsevec"};
	}
}
static_assert(kSparsevecMaxDim == 1000000000 && kSparsevecMaxNnz == 16000, "named in fault_text");

void raise_fault(SparseFault fault) {
	if (likely(fault == SparseFault::none))
		return;
	const FaultText text = fault_text(fault);
	ereport(ERROR, (errcode(text.sqlstate), errmsg_internal("%s", text.message)));
}

// Ends the input function, with a soft error where the caller wants one.
Datum input_fault(FunctionCallInfo fcinfo, SparseFault fault) {
	const FaultText text = fault_text(fault);
	RV_INPUT_ERROR(fcinfo, (errcode(text.sqlstate), errmsg_internal("%s", text.message)));
	return 0;
}

Datum input_fault(FunctionCallInfo fcinfo, const SparseText &parsed, const char *text) {
	const char *detail = nullptr;
	switch (parsed.fault) {
	case SparseFault::out_of_range:
		RV_INPUT_ERROR(
			fcinfo, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("\"%s\" is out of range for type sparsevec", pnstrdup(parsed.token, parsed.token_length))));
		break;
	case SparseFault::must_start:
		detail = "Vector contents must start with \"{\".";
		break;
	case SparseFault::unexpected_end:
		detail = "Unexpected end of input.";
		break;
	case SparseFault::junk:
		detail = "Junk after closing.";
		break;
	case SparseFault::syntax:
		break;
	default:
		return input_fault(fcinfo, parsed.fault);
	}
	RV_INPUT_ERROR(fcinfo, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
							errmsg("invalid input syntax for type sparsevec: \"%s\"", text),
							detail ? errdetail("%s", detail) : 0));
	return 0;
}

} // namespace

void check_sparsevec_dim(int dim) {
	raise_fault(check_sparse_dim(dim));
}

void check_sparsevec_nnz(int nnz, int dim) {
	raise_fault(check_sparse_nnz(nnz, dim));
}

void check_sparsevec_element(float value) {
	if (unlikely(std::isnan(value)))
		raise_fault(SparseFault::nan);
	if (unlikely(std::isinf(value)))
		raise_fault(SparseFault::infinite);
}

} // namespace ruvector::types

using namespace ruvector::types;

RV_FUNCTION(ruvector_sparsevec_in) {
	const char *text = PG_GETARG_CSTRING(0);
	const int32 typmod = PG_GETARG_INT32(2);
	const size_t capacity = count_sparse_elements(text);
	if (capacity > kSparsevecMaxNnz)
		return input_fault(fcinfo, SparseFault::too_many_elements);
	auto *elements = static_cast<SparseElement *>(palloc(capacity * sizeof(SparseElement)));
	const SparseText parsed = parse_sparse_text(text, elements);
	if (parsed.fault != SparseFault::none)
		return input_fault(fcinfo, parsed, text);
	SparseFault fault = check_sparse_dim(parsed.dim);
	if (fault != SparseFault::none)
		return input_fault(fcinfo, fault);
	if (typmod != -1 && typmod != parsed.dim)
		RV_INPUT_ERROR(fcinfo,
					   (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected %d dimensions, not %d", typmod, parsed.dim)));

	sort_sparse_elements(elements, static_cast<size_t>(parsed.nnz));
	Sparsevec *result = make_sparsevec(parsed.dim, parsed.nnz);
	float *values = sparse_values(result);
	for (int i = 0; i < parsed.nnz; i++) {
		result->indices[i] = elements[i].index;
		values[i] = elements[i].value;
		fault = check_sparse_index(result->indices, i, parsed.dim);
		if (fault != SparseFault::none)
			return input_fault(fcinfo, fault);
	}
	pfree(elements);
	PG_RETURN_POINTER(result);
}

RV_FUNCTION(ruvector_sparsevec_out) {
	const Sparsevec *v = sparsevec_arg(PG_GETARG_DATUM(0));
	const float *values = sparse_values(v);
	// Per element: index, colon, number, comma; around them: braces, slash, dimensions, NUL.
	constexpr Size kElementLen = 10 + 1 + FLOAT_SHORTEST_DECIMAL_LEN + 1;
	char *text = static_cast<char *>(palloc(static_cast<Size>(v->nnz) * kElementLen + 16));
	char *p = text;
	*p++ = '{';
	for (int i = 0; i < v->nnz; i++) {
		if (i > 0)
			*p++ = ',';
		p += pg_ltoa(v->indices[i] + 1, p);
		*p++ = ':';
		p += float_to_shortest_decimal_bufn(values[i], p);
	}
	*p++ = '}';
	*p++ = '/';
	pg_ltoa(v->dim, p);
	PG_RETURN_CSTRING(text);
}

RV_FUNCTION(ruvector_sparsevec_typmod_in) {
	int n;
	const int32 *typmods = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &n);
	if (n != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid type modifier")));
	if (typmods[0] < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("dimensions for type sparsevec must be at least 1")));
	if (typmods[0] > kSparsevecMaxDim)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("dimensions for type sparsevec cannot exceed %d", kSparsevecMaxDim)));
	PG_RETURN_INT32(typmods[0]);
}

RV_FUNCTION(ruvector_sparsevec_recv) {
	auto message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
	const int32 typmod = PG_GETARG_INT32(2);
	const auto *bytes = reinterpret_cast<const uint8_t *>(message->data + message->cursor);
	const auto length = static_cast<size_t>(message->len - message->cursor);
	SparseHeader header;
	raise_fault(decode_sparse_header(bytes, length, &header));
	check_sparsevec_dim(header.dim);
	check_sparsevec_nnz(header.nnz, header.dim);
	check_sparsevec_typmod(typmod, header.dim);
	if (header.unused != 0)
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("expected unused to be 0, not %d", header.unused)));

	Sparsevec *result = make_sparsevec(header.dim, header.nnz);
	size_t used = 0;
	raise_fault(decode_sparse_body(bytes + kSparseHeaderBytes, length - kSparseHeaderBytes, header, result->indices,
								   sparse_values(result), &used));
	message->cursor += static_cast<int>(kSparseHeaderBytes + used);
	PG_RETURN_POINTER(result);
}

RV_FUNCTION(ruvector_sparsevec_send) {
	const Sparsevec *v = sparsevec_arg(PG_GETARG_DATUM(0));
	const float *values = sparse_values(v);
	StringInfoData message;
	pq_begintypsend(&message);
	pq_sendint32(&message, static_cast<uint32>(v->dim));
	pq_sendint32(&message, static_cast<uint32>(v->nnz));
	pq_sendint32(&message, static_cast<uint32>(v->unused));
	for (int i = 0; i < v->nnz; i++)
		pq_sendint32(&message, static_cast<uint32>(v->indices[i]));
	for (int i = 0; i < v->nnz; i++)
		pq_sendfloat4(&message, values[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
