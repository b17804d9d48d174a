// am/sample.cpp - samples a table's rows and trains the codec of an index with them.
#include "am/sample.hpp"

#include <cmath>

extern "C" {
#include "utils/sampling.h"
}

namespace ruvector::am {

namespace {

constexpr uint64 kSeed = UINT64CONST(0x747261696e); // fixed, so that a rebuild gives the same codes
constexpr uint32 kCenterSamples = 10000;
constexpr uint32 kLeastSamples = 256; // for a codebook
constexpr uint32 kIterations = 10;    // of k-means

struct Training {
	Context *context;
	MemoryContext row_memory;
	SampleRandom random;
	float *samples;
	uint64 seen;
	uint32 capacity;
};

void add_sample(Relation, ItemPointer, Datum *values, bool *isnull, bool, void *argument) {
	Training *t = static_cast<Training *>(argument);
	if (isnull[0])
		return;
	MemoryContext old = MemoryContextSwitchTo(t->row_memory);
	const void *vector = working_vector(*t->context, values[0], false);
	if (vector != nullptr) {
		uint64 place = t->random.place(t->seen++, t->capacity);
		if (place < t->capacity)
			memcpy(t->samples + place * t->context->layout.dims, vector, t->context->layout.working_bytes());
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(t->row_memory);
}

// A sample that k-means can use has no element that is not finite.
uint32 keep_finite(float *samples, uint32 count, uint32 dims) {
	uint32 kept = 0;
	for (uint32 i = 0; i < count; i++) {
		const float *x = samples + Size(i) * dims;
		float sum = 0;
		for (uint32 d = 0; d < dims; d++)
			sum += x[d] * x[d];
		if (std::isfinite(sum)) {
			if (kept != i)
				memcpy(samples + Size(kept) * dims, x, Size(dims) * sizeof(float));
			kept++;
		}
	}
	return kept;
}

} // namespace

void sample_mean(const float *samples, uint32 count, uint32 dims, float *out) {
	double *sums = static_cast<double *>(palloc0(Size(dims) * sizeof(double)));
	for (uint32 i = 0; i < count; i++)
		for (uint32 d = 0; d < dims; d++)
			sums[d] += double(samples[Size(i) * dims + d]);
	for (uint32 d = 0; d < dims; d++) {
		float value = float(sums[d] / Max(count, 1));
		out[d] = std::isfinite(value) ? value : 0;
	}
}

void scan_sample(Relation heap, Relation index, IndexInfo *index_info, uint32 capacity, uint64 seed,
				 IndexBuildCallback callback, void *state) {
	BlockNumber blocks = RelationGetNumberOfBlocks(heap);
	if (capacity == 0)
		return;
	// A row a block is enough; all blocks where there are not more than that.
	if (blocks <= capacity) {
		table_index_build_range_scan(heap, index, index_info, false, true, false, 0, blocks, callback, state, nullptr);
		return;
	}
	BlockSamplerData sampler;
	BlockSampler_Init(&sampler, blocks, int(capacity), uint32(seed));
	while (BlockSampler_HasMore(&sampler)) {
		CHECK_FOR_INTERRUPTS();
		BlockNumber block = BlockSampler_Next(&sampler);
		table_index_build_range_scan(heap, index, index_info, false, true, false, block, 1, callback, state, nullptr);
	}
}

void train_codebook(Relation index, Context *context, float *samples, uint32 count) {
	if (index != nullptr && count < kLeastSamples)
		ereport(
			NOTICE,
			(errmsg("product quantizer of index \"%s\" is trained with little data", RelationGetRelationName(index)),
			 errdetail("Searches will be slow and will miss rows."), errhint("REINDEX it when the table has rows.")));
	const codec::VectorCodec &vectors = context->model.vectors;
	count = keep_finite(samples, count, context->layout.dims);
	char *scratch =
		static_cast<char *>(palloc_extended(codec::pq_training_scratch_bytes(vectors, count) + 64, MCXT_ALLOC_HUGE));
	codec::PqTraining task = {vectors,
							  samples,
							  count,
							  kSeed,
							  kIterations,
							  context->state,
							  reinterpret_cast<void *>(TYPEALIGN(64, reinterpret_cast<uintptr_t>(scratch))),
							  [](void *) {
								  CHECK_FOR_INTERRUPTS(); // training owns nothing that this could jump over
								  return false;
							  },
							  nullptr};
	(void)codec::train_pq(task);
	pfree(scratch);
}

bool train(Relation heap, Relation index, IndexInfo *index_info, Context *context) {
	const graph::Layout &layout = context->layout;
	if (center_bytes(layout) == 0 && codebook_bytes(layout) == 0)
		return true;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hnsw training", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	Training t = {};
	t.context = context;
	t.row_memory = AllocSetContextCreate(memory, "hnsw training row", ALLOCSET_DEFAULT_SIZES);
	t.random.state = kSeed;
	Size most = Size(maintenance_work_mem) * 1024 / 4 / layout.working_bytes();
	Size wanted = codebook_bytes(layout) != 0 ? codec::pq_training_rows(context->model.vectors) : kCenterSamples;
	t.capacity = uint32(Min(Max(most, Size(256)), wanted));
	t.samples = static_cast<float *>(palloc_extended(Size(t.capacity) * layout.working_bytes(), MCXT_ALLOC_HUGE));
	scan_sample(heap, index, index_info, t.capacity, kSeed, add_sample, &t);
	uint32 count = uint32(Min(t.seen, uint64(t.capacity)));
	if (codebook_bytes(layout) != 0)
		train_codebook(index, context, t.samples, count);
	if (count > 0 && center_bytes(layout) != 0) {
		float *center = static_cast<float *>(palloc(Size(layout.dims) * sizeof(float)));
		sample_mean(t.samples, count, layout.dims, center);
		set_parameters(context, center, nullptr);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return count > 0;
}

void train_without_data(Context *context) {
	train_codebook(nullptr, context, nullptr, 0);
}

} // namespace ruvector::am
