// test/unit/mem_store.hpp - the store of the graph code's unit tests and micro benchmarks: records in one block of
// memory, vectors inside of them, one process.
#pragma once

#include <cstdlib>
#include <vector>

#include "ruvector/graph/repair.hpp"
#include "ruvector/simd/prefetch.hpp"

namespace ruvector::graph {

struct MemStore {
	const Layout *layout = nullptr;
	std::vector<uint8_t> memory;
	uint32_t records = 0;
	std::vector<NodeId> free; // records to be used again
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
		uint32_t block = layout->block_of(id), slot = layout->slot_of(id);
		uint32_t n = (block - 1) * layout->slots_per_page + slot;
		bool is_record = block > 0 && slot < layout->slots_per_page && n < records;
		return is_record ? memory.data() + size_t(n) * layout->slot_size : nullptr;
	}
	NodeId bound() const { return records ? id_of(records - 1) + 1 : 1; }
	void pause() {}
	bool open(NodeId id, Handle &h) {
		opened++;
		h.slot = record(id);
		return h.slot != nullptr;
	}
	bool move(NodeId id, Handle &h) { return open(id, h); }
	const uint8_t *slot(const Handle &h) const { return h.slot; }
	void close(Handle &) {}
	void expect(NodeId) const {}
	void prefetch(NodeId id) {
		const uint8_t *p = record(id);
		for (uint32_t i = 0; p && i < layout->slot_size; i += 64)
			simd::prefetch_far(p + i);
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
		NodeId id = free.empty() ? id_of(records++) : free.back();
		if (!free.empty())
			free.pop_back();
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

	// What VACUUM does: `gone(row)` tells the dead rows.
	template <typename Gone>
	void vacuum(Gone gone) {
		std::vector<uint8_t> dead_bits(NodeSet::bytes_for(store.bound())), hanging_bits(dead_bits.size());
		NodeSet dead = {dead_bits.data(), dead_bits.size(), 0}, hanging = {hanging_bits.data(), hanging_bits.size(), 0};
		auto prune = [&](RecordHeader *header, HeapTid *tids) {
			uint32_t kept = 0;
			for (uint32_t i = 0; i < header->tid_count; i++)
				if (!gone(row_of(tids[i])))
					tids[kept++] = tids[i];
			header->tid_count = uint16_t(kept);
			return kept;
		};
		for (int upper = 0; upper < 2; upper++)
			for (NodeId id = 1; id < store.bound(); id++) {
				RecordHeader *header = reinterpret_cast<RecordHeader *>(store.record(id));
				if (!header || header->state != uint8_t(RecordState::live) || (header->level > 0) != (upper == 1))
					continue;
				uint32_t rows = prune(header, header->tids);
				for (NodeId next = header->overflow; next != kNoNode;) {
					RecordHeader *part = reinterpret_cast<RecordHeader *>(store.record(next));
					rows += prune(part, reinterpret_cast<HeapTid *>(part + 1));
					next = part->overflow;
				}
				if (upper ? dead.contains(header->base) : rows == 0) {
					header->state = uint8_t(RecordState::dead);
					dead.insert(id);
				}
			}
		if (dead.contains(entry.id)) {
			entry = {kNoNode, -1};
			for (NodeId id = 1; id < store.bound(); id++) {
				const RecordHeader *header = reinterpret_cast<const RecordHeader *>(store.record(id));
				if (header && header->state == uint8_t(RecordState::live) && header->level > entry.level)
					entry = {id, header->level};
			}
		}
		RowArena rows = {arena, [](void *) {}}; // kept as long as the graph
		Repairer<MemStore> repairer;
		repairer.initialize(&store, &layout, &model, &arena, &rows, &dead);
		repairer.restore_tree(&hanging, [this] { return entry; });
		for (NodeId id = 1; id < store.bound(); id++)
			repairer.repair(id);
		repairer.prove(entry);
		for (NodeId id = 1; id < store.bound(); id++)
			if (dead.contains(id)) {
				std::memset(store.record(id), 0, sizeof(RecordHeader));
				store.free.push_back(id);
			}
	}
	static uint32_t row_of(const HeapTid &tid) { return uint32_t(tid.block_hi) << 16 | tid.block_lo; }
};

} // namespace ruvector::graph
