// pg/compat.hpp - what differs between PostgreSQL 15 and 18; the only place for PG_VERSION_NUM outside this folder.
// Macros, so that a user includes no more of PostgreSQL than it needs.
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

// Ownership checks: one function for all kinds of objects since 16 (commit afbfc02983).
#if PG_VERSION_NUM >= 160000
#define RV_OWNS_RELATION(relation, role) object_ownercheck(RelationRelationId, (relation), (role))
#else
#define RV_OWNS_RELATION(relation, role) pg_class_ownercheck((relation), (role))
#endif

// Maintenance commands run functions of the table's owner with a safe search_path since 17 (commit 2af07e2f74).
#if PG_VERSION_NUM >= 170000
#define RV_RESTRICT_SEARCH_PATH() RestrictSearchPath()
#else
#define RV_RESTRICT_SEARCH_PATH() ((void)0)
#endif

// Fields of IndexAmRoutine that only some versions have are right as makeNode leaves them (false, NULL), but for
// amcanbuildparallel (17, commit b437571714) where a build has workers.
#if PG_VERSION_NUM >= 170000
#define RV_AM_BUILDS_IN_PARALLEL(am) ((am)->amcanbuildparallel = true)
#else
#define RV_AM_BUILDS_IN_PARALLEL(am) ((void)(am))
#endif

// A path that must not be taken: an infinite cost, and since 18 also a count of disabled nodes, which comes before the
// cost (commit e222534679).
#if PG_VERSION_NUM >= 180000
#define RV_DISABLE_PATH(path) ((path)->disabled_nodes += 2)
#else
#define RV_DISABLE_PATH(path) ((void)0)
#endif

// vacuum_delay_point() learnt to tell ANALYZE from VACUUM in 18 (commit e5b0b0ce15).
#if PG_VERSION_NUM >= 180000
#define RV_VACUUM_DELAY_POINT() vacuum_delay_point(false)
#else
#define RV_VACUUM_DELAY_POINT() vacuum_delay_point()
#endif

// An index scan takes a place for its counters since 18 (commit 0fbceae841).
#if PG_VERSION_NUM >= 180000
#define RV_INDEX_BEGINSCAN(heap, index, snapshot, keys, orderbys)                                                      \
	index_beginscan(heap, index, snapshot, nullptr, keys, orderbys)
#else
#define RV_INDEX_BEGINSCAN(heap, index, snapshot, keys, orderbys) index_beginscan(heap, index, snapshot, keys, orderbys)
#endif

// The snapshot that TOAST tables are read with: one for all since 18 (commit 706054b11b).
#if PG_VERSION_NUM >= 180000
#define RV_INIT_TOAST_SNAPSHOT(snapshot) (*(snapshot) = *get_toast_snapshot())
#else
#define RV_INIT_TOAST_SNAPSHOT(snapshot) init_toast_snapshot(snapshot)
#endif

// Memory of what a check hook hands to its assign hook: the server's own heap since 16 (commit 407b50f2d4).
#if PG_VERSION_NUM >= 160000
#define RV_GUC_ALLOCATE(bytes) guc_malloc(LOG, bytes)
#else
#define RV_GUC_ALLOCATE malloc
#endif

// The name of a relation's files: RelFileNode until 15, RelFileLocator since 16 (commit b0a55e4329).
#if PG_VERSION_NUM >= 160000
#define RV_REL_LOCATOR RelFileLocator
#define RV_REL_LOCATOR_EQUALS(a, b) RelFileLocatorEquals(a, b)
#define RV_LOCATOR_OF(relation) ((relation)->rd_locator)
#else
#define RV_REL_LOCATOR RelFileNode
#define RV_REL_LOCATOR_EQUALS(a, b) RelFileNodeEquals(a, b)
#define RV_LOCATOR_OF(relation) ((relation)->rd_node)
#endif

// Tree walkers take a callback without a prototype until 15 (commit 1c27d16e6e).
#if PG_VERSION_NUM >= 160000
#define RV_WALKER(function) (function)
#else
#define RV_WALKER(function) reinterpret_cast<bool (*)()>(reinterpret_cast<void *>(function))
#endif
