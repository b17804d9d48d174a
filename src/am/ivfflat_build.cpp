// am/ivfflat_build.cpp - CREATE INDEX: a sample gives the centroids, each row goes to the list of the nearest one, a
// sort brings the rows of a list together, and the pages are written one after the other. One process does it: what
// takes long is k-means and the comparison of each row with all centroids.
//
// Nothing is WAL-logged before the end; then all pages are, if the relation needs it.
#include "am/ivfflat.hpp"
#include "am/sample.hpp"

#include <cmath>

#include "ruvector/codec/kmeans.hpp"
#include "ruvector/simd/kernels.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "commands/progress.h"
#include "executor/tuptable.h"
#include "pgstat.h"
#include "utils/tuplesort.h"
}

namespace ruvector::am {

namespace {

constexpr uint32 kSamplesPerList = 50, kLeastSamples = 10000;
constexpr uint32 kMaxIterations = 500;
constexpr uint32 kTrainingRows = 2048;                  // of the sample, for what codes of residuals need
constexpr uint64 kSeed = UINT64CONST(0x697666666c6174); // fixed, so that a rebuild gives the same centroids

struct BuildState {
	Relation heap, index;
	IndexInfo *index_info;
	IvfflatContext context;
	MemoryContext row_memory; // of one row

	// The sample, as k-means wants it.
	codec::ClusterSpace space;
	Size sample_bytes;
	char *samples;
	uint32 sample_count, sample_capacity;
	uint64 rows_seen;
	SampleRandom random;

	// Centroids as stored vectors.
	char *centroids;
	Size centroid_bytes;

	Tuplesortstate *sort;
	TupleDesc sort_row;
	TupleTableSlot *slot;
	double index_tuples;
};

char *centroid(const BuildState *b, uint32 list) {
	return b->centroids + list * b->centroid_bytes;
}

// --- The sample ---

bool is_zero(const float *x, uint32 dims) {
	for (uint32 i = 0; i < dims; i++)
		if (x[i] != 0)
			return false;
	return true;
}

void add_sample(BuildState *b, Datum value) {
	MemoryContext old = MemoryContextSwitchTo(b->row_memory);
	const void *sample = ivfflat_vector(b->context, value, false).vector;
	if (sample && b->space != codec::ClusterSpace::hamming) {
		float *x = static_cast<float *>(palloc(b->sample_bytes));
		graph::to_floats(b->context.layout, sample, x);
		// A vector without direction tells k-means of angles nothing.
		sample = b->space == codec::ClusterSpace::spherical && is_zero(x, b->context.layout.dims) ? nullptr : x;
	}
	if (sample) {
		uint64 place = b->random.place(b->rows_seen, b->sample_capacity);
		if (place < b->sample_capacity)
			memcpy(b->samples + place * b->sample_bytes, sample, b->sample_bytes);
		b->rows_seen++;
		b->sample_count = uint32(Min(b->rows_seen, uint64(b->sample_capacity)));
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(b->row_memory);
}

void sample_callback(Relation, ItemPointer, Datum *values, bool *isnull, bool, void *state) {
	if (!isnull[0])
		add_sample(static_cast<BuildState *>(state), values[0]);
}

// What learning from that many rows takes: their residuals, and the tables of the training.
Size training_bytes(const BuildState *b, uint32 rows) {
	const Context &c = *b->context.rows;
	return Size(rows) * (b->context.layout.dims * sizeof(float) + sizeof(uint32)) +
		   (codebook_bytes(c.layout) != 0 ? codec::pq_training_scratch_bytes(c.model.vectors, rows) : 0);
}

// As many samples as are useful, or fewer where the table is small. The memory is checked before it is allocated.
void plan_samples(BuildState *b) {
	const graph::Layout &layout = b->context.layout;
	const Size training =
		b->context.has_blocks() ? training_bytes(b, kTrainingRows) : 0; // after k-means, in the room of its tables
	uint64 rows = uint64(RelationGetNumberOfBlocks(b->heap)) * MaxHeapTuplesPerPage;
	b->sample_capacity = uint32(Min(rows, uint64(Max(b->context.lists * kSamplesPerList, kLeastSamples))));
	Size needed = (Size(b->sample_capacity) + b->context.lists) * b->sample_bytes +
				  b->context.lists * b->centroid_bytes + b->sample_capacity * sizeof(float) +
				  Max(codec::kmeans_scratch_bytes(layout.dims, b->context.lists, b->sample_capacity), training);
	if (needed > Size(maintenance_work_mem) * 1024)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("memory required is %zu MB, maintenance_work_mem is %d MB", needed / (1024 * 1024) + 1,
							   maintenance_work_mem / 1024)));
}

bool check_interrupts(void *) {
	CHECK_FOR_INTERRUPTS(); // k-means owns nothing that this could jump over
	return false;
}

char *allocate(Size bytes) {
	return static_cast<char *>(palloc_extended(Max(bytes, Size(8)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
}

// --- What codes of residuals are relative to ---

uint32 nearest(const BuildState *b, const void *vector) {
	const IvfflatContext &c = b->context;
	uint32 best = 0;
	float least = c.distance(c.layout, centroid(b, 0), vector);
	for (uint32 list = 1; list < c.lists; list++) {
		float d = c.distance(c.layout, centroid(b, list), vector);
		if (d < least) {
			least = d;
			best = list;
		}
	}
	return best;
}

// K-means of directions normalises its sample: the lengths before.
float *sample_lengths(const BuildState *b) {
	const uint32 dims = b->context.layout.dims;
	float *lengths =
		static_cast<float *>(palloc_extended(Max(Size(b->sample_count), Size(1)) * sizeof(float), MCXT_ALLOC_HUGE));
	for (uint32 i = 0; i < b->sample_count; i++) {
		const float *x = reinterpret_cast<const float *>(b->samples + i * b->sample_bytes);
		lengths[i] = b->space == codec::ClusterSpace::spherical ? std::sqrt(simd::kernels->ip_f32(x, x, dims)) : 1;
	}
	return lengths;
}

// The middle, the scale and pq's codebook from the sample.
void learn_codes(BuildState *b, const float *lengths) {
	IvfflatContext &c = b->context;
	const uint32 dims = c.layout.dims, count = Min(b->sample_count, kTrainingRows);
	float *samples = reinterpret_cast<float *>(b->samples);
	for (uint32 i = 0; i < b->sample_count; i++)
		for (uint32 d = 0; d < dims; d++)
			samples[Size(i) * dims + d] *= lengths[i];
	sample_mean(samples, b->sample_count, dims, c.middle);

	// The centroids of directions have length 1; their rows' mean is nearer to the origin, or farther away.
	float *rows =
		static_cast<float *>(palloc_extended(Max(Size(count) * dims, Size(1)) * sizeof(float), MCXT_ALLOC_HUGE));
	uint32 *lists = static_cast<uint32 *>(palloc(Max(count, 1) * sizeof(uint32)));
	uint16 *half = static_cast<uint16 *>(palloc(dims * sizeof(uint16)));
	double along = 0;
	for (uint32 i = 0; i < count; i++) {
		CHECK_FOR_INTERRUPTS();
		float *x = rows + Size(i) * dims;
		memcpy(x, samples + uint64(i) * b->sample_count / count * dims, dims * sizeof(float));
		const void *vector = x;
		if (c.opclass.element == graph::Element::f16) {
			simd::kernels->f32_to_f16(x, half, dims);
			vector = half;
		}
		lists[i] = nearest(b, vector);
		if (c.opclass.metric != graph::Metric::l2)
			along -= double(c.distance(c.layout, centroid(b, lists[i]), vector));
	}
	if (c.opclass.metric != graph::Metric::l2 && count > 0 && std::isfinite(float(along)))
		c.scale = float(along / count);
	float *centre = static_cast<float *>(palloc(dims * sizeof(float)));
	for (uint32 i = 0; i < count; i++) {
		list_centre(c, centroid(b, lists[i]), centre);
		for (uint32 d = 0; d < dims; d++)
			rows[Size(i) * dims + d] -= centre[d];
	}
	if (codebook_bytes(c.rows->layout) != 0)
		train_codebook(b->heap != nullptr ? b->index : nullptr, c.rows, rows, count);
	use_ivfflat_parameters(&c, nullptr);
}

// --- The centroids ---

// Without a heap (the init fork of an unlogged index) or rows the centroids are random.
void make_centroids(BuildState *b) {
	const graph::Layout &layout = b->context.layout;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "ivfflat k-means", ALLOCSET_DEFAULT_SIZES);
	b->centroids = allocate(b->context.lists * b->centroid_bytes);
	MemoryContext old = MemoryContextSwitchTo(memory);
	if (b->heap) {
		plan_samples(b);
		b->samples = static_cast<char *>(
			palloc_extended(Max(Size(b->sample_capacity) * b->sample_bytes, Size(8)), MCXT_ALLOC_HUGE));
		scan_sample(b->heap, b->index, b->index_info, b->sample_capacity, kSeed, sample_callback, b);
	}
	float *lengths = b->context.has_blocks() ? sample_lengths(b) : nullptr;
	char *result = allocate(b->context.lists * b->sample_bytes);
	char *scratch = allocate(codec::kmeans_scratch_bytes(layout.dims, b->context.lists, b->sample_count));
	codec::KMeans task = {b->space, layout.dims, b->context.lists, b->sample_count,  b->samples, result,
						  scratch,  kSeed,       kMaxIterations,   check_interrupts, nullptr};
	(void)codec::kmeans(task);
	for (uint32 list = 0; list < b->context.lists; list++) {
		const char *from = result + list * b->sample_bytes;
		if (b->context.opclass.element == graph::Element::f16)
			simd::kernels->f32_to_f16(reinterpret_cast<const float *>(from),
									  reinterpret_cast<uint16 *>(centroid(b, list)), layout.dims);
		else
			memcpy(centroid(b, list), from, layout.vector_bytes);
	}
	pfree(scratch);
	if (lengths != nullptr)
		learn_codes(b, lengths);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	b->samples = nullptr;
}

// --- The rows ---

void add_row(BuildState *b, ItemPointer tid, Datum value) {
	MemoryContext old = MemoryContextSwitchTo(b->row_memory);
	IvfflatVector vector = ivfflat_vector(b->context, value, false);
	if (vector.vector) {
		Size bytes = b->context.stored_bytes;
		bytea *entry = static_cast<bytea *>(palloc(VARHDRSZ + bytes));
		SET_VARSIZE(entry, VARHDRSZ + bytes);
		uint32 list = nearest(b, vector.vector);
		ivfflat_encode(b->context, centroid(b, list), vector, VARDATA(entry));
		TupleTableSlot *slot = b->slot;
		ExecClearTuple(slot);
		slot->tts_values[0] = Int32GetDatum(int32(list));
		slot->tts_values[1] = PointerGetDatum(tid);
		slot->tts_values[2] = PointerGetDatum(entry);
		memset(slot->tts_isnull, 0, 3 * sizeof(bool));
		ExecStoreVirtualTuple(slot);
		tuplesort_puttupleslot(b->sort, slot);
		ExecClearTuple(slot);
		b->index_tuples++;
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(b->row_memory);
}

void row_callback(Relation, ItemPointer tid, Datum *values, bool *isnull, bool, void *state) {
	if (!isnull[0])
		add_row(static_cast<BuildState *>(state), tid, values[0]);
}

double assign_rows(BuildState *b) {
	b->sort_row = CreateTemplateTupleDesc(3);
	TupleDescInitEntry(b->sort_row, 1, "list", INT4OID, -1, 0);
	TupleDescInitEntry(b->sort_row, 2, "tid", TIDOID, -1, 0);
	TupleDescInitEntry(b->sort_row, 3, "entry", BYTEAOID, -1, 0);
	b->slot = MakeSingleTupleTableSlot(b->sort_row, &TTSOpsVirtual);
	AttrNumber columns[] = {1};
	Oid operators[] = {Int4LessOperator}, collations[] = {InvalidOid};
	bool nulls_first[] = {false};
	b->sort = tuplesort_begin_heap(b->sort_row, 1, columns, operators, collations, nulls_first, maintenance_work_mem,
								   nullptr, TUPLESORT_NONE);
	double heap_tuples = table_index_build_scan(b->heap, b->index, b->index_info, true, true, row_callback, b, nullptr);
	tuplesort_performsort(b->sort);
	ExecDropSingleTupleTableSlot(b->slot);
	return heap_tuples;
}

// --- The pages ---

void write_page(Buffer buffer, ForkNumber fork) {
	START_CRIT_SECTION();
	MarkBufferDirty(buffer);
	if (fork == INIT_FORKNUM)
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}

void write_parameters(BuildState *b, ForkNumber fork) {
	const IvfflatContext &c = b->context;
	const Size bytes = c.parameter_bytes(), middle_bytes = c.layout.dims * sizeof(float);
	if (bytes == 0)
		return;
	char *parameters = static_cast<char *>(palloc(bytes));
	memcpy(parameters, c.middle, middle_bytes);
	memcpy(parameters + middle_bytes, c.rows->state, bytes - middle_bytes);
	for (Size done = 0; done < bytes; done += kPageBytes) {
		Size n = Min(bytes - done, kPageBytes);
		Buffer buffer = ivfflat_extend(b->index, fork);
		ivfflat_page_init(BufferGetPage(buffer), IvfflatPageKind::parameters, n);
		memcpy(PageGetContents(BufferGetPage(buffer)), parameters + done, n);
		write_page(buffer, fork);
	}
	pfree(parameters);
}

// The metapage, the list pages and the parameters; the lists are empty.
void write_lists(BuildState *b, ForkNumber fork) {
	const IvfflatContext &c = b->context;
	Buffer buffer = ivfflat_extend(b->index, fork);
	Page page = BufferGetPage(buffer);
	ivfflat_page_init(page, IvfflatPageKind::meta, sizeof(IvfflatMeta));
	auto *meta = reinterpret_cast<IvfflatMeta *>(PageGetContents(page));
	meta->magic = kIvfflatMagic;
	meta->version = kIvfflatVersion;
	meta->element = c.layout.element;
	meta->metric = c.layout.metric;
	meta->codec = uint8(c.opclass.codec);
	meta->lanes = uint8(c.lanes);
	meta->dims = c.layout.dims;
	meta->lists = c.lists;
	meta->pq_subspaces = c.rows->layout.pq_subspaces;
	meta->scale = c.scale;
	write_page(buffer, fork);
	for (uint32 list = 0; list < c.lists;) {
		CHECK_FOR_INTERRUPTS();
		buffer = ivfflat_extend(b->index, fork);
		if (BufferGetBlockNumber(buffer) != c.list_block(list))
			elog(ERROR, "unexpected block number %u, expected %u", BufferGetBlockNumber(buffer), c.list_block(list));
		page = BufferGetPage(buffer);
		ivfflat_page_init(page, IvfflatPageKind::lists, c.lists_per_page() * c.list_size());
		for (uint32 end = Min(c.lists, list + c.lists_per_page()); list < end; list++)
			memcpy(list_centroid(page_list(page, c, list)), centroid(b, list), c.layout.vector_bytes);
		write_page(buffer, fork);
	}
	write_parameters(b, fork);
}

// The chain that is being written. Its last page is in memory: no lock is held while the sort reads on.
struct Chain {
	int64 list; // -1: none yet
	BlockNumber first;
	BlockNumber block; // where the page will be
	PGAlignedBlock page;
};

// Writes the page; `more`: the next page is of the same list.
void flush_page(BuildState *b, Chain *chain, bool more) {
	Page page = static_cast<Page>(chain->page.data);
	Buffer buffer = ivfflat_extend(b->index, MAIN_FORKNUM);
	if (BufferGetBlockNumber(buffer) != chain->block)
		elog(ERROR, "unexpected block number %u, expected %u", BufferGetBlockNumber(buffer), chain->block);
	ivfflat_opaque(page)->next = more ? chain->block + 1 : 0;
	memcpy(BufferGetPage(buffer), page, BLCKSZ);
	write_page(buffer, MAIN_FORKNUM);
}

void end_chain(BuildState *b, Chain *chain) {
	if (chain->list < 0)
		return;
	flush_page(b, chain, false);
	uint32 list = uint32(chain->list);
	Buffer buffer = ivfflat_list_buffer(b->index, b->context, list, BUFFER_LOCK_EXCLUSIVE);
	IvfflatList *record = page_list(BufferGetPage(buffer), b->context, list);
	record->first = chain->first;
	record->insert = chain->block;
	write_page(buffer, MAIN_FORKNUM);
}

void begin_page(BuildState *b, Chain *chain, int64 list) {
	if (list == chain->list)
		flush_page(b, chain, true);
	else {
		end_chain(b, chain);
		chain->first = chain->block + 1;
	}
	chain->list = list;
	chain->block++;
	ivfflat_page_init(static_cast<Page>(chain->page.data), IvfflatPageKind::entries, sizeof(IvfflatPageHead));
}

void write_entries(BuildState *b) {
	const IvfflatContext &c = b->context;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(b->sort_row, &TTSOpsMinimalTuple);
	Chain *chain = static_cast<Chain *>(palloc0(sizeof(Chain)));
	Page page = static_cast<Page>(chain->page.data);
	chain->list = -1;
	chain->block = c.list_pages() + c.parameter_pages(); // the last one so far
	int64 done = 0;
	while (tuplesort_gettupleslot(b->sort, true, false, slot, nullptr)) {
		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		int64 list = DatumGetInt32(slot->tts_values[0]);
		auto *entry = reinterpret_cast<bytea *>(DatumGetPointer(slot->tts_values[2]));
		if (VARSIZE_ANY_EXHDR(entry) != c.stored_bytes)
			elog(ERROR, "unexpected length of a sorted entry");
		if (list != chain->list || !page_has_room(page, c))
			begin_page(b, chain, list);
		page_add(page, c, reinterpret_cast<ItemPointer>(DatumGetPointer(slot->tts_values[1])), VARDATA_ANY(entry));
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, ++done);
	}
	end_chain(b, chain);
	ExecDropSingleTupleTableSlot(slot);
	tuplesort_end(b->sort);
}

BuildState *begin_build(Relation heap, Relation index, IndexInfo *index_info) {
	BuildState *b = static_cast<BuildState *>(palloc0(sizeof(BuildState)));
	b->heap = heap;
	b->index = index;
	b->index_info = index_info;
	Opclass opclass = index_opclass(index);
	IvfflatOptions options = ivfflat_options_of(index);
	uint32 dims = uint32(index_dimensions(index, opclass));
	b->context =
		make_ivfflat_context(opclass, dims, uint32(options.lists),
							 opclass.codec == graph::Codec::pq ? planned_subspaces(dims, options.pq_subspaces) : 0);
	b->space = opclass.element == graph::Element::bit ? codec::ClusterSpace::hamming
			   : opclass.metric == graph::Metric::l2  ? codec::ClusterSpace::euclidean
													  : codec::ClusterSpace::spherical;
	b->sample_bytes = codec::kmeans_row_bytes(b->space, b->context.layout.dims);
	b->centroid_bytes = MAXALIGN(b->context.layout.vector_bytes);
	b->random.state = kSeed;
	b->row_memory = AllocSetContextCreate(CurrentMemoryContext, "ivfflat build row", ALLOCSET_DEFAULT_SIZES);
	return b;
}

} // namespace

IndexBuildResult *ivfflat_ambuild(Relation heap, Relation index, IndexInfo *index_info) {
	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "ivfflat build", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);

	BuildState *b = begin_build(heap, index, index_info);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kIvfflatPhaseKMeans);
	make_centroids(b);
	write_lists(b, MAIN_FORKNUM);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kIvfflatPhaseAssign);
	double heap_tuples = assign_rows(b);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, kIvfflatPhaseLoad);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, int64(b->index_tuples));
	write_entries(b);
	double index_tuples = b->index_tuples;
	if (index_tuples < b->context.lists)
		ereport(NOTICE, (errmsg("ivfflat index created with little data"), errdetail("This will cause low recall."),
						 errhint("Drop the index until the table has more data.")));
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	IndexBuildResult *result = static_cast<IndexBuildResult *>(palloc(sizeof(IndexBuildResult)));
	result->heap_tuples = heap_tuples;
	result->index_tuples = index_tuples;
	return result;
}

void ivfflat_ambuildempty(Relation index) {
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "ivfflat build", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	BuildState *b = begin_build(nullptr, index, nullptr);
	make_centroids(b);
	write_lists(b, INIT_FORKNUM);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
}

} // namespace ruvector::am
