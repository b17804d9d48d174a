// am/ivfflat.hpp - the access method ivfflat: its pages, its context, its callbacks.
//   block 0       metapage
//   blocks 1..n   list pages: one record a list, of one size: the centroid and where the list's entries are
//   the others    entry pages: ordinary pages with line pointers, each in the chain of one list
// An entry is a heap TID and the stored vector (graph/distance.hpp). A page stays in its list for ever; vacuum makes
// room in it and points the list's inserts to the first page that has some.
//
// Locks: one buffer at a time, except that an insert holds the last page of a chain, or the page of an empty list,
// while it adds a page behind it.
#pragma once

#include "am/hnsw.hpp"
#include "ruvector/graph/distance.hpp"

namespace ruvector::am {

// --- options.cpp: the reloption lists, the settings ivfflat.* ---
constexpr int kDefaultLists = 100, kMinLists = 1, kMaxLists = 32768;
int setting_probes();                 // ivfflat.probes, default 1
int setting_ivfflat_iterative_scan(); // ivfflat.iterative_scan, IterativeScan, default off
int setting_max_probes();             // ivfflat.max_probes, default all
int option_lists(Relation index);
bytea *ivfflat_amoptions(Datum reloptions, bool validate);

// --- ivfflat_page.cpp ---
constexpr uint32 kIvfflatMagic = 0x52564931; // "RVI1"
constexpr uint32 kIvfflatVersion = 1;
constexpr uint16 kIvfflatPageId = 0xFFA4; // last two bytes of a page, for pg_filedump

enum class IvfflatPageKind : uint16 { meta = 1, lists = 2, entries = 3 };

struct IvfflatOpaque {
	BlockNumber next; // of an entry page: the next one of the list; 0: none
	uint16 kind;      // IvfflatPageKind
	uint16 page_id;
};

struct IvfflatMeta {
	uint32 magic;
	uint32 version;
	uint8 element; // graph::Element
	uint8 metric;  // graph::Metric
	uint16 unused;
	uint32 dims;
	uint32 lists;
};

// A list's record; the centroid, a stored vector, follows.
struct IvfflatList {
	BlockNumber first;  // entry page; 0: none yet
	BlockNumber insert; // where to look for room first
};

// An entry; the vector follows.
struct IvfflatEntry {
	ItemPointerData tid;
	uint16 unused;
};

// What an operation knows of an index. Only element, metric, dims and vector_bytes of the layout mean something.
struct IvfflatContext {
	graph::Layout layout;
	Opclass opclass;
	graph::DistanceFunction distance;
	uint32 lists;

	Size list_size() const { return MAXALIGN(sizeof(IvfflatList) + layout.vector_bytes); }
	uint32 lists_per_page() const { return uint32(kPageBytes / list_size()); }
	BlockNumber list_block(uint32 list) const { return 1 + list / lists_per_page(); }
	BlockNumber list_pages() const { return (lists + lists_per_page() - 1) / lists_per_page(); }
	Size entry_size() const { return sizeof(IvfflatEntry) + layout.vector_bytes; }
};

IvfflatContext make_ivfflat_context(const Opclass &opclass, uint32 dims, uint32 lists);
// Reads the metapage; raises with a hint to REINDEX if the format is not ours.
IvfflatContext load_ivfflat_context(Relation index);
// As stored_vector (context.hpp).
const void *ivfflat_vector(const IvfflatContext &context, Datum value, bool query);

inline IvfflatOpaque *ivfflat_opaque(Page page) {
	return reinterpret_cast<IvfflatOpaque *>(PageGetSpecialPointer(page));
}
inline IvfflatList *page_list(Page page, const IvfflatContext &context, uint32 list) {
	return reinterpret_cast<IvfflatList *>(PageGetContents(page) +
										   (list % context.lists_per_page()) * context.list_size());
}
inline void *list_centroid(IvfflatList *list) {
	return list + 1;
}

void ivfflat_page_init(Page page, IvfflatPageKind kind, Size used);
void ivfflat_page_check(Relation index, BlockNumber block, Page page, IvfflatPageKind kind);
// Raises where the item is not an entry.
IvfflatEntry *page_entry(Relation index, const IvfflatContext &context, BlockNumber block, Page page,
						 OffsetNumber offset);
// A new page at the end, exclusively locked, not initialised.
Buffer ivfflat_extend(Relation index, ForkNumber fork);
// The page of a list's record, locked.
Buffer ivfflat_list_buffer(Relation index, const IvfflatContext &context, uint32 list, int lock);
// Where a list's inserts look first, through GenericXLog.
void ivfflat_set_insert(Relation index, const IvfflatContext &context, uint32 list, BlockNumber block);

// --- ivfflat_validate.cpp ---
Opclass ivfflat_opclass(Relation index);
int ivfflat_dimensions(Relation index, const Opclass &opclass);
uint32 ivfflat_max_dimensions(graph::Element element);
bool ivfflat_amvalidate(Oid opclass_oid);

// --- callbacks ---
IndexBuildResult *ivfflat_ambuild(Relation heap, Relation index, IndexInfo *index_info);
void ivfflat_ambuildempty(Relation index);
bool ivfflat_aminsert(Relation index, Datum *values, bool *isnull, ItemPointer heap_tid, Relation heap,
					  IndexUniqueCheck check_unique, bool index_unchanged, IndexInfo *index_info);
IndexBulkDeleteResult *ivfflat_ambulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
											IndexBulkDeleteCallback callback, void *callback_state);
IndexBulkDeleteResult *ivfflat_amvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);
void ivfflat_amcostestimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost, Cost *total_cost,
							Selectivity *selectivity, double *correlation, double *pages);
IndexScanDesc ivfflat_ambeginscan(Relation index, int nkeys, int norderbys);
void ivfflat_amrescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
bool ivfflat_amgettuple(IndexScanDesc scan, ScanDirection direction);
void ivfflat_amendscan(IndexScanDesc scan);

constexpr int64 kIvfflatPhaseKMeans = 2; // PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE is 1
constexpr int64 kIvfflatPhaseAssign = 3;
constexpr int64 kIvfflatPhaseLoad = 4;

} // namespace ruvector::am
