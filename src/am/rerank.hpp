// am/rerank.hpp - exact distances of rows, from the table: what a search of coded vectors ends with.
#pragma once

#include "am/context.hpp"
#include "am/toast.hpp"

extern "C" {
#include "access/relscan.h"
#include "access/tableam.h"
#include "executor/executor.h"
}

namespace ruvector::am {

struct Reranker {
	Relation heap;
	Snapshot snapshot;
	IndexFetchTableData *fetch;
	TupleTableSlot *slot;
	AttrNumber column;     // of the table; 0: the index is on an expression
	IndexInfo *index_info; // for an expression
	EState *estate;
	MemoryContext row_memory;
	ToastReader *toast;
	uint64 fetched; // rows read

	// Everything is allocated in the current memory context, which must live as long as the scan.
	void begin(IndexScanDesc scan);
	// The distance between a row that the snapshot sees and the query (both in the working form); false if it sees none,
	// or the row has no vector.
	bool distance(const Context &context, const void *query, ItemPointerData tid, float *result);
	// Before the next query: gives up what it has pinned.
	void reset() { table_index_fetch_reset(fetch); }
	void end();
};

} // namespace ruvector::am
