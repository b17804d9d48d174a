// am/projection.cpp - spares the executor distances that nobody reads.
//
// For SELECT id FROM t ORDER BY v <-> $1 LIMIT 10, PostgreSQL computes v <-> $1 for every row that the index returns:
// the expression is a "junk" column of the plan, dropped at its top. The index has ordered the rows already, and the
// distance costs a detoasted vector per row, which is a large part of the whole query. When the executor starts, such a
// column of an index scan below a LIMIT is made a NULL constant. Nothing above the LIMIT of a query level reads the
// level's junk sort columns; LIMIT ... WITH TIES compares them, so it is left alone.
#include "am/ivfflat.hpp"
#include "ruvector/pg/compat.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
}

namespace ruvector::am {

namespace {

ExecutorStart_hook_type previous_executor_start = nullptr;

bool is_order_by(const IndexScan *plan, const TargetEntry *entry) {
	ListCell *cell;
	foreach (cell, plan->indexorderbyorig)
		if (equal(entry->expr, lfirst(cell)))
			return true;
	return false;
}

void drop_junk_distances(IndexScanState *scan) {
	const IndexScan *plan = reinterpret_cast<const IndexScan *>(scan->ss.ps.plan);
	if (scan->ss.ps.ps_ProjInfo == nullptr || plan->indexorderbyorig == NIL || scan->iss_RelationDesc == nullptr)
		return;
	ambuild_function build = scan->iss_RelationDesc->rd_indam->ambuild;
	if (build != hnsw_ambuild && build != ivfflat_ambuild)
		return;
	bool any = false;
	List *list = NIL;
	ListCell *cell;
	foreach (cell, plan->scan.plan.targetlist) {
		TargetEntry *entry = lfirst_node(TargetEntry, cell);
		if (entry->resjunk && is_order_by(plan, entry)) {
			Node *expression = reinterpret_cast<Node *>(entry->expr);
			entry = flatCopyTargetEntry(entry);
			entry->expr = reinterpret_cast<Expr *>(
				makeNullConst(exprType(expression), exprTypmod(expression), exprCollation(expression)));
			any = true;
		}
		list = lappend(list, entry);
	}
	if (any)
		scan->ss.ps.ps_ProjInfo =
			ExecBuildProjectionInfo(list, scan->ss.ps.ps_ExprContext, scan->ss.ps.ps_ResultTupleSlot, &scan->ss.ps,
									scan->ss.ss_ScanTupleSlot->tts_tupleDescriptor);
}

bool walk(PlanState *state, void *context) {
	if (state == nullptr)
		return false;
	if (IsA(state, LimitState) && reinterpret_cast<Limit *>(state->plan)->limitOption == LIMIT_OPTION_COUNT &&
		outerPlanState(state) != nullptr && IsA(outerPlanState(state), IndexScanState))
		drop_junk_distances(reinterpret_cast<IndexScanState *>(outerPlanState(state)));
	return planstate_tree_walker(state, RV_WALKER(walk), context);
}

void start(QueryDesc *query, int flags) {
	if (previous_executor_start)
		previous_executor_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
	if ((flags & EXEC_FLAG_EXPLAIN_ONLY) || query->planstate == nullptr)
		return;
	MemoryContext old = MemoryContextSwitchTo(query->estate->es_query_cxt);
	walk(query->planstate, nullptr);
	MemoryContextSwitchTo(old);
}

} // namespace

void install_executor_hook() {
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = start;
}

} // namespace ruvector::am
