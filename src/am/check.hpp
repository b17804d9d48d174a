// am/check.hpp - opens an index for its owner; walks it: what it consists of, and whether that is consistent.
#pragma once

#include "am/hnsw.hpp"

extern "C" {
#include "access/tupdesc.h"
#include "utils/tuplestore.h"
}

namespace ruvector::am {

// An hnsw index and its table, locked.
struct OpenIndex {
	Relation heap;
	Relation index;
	LOCKMODE lock;
};
// Opens the table first, as everybody does. Only the owner may, which is checked before anything is locked; or whoever
// `check_rights` lets pass, which gets the table when it is locked.
OpenIndex open_index(Oid oid, LOCKMODE lock, void (*check_rights)(Relation heap) = nullptr);
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
};

// Counts what there is. Others may change the index meanwhile: the result is then approximate.
void walk_for_stats(Relation index, IndexStats *stats);
// Reports whatever is wrong. Nobody may write to the table meanwhile. With heap_all_indexed the table is read too:
// every row that should be in the index must be. Reads every page of the index some 2 + degree times, and uses about 30
// bytes of memory per vertex.
void walk_for_problems(Relation index, Relation heap, bool heap_all_indexed, ProblemRows *problems);

} // namespace ruvector::am
