// stats/proportions.hpp - success counts: intervals, comparison of two proportions, 2x2 tables.
//
// Counts are successes of trials, 0 <= successes <= trials, else Error(invalid_argument).
#pragma once

#include <cstdint>

#include "ruvector/stats/interval.hpp"

namespace ruvector::stats {

struct Proportion {
	int64_t successes;
	int64_t trials;
};

// Wilson's score interval (Wilson 1927); no trials: (0, 1).
Interval wilson_interval(Proportion p, double confidence_level);

struct ProportionDifference {
	double difference; // NaN, as the interval, without trials in either
	Interval interval;
};

// p1 - p0 with the hybrid score interval (Newcombe 1998, method 10).
ProportionDifference newcombe_interval(Proportion p1, Proportion p0, double confidence_level);

// P(X > Y) of independent X ~ Beta(a1, b1) and Y ~ Beta(a0, b0); absolute error below 1e-12.
double beta_superiority(double a1, double b1, double a0, double b0);

// The table   a b    for instance: a of a + b successes contain the pattern, c of c + d failures do.
//             c d
struct Table {
	int64_t a, b, c, d;
};

struct FisherTest {
	double odds_ratio; // of the sample, ad / bc; infinite if bc = 0, NaN if ad = 0 as well
	double p_value;    // two-sided: all tables with these margins that are no more probable than this one
	double p_greater;  // of as large an `a` or larger
	double p_less;
};

FisherTest fisher_exact(Table table);

struct LikelihoodRatioTest {
	double g2; // 2 sum O ln(O / E)
	double p_value;
};

// Dunning's log-likelihood ratio (1993); chi-squared with one degree of freedom.
LikelihoodRatioTest log_likelihood_ratio(Table table);

} // namespace ruvector::stats
