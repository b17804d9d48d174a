// am/build.cpp - CREATE INDEX: inserts the rows one by one into pages in memory, with the algorithm and the page format
// of every other insert, then writes the pages. When maintenance_work_mem is full, the pages are written and the build
// goes on in PostgreSQL's buffers with the same code. Workers share the memory.
#include <sys/mman.h>
#include <unistd.h>

#include "ruvector/pg/boundary.hpp"
#include "am/build_order.hpp"
#include "am/sample.hpp"
#include "am/buffer_store.hpp"
#include "ruvector/graph/insert.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "storage/pg_shmem.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"
}

namespace ruvector::am {

namespace {

// What the processes of a build share. In a serial build it is in ordinary memory.
struct BuildShared {
	BuildArea area;
	// Held in share mode by each insert; exclusively while the entry point changes or the pages are written. Of
	// parallel builds.
	LWLock lock;
	bool flushed; // the build goes on in buffers
	bool has_center;
	graph::Entry entry;
	int processes;
	std::atomic<uint64> tuples; // rows indexed so far

	// Parallel builds only.
	Oid heap_oid, index_oid;
	bool concurrent;
	graph::Layout layout;
	slock_t mutex;
	ConditionVariable done;
	int participants_done;
	double heap_tuples;
	bool broken_hot_chain; // some participant met one
};

struct BuildState {
	Relation heap, index;
	Context *context;
	BuildShared *shared;
	char *shared_parameters;  // centre, then codebook
	MemoryContext row_memory; // of one row's vector and kept copies
	graph::Arena arena, row_arena;
	BuildStore build_store;
	BufferStore buffer_store;
	graph::Inserter<BuildStore> *in_memory;
	graph::Inserter<BufferStore> *in_buffers; // once flushed
	bool leader;
};
static_assert(std::is_trivially_destructible_v<BuildState>);

constexpr uint64 kKeyShared = UINT64CONST(0xA100000000000001);
constexpr uint64 kKeyScan = UINT64CONST(0xA100000000000002);
constexpr uint64 kKeyPages = UINT64CONST(0xA100000000000003);
constexpr uint64 kKeyParameters = UINT64CONST(0xA100000000000004);
constexpr uint64 kKeyQuery = UINT64CONST(0xA100000000000005);

// One id for the whole cluster: there are only 65,536, and every worker is a new process.
int lock_tranche() {
	static int tranche = 0;
	if (tranche == 0) {
		bool found;
		LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
		int *shared = static_cast<int *>(ShmemInitStruct("ruvector build lock tranche", sizeof(int), &found));
		if (!found)
			*shared = LWLockNewTrancheId();
		LWLockRelease(AddinShmemInitLock);
		LWLockRegisterTranche(*shared, "hnsw build");
		tranche = *shared;
	}
	return tranche;
}

// A serial build is alone and takes no lock: it can be cancelled anywhere.
bool is_shared(const BuildShared *shared) {
	return shared->processes > 1;
}
void lock_build(BuildShared *shared, LWLockMode mode) {
	if (is_shared(shared))
		LWLockAcquire(&shared->lock, mode);
}
void unlock_build(BuildShared *shared) {
	if (is_shared(shared))
		LWLockRelease(&shared->lock);
}

// Polls although the lock is held, which puts interrupts off: an error releases it like any other.
void poll_under_lock() {
	bool held = InterruptHoldoffCount == 1;
	if (held)
		RESUME_INTERRUPTS();
	CHECK_FOR_INTERRUPTS();
	if (held)
		HOLD_INTERRUPTS();
}

void prepare(BuildState *b, BuildShared *shared, char *pages, char *parameters) {
	b->shared = shared;
	b->shared_parameters = parameters;
	b->row_memory = AllocSetContextCreate(CurrentMemoryContext, "hnsw build row", ALLOCSET_DEFAULT_SIZES);
	b->arena = context_arena(CurrentMemoryContext);
	b->row_arena = context_arena(b->row_memory);
	b->build_store.initialize(&b->context->layout, &shared->area, pages);
	b->buffer_store.initialize(b->index, &b->context->layout, false);
	b->in_memory = static_cast<graph::Inserter<BuildStore> *>(palloc(sizeof(graph::Inserter<BuildStore>)));
	b->in_memory->initialize(&b->build_store, &b->context->layout, &b->context->model, &b->arena, &b->row_arena);
	b->in_buffers = nullptr;
}

// Writes the pages in memory to the relation, the records in a new order if one is given. The caller holds the lock
// exclusively or is alone.
void flush(BuildState *b, const BuildOrder *order) {
	BuildShared *shared = b->shared;
	uint32 used = shared->area.used.load(), slot_pages = 0;
	for (uint32 i = 0; i < used; i++) {
		if (i % 256 == 0)
			poll_under_lock();
		BlockNumber block = shared->area.first_block + i;
		LockRelationForExtension(b->index, ExclusiveLock);
		Buffer buffer = ReadBufferExtended(b->index, MAIN_FORKNUM, P_NEW, RBM_NORMAL, nullptr);
		UnlockRelationForExtension(b->index, ExclusiveLock);
		if (BufferGetBlockNumber(buffer) != block)
			elog(ERROR, "unexpected block number %u, expected %u", BufferGetBlockNumber(buffer), block);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		Page page = b->build_store.page(block);
		if (order != nullptr && page_opaque(page)->kind == uint16(PageKind::slots))
			order->write_page(slot_pages++, BufferGetPage(buffer));
		else
			memcpy(BufferGetPage(buffer), page, BLCKSZ);
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
	if (order != nullptr)
		shared->entry.id = order->moved(shared->entry.id);
	shared->flushed = true;
}

template <typename Store>
void insert_row(BuildState *b, graph::Inserter<Store> *inserter, const void *vector, graph::HeapTid tid, int level) {
	BuildShared *shared = b->shared;
	graph::Entry entry = shared->entry;
	graph::NodeId top = inserter->place(vector, tid, level, entry, inserter->find(vector, level, entry));
	if (top != graph::kNoNode && level > entry.level) // the lock is held exclusively then
		shared->entry = {top, level};
}

void add_row(BuildState *b, ItemPointer heap_tid, Datum value) {
	BuildShared *shared = b->shared;
	const graph::Layout &layout = b->context->layout;
	MemoryContext old = MemoryContextSwitchTo(b->row_memory);
	const void *vector = working_vector(*b->context, value, false);
	if (vector) {
		int level =
			graph::draw_level(layout, graph::hash_vector(vector, graph::working_size(layout, vector), layout.seed));
		graph::HeapTid tid = to_heap_tid(heap_tid);

		LWLockMode mode = LW_SHARED;
		lock_build(shared, mode);
		bool full = !shared->flushed && !b->build_store.has_room(shared->processes);
		if (level > shared->entry.level || full) {
			unlock_build(shared);
			mode = LW_EXCLUSIVE;
			lock_build(shared, mode);
			full = !shared->flushed && !b->build_store.has_room(shared->processes);
		}
		if (full) {
			ereport(NOTICE,
					(errmsg("hnsw graph no longer fits into maintenance_work_mem after " UINT64_FORMAT " tuples",
							shared->tuples.load()),
					 errdetail("Building will take significantly more time."),
					 errhint("Increase maintenance_work_mem to speed up builds.")));
			flush(b, nullptr); // the build goes on with the ids there are
		}
		if (center_bytes(layout) != 0 && !b->context->model.center) {
			float *center = reinterpret_cast<float *>(b->shared_parameters);
			if (!shared->has_center) { // the first row; the lock is held exclusively
				graph::to_floats(layout, vector, center);
				shared->has_center = true;
			}
			set_parameters(b->context, center, nullptr);
		}
		MemoryContextSwitchTo(old); // the inserters' own tables live as long as the build
		if (!shared->flushed)
			insert_row(b, b->in_memory, vector, tid, level);
		else {
			if (!b->in_buffers) {
				b->in_buffers =
					static_cast<graph::Inserter<BufferStore> *>(palloc(sizeof(graph::Inserter<BufferStore>)));
				b->in_buffers->initialize(&b->buffer_store, &b->context->layout, &b->context->model, &b->arena,
										  &b->row_arena);
				if (b->build_store.slot_block != 0)
					RelationSetTargetBlock(b->index, b->build_store.slot_block);
			}
			insert_row(b, b->in_buffers, vector, tid, level);
		}
		unlock_build(shared);
		uint64 done = shared->tuples.fetch_add(1) + 1;
		if (b->leader)
			pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, int64(done));
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(b->row_memory);
}

void build_callback(Relation, ItemPointer tid, Datum *values, bool *isnull, bool, void *state) {
	if (!isnull[0])
		add_row(static_cast<BuildState *>(state), tid, values[0]);
}

// Each hop of a search in the memory of a build is to another page of it: with small pages that is a walk of the page
// table, longer than all of the hop's arithmetic. Only advice, that the operating system takes where it is set up so.
void advise_huge_pages(char *memory, Size bytes) {
#ifdef MADV_HUGEPAGE
	if (huge_pages != HUGE_PAGES_OFF) {
		const Size page = sysconf(_SC_PAGESIZE);
		char *first = reinterpret_cast<char *>(TYPEALIGN(page, memory));
		if (first < memory + bytes)
			(void)madvise(first, memory + bytes - first, MADV_HUGEPAGE);
	}
#else
	(void)memory;
	(void)bytes;
#endif
}

void initialize_shared(BuildShared *shared, BlockNumber first_block, uint32 capacity) {
	memset(static_cast<void *>(shared), 0, sizeof(*shared));
	shared->area.first_block = first_block;
	shared->area.capacity = capacity;
	shared->entry = {graph::kNoNode, -1};
	shared->processes = 1;
	LWLockInitialize(&shared->lock, lock_tranche());
	SpinLockInit(&shared->mutex);
	ConditionVariableInit(&shared->done);
}

// How many rows there are, by the planner's estimate.
double estimate_rows(Relation heap) {
	BlockNumber pages;
	double tuples, all_visible;
	estimate_rel_size(heap, nullptr, &pages, &tuples, &all_visible);
	return tuples;
}

// Workers cannot see temporary tables, nor run what is not parallel safe; the rules are those of
// plan_create_index_workers().
bool can_be_parallel(Relation heap, Relation index) {
	if (max_parallel_maintenance_workers == 0 || heap->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		return false;
	PlannerInfo *root = makeNode(PlannerInfo);
	root->parse = makeNode(Query);
	root->parse->commandType = CMD_SELECT;
	root->glob = makeNode(PlannerGlobal);
	root->query_level = 1;
	root->planner_cxt = CurrentMemoryContext;
	return is_parallel_safe(root, reinterpret_cast<Node *>(RelationGetIndexExpressions(index))) &&
		   is_parallel_safe(root, reinterpret_cast<Node *>(RelationGetIndexPredicate(index)));
}

// Workers by the work: vectors may be stored out of line, and the heap alone looks tiny then. A row costs tens to
// hundreds of microseconds, a worker some milliseconds to start.
int wanted_workers(Relation heap, Relation index, double rows) {
	if (!can_be_parallel(heap, index))
		return 0;
	int wanted = RelationGetParallelWorkers(heap, -1);
	if (wanted < 0)
		wanted = rows < 2000 ? 0 : max_parallel_maintenance_workers;
	return Min(wanted, max_parallel_maintenance_workers);
}

// As many pages as the rows are estimated to need, and a third more, within maintenance_work_mem. Memory that is not
// shared costs nothing until it is used: a serial build reserves all that it may use.
uint32 wanted_pages(const graph::Layout &layout, double rows, bool shared) {
	double per_row = double(BLCKSZ) / layout.slots_per_page;
	if (layout.external)
		per_row += layout.vector_bytes ? ((layout.vector_bytes + kMaxChunk - 1) / kMaxChunk) * double(BLCKSZ) : BLCKSZ;
	double wanted = rows * 1.33 * per_row / BLCKSZ * (1 + 0.5 / layout.m) + 256;
	double limit = Min(double(maintenance_work_mem) * 1024.0 / double(BuildStore::bytes_per_page(layout)),
					   double(most_slot_blocks(layout) / 2));
	return uint32(Max(64.0, shared ? Min(wanted, limit) : limit));
}

Size parameter_bytes(const graph::Layout &layout) {
	return center_bytes(layout) + codebook_bytes(layout);
}

// What training has found, for all processes.
void store_parameters(const Context *context, BuildShared *shared, char *parameters) {
	const graph::Layout &layout = context->layout;
	if (context->model.center) {
		memcpy(parameters, context->model.center, center_bytes(layout));
		shared->has_center = true;
	}
	memcpy(parameters + center_bytes(layout), context->state, codebook_bytes(layout));
}

struct ParallelBuild {
	ParallelContext *pcxt;
	BuildShared *shared;
	char *pages;
	char *parameters;
	ParallelTableScanDesc scan;
	Snapshot snapshot;
};

// Starts workers; false if none could be had.
bool begin_parallel(ParallelBuild *p, Relation heap, Relation index, Context *context, BlockNumber first_block,
					uint32 capacity, int workers, bool concurrent) {
	EnterParallelMode();
	p->pcxt = CreateParallelContext("ruvector", "ruvector_hnsw_build_worker", workers);
	p->snapshot = concurrent ? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
	Size scan_bytes = table_parallelscan_estimate(heap, p->snapshot);
	Size page_bytes = BuildStore::memory_for(context->layout, capacity);
	Size bytes_of_parameters = Max(parameter_bytes(context->layout), 8);
	const char *query = debug_query_string ? debug_query_string : "";
	Size query_bytes = strlen(query) + 1;
	shm_toc_estimator *e = &p->pcxt->estimator;
	shm_toc_estimate_chunk(e, BUFFERALIGN(sizeof(BuildShared)));
	shm_toc_estimate_chunk(e, scan_bytes);
	shm_toc_estimate_chunk(e, BUFFERALIGN(page_bytes));
	shm_toc_estimate_chunk(e, bytes_of_parameters);
	shm_toc_estimate_chunk(e, query_bytes);
	shm_toc_estimate_keys(e, 5);
	InitializeParallelDSM(p->pcxt);
	if (p->pcxt->seg == nullptr) {
		if (IsMVCCSnapshot(p->snapshot))
			UnregisterSnapshot(p->snapshot);
		DestroyParallelContext(p->pcxt);
		ExitParallelMode();
		return false;
	}
	shm_toc *toc = p->pcxt->toc;
	p->shared = static_cast<BuildShared *>(shm_toc_allocate(toc, BUFFERALIGN(sizeof(BuildShared))));
	initialize_shared(p->shared, first_block, capacity);
	p->shared->heap_oid = RelationGetRelid(heap);
	p->shared->index_oid = RelationGetRelid(index);
	p->shared->concurrent = concurrent;
	p->shared->layout = context->layout;
	p->shared->processes = workers + 1;
	shm_toc_insert(toc, kKeyShared, p->shared);
	p->scan = static_cast<ParallelTableScanDesc>(shm_toc_allocate(toc, scan_bytes));
	table_parallelscan_initialize(heap, p->scan, p->snapshot);
	shm_toc_insert(toc, kKeyScan, p->scan);
	p->pages = static_cast<char *>(shm_toc_allocate(toc, BUFFERALIGN(page_bytes)));
	memset(p->pages + Size(capacity) * BLCKSZ, 0, capacity); // the page locks
	shm_toc_insert(toc, kKeyPages, p->pages);
	p->parameters = static_cast<char *>(shm_toc_allocate(toc, bytes_of_parameters));
	store_parameters(context, p->shared, p->parameters);
	shm_toc_insert(toc, kKeyParameters, p->parameters);
	char *shared_query = static_cast<char *>(shm_toc_allocate(toc, query_bytes));
	memcpy(shared_query, query, query_bytes);
	shm_toc_insert(toc, kKeyQuery, shared_query);

	LaunchParallelWorkers(p->pcxt);
	if (p->pcxt->nworkers_launched == 0) {
		WaitForParallelWorkersToFinish(p->pcxt);
		if (IsMVCCSnapshot(p->snapshot))
			UnregisterSnapshot(p->snapshot);
		DestroyParallelContext(p->pcxt);
		ExitParallelMode();
		return false;
	}
	WaitForParallelWorkersToAttach(p->pcxt);
	return true;
}

// One process's share of a parallel build.
void scan_share(BuildState *b, ParallelTableScanDesc scan_desc, bool progress) {
	IndexInfo *info = BuildIndexInfo(b->index);
	info->ii_Concurrent = b->shared->concurrent;
	TableScanDesc scan = table_beginscan_parallel(b->heap, scan_desc);
	double tuples = table_index_build_scan(b->heap, b->index, info, true, progress, build_callback, b, scan);
	SpinLockAcquire(&b->shared->mutex);
	b->shared->participants_done++;
	b->shared->heap_tuples += tuples;
	b->shared->broken_hot_chain = b->shared->broken_hot_chain || info->ii_BrokenHotChain;
	SpinLockRelease(&b->shared->mutex);
	ConditionVariableSignal(&b->shared->done);
}

double end_parallel(ParallelBuild *p, int participants) {
	for (;;) {
		SpinLockAcquire(&p->shared->mutex);
		bool finished = p->shared->participants_done == participants;
		SpinLockRelease(&p->shared->mutex);
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, int64(p->shared->tuples.load()));
		if (finished)
			break;
		ConditionVariableTimedSleep(&p->shared->done, 200, WAIT_EVENT_PARALLEL_CREATE_INDEX_SCAN);
	}
	ConditionVariableCancelSleep();
	return p->shared->heap_tuples;
}

// After all rows: what is still in memory goes to the relation, and the metapage learns of the graph.
void finish_index(BuildState *b) {
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseWrite);
	BuildShared *shared = b->shared;
	if (!shared->flushed) {
		BuildOrder order;
		bool reorder = b->context->layout.slots_per_page > 1;
		if (reorder)
			order.plan(&b->build_store, poll_under_lock);
		flush(b, reorder ? &order : nullptr);
	}
	write_parameters(b->index, 0, b->shared_parameters, parameter_bytes(b->context->layout), false);
	if (shared->has_center)
		mark_center_set(b->index, false);
	if (shared->entry.level >= 0)
		raise_entry(b->index, shared->entry.id, shared->entry.level, false);
}

graph::Layout plan(Relation index, const Opclass &opclass) {
	int dims = index_dimensions(index, opclass);
	int m = option_m(index), ef_construction = option_ef_construction(index);
	if (ef_construction < 2 * m)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("ef_construction must be greater than or equal to 2 * m")));
	graph::Layout layout;
	if (!graph::plan_layout(layout_request(opclass, options_of(index), uint32(dims)), kPageBytes, layout))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a vertex of %d dimensions with m = %d does not fit into a page", dims, m)));
	return layout;
}

} // namespace

IndexBuildResult *hnsw_ambuild(Relation heap, Relation index, IndexInfo *index_info) {
	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hnsw build", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);

	Opclass opclass = index_opclass(index);
	graph::Layout layout = plan(index, opclass);
	Context *context = make_context(layout, opclass);
	uint32 parameter_blocks = parameter_block_count(layout);
	create_meta(index, MAIN_FORKNUM, layout, parameter_blocks);

	double rows = estimate_rows(heap);
	int workers = wanted_workers(heap, index, rows);
	if (!layout.is_plain()) {
		pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseTrain);
		train(heap, index, index_info, context);
	}
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kPhaseLoad);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, int64(rows));

	BuildState *b = static_cast<BuildState *>(palloc0(sizeof(BuildState)));
	b->heap = heap;
	b->index = index;
	b->context = context;
	b->leader = true;
	double heap_tuples;
	ParallelBuild parallel = {};
	bool is_parallel =
		workers > 0 && begin_parallel(&parallel, heap, index, context, parameter_blocks + 1,
									  wanted_pages(layout, rows, true), workers, index_info->ii_Concurrent);
	if (is_parallel) {
		prepare(b, parallel.shared, parallel.pages, parallel.parameters);
		scan_share(b, parallel.scan, true);
		heap_tuples = end_parallel(&parallel, parallel.pcxt->nworkers_launched + 1);
		// The scans had an IndexInfo each; the caller marks the index as not for older snapshots.
		index_info->ii_BrokenHotChain = index_info->ii_BrokenHotChain || b->shared->broken_hot_chain;
	} else {
		BuildShared *shared = static_cast<BuildShared *>(palloc(sizeof(BuildShared)));
		uint32 capacity = wanted_pages(layout, rows, false);
		initialize_shared(shared, parameter_blocks + 1, capacity);
		char *pages = static_cast<char *>(palloc_extended(BuildStore::memory_for(layout, capacity), MCXT_ALLOC_HUGE));
		advise_huge_pages(pages, BuildStore::memory_for(layout, capacity));
		memset(pages + Size(capacity) * BLCKSZ, 0, capacity); // the page locks
		char *parameters = static_cast<char *>(palloc0(Max(parameter_bytes(layout), 8)));
		store_parameters(context, shared, parameters);
		prepare(b, shared, pages, parameters);
		heap_tuples = table_index_build_scan(heap, index, index_info, true, true, build_callback, b, nullptr);
	}
	finish_index(b);
	double index_tuples = double(b->shared->tuples.load());
	if (is_parallel) {
		WaitForParallelWorkersToFinish(parallel.pcxt);
		if (IsMVCCSnapshot(parallel.snapshot))
			UnregisterSnapshot(parallel.snapshot);
		DestroyParallelContext(parallel.pcxt);
		ExitParallelMode();
	}
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	IndexBuildResult *result = static_cast<IndexBuildResult *>(palloc(sizeof(IndexBuildResult)));
	result->heap_tuples = heap_tuples;
	result->index_tuples = index_tuples;
	return result;
}

void hnsw_ambuildempty(Relation index) {
	Opclass opclass = index_opclass(index);
	graph::Layout layout = plan(index, opclass);
	create_meta(index, INIT_FORKNUM, layout, parameter_block_count(layout));
	if (codebook_bytes(layout) != 0) {
		Context *context = make_context(layout, opclass);
		train_without_data(context);
		write_parameters(index, center_bytes(layout), context->state, codebook_bytes(layout), true, INIT_FORKNUM);
	}
}

} // namespace ruvector::am

extern "C" RV_EXPORT void ruvector_hnsw_build_worker(dsm_segment *segment, shm_toc *toc);

void ruvector_hnsw_build_worker(dsm_segment *, shm_toc *toc) {
	using namespace ruvector::am;
	auto *shared = static_cast<BuildShared *>(shm_toc_lookup(toc, kKeyShared, false));
	debug_query_string = static_cast<char *>(shm_toc_lookup(toc, kKeyQuery, false));
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	(void)lock_tranche();
	LOCKMODE heap_lock = shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE index_lock = shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	Relation heap = table_open(shared->heap_oid, heap_lock);
	Relation index = index_open(shared->index_oid, index_lock);

	BuildState *b = static_cast<BuildState *>(palloc0(sizeof(BuildState)));
	b->heap = heap;
	b->index = index;
	b->context = make_context(shared->layout, index_opclass(index));
	char *parameters = static_cast<char *>(shm_toc_lookup(toc, kKeyParameters, false));
	// A centre that comes with the first row is taken over when it is there.
	if (!b->context->layout.is_plain())
		set_parameters(b->context, shared->has_center ? reinterpret_cast<float *>(parameters) : nullptr,
					   codebook_bytes(b->context->layout) != 0
						   ? reinterpret_cast<uint8_t *>(parameters) + center_bytes(b->context->layout)
						   : nullptr);
	prepare(b, shared, static_cast<char *>(shm_toc_lookup(toc, kKeyPages, false)), parameters);
	scan_share(b, static_cast<ParallelTableScanDesc>(shm_toc_lookup(toc, kKeyScan, false)), false);

	index_close(index, index_lock);
	table_close(heap, heap_lock);
}
