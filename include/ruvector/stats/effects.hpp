// stats/effects.hpp - differences of means: tests, confidence sequences, shrinkage, pooling, many tests at once.
//
// What the data cannot tell is NaN: fewer than two values in an arm, or a standard error of zero (constant arms say
// nothing about uncertainty).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ruvector/stats/interval.hpp"

namespace ruvector::stats {

struct Moments {
	int64_t n;
	double mean;     // NaN if n = 0
	double variance; // with n - 1; NaN if n < 2
};

Moments moments(const double *values, size_t n);

struct WelchTest {
	double uplift; // mean of the treatment less that of the control
	double se;
	double df;
	double t;
	double p_value; // two-sided
	Interval interval;
};

// Unequal variances (Welch 1947).
WelchTest welch_test(const Moments &treatment, const Moments &control, double confidence_level);

struct SequentialTest {
	double uplift;
	double se;
	double likelihood_ratio; // of the mixture against no effect
	double always_valid_p;   // at this look; the smallest over all looks so far is valid at any stopping time
	Interval sequence;       // confidence sequence: covers at all looks at once
	bool decided;            // the sequence excludes zero
};

// Mixture sequential probability ratio test (Robbins 1970; Johari, Pekelis & Walsh 2022). The mixture over effects is
// N(0, prior_sd^2): the size of effects that should be found soonest; any positive value is valid.
SequentialTest sequential_test(double uplift, double se, double prior_sd, double confidence_level);

struct Shrunk {
	double mean;
	double sd;
	double confidence; // posterior probability that the effect has the sign of its mean, 0.5 to 1
};

// Posterior of an effect with the prior N(0, prior_sd^2).
Shrunk shrink(double effect, double se, double prior_sd);

struct Pooled {
	int64_t n;
	double effect; // NaN if n = 0
	double se;
	double q; // Cochran's Q, chi-squared with n - 1 degrees of freedom if the effects are the same
	double q_p_value;
	double i2;   // share of the variation that is between the effects, 0 to 1
	double tau2; // variance between the effects (DerSimonian & Laird 1986)
};

// Inverse-variance weighting. Standard errors must be positive.
Pooled pool_effects(const double *effects, const double *ses, size_t n);

// q-values (Benjamini & Hochberg 1995), in the order of p. NaN entries are not tests: they stay NaN and are not counted.
std::vector<double> benjamini_hochberg(const double *p, size_t n);

// E-value of a standardised mean difference (VanderWeele & Ding 2017): how strongly, as a risk ratio, an unmeasured
// confounder would have to go with both treatment and outcome to explain the effect away. 1 = nothing is needed.
double e_value(double standardised_effect);

// Two-sided p-value of a correlation of n pairs by Fisher's z; NaN if n < 4.
double correlation_p_value(double r, int64_t n);

// The ceil((n + 1)(1 - alpha))-th smallest score: an upper bound for a new exchangeable score with probability 1 - alpha
// at least (split conformal prediction). Infinite if that rank exceeds n.
double conformal_quantile(const double *scores, size_t n, double alpha);

} // namespace ruvector::stats
