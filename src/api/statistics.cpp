// api/statistics.cpp - the functions of the room stats in SQL (sql/parts/50_statistics.sql).
#include <vector>

#include "api/arguments.hpp"
#include "ruvector/pg/boundary.hpp"
#include "ruvector/stats/distributions.hpp"
#include "ruvector/stats/effects.hpp"
#include "ruvector/stats/proportions.hpp"

using namespace ruvector;
using api::Row;

namespace {

stats::Proportion proportion_arg(FunctionCallInfo fcinfo, int first) {
	return {PG_GETARG_INT64(first), PG_GETARG_INT64(first + 1)};
}

stats::Table table_arg(FunctionCallInfo fcinfo) {
	return {PG_GETARG_INT64(0), PG_GETARG_INT64(1), PG_GETARG_INT64(2), PG_GETARG_INT64(3)};
}

stats::Moments moments_of(Datum array, const char *name) {
	const auto values = api::finite_array_arg(array, name);
	return stats::moments(values.data, values.size);
}

// n, mean and variance of an arm; the last two are NULL where an aggregate over too few rows gave no value.
stats::Moments moments_arg(FunctionCallInfo fcinfo, int first) {
	const int64 n = PG_ARGISNULL(first) ? 0 : PG_GETARG_INT64(first);
	const bool known = n >= 2 && !PG_ARGISNULL(first + 1) && !PG_ARGISNULL(first + 2);
	if (!known)
		return {n < 0 ? n : 0, NAN, NAN};
	return {n, PG_GETARG_FLOAT8(first + 1), PG_GETARG_FLOAT8(first + 2)};
}

Datum welch_row(FunctionCallInfo fcinfo, const stats::Moments &treatment, const stats::Moments &control, double level) {
	const stats::WelchTest r = stats::welch_test(treatment, control, level);
	return Row()
		.add(r.uplift)
		.add(r.se)
		.add(r.df)
		.add(r.t)
		.add(r.p_value)
		.add(r.interval.low)
		.add(r.interval.high)
		.build(fcinfo);
}

Datum sequential_row(FunctionCallInfo fcinfo, double uplift, double se, double prior_sd, double level) {
	const stats::SequentialTest r = stats::sequential_test(uplift, se, prior_sd, level);
	return Row()
		.add(r.uplift)
		.add(r.se)
		.add(r.likelihood_ratio)
		.add(r.always_valid_p)
		.add(r.sequence.low)
		.add(r.sequence.high)
		.add(r.decided)
		.build(fcinfo);
}

} // namespace

RV_FUNCTION(ruvector_normal_cdf) {
	PG_RETURN_FLOAT8(stats::normal_cdf(PG_GETARG_FLOAT8(0)));
}

RV_FUNCTION(ruvector_normal_quantile) {
	PG_RETURN_FLOAT8(stats::normal_quantile(PG_GETARG_FLOAT8(0)));
}

RV_FUNCTION(ruvector_student_quantile) {
	PG_RETURN_FLOAT8(stats::student_quantile(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1)));
}

RV_FUNCTION(ruvector_beta_quantile) {
	PG_RETURN_FLOAT8(stats::beta_quantile(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2)));
}

RV_FUNCTION(ruvector_wilson_interval) {
	const stats::Interval r = stats::wilson_interval(proportion_arg(fcinfo, 0), PG_GETARG_FLOAT8(2));
	return Row().add(r.low).add(r.high).build(fcinfo);
}

RV_FUNCTION(ruvector_newcombe_interval) {
	const auto r = stats::newcombe_interval(proportion_arg(fcinfo, 0), proportion_arg(fcinfo, 2), PG_GETARG_FLOAT8(4));
	return Row().add(r.difference).add(r.interval.low).add(r.interval.high).build(fcinfo);
}

RV_FUNCTION(ruvector_beta_superiority) {
	PG_RETURN_FLOAT8(
		stats::beta_superiority(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3)));
}

RV_FUNCTION(ruvector_fisher_exact) {
	const stats::FisherTest r = stats::fisher_exact(table_arg(fcinfo));
	return Row().add(r.odds_ratio).add(r.p_value).add(r.p_greater).add(r.p_less).build(fcinfo);
}

RV_FUNCTION(ruvector_log_likelihood_ratio) {
	const stats::LikelihoodRatioTest r = stats::log_likelihood_ratio(table_arg(fcinfo));
	return Row().add(r.g2).add(r.p_value).build(fcinfo);
}

RV_FUNCTION(ruvector_welch_test) {
	return welch_row(fcinfo, moments_of(PG_GETARG_DATUM(0), "treatment"), moments_of(PG_GETARG_DATUM(1), "control"),
					 PG_GETARG_FLOAT8(2));
}

// Not strict: a group without rows has no mean.
RV_FUNCTION(ruvector_welch_test_moments) {
	if (PG_ARGISNULL(6))
		PG_RETURN_NULL();
	return welch_row(fcinfo, moments_arg(fcinfo, 0), moments_arg(fcinfo, 3), PG_GETARG_FLOAT8(6));
}

RV_FUNCTION(ruvector_sequential_test) {
	return sequential_row(fcinfo, PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3));
}

RV_FUNCTION(ruvector_sequential_test_moments) {
	if (PG_ARGISNULL(6) || PG_ARGISNULL(7))
		PG_RETURN_NULL();
	const stats::WelchTest arms = stats::welch_test(moments_arg(fcinfo, 0), moments_arg(fcinfo, 3), 0.95);
	return sequential_row(fcinfo, arms.uplift, arms.se, PG_GETARG_FLOAT8(6), PG_GETARG_FLOAT8(7));
}

RV_FUNCTION(ruvector_edge_confidence) {
	const stats::Shrunk r = stats::shrink(PG_GETARG_FLOAT8(0), PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2));
	return Row().add(r.mean).add(r.sd).add(r.confidence).build(fcinfo);
}

RV_FUNCTION(ruvector_pool_effects) {
	const auto effects = api::array_arg<double>(PG_GETARG_DATUM(0), "effects");
	const auto ses = api::array_arg<double>(PG_GETARG_DATUM(1), "ses");
	if (effects.size != ses.size)
		ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("effects and ses have different lengths: %zu and %zu", effects.size, ses.size));
	const stats::Pooled r = stats::pool_effects(effects.data, ses.data, effects.size);
	return Row().add(r.n).add(r.effect).add(r.se).add(r.q).add(r.q_p_value).add(r.i2).add(r.tau2).build(fcinfo);
}

// Nulls are tests that could not be made: they stay null.
RV_FUNCTION(ruvector_benjamini_hochberg) {
	Datum *elements;
	bool *nulls;
	int count;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), FLOAT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls,
					  &count);
	auto *p = static_cast<double *>(palloc(sizeof(double) * (static_cast<size_t>(count) + 1)));
	for (int i = 0; i < count; ++i) {
		p[i] = nulls[i] ? NAN : DatumGetFloat8(elements[i]);
		if (!nulls[i] && std::isnan(p[i]))
			ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("p-values must not be NaN"));
	}
	{
		const std::vector<double> q = stats::benjamini_hochberg(p, static_cast<size_t>(count));
		std::copy(q.begin(), q.end(), p);
	}
	return api::float8_array(p, static_cast<size_t>(count));
}

RV_FUNCTION(ruvector_e_value) {
	const double effect = PG_GETARG_FLOAT8(0), sd = PG_GETARG_FLOAT8(1);
	if (!(sd > 0))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("outcome_sd must be positive"));
	RV_RETURN_FLOAT8(stats::e_value(effect / sd));
}

RV_FUNCTION(ruvector_correlation_p_value) {
	RV_RETURN_FLOAT8(stats::correlation_p_value(PG_GETARG_FLOAT8(0), PG_GETARG_INT64(1)));
}

RV_FUNCTION(ruvector_conformal_quantile) {
	const auto scores = api::array_arg<double>(PG_GETARG_DATUM(0), "scores");
	PG_RETURN_FLOAT8(stats::conformal_quantile(scores.data, scores.size, PG_GETARG_FLOAT8(1)));
}
