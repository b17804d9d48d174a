// am/rerank.hpp - exact distances of rows, from the table: what a search of coded vectors ends with.
//
// A search gives a stream of rows in order of estimated distance. They are looked up, and wait in a heap at their exact
// distances. The nearest is returned when it is nearer than the next of the stream can be, its estimated distance less
// kErrors of its standard errors, or when the look-ahead is used up.
#pragma once

#include "am/context.hpp"
#include "am/heap_pages.hpp"
#include "am/toast.hpp"

#include <algorithm>

extern "C" {
#include "access/relscan.h"
#include "access/tableam.h"
#include "executor/executor.h"
}

namespace ruvector::am {

// A row at its exact distance.
struct RankedRow {
	float distance;
	graph::HeapTid tid;
	bool counts; // the first of its vertex
};

// When a row is returned although something nearer may follow: when `window` rows have been looked up, and beyond the first
// `rows` rows so many have been found as are a multiple of the rows returned, because an estimate puts a row at a multiple
// of its true rank (per_row; hnsw), and so many more than were returned (wait; ivfflat).
struct LookAhead {
	uint32 window;
	uint32 rows;
	double per_row;
	uint32 wait;

	bool enough(uint32 looked_up, uint32 found, uint32 row) const {
		return looked_up >= window && (row <= rows || found >= Max(per_row * row, double(row) + wait));
	}
	void widen() {
		window = Min(window, UINT32_MAX / 2) * 2;
		wait = Min(wait, UINT32_MAX / 2) * 2;
		per_row *= 2;
	}
};

struct Reranker {
	static constexpr float kErrors = 3;

	Relation heap;
	Snapshot snapshot;
	IndexFetchTableData *fetch;
	HeapPages pages;
	TupleTableSlot *slot;
	AttrNumber column;     // of the table; 0: the index is on an expression
	IndexInfo *index_info; // for an expression
	EState *estate;
	MemoryContext row_memory;
	ToastReader *toast;
	uint64 fetched; // rows read

	// Of the present query.
	graph::Arena arena;
	const Context *context;
	const void *query;             // in the working form
	graph::List<RankedRow> ranked; // a heap, nearest first
	LookAhead ahead;
	uint32 looked_up; // of the stream
	uint32 found;     // of those, what the snapshot sees; of equal vectors, which one vertex stands for, the first
	uint32 returned;  // of those
	uint32 late_at;   // the look-up that found a row too late
	bool strict;      // such a row is left out
	float last;       // returned
	float passed;     // returned, and known to be of the result: the caller sets it

	// Everything is allocated in the current memory context, which must live as long as the scan.
	void begin(IndexScanDesc scan);
	// Before the next query: gives up what it has pinned.
	void reset() { table_index_fetch_reset(fetch); }
	void end();

	void start_query(graph::Arena arena, const Context &context, const void *query, LookAhead ahead, bool strict);
	// Another stream of the same query begins, and a new order.
	void start_stream() {
		looked_up = found = returned = late_at = 0;
		last = passed = -HUGE_VALF;
	}
	// Looks a row up, unless its estimate is exact; whether it will be returned. `counts`: as the vertex's first.
	bool add(ItemPointerData tid, float estimate, float error, bool counts);
	// The next row in order. The stream has
	//   const Estimate *next();   the nearest that was not looked up, or null at the end: what has `distance` and `error`
	//   void look_up(Reranker &); calls add() for it, and goes on
	template <typename Stream>
	bool next(Stream stream, graph::HeapTid *tid) {
		for (;;) {
			CHECK_FOR_INTERRUPTS();
			if (ranked.size > 0 && ahead.enough(looked_up, found, returned + 1))
				break;
			const auto *estimate = stream.next();
			if (ranked.size > 0 &&
				(estimate == nullptr || ranked[0].distance <= estimate->distance - kErrors * estimate->error))
				break;
			if (estimate == nullptr)
				return false;
			looked_up++;
			stream.look_up(*this);
		}
		std::pop_heap(ranked.begin(), ranked.end(), farther);
		const RankedRow &row = ranked[--ranked.size];
		last = row.distance;
		returned += row.counts;
		*tid = row.tid;
		return true;
	}

private:
	static bool farther(const RankedRow &a, const RankedRow &b) { return a.distance > b.distance; }
	// The distance between a row that the snapshot sees and the query; false if it sees none, or the row has no vector.
	bool distance(ItemPointerData tid, float *result);
};

} // namespace ruvector::am
