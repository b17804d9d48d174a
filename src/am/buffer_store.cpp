// am/buffer_store.cpp - writing of records and chunks; allocation of space.
#include "am/buffer_store.hpp"

extern "C" {
#include "commands/vacuum.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
}

namespace ruvector::am {

using graph::NodeId;
using graph::RecordHeader;
using graph::RecordState;

void BufferStore::pause() {
	RV_VACUUM_DELAY_POINT();
}

Page BufferStore::begin(Buffer buffer, GenericXLogState **state, bool full_image) {
	if (!log) {
		*state = nullptr;
		return BufferGetPage(buffer);
	}
	*state = GenericXLogStart(index);
	return GenericXLogRegisterBuffer(*state, buffer, full_image ? GENERIC_XLOG_FULL_IMAGE : 0);
}

void BufferStore::finish(Buffer buffer, GenericXLogState *state) {
	if (state)
		GenericXLogFinish(state);
	else
		MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

const uint8_t *BufferStore::open_exclusive(NodeId id, WriteHandle &h) {
	if (!in_range(id))
		return nullptr;
	h.id = id;
	h.buffer = read(layout->block_of(id));
	LockBuffer(h.buffer, BUFFER_LOCK_EXCLUSIVE);
	Page page = BufferGetPage(h.buffer);
	if (!is_slot_page(page)) {
		UnlockReleaseBuffer(h.buffer);
		return nullptr;
	}
	return page_slot(page, *layout, layout->slot_of(id));
}

static PGAlignedBlock changed_record;

uint8_t *BufferStore::modify(WriteHandle &h) {
	const uint8_t *present = page_slot(BufferGetPage(h.buffer), *layout, layout->slot_of(h.id));
	const uint8_t state = reinterpret_cast<const RecordHeader *>(present)->state;
	const bool vertex = state == uint8_t(RecordState::live) || state == uint8_t(RecordState::dead);
	h.bytes =
		vertex && !layout->external ? layout->vector : layout->slot_size; // a vertex's vector, the last field, stays
	return static_cast<uint8_t *>(memcpy(changed_record.data, present, h.bytes));
}

void BufferStore::commit(WriteHandle &h) {
	replace_record(index, h.buffer, *layout, layout->slot_of(h.id), changed_record.data, h.bytes, log);
	UnlockReleaseBuffer(h.buffer);
}

// A new page at the end of the relation, exclusively locked and initialised.
Buffer BufferStore::extend(PageKind kind, GenericXLogState **state, Page *page) {
	LockRelationForExtension(index, ExclusiveLock);
	Buffer buffer = ReadBuffer(index, P_NEW);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	UnlockRelationForExtension(index, ExclusiveLock);
	*page = begin(buffer, state, true);
	page_init(*page, kind, *layout);
	return buffer;
}

// A page from the free space map that has room for something of the kind: exclusively locked, not checked for how much;
// or InvalidBuffer. Pages that are empty can change their kind: the caller initialises them if the kind differs.
Buffer BufferStore::free_page(PageKind wanted) {
	for (int attempt = 0; attempt < 4; attempt++) {
		BlockNumber block = GetFreeIndexPage(index);
		if (block == InvalidBlockNumber)
			return InvalidBuffer;
		if (block >= RelationGetNumberOfBlocks(index))
			continue; // the map is not WAL-logged and may be ahead of the relation
		Buffer buffer = ReadBuffer(index, block);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		Page page = BufferGetPage(buffer);
		uint16 kind = PageIsNew(page) ? 0 : page_opaque(page)->kind;
		if (kind == uint16(wanted) || kind == 0)
			return buffer;
		if (kind == uint16(PageKind::chunks) && PageIsEmpty(page))
			return buffer;
		UnlockReleaseBuffer(buffer);
		RecordFreeIndexPage(index, block);
		return InvalidBuffer;
	}
	return InvalidBuffer;
}

NodeId BufferStore::add(const uint8_t *image, const void *) {
	GenericXLogState *state;
	Page page;
	Buffer buffer = InvalidBuffer;
	uint32 slot = layout->slots_per_page;
	auto find_free = [&](Page p) {
		if (PageIsNew(p) || page_opaque(p)->kind != uint16(PageKind::slots))
			return uint32(0);
		for (uint32 i = 0; i < layout->slots_per_page; i++)
			if (reinterpret_cast<RecordHeader *>(page_slot(p, *layout, i))->state == uint8_t(RecordState::free))
				return i;
		return uint32(layout->slots_per_page);
	};
	BlockNumber target = RelationGetTargetBlock(index);
	if (target != InvalidBlockNumber) {
		buffer = ReadBuffer(index, target);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		Page p = BufferGetPage(buffer);
		slot = page_opaque(p)->kind == uint16(PageKind::slots) ? find_free(p) : layout->slots_per_page;
		if (slot == layout->slots_per_page) {
			UnlockReleaseBuffer(buffer);
			buffer = InvalidBuffer;
		}
	}
	while (buffer == InvalidBuffer) {
		buffer = free_page(PageKind::slots);
		if (buffer == InvalidBuffer)
			break;
		slot = find_free(BufferGetPage(buffer));
		if (slot == layout->slots_per_page) {
			UnlockReleaseBuffer(buffer);
			buffer = InvalidBuffer;
		}
	}
	if (buffer == InvalidBuffer) {
		if (RelationGetNumberOfBlocks(index) >= most_slot_blocks(*layout))
			ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							errmsg("index \"%s\" cannot have more than %u pages", RelationGetRelationName(index),
								   most_slot_blocks(*layout)),
							errhint("Partition the table.")));
		buffer = extend(PageKind::slots, &state, &page);
		slot = 0;
	} else {
		page = begin(buffer, &state, PageIsNew(BufferGetPage(buffer))); // replay skips changes of a page that is new
		if (PageIsNew(page) || page_opaque(page)->kind != uint16(PageKind::slots))
			page_init(page, PageKind::slots, *layout);
	}
	BlockNumber block = BufferGetBlockNumber(buffer);
	NodeId id = layout->node_id(block, slot);
	uint8_t *p = page_slot(page, *layout, slot);
	memcpy(p, image, layout->slot_size);
	RecordHeader *header = reinterpret_cast<RecordHeader *>(p);
	if (header->base == graph::kNoNode)
		header->base = id;
	finish(buffer, state);
	if (layout->slots_per_page > 1)
		RelationSetTargetBlock(index, block);
	if (block >= blocks)
		blocks = block + 1;
	return id;
}

graph::VectorRef BufferStore::put_vector(const void *vector, size_t bytes) {
	// From the last chunk to the first, so that each knows its successor.
	const size_t room = kMaxChunk;
	graph::VectorRef next = {0, 0, 0};
	size_t end = bytes;
	do {
		size_t begin_at = end == 0 ? 0 : (end - 1) / room * room;
		size_t n = end - begin_at;
		Size item_size = sizeof(ChunkHeader) + n;
		char *item = static_cast<char *>(palloc(item_size));
		ChunkHeader *header = reinterpret_cast<ChunkHeader *>(item);
		memset(header, 0, sizeof(*header));
		header->next_block = next.block;
		header->next_offset = next.offset;
		header->bytes = uint32(n);
		memcpy(item + sizeof(ChunkHeader), static_cast<const char *>(vector) + begin_at, n);

		GenericXLogState *state;
		Page page;
		Buffer buffer = InvalidBuffer;
		auto has_room = [&](Page p) {
			return PageIsNew(p) || page_opaque(p)->kind != uint16(PageKind::chunks) ||
				   PageGetFreeSpace(p) >= MAXALIGN(item_size);
		};
		if (chunk_target != InvalidBlockNumber && chunk_target < RelationGetNumberOfBlocks(index)) {
			buffer = ReadBuffer(index, chunk_target);
			LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
			Page p = BufferGetPage(buffer);
			if (PageIsNew(p) || page_opaque(p)->kind != uint16(PageKind::chunks) || !has_room(p)) {
				UnlockReleaseBuffer(buffer);
				buffer = InvalidBuffer;
			}
		}
		for (int attempt = 0; attempt < 4 && buffer == InvalidBuffer; attempt++) {
			buffer = free_page(PageKind::chunks);
			if (buffer == InvalidBuffer)
				break;
			if (!has_room(BufferGetPage(buffer))) {
				UnlockReleaseBuffer(buffer);
				buffer = InvalidBuffer;
			}
		}
		if (buffer == InvalidBuffer)
			buffer = extend(PageKind::chunks, &state, &page);
		else {
			page = begin(buffer, &state, PageIsNew(BufferGetPage(buffer)));
			if (PageIsNew(page) || page_opaque(page)->kind != uint16(PageKind::chunks))
				page_init(page, PageKind::chunks, *layout);
		}
		OffsetNumber offset =
			PageAddItem(page, reinterpret_cast<Item>(item), item_size, InvalidOffsetNumber, false, false);
		if (offset == InvalidOffsetNumber)
			elog(ERROR, "failed to add a chunk to index \"%s\"", RelationGetRelationName(index));
		next = {BufferGetBlockNumber(buffer), offset, 0};
		chunk_target = next.block;
		finish(buffer, state);
		pfree(item);
		end = begin_at;
	} while (end > 0);
	return next;
}

// The chunk at a line pointer, or null if there is none that lies in the page with all of its bytes.
static const ChunkHeader *chunk_of(Page page, OffsetNumber offset) {
	if (offset < FirstOffsetNumber || offset > PageGetMaxOffsetNumber(page))
		return nullptr;
	ItemId item = PageGetItemId(page, offset);
	if (!ItemIdIsNormal(item) || ItemIdGetOffset(item) + ItemIdGetLength(item) > BLCKSZ ||
		ItemIdGetLength(item) < sizeof(ChunkHeader))
		return nullptr;
	const ChunkHeader *header = reinterpret_cast<const ChunkHeader *>(PageGetItem(page, item));
	return header->bytes <= ItemIdGetLength(item) - sizeof(ChunkHeader) ? header : nullptr;
}

const void *BufferStore::read_chunks(graph::VectorRef ref, void *scratch) {
	size_t done = 0, limit = layout->vector_bytes ? layout->vector_bytes : 4 + 8 * size_t(graph::kMaxNonZero);
	memset(scratch, 0, layout->vector_bytes ? layout->vector_bytes : 4);
	while (ref.block != 0) {
		const ChunkHeader *header = nullptr;
		Buffer buffer = InvalidBuffer;
		if (has_block(ref.block)) {
			buffer = ReadBuffer(index, ref.block);
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			page_check(index, ref.block, BufferGetPage(buffer), PageKind::chunks);
			header = chunk_of(BufferGetPage(buffer), ref.offset);
		}
		if (!header || header->bytes == 0 || header->bytes + done > limit)
			ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
							errmsg("index \"%s\" has a broken chain of vector chunks at block %u",
								   RelationGetRelationName(index), ref.block),
							errhint("Please REINDEX it.")));
		memcpy(static_cast<char *>(scratch) + done, header + 1, header->bytes);
		done += header->bytes;
		ref = {header->next_block, header->next_offset, 0};
		UnlockReleaseBuffer(buffer);
	}
	if (!layout->vector_bytes && done > 0) { // sparse: its size is its own word, up to here
		int32 nnz = *static_cast<const int32 *>(scratch);
		if (done < sizeof(nnz) || nnz < 0 || uint32(nnz) > graph::kMaxNonZero ||
			graph::stored_size(*layout, scratch) != done)
			ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
							errmsg("index \"%s\" has a vector of impossible size", RelationGetRelationName(index)),
							errhint("Please REINDEX it.")));
	}
	return scratch;
}

void BufferStore::remove_chunks(graph::VectorRef ref) {
	while (ref.block != 0 && has_block(ref.block)) {
		Buffer buffer = ReadBuffer(index, ref.block);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		Page page = BufferGetPage(buffer);
		page_check(index, ref.block, page, PageKind::chunks);
		const ChunkHeader *header = chunk_of(page, ref.offset);
		if (!header) {
			UnlockReleaseBuffer(buffer);
			return;
		}
		graph::VectorRef next = {header->next_block, header->next_offset, 0};
		GenericXLogState *state;
		page = begin(buffer, &state, false);
		PageIndexTupleDeleteNoCompact(page, ref.offset);
		PageSetHasFreeLinePointers(page);
		bool reusable = PageGetFreeSpace(page) >= kPageBytes / 2;
		finish(buffer, state);
		if (reusable)
			RecordFreeIndexPage(index, ref.block);
		ref = next;
	}
}

} // namespace ruvector::am
