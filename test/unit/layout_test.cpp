// test/unit/layout_test.cpp - what plan_layout() makes of dimensions and options, and how high vertices reach.
#include "check.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "ruvector/graph/distance.hpp"
#include "ruvector/graph/layout.hpp"

using namespace ruvector::graph;

namespace {

constexpr size_t kPage = 8160;

LayoutRequest request(Element element, Codec codec, uint32_t dims, uint32_t m = 16, uint32_t edge_bits = 0) {
	LayoutRequest r{element, Metric::l2, dims, m, 64, 1};
	r.codec = codec;
	r.code_bytes = codec == Codec::int8 ? dims + 16 : 0; // as docs/codecs.md has it
	r.edge_bits = edge_bits;
	return r;
}

struct Expected {
	uint32_t dims, bits, code_dims, slot_size, per_page, external;
};

void check_table(Codec codec, const Expected *rows, size_t n) {
	for (size_t i = 0; i < n; i++) {
		const Expected &e = rows[i];
		Layout l;
		CHECK(plan_layout(request(Element::f32, codec, e.dims), kPage, l));
		std::printf("# %u dimensions: %u x %u, %u bytes, %u a page, outside %u\n", e.dims, l.bits, l.code_dims,
					l.slot_size, l.slots_per_page, l.external);
		CHECK(l.bits == e.bits && l.code_dims == e.code_dims && l.slots_per_page == e.per_page &&
			  l.external == e.external);
		CHECK(e.slot_size == 0 || l.slot_size == e.slot_size);
	}
}

} // namespace

TEST("the tables of src/graph/README.md") {
	constexpr Expected plain[] = {
		{3, 4, 4, 512, 15, 0},      {32, 4, 32, 1072, 7, 0},     {64, 2, 64, 1200, 6, 0},
		{100, 2, 100, 1632, 5, 0},  {128, 1, 128, 1456, 5, 0},   {384, 1, 384, 3504, 2, 0},
		{512, 1, 400, 4080, 2, 0},  {768, 1, 768, 6576, 1, 0},   {1024, 1, 908, 8160, 1, 0},
		{1536, 1, 396, 8160, 1, 0}, {3072, 1, 1928, 8160, 1, 1}, {16000, 1, 1928, 8160, 1, 1},
	};
	check_table(Codec::plain, plain, std::size(plain));
	constexpr Expected int8[] = {
		{1024, 1, 652, 0, 2, 0}, {1536, 1, 524, 0, 2, 0}, {2048, 1, 396, 0, 2, 0}, {3072, 1, 1160, 0, 1, 0}};
	check_table(Codec::int8, int8, std::size(int8));
}

TEST("a record fits a page, and has the longest codes that do") {
	for (Element element : {Element::f32, Element::f16})
		for (Codec codec : {Codec::plain, Codec::int8})
			for (uint32_t m : {2u, 8u, 16u, 32u, 100u})
				for (uint32_t dims = 1; dims <= kMaxDimensions; dims += dims < 2500 ? 1 : 97) {
					Layout l;
					CHECK(plan_layout(request(element, codec, dims, m), kPage, l));
					CHECK(size_t(l.slot_size) * l.slots_per_page <= kPage);
					const uint32_t rotated = (dims + 3) / 4 * 4, coded = l.code_dims;
					CHECK(coded % 4 == 0 && coded >= 4 && coded <= rotated);
					if (!l.external)
						CHECK(coded >= std::min(384u, rotated * 5 / 8));
					if (codec == Codec::int8 && dims > 192 && m == 16)
						CHECK((l.slots_per_page >= 2) ==
							  (dims <= 2096)); // what 384 bits and the rest of a record leave
					const size_t four_more = (l.lanes() / 2 * l.blocks() + 15) / 16 * 16;
					if (l.bits == 1 && coded < rotated) // would not have fitted so many a page
						CHECK((l.slot_size + four_more) * l.slots_per_page > kPage);
				}
}

TEST("bits that are asked for are kept where they fit, with the vector elsewhere if need be") {
	Layout l;
	CHECK(plan_layout(request(Element::f32, Codec::int8, 128, 8, 1), kPage, l));
	CHECK(l.bits == 1 && l.code_dims == 128 && l.degree == 16 && l.slots_per_page == 12);
	CHECK(plan_layout(request(Element::f32, Codec::plain, 1536, 16, 1), kPage, l));
	CHECK(l.bits == 1 && l.code_dims == 1536 && l.external == 1);
	CHECK(plan_layout(request(Element::f32, Codec::plain, 700, 16, 2), kPage, l));
	CHECK(l.bits == 2 && l.code_dims == 700 && l.external == 1);
	CHECK(plan_layout(request(Element::f32, Codec::plain, 3072, 16, 4), kPage, l)); // they do not fit at all
	CHECK(l.bits == 1 && l.code_dims == 1928 && l.external == 1);
}

TEST("one vertex in 4 m has a record on level 1, one in its square on level 2") {
	constexpr uint32_t kVertices = 1 << 20;
	std::mt19937_64 random(4);
	for (uint32_t m : {4u, 16u}) {
		Layout l;
		CHECK(plan_layout(request(Element::f32, Codec::plain, 128, m), kPage, l));
		uint32_t above[3] = {0, 0, 0};
		for (uint32_t i = 0; i < kVertices; i++)
			for (int level = std::min(draw_level(l, random()), 2); level > 0; level--)
				above[level]++;
		for (int level : {1, 2}) {
			const double wanted = kVertices / std::pow(4.0 * m, level);
			CHECK(std::fabs(above[level] - wanted) < 5 * std::sqrt(wanted));
		}
	}
}
