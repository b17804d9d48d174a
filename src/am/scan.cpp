// am/scan.cpp - index scans: ORDER BY column <operator> constant.
//
// A scan searches with a pool of candidates and returns what it found in order of exact distance. If the executor wants
// more rows (a filter above has thrown some away) and hnsw.iterative_scan is on, the pool is enlarged and the search
// goes on where it stopped. A vertex found late may be nearer than one returned already, and strict order has to drop
// it then. Therefore the pool is kept larger than the number of rows returned, by a factor that grows with the effort
// that the session asks for.
//
// Where the index has codes instead of vectors, the distances of that stream are estimates. It is re-ranked (rerank.hpp),
// with a window of as many rows as the search has candidates.
#include "am/buffer_store.hpp"
#include "am/effort.hpp"
#include "am/heap_pages.hpp"
#include "am/rerank.hpp"

extern "C" {
#include "access/relscan.h"
#include "pgstat.h"
}

namespace ruvector::am {

namespace {

// The pool grows by these factors at least and, on the expectation of what the filter will leave, at most.
constexpr double kGrowth = 1.25, kMostGrowth = 4;

struct ScanState {
	MemoryContext memory; // of one rescan
	void *owner;          // of the kept memory, if it is that
	Context *context;     // as long as the scan, like the reranker
	bool searching;       // since the last rescan
	BufferStore store;
	graph::Search<BufferStore> search;
	graph::Arena arena;
	int iterative; // IterativeScan
	bool exhausted;
	uint32 heaped;   // hits that have been given to the heap
	uint32 returned; // hits taken from the heap
	uint32 expected; // rows, all of them of the result, where no LIMIT says it
	const LimitState *limit;
	int64 position; // of the LIMIT when it was looked at last: rows that have passed the filter
	uint32 ef;
	uint32 free_rows; // so many may be returned at the first ef,
	double per_row;   // others when the pool has so many times as many
	float last_distance;
	float passed;                     // that of the last row that has passed the filter
	graph::List<graph::HeapTid> tids; // of the current hit
	uint32 next_tid;
	graph::List<uint32> heap; // positions in search.hits, nearest first
	HeapPages pages;

	Reranker *reranker;
};
static_assert(std::is_trivially_destructible_v<ScanState>);

ScanState *state_of(IndexScanDesc scan) {
	return static_cast<ScanState *>(scan->opaque);
}

// A search expands as many vertices as may belong to its pool, by their estimates: on hard data several times ef, and no
// more than so many.
constexpr uint32 kMostExpanded = 8;

// Of a re-ranked scan the pool reaches farther than the rows returned, the more so the worse the estimates.
uint32 pool_size(const graph::Layout &layout, uint32 ef) {
	return layout.is_plain() ? ef : ef + uint32(float(ef) * 4 * graph::estimate_error(layout)) + 8;
}

// The order of the heap of hits.
struct Farther {
	const graph::List<graph::Hit> &hits;
	bool operator()(uint32 a, uint32 b) const { return hits[a].distance > hits[b].distance; }
};

// Gives the hits found since the last call to the heap.
void collect(ScanState *s) {
	for (; s->heaped < s->search.hits.size; s->heaped++) {
		if (!s->search.hits[s->heaped].live)
			continue;
		s->heap.push(s->arena, s->heaped);
		std::push_heap(s->heap.begin(), s->heap.end(), Farther{s->search.hits});
	}
}

// ef: what reaches the recall that the session asks for, if it asks and the index is calibrated; else what the session
// asks for; else what the index has as its own default.
uint32 search_effort(const Options &options, const MetaPage &meta) {
	const CalibrationStep *step =
		setting_target_recall() > 0 ? step_for(meta.calibration, setting_target_recall()) : nullptr;
	return step != nullptr                                 ? step->ef
		   : options.ef_search != 0 && !ef_search_is_set() ? uint32(options.ef_search)
														   : uint32(setting_ef_search());
}

// How many rows the LIMIT above the scan wants; 0: that is not known.
double rows_of_limit(const ScanState *s) {
	return s->limit == nullptr || s->limit->noCount ? 0 : double(s->limit->offset) + double(s->limit->count);
}

// A scan that is restarted often, for each row of an outer table, keeps its context.
void load_scan_context(Relation index, const MetaPage &meta, ScanState *s) {
	if (s->context != nullptr && memcmp(&s->context->layout, &meta.layout, sizeof(meta.layout)) == 0 &&
		(!meta.center_set || s->context->model.center != nullptr || center_bytes(meta.layout) == 0))
		return;
	MemoryContext old = MemoryContextSwitchTo(GetMemoryChunkContext(s));
	s->context = load_context(index, meta);
	MemoryContextSwitchTo(old);
}

void begin_search(IndexScanDesc scan, ScanState *s) {
	MemoryContext old = MemoryContextSwitchTo(s->memory);
	MetaPage meta;
	read_meta(scan->indexRelation, &meta);
	load_scan_context(scan->indexRelation, meta, s);
	s->searching = true;
	s->arena = context_arena(s->memory);
	s->iterative = setting_iterative_scan();
	ScanKey key = scan->orderByData;
	const void *query =
		(key->sk_flags & SK_ISNULL) ? zero_vector(*s->context) : working_vector(*s->context, key->sk_argument, true);
	s->exhausted = meta.entry_level < 0;
	Options options = options_of(scan->indexRelation);
	if (!s->context->layout.is_plain() && options.rerank && scan->heapRelation != nullptr && s->reranker == nullptr) {
		MemoryContextSwitchTo(GetMemoryChunkContext(s));
		s->reranker = static_cast<Reranker *>(palloc0(sizeof(Reranker)));
		s->reranker->begin(scan);
		MemoryContextSwitchTo(s->memory);
	}
	const uint32 asked = search_effort(options, meta);
	bool filtered = true;
	s->limit = limit_above(scan, &filtered);
	// Rows that will be asked for, all of them of the result; 0: not known, or a filter leaves some out.
	const double wanted = s->expected != 0 ? s->expected : filtered ? 0 : rows_of_limit(s);
	const bool all = wanted != 0 || s->iterative == iterative_off; // rows that are returned are of the result
	const int most = Min(setting_max_scan_tuples(), kMaxEfSearch);
	const uint32 start = s->iterative == iterative_off ? asked : Max(asked, uint32(Min(wanted, double(most))));
	s->ef = candidates(options, s->context->layout, start);
	// LIMIT 10 is what most people ask for, and ten rows are always worth a try. Where all rows are of the result, there
	// is no reason to search for more than what was asked for.
	s->free_rows = all ? start : Min(start, 10);
	s->per_row = candidates_per_row(options, s->context->layout, start);
	if (!all && s->iterative == iterative_strict)
		s->per_row *= pool_per_row(s->context->layout, asked);
	// In order with `off`, too, as in pgvector: nothing sorts the rows again.
	if (s->reranker != nullptr)
		s->reranker->start_query(s->arena, *s->context, query, {s->ef, s->free_rows, s->per_row, 0},
								 s->iterative != iterative_relaxed);
	if (!s->exhausted) {
		s->store.initialize(scan->indexRelation, &s->context->layout, true);
		s->search.initialize(&s->store, &s->context->layout, &s->context->model, &s->arena);
		s->search.set_query(query);
		graph::descend(s->search, meta.entry, meta.entry_level, 0, Max(graph::kDescentPool, s->ef / 64));
		// Where the first pool is as large as the result, the search goes on only if rows are dead.
		s->search.keep_refused = s->iterative != iterative_off && (wanted == 0 || wanted > start);
		s->search.start(0, pool_size(s->context->layout, s->ef), kMostExpanded * s->ef);
		s->search.enter_all();
		s->search.run();
		collect(s);
	}
	MemoryContextSwitchTo(old);
}

uint32 rows_returned(const ScanState *s) {
	return s->reranker != nullptr ? s->reranker->returned : s->returned;
}

// How many rows may be returned at the present ef.
uint32 returnable(const ScanState *s) {
	return Max(uint32(s->ef / s->per_row), s->free_rows);
}

bool has_rows(const ScanState *s) {
	return s->heap.size != 0 || (s->reranker != nullptr && s->reranker->ranked.size != 0);
}

// How many rows will have been returned when the LIMIT is reached, as far as the filter's work up to now tells.
double rows_to_come(const ScanState *s) {
	const double wanted = rows_of_limit(s), returned = rows_returned(s);
	if (wanted == 0)
		return 0;
	const double passed = double(s->limit->position);
	return returned + (wanted - passed) * (returned + 1) / (passed + 1);
}

// Enlarges the pool. The scan is exhausted when there is nothing more to find, or when a limit is reached.
void widen(ScanState *s) {
	MemoryContext old = MemoryContextSwitchTo(s->memory);
	uint32 before = s->search.hits.size;
	if (before >= uint32(setting_max_scan_tuples()) ||
		double(s->search.bytes()) > double(work_mem) * 1024.0 * setting_scan_mem_multiplier()) {
		s->exhausted = true;
	} else {
		const double least = Max(s->ef * kGrowth, s->per_row * (rows_returned(s) + 1));
		s->ef = uint32(Max(least, Min(s->per_row * rows_to_come(s), s->ef * kMostGrowth))) + 1;
		s->search.widen(pool_size(s->context->layout, s->ef),
						Min(kMostExpanded * s->ef, uint32(setting_max_scan_tuples())));
		s->search.run();
		if (s->search.hits.size == before && s->search.refused.size == 0)
			s->exhausted = true;
		collect(s);
	}
	MemoryContextSwitchTo(old);
}

// Searches as far as the next row asks for; false if there is none.
bool prepare_row(ScanState *s) {
	if (s->iterative == iterative_off)
		return has_rows(s) && rows_returned(s) < s->free_rows;
	while (!s->exhausted && (!has_rows(s) || rows_returned(s) >= returnable(s)))
		widen(s);
	return has_rows(s);
}

// The rows that are fetched first are among these.
void prefetch_rows(ScanState *s) {
	constexpr uint32 kAhead = 16;
	const uint32 n = Min(s->heap.size, kAhead);
	ItemPointerData tids[kAhead];
	for (uint32 i = 0; i < n; i++) {
		from_heap_tid(s->search.hits[s->heap[i]].tids[0], &tids[i]);
		s->pages.prefetch(tids[i]);
	}
	for (uint32 i = 0; i < n; i++)
		s->pages.prefetch_row(tids[i]);
}

void broken_chain(const ScanState *s, graph::NodeId vertex) {
	ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
					errmsg("index \"%s\" has a broken list of heap TIDs at block %u",
						   RelationGetRelationName(s->store.index), s->context->layout.block_of(vertex)),
					errhint("Please REINDEX it.")));
}

// Adds the heap TIDs of a chain of overflow records; false if the chain was changed meanwhile.
bool load_chain(ScanState *s, graph::NodeId vertex, graph::NodeId id) {
	for (graph::NodeId records = 1; id != graph::kNoNode; records++) {
		CHECK_FOR_INTERRUPTS();
		if (records % 1024 == 0 && records > s->store.bound()) // a circle
			broken_chain(s, vertex);
		BufferStore::Handle h;
		if (!s->store.open(id, h))
			return false;
		const auto *header = reinterpret_cast<const graph::RecordHeader *>(h.slot);
		bool emptied = header->state == uint8(graph::RecordState::dead); // by vacuum; it still leads on
		if (header->base != vertex || (header->state != uint8(graph::RecordState::tids) && !emptied)) {
			s->store.close(h);
			return false;
		}
		const auto *tids = reinterpret_cast<const graph::HeapTid *>(h.slot + sizeof(graph::RecordHeader));
		uint32 n = emptied ? 0 : Min(uint32(header->tid_count), s->context->layout.tids_per_overflow());
		for (uint32 i = 0; i < n; i++)
			s->tids.push(s->arena, tids[i]);
		id = header->overflow;
		s->store.close(h);
	}
	return true;
}

// The heap TIDs of a vertex: those in its record, then those of its overflow records. If vacuum has taken the chain
// apart since the vertex was read, the vertex is read again.
void load_tids(ScanState *s, const graph::Hit &hit) {
	MemoryContext old = MemoryContextSwitchTo(s->memory);
	graph::HeapTid tids[graph::kInlineTids];
	uint32 n = Min(uint32(hit.tid_count), graph::kInlineTids);
	memcpy(tids, hit.tids, sizeof(tids));
	graph::NodeId overflow = hit.overflow;
	s->next_tid = 0;
	for (int attempt = 0;; attempt++) {
		if (attempt == 1000) // vacuum changes a chain a few times at most
			broken_chain(s, hit.id);
		s->tids.size = 0;
		for (uint32 i = 0; i < n; i++)
			s->tids.push(s->arena, tids[i]);
		if (load_chain(s, hit.id, overflow))
			break;
		BufferStore::Handle h;
		if (!s->store.open(hit.id, h))
			break;
		const auto *header = reinterpret_cast<const graph::RecordHeader *>(h.slot);
		bool same = header->state == uint8(graph::RecordState::live) && header->base == hit.id;
		n = same ? Min(uint32(header->tid_count), graph::kInlineTids) : 0;
		memcpy(tids, header->tids, sizeof(tids));
		overflow = same ? header->overflow : graph::kNoNode;
		s->store.close(h);
	}
	MemoryContextSwitchTo(old);
}

// The nearest of the heap.
const graph::Hit &pop_hit(ScanState *s) {
	std::pop_heap(s->heap.begin(), s->heap.end(), Farther{s->search.hits});
	return s->search.hits[s->heap[--s->heap.size]];
}

// Only a row that has passed the filter can have come too early for another one.
void note_passed(ScanState *s) {
	if (s->limit != nullptr && s->limit->position == s->position)
		return;
	s->position = s->limit != nullptr ? s->limit->position : 0;
	s->passed = s->last_distance;
	if (s->reranker != nullptr)
		s->reranker->passed = s->reranker->last;
}

// The next vertex in order, or nullptr.
const graph::Hit *next_hit(ScanState *s) {
	while (prepare_row(s)) {
		const graph::Hit &hit = pop_hit(s);
		if (hit.distance < s->passed && s->iterative == iterative_strict)
			continue; // found too late
		s->returned++;
		s->last_distance = hit.distance;
		return &hit;
	}
	return nullptr;
}

// The stream for the reranker: vertices in order of estimated distance, as far as the search has come.
struct HitStream {
	ScanState *s;

	const graph::Hit *next() { return s->heap.size != 0 ? &s->search.hits[s->heap[0]] : nullptr; }
	void look_up(Reranker &reranker) {
		const graph::Hit hit = pop_hit(s);
		load_tids(s, hit);
		bool counted = false;
		for (uint32_t i = 0; i < s->tids.size; i++)
			counted |= reranker.add(row_tid(s->store.index, s->tids[i]), hit.distance, hit.error, !counted);
		s->tids.size = 0;
	}
};

void end_rerank(ScanState *s) {
	if (s->reranker == nullptr)
		return;
	s->reranker->end();
	pfree(s->reranker);
	s->reranker = nullptr;
}

// One scan at a time gets its memory from here: a context that outlives it and keeps its first block, so that a query
// does not ask the operating system for memory and give it back. It is free again when the scan ends, or when the
// memory of a query that failed goes.
MemoryContext kept_memory = nullptr;
uint64 kept_owner = 0; // 0: free

struct KeptMemoryOwner {
	MemoryContextCallback callback;
	uint64 id;
};

void release_kept_memory(void *argument) {
	KeptMemoryOwner *owner = static_cast<KeptMemoryOwner *>(argument);
	if (kept_owner == owner->id) {
		kept_owner = 0;
		MemoryContextReset(kept_memory);
	}
}

MemoryContext scan_memory(ScanState *s) {
	static uint64 last_owner = 0;
	if (!kept_memory)
		kept_memory = AllocSetContextCreate(TopMemoryContext, "hnsw scan", 256 * 1024, 256 * 1024, 8 * 1024 * 1024);
	if (kept_owner != 0)
		return AllocSetContextCreate(CurrentMemoryContext, "hnsw scan", ALLOCSET_DEFAULT_SIZES);
	KeptMemoryOwner *owner = static_cast<KeptMemoryOwner *>(palloc0(sizeof(KeptMemoryOwner)));
	owner->id = ++last_owner;
	owner->callback.func = release_kept_memory;
	owner->callback.arg = owner;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &owner->callback);
	kept_owner = owner->id;
	s->owner = owner;
	return kept_memory;
}

} // namespace

IndexScanDesc hnsw_ambeginscan(Relation index, int nkeys, int norderbys) {
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	ScanState *s = static_cast<ScanState *>(palloc0(sizeof(ScanState)));
	s->memory = scan_memory(s);
	scan->opaque = s;
	return scan;
}

void hnsw_amrescan(IndexScanDesc scan, ScanKey keys, int, ScanKey orderbys, int) {
	ScanState *s = state_of(scan);
	MemoryContextReset(s->memory);
	ScanState kept = *s;
	memset(static_cast<void *>(s), 0, sizeof(*s));
	s->memory = kept.memory;
	s->owner = kept.owner;
	s->context = kept.context;
	s->reranker = kept.reranker;
	s->expected = kept.expected;
	if (s->reranker != nullptr)
		s->reranker->reset();
	s->last_distance = s->passed = -HUGE_VALF;
	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, size_t(scan->numberOfKeys) * sizeof(ScanKeyData));
	if (orderbys && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, size_t(scan->numberOfOrderBys) * sizeof(ScanKeyData));
}

bool hnsw_amgettuple(IndexScanDesc scan, ScanDirection) {
	ScanState *s = state_of(scan);
	if (!s->searching) {
		pgstat_count_index_scan(scan->indexRelation);
		if (scan->numberOfOrderBys == 0)
			elog(ERROR, "cannot scan hnsw index without order");
		// A vertex can be recycled while a scan holds its heap TIDs: safe only if the snapshot cannot see the new
		// tuple.
		if (!IsMVCCSnapshot(scan->xs_snapshot))
			elog(ERROR, "non-MVCC snapshots are not supported with hnsw");
		begin_search(scan, s);
		if (s->reranker == nullptr) {
			s->pages.begin(scan->heapRelation, scan->xs_heapfetch);
			prefetch_rows(s);
		}
	} else
		note_passed(s);
	scan->xs_recheck = false;
	scan->xs_recheckorderby = false;
	if (s->reranker != nullptr) {
		graph::HeapTid tid;
		while (prepare_row(s))
			if (s->reranker->next(HitStream{s}, &tid)) {
				scan->xs_heaptid = row_tid(scan->indexRelation, tid);
				return true;
			}
		return false;
	}
	while (s->next_tid >= s->tids.size) {
		CHECK_FOR_INTERRUPTS();
		const graph::Hit *hit = next_hit(s);
		if (!hit)
			return false;
		load_tids(s, *hit);
	}
	scan->xs_heaptid = row_tid(scan->indexRelation, s->tids[s->next_tid++]);
	s->pages.pin(scan->xs_heaptid);
	return true;
}

void expect_rows(IndexScanDesc scan, uint32 count) {
	state_of(scan)->expected = count;
}

double scan_distance(IndexScanDesc scan) {
	const ScanState *s = state_of(scan);
	double distance = double(s->reranker != nullptr ? s->reranker->last : s->last_distance);
	switch (graph::Metric(s->context->layout.metric)) {
	case graph::Metric::l2:
		return sqrt(Max(distance, 0.0));
	case graph::Metric::cosine:
		return Min(Max(1 + distance, 0.0), 2.0);
	case graph::Metric::ip:
	case graph::Metric::l1:
	case graph::Metric::hamming:
	case graph::Metric::jaccard:
		break;
	}
	return distance;
}

void hnsw_amendscan(IndexScanDesc scan) {
	ScanState *s = state_of(scan);
	end_rerank(s);
	if (s->owner)
		release_kept_memory(s->owner);
	else
		MemoryContextDelete(s->memory);
	pfree(s);
	scan->opaque = nullptr;
}

} // namespace ruvector::am
