// am/page.cpp - initialises and checks pages.
#include "am/page.hpp"

namespace ruvector::am {

void page_init(Page page, PageKind kind, const graph::Layout &layout) {
	PageInit(page, BLCKSZ, sizeof(PageOpaque));
	PageOpaque *opaque = page_opaque(page);
	opaque->kind = uint16(kind);
	opaque->page_id = kPageId;
	Size used = 0;
	switch (kind) {
	case PageKind::meta:
		used = sizeof(MetaPage);
		break;
	case PageKind::parameters:
		used = kPageBytes;
		break;
	case PageKind::slots:
		used = Size(layout.slots_per_page) * layout.slot_size;
		break;
	case PageKind::chunks:
		return;
	}
	memset(PageGetContents(page), 0, used);
	reinterpret_cast<PageHeader>(page)->pd_lower = LocationIndex(MAXALIGN(SizeOfPageHeaderData) + used);
}

void page_check(Relation index, BlockNumber block, Page page, PageKind kind) {
	if (PageIsNew(page) || PageGetSpecialSize(page) != MAXALIGN(sizeof(PageOpaque)) ||
		page_opaque(page)->page_id != kPageId || page_opaque(page)->kind != uint16(kind))
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" contains an unexpected page at block %u", RelationGetRelationName(index), block),
				 errhint("Please REINDEX it.")));
}

void read_meta(Relation index, MetaPage *meta) {
	Buffer buffer = ReadBuffer(index, kMetaBlock);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	Page page = BufferGetPage(buffer);
	page_check(index, kMetaBlock, page, PageKind::meta);
	*meta = *page_meta(page);
	UnlockReleaseBuffer(buffer);
	if (meta->magic != kMagic)
		ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
						errmsg("index \"%s\" is not an hnsw index", RelationGetRelationName(index)),
						errhint("Please REINDEX it.")));
	if (meta->version != kFormatVersion)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("index \"%s\" has format version %u, but this version of ruvector reads version %u",
							   RelationGetRelationName(index), meta->version, kFormatVersion),
						errhint("Please REINDEX it.")));
}

} // namespace ruvector::am
