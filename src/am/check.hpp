// am/check.hpp - opens an index for its owner; walks it: what it consists of, and whether that is consistent.
#pragma once

#include "am/hnsw.hpp"

extern "C" {
#include "access/tableam.h"
#include "access/tupdesc.h"
#include "utils/tuplestore.h"
}

namespace ruvector::am {

// An index and its table, locked.
struct OpenIndex {
	Relation heap;
	Relation index;
	LOCKMODE lock;
};
// Opens the table first, as everybody does. Only the owner may, which is checked before anything is locked; or whoever
// `check_rights` lets pass, which gets the table when it is locked.
OpenIndex open_index(Oid oid, LOCKMODE lock, void (*check_rights)(Relation heap) = nullptr, bool or_ivfflat = false);
void close_index(const OpenIndex &open);

struct IndexStats {
	MetaPage meta;
	int64 pages, slot_pages, chunk_pages;
	int64 vertices, dead, free_slots; // live and dead ones at level 0
	int64 tids, vertices_with_tids;
	int64 by_level[graph::kMaxLevel + 1]; // live records
	int64 edges;                          // of live records at level 0
	int64 unreachable;                    // live vertices to which no path leads from the entry point
};

// Where problems go: rows (block bigint, slot int, problem text).
struct ProblemRows {
	Tuplestorestate *rows;
	TupleDesc desc;

	// InvalidBlockNumber, -1: nowhere.
	void put(BlockNumber block, int slot, const char *format, ...) pg_attribute_printf(4, 5);
	void put_list(BlockNumber block, int slot, const char *format, va_list arguments) pg_attribute_printf(4, 0);
};

// Counts what there is. Others may change the index meanwhile: the result is then approximate.
void walk_for_stats(Relation index, IndexStats *stats);
// Reports whatever is wrong. Nobody may write to the table meanwhile. With heap_all_indexed the table is read too:
// every row that should be in the index must be. Reads every page of the index some 2 + degree times, and uses about 30
// bytes of memory per vertex.
void walk_for_problems(Relation index, Relation heap, bool heap_all_indexed, ProblemRows *problems);
// The same of an ivfflat index (ivfflat_check.cpp): 24 bytes of memory per entry. With heap_all_indexed an entry must also
// be what its row's vector gives.
void walk_lists_for_problems(Relation index, Relation heap, bool heap_all_indexed, ProblemRows *problems);
// As an index build would scan the table, but with a snapshot: rows that are visible must be indexed by the TID of the
// root of their HOT chain, which is what the callback gets.
void scan_visible_rows(Relation index, Relation heap, IndexBuildCallback callback, void *state);

} // namespace ruvector::am
