// test/unit/mem_store.hpp - the store of the graph code's unit tests and micro benchmarks: records in one block of
// memory, vectors inside of them, one process.
#pragma once

#include <cstdlib>
#include <vector>

#include "ruvector/graph/insert.hpp"

namespace ruvector::graph {

struct MemStore {
	const Layout *layout = nullptr;
	std::vector<uint8_t> memory;
	uint32_t records = 0;
	uint64_t opened = 0;

	struct Handle {
		const uint8_t *slot;
	};
	struct WriteHandle {
		uint8_t *slot;
	};

	void initialize(const Layout *l, uint32_t capacity) {
		layout = l;
		memory.assign(size_t(capacity) * l->slot_size + 64, 0);
	}
	NodeId id_of(uint32_t n) const {
		return layout->node_id(1 + n / layout->slots_per_page, n % layout->slots_per_page);
	}
	uint8_t *record(NodeId id) {
		uint32_t n = (layout->block_of(id) - 1) * layout->slots_per_page + layout->slot_of(id);
		return id == kNoNode || n >= records ? nullptr : memory.data() + size_t(n) * layout->slot_size;
	}
	bool open(NodeId id, Handle &h) {
		opened++;
		h.slot = record(id);
		return h.slot != nullptr;
	}
	bool move(NodeId id, Handle &h) { return open(id, h); }
	const uint8_t *slot(const Handle &h) const { return h.slot; }
	void close(Handle &) {}
	void prefetch(NodeId id) {
		const uint8_t *p = record(id);
		for (uint32_t i = 0; p && i < layout->slot_size; i += 64)
			__builtin_prefetch(p + i);
	}
	const void *vector(const uint8_t *slot, void *) { return ConstSlot{slot, layout}.vector(); }
	const void *keep(const void *vector, Arena &) { return vector; }
	uint8_t *open_write(NodeId id, WriteHandle &h) { return h.slot = record(id); }
	const uint8_t *open_exclusive(NodeId id, WriteHandle &h) { return open_write(id, h); }
	uint8_t *modify(WriteHandle &h) { return h.slot; }
	void close_exclusive(WriteHandle &h) { discard(h); }
	void commit(WriteHandle &) {}
	void discard(WriteHandle &) {}
	const void *exact(NodeId) { return nullptr; }
	NodeId add(const uint8_t *image, const void *) {
		NodeId id = id_of(records++);
		uint8_t *p = record(id);
		std::memcpy(p, image, layout->slot_size);
		RecordHeader *header = reinterpret_cast<RecordHeader *>(p);
		if (header->base == kNoNode)
			header->base = id;
		return id;
	}
	VectorRef put_vector(const void *, size_t) { return {0, 0, 0}; }
};

inline Arena malloc_arena() {
	return {nullptr, [](void *, size_t n) -> void * { return std::malloc(n); }, [](void *, void *p) { std::free(p); }};
}

// A whole graph in memory.
struct MemGraph {
	Layout layout;
	std::vector<uint8_t> signs;
	std::vector<float> center;
	Model model;
	MemStore store;
	Arena arena;
	Inserter<MemStore> inserter;
	Entry entry = {kNoNode, -1};

	MemGraph(Element element, Metric metric, uint32_t dims, uint32_t m, uint32_t ef_construction, uint32_t capacity,
			 const Layout *given = nullptr, Arena memory = malloc_arena())
		: arena(memory) {
		if (given)
			layout = *given;
		else
			plan_layout({element, metric, dims, m, ef_construction, 1}, 8160, layout);
		store.initialize(&layout, capacity + capacity / 4 + 1000);
		if (layout.has_codes()) {
			signs.resize(codec::rotation_sign_bytes(dims));
			codec::make_rotation_signs(dims, layout.seed, signs.data());
			model.codec = layout.edge_codec();
			model.rotation = {dims, model.codec.rotated_dims, signs.data()};
			model.center = nullptr;
		}
		inserter.initialize(&store, &layout, &model, &arena, &arena);
	}
	MemGraph(const MemGraph &) = delete;

	void insert(const void *vector, uint32_t row) {
		if (entry.level < 0 && layout.has_codes()) {
			center.resize(layout.dims);
			to_floats(layout, vector, center.data());
			model.center = center.data();
		}
		HeapTid tid = {uint16_t(row >> 16), uint16_t(row), 1};
		int level = draw_level(layout, hash_vector(vector, working_size(layout, vector), layout.seed));
		NodeId top = inserter.place(vector, tid, level, entry, inserter.find(vector, level, entry));
		if (top != kNoNode && level > entry.level)
			entry = {top, level};
	}
	static uint32_t row_of(const HeapTid &tid) { return uint32_t(tid.block_hi) << 16 | tid.block_lo; }
};

} // namespace ruvector::graph
