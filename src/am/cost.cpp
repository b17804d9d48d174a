// am/cost.cpp - what a scan of the index costs, in the planner's unit (a page read sequentially).
//
// A scan does most of its work before its first tuple: it prepares the query, descends, and collects hnsw.ef_search
// candidates, more where they are codes (effort.hpp). Then it emits tuples in order, and when its candidates are used up it
// searches on, for each tuple as far as for one of those candidates. (Behind a filter it searches farther, 1.25 to 6 times;
// a LIMIT that the candidates suffice for costs no search beyond them. One factor cannot say both.)
//
//   startup = prepare + (descent + 1.25 * candidates) * hop + looked_up * row
//   run     = tuples of the index * (1.25 * candidates_per_tuple * hop + looked_up_per_tuple * row + cpu_index_tuple_cost)
//   hop     = pages * (random_page_cost * uncached) + operations * cpu_operator_cost
//   row     = cpu_tuple_cost + operations * cpu_operator_cost, of a row whose vector is looked up: pq and binary
//
// The planner adds the visits of the heap, and takes k / (rows that pass the filter) of the run cost for LIMIT k: with
// a filter of selectivity s that is the cost of k / s tuples, which is what an iterative scan pays, and what makes
// another index with a sort win for a very selective filter.
//
// Operations are counted in units of 40 ns, which is what cpu_operator_cost (0.0025) stands for beside a page of 10 to
// 20 us from the system's cache. Measured on one core of an Ice Lake Xeon:
//   a page that is in shared buffers: 0.3 to 0.8 us, look-up, pin and lock               12 operations
//   scoring 32 edges by codes: 190 ns at 784 coordinates of one bit                      coordinates * bits / 165
//   an exact distance: 80 ns at 784 single-precision elements                            elements / 400
//   the candidates' pool: 5 ns an edge                                                   edges / 8
//   preparing a query: 3 to 8 us at 784 dimensions, with a rotation                      elements / 4
// Hops: a quarter more than ef where distances differ much (up to 8 ef on the hardest data). Without codes a hop opens
// the records of the neighbours that were not seen before: 402 distances for 434 pages in some 35 hops of degree 32, so
// 0.4 * degree.
//
// `uncached` is the index's share of effective_cache_size, but at least 1/12: the upper levels and the neighbourhoods
// that are asked for stay in memory, and yet a scan is never free. 40 hops then cost about 20 units for an index that
// fits into memory. A sequential scan and sort of 384 dimensions cost about 0.23 a row: the break-even is at some
// hundred rows there, and below two thousand where vectors are so long (500 dimensions) that they are out of line: the
// planner charges nothing for fetching those, 2 to 4 us each, so a sequential scan is costed ten times too low and the
// index is chosen late rather than early.
//
// Whoever wants all rows gets a cost above that of a sequential scan and sort: the index may end before the last row
// (hnsw.max_scan_tuples, null vectors), which is right only for somebody who wants the nearest ones. It stays finite,
// so that enable_seqscan = off has its usual effect.
#include "am/context.hpp"
#include "am/effort.hpp"
#include "ruvector/pg/compat.hpp"

extern "C" {
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
}

namespace ruvector::am {

namespace {

constexpr double kHopsPerCandidate = 1.25;
constexpr double kHopsPerLevel = 4;
constexpr double kLeastUncached = 1.0 / 12;
constexpr double kPageOperations = 12;
constexpr double kNewNeighbors = 0.4; // share of a list that a hop sees for the first time
constexpr double kSparseOperations = 10;
constexpr int kUnknownDimensions = 768;

// What a search does.
struct Work {
	double prepare;    // operations, once
	double pages;      // per hop
	double operations; // per hop, without those of its pages
	double m;
	double candidates; // at the start
	double per_tuple;  // candidates, once those are used up
	double look_up;    // operations per candidate
};

// From the catalog: no page is read, and whatever is missing or broken gets a usual value.
Work work_of(const IndexOptInfo *info) {
	Opclass opclass = {graph::Element::f32, graph::Metric::l2, graph::Codec::plain, false};
	Oid type = info->opcintype[0];
	(void)opclass_of_functions(get_opfamily_proc(info->opfamily[0], type, type, 1),
							   get_opfamily_proc(info->opfamily[0], type, type, 2),
							   get_opfamily_proc(info->opfamily[0], type, type, 4), &opclass);

	int32 dims = -1;
	if (info->indextlist != NIL) {
		auto *expression = reinterpret_cast<Node *>(static_cast<TargetEntry *>(linitial(info->indextlist))->expr);
		dims = exprTypmod(expression);
		(void)getBaseTypeAndTypmod(exprType(expression), &dims);
	}
	if (dims < 1)
		dims = kUnknownDimensions;
	if (uint32(dims) > max_dimensions(opclass.element))
		dims = int32(max_dimensions(opclass.element));

	Options options = {};
	options.m = kDefaultM;
	options.ef_construction = kDefaultEfConstruction;
	if (!info->hypothetical) {
		Relation index = index_open(info->indexoid, NoLock); // the planner holds a lock
		options = options_of(index);
		index_close(index, NoLock);
	}
	const int m = options.m;

	double exact = opclass.element == graph::Element::sparse ? kSparseOperations
				   : opclass.element == graph::Element::bit  ? dims / 6400.0
															 : dims / 400.0;
	const uint32 ef = uint32(setting_ef_search());
	Work work = {0, 1, exact, double(m), double(ef), 1, 0};
	graph::Layout layout;
	bool planned = graph::plan_layout(layout_request(opclass, options, uint32(dims)), kPageBytes, layout);
	double degree = planned ? layout.degree : 2 * m;
	double vector_pages = planned && layout.external ? 1 + floor(double(layout.vector_bytes) / kPageBytes) : 0;
	if (planned) {
		work.candidates = candidates(options, layout, ef);
		work.per_tuple = candidates_per_row(options, layout, ef);
		if (estimates_roughly(layout) && options.rerank)
			work.look_up = exact + kPageOperations;
	}
	if (planned && layout.has_codes()) {
		work.prepare = dims / 4.0;
		work.pages = 1 + vector_pages;
		work.operations = exact + degree / 8 + double(layout.code_dims) * layout.bits / 165 * layout.blocks();
	} else {
		double opened = kNewNeighbors * degree;
		work.pages = 1 + opened * (1 + vector_pages);
		work.operations = exact * opened + degree / 8;
	}
	return work;
}

} // namespace

double cost_of_sort(const RelOptInfo *rel) {
	double random_page, seq_page;
	get_tablespace_page_costs(rel->reltablespace, &random_page, &seq_page);
	double rows = Max(rel->tuples, 2.0);
	double scan = rel->pages * seq_page + rows * (cpu_tuple_cost + rel->baserestrictcost.per_tuple) +
				  rows * (10 * cpu_operator_cost + rel->reltarget->cost.per_tuple);
	double sort = rows * log2(rows) * 2 * cpu_operator_cost;
	double bytes = rows * (rel->reltarget->width + 32.0);
	if (bytes > work_mem * 1024.0)
		sort += 4 * (bytes / BLCKSZ) * (0.75 * seq_page + 0.25 * random_page);
	return scan + sort;
}

void hnsw_amcostestimate(PlannerInfo *root, IndexPath *path, [[maybe_unused]] double loop_count, Cost *startup_cost,
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

	Work work = work_of(info);
	double random_page;
	get_tablespace_page_costs(info->reltablespace, &random_page, nullptr);
	double uncached = Min(1.0, Max(kLeastUncached, info->pages / Max(1.0, double(effective_cache_size))));
	double hop = work.pages * (random_page * uncached + kPageOperations * cpu_operator_cost) +
				 work.operations * cpu_operator_cost;

	double tuples = Max(info->tuples, 1.0);
	double descent = kHopsPerLevel * log(tuples) / log(4 * work.m);
	double hops = Min(tuples, descent + kHopsPerCandidate * work.candidates);
	double row = work.look_up > 0 ? cpu_tuple_cost + work.look_up * cpu_operator_cost : 0;
	double startup = work.prepare * cpu_operator_cost + hops * hop + Min(tuples, work.candidates) * row;
	double total = startup + tuples * (work.per_tuple * (kHopsPerCandidate * hop + row) + cpu_index_tuple_cost);
	if (root->tuple_fraction <= 0)
		total = Max(total, startup + 1.1 * cost_of_sort(info->rel));

	*startup_cost = startup;
	*total_cost = total;
	*pages = Min(double(info->pages), ceil(hops * work.pages));
}

} // namespace ruvector::am
