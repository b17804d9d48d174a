// am/check.cpp - walks an index: what it consists of, and whether that is consistent.
//
// Three passes. The first reads every page in turn, checks what can be told from a record alone, and notes each
// record's state, level and vertex. The second checks what records say of each other: links, chains, and the lengths of
// edges. The third follows the graph from the entry point. Nothing read from a page is trusted before it is checked, so
// that a broken index gives rows and not a crash; pages are copied, so that nothing is locked while a row is reported.
#include <cmath>

#include "am/check.hpp"
#include "am/context.hpp"
#include "ruvector/graph/distance.hpp"
#include "ruvector/simd/kernels.hpp"
#include "ruvector/ruvector.h"

extern "C" {
#include "access/tableam.h"
#include "catalog/index.h"
#include "utils/snapmgr.h"
#include "utils/varbit.h"
}

namespace ruvector::am {

using graph::ConstSlot;
using graph::Element;
using graph::HeapTid;
using graph::Layout;
using graph::Metric;
using graph::NodeId;
using graph::RecordHeader;
using graph::RecordState;
using graph::VectorRef;

namespace {

constexpr int64 kMostLengthsChecked = 50000; // vertices whose edges are compared with exact distances
constexpr double kUnreachableShare = 0.001;  // up to here it is the approximation, beyond it is a problem
constexpr uint32 kChunksPerPage = 512;       // more line pointers than a page can have

// What the first pass notes of a record.
struct Note {
	NodeId base;
	uint8 state;
	uint8 level;
};

struct TidNote {
	uint64 tid;
	NodeId owner;
};

struct Walk {
	Relation index;
	BlockNumber heap_blocks;
	ProblemRows *problems; // null: only counting
	BufferAccessStrategy strategy;
	IndexStats *stats;
	const Layout *layout;
	BlockNumber blocks;
	Size records;
	Note *notes;    // by record
	uint8 *kinds;   // by block: PageKind, 0 for a page that is new or broken
	uint8 *reached; // bitmap by record: overflow records in chains, then records on a path
	uint8 *chunks;  // bitmap by block and line pointer: chunks in chains
	TidNote *tids;
	Size n_tids, tid_room;
	char *page;       // a copy
	char *other_page; // of another one
	uint8_t *other;   // a record of another page
	void *vector, *other_vector;
	Context *context;                       // when edges have codes, or vectors are codes
	float *scratch, *other_rotated, *x_hat; // likewise
	uint8_t *packed, *other_packed;
	float *working, *other_working; // coded vectors, decoded
	void *vector_table, *codec_scratch;
	codec::VectorQuery vector_query; // of the record's own vector
};

void *allocate(Size bytes) {
	return MemoryContextAllocExtended(CurrentMemoryContext, Max(bytes, Size(1)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

bool get_bit(const uint8 *bits, Size i) {
	return bits[i / 8] >> (i % 8) & 1;
}
void set_bit(uint8 *bits, Size i) {
	bits[i / 8] = uint8(bits[i / 8] | 1u << (i % 8));
}

void problem(Walk *w, BlockNumber block, int slot, const char *format, ...) pg_attribute_printf(4, 5);
void problem(Walk *w, BlockNumber block, int slot, const char *format, ...) {
	if (w->problems == nullptr)
		return;
	va_list arguments;
	va_start(arguments, format);
	w->problems->put_list(block, slot, format, arguments);
	va_end(arguments);
}

// --- Pages and records ---

void copy_page(Walk *w, BlockNumber block, char *copy) {
	CHECK_FOR_INTERRUPTS();
	Buffer buffer = ReadBufferExtended(w->index, MAIN_FORKNUM, block, RBM_NORMAL, w->strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	memcpy(copy, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);
}

bool valid_id(const Walk *w, NodeId id) {
	BlockNumber block = w->layout->block_of(id);
	return block != kMetaBlock && block < w->blocks && w->layout->slot_of(id) < w->layout->slots_per_page;
}

Size record_number(const Walk *w, NodeId id) {
	return Size(w->layout->block_of(id)) * w->layout->slots_per_page + w->layout->slot_of(id);
}

const Note *note_of(const Walk *w, NodeId id) {
	return valid_id(w, id) ? &w->notes[record_number(w, id)] : nullptr;
}

bool is_vertex(const Note *note) {
	return note != nullptr && (note->state == uint8(RecordState::live) || note->state == uint8(RecordState::dead));
}

// Copies a record of a page that the first pass found sound; false where there is none.
bool copy_record(Walk *w, NodeId id, uint8_t *copy) {
	if (!valid_id(w, id) || w->kinds[w->layout->block_of(id)] != uint8(PageKind::slots))
		return false;
	CHECK_FOR_INTERRUPTS();
	Buffer buffer = ReadBuffer(w->index, w->layout->block_of(id));
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	Page page = BufferGetPage(buffer);
	bool sound = !PageIsNew(page) && page_opaque(page)->kind == uint16(PageKind::slots);
	if (sound)
		memcpy(copy, page_slot(page, *w->layout, w->layout->slot_of(id)), w->layout->slot_size);
	UnlockReleaseBuffer(buffer);
	return sound;
}

Size most_vector_bytes(const Layout &layout) {
	return layout.vector_bytes != 0 ? layout.vector_bytes : 4 + 8 * Size(graph::kMaxNonZero);
}

// Reads a chain of chunks; returns what is wrong with it, or null. `mark`: no other vertex may have the same chunks.
const char *read_chain(Walk *w, VectorRef ref, void *out, bool mark) {
	Size done = 0;
	Size most = most_vector_bytes(*w->layout);
	memset(out, 0, most);
	while (ref.block != 0) {
		if (ref.block >= w->blocks || w->kinds[ref.block] != uint8(PageKind::chunks))
			return "the vector's chain of chunks leads to a page that has none";
		copy_page(w, ref.block, w->other_page);
		Page page = w->other_page;
		if (ref.offset < FirstOffsetNumber || ref.offset > PageGetMaxOffsetNumber(page) ||
			!ItemIdIsNormal(PageGetItemId(page, ref.offset)))
			return "the vector's chain of chunks leads to a chunk that does not exist";
		ItemId item = PageGetItemId(page, ref.offset);
		if (ItemIdGetOffset(item) + ItemIdGetLength(item) > BLCKSZ || ItemIdGetLength(item) < sizeof(ChunkHeader))
			return "the vector's chain of chunks has a chunk of impossible size";
		ChunkHeader header;
		memcpy(&header, PageGetItem(page, item), sizeof(header));
		if (header.bytes == 0 || header.bytes > ItemIdGetLength(item) - sizeof(ChunkHeader) ||
			header.bytes > most - done)
			return "the vector's chain of chunks has more or fewer bytes than a vector";
		if (mark) {
			Size number = Size(ref.block) * kChunksPerPage + ref.offset % kChunksPerPage;
			if (get_bit(w->chunks, number))
				return "the vector's chunks belong to another vertex too";
			set_bit(w->chunks, number);
		}
		memcpy(static_cast<char *>(out) + done, static_cast<char *>(PageGetItem(page, item)) + sizeof(ChunkHeader),
			   header.bytes);
		done += header.bytes;
		ref = {header.next_block, header.next_offset, 0};
	}
	if (Element(w->layout->element) == Element::sparse) {
		int32 nnz = 0;
		memcpy(&nnz, out, sizeof(nnz));
		if (done < 4 || nnz < 0 || uint32(nnz) > graph::kMaxNonZero || done != 4 + 8 * Size(nnz))
			return "the vector's chain of chunks has more or fewer bytes than a vector";
	} else if (done != w->layout->vector_bytes)
		return "the vector's chain of chunks has more or fewer bytes than a vector";
	return nullptr;
}

// What is wrong with a stored vector, or null.
const char *vector_problem(const Layout &layout, const void *vector) {
	if (!layout.is_plain()) // any bytes are a code
		return nullptr;
	switch (Element(layout.element)) {
	case Element::f32:
		for (uint32 i = 0; i < layout.dims; i++)
			if (!std::isfinite(static_cast<const float *>(vector)[i]))
				return "the vector has an element that is not finite";
		break;
	case Element::f16:
		for (uint32 i = 0; i < layout.dims; i++)
			if ((static_cast<const uint16 *>(vector)[i] & 0x7c00) == 0x7c00)
				return "the vector has an element that is not finite";
		break;
	case Element::bit:
		if (layout.dims % 8 != 0 &&
			(static_cast<const uint8 *>(vector)[layout.dims / 8] & (0xff >> layout.dims % 8)) != 0)
			return "the vector has bits past its end";
		break;
	case Element::sparse: {
		const auto *indices = static_cast<const int32 *>(vector) + 1;
		int32 nnz = indices[-1];
		const auto *values = reinterpret_cast<const float *>(indices + nnz);
		for (int32 i = 0; i < nnz; i++) {
			if (indices[i] < 0 || uint32(indices[i]) >= layout.dims || (i > 0 && indices[i] <= indices[i - 1]))
				return "the vector's indices are out of order or out of range";
			if (!std::isfinite(values[i]))
				return "the vector has an element that is not finite";
		}
		break;
	}
	}
	return nullptr;
}

// --- First pass: pages and records by themselves ---

void add_tid(Walk *w, BlockNumber block, int slot, HeapTid tid, NodeId owner) {
	BlockNumber heap_block = BlockNumber(tid.block_hi) << 16 | tid.block_lo;
	if (tid.offset == InvalidOffsetNumber || tid.offset > MaxOffsetNumber || heap_block >= w->heap_blocks) {
		problem(w, block, slot, "heap TID (%u,%u) is out of range", heap_block, tid.offset);
		return;
	}
	if (w->n_tids == w->tid_room) {
		w->tid_room = Max(w->tid_room * 2, Size(1024));
		Size bytes = w->tid_room * sizeof(TidNote);
		w->tids = static_cast<TidNote *>(w->tids != nullptr ? repalloc_huge(w->tids, bytes) : allocate(bytes));
	}
	w->tids[w->n_tids++] = {uint64(heap_block) << 16 | tid.offset, owner};
}

void check_record_alone(Walk *w, BlockNumber block, uint32 slot, ConstSlot record) {
	const Layout &layout = *w->layout;
	const RecordHeader &header = record.header();
	NodeId id = layout.node_id(block, slot);
	Note *note = &w->notes[record_number(w, id)];
	IndexStats *stats = w->stats;
	int s = int(slot);

	if (header.state > uint8(RecordState::tids)) {
		problem(w, block, s, "the record's state %d is unknown", header.state);
		return;
	}
	if (record.state() == RecordState::free) {
		stats->free_slots++;
		return;
	}
	if (!valid_id(w, header.base)) {
		problem(w, block, s, "the record's vertex %u does not exist", header.base);
		return;
	}
	if (record.state() == RecordState::tids) {
		if (header.tid_count > layout.tids_per_overflow()) {
			problem(w, block, s, "a list of heap TIDs has %u of at most %u", header.tid_count,
					layout.tids_per_overflow());
			return;
		}
		*note = {header.base, header.state, 0};
		stats->tids += header.tid_count;
		return;
	}

	if (header.level > graph::kMaxLevel || header.degree > layout.degree) {
		problem(w, block, s, "a record of level %u with %u neighbors is impossible", header.level, header.degree);
		return;
	}
	*note = {header.base, header.state, header.level};
	bool live = record.state() == RecordState::live;
	stats->by_level[header.level] += live;
	if (header.level > 0) {
		if (header.tid_count != 0 || header.overflow != graph::kNoNode)
			problem(w, block, s, "a record of level %u has heap TIDs", header.level);
	} else {
		(live ? stats->vertices : stats->dead)++;
		stats->edges += live ? header.degree : 0;
		if (header.base != id || header.down != graph::kNoNode)
			problem(w, block, s, "a record of level 0 belongs to another vertex or leads down");
		if (header.tid_count > graph::kInlineTids)
			problem(w, block, s, "the record has %u heap TIDs of at most %u", header.tid_count, graph::kInlineTids);
		else
			stats->tids += header.tid_count;
		stats->vertices_with_tids += header.tid_count != 0 || header.overflow != graph::kNoNode;
		bool any = header.tid_count != 0 || header.overflow != graph::kNoNode;
		if (live != any)
			problem(w, block, s, live ? "a live vertex has no heap TIDs" : "a dead vertex has heap TIDs");
	}
	if (w->problems == nullptr)
		return;

	if (!layout.external) {
		const char *wrong = vector_problem(layout, record.vector());
		if (wrong != nullptr)
			problem(w, block, s, "%s", wrong);
	}
	for (uint32 e = 0; e < header.degree; e++) {
		bool finite = std::isfinite(graph::from_bf16(record.lengths()[e]));
		if (layout.has_codes())
			finite = finite && std::isfinite(record.a()[e]) && std::isfinite(graph::from_bf16(record.f()[e]));
		if (!finite)
			problem(w, block, s, "edge %u has a length or factor that is not finite", e);
	}
}

// Whether the page is what its place says; reports it otherwise.
bool check_page_alone(Walk *w, BlockNumber block) {
	Page page = w->page;
	auto *header = reinterpret_cast<PageHeader>(page);
	if (PageGetPageSize(page) != BLCKSZ || PageGetPageLayoutVersion(page) != PG_PAGE_LAYOUT_VERSION ||
		header->pd_special != BLCKSZ - MAXALIGN(sizeof(PageOpaque)) || header->pd_lower < SizeOfPageHeaderData ||
		header->pd_lower > header->pd_upper || header->pd_upper > header->pd_special) {
		problem(w, block, -1, "the page's header is broken");
		return false;
	}
	uint16 kind = page_opaque(page)->kind;
	if (page_opaque(page)->page_id != kPageId || kind < uint16(PageKind::meta) || kind > uint16(PageKind::chunks)) {
		problem(w, block, -1, "the page is not one of an hnsw index");
		return false;
	}
	if (header->pd_prune_xid != TransactionId(kind)) {
		problem(w, block, -1, "the page's header says that its kind is %u, its end %u", header->pd_prune_xid, kind);
		return false;
	}
	bool parameters = block >= 1 && block <= w->stats->meta.parameter_blocks;
	if ((kind == uint16(PageKind::meta)) != (block == kMetaBlock) ||
		(kind == uint16(PageKind::parameters)) != parameters) {
		problem(w, block, -1, "a page of kind %u is out of place", kind);
		return false;
	}
	Size used = kind == uint16(PageKind::meta)         ? sizeof(MetaPage)
				: kind == uint16(PageKind::parameters) ? kPageBytes
													   : Size(w->layout->slots_per_page) * w->layout->slot_size;
	if (kind != uint16(PageKind::chunks) && header->pd_lower != MAXALIGN(SizeOfPageHeaderData) + used) {
		problem(w, block, -1, "pd_lower is %u instead of %zu", header->pd_lower,
				size_t(MAXALIGN(SizeOfPageHeaderData) + used));
		return false;
	}
	return true;
}

void first_pass(Walk *w) {
	for (BlockNumber block = 0; block < w->blocks; block++) {
		copy_page(w, block, w->page);
		if (PageIsNew(w->page)) { // left by a crash while the index was extended
			if (block <= w->stats->meta.parameter_blocks)
				problem(w, block, -1, "the page is empty");
			continue;
		}
		if (!check_page_alone(w, block))
			continue;
		w->kinds[block] = uint8(page_opaque(w->page)->kind);
		w->stats->chunk_pages += w->kinds[block] == uint8(PageKind::chunks);
		if (w->kinds[block] != uint8(PageKind::slots))
			continue;
		w->stats->slot_pages++;
		for (uint32 slot = 0; slot < w->layout->slots_per_page; slot++)
			check_record_alone(w, block, slot, {page_slot(w->page, *w->layout, slot), w->layout});
	}
}

// --- Second pass: what records say of each other ---

void check_tid_chain(Walk *w, BlockNumber block, int slot, const RecordHeader &header) {
	for (uint32 i = 0; i < Min(uint32(header.tid_count), graph::kInlineTids); i++)
		add_tid(w, block, slot, header.tids[i], header.base);
	for (NodeId id = header.overflow; id != graph::kNoNode;) {
		const Note *note = note_of(w, id);
		if (note == nullptr || note->state != uint8(RecordState::tids) || note->base != header.base ||
			!copy_record(w, id, w->other)) {
			problem(w, block, slot, "the list of heap TIDs goes on at %u, which is not a part of it", id);
			return;
		}
		Size number = record_number(w, id);
		if (get_bit(w->reached, number)) {
			problem(w, block, slot, "the list of heap TIDs comes to %u twice", id);
			return;
		}
		set_bit(w->reached, number);
		const auto *part = reinterpret_cast<const RecordHeader *>(w->other);
		const auto *tids = reinterpret_cast<const HeapTid *>(w->other + sizeof(RecordHeader));
		for (uint32 i = 0; i < Min(uint32(part->tid_count), w->layout->tids_per_overflow()); i++)
			add_tid(w, w->layout->block_of(id), int(w->layout->slot_of(id)), tids[i], header.base);
		id = part->overflow;
	}
}

// Whether a length, stored in 16 bits, can be that of an exact distance. Lengths are computed from the same vectors,
// but by another instruction set perhaps; an inner product can be much smaller than its terms, so what it may be off is
// relative to the vectors' norms.
bool length_agrees(const Layout &layout, float length, float exact, const void *a, const void *b) {
	double slack = std::fabs(double(exact)) / 128 + 1e-30;
	if (layout.metric == uint8(Metric::ip) || layout.metric == uint8(Metric::cosine)) {
		graph::DistanceFunction distance = graph::distance_function(layout);
		slack += 1e-4 * std::sqrt(double(distance(layout, a, a)) * double(distance(layout, b, b)));
	}
	return std::fabs(double(length) - double(exact)) <= slack;
}

// An edge's code must say where its end is: the estimate of the end's distance from itself is exact up to the rounding
// of f.
bool code_agrees(Walk *w, ConstSlot record, uint32 e, const void *own, const void *vector, float exact, float error) {
	const Layout &layout = *w->layout;
	float f = graph::from_bf16(record.f()[e]), a = record.a()[e];
	if (f == 0 || !std::isfinite(f) || !std::isfinite(a))
		return true; // the ends coincide, or are too far apart for single precision
	const codec::EdgeCodec &codec = w->context->model.codec;
	graph::project(layout, w->context->model, vector, w->scratch, w->other_rotated);
	codec::load_lane(codec, record.codes(e / graph::kBlockLanes), e % graph::kBlockLanes, w->packed);
	codec::decode(codec, w->packed, w->x_hat);
	double dot = simd::kernels->ip_f32(w->x_hat, w->other_rotated, codec.code_dims);
	graph::DistanceFunction distance = graph::distance_function(layout);
	double self = distance(layout, vector, vector), own_self = distance(layout, own, own);
	double square = graph::Metric(layout.metric) == graph::Metric::l2 ? double(exact) : 2.0 * exact - self - own_self;
	double estimate = double(exact) + a - f * dot;
	double slack = 0.02 * std::fabs(square) + error +
				   1e-4 * (std::fabs(a) + std::fabs(f * dot) + std::fabs(self) + std::fabs(own_self));
	return !std::isfinite(estimate) || std::fabs(estimate - self) <= slack;
}

// The code of an edge that holds the neighbour's own must be it.
bool lane_agrees(Walk *w, ConstSlot record, uint32 e, const void *stored) {
	const Layout &layout = *w->layout;
	const codec::EdgeCodec &codec = w->context->model.codec;
	float a, f;
	codec::to_lane(w->context->model.vectors, graph::vector_metric(layout), static_cast<const uint8_t *>(stored),
				   w->packed, a, f);
	codec::load_lane(codec, record.codes(e / graph::kBlockLanes), e % graph::kBlockLanes, w->other_packed);
	return memcmp(w->packed, w->other_packed, codec.packed_bytes()) == 0 && record.a()[e] == a &&
		   record.f()[e] == graph::to_bf16(f);
}

// How far the distance between the record's own vector and another may be off for the rounding of both: twelve standard
// errors, and as many for what is stored of it.
float code_error(Walk *w, const void *stored) {
	return 24 * codec::estimate(w->vector_query, static_cast<const uint8_t *>(stored)).error;
}

void check_lengths(Walk *w, BlockNumber block, int slot, ConstSlot record, const void *own) {
	const Layout &layout = *w->layout;
	if (!layout.is_plain() && w->context) {
		const codec::VectorCodec &vectors = w->context->model.vectors;
		codec::decode(vectors, static_cast<const uint8_t *>(own), w->working, w->codec_scratch);
		w->vector_query =
			codec::prepare(vectors, graph::vector_metric(layout), w->working, w->vector_table, w->codec_scratch);
		own = w->working;
	}
	for (uint32 e = 0; e < record.header().degree; e++) {
		NodeId id = record.ids()[e];
		if (!is_vertex(note_of(w, id)) || !copy_record(w, id, w->other))
			continue;
		ConstSlot neighbor{w->other, w->layout};
		const void *vector = layout.external ? w->other_vector : static_cast<const void *>(neighbor.vector());
		if (layout.external && read_chain(w, neighbor.vector_ref(), w->other_vector, false) != nullptr)
			continue; // reported where it belongs
		if (vector_problem(layout, vector) != nullptr)
			continue;
		const void *stored = vector;
		float error = 0;
		if (!layout.is_plain()) {
			if (!w->context)
				continue;
			error = code_error(w, stored);
			codec::decode(w->context->model.vectors, static_cast<const uint8_t *>(stored), w->other_working,
						  w->codec_scratch);
			vector = w->other_working;
		}
		float exact = graph::distance_function(layout)(layout, own, vector);
		float length = graph::from_bf16(record.lengths()[e]);
		if (layout.edge_codes() == graph::EdgeCodes::absolute) {
			if (!lane_agrees(w, record, e, stored))
				problem(w, block, slot, "the code of the edge to %u is not that of its end", id);
		} else if (graph::Codec(layout.codec) != graph::Codec::plain &&
				   graph::Codec(layout.codec) != graph::Codec::int8)
			; // the build knew the vectors themselves: a coarse code does not tell their distance
		else if (std::fabs(double(length) - double(exact)) > double(error) &&
				 !length_agrees(layout, length, exact, own, vector))
			problem(w, block, slot, "the edge to %u has length %g, but the distance is %g", id, double(length),
					double(exact));
		else if (layout.has_codes() && w->context && !code_agrees(w, record, e, own, vector, exact, error))
			problem(w, block, slot, "the code of the edge to %u does not lead there", id);
	}
}

void check_links(Walk *w, BlockNumber block, int slot, ConstSlot record) {
	const RecordHeader &header = record.header();
	NodeId own = w->layout->node_id(block, uint32(slot));
	for (uint32 e = 0; e < header.degree; e++) {
		NodeId id = record.ids()[e];
		const Note *note = note_of(w, id);
		// Vacuum does not look after the lists of the dead: interrupted, it leaves some that lead to freed records.
		if (record.state() == RecordState::dead && note != nullptr)
			continue;
		if (note == nullptr)
			problem(w, block, slot, "the link to %u leads out of the index", id);
		else if (id == own)
			problem(w, block, slot, "the record links to itself");
		else if (!is_vertex(note))
			problem(w, block, slot, "the link to %u leads to a record that is no vertex", id);
		else if (note->level != header.level)
			problem(w, block, slot, "the link to %u leads from level %u to level %u", id, header.level, note->level);
		for (uint32 f = 0; f < e; f++)
			if (record.ids()[f] == id)
				problem(w, block, slot, "there are two links to %u", id);
	}
	if (header.level > 0) {
		const Note *base = note_of(w, header.base);
		const Note *down = note_of(w, header.down);
		if (!is_vertex(base) || base->level != 0)
			problem(w, block, slot, "the record's vertex %u has no record at level 0", header.base);
		if (!is_vertex(down) || down->level + 1 != header.level || down->base != header.base)
			problem(w, block, slot, "the record leads down to %u, which is not the same vertex one level lower",
					header.down);
		// A living record above a dead one is what an interrupted vacuum leaves; the next one settles it.
	}
}

void second_pass(Walk *w) {
	int64 ordinal = 0;
	int64 stride = Max(int64(1), (w->stats->vertices + kMostLengthsChecked - 1) / kMostLengthsChecked);
	for (BlockNumber block = 1; block < w->blocks; block++) {
		if (w->kinds[block] != uint8(PageKind::slots))
			continue;
		copy_page(w, block, w->page);
		for (uint32 slot = 0; slot < w->layout->slots_per_page; slot++) {
			const Note *note = note_of(w, w->layout->node_id(block, slot));
			if (!is_vertex(note))
				continue;
			ConstSlot record{page_slot(w->page, *w->layout, slot), w->layout};
			const RecordHeader &header = record.header();
			if (note->state != header.state || note->level != header.level || header.degree > w->layout->degree) {
				problem(w, block, int(slot), "the record changed while it was checked");
				continue;
			}
			check_links(w, block, int(slot), record);
			if (header.level == 0)
				check_tid_chain(w, block, int(slot), header);

			const void *own = w->layout->external ? w->vector : static_cast<const void *>(record.vector());
			const char *wrong = nullptr;
			if (w->layout->external)
				wrong = read_chain(w, record.vector_ref(), w->vector, header.level == 0);
			if (wrong == nullptr)
				wrong = vector_problem(*w->layout, own);
			if (wrong != nullptr) {
				if (w->layout->external) // else the first pass told
					problem(w, block, int(slot), "%s", wrong);
			} else if (ordinal++ % stride == 0)
				check_lengths(w, block, int(slot), record, own);
		}
	}
}

int compare_tids(const void *a, const void *b) {
	uint64 x = static_cast<const TidNote *>(a)->tid, y = static_cast<const TidNote *>(b)->tid;
	return x < y ? -1 : x > y;
}

void check_tids_unique(Walk *w) {
	if (w->n_tids == 0)
		return;
	qsort(w->tids, w->n_tids, sizeof(TidNote), compare_tids);
	for (Size i = 1; i < w->n_tids; i++)
		if (w->tids[i].tid == w->tids[i - 1].tid) {
			NodeId owner = w->tids[i].owner;
			problem(w, w->layout->block_of(owner), int(w->layout->slot_of(owner)),
					"heap TID (%u,%u) is in the index twice, here and at %u", BlockNumber(w->tids[i].tid >> 16),
					unsigned(w->tids[i].tid & 0xffff), w->tids[i - 1].owner);
		}
}

// --- Third pass: reachability ---

void third_pass(Walk *w) {
	const MetaPage &meta = w->stats->meta;
	const Note *entry = note_of(w, meta.entry);
	if (meta.entry == graph::kNoNode && meta.entry_level < 0) {
		if (w->stats->vertices > 0)
			problem(w, kMetaBlock, -1, "there are vertices, but no entry point");
		w->stats->unreachable = w->stats->vertices;
		return;
	}
	if (!is_vertex(entry) || entry->level != meta.entry_level) {
		problem(w, kMetaBlock, -1, "the entry point %u is not a record of level %d", meta.entry, meta.entry_level);
		w->stats->unreachable = w->stats->vertices;
		return;
	}
	for (int level = meta.entry_level + 1; level <= graph::kMaxLevel; level++)
		if (w->stats->by_level[level] > 0)
			problem(w, kMetaBlock, -1, "there are records of level %d above the entry point's level %d", level,
					meta.entry_level);

	memset(w->reached, 0, w->records / 8 + 1);
	auto *queue = static_cast<NodeId *>(allocate(w->records * sizeof(NodeId)));
	Size head = 0, tail = 0;
	int64 live = 0;
	auto visit = [&](NodeId id, int level) {
		const Note *note = note_of(w, id);
		if (!is_vertex(note) || note->level != level || get_bit(w->reached, record_number(w, id)))
			return;
		set_bit(w->reached, record_number(w, id));
		live += level == 0 && note->state == uint8(RecordState::live);
		queue[tail++] = id;
	};
	visit(meta.entry, meta.entry_level);
	while (head < tail) {
		NodeId id = queue[head++];
		int level = note_of(w, id)->level;
		if (!copy_record(w, id, w->other))
			continue;
		ConstSlot record{w->other, w->layout};
		for (uint32 e = 0; e < Min(uint32(record.header().degree), uint32(w->layout->degree)); e++)
			visit(record.ids()[e], level);
		if (level > 0)
			visit(record.header().down, level - 1);
	}
	pfree(queue);
	w->stats->unreachable = w->stats->vertices - live;
	if (double(w->stats->unreachable) > kUnreachableShare * double(w->stats->vertices))
		problem(w, InvalidBlockNumber, -1,
				INT64_FORMAT " of " INT64_FORMAT " vertices cannot be reached from the entry point",
				w->stats->unreachable, w->stats->vertices);
}

// --- The table ---

struct HeapCheck {
	Walk *walk;
	Context *context;
	MemoryContext memory;
	uint8_t *code;
	void *scratch;
};

// A row's vertex must hold the code of the row's vector.
void check_code(HeapCheck *check, NodeId vertex, const void *vector, ItemPointer tid) {
	Walk *w = check->walk;
	if (!copy_record(w, vertex, w->other))
		return;
	ConstSlot slot{w->other, w->layout};
	const void *stored = w->layout->external ? w->other_vector : static_cast<const void *>(slot.vector());
	if (w->layout->external && read_chain(w, slot.vector_ref(), w->other_vector, false) != nullptr)
		return; // reported where it belongs
	codec::encode(check->context->model.vectors, static_cast<const float *>(vector), check->code, check->scratch);
	if (memcmp(check->code, stored, w->layout->vector_bytes) != 0)
		problem(w, w->layout->block_of(vertex), int(w->layout->slot_of(vertex)),
				"the code is not that of the row at (%u,%u)", ItemPointerGetBlockNumber(tid),
				ItemPointerGetOffsetNumber(tid));
}

void check_heap_row(Relation, ItemPointer tid, Datum *values, bool *isnull, bool, void *state) {
	auto *check = static_cast<HeapCheck *>(state);
	if (isnull[0])
		return;
	Walk *w = check->walk;
	TidNote key = {uint64(ItemPointerGetBlockNumber(tid)) << 16 | ItemPointerGetOffsetNumber(tid), graph::kNoNode};
	const auto *found =
		w->n_tids == 0 ? nullptr
					   : static_cast<const TidNote *>(bsearch(&key, w->tids, w->n_tids, sizeof(TidNote), compare_tids));
	if (found != nullptr && w->layout->is_plain())
		return;
	MemoryContext old = MemoryContextSwitchTo(check->memory);
	const void *vector = working_vector(*check->context, values[0], false); // null: it is not for the index
	if (vector != nullptr && found != nullptr)
		check_code(check, found->owner, vector, tid);
	else if (vector != nullptr)
		problem(w, InvalidBlockNumber, -1, "the row at (%u,%u) is not in the index", ItemPointerGetBlockNumber(tid),
				ItemPointerGetOffsetNumber(tid));
	MemoryContextSwitchTo(old);
	MemoryContextReset(check->memory);
}

void check_heap(Walk *w, Relation heap) {
	if (!fits_opclass(*w->layout, index_opclass(w->index)))
		return; // reported: what a row's vector is cannot be said
	HeapCheck check = {w, load_context(w->index, w->stats->meta),
					   AllocSetContextCreate(CurrentMemoryContext, "hnsw check", ALLOCSET_DEFAULT_SIZES), nullptr,
					   nullptr};
	if (!w->layout->is_plain()) {
		check.code = static_cast<uint8_t *>(allocate(w->layout->vector_bytes));
		check.scratch = allocate(codec::scratch_bytes(check.context->model.vectors));
	}
	scan_visible_rows(w->index, heap, check_heap_row, &check);
	MemoryContextDelete(check.memory);
}

// Reads the metapage and makes room; false if the index cannot be walked.
bool begin_walk(Walk *w, Relation index, Relation heap, IndexStats *stats, ProblemRows *problems) {
	memset(w, 0, sizeof(*w));
	memset(stats, 0, sizeof(*stats));
	w->index = index;
	w->problems = problems;
	w->stats = stats;
	w->strategy = GetAccessStrategy(BAS_BULKREAD);
	w->heap_blocks = heap != nullptr ? RelationGetNumberOfBlocks(heap) : MaxBlockNumber;
	w->blocks = RelationGetNumberOfBlocks(index);
	stats->pages = w->blocks;
	if (w->blocks == 0) {
		problem(w, InvalidBlockNumber, -1, "the index has no pages");
		return false;
	}
	read_meta(index, &stats->meta);
	const char *wrong = layout_problem(stats->meta.layout);
	if (wrong != nullptr) {
		if (problems == nullptr)
			ereport(ERROR, (errcode(ERRCODE_INDEX_CORRUPTED),
							errmsg("the layout of index \"%s\" is broken: %s", RelationGetRelationName(index), wrong),
							errhint("Please REINDEX it.")));
		problem(w, kMetaBlock, -1, "the layout of the index is broken: %s", wrong);
		return false;
	}
	w->layout = &stats->meta.layout;
	w->records = Size(w->blocks) * w->layout->slots_per_page;
	w->notes = static_cast<Note *>(allocate(w->records * sizeof(Note)));
	w->kinds = static_cast<uint8 *>(allocate(w->blocks));
	w->reached = static_cast<uint8 *>(allocate(w->records / 8 + 1));
	if (w->layout->external)
		w->chunks = static_cast<uint8 *>(allocate(Size(w->blocks) * (kChunksPerPage / 8)));
	w->page = static_cast<char *>(allocate(BLCKSZ));
	w->other_page = static_cast<char *>(allocate(BLCKSZ));
	w->other = static_cast<uint8_t *>(allocate(w->layout->slot_size));
	w->vector = allocate(most_vector_bytes(*w->layout));
	w->other_vector = allocate(most_vector_bytes(*w->layout));
	if ((w->layout->has_codes() || !w->layout->is_plain()) &&
		(stats->meta.center_set || center_bytes(*w->layout) == 0)) {
		w->context = load_context(index, stats->meta);
		const codec::EdgeCodec &codec = w->context->model.codec;
		w->scratch = static_cast<float *>(allocate(sizeof(float) * w->layout->dims + 64));
		w->other_rotated = static_cast<float *>(allocate(sizeof(float) * codec.rotated_dims + 64));
		w->x_hat = static_cast<float *>(allocate(sizeof(float) * codec.rotated_dims + 64));
		w->packed = static_cast<uint8_t *>(allocate(codec.packed_bytes() + 64));
		w->other_packed = static_cast<uint8_t *>(allocate(codec.packed_bytes() + 64));
	}
	if (w->context && !w->layout->is_plain()) {
		const codec::VectorCodec &vectors = w->context->model.vectors;
		w->working = static_cast<float *>(allocate(w->layout->working_bytes()));
		w->other_working = static_cast<float *>(allocate(w->layout->working_bytes()));
		w->vector_table = allocate(codec::query_bytes(vectors));
		w->codec_scratch = allocate(codec::scratch_bytes(vectors));
	}
	return true;
}

void check_meta(Walk *w) {
	const MetaPage &meta = w->stats->meta;
	Opclass opclass = index_opclass(w->index);
	if (!fits_opclass(meta.layout, opclass))
		problem(w, kMetaBlock, -1, "the index was built with another operator class");
	if (meta.parameter_blocks != parameter_block_count(meta.layout) || meta.parameter_blocks >= w->blocks)
		problem(w, kMetaBlock, -1, "the index has %u parameter pages", meta.parameter_blocks);
	const char *calibration = calibration_problem(meta.calibration);
	if (calibration != nullptr)
		problem(w, kMetaBlock, -1, "the calibration of the index is broken: %s", calibration);
	if (center_bytes(meta.layout) != 0 && !meta.center_set && meta.entry != graph::kNoNode)
		problem(w, kMetaBlock, -1, "there are vertices, but no center");
}

} // namespace

void ProblemRows::put_list(BlockNumber block, int slot, const char *format, va_list arguments) {
	char text[256];
	vsnprintf(text, sizeof(text), format, arguments);
	Datum values[3] = {Int64GetDatum(int64(block)), Int32GetDatum(slot), CStringGetTextDatum(text)};
	bool nulls[3] = {block == InvalidBlockNumber, slot < 0, false};
	tuplestore_putvalues(rows, desc, values, nulls);
}

void ProblemRows::put(BlockNumber block, int slot, const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	put_list(block, slot, format, arguments);
	va_end(arguments);
}

void scan_visible_rows(Relation index, Relation heap, IndexBuildCallback callback, void *state) {
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	IndexInfo *info = BuildIndexInfo(index);
	info->ii_Concurrent = true; // by the snapshot
	TableScanDesc scan = table_beginscan_strat(heap, snapshot, 0, nullptr, true, true);
	table_index_build_scan(heap, index, info, true, false, callback, state, scan); // ends the scan
	UnregisterSnapshot(snapshot);
}

void walk_for_stats(Relation index, IndexStats *stats) {
	Walk walk;
	if (!begin_walk(&walk, index, nullptr, stats, nullptr))
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED), errmsg("index \"%s\" has no pages", RelationGetRelationName(index)),
				 errhint("Please REINDEX it.")));
	first_pass(&walk);
	third_pass(&walk);
}

void walk_for_problems(Relation index, Relation heap, bool heap_all_indexed, ProblemRows *problems) {
	Walk walk;
	IndexStats stats;
	if (!begin_walk(&walk, index, heap, &stats, problems))
		return;
	check_meta(&walk);
	first_pass(&walk);
	second_pass(&walk);
	check_tids_unique(&walk);
	third_pass(&walk);
	if (heap_all_indexed)
		check_heap(&walk, heap);
}

} // namespace ruvector::am
