// am/ivfflat_page.cpp - the pages of an ivfflat index, and what an operation knows of it.
#include "am/context.hpp"
#include "am/ivfflat.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "storage/lmgr.h"
}

namespace ruvector::am {

IvfflatContext make_ivfflat_context(const Opclass &opclass, uint32 dims, uint32 lists) {
	IvfflatContext c = {};
	c.opclass = opclass;
	c.layout.element = uint8(opclass.element);
	c.layout.metric = uint8(opclass.metric);
	c.layout.dims = dims;
	c.layout.vector_bytes = opclass.element == graph::Element::bit   ? (dims + 7) / 8
							: opclass.element == graph::Element::f16 ? dims * uint32(sizeof(uint16))
																	 : dims * uint32(sizeof(float));
	c.distance = graph::distance_function(c.layout);
	c.lists = lists;
	return c;
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

	// The relation cache keeps the operator class: it takes several look-ups in the catalog.
	Opclass *opclass = static_cast<Opclass *>(index->rd_amcache);
	if (!opclass) {
		Opclass found = ivfflat_opclass(index);
		opclass = static_cast<Opclass *>(MemoryContextAlloc(index->rd_indexcxt, sizeof(Opclass)));
		*opclass = found;
		index->rd_amcache = opclass;
	}
	if (uint8(opclass->element) != meta.element || uint8(opclass->metric) != meta.metric)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" was built with another operator class", RelationGetRelationName(index)),
						errhint("Please REINDEX it.")));
	if (meta.dims < 1 || meta.dims > ivfflat_max_dimensions(opclass->element) || meta.lists < uint32(kMinLists) ||
		meta.lists > uint32(kMaxLists))
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("the metapage of index \"%s\" is damaged", RelationGetRelationName(index)),
						errhint("Please REINDEX it.")));
	return make_ivfflat_context(*opclass, meta.dims, meta.lists);
}

const void *ivfflat_vector(const IvfflatContext &context, Datum value, bool query) {
	Context c = {};
	c.layout = context.layout;
	c.opclass = context.opclass;
	return working_vector(c, value, query);
}

void ivfflat_page_init(Page page, IvfflatPageKind kind, Size used) {
	PageInit(page, BLCKSZ, sizeof(IvfflatOpaque));
	IvfflatOpaque *opaque = ivfflat_opaque(page);
	opaque->next = 0;
	opaque->kind = uint16(kind);
	opaque->page_id = kIvfflatPageId;
	if (kind != IvfflatPageKind::entries) {
		memset(PageGetContents(page), 0, used);
		// GenericXLog treats the space between pd_lower and pd_upper as a hole.
		reinterpret_cast<PageHeader>(page)->pd_lower = LocationIndex(MAXALIGN(SizeOfPageHeaderData) + used);
	}
}

void ivfflat_page_check(Relation index, BlockNumber block, Page page, IvfflatPageKind kind) {
	if (PageIsNew(page) || PageGetSpecialSize(page) != MAXALIGN(sizeof(IvfflatOpaque)) ||
		ivfflat_opaque(page)->page_id != kIvfflatPageId || ivfflat_opaque(page)->kind != uint16(kind))
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" contains an unexpected page at block %u", RelationGetRelationName(index), block),
				 errhint("Please REINDEX it.")));
}

IvfflatEntry *page_entry(Relation index, const IvfflatContext &context, BlockNumber block, Page page,
						 OffsetNumber offset) {
	ItemId item = PageGetItemId(page, offset);
	if (!ItemIdIsNormal(item) || ItemIdGetLength(item) != context.entry_size() ||
		ItemIdGetOffset(item) + ItemIdGetLength(item) > BLCKSZ)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" contains a damaged entry at block %u, offset %u",
							   RelationGetRelationName(index), block, offset),
						errhint("Please REINDEX it.")));
	return reinterpret_cast<IvfflatEntry *>(PageGetItem(page, item));
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
