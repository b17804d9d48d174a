// pg/compat.hpp - what differs between PostgreSQL 15 and 18; the only place for PG_VERSION_NUM outside this folder.
#pragma once

#include "ruvector/pg/postgres.hpp"

// Leaves an input function with an error about its text: a soft error where the server has them (16: pg_input_is_valid,
// 17: COPY ... ON_ERROR), else an ordinary one.
#if PG_VERSION_NUM >= 160000
#define RV_INPUT_ERROR(fcinfo, ...) ereturn((fcinfo)->context, static_cast<Datum>(0), __VA_ARGS__)
#else
#define RV_INPUT_ERROR(fcinfo, ...)                                                                                    \
	do {                                                                                                               \
		(void)(fcinfo);                                                                                                \
		ereport(ERROR, __VA_ARGS__);                                                                                   \
	} while (0)
#endif
