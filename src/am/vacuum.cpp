// am/vacuum.cpp - removes dead heap TIDs, repairs the lists that lead to dead vertices, frees their records.
//
//   1. Every page: dead TIDs go; a vertex without any is marked dead. It still leads searches on, but no insert takes
//      it for a neighbour any more. Inserts that began before are waited for.
//   2. Records that only a dead vertex leads to are pinned to a living one.
//   3. Every page: edges to dead vertices go. A list that has become too short is filled up with neighbours of the dead
//      vertices, which are scored by the codes on the dead vertices' pages: a few pages per record, no search.
//   4. A search looks for some of them; what it does not find gets an edge from where the search ended.
//   5. The records of dead vertices become free.
//
// Readers need no barrier: see README.md. Interrupted at any point, the next vacuum finds the dead records and goes on.
#include "am/buffer_store.hpp"
#include "ruvector/graph/repair.hpp"
#include "ruvector/pg/compat.hpp"

extern "C" {
#include "commands/vacuum.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
}

namespace ruvector::am {

namespace {

using graph::ConstSlot;
using graph::HeapTid;
using graph::MutableSlot;
using graph::NodeId;
using graph::RecordHeader;
using graph::RecordState;

struct UpperRecord {
	NodeId id, base;
	int level;
};

struct VacuumState {
	Relation index;
	IndexBulkDeleteResult *stats;
	IndexBulkDeleteCallback callback;
	void *callback_state;
	BufferAccessStrategy strategy;
	Context *context;
	const graph::Layout *layout;
	BufferStore store;
	graph::Arena arena;
	graph::RowArena row_arena;
	graph::Repairer<BufferStore> repairer;
	graph::NodeSet dead;
	graph::List<UpperRecord> upper;
	graph::List<NodeId> chained; // vertices with overflow records
	NodeId live_base;            // some living vertex
};

// An empty set of the index's present records.
graph::NodeSet node_set(Relation index, const graph::Layout *layout) {
	graph::NodeSet set;
	set.bytes = graph::NodeSet::bytes_for(NodeId(RelationGetNumberOfBlocks(index)) << layout->slot_bits);
	set.bits = static_cast<uint8 *>(palloc_extended(set.bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
	return set;
}

HeapTid *tids_of(RecordHeader *header) {
	if (header->state == uint8(RecordState::tids))
		return reinterpret_cast<HeapTid *>(header + 1);
	return header->tids;
}

uint32 tid_limit(const VacuumState *v, const RecordHeader *header) {
	return header->state == uint8(RecordState::tids) ? v->layout->tids_per_overflow() : graph::kInlineTids;
}

bool holds_tids(const RecordHeader *header) {
	return header->state == uint8(RecordState::tids) ||
		   (header->state == uint8(RecordState::live) && header->level == 0);
}

bool tid_is_dead(VacuumState *v, const HeapTid &tid) {
	ItemPointerData pointer;
	from_heap_tid(tid, &pointer);
	return v->callback(&pointer, v->callback_state);
}

// Removes the dead TIDs of a page's records; marks those dead that have none left.
void prune_page(VacuumState *v, Buffer buffer) {
	static PGAlignedBlock copy;
	RecordHeader *header = reinterpret_cast<RecordHeader *>(copy.data);
	for (uint32 slot = 0; slot < v->layout->slots_per_page; slot++) {
		const uint8_t *present = page_slot(BufferGetPage(buffer), *v->layout, slot);
		memcpy(static_cast<void *>(header), present, sizeof(*header));
		if (!holds_tids(header))
			continue;
		const Size bytes = header->state == uint8(RecordState::tids) ? v->layout->slot_size : sizeof(*header);
		memcpy(static_cast<void *>(header), present, bytes);
		HeapTid *tids = tids_of(header);
		uint32 kept = 0, n = Min(uint32(header->tid_count), tid_limit(v, header));
		for (uint32 i = 0; i < n; i++) {
			if (tid_is_dead(v, tids[i]))
				v->stats->tuples_removed++;
			else
				tids[kept++] = tids[i];
		}
		const bool emptied =
			kept == 0 && (header->state == uint8(RecordState::tids) || header->overflow == graph::kNoNode);
		if (kept == header->tid_count && !emptied)
			continue;
		header->tid_count = uint16(kept);
		if (emptied)
			header->state = uint8(RecordState::dead);
		replace_record(v->index, buffer, *v->layout, slot, header, bytes, true);
	}
}

bool needs_pruning(VacuumState *v, Page page) {
	for (uint32 slot = 0; slot < v->layout->slots_per_page; slot++) {
		RecordHeader *header = reinterpret_cast<RecordHeader *>(page_slot(page, *v->layout, slot));
		if (!holds_tids(header))
			continue;
		uint32 n = Min(uint32(header->tid_count), tid_limit(v, header));
		for (uint32 i = 0; i < n; i++)
			if (tid_is_dead(v, tids_of(header)[i]))
				return true;
		if (n == 0 && header->overflow == graph::kNoNode)
			return true;
	}
	return false;
}

// Notes what the page's records mean for the later passes. Whether it has room for more.
bool note_page(VacuumState *v, BlockNumber block, Page page) {
	bool room = false;
	for (uint32 slot = 0; slot < v->layout->slots_per_page; slot++) {
		RecordHeader *header = reinterpret_cast<RecordHeader *>(page_slot(page, *v->layout, slot));
		NodeId id = v->layout->node_id(block, slot);
		switch (RecordState(header->state)) {
		case RecordState::dead:
			v->dead.insert(id);
			break;
		case RecordState::live:
			if (header->level > 0)
				v->upper.push(v->arena, {id, header->base, header->level});
			else {
				v->live_base = id;
				if (header->overflow != graph::kNoNode)
					v->chained.push(v->arena, id);
			}
			v->stats->num_index_tuples += header->tid_count;
			break;
		case RecordState::tids:
			v->stats->num_index_tuples += header->tid_count;
			break;
		case RecordState::free:
			room = true;
			break;
		}
	}
	return room;
}

void remove_tids(VacuumState *v) {
	BlockNumber blocks = RelationGetNumberOfBlocks(v->index);
	v->dead = node_set(v->index, v->layout);
	for (BlockNumber block = 1; block < blocks; block++) {
		RV_VACUUM_DELAY_POINT();
		Buffer buffer = v->store.read(block, v->strategy);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(buffer);
		if (!is_slot_page(page)) {
			UnlockReleaseBuffer(buffer);
			continue;
		}
		if (needs_pruning(v, page)) {
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
			LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
			prune_page(v, buffer);
		}
		const bool room = note_page(v, block, page);
		UnlockReleaseBuffer(buffer);
		if (room) // the map is not logged
			RecordFreeIndexPage(v->index, block);
	}
}

// Takes emptied records out of the chains of heap TIDs. Only vacuum changes links inside a chain; inserts put records
// in front.
void clean_chains(VacuumState *v) {
	for (NodeId vertex : v->chained) {
		RV_VACUUM_DELAY_POINT();
		NodeId previous = vertex;
		for (;;) {
			BufferStore::Handle h;
			if (!v->store.open(previous, h))
				break;
			NodeId next = reinterpret_cast<const RecordHeader *>(h.slot)->overflow;
			v->store.close(h);
			if (next == graph::kNoNode || !v->store.open(next, h))
				break;
			const RecordHeader *header = reinterpret_cast<const RecordHeader *>(h.slot);
			bool empty = header->state == uint8(RecordState::dead);
			NodeId after = header->overflow;
			v->store.close(h);
			if (!empty) {
				previous = next;
				continue;
			}
			BufferStore::WriteHandle w;
			uint8_t *p = v->store.open_write(previous, w);
			if (!p)
				break;
			RecordHeader *holder = reinterpret_cast<RecordHeader *>(p);
			if (holder->overflow == next) {
				holder->overflow = after;
				if (previous == vertex && holder->tid_count == 0 && after == graph::kNoNode) {
					holder->state = uint8(RecordState::dead);
					v->dead.insert(vertex);
				}
				v->store.commit(w);
			} else
				v->store.discard(w); // an insert put a record in front: look again
		}
	}
}

// Marks the upper records of dead vertices, and moves the entry point to a living one.
void settle_upper_levels(VacuumState *v) {
	NodeId best = v->live_base;
	int best_level = best == graph::kNoNode ? -1 : 0;
	if (best != graph::kNoNode && v->dead.contains(best)) {
		best = graph::kNoNode;
		best_level = -1;
	}
	for (const UpperRecord &record : v->upper) {
		if (!v->dead.contains(record.base)) {
			if (record.level > best_level) {
				best = record.id;
				best_level = record.level;
			}
			continue;
		}
		v->dead.insert(record.id);
		BufferStore::WriteHandle w;
		uint8_t *p = v->store.open_write(record.id, w);
		if (p) {
			reinterpret_cast<RecordHeader *>(p)->state = uint8(RecordState::dead);
			v->store.commit(w);
		}
	}
	// Wait for the inserts that may have chosen dead vertices as neighbours.
	LockPage(v->index, kInsertLock, ExclusiveLock);
	MetaPage meta;
	read_meta(v->index, &meta);
	if (meta.entry_level >= 0 && v->dead.contains(meta.entry)) {
		if (best == graph::kNoNode) { // an insert may have added a vertex since its page was visited
			BlockNumber blocks = RelationGetNumberOfBlocks(v->index);
			for (BlockNumber block = 1; block < blocks && best == graph::kNoNode; block++)
				for (uint32 slot = 0; slot < v->layout->slots_per_page; slot++) {
					NodeId id = v->layout->node_id(block, slot);
					BufferStore::Handle h;
					if (!v->store.open(id, h))
						break;
					const RecordHeader *header = reinterpret_cast<const RecordHeader *>(h.slot);
					if (header->state == uint8(RecordState::live) && header->level == 0) {
						best = id;
						best_level = 0;
					}
					v->store.close(h);
				}
		}
		set_entry(v->index, best, best_level);
	}
	UnlockPage(v->index, kInsertLock, ExclusiveLock);
}

graph::Entry entry_point(const VacuumState *v) {
	MetaPage meta;
	read_meta(v->index, &meta);
	return {meta.entry, meta.entry_level};
}

void restore_tree(VacuumState *v) {
	graph::NodeSet hanging = node_set(v->index, v->layout);
	v->repairer.restore_tree(&hanging, [v] { return entry_point(v); });
}

void repair_lists(VacuumState *v) {
	const NodeId bound = v->store.bound();
	for (NodeId id = 1; id < bound; id++) {
		v->store.pause();
		v->repairer.repair(id);
	}
	v->repairer.prove(entry_point(v));
}

bool holds_dead(const VacuumState *v, BlockNumber block) {
	for (uint32 slot = 0; slot < v->layout->slots_per_page; slot++)
		if (v->dead.contains(v->layout->node_id(block, slot)))
			return true;
	return false;
}

// Of the records of certain levels.
void free_records(VacuumState *v, int lowest, int highest) {
	BlockNumber blocks = RelationGetNumberOfBlocks(v->index);
	graph::List<graph::VectorRef> vectors = {};
	const RecordHeader none = {};
	for (BlockNumber block = 1; block < blocks; block++) {
		if (!holds_dead(v, block)) {
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		RV_VACUUM_DELAY_POINT();
		Buffer buffer = v->store.read(block, v->strategy);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		Page page = BufferGetPage(buffer);
		vectors.size = 0;
		bool freed = false;
		for (uint32 slot = 0; slot < v->layout->slots_per_page && is_slot_page(page); slot++) {
			const MutableSlot record = {page_slot(page, *v->layout, slot), v->layout};
			const RecordHeader &header = record.header();
			const NodeId id = v->layout->node_id(block, slot);
			if (header.state != uint8(RecordState::dead) || header.level < lowest || header.level > highest ||
				!v->dead.contains(id))
				continue;
			if (v->layout->external && header.level == 0 && header.base == id)
				vectors.push(v->arena, record.vector_ref());
			replace_record(v->index, buffer, *v->layout, slot, &none, sizeof(none), true);
			freed = true;
		}
		UnlockReleaseBuffer(buffer);
		for (const graph::VectorRef &ref : vectors)
			v->store.remove_chunks(ref);
		if (freed)
			RecordFreeIndexPage(v->index, block);
	}
}

} // namespace

IndexBulkDeleteResult *hnsw_ambulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
										 IndexBulkDeleteCallback callback, void *callback_state) {
	if (!stats)
		stats = static_cast<IndexBulkDeleteResult *>(palloc0(sizeof(IndexBulkDeleteResult)));
	stats->num_index_tuples = 0;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hnsw vacuum", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	MetaPage meta;
	read_meta(info->index, &meta);

	VacuumState *v = static_cast<VacuumState *>(palloc0(sizeof(VacuumState)));
	v->index = info->index;
	v->stats = stats;
	v->callback = callback;
	v->callback_state = callback_state;
	v->strategy = info->strategy;
	v->context = load_context(info->index, meta);
	v->layout = &v->context->layout;
	v->store.initialize(info->index, v->layout, true);
	v->arena = context_arena(memory);

	remove_tids(v);
	clean_chains(v);
	if (v->dead.size > 0) {
		settle_upper_levels(v);
		MemoryContext row_memory = AllocSetContextCreate(memory, "hnsw vacuum row", ALLOCSET_DEFAULT_SIZES);
		v->row_arena = {context_arena(row_memory),
						[](void *context) { MemoryContextReset(static_cast<MemoryContext>(context)); }};
		v->repairer.initialize(&v->store, v->layout, &v->context->model, &v->arena, &v->row_arena, &v->dead);
		restore_tree(v);
		repair_lists(v);
		// The record of level 0 goes last, and with it the vector, if that is elsewhere: killed in between, a vacuum leaves no
		// record above one that is free.
		free_records(v, 1, graph::kMaxLevel);
		free_records(v, 0, 0);
	}

	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	return stats;
}

IndexBulkDeleteResult *hnsw_amvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats) {
	if (info->analyze_only || !stats)
		return stats;
	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	IndexFreeSpaceMapVacuum(info->index);
	return stats;
}

} // namespace ruvector::am
