// am/buffer_hints.cpp - the hints of the relations that a backend has scanned last.
#include "am/buffer_hints.hpp"

extern "C" {
#include "utils/memutils.h"
}

namespace ruvector::am {

BufferHints *BufferHints::of(Relation relation, BlockNumber blocks) {
	constexpr int kRelations = 32;
	constexpr uint32 kMostBlocks = 4 * 1024 * 1024; // 16 MB of hints
	static BufferHints cache[kRelations];
	static uint64 clock = 0;
	if (RelationUsesLocalBuffers(relation))
		return nullptr;
	BufferHints *hints = nullptr, *oldest = &cache[0];
	for (BufferHints &h : cache) {
		if (h.buffers && h.is_of(relation))
			hints = &h;
		if (h.used < oldest->used)
			oldest = &h;
	}
	if (!hints) {
		hints = oldest;
		if (hints->buffers)
			pfree(hints->buffers);
		hints->buffers = nullptr;
		hints->size = 0;
		hints->locator = RV_LOCATOR_OF(relation);
	}
	hints->used = ++clock;
	uint32 wanted = Min(blocks, kMostBlocks);
	if (wanted > hints->size) {
		uint32 size = Min(wanted + wanted / 8 + 64, kMostBlocks);
		Buffer *bigger = static_cast<Buffer *>(
			MemoryContextAllocExtended(TopMemoryContext, size * sizeof(Buffer), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
		if (hints->buffers) {
			memcpy(bigger, hints->buffers, hints->size * sizeof(Buffer));
			pfree(hints->buffers);
		}
		hints->buffers = bigger;
		hints->size = size;
	}
	return hints;
}

} // namespace ruvector::am
