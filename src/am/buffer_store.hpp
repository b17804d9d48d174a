// am/buffer_store.hpp - vertex records in PostgreSQL's buffers.
// One content lock at a time, except that a chunk page may be locked (shared) below a slot page. See README.md.
#pragma once

#include "am/buffer_hints.hpp"
#include "am/context.hpp"
#include "ruvector/pg/compat.hpp"

extern "C" {
#include "access/generic_xlog.h"
}

namespace ruvector::am {

struct BufferStore {
	Relation index;
	const graph::Layout *layout;
	bool log;                 // changes; a build logs the whole index at its end instead
	BlockNumber blocks;       // known size of the relation; grows
	BlockNumber chunk_target; // where the last chunk was put
	BufferHints *hints;       // null: not for this relation

	struct Handle {
		Buffer buffer;
		const uint8_t *slot;
	};
	struct WriteHandle {
		Buffer buffer;
		graph::NodeId id;
		Size bytes; // of the record that can change
	};

	void initialize(Relation relation, const graph::Layout *l, bool logged) {
		index = relation;
		layout = l;
		log = logged;
		blocks = RelationGetNumberOfBlocks(relation);
		chunk_target = InvalidBlockNumber;
		hints = BufferHints::of(relation, blocks);
	}

	Buffer read(BlockNumber block, BufferAccessStrategy strategy = nullptr) {
		Buffer buffer = hints ? hints->pin(index, block) : InvalidBuffer;
		if (buffer == InvalidBuffer) {
			buffer = ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
			if (hints)
				hints->note(index, block, buffer);
		}
		return buffer;
	}

	bool has_block(BlockNumber block) {
		if (block >= blocks)
			blocks = RelationGetNumberOfBlocks(index);
		return block < blocks;
	}
	bool in_range(graph::NodeId id) {
		BlockNumber block = layout->block_of(id);
		return layout->slot_of(id) < layout->slots_per_page && block != kMetaBlock && has_block(block);
	}
	void pause();
	graph::NodeId bound() { return layout->node_id(RelationGetNumberOfBlocks(index), 0); }
	bool open(graph::NodeId id, Handle &h) {
		CHECK_FOR_INTERRUPTS(); // whoever opens a record has no other locked
		if (!in_range(id))
			return false;
		BlockNumber block = layout->block_of(id);
		h.buffer = read(block);
		LockBuffer(h.buffer, BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(h.buffer);
		if (unlikely(!is_slot_page(page))) {
			bool fresh = PageIsNew(page) || page_opaque(page)->page_id == kPageId;
			if (!fresh)
				page_check(index, block, page, PageKind::slots);
			UnlockReleaseBuffer(h.buffer); // reused for something else
			return false;
		}
		h.slot = page_slot(page, *layout, layout->slot_of(id));
		return true;
	}
	bool move(graph::NodeId id, Handle &h) const {
		if (layout->slot_of(id) >= layout->slots_per_page)
			return close(h), false;
		h.slot = page_slot(BufferGetPage(h.buffer), *layout, layout->slot_of(id));
		return true;
	}
	const uint8_t *slot(const Handle &h) const { return h.slot; }
	void close(const Handle &h) const { UnlockReleaseBuffer(h.buffer); }
	// Brings a record towards the processor's second-level cache, if it is known where in shared buffers it was: the first
	// level cannot wait for so many lines at once.
	void prefetch(graph::NodeId id) const {
		const Buffer buffer = hints ? hints->at(index, layout->block_of(id)) : InvalidBuffer;
		if (buffer == InvalidBuffer)
			return;
		prefetch_descriptor(buffer);
		const char *page = static_cast<const char *>(BufferGetBlock(buffer));
		simd::prefetch(page);
		const char *slot = page + SizeOfPageHeaderData + Size(layout->slot_of(id)) * layout->slot_size;
		for (Size i = 0; i < layout->slot_size; i += 64)
			simd::prefetch_far(slot + i);
	}

	void expect(graph::NodeId id) const {
		if (hints)
			hints->expect(layout->block_of(id));
	}

	const void *vector(const uint8_t *slot, void *scratch) {
		graph::ConstSlot s{slot, layout};
		if (!layout->external)
			return s.vector();
		return read_chunks(s.vector_ref(), scratch);
	}
	const void *keep(const void *stored, graph::Arena &arena) {
		size_t bytes = graph::stored_size(*layout, stored);
		void *copy = arena.allocate(arena.context, bytes);
		memcpy(copy, stored, bytes);
		return copy;
	}
	const void *exact(graph::NodeId) const { return nullptr; } // only the table has it

	const uint8_t *open_exclusive(graph::NodeId id, WriteHandle &h);
	// A copy of what can change, that commit() puts into the page. There is one at a time.
	uint8_t *modify(WriteHandle &h);
	void close_exclusive(WriteHandle &h) { UnlockReleaseBuffer(h.buffer); }
	uint8_t *open_write(graph::NodeId id, WriteHandle &h) { return open_exclusive(id, h) ? modify(h) : nullptr; }
	void commit(WriteHandle &h);
	void discard(WriteHandle &h) { UnlockReleaseBuffer(h.buffer); }
	graph::NodeId add(const uint8_t *image, const void *working);
	graph::VectorRef put_vector(const void *vector, size_t bytes);

	const void *read_chunks(graph::VectorRef ref, void *scratch);
	// Removes a chain of chunks (vacuum).
	void remove_chunks(graph::VectorRef ref);

private:
	Buffer extend(PageKind kind, GenericXLogState **state, Page *page);
	Buffer free_page(PageKind wanted);
	Page begin(Buffer buffer, GenericXLogState **state, bool full_image);
	void finish(Buffer buffer, GenericXLogState *state);
};

} // namespace ruvector::am
