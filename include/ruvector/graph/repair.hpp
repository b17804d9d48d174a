// graph/repair.hpp - takes dead vertices out of a graph: what vacuum does to the lists and to the tree of pinned edges.
//
// The caller marks records dead (on their pages and in `dead`), waits for the inserts that may know them, then calls
// restore_tree(), for every living record repair(), and prove(). Afterwards no living record has an edge to a dead one, and the
// dead records may be used again.
//
// The store offers what a search and an insert need, and
//
//   void pause();             between two records: no record is open
//   NodeId bound();           greater than all ids
#pragma once

#include "ruvector/graph/insert.hpp"

namespace ruvector::graph {

// A bit per NodeId.
struct NodeSet {
	uint8_t *bits = nullptr;
	size_t bytes = 0;
	uint64_t size = 0;

	static size_t bytes_for(NodeId bound) { return size_t(bound) / 8 + 1; }
	bool contains(NodeId id) const { return id / 8 < bytes && (bits[id / 8] >> (id % 8) & 1); }
	// False when it was there already, or is of a record younger than the set.
	bool insert(NodeId id) {
		if (id / 8 >= bytes || contains(id))
			return false;
		bits[id / 8] |= uint8_t(1u << (id % 8));
		size++;
		return true;
	}
};

// An arena that is emptied after every record.
struct RowArena : Arena {
	void (*reset)(void *context);
};

// How many edges are lost for one record that is looked for: a large vacuum looks for some hundreds, or one for 16 lists'
// worth of edges; a small one for more in proportion, for it is one of many. And all vertices of more rows than their record
// has room for: they outlive their neighbours, and many rows are lost with one.
inline uint32_t lost_for_one(const Layout &layout, uint64_t dead) {
	return uint32_t(std::clamp<uint64_t>(dead * layout.degree / 512, 16, 16 * layout.degree));
}

// How many edges a list has to keep: fewer are filled up. Many small vacuums can afford more, and have to: a row that outlives
// all of its neighbours may see no insert near it that fills its list, and is lost.
inline uint32_t least_kept(const Layout &layout, uint64_t dead, uint64_t records) {
	return dead * 32 < records ? (layout.degree * 7u + 7) / 8 : (layout.degree * 3u + 3) / 4;
}

// Records of a branch that are walked to for a way to hang it. A search costs as much as the walk beyond that.
constexpr uint32_t kLongestWalk = 10000;

template <typename Store>
struct Repairer {
	Store *store;
	const Layout *layout;
	const Model *model;
	Arena *arena;
	RowArena *row;
	const NodeSet *dead;
	Search<Store> from; // the query is the vector of the record that is repaired
	Search<Store> to;   // the query is the vector of a new neighbour
	EdgeCoder coder;
	uint8_t *copy; // of the record that is repaired
	uint8_t *packed, *packed_back;
	float *estimates;
	NodeSet *hanging;       // on the tree of pinned edges
	List<NodeId> to_follow; // by spread()
	struct Step {
		NodeId id;
		uint32_t above; // in `branch`
	};
	List<Step> branch;     // of hang_below()
	IdTable walked;        // the records in it: turned edges make circles
	List<NodeId> doubtful; // records that prove() looks for
	uint32_t lost;         // edges, since prove() was last given a record to look for

	void initialize(Store *s, const Layout *l, const Model *m, Arena *a, RowArena *r, const NodeSet *d) {
		std::memset(static_cast<void *>(this), 0, sizeof(*this));
		store = s;
		layout = l;
		model = m;
		arena = a;
		row = r;
		dead = d;
		from.initialize(s, l, m, a);
		from.keep_arena = r;
		to.initialize(s, l, m, a);
		coder.initialize(l, m, *a);
		copy = a->template aligned_array<uint8_t>(l->slot_size);
		packed = a->template aligned_array<uint8_t>(l->edge_codec().packed_bytes() + 64);
		packed_back = a->template aligned_array<uint8_t>(l->edge_codec().packed_bytes() + 64);
		estimates = a->template aligned_array<float>(kMaxDegree);
		lost = uint32_t(d->size) % 16; // small vacuums have to look for different ones
	}

	// Removes the edges of a living record that lead to dead vertices; replaces them where too few are left. What counts is
	// how many are left and not how many go: many small vacuums wear a list no thinner than one large one.
	void repair(NodeId id) {
		typename Store::WriteHandle w;
		const uint8_t *p = store->open_exclusive(id, w);
		if (!p)
			return;
		ConstSlot slot{p, layout};
		uint32_t degree = 0, removed = 0;
		if (slot.state() == RecordState::live && slot.header().degree <= layout->degree)
			degree = slot.header().degree;
		for (uint32_t e = 0; e < degree; e++)
			removed += dead->contains(slot.ids()[e]);
		if (removed == 0) {
			store->close_exclusive(w);
			return;
		}
		bool look = slot.header().overflow != kNoNode;
		if (degree - removed >= least_kept(*layout, dead->size, dead->bytes * 8)) {
			remove_dead_edges(MutableSlot{store->modify(w), layout});
			store->commit(w);
		} else {
			std::memcpy(copy, p, layout->slot_size);
			store->close_exclusive(w);
			// Now the next few vacuums find the list long enough.
			look |= !replace_edges(id, layout->degree - (degree - removed));
			row->reset(row->context);
		}
		lost += removed;
		if (lost >= lost_for_one(*layout, dead->size) || look) {
			doubtful.push(*arena, id);
			lost %= lost_for_one(*layout, dead->size);
		}
	}

	// --- The pinned edges, with the links down from level to level, are a tree that spans all records from the entry
	// point: each insert pins an edge to its vertex. The records whose pinned edge comes from a dead vertex get another
	// one, before the dead vertices are taken out of the lists: a search can find every vertex at any time.
	// `set` is empty and has room for all ids; entry() gives the entry point, which is alive.
	template <typename EntryPoint>
	void restore_tree(NodeSet *set, EntryPoint entry) {
		hanging = set;
		hang_branch(Entry(entry()).id);
		// First those that hung on dead vertices, at what is nearest in effort: a neighbour, a neighbour of their branch, what
		// a search finds. Most of what one pass leaves hangs near to what another branch brings back in the next. Last
		// whatever else does not hang.
		NodeId orphans[kMaxDegree];
		const NodeId bound = store->bound();
		for (int pass = 0; pass < 4; pass++)
			for (NodeId id = 1; id < bound; id++) {
				if (pass < 3 ? !dead->contains(id) : hanging->contains(id) || dead->contains(id))
					continue;
				store->pause();
				typename Store::Handle h;
				if (!store->open(id, h))
					continue;
				ConstSlot slot{store->slot(h), layout};
				uint32_t n = 0;
				if (pass == 3) {
					if (slot.state() == RecordState::live)
						orphans[n++] = id;
				} else if (slot.state() == RecordState::dead)
					n = pinned_ends(slot, orphans);
				store->close(h);
				for (uint32_t i = 0; i < n; i++)
					if (!hanging->contains(orphans[i]) && !dead->contains(orphans[i])) {
						if (!hang_near(orphans[i]) && pass > 0 && !hang_below(orphans[i]) && pass > 1)
							hang_far(orphans[i], entry());
						row->reset(row->context);
					}
			}
	}

	// After all lists have been repaired. The tree says that a record can be reached, not that a search gets there: the
	// edges and the records of upper levels that led to a cluster may have died with their vertices. So a search looks
	// for those records that were hung far from their neighbours, and for some of the repaired ones; where it does not
	// find one, the nearest that it does find pins an edge to it, and its neighbours are looked for.
	void prove(Entry entry) {
		IdTable looked;
		looked.reset(*arena, doubtful.size);
		for (uint32_t i = 0; i < doubtful.size; i++) {
			store->pause();
			if (looked.insert(*arena, doubtful[i], 0) && !prove(doubtful[i], entry)) {
				ConstSlot record{copy, layout};
				for (uint32_t e = 0; e < std::min(record.header().degree, layout->degree); e++)
					doubtful.push(*arena, record.ids()[e]);
			}
			row->reset(row->context);
		}
	}

private:
	bool load(NodeId id) {
		typename Store::Handle h;
		if (dead->contains(id) || !store->open(id, h))
			return false;
		std::memcpy(copy, store->slot(h), layout->slot_size);
		store->close(h);
		return ConstSlot{copy, layout}.state() == RecordState::live;
	}

	// Makes the vector of a living record the query of `from`; `copy` is the record.
	bool aim(NodeId id, KeptVector &own) {
		if (!load(id))
			return false;
		own = from.keep(copy, id);
		from.set_query(own.working);
		from.seen.reset(*arena, 256);
		return true;
	}

	// False if a search did not find it. `copy` is the record then.
	bool prove(NodeId id, Entry entry) {
		KeptVector own;
		if (!aim(id, own))
			return true;
		const int level = ConstSlot{copy, layout}.header().level;
		if (entry.level < level)
			return true;
		descend(from, entry.id, entry.level, level);
		from.start(level, construction_pool(*layout) / 2); // what takes more is hard to find
		from.enter_all();
		from.run();
		if (std::any_of(from.hits.begin(), from.hits.end(), [id](const Hit &hit) { return hit.id == id; }))
			return true;
		from.sort_hits();
		bool pinned = false;
		for (uint32_t i = 0; i < from.hits.size && !pinned; i++)
			pinned = from.hits[i].live && pin(from.hits[i].id, id, own.stored, level);
		return false;
	}

	struct Replacement {
		float distance;
		NodeId id;
		bool occluded; // in the dead vertex's list
	};

	void remove_dead_edges(MutableSlot slot) {
		const codec::EdgeCodec codec = layout->edge_codec();
		uint32_t degree = std::min(slot.header().degree, layout->degree);
		auto clear = [&](uint32_t e) {
			slot.ids()[e] = kNoNode;
			slot.set_occluded(e, false);
			slot.set_pinned(e, false);
		};
		for (uint32_t e = 0; e < degree; e++) {
			if (!dead->contains(slot.ids()[e]))
				continue;
			uint32_t last = degree - 1; // that stays
			for (; last > e && dead->contains(slot.ids()[last]); last--)
				clear(last);
			if (last > e) {
				slot.ids()[e] = slot.ids()[last];
				slot.lengths()[e] = slot.lengths()[last];
				slot.set_occluded(e, slot.occluded(last));
				slot.set_pinned(e, slot.pinned(last));
				if (layout->has_codes()) {
					slot.a()[e] = slot.a()[last];
					slot.f()[e] = slot.f()[last];
					codec::load_lane(codec, slot.codes(last / kBlockLanes), last % kBlockLanes, packed);
					codec::store_lane(codec, packed, slot.codes(e / kBlockLanes), e % kBlockLanes);
				}
			}
			clear(last);
			degree = last;
		}
		slot.header().degree = uint16_t(degree);
	}

	// The neighbours of a record's dead neighbours, nearest first, without those it knows already.
	void find_replacements(NodeId self, ConstSlot record, uint32_t wanted, List<Replacement> &found) {
		found.size = 0;
		const int level = record.header().level;
		for (uint32_t e = 0; e < record.header().degree; e++) {
			NodeId gone = record.ids()[e];
			typename Store::Handle h;
			if (!dead->contains(gone) || !store->open(gone, h))
				continue;
			ConstSlot slot{store->slot(h), layout};
			uint32_t degree = slot.header().degree;
			if (slot.state() != RecordState::dead || slot.header().level != level || degree > layout->degree) {
				store->close(h);
				continue;
			}
			NodeId ids[kMaxDegree];
			std::memcpy(ids, slot.ids(), degree * sizeof(NodeId));
			bool slot_occluded[kMaxDegree];
			for (uint32_t i = 0; i < degree; i++)
				slot_occluded[i] = slot.occluded(i);
			if (layout->has_codes()) {
				float own = from.own_distance(store->vector(slot.p, from.vector_scratch), nullptr);
				from.estimate(slot, own, degree, estimates);
			}
			store->close(h);
			for (uint32_t i = 0; i < degree; i++) {
				NodeId id = ids[i];
				bool known = id == self || dead->contains(id);
				for (uint32_t k = 0; k < record.header().degree && !known; k++)
					known = record.ids()[k] == id;
				for (uint32_t k = 0; k < found.size && !known; k++)
					known = found[k].id == id;
				if (known)
					continue;
				float d = 0;
				if (layout->has_codes())
					d = estimates[i];
				else {
					from.level = level;
					d = from.distance_to(id);
					if (d == kUnknown)
						continue;
				}
				found.push(*row, {d, id, slot_occluded[i]});
			}
		}
		// Half of them the nearest ones, for precision; half those that the dead vertices led to by edges of their own,
		// for the ways out of the neighbourhood.
		uint32_t n = std::min(found.size, wanted), nearest = (n + 1) / 2;
		std::partial_sort(found.begin(), found.begin() + nearest, found.end(),
						  [](const Replacement &a, const Replacement &b) { return a.distance < b.distance; });
		std::partial_sort(found.begin() + nearest, found.begin() + n, found.end(),
						  [](const Replacement &a, const Replacement &b) {
							  return a.occluded != b.occluded ? b.occluded : a.distance < b.distance;
						  });
		found.size = n;
	}

	// Without codes: the vector of an end that stays.
	struct End {
		NodeId id;
		const void *vector;
	};
	struct NewEdge {
		Edge edge, back;
		KeptVector vector;
		bool taken;
	};

	// `copy` is the record. False if none of its new neighbours took the edge back.
	bool replace_edges(NodeId id, uint32_t wanted) {
		ConstSlot record{copy, layout};
		const int level = record.header().level;
		KeptVector own = from.keep(copy, id);
		from.set_query(own.working);
		from.seen.reset(*arena, 256);
		List<Replacement> found = {};
		find_replacements(id, record, wanted, found);

		List<End> ends = {};
		for (uint32_t e = 0; e < record.header().degree && !layout->has_codes(); e++) {
			typename Store::Handle h;
			if (dead->contains(record.ids()[e]) || !store->open(record.ids()[e], h))
				continue;
			ConstSlot end{store->slot(h), layout};
			if (end.state() == RecordState::live && end.header().level == level)
				ends.push(*row, {record.ids()[e], from.keep(end.p, record.ids()[e]).working});
			store->close(h);
		}

		// The vectors of new ends, before the record is locked.
		const size_t packed_bytes = layout->has_codes() ? layout->edge_codec().packed_bytes() : 0;
		NewEdge *edges = row->template array<NewEdge>(found.size);
		uint32_t n = 0;
		for (uint32_t i = 0; i < found.size; i++) {
			typename Store::Handle h;
			if (!store->open(found[i].id, h))
				continue;
			ConstSlot slot{store->slot(h), layout};
			if (slot.state() == RecordState::live && slot.header().level == level) {
				edges[n] = {};
				edges[n].vector = from.keep(slot.p, found[i].id);
				edges[n].edge.id = found[i].id;
				n++;
			}
			store->close(h);
		}

		typename Store::WriteHandle w;
		uint8_t *p = store->open_write(id, w);
		if (p) {
			MutableSlot slot{p, layout};
			if (slot.state() == RecordState::live && slot.header().level == level) {
				remove_dead_edges(slot);
				for (uint32_t i = 0; i < n && slot.header().degree < layout->degree; i++) {
					const KeptVector &other = edges[i].vector;
					to.set_query(other.working);
					float length = from.distance(*layout, own.working, other.working);
					NodeId end = edges[i].edge.id;
					uint8_t *back = packed_bytes ? row->template array<uint8_t>(packed_bytes) : nullptr;
					coder.encode(coder.point(own.working, from.rotated, own.stored),
								 coder.point(other.working, to.rotated, other.stored), length, edges[i].edge, packed,
								 edges[i].back, back);
					edges[i].edge.id = end;
					if (layout->has_codes())
						to.estimate(ConstSlot{p, layout}, length, slot.header().degree, estimates);
					else
						for (uint32_t e = 0; e < slot.header().degree; e++) {
							const End *known = std::find_if(ends.begin(), ends.end(),
															[&](const End &k) { return k.id == slot.ids()[e]; });
							estimates[e] = known == ends.end()
											   ? HUGE_VALF
											   : ordered(from.distance(*layout, other.working, known->vector));
						}
					edges[i].taken = link_edge(slot, edges[i].edge, estimates, false) != Linked::no;
					if (!layout->has_codes())
						ends.push(*row, {end, other.working});
				}
				store->commit(w);
			} else
				store->discard(w);
		}
		// And back: a vertex whose neighbours die one after the other must not lose the edges that lead to it.
		bool linked = false;
		for (uint32_t i = 0; i < n; i++)
			if (edges[i].taken) {
				edges[i].back.id = id;
				linked |= offer_edge(from, edges[i].edge.id, level, edges[i].back, false) != Linked::no;
			}
		return linked;
	}

	void hang_branch(NodeId id) {
		hang(id);
		spread();
	}

	void hang(NodeId id) {
		if (id != kNoNode && hanging->insert(id)) {
			store->expect(id);
			to_follow.push(*arena, id);
		}
	}

	// Follows the tree from what is in the list, through living records: breadth first, so that those to come are known
	// and on their way to the cache.
	void spread() {
		constexpr uint32_t kAhead = 4, kCompact = 1u << 16;
		NodeId ids[kMaxDegree + 1];
		for (uint32_t next = 0; next < to_follow.size;) {
			store->pause();
			if (next == kCompact) {
				std::memmove(to_follow.data, to_follow.data + next, (to_follow.size - next) * sizeof(NodeId));
				to_follow.size -= next;
				next = 0;
			}
			if (next + kAhead < to_follow.size)
				store->prefetch(to_follow[next + kAhead]);
			const NodeId id = to_follow[next++];
			typename Store::Handle h;
			if (dead->contains(id) || !store->open(id, h))
				continue;
			ConstSlot slot{store->slot(h), layout};
			uint32_t n = 0;
			if (slot.state() == RecordState::live) {
				n = pinned_ends(slot, ids);
				if (slot.header().down != kNoNode)
					ids[n++] = slot.header().down;
			}
			store->close(h);
			for (uint32_t i = 0; i < n; i++)
				hang(ids[i]);
		}
		to_follow.size = 0;
	}

	// Pins the edge tail -> end. The query of `from` is the vector of `end`.
	bool pin(NodeId tail, NodeId end, const void *end_stored, int level) {
		typename Store::Handle h;
		if (!store->open(tail, h))
			return false;
		ConstSlot slot{store->slot(h), layout};
		bool ok = slot.state() == RecordState::live && slot.header().level == level;
		KeptVector vector = {};
		if (ok)
			vector = from.keep(slot.p, tail);
		store->close(h);
		if (!ok)
			return false;
		Edge edge = {}, back = {};
		float length = from.distance(*layout, vector.working, from.query);
		if (layout->edge_codes() == EdgeCodes::residual)
			project(*layout, *model, vector.working, to.scratch, to.rotated);
		coder.encode(coder.point(vector.working, to.rotated, vector.stored),
					 coder.point(from.query, from.rotated, end_stored), length, edge, packed, back, packed_back);
		edge.id = end;
		return offer_edge(from, tail, level, edge, true) == Linked::pinned;
	}

	// Pins the edge tail -> end if the tail has it and room for one more that is pinned.
	bool pin_known(NodeId tail, NodeId end) {
		typename Store::WriteHandle w;
		const uint8_t *p = store->open_exclusive(tail, w);
		if (!p)
			return false;
		ConstSlot slot{p, layout};
		uint32_t pinned = 0, position = kMaxDegree;
		if (slot.state() == RecordState::live && slot.header().degree <= layout->degree)
			for (uint32_t e = 0; e < slot.header().degree; e++) {
				pinned += slot.pinned(e);
				if (slot.ids()[e] == end)
					position = e;
			}
		if (position == kMaxDegree || pinned * 2 >= layout->degree) {
			store->close_exclusive(w);
			return false;
		}
		MutableSlot{store->modify(w), layout}.set_pinned(position, true);
		store->commit(w);
		return true;
	}

	bool may_pin(NodeId tail, NodeId end) const {
		return tail != end && hanging->contains(tail) && !dead->contains(tail);
	}

	// Hangs a record on the tree, at one of the nearer half of its neighbours: where none of these hangs, a whole cluster
	// may be cut off. Those that have an edge to it already cost least.
	bool hang_near(NodeId id) {
		typename Store::Handle h;
		if (!store->open(id, h))
			return false;
		ConstSlot record{store->slot(h), layout};
		Replacement near[kMaxDegree];
		uint32_t n = 0;
		const int level = record.header().level;
		if (record.state() == RecordState::live)
			for (uint32_t e = 0; e < std::min(record.header().degree, layout->degree); e++)
				near[n++] = {ordered(from_bf16(record.lengths()[e])), record.ids()[e], false};
		store->close(h);
		std::sort(near, near + n, [](const Replacement &a, const Replacement &b) { return a.distance < b.distance; });
		n = uint32_t(
			std::remove_if(near, near + (n + 1) / 2, [&](const Replacement &r) { return !may_pin(r.id, id); }) - near);
		bool pinned = false;
		for (uint32_t i = 0; i < n && !pinned; i++)
			pinned = pin_known(near[i].id, id);
		KeptVector own;
		if (!pinned && n > 0 && aim(id, own))
			for (uint32_t i = 0; i < n && !pinned; i++)
				pinned = pin(near[i].id, id, own.stored, level);
		if (pinned)
			hang_branch(id);
		return pinned;
	}

	// A record whose neighbours all hang below itself: walks down its branch to a record that has another neighbour, and
	// turns the edges of the tree on the way back.
	bool hang_below(NodeId id) {
		branch.size = 0;
		branch.push(*arena, {id, 0});
		walked.reset(*arena, 64);
		walked.insert(*arena, id, 0);
		for (uint32_t i = 0; i < branch.size && i < kLongestWalk; i++) {
			const NodeId node = branch[i].id;
			if (i > 0 && !hanging->contains(node) && hang_near(node))
				for (uint32_t j = i; j > 0; j = branch[j].above) {
					const NodeId above = branch[branch[j].above].id;
					KeptVector own;
					if (hanging->contains(above) || !(pin_known(branch[j].id, above) ||
													  (aim(above, own) && pin(branch[j].id, above, own.stored,
																			  ConstSlot{copy, layout}.header().level))))
						break;
					hang_branch(above);
				}
			row->reset(row->context);
			if (hanging->contains(id))
				return true;
			typename Store::Handle h;
			if (hanging->contains(node) || !store->open(node, h))
				continue;
			ConstSlot slot{store->slot(h), layout};
			NodeId ends[kMaxDegree];
			const uint32_t n = slot.state() == RecordState::live ? pinned_ends(slot, ends) : 0;
			store->close(h);
			for (uint32_t e = 0; e < n; e++)
				if (!hanging->contains(ends[e]) && !dead->contains(ends[e]) && walked.insert(*arena, ends[e], 0))
					branch.push(*arena, {ends[e], i});
			store->pause();
		}
		return false;
	}

	// Hangs a record at what a search finds. A cluster that is cut off is what a search for its own vertex finds: the
	// pool grows until it reaches beyond.
	void hang_far(NodeId id, Entry entry) {
		KeptVector own;
		if (!aim(id, own))
			return;
		const int level = ConstSlot{copy, layout}.header().level;
		if (entry.level < level || entry.id == id)
			return;
		descend(from, entry.id, entry.level, level, kInsertDescentPool);
		List<NodeId> queue = {};
		for (uint32_t pool = layout->ef_construction;; pool *= 4) {
			from.start(level, pool);
			from.enter_all();
			from.run();
			if (from.pool.size < pool || std::any_of(from.hits.begin(), from.hits.end(),
													 [&](const Hit &hit) { return hit.live && may_pin(hit.id, id); }))
				break;
		}
		from.sort_hits();
		for (const Hit &hit : from.hits)
			if (hit.live && may_pin(hit.id, id))
				queue.push(*row, hit.id);
		bool pinned = false;
		for (uint32_t i = 0; i < queue.size && !pinned; i++)
			pinned = pin(queue[i], id, own.stored, level);
		pinned = pinned || find_below(*store, *layout, level, queue, *row, [&](NodeId node) {
					 return may_pin(node, id) && pin(node, id, own.stored, level);
				 });
		doubtful.push(*arena, id);
		if (pinned)
			hang_branch(id);
	}
};

} // namespace ruvector::graph
