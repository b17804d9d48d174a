// am/executor.cpp - what index scans and the executor cannot tell each other: when the executor starts, index scans
// below a LIMIT are looked at.
//
// Distances that nobody reads. For SELECT id FROM t ORDER BY v <-> $1 LIMIT 10, PostgreSQL computes v <-> $1 for every
// row that the index returns: the expression is a "junk" column of the plan, dropped at its top. The index has ordered
// the rows already, and the distance costs a detoasted vector per row, which is a large part of the whole query. Such a
// column is made a NULL constant. Nothing above the LIMIT of a query level reads the level's junk sort columns; LIMIT ...
// WITH TIES compares them, so it is left alone.
//
// The LIMIT. A scan is not told how many rows are wanted, nor which of its rows a filter leaves out; the LIMIT above it
// knows both. Scans below one are remembered for as long as the query.
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

struct LimitedScan {
	MemoryContextCallback callback; // of the query's memory: takes it out of the list
	const LimitState *limit;
	const IndexScanState *scan;
	LimitedScan *next;
};

LimitedScan *limited_scans = nullptr; // of all open queries, the latest first

void forget_scan(void *argument) {
	LimitedScan **link = &limited_scans;
	while (*link != nullptr && *link != argument)
		link = &(*link)->next;
	if (*link != nullptr)
		*link = (*link)->next;
}

// In the query's memory.
void remember_scan(const LimitState *limit, const IndexScanState *scan) {
	LimitedScan *entry = static_cast<LimitedScan *>(palloc0(sizeof(LimitedScan)));
	entry->limit = limit;
	entry->scan = scan;
	entry->next = limited_scans;
	entry->callback.func = forget_scan;
	entry->callback.arg = entry;
	limited_scans = entry;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &entry->callback);
}

bool is_order_by(const IndexScan *plan, const TargetEntry *entry) {
	ListCell *cell;
	foreach (cell, plan->indexorderbyorig)
		if (equal(entry->expr, lfirst(cell)))
			return true;
	return false;
}

void drop_junk_distances(IndexScanState *scan) {
	const IndexScan *plan = reinterpret_cast<const IndexScan *>(scan->ss.ps.plan);
	if (scan->ss.ps.ps_ProjInfo == nullptr)
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

void below_limit(const LimitState *limit, IndexScanState *scan) {
	const IndexScan *plan = reinterpret_cast<const IndexScan *>(scan->ss.ps.plan);
	if (plan->indexorderbyorig == NIL || scan->iss_RelationDesc == nullptr)
		return;
	ambuild_function build = scan->iss_RelationDesc->rd_indam->ambuild;
	if (build != hnsw_ambuild && build != ivfflat_ambuild)
		return;
	if (build == hnsw_ambuild)
		remember_scan(limit, scan);
	drop_junk_distances(scan);
}

bool walk(PlanState *state, void *context) {
	if (state == nullptr)
		return false;
	if (IsA(state, LimitState) && reinterpret_cast<Limit *>(state->plan)->limitOption == LIMIT_OPTION_COUNT &&
		outerPlanState(state) != nullptr && IsA(outerPlanState(state), IndexScanState))
		below_limit(reinterpret_cast<LimitState *>(state), reinterpret_cast<IndexScanState *>(outerPlanState(state)));
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

const LimitState *limit_above(IndexScanDesc scan, bool *filtered) {
	for (const LimitedScan *known = limited_scans; known != nullptr; known = known->next)
		if (known->scan->iss_ScanDesc == scan) {
			*filtered = known->scan->ss.ps.qual != nullptr;
			return known->limit;
		}
	return nullptr;
}

void install_executor_hook() {
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = start;
}

} // namespace ruvector::am
