// am/ivfflat_scan.cpp - index scans: ORDER BY column <operator> constant.
//
// The lists are sorted by the distance of their centroids. A batch is the entries of the next ivfflat.probes lists, in
// order of distance, then of heap TID; with ivfflat.iterative_scan there is more than one batch, and the order is exact
// within each. Memory is bounded by work_mem: where a batch has more entries, the nearest ones are kept and returned,
// and its lists are read again for those after the last returned. What the snapshot sees does not change meanwhile.
//
// Where entries are codes, the distances of a batch are estimates, and it is re-ranked (rerank.hpp). Without
// ivfflat.iterative_scan a row that turns out to be nearer than one returned is left out; with it, it comes late.
#include <algorithm>
#include <cmath>

#include "am/ivfflat.hpp"
#include "am/rerank.hpp"
#include "ruvector/simd/kernels.hpp"

extern "C" {
#include "access/relscan.h"
#include "pgstat.h"
}

namespace ruvector::am {

namespace {

struct NearList {
	float distance; // of the centroid
	BlockNumber first;
};

struct Found {
	float distance;
	float error; // its standard error, where it is estimated from a code
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
	IvfflatVector query;
	graph::Arena arena;
	codec::VectorQuery code_query; // of int8
	codec::QueryTable table;       // of blocks
	float query_norm_sq;
	Reranker *reranker; // as long as the scan
	NearList *lists;    // the nearest ones, in order
	uint32 list_count;
	uint32 probes;     // lists a batch
	uint32 begin, end; // lists of this batch
	ListWalk walk;
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
			s->lists[list] = {graph::ordered(c.distance(c.layout, list_centroid(record), s->query.vector)),
							  record->first};
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

// An estimate's standard error is an entry's own times the part of the query, relative to the centre, that is orthogonal
// to the entry's vector: that is not more than the query's distance from either.
struct Bound {
	float at_most;      // the squared distance of the query from the centre
	float scale, shift; // the squared distance from an entry is about scale * distance + shift; not known for ip

	float error(float own, float distance) const {
		return own * std::sqrt(std::max(std::min(at_most, scale * distance + shift), 0.0f));
	}
};

Bound error_bound(const ScanState *s, float list_distance) {
	switch (s->context.opclass.metric) {
	case graph::Metric::l2:
		return {list_distance, 1, 0};
	case graph::Metric::cosine: // all vectors have length 1
		return {2 + 2 * list_distance, 2, 2};
	default:
		return {s->query_norm_sq + s->context.scale * (s->context.scale + 2 * list_distance), 0, HUGE_VALF};
	}
}

void read_blocks(ScanState *s, Page page, uint32 count, float list_distance) {
	const IvfflatContext &c = s->context;
	const float base = c.opclass.metric == graph::Metric::l2 ? list_distance : c.scale * list_distance;
	const Bound bound = error_bound(s, list_distance);
	for (uint32 done = 0; done < count; done += c.lanes) {
		char *group = page_group(page, c, done / c.lanes);
		const float *a = reinterpret_cast<const float *>(group + c.a_offset());
		const float *f = reinterpret_cast<const float *>(group + c.f_offset());
		const uint16 *errors = reinterpret_cast<const uint16 *>(group + c.error_offset());
		const graph::HeapTid *tids = reinterpret_cast<const graph::HeapTid *>(group + c.tid_offset());
		float distances[graph::kBlockLanes];
		codec::score_block(c.shape, reinterpret_cast<const uint8_t *>(group), s->table, distances);
		const uint32 lanes = Min(c.lanes, count - done);
		for (uint32 i = 0; i < lanes; i++) {
			float d = graph::ordered(base + a[i] - f[i] * distances[i]);
			keep(s, {d, bound.error(graph::from_bf16(errors[i]), d), tids[i]});
		}
	}
}

void read_entries(ScanState *s, Page page, uint32 count) {
	const IvfflatContext &c = s->context;
	for (uint32 i = 0; i < count; i++) {
		const char *entry = page_group(page, c, i);
		const void *stored = entry + sizeof(IvfflatEntry);
		codec::DistanceEstimate estimate =
			c.is_plain() ? codec::DistanceEstimate{c.distance(c.layout, stored, s->query.vector), 0}
						 : codec::estimate(s->code_query, static_cast<const uint8_t *>(stored));
		keep(s,
			 {graph::ordered(estimate.distance), estimate.error, reinterpret_cast<const IvfflatEntry *>(entry)->tid});
	}
}

void read_list(Relation index, ScanState *s, const NearList &list) {
	const IvfflatContext &c = s->context;
	BlockNumber block = list.first;
	s->walk.pages = 0;
	while (block != 0) {
		CHECK_FOR_INTERRUPTS();
		Buffer buffer = ivfflat_entry_buffer(index, c, block, &s->walk, BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(buffer);
		const uint32 count = page_head(page)->count;
		if (c.has_blocks())
			read_blocks(s, page, count, list.distance);
		else
			read_entries(s, page, count);
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
		read_list(index, s, s->lists[i]);
	if (s->found.size > s->most) {
		std::nth_element(s->found.begin(), s->found.begin() + s->most, s->found.end(), nearer);
		s->found.size = s->most;
		s->dropped = true;
	}
	std::make_heap(s->found.begin(), s->found.end(), farther);
	MemoryContextSwitchTo(old);
}

IvfflatVector zero_query(const IvfflatContext &c) {
	return {palloc0(c.layout.vector_bytes), static_cast<float *>(palloc0(Size(c.layout.dims) * sizeof(float)))};
}

void prepare_codes(ScanState *s) {
	const IvfflatContext &c = s->context;
	if (c.is_plain())
		return;
	const float *q = s->query.floats;
	if (c.has_blocks()) {
		s->table.lut = static_cast<uint8_t *>(palloc_aligned(c.shape.lut_bytes()));
		codec::prepare_lists(c.codec, q, s->table, palloc_aligned(codec::list_scratch_bytes(c.codec)));
		s->query_norm_sq = simd::kernels->ip_f32(q, q, c.layout.dims);
		return;
	}
	const codec::VectorCodec &codec = c.rows->model.vectors;
	s->code_query = codec::prepare(codec, c.code_metric(), q, palloc_aligned(codec::query_bytes(codec)),
								   palloc_aligned(codec::scratch_bytes(codec)));
}

void begin(IndexScanDesc scan, ScanState *s) {
	MemoryContext old = MemoryContextSwitchTo(s->memory);
	s->context = load_ivfflat_context(scan->indexRelation);
	s->arena = context_arena(s->memory);
	ScanKey key = scan->orderByData;
	s->query =
		(key->sk_flags & SK_ISNULL) ? zero_query(s->context) : ivfflat_vector(s->context, key->sk_argument, true);
	prepare_codes(s);
	s->probes = uint32(setting_probes());
	uint32 wanted = s->probes;
	if (setting_ivfflat_iterative_scan() != iterative_off)
		wanted = Max(wanted, uint32(setting_max_probes()));
	choose_lists(scan->indexRelation, s, wanted);
	IvfflatOptions options = ivfflat_options_of(scan->indexRelation);
	if (!s->context.is_plain() && options.rerank && scan->heapRelation != nullptr) {
		if (s->reranker == nullptr) {
			MemoryContextSwitchTo(GetMemoryChunkContext(s));
			s->reranker = static_cast<Reranker *>(palloc0(sizeof(Reranker)));
			s->reranker->begin(scan);
			MemoryContextSwitchTo(s->memory);
		}
		// A quarter at least waits: where the window is no larger than the rows asked for, the last of these would have
		// none to be compared with.
		const uint32 window = rows_looked_up(options, s->context.opclass.codec);
		const LookAhead ahead = {window, 0, 1, Max(window - Min(window, kRowsAsked), window / 4)};
		s->reranker->start_query(s->arena, *s->context.rows, s->query.floats, ahead,
								 setting_ivfflat_iterative_scan() == iterative_off);
	}
	s->most = Max(kLeastKept, uint32(Min(Size(work_mem) * 1024 / (2 * sizeof(Found)), Size(UINT32_MAX / 8))));
	s->started = true;
	MemoryContextSwitchTo(old);
}

// The next lists; false at the end.
bool next_batch(Relation index, ScanState *s) {
	if (s->end >= s->list_count)
		return false;
	s->resumed = false;
	s->begin = s->end;
	s->end = Min(s->list_count, s->begin + s->probes);
	read_batch(index, s);
	if (s->reranker != nullptr)
		s->reranker->start_stream();
	return true;
}

// A batch in order.
struct BatchStream {
	Relation index;
	ScanState *s;

	const Found *next() {
		while (s->found.size == 0) {
			if (!s->dropped)
				return nullptr;
			s->resumed = true;
			read_batch(index, s);
		}
		return s->found.begin();
	}
	graph::HeapTid take() {
		std::pop_heap(s->found.begin(), s->found.end(), farther);
		s->last = s->found[--s->found.size];
		return s->last.tid;
	}
	void look_up(Reranker &reranker) {
		const graph::HeapTid tid = take();
		reranker.add(row_tid(index, tid), s->last.distance, s->last.error, true);
	}
};

bool next_row(Relation index, ScanState *s, graph::HeapTid *tid) {
	BatchStream batch = {index, s};
	do {
		if (s->reranker != nullptr) {
			s->reranker->passed = s->reranker->last; // which rows a filter leaves out is not known here
			if (s->reranker->next(batch, tid))
				return true;
		} else if (batch.next() != nullptr) {
			*tid = batch.take();
			return true;
		}
	} while (next_batch(index, s));
	return false;
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
	Reranker *reranker = s->reranker;
	MemoryContextReset(memory);
	memset(static_cast<void *>(s), 0, sizeof(*s));
	s->memory = memory;
	s->reranker = reranker;
	if (reranker != nullptr)
		reranker->reset();
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
	graph::HeapTid tid;
	if (!next_row(scan->indexRelation, s, &tid))
		return false;
	scan->xs_heaptid = row_tid(scan->indexRelation, tid);
	scan->xs_recheck = false;
	scan->xs_recheckorderby = false;
	return true;
}

void ivfflat_amendscan(IndexScanDesc scan) {
	ScanState *s = state_of(scan);
	if (s->reranker != nullptr) {
		s->reranker->end();
		pfree(s->reranker);
	}
	MemoryContextDelete(s->memory);
	pfree(s);
	scan->opaque = nullptr;
}

} // namespace ruvector::am
