// bench/lib/matrix.hpp - rows of floats, the form in which every data set is held in memory.
#ifndef RUVECTOR_BENCH_MATRIX_HPP
#define RUVECTOR_BENCH_MATRIX_HPP

#include <cstddef>
#include <vector>

namespace ruvector::bench {

struct Matrix {
	std::size_t rows = 0;
	std::size_t dims = 0;
	std::vector<float> data; // row after row

	Matrix() = default;
	Matrix(std::size_t rows_, std::size_t dims_) : rows(rows_), dims(dims_), data(rows_ * dims_) {}

	float *row(std::size_t i) { return data.data() + i * dims; }
	const float *row(std::size_t i) const { return data.data() + i * dims; }

	// A copy of the first n rows (all, if there are fewer).
	Matrix head(std::size_t n) const {
		Matrix out(n < rows ? n : rows, dims);
		out.data.assign(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(out.rows * dims));
		return out;
	}
};

} // namespace ruvector::bench

#endif
