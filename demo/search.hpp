// demo/search.hpp - asks the server and measures: by sequential scan, and by the index at several hnsw.ef_search.
#ifndef RUVECTOR_DEMO_SEARCH_HPP
#define RUVECTOR_DEMO_SEARCH_HPP

#include "dataset.hpp"
#include "exact.hpp"
#include "latency.hpp"
#include "pg.hpp"
#include "terminal.hpp"

#include <string>
#include <vector>

namespace ruvector::demo {

constexpr std::size_t kNeighbors = 10;
inline const char *const kSearchSql = "SELECT id FROM images ORDER BY embedding <-> $1 LIMIT 10";

struct Measured {
	std::size_t queries = 0; // that were asked
	bench::Latency latency;
	double recall = 0;   // over the queries whose exact answer is known
	double accuracy = 0; // the class of the nearest image is the class of the query
};

// One prepared statement, the queries one after the other, at most about max_seconds. The exact answers may be of the
// first queries only.
Measured measure(bench::Connection &connection, Terminal &terminal, const Dataset &data, const bench::Neighbors &exact,
				 std::size_t queries, double max_seconds, const std::string &what);

// The plan of kSearchSql with a query of the data set, one line each.
std::vector<std::string> plan(bench::Connection &connection, const Dataset &data);

// Share of the exact answers whose nearest image has the query's class.
double exact_accuracy(const Dataset &data, const bench::Neighbors &exact);

} // namespace ruvector::demo

#endif
