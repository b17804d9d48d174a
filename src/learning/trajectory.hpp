// learning/trajectory.hpp - which logged step follows which.
#pragma once

#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "ruvector/learning/experience.hpp"

namespace ruvector::learning {

inline bool ends(const Experience &e, size_t row) {
	return e.terminated[row] || (e.truncated && e.truncated[row]);
}

constexpr uint32_t kNone = UINT32_MAX;

struct Trajectories {
	std::vector<uint32_t> next;     // row of the following step; kNone: ended, or the log ends. Greater than the row
	std::vector<uint32_t> previous; // kNone: the first
	std::vector<uint32_t> time;     // steps before it

	explicit Trajectories(const Experience &e) : next(e.count, kNone), previous(e.count, kNone), time(e.count, 0) {
		std::unordered_map<uint64_t, uint32_t> last;
		for (uint32_t i = 0; i < e.count; i++) {
			auto [at, first] = last.try_emplace(e.trajectory ? e.trajectory[i] : 0, i);
			if (!first && !ends(e, at->second)) {
				next[at->second] = i;
				previous[i] = at->second;
				time[i] = time[at->second] + 1;
			}
			at->second = i;
		}
	}

	// Undiscounted, of those that ended; NaN: none did.
	double mean_return(const Experience &e) const {
		std::vector<double> sum(e.count);
		double total = 0;
		size_t n = 0;
		for (size_t i = 0; i < e.count; i++) {
			sum[i] = e.rewards[i] + (previous[i] == kNone ? 0 : sum[previous[i]]);
			if (ends(e, i)) {
				total += sum[i];
				n++;
			}
		}
		return n ? total / double(n) : NAN;
	}
};

} // namespace ruvector::learning
