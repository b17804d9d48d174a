// graph/layout.cpp - plans the vertex record of an index.
#include "ruvector/graph/layout.hpp"

#include <algorithm>

namespace ruvector::graph {

namespace {

size_t align(size_t n, size_t to) {
	return (n + to - 1) / to * to;
}

uint32_t element_bytes(Element element, uint32_t dims) {
	switch (element) {
	case Element::f32:
		return dims * 4;
	case Element::f16:
		return dims * 2;
	case Element::bit:
		return (dims + 7) / 8;
	case Element::sparse:
		break;
	}
	return 0;
}

// Bytes per vector of an index that holds the vector and 2 * m six-byte ids, in whole tuples of a page: the yardstick.
size_t plain_bytes(size_t vector_bytes, uint32_t m, size_t page_bytes) {
	size_t tuple = align(vector_bytes + 80, 8) + align(size_t(m) * 2 * 6 + 12, 8) + 8;
	size_t per_page = std::max<size_t>(1, page_bytes / tuple);
	return page_bytes / per_page;
}

constexpr uint32_t kEnoughBits = 384; // an edge code of so many is as good on data of more dimensions

// Places the fields; returns the size of a slot, or 0 where it does not fit.
size_t place(Layout &l, size_t page_bytes, bool external, uint32_t bits, uint32_t code_dims) {
	l.external = external;
	l.bits = uint8_t(bits);
	l.code_dims = uint16_t(bits ? code_dims : 0);
	size_t at = sizeof(RecordHeader);
	auto field = [&](size_t bytes, size_t alignment) {
		at = align(at, alignment);
		size_t start = at;
		at += bytes;
		return uint16_t(start);
	};
	l.ids = field(size_t(l.degree) * 4, 4);
	l.a = bits ? field(size_t(l.degree) * 4, 4) : 0;
	l.f = bits ? field(size_t(l.degree) * 2, 2) : 0;
	l.lengths = field(size_t(l.degree) * 2, 2);
	l.occluded = field((l.degree + 7) / 8, 1);
	l.pinned = field((l.degree + 7) / 8, 1);
	l.codes = bits ? field(l.blocks() * l.block_bytes(), 16) : 0;
	l.vector = external ? field(sizeof(VectorRef), 4) : field(l.vector_bytes, 16);
	size_t size = align(at, 16);
	if (size > page_bytes)
		return 0;
	l.slots_per_page = uint16_t(std::min<size_t>(page_bytes / size, 255));
	l.slot_size = uint16_t(size);
	l.slot_bits = 0;
	while ((1u << l.slot_bits) < l.slots_per_page)
		l.slot_bits++;
	return size;
}

} // namespace

bool plan_layout(const LayoutRequest &r, size_t page_bytes, Layout &l) noexcept {
	std::memset(&l, 0, sizeof(l));
	l.element = uint8_t(r.element);
	l.metric = uint8_t(r.metric);
	l.codec = uint8_t(r.codec);
	l.dims = r.dims;
	l.m = uint16_t(r.m);
	l.ef_construction = uint16_t(r.ef_construction);
	l.seed = r.seed;
	l.pq_subspaces = uint16_t(r.pq_subspaces);
	l.vector_bytes = l.is_plain() ? element_bytes(r.element, r.dims) : r.code_bytes;

	bool dense = r.element == Element::f32 || r.element == Element::f16;
	bool coded = dense && (r.metric == Metric::l2 || r.metric == Metric::ip || r.metric == Metric::cosine);
	auto place_without_codes = [&] {
		l.degree = uint16_t(2 * r.m);
		return (l.vector_bytes != 0 && place(l, page_bytes, false, 0, 0)) || place(l, page_bytes, true, 0, 0);
	};
	if (!coded || r.compact)
		return place_without_codes();

	l.degree = uint16_t(align(2 * r.m, 2 * r.m <= kBlockLanes ? 8 : kBlockLanes));
	if (r.codec == Codec::pq || r.codec == Codec::binary)
		// A neighbour's code has the size it has: if the list does not fit a page, the neighbours' pages are read instead.
		return place(l, page_bytes, false, 1, r.code_groups * 4) || place_without_codes();
	uint32_t rotated_dims = uint32_t(align(r.dims, 4));
	if (r.edge_bits != 0 && (place(l, page_bytes, false, r.edge_bits, rotated_dims) ||
							 place(l, page_bytes, true, r.edge_bits, rotated_dims)))
		return true;
	// Few dimensions need more bits each, and cost little. Where there are many, whoever takes int8 wants a smaller index,
	// and two records a page.
	const bool wide_int8 = r.dims > 192 && r.codec == Codec::int8;
	const double factor = r.dims <= 64 ? 3 : r.dims <= 192 ? 2.25 : wide_int8 ? 1.5 : 2;
	size_t budget = size_t(factor * double(plain_bytes(element_bytes(r.element, r.dims), r.m, page_bytes)));
	const size_t two_a_page = page_bytes / 2;
	if (wide_int8)
		budget = std::min(budget, two_a_page);
	auto fits = [&](bool external, uint32_t bits, uint32_t code_dims, size_t most) {
		return place(l, page_bytes, external, bits, code_dims) != 0 && page_bytes / l.slots_per_page <= most;
	};
	for (uint32_t bits = r.dims <= 192 ? 4 : r.dims <= 384 ? 2 : 1; bits > 1; bits /= 2)
		if (fits(false, bits, rotated_dims, budget))
			return true;
	// One bit each for the most coordinates, at least so many, whose record keeps to so many page bytes: it grows with them.
	auto place_most = [&](bool external, uint32_t least, size_t most) {
		uint32_t low = (least + 3) / 4, high = rotated_dims / 4;
		if (!fits(external, 1, low * 4, most))
			return false;
		while (low < high) {
			const uint32_t middle = (low + high + 1) / 2;
			if (fits(external, 1, middle * 4, most))
				low = middle;
			else
				high = middle - 1;
		}
		return fits(external, 1, low * 4, most);
	};
	// Shorter codes rather than a record that wastes most of a page or has its vector elsewhere, down to 5/8 of the
	// coordinates: or kEnoughBits, of however many, since the error of an estimate depends on the number of bits alone. Else
	// the vector goes elsewhere and the navigation part gets a page: all coordinates if they fit, else as many as do.
	const uint32_t least = std::min(kEnoughBits, rotated_dims * 5 / 8);
	return place_most(false, least, budget) || (wide_int8 && place_most(false, least, two_a_page)) ||
		   place_most(false, least, SIZE_MAX) || place_most(true, 4, SIZE_MAX);
}

} // namespace ruvector::graph
