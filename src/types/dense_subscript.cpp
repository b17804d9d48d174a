// types/dense_subscript.cpp - reading elements: v[1] is a real, v[2:3] a vector. Bounds are 1-based and inclusive, as
// those of arrays; what lies outside is NULL, and so is an empty slice, since a vector has at least one dimension. The
// callbacks are called by the executor itself: page-code rules, nothing here throws.
#include "types/dense_function.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "executor/execExpr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/subscripting.h"
#include "parser/parse_coerce.h"
#include "parser/parse_expr.h"
#include "utils/fmgrprotos.h"
}

namespace ruvector::types {

namespace {

// The subscripts of one evaluation.
struct Bounds {
	int64 lower;
	int64 upper;
};

// An expression as an integer; NULL stays NULL (a bound left out).
Node *transform_bound(ParseState *pstate, Node *bound) {
	if (bound == nullptr)
		return nullptr;
	Node *expr = transformExpr(pstate, bound, pstate->p_expr_kind);
	Node *result =
		coerce_to_target_type(pstate, expr, exprType(expr), INT4OID, -1, COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	if (result == nullptr)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("vector subscript must have type integer"),
						parser_errposition(pstate, exprLocation(expr))));
	return result;
}

void transform(SubscriptingRef *sbsref, List *indirection, ParseState *pstate, bool is_slice, bool is_assignment) {
	auto *first = static_cast<A_Indices *>(linitial(indirection));

	if (is_assignment)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("elements of a %s cannot be assigned to", format_type_be(sbsref->refcontainertype)),
						errhint("Assign a whole new value, for example one cast from an array.")));
	if (list_length(indirection) != 1)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("%s allows only one subscript", format_type_be(sbsref->refcontainertype)),
						parser_errposition(pstate, exprLocation(static_cast<Node *>(lsecond(indirection))))));

	sbsref->refupperindexpr = list_make1(transform_bound(pstate, first->uidx));
	sbsref->reflowerindexpr = is_slice ? list_make1(transform_bound(pstate, first->lidx)) : NIL;
	sbsref->refrestype = is_slice ? sbsref->refcontainertype : FLOAT4OID;
	// The container's modifier is its number of dimensions, a slice has another.
	sbsref->reftypmod = -1;
}

// Turns the evaluated subscripts into bounds; false (with a NULL result) if one is NULL.
bool check_subscripts(ExprState *, ExprEvalStep *op, ExprContext *) {
	SubscriptingRefState *state = op->d.sbsref_subscript.state;
	auto *bounds = static_cast<Bounds *>(state->workspace);

	bounds->lower = 1;
	bounds->upper = PG_INT32_MAX;
	if (state->upperprovided[0]) {
		if (state->upperindexnull[0]) {
			*op->resnull = true;
			return false;
		}
		bounds->upper = DatumGetInt32(state->upperindex[0]);
	}
	if (state->numlower > 0 && state->lowerprovided[0]) {
		if (state->lowerindexnull[0]) {
			*op->resnull = true;
			return false;
		}
		bounds->lower = DatumGetInt32(state->lowerindex[0]);
	}
	return true;
}

template <typename V>
void fetch_element(ExprState *, ExprEvalStep *op, ExprContext *) {
	const auto *bounds = static_cast<const Bounds *>(op->d.sbsref.state->workspace);
	const V *v = dense_arg<V>(*op->resvalue);

	*op->resnull = bounds->upper < 1 || bounds->upper > v->dim;
	*op->resvalue = *op->resnull ? static_cast<Datum>(0) : Float4GetDatum(Dense<V>::to_float(v->x[bounds->upper - 1]));
}

template <typename V>
void fetch_slice(ExprState *, ExprEvalStep *op, ExprContext *) {
	const auto *bounds = static_cast<const Bounds *>(op->d.sbsref.state->workspace);
	const V *v = dense_arg<V>(*op->resvalue);
	const int64 lower = bounds->lower < 1 ? 1 : bounds->lower;
	const int64 upper = bounds->upper > v->dim ? v->dim : bounds->upper;

	*op->resnull = lower > upper;
	*op->resvalue = static_cast<Datum>(0);
	if (*op->resnull)
		return;
	V *result = make_dense<V>(static_cast<int>(upper - lower + 1));
	memcpy(result->x, v->x + (lower - 1), sizeof(v->x[0]) * static_cast<size_t>(result->dim));
	*op->resvalue = PointerGetDatum(result);
}

template <typename V>
void exec_setup(const SubscriptingRef *, SubscriptingRefState *state, SubscriptExecSteps *methods) {
	state->workspace = palloc0(sizeof(Bounds));
	methods->sbs_check_subscripts = check_subscripts;
	methods->sbs_fetch = state->numlower > 0 ? fetch_slice<V> : fetch_element<V>;
	methods->sbs_assign = nullptr;
	methods->sbs_fetch_old = nullptr;
}

template <typename V>
Datum subscript(FunctionCallInfo) {
	static const SubscriptRoutines routines = {
		transform, exec_setup<V>,
		true,  // fetch_strict: NULL of a NULL
		true,  // fetch_leakproof: raises nothing that tells of the value
		false, // store_leakproof
	};
	PG_RETURN_POINTER(&routines);
}

} // namespace

RV_DENSE_FUNCTION(subscript)

} // namespace ruvector::types
