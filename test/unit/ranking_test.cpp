// Maximal marginal relevance against brute force, diversity, BM25.
#include "check.hpp"

#include <algorithm>
#include <limits>
#include <random>

#include "ruvector/error.hpp"
#include "ruvector/memory/bm25.hpp"
#include "ruvector/memory/mmr.hpp"

using namespace ruvector;
using namespace ruvector::memory;

static double reference_similarity(const float *a, const float *b, size_t dim, Similarity similarity) {
	double ip = 0, aa = 0, bb = 0, l2 = 0, l1 = 0;
	for (size_t i = 0; i < dim; ++i) {
		ip += double(a[i]) * b[i];
		aa += double(a[i]) * a[i];
		bb += double(b[i]) * b[i];
		l2 += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
		l1 += std::fabs(double(a[i]) - b[i]);
	}
	switch (similarity) {
	case Similarity::cosine:
		return aa * bb > 0 ? ip / std::sqrt(aa * bb) : 0;
	case Similarity::inner_product:
		return ip;
	case Similarity::l2:
		return 1 / (1 + std::sqrt(l2));
	default:
		return 1 / (1 + l1);
	}
}

struct Data {
	static constexpr size_t kDim = 24, kItems = 60;
	std::vector<float> values = std::vector<float>((kItems + 1) * kDim);
	std::vector<const float *> items;
	const float *query;

	explicit Data(unsigned seed) {
		std::mt19937 bits(seed);
		for (float &x : values)
			x = static_cast<float>(bits() % 2001) / 1000.0f - 1;
		for (size_t i = 0; i < kItems; ++i)
			items.push_back(values.data() + i * kDim);
		query = values.data() + kItems * kDim;
	}
};

static double intra_list_similarity(const Data &data, const std::vector<Selected> &list) {
	std::vector<const float *> chosen;
	for (const Selected &s : list)
		chosen.push_back(data.items[s.index]);
	return 1 - diversity(chosen, Data::kDim, Similarity::cosine);
}

TEST("mmr: equals brute force for every metric and lambda") {
	const Data data(1);
	for (Similarity similarity : {Similarity::cosine, Similarity::inner_product, Similarity::l2, Similarity::l1})
		for (double lambda : {0.0, 0.3, 0.5, 0.9, 1.0}) {
			const auto got = mmr(data.items, data.query, Data::kDim, 15, lambda, similarity);
			CHECK(got.size() == 15);
			std::vector<size_t> chosen;
			for (const Selected &s : got) {
				double best = -std::numeric_limits<double>::infinity(), best_relevance = 0;
				size_t best_index = 0;
				for (size_t i = 0; i < Data::kItems; ++i) {
					if (std::find(chosen.begin(), chosen.end(), i) != chosen.end())
						continue;
					double closest = chosen.empty() ? 0 : -std::numeric_limits<double>::infinity();
					for (size_t j : chosen)
						closest = std::max(closest,
										   reference_similarity(data.items[i], data.items[j], Data::kDim, similarity));
					const double relevance = reference_similarity(data.items[i], data.query, Data::kDim, similarity);
					const double score = lambda * relevance - (1 - lambda) * closest;
					if (score > best || (score == best && relevance > best_relevance)) {
						best = score;
						best_relevance = relevance;
						best_index = i;
					}
				}
				CHECK(s.index == best_index);
				CHECK_NEAR(s.score, best, 1e-5);
				CHECK_NEAR(s.relevance, best_relevance, 1e-5);
				chosen.push_back(s.index);
			}
		}
}

TEST("mmr: lambda = 1 is the order of relevance, and a smaller one makes the list more diverse") {
	double similarity[3] = {};
	for (unsigned seed = 0; seed < 20; ++seed) {
		const Data data(seed);
		const auto all = mmr(data.items, data.query, Data::kDim, 1000, 1, Similarity::cosine);
		CHECK(all.size() == Data::kItems);
		CHECK(std::is_sorted(all.begin(), all.end(), [](auto &a, auto &b) { return a.relevance > b.relevance; }));
		int i = 0;
		for (double lambda : {1.0, 0.5, 0.0}) {
			const auto list = mmr(data.items, data.query, Data::kDim, 10, lambda, Similarity::cosine);
			CHECK(list[0].index == all[0].index); // the most relevant comes first
			similarity[i++] += intra_list_similarity(data, list);
		}
	}
	CHECK(similarity[0] > similarity[1] && similarity[1] > similarity[2]);
}

TEST("mmr: a worked example; ties in the order of the input, zero vectors are like nothing") {
	const float a[] = {1, 0}, b[] = {0.9f, 0.1f}, c[] = {0, 1}, zero[] = {0, 0}, query[] = {1, 0.1f};
	const auto r = mmr({a, a, b, c, zero}, query, 2, 5, 0.5, Similarity::cosine);
	// b is nearest; a gains .0006, the zero vector nothing, a's duplicate -.0025, the irrelevant c -.0055.
	const size_t order[] = {2, 0, 4, 1, 3};
	for (size_t i = 0; i < 5; ++i)
		CHECK(r[i].index == order[i]);
	const auto same = mmr({a, a, a}, query, 2, 3, 0.5, Similarity::cosine);
	CHECK(same[0].index == 0 && same[1].index == 1 && same[2].index == 2);
	CHECK(mmr({}, query, 2, 3, 0.5, Similarity::cosine).empty());
	CHECK(mmr({a}, query, 2, 0, 0.5, Similarity::cosine).empty());
	for (double lambda : {-0.1, 1.1, std::nan("")}) {
		bool refused = false;
		try {
			mmr({a}, query, 2, 1, lambda, Similarity::cosine);
		} catch (const Error &) {
			refused = true;
		}
		CHECK(refused);
	}
}

TEST("diversity") {
	const float a[] = {1, 0}, b[] = {0, 1}, c[] = {-1, 0};
	CHECK_NEAR(diversity({a, a, a}, 2, Similarity::cosine), 0, 1e-6);
	CHECK_NEAR(diversity({a, b}, 2, Similarity::cosine), 1, 1e-6);
	CHECK_NEAR(diversity({a, b, c}, 2, Similarity::cosine), (1 + 1 + 2) / 3.0, 1e-6);
	CHECK_NEAR(diversity({a, c}, 2, Similarity::l2), 1 - 1 / 3.0, 1e-6);
	CHECK(std::isnan(diversity({a}, 2, Similarity::cosine)));
}

TEST("bm25") {
	// Three documents of 3, 5 and 4 terms; the term occurs twice in the first.
	const double idf = bm25_idf(3, 1);
	CHECK_NEAR(idf, std::log(1 + 2.5 / 1.5), 1e-12);
	CHECK(bm25_idf(3, 3) > 0);
	const Bm25 bm25{4};
	CHECK_NEAR(bm25.term(idf, 2, 3), idf * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 4.0)), 1e-12);
	CHECK(bm25.term(idf, 0, 3) == 0);
	CHECK(bm25.term(idf, 2, 3) > bm25.term(idf, 2, 5)); // longer documents count less
	CHECK(bm25.term(idf, 1000, 4) < idf * 2.2);         // repetition saturates
	CHECK((Bm25{4, 0, 0.75}.term(idf, 7, 9)) == idf);   // k1 = 0: presence
}
