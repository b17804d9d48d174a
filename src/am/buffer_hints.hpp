// am/buffer_hints.hpp - where the blocks of a relation were found in shared buffers last time. Only hints:
// ReadRecentBuffer checks them. They save the look-up in the buffer table, and tell what to prefetch.
#pragma once

#include "ruvector/pg/postgres.hpp"
#include "ruvector/pg/compat.hpp"
#include "ruvector/simd/prefetch.hpp"

extern "C" {
#include "storage/buf_internals.h"
#include "utils/rel.h"
}

namespace ruvector::am {

// One per backend and relation, kept between scans; the least used is another relation's next time: a plan can scan more
// relations at once than there are hints.
struct BufferHints {
	RV_REL_LOCATOR locator;
	uint32 size;
	Buffer *buffers;
	uint64 used; // when, for replacement
	uint32 reads;

	// Null for what is not in shared buffers.
	static BufferHints *of(Relation relation, BlockNumber blocks);

	bool is_of(Relation relation) const { return RV_REL_LOCATOR_EQUALS(locator, RV_LOCATOR_OF(relation)); }
	// InvalidBuffer if it is not known.
	Buffer at(Relation relation, BlockNumber block) const {
		return block < size && is_of(relation) ? buffers[block] : InvalidBuffer;
	}
	void expect(BlockNumber block) const {
		if (block < size)
			simd::prefetch(&buffers[block]);
	}
	void note(Relation relation, BlockNumber block, Buffer buffer) {
		if (block < size && is_of(relation))
			buffers[block] = buffer;
	}
	// Pins the block where it was; InvalidBuffer if it is not there. ReadRecentBuffer does not count as use: without an
	// ordinary look-up now and then, the pages that are used most would be evicted first.
	Buffer pin(Relation relation, BlockNumber block) {
		const Buffer recent = at(relation, block);
		return recent != InvalidBuffer && ++reads % 64 != 0 && ReadRecentBuffer(locator, MAIN_FORKNUM, block, recent)
				   ? recent
				   : InvalidBuffer;
	}
};

inline void prefetch_descriptor(Buffer buffer) {
	simd::prefetch(GetBufferDescriptor(buffer - 1));
}

} // namespace ruvector::am
