// am/check_functions.cpp - ruvector.index_check and ruvector.index_stats: who may call them, on what, with which locks.
#include "am/check.hpp"
#include "am/ivfflat.hpp"
#include "ruvector/pg/boundary.hpp"
#include "ruvector/pg/compat.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
}

namespace ruvector::am {

OpenIndex open_index(Oid oid, LOCKMODE lock, void (*check_rights)(Relation heap), bool or_ivfflat) {
	char kind = get_rel_relkind(oid);
	char *name = get_rel_name(oid);
	if (name == nullptr)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", oid)));
	if (kind == RELKIND_PARTITIONED_INDEX)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is a partitioned index", name),
						errhint("Name the index of a partition.")));
	if (kind != RELKIND_INDEX)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not an index", name)));
	if (check_rights == nullptr && !RV_OWNS_RELATION(oid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, name);

	OpenIndex open;
	open.lock = lock;
	Oid heap_oid = IndexGetRelation(oid, true);
	open.heap = OidIsValid(heap_oid) ? table_open(heap_oid, lock) : nullptr;
	open.index = index_open(oid, lock);
	// The index may have been dropped, and the OID been used again, before the table was locked.
	if (open.heap == nullptr || IndexGetRelation(oid, true) != heap_oid)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("could not open the table of index \"%s\"", name)));
	if (check_rights != nullptr)
		check_rights(open.heap);
	bool is_ivfflat = open.index->rd_indam->ambuild == ivfflat_ambuild;
	if (open.index->rd_indam->ambuild != hnsw_ambuild && !(or_ivfflat && is_ivfflat))
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						or_ivfflat ? errmsg("\"%s\" is not an hnsw or ivfflat index of ruvector", name)
								   : errmsg("\"%s\" is not an hnsw index of ruvector", name)));
	if (RELATION_IS_OTHER_TEMP(open.index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("cannot access temporary tables of other sessions")));
	if (!open.index->rd_index->indisvalid)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("index \"%s\" is not valid", name),
						errhint("Please REINDEX it.")));
	return open;
}

void close_index(const OpenIndex &open) {
	index_close(open.index, open.lock);
	table_close(open.heap, open.lock);
}

namespace {

const char *element_name(uint8 element) {
	static const char *const names[] = {"vector", "halfvec", "bit", "sparsevec"};
	return element < lengthof(names) ? names[element] : "unknown";
}
const char *metric_name(uint8 metric) {
	static const char *const names[] = {"l2", "ip", "cosine", "l1", "hamming", "jaccard"};
	return metric < lengthof(names) ? names[metric] : "unknown";
}
const char *codec_name(uint8 codec) {
	static const char *const names[] = {"plain", "int8", "pq", "binary"};
	return codec < lengthof(names) ? names[codec] : "unknown";
}

} // namespace

// index_check(index regclass, heap_all_indexed boolean). Writers are kept out (ShareLock) so that what two pages say of
// each other belongs together; a standby cannot take that lock, and its result may contain changes that are being
// replayed.
RV_FUNCTION(ruvector_index_check) {
	Oid oid = PG_GETARG_OID(0);
	bool heap_all_indexed = PG_GETARG_BOOL(1);
	InitMaterializedSRF(fcinfo, 0);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	ProblemRows problems = {result->setResult, result->setDesc};

	OpenIndex open = open_index(oid, RecoveryInProgress() ? AccessShareLock : ShareLock, nullptr, true);
	// The table's owner may have put functions into the index; they run with the owner's rights only.
	Oid user;
	int context;
	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(open.heap->rd_rel->relowner, context | SECURITY_RESTRICTED_OPERATION);
	int nest_level = NewGUCNestLevel();
	RV_RESTRICT_SEARCH_PATH();

	auto *walk = open.index->rd_indam->ambuild == ivfflat_ambuild ? walk_lists_for_problems : walk_for_problems;
	walk(open.index, open.heap, heap_all_indexed, &problems);

	AtEOXact_GUC(false, nest_level);
	SetUserIdAndSecContext(user, context);
	close_index(open);
	return static_cast<Datum>(0);
}

// index_stats(index regclass)
RV_FUNCTION(ruvector_index_stats) {
	TupleDesc desc;
	if (get_call_result_type(fcinfo, nullptr, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);

	OpenIndex open = open_index(PG_GETARG_OID(0), AccessShareLock);
	IndexStats stats;
	walk_for_stats(open.index, &stats);
	close_index(open);

	const graph::Layout &layout = stats.meta.layout;
	int levels = 0;
	Datum by_level[graph::kMaxLevel + 1];
	for (int level = 0; level <= graph::kMaxLevel; level++) {
		by_level[level] = Int64GetDatum(stats.by_level[level]);
		if (stats.by_level[level] > 0)
			levels = level + 1;
	}
	ArrayType *level_array =
		construct_array(by_level, levels, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	const Datum values[] = {
		Int32GetDatum(int32(stats.meta.version)),
		CStringGetTextDatum(element_name(layout.element)),
		CStringGetTextDatum(metric_name(layout.metric)),
		CStringGetTextDatum(codec_name(layout.codec)),
		Int32GetDatum(int32(layout.dims)),
		Int32GetDatum(layout.m),
		Int32GetDatum(layout.ef_construction),
		Int32GetDatum(layout.degree),
		Int32GetDatum(layout.bits),
		Int32GetDatum(layout.code_dims),
		BoolGetDatum(layout.external != 0),
		Int32GetDatum(layout.slot_size),
		Int32GetDatum(layout.slots_per_page),
		Int64GetDatum(stats.pages),
		Int64GetDatum(stats.slot_pages),
		Int64GetDatum(stats.chunk_pages),
		Int64GetDatum(stats.vertices),
		Int64GetDatum(stats.dead),
		Int64GetDatum(stats.free_slots),
		Int64GetDatum(stats.tids - stats.vertices_with_tids),
		Int64GetDatum(stats.tids),
		Int32GetDatum(levels),
		PointerGetDatum(level_array),
		Float8GetDatum(stats.vertices > 0 ? double(stats.edges) / double(stats.vertices) : 0),
		Int64GetDatum(stats.unreachable),
		Int32GetDatum(stats.meta.entry_level),
		Int64GetDatum(stats.pages * BLCKSZ),
	};
	bool nulls[lengthof(values)] = {};
	if (desc->natts != int(lengthof(values)))
		elog(ERROR, "ruvector.index_stats is declared with %d columns", desc->natts);
	return HeapTupleGetDatum(heap_form_tuple(desc, const_cast<Datum *>(values), nulls));
}

} // namespace ruvector::am
