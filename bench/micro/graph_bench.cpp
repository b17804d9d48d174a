// bench/micro/graph_bench.cpp - the graph in memory, without PostgreSQL: build time, recall and time per query.
//   graph_bench BASE.fvecs QUERY.fvecs TRUTH.ivecs [l2|ip|cosine] [rows] [ef_construction] [bits]
// For tuning the algorithm and the record; bench/run.py measures what a user gets.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "../../test/unit/mem_store.hpp"

using namespace ruvector::graph;

template <typename T>
static std::vector<std::vector<T>> read_vecs(const char *path, size_t limit) {
	std::vector<std::vector<T>> rows;
	FILE *f = std::fopen(path, "rb");
	int32_t d;
	while (f && rows.size() < limit && std::fread(&d, 4, 1, f) == 1) {
		rows.emplace_back(size_t(d));
		if (std::fread(rows.back().data(), sizeof(T), size_t(d), f) != size_t(d))
			break;
	}
	if (f)
		std::fclose(f);
	return rows;
}

static double now() {
	timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

int main(int argc, char **argv) {
	if (argc < 4)
		return std::fprintf(stderr,
							"usage: graph_bench base.fvecs query.fvecs truth.ivecs [metric] [rows] [efc] [bits]\n"),
			   2;
	size_t limit = argc > 5 ? std::strtoul(argv[5], nullptr, 10) : 0;
	auto base = read_vecs<float>(argv[1], limit ? limit : SIZE_MAX);
	auto query = read_vecs<float>(argv[2], 1000);
	auto truth = read_vecs<int32_t>(argv[3], 1000);
	std::string name = argc > 4 ? argv[4] : "l2";
	Metric metric = name == "ip" ? Metric::ip : name == "cosine" ? Metric::cosine : Metric::l2;
	uint32_t efc = argc > 6 ? uint32_t(std::atoi(argv[6])) : 64;
	if (metric == Metric::cosine)
		for (auto *set : {&base, &query})
			for (auto &v : *set) {
				double n = 0;
				for (float x : v)
					n += double(x) * x;
				for (float &x : v)
					x = float(x / std::sqrt(n));
			}
	uint32_t dims = uint32_t(base[0].size());
	Layout layout;
	plan_layout({Element::f32, metric, dims, 16, efc, 1}, argc > 7 ? 65000 : 8160, layout);
	MemGraph g(Element::f32, metric, dims, 16, efc, uint32_t(base.size()), &layout);
	std::printf("%zu x %u, %s, efc %u: %u bits of %u coordinates, degree %u, %u bytes a slot\n", base.size(), dims,
				name.c_str(), efc, g.layout.bits, g.layout.code_dims, g.layout.degree, g.layout.slot_size);
	double start = now();
	for (uint32_t i = 0; i < base.size(); i++)
		g.insert(base[i].data(), i);
	std::printf("build: %.1f s, %.0f us a vector, entry level %d\n", now() - start,
				1e6 * (now() - start) / double(base.size()), g.entry.level);
	// Reachability and degrees.
	std::vector<uint8_t> seen(g.store.records, 0);
	std::vector<NodeId> stack = {g.entry.id};
	size_t reached = 0, base_records = 0, edges = 0, occluded = 0;
	auto number = [&](NodeId id) { return (layout.block_of(id) - 1) * layout.slots_per_page + layout.slot_of(id); };
	while (!stack.empty()) {
		NodeId id = stack.back();
		stack.pop_back();
		if (id == kNoNode || seen[number(id)]++)
			continue;
		ConstSlot s{g.store.record(id), &layout};
		reached += s.header().level == 0;
		stack.push_back(s.header().down);
		for (uint32_t e = 0; e < s.header().degree; e++)
			stack.push_back(s.ids()[e]);
	}
	for (uint32_t n = 0; n < g.store.records; n++) {
		ConstSlot s{g.store.record(g.store.id_of(n)), &layout};
		if (s.header().level || s.state() != RecordState::live)
			continue;
		base_records++;
		edges += s.header().degree;
		for (uint32_t e = 0; e < s.header().degree; e++)
			occluded += s.occluded(e);
	}
	std::printf("%zu of %zu reachable, mean degree %.1f, occluded %.1f\n", reached, base_records,
				double(edges) / double(base_records), double(occluded) / double(base_records));
	Search<MemStore> search;
	search.initialize(&g.store, &layout, &g.model, &g.arena);
	for (uint32_t ef : {10u, 16u, 24u, 32u, 48u, 64u, 100u, 160u, 250u}) {
		double best = 1e9;
		size_t found = 0, hops = 0;
		for (int round = 0; round < 3; round++) {
			found = 0;
			search.hops = 0;
			double t = now();
			for (size_t q = 0; q < query.size(); q++) {
				search.set_query(query[q].data());
				descend(search, g.entry.id, g.entry.level, 0);
				search.start(0, ef);
				search.enter_all();
				search.run();
				uint32_t k = std::min(10u, search.hits.size);
				std::partial_sort(search.hits.begin(), search.hits.begin() + k, search.hits.end(),
								  [](const Hit &a, const Hit &b) { return a.distance < b.distance; });
				for (uint32_t i = 0; i < k; i++)
					for (int j = 0; j < 10; j++)
						found += MemGraph::row_of(search.hits[i].tids[0]) == uint32_t(truth[q][size_t(j)]);
			}
			best = std::min(best, (now() - t) / double(query.size()));
			hops = search.hops;
		}
		std::printf("ef %3u  recall@10 %.4f  %6.1f us  %5.1f hops\n", ef, double(found) / double(query.size() * 10),
					best * 1e6, double(hops) / double(query.size()));
	}
}
