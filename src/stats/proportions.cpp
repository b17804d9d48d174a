// stats/proportions.cpp - success counts: intervals, comparison of two proportions, 2x2 tables.
#include "ruvector/stats/proportions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ruvector/stats/distributions.hpp"

namespace ruvector::stats {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

void check(Proportion p) {
	if (p.successes < 0 || p.trials < p.successes)
		throw Error(ErrorKind::invalid_argument, "successes must be between 0 and trials");
}

void check(Table t) {
	if (t.a < 0 || t.b < 0 || t.c < 0 || t.d < 0)
		throw Error(ErrorKind::invalid_argument, "counts of a table must not be negative");
}

// The distribution of `a` with the margins of a table fixed.
struct Hypergeometric {
	double row1, column1, row2; // a + b, a + c, c + d
	double low, high;           // support

	explicit Hypergeometric(Table t)
		: row1(static_cast<double>(t.a) + t.b), column1(static_cast<double>(t.a) + t.c),
		  row2(static_cast<double>(t.c) + t.d), low(std::max(0.0, column1 - row2)), high(std::min(row1, column1)) {}

	static double log_choose(double n, double k) {
		return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
	}
	double log_pmf(double x) const {
		return log_choose(row1, x) + log_choose(row2, column1 - x) - log_choose(row1 + row2, column1);
	}
	// pmf(x + 1) / pmf(x)
	double ratio_up(double x) const { return (row1 - x) * (column1 - x) / ((x + 1) * (row2 - column1 + x + 1)); }

	// P(X >= x), summed away from the mode so that the terms fall.
	double upper(double x) const {
		double term = 1, sum = 1;
		for (double y = x; y < high && term > sum * 1e-17; ++y)
			sum += term *= ratio_up(y);
		return std::exp(log_pmf(x)) * sum;
	}
	double lower(double x) const {
		double term = 1, sum = 1;
		for (double y = x; y > low && term > sum * 1e-17; --y)
			sum += term /= ratio_up(y - 1);
		return std::exp(log_pmf(x)) * sum;
	}
	double mode() const { return std::clamp(std::floor((row1 + 1) * (column1 + 1) / (row1 + row2 + 2)), low, high); }
};

} // namespace

Interval wilson_interval(Proportion p, double confidence_level) {
	check(p);
	check_level(confidence_level);
	if (p.trials == 0)
		return {0, 1};
	const double n = static_cast<double>(p.trials);
	const double mean = static_cast<double>(p.successes) / n;
	const double z = normal_quantile(0.5 + confidence_level / 2);
	const double centre = mean + z * z / (2 * n);
	const double half = z * std::sqrt(mean * (1 - mean) / n + z * z / (4 * n * n));
	const double scale = 1 + z * z / n;
	// The ends are exact where nothing, or everything, succeeded; rounding must not move them inside.
	return {p.successes == 0 ? 0 : std::max(0.0, (centre - half) / scale),
			p.successes == p.trials ? 1 : std::min(1.0, (centre + half) / scale)};
}

ProportionDifference newcombe_interval(Proportion p1, Proportion p0, double confidence_level) {
	const Interval w1 = wilson_interval(p1, confidence_level), w0 = wilson_interval(p0, confidence_level);
	if (p1.trials == 0 || p0.trials == 0)
		return {kNaN, {kNaN, kNaN}};
	const double m1 = static_cast<double>(p1.successes) / static_cast<double>(p1.trials);
	const double m0 = static_cast<double>(p0.successes) / static_cast<double>(p0.trials);
	const double d = m1 - m0;
	return {d, {d - std::hypot(m1 - w1.low, w0.high - m0), d + std::hypot(w1.high - m1, m0 - w0.low)}};
}

double beta_superiority(double a1, double b1, double a0, double b0) {
	for (double x : {a1, b1, a0, b0})
		if (!(x > 0 && std::isfinite(x)))
			throw Error(ErrorKind::invalid_argument, "parameters of a beta distribution must be positive");
	// P(X > Y) = E F_Y(X) = 1 - E F_X(Y): the expectation over the narrower one sees a smooth function. In y = logit(x)
	// the density is exp(a y) / (1 + e^y)^(a+b) up to a constant, without singularities and analytic in a strip of
	// half-width pi, so the trapezoidal rule converges exponentially.
	const double spread1 = 1 / a1 + 1 / b1, spread0 = 1 / a0 + 1 / b0;
	const bool swap = spread0 < spread1;
	const double a = swap ? a0 : a1, b = swap ? b0 : b1, other_a = swap ? a1 : a0, other_b = swap ? b1 : b0;
	const double mode = std::log(a / b);
	const double step = std::min(0.25, std::sqrt(std::min(spread0, spread1)) / 4);
	// Log density less its value at the mode; log(1 + e^y) without overflow.
	const auto log_density = [&](double y) {
		return a * y - (a + b) * (std::max(y, 0.0) + std::log1p(std::exp(-std::fabs(y))));
	};
	const double peak = log_density(mode);
	double total = 0, sum = 0;
	for (int direction : {-1, 1}) {
		for (int64_t i = direction == 1 ? 0 : 1;; ++i) {
			const double y = mode + direction * static_cast<double>(i) * step;
			const double weight = std::exp(log_density(y) - peak);
			if (weight < 1e-18)
				break;
			total += weight;
			sum += weight * beta_cdf(1 / (1 + std::exp(-y)), other_a, other_b);
		}
	}
	const double mean = sum / total;
	return swap ? 1 - mean : mean;
}

FisherTest fisher_exact(Table t) {
	check(t);
	const double ad = static_cast<double>(t.a) * t.d, bc = static_cast<double>(t.b) * t.c;
	FisherTest result;
	result.odds_ratio = ad / bc;

	const Hypergeometric h(t);
	const double x = static_cast<double>(t.a), mode = h.mode();
	const double at = std::exp(h.log_pmf(x));
	if (x >= mode) {
		result.p_greater = h.upper(x);
		result.p_less = std::min(1.0, 1 - result.p_greater + at);
	} else {
		result.p_less = h.lower(x);
		result.p_greater = std::min(1.0, 1 - result.p_less + at);
	}

	// The other tail starts at the first value beyond the mode that is no more probable; equal ones count despite rounding.
	const double limit = h.log_pmf(x) + 1e-7;
	double inside = mode, outside = x >= mode ? h.low - 1 : h.high + 1;
	while (std::fabs(outside - inside) > 1) {
		const double middle = std::floor((inside + outside) / 2);
		(h.log_pmf(middle) <= limit ? outside : inside) = middle;
	}
	double tails = x >= mode ? result.p_greater : result.p_less;
	if (h.log_pmf(mode) <= limit)
		tails = 1;
	else if (outside >= h.low && outside <= h.high)
		tails += x >= mode ? h.lower(outside) : h.upper(outside);
	result.p_value = std::min(1.0, tails);
	result.p_greater = std::min(1.0, result.p_greater);
	result.p_less = std::min(1.0, result.p_less);
	return result;
}

LikelihoodRatioTest log_likelihood_ratio(Table t) {
	check(t);
	const double a = static_cast<double>(t.a), b = static_cast<double>(t.b), c = static_cast<double>(t.c),
				 d = static_cast<double>(t.d), n = a + b + c + d;
	const auto cell = [n](double observed, double row, double column) {
		return observed == 0 ? 0 : observed * std::log(observed / row / column * n);
	};
	const double g2 =
		2 * (cell(a, a + b, a + c) + cell(b, a + b, b + d) + cell(c, c + d, a + c) + cell(d, c + d, b + d));
	const double positive = std::max(0.0, g2); // independence gives rounding noise around zero
	return {positive, chi_squared_upper(positive, 1)};
}

} // namespace ruvector::stats
