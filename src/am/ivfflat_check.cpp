// am/ivfflat_check.cpp - walks an ivfflat index: whether every entry page is in one list, every row in one entry, and every
// entry what its row gives. Nothing read from a page is trusted; pages are copied, so that nothing is locked while a row is
// reported.
#include "am/check.hpp"
#include "am/ivfflat.hpp"

namespace ruvector::am {

namespace {

struct EntryNote {
	uint64 tid;
	BlockNumber block;
	uint32 entry, list;
};

struct CheckWalk {
	Relation index;
	ProblemRows *problems;
	BlockNumber blocks, heap_blocks;
	IvfflatContext context;
	uint8 *seen; // a bit a page
	EntryNote *notes;
	Size note_count, note_capacity;
	PGAlignedBlock page;
	// Of the comparison with the table.
	MemoryContext row_memory;
	void *stored;
};

void *allocate(Size bytes) {
	return palloc_extended(Max(bytes, Size(8)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

Page copy_page(CheckWalk *w, BlockNumber block) {
	CHECK_FOR_INTERRUPTS();
	Buffer buffer = ReadBuffer(w->index, block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	memcpy(w->page.data, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
	return static_cast<Page>(w->page.data);
}

void note_entry(CheckWalk *w, uint32 list, BlockNumber block, uint32 entry, const graph::HeapTid &heap_tid) {
	ItemPointerData tid;
	from_heap_tid(heap_tid, &tid);
	if (!ItemPointerIsValid(&tid) || heap_tid.offset > MaxOffsetNumber ||
		ItemPointerGetBlockNumberNoCheck(&tid) >= w->heap_blocks) {
		w->problems->put(block, int(entry), "the heap TID (%u,%u) cannot be", ItemPointerGetBlockNumberNoCheck(&tid),
						 ItemPointerGetOffsetNumberNoCheck(&tid));
		return;
	}
	if (w->note_count == w->note_capacity) {
		w->note_capacity *= 2;
		w->notes = static_cast<EntryNote *>(repalloc_huge(w->notes, w->note_capacity * sizeof(EntryNote)));
	}
	uint64 key = uint64(ItemPointerGetBlockNumber(&tid)) << 16 | ItemPointerGetOffsetNumber(&tid);
	w->notes[w->note_count++] = {key, block, entry, list};
}

void walk_list(CheckWalk *w, uint32 list, IvfflatList record) {
	const IvfflatContext &c = w->context;
	const BlockNumber list_block = c.list_block(list);
	bool insert_found = record.first == 0 && record.insert == 0;
	for (BlockNumber block = record.first; block != 0;) {
		if (block < c.parameter_block() + c.parameter_pages() || block >= w->blocks) {
			w->problems->put(list_block, -1, "list %u leads to block %u, which cannot have its entries", list, block);
			return;
		}
		if (w->seen[block / 8] >> block % 8 & 1) {
			w->problems->put(block, -1, "the page is in list %u for the second time, or in another one", list);
			return;
		}
		w->seen[block / 8] = uint8(w->seen[block / 8] | 1 << block % 8);
		Page page = copy_page(w, block);
		if (!is_ivfflat_page(page, IvfflatPageKind::entries) || page_head(page)->count > c.page_entries()) {
			w->problems->put(block, -1, "the page is in list %u, but is no page of entries", list);
			return;
		}
		// A change of the page is logged without what is between pd_lower and pd_upper.
		const LocationIndex end = reinterpret_cast<PageHeader>(page)->pd_lower;
		if (end != entries_end(c, page_head(page)->count))
			w->problems->put(block, -1, "pd_lower is %u instead of %u", end, entries_end(c, page_head(page)->count));
		for (uint32 entry = 0; entry < page_head(page)->count; entry++)
			note_entry(w, list, block, entry, *page_tid(page, c, entry));
		insert_found = insert_found || block == record.insert;
		block = ivfflat_opaque(page)->next;
	}
	if (!insert_found)
		w->problems->put(list_block, -1, "inserts into list %u begin at block %u, which is not in it", list,
						 record.insert);
}

int compare_notes(const void *a, const void *b) {
	uint64 x = static_cast<const EntryNote *>(a)->tid, y = static_cast<const EntryNote *>(b)->tid;
	return x < y ? -1 : x > y;
}

void check_tids_unique(CheckWalk *w) {
	qsort(w->notes, w->note_count, sizeof(EntryNote), compare_notes);
	for (Size i = 1; i < w->note_count; i++)
		if (w->notes[i].tid == w->notes[i - 1].tid)
			w->problems->put(w->notes[i].block, int(w->notes[i].entry),
							 "heap TID (%u,%u) is in the index twice, here and at block %u",
							 BlockNumber(w->notes[i].tid >> 16), unsigned(w->notes[i].tid & 0xffff),
							 w->notes[i - 1].block);
}

// A page that an insert had added when the server stopped belongs to nobody and is empty.
void check_strays(CheckWalk *w) {
	for (BlockNumber block = w->context.parameter_block() + w->context.parameter_pages(); block < w->blocks; block++) {
		if (w->seen[block / 8] >> block % 8 & 1)
			continue;
		Page page = copy_page(w, block);
		if (!PageIsNew(page))
			w->problems->put(block, -1, "the page is in no list");
	}
}

void check_row(Relation, ItemPointer tid, Datum *values, bool *isnull, bool, void *state) {
	auto *w = static_cast<CheckWalk *>(state);
	if (isnull[0])
		return;
	MemoryContext old = MemoryContextSwitchTo(w->row_memory);
	IvfflatVector vector = ivfflat_vector(w->context, values[0], false); // null: it is not for the index
	EntryNote key = {uint64(ItemPointerGetBlockNumber(tid)) << 16 | ItemPointerGetOffsetNumber(tid), 0, 0, 0};
	const auto *found =
		static_cast<const EntryNote *>(bsearch(&key, w->notes, w->note_count, sizeof(EntryNote), compare_notes));
	if (vector.vector != nullptr && found == nullptr) {
		w->problems->put(InvalidBlockNumber, -1, "the row at (%u,%u) is not in the index",
						 ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid));
	} else if (vector.vector != nullptr) {
		Page page = copy_page(w, w->context.list_block(found->list));
		ivfflat_encode(w->context, list_centroid(page_list(page, w->context, found->list)), vector, w->stored);
		if (!page_entry_is(copy_page(w, found->block), w->context, found->entry, w->stored))
			w->problems->put(found->block, int(found->entry), "the entry is not that of the row at (%u,%u)",
							 ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid));
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(w->row_memory);
}

} // namespace

void walk_lists_for_problems(Relation index, Relation heap, bool heap_all_indexed, ProblemRows *problems) {
	auto *w = static_cast<CheckWalk *>(palloc0(sizeof(CheckWalk)));
	w->index = index;
	w->problems = problems;
	w->blocks = RelationGetNumberOfBlocks(index);
	w->heap_blocks = RelationGetNumberOfBlocks(heap);
	w->context = load_ivfflat_context(index);
	w->seen = static_cast<uint8 *>(allocate(w->blocks / 8 + 1));
	w->note_capacity = 1024;
	w->notes = static_cast<EntryNote *>(allocate(w->note_capacity * sizeof(EntryNote)));
	for (uint32 list = 0; list < w->context.lists; list++) {
		Page page = copy_page(w, w->context.list_block(list));
		if (!is_ivfflat_page(page, IvfflatPageKind::lists)) {
			w->problems->put(w->context.list_block(list), -1, "the page has no lists");
			return;
		}
		walk_list(w, list, *page_list(page, w->context, list));
	}
	check_tids_unique(w);
	check_strays(w);
	if (heap_all_indexed) {
		w->row_memory = AllocSetContextCreate(CurrentMemoryContext, "ivfflat check", ALLOCSET_DEFAULT_SIZES);
		w->stored = palloc(w->context.stored_bytes);
		scan_visible_rows(index, heap, check_row, w);
		MemoryContextDelete(w->row_memory);
	}
}

} // namespace ruvector::am
