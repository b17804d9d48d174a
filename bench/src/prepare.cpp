// bench/src/prepare.cpp - brings a data set into the form that the workers map: base.fvecs, query.fvecs, truth.ivecs.
//
// Reads .fvecs, .bvecs, .f16 or (gzipped) IDX files. The truth is exact, k deep, ties by row number.
#include "exact.hpp"
#include "idx.hpp"
#include "vecs.hpp"

#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>

namespace ruvector::bench {
namespace {

Matrix read_any(const std::string &path, std::size_t rows) {
	if (path.find("idx") == std::string::npos)
		return read_vectors(path, rows);
	Matrix all = idx_to_matrix(read_idx(path));
	return rows ? all.head(rows) : all;
}

Metric metric_of(const std::string &name) {
	if (name == "l2")
		return Metric::kL2;
	if (name == "cosine")
		return Metric::kCosine;
	if (name == "ip")
		return Metric::kInnerProduct;
	throw std::runtime_error("unknown metric: " + name);
}

int run(int argc, char **argv) {
	if (argc != 7)
		throw std::runtime_error("usage: prepare BASE QUERY ROWS TRUTH_QUERIES METRIC FOLDER");
	std::string folder = std::string(argv[6]) + "/";
	Matrix base = read_any(argv[1], std::stoull(argv[3]));
	Matrix query = read_any(argv[2], 0);
	if (base.dims != query.dims || base.rows == 0 || query.rows == 0)
		throw std::runtime_error("base and query do not belong together");
	std::size_t k = base.rows < 100 ? base.rows : 100;
	Neighbors truth = exact_neighbors(
		base, query.head(std::stoull(argv[4])), k, metric_of(argv[5]), 0, [](std::size_t done, std::size_t total) {
			if (isatty(STDERR_FILENO))
				fprintf(stderr, "\rexact answers: %zu of %zu%s", done, total, done == total ? "\n" : "");
		});
	write_fvecs(folder + "base.fvecs", base);
	write_fvecs(folder + "query.fvecs", query);
	write_ivecs(folder + "truth.ivecs", IntRows{truth.queries, truth.k, truth.ids});
	printf("%zu %zu %zu %zu\n", base.rows, query.rows, base.dims, truth.queries);
	return 0;
}

} // namespace
} // namespace ruvector::bench

int main(int argc, char **argv) {
	try {
		return ruvector::bench::run(argc, argv);
	} catch (const std::exception &e) {
		fprintf(stderr, "prepare: %s\n", e.what());
		return 1;
	}
}
