// am/context.hpp - what an operation needs to know of an index: its layout, operator class, rotation and centre; and
// how SQL values become stored vectors.
#pragma once

#include "am/hnsw.hpp"
#include "ruvector/graph/distance.hpp"
#include "ruvector/graph/search.hpp"

namespace ruvector::am {

struct Context {
	graph::Layout layout;
	Opclass opclass;
	graph::Projection projection; // when edges have codes; center is null until the first vector has been indexed
	uint8_t *signs;
	float *center;
};

// A copy, in the current memory context, of what the relation cache holds; `meta` was read from the index just now.
Context *load_context(Relation index, const MetaPage &meta);
// For an index that is being built: nothing is read from it.
Context *make_context(const graph::Layout &layout, const Opclass &opclass);

uint32 center_block_count(const graph::Layout &layout);

// The stored form (see graph/distance.hpp) of a SQL value, detoasted, checked, normalised for cosine. nullptr for a
// vector that is not indexed (zero norm under cosine) unless `query`. The result may point into the value.
const void *stored_vector(const Context &context, Datum value, bool query);
// The stored form of a vector of zeros: what a NULL query means.
const void *zero_vector(const Context &context);

graph::Arena context_arena(MemoryContext memory);

inline graph::HeapTid to_heap_tid(ItemPointer tid) {
	return {tid->ip_blkid.bi_hi, tid->ip_blkid.bi_lo, tid->ip_posid};
}
inline void from_heap_tid(const graph::HeapTid &tid, ItemPointer out) {
	out->ip_blkid.bi_hi = tid.block_hi;
	out->ip_blkid.bi_lo = tid.block_lo;
	out->ip_posid = tid.offset;
}

} // namespace ruvector::am
