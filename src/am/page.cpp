// am/page.cpp - initialises and checks pages.
#include "am/context.hpp"

extern "C" {
#include "access/generic_xlog.h"
#include "access/xloginsert.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"
#include "storage/lmgr.h"
}

namespace ruvector::am {

void page_init(Page page, PageKind kind, const graph::Layout &layout) {
	PageInit(page, BLCKSZ, sizeof(PageOpaque));
	PageOpaque *opaque = page_opaque(page);
	opaque->kind = uint16(kind);
	opaque->page_id = kPageId;
	reinterpret_cast<PageHeader>(page)->pd_prune_xid = TransactionId(kind);
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

const char *layout_problem(const graph::Layout &l) {
	if (graph::distance_function(l) == nullptr)
		return "its element type and metric do not go together";
	if (l.codec > uint8(graph::Codec::binary))
		return "its codec is unknown";
	if (l.dims < 1 || l.dims > max_dimensions(graph::Element(l.element)))
		return "its number of dimensions is out of range";
	if (!l.is_plain() && (l.element != uint8(graph::Element::f32) || l.metric > uint8(graph::Metric::cosine)))
		return "its codec and its metric do not go together";
	if (l.codec == uint8(graph::Codec::pq) ? l.pq_subspaces < 1 || l.pq_subspaces > l.dims : l.pq_subspaces != 0)
		return "its codec has an impossible number of subspaces";
	uint32 bytes = !l.is_plain()                             ? uint32(codec::code_bytes(vector_codec(l)))
				   : l.element == uint8(graph::Element::f32) ? l.dims * 4
				   : l.element == uint8(graph::Element::f16) ? l.dims * 2
				   : l.element == uint8(graph::Element::bit) ? (l.dims + 7) / 8
															 : 0;
	if (l.vector_bytes != bytes || (bytes == 0 && !l.external))
		return "its vectors have an impossible size";
	if (l.degree < 1 || l.degree > graph::kMaxDegree || l.slots_per_page < 1 || l.slot_bits > 8 ||
		(1u << l.slot_bits) < l.slots_per_page || l.slot_size < sizeof(graph::RecordHeader) || l.slot_size % 16 != 0 ||
		Size(l.slot_size) * l.slots_per_page > kPageBytes)
		return "its records do not fit into a page";
	if (l.bits != 0 && ((l.bits != 1 && l.bits != 2 && l.bits != 4) || l.code_dims < 4 || l.code_dims % 4 != 0 ||
						l.code_dims > 4 * l.dims || l.degree % 8 != 0 ||
						(l.degree > graph::kBlockLanes && l.degree % graph::kBlockLanes != 0)))
		return "its edge codes are impossible";
	struct {
		uint32 start, bytes, alignment;
	} fields[] = {
		{l.ids, l.degree * 4u, 4},
		{l.lengths, l.degree * 2u, 2},
		{l.occluded, (l.degree + 7u) / 8, 1},
		{l.pinned, (l.degree + 7u) / 8, 1},
		{l.a, l.bits ? l.degree * 4u : 0, 4},
		{l.f, l.bits ? l.degree * 2u : 0, 2},
		{l.codes, l.bits ? uint32(l.blocks() * l.block_bytes()) : 0, 16},
		{l.vector, l.external ? uint32(sizeof(graph::VectorRef)) : l.vector_bytes, l.external ? 4u : 16u},
	};
	for (const auto &field : fields)
		if (field.bytes != 0 && (field.start < sizeof(graph::RecordHeader) || field.start % field.alignment != 0 ||
								 field.start + field.bytes > l.slot_size))
			return "a field of its records is out of place";
	return nullptr;
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

void create_meta(Relation index, ForkNumber fork, const graph::Layout &layout, uint32 parameter_blocks) {
	for (uint32 block = 0; block <= parameter_blocks; block++) {
		LockRelationForExtension(index, ExclusiveLock);
		Buffer buffer = ReadBufferExtended(index, fork, P_NEW, RBM_NORMAL, nullptr);
		UnlockRelationForExtension(index, ExclusiveLock);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		START_CRIT_SECTION();
		Page page = BufferGetPage(buffer);
		page_init(page, block == kMetaBlock ? PageKind::meta : PageKind::parameters, layout);
		if (block == kMetaBlock) {
			MetaPage *meta = page_meta(page);
			meta->magic = kMagic;
			meta->version = kFormatVersion;
			meta->layout = layout;
			meta->entry = graph::kNoNode;
			meta->entry_level = -1;
			meta->parameter_blocks = parameter_blocks;
		}
		MarkBufferDirty(buffer);
		if (fork == INIT_FORKNUM)
			log_newpage_buffer(buffer, true);
		END_CRIT_SECTION();
		UnlockReleaseBuffer(buffer);
	}
}

namespace {

// What a record of GenericXLog holds of a page: fragments of an offset, a length, and as many bytes. Equal bytes between
// two changes are cheaper repeated than skipped if they are fewer than a fragment's header.
constexpr Size kFragmentHeader = 2 * sizeof(OffsetNumber);

uint64 little_endian(uint64 word) {
#ifdef WORDS_BIGENDIAN
	return pg_bswap64(word);
#else
	return word;
#endif
}

// Fragments of what differs between two images of `bytes` bytes, a multiple of eight; `offset` is that of the first byte in
// its page. Returns their size, at most twice `bytes`; up to eight bytes more are written.
Size write_fragments(const uint8_t *before, const uint8_t *after, Size offset, Size bytes, uint8_t *fragments) {
	Size written = 0, length_at = 0, end = 0; // of the last fragment
	for (Size word = 0; word < bytes; word += sizeof(uint64)) {
		uint64 a, b;
		memcpy(&a, before + word, sizeof(a));
		memcpy(&b, after + word, sizeof(b));
		if (a == b)
			continue;
		const uint64 changed = little_endian(a ^ b), value = little_endian(b);
		const Size skipped = Size(pg_rightmost_one_pos64(changed)) / 8,
				   length = Size(pg_leftmost_one_pos64(changed)) / 8 + 1 - skipped;
		const Size first = word + skipped;
		if (written > 0 && first - end < kFragmentHeader)
			while (end < first)
				fragments[written++] = after[end++];
		else {
			OffsetNumber at = OffsetNumber(offset + first);
			memcpy(fragments + written, &at, sizeof(at));
			length_at = written + sizeof(at);
			written += kFragmentHeader;
		}
		const uint64 rest =
			little_endian(value >> 8 * skipped); // as a whole word: fewer branches than as many bytes as it has
		memcpy(fragments + written, &rest, sizeof(rest));
		written += length;
		end = first + length;
		OffsetNumber fragment = OffsetNumber(written - length_at - sizeof(OffsetNumber));
		memcpy(fragments + length_at, &fragment, sizeof(fragment));
	}
	return written;
}

} // namespace

void replace_record(Relation index, Buffer buffer, const graph::Layout &layout, uint32 slot, const void *image,
					Size bytes, bool log) {
	static uint8_t fragments[2 * BLCKSZ + sizeof(uint64)];
	Page page = BufferGetPage(buffer);
	uint8_t *target = page_slot(page, layout, slot);
	const Size offset = Size(target - reinterpret_cast<uint8_t *>(page));
	const bool logged = log && RelationNeedsWAL(index);
	// The first change after a checkpoint logs the page: its fragments would be left out. Forced, for until it is written
	// full_page_writes may be switched off.
	const bool whole = logged && XLogCheckBufferNeedsBackup(buffer);
	const Size written =
		logged && !whole ? write_fragments(target, static_cast<const uint8_t *>(image), offset, bytes, fragments) : 0;
	if (logged && !whole && written == 0)
		return;
	if (logged)
		XLogBeginInsert();
	START_CRIT_SECTION();
	memcpy(target, image, bytes);
	MarkBufferDirty(buffer);
	if (logged) {
		XLogRegisterBuffer(0, buffer, REGBUF_STANDARD | (whole ? REGBUF_FORCE_IMAGE : 0));
		if (!whole)
			XLogRegisterBufData(0, reinterpret_cast<char *>(fragments), int(written));
		const XLogRecPtr lsn = XLogInsert(RM_GENERIC_ID, 0); // PageSetLSN is a macro that takes it twice
		PageSetLSN(page, lsn);
	}
	END_CRIT_SECTION();
}

namespace {

// An exclusively locked page, being changed.
struct PageChange {
	Buffer buffer;
	GenericXLogState *state;
	Page page;
};

PageChange begin_change(Relation index, BlockNumber block, bool log, ForkNumber fork = MAIN_FORKNUM) {
	PageChange c;
	c.buffer = ReadBufferExtended(index, fork, block, RBM_NORMAL, nullptr);
	LockBuffer(c.buffer, BUFFER_LOCK_EXCLUSIVE);
	c.state = log ? GenericXLogStart(index) : nullptr;
	c.page = log ? GenericXLogRegisterBuffer(c.state, c.buffer, 0) : BufferGetPage(c.buffer);
	return c;
}

void finish_change(PageChange &c) {
	if (c.state)
		GenericXLogFinish(c.state);
	else
		MarkBufferDirty(c.buffer);
	UnlockReleaseBuffer(c.buffer);
}

} // namespace

void read_parameters(Relation index, BlockNumber first, void *parameters, Size bytes,
					 void (*check)(Relation index, BlockNumber block, Page page)) {
	Size done = 0;
	for (BlockNumber block = first; done < bytes; block++) {
		Buffer buffer = ReadBuffer(index, block);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		Page page = BufferGetPage(buffer);
		check(index, block, page);
		Size n = Min(bytes - done, kPageBytes);
		memcpy(static_cast<char *>(parameters) + done, PageGetContents(page), n);
		done += n;
		UnlockReleaseBuffer(buffer);
	}
}

void write_parameters(Relation index, Size offset, const void *parameters, Size bytes, bool log, ForkNumber fork) {
	for (Size done = 0; done < bytes;) {
		Size at = (offset + done) % kPageBytes, n = Min(bytes - done, kPageBytes - at);
		PageChange c = begin_change(index, BlockNumber(1 + (offset + done) / kPageBytes), log, fork);
		memcpy(PageGetContents(c.page) + at, static_cast<const char *>(parameters) + done, n);
		finish_change(c);
		done += n;
	}
}

void mark_center_set(Relation index, bool log) {
	PageChange c = begin_change(index, kMetaBlock, log);
	page_meta(c.page)->center_set = 1;
	finish_change(c);
}

void raise_entry(Relation index, graph::NodeId id, int level, bool log) {
	PageChange c = begin_change(index, kMetaBlock, log);
	MetaPage *meta = page_meta(c.page);
	if (level > meta->entry_level) {
		meta->entry = id;
		meta->entry_level = int16(level);
	}
	finish_change(c);
}

void set_entry(Relation index, graph::NodeId id, int level) {
	PageChange c = begin_change(index, kMetaBlock, true);
	MetaPage *meta = page_meta(c.page);
	meta->entry = id;
	meta->entry_level = int16(level);
	finish_change(c);
}

void store_calibration(Relation index, const Calibration &calibration) {
	PageChange c = begin_change(index, kMetaBlock, true);
	page_meta(c.page)->calibration = calibration;
	finish_change(c);
}

} // namespace ruvector::am
