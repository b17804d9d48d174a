// am/ivfflat_cost.cpp - what a scan of an ivfflat index costs, in the planner's unit (a page read sequentially).
//
// Before its first tuple a scan reads all list pages and the entries of ivfflat.probes lists, and computes a distance
// for each:
//
//   startup = pages * (seq_page_cost * uncached + operations * cpu_operator_cost) + entries * 2 * cpu_operator_cost
//             and, where entries are codes, rows looked up before the first is returned * 25 * cpu_operator_cost
//   run     = entries * cpu_index_tuple_cost, and with ivfflat.iterative_scan what reading the other lists costs
//
// A page in shared buffers takes 12 operations (see cost.cpp), the distances to what is on it 7: they follow the bytes.
// With a selective filter an iterative scan reads on: the planner takes k / (rows that pass) of the run cost for LIMIT
// k. `uncached` and the cost for whoever wants all rows are as in cost.cpp.
#include "am/ivfflat.hpp"

#include <cmath>

#include "ruvector/pg/compat.hpp"

extern "C" {
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

namespace ruvector::am {

namespace {

constexpr double kLeastUncached = 0.125;
constexpr double kPageOperations = 12 + 7;
constexpr double kEntryOperations = 2;
constexpr double kLookUpOperations = 25;

} // namespace

void ivfflat_amcostestimate(PlannerInfo *root, IndexPath *path, [[maybe_unused]] double loop_count, Cost *startup_cost,
							Cost *total_cost, Selectivity *selectivity, double *correlation, double *pages) {
	const IndexOptInfo *info = path->indexinfo;
	*correlation = 0;
	*selectivity = 1;
	*pages = 0;
	if (path->indexorderbys == NIL) {
		*startup_cost = *total_cost = get_float8_infinity();
		RV_DISABLE_PATH(&path->path);
		return;
	}
	if (info->indpred != NIL)
		*selectivity = clauselist_selectivity(root, info->indpred, int(info->rel->relid), JOIN_INNER, nullptr);

	double tuples = Max(info->tuples, 1.0);
	double all_pages = Max(double(info->pages), 2.0);
	double lists = kDefaultLists, list_pages = 1, looked_up = 0;
	if (!info->hypothetical) {
		Relation index = index_open(info->indexoid, NoLock); // the planner holds a lock
		IvfflatOptions options = ivfflat_options_of(index);
		Opclass opclass = index_opclass(index);
		Size list_bytes = ivfflat_vector_bytes(opclass.element, uint32(index_dimensions(index, opclass)));
		lists = options.lists;
		list_pages = Min(all_pages - 1, ceil(lists / floor(kPageBytes / MAXALIGN(sizeof(IvfflatList) + list_bytes))));
		if (opclass.codec != graph::Codec::plain && options.rerank)
			looked_up = rows_looked_up(options, opclass.codec);
		index_close(index, NoLock);
	}
	double entry_pages = all_pages - list_pages;
	double first_share = Min(1.0, setting_probes() / lists), share = first_share;
	if (setting_ivfflat_iterative_scan() != iterative_off)
		share = Max(share, Min(1.0, setting_max_probes() / lists));

	double seq_page;
	get_tablespace_page_costs(info->reltablespace, nullptr, &seq_page);
	double uncached = Min(1.0, Max(kLeastUncached, info->pages / Max(1.0, double(effective_cache_size))));
	double page = seq_page * uncached + kPageOperations * cpu_operator_cost;
	double entry = kEntryOperations * cpu_operator_cost;
	double startup = (list_pages + ceil(entry_pages * first_share)) * page + (lists + tuples * first_share) * entry +
					 Min(looked_up, tuples * first_share) * kLookUpOperations * cpu_operator_cost;
	double total =
		startup + (share - first_share) * (entry_pages * page + tuples * entry) + tuples * share * cpu_index_tuple_cost;
	if (root->tuple_fraction <= 0)
		total = Max(total, startup + 1.1 * cost_of_sort(info->rel));

	*startup_cost = startup;
	*total_cost = total;
	*pages = list_pages + ceil(entry_pages * first_share);
}

} // namespace ruvector::am
