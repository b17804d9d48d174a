// am/ivfflat_insert.cpp - aminsert: appends an entry to the list of the nearest centroid.
#include <cmath>

#include "am/ivfflat.hpp"

extern "C" {
#include "access/generic_xlog.h"
}

namespace ruvector::am {

namespace {

struct Nearest {
	uint32 list;
	BlockNumber insert;
	void *centroid;
};

Nearest nearest_list(Relation index, const IvfflatContext &c, const void *vector) {
	Nearest nearest = {0, 0, palloc(c.layout.vector_bytes)};
	float best = HUGE_VALF;
	for (uint32 list = 0; list < c.lists;) {
		CHECK_FOR_INTERRUPTS();
		Buffer buffer = ivfflat_list_buffer(index, c, list, BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(buffer);
		for (uint32 end = Min(c.lists, list + c.lists_per_page()); list < end; list++) {
			IvfflatList *record = page_list(page, c, list);
			float d = c.distance(c.layout, list_centroid(record), vector);
			if (d < best || list == 0) {
				best = d;
				nearest.list = list;
				nearest.insert = record->insert;
				memcpy(nearest.centroid, list_centroid(record), c.layout.vector_bytes);
			}
		}
		UnlockReleaseBuffer(buffer);
	}
	return nearest;
}

struct NewEntry {
	ItemPointer tid;
	void *stored;
};

void begin_entry_page(Page page, const IvfflatContext &c, const NewEntry &entry) {
	ivfflat_page_init(page, IvfflatPageKind::entries, sizeof(IvfflatPageHead));
	page_add(page, c, entry.tid, entry.stored);
}

// Makes the first page of a list. Returns 0, or where to insert if another insert was faster.
BlockNumber begin_chain(Relation index, const IvfflatContext &c, uint32 list, const NewEntry &entry) {
	Buffer list_buffer = ivfflat_list_buffer(index, c, list, BUFFER_LOCK_EXCLUSIVE);
	BlockNumber insert = page_list(BufferGetPage(list_buffer), c, list)->insert;
	if (insert == 0) {
		Buffer buffer = ivfflat_extend(index, MAIN_FORKNUM);
		GenericXLogState *state = GenericXLogStart(index);
		IvfflatList *record = page_list(GenericXLogRegisterBuffer(state, list_buffer, 0), c, list);
		Page page = GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE);
		begin_entry_page(page, c, entry);
		record->first = record->insert = BufferGetBlockNumber(buffer);
		GenericXLogFinish(state);
		UnlockReleaseBuffer(buffer);
	}
	UnlockReleaseBuffer(list_buffer);
	return insert;
}

// Adds to the first page from `block` on that has room, or to a new one at the end. Returns which it was.
BlockNumber add_to_chain(Relation index, const IvfflatContext &c, BlockNumber block, const NewEntry &entry) {
	ListWalk walk = {};
	for (;;) {
		CHECK_FOR_INTERRUPTS();
		Buffer buffer = ivfflat_entry_buffer(index, c, block, &walk, BUFFER_LOCK_EXCLUSIVE);
		Page page = BufferGetPage(buffer);
		BlockNumber next = ivfflat_opaque(page)->next;
		if (page_has_room(page, c)) {
			GenericXLogState *state = GenericXLogStart(index);
			page_add(GenericXLogRegisterBuffer(state, buffer, 0), c, entry.tid, entry.stored);
			GenericXLogFinish(state);
			UnlockReleaseBuffer(buffer);
			return block;
		}
		if (next == 0) {
			Buffer new_buffer = ivfflat_extend(index, MAIN_FORKNUM);
			block = BufferGetBlockNumber(new_buffer);
			GenericXLogState *state = GenericXLogStart(index);
			page = GenericXLogRegisterBuffer(state, buffer, 0);
			Page new_page = GenericXLogRegisterBuffer(state, new_buffer, GENERIC_XLOG_FULL_IMAGE);
			begin_entry_page(new_page, c, entry);
			ivfflat_opaque(page)->next = block;
			GenericXLogFinish(state);
			UnlockReleaseBuffer(new_buffer);
			UnlockReleaseBuffer(buffer);
			return block;
		}
		UnlockReleaseBuffer(buffer);
		block = next;
	}
}

} // namespace

bool ivfflat_aminsert(Relation index, Datum *values, bool *isnull, ItemPointer heap_tid, Relation, IndexUniqueCheck,
					  bool, IndexInfo *) {
	if (isnull[0])
		return false;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "ivfflat insert", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);

	IvfflatContext c = load_ivfflat_context(index);
	IvfflatVector vector = ivfflat_vector(c, values[0], false);
	if (vector.vector) {
		Nearest nearest = nearest_list(index, c, vector.vector);
		NewEntry entry = {heap_tid, palloc(c.stored_bytes)};
		ivfflat_encode(c, nearest.centroid, vector, entry.stored);
		if (nearest.insert == 0)
			nearest.insert = begin_chain(index, c, nearest.list, entry);
		if (nearest.insert != 0) {
			BlockNumber block = add_to_chain(index, c, nearest.insert, entry);
			if (block != nearest.insert)
				ivfflat_set_insert(index, c, nearest.list, block);
		}
	}

	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return false;
}

} // namespace ruvector::am
