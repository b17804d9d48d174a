// bench/lib/latency.hpp - what a list of latencies says.
#ifndef RUVECTOR_BENCH_LATENCY_HPP
#define RUVECTOR_BENCH_LATENCY_HPP

#include <cstddef>
#include <vector>

namespace ruvector::bench {

// Milliseconds. Percentiles by nearest rank: p99 is a latency that occurred.
struct Latency {
	std::size_t count = 0;
	double mean = 0, min = 0, p50 = 0, p95 = 0, p99 = 0, max = 0;
	double per_second = 0; // count / sum: one client that never waits between queries
};

Latency summarize(std::vector<double> milliseconds);

double median(std::vector<double> values);

} // namespace ruvector::bench

#endif
