// types/sparsevec_agg.cpp - sum, average and weighted average of sparsevec.
//
// The state keeps terms (index, value) in double precision. New terms are appended; when the buffer is full it is
// sorted and terms with the same index are added up, and it grows only if most of it is still in use after that. So a
// row costs O(nnz log terms) however many rows there are. Terms are sorted in a state of its own memory context; final
// functions may add up, which does not change the sum, so that they may run many times (as a window function, or
// shared).
#include <algorithm>
#include <cmath>

#include "ruvector/pg/boundary.hpp"
#include "ruvector/types/dense.hpp"
#include "ruvector/types/sparse.hpp"

extern "C" {
#include "libpq/pqformat.h"
}

namespace ruvector::types {

namespace {

struct Term {
	int32 index;
	double value;
};

constexpr Size kFirstCapacity = 256;
// 256 MB of terms. A result has at most kSparsevecMaxNnz: this is for sums that cancel.
constexpr Size kMaxTerms = Size{16} * 1024 * 1024;

struct SumState {
	MemoryContext context;
	int32 dim; // 0 before the first row
	int64 rows;
	double weight;
	Term *terms;
	Size n;
	Size capacity;
	bool compact; // ascending indices without duplicates
};

SumState *make_state(FunctionCallInfo fcinfo) {
	MemoryContext context;
	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("aggregate function called in non-aggregate context")));
	auto *state = static_cast<SumState *>(MemoryContextAllocZero(context, sizeof(SumState)));
	state->context = context;
	state->compact = true;
	return state;
}

void compact(SumState *state) {
	if (state->compact)
		return;
	Term *terms = state->terms;
	std::sort(terms, terms + state->n, [](const Term &a, const Term &b) { return a.index < b.index; });
	Size n = 0;
	for (Size i = 0; i < state->n; i++) {
		if (n > 0 && terms[n - 1].index == terms[i].index)
			terms[n - 1].value += terms[i].value;
		else
			terms[n++] = terms[i];
	}
	state->n = n;
	state->compact = true;
}

// Makes room for `more` terms.
void reserve(SumState *state, Size more) {
	if (state->n + more <= state->capacity)
		return;
	compact(state);
	// Doubling when more than half is in use keeps the cost of compacting constant per term.
	const Size wanted = std::max(kFirstCapacity, 2 * (state->n + more));
	if (state->n + more > kMaxTerms)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("sum of sparsevec has too many different indices")));
	if (wanted <= state->capacity)
		return;
	const Size bytes = wanted * sizeof(Term);
	state->terms = static_cast<Term *>(state->terms ? repalloc_huge(state->terms, bytes)
													: MemoryContextAllocHuge(state->context, bytes));
	state->capacity = wanted;
}

void set_dim(SumState *state, int32 dim) {
	if (state->dim == 0)
		state->dim = dim;
	else if (unlikely(state->dim != dim))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("different sparsevec dimensions %d and %d", state->dim, dim)));
}

void append(SumState *state, int32 index, double value) noexcept {
	state->terms[state->n++] = {index, value};
}

void add_row(SumState *state, const Sparsevec *v, double weight) {
	set_dim(state, v->dim);
	reserve(state, static_cast<Size>(v->nnz));
	const float *values = sparse_values(v);
	for (int i = 0; i < v->nnz; i++)
		append(state, v->indices[i], weight * static_cast<double>(values[i]));
	state->compact = state->compact && (v->nnz == 0 || state->n == static_cast<Size>(v->nnz));
	state->rows++;
	state->weight += weight;
}

// The terms divided by `divisor`, without zeros.
Sparsevec *finish(SumState *state, double divisor) {
	compact(state);
	int nnz = 0;
	for (Size i = 0; i < state->n; i++) {
		const auto value = static_cast<float>(state->terms[i].value / divisor);
		if (!std::isfinite(value))
			raise_overflow();
		if (value != 0.0f && ++nnz > kSparsevecMaxNnz)
			check_sparsevec_nnz(nnz, state->dim);
	}
	Sparsevec *result = make_sparsevec(state->dim, nnz);
	float *values = sparse_values(result);
	int n = 0;
	for (Size i = 0; i < state->n; i++) {
		const auto value = static_cast<float>(state->terms[i].value / divisor);
		if (value == 0.0f)
			continue;
		result->indices[n] = state->terms[i].index;
		values[n++] = value;
	}
	return result;
}

SumState *state_arg(FunctionCallInfo fcinfo, int i) {
	return PG_ARGISNULL(i) ? nullptr : static_cast<SumState *>(static_cast<void *>(PG_GETARG_POINTER(i)));
}

Datum state_result(FunctionCallInfo fcinfo, SumState *state) {
	if (state == nullptr)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

} // namespace

} // namespace ruvector::types

using namespace ruvector::types;

RV_FUNCTION(ruvector_sparsevec_accum) {
	SumState *state = state_arg(fcinfo, 0);
	if (PG_ARGISNULL(1))
		return state_result(fcinfo, state);
	if (state == nullptr)
		state = make_state(fcinfo);
	add_row(state, sparsevec_arg(PG_GETARG_DATUM(1)), 1.0);
	PG_RETURN_POINTER(state);
}

RV_FUNCTION(ruvector_sparsevec_weighted_accum) {
	SumState *state = state_arg(fcinfo, 0);
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return state_result(fcinfo, state);
	const double weight = PG_GETARG_FLOAT8(2);
	if (!std::isfinite(weight) || weight < 0.0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("weight must be finite and not negative")));
	if (state == nullptr)
		state = make_state(fcinfo);
	add_row(state, sparsevec_arg(PG_GETARG_DATUM(1)), weight);
	if (unlikely(std::isinf(state->weight)))
		raise_overflow();
	PG_RETURN_POINTER(state);
}

RV_FUNCTION(ruvector_sparsevec_sum_final) {
	SumState *state = state_arg(fcinfo, 0);
	if (state == nullptr)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(finish(state, 1.0));
}

RV_FUNCTION(ruvector_sparsevec_avg_final) {
	SumState *state = state_arg(fcinfo, 0);
	if (state == nullptr)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(finish(state, static_cast<double>(state->rows)));
}

// NULL where all weights are zero.
RV_FUNCTION(ruvector_sparsevec_weighted_avg_final) {
	SumState *state = state_arg(fcinfo, 0);
	if (state == nullptr || state->weight == 0.0)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(finish(state, state->weight));
}

RV_FUNCTION(ruvector_sparsevec_combine) {
	SumState *a = state_arg(fcinfo, 0);
	SumState *b = state_arg(fcinfo, 1);
	if (b == nullptr)
		return state_result(fcinfo, a);
	if (a == nullptr)
		a = make_state(fcinfo);
	set_dim(a, b->dim);
	reserve(a, b->n);
	for (Size i = 0; i < b->n; i++)
		append(a, b->terms[i].index, b->terms[i].value);
	a->compact = false;
	a->rows += b->rows;
	a->weight += b->weight;
	PG_RETURN_POINTER(a);
}

RV_FUNCTION(ruvector_sparsevec_serialize) {
	SumState *state = state_arg(fcinfo, 0);
	compact(state);
	StringInfoData message;
	pq_begintypsend(&message);
	pq_sendint32(&message, static_cast<uint32>(state->dim));
	pq_sendint64(&message, static_cast<uint64>(state->rows));
	pq_sendfloat8(&message, state->weight);
	pq_sendint64(&message, static_cast<uint64>(state->n));
	for (Size i = 0; i < state->n; i++) {
		pq_sendint32(&message, static_cast<uint32>(state->terms[i].index));
		pq_sendfloat8(&message, state->terms[i].value);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

RV_FUNCTION(ruvector_sparsevec_deserialize) {
	bytea *bytes = PG_GETARG_BYTEA_PP(0);
	StringInfoData message;
	initStringInfo(&message);
	appendBinaryStringInfo(&message, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	SumState *state = make_state(fcinfo);
	state->dim = static_cast<int32>(pq_getmsgint(&message, 4));
	state->rows = pq_getmsgint64(&message);
	state->weight = pq_getmsgfloat8(&message);
	const int64 n = pq_getmsgint64(&message);
	if (n < 0 || n > (message.len - message.cursor) / 12)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid state of a sparsevec aggregate")));
	reserve(state, static_cast<Size>(n));
	for (int64 i = 0; i < n; i++) {
		const auto index = static_cast<int32>(pq_getmsgint(&message, 4));
		append(state, index, pq_getmsgfloat8(&message));
	}
	pq_getmsgend(&message);
	pfree(message.data);
	PG_RETURN_POINTER(state);
}
