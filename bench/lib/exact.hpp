// bench/lib/exact.hpp - exact nearest neighbours, the truth that recall is measured against, and recall itself.
#ifndef RUVECTOR_BENCH_EXACT_HPP
#define RUVECTOR_BENCH_EXACT_HPP

#include "matrix.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ruvector::bench {

enum class Metric : std::uint32_t { kL2 = 0, kInnerProduct = 1, kCosine = 2 };

// The distance as SQL's operator gives it (<->, <#>, <=>), in double precision.
double exact_distance(Metric metric, const float *a, const float *b, std::size_t dims);

struct Neighbors {
	std::size_t queries = 0;
	std::size_t k = 0;
	std::vector<std::int32_t> ids; // queries * k, row numbers of the base, nearest first, ties by row number
	std::vector<double> distances; // the same order

	const std::int32_t *ids_of(std::size_t query) const { return ids.data() + query * k; }
	const double *distances_of(std::size_t query) const { return distances.data() + query * k; }
};

// Called from one thread at a time, now and then.
using ExactProgress = std::function<void(std::size_t done, std::size_t total)>;

// threads 0: as many as the machine has. Single precision finds candidates with a margin for its rounding, double
// precision decides; the answer is that of a full scan in double precision. rows < k throws std::invalid_argument.
Neighbors exact_neighbors(const Matrix &base, const Matrix &queries, std::size_t k, Metric metric, unsigned threads = 0,
						  const ExactProgress &progress = {});

// The same through a file: used if it was made from these very vectors (a checksum is in it), else made anew.
// *from_cache says which.
Neighbors exact_neighbors_cached(const std::string &cache, const Matrix &base, const Matrix &queries, std::size_t k,
								 Metric metric, unsigned threads = 0, const ExactProgress &progress = {},
								 bool *from_cache = nullptr);

// Mean over the queries of (found among the k nearest) / k. `found` has `width` ids per query, -1 where fewer were
// returned; its first k count. A row exactly as far as the k-th nearest is a hit (ties), the same row twice is one.
double recall(const Matrix &base, const Matrix &queries, const Neighbors &truth, Metric metric,
			  const std::vector<std::int64_t> &found, std::size_t width, std::size_t k);

} // namespace ruvector::bench

#endif
