// am/rerank.cpp - reads rows of the table for the exact distances of their vectors.
#include "am/rerank.hpp"

extern "C" {
#include "catalog/index.h"
#include "utils/memutils.h"
}

namespace ruvector::am {

void Reranker::begin(IndexScanDesc scan) {
	heap = scan->heapRelation;
	snapshot = scan->xs_snapshot;
	fetch = table_index_fetch_begin(heap);
	pages.begin(heap, fetch);
	slot = table_slot_create(heap, nullptr);
	column = scan->indexRelation->rd_index->indkey.values[0];
	row_memory = AllocSetContextCreate(CurrentMemoryContext, "hnsw rerank row", ALLOCSET_DEFAULT_SIZES);
	toast = static_cast<ToastReader *>(palloc0(sizeof(ToastReader)));
	if (column == 0) {
		index_info = BuildIndexInfo(scan->indexRelation);
		estate = CreateExecutorState();
		GetPerTupleExprContext(estate)->ecxt_scantuple = slot;
	}
	fetched = 0;
}

void Reranker::start_query(graph::Arena of_query, const Context &of_index, const void *wanted, LookAhead look_ahead,
						   bool in_order) {
	arena = of_query;
	context = &of_index;
	query = wanted;
	ranked = {};
	ahead = look_ahead;
	strict = in_order;
	start_stream();
}

bool Reranker::add(ItemPointerData tid, float estimate, float error, bool counts) {
	float d = estimate;
	// Codes of int8 alone know that they are exact: a codebook without data announces no error either.
	const bool exact = error == 0 && context->opclass.codec == graph::Codec::int8;
	if (!exact && !distance(tid, &d))
		return false;
	if (d < passed && strict) {
		if (late_at != looked_up) // once, however many rows a vertex has
			ahead.widen();
		late_at = looked_up;
		return false;
	}
	found += counts;
	ranked.push(arena, {d, to_heap_tid(&tid), counts});
	std::push_heap(ranked.begin(), ranked.end(), farther);
	return true;
}

bool Reranker::distance(ItemPointerData tid, float *result) {
	bool again = false, all_dead = false, found = false;
	fetched++;
	pages.pin(tid);
	if (!table_index_fetch_tuple(fetch, &tid, snapshot, slot, &again, &all_dead))
		return false;
	MemoryContext old = MemoryContextSwitchTo(row_memory);
	Datum value;
	bool isnull;
	if (column != 0) {
		value = slot_getattr(slot, column, &isnull);
		if (!isnull)
			value = toast->read(heap, value);
	} else
		FormIndexDatum(index_info, slot, estate, &value, &isnull);
	const void *vector = isnull ? nullptr : working_vector(*context, value, false);
	if (vector != nullptr) {
		*result = graph::ordered(graph::distance_function(context->layout)(context->layout, query, vector));
		found = true;
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(row_memory);
	if (estate != nullptr)
		ResetPerTupleExprContext(estate);
	ExecClearTuple(slot);
	return found;
}

void Reranker::end() {
	toast->end();
	if (estate != nullptr)
		FreeExecutorState(estate);
	ExecDropSingleTupleTableSlot(slot);
	table_index_fetch_end(fetch);
	MemoryContextDelete(row_memory);
}

} // namespace ruvector::am
