// am/page.hpp - the pages of an hnsw index. See README.md for the picture.
//   block 0            metapage
//   blocks 1..c        parameter pages: the centre of the data, where vectors are rotated; the codebook of pq
//   the others         slot pages (vertex records of one size) and chunk pages (parts of vectors too large for a
//   record)
#pragma once

#include "ruvector/graph/layout.hpp"
#include "ruvector/pg/postgres.hpp"

extern "C" {
#include "access/genam.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "utils/rel.h"
}

namespace ruvector::am {

constexpr uint32 kMagic = 0x52564831; // "RVH1"
constexpr uint32 kFormatVersion = 2;
constexpr BlockNumber kMetaBlock = 0;
constexpr uint16 kPageId = 0xFFA3; // last two bytes of a page, for pg_filedump

enum class PageKind : uint16 { meta = 1, parameters = 2, slots = 3, chunks = 4 };

struct PageOpaque {
	uint16 kind; // PageKind
	uint16 unused[2];
	uint16 page_id;
};
static_assert(sizeof(PageOpaque) == 8);

constexpr Size kPageBytes = BLCKSZ - MAXALIGN(SizeOfPageHeaderData) - MAXALIGN(sizeof(PageOpaque));

// Recall measured by ruvector.calibrate for a ladder of ef.
constexpr uint32 kMostSteps = 16;
struct CalibrationStep {
	uint32 ef;
	float recall; // mean over the queries; does not decrease
};
struct Calibration {
	int64 measured_at; // TimestampTz
	uint32 k;
	uint32 queries;
	uint16 steps; // 0: not calibrated
	uint16 given; // the queries were given, not sampled from the table
	uint32 unused;
	CalibrationStep step[kMostSteps]; // ascending
};

struct MetaPage {
	uint32 magic;
	uint32 version;
	graph::Layout layout;
	uint32 entry;            // NodeId of the entry point's record at entry_level; 0: the index is empty
	int16 entry_level;       // -1: empty
	uint16 center_set;       // the parameter pages hold the centre
	uint32 parameter_blocks; // how many parameter pages follow the metapage
	uint32 unused;
	Calibration calibration;
};

// A chunk of a vector on a chunk page (an ordinary page with line pointers); the chain ends with next_block = 0.
struct ChunkHeader {
	uint32 next_block;
	uint16 next_offset;
	uint16 unused;
	uint32 bytes; // of data that follow
	uint32 unused2;
};
static_assert(sizeof(ChunkHeader) == 16);
// Bytes of a vector in one chunk.
constexpr Size kMaxChunk = (kPageBytes - sizeof(ItemIdData)) / 8 * 8 - sizeof(ChunkHeader);

inline PageOpaque *page_opaque(Page page) {
	return reinterpret_cast<PageOpaque *>(PageGetSpecialPointer(page));
}
inline MetaPage *page_meta(Page page) {
	return reinterpret_cast<MetaPage *>(PageGetContents(page));
}
inline uint8_t *page_slot(Page page, const graph::Layout &layout, uint32 slot) {
	return reinterpret_cast<uint8_t *>(PageGetContents(page)) + Size(slot) * layout.slot_size;
}

// A NodeId has 32 bits: slot pages lie below this block.
inline BlockNumber most_slot_blocks(const graph::Layout &layout) {
	return MaxBlockNumber >> layout.slot_bits;
}

// Whether a page is one of slots, from the page's first cache line: the page header's pd_prune_xid, which PostgreSQL
// uses in heap pages only, repeats the kind.
inline bool is_slot_page(Page page) {
	return reinterpret_cast<PageHeader>(page)->pd_prune_xid == TransactionId(PageKind::slots);
}

// Initialises an empty page of a kind. Slot pages get pd_lower behind their last slot: GenericXLog treats the space
// between pd_lower and pd_upper as a hole.
void page_init(Page page, PageKind kind, const graph::Layout &layout);

// Replaces the first `bytes` of a record of an exclusively locked page, a multiple of eight, by those of `image`. Where
// the relation is logged, the WAL record is what GenericXLog would write, of those bytes that differ.
void replace_record(Relation index, Buffer buffer, const graph::Layout &layout, uint32 slot, const void *image,
					Size bytes, bool log);

// Raises ERRCODE_INDEX_CORRUPTED unless the page is of the kind wanted.
void page_check(Relation index, BlockNumber block, Page page, PageKind kind);

// What makes a layout unusable, or null: whoever reads a record relies on its offsets.
const char *layout_problem(const graph::Layout &l);
// Reads and checks the metapage, but not the layout; raises with a hint to REINDEX if the format is not ours.
void read_meta(Relation index, MetaPage *meta);

// Writes the metapage and empty parameter pages of a new index; WAL-logged only for the init fork.
void create_meta(Relation index, ForkNumber fork, const graph::Layout &layout, uint32 parameter_blocks);
// Reads what parameter pages from a block on hold; `check` raises where a page is none.
void read_parameters(Relation index, BlockNumber first, void *parameters, Size bytes,
					 void (*check)(Relation index, BlockNumber block, Page page));
// Stores parameters at an offset in the parameter pages. `log`: through GenericXLog.
void write_parameters(Relation index, Size offset, const void *parameters, Size bytes, bool log,
					  ForkNumber fork = MAIN_FORKNUM);
// Says that the centre has been stored.
void mark_center_set(Relation index, bool log);
// Makes a record the entry point if its level is above the present one's.
void raise_entry(Relation index, graph::NodeId id, int level, bool log);
// Sets the entry point whatever it was (vacuum); id 0 and level -1 for an empty graph.
void set_entry(Relation index, graph::NodeId id, int level);
void store_calibration(Relation index, const Calibration &calibration);

} // namespace ruvector::am
