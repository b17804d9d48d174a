// am/calibrate.cpp - ruvector.calibrate and ruvector.calibration: the recall of an index, measured, kept in its metapage, and
// used by scans.
//
// The recall of n queries is measured for a ladder of ef, against exact answers from one scan of the table. Conformal risk
// control (Angelopoulos et al., arXiv 2208.02814) then says what may be promised: with the loss 1 - recall, which is at
// most 1 and does not grow with ef, the least ef where n / (n + 1) * mean loss + 1 / (n + 1) <= 1 - target has an expected
// recall of at least the target for another query of the same kind. The expectation is over the sample and the new query
// together. A mean that falls a little where ef grows is chance, or a poor graph: the curve is made monotone from its end,
// which only makes the promise smaller.
#include "am/check.hpp"
#include "am/query_array.hpp"
#include "am/sample.hpp"
#include "ruvector/pg/boundary.hpp"
#include "ruvector/pg/compat.hpp"

#include <algorithm>
#include <cmath>

extern "C" {
#include "access/relscan.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

namespace ruvector::am {

namespace {

constexpr uint32 kLadder[] = {10, 14, 20, 28, 40, 57, 80, 113, 160, 226, 320, 453, 640, 1000};
static_assert(lengthof(kLadder) <= kMostSteps && kLadder[lengthof(kLadder) - 1] == kMaxEfSearch);
constexpr int kMostNeighbors = 500, kMostQueries = 10000;
constexpr uint64 kSeed = UINT64CONST(0x63616c6962); // fixed: the same table gives the same sample

struct Query {
	Datum value;
	const void *vector;   // its working form
	ItemPointerData self; // the row that it is, which is no answer; invalid: none
	float *nearest;       // exact distances of the k nearest rows: a heap, the farthest first
	uint32 found;         // how many there are
};

struct Calibrator {
	OpenIndex open;
	Context *context;
	Snapshot snapshot;
	uint32 k;
	Query *queries;
	uint32 count;
	// For rows of the table.
	TupleTableSlot *slot;
	IndexInfo *info;
	EState *estate;
	ExprState *predicate;
};

void begin_rows(Calibrator *c) {
	c->slot = table_slot_create(c->open.heap, nullptr);
	c->info = BuildIndexInfo(c->open.index);
	c->estate = CreateExecutorState();
	GetPerTupleExprContext(c->estate)->ecxt_scantuple = c->slot;
	c->predicate = ExecPrepareQual(c->info->ii_Predicate, c->estate);
}

void end_rows(Calibrator *c) {
	ExecDropSingleTupleTableSlot(c->slot);
	FreeExecutorState(c->estate);
}

// The indexed value of the row in the slot, and its working form; null: the row is not for the index. Both live until the
// next row.
const void *row_vector(Calibrator *c, Datum *value) {
	ExprContext *expressions = GetPerTupleExprContext(c->estate);
	ResetExprContext(expressions);
	MemoryContext old = MemoryContextSwitchTo(expressions->ecxt_per_tuple_memory);
	const void *vector = nullptr;
	bool isnull;
	if (c->predicate == nullptr || ExecQual(c->predicate, expressions)) {
		FormIndexDatum(c->info, c->slot, c->estate, value, &isnull);
		if (!isnull)
			vector = working_vector(*c->context, *value, false);
	}
	MemoryContextSwitchTo(old);
	return vector;
}

float distance_to(const Calibrator *c, const Query &query, const void *vector) {
	return graph::ordered(graph::distance_function(c->context->layout)(c->context->layout, query.vector, vector));
}

void add_query(Calibrator *c, Datum value, const ItemPointerData *self) {
	Query *query = &c->queries[c->count++];
	query->value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	query->vector = working_vector(*c->context, query->value, true);
	query->nearest = static_cast<float *>(palloc(c->k * sizeof(float)));
	query->found = 0;
	if (self != nullptr)
		query->self = *self;
	else
		ItemPointerSetInvalid(&query->self);
	CHECK_FOR_INTERRUPTS();
	if (MemoryContextMemAllocated(CurrentMemoryContext, true) > Size(maintenance_work_mem) * 1024)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the queries of a calibration do not fit into maintenance_work_mem"),
						errhint("Use fewer queries, or raise maintenance_work_mem.")));
}

struct TidSample {
	ItemPointerData *tids;
	uint32 capacity;
	uint64 seen;
	SampleRandom random;
};

void sample_tid(Relation, ItemPointer tid, Datum *, bool *isnull, bool, void *argument) {
	TidSample *sample = static_cast<TidSample *>(argument);
	if (isnull[0])
		return;
	uint64 place = sample->random.place(sample->seen++, sample->capacity);
	if (place < sample->capacity)
		sample->tids[place] = *tid;
}

// Queries from the table: rows of as many blocks as queries are wanted, of more where these have too few rows for the
// index.
void sample_queries(Calibrator *c, uint32 wanted) {
	TidSample sample = {static_cast<ItemPointerData *>(palloc(wanted * sizeof(ItemPointerData))), wanted, 0, {kSeed}};
	BlockNumber table_blocks = RelationGetNumberOfBlocks(c->open.heap);
	for (uint32 blocks = wanted;; blocks *= 8) {
		sample.seen = 0;
		sample.random.state = kSeed;
		scan_sample(c->open.heap, c->open.index, c->info, blocks, kSeed, sample_tid, &sample);
		if (sample.seen >= wanted || blocks >= table_blocks || blocks > PG_UINT32_MAX / 8)
			break;
	}
	IndexFetchTableData *fetch = table_index_fetch_begin(c->open.heap);
	for (uint32 i = 0; i < Min(sample.seen, uint64(wanted)); i++) {
		bool again = false, all_dead = false;
		Datum value;
		if (table_index_fetch_tuple(fetch, &sample.tids[i], c->snapshot, c->slot, &again, &all_dead) &&
			row_vector(c, &value) != nullptr)
			add_query(c, value, &c->slot->tts_tid);
		ExecClearTuple(c->slot);
	}
	table_index_fetch_end(fetch);
	pfree(sample.tids);
}

void find_exact(Calibrator *c) {
	TableScanDesc scan = table_beginscan(c->open.heap, c->snapshot, 0, nullptr);
	while (table_scan_getnextslot(scan, ForwardScanDirection, c->slot)) {
		CHECK_FOR_INTERRUPTS();
		Datum value;
		const void *vector = row_vector(c, &value);
		if (vector == nullptr)
			continue;
		for (uint32 i = 0; i < c->count; i++) {
			Query &query = c->queries[i];
			float d = distance_to(c, query, vector);
			if (query.found == c->k && d >= query.nearest[0])
				continue;
			if (ItemPointerEquals(&query.self, &c->slot->tts_tid))
				continue;
			if (query.found == c->k)
				std::pop_heap(query.nearest, query.nearest + query.found--);
			query.nearest[query.found++] = d;
			std::push_heap(query.nearest, query.nearest + query.found);
		}
	}
	table_endscan(scan);
}

// The share of the nearest rows that the index gives. A row as near as the farthest of them counts: of rows at equal
// distances any will do.
double recall_of(Calibrator *c, IndexScanDesc scan, Query &query) {
	ScanKeyData key = {};
	key.sk_flags = SK_ORDER_BY;
	key.sk_attno = 1;
	key.sk_argument = query.value;
	index_rescan(scan, nullptr, 0, &key, 1);
	uint32 taken = 0, right = 0;
	while (taken < query.found && index_getnext_slot(scan, ForwardScanDirection, c->slot)) {
		CHECK_FOR_INTERRUPTS();
		if (ItemPointerEquals(&query.self, &c->slot->tts_tid))
			continue;
		taken++;
		Datum value;
		const void *vector = row_vector(c, &value);
		right += vector != nullptr && distance_to(c, query, vector) <= query.nearest[0];
	}
	ExecClearTuple(c->slot);
	return double(right) / double(query.found);
}

// Climbs the ladder with every query. Settings are changed for the caller's GUC nest level.
void measure(Calibrator *c, Calibration *result) {
	uint32 first = 0;
	while (kLadder[first] < c->k)
		first++;
	result->steps = uint16(lengthof(kLadder) - first);
	set_for_call("ruvector.target_recall", "0");
	// A scan that goes on beyond ef finds no less.
	set_for_call("hnsw.iterative_scan", "off");
	IndexScanDesc scan = RV_INDEX_BEGINSCAN(c->open.heap, c->open.index, c->snapshot, 0, 1);
	for (uint32 s = 0; s < result->steps; s++) {
		result->step[s].ef = kLadder[first + s];
		set_for_call("hnsw.ef_search", psprintf("%u", result->step[s].ef));
		double sum = 0;
		for (uint32 i = 0; i < c->count; i++)
			sum += recall_of(c, scan, c->queries[i]);
		result->step[s].recall = float(sum / c->count);
	}
	index_endscan(scan);
	for (uint32 s = result->steps - 1u; s-- > 0;)
		result->step[s].recall = Min(result->step[s].recall, result->step[s + 1].recall);
}

void check_arguments(int k, double target) {
	if (k < 1 || k > kMostNeighbors)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be between 1 and %d", kMostNeighbors)));
	if (!(target > 0 && target < 1))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("target_recall must be greater than 0 and less than 1")));
}

void warn_if_missed(const Calibration &calibration, double target) {
	double best = adjusted_recall(calibration, calibration.step[calibration.steps - 1]);
	if (best >= target)
		return;
	double needed = ceil(1 / (1 - target) - 1 - 1e-9);
	ereport(WARNING,
			(errmsg("a recall of %g is not reached: the most that can be promised is %.4f", target, best),
			 errdetail("Searches for it will use ef_search = %u, the largest measured.",
					   calibration.step[calibration.steps - 1].ef),
			 needed > calibration.queries ? errhint("It takes %.0f queries at least to promise that much.", needed)
										  : errhint("An index with larger ef_construction or m reaches more.")));
}

// The rows of calibrate.
void return_steps(FunctionCallInfo fcinfo, const Calibration &calibration, double target) {
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	const CalibrationStep *chosen = step_for(calibration, target);
	for (uint32 s = 0; s < calibration.steps; s++) {
		const CalibrationStep *step = &calibration.step[s];
		Datum values[] = {Int32GetDatum(int32(step->ef)), Float8GetDatum(double(step->recall)),
						  Float8GetDatum(adjusted_recall(calibration, *step)), BoolGetDatum(step == chosen)};
		bool nulls[lengthof(values)] = {};
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

// `queries` null: a sample of `sample` rows.
void calibrate(FunctionCallInfo fcinfo, ArrayType *queries, int k, double target, int sample) {
	check_arguments(k, target);
	PreventCommandIfReadOnly("ruvector.calibrate()");
	PreventCommandDuringRecovery("ruvector.calibrate()");
	InitMaterializedSRF(fcinfo, 0);
	Calibrator c = {};
	c.open = open_index(PG_GETARG_OID(0), AccessShareLock);
	QueryArray given = {};
	if (queries != nullptr) {
		given = query_array(queries, c.open.index);
		if (given.count < 1 || given.count > kMostQueries)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("the number of queries must be between 1 and %d", kMostQueries)));
	}

	// As in index_check: functions in the index run with the rights of the table's owner only.
	Oid user;
	int security;
	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(c.open.heap->rd_rel->relowner, security | SECURITY_RESTRICTED_OPERATION);
	int nest_level = NewGUCNestLevel();
	RV_RESTRICT_SEARCH_PATH();
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hnsw calibration", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);

	MetaPage meta;
	read_meta(c.open.index, &meta);
	c.context = load_context(c.open.index, meta);
	c.snapshot = GetActiveSnapshot();
	c.k = uint32(k);
	c.queries = static_cast<Query *>(palloc(Size(queries != nullptr ? given.count : sample) * sizeof(Query)));
	begin_rows(&c);
	for (int i = 0; i < given.count; i++)
		add_query(&c, given.values[i], nullptr);
	if (queries == nullptr)
		sample_queries(&c, uint32(sample));
	if (c.count > 0)
		find_exact(&c);
	if (c.count == 0 || c.queries[0].found == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" has too few rows to be calibrated", RelationGetRelationName(c.open.index))));

	Calibration calibration = {};
	calibration.measured_at = GetCurrentTimestamp();
	calibration.k = c.k;
	calibration.queries = c.count;
	calibration.given = queries != nullptr;
	measure(&c, &calibration);
	end_rows(&c);
	store_calibration(c.open.index, calibration);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(memory);
	AtEOXact_GUC(false, nest_level);
	SetUserIdAndSecContext(user, security);
	close_index(c.open);

	warn_if_missed(calibration, target);
	return_steps(fcinfo, calibration, target);
}

} // namespace

double adjusted_recall(const Calibration &calibration, const CalibrationStep &step) {
	double n = calibration.queries;
	return 1 - (n / (n + 1) * (1 - double(step.recall)) + 1 / (n + 1));
}

const CalibrationStep *step_for(const Calibration &calibration, double target) {
	if (calibration.steps == 0 || calibration_problem(calibration) != nullptr)
		return nullptr;
	const CalibrationStep *step = calibration.step;
	while (step < &calibration.step[calibration.steps - 1] && adjusted_recall(calibration, *step) < target)
		step++;
	return step;
}

const char *calibration_problem(const Calibration &calibration) {
	if (calibration.steps > kMostSteps)
		return "it has too many steps";
	const CalibrationStep *before = nullptr;
	for (uint32 s = 0; s < calibration.steps; s++) {
		const CalibrationStep *step = &calibration.step[s];
		if (step->ef < uint32(kMinEfSearch) || step->ef > uint32(kMaxEfSearch) ||
			!(step->recall >= 0 && step->recall <= 1))
			return "a step is out of range";
		if (before != nullptr && (step->ef <= before->ef || step->recall < before->recall))
			return "its steps are not in order";
		before = step;
	}
	return nullptr;
}

// calibrate(index regclass, k integer, target_recall float8, sample integer)
RV_FUNCTION(ruvector_calibrate) {
	int sample = PG_GETARG_INT32(3);
	if (sample < 1 || sample > kMostQueries)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("sample must be between 1 and %d", kMostQueries)));
	calibrate(fcinfo, nullptr, PG_GETARG_INT32(1), PG_GETARG_FLOAT8(2), sample);
	return static_cast<Datum>(0);
}

// calibrate(index regclass, queries anyarray, k integer, target_recall float8)
RV_FUNCTION(ruvector_calibrate_queries) {
	calibrate(fcinfo, PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_INT32(2), PG_GETARG_FLOAT8(3), 0);
	return static_cast<Datum>(0);
}

// calibration(index regclass)
RV_FUNCTION(ruvector_calibration) {
	InitMaterializedSRF(fcinfo, 0);
	auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
	OpenIndex open = open_index(PG_GETARG_OID(0), AccessShareLock);
	MetaPage meta;
	read_meta(open.index, &meta);
	close_index(open);
	const Calibration &calibration = meta.calibration;
	const char *problem = calibration_problem(calibration);
	if (problem != nullptr)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED), errmsg("the calibration of the index is broken: %s", problem),
						errhint("Please REINDEX it.")));
	for (uint32 s = 0; s < calibration.steps; s++) {
		const CalibrationStep &step = calibration.step[s];
		Datum values[] = {Int32GetDatum(int32(step.ef)),
						  Float8GetDatum(double(step.recall)),
						  Float8GetDatum(adjusted_recall(calibration, step)),
						  Int32GetDatum(int32(calibration.k)),
						  Int32GetDatum(int32(calibration.queries)),
						  BoolGetDatum(calibration.given == 0),
						  TimestampTzGetDatum(calibration.measured_at)};
		bool nulls[lengthof(values)] = {};
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return static_cast<Datum>(0);
}

} // namespace ruvector::am
