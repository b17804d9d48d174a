// am/ivfflat_scan.cpp - index scans: ORDER BY column <operator> constant.
//
// The lists are sorted by the distance of their centroids. A batch is the entries of the next ivfflat.probes lists, in
// order of distance, then of heap TID; with ivfflat.iterative_scan there is more than one batch, and the order is exact
// within each. Memory is bounded by work_mem: where a batch has more entries, the nearest ones are kept and returned,
// and its lists are read again for those after the last returned. What the snapshot sees does not change meanwhile.
#include <algorithm>
#include <cmath>

#include "am/context.hpp"
#include "am/ivfflat.hpp"

extern "C" {
#include "access/relscan.h"
#include "pgstat.h"
}

namespace ruvector::am {

namespace {

struct NearList {
	float distance;
	BlockNumber first;
};

struct Found {
	float distance;
	graph::HeapTid tid;
};

bool nearer(const Found &a, const Found &b) {
	if (a.distance != b.distance)
		return a.distance < b.distance;
	return memcmp(&a.tid, &b.tid, sizeof(a.tid)) < 0;
}
bool farther(const Found &a, const Found &b) {
	return nearer(b, a);
}

constexpr uint32 kLeastKept = 1000;

struct ScanState {
	MemoryContext memory; // of one rescan
	bool started;
	IvfflatContext context;
	const void *query;
	graph::Arena arena;
	NearList *lists; // the nearest ones, in order
	uint32 list_count;
	uint32 probes;            // lists a batch
	uint32 begin, end;        // lists of this batch
	graph::List<Found> found; // a heap, nearest first
	uint32 most;              // how many are kept
	bool dropped;             // some entries of the batch were not kept
	bool resumed;             // only those after `last` are wanted
	Found last;               // returned
};
static_assert(std::is_trivially_destructible_v<ScanState>);

ScanState *state_of(IndexScanDesc scan) {
	return static_cast<ScanState *>(scan->opaque);
}

void choose_lists(Relation index, ScanState *s, uint32 wanted) {
	const IvfflatContext &c = s->context;
	s->lists = s->arena.array<NearList>(c.lists);
	for (uint32 list = 0; list < c.lists;) {
		CHECK_FOR_INTERRUPTS();
		Buffer buffer = ivfflat_list_buffer(index, c, list, BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(buffer);
		for (uint32 end = Min(c.lists, list + c.lists_per_page()); list < end; list++) {
			IvfflatList *record = page_list(page, c, list);
			float d = c.distance(c.layout, list_centroid(record), s->query);
			s->lists[list] = {std::isnan(d) ? HUGE_VALF : d, record->first};
		}
		UnlockReleaseBuffer(buffer);
	}
	s->list_count = Min(c.lists, wanted);
	std::partial_sort(s->lists, s->lists + s->list_count, s->lists + c.lists,
					  [](const NearList &a, const NearList &b) { return a.distance < b.distance; });
}

void keep(ScanState *s, const Found &found) {
	if (s->resumed && !nearer(s->last, found))
		return;
	if (s->found.size >= 2 * s->most) {
		std::nth_element(s->found.begin(), s->found.begin() + s->most, s->found.end(), nearer);
		s->found.size = s->most;
		s->dropped = true;
	}
	s->found.push(s->arena, found);
}

void read_list(Relation index, ScanState *s, BlockNumber block) {
	const IvfflatContext &c = s->context;
	while (block != 0) {
		CHECK_FOR_INTERRUPTS();
		Buffer buffer = ReadBuffer(index, block);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(buffer);
		ivfflat_page_check(index, block, page, IvfflatPageKind::entries);
		OffsetNumber end = PageGetMaxOffsetNumber(page);
		for (OffsetNumber offset = FirstOffsetNumber; offset <= end; offset = OffsetNumberNext(offset)) {
			IvfflatEntry *entry = page_entry(index, c, block, page, offset);
			float d = c.distance(c.layout, entry + 1, s->query);
			keep(s, {std::isnan(d) ? HUGE_VALF : d, to_heap_tid(&entry->tid)});
		}
		block = ivfflat_opaque(page)->next;
		UnlockReleaseBuffer(buffer);
	}
}

// Reads the lists of the batch: from the start, or for what comes after the last entry returned.
void read_batch(Relation index, ScanState *s) {
	MemoryContext old = MemoryContextSwitchTo(s->memory);
	s->found.size = 0;
	s->dropped = false;
	for (uint32 i = s->begin; i < s->end; i++)
		read_list(index, s, s->lists[i].first);
	if (s->found.size > s->most) {
		std::nth_element(s->found.begin(), s->found.begin() + s->most, s->found.end(), nearer);
		s->found.size = s->most;
		s->dropped = true;
	}
	std::make_heap(s->found.begin(), s->found.end(), farther);
	MemoryContextSwitchTo(old);
}

void begin(IndexScanDesc scan, ScanState *s) {
	MemoryContext old = MemoryContextSwitchTo(s->memory);
	s->context = load_ivfflat_context(scan->indexRelation);
	s->arena = context_arena(s->memory);
	ScanKey key = scan->orderByData;
	s->query = (key->sk_flags & SK_ISNULL) ? palloc0(s->context.layout.vector_bytes)
										   : ivfflat_vector(s->context, key->sk_argument, true);
	s->probes = uint32(setting_probes());
	uint32 wanted = s->probes;
	if (setting_ivfflat_iterative_scan() != iterative_off)
		wanted = Max(wanted, uint32(setting_max_probes()));
	choose_lists(scan->indexRelation, s, wanted);
	s->most = Max(kLeastKept, uint32(Min(Size(work_mem) * 1024 / (2 * sizeof(Found)), Size(UINT32_MAX / 8))));
	s->started = true;
	MemoryContextSwitchTo(old);
}

// The next entry in *found; false at the end.
bool next_found(Relation index, ScanState *s, Found *found) {
	while (s->found.size == 0) {
		if (s->dropped)
			s->resumed = true;
		else if (s->end < s->list_count) {
			s->resumed = false;
			s->begin = s->end;
			s->end = Min(s->list_count, s->begin + s->probes);
		} else
			return false;
		read_batch(index, s);
	}
	std::pop_heap(s->found.begin(), s->found.end(), farther);
	*found = s->last = s->found[--s->found.size];
	return true;
}

} // namespace

IndexScanDesc ivfflat_ambeginscan(Relation index, int nkeys, int norderbys) {
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	ScanState *s = static_cast<ScanState *>(palloc0(sizeof(ScanState)));
	s->memory = AllocSetContextCreate(CurrentMemoryContext, "ivfflat scan", ALLOCSET_DEFAULT_SIZES);
	scan->opaque = s;
	return scan;
}

void ivfflat_amrescan(IndexScanDesc scan, ScanKey keys, int, ScanKey orderbys, int) {
	ScanState *s = state_of(scan);
	MemoryContext memory = s->memory;
	MemoryContextReset(memory);
	memset(static_cast<void *>(s), 0, sizeof(*s));
	s->memory = memory;
	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, size_t(scan->numberOfKeys) * sizeof(ScanKeyData));
	if (orderbys && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, size_t(scan->numberOfOrderBys) * sizeof(ScanKeyData));
}

bool ivfflat_amgettuple(IndexScanDesc scan, ScanDirection) {
	ScanState *s = state_of(scan);
	if (!s->started) {
		pgstat_count_index_scan(scan->indexRelation);
		if (scan->numberOfOrderBys == 0)
			elog(ERROR, "cannot scan ivfflat index without order");
		// Vacuum does not wait for a scan that has read heap TIDs: safe only if the snapshot cannot see a new tuple
		// there.
		if (!IsMVCCSnapshot(scan->xs_snapshot))
			elog(ERROR, "non-MVCC snapshots are not supported with ivfflat");
		begin(scan, s);
	}
	CHECK_FOR_INTERRUPTS();
	Found found;
	if (!next_found(scan->indexRelation, s, &found))
		return false;
	from_heap_tid(found.tid, &scan->xs_heaptid);
	scan->xs_recheck = false;
	scan->xs_recheckorderby = false;
	return true;
}

void ivfflat_amendscan(IndexScanDesc scan) {
	ScanState *s = state_of(scan);
	MemoryContextDelete(s->memory);
	pfree(s);
	scan->opaque = nullptr;
}

} // namespace ruvector::am
