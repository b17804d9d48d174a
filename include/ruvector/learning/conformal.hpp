// learning/conformal.hpp - intervals with a promise: split conformal prediction, its adaptive form, and risk control.
//
// A score tells how far a prediction, stored before the outcome was known, was off: |target - predicted|. If future
// scores are exchangeable with n past ones, the next is at most their ceil((n + 1)(1 - alpha))-th smallest with
// probability at least 1 - alpha (Vovk, Gammerman & Shafer 2005; Lei et al. 2018). Where that rank exceeds n nothing
// can be promised: infinity, uncalibrated.
#pragma once

#include <cstddef>

namespace ruvector::learning {

// The quantile of the scores (any order, finite). alpha <= 0: infinity; alpha >= 1: 0 (adaptive alpha may get there).
// n = 0: infinity.
double conformal_quantile(const double *scores, size_t n, double alpha);

// The rank, 1-based; 0: none (alpha >= 1), n + 1: beyond the end. For an index probe: OFFSET rank - 1.
size_t conformal_rank(size_t n, double alpha);

struct Interval {
	double low, high;
	bool calibrated; // false: low and high are the bounds that were given
	bool by_action;  // scores of the action alone (Mondrian); false: pooled
	size_t scores;   // used
};

// Around `predicted`. Scores of this action when there are enough of them, ceil(1 / alpha) - 1, else all of the session.
// Give the latest 500 of each (the window).
Interval conformal_interval(double predicted, const double *action_scores, size_t action_count,
							const double *all_scores, size_t all_count, double alpha, double low_bound,
							double high_bound);

// Adaptive conformal inference (Gibbs & Candes 2021): alpha of the next step, kept between steps. Under drift coverage
// still tends to 1 - target. A step without a calibrated interval changes nothing: do not call.
double adapt_alpha(double alpha, double target, bool covered, double rate = 0.02);

// Conformal risk control (Angelopoulos et al. 2022): losses[i * settings + j] in [0, bound] of n calibration queries at
// the j-th setting, settings sorted so that the expected loss falls with j. The first setting with
// (sum of losses + bound) / (n + 1) <= alpha; `settings` if none.
size_t control_risk(const double *losses, size_t n, size_t settings, double alpha, double bound = 1);

} // namespace ruvector::learning
