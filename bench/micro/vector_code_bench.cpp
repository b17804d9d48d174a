// bench/micro/vector_code_bench.cpp - codes of whole vectors: nanoseconds at every instruction set of this machine; and,
// with RUVECTOR_TEST_DATA set to a folder that has wordnet-minilm-384, the recall of the best c candidates.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "ruvector/codec/vector_code.hpp"
#include "ruvector/simd/kernels.hpp"

using namespace ruvector;
using codec::VectorCode;
using codec::VectorCodec;
using codec::VectorMetric;

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
	return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

// The best of several rounds: other work on the machine only ever adds.
template <typename Call>
double nanoseconds(Call call) {
	double best = 1e30;
	size_t n = 1;
	for (int round = 0; round < 7;) {
		auto start = Clock::now();
		for (size_t i = 0; i < n; i++) {
			call();
			asm volatile("" ::: "memory");
		}
		const double ns = since(start);
		if (ns < 1e6) {
			n *= 2;
			continue;
		}
		best = std::min(best, ns / n);
		round++;
	}
	return best;
}

uint8_t *aligned(std::vector<uint8_t> &memory, size_t bytes) {
	memory.resize(bytes + 64);
	return reinterpret_cast<uint8_t *>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
}

struct Coder {
	VectorCodec codec;
	std::vector<uint8_t> state, scratch, table;
	uint8_t *scratch_at, *table_at;
	Coder(VectorCodec c, const std::vector<float> &sample, const float *centre) : codec(c) {
		scratch_at = aligned(scratch, codec::scratch_bytes(c));
		table_at = aligned(table, codec::query_bytes(c));
		uint8_t *at = aligned(state, codec::state_bytes(c));
		codec.state = at;
		if (c.kind == VectorCode::binary)
			codec::make_binary_state(c, 1, centre, at, scratch_at);
		if (c.kind == VectorCode::pq) {
			const uint32_t rows = std::min(codec::pq_training_rows(c), static_cast<uint32_t>(sample.size() / c.dims));
			std::vector<uint8_t> memory;
			uint8_t *work = aligned(memory, codec::pq_training_scratch_bytes(c, rows));
			auto start = Clock::now();
			codec::train_pq({c, sample.data(), rows, 1, 10, at, work, nullptr, nullptr});
			std::printf("# trained on %u rows in %.2f s; errors %.2f of random ones\n", rows, since(start) / 1e9,
						static_cast<double>(*reinterpret_cast<float *>(at)));
		}
	}
};

std::string name_of(VectorCodec c) {
	if (c.kind == VectorCode::int8)
		return "int8";
	if (c.kind == VectorCode::binary)
		return "binary";
	return "pq " + std::to_string(c.pq_subspaces) + "x" + std::to_string(c.pq_bits);
}

std::vector<float> read_halves(const std::string &path, size_t most, uint32_t &dims) {
	std::FILE *file = std::fopen(path.c_str(), "rb");
	int32_t head[2];
	if (!file || std::fread(head, 4, 2, file) != 2)
		return {};
	dims = static_cast<uint32_t>(head[1]);
	const size_t n = std::min(most, static_cast<size_t>(head[0])) * dims;
	std::vector<uint16_t> halves(n);
	const bool whole = std::fread(halves.data(), 2, n, file) == n;
	std::fclose(file);
	std::vector<float> x(whole ? n : 0);
	simd::kernels->f16_to_f32(halves.data(), x.data(), x.size());
	return x;
}

void recall(const std::string &folder) {
	constexpr uint32_t kRows = 50000, kQueries = 300, k = 10;
	uint32_t dims = 0;
	auto base = read_halves(folder + "/wordnet-minilm-384/base.f16", kRows, dims);
	auto queries = read_halves(folder + "/wordnet-minilm-384/query.f16", kQueries, dims);
	if (base.empty() || queries.empty()) {
		std::printf("# no wordnet-minilm-384 in RUVECTOR_TEST_DATA: no recall\n");
		return;
	}
	const size_t n = base.size() / dims, q = queries.size() / dims;
	std::vector<float> mean(dims), d(n);
	for (auto *set : {&base, &queries})
		for (size_t i = 0; i < set->size(); i += dims) {
			float *x = set->data() + i;
			const float scale = 1.0f / std::sqrt(simd::kernels->ip_f32(x, x, dims));
			for (uint32_t j = 0; j < dims; j++)
				x[j] *= scale;
		}
	for (size_t i = 0; i < base.size(); i++)
		mean[i % dims] += base[i] / static_cast<float>(n);

	const auto nearest = [&](size_t count) {
		std::vector<uint32_t> ids(n);
		std::iota(ids.begin(), ids.end(), 0);
		std::partial_sort(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(count), ids.end(),
						  [&](uint32_t a, uint32_t b) { return d[a] < d[b] || (d[a] == d[b] && a < b); });
		ids.resize(count);
		return ids;
	};
	std::vector<std::vector<uint32_t>> truth(q);
	for (size_t j = 0; j < q; j++) {
		for (size_t i = 0; i < n; i++)
			d[i] = -simd::kernels->ip_f32(&base[i * dims], &queries[j * dims], dims);
		truth[j] = nearest(k);
	}

	const uint16_t half = static_cast<uint16_t>(dims / 2), quarter = static_cast<uint16_t>(dims / 4);
	const uint16_t eighth = static_cast<uint16_t>(dims / 8);
	std::vector<float> sample; // every third row, as many as training may want
	for (size_t i = 0; i < n; i += 3)
		sample.insert(sample.end(), &base[i * dims], &base[i * dims] + dims);
	std::printf("# wordnet-minilm, %zu rows, %zu queries, cosine: recall@10 of the best c by code, re-ranked\n", n, q);
	std::printf("%-12s %5s %6s %6s %6s %6s %6s\n", "code", "bytes", "c=10", "20", "40", "80", "160");
	for (VectorCodec c :
		 {codec::int8_codec(dims), codec::binary_codec(dims), VectorCodec{VectorCode::pq, 8, quarter, dims, nullptr},
		  VectorCodec{VectorCode::pq, 4, half, dims, nullptr}, VectorCodec{VectorCode::pq, 8, eighth, dims, nullptr},
		  VectorCodec{VectorCode::pq, 4, quarter, dims, nullptr}}) {
		Coder coder(c, sample, mean.data());
		const size_t bytes = codec::code_bytes(c);
		std::vector<uint8_t> codes(n * bytes);
		for (size_t i = 0; i < n; i++)
			codec::encode(coder.codec, &base[i * dims], &codes[i * bytes], coder.scratch_at);
		std::printf("%-12s %5zu", name_of(c).c_str(), bytes);
		int found[5] = {};
		double z_sq = 0;
		size_t z_count = 0;
		for (size_t j = 0; j < q; j++) {
			auto query =
				codec::prepare(coder.codec, VectorMetric::ip, &queries[j * dims], coder.table_at, coder.scratch_at);
			codec::distances(query, codes.data(), bytes, n, d.data());
			const auto candidates = nearest(160);
			for (int level = 0; level < 5; level++)
				for (uint32_t id : truth[j])
					found[level] +=
						static_cast<int>(std::count(candidates.begin(), candidates.begin() + (10 << level), id));
			for (uint32_t id : truth[j]) { // the error announced for the nearest, which matters most
				const auto e = codec::estimate(query, &codes[id * bytes]);
				const double exact = -simd::kernels->ip_f32(&base[id * dims], &queries[j * dims], dims);
				const double z = (e.distance - exact) / e.error;
				z_sq += z * z;
				z_count++;
			}
		}
		for (int count : found)
			std::printf(" %6.3f", count / static_cast<double>(q * k));
		std::printf("   z of the nearest: %.2f\n", std::sqrt(z_sq / static_cast<double>(z_count)));
	}
}

} // namespace

int main() {
	std::mt19937_64 rng(1);
	std::normal_distribution<float> normal;
	std::printf("%-11s %5s %-10s %6s %9s %9s %9s %9s\n", "ns per call", "dims", "code", "bytes", "encode", "prepare",
				"distance", "estimate");
	for (uint32_t dims : {128u, 384u, 784u, 1536u}) {
		std::vector<float> x(dims * 300);
		for (auto &v : x)
			v = normal(rng);
		const uint16_t quarter = static_cast<uint16_t>(dims / 4);
		for (VectorCodec c : {codec::int8_codec(dims), codec::binary_codec(dims), codec::pq_codec(dims),
							  VectorCodec{VectorCode::pq, 8, quarter, dims, nullptr}}) {
			Coder coder(c, x, nullptr);
			std::vector<uint8_t> code(codec::code_bytes(c));
			for (auto level : {simd::Level::scalar, simd::Level::sse2, simd::Level::neon, simd::Level::avx2,
							   simd::Level::avx512, simd::Level::avx512vnni}) {
				if (!simd::table(level) || (c.kind == VectorCode::pq && level != simd::Level::sse2 &&
											level != simd::Level::neon)) // has no kernels
					continue;
				simd::use_level(level);
				const double encode =
					nanoseconds([&] { codec::encode(coder.codec, x.data(), code.data(), coder.scratch_at); });
				codec::VectorQuery query;
				const double prepare = nanoseconds([&] {
					query = codec::prepare(coder.codec, VectorMetric::l2, x.data() + dims, coder.table_at,
										   coder.scratch_at);
				});
				volatile float sink;
				const double distance = nanoseconds([&] { sink = codec::distance(query, code.data()); });
				const double estimate = nanoseconds([&] { sink = codec::estimate(query, code.data()).error; });
				(void)sink;
				std::printf("%-11s %5u %-10s %6zu %9.0f %9.0f %9.1f %9.1f\n", simd::kernels->name, dims,
							name_of(c).c_str(), code.size(), encode, prepare, distance, estimate);
			}
			simd::use_level(simd::best_level());
		}
	}
	if (const char *folder = std::getenv("RUVECTOR_TEST_DATA"))
		recall(folder);
}
