// bench/lib/latency.cpp - what a list of latencies says.
#include "latency.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ruvector::bench {

namespace {

double nearest_rank(const std::vector<double> &sorted, double fraction) {
	const auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(sorted.size())));
	return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

} // namespace

Latency summarize(std::vector<double> milliseconds) {
	Latency out;
	out.count = milliseconds.size();
	if (milliseconds.empty())
		return out;
	std::sort(milliseconds.begin(), milliseconds.end());
	const double sum = std::accumulate(milliseconds.begin(), milliseconds.end(), 0.0);
	out.mean = sum / static_cast<double>(out.count);
	out.min = milliseconds.front();
	out.p50 = nearest_rank(milliseconds, 0.50);
	out.p95 = nearest_rank(milliseconds, 0.95);
	out.p99 = nearest_rank(milliseconds, 0.99);
	out.max = milliseconds.back();
	out.per_second = sum > 0 ? 1000 * static_cast<double>(out.count) / sum : 0;
	return out;
}

double median(std::vector<double> values) {
	if (values.empty())
		return 0;
	std::sort(values.begin(), values.end());
	const std::size_t half = values.size() / 2;
	return values.size() % 2 != 0 ? values[half] : (values[half - 1] + values[half]) / 2;
}

} // namespace ruvector::bench
