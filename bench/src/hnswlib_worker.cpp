// bench/src/hnswlib_worker.cpp - hnswlib (Debian's libhnswlib-dev), compiled for this machine, one thread.
#include "memory_worker.hpp"

#include <hnswlib/hnswlib.h>

#include <memory>

namespace ruvector::bench {
namespace {

class HnswlibIndex : public MemoryIndex {
public:
	explicit HnswlibIndex(const Options &options)
		: dim_(number(options, "dim", 0)), m_(number(options, "m", 16)), efc_(number(options, "efc", 64)) {
		if (options.at("metric") == "l2")
			space_ = std::make_unique<hnswlib::L2Space>(dim_);
		else
			space_ = std::make_unique<hnswlib::InnerProductSpace>(dim_);
	}

	std::string version() const override {
#if defined(USE_AVX512)
		const char *simd = "AVX-512";
#elif defined(USE_AVX)
		const char *simd = "AVX";
#elif defined(USE_SSE)
		const char *simd = "SSE";
#else
		const char *simd = "scalar";
#endif
		return std::string("hnswlib ") + RV_HNSWLIB_VERSION + ", compiled with " + RV_CXX_FLAGS + ", " + simd +
			   " kernels";
	}

	void build(const float *rows, size_t count) override {
		index_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), count, m_, efc_);
		for (size_t i = 0; i < count; i++)
			index_->addPoint(rows + i * dim_, i);
	}

	void add(const float *row, int64_t id) override {
		index_->addPoint(row, static_cast<size_t>(id));
	}
	void set_ef(size_t ef) override {
		index_->setEf(ef);
	}

	void search(const float *query, size_t k, std::vector<int64_t> &ids) override {
		auto queue = index_->searchKnn(query, k);
		while (!queue.empty()) {
			ids.push_back(static_cast<int64_t>(queue.top().second));
			queue.pop();
		}
	}

	void save(const std::string &path) override {
		index_->saveIndex(path);
	}

	void load(const std::string &path, size_t room) override {
		index_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), path, false, room);
	}

private:
	size_t dim_, m_, efc_;
	std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
	std::unique_ptr<hnswlib::HierarchicalNSW<float>> index_;
};

} // namespace
} // namespace ruvector::bench

int main(int argc, char **argv) {
	return ruvector::bench::memory_main<ruvector::bench::HnswlibIndex>(argc, argv);
}
