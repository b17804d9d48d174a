// graph/search.hpp - best-first search over a store of vertex records.
//
// The store gives access to records wherever they live (memory of a build, PostgreSQL's buffers):
//
//   struct Store {
//     using Handle = ...;                     trivially destructible
//     bool open(NodeId id, Handle &h);        shared access; false if there is no such record
//     bool move(NodeId id, Handle &h);        the handle to another record of the same page
//     const uint8_t *slot(const Handle &h);
//     void close(Handle &h);
//     // The record's vector in its stored form; one that is outside of the record is copied to scratch.
//     const void *vector(const uint8_t *slot, void *scratch);
//     // A pointer that stays valid after close().
//     const void *keep(const void *stored, Arena &arena);
//     // The working form of a coded vector where the store has it beside the record, or null. Stays valid.
//     const void *exact(NodeId id);
//     void prefetch(NodeId id);  it is opened next, or soon
//     void expect(NodeId id);    it may be: brings what prefetch() has to read
//   };
//
// With edge codes, a record is opened once, when it is expanded: its own distance is then as exact as its stored form and
// those of its neighbours are estimated from its page. Without, the neighbours' records are opened for their distances.
// The pool orders a vertex by its estimate until it is expanded, and by its exact distance from then on. What comes first
// in a best-first order is what has been underestimated most: with the estimates left standing a search of a pool ends
// before the nearest are found, and takes a larger pool, with more records read, to find them.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>

#include "ruvector/graph/arena.hpp"
#include "ruvector/graph/model.hpp"

namespace ruvector::graph {

// A distance that can be sorted by. Vectors may have elements near the largest float: distances overflow to infinity,
// and differences of infinities are no number. kExpanded stays apart from all distances.
inline float ordered(float d) noexcept {
	constexpr float most = 3.402823466e38f;
	d = d < most ? d : most;
	return d > -most ? d : -most;
}

// About how far an estimated distance is from the true one, as a share of it.
inline float estimate_error(const Layout &layout) noexcept {
	return layout.has_codes() ? 1 / (std::sqrt(float(layout.code_dims)) * float(1u << (layout.bits - 1))) : 0;
}

struct Candidate {
	float distance;
	NodeId id;
	uint32_t expanded;
};

// An expanded vertex, at its exact distance.
struct Hit {
	float distance;
	float error; // its standard error, where it is estimated from a code
	NodeId id;
	NodeId base;
	NodeId down;
	NodeId overflow;
	uint16_t live;
	uint16_t tid_count;
	HeapTid tids[kInlineTids];
	// When the search keeps vectors:
	const void *vector; // in its working form
	const void *stored; // in its stored form, where that is a code
};

struct KeptVector {
	const void *working;
	const void *stored; // where that is a code, else null
};

constexpr float kExpanded = -HUGE_VALF;
constexpr float kUnknown = HUGE_VALF; // of a record that cannot be visited

template <typename Store>
struct Search {
	Store *store;
	const Layout *layout;
	const Model *model;
	Arena *arena;      // of the search's own tables: they live as long as the search
	Arena *keep_arena; // of kept vectors: the caller empties it between searches
	DistanceFunction distance;

	const void *query;
	float *rotated; // the query's rotated coordinates, when edges have residual codes
	float *scratch; // dims floats
	void *vector_scratch;
	codec::QueryTable table;
	// For coded vectors.
	codec::VectorQuery vector_query;
	void *vector_table, *codec_scratch;
	float base; // distance of the query that absolute edge codes start from

	int level;
	uint32_t ef;
	uint32_t limit;    // of hits
	bool keep_vectors; // for inserts
	bool keep_refused; // candidates that do not fit are kept for widen(); else it has to find them again

	List<Candidate> pool; // ascending; at most ef
	uint32_t cursor;      // everything before it is expanded
	List<Candidate> refused;
	// From widen() on there is no pool: what has not been expanded is in `refused`, now a heap with the nearest first (a
	// vertex may be there several times: at the distance that `seen` has it counts), and of the distances of hits the ef
	// nearest are in one heap, the farthest first, and the others in another.
	bool widened;
	List<float> near, far;
	List<Hit> hits;
	List<Candidate> entrances; // of the next level: see descend()
	// What is known of a vertex. With codes: the estimate that put it into the pool (out of which it may have fallen
	// since), kExpanded once it is expanded. Without codes: its distance.
	IdTable seen;
	uint64_t hops;

	void initialize(Store *s, const Layout *l, const Model *m, Arena *a) {
		std::memset(static_cast<void *>(this), 0, sizeof(*this));
		store = s;
		layout = l;
		model = m;
		arena = a;
		keep_arena = a;
		distance = distance_function(*l);
		if (l->edge_codes() == EdgeCodes::residual) {
			rotated = a->template aligned_array<float>(m->codec.rotated_dims);
			scratch = a->template aligned_array<float>(l->dims);
		}
		if (l->has_codes())
			table.lut = a->template aligned_array<uint8_t>(m->codec.lut_bytes());
		if (!l->is_plain()) {
			vector_table = a->template aligned_array<uint8_t>(codec::query_bytes(m->vectors));
			codec_scratch = a->template aligned_array<uint8_t>(codec::scratch_bytes(m->vectors));
		}
		vector_scratch =
			l->external ? a->template aligned_array<uint8_t>(l->vector_bytes ? l->vector_bytes : 4 + 8 * kMaxNonZero)
						: nullptr;
	}

	// A vector in its working form; it must stay valid while the search is used.
	void set_query(const void *vector) {
		query = vector;
		const float *floats = static_cast<const float *>(vector); // of a coded vector
		if (!layout->is_plain())
			vector_query = codec::prepare(model->vectors, vector_metric(*layout), floats, vector_table, codec_scratch);
		if (layout->edge_codes() == EdgeCodes::residual) {
			project(*layout, *model, vector, scratch, rotated);
			codec::prepare_query(model->codec, rotated, table);
		} else if (layout->edge_codes() == EdgeCodes::absolute)
			base = codec::prepare_blocks(model->vectors, vector_metric(*layout), floats, table, codec_scratch);
	}

	// The distance from the query to a vector that the store gave.
	float own_distance(const void *stored, const void *exact) const {
		return ordered(layout->is_plain() ? distance(*layout, query, stored)
					   : exact            ? distance(*layout, query, exact)
										  : codec::distance(vector_query, static_cast<const uint8_t *>(stored)));
	}

	// The working form that the store has beside a coded vector, or null.
	const void *exact(NodeId id) const { return layout->is_plain() ? nullptr : store->exact(id); }

	// Both forms of a vector that the store gave, valid after close().
	KeptVector keep(const void *stored, const void *exact) {
		if (layout->is_plain())
			return {store->keep(stored, *keep_arena), nullptr};
		const void *working = exact;
		if (!exact) {
			float *x = keep_arena->template aligned_array<float>(layout->dims);
			codec::decode(model->vectors, static_cast<const uint8_t *>(stored), x, codec_scratch);
			working = x;
		}
		return {working, store->keep(stored, *keep_arena)};
	}
	KeptVector keep(const uint8_t *slot, NodeId id) { return keep(store->vector(slot, vector_scratch), exact(id)); }

	// Ends when all of the pool is expanded, or as many vertices as `most_hits`.
	void start(int at_level, uint32_t pool_size, uint32_t most_hits = UINT32_MAX) {
		level = at_level;
		ef = pool_size;
		limit = most_hits;
		pool.size = refused.size = hits.size = near.size = far.size = 0;
		widened = false;
		pool.reserve(*arena, ef + 1);
		cursor = 0;
		seen.reset(*arena, ef * (layout->has_codes() ? 4 : 8));
	}

	// Adds an entry point of the current level.
	void enter(NodeId id) {
		if (layout->has_codes()) { // expanded first, whatever its distance
			if (pool.size < ef && seen.insert(*arena, id, kExpanded))
				place(kExpanded, id);
		} else if (!seen.contains(id)) {
			float d = distance_to(id);
			if (d != kUnknown)
				offer(d, id);
		}
	}

	// Adds all entrances. What the level above has met is entered at its distance, and expanded if it is near enough: a
	// single entrance may lie in a neighbourhood that has no edge to the others.
	void enter_all() {
		for (const Candidate &c : entrances)
			if (c.distance == kExpanded)
				enter(c.id);
			else if (layout->has_codes())
				offer_estimate(c.distance, c.id);
			else if (!seen.contains(c.id)) {
				seen.insert(*arena, c.id, c.distance);
				offer(c.distance, c.id);
			}
	}

	// The hits are the entrances of the level below.
	void go_down() {
		entrances.size = 0;
		for (const Hit &hit : hits)
			if (hit.down != kNoNode)
				entrances.push(*arena, {hit.distance, hit.down, 0});
	}

	void run() {
		if (widened) {
			run_frontier();
			return;
		}
		while (cursor < pool.size && hits.size < limit) {
			Candidate &c = pool[cursor++];
			if (c.expanded)
				continue;
			c.expanded = 1;
			Candidate current = c;
			if (layout->has_codes())
				seen.find(c.id)->value = kExpanded;
			expand(current);
		}
	}

	// Lets the search continue with a larger pool, from the candidates that did not fit before.
	void widen(uint32_t pool_size, uint32_t most_hits = UINT32_MAX) {
		ef = pool_size;
		limit = most_hits;
		if (!widened)
			begin_frontier();
		while (near.size < ef && far.size > 0)
			push_near(pop(far, std::greater<float>()));
	}

	size_t bytes() const {
		return pool.capacity * sizeof(Candidate) + refused.capacity * sizeof(Candidate) + hits.capacity * sizeof(Hit) +
			   (near.capacity + far.capacity) * sizeof(float) + seen.bytes();
	}

	void sort_hits() {
		std::sort(hits.begin(), hits.end(), [](const Hit &a, const Hit &b) { return a.distance < b.distance; });
	}

	// Estimates, from the record alone, the distances from the query to all neighbours of a record whose own distance
	// is known. `estimates` has room for layout->degree rounded up to whole blocks.
	void estimate(ConstSlot slot, float own, uint32_t degree, float *estimates) const {
		const codec::EdgeCodec &codec = model->codec;
		if (layout->edge_codes() == EdgeCodes::absolute)
			own = base;
		float dots[kBlockLanes];
		for (uint32_t block = 0; block * kBlockLanes < degree; block++) {
			codec::score_block(codec, slot.codes(block), table, dots);
			const float *a = slot.a() + block * kBlockLanes;
			const uint16_t *f = slot.f() + block * kBlockLanes;
			float *out = estimates + block * kBlockLanes;
			for (uint32_t i = 0; i < kBlockLanes; i++)
				out[i] = own + a[i] - from_bf16(f[i]) * dots[i];
			for (uint32_t i = 0; i < kBlockLanes; i++)
				out[i] = ordered(out[i]);
		}
	}

	// Without codes: the distance from the query to a record of the present level, from what has been seen or from its
	// page; kUnknown if it is no vertex of this level.
	float distance_to(NodeId id) {
		IdTable::Entry *known = seen.find(id);
		if (known->id == id)
			return known->value;
		typename Store::Handle h;
		float d = kUnknown;
		if (store->open(id, h)) {
			d = distance_here(h, id);
			store->close(h);
		}
		seen.insert(*arena, id, d);
		return d;
	}

private:
	bool fits(float d) const { return pool.size < ef || d < pool.data[pool.size - 1].distance; }

	void refuse(float d, NodeId id) {
		if (keep_refused)
			refused.push(*arena, {d, id, 0});
	}

	// A vertex is in the pool once. The estimates that several records give of its distance err independently: the mean of
	// two errs by less than the lower one.
	void offer_estimate(float d, NodeId id) {
		if (!fits(d)) {
			refuse(d, id);
			return;
		}
		IdTable::Entry *e = seen.find(id);
		if (e->id == id) {
			const float known = e->value;
			if (!(d < known)) // or it is expanded
				return;
			d = d * 0.5f + known * 0.5f;
			if (!fits(d))
				return;
			e->value = d;
			if (const uint32_t from = position(known, id); from < pool.size) {
				store->expect(id);
				relocate(from, d);
				return;
			}
		} else if (d >= kExpanded) // not NaN
			seen.insert(*arena, id, d);
		else
			return;
		place(d, id);
	}

	// How many of the pool are nearer: counted, first in steps and then within one. In a binary search each comparison
	// waits for the one before it, or its branch is mispredicted half of the time.
	uint32_t lower_bound(float d) const {
		constexpr uint32_t kStep = 16;
		uint32_t n = 0;
		for (uint32_t i = kStep - 1; i < pool.size; i += kStep)
			n += pool.data[i].distance < d;
		n *= kStep;
		const Candidate *rest = pool.data + n;
		const uint32_t end = std::min(kStep, pool.size - n);
		for (uint32_t i = 0; i < end; i++)
			n += rest[i].distance < d;
		return n;
	}

	// Of a vertex in the pool; the pool's size if it is not there.
	uint32_t position(float d, NodeId id) const {
		for (uint32_t i = lower_bound(d); i < pool.size && pool.data[i].distance == d; i++)
			if (pool.data[i].id == id)
				return i;
		return pool.size;
	}

	void place(float d, NodeId id) {
		store->expect(id);
		uint32_t low = lower_bound(d);
		if (pool.size == ef) {
			Candidate last = pool[--pool.size];
			if (!last.expanded)
				refuse(last.distance, last.id);
			low = std::min(low, pool.size);
		}
		std::memmove(static_cast<void *>(&pool.data[low + 1]), &pool.data[low], (pool.size - low) * sizeof(Candidate));
		pool.data[low] = {d, id, 0};
		pool.size++;
		if (low < cursor)
			cursor = low;
	}

	// Moves a vertex of the pool to another distance.
	void relocate(uint32_t from, float d) {
		uint32_t to = lower_bound(d);
		Candidate c = pool[from];
		c.distance = d;
		if (to > from) {
			to--;
			std::memmove(static_cast<void *>(&pool.data[from]), &pool.data[from + 1], (to - from) * sizeof(c));
		} else
			std::memmove(static_cast<void *>(&pool.data[to + 1]), &pool.data[to], (from - to) * sizeof(c));
		pool.data[to] = c;
		cursor = std::min(cursor, c.expanded ? from : to);
	}

	// A recycled slot, reached through a stale link, is none.
	bool is_vertex_here(const ConstSlot &slot) const {
		const RecordState state = slot.state();
		const RecordHeader &header = slot.header();
		return (state == RecordState::live || state == RecordState::dead) && header.level == level &&
			   header.degree <= layout->degree;
	}

	float distance_here(const typename Store::Handle &h, NodeId id) {
		ConstSlot slot{store->slot(h), layout};
		if (!is_vertex_here(slot))
			return kUnknown;
		return own_distance(store->vector(slot.p, vector_scratch), exact(id));
	}

	// Those of a list that are new, page by page, and their pages fetched ahead.
	void visit_all(NodeId *ids, uint32_t n) {
		constexpr uint32_t kAhead = 6;
		uint32_t fresh = 0;
		for (uint32_t i = 0; i < n; i++)
			if (!seen.contains(ids[i]))
				ids[fresh++] = ids[i];
		std::sort(ids, ids + fresh);
		fresh = uint32_t(std::unique(ids, ids + fresh) - ids); // a list in change can have one twice
		for (uint32_t i = 0; i < std::min(kAhead, fresh); i++)
			store->prefetch(ids[i]);
		typename Store::Handle h;
		bool held = false;
		for (uint32_t i = 0; i < fresh; i++) {
			if (i + kAhead < fresh)
				store->prefetch(ids[i + kAhead]);
			if (held && layout->block_of(ids[i]) != layout->block_of(ids[i - 1])) {
				store->close(h);
				held = false;
			}
			held = held ? store->move(ids[i], h) : store->open(ids[i], h);
			float d = held ? distance_here(h, ids[i]) : kUnknown;
			seen.insert(*arena, ids[i], d);
			if (d != kUnknown)
				offer(d, ids[i]);
		}
		if (held)
			store->close(h);
	}

	void offer(float d, NodeId id) {
		if (widened)
			push_frontier({d, id, 0});
		else if (fits(d))
			place(d, id);
		else
			refuse(d, id);
	}

	void expand(const Candidate &c) {
		typename Store::Handle h;
		if (!store->open(c.id, h))
			return;
		hops++;
		ConstSlot slot{store->slot(h), layout};
		const RecordHeader &header = slot.header();
		const uint32_t degree = header.degree;
		if (!is_vertex_here(slot)) {
			store->close(h);
			return;
		}
		NodeId ids[kMaxDegree];
		float estimates[kMaxDegree];
		Hit hit;
		hit.id = c.id;
		hit.base = header.base;
		hit.down = header.down;
		hit.overflow = header.overflow;
		hit.live = slot.state() == RecordState::live;
		hit.tid_count = header.tid_count;
		std::memcpy(hit.tids, header.tids, sizeof(hit.tids));
		hit.vector = hit.stored = nullptr;
		std::memcpy(ids, slot.ids(), degree * sizeof(NodeId));
		const bool coded = layout->has_codes();
		hit.error = 0;
		if (coded || keep_vectors || !layout->is_plain()) {
			const void *stored = store->vector(slot.p, vector_scratch);
			const void *exact = this->exact(c.id);
			if (layout->is_plain() || exact)
				hit.distance = coded ? own_distance(stored, exact) : c.distance;
			else {
				codec::DistanceEstimate e = codec::estimate(vector_query, static_cast<const uint8_t *>(stored));
				hit.distance = ordered(e.distance);
				hit.error = e.error;
			}
			if (keep_vectors) {
				KeptVector kept = keep(stored, exact);
				hit.vector = kept.working;
				hit.stored = kept.stored;
			}
		} else
			hit.distance = c.distance;
		if (coded)
			estimate(slot, hit.distance, degree, estimates);
		store->close(h);
		hits.push(*arena, hit);

		if (widened) {
			count(hit.distance);
			if (coded)
				for (uint32_t i = 0; i < degree; i++) {
					if (Candidate n = {estimates[i], ids[i], 0}; is_best(n))
						push_frontier(n);
				}
			else
				visit_all(ids, degree);
			prefetch_frontier();
		} else if (coded) {
			relocate(cursor - 1, hit.distance); // from its estimate to its exact distance
			// Most are farther than the pool reaches. Those that are not come first, so that the page of what comes next
			// is on its way while the others are put aside.
			uint32_t near[kMaxDegree], near_count = 0;
			const float reach = pool.size < ef ? HUGE_VALF : pool.data[pool.size - 1].distance;
			for (uint32_t i = 0; i < degree; i++) {
				near[near_count] = i;
				near_count += estimates[i] < reach;
			}
			for (uint32_t i = 0; i < near_count; i++)
				offer_estimate(estimates[near[i]], ids[near[i]]);
			prefetch_next();
			refuse_beyond(reach, estimates, ids, degree);
		} else {
			visit_all(ids, degree);
			prefetch_next();
		}
	}

	// What comes next, and what probably comes after it.
	void prefetch_next() const {
		uint32_t ahead = 0;
		for (uint32_t i = cursor; i < pool.size && ahead < 2; i++)
			if (!pool[i].expanded) {
				ahead++;
				store->prefetch(pool[i].id);
			}
	}

	static bool farther(const Candidate &a, const Candidate &b) { return a.distance > b.distance; }

	template <typename T, typename Order>
	static T pop(List<T> &heap, Order order) {
		std::pop_heap(heap.begin(), heap.end(), order);
		return heap[--heap.size];
	}

	void push_near(float d) {
		near.push(*arena, d);
		std::push_heap(near.begin(), near.end());
	}

	// Adds the distance of a hit to those that the reach of the pool depends on.
	void count(float d) {
		if (near.size >= ef) {
			if (d < near[0]) {
				push_near(d);
				d = pop(near, std::less<float>());
			}
			far.push(*arena, d);
			std::push_heap(far.begin(), far.end(), std::greater<float>());
		} else
			push_near(d);
	}

	float frontier_reach() const { return near.size < ef ? HUGE_VALF : near[0]; }

	void push_frontier(const Candidate &c) {
		if (c.distance < frontier_reach())
			store->expect(c.id);
		refused.push(*arena, c);
		std::push_heap(refused.begin(), refused.end(), farther);
	}

	// Whether the estimate of a candidate is the best that is known of it; if there is another, the mean of both becomes it.
	bool is_best(Candidate &c) {
		IdTable::Entry *e = seen.find(c.id);
		if (e->id != c.id) {
			seen.insert(*arena, c.id, c.distance);
			return true;
		}
		if (!(c.distance <= e->value)) // or it is expanded
			return false;
		c.distance = e->value = c.distance * 0.5f + e->value * 0.5f;
		return true;
	}

	// What has been refused but not kept: all that is known and no hit.
	void gather_refused() {
		if (!layout->has_codes()) {
			for (const Hit &hit : hits)
				seen.find(hit.id)->value = kUnknown;
			for (const IdTable::Entry &e : seen)
				if (e.id != kNoNode && e.value != kUnknown)
					refused.push(*arena, {e.value, e.id, 0});
			for (const Hit &hit : hits)
				seen.find(hit.id)->value = hit.distance;
			cursor = pool.size; // what is left in the pool was among them
			return;
		}
		seen.reset(*arena, hits.size * 4);
		for (const Hit &hit : hits)
			seen.insert(*arena, hit.id, kExpanded);
		for (const Candidate &c : entrances)
			if (c.distance != kExpanded) // that one has been tried
				refused.push(*arena, c);
		NodeId ids[kMaxDegree];
		float estimates[kMaxDegree];
		typename Store::Handle h;
		for (const Hit &hit : hits) {
			if (&hit + 1 < hits.end())
				store->prefetch((&hit + 1)->id);
			if (!store->open(hit.id, h))
				continue;
			ConstSlot slot{store->slot(h), layout};
			const uint32_t degree = is_vertex_here(slot) ? slot.header().degree : 0;
			std::memcpy(ids, slot.ids(), degree * sizeof(NodeId));
			estimate(slot, hit.distance, degree, estimates);
			store->close(h);
			for (uint32_t i = 0; i < degree; i++)
				if (Candidate c = {estimates[i], ids[i], 0}; is_best(c))
					refused.push(*arena, c);
		}
	}

	// A vertex has been refused by each record that leads to it.
	void begin_frontier() {
		widened = true;
		if (!keep_refused)
			gather_refused();
		for (; cursor < pool.size; cursor++)
			if (!pool[cursor].expanded)
				refused.push(*arena, pool[cursor]);
		pool.size = cursor = 0;
		if (layout->has_codes()) {
			uint32_t kept = 0;
			for (uint32_t i = 0; i < refused.size; i++)
				if (Candidate c = refused[i]; is_best(c))
					refused[kept++] = c;
			refused.size = kept;
		}
		std::make_heap(refused.begin(), refused.end(), farther);
		for (const Hit &hit : hits)
			count(hit.distance);
	}

	// Expands what is nearer than the last of the ef nearest hits.
	void run_frontier() {
		while (hits.size < limit && refused.size > 0 && refused[0].distance < frontier_reach()) {
			const Candidate c = pop(refused, farther);
			if (layout->has_codes()) {
				IdTable::Entry *e = seen.find(c.id);
				if (e->value != c.distance) // expanded, or it had a better estimate
					continue;
				e->value = kExpanded;
			}
			expand(c);
		}
	}

	void prefetch_frontier() const {
		for (uint32_t i = 0; i < std::min(refused.size, 2u); i++)
			store->prefetch(refused[i].id);
	}

	void refuse_beyond(float reach, const float *distances, const NodeId *ids, uint32_t n) {
		if (!keep_refused)
			return;
		refused.reserve(*arena, refused.size + n);
		Candidate *end = refused.end();
		for (uint32_t i = 0; i < n; i++) {
			*end = {distances[i], ids[i], 0};
			end += !(distances[i] < reach);
		}
		refused.size = uint32_t(end - refused.data);
	}
};

// Descends from the entry point to the level above `to_level`; leaves the entrances of `to_level`, at most `pool`. The
// levels above that one only lead there.
constexpr uint32_t kDescentPool = 2;
template <typename Store>
void descend(Search<Store> &search, NodeId entry, int entry_level, int to_level, uint32_t pool = kDescentPool) {
	search.entrances.size = 0;
	search.entrances.push(*search.arena, {kExpanded, entry, 0}); // at a distance that is not known
	for (int level = entry_level; level > to_level; level--) {
		search.start(level, level == to_level + 1 ? pool : kDescentPool);
		search.enter_all();
		search.run();
		search.go_down();
	}
}

} // namespace ruvector::graph
