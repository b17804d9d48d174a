// types/sparsevec_subscript.cpp - v[i], the value at a 1-based index, for reading.
//
// Zero where nothing is stored; NULL outside the dimensions, as for arrays.
#include "ruvector/pg/boundary.hpp"
#include "ruvector/types/sparse.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/execExpr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/subscripting.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"
}

namespace ruvector::types {

namespace {

// Called by the parser; everything here is trivially destructible, so errors may jump.
void transform(SubscriptingRef *ref, List *indirection, ParseState *pstate, bool is_slice, bool is_assignment) {
	auto *first = static_cast<A_Indices *>(linitial(indirection));
	if (is_assignment)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("elements of a sparsevec cannot be assigned to"),
						errhint("Assign a whole new value, for example one cast from an array.")));
	if (list_length(indirection) != 1)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("sparsevec allows only one subscript"),
						parser_errposition(pstate, exprLocation(static_cast<Node *>(lsecond(indirection))))));
	if (is_slice)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("sparsevec does not support slices"),
						parser_errposition(pstate, exprLocation(static_cast<Node *>(linitial(indirection))))));
	Node *index = transformExpr(pstate, first->uidx, pstate->p_expr_kind);
	Node *coerced = coerce_to_target_type(pstate, index, exprType(index), INT4OID, -1, COERCION_ASSIGNMENT,
										  COERCE_IMPLICIT_CAST, -1);
	if (coerced == nullptr)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("sparsevec subscript must have type integer"),
						parser_errposition(pstate, exprLocation(index))));
	ref->refupperindexpr = list_make1(coerced);
	ref->reflowerindexpr = NIL;
	ref->refrestype = FLOAT4OID;
	ref->reftypmod = -1;
}

struct Workspace {
	int32 index;
};

bool check_subscripts(ExprState *, ExprEvalStep *op, ExprContext *) {
	SubscriptingRefState *state = op->d.sbsref_subscript.state;
	if (state->upperindexnull[0]) {
		*op->resnull = true;
		return false;
	}
	static_cast<Workspace *>(state->workspace)->index = DatumGetInt32(state->upperindex[0]);
	return true;
}

void fetch(ExprState *, ExprEvalStep *op, ExprContext *) {
	const auto *work = static_cast<const Workspace *>(op->d.sbsref.state->workspace);
	const Sparsevec *v = sparsevec_arg(*op->resvalue);
	if (work->index < 1 || work->index > v->dim) {
		*op->resnull = true;
		return;
	}
	*op->resvalue = Float4GetDatum(sparse_at(v, work->index - 1));
	*op->resnull = false;
}

void setup(const SubscriptingRef *, SubscriptingRefState *state, SubscriptExecSteps *methods) {
	state->workspace = palloc0(sizeof(Workspace));
	methods->sbs_check_subscripts = check_subscripts;
	methods->sbs_fetch = fetch;
	methods->sbs_assign = nullptr;
	methods->sbs_fetch_old = nullptr;
}

const SubscriptRoutines kRoutines = {
	transform, setup,
	true,  // fetch_strict
	false, // fetch_leakproof: reading a toasted value may raise
	false, // store_leakproof
};

} // namespace

} // namespace ruvector::types

RV_FUNCTION(ruvector_sparsevec_subscript) {
	PG_RETURN_POINTER(&ruvector::types::kRoutines);
}
