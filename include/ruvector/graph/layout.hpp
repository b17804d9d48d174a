// graph/layout.hpp - the vertex record: what a slot of an index page holds, and where.
//
// Every record of an index has the same size (Layout::slot_size), so a record never moves and a NodeId is (block, slot)
// packed in 32 bits. A vertex of level L has L + 1 records, one per level; the upper ones point down. A record holds
// the vertex's own vector (or a reference to it) and its adjacency list: for each edge the neighbour's id, the edge's
// length, and, where the metric allows it, a code of the neighbour, so that one page access gives the distance of this
// vertex and estimates for all of its neighbours.
//
// A vector has two forms. The *working* form is what distances and the graph are computed with: `element`. The *stored*
// form is what a record holds: the working form itself (Codec::plain), or a code of it (codec/vector_code.hpp); the
// working form of such an index is always f32, exact where the caller still has the vector, decoded otherwise.
//
// In memory and on disk alike; sizes and offsets are pinned in graph/layout_check.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "ruvector/codec/edge_code.hpp"

namespace ruvector::graph {

using NodeId = uint32_t; // block << slot_bits | slot; block 0 is the metapage, so 0 is no node
constexpr NodeId kNoNode = 0;

enum class Element : uint8_t { f32 = 0, f16 = 1, bit = 2, sparse = 3 };
enum class Metric : uint8_t { l2 = 0, ip = 1, cosine = 2, l1 = 3, hamming = 4, jaccard = 5 };
enum class Codec : uint8_t { plain = 0, int8 = 1, pq = 2, binary = 3 }; // of the stored form; never reuse a number
// What the codes of edges are codes of.
enum class EdgeCodes : uint8_t {
	none,     // edges have no codes (compact layout; metrics and elements without an estimator)
	residual, // the neighbour minus this vertex (codec/edge_code.hpp)
	absolute, // the neighbour's stored form itself (pq, binary): what it is relative to is the centre
};
enum class RecordState : uint8_t {
	free = 0, // may be overwritten
	live = 1,
	dead = 2, // no heap TIDs left: routes searches until vacuum has unlinked it
	tids = 3, // continuation of a vertex's list of heap TIDs
};

constexpr uint32_t kMaxDimensions = 16000;
constexpr uint32_t kMaxBitDimensions = 64000;
constexpr uint32_t kMaxNonZero = 1000;
constexpr int kMaxLevel = 15;
constexpr uint32_t kMaxDegree = 224; // m = 100, rounded up to whole blocks
constexpr uint32_t kInlineTids = 2;
constexpr uint32_t kBlockLanes = 32;

// A heap TID as PostgreSQL lays it out (ItemPointerData), alignment 2.
struct HeapTid {
	uint16_t block_hi, block_lo, offset;
};
static_assert(sizeof(HeapTid) == 6);
inline bool operator==(HeapTid a, HeapTid b) {
	return a.block_hi == b.block_hi && a.block_lo == b.block_lo && a.offset == b.offset;
}

// Where a vector that does not fit into the record lives: the first chunk of a chain.
struct VectorRef {
	uint32_t block; // 0: none
	uint16_t offset;
	uint16_t unused;
};

struct RecordHeader {
	uint8_t state; // RecordState
	uint8_t level;
	uint16_t degree;    // edges in use
	NodeId base;        // the vertex's record at level 0 (its own id there): the vertex's identity
	NodeId down;        // the vertex's record one level lower; 0 at level 0
	NodeId overflow;    // next record of heap TIDs (state tids); 0: none
	uint16_t tid_count; // in this record
	uint16_t unused;
	HeapTid tids[kInlineTids];
};
static_assert(sizeof(RecordHeader) == 32);

struct Layout {
	uint8_t element;  // Element
	uint8_t metric;   // Metric
	uint8_t codec;    // Codec
	uint8_t external; // the vector is outside of the record
	uint32_t dims;
	uint16_t m;
	uint16_t ef_construction;
	uint16_t degree;    // capacity of the adjacency list: 2 * m, rounded up to whole blocks when edges have codes
	uint16_t code_dims; // coordinates in an edge code; 0: edges have no codes
	uint8_t bits;       // of an edge code, per coordinate
	uint8_t slot_bits;  // of a NodeId
	uint16_t slots_per_page;
	uint16_t slot_size;
	// Offsets in a slot.
	uint16_t ids, lengths, occluded, pinned, a, f, codes, vector;
	uint16_t pq_subspaces; // of a pq codec
	uint32_t vector_bytes; // of one vector in its stored form; 0 where it varies (sparse)
	uint64_t seed;         // of the rotation and of the levels

	bool has_codes() const noexcept { return bits != 0; }
	bool is_plain() const noexcept { return Codec(codec) == Codec::plain; }
	EdgeCodes edge_codes() const noexcept {
		return !has_codes()                                                 ? EdgeCodes::none
			   : Codec(codec) == Codec::pq || Codec(codec) == Codec::binary ? EdgeCodes::absolute
																			: EdgeCodes::residual;
	}
	uint32_t working_bytes() const noexcept { return is_plain() ? vector_bytes : dims * 4; } // 0 where it varies
	// Edges in a block of codes: the whole list, if it is short.
	uint32_t lanes() const noexcept { return degree < kBlockLanes ? degree : kBlockLanes; }
	uint32_t blocks() const noexcept { return degree / lanes(); } // of edge codes
	size_t block_bytes() const noexcept { return size_t(bits) * (code_dims / 4) * (lanes() / 2); }
	codec::EdgeCodec edge_codec() const noexcept { return {dims, (dims + 3) / 4 * 4, code_dims, bits, lanes() / 2}; }
	uint32_t block_of(NodeId id) const noexcept { return id >> slot_bits; }
	uint32_t slot_of(NodeId id) const noexcept { return id & ((1u << slot_bits) - 1); }
	NodeId node_id(uint32_t block, uint32_t slot) const noexcept { return block << slot_bits | slot; }
	uint32_t tids_per_overflow() const noexcept { return (slot_size - sizeof(RecordHeader)) / sizeof(HeapTid); }
};
static_assert(sizeof(Layout) == 56);

struct LayoutRequest {
	Element element; // of the working form
	Metric metric;
	uint32_t dims, m, ef_construction;
	uint64_t seed;
	Codec codec = Codec::plain;
	uint32_t code_bytes = 0; // of the stored form, where it is a code
	uint32_t pq_subspaces = 0;
	uint32_t code_groups = 0; // pq, binary: nibbles of the stored form, see EdgeCodes::absolute
	bool compact = false;     // no edge codes
	uint32_t edge_bits = 0;   // of a residual edge code, per coordinate: 1, 2, 4; 0: planned
};
// Fills the layout for an index. `page_bytes` is what a page offers to slots. False where no record fits a page.
// How many bits an edge code gets follows the number of dimensions and a budget of twice the bytes per vector of an
// index without codes; see README.md.
bool plan_layout(const LayoutRequest &request, size_t page_bytes, Layout &layout) noexcept;

// 16-bit floats for edge lengths and factors: the upper half of an IEEE single, rounded to nearest.
inline uint16_t to_bf16(float value) noexcept {
	uint32_t bits;
	std::memcpy(&bits, &value, 4);
	bits += 0x7fff + ((bits >> 16) & 1);
	return uint16_t(bits >> 16);
}
inline float from_bf16(uint16_t half) noexcept {
	uint32_t bits = uint32_t(half) << 16;
	float value;
	std::memcpy(&value, &bits, 4);
	return value;
}

// Typed access to a slot. `Byte` is uint8_t or const uint8_t.
template <typename Byte>
struct Slot {
	Byte *p;
	const Layout *layout;

	auto &header() const noexcept {
		if constexpr (std::is_const_v<Byte>)
			return *reinterpret_cast<const RecordHeader *>(p);
		else
			return *reinterpret_cast<RecordHeader *>(p);
	}
	template <typename T>
	auto at(size_t offset) const noexcept {
		if constexpr (std::is_const_v<Byte>)
			return reinterpret_cast<const T *>(p + offset);
		else
			return reinterpret_cast<T *>(p + offset);
	}
	auto ids() const noexcept { return at<NodeId>(layout->ids); }
	auto lengths() const noexcept { return at<uint16_t>(layout->lengths); }
	auto a() const noexcept { return at<float>(layout->a); }
	auto f() const noexcept { return at<uint16_t>(layout->f); }
	auto codes(uint32_t block) const noexcept { return at<uint8_t>(layout->codes + block * layout->block_bytes()); }
	auto vector() const noexcept { return at<uint8_t>(layout->vector); }
	// Where the vector is, when it is outside of the record.
	auto &vector_ref() const noexcept { return *at<VectorRef>(layout->vector); }
	// An occluded edge: a shorter edge of the list leads closer to its end. A pinned edge is the one that its end
	// relies on to be reachable: never replaced.
	bool occluded(uint32_t edge) const noexcept { return bit(layout->occluded, edge); }
	bool pinned(uint32_t edge) const noexcept { return bit(layout->pinned, edge); }
	void set_occluded(uint32_t edge, bool value) const noexcept { set_bit(layout->occluded, edge, value); }
	void set_pinned(uint32_t edge, bool value) const noexcept { set_bit(layout->pinned, edge, value); }
	bool bit(size_t offset, uint32_t edge) const noexcept { return at<uint8_t>(offset)[edge / 8] >> (edge % 8) & 1; }
	void set_bit(size_t offset, uint32_t edge, bool value) const noexcept {
		uint8_t *bytes = at<uint8_t>(offset);
		bytes[edge / 8] = uint8_t((bytes[edge / 8] & ~(1u << (edge % 8))) | (unsigned(value) << (edge % 8)));
	}
	RecordState state() const noexcept { return RecordState(header().state); }
};
using ConstSlot = Slot<const uint8_t>;
using MutableSlot = Slot<uint8_t>;

} // namespace ruvector::graph
