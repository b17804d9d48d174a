// am/ivfflat_vacuum.cpp - removes dead heap TIDs, list by list, page by page. Entries never move between pages, so each
// is given to the callback once.
#include "am/ivfflat.hpp"
#include "ruvector/pg/compat.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "commands/vacuum.h"
}

namespace ruvector::am {

namespace {

// Removes what the callback says from a page; returns the next page. *room: whether another entry fits now.
BlockNumber vacuum_page(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, const IvfflatContext &c, BlockNumber block,
						ListWalk *walk, IndexBulkDeleteCallback callback, void *callback_state, bool *room) {
	Buffer buffer = ivfflat_entry_buffer(info->index, c, block, walk, BUFFER_LOCK_EXCLUSIVE, info->strategy);
	Page page = BufferGetPage(buffer);
	const uint32 count = page_head(page)->count;

	uint16 dead[kGroupBytes / sizeof(IvfflatEntry)];
	uint32 dead_count = 0;
	for (uint32 entry = 0; entry < count; entry++) {
		ItemPointerData tid;
		from_heap_tid(*page_tid(page, c, entry), &tid);
		if (callback(&tid, callback_state))
			dead[dead_count++] = uint16(entry);
	}
	stats->tuples_removed += dead_count;
	stats->num_index_tuples += count - dead_count;
	if (dead_count > 0) {
		GenericXLogState *state = GenericXLogStart(info->index);
		page_remove(GenericXLogRegisterBuffer(state, buffer, 0), c, dead, dead_count);
		GenericXLogFinish(state);
	}
	*room = page_has_room(page, c);
	BlockNumber next = ivfflat_opaque(page)->next;
	UnlockReleaseBuffer(buffer);
	return next;
}

} // namespace

IndexBulkDeleteResult *ivfflat_ambulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
											IndexBulkDeleteCallback callback, void *callback_state) {
	if (!stats)
		stats = static_cast<IndexBulkDeleteResult *>(palloc0(sizeof(IndexBulkDeleteResult)));
	stats->num_index_tuples = 0;
	IvfflatContext c = load_ivfflat_context(info->index);
	ListWalk walk = {};
	for (uint32 list = 0; list < c.lists; list++) {
		Buffer buffer = ivfflat_list_buffer(info->index, c, list, BUFFER_LOCK_SHARE);
		IvfflatList record = *page_list(BufferGetPage(buffer), c, list);
		UnlockReleaseBuffer(buffer);
		BlockNumber insert = 0;
		walk.pages = 0;
		for (BlockNumber block = record.first; block != 0;) {
			RV_VACUUM_DELAY_POINT();
			bool room;
			BlockNumber next = vacuum_page(info, stats, c, block, &walk, callback, callback_state, &room);
			if (room && insert == 0)
				insert = block;
			block = next;
		}
		if (insert != 0 && insert != record.insert)
			ivfflat_set_insert(info->index, c, list, insert);
	}
	return stats;
}

IndexBulkDeleteResult *ivfflat_amvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats) {
	if (info->analyze_only || !stats)
		return stats;
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	return stats;
}

} // namespace ruvector::am
