// learning/evaluation.hpp - off-policy evaluation: what would another policy have earned, judged from a log?
//
// The unit is a trajectory: estimates are means over trajectories of the discounted return, intervals come from their
// spread. A bandit is trajectories of one step. The target policy is given by its probabilities on the logged states
// (Policy::act(...).probability with the query's `explore` of choice).
#pragma once

#include "ruvector/learning/experience.hpp"

namespace ruvector::learning {

enum class Estimator {
	ips,          // the return, weighted with the product of the ratios (Precup, Sutton & Singh 2000)
	snips,        // the same, divided by the mean weight (Swaminathan & Joachims 2015); biased, far less variance
	per_decision, // each reward weighted with the ratios up to it
	dr,           // per-decision doubly robust (Jiang & Li 2016; bandit: Dudik, Langford & Li 2011); needs values
};

const char *estimator_name(Estimator estimator); // "ips", "snips", "per-decision", "dr"
Estimator estimator_from_name(const char *name); // unknown: invalid_argument

struct EvaluationInput {
	Experience log;
	Shape shape;
	const double *target = nullptr; // count * actions: probabilities of the target policy in each logged state
	const double *values = nullptr; // count * actions: estimated action values of the target policy there; dr only.
									// Fitted on other data than the log, or the interval is too narrow
	double discount = 0.99;
	double weight_clip = 0;   // > 0: ratios of single steps are cut there (biased, less variance); 0: not
	double confidence = 0.95; // of the interval, in (0, 1)
};

struct Evaluation {
	double value, se, low, high;
	double effective_size; // (sum w)^2 / sum w^2 of the trajectories' weights (Kong 1992)
	double largest_weight; // its share of the sum
	size_t trajectories, rows;
	size_t unknown_behaviour; // rows without a behaviour probability: 1 / actions was assumed
};

// Throws as Experience::check; data_exception when target's rows do not sum to 1 or hold something that is no
// probability. One trajectory: se and interval are infinite.
Evaluation evaluate(Estimator estimator, const EvaluationInput &input);

} // namespace ruvector::learning
