// am/effort.hpp - how much a search does for an effort, hnsw.ef_search: scan.cpp does it, cost.cpp tells the planner.
#pragma once

#include <cmath>

#include "am/hnsw.hpp"

namespace ruvector::am {

// More is searched for where vectors are codes, because the candidates that belong to the result are spread among more
// others: by a factor, and at a small effort by what ten results alone are spread over. The fewer the bits, the wider the
// spread: the exponent fits binary codes, which need 2 times as many at 384 bits and 8 times at 128. The defaults keep the
// recall of the plain classes at the same ef to two points (bench/RESULTS.md).
inline uint32 candidates(const Options &options, const graph::Layout &layout, uint32 ef) {
	if (!layout.is_plain() && options.oversampling != 0)
		return uint32(ef * options.oversampling);
	constexpr double kMost = 16, kExponent = 1.25;
	auto spread = [ef](double factor, uint32 more, double enough_bits, uint32 bits) {
		const double wider = std::pow(Max(1.0, enough_bits / bits), kExponent);
		return uint32(Min(factor * wider, kMost) * (ef + more / factor));
	};
	switch (graph::Codec(layout.codec)) {
	case graph::Codec::plain:
	case graph::Codec::int8:
		break;
	case graph::Codec::pq:
		return spread(1.5, 16, 192, 4u * layout.pq_subspaces);
	case graph::Codec::binary:
		return spread(2, 8, 384, layout.dims);
	}
	return ef;
}

// Of those, for each row beyond the first ten.
inline double candidates_per_row(const Options &options, const graph::Layout &layout, uint32 ef) {
	const uint32 rows = Max(ef, 10);
	return double(candidates(options, layout, rows)) / rows;
}

// Whether the order of codes is far from that of the rows.
inline bool estimates_roughly(const graph::Layout &layout) {
	return graph::Codec(layout.codec) == graph::Codec::pq || graph::Codec(layout.codec) == graph::Codec::binary;
}

// The pool for one row that is returned, where a filter leaves some out: about what gives such rows the recall that the
// ten nearest of all have at the same effort, ef (README.md); half as much again for rough estimates.
inline double pool_per_row(const graph::Layout &layout, uint32 ef) {
	constexpr double kLeast = 1.25, kMost = 4;
	return Min(Max(std::sqrt(ef / 15.0), kLeast), kMost) * (estimates_roughly(layout) ? 1.5 : 1);
}

} // namespace ruvector::am
