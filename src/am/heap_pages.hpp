// am/heap_pages.hpp - the pages of the rows that a scan returns.
//
// The nearest rows lie anywhere in their table, and each costs a look-up in the buffer table, of which nothing is in the
// processor's cache. A page that is where it was last time needs none: it is pinned and put where heap's fetch looks
// first, the page that the fetch holds already. Tables of other access methods are left alone.
#pragma once

#include "am/buffer_hints.hpp"
#include "ruvector/simd/prefetch.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/tableam.h"
}

namespace ruvector::am {

struct HeapPages {
	Relation heap; // null: not for this table
	IndexFetchHeapData *fetch;
	BufferHints *hints;
	BlockNumber asked; // of the row that was fetched last

	void begin(Relation table, IndexFetchTableData *table_fetch) {
		heap = nullptr;
		if (table == nullptr || table_fetch == nullptr || table->rd_tableam != GetHeapamTableAmRoutine())
			return;
		hints = BufferHints::of(table, 1);
		if (hints == nullptr)
			return;
		heap = table;
		fetch = reinterpret_cast<IndexFetchHeapData *>(table_fetch);
		asked = InvalidBlockNumber;
	}

	// Brings what leads to a row towards the processor's cache, and then, when that is under way for all of them, the row.
	void prefetch(const ItemPointerData &tid) const {
		const Buffer buffer = known(tid);
		if (buffer == InvalidBuffer)
			return;
		prefetch_descriptor(buffer);
		simd::prefetch(BufferGetBlock(buffer));
		simd::prefetch(line_pointer(buffer, tid));
	}
	void prefetch_row(const ItemPointerData &tid) const {
		const Buffer buffer = known(tid);
		if (buffer == InvalidBuffer)
			return;
		// Neither pinned nor locked: whatever is there now, an address to prefetch does no harm.
		const char *row =
			static_cast<const char *>(BufferGetBlock(buffer)) + ItemIdGetOffset(line_pointer(buffer, tid));
		simd::prefetch(row);
		simd::prefetch(row + 64);
	}

	// Before the row is fetched.
	void pin(const ItemPointerData &tid) {
		if (heap == nullptr)
			return;
		learn();
		asked = ItemPointerGetBlockNumberNoCheck(&tid);
		if (BufferIsValid(fetch->xs_cbuf) && BufferGetBlockNumber(fetch->xs_cbuf) == asked)
			return;
		const Buffer recent = hints->pin(heap, asked);
		if (recent == InvalidBuffer)
			return;
		if (BufferIsValid(fetch->xs_cbuf))
			ReleaseBuffer(fetch->xs_cbuf);
		fetch->xs_cbuf = recent;
		heap_page_prune_opt(heap, recent); // as a fetch does that comes to another page
	}

private:
	Buffer known(const ItemPointerData &tid) const {
		return heap == nullptr ? InvalidBuffer : hints->at(heap, ItemPointerGetBlockNumberNoCheck(&tid));
	}
	static const ItemIdData *line_pointer(Buffer buffer, const ItemPointerData &tid) {
		const auto *page = static_cast<const PageHeaderData *>(BufferGetBlock(buffer));
		return &page->pd_linp[(ItemPointerGetOffsetNumberNoCheck(&tid) - 1) % (BLCKSZ / sizeof(ItemIdData))];
	}
	// Where the last row was found.
	void learn() {
		if (asked == InvalidBlockNumber || !BufferIsValid(fetch->xs_cbuf) ||
			BufferGetBlockNumber(fetch->xs_cbuf) != asked)
			return;
		if (asked >= hints->size || !hints->is_of(heap))
			hints = BufferHints::of(heap, asked + 1);
		hints->note(heap, asked, fetch->xs_cbuf);
	}
};

} // namespace ruvector::am
