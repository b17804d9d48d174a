// am/build_order.hpp - which record of a build gets which place in the index: neighbours share pages.
#pragma once

#include "am/build_store.hpp"

namespace ruvector::am {

// Places are numbered in the order of the slot pages: place p is slot p % slots_per_page of the (p / slots_per_page)-th.
struct BuildOrder {
	const BuildStore *store;
	uint32 places;      // records
	uint32 pages;       // that hold slots
	uint32 *order;      // by place: the record, numbered by its present page and slot
	uint32 *place_of;   // by record
	BlockNumber *block; // of each slot page

	// Everything is allocated in the current memory context: 12 to 16 bytes a record.
	void plan(const BuildStore *of, void (*poll)());
	graph::NodeId moved(graph::NodeId id) const;
	// The image of the n-th slot page, every id in it as it is after the move.
	void write_page(uint32 n, Page page) const;

private:
	uint32 number(graph::NodeId id) const {
		return (store->layout->block_of(id) - store->area->first_block) * store->layout->slots_per_page +
			   store->layout->slot_of(id);
	}
	uint8_t *record(uint32 number) const {
		const uint32 per_page = store->layout->slots_per_page;
		return page_slot(store->page(store->area->first_block + number / per_page), *store->layout, number % per_page);
	}
	void put(uint32 number) {
		place_of[number] = places;
		order[places++] = number;
	}
};

} // namespace ruvector::am
