// am/sample.hpp - a sample of a table's rows, for what is learned from the data before an index is built.
#pragma once

#include "am/context.hpp"

extern "C" {
#include "access/tableam.h"
#include "nodes/execnodes.h"
}

namespace ruvector::am {

// A generator of its own: a rebuild takes the same sample.
struct SampleRandom {
	uint64 state;
	uint64 next() { // splitmix64
		uint64 z = state += UINT64CONST(0x9e3779b97f4a7c15);
		z = (z ^ (z >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64CONST(0x94d049bb133111eb);
		return z ^ (z >> 31);
	}
	// Where a row goes in a sample of `capacity` of which `seen` were offered before; capacity: nowhere. Each row is in
	// the sample with the same probability (algorithm R).
	uint64 place(uint64 seen, uint64 capacity) {
		uint64 place = seen < capacity ? seen : next() % (seen + 1);
		return Min(place, capacity);
	}
};

// Offers the rows of enough blocks for a sample of `capacity` rows: of all blocks where there are not more than that, else
// of as many random ones.
void scan_sample(Relation heap, Relation index, IndexInfo *index_info, uint32 capacity, uint64 seed,
				 IndexBuildCallback callback, void *state);

// Learns what the codec of an index needs from its table, and makes it the context's: the centre, as the mean of a
// sample, and the codebook of pq. Returns false if there were no rows: the centre comes with the first insert then.
bool train(Relation heap, Relation index, IndexInfo *index_info, Context *context);
// Of `count` vectors; what would not be finite is 0.
void sample_mean(const float *samples, uint32 count, uint32 dims, float *out);
// The codebook of pq from a sample of floats, which is cleared of what is not finite. A NOTICE says if it is small for the
// index, if that is not null.
void train_codebook(Relation index, Context *context, float *samples, uint32 count);
// The same without a table.
void train_without_data(Context *context);

} // namespace ruvector::am
