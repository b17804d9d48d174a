// am/build_store.hpp - vertex records in memory, in the pages they will be written as. Used by a build, in one process
// or, in shared memory, by several.
//
// Readers take no lock: what they see of a list that is being changed is a hint like any other (ids are written whole,
// and a record is complete before its id is). Writers of one page exclude each other by a spin lock; nothing can raise
// or block while it is held.
#pragma once

#include <atomic>

#include "am/context.hpp"
#include "ruvector/simd/prefetch.hpp"

extern "C" {
#include "storage/s_lock.h"
}

namespace ruvector::am {

// Shared by the processes of a build.
struct BuildArea {
	BlockNumber first_block; // of the relation: pages[0]
	uint32 capacity;         // pages
	std::atomic<uint32> used;
};

struct BuildStore {
	const graph::Layout *layout;
	BuildArea *area;
	char *pages;
	std::atomic<uint8_t> *locks; // one per page
	float *working;              // the working forms of coded vectors, one per slot; null: none are kept
	// This process's own places to add to; 0: none yet.
	BlockNumber slot_block, chunk_block;
	uint32 next_slot;

	struct Handle {
		const uint8_t *slot;
	};
	struct WriteHandle {
		uint8_t *slot;
		std::atomic<uint8_t> *lock;
	};

	void initialize(const graph::Layout *l, BuildArea *a, char *memory) {
		layout = l;
		area = a;
		pages = memory;
		locks = reinterpret_cast<std::atomic<uint8_t> *>(pages + Size(area->capacity) * BLCKSZ);
		working = keeps_working(*l) ? reinterpret_cast<float *>(pages + lock_end(area->capacity)) : nullptr;
		slot_block = chunk_block = 0;
		next_slot = 0;
	}
	// A graph of coarse codes is built with the vectors themselves as long as they fit into memory.
	static bool keeps_working(const graph::Layout &l) {
		return l.codec == uint8(graph::Codec::pq) || l.codec == uint8(graph::Codec::binary);
	}
	static Size lock_end(uint32 capacity) { return MAXALIGN(Size(capacity) * (BLCKSZ + 1)); }
	static Size bytes_per_page(const graph::Layout &l) {
		return BLCKSZ + 1 + (keeps_working(l) ? Size(l.slots_per_page) * l.working_bytes() : 0);
	}
	static Size memory_for(const graph::Layout &l, uint32 capacity) {
		return lock_end(capacity) + Size(capacity) * (bytes_per_page(l) - BLCKSZ - 1);
	}

	Page page(BlockNumber block) const { return pages + Size(block - area->first_block) * BLCKSZ; }
	bool in_memory(BlockNumber block) const {
		return block >= area->first_block && block - area->first_block < area->used.load(std::memory_order_relaxed);
	}
	// Whether one more vertex surely fits, whatever the other processes do meanwhile.
	bool has_room(int processes) const {
		uint32 chunks =
			layout->external
				? (layout->vector_bytes ? layout->vector_bytes : 4 + 8 * graph::kMaxNonZero) / (kPageBytes - 64) + 1
				: 0;
		uint32 reserve = uint32(processes) * (graph::kMaxLevel + 2 + chunks);
		return area->used.load(std::memory_order_relaxed) + reserve <= area->capacity;
	}

	uint8_t *record(graph::NodeId id) const {
		BlockNumber block = layout->block_of(id);
		if (!in_memory(block) || layout->slot_of(id) >= layout->slots_per_page)
			return nullptr;
		return page_slot(page(block), *layout, layout->slot_of(id));
	}
	bool open(graph::NodeId id, Handle &h) const {
		h.slot = record(id);
		return h.slot != nullptr;
	}
	bool move(graph::NodeId id, Handle &h) const { return open(id, h); }
	const uint8_t *slot(const Handle &h) const { return h.slot; }
	void close(Handle &) const {}
	void expect(graph::NodeId) const {} // record() reads nothing far
	void prefetch(graph::NodeId id) const {
		const uint8_t *p = record(id);
		if (!p)
			return;
		for (uint32 i = 0; i < layout->slot_size; i += 64)
			simd::prefetch_far(p + i);
	}

	const void *vector(const uint8_t *slot, void *scratch) const {
		graph::ConstSlot s{slot, layout};
		if (!layout->external)
			return s.vector();
		graph::VectorRef ref = s.vector_ref();
		size_t done = 0;
		while (ref.block != 0) {
			Page p = page(ref.block);
			const ChunkHeader *chunk =
				reinterpret_cast<const ChunkHeader *>(PageGetItem(p, PageGetItemId(p, ref.offset)));
			if (done == 0 && chunk->next_block == 0)
				return chunk + 1;
			memcpy(static_cast<char *>(scratch) + done, chunk + 1, chunk->bytes);
			done += chunk->bytes;
			ref = {chunk->next_block, chunk->next_offset, 0};
		}
		return scratch;
	}
	const void *keep(const void *stored, graph::Arena &arena) const {
		const char *p = static_cast<const char *>(stored);
		if (p >= pages && p < pages + Size(area->capacity) * BLCKSZ)
			return stored;
		size_t bytes = graph::stored_size(*layout, stored);
		void *copy = arena.allocate(arena.context, bytes);
		memcpy(copy, stored, bytes);
		return copy;
	}
	float *working_of(graph::NodeId id) const {
		Size slot = Size(layout->block_of(id) - area->first_block) * layout->slots_per_page + layout->slot_of(id);
		return working + slot * layout->dims;
	}
	const void *exact(graph::NodeId id) const { return working ? working_of(id) : nullptr; }

	uint8_t *open_write(graph::NodeId id, WriteHandle &h) const {
		h.slot = record(id);
		if (!h.slot)
			return nullptr;
		h.lock = &locks[layout->block_of(id) - area->first_block];
		for (uint32 spins = 0; h.lock->exchange(1, std::memory_order_acquire) != 0; spins++)
			if (spins % 64 == 63)
				pg_usleep(10); // its owner may have lost the processor
			else
				SPIN_DELAY();
		return h.slot;
	}
	const uint8_t *open_exclusive(graph::NodeId id, WriteHandle &h) const { return open_write(id, h); }
	uint8_t *modify(WriteHandle &h) const { return h.slot; }
	void close_exclusive(WriteHandle &h) const { discard(h); }
	void commit(WriteHandle &h) const { h.lock->store(0, std::memory_order_release); }
	void discard(WriteHandle &h) const { commit(h); }

	graph::NodeId add(const uint8_t *image, const void *working_form) {
		if (slot_block == 0 || next_slot == layout->slots_per_page) {
			slot_block = new_page(PageKind::slots);
			next_slot = 0;
		}
		uint32 slot = next_slot++;
		graph::NodeId id = layout->node_id(slot_block, slot);
		uint8_t *p = page_slot(page(slot_block), *layout, slot);
		if (working && working_form)
			memcpy(working_of(id), working_form, layout->working_bytes());
		memcpy(p, image, layout->slot_size);
		graph::RecordHeader *header = reinterpret_cast<graph::RecordHeader *>(p);
		if (header->base == graph::kNoNode)
			header->base = id;
		std::atomic_thread_fence(std::memory_order_release);
		return id;
	}

	graph::VectorRef put_vector(const void *vector, size_t bytes) {
		const size_t room = kMaxChunk;
		graph::VectorRef next = {0, 0, 0};
		size_t end = bytes;
		do {
			size_t begin = end == 0 ? 0 : (end - 1) / room * room;
			alignas(8) char item[BLCKSZ];
			ChunkHeader *header = reinterpret_cast<ChunkHeader *>(item);
			memset(header, 0, sizeof(*header));
			header->next_block = next.block;
			header->next_offset = next.offset;
			header->bytes = uint32(end - begin);
			memcpy(item + sizeof(ChunkHeader), static_cast<const char *>(vector) + begin, end - begin);
			Size size = sizeof(ChunkHeader) + (end - begin);
			if (chunk_block == 0 || PageGetFreeSpace(page(chunk_block)) < MAXALIGN(size))
				chunk_block = new_page(PageKind::chunks);
			OffsetNumber offset =
				PageAddItem(page(chunk_block), reinterpret_cast<Item>(item), size, InvalidOffsetNumber, false, false);
			next = {chunk_block, offset, 0};
			end = begin;
		} while (end > 0);
		return next;
	}

private:
	BlockNumber new_page(PageKind kind) const {
		uint32 n = area->used.fetch_add(1);
		Assert(n < area->capacity); // has_room() was asked
		BlockNumber block = area->first_block + n;
		page_init(page(block), kind, *layout);
		return block;
	}
};

} // namespace ruvector::am
