// api/uplift.cpp - doubly robust estimation over arrays.
#include <string_view>

#include "api/arguments.hpp"
#include "api/interrupts.hpp"
#include "ruvector/pg/boundary.hpp"
#include "ruvector/stats/aipw.hpp"

using namespace ruvector;

namespace {

stats::Estimand estimand_arg(Datum datum) {
	auto *value = PG_DETOAST_DATUM_PACKED(datum);
	const std::string_view name(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	if (name == "ate")
		return stats::Estimand::all;
	if (name == "att")
		return stats::Estimand::treated;
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("estimand must be \"ate\" or \"att\""));
}

void check_length(const char *name, size_t length, size_t expected) {
	if (length != expected)
		ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("%s has %zu elements, and %zu are expected", name, length, expected));
}

} // namespace

// ruvector._aipw(treated boolean[], outcome float8[], covariates float8[], columns int, cluster int[], folds int,
// propensity_clip float8, seed bigint, estimand text); only `cluster` may be NULL.
RV_FUNCTION(ruvector_aipw) {
	for (int i = 0; i < 9; ++i)
		if (i != 4 && PG_ARGISNULL(i))
			PG_RETURN_NULL();
	const auto treated = api::array_arg<bool>(PG_GETARG_DATUM(0), "treated");
	const auto outcome = api::finite_array_arg(PG_GETARG_DATUM(1), "outcome");
	const auto covariates = api::finite_array_arg(PG_GETARG_DATUM(2), "covariates");
	const int32 columns = PG_GETARG_INT32(3);
	if (columns < 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("columns must not be negative"));
	check_length("outcome", outcome.size, treated.size);
	check_length("covariates", covariates.size, treated.size * static_cast<size_t>(columns));
	const int32_t *cluster = nullptr;
	if (!PG_ARGISNULL(4)) {
		const auto labels = api::array_arg<int32_t>(PG_GETARG_DATUM(4), "cluster");
		check_length("cluster", labels.size, treated.size);
		cluster = labels.data;
	}
	stats::AipwOptions options;
	options.folds = PG_GETARG_INT32(5);
	options.clip = PG_GETARG_FLOAT8(6);
	options.seed = static_cast<uint64_t>(PG_GETARG_INT64(7));
	options.estimand = estimand_arg(PG_GETARG_DATUM(8));
	options.poll = api::poll_interrupts;

	api::Row row;
	auto *before = static_cast<double *>(palloc(sizeof(double) * (static_cast<size_t>(columns) + 1)));
	auto *after = static_cast<double *>(palloc(sizeof(double) * (static_cast<size_t>(columns) + 1)));
	{
		const stats::Aipw r = stats::aipw(
			{treated.size, static_cast<size_t>(columns), treated.data, outcome.data, covariates.data, cluster},
			options);
		row.add(r.ate).add(r.se).add(r.interval.low).add(r.interval.high).add(r.p_value).add(r.n).add(r.n_treated);
		row.add(r.ess).add(r.min_propensity).add(r.max_propensity).add(r.naive).add(r.e_value);
		std::copy(r.smd_before.begin(), r.smd_before.end(), before);
		std::copy(r.smd_after.begin(), r.smd_after.end(), after);
	}
	row.add(api::float8_array(before, static_cast<size_t>(columns)), false);
	row.add(api::float8_array(after, static_cast<size_t>(columns)), false);
	return row.build(fcinfo);
}
