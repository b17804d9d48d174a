// graph/insert.hpp - inserts a vertex: Algorithm 1 of Malkov & Yashunin (arXiv 1603.09320) with their neighbour
// selection (Algorithm 4, discarded candidates kept), over records with edge codes.
//
// The difference to the paper is in the reverse edges. When the list of a neighbour j is full, the paper prunes it with
// the distances between all its members, which here would be a page for each. Instead, the codes on j's page give the
// distances from the new vertex to all of j's neighbours at once, and every edge carries its length and a flag saying
// that it is occluded (some shorter edge leads closer to its end). An occluded edge, the longest first, is replaced
// before any other.
//
// Besides what a search needs, the store offers:
//
//   using WriteHandle = ...;
//   uint8_t *open_write(NodeId id, WriteHandle &h);        exclusive access, nullptr if there is no such record
//   void commit(WriteHandle &h);  void discard(WriteHandle &h);
//   const uint8_t *open_exclusive(NodeId id, WriteHandle &h);   the same in two steps: look first,
//   uint8_t *modify(WriteHandle &h);                            then change and commit()
//   void close_exclusive(WriteHandle &h);                       or leave it
//   NodeId add(const uint8_t *image, const void *working);  stores a record; header.base = 0 becomes its own id
//   VectorRef put_vector(const void *vector, size_t bytes);
#pragma once

#include "ruvector/graph/search.hpp"
#include "ruvector/simd/kernels.hpp"

namespace ruvector::graph {

struct Entry {
	NodeId id;
	int level; // -1: the graph is empty
};

// An edge as it is stored: what its head's record knows about its end.
struct Edge {
	NodeId id;
	float length; // exact distance
	float a, f;   // of the estimate, see codec/edge_code.hpp
	const uint8_t *packed;
};

// Whether an estimated distance `to_new` is surely less than a length. An edge that is the only way between two clusters
// must not be given up for an error, which is a share of the distance: the squared one that l2 is sorted by and, less one
// half of that, cosine; inner products have no such scale.
struct SurelyCloser {
	float origin, margin;

	explicit SurelyCloser(const Layout &layout) noexcept {
		const bool scaled = layout.has_codes() && Metric(layout.metric) != Metric::ip;
		origin = scaled && Metric(layout.metric) == Metric::cosine ? -1.0f : 0.0f;
		margin = scaled ? 1 + 2 * estimate_error(layout) : 1.0f;
	}
	bool operator()(float to_new, float length) const noexcept { return (to_new - origin) * margin < length - origin; }
};

inline void write_edge(MutableSlot slot, uint32_t position, const Edge &edge, bool occluded, bool pinned) noexcept {
	const Layout &layout = *slot.layout;
	if (layout.has_codes()) {
		slot.a()[position] = edge.a;
		slot.f()[position] = to_bf16(edge.f);
		codec::store_lane(layout.edge_codec(), edge.packed, slot.codes(position / kBlockLanes), position % kBlockLanes);
	}
	slot.lengths()[position] = to_bf16(edge.length);
	slot.set_occluded(position, occluded);
	slot.set_pinned(position, pinned);
	slot.ids()[position] = edge.id;
}

// Adds an edge to a record's list, replacing another if it is full. to_new[e] is the (estimated) distance between the
// new end and the end of edge e. An edge that is to be pinned is taken in any case, unless half of the list is pinned:
// then it is one like any other.
enum class Linked { no, yes, pinned };
struct LinkPlan {
	Linked linked;
	uint32_t position; // of the edge; the list's degree: behind the others
	bool occluded;
	bool known; // the edge is there already and only to be pinned
};

// An occluded edge replaces another only if this share of the list (one in so many) is occluded and longer. What else it
// could gain is not worth a page: recall is the same.
constexpr uint32_t kOccludedGain = 4;

// Decides, without changing anything. Hardly a branch: lengths and flags of a list are as good as random.
inline LinkPlan plan_link(ConstSlot slot, const Edge &edge, const float *to_new, bool pin) noexcept {
	const Layout &layout = *slot.layout;
	const SurelyCloser closer(layout);
	const uint32_t degree = slot.header().degree;
	float lengths[kMaxDegree];
	uint32_t pinned = 0, known = degree, occluders = 0;
	for (uint32_t e = 0; e < degree; e++) {
		const float length = lengths[e] = from_bf16(slot.lengths()[e]);
		pinned += slot.pinned(e);
		known = slot.ids()[e] == edge.id ? e : known;
		occluders +=
			uint32_t(!slot.occluded(e)) & uint32_t(length < edge.length) & uint32_t(closer(to_new[e], edge.length));
	}
	if (known < degree)
		return {pin ? Linked::pinned : Linked::no, known, false, true};
	const bool occluded = occluders > 0;
	LinkPlan plan = {Linked::no, degree, occluded, false};
	pin = pin && pinned * 2 < layout.degree;
	if (degree == layout.degree) {
		// The victim: the longest of the edges that are occluded or that the new edge occludes; without any, the
		// longest. Never a pinned one.
		enum { none, open, hidden };
		int victim = none;
		float longest = HUGE_VALF; // until there is a victim
		uint32_t longer = 0;       // edges, occluded, than the new one
		for (uint32_t e = 0; e < degree; e++) {
			const float length = lengths[e];
			const int is_hidden =
				int(slot.occluded(e)) | (int(!occluded) & int(edge.length < length) & int(closer(to_new[e], length)));
			const int kind = slot.pinned(e) ? none : open + is_hidden;
			longer += uint32_t(kind == hidden) & uint32_t(edge.length < length);
			const bool worse = (kind > victim) | ((kind == victim) & (length > longest));
			plan.position = worse ? e : plan.position;
			longest = worse ? length : longest;
			victim = worse ? kind : victim;
		}
		const bool better = occluded ? longer * kOccludedGain >= degree : victim == hidden || edge.length < longest;
		if (victim == none || (!better && !pin))
			return plan;
	}
	plan.linked = pin ? Linked::pinned : Linked::yes;
	return plan;
}

inline void apply_link(MutableSlot slot, const Edge &edge, const float *to_new, const LinkPlan &plan) noexcept {
	if (plan.linked == Linked::no)
		return;
	if (plan.known) {
		slot.set_pinned(plan.position, true);
		return;
	}
	RecordHeader &header = slot.header();
	const uint32_t degree = header.degree;
	const SurelyCloser closer(*slot.layout);
	if (!plan.occluded)
		for (uint32_t e = 0; e < degree; e++)
			if (e != plan.position && !slot.occluded(e)) {
				float length = from_bf16(slot.lengths()[e]);
				if (edge.length < length && closer(to_new[e], length))
					slot.set_occluded(e, true);
			}
	write_edge(slot, plan.position, edge, plan.occluded, plan.linked == Linked::pinned);
	if (plan.position == degree)
		header.degree = uint16_t(degree + 1);
}

inline Linked link_edge(MutableSlot slot, const Edge &edge, const float *to_new, bool pin) noexcept {
	LinkPlan plan = plan_link(ConstSlot{slot.p, slot.layout}, edge, to_new, pin);
	apply_link(slot, edge, to_new, plan);
	return plan.linked;
}

// The codes of an edge in both directions, from one quantisation.
struct EdgeCoder {
	const Layout *layout;
	const Model *model;
	DistanceFunction distance;
	float *residual, *x_hat;

	void initialize(const Layout *l, const Model *m, Arena &arena) {
		layout = l;
		model = m;
		distance = distance_function(*l);
		if (l->edge_codes() == EdgeCodes::residual) {
			residual = arena.aligned_array<float>(m->codec.rotated_dims);
			x_hat = arena.aligned_array<float>(m->codec.rotated_dims);
		}
	}
	Point point(const void *vector, const float *rotated, const void *stored) const noexcept {
		const bool products = layout->edge_codes() == EdgeCodes::residual && Metric(layout->metric) != Metric::l2;
		return {vector, rotated, stored, products ? -distance(*layout, vector, vector) : 0};
	}

	// Edges from -> to and to -> from between two vectors at `length`; the packed codes go to the edges' packed arrays.
	void encode(const Point &from, const Point &to, float length, Edge &forth, uint8_t *forth_packed, Edge &back,
				uint8_t *back_packed) const noexcept {
		forth.length = back.length = length;
		forth.packed = forth_packed;
		back.packed = back_packed;
		switch (layout->edge_codes()) {
		case EdgeCodes::none:
			break;
		case EdgeCodes::residual:
			encode_residual(from, to, forth, forth_packed, back, back_packed);
			break;
		case EdgeCodes::absolute:
			to_edge(to.stored, forth_packed, forth);
			to_edge(from.stored, back_packed, back);
			break;
		}
	}

private:
	void to_edge(const void *stored, uint8_t *packed, Edge &edge) const noexcept {
		codec::to_lane(model->vectors, vector_metric(*layout), static_cast<const uint8_t *>(stored), packed, edge.a,
					   edge.f);
	}

	void encode_residual(const Point &from, const Point &to, Edge &forth, uint8_t *forth_packed, Edge &back,
						 uint8_t *back_packed) const noexcept {
		const codec::EdgeCodec &codec = model->codec;
		const bool l2 = Metric(layout->metric) == Metric::l2;
		std::memcpy(residual, to.rotated, codec.rotated_dims * sizeof(float));
		subtract(residual, from.rotated, codec.rotated_dims);
		const float norm_sq = l2 ? forth.length : simd::kernels->ip_f32(residual, residual, codec.rotated_dims);
		const float f = codec::quantize(codec, residual, norm_sq, forth_packed, x_hat);
		const float dot_from = simd::kernels->ip_f32(x_hat, from.rotated, codec.code_dims);
		const float dot_to = f != 0 ? dot_from + norm_sq / f : dot_from; // f = norm_sq / <x_hat, to - from>
		if (l2) {
			forth.f = back.f = from_bf16(to_bf16(2 * f));
			forth.a = norm_sq + forth.f * dot_from;
			back.a = norm_sq - back.f * dot_to;
		} else {
			const float from_to = -forth.length;
			forth.f = back.f = from_bf16(to_bf16(f));
			forth.a = from.square - from_to + forth.f * dot_from;
			back.a = to.square - from_to - back.f * dot_to;
		}
		std::memcpy(back_packed, forth_packed, codec.packed_bytes());
		codec::complement(codec, back_packed);
	}
};

struct Neighbor {
	NodeId id;
	float distance;
	const void *vector, *stored; // of the hit
	bool occluded;
};

// Algorithm 4: candidates in ascending order; one that is closer to a chosen one than to the base is occluded; occluded
// ones fill what is left of the list.
inline void select_neighbors(const Layout &layout, DistanceFunction distance, const Hit *hits, uint32_t n,
							 uint32_t limit, Arena &arena, List<Neighbor> &chosen) {
	chosen.size = 0;
	uint32_t open = 0, hidden_from = limit;
	// Unoccluded ones grow from the front, occluded ones wait in order at the back of a list of twice the size.
	chosen.reserve(arena, limit * 2);
	uint32_t hidden = 0;
	for (uint32_t i = 0; i < n && open < limit; i++) {
		const Hit &hit = hits[i];
		bool occluded = false;
		for (uint32_t j = 0; j < open && !occluded; j++)
			occluded = distance(layout, hit.vector, chosen.data[j].vector) <= hit.distance;
		if (!occluded)
			chosen.data[open++] = {hit.id, hit.distance, hit.vector, hit.stored, false};
		else if (hidden < limit)
			chosen.data[hidden_from + hidden++] = {hit.id, hit.distance, hit.vector, hit.stored, true};
	}
	uint32_t fill = std::min(hidden, limit - open);
	std::memmove(static_cast<void *>(&chosen.data[open]), &chosen.data[hidden_from], fill * sizeof(Neighbor));
	chosen.size = open + fill;
}

inline uint32_t construction_pool(const Layout &layout) {
	return std::max(uint32_t(layout.ef_construction), uint32_t(layout.m));
}

// A vertex that is put into the wrong neighbourhood is hard to find for ever: an insert descends more carefully than a
// query.
constexpr uint32_t kInsertDescentPool = 4;

// Edges to a vertex that are looked after when it gets one more row.
constexpr uint32_t kRenewedEdges = 8;

// The ends of a record's pinned edges: its branches of the tree. There is room for kMaxDegree.
inline uint32_t pinned_ends(ConstSlot slot, NodeId *ends) noexcept {
	const uint32_t degree = slot.header().degree;
	uint32_t n = 0;
	for (uint32_t e = 0; e < degree && degree <= slot.layout->degree; e++)
		if (slot.pinned(e))
			ends[n++] = slot.ids()[e];
	return n;
}

// Where the records in `queue` have no room for one more pinned edge (vectors of large norm are near to everybody under
// the inner product): looks below them on the tree, breadth first along pinned edges, for one that `attempt` succeeds at.
constexpr uint32_t kPinAttempts = 2000;

template <typename Store, typename Attempt>
bool find_below(Store &store, const Layout &layout, int level, List<NodeId> &queue, Arena &arena, Attempt attempt) {
	const uint32_t tried = queue.size;
	for (uint32_t i = 0; i < queue.size && i < kPinAttempts; i++) {
		const NodeId node = queue[i];
		typename Store::Handle h;
		if (!store.open(node, h))
			continue;
		ConstSlot slot{store.slot(h), &layout};
		const RecordHeader &header = slot.header();
		bool sound = slot.state() == RecordState::live && header.level == level && header.degree <= layout.degree;
		NodeId ends[kMaxDegree];
		const uint32_t n = sound ? pinned_ends(slot, ends) : 0;
		store.close(h);
		for (uint32_t e = 0; e < n; e++)
			queue.push(arena, ends[e]);
		if (sound && i >= tried && attempt(node))
			return true;
	}
	return false;
}

// Offers `tail` an edge to the vertex whose vector is the query of `search`. What the ends of a record without codes are
// distant from it is found out before the record is locked.
template <typename Store>
Linked offer_edge(Search<Store> &search, NodeId tail, int level, const Edge &edge, bool pin) {
	Store *store = search.store;
	const Layout *layout = search.layout;
	auto is_tail = [&](ConstSlot slot) {
		return slot.state() == RecordState::live && slot.header().level == level &&
			   slot.header().degree <= layout->degree;
	};
	float to_new[kMaxDegree];
	NodeId ids[kMaxDegree];
	uint32_t known = 0;
	typename Store::Handle h;
	if (!layout->has_codes() && store->open(tail, h)) {
		ConstSlot slot{store->slot(h), layout};
		if (is_tail(slot)) {
			known = slot.header().degree;
			std::memcpy(ids, slot.ids(), known * sizeof(NodeId));
		}
		store->close(h);
		search.level = level;
		for (uint32_t e = 0; e < known; e++)
			to_new[e] = search.distance_to(ids[e]);
	}
	typename Store::WriteHandle w;
	const uint8_t *p = store->open_exclusive(tail, w);
	if (!p)
		return Linked::no;
	ConstSlot slot{p, layout};
	LinkPlan plan = {};
	if (is_tail(slot)) {
		const uint32_t degree = slot.header().degree;
		if (layout->has_codes())
			search.estimate(slot, edge.length, degree, to_new);
		else
			for (uint32_t e = 0; e < degree; e++)
				if (e >= known || ids[e] != slot.ids()[e])
					to_new[e] = kUnknown; // changed since it was read
		plan = plan_link(slot, edge, to_new, pin);
	}
	if (plan.linked == Linked::no)
		store->close_exclusive(w);
	else {
		apply_link(MutableSlot{store->modify(w), layout}, edge, to_new, plan);
		store->commit(w);
	}
	return plan.linked;
}

template <typename Store>
struct Inserter {
	Store *store;
	const Layout *layout;
	const Model *model;
	Arena *arena;
	Search<Store> search;
	EdgeCoder coder;
	uint8_t *image;
	uint8_t *code; // of the vector that is inserted, where vectors are stored as codes
	float *neighbor_rotated;
	uint8_t *forth_packed, *back_packed; // back_packed: one per edge of a list
	List<Neighbor> chosen[kMaxLevel + 1];
	List<Edge> back;
	List<NodeId> tree; // of pin_below
	Entry found_from;  // the entry point that find() began at
	bool alone;        // the graph has vertices, but find() met no living one

	void initialize(Store *s, const Layout *l, const Model *m, Arena *a, Arena *keep) {
		std::memset(static_cast<void *>(this), 0, sizeof(*this));
		store = s;
		layout = l;
		model = m;
		arena = a;
		search.initialize(s, l, m, a);
		search.keep_arena = keep;
		search.keep_vectors = true;
		coder.initialize(l, m, *a);
		image = a->template aligned_array<uint8_t>(l->slot_size);
		if (!l->is_plain())
			code = a->template aligned_array<uint8_t>(l->vector_bytes);
		if (l->edge_codes() == EdgeCodes::residual)
			neighbor_rotated = a->template aligned_array<float>(m->codec.rotated_dims);
		if (l->has_codes()) {
			forth_packed = a->template aligned_array<uint8_t>(m->codec.packed_bytes());
			back_packed = a->template aligned_array<uint8_t>(m->codec.packed_bytes() * l->degree);
		}
	}

	// Finds the neighbours of the vector on each of its levels. If an identical vector is in the graph, returns it
	// instead, unless a vertex of its own is wanted.
	NodeId find(const void *vector, int level, Entry entry, bool own_vertex = false) {
		search.set_query(vector);
		if (code)
			codec::encode(model->vectors, static_cast<const float *>(vector), code, search.codec_scratch);
		found_from = entry;
		alone = false;
		for (int l = 0; l <= level; l++)
			chosen[l].size = 0;
		if (entry.level < 0)
			return kNoNode;
		search.keep_vectors = false;
		descend(search, entry.id, entry.level, level, kInsertDescentPool);
		search.keep_vectors = true;
		for (int l = std::min(entry.level, level); l >= 0; l--) {
			// Where a vacuum is about to remove everything near, a larger pool finds what will stay.
			for (uint32_t pool = construction_pool(*layout);; pool *= 4) {
				search.start(l, pool, pool);
				search.enter_all();
				search.run();
				if (search.pool.size < pool ||
					std::any_of(search.hits.begin(), search.hits.end(), [](const Hit &h) { return h.live != 0; }))
					break;
			}
			search.go_down();
			search.sort_hits();
			uint32_t n = 0; // only live ones become neighbours; they keep their order
			for (uint32_t i = 0; i < search.hits.size; i++) {
				const Hit &hit = search.hits[i];
				if (!hit.live)
					continue;
				if (l == 0 && !own_vertex && identical(hit, vector))
					return hit.id;
				search.hits[n++] = hit;
			}
			n = std::min(n, construction_pool(*layout));
			alone = l == 0 && n == 0;
			select_neighbors(*layout, search.distance, search.hits.data, n, layout->degree, *arena, chosen[l]);
		}
		return kNoNode;
	}

	// Writes the vertex found last and links it. Returns its record of the highest level.
	NodeId write(const void *vector, HeapTid tid, int level) {
		VectorRef ref = {0, 0, 0};
		if (layout->external)
			ref = store->put_vector(stored(vector), stored_size(*layout, stored(vector)));
		NodeId base = kNoNode, below = kNoNode;
		for (int l = 0; l <= level; l++) {
			NodeId id = write_level(vector, ref, tid, l, base, below);
			if (l == 0)
				base = id;
			below = id;
			if (l == found_from.level && level > found_from.level)
				pin_forward(id, vector, found_from.id, l); // the new entry point leads to the old one
		}
		return below;
	}

	// Gives the TID to the identical vertex that find() returned, or, if there was none or it is gone, writes a vertex.
	// Returns the vertex's record of the highest level, kNoNode if no vertex was written.
	NodeId place(const void *vector, HeapTid tid, int level, Entry entry, NodeId same) {
		if (same != kNoNode) {
			if (add_duplicate(same, tid)) {
				renew(same, vector);
				return kNoNode;
			}
			find(vector, level, entry, true);
		}
		return write(vector, tid, level);
	}

private:
	// Offers the nearest hits of the last search an edge to the identical vertex that it found. A vertex of many equal
	// rows outlives its neighbours; whoever adds one more row looks after the edges that lead there.
	void renew(NodeId vertex, const void *vector) {
		const Point self = coder.point(vector, search.rotated, stored(vector));
		uint32_t offered = 0;
		for (uint32_t i = 0; i < search.hits.size && offered < kRenewedEdges; i++) {
			const Hit &hit = search.hits[i];
			if (!hit.live || hit.id == vertex)
				continue;
			Edge forth_edge = {}, back_edge = {};
			coder.encode(self, point(hit.vector, hit.stored), hit.distance, forth_edge, forth_packed, back_edge,
						 back_packed);
			back_edge.id = vertex;
			offer_edge(search, hit.id, 0, back_edge, false);
			offered++;
		}
	}

	// Adds a heap TID to an existing vertex; false if the vertex is gone.
	bool add_duplicate(NodeId vertex, HeapTid tid) {
		for (int attempt = 0; attempt < 10; attempt++) {
			typename Store::WriteHandle h;
			uint8_t *p = store->open_write(vertex, h);
			if (!p)
				return false;
			RecordHeader *header = reinterpret_cast<RecordHeader *>(p);
			if (header->state != uint8_t(RecordState::live) || header->base != vertex) {
				store->discard(h);
				return false;
			}
			if (header->tid_count < kInlineTids) {
				header->tids[header->tid_count++] = tid;
				store->commit(h);
				return true;
			}
			NodeId head = header->overflow;
			store->discard(h);

			if (head != kNoNode && (p = store->open_write(head, h)) != nullptr) {
				header = reinterpret_cast<RecordHeader *>(p);
				// Vacuum takes an empty record out of the chain by changing its state first, so this cannot be lost.
				if (header->state == uint8_t(RecordState::tids) && header->base == vertex &&
					header->tid_count < layout->tids_per_overflow()) {
					reinterpret_cast<HeapTid *>(p + sizeof(RecordHeader))[header->tid_count++] = tid;
					store->commit(h);
					return true;
				}
				store->discard(h);
			}

			std::memset(image, 0, layout->slot_size);
			header = reinterpret_cast<RecordHeader *>(image);
			header->state = uint8_t(RecordState::tids);
			header->base = vertex;
			header->overflow = head;
			header->tid_count = 1;
			*reinterpret_cast<HeapTid *>(image + sizeof(RecordHeader)) = tid;
			NodeId fresh = store->add(image, nullptr);
			if ((p = store->open_write(vertex, h)) != nullptr) {
				header = reinterpret_cast<RecordHeader *>(p);
				if (header->state == uint8_t(RecordState::live) && header->base == vertex && header->overflow == head) {
					header->overflow = fresh;
					store->commit(h);
					return true;
				}
				store->discard(h);
			}
			// Somebody changed the vertex: give the record back and start again.
			if ((p = store->open_write(fresh, h)) != nullptr) {
				reinterpret_cast<RecordHeader *>(p)->state = uint8_t(RecordState::free);
				store->commit(h);
			}
		}
		return false;
	}

	// The stored form of the vector that find() was given last.
	const void *stored(const void *vector) const { return code ? code : vector; }

	// Coded vectors that have one code are one vertex: nothing in the index tells them apart.
	bool identical(const Hit &hit, const void *vector) const {
		const void *a = hit.stored ? hit.stored : hit.vector, *b = stored(vector);
		size_t bytes = stored_size(*layout, b);
		return stored_size(*layout, a) == bytes && std::memcmp(a, b, bytes) == 0;
	}

	Point point(const void *vector, const void *vector_stored) {
		if (layout->edge_codes() == EdgeCodes::residual)
			project(*layout, *model, vector, search.scratch, neighbor_rotated);
		return coder.point(vector, neighbor_rotated, vector_stored);
	}

	NodeId write_level(const void *vector, VectorRef ref, HeapTid tid, int level, NodeId base, NodeId below) {
		const List<Neighbor> &list = chosen[level];
		std::memset(image, 0, layout->slot_size);
		MutableSlot slot{image, layout};
		RecordHeader &header = slot.header();
		header.state = uint8_t(RecordState::live);
		header.level = uint8_t(level);
		header.degree = uint16_t(list.size);
		header.base = base;
		header.down = below;
		if (level == 0) {
			header.tid_count = 1;
			header.tids[0] = tid;
		}
		if (layout->external)
			slot.vector_ref() = ref;
		else
			std::memcpy(slot.vector(), stored(vector), layout->vector_bytes);
		const Point self = coder.point(vector, search.rotated, stored(vector));
		back.size = 0;
		for (uint32_t i = 0; i < list.size; i++) {
			const Neighbor &n = list.data[i];
			Edge forth_edge = {}, back_edge = {};
			uint8_t *packed = back_packed ? back_packed + i * model->codec.packed_bytes() : nullptr;
			coder.encode(self, point(n.vector, n.stored), n.distance, forth_edge, forth_packed, back_edge, packed);
			forth_edge.id = n.id;
			write_edge(slot, i, forth_edge, n.occluded, false);
			back.push(*arena, back_edge);
		}
		NodeId id = store->add(image, vector);

		// The nearest neighbour that can pins its edge to the new vertex, which is thus reachable as long as that
		// neighbour is.
		bool pinned = false;
		for (uint32_t i = 0; i < list.size; i++) {
			if (pinned && list.data[i].occluded && i >= layout->degree / 4 * 3)
				continue; // of the farther occluded ones hardly any would take it
			back[i].id = id;
			if (i + 1 < list.size)
				store->prefetch(list.data[i + 1].id);
			if (offer_edge(search, list.data[i].id, level, back[i], !pinned) == Linked::pinned)
				pinned = true;
		}
		if (!pinned)
			pin_below(list, level, self, id);
		return id;
	}

	bool pin_below(const List<Neighbor> &list, int level, const Point &self, NodeId id) {
		tree.size = 0;
		for (uint32_t i = 0; i < list.size; i++)
			tree.push(*arena, list.data[i].id);
		return find_below(*store, *layout, level, tree, *arena, [&](NodeId node) {
			typename Store::Handle h;
			if (node == id || !store->open(node, h))
				return false;
			KeptVector other = search.keep(store->slot(h), node);
			store->close(h);
			Edge forth_edge = {}, back_edge = {};
			coder.encode(self, point(other.working, other.stored), search.distance(*layout, self.vector, other.working),
						 forth_edge, forth_packed, back_edge, back_packed);
			back_edge.id = id;
			return offer_edge(search, node, level, back_edge, true) == Linked::pinned;
		});
	}

	void pin_forward(NodeId from, const void *vector, NodeId to, int level) {
		typename Store::Handle h;
		if (!store->open(to, h))
			return;
		KeptVector other = search.keep(store->slot(h), to);
		store->close(h);
		Edge edge = {}, back_edge = {};
		float length = search.distance(*layout, vector, other.working);
		coder.encode(coder.point(vector, search.rotated, stored(vector)), point(other.working, other.stored), length,
					 edge, forth_packed, back_edge, back_packed);
		edge.id = to;
		float unknown[kMaxDegree];
		std::fill(unknown, unknown + kMaxDegree, 1.0f / 0.0f);
		typename Store::WriteHandle w;
		uint8_t *p = store->open_write(from, w);
		if (!p)
			return;
		if (reinterpret_cast<RecordHeader *>(p)->level == level)
			link_edge(MutableSlot{p, layout}, edge, unknown, true);
		store->commit(w);
	}
};

} // namespace ruvector::graph
