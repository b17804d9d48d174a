// bench/lib/test/bench_lib_test.cpp - checks the measuring library itself: a wrong ruler makes every number wrong.
#include "exact.hpp"
#include "latency.hpp"
#include "pg.hpp"
#include "vecs.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

using namespace ruvector::bench;

namespace {

int tests = 0;
int failures = 0;

void check(bool good, const std::string &what) {
	tests++;
	failures += !good;
	std::printf("%sok %d - %s\n", good ? "" : "not ", tests, what.c_str());
}

Matrix random_matrix(std::size_t rows, std::size_t dims, unsigned seed, bool integers) {
	std::mt19937 random(seed);
	std::normal_distribution<float> normal;
	Matrix out(rows, dims);
	for (float &v : out.data)
		v = integers ? std::floor(3 * normal(random)) : normal(random);
	return out;
}

void test_exact(Metric metric, const char *name, std::size_t rows, std::size_t queries, std::size_t dims,
				bool integers) {
	const Matrix base = random_matrix(rows, dims, 1, integers);
	const Matrix asked = random_matrix(queries, dims, 2, integers);
	const std::size_t k = 10;
	const Neighbors fast = exact_neighbors(base, asked, k, metric, 3);
	bool same = true;
	std::vector<std::int64_t> found;
	for (std::size_t q = 0; q < queries; q++) {
		std::vector<std::pair<double, std::int32_t>> all;
		for (std::size_t i = 0; i < rows; i++)
			all.emplace_back(exact_distance(metric, asked.row(q), base.row(i), dims), static_cast<std::int32_t>(i));
		std::sort(all.begin(), all.end());
		for (std::size_t i = 0; i < k; i++) {
			same = same && all[i].second == fast.ids_of(q)[i] && all[i].first == fast.distances_of(q)[i];
			found.push_back(all[i].second);
		}
	}
	const std::string of =
		std::string(name) + " " + std::to_string(rows) + "x" + std::to_string(dims) + (integers ? " with ties" : "");
	check(same, "exact neighbours, " + of);
	check(recall(base, asked, fast, metric, found, k, k) == 1, "recall of the truth is 1, " + of);
	found[1] = found[0];
	const double one_less = 1 - 1.0 / static_cast<double>(queries * k);
	check(std::fabs(recall(base, asked, fast, metric, found, k, k) - one_less) < 1e-12,
		  "a row returned twice counts once, " + of);
}

} // namespace

int main() {
	for (const bool integers : {false, true}) {
		test_exact(Metric::kL2, "l2", 1000, 37, 19, integers);
		test_exact(Metric::kInnerProduct, "ip", 1001, 1, 64, integers);
		test_exact(Metric::kCosine, "cosine", 997, 300, 7, integers);
		test_exact(Metric::kL2, "l2", 10, 5, 3, integers);
	}

	check(half_to_float(0x3c00) == 1 && half_to_float(0xc000) == -2 && half_to_float(0x7bff) == 65504 &&
			  half_to_float(0x0001) == std::ldexp(1.0F, -24) && half_to_float(0x03ff) == std::ldexp(1023.0F, -24) &&
			  half_to_float(0x8000) == 0 && std::isinf(half_to_float(0x7c00)) && std::isnan(half_to_float(0x7e00)),
		  "half precision");

	std::vector<double> hundred;
	for (int i = 100; i > 0; i--)
		hundred.push_back(i);
	const Latency latency = summarize(hundred);
	check(latency.p50 == 50 && latency.p95 == 95 && latency.p99 == 99 && latency.min == 1 && latency.max == 100 &&
			  latency.mean == 50.5 && summarize({}).count == 0 && median({3, 1, 2, 4}) == 2.5,
		  "latency percentiles");

	char name[] = "/tmp/ruvector-lib-XXXXXX.fvecs";
	const int fd = mkstemps(name, 6);
	const Matrix some = random_matrix(17, 5, 3, false);
	write_fvecs(name, some);
	check(fd >= 0 && read_vectors(name).data == some.data && read_vectors(name, 4).rows == 4, "fvecs round trip");
	bool from_cache = true;
	const std::string cache = std::string(name) + ".exact";
	const Neighbors first = exact_neighbors_cached(cache, some, some, 2, Metric::kL2, 0, {}, &from_cache);
	check(!from_cache, "cache is made");
	const Neighbors second = exact_neighbors_cached(cache, some, some, 2, Metric::kL2, 0, {}, &from_cache);
	check(from_cache && first.ids == second.ids && first.distances == second.distances, "cache is used");
	exact_neighbors_cached(cache, some, some.head(3), 2, Metric::kL2, 0, {}, &from_cache);
	check(!from_cache, "cache of other vectors is not used");
	std::remove(cache.c_str());
	std::remove(name);

	std::vector<char> wire;
	const float two[] = {1.0F, -2.0F};
	append_vector(wire, two, 2);
	check(std::string(wire.begin(), wire.end()) == std::string("\0\2\0\0\x3f\x80\0\0\xc0\0\0\0", 12),
		  "binary form of a vector");

	std::printf("1..%d\n", tests);
	return failures != 0;
}
