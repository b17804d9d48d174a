// bench/src/faiss_worker.cpp - FAISS (Debian's libfaiss-dev): HNSW over floats or over 8-bit codes, one thread.
#include "memory_worker.hpp"

#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <faiss/utils/utils.h>
#include <omp.h>

#include <memory>

namespace ruvector::bench {
namespace {

class FaissIndex : public MemoryIndex {
public:
	explicit FaissIndex(const Options &options) {
		omp_set_num_threads(1);
		int dim = static_cast<int>(number(options, "dim", 0)), m = static_cast<int>(number(options, "m", 16));
		faiss::MetricType metric = options.at("metric") == "l2" ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT;
		const std::string &store = options.at("store");
		if (store == "flat")
			index_ = std::make_unique<faiss::IndexHNSWFlat>(dim, m, metric);
		else
			index_ = std::make_unique<faiss::IndexHNSWSQ>(
				dim, store == "sq8_direct" ? faiss::ScalarQuantizer::QT_8bit_direct : faiss::ScalarQuantizer::QT_8bit,
				m, metric);
		index_->hnsw.efConstruction = static_cast<int>(number(options, "efc", 64));
		store_ = store;
	}

	std::string version() const override { return std::string("FAISS ") + RV_FAISS_VERSION + ", HNSW " + store_; }

	void build(const float *rows, size_t count) override {
		index_->train(static_cast<std::int64_t>(count), rows);
		index_->add(static_cast<std::int64_t>(count), rows);
	}

	void add(const float *row, int64_t) override { index_->add(1, row); }
	void set_ef(size_t ef) override { index_->hnsw.efSearch = static_cast<int>(ef); }

	void search(const float *query, size_t k, std::vector<int64_t> &ids) override {
		std::vector<float> distances(k);
		ids.resize(k);
		index_->search(1, query, static_cast<std::int64_t>(k), distances.data(), ids.data());
	}

	void save(const std::string &path) override { faiss::write_index(index_.get(), path.c_str()); }

	void load(const std::string &path, size_t) override {
		index_.reset(dynamic_cast<faiss::IndexHNSW *>(faiss::read_index(path.c_str())));
		if (!index_)
			throw std::runtime_error("not an HNSW index: " + path);
	}

private:
	std::string store_;
	std::unique_ptr<faiss::IndexHNSW> index_;
};

} // namespace
} // namespace ruvector::bench

int main(int argc, char **argv) {
	return ruvector::bench::memory_main<ruvector::bench::FaissIndex>(argc, argv);
}
