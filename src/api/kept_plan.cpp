// api/kept_plan.cpp - statements whose plans a session keeps.
//
// A search of agent memory is a statement that is put together: the table, the distance operator of the store's metric, LIMIT
// and namespace as constants (the planner decides by them), the vector as a parameter. EXECUTE of PL/pgSQL parses and plans it
// anew at each call: 0.07 ms for the simplest of them, beside a search of 0.6 ms. Here the text finds the plan again. PostgreSQL's plan cache
// sees to changes of tables, statistics, search_path and role.
#include <cstring>

#include "ruvector/pg/boundary.hpp"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
extern "C" {
#include "common/hashfn.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
}
#pragma GCC diagnostic pop

namespace {

constexpr int kMostArguments = 8;
constexpr int kMostPlans = 32;

struct KeptPlan {
	char *statement;
	uint32 hash;
	Oid types[kMostArguments];
	int arguments;
	uint64 used; // clock of the last use
	SPIPlanPtr plan;
};

KeptPlan plans[kMostPlans];
uint64 clock_of_uses = 0;
int depth = 0; // of statements that run now

bool is_of(const KeptPlan &kept, const char *statement, uint32 hash, const Oid *types, int arguments) {
	return kept.plan != nullptr && kept.hash == hash && kept.arguments == arguments &&
		   memcmp(kept.types, types, sizeof(Oid) * size_t(arguments)) == 0 && strcmp(kept.statement, statement) == 0;
}

// Until the memory of this SPI connection goes, which it also does when the statement fails.
void enter() {
	auto *callback = static_cast<MemoryContextCallback *>(palloc0(sizeof(MemoryContextCallback)));
	callback->func = [](void *) { --depth; };
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	++depth;
}

SPIPlanPtr new_plan(const char *statement, Oid *types, int arguments) {
	// What differs between calls is a parameter on purpose: one plan fits all of its values.
	SPIPlanPtr plan = SPI_prepare_cursor(statement, arguments, types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == nullptr)
		elog(ERROR, "SPI_prepare_cursor failed: %s", SPI_result_code_string(SPI_result));
	return plan;
}

// The plan of the statement; a new one takes the place of the one that was used the longest time ago.
SPIPlanPtr plan_of(const char *statement, Oid *types, int arguments) {
	const uint32 hash =
		DatumGetUInt32(hash_any(reinterpret_cast<const unsigned char *>(statement), int(strlen(statement))));
	KeptPlan *oldest = &plans[0];
	for (KeptPlan &kept : plans) {
		if (is_of(kept, statement, hash, types, arguments)) {
			kept.used = ++clock_of_uses;
			return kept.plan;
		}
		if (kept.used < oldest->used)
			oldest = &kept;
	}
	SPIPlanPtr plan = new_plan(statement, types, arguments);
	char *text = MemoryContextStrdup(TopMemoryContext, statement);
	SPI_keepplan(plan);
	if (oldest->plan != nullptr) {
		SPI_freeplan(oldest->plan);
		pfree(oldest->statement);
	}
	*oldest = {text, hash, {}, arguments, ++clock_of_uses, plan};
	memcpy(oldest->types, types, sizeof(Oid) * size_t(arguments));
	return plan;
}

} // namespace

// ruvector._run(as_type anyelement, statement text, VARIADIC "any") returns anyelement
// The one value of the one row that the statement gives, or NULL if it gives none.
RV_FUNCTION(ruvector_run) {
	const int arguments = PG_NARGS() - 2;
	if (PG_ARGISNULL(1) || arguments > kMostArguments)
		elog(ERROR, "a statement with at most %d arguments is needed", kMostArguments);
	Datum values[kMostArguments];
	char nulls[kMostArguments];
	Oid types[kMostArguments];
	for (int i = 0; i < arguments; ++i) {
		values[i] = PG_ARGISNULL(i + 2) ? Datum(0) : PG_GETARG_DATUM(i + 2);
		nulls[i] = PG_ARGISNULL(i + 2) ? 'n' : ' ';
		types[i] = get_fn_expr_argtype(fcinfo->flinfo, i + 2);
	}
	const Oid result_type = get_fn_expr_rettype(fcinfo->flinfo);
	char *statement = text_to_cstring(PG_GETARG_TEXT_PP(1));

	SPI_connect();
	// A statement that another one runs, by the policy of a table, must not take its plan away.
	SPIPlanPtr plan = depth == 0 ? plan_of(statement, types, arguments) : new_plan(statement, types, arguments);
	enter();
	// The snapshot is the caller's: what a caller that is volatile has just written is in it.
	const int code = SPI_execute_plan(plan, values, nulls, true, 2);
	if (code != SPI_OK_SELECT || SPI_tuptable->tupdesc->natts != 1 || SPI_processed > 1 ||
		SPI_gettypeid(SPI_tuptable->tupdesc, 1) != result_type)
		elog(ERROR, "a statement must give one value of type %s", format_type_be(result_type));
	bool is_null = true;
	Datum result = 0;
	if (SPI_processed == 1)
		result = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
	if (!is_null) {
		int16 length;
		bool by_value;
		get_typlenbyval(result_type, &length, &by_value);
		result = SPI_datumTransfer(result, by_value, length);
	}
	SPI_finish();
	if (is_null)
		PG_RETURN_NULL();
	return result;
}
