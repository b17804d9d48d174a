// am/build_order.cpp - see README.md, "Page order".
#include "am/build_order.hpp"

namespace ruvector::am {

namespace {

constexpr uint32 kNoPlace = UINT32_MAX, kSeen = UINT32_MAX - 1;
constexpr uint32 kPollEvery = 4096;

} // namespace

void BuildOrder::plan(const BuildStore *of, void (*poll)()) {
	store = of;
	const graph::Layout &layout = *store->layout;
	const uint32 per_page = layout.slots_per_page, used = store->area->used.load(), numbers = used * per_page;
	auto array = [](Size n) {
		return static_cast<uint32 *>(palloc_extended(Max(n, 1) * sizeof(uint32), MCXT_ALLOC_HUGE));
	};
	order = array(numbers);
	place_of = array(numbers);
	block = array(used);
	uint32 *stack = array(numbers), top = 0;
	places = pages = 0;
	for (uint32 i = 0; i < numbers; i++)
		place_of[i] = kNoPlace;

	for (uint32 page = 0; page < used; page++)
		if (page_opaque(store->page(store->area->first_block + page))->kind == uint16(PageKind::slots))
			block[pages++] = store->area->first_block + page;
	auto each_record = [&](auto &&action) {
		for (uint32 page = 0; page < pages; page++) {
			if (page % kPollEvery == 0)
				poll();
			for (uint32 slot = 0; slot < per_page; slot++) {
				uint32 n = (block[page] - store->area->first_block) * per_page + slot;
				graph::ConstSlot s{record(n), &layout};
				if (s.state() != graph::RecordState::free)
					action(n, s);
			}
		}
	};

	// What is asked for most comes first: the upper levels from the top, densely.
	uint32 next_on_level[graph::kMaxLevel + 1] = {};
	each_record([&](uint32, graph::ConstSlot s) { next_on_level[s.header().level]++; });
	for (int level = graph::kMaxLevel; level > 0; level--) {
		uint32 count = next_on_level[level];
		next_on_level[level] = places;
		places += count;
	}
	each_record([&](uint32 n, graph::ConstSlot s) {
		if (s.header().level > 0) {
			place_of[n] = next_on_level[s.header().level]++;
			order[place_of[n]] = n;
		}
	});

	// The vertices: a page is begun with a vertex that one on an earlier page leads to, the last seen first, and filled
	// with the nearest neighbours of what is on it.
	auto fill = [&](uint32 seed) {
		const uint32 first = places;
		put(seed);
		uint32 end = (places - 1) / per_page * per_page + per_page; // of the page that this place is on
		for (uint32 member = first; member < places; member++) {
			graph::ConstSlot s{record(order[member]), &layout};
			const uint32 degree = Min(uint32(s.header().degree), uint32(layout.degree));
			while (places < end) {
				uint32 nearest = kNoPlace, length = UINT32_MAX;
				for (uint32 i = 0; i < degree; i++) {
					uint32 n = number(s.ids()[i]);
					if (place_of[n] >= kSeen && s.lengths()[i] < length) {
						nearest = n;
						length = s.lengths()[i];
					}
				}
				if (nearest == kNoPlace)
					break;
				put(nearest);
			}
			for (uint32 i = 0; i < degree; i++) {
				uint32 n = number(s.ids()[i]);
				if (place_of[n] == kNoPlace) {
					place_of[n] = kSeen;
					stack[top++] = n;
				}
			}
		}
	};
	uint32 fills = 0;
	each_record([&](uint32 n, graph::ConstSlot s) {
		if (s.state() == graph::RecordState::tids || place_of[n] < kSeen)
			return;
		if (place_of[n] == kNoPlace)
			fill(n);
		while (top > 0) {
			uint32 seen = stack[--top];
			if (place_of[seen] != kSeen)
				continue;
			if (fills++ % kPollEvery == 0)
				poll();
			fill(seen);
		}
	});
	each_record([&](uint32 n, graph::ConstSlot) {
		if (place_of[n] >= kSeen) // records of heap TIDs
			put(n);
	});
	pfree(stack);
}

graph::NodeId BuildOrder::moved(graph::NodeId id) const {
	if (id == graph::kNoNode)
		return id;
	const uint32 place = place_of[number(id)], per_page = store->layout->slots_per_page;
	return store->layout->node_id(block[place / per_page], place % per_page);
}

void BuildOrder::write_page(uint32 n, Page page) const {
	const graph::Layout &layout = *store->layout;
	page_init(page, PageKind::slots, layout);
	for (uint32 slot = 0; slot < layout.slots_per_page; slot++) {
		const uint32 place = n * layout.slots_per_page + slot;
		if (place >= places)
			break;
		uint8_t *p = page_slot(page, layout, slot);
		memcpy(p, record(order[place]), layout.slot_size);
		graph::MutableSlot s{p, &layout};
		graph::RecordHeader &header = s.header();
		header.base = moved(header.base);
		header.down = moved(header.down);
		header.overflow = moved(header.overflow);
		if (s.state() != graph::RecordState::tids)
			for (uint32 i = 0; i < Min(uint32(header.degree), uint32(layout.degree)); i++)
				s.ids()[i] = moved(s.ids()[i]);
	}
}

} // namespace ruvector::am
