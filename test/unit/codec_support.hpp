// codec_support.hpp - what the tests of codes share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ruvector/codec/vector_code.hpp"

namespace ruvector {

using Floats = std::vector<float>;
using Bytes = std::vector<uint8_t>;

// Memory aligned to 64 bytes.
class Aligned {
public:
	explicit Aligned(size_t bytes) : memory_(bytes + 64) {}
	uint8_t *get() { return reinterpret_cast<uint8_t *>((reinterpret_cast<uintptr_t>(memory_.data()) + 63) / 64 * 64); }

private:
	Bytes memory_;
};

inline double dot(const float *a, const float *b, size_t n) {
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += static_cast<double>(a[i]) * b[i];
	return sum;
}

// What an estimate is of.
inline double exact(codec::VectorMetric metric, const float *a, const float *b, size_t n) {
	if (metric == codec::VectorMetric::ip)
		return -dot(a, b, n);
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
	return sum;
}

} // namespace ruvector
