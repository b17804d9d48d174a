// stats/effects.cpp - differences of means: tests, confidence sequences, shrinkage, pooling, many tests at once.
#include "ruvector/stats/effects.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ruvector/stats/distributions.hpp"

namespace ruvector::stats {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void check_prior(double prior_sd) {
	if (!(prior_sd > 0 && std::isfinite(prior_sd)))
		throw Error(ErrorKind::invalid_argument, "prior_sd must be positive");
}

void check_moments(const Moments &m) {
	if (m.n < 0)
		throw Error(ErrorKind::invalid_argument, "the number of values must not be negative");
	if (m.variance < 0)
		throw Error(ErrorKind::invalid_argument, "a variance must not be negative");
}

} // namespace

Moments moments(const double *values, size_t n) {
	if (n == 0)
		return {0, kNaN, kNaN};
	// Two passes: no cancellation, and the second also corrects the rounding of the mean.
	const double count = static_cast<double>(n);
	double mean = std::accumulate(values, values + n, 0.0) / count;
	double sum = 0, squares = 0;
	for (size_t i = 0; i < n; ++i) {
		sum += values[i] - mean;
		squares += (values[i] - mean) * (values[i] - mean);
	}
	return {static_cast<int64_t>(n), mean + sum / count, n < 2 ? kNaN : (squares - sum * sum / count) / (count - 1)};
}

WelchTest welch_test(const Moments &treatment, const Moments &control, double confidence_level) {
	check_level(confidence_level);
	check_moments(treatment);
	check_moments(control);
	WelchTest r{kNaN, kNaN, kNaN, kNaN, kNaN, {kNaN, kNaN}};
	if (treatment.n < 2 || control.n < 2)
		return r;
	const double n1 = static_cast<double>(treatment.n), n0 = static_cast<double>(control.n);
	const double v1 = treatment.variance / n1, v0 = control.variance / n0;
	r.uplift = treatment.mean - control.mean;
	r.se = std::sqrt(v1 + v0);
	if (!(r.se > 0))
		return r;
	// Shares instead of fourth powers: nothing overflows.
	const double s1 = v1 / (v1 + v0), s0 = v0 / (v1 + v0);
	r.df = 1 / (s1 * s1 / (n1 - 1) + s0 * s0 / (n0 - 1));
	r.t = r.uplift / r.se;
	r.p_value = student_two_sided(r.t, r.df);
	const double half = student_quantile(0.5 + confidence_level / 2, r.df) * r.se;
	r.interval = {r.uplift - half, r.uplift + half};
	return r;
}

SequentialTest sequential_test(double uplift, double se, double prior_sd, double confidence_level) {
	check_level(confidence_level);
	check_prior(prior_sd);
	if (se < 0)
		throw Error(ErrorKind::invalid_argument, "a standard error must not be negative");
	SequentialTest r{uplift, se, kNaN, kNaN, {kNaN, kNaN}, false};
	if (!(se > 0 && std::isfinite(se) && std::isfinite(uplift)))
		return r;
	const double v = se * se, prior = prior_sd * prior_sd;
	const double log_ratio = prior * uplift * uplift / (2 * v * (v + prior)) - 0.5 * std::log1p(prior / v);
	r.likelihood_ratio = std::exp(log_ratio);
	r.always_valid_p = std::min(1.0, std::exp(-log_ratio));
	const double half =
		std::sqrt(v * (v + prior) / prior * (std::log1p(prior / v) - 2 * std::log1p(-confidence_level)));
	r.sequence = {uplift - half, uplift + half};
	r.decided = r.sequence.low > 0 || r.sequence.high < 0;
	return r;
}

Shrunk shrink(double effect, double se, double prior_sd) {
	check_prior(prior_sd);
	if (se < 0)
		throw Error(ErrorKind::invalid_argument, "a standard error must not be negative");
	if (!(se > 0 && std::isfinite(effect)))
		return {kNaN, kNaN, kNaN};
	if (std::isinf(se))
		return {0, prior_sd, 0.5};
	const double ratio = se / prior_sd;
	const double weight = 1 / (1 + ratio * ratio); // prior / (prior + v)
	const double mean = effect * weight, sd = se / std::hypot(1, ratio);
	return {mean, sd, normal_cdf(std::fabs(mean) / sd)};
}

Pooled pool_effects(const double *effects, const double *ses, size_t n) {
	Pooled r{static_cast<int64_t>(n), kNaN, kNaN, kNaN, kNaN, kNaN, kNaN};
	double weights = 0, sum = 0, squares = 0;
	for (size_t i = 0; i < n; ++i) {
		if (!(ses[i] > 0 && std::isfinite(ses[i])))
			throw Error(ErrorKind::invalid_argument, "standard errors must be positive and finite");
		if (!std::isfinite(effects[i]))
			throw Error(ErrorKind::invalid_argument, "effects must be finite");
		const double w = 1 / (ses[i] * ses[i]);
		weights += w;
		squares += w * w;
		sum += w * effects[i];
	}
	if (n == 0)
		return r;
	r.effect = sum / weights;
	r.se = 1 / std::sqrt(weights);
	r.q = 0;
	for (size_t i = 0; i < n; ++i) {
		const double z = (effects[i] - r.effect) / ses[i];
		r.q += z * z;
	}
	if (n == 1) { // nothing to compare
		r.q = 0;
		r.i2 = r.tau2 = 0;
		return r;
	}
	const double df = static_cast<double>(n - 1);
	r.q_p_value = chi_squared_upper(r.q, df);
	r.i2 = r.q > df ? (r.q - df) / r.q : 0;
	r.tau2 = r.q > df ? (r.q - df) / (weights - squares / weights) : 0;
	return r;
}

std::vector<double> benjamini_hochberg(const double *p, size_t n) {
	std::vector<size_t> order;
	order.reserve(n);
	for (size_t i = 0; i < n; ++i) {
		if (std::isnan(p[i]))
			continue;
		if (p[i] < 0 || p[i] > 1)
			throw Error(ErrorKind::invalid_argument, "p-values must be between 0 and 1");
		order.push_back(i);
	}
	std::sort(order.begin(), order.end(), [p](size_t i, size_t j) { return p[i] < p[j]; });
	std::vector<double> q(n, kNaN);
	const double m = static_cast<double>(order.size());
	double smallest = 1;
	for (size_t rank = order.size(); rank > 0; --rank) {
		smallest = std::min(smallest, p[order[rank - 1]] * m / static_cast<double>(rank));
		q[order[rank - 1]] = smallest;
	}
	return q;
}

double e_value(double standardised_effect) {
	const double ratio = std::exp(0.91 * std::fabs(standardised_effect));
	return ratio + std::sqrt(ratio * (ratio - 1));
}

double correlation_p_value(double r, int64_t n) {
	if (r < -1 || r > 1)
		throw Error(ErrorKind::invalid_argument, "a correlation must be between -1 and 1");
	if (n < 4 || std::isnan(r))
		return kNaN;
	return std::erfc(std::fabs(std::atanh(r)) * std::sqrt(static_cast<double>(n - 3)) * M_SQRT1_2);
}

double conformal_quantile(const double *scores, size_t n, double alpha) {
	if (!(alpha > 0 && alpha < 1))
		throw Error(ErrorKind::invalid_argument, "alpha must be between 0 and 1, exclusive");
	for (size_t i = 0; i < n; ++i)
		if (std::isnan(scores[i]))
			throw Error(ErrorKind::invalid_argument, "scores must not be NaN");
	// n + 1 - floor((n + 1) alpha), where a product that is an integer but for rounding counts as that integer.
	const double count = static_cast<double>(n) + 1;
	const double rank =
		std::max(1.0, count - std::floor(count * alpha * (1 + 4 * std::numeric_limits<double>::epsilon())));
	if (rank > static_cast<double>(n))
		return std::numeric_limits<double>::infinity();
	std::vector<double> copy(scores, scores + n);
	const auto kth = copy.begin() + static_cast<ptrdiff_t>(rank) - 1;
	std::nth_element(copy.begin(), kth, copy.end());
	return *kth;
}

} // namespace ruvector::stats
