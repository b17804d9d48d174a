// am/vacuum.cpp - removes dead heap TIDs, repairs the lists that lead to dead vertices, frees their records.
//
//   1. Every page: dead TIDs go; a vertex without any is marked dead. It still leads searches on, but no insert takes
//      it for a neighbour any more. Inserts that began before are waited for.
//   2. Records that only a dead vertex leads to are pinned to a living one.
//   3. Every page: edges to dead vertices go, and are replaced by neighbours of the dead vertices, which are scored by
//      the codes on the dead vertices' pages: a few pages per record, no search.
//   4. The records of dead vertices become free.
//
// Readers need no barrier: see README.md. Interrupted at any point, the next vacuum finds the dead records and goes on.
#include "am/buffer_store.hpp"
#include "ruvector/graph/insert.hpp"
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
	graph::Arena arena, row_arena;
	MemoryContext row_memory;
	graph::Search<BufferStore> from; // the query is the vector of the record that is repaired
	graph::Search<BufferStore> to;   // the query is the vector of a new neighbour
	graph::EdgeCoder coder;
	uint8 *dead; // a bit per NodeId
	Size dead_bytes;
	uint64 dead_count;
	graph::List<UpperRecord> upper;
	graph::List<NodeId> chained; // vertices with overflow records
	NodeId live_base;            // some living vertex
	uint8 *copy;                 // of the record that is repaired
	uint8 *packed, *packed_back;
	float *estimates;
};

bool is_dead(const VacuumState *v, NodeId id) {
	return id / 8 < v->dead_bytes && (v->dead[id / 8] >> (id % 8) & 1);
}

void mark_dead(VacuumState *v, NodeId id) {
	if (id / 8 < v->dead_bytes && !is_dead(v, id)) {
		v->dead[id / 8] |= uint8(1u << (id % 8));
		v->dead_count++;
	}
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

// Removes the dead TIDs of a page's records; marks those dead that have none left. The page is a copy under
// GenericXLog.
void prune_page(VacuumState *v, Page page) {
	for (uint32 slot = 0; slot < v->layout->slots_per_page; slot++) {
		RecordHeader *header = reinterpret_cast<RecordHeader *>(page_slot(page, *v->layout, slot));
		if (!holds_tids(header))
			continue;
		HeapTid *tids = tids_of(header);
		uint32 kept = 0, n = Min(uint32(header->tid_count), tid_limit(v, header));
		for (uint32 i = 0; i < n; i++) {
			if (tid_is_dead(v, tids[i]))
				v->stats->tuples_removed++;
			else
				tids[kept++] = tids[i];
		}
		header->tid_count = uint16(kept);
		if (kept == 0 && (header->state == uint8(RecordState::tids) || header->overflow == graph::kNoNode))
			header->state = uint8(RecordState::dead);
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

// Notes what the page's records mean for the later passes.
void note_page(VacuumState *v, BlockNumber block, Page page) {
	for (uint32 slot = 0; slot < v->layout->slots_per_page; slot++) {
		RecordHeader *header = reinterpret_cast<RecordHeader *>(page_slot(page, *v->layout, slot));
		NodeId id = v->layout->node_id(block, slot);
		switch (RecordState(header->state)) {
		case RecordState::dead:
			mark_dead(v, id);
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
			break;
		}
	}
}

void remove_tids(VacuumState *v) {
	BlockNumber blocks = RelationGetNumberOfBlocks(v->index);
	v->dead_bytes = (Size(blocks) << v->layout->slot_bits) / 8 + 1;
	v->dead = static_cast<uint8 *>(palloc_extended(v->dead_bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
	for (BlockNumber block = 1; block < blocks; block++) {
		RV_VACUUM_DELAY_POINT();
		Buffer buffer = ReadBufferExtended(v->index, MAIN_FORKNUM, block, RBM_NORMAL, v->strategy);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(buffer);
		if (!is_slot_page(page)) {
			UnlockReleaseBuffer(buffer);
			continue;
		}
		if (needs_pruning(v, page)) {
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
			LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
			GenericXLogState *state = GenericXLogStart(v->index);
			page = GenericXLogRegisterBuffer(state, buffer, 0);
			prune_page(v, page);
			GenericXLogFinish(state);
			page = BufferGetPage(buffer);
		}
		note_page(v, block, page);
		UnlockReleaseBuffer(buffer);
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
					mark_dead(v, vertex);
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
	if (best != graph::kNoNode && is_dead(v, best)) {
		best = graph::kNoNode;
		best_level = -1;
	}
	for (const UpperRecord &record : v->upper) {
		if (!is_dead(v, record.base)) {
			if (record.level > best_level) {
				best = record.id;
				best_level = record.level;
			}
			continue;
		}
		mark_dead(v, record.id);
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
	if (meta.entry_level >= 0 && is_dead(v, meta.entry)) {
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

void remove_dead_edges(VacuumState *v, MutableSlot slot) {
	RecordHeader &header = slot.header();
	const codec::EdgeCodec codec = v->layout->edge_codec();
	uint32 degree = Min(header.degree, v->layout->degree);
	for (uint32 e = 0; e < degree;) {
		if (!is_dead(v, slot.ids()[e])) {
			e++;
			continue;
		}
		uint32 last = --degree;
		if (e != last) {
			slot.ids()[e] = slot.ids()[last];
			slot.lengths()[e] = slot.lengths()[last];
			slot.set_occluded(e, slot.occluded(last));
			slot.set_pinned(e, slot.pinned(last));
			if (v->layout->has_codes()) {
				slot.a()[e] = slot.a()[last];
				slot.f()[e] = slot.f()[last];
				codec::load_lane(codec, slot.codes(last / graph::kBlockLanes), last % graph::kBlockLanes, v->packed);
				codec::store_lane(codec, v->packed, slot.codes(e / graph::kBlockLanes), e % graph::kBlockLanes);
			}
		}
		slot.ids()[last] = graph::kNoNode;
		slot.set_occluded(last, false);
		slot.set_pinned(last, false);
	}
	header.degree = uint16(degree);
}

// A record's vector in both forms, valid until the record that is repaired is done.
struct KeptVector {
	const void *working, *stored;
};

KeptVector keep_vector(VacuumState *v, const uint8_t *slot) {
	const void *stored = v->store.vector(slot, v->from.vector_scratch);
	return {v->from.keep_working(stored, nullptr),
			v->layout->is_plain() ? nullptr : v->store.keep(stored, v->row_arena)};
}

// The distance from the query of v->from to a vertex, from what has been seen since the query was set or from its page.
float distance_to(VacuumState *v, NodeId id, int level) {
	graph::IdTable::Entry *known = v->from.seen.find(id);
	if (known->id == id)
		return known->value;
	bool ok;
	v->from.level = level;
	float d = v->from.visit_distance(id, &ok);
	if (!ok)
		d = HUGE_VALF;
	v->from.seen.insert(v->arena, id, d);
	return d;
}

struct Replacement {
	float distance;
	NodeId id;
	bool occluded; // in the dead vertex's list
};

// The neighbours of a record's dead neighbours, nearest first, without those it knows already.
void find_replacements(VacuumState *v, NodeId self, ConstSlot record, uint32 wanted, graph::List<Replacement> &found) {
	found.size = 0;
	const int level = record.header().level;
	for (uint32 e = 0; e < record.header().degree; e++) {
		NodeId dead = record.ids()[e];
		if (!is_dead(v, dead))
			continue;
		BufferStore::Handle h;
		if (!v->store.open(dead, h))
			continue;
		ConstSlot slot{h.slot, v->layout};
		uint32 degree = slot.header().degree;
		if (slot.state() != RecordState::dead || slot.header().level != level || degree > v->layout->degree) {
			v->store.close(h);
			continue;
		}
		NodeId ids[graph::kMaxDegree];
		memcpy(ids, slot.ids(), degree * sizeof(NodeId));
		bool slot_occluded[graph::kMaxDegree];
		for (uint32 i = 0; i < degree; i++)
			slot_occluded[i] = slot.occluded(i);
		if (v->layout->has_codes()) {
			float own = v->from.own_distance(v->store.vector(h.slot, v->from.vector_scratch), nullptr);
			v->from.estimate(slot, own, degree, v->estimates);
		}
		v->store.close(h);
		for (uint32 i = 0; i < degree; i++) {
			NodeId id = ids[i];
			bool known = id == self || is_dead(v, id);
			for (uint32 k = 0; k < record.header().degree && !known; k++)
				known = record.ids()[k] == id;
			for (uint32 k = 0; k < found.size && !known; k++)
				known = found[k].id == id;
			if (known)
				continue;
			float d = 0;
			if (v->layout->has_codes())
				d = v->estimates[i];
			else {
				d = distance_to(v, id, level);
				if (d == HUGE_VALF)
					continue;
			}
			found.push(v->row_arena, {d, id, slot_occluded[i]});
		}
	}
	// Half of them the nearest ones, for precision; half those that the dead vertices led to by edges of their own, for
	// the ways out of the neighbourhood.
	uint32 n = Min(found.size, wanted), nearest = (n + 1) / 2;
	std::partial_sort(found.begin(), found.begin() + nearest, found.end(),
					  [](const Replacement &a, const Replacement &b) { return a.distance < b.distance; });
	std::partial_sort(found.begin() + nearest, found.begin() + n, found.end(),
					  [](const Replacement &a, const Replacement &b) {
						  return a.occluded != b.occluded ? b.occluded : a.distance < b.distance;
					  });
	found.size = n;
}

// What is known of the ends of a record's edges before the record is locked, where its page has no codes that tell it.
struct Ends {
	NodeId ids[graph::kMaxDegree];
	float distances[graph::kMaxDegree]; // from the query of v->from
	uint32 n;
};

void look_at_ends(VacuumState *v, NodeId id, int level, Ends *ends) {
	ends->n = 0;
	BufferStore::Handle h;
	if (v->layout->has_codes() || !v->store.open(id, h))
		return;
	ConstSlot slot{h.slot, v->layout};
	if (slot.state() == RecordState::live && slot.header().level == level &&
		slot.header().degree <= v->layout->degree) {
		ends->n = slot.header().degree;
		memcpy(ends->ids, slot.ids(), ends->n * sizeof(NodeId));
	}
	v->store.close(h);
	for (uint32 e = 0; e < ends->n; e++)
		ends->distances[e] = distance_to(v, ends->ids[e], level);
}

// Offers `from` an edge to the record whose vector is the query of v->from.
graph::Linked offer_edge(VacuumState *v, NodeId from, int level, const graph::Edge &edge, bool pin) {
	Ends ends;
	look_at_ends(v, from, level, &ends);
	BufferStore::WriteHandle w;
	const uint8_t *p = v->store.open_exclusive(from, w);
	if (!p)
		return graph::Linked::no;
	ConstSlot slot{p, v->layout};
	graph::LinkPlan plan = {};
	if (slot.state() == RecordState::live && slot.header().level == level &&
		slot.header().degree <= v->layout->degree) {
		if (v->layout->has_codes())
			v->from.estimate(slot, edge.length, slot.header().degree, v->estimates);
		else
			for (uint32 e = 0; e < slot.header().degree; e++) // one that was changed meanwhile is as good as far away
				v->estimates[e] = e < ends.n && ends.ids[e] == slot.ids()[e] ? ends.distances[e] : HUGE_VALF;
		plan = graph::plan_link(slot, edge, v->estimates, pin);
	}
	if (plan.linked == graph::Linked::no)
		v->store.close_exclusive(w);
	else {
		graph::apply_link(MutableSlot{v->store.modify(w), v->layout}, edge, v->estimates, plan);
		v->store.commit(w);
	}
	return plan.linked;
}

// Replaces the edges of one record that lead to dead vertices.
void repair(VacuumState *v, NodeId id, uint32 removed) {
	MemoryContext old = MemoryContextSwitchTo(v->row_memory);
	ConstSlot record{v->copy, v->layout};
	const int level = record.header().level;
	KeptVector own = keep_vector(v, v->copy);
	v->from.set_query(own.working);
	v->from.seen.reset(v->arena, 256);
	graph::List<Replacement> found = {};
	find_replacements(v, id, record, removed, found);

	// Without codes: the vectors of the ends that stay.
	struct End {
		NodeId id;
		const void *vector;
	};
	graph::List<End> ends = {};
	for (uint32 e = 0; e < record.header().degree && !v->layout->has_codes(); e++) {
		BufferStore::Handle h;
		if (is_dead(v, record.ids()[e]) || !v->store.open(record.ids()[e], h))
			continue;
		ConstSlot end{h.slot, v->layout};
		if (end.state() == RecordState::live && end.header().level == level)
			ends.push(v->row_arena, {record.ids()[e], keep_vector(v, h.slot).working});
		v->store.close(h);
	}

	// The vectors of new ends, before the record is locked.
	struct NewEdge {
		graph::Edge edge, back;
		KeptVector vector;
		bool taken;
	};
	const Size packed_bytes = v->layout->has_codes() ? v->layout->edge_codec().packed_bytes() : 0;
	NewEdge *edges = static_cast<NewEdge *>(palloc0(sizeof(NewEdge) * (found.size + 1)));
	uint32 n = 0;
	for (uint32 i = 0; i < found.size; i++) {
		BufferStore::Handle h;
		if (!v->store.open(found[i].id, h))
			continue;
		ConstSlot slot{h.slot, v->layout};
		if (slot.state() == RecordState::live && slot.header().level == level) {
			edges[n].vector = keep_vector(v, h.slot);
			edges[n].edge.id = found[i].id;
			n++;
		}
		v->store.close(h);
	}

	BufferStore::WriteHandle w;
	uint8_t *p = v->store.open_write(id, w);
	if (p) {
		MutableSlot slot{p, v->layout};
		if (slot.state() == RecordState::live && slot.header().level == level) {
			remove_dead_edges(v, slot);
			for (uint32 i = 0; i < n && slot.header().degree < v->layout->degree; i++) {
				const KeptVector &other = edges[i].vector;
				v->to.set_query(other.working);
				float length = v->from.distance(*v->layout, own.working, other.working);
				NodeId end = edges[i].edge.id;
				uint8_t *packed_back = packed_bytes ? static_cast<uint8_t *>(palloc(packed_bytes)) : nullptr;
				v->coder.encode({own.working, v->from.rotated, own.stored},
								{other.working, v->to.rotated, other.stored}, length, edges[i].edge, v->packed,
								edges[i].back, packed_back);
				edges[i].edge.id = end;
				if (v->layout->has_codes())
					v->to.estimate(ConstSlot{p, v->layout}, length, slot.header().degree, v->estimates);
				else
					for (uint32 e = 0; e < slot.header().degree; e++) {
						const End *known =
							std::find_if(ends.begin(), ends.end(), [&](const End &k) { return k.id == slot.ids()[e]; });
						v->estimates[e] =
							known == ends.end()
								? HUGE_VALF
								: graph::ordered(v->from.distance(*v->layout, other.working, known->vector));
					}
				edges[i].taken = graph::link_edge(slot, edges[i].edge, v->estimates, false) != graph::Linked::no;
				if (!v->layout->has_codes())
					ends.push(v->row_arena, {end, other.working});
			}
			v->store.commit(w);
		} else
			v->store.discard(w);
	}
	// And back: a vertex whose neighbours die one after the other must not lose the edges that lead to it.
	for (uint32 i = 0; i < n; i++)
		if (edges[i].taken) {
			edges[i].back.id = id;
			offer_edge(v, edges[i].edge.id, level, edges[i].back, false);
		}
	MemoryContextSwitchTo(old);
	MemoryContextReset(v->row_memory);
}

void repair_lists(VacuumState *v) {
	BlockNumber blocks = RelationGetNumberOfBlocks(v->index);
	for (BlockNumber block = 1; block < blocks; block++) {
		for (uint32 slot = 0; slot < v->layout->slots_per_page; slot++) {
			RV_VACUUM_DELAY_POINT();
			NodeId id = v->layout->node_id(block, slot);
			BufferStore::Handle h;
			if (!v->store.open(id, h))
				break;
			ConstSlot record{h.slot, v->layout};
			uint32 removed = 0;
			if (record.state() == RecordState::live && record.header().degree <= v->layout->degree)
				for (uint32 e = 0; e < record.header().degree; e++)
					removed += is_dead(v, record.ids()[e]);
			if (removed)
				memcpy(v->copy, h.slot, v->layout->slot_size);
			v->store.close(h);
			if (removed)
				repair(v, id, removed);
		}
	}
}

// Of the records of certain levels.
void free_records(VacuumState *v, int lowest, int highest) {
	BlockNumber blocks = RelationGetNumberOfBlocks(v->index);
	graph::List<graph::VectorRef> vectors = {};
	auto wanted = [&](const RecordHeader *header, NodeId id) {
		return header->state == uint8(RecordState::dead) && header->level >= lowest && header->level <= highest &&
			   is_dead(v, id);
	};
	for (BlockNumber block = 1; block < blocks; block++) {
		RV_VACUUM_DELAY_POINT();
		Buffer buffer = ReadBufferExtended(v->index, MAIN_FORKNUM, block, RBM_NORMAL, v->strategy);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		Page page = BufferGetPage(buffer);
		uint32 free = 0, dead = 0;
		vectors.size = 0;
		if (is_slot_page(page))
			for (uint32 slot = 0; slot < v->layout->slots_per_page; slot++) {
				RecordHeader *header = reinterpret_cast<RecordHeader *>(page_slot(page, *v->layout, slot));
				free += header->state == uint8(RecordState::free);
				dead += wanted(header, v->layout->node_id(block, slot));
			}
		if (dead) {
			GenericXLogState *state = GenericXLogStart(v->index);
			page = GenericXLogRegisterBuffer(state, buffer, 0);
			for (uint32 slot = 0; slot < v->layout->slots_per_page; slot++) {
				RecordHeader *header = reinterpret_cast<RecordHeader *>(page_slot(page, *v->layout, slot));
				NodeId id = v->layout->node_id(block, slot);
				if (!wanted(header, id))
					continue;
				if (v->layout->external && header->level == 0 && header->base == id)
					vectors.push(v->arena, MutableSlot{page_slot(page, *v->layout, slot), v->layout}.vector_ref());
				memset(static_cast<void *>(header), 0, sizeof(*header));
			}
			GenericXLogFinish(state);
		}
		UnlockReleaseBuffer(buffer);
		for (const graph::VectorRef &ref : vectors)
			v->store.remove_chunks(ref);
		if (free + dead > 0)
			RecordFreeIndexPage(v->index, block);
	}
}

// --- Reachability. The pinned edges, with the links down from level to level, are a tree that spans all records from
// the entry point: each insert pins an edge to its vertex. Vacuum gives the records whose pinned edge comes from a dead
// vertex another one, before it takes the dead vertices out of the lists: a search can find every vertex at any time.
// ---

struct Reach {
	VacuumState *v;
	uint8 *seen; // a bit per NodeId: hangs on the tree
	Size bytes;
	graph::List<NodeId> stack;
};

bool reached(const Reach *r, NodeId id) {
	return id / 8 < r->bytes && (r->seen[id / 8] >> (id % 8) & 1);
}

void reach(Reach *r, NodeId id) {
	if (id == graph::kNoNode || id / 8 >= r->bytes || reached(r, id))
		return;
	r->seen[id / 8] |= uint8(1u << (id % 8));
	r->stack.push(r->v->arena, id);
}

// Follows the tree from what is on the stack, through living records.
void spread(Reach *r) {
	VacuumState *v = r->v;
	NodeId ids[graph::kMaxDegree];
	while (r->stack.size > 0) {
		RV_VACUUM_DELAY_POINT();
		NodeId id = r->stack[--r->stack.size];
		BufferStore::Handle h;
		if (is_dead(v, id) || !v->store.open(id, h))
			continue;
		ConstSlot slot{h.slot, v->layout};
		const RecordHeader &header = slot.header();
		uint32 n = 0;
		if (slot.state() == RecordState::live && header.degree <= v->layout->degree) {
			for (uint32 e = 0; e < header.degree; e++)
				if (slot.pinned(e))
					ids[n++] = slot.ids()[e];
			if (header.down != graph::kNoNode)
				ids[n++] = header.down;
		}
		v->store.close(h);
		for (uint32 i = 0; i < n; i++)
			reach(r, ids[i]);
	}
}

// Pins the edge from -> to. The query of v->from is the vector of `to`.
bool pin(VacuumState *v, NodeId from, NodeId to, const void *to_stored, int level) {
	BufferStore::Handle h;
	if (!v->store.open(from, h))
		return false;
	ConstSlot tail{h.slot, v->layout};
	bool ok = tail.state() == RecordState::live && tail.header().level == level;
	KeptVector tail_vector = {};
	if (ok)
		tail_vector = keep_vector(v, h.slot);
	v->store.close(h);
	if (!ok)
		return false;
	graph::Edge edge = {}, back = {};
	float length = v->from.distance(*v->layout, tail_vector.working, v->from.query);
	if (v->layout->edge_codes() == graph::EdgeCodes::residual)
		graph::project(*v->layout, v->context->model, tail_vector.working, v->to.scratch, v->to.rotated);
	v->coder.encode({tail_vector.working, v->to.rotated, tail_vector.stored},
					{v->from.query, v->from.rotated, to_stored}, length, edge, v->packed, back, v->packed_back);
	edge.id = to;
	return offer_edge(v, from, level, edge, true) == graph::Linked::pinned;
}

// Hangs a record on the tree: at the nearest of its neighbours that is on it, else at what a search finds.
void reconnect(Reach *r, NodeId id) {
	VacuumState *v = r->v;
	MemoryContext old = MemoryContextSwitchTo(v->row_memory);
	BufferStore::Handle h;
	bool live = v->store.open(id, h);
	if (live) {
		live = reinterpret_cast<const RecordHeader *>(h.slot)->state == uint8(RecordState::live);
		memcpy(v->copy, h.slot, v->layout->slot_size);
		v->store.close(h);
	}
	if (live && !is_dead(v, id)) {
		ConstSlot record{v->copy, v->layout};
		const int level = record.header().level;
		KeptVector own = keep_vector(v, v->copy);
		v->from.set_query(own.working);
		v->from.seen.reset(v->arena, 256);
		Replacement near[graph::kMaxDegree];
		uint32 n = 0;
		for (uint32 e = 0; e < Min(record.header().degree, v->layout->degree); e++)
			if (reached(r, record.ids()[e]) && !is_dead(v, record.ids()[e]))
				near[n++] = {graph::ordered(graph::from_bf16(record.lengths()[e])), record.ids()[e], false};
		std::sort(near, near + n, [](const Replacement &a, const Replacement &b) { return a.distance < b.distance; });
		bool pinned = false;
		for (uint32 i = 0; i < n && !pinned; i++)
			pinned = pin(v, near[i].id, id, own.stored, level);
		MetaPage meta;
		read_meta(v->index, &meta);
		if (!pinned && meta.entry_level >= level && meta.entry != id) {
			graph::descend(v->from, meta.entry, meta.entry_level, level);
			v->from.start(level, v->layout->ef_construction * 2);
			v->from.enter_all();
			v->from.run();
			v->from.sort_hits();
			for (uint32 i = 0; i < v->from.hits.size && !pinned; i++) {
				NodeId hit = v->from.hits[i].id;
				if (v->from.hits[i].live && hit != id && reached(r, hit))
					pinned = pin(v, hit, id, own.stored, level);
			}
			graph::List<NodeId> queue = {};
			for (const graph::Hit &hit : v->from.hits)
				if (hit.live && reached(r, hit.id))
					queue.push(v->row_arena, hit.id);
			pinned =
				pinned || graph::find_below(v->store, *v->layout, level, queue, v->row_arena, [&](NodeId node) {
					return node != id && reached(r, node) && !is_dead(v, node) && pin(v, node, id, own.stored, level);
				});
		}
		if (pinned) {
			reach(r, id);
			spread(r);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(v->row_memory);
}

void restore_reachability(VacuumState *v) {
	MetaPage meta;
	read_meta(v->index, &meta);
	BlockNumber blocks = RelationGetNumberOfBlocks(v->index);
	Reach r = {};
	r.v = v;
	r.bytes = (Size(blocks) << v->layout->slot_bits) / 8 + 1;
	r.seen = static_cast<uint8 *>(palloc_extended(r.bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
	reach(&r, meta.entry);
	spread(&r);
	// First those that hung on dead vertices: whole branches come back with them. Then what is left.
	NodeId orphans[graph::kMaxDegree];
	for (int pass = 0; pass < 2; pass++)
		for (BlockNumber block = 1; block < blocks; block++)
			for (uint32 slot = 0; slot < v->layout->slots_per_page; slot++) {
				NodeId id = v->layout->node_id(block, slot);
				if (pass == 0 ? !is_dead(v, id) : reached(&r, id) || is_dead(v, id))
					continue;
				RV_VACUUM_DELAY_POINT();
				BufferStore::Handle h;
				if (!v->store.open(id, h))
					break;
				ConstSlot record{h.slot, v->layout};
				uint32 n = 0;
				if (pass == 1) {
					if (record.state() == RecordState::live)
						orphans[n++] = id;
				} else if (record.state() == RecordState::dead && record.header().degree <= v->layout->degree)
					for (uint32 e = 0; e < record.header().degree; e++)
						if (record.pinned(e))
							orphans[n++] = record.ids()[e];
				v->store.close(h);
				for (uint32 i = 0; i < n; i++)
					if (!reached(&r, orphans[i]))
						reconnect(&r, orphans[i]);
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
	if (v->dead_count > 0) {
		settle_upper_levels(v);
		v->row_memory = AllocSetContextCreate(memory, "hnsw vacuum row", ALLOCSET_DEFAULT_SIZES);
		v->row_arena = context_arena(v->row_memory);
		v->from.initialize(&v->store, v->layout, &v->context->model, &v->arena);
		v->from.keep_arena = &v->row_arena;
		v->to.initialize(&v->store, v->layout, &v->context->model, &v->arena);
		v->coder.initialize(v->layout, &v->context->model, v->arena);
		v->copy = v->arena.aligned_array<uint8_t>(v->layout->slot_size);
		v->packed = v->arena.aligned_array<uint8_t>(v->layout->edge_codec().packed_bytes() + 64);
		v->packed_back = v->arena.aligned_array<uint8_t>(v->layout->edge_codec().packed_bytes() + 64);
		v->estimates = v->arena.aligned_array<float>(graph::kMaxDegree);
		restore_reachability(v);
		repair_lists(v);
		// The records of a vertex share a vector that is elsewhere: it goes with the last of them.
		if (v->layout->external)
			free_records(v, 1, graph::kMaxLevel);
		free_records(v, 0, v->layout->external ? 0 : graph::kMaxLevel);
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
