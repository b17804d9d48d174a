// am/context.hpp - what an operation needs to know of an index: its layout, operator class, rotation, centre and codec;
// and how SQL values become vectors in their working form.
#pragma once

#include "am/hnsw.hpp"
#include "ruvector/graph/distance.hpp"
#include "ruvector/graph/search.hpp"

namespace ruvector::am {

struct Context {
	graph::Layout layout;
	Opclass opclass;
	graph::Model model; // its center is null until there is one
	uint8_t *signs;
	float *center;
	uint8_t *state; // of the codec
};

// A copy, in the current memory context, of what the relation cache holds; `meta` was read from the index just now.
Context *load_context(Relation index, const MetaPage &meta);
// For an index that is being built: nothing is read from it.
Context *make_context(const graph::Layout &layout, const Opclass &opclass);

// The codec of the stored forms of an index of coded vectors; without its state.
codec::VectorCodec vector_codec(graph::Codec codec, uint32 dims, uint32 pq_subspaces);
inline codec::VectorCodec vector_codec(const graph::Layout &layout) {
	return vector_codec(graph::Codec(layout.codec), layout.dims, layout.pq_subspaces);
}

// What the parameter pages hold: the centre (dims floats) where vectors are rotated, then the codebook of pq.
Size center_bytes(const graph::Layout &layout);
Size codebook_bytes(const graph::Layout &layout);
uint32 parameter_block_count(const graph::Layout &layout);

// Subspaces of pq: what the option says, or what suits the dimensions.
uint32 planned_subspaces(uint32 dims, int option);

// What to plan the records of an index from.
graph::LayoutRequest layout_request(const Opclass &opclass, const Options &options, uint32 dims);
// Makes the parameters those of the context; the centre or the codebook may be null.
void set_parameters(Context *context, const float *center, const uint8_t *codebook);

// The working form (see graph/distance.hpp) of a SQL value, detoasted, checked, normalised for cosine. nullptr for a
// vector that is not indexed (zero norm under cosine) unless `query`. The result may point into the value.
const void *working_vector(const Context &context, Datum value, bool query);
// The working form of a vector of zeros: what a NULL query means.
const void *zero_vector(const Context &context);

graph::Arena context_arena(MemoryContext memory);
void *palloc_aligned(Size bytes); // for tables that kernels read: to 64 bytes

inline graph::HeapTid to_heap_tid(ItemPointer tid) {
	return {tid->ip_blkid.bi_hi, tid->ip_blkid.bi_lo, tid->ip_posid};
}
inline void from_heap_tid(const graph::HeapTid &tid, ItemPointer out) {
	out->ip_blkid.bi_hi = tid.block_hi;
	out->ip_blkid.bi_lo = tid.block_lo;
	out->ip_posid = tid.offset;
}
// Of a row that is to be read. A damaged one can be the number that means a new page: reading it would add one to the table.
ItemPointerData row_tid(Relation index, const graph::HeapTid &tid);

} // namespace ruvector::am
