// stats/interval.hpp - a confidence interval, and the level it is asked for.
#pragma once

#include "ruvector/error.hpp"

namespace ruvector::stats {

struct Interval {
	double low;
	double high;
};

inline void check_level(double confidence_level) {
	if (!(confidence_level > 0 && confidence_level < 1))
		throw Error(ErrorKind::invalid_argument, "confidence_level must be between 0 and 1, exclusive");
}

} // namespace ruvector::stats
