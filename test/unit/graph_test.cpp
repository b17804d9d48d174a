// test/unit/graph_test.cpp - the graph over a store in memory: recall, what must hold of every record, duplicates,
// searches that go on, the arena's containers.
#include <algorithm>
#include <random>
#include <map>
#include <set>

#include "check.hpp"
#include "mem_store.hpp"

using namespace ruvector;
using namespace ruvector::graph;

namespace {

std::mt19937_64 &random_engine() {
	static std::mt19937_64 engine(7);
	return engine;
}

struct Data {
	Element element;
	uint32_t dims, n;
	size_t bytes;
	std::vector<uint8_t> memory;

	const void *row(uint32_t i) const { return memory.data() + i * bytes; }
};

// Rows around `clusters` centres; uniform in a cube for 0.
Data make_data(Element element, uint32_t dims, uint32_t n, uint32_t clusters) {
	Data data{element, dims, n, 0, {}};
	std::normal_distribution<float> normal;
	std::uniform_real_distribution<float> uniform(-1, 1);
	std::mt19937_64 &random = random_engine();
	data.bytes = element == Element::f32 ? dims * 4 : element == Element::f16 ? dims * 2 : (dims + 7) / 8;
	data.memory.assign(data.bytes * n, 0);
	std::vector<float> centers(size_t(clusters) * dims), x(dims);
	for (float &c : centers)
		c = normal(random);
	for (uint32_t i = 0; i < n; i++) {
		const float *center = clusters ? &centers[random() % clusters * dims] : nullptr;
		for (uint32_t d = 0; d < dims; d++)
			x[d] = center ? center[d] + 0.3f * normal(random) : uniform(random);
		uint8_t *row = data.memory.data() + i * data.bytes;
		if (element == Element::f32)
			std::memcpy(row, x.data(), data.bytes);
		else if (element == Element::f16)
			simd::kernels->f32_to_f16(x.data(), reinterpret_cast<uint16_t *>(row), dims);
		else
			for (uint32_t d = 0; d < dims; d++)
				row[d / 8] = uint8_t(row[d / 8] | (x[d] > 0 ? 0x80 >> d % 8 : 0));
	}
	return data;
}

void normalize(Data &data) {
	std::vector<float> x(data.dims);
	for (uint32_t i = 0; i < data.n; i++) {
		uint8_t *row = data.memory.data() + i * data.bytes;
		if (data.element == Element::f32)
			std::memcpy(x.data(), row, data.bytes);
		else
			simd::kernels->f16_to_f32(reinterpret_cast<uint16_t *>(row), x.data(), data.dims);
		float norm = std::sqrt(simd::kernels->ip_f32(x.data(), x.data(), data.dims));
		for (float &e : x)
			e /= norm;
		if (data.element == Element::f32)
			std::memcpy(row, x.data(), data.bytes);
		else
			simd::kernels->f32_to_f16(x.data(), reinterpret_cast<uint16_t *>(row), data.dims);
	}
}

// All that malloc_arena() gives, freed at the end: the graph code itself never frees what lives as long as its arena.
struct Pool {
	std::set<void *> blocks;

	Arena arena() {
		return {this,
				[](void *context, size_t n) -> void * {
					void *p = std::malloc(n);
					static_cast<Pool *>(context)->blocks.insert(p);
					return p;
				},
				[](void *context, void *p) {
					static_cast<Pool *>(context)->blocks.erase(p);
					std::free(p);
				}};
	}
	~Pool() {
		for (void *p : blocks)
			std::free(p);
	}
};

struct Graph {
	Pool pool;
	MemGraph graph;

	Graph(const Data &data, Metric metric, uint32_t m, uint32_t ef_construction, uint32_t capacity)
		: graph(data.element, metric, data.dims, m, ef_construction, capacity, nullptr, pool.arena()) {}
};

void ask(MemGraph &g, Search<MemStore> &search, const void *query) {
	search.set_query(query);
	descend(search, g.entry.id, g.entry.level, 0);
}

double recall_at_10(MemGraph &g, Pool &pool, const Data &data, const Data &queries, uint32_t ef) {
	Arena arena = pool.arena();
	Search<MemStore> search;
	search.initialize(&g.store, &g.layout, &g.model, &arena);
	DistanceFunction distance = distance_function(g.layout);
	double found = 0;
	for (uint32_t q = 0; q < queries.n; q++) {
		std::vector<float> exact(data.n);
		for (uint32_t i = 0; i < data.n; i++)
			exact[i] = distance(g.layout, queries.row(q), data.row(i));
		std::nth_element(exact.begin(), exact.begin() + 9, exact.end());
		ask(g, search, queries.row(q));
		search.start(0, ef);
		search.enter_all();
		search.run();
		// In the end all of the pool is expanded and stands, in order, at exact distances.
		std::map<NodeId, float> exactly;
		for (const Hit &hit : search.hits)
			exactly[hit.id] = hit.distance;
		for (uint32_t i = 0; i < search.pool.size; i++) {
			const Candidate &c = search.pool[i];
			CHECK(c.expanded && exactly.count(c.id) && exactly[c.id] == c.distance);
			CHECK(i == 0 || search.pool[i - 1].distance <= c.distance);
		}
		const uint32_t hits = search.hits.size;
		search.sort_hits();
		for (uint32_t i = 0; i < 10 && i < search.hits.size; i++)
			found += search.hits[i].distance <= exact[9];
		search.start(0, ef, hits / 2);
		search.enter_all();
		search.run();
		CHECK(search.hits.size == hits / 2);
	}
	return found / (10.0 * queries.n);
}

std::vector<NodeId> all_records(const MemGraph &g) {
	std::vector<NodeId> ids;
	for (uint32_t i = 0; i < g.store.records; i++)
		ids.push_back(g.store.id_of(i));
	return ids;
}

ConstSlot slot_of(MemGraph &g, NodeId id) {
	return {g.store.record(id), &g.layout};
}

// What must hold of every record, and that all hang on the tree of pinned edges.
void check_invariants(MemGraph &g, Pool &pool) {
	const Layout &l = g.layout;
	DistanceFunction distance = distance_function(l);
	Arena arena = pool.arena();
	Search<MemStore> search;
	search.initialize(&g.store, &l, &g.model, &arena);
	EdgeCoder coder;
	coder.initialize(&l, &g.model, arena);
	std::vector<uint8_t> packed(l.has_codes() ? g.model.codec.packed_bytes() : 0), back(packed.size()),
		stored(packed.size());
	std::vector<float> rotated(l.dims + 4);
	size_t bad = 0, edges = 0, nibbles = 0, same = 0, vertices = 0;
	double error = 0, scale = 0;

	std::set<NodeId> reached = {g.entry.id};
	std::vector<NodeId> stack = {g.entry.id};
	while (!stack.empty()) {
		ConstSlot slot = slot_of(g, stack.back());
		stack.pop_back();
		std::vector<NodeId> next;
		for (uint32_t e = 0; e < slot.header().degree; e++)
			if (slot.pinned(e))
				next.push_back(slot.ids()[e]);
		if (slot.header().down != kNoNode)
			next.push_back(slot.header().down);
		for (NodeId id : next)
			if (reached.insert(id).second)
				stack.push_back(id);
	}

	for (NodeId id : all_records(g)) {
		ConstSlot slot = slot_of(g, id);
		const RecordHeader &header = slot.header();
		if (slot.state() != RecordState::live)
			continue;
		vertices += header.level == 0;
		CHECK(reached.count(id) == 1);
		CHECK(header.degree <= l.degree && header.level <= g.entry.level);
		CHECK(header.level == 0 ? header.base == id && header.down == kNoNode
								: header.tid_count == 0 && slot_of(g, header.down).header().base == header.base &&
									  slot_of(g, header.down).header().level + 1 == header.level);
		if (l.has_codes())
			search.set_query(slot.vector());
		std::set<NodeId> ends;
		uint32_t pinned = 0;
		for (uint32_t e = 0; e < header.degree; e++) {
			NodeId end = slot.ids()[e];
			CHECK(end != id && ends.insert(end).second);
			CHECK(g.store.record(end) != nullptr);
			ConstSlot other = slot_of(g, end);
			CHECK(other.header().level == header.level);
			float d = distance(l, slot.vector(), other.vector());
			pinned += slot.pinned(e);
			edges++;
			bad += slot.lengths()[e] != to_bf16(d);
			if (l.has_codes() && edges % 17 == 0) {
				project(l, g.model, other.vector(), search.scratch, rotated.data());
				Edge forth = {}, reverse = {};
				coder.encode(coder.point(slot.vector(), search.rotated, nullptr),
							 coder.point(other.vector(), rotated.data(), nullptr), d, forth, packed.data(), reverse,
							 back.data());
				codec::load_lane(g.model.codec, slot.codes(e / kBlockLanes), e % kBlockLanes, stored.data());
				size_t equal = 0;
				for (size_t i = 0; i < packed.size(); i++)
					equal += stored[i] == packed[i];
				same += equal;
				nibbles += packed.size();
				// A coordinate that is between two levels gets one of them in this direction and the other's complement
				// in that.
				if (equal == packed.size()) {
					CHECK_NEAR(slot.a()[e], forth.a, 1e-2 * (1 + std::fabs(forth.a)));
					CHECK_NEAR(from_bf16(slot.f()[e]), forth.f, 1e-2 * (1 + std::fabs(forth.f)));
				}
			}
		}
		CHECK(pinned * 2 <= l.degree + 1u);
		// From a third vertex, estimates are near the distances.
		if (l.has_codes() && header.level == 0 && vertices % 5 == 0) {
			float estimates[kMaxDegree];
			const void *query = slot_of(g, g.store.id_of(uint32_t(vertices * 31 % g.store.records))).vector();
			search.set_query(query);
			search.estimate(slot, distance(l, query, slot.vector()), header.degree, estimates);
			for (uint32_t e = 0; e < header.degree; e++) {
				const void *end = slot_of(g, slot.ids()[e]).vector();
				float exact = distance(l, query, end);
				error += double(estimates[e] - exact) * double(estimates[e] - exact);
				// Errors scale with the product of the two differences.
				double own = Metric(l.metric) == Metric::l2 ? exact : 1 + std::fabs(exact);
				scale += own * own;
			}
		}
	}
	CHECK(vertices > 0 && bad == 0);
	if (l.has_codes()) {
		CHECK(double(same) >= 0.999 * double(nibbles));
		CHECK(std::sqrt(error / scale) < (l.bits >= 4 ? 0.1 : l.bits == 2 ? 0.2 : 0.3));
	}
}

struct Case {
	Element element;
	Metric metric;
	uint32_t dims, clusters;
	double least; // recall@10
};

void check_graph(const Case &c) {
	constexpr uint32_t kRows = 700, kQueries = 25;
	Data all = make_data(c.element, c.dims, kRows + kQueries, c.clusters);
	if (c.metric == Metric::cosine)
		normalize(all);
	Data data = all, queries = all;
	data.n = kRows;
	queries.n = kQueries;
	queries.memory.erase(queries.memory.begin(), queries.memory.begin() + long(kRows * all.bytes));
	Graph graph(data, c.metric, 12, 64, kRows);
	MemGraph &g = graph.graph;
	for (uint32_t i = 0; i < kRows; i++)
		g.insert(data.row(i), i);
	double recall = recall_at_10(g, graph.pool, data, queries, 100);
	std::printf("# recall@10 %.3f, %u bits, degree %u, top level %d\n", recall, g.layout.bits, g.layout.degree,
				g.entry.level);
	CHECK(recall >= c.least);
	check_invariants(g, graph.pool);
}

} // namespace

TEST("f32 l2, clustered") {
	check_graph({Element::f32, Metric::l2, 32, 20, 0.98});
}
TEST("f32 l2, uniform") {
	check_graph({Element::f32, Metric::l2, 16, 0, 0.98});
}
TEST("f32 l2, 256 dimensions") {
	check_graph({Element::f32, Metric::l2, 256, 20, 0.97});
}
TEST("f32 l2, 600 dimensions") {
	check_graph({Element::f32, Metric::l2, 600, 20, 0.95});
}
TEST("f32 ip, clustered") {
	check_graph({Element::f32, Metric::ip, 32, 20, 0.93});
}
TEST("f32 ip, uniform") {
	check_graph({Element::f32, Metric::ip, 16, 0, 0.93});
}
TEST("f32 cosine, clustered") {
	check_graph({Element::f32, Metric::cosine, 32, 20, 0.98});
}
TEST("f32 cosine, uniform") {
	check_graph({Element::f32, Metric::cosine, 16, 0, 0.98});
}
TEST("f16 l2, clustered") {
	check_graph({Element::f16, Metric::l2, 32, 20, 0.98});
}
TEST("f16 ip, uniform") {
	check_graph({Element::f16, Metric::ip, 16, 0, 0.93});
}
TEST("f16 cosine, clustered") {
	check_graph({Element::f16, Metric::cosine, 32, 20, 0.98});
}
TEST("f32 l1, clustered (no codes)") {
	check_graph({Element::f32, Metric::l1, 32, 20, 0.98});
}
TEST("f16 l1, uniform (no codes)") {
	check_graph({Element::f16, Metric::l1, 16, 0, 0.98});
}
TEST("bit hamming (no codes)") {
	check_graph({Element::bit, Metric::hamming, 128, 20, 0.95});
}

TEST("duplicates share a vertex, whose heap TIDs go on in other records") {
	for (Metric metric : {Metric::l2, Metric::l1}) {
		Data data = make_data(Element::f32, 8, 8, 0);
		Graph graph(data, metric, 4, 16, 1000);
		MemGraph &g = graph.graph;
		const uint32_t kCopies = 3 * g.layout.tids_per_overflow() + 5;
		for (uint32_t i = 0; i < data.n * kCopies; i++)
			g.insert(data.row(i % data.n), i);
		uint32_t vertices = 0, overflows = 0;
		std::set<uint32_t> rows;
		for (NodeId id : all_records(g)) {
			ConstSlot slot = slot_of(g, id);
			overflows += slot.state() == RecordState::tids;
			if (slot.state() != RecordState::live || slot.header().level != 0)
				continue;
			vertices++;
			uint32_t own = 0;
			for (uint32_t i = 0; i < slot.header().tid_count; i++, own++)
				CHECK(rows.insert(MemGraph::row_of(slot.header().tids[i])).second);
			for (NodeId next = slot.header().overflow; next != kNoNode;) {
				ConstSlot part = slot_of(g, next);
				CHECK(part.state() == RecordState::tids && part.header().base == id);
				CHECK(part.header().tid_count <= g.layout.tids_per_overflow());
				const HeapTid *tids = part.at<HeapTid>(sizeof(RecordHeader));
				for (uint32_t i = 0; i < part.header().tid_count; i++, own++)
					CHECK(rows.insert(MemGraph::row_of(tids[i])).second);
				next = part.header().overflow;
			}
			CHECK(own == kCopies);
		}
		CHECK(vertices == data.n);
		CHECK(rows.size() == data.n * kCopies);
		CHECK(overflows >= data.n * 3);
	}
}

TEST("a search that is widened to exhaustion finds every vertex once") {
	for (Metric metric : {Metric::l2, Metric::ip, Metric::l1}) {
		Data data = make_data(Element::f32, 24, 800, 30);
		Graph graph(data, metric, 8, 40, data.n);
		MemGraph &g = graph.graph;
		for (uint32_t i = 0; i < data.n; i++)
			g.insert(data.row(i), i);
		Arena arena = graph.pool.arena();
		Search<MemStore> search;
		search.initialize(&g.store, &g.layout, &g.model, &arena);
		for (uint32_t q = 0; q < 10; q++) {
			ask(g, search, data.row(q / 2 * 150));
			search.keep_refused = q % 2 == 0;
			uint32_t ef = 10, before;
			search.start(0, ef, q % 4 < 2 ? UINT32_MAX : 6); // or it ends with some of the pool not expanded
			search.enter_all();
			search.run();
			int rounds = 0;
			do {
				before = search.hits.size;
				search.widen(ef *= 2);
				search.run();
			} while ((search.hits.size > before || search.refused.size > 0) && ++rounds < 40);
			search.keep_refused = false;
			std::set<NodeId> found;
			for (const Hit &hit : search.hits)
				CHECK(found.insert(hit.id).second);
			CHECK(found.size() == data.n);
			CHECK(rounds < 40);
		}
	}
}

TEST("distances that overflow can be searched by") {
	for (Metric metric : {Metric::l2, Metric::ip, Metric::l1}) {
		Data data = make_data(Element::f32, 8, 800, 0);
		float *x = reinterpret_cast<float *>(data.memory.data());
		for (uint32_t i = 0; i < data.n * 8; i++)
			x[i] *= std::pow(10.0f, 15 + float(i % 23));
		Graph graph(data, metric, 8, 40, data.n);
		MemGraph &g = graph.graph;
		for (uint32_t i = 0; i < data.n; i++)
			g.insert(data.row(i), i);
		Arena arena = graph.pool.arena();
		Search<MemStore> search;
		search.initialize(&g.store, &g.layout, &g.model, &arena);
		ask(g, search, data.row(5));
		search.keep_refused = true;
		search.start(0, 20);
		search.enter_all();
		search.run();
		for (uint32_t ef = 40; ef < 5000; ef *= 2) {
			search.widen(ef);
			search.run();
		}
		search.sort_hits();
		std::set<NodeId> found;
		for (const Hit &hit : search.hits) {
			CHECK(found.insert(hit.id).second);
			CHECK(std::isfinite(hit.distance));
		}
		CHECK(found.size() > data.n / 4);
	}
}

// Clusters of so few vertices that some have no record on an upper level and no edge from outside but that of the tree,
// once the vertices that led to them are gone.
TEST("rows are found when all others have been deleted and vacuumed") {
	constexpr uint32_t kRows = 1000, kTurns = 2;
	for (Metric metric : {Metric::l2, Metric::l2, Metric::l2, Metric::cosine, Metric::l1}) {
		Data data = make_data(Element::f32, 16, kRows * (kTurns + 1), 16);
		if (metric == Metric::cosine)
			normalize(data);
		Graph graph(data, metric, 16, 64, 2 * kRows);
		MemGraph &g = graph.graph;
		for (uint32_t i = 0; i < kRows; i++)
			g.insert(data.row(i), i);
		for (uint32_t turn = 1; turn <= kTurns; turn++) {
			const uint32_t first = turn * kRows;
			for (uint32_t i = first; i < first + kRows; i++)
				g.insert(data.row(i), i);
			g.vacuum([first](uint32_t row) { return row < first; });
			check_invariants(g, graph.pool);
			Arena arena = graph.pool.arena();
			Search<MemStore> search;
			search.initialize(&g.store, &g.layout, &g.model, &arena);
			uint32_t lost = 0;
			for (uint32_t i = first; i < first + kRows; i++) {
				ask(g, search, data.row(i));
				search.start(0, 100);
				search.enter_all();
				search.run();
				lost += std::none_of(search.hits.begin(), search.hits.end(),
									 [i](const Hit &hit) { return hit.live && MemGraph::row_of(hit.tids[0]) == i; });
			}
			std::printf("# %u of %u lost\n", lost, kRows);
			CHECK(lost <= kRows / 500);
		}
	}
}

// Each vacuum takes so few edges of a list that it is merely shortened. What counts is that the lists stay long over all.
TEST("many small vacuums wear neither lists nor recall") {
	constexpr uint32_t kRows = 3000, kQueries = 50, kVacuums = 24;
	for (Metric metric : {Metric::l2, Metric::cosine, Metric::l1}) {
		for (bool refilled : {false, true}) {
			Data all = make_data(Element::f32, 24, 2 * kRows + kQueries, 10);
			if (metric == Metric::cosine)
				normalize(all);
			Data queries = all;
			queries.n = kQueries;
			queries.memory.erase(queries.memory.begin(), queries.memory.begin() + long(2 * kRows * all.bytes));
			Graph graph(all, metric, 12, 64, 2 * kRows);
			MemGraph &g = graph.graph;
			uint32_t end = kRows;
			for (uint32_t i = 0; i < end; i++)
				g.insert(all.row(i), i);
			std::vector<bool> gone(all.n);
			for (uint32_t round = 0; round < kVacuums; round++) {
				for (uint32_t i = 0; i < end; i++)
					gone[i] = gone[i] || random_engine()() % 25 == 0;
				g.vacuum([&](uint32_t row) { return bool(gone[row]); });
				for (uint32_t i = 0; refilled && i < kRows / 25; i++, end++)
					g.insert(all.row(end), end);
			}
			check_invariants(g, graph.pool);

			Data left = all;
			left.n = 0;
			for (uint32_t i = 0; i < end; i++)
				if (!gone[i])
					std::memcpy(left.memory.data() + left.n++ * all.bytes, all.row(i), all.bytes);
			Graph fresh(left, metric, 12, 64, left.n);
			for (uint32_t i = 0; i < left.n; i++)
				fresh.graph.insert(left.row(i), i);
			double edges = 0, vertices = 0;
			for (NodeId id : all_records(g))
				if (slot_of(g, id).state() == RecordState::live && slot_of(g, id).header().level == 0) {
					edges += slot_of(g, id).header().degree;
					vertices++;
				}
			const double recall = recall_at_10(g, graph.pool, left, queries, 16),
						 fresh_recall = recall_at_10(fresh.graph, fresh.pool, left, queries, 16);
			std::printf("# %u left: %.1f edges of %u, recall %.3f, %.3f of a fresh build\n", left.n, edges / vertices,
						g.layout.degree, recall, fresh_recall);
			CHECK(vertices == left.n);
			CHECK(edges >= 0.85 * g.layout.degree * vertices);
			CHECK(recall >= fresh_recall - 0.01);
		}
	}
}

TEST("lists and tables grow") {
	Pool pool;
	Arena arena = pool.arena();
	List<uint64_t> list = {};
	for (uint64_t i = 0; i < 5000; i++)
		list.push(arena, i * i);
	CHECK(list.size == 5000 && list.capacity >= 5000);
	for (uint32_t i = 0; i < list.size; i++)
		CHECK(list[i] == uint64_t(i) * i);
	CHECK(reinterpret_cast<uintptr_t>(arena.aligned_array<float>(3)) % 64 == 0);

	IdTable table;
	table.reset(arena, 4);
	size_t small = table.bytes();
	for (NodeId id = 1; id <= 5000; id++) {
		CHECK(table.insert(arena, id * 16, float(id)));
		CHECK(!table.insert(arena, id * 16, 0));
	}
	CHECK(table.size == 5000 && table.bytes() > small);
	for (NodeId id = 1; id <= 5000; id++)
		CHECK(table.contains(id * 16) && table.find(id * 16)->value == float(id) && !table.contains(id * 16 + 1));
	table.reset(arena, 4);
	CHECK(table.size == 0 && !table.contains(16));
	CHECK(pool.blocks.size() == 3); // what was outgrown has been given back
}
