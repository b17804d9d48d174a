// memory/sequence_mining.hpp - frequent closed subsequences with a limit on the gap.
//
// PrefixSpan (Pei et al., ICDE 2001) by pseudo-projection: a prefix keeps, per sequence, the positions where one of its
// occurrences can end, so nothing is copied and a gap constraint is exact. Support counts distinct sequences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace ruvector::memory {

using Item = uint32_t;
using Sequence = std::vector<Item>;

constexpr uint32_t kAnyGap = UINT32_MAX;

struct MiningOptions {
	uint32_t min_support = 3;
	uint32_t max_gap = 0; // items that may lie between two neighbours of an occurrence; kAnyGap: any number
	uint32_t min_length = 2;
	uint32_t max_length = 12;
	bool closed = true;           // leave out a pattern that is part of a longer one found in the very same sequences
	size_t max_patterns = 100000; // more frequent patterns than this: Error(limit_exceeded)
	std::function<void()> poll;   // called often; may throw to stop
};

struct SequencePattern {
	Sequence items;
	std::vector<uint32_t> sequences; // numbers of the sequences that contain it, ascending; its size is the support
};

// Sorted by support (falling), then length (falling), then items.
std::vector<SequencePattern> mine_sequences(const std::vector<Sequence> &sequences, const MiningOptions &options);

// Positions of the leftmost occurrence (the earliest first item, then the earliest second one, ...); empty if none.
std::vector<uint32_t> first_occurrence(const Sequence &sequence, const Sequence &pattern, uint32_t max_gap);

} // namespace ruvector::memory
