// am/ivfflat.hpp - the access method ivfflat: its pages, its context, its callbacks.
//   block 0       metapage
//   blocks 1..n   list pages: one record a list, of one size: the centroid and where the list's entries are
//   the next      parameter pages: where codes are relative to the centroids, the middle of the data and pq's codebook
//   the others    entry pages, each in the chain of one list
// An entry page has its number of entries and then groups of one size, without gaps: one entry, a heap TID and the stored
// vector or its int8 code; or a block of codes (codec/list_code.hpp) of up to 32 entries and their TIDs. A page stays in
// its list for ever; vacuum fills gaps with the page's last entries and points the list's inserts to the first page that
// has room.
//
// Locks: one buffer at a time, except that an insert holds the last page of a chain, or the page of an empty list,
// while it adds a page behind it.
#pragma once

#include "am/context.hpp"
#include "ruvector/codec/list_code.hpp"

namespace ruvector::am {

// --- options.cpp: the reloption lists, the settings ivfflat.* ---
constexpr int kDefaultLists = 100, kMinLists = 1, kMaxLists = 32768;
int setting_probes();                 // ivfflat.probes, default 1
int setting_ivfflat_iterative_scan(); // ivfflat.iterative_scan, IterativeScan, default off
int setting_max_probes();             // ivfflat.max_probes, default all
struct IvfflatOptions {               // the relation's rd_options
	int32 vl_len_;
	int lists;
	int pq_subspaces;
	double oversampling;
	bool rerank;
};
IvfflatOptions ivfflat_options_of(Relation index);
bytea *ivfflat_amoptions(Datum reloptions, bool validate);

// Rows that a scan of codes is taken to be asked for: for these together it looks as many rows up as `oversampling` says
// for each. hnsw has hnsw.ef_search, of the same default.
constexpr uint32 kRowsAsked = 40;
uint32 rows_looked_up(const IvfflatOptions &options, graph::Codec codec);

// --- ivfflat_page.cpp ---
constexpr uint32 kIvfflatMagic = 0x52564931; // "RVI1"
constexpr uint32 kIvfflatVersion = 2;
constexpr uint16 kIvfflatPageId = 0xFFA4; // last two bytes of a page, for pg_filedump

enum class IvfflatPageKind : uint16 { meta = 1, lists = 2, entries = 3, parameters = 4 };

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
	uint8 codec;   // graph::Codec
	uint8 lanes;   // entries of a group
	uint32 dims;
	uint32 lists;
	uint32 pq_subspaces;
	float scale; // codes of residuals are relative to the centroid times this
};

// A list's record; the centroid, a stored vector, follows.
struct IvfflatList {
	BlockNumber first;  // entry page; 0: none yet
	BlockNumber insert; // where to look for room first
};

// At the beginning of an entry page's contents.
struct IvfflatPageHead {
	uint16 count; // of entries
	uint16 unused[3];
};
constexpr Size kGroupBytes = kPageBytes - sizeof(IvfflatPageHead); // what a page offers to groups

// What begins a group of one entry; the stored vector follows. A block has its codes, then for each entry a float a, a
// float f, the error as bfloat16, and the heap TID.
struct IvfflatEntry {
	graph::HeapTid tid;
	uint16 unused;
};

// What an operation knows of an index.
struct IvfflatContext {
	graph::Layout layout; // of the centroids, and of entries that are no codes: element, metric, dims, vector_bytes
	Opclass opclass;
	graph::DistanceFunction distance;
	uint32 lists;
	Context *rows;     // of the vectors that are coded and re-ranked
	Size stored_bytes; // of an entry, as ivfflat_encode makes it
	uint32 lanes;
	Size group_size;
	// Of blocks.
	codec::ListCodec codec;
	codec::EdgeCodec shape;
	float *middle;
	float scale;

	codec::VectorMetric code_metric() const {
		return opclass.metric == graph::Metric::l2 ? codec::VectorMetric::l2 : codec::VectorMetric::ip;
	}
	bool is_plain() const { return opclass.codec == graph::Codec::plain; }
	bool has_blocks() const { return lanes > 1; }
	Size list_size() const { return MAXALIGN(sizeof(IvfflatList) + layout.vector_bytes); }
	uint32 lists_per_page() const { return uint32(kPageBytes / list_size()); }
	BlockNumber list_block(uint32 list) const { return 1 + list / lists_per_page(); }
	BlockNumber list_pages() const { return (lists + lists_per_page() - 1) / lists_per_page(); }
	BlockNumber parameter_block() const { return 1 + list_pages(); }
	Size parameter_bytes() const; // the middle, then the codebook
	BlockNumber parameter_pages() const { return BlockNumber((parameter_bytes() + kPageBytes - 1) / kPageBytes); }
	uint32 page_entries() const { return uint32(kGroupBytes / group_size) * lanes; }
	// Offsets in a block.
	Size a_offset() const { return MAXALIGN(shape.block_bytes()); }
	Size f_offset() const { return a_offset() + lanes * sizeof(float); }
	Size error_offset() const { return f_offset() + lanes * sizeof(float); }
	Size tid_offset() const { return error_offset() + lanes * sizeof(uint16); }
};

// A vector in the forms that an index needs.
struct IvfflatVector {
	const void *vector;  // of the centroids' element: for its list. Null: it is not indexed
	const float *floats; // for its code; where entries are codes
};

Size ivfflat_vector_bytes(graph::Element element, uint32 dims); // of a centroid
// Of an index that is being built: without parameters.
IvfflatContext make_ivfflat_context(const Opclass &opclass, uint32 dims, uint32 lists, uint32 pq_subspaces);
// The parameters have been put into `middle` and, of pq, into rows->state, or come from `codebook`.
void use_ivfflat_parameters(IvfflatContext *context, const uint8_t *codebook);
// Reads the metapage; raises with a hint to REINDEX if the format is not ours.
IvfflatContext load_ivfflat_context(Relation index);
// As working_vector (context.hpp).
IvfflatVector ivfflat_vector(const IvfflatContext &context, Datum value, bool query);
// What a list's codes are relative to.
void list_centre(const IvfflatContext &context, const void *centroid, float *centre);
// The stored form of a vector in the list of the centroid: stored_bytes.
void ivfflat_encode(const IvfflatContext &context, const void *centroid, const IvfflatVector &vector, void *stored);

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
inline IvfflatPageHead *page_head(Page page) {
	return reinterpret_cast<IvfflatPageHead *>(PageGetContents(page));
}
inline char *page_group(Page page, const IvfflatContext &context, uint32 group) {
	return PageGetContents(page) + sizeof(IvfflatPageHead) + group * context.group_size;
}
inline graph::HeapTid *page_tid(Page page, const IvfflatContext &context, uint32 entry) {
	char *group = page_group(page, context, entry / context.lanes);
	return context.has_blocks()
			   ? reinterpret_cast<graph::HeapTid *>(group + context.tid_offset()) + entry % context.lanes
			   : reinterpret_cast<graph::HeapTid *>(group);
}
inline bool page_has_room(Page page, const IvfflatContext &context) {
	return page_head(page)->count < context.page_entries();
}
// There must be room.
void page_add(Page page, const IvfflatContext &context, ItemPointer tid, const void *stored);
// Whether an entry is what page_add would make of the stored form, but for rounding: a few coordinates of a block's codes.
bool page_entry_is(Page page, const IvfflatContext &context, uint32 entry, const void *stored);
// The entries' numbers are in ascending order.
void page_remove(Page page, const IvfflatContext &context, const uint16 *entries, uint32 count);

void ivfflat_page_init(Page page, IvfflatPageKind kind, Size used);
bool is_ivfflat_page(Page page, IvfflatPageKind kind);
void ivfflat_page_check(Relation index, BlockNumber block, Page page, IvfflatPageKind kind);
// Where a walk along a list is. The links of a damaged list can lead out of the index, or be a circle.
struct ListWalk {
	BlockNumber blocks; // known size of the index; grows
	uint32 pages;       // read of the list
};
// A page of a list's entries, locked and checked.
Buffer ivfflat_entry_buffer(Relation index, const IvfflatContext &context, BlockNumber block, ListWalk *walk, int lock,
							BufferAccessStrategy strategy = nullptr);
LocationIndex entries_end(const IvfflatContext &context, uint32 count); // pd_lower of a page of so many entries
// A new page at the end, exclusively locked, not initialised.
Buffer ivfflat_extend(Relation index, ForkNumber fork);
// The page of a list's record, locked.
Buffer ivfflat_list_buffer(Relation index, const IvfflatContext &context, uint32 list, int lock);
// Where a list's inserts look first, through GenericXLog.
void ivfflat_set_insert(Relation index, const IvfflatContext &context, uint32 list, BlockNumber block);

// --- validate.cpp ---
// pgvector's limits: an entry or a centroid has to fit into a page.
constexpr uint32 kIvfflatMaxVector = 2000, kIvfflatMaxHalfvec = 4000;
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
