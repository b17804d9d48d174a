// stats/aipw.hpp - the effect of a treatment that was not randomised: doubly robust estimation.
//
// Augmented inverse probability weighting (Robins, Rotnitzky & Zhao 1994) with cross-fitting (Chernozhukov et al. 2018):
// outcome and propensity are predicted for units that the models have not seen. The estimate is consistent if either
// model is right. It adjusts for the covariates it is given and for nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ruvector/stats/interval.hpp"

namespace ruvector::stats {

struct Units {
	size_t n;
	size_t columns;
	const bool *treated;      // n
	const double *outcome;    // n, finite
	const double *covariates; // n x columns, row-major, finite
	const int32_t *cluster;   // n labels, or nullptr: units are independent
};

enum class Estimand {
	all,     // the mean effect over all units (ATE)
	treated, // over the treated units (ATT): asks only that they resemble some of the others, not the other way round
};

struct AipwOptions {
	Estimand estimand = Estimand::all;
	int folds = 5;
	double clip = 0.05; // propensities are kept between clip and 1 - clip
	uint64_t seed = 0;  // of the folds
	double confidence_level = 0.95;
	void (*poll)() = nullptr;
};

struct Aipw {
	double ate; // average effect of the treatment, on the units that the estimand names
	double se;  // robust to dependence inside clusters if there are any
	Interval interval;
	double p_value;
	int64_t n;
	int64_t n_treated;
	double ess; // effective sample size of the weights (Kish); for Estimand::treated that of the untreated units
	double min_propensity, max_propensity;     // before clipping
	double naive;                              // difference of the means of the arms
	double e_value;                            // of ate in standard deviations within the arms
	std::vector<double> smd_before, smd_after; // per column: standardised mean difference without and with weights
};

// Throws Error(invalid_argument) where the data cannot carry it: every arm needs two units a fold, and with clusters
// every fold must leave two units of each arm to the others.
Aipw aipw(const Units &units, const AipwOptions &options);

} // namespace ruvector::stats
