// memory/mmr.cpp - diversity of search results: maximal marginal relevance.
#include "ruvector/memory/mmr.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "ruvector/error.hpp"
#include "ruvector/simd/kernels.hpp"

namespace ruvector::memory {

namespace {

// Similarities between vectors whose norms are known (used by cosine only).
class Measure {
public:
	Measure(Similarity similarity, size_t dim) : similarity_(similarity), dim_(dim), kernels_(simd::kernels) {}

	double norm(const float *x) const {
		return similarity_ == Similarity::cosine ? std::sqrt(static_cast<double>(kernels_->ip_f32(x, x, dim_))) : 0;
	}
	double operator()(const float *a, double norm_a, const float *b, double norm_b) const {
		switch (similarity_) {
		case Similarity::cosine: {
			const double norms = norm_a * norm_b;
			return norms > 0 ? std::clamp(kernels_->ip_f32(a, b, dim_) / norms, -1.0, 1.0) : 0;
		}
		case Similarity::inner_product:
			return kernels_->ip_f32(a, b, dim_);
		case Similarity::l2:
			return 1 / (1 + std::sqrt(static_cast<double>(kernels_->l2sq_f32(a, b, dim_))));
		case Similarity::l1:
			return 1 / (1 + static_cast<double>(kernels_->l1_f32(a, b, dim_)));
		}
		return 0;
	}

private:
	Similarity similarity_;
	size_t dim_;
	const simd::KernelTable *kernels_;
};

std::vector<double> norms_of(const std::vector<const float *> &items, const Measure &measure) {
	std::vector<double> norms;
	norms.reserve(items.size());
	for (const float *x : items)
		norms.push_back(measure.norm(x));
	return norms;
}

} // namespace

Similarity similarity_named(std::string_view name) {
	if (name == "cosine")
		return Similarity::cosine;
	if (name == "ip")
		return Similarity::inner_product;
	if (name == "l2")
		return Similarity::l2;
	if (name == "l1")
		return Similarity::l1;
	throw Error(ErrorKind::invalid_argument,
				"unknown metric \"" + std::string(name) + "\": it must be cosine, ip, l2 or l1");
}

std::vector<Selected> mmr(const std::vector<const float *> &items, const float *query, size_t dim, size_t k,
						  double lambda, Similarity similarity, void (*poll)()) {
	if (!(lambda >= 0 && lambda <= 1))
		throw Error(ErrorKind::invalid_argument, "lambda must be between 0 and 1");
	const Measure measure(similarity, dim);
	const std::vector<double> norms = norms_of(items, measure);
	const double query_norm = measure.norm(query);

	struct Candidate {
		size_t index;
		double relevance;
		double closest; // similarity to the chosen one that is most alike
	};
	std::vector<Candidate> candidates;
	candidates.reserve(items.size());
	for (size_t i = 0; i < items.size(); ++i)
		candidates.push_back({i, measure(items[i], norms[i], query, query_norm), 0});

	std::vector<Selected> chosen;
	k = std::min(k, items.size());
	chosen.reserve(k);
	while (chosen.size() < k) {
		if (poll != nullptr)
			poll();
		const auto score = [lambda](const Candidate &c) { return lambda * c.relevance - (1 - lambda) * c.closest; };
		size_t best = 0;
		double best_score = score(candidates[0]);
		for (size_t i = 1; i < candidates.size(); ++i) {
			const double s = score(candidates[i]);
			if (s > best_score || (s == best_score && candidates[i].relevance > candidates[best].relevance)) {
				best = i;
				best_score = s;
			}
		}
		const Candidate taken = candidates[best];
		chosen.push_back({taken.index, best_score, taken.relevance});
		// Keeps the order, which decides ties.
		candidates.erase(candidates.begin() + static_cast<ptrdiff_t>(best));
		const bool first = chosen.size() == 1;
		for (Candidate &c : candidates) {
			const double s = measure(items[c.index], norms[c.index], items[taken.index], norms[taken.index]);
			c.closest = first ? s : std::max(c.closest, s);
		}
	}
	return chosen;
}

double diversity(const std::vector<const float *> &items, size_t dim, Similarity similarity, void (*poll)()) {
	if (items.size() < 2)
		return std::numeric_limits<double>::quiet_NaN();
	const Measure measure(similarity, dim);
	const std::vector<double> norms = norms_of(items, measure);
	double sum = 0;
	for (size_t i = 0; i < items.size(); ++i) {
		if (poll != nullptr)
			poll();
		for (size_t j = 0; j < i; ++j)
			sum += measure(items[i], norms[i], items[j], norms[j]);
	}
	const double n = static_cast<double>(items.size());
	return 1 - sum / (n * (n - 1) / 2);
}

} // namespace ruvector::memory
