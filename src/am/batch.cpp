// am/batch.cpp - ruvector.batch_search: many queries in one call.
//
// It drives the index itself, as the executor would, with one scan that is restarted for each query, and returns the
// distances that the search has computed: the operator would have to fetch each row's vector again. What an index scan
// in a SELECT obeys holds here too: the caller needs SELECT on the table, sees the rows of the statement's snapshot, and
// the scan takes the predicate locks of a serializable transaction. Policies of row-level security would need the
// executor; a table that has some for the caller is refused.
#include "am/check.hpp"
#include "am/query_array.hpp"
#include "ruvector/pg/boundary.hpp"
#include "ruvector/pg/compat.hpp"

extern "C" {
#include "access/relscan.h"
#include "access/tableam.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
}

namespace ruvector::am {

namespace {

constexpr int kMostRows = 10000; // of a query

void check_rights(Relation heap) {
	Oid table = RelationGetRelid(heap);
	AclResult result = pg_class_aclcheck(table, GetUserId(), ACL_SELECT);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, get_relkind_objtype(heap->rd_rel->relkind), RelationGetRelationName(heap));
	if (check_enable_rls(table, InvalidOid, false) == RLS_ENABLED)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("ruvector.batch_search does not apply the row-level security policies of table \"%s\"",
							   RelationGetRelationName(heap)),
						errhint("Use a LATERAL subquery over the queries.")));
}

void search_all(const OpenIndex &open, const QueryArray &queries, int k, ReturnSetInfo *result) {
	TupleTableSlot *slot = table_slot_create(open.heap, nullptr);
	IndexScanDesc scan = RV_INDEX_BEGINSCAN(open.heap, open.index, GetActiveSnapshot(), 0, 1);
	expect_rows(scan, uint32(k));
	for (int i = 0; i < queries.count; i++) {
		ScanKeyData key = {};
		key.sk_flags = SK_ORDER_BY;
		key.sk_attno = 1;
		key.sk_argument = queries.values[i];
		index_rescan(scan, nullptr, 0, &key, 1);
		for (int rank = 1; rank <= k && index_getnext_slot(scan, ForwardScanDirection, slot); rank++) {
			Datum values[] = {Int32GetDatum(i + 1), Int32GetDatum(rank), PointerGetDatum(&slot->tts_tid),
							  Float8GetDatum(scan_distance(scan))};
			bool nulls[lengthof(values)] = {};
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
}

} // namespace

// batch_search(index regclass, queries anyarray, k integer, ef_search integer)
RV_FUNCTION(ruvector_batch_search) {
	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return static_cast<Datum>(0);
	int k = PG_GETARG_INT32(2);
	if (k < 1 || k > kMostRows)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be between 1 and %d", kMostRows)));
	OpenIndex open = open_index(PG_GETARG_OID(0), AccessShareLock, check_rights);
	QueryArray queries = query_array(PG_GETARG_ARRAYTYPE_P(1), open.index);
	int nest_level = NewGUCNestLevel();
	if (!PG_ARGISNULL(3)) {
		set_for_call("hnsw.ef_search", psprintf("%d", PG_GETARG_INT32(3)));
		set_for_call("ruvector.target_recall", "0");
	}
	search_all(open, queries, k, reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo));
	AtEOXact_GUC(false, nest_level);
	close_index(open);
	return static_cast<Datum>(0);
}

} // namespace ruvector::am
