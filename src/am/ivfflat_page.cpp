// am/ivfflat_page.cpp - the pages of an ivfflat index, and what an operation knows of it.
#include "am/ivfflat.hpp"

#include <cmath>

#include "ruvector/simd/kernels.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "storage/lmgr.h"
}

namespace ruvector::am {

namespace {

// What rd_amcache holds, in one chunk: this, then the parameters. Both take a while to read.
struct CachedIvfflat {
	Opclass opclass;
	Size parameter_bytes;
};
uint8_t *cached_parameters(CachedIvfflat *c) {
	return reinterpret_cast<uint8_t *>(c) + MAXALIGN(sizeof(CachedIvfflat));
}

// Whether entries are codes relative to the centroids, in blocks. A byte a dimension gains nothing by that.
bool codes_residuals(graph::Codec codec) {
	return codec == graph::Codec::pq || codec == graph::Codec::binary;
}

// As few blocks a page as there can be, unless smaller ones use the page much better: each takes as long to score.
uint32 planned_lanes(Size entry_bytes) {
	constexpr Size kPadding = 2 * MAXIMUM_ALIGNOF;
	uint32 fit = uint32((kGroupBytes - kPadding) / entry_bytes);
	uint32 blocks = Max(fit / graph::kBlockLanes, 1);
	uint32 lanes = Min(graph::kBlockLanes, fit) / 2 * 2;
	uint32 smaller = fit / (blocks + 1) / 2 * 2;
	return smaller * (blocks + 1) * 6 > lanes * blocks * 7 ? smaller : lanes;
}

// What the metapage says must be possible before anything is computed from it.
bool possible(const IvfflatMeta &meta, const Opclass &opclass) {
	return meta.dims >= 1 && meta.dims <= ivfflat_max_dimensions(opclass.element) && meta.lists >= uint32(kMinLists) &&
		   meta.lists <= uint32(kMaxLists) &&
		   (opclass.codec == graph::Codec::pq ? meta.pq_subspaces >= 1 && meta.pq_subspaces <= meta.dims
											  : meta.pq_subspaces == 0) &&
		   std::isfinite(meta.scale);
}

} // namespace

Size IvfflatContext::parameter_bytes() const {
	return has_blocks() ? Size(layout.dims) * sizeof(float) + codebook_bytes(rows->layout) : 0;
}

Size ivfflat_vector_bytes(graph::Element element, uint32 dims) {
	return element == graph::Element::bit   ? (dims + 7) / 8
		   : element == graph::Element::f16 ? dims * sizeof(uint16)
											: dims * sizeof(float);
}

IvfflatContext make_ivfflat_context(const Opclass &opclass, uint32 dims, uint32 lists, uint32 pq_subspaces) {
	IvfflatContext c = {};
	c.opclass = opclass;
	c.layout.element = uint8(opclass.element);
	c.layout.metric = uint8(opclass.metric);
	c.layout.dims = dims;
	c.layout.vector_bytes = uint32(ivfflat_vector_bytes(opclass.element, dims));
	c.distance = graph::distance_function(c.layout);
	c.lists = lists;
	c.lanes = 1;
	c.scale = 1;
	c.stored_bytes = c.layout.vector_bytes;
	graph::Layout rows = c.layout;
	if (!c.is_plain()) {
		rows.element = uint8(graph::Element::f32);
		rows.codec = uint8(opclass.codec);
		rows.pq_subspaces = uint16(pq_subspaces);
		rows.seed = kRotationSeed;
		c.stored_bytes = rows.vector_bytes = uint32(codec::code_bytes(vector_codec(rows)));
	}
	c.rows = make_context(rows, opclass);
	if (codes_residuals(opclass.codec)) {
		Size nibbles = codec::code_nibbles(c.rows->model.vectors);
		c.lanes = planned_lanes((nibbles + 1) / 2 + 2 * sizeof(float) + sizeof(uint16) + sizeof(graph::HeapTid));
		c.stored_bytes = sizeof(codec::ListFactors) + nibbles;
		c.middle = static_cast<float *>(palloc0(Size(dims) * sizeof(float)));
		use_ivfflat_parameters(&c, nullptr);
		c.group_size = MAXALIGN(c.tid_offset() + c.lanes * sizeof(graph::HeapTid));
	} else
		c.group_size = MAXALIGN(sizeof(IvfflatEntry) + c.stored_bytes);
	return c;
}

void use_ivfflat_parameters(IvfflatContext *c, const uint8_t *codebook) {
	set_parameters(c->rows, c->middle, codebook);
	c->codec = {c->rows->model.vectors, c->code_metric(), c->middle};
	c->shape = codec::list_blocks(c->codec, c->lanes);
}

static void damaged(Relation index) {
	ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
					errmsg("the metapage of index \"%s\" is damaged", RelationGetRelationName(index)),
					errhint("Please REINDEX it.")));
}

IvfflatContext load_ivfflat_context(Relation index) {
	Buffer buffer = ReadBuffer(index, kMetaBlock);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	Page page = BufferGetPage(buffer);
	ivfflat_page_check(index, kMetaBlock, page, IvfflatPageKind::meta);
	IvfflatMeta meta = *reinterpret_cast<IvfflatMeta *>(PageGetContents(page));
	UnlockReleaseBuffer(buffer);
	if (meta.magic != kIvfflatMagic)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" is not an ivfflat index", RelationGetRelationName(index)),
						errhint("Please REINDEX it.")));
	if (meta.version != kIvfflatVersion)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("index \"%s\" has format version %u, but this version of ruvector reads version %u",
							   RelationGetRelationName(index), meta.version, kIvfflatVersion),
						errhint("Please REINDEX it.")));

	CachedIvfflat *cached = static_cast<CachedIvfflat *>(index->rd_amcache);
	Opclass opclass = cached != nullptr ? cached->opclass : index_opclass(index);
	if (uint8(opclass.element) != meta.element || uint8(opclass.metric) != meta.metric ||
		uint8(opclass.codec) != meta.codec)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" was built with another operator class", RelationGetRelationName(index)),
						errhint("Please REINDEX it.")));
	if (!possible(meta, opclass))
		damaged(index);
	IvfflatContext c = make_ivfflat_context(opclass, meta.dims, meta.lists, meta.pq_subspaces);
	if (c.lanes != meta.lanes)
		damaged(index);
	c.scale = meta.scale;
	if (cached == nullptr) {
		cached = static_cast<CachedIvfflat *>(
			MemoryContextAlloc(index->rd_indexcxt, MAXALIGN(sizeof(CachedIvfflat)) + c.parameter_bytes()));
		cached->opclass = opclass;
		cached->parameter_bytes = c.parameter_bytes();
		read_parameters(index, c.parameter_block(), cached_parameters(cached), c.parameter_bytes(),
						[](Relation of, BlockNumber block, Page page) {
							ivfflat_page_check(of, block, page, IvfflatPageKind::parameters);
						});
		index->rd_amcache = cached;
	}
	if (cached->parameter_bytes != c.parameter_bytes())
		damaged(index);
	if (c.has_blocks()) {
		const uint8_t *parameters = cached_parameters(cached);
		Size middle_bytes = Size(meta.dims) * sizeof(float);
		memcpy(c.middle, parameters, middle_bytes);
		use_ivfflat_parameters(&c, codebook_bytes(c.rows->layout) != 0 ? parameters + middle_bytes : nullptr);
	}
	return c;
}

IvfflatVector ivfflat_vector(const IvfflatContext &c, Datum value, bool query) {
	const void *vector = working_vector(*c.rows, value, query);
	if (c.is_plain() || vector == nullptr)
		return {vector, nullptr};
	const float *floats = static_cast<const float *>(vector);
	if (c.opclass.element == graph::Element::f32)
		return {vector, floats};
	uint16_t *half = static_cast<uint16_t *>(palloc(c.layout.vector_bytes));
	simd::kernels->f32_to_f16(floats, half, c.layout.dims);
	return {half, floats};
}

void list_centre(const IvfflatContext &c, const void *centroid, float *centre) {
	graph::to_floats(c.layout, centroid, centre);
	for (uint32 i = 0; i < c.layout.dims; i++)
		centre[i] *= c.scale;
}

void ivfflat_encode(const IvfflatContext &c, const void *centroid, const IvfflatVector &vector, void *stored) {
	if (c.is_plain()) {
		memcpy(stored, vector.vector, c.stored_bytes);
		return;
	}
	uint8_t *bytes = static_cast<uint8_t *>(stored);
	if (!c.has_blocks()) {
		void *scratch = palloc_aligned(codec::scratch_bytes(c.rows->model.vectors));
		codec::encode(c.rows->model.vectors, vector.floats, bytes, scratch);
		return;
	}
	float *centre = static_cast<float *>(palloc(Size(c.layout.dims) * sizeof(float)));
	void *scratch = palloc_aligned(codec::list_scratch_bytes(c.codec));
	list_centre(c, centroid, centre);
	codec::ListFactors factors;
	codec::encode_in_list(c.codec, centre, vector.floats, bytes + sizeof(factors), factors, scratch);
	memcpy(bytes, &factors, sizeof(factors));
}

void ivfflat_page_init(Page page, IvfflatPageKind kind, Size used) {
	PageInit(page, BLCKSZ, sizeof(IvfflatOpaque));
	IvfflatOpaque *opaque = ivfflat_opaque(page);
	opaque->next = 0;
	opaque->kind = uint16(kind);
	opaque->page_id = kIvfflatPageId;
	// GenericXLog treats the space between pd_lower and pd_upper as a hole.
	reinterpret_cast<PageHeader>(page)->pd_lower = LocationIndex(MAXALIGN(SizeOfPageHeaderData) + used);
}

bool is_ivfflat_page(Page page, IvfflatPageKind kind) {
	return !PageIsNew(page) && PageGetSpecialSize(page) == MAXALIGN(sizeof(IvfflatOpaque)) &&
		   ivfflat_opaque(page)->page_id == kIvfflatPageId && ivfflat_opaque(page)->kind == uint16(kind);
}

void ivfflat_page_check(Relation index, BlockNumber block, Page page, IvfflatPageKind kind) {
	if (!is_ivfflat_page(page, kind))
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" contains an unexpected page at block %u", RelationGetRelationName(index), block),
				 errhint("Please REINDEX it.")));
}

Buffer ivfflat_entry_buffer(Relation index, const IvfflatContext &c, BlockNumber block, ListWalk *walk, int lock,
							BufferAccessStrategy strategy) {
	walk->pages++;
	if (block >= walk->blocks || walk->pages > walk->blocks)
		walk->blocks = RelationGetNumberOfBlocks(index);
	if (block >= walk->blocks || walk->pages > walk->blocks)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" has a list that leads to block %u, which cannot have its entries",
							   RelationGetRelationName(index), block),
						errhint("Please REINDEX it.")));
	Buffer buffer = ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
	LockBuffer(buffer, lock);
	Page page = BufferGetPage(buffer);
	ivfflat_page_check(index, block, page, IvfflatPageKind::entries);
	if (page_head(page)->count > c.page_entries())
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" contains a page of %u entries at block %u, where %u fit",
							   RelationGetRelationName(index), page_head(page)->count, block, c.page_entries()),
						errhint("Please REINDEX it.")));
	return buffer;
}

LocationIndex entries_end(const IvfflatContext &c, uint32 count) {
	return LocationIndex(MAXALIGN(SizeOfPageHeaderData) + sizeof(IvfflatPageHead) +
						 (count + c.lanes - 1) / c.lanes * c.group_size);
}

namespace {

void set_count(Page page, const IvfflatContext &c, uint32 count) {
	page_head(page)->count = uint16(count);
	reinterpret_cast<PageHeader>(page)->pd_lower = entries_end(c, count);
}

// Of an entry of a block: its place among those of its kind.
template <typename T>
T *lane_value(char *group, Size offset, uint32 lane) {
	return reinterpret_cast<T *>(group + offset) + lane;
}

void move_lane(const IvfflatContext &c, char *from, uint32 from_lane, char *to, uint32 to_lane) {
	uint8_t packed[graph::kMaxDimensions];
	codec::load_lane(c.shape, reinterpret_cast<uint8_t *>(from), from_lane, packed);
	codec::store_lane(c.shape, packed, reinterpret_cast<uint8_t *>(to), to_lane);
	*lane_value<float>(to, c.a_offset(), to_lane) = *lane_value<float>(from, c.a_offset(), from_lane);
	*lane_value<float>(to, c.f_offset(), to_lane) = *lane_value<float>(from, c.f_offset(), from_lane);
	*lane_value<uint16>(to, c.error_offset(), to_lane) = *lane_value<uint16>(from, c.error_offset(), from_lane);
	*lane_value<graph::HeapTid>(to, c.tid_offset(), to_lane) =
		*lane_value<graph::HeapTid>(from, c.tid_offset(), from_lane);
}

} // namespace

void page_add(Page page, const IvfflatContext &c, ItemPointer tid, const void *stored) {
	uint32 entry = page_head(page)->count, lane = entry % c.lanes;
	char *group = page_group(page, c, entry / c.lanes);
	if (lane == 0)
		memset(group, 0, c.group_size);
	if (c.has_blocks()) {
		codec::ListFactors factors;
		memcpy(&factors, stored, sizeof(factors));
		codec::store_lane(c.shape, static_cast<const uint8_t *>(stored) + sizeof(factors),
						  reinterpret_cast<uint8_t *>(group), lane);
		*lane_value<float>(group, c.a_offset(), lane) = factors.a;
		*lane_value<float>(group, c.f_offset(), lane) = factors.f;
		*lane_value<uint16>(group, c.error_offset(), lane) = graph::to_bf16(factors.error);
	} else
		memcpy(group + sizeof(IvfflatEntry), stored, c.stored_bytes);
	*page_tid(page, c, entry) = to_heap_tid(tid);
	set_count(page, c, entry + 1);
}

bool page_entry_is(Page page, const IvfflatContext &c, uint32 entry, const void *stored) {
	char *group = page_group(page, c, entry / c.lanes);
	if (!c.has_blocks())
		return memcmp(group + sizeof(IvfflatEntry), stored, c.stored_bytes) == 0;
	const uint8_t *packed = static_cast<const uint8_t *>(stored) + sizeof(codec::ListFactors);
	uint8_t is[graph::kMaxDimensions];
	codec::load_lane(c.shape, reinterpret_cast<uint8_t *>(group), entry % c.lanes, is);
	Size nibbles = c.shape.packed_bytes(), differing = 0;
	for (Size i = 0; i < nibbles; i++)
		differing += is[i] != packed[i];
	codec::ListFactors factors;
	memcpy(&factors, stored, sizeof(factors));
	const float f = *lane_value<float>(group, c.f_offset(), entry % c.lanes);
	return differing <= nibbles / 16 && (f == factors.f || std::fabs(f - factors.f) <= 0.05f * std::fabs(factors.f));
}

// From the last one on, so that what fills a gap stays.
void page_remove(Page page, const IvfflatContext &c, const uint16 *entries, uint32 count) {
	uint32 left = page_head(page)->count;
	while (count > 0) {
		uint32 entry = entries[--count], last = --left;
		if (entry == last)
			continue;
		char *from = page_group(page, c, last / c.lanes), *to = page_group(page, c, entry / c.lanes);
		if (c.has_blocks())
			move_lane(c, from, last % c.lanes, to, entry % c.lanes);
		else
			memcpy(to, from, c.group_size);
	}
	set_count(page, c, left);
}

Buffer ivfflat_extend(Relation index, ForkNumber fork) {
	LockRelationForExtension(index, ExclusiveLock);
	Buffer buffer = ReadBufferExtended(index, fork, P_NEW, RBM_NORMAL, nullptr);
	UnlockRelationForExtension(index, ExclusiveLock);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	return buffer;
}

Buffer ivfflat_list_buffer(Relation index, const IvfflatContext &context, uint32 list, int lock) {
	BlockNumber block = context.list_block(list);
	Buffer buffer = ReadBuffer(index, block);
	LockBuffer(buffer, lock);
	ivfflat_page_check(index, block, BufferGetPage(buffer), IvfflatPageKind::lists);
	return buffer;
}

void ivfflat_set_insert(Relation index, const IvfflatContext &context, uint32 list, BlockNumber block) {
	Buffer buffer = ivfflat_list_buffer(index, context, list, BUFFER_LOCK_EXCLUSIVE);
	GenericXLogState *state = GenericXLogStart(index);
	page_list(GenericXLogRegisterBuffer(state, buffer, 0), context, list)->insert = block;
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

} // namespace ruvector::am
