// am/hnsw.hpp - what the files of this room share: options, settings, the index's context, the callbacks.
#pragma once

#include "am/page.hpp"

extern "C" {
#include "access/amapi.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
}

namespace ruvector::am {

// --- options.cpp: reloptions and the settings hnsw.* ---
constexpr int kDefaultM = 16, kMinM = 2, kMaxM = 100;
constexpr int kDefaultEfConstruction = 64, kMinEfConstruction = 4, kMaxEfConstruction = 1000;

constexpr int kDefaultEfSearch = 40, kMinEfSearch = 1, kMaxEfSearch = 1000;

enum IterativeScan { iterative_off = 0, iterative_relaxed = 1, iterative_strict = 2 };
// Functions, because the variables may be another library's: read them once per scan.
int setting_ef_search();              // hnsw.ef_search, default 40
bool ef_search_is_set();              // by anybody: an index's own ef_search does not count then
double setting_target_recall();       // ruvector.target_recall, default 0: off
int setting_iterative_scan();         // hnsw.iterative_scan, default strict_order
int setting_max_scan_tuples();        // hnsw.max_scan_tuples, default 20000
double setting_scan_mem_multiplier(); // hnsw.scan_mem_multiplier, default 1

enum class Arrangement { fast, compact }; // reloption layout: with or without edge codes

struct Options { // the relation's rd_options
	int32 vl_len_;
	int m;
	int ef_construction;
	int layout;          // Arrangement
	int edge_bits;       // 0: planned
	int pq_subspaces;    // 0: planned
	int ef_search;       // 0: the setting alone counts
	double oversampling; // 0: the codec's default
	bool rerank;
};
Options options_of(Relation index); // with defaults where the index has none
int option_m(Relation index);
int option_ef_construction(Relation index);
void check_options(Relation index); // raises where they do not go together; for a build
void define_options();              // reloption kind and settings, once at load
bytea *hnsw_amoptions(Datum reloptions, bool validate);

// --- calibrate.cpp ---
// The recall that a step of a ladder promises for a query of the same kind, given what was measured.
double adjusted_recall(const Calibration &calibration, const CalibrationStep &step);
// The step to search with for a target, or null where the index is not calibrated. The last one if none reaches it.
const CalibrationStep *step_for(const Calibration &calibration, double target);
// What makes a calibration unusable, or null.
const char *calibration_problem(const Calibration &calibration);

// --- validate.cpp: what an operator class means ---
// Support functions of hnsw: 1 distance; 2 norm (its presence means: vectors are normalised); 3 type; 4 codec.
constexpr int kHnswSupportFunctions = 4;
// Of ivfflat: 1 and 2 as above; 3 distance and 4 norm for k-means (their presence is pgvector's; the index itself
// follows function 1); 5 type; 6 codec.
constexpr int kIvfflatSupportFunctions = 6;
struct Opclass {
	graph::Element element; // of the column's type
	graph::Metric metric;
	graph::Codec codec;
	bool normalize; // cosine: vectors are normalised, and those of zero norm are not indexed
};
// Of the only column of an index of either method; raises where the method does not know the class's functions.
Opclass index_opclass(Relation index);
// The same from the class's support functions for distance, norm and codec (invalid: none), from the catalog alone:
// false where they are not ours.
bool opclass_of_functions(Oid distance_function, Oid norm_function, Oid codec_function, Opclass *opclass);
// The working form's element: codes are of single-precision floats.
inline graph::Element working_element(const Opclass &opclass) {
	return opclass.codec == graph::Codec::plain ? opclass.element : graph::Element::f32;
}
// Whether an index of this layout is one of the operator class.
inline bool fits_opclass(const graph::Layout &layout, const Opclass &opclass) {
	return layout.element == uint8(working_element(opclass)) && layout.metric == uint8(opclass.metric) &&
		   layout.codec == uint8(opclass.codec);
}
bool hnsw_amvalidate(Oid opclass_oid);
// Dimensions of the indexed column from its type modifier; raises pgvector's errors where there are none or too many.
int index_dimensions(Relation index, const Opclass &opclass);
uint32 max_dimensions(graph::Element element); // of a column with an hnsw index
constexpr uint32 kMaxSparseDimensions = 1000000000;

// What the type support functions (hnsw_halfvec_support and its like) point to.
struct TypeSupport {
	graph::Element element;
	uint32 max_dimensions;
};

// --- cost.cpp ---
double cost_of_sort(const RelOptInfo *rel); // at least, of a sequential scan and a sort of the whole table

// --- executor.cpp ---
void install_executor_hook(); // at load
// The LIMIT above an index scan, or null, and whether the scan has a filter. Valid as long as the scan.
const LimitState *limit_above(IndexScanDesc scan, bool *filtered);

// --- scan.cpp ---
// The distance of the row that a scan returned last, on the scale of the operator, as the search has computed it.
double scan_distance(IndexScanDesc scan);
// Says how many rows a scan will be asked for, where no LIMIT does.
void expect_rows(IndexScanDesc scan, uint32 count);

// --- callbacks ---
IndexBuildResult *hnsw_ambuild(Relation heap, Relation index, IndexInfo *index_info);
void hnsw_ambuildempty(Relation index);
bool hnsw_aminsert(Relation index, Datum *values, bool *isnull, ItemPointer heap_tid, Relation heap,
				   IndexUniqueCheck check_unique, bool index_unchanged, IndexInfo *index_info);
IndexBulkDeleteResult *hnsw_ambulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
										 IndexBulkDeleteCallback callback, void *callback_state);
IndexBulkDeleteResult *hnsw_amvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);
void hnsw_amcostestimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost, Cost *total_cost,
						 Selectivity *selectivity, double *correlation, double *pages);
IndexScanDesc hnsw_ambeginscan(Relation index, int nkeys, int norderbys);
void hnsw_amrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
bool hnsw_amgettuple(IndexScanDesc scan, ScanDirection direction);
void hnsw_amendscan(IndexScanDesc scan);
char *hnsw_ambuildphasename(int64 phase);

constexpr int64 kPhaseLoad = 2; // PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE is 1
constexpr int64 kPhaseWrite = 3;
constexpr int64 kPhaseTrain = 4;

// Of the rotation and the levels: fixed, so that a rebuild or a replica gives the same index.
constexpr uint64 kRotationSeed = UINT64CONST(0x7276656374);

// Heavyweight page lock on the metapage's number: inserts hold it shared, vacuum takes it exclusively for a moment to
// let the inserts that may still know a dead vertex finish. See README.md.
constexpr BlockNumber kInsertLock = 0;

} // namespace ruvector::am
