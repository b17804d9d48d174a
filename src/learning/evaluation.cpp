// learning/evaluation.cpp - off-policy evaluation by importance sampling and doubly robust estimates.
#include "ruvector/learning/evaluation.hpp"

#include <cmath>
#include <cstring>
#include <vector>

#include "learning/trajectory.hpp"
#include "ruvector/error.hpp"

namespace ruvector::learning {

namespace {

const char *const kNames[] = {"ips", "snips", "per-decision", "dr"};

// Of the normal distribution (Acklam's approximation, then one step of Halley's method).
double normal_quantile(double p) {
	double x;
	if (p < 0.02425 || p > 1 - 0.02425) {
		double q = std::sqrt(-2 * std::log(p < 0.5 ? p : 1 - p));
		x = (((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q - 2.549732539343734) *
				  q +
			  4.374664141464968) *
				 q +
			 2.938163982698783) /
			((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q + 3.754408661907416) *
				 q +
			 1);
		if (p > 0.5)
			x = -x;
	} else {
		double q = p - 0.5, r = q * q;
		x = (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r +
			   1.383577518672690e+02) *
				  r -
			  3.066479806614716e+01) *
				 r +
			 2.506628277459239) *
			q /
			(((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r +
			   6.680131188771972e+01) *
				  r -
			  1.328068155288572e+01) *
				 r +
			 1);
	}
	double e = 0.5 * std::erfc(-x / std::sqrt(2.0)) - p, u = e * 2.5066282746310002 * std::exp(x * x / 2);
	return x - u / (1 + x * u / 2);
}

// Student's, by Hill's expansion (CACM 396): good to some digits where an interval of weighted means is concerned.
double student_quantile(double p, double df) {
	double z = normal_quantile(p), z2 = z * z;
	if (df < 3) { // exact for 1 and 2, between them a mean of logarithms
		double one = std::tan(3.14159265358979 * (p - 0.5)), a = 2 * p - 1, two = a * std::sqrt(2 / (1 - a * a));
		if (df <= 1)
			return one;
		if (df <= 2)
			return std::exp((2 - df) * std::log(one) + (df - 1) * std::log(two));
	}
	double g1 = z * (z2 + 1) / 4, g2 = z * (5 * z2 * z2 + 16 * z2 + 3) / 96,
		   g3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384,
		   g4 = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
	return z + (g1 + (g2 + (g3 + g4 / df) / df) / df) / df;
}

} // namespace

const char *estimator_name(Estimator estimator) {
	return kNames[int(estimator)];
}

Estimator estimator_from_name(const char *name) {
	for (int i = 0; i < 4; i++)
		if (std::strcmp(name, kNames[i]) == 0)
			return Estimator(i);
	throw Error(ErrorKind::invalid_argument,
				std::string("unknown estimator \"") + name + "\"; there are ips, snips, per-decision, dr");
}

Evaluation evaluate(Estimator estimator, const EvaluationInput &in) {
	const Experience &e = in.log;
	e.check(in.shape);
	size_t actions = in.shape.actions;
	if (!in.target || (estimator == Estimator::dr && !in.values))
		throw Error(ErrorKind::invalid_argument, in.target ? "the doubly robust estimate needs action values"
														   : "there are no probabilities to evaluate");
	if (!(in.confidence > 0 && in.confidence < 1) || !(in.discount >= 0 && in.discount <= 1) || !(in.weight_clip >= 0))
		throw Error(ErrorKind::invalid_argument,
					"confidence must be between 0 and 1, discount from 0 to 1, and weight_clip not negative");
	for (size_t i = 0; i < e.count; i++) {
		double sum = 0;
		for (size_t a = 0; a < actions; a++) {
			double p = in.target[i * actions + a];
			if (!(p >= 0 && p <= 1 + 1e-9) ||
				(estimator == Estimator::dr && !std::isfinite(in.values[i * actions + a])))
				throw Error(ErrorKind::data_exception, "a target probability or action value is not a proper number");
			sum += p;
		}
		if (std::fabs(sum - 1) > 1e-6)
			throw Error(ErrorKind::data_exception, "the target's probabilities do not sum to 1");
	}

	Evaluation out{};
	out.rows = e.count;
	Trajectories t(e);
	// Per row: ratio, the product up to it, its trajectory's number.
	std::vector<double> before(e.count), upto(e.count);
	std::vector<size_t> number(e.count);
	std::vector<double> weight, value;
	for (size_t i = 0; i < e.count; i++) {
		bool first = t.previous[i] == kNone;
		bool unknown = !e.behaviour || std::isnan(e.behaviour[i]);
		out.unknown_behaviour += unknown;
		double ratio = in.target[i * actions + e.actions[i]] / (unknown ? 1.0 / double(actions) : e.behaviour[i]);
		if (in.weight_clip > 0)
			ratio = std::min(ratio, in.weight_clip);
		before[i] = first ? 1 : upto[t.previous[i]];
		upto[i] = before[i] * ratio;
		number[i] = first ? weight.size() : number[t.previous[i]];
		if (first) {
			weight.push_back(0);
			value.push_back(0);
		}
		double discount = std::pow(in.discount, double(t.time[i])), &sum = value[number[i]];
		weight[number[i]] = upto[i]; // at the end: of the whole trajectory
		switch (estimator) {
		case Estimator::ips:
		case Estimator::snips:
			sum += discount * e.rewards[i];
			break;
		case Estimator::per_decision:
			sum += discount * upto[i] * e.rewards[i];
			break;
		case Estimator::dr: {
			double v = 0;
			for (size_t a = 0; a < actions; a++)
				v += in.target[i * actions + a] * in.values[i * actions + a];
			sum += discount * (before[i] * v + upto[i] * (e.rewards[i] - in.values[i * actions + e.actions[i]]));
		}
		}
	}

	size_t n = weight.size();
	double sum = 0, squares = 0, largest = 0, total = 0;
	for (size_t k = 0; k < n; k++) {
		sum += weight[k];
		squares += weight[k] * weight[k];
		largest = std::max(largest, weight[k]);
		if (estimator == Estimator::ips || estimator == Estimator::snips)
			value[k] *= weight[k];
		total += value[k];
	}
	out.trajectories = n;
	out.effective_size = squares > 0 ? sum * sum / squares : 0;
	out.largest_weight = sum > 0 ? largest / sum : 0;
	double spread = 0;
	if (estimator == Estimator::snips) {
		out.value = sum > 0 ? total / sum : NAN;
		for (size_t k = 0; k < n; k++) // the delta method for a ratio
			spread += std::pow(value[k] - weight[k] * out.value, 2);
		out.se = std::sqrt(spread * double(n) / (double(n) - 1)) / sum;
	} else {
		out.value = total / double(n);
		for (size_t k = 0; k < n; k++)
			spread += std::pow(value[k] - out.value, 2);
		out.se = std::sqrt(spread / (double(n) - 1) / double(n));
	}
	if (n < 2 || !(sum > 0)) {
		out.se = HUGE_VAL;
		out.low = -HUGE_VAL;
		out.high = HUGE_VAL;
	} else {
		// As many degrees of freedom as there are trajectories that really count.
		double df = std::max(1.0, out.effective_size - 1);
		double half = student_quantile(0.5 + in.confidence / 2, df) * out.se;
		out.low = out.value - half;
		out.high = out.value + half;
	}
	return out;
}

} // namespace ruvector::learning
