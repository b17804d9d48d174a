// bench/lib/idx.hpp - reads the IDX files of the MNIST family (unsigned bytes), plain or gzipped.
#ifndef RUVECTOR_BENCH_IDX_HPP
#define RUVECTOR_BENCH_IDX_HPP

#include "matrix.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ruvector::bench {

struct IdxArray {
	std::vector<std::uint32_t> shape; // images: {count, height, width}; labels: {count}
	std::vector<std::uint8_t> bytes;
};

// Throws std::runtime_error if the file is missing, is no IDX file of bytes, or ends early.
IdxArray read_idx(const std::string &path);

// One row per item, the other dimensions flattened; values stay 0..255.
Matrix idx_to_matrix(const IdxArray &array);

} // namespace ruvector::bench

#endif
