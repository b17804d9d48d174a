// bench/lib/vecs.hpp - reads vector files: .fvecs, .bvecs, .ivecs (TEXMEX: int32 d, then d values, per row) and .f16
// (int32 n, int32 d, then n*d IEEE half floats). All little endian.
#ifndef RUVECTOR_BENCH_VECS_HPP
#define RUVECTOR_BENCH_VECS_HPP

#include "matrix.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace ruvector::bench {

// .fvecs, .bvecs or .f16, told by the name's end. Reads at most max_rows (0: all). Throws std::runtime_error.
Matrix read_vectors(const std::string &path, std::size_t max_rows = 0);

struct IntRows {
	std::size_t rows = 0;
	std::size_t width = 0;
	std::vector<std::int32_t> data;
	const std::int32_t *row(std::size_t i) const { return data.data() + i * width; }
};

IntRows read_ivecs(const std::string &path, std::size_t max_rows = 0);

void write_fvecs(const std::string &path, const Matrix &matrix);
void write_ivecs(const std::string &path, const IntRows &rows);

float half_to_float(std::uint16_t half);

} // namespace ruvector::bench

#endif
