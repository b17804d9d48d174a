// am/insert.cpp - aminsert: adds one vertex, or one more heap TID to an identical one.
// Locks: the insert lock in share mode against vacuum's freeing of records; exclusively when the entry point may
// change.
#include "am/buffer_store.hpp"
#include "ruvector/graph/insert.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace ruvector::am {

namespace {

// Empty. It keeps its first block from one insert to the next, so that a row does not ask the operating system for memory
// and give it back. What an insert that failed has left goes with the next.
MemoryContext insert_memory() {
	static MemoryContext kept = nullptr;
	if (!kept)
		kept = AllocSetContextCreate(TopMemoryContext, "hnsw insert", 512 * 1024, 512 * 1024, 8 * 1024 * 1024);
	MemoryContextReset(kept);
	return kept;
}

} // namespace

bool hnsw_aminsert(Relation index, Datum *values, bool *isnull, ItemPointer heap_tid, Relation, IndexUniqueCheck, bool,
				   IndexInfo *) {
	if (isnull[0])
		return false;
	MemoryContext memory = insert_memory();
	MemoryContext old = MemoryContextSwitchTo(memory);

	MetaPage meta;
	read_meta(index, &meta);
	Context *context = load_context(index, meta);
	const graph::Layout &layout = context->layout;
	const void *vector = working_vector(*context, values[0], false);
	if (vector) {
		int level =
			graph::draw_level(layout, graph::hash_vector(vector, graph::working_size(layout, vector), layout.seed));
		LOCKMODE mode = level > meta.entry_level ? ExclusiveLock : ShareLock;
		LockPage(index, kInsertLock, mode);
		read_meta(index, &meta); // vacuum may have moved the entry point; another insert may have been the first
		if (mode == ShareLock && level > meta.entry_level) {
			UnlockPage(index, kInsertLock, mode);
			mode = ExclusiveLock;
			LockPage(index, kInsertLock, mode);
			read_meta(index, &meta);
		}
		if (center_bytes(layout) != 0) {
			if (!meta.center_set) {
				float *center = static_cast<float *>(palloc(center_bytes(layout)));
				graph::to_floats(layout, vector, center);
				write_parameters(index, 0, center, center_bytes(layout), true);
				mark_center_set(index, true);
				read_meta(index, &meta);
			}
			if (!context->model.center)
				context = load_context(index, meta);
		}

		BufferStore store;
		store.initialize(index, &context->layout, true);
		graph::Arena arena = context_arena(memory);
		auto *inserter = static_cast<graph::Inserter<BufferStore> *>(palloc(sizeof(graph::Inserter<BufferStore>)));
		inserter->initialize(&store, &context->layout, &context->model, &arena, &arena);
		graph::Entry entry = {meta.entry, meta.entry_level};
		graph::HeapTid tid = to_heap_tid(heap_tid);
		graph::NodeId same = inserter->find(vector, level, entry);
		if (inserter->alone && mode == ShareLock) {
			// A vacuum is about to remove all others. The vertex becomes the entry point, with nobody beside.
			UnlockPage(index, kInsertLock, mode);
			mode = ExclusiveLock;
			LockPage(index, kInsertLock, mode);
			read_meta(index, &meta);
			entry = {meta.entry, meta.entry_level};
			same = inserter->find(vector, level, entry);
		}
		graph::NodeId top = inserter->place(vector, tid, level, entry, same);
		if (top != graph::kNoNode) {
			if (inserter->alone)
				set_entry(index, top, level);
			else if (level > meta.entry_level)
				raise_entry(index, top, level, true);
		}
		UnlockPage(index, kInsertLock, mode);
	}

	MemoryContextSwitchTo(old);
	MemoryContextReset(memory);
	return false;
}

} // namespace ruvector::am
