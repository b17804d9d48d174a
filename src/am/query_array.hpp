// am/query_array.hpp - queries that a function gets as an array; settings for the time of a call.
#pragma once

#include "am/hnsw.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace ruvector::am {

struct QueryArray {
	Datum *values;
	int count;
};

// The elements, none of them null, of the type that the index is on.
inline QueryArray query_array(ArrayType *array, Relation index) {
	Oid type = ARR_ELEMTYPE(array), wanted = index->rd_opcintype[0];
	if (type != wanted)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("queries of type %s do not fit an index of %s",
																   format_type_be(type), format_type_be(wanted))));
	if (array_contains_nulls(array))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("queries must not be null")));
	int16 length;
	bool by_value;
	char alignment;
	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	QueryArray queries;
	deconstruct_array(array, type, length, by_value, alignment, &queries.values, nullptr, &queries.count);
	return queries;
}

// Until the caller's GUC nest level ends.
inline void set_for_call(const char *name, const char *value) {
	(void)set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

} // namespace ruvector::am
