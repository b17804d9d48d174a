// memory/mmr.hpp - diversity of search results: maximal marginal relevance (Carbonell & Goldstein 1998).
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace ruvector::memory {

// How alike two vectors are; larger is more alike.
enum class Similarity {
	cosine,        // -1 to 1; 0 with a vector of length zero
	inner_product, // any
	l2,            // 1 / (1 + distance), 0 to 1
	l1,
};

// "cosine", "ip", "l2" or "l1"; else Error(invalid_argument).
Similarity similarity_named(std::string_view name);

struct Selected {
	size_t index;
	double score;     // lambda * relevance - (1 - lambda) * largest similarity to what was chosen before
	double relevance; // similarity to the query
};

// The k best of `items` (all if there are fewer) in the order in which they are chosen. The first is the most relevant;
// ties go to relevance, then to the earlier item. O(k n dim): the largest similarity is kept, not computed again.
std::vector<Selected> mmr(const std::vector<const float *> &items, const float *query, size_t dim, size_t k,
						  double lambda, Similarity similarity, void (*poll)() = nullptr);

// Mean of 1 - similarity over all pairs; NaN with fewer than two items.
double diversity(const std::vector<const float *> &items, size_t dim, Similarity similarity, void (*poll)() = nullptr);

} // namespace ruvector::memory
