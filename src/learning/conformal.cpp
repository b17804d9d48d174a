// learning/conformal.cpp - conformal quantiles and intervals, adaptive levels, risk control.
#include "ruvector/learning/conformal.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "ruvector/error.hpp"

namespace ruvector::learning {

size_t conformal_rank(size_t n, double alpha) {
	if (std::isnan(alpha))
		throw Error(ErrorKind::invalid_argument, "alpha must be a number");
	// The small subtraction: 20 * (1 - 0.1) must not become 19 by rounding up 18.000000000000004.
	double rank = std::ceil((double(n) + 1) * (1 - alpha) - 1e-9);
	return rank < 1 ? 0 : rank > double(n) ? n + 1 : size_t(rank);
}

double conformal_quantile(const double *scores, size_t n, double alpha) {
	size_t rank = conformal_rank(n, alpha);
	for (size_t i = 0; i < n; i++)
		if (!std::isfinite(scores[i]))
			throw Error(ErrorKind::data_exception, "a conformal score is NaN or infinite");
	if (rank == 0)
		return 0;
	if (rank > n)
		return HUGE_VAL;
	std::vector<double> sorted(scores, scores + n);
	std::nth_element(sorted.begin(), sorted.begin() + ptrdiff_t(rank - 1), sorted.end());
	return sorted[rank - 1];
}

Interval conformal_interval(double predicted, const double *action_scores, size_t action_count,
							const double *all_scores, size_t all_count, double alpha, double low_bound,
							double high_bound) {
	bool by_action = alpha > 0 && double(action_count) >= std::ceil(1 / alpha - 1e-9) - 1 && action_count > 0;
	double q = by_action ? conformal_quantile(action_scores, action_count, alpha)
						 : conformal_quantile(all_scores, all_count, alpha);
	size_t n = by_action ? action_count : all_count;
	if (q == HUGE_VAL)
		return {low_bound, high_bound, false, by_action, n};
	return {predicted - q, predicted + q, true, by_action, n};
}

double adapt_alpha(double alpha, double target, bool covered, double rate) {
	return alpha + rate * (target - (covered ? 0 : 1));
}

size_t control_risk(const double *losses, size_t n, size_t settings, double alpha, double bound) {
	for (size_t j = 0; j < settings; j++) {
		double sum = bound;
		for (size_t i = 0; i < n; i++) {
			double loss = losses[i * settings + j];
			if (!(loss >= 0 && loss <= bound))
				throw Error(ErrorKind::data_exception, "a loss is not between 0 and its bound");
			sum += loss;
		}
		if (sum / (double(n) + 1) <= alpha)
			return j;
	}
	return settings;
}

} // namespace ruvector::learning
