// learning/random.hpp - a counter-based random number generator: Philox4x32-10 (Salmon, Moraes, Dror & Shaw, SC 2011).
//
// The numbers are a pure function of (seed, stream, position): the same on every machine, and nothing needs to be
// remembered between calls. SQL uses the session's seed as `seed` and the number of the prediction as `stream`.
#pragma once

#include <cstdint>

namespace ruvector::learning {

class Random {
public:
	explicit Random(uint64_t seed, uint64_t stream = 0) : seed_(seed), stream_(stream) {}

	uint32_t bits();                                                                                // 32 of them
	double uniform() { return (double(bits() >> 5) * 67108864.0 + double(bits() >> 6)) * 0x1p-53; } // [0, 1), 53 bits
	uint32_t below(uint32_t n) { return uint32_t((uint64_t(bits()) * n) >> 32); }                   // 0 .. n - 1; n > 0
	double normal(); // mean 0, variance 1 (Box-Muller)

	static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

private:
	uint64_t seed_, stream_, position_ = 0;
	uint32_t block_[4] = {};
	uint32_t left_ = 0; // unused words of block_
};

} // namespace ruvector::learning
