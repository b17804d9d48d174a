// bench/src/truth.cpp - exact nearest neighbours of every query, ties broken by id, written as .ivecs.
#include "worker.hpp"

#include <thread>

namespace ruvector::bench {
namespace {

// Single precision is exact enough to choose candidates; the last order is settled in double precision.
float fast_distance(Metric metric, const float *a, const float *b, size_t dim) {
	float sum = 0;
	if (metric == Metric::kL2) {
		for (size_t i = 0; i < dim; i++)
			sum += (a[i] - b[i]) * (a[i] - b[i]);
		return sum;
	}
	for (size_t i = 0; i < dim; i++)
		sum += a[i] * b[i];
	return -sum;
}

void solve(const DataSet &data, const std::vector<float> &scale, size_t q, size_t k, int32_t *out) {
	size_t n = data.base.rows(), keep = std::min(n, 2 * k + 50);
	std::vector<std::pair<double, int32_t>> all(n);
	for (size_t i = 0; i < n; i++)
		all[i] = {fast_distance(data.metric, data.base.row(i), data.query.row(q), data.dim()) * scale[i],
				  static_cast<int32_t>(i)};
	std::nth_element(all.begin(), all.begin() + static_cast<ptrdiff_t>(keep - 1), all.end());
	all.resize(keep);
	for (auto &entry : all)
		entry.first = exact_distance(data.metric, data.base.row(entry.second), data.query.row(q), data.dim());
	std::sort(all.begin(), all.end());
	for (size_t i = 0; i < k; i++)
		out[i] = all[i].second;
}

int run(const Options &options) {
	DataSet data;
	open_data(data, options);
	size_t k = std::min(number(options, "k", 100), data.base.rows());
	size_t queries = std::min(number(options, "queries", SIZE_MAX), data.query.rows());
	std::vector<float> scale(data.base.rows(), 1);
	if (data.metric == Metric::kCosine)
		for (size_t i = 0; i < data.base.rows(); i++) {
			float norm = -fast_distance(Metric::kIp, data.base.row(i), data.base.row(i), data.dim());
			scale[i] = norm > 0 ? 1 / std::sqrt(norm) : 0;
		}
	std::vector<int32_t> out(queries * k);
	std::vector<std::thread> threads;
	size_t count = std::max(1u, std::thread::hardware_concurrency());
	for (size_t t = 0; t < count; t++)
		threads.emplace_back([&, t] {
			for (size_t q = t; q < queries; q += count)
				solve(data, scale, q, k, &out[q * k]);
		});
	for (auto &thread : threads)
		thread.join();

	std::string path = options.at("out"), part = path + ".part";
	FILE *f = fopen(part.c_str(), "wb");
	bool ok = f != nullptr;
	int32_t width = static_cast<int32_t>(k);
	for (size_t q = 0; ok && q < queries; q++)
		ok = fwrite(&width, 4, 1, f) == 1 && fwrite(&out[q * k], 4, k, f) == k;
	if (!ok || fclose(f) != 0 || rename(part.c_str(), path.c_str()) != 0)
		throw std::runtime_error("cannot write " + path);
	return 0;
}

} // namespace
} // namespace ruvector::bench

int main(int argc, char **argv) {
	try {
		return ruvector::bench::run(ruvector::bench::parse_options(argc, argv));
	} catch (const std::exception &e) {
		fprintf(stderr, "truth: %s\n", e.what());
		return 1;
	}
}
