// stats/aipw.cpp - doubly robust estimation of a treatment effect with cross-fitting.
#include "ruvector/stats/aipw.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <unordered_map>

#include "ruvector/stats/distributions.hpp"
#include "ruvector/stats/effects.hpp"
#include "stats/ridge.hpp"

namespace ruvector::stats {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Clusters {
	std::vector<size_t> of_unit; // 0, 1, ... in order of appearance
	size_t count;
};

Clusters number_clusters(const Units &units) {
	Clusters clusters;
	clusters.of_unit.resize(units.n);
	std::unordered_map<int32_t, size_t> numbers;
	for (size_t i = 0; i < units.n; ++i)
		clusters.of_unit[i] =
			units.cluster == nullptr ? i : numbers.emplace(units.cluster[i], numbers.size()).first->second;
	clusters.count = units.cluster == nullptr ? units.n : numbers.size();
	return clusters;
}

// Deals whole clusters to folds, those with the most treated units first, so that the arms are spread evenly.
std::vector<int> deal_folds(const Units &units, const Clusters &clusters, const AipwOptions &options) {
	struct Count {
		size_t treated = 0, control = 0;
	};
	std::vector<Count> counts(clusters.count);
	for (size_t i = 0; i < units.n; ++i) {
		Count &c = counts[clusters.of_unit[i]];
		++(units.treated[i] ? c.treated : c.control);
	}
	std::vector<size_t> order(clusters.count);
	std::iota(order.begin(), order.end(), size_t{0});
	// Not std::shuffle: its result is up to the library, and the same seed should give the same estimate everywhere.
	std::mt19937_64 bits(options.seed);
	for (size_t i = order.size(); i > 1; --i)
		std::swap(order[i - 1], order[bits() % i]);
	std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
		return counts[a].treated != counts[b].treated ? counts[a].treated > counts[b].treated
													  : counts[a].control > counts[b].control;
	});
	std::vector<int> fold_of_cluster(clusters.count);
	for (size_t i = 0; i < order.size(); ++i)
		fold_of_cluster[order[i]] = static_cast<int>(i % static_cast<size_t>(options.folds));
	std::vector<int> folds(units.n);
	for (size_t i = 0; i < units.n; ++i)
		folds[i] = fold_of_cluster[clusters.of_unit[i]];
	return folds;
}

struct Predictions {
	Eigen::VectorXd outcome1, outcome0, propensity;
};

// Each unit predicted by models of the other folds.
Predictions cross_fit(const Units &units, const Eigen::MatrixXd &x, const std::vector<int> &folds,
					  const AipwOptions &options) {
	const Eigen::Index n = x.rows();
	Predictions p{Eigen::VectorXd(n), Eigen::VectorXd(n), Eigen::VectorXd(n)};
	for (int fold = 0; fold < options.folds; ++fold) {
		std::vector<Eigen::Index> arms[2], all;
		for (Eigen::Index i = 0; i < n; ++i)
			if (folds[static_cast<size_t>(i)] != fold) {
				arms[units.treated[i]].push_back(i);
				all.push_back(i);
			}
		if (arms[0].size() < 2 || arms[1].size() < 2)
			throw Error(ErrorKind::invalid_argument, "too few clusters: without one fold there are fewer than two " +
														 std::string(arms[1].size() < 2 ? "treated" : "untreated") +
														 " units");
		const auto fit_arm = [&](const std::vector<Eigen::Index> &rows) {
			Eigen::VectorXd y(static_cast<Eigen::Index>(rows.size()));
			for (size_t i = 0; i < rows.size(); ++i)
				y[static_cast<Eigen::Index>(i)] = units.outcome[rows[i]];
			return fit_ridge(x(rows, Eigen::seqN(0, x.cols())), y);
		};
		Eigen::VectorXd a(static_cast<Eigen::Index>(all.size()));
		for (size_t i = 0; i < all.size(); ++i)
			a[static_cast<Eigen::Index>(i)] = units.treated[all[i]];

		if (options.poll != nullptr)
			options.poll();
		const LinearModel outcome1 = fit_arm(arms[1]), outcome0 = fit_arm(arms[0]);
		const LinearModel log_odds = fit_logistic(x(all, Eigen::seqN(0, x.cols())), a, options.poll);
		for (Eigen::Index i = 0; i < n; ++i)
			if (folds[static_cast<size_t>(i)] == fold) {
				p.outcome1[i] = outcome1.predict(x.row(i));
				p.outcome0[i] = outcome0.predict(x.row(i));
				p.propensity[i] = 1 / (1 + std::exp(-log_odds.predict(x.row(i))));
			}
	}
	return p;
}

// Standardised mean difference between the weighted arms; `scale` is the standard deviation to divide by.
double mean_difference(const Units &units, const Eigen::VectorXd &weights, const Eigen::VectorXd &x, double scale) {
	double sums[2] = {}, totals[2] = {};
	for (Eigen::Index i = 0; i < x.size(); ++i) {
		sums[units.treated[i]] += weights[i] * x[i];
		totals[units.treated[i]] += weights[i];
	}
	return scale > 0 ? (sums[1] / totals[1] - sums[0] / totals[0]) / scale : kNaN;
}

// Root of the mean of the variances of a column in the arms.
double scale_within(const Units &units, const Eigen::VectorXd &x) {
	std::vector<double> arms[2];
	for (Eigen::Index i = 0; i < x.size(); ++i)
		arms[units.treated[i]].push_back(x[i]);
	return std::sqrt(
		(moments(arms[0].data(), arms[0].size()).variance + moments(arms[1].data(), arms[1].size()).variance) / 2);
}

} // namespace

Aipw aipw(const Units &units, const AipwOptions &options) {
	check_level(options.confidence_level);
	if (options.folds < 2)
		throw Error(ErrorKind::invalid_argument, "folds must be at least 2");
	if (!(options.clip > 0 && options.clip < 0.5))
		throw Error(ErrorKind::invalid_argument, "propensity_clip must be between 0 and 0.5, exclusive");
	const size_t n = units.n;
	std::vector<double> arm_outcomes[2];
	for (size_t i = 0; i < n; ++i)
		arm_outcomes[units.treated[i]].push_back(units.outcome[i]);
	for (const auto &arm : arm_outcomes)
		if (arm.size() < 2 * static_cast<size_t>(options.folds))
			throw Error(ErrorKind::invalid_argument,
						"too few " + std::string(&arm == &arm_outcomes[1] ? "treated" : "untreated") +
							" units: " + std::to_string(arm.size()) + ", and two are needed for each of the " +
							std::to_string(options.folds) + " folds");
	const Clusters clusters = number_clusters(units);
	if (clusters.count < static_cast<size_t>(options.folds))
		throw Error(ErrorKind::invalid_argument, "there are fewer clusters than folds");

	// Standardised columns: one scale for the penalties. A constant column says nothing and becomes zero.
	const auto rows = static_cast<Eigen::Index>(n), columns = static_cast<Eigen::Index>(units.columns);
	using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
	Eigen::MatrixXd x = Eigen::Map<const RowMajor>(units.covariates, rows, columns);
	for (Eigen::Index c = 0; c < columns; ++c) {
		const double largest = x.col(c).cwiseAbs().maxCoeff();
		x.col(c).array() -= x.col(c).mean();
		const double sd = std::sqrt(x.col(c).squaredNorm() / static_cast<double>(n));
		if (sd > 1e-12 * largest)
			x.col(c) /= sd;
		else
			x.col(c).setZero();
	}

	const Predictions p = cross_fit(units, x, deal_folds(units, clusters, options), options);

	Aipw r;
	r.n = static_cast<int64_t>(n);
	r.n_treated = static_cast<int64_t>(arm_outcomes[1].size());
	r.min_propensity = p.propensity.minCoeff();
	r.max_propensity = p.propensity.maxCoeff();
	const bool on_treated = options.estimand == Estimand::treated;
	Eigen::VectorXd score(rows), weights(rows), share(rows); // the estimate is sum of score / sum of share
	for (Eigen::Index i = 0; i < rows; ++i) {
		const bool a = units.treated[i];
		const double y = units.outcome[i];
		const double e = std::clamp(p.propensity[i], on_treated ? 0.0 : options.clip, 1 - options.clip);
		if (on_treated) {
			weights[i] = a ? 1 : e / (1 - e);
			score[i] = (a ? 1 : -weights[i]) * (y - p.outcome0[i]);
			share[i] = a;
		} else {
			weights[i] = a ? 1 / e : 1 / (1 - e);
			score[i] = p.outcome1[i] - p.outcome0[i] + (a ? y - p.outcome1[i] : p.outcome0[i] - y) * weights[i];
			share[i] = 1;
		}
	}
	r.ate = score.sum() / share.sum();
	double weight_sum = 0, weight_squares = 0;
	for (Eigen::Index i = 0; i < rows; ++i)
		if (!on_treated || !units.treated[i]) {
			weight_sum += weights[i];
			weight_squares += weights[i] * weights[i];
		}
	r.ess = weight_sum * weight_sum / weight_squares;

	// The variance of a ratio of sums over independent clusters, or single units.
	std::vector<double> sums(clusters.count, 0.0);
	for (size_t i = 0; i < n; ++i) {
		const auto row = static_cast<Eigen::Index>(i);
		sums[clusters.of_unit[i]] += score[row] - share[row] * r.ate;
	}
	double squares = 0;
	for (double s : sums)
		squares += s * s;
	const double groups = static_cast<double>(clusters.count);
	r.se = std::sqrt(squares * groups / (groups - 1)) / share.sum();
	r.p_value = kNaN;
	r.interval = {kNaN, kNaN};
	if (r.se > 0) {
		const double half = student_quantile(0.5 + options.confidence_level / 2, groups - 1) * r.se;
		r.interval = {r.ate - half, r.ate + half};
		r.p_value = student_two_sided(r.ate / r.se, groups - 1);
	}

	const Moments treated = moments(arm_outcomes[1].data(), arm_outcomes[1].size());
	const Moments control = moments(arm_outcomes[0].data(), arm_outcomes[0].size());
	r.naive = treated.mean - control.mean;
	const double sd = std::sqrt((treated.variance * static_cast<double>(treated.n - 1) +
								 control.variance * static_cast<double>(control.n - 1)) /
								static_cast<double>(treated.n + control.n - 2));
	r.e_value = sd > 0 ? e_value(r.ate / sd) : kNaN;

	const Eigen::VectorXd ones = Eigen::VectorXd::Ones(rows);
	for (Eigen::Index c = 0; c < columns; ++c) {
		const double scale = scale_within(units, x.col(c));
		r.smd_before.push_back(mean_difference(units, ones, x.col(c), scale));
		r.smd_after.push_back(mean_difference(units, weights, x.col(c), scale));
	}
	return r;
}

} // namespace ruvector::stats
