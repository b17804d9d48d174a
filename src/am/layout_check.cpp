// am/layout_check.cpp - pins every structure that is on disk. A line that has to change here is a new format version.
#include "am/ivfflat.hpp"

namespace ruvector::am {

using graph::HeapTid;
using graph::Layout;
using graph::RecordHeader;
using graph::VectorRef;

#define RV_PIN_SIZE(type, bytes)                                                                                       \
	static_assert(sizeof(type) == (bytes), "on-disk size of " #type);                                                  \
	static_assert(std::is_standard_layout_v<type> && std::is_trivially_copyable_v<type>, #type " is plain data")
#define RV_PIN(type, field, offset, bytes)                                                                             \
	static_assert(offsetof(type, field) == (offset), "on-disk offset of " #type "." #field);                           \
	static_assert(sizeof(type::field) == (bytes), "on-disk size of " #type "." #field)

RV_PIN_SIZE(HeapTid, 6);
RV_PIN(HeapTid, block_hi, 0, 2);
RV_PIN(HeapTid, block_lo, 2, 2);
RV_PIN(HeapTid, offset, 4, 2);
static_assert(sizeof(ItemPointerData) == sizeof(HeapTid) && offsetof(ItemPointerData, ip_posid) == 4,
			  "a HeapTid is an ItemPointerData");

RV_PIN_SIZE(VectorRef, 8);
RV_PIN(VectorRef, block, 0, 4);
RV_PIN(VectorRef, offset, 4, 2);
RV_PIN(VectorRef, unused, 6, 2);

RV_PIN_SIZE(RecordHeader, 32);
RV_PIN(RecordHeader, state, 0, 1);
RV_PIN(RecordHeader, level, 1, 1);
RV_PIN(RecordHeader, degree, 2, 2);
RV_PIN(RecordHeader, base, 4, 4);
RV_PIN(RecordHeader, down, 8, 4);
RV_PIN(RecordHeader, overflow, 12, 4);
RV_PIN(RecordHeader, tid_count, 16, 2);
RV_PIN(RecordHeader, unused, 18, 2);
RV_PIN(RecordHeader, tids, 20, 12);

RV_PIN_SIZE(Layout, 56);
RV_PIN(Layout, element, 0, 1);
RV_PIN(Layout, metric, 1, 1);
RV_PIN(Layout, codec, 2, 1);
RV_PIN(Layout, external, 3, 1);
RV_PIN(Layout, dims, 4, 4);
RV_PIN(Layout, m, 8, 2);
RV_PIN(Layout, ef_construction, 10, 2);
RV_PIN(Layout, degree, 12, 2);
RV_PIN(Layout, code_dims, 14, 2);
RV_PIN(Layout, bits, 16, 1);
RV_PIN(Layout, slot_bits, 17, 1);
RV_PIN(Layout, slots_per_page, 18, 2);
RV_PIN(Layout, slot_size, 20, 2);
RV_PIN(Layout, ids, 22, 2);
RV_PIN(Layout, lengths, 24, 2);
RV_PIN(Layout, occluded, 26, 2);
RV_PIN(Layout, pinned, 28, 2);
RV_PIN(Layout, a, 30, 2);
RV_PIN(Layout, f, 32, 2);
RV_PIN(Layout, codes, 34, 2);
RV_PIN(Layout, vector, 36, 2);
RV_PIN(Layout, pq_subspaces, 38, 2);
RV_PIN(Layout, vector_bytes, 40, 4);
RV_PIN(Layout, seed, 48, 8);

RV_PIN_SIZE(PageOpaque, 8);
RV_PIN(PageOpaque, kind, 0, 2);
RV_PIN(PageOpaque, unused, 2, 4);
RV_PIN(PageOpaque, page_id, 6, 2);

RV_PIN_SIZE(CalibrationStep, 8);
RV_PIN(CalibrationStep, ef, 0, 4);
RV_PIN(CalibrationStep, recall, 4, 4);

RV_PIN_SIZE(Calibration, 152);
RV_PIN(Calibration, measured_at, 0, 8);
RV_PIN(Calibration, k, 8, 4);
RV_PIN(Calibration, queries, 12, 4);
RV_PIN(Calibration, steps, 16, 2);
RV_PIN(Calibration, given, 18, 2);
RV_PIN(Calibration, unused, 20, 4);
RV_PIN(Calibration, step, 24, 128);

RV_PIN_SIZE(MetaPage, 232);
RV_PIN(MetaPage, magic, 0, 4);
RV_PIN(MetaPage, version, 4, 4);
RV_PIN(MetaPage, layout, 8, 56);
RV_PIN(MetaPage, entry, 64, 4);
RV_PIN(MetaPage, entry_level, 68, 2);
RV_PIN(MetaPage, center_set, 70, 2);
RV_PIN(MetaPage, parameter_blocks, 72, 4);
RV_PIN(MetaPage, unused, 76, 4);
RV_PIN(MetaPage, calibration, 80, 152);

RV_PIN_SIZE(ChunkHeader, 16);
RV_PIN(ChunkHeader, next_block, 0, 4);
RV_PIN(ChunkHeader, next_offset, 4, 2);
RV_PIN(ChunkHeader, unused, 6, 2);
RV_PIN(ChunkHeader, bytes, 8, 4);
RV_PIN(ChunkHeader, unused2, 12, 4);

RV_PIN_SIZE(IvfflatMeta, 28);
RV_PIN(IvfflatMeta, magic, 0, 4);
RV_PIN(IvfflatMeta, version, 4, 4);
RV_PIN(IvfflatMeta, element, 8, 1);
RV_PIN(IvfflatMeta, metric, 9, 1);
RV_PIN(IvfflatMeta, codec, 10, 1);
RV_PIN(IvfflatMeta, lanes, 11, 1);
RV_PIN(IvfflatMeta, dims, 12, 4);
RV_PIN(IvfflatMeta, lists, 16, 4);
RV_PIN(IvfflatMeta, pq_subspaces, 20, 4);
RV_PIN(IvfflatMeta, scale, 24, 4);

RV_PIN_SIZE(IvfflatOpaque, 8);
RV_PIN(IvfflatOpaque, next, 0, 4);
RV_PIN(IvfflatOpaque, kind, 4, 2);
RV_PIN(IvfflatOpaque, page_id, 6, 2);

RV_PIN_SIZE(IvfflatList, 8);
RV_PIN(IvfflatList, first, 0, 4);
RV_PIN(IvfflatList, insert, 4, 4);

RV_PIN_SIZE(IvfflatPageHead, 8);
RV_PIN(IvfflatPageHead, count, 0, 2);
RV_PIN(IvfflatPageHead, unused, 2, 6);

RV_PIN_SIZE(IvfflatEntry, 8);
RV_PIN(IvfflatEntry, tid, 0, 6);
RV_PIN(IvfflatEntry, unused, 6, 2);

// Numbers that are stored.
static_assert(int(graph::Element::f32) == 0 && int(graph::Element::f16) == 1 && int(graph::Element::bit) == 2 &&
			  int(graph::Element::sparse) == 3);
static_assert(int(graph::Metric::l2) == 0 && int(graph::Metric::ip) == 1 && int(graph::Metric::cosine) == 2 &&
			  int(graph::Metric::l1) == 3 && int(graph::Metric::hamming) == 4 && int(graph::Metric::jaccard) == 5);
static_assert(int(graph::Codec::plain) == 0 && int(graph::Codec::int8) == 1 && int(graph::Codec::pq) == 2 &&
			  int(graph::Codec::binary) == 3);
static_assert(int(graph::RecordState::free) == 0 && int(graph::RecordState::live) == 1 &&
			  int(graph::RecordState::dead) == 2 && int(graph::RecordState::tids) == 3);
static_assert(int(PageKind::meta) == 1 && int(PageKind::parameters) == 2 && int(PageKind::slots) == 3 &&
			  int(PageKind::chunks) == 4);
static_assert(int(IvfflatPageKind::meta) == 1 && int(IvfflatPageKind::lists) == 2 &&
			  int(IvfflatPageKind::entries) == 3 && int(IvfflatPageKind::parameters) == 4);
// The longest vectors that an ivfflat index takes fit into its pages.
static_assert(sizeof(IvfflatEntry) + kIvfflatMaxVector * sizeof(float) <= kGroupBytes &&
			  sizeof(IvfflatEntry) + kIvfflatMaxHalfvec * sizeof(uint16) <= kGroupBytes &&
			  sizeof(IvfflatEntry) + graph::kMaxBitDimensions / 8 <= kGroupBytes);
static_assert(graph::kInlineTids == 2 && graph::kBlockLanes == 32);

} // namespace ruvector::am
