// bench/micro/codec_bench.cpp - nanoseconds per call of the codec, at every instruction set of this machine.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "ruvector/codec/edge_code.hpp"
#include "ruvector/simd/kernels.hpp"

using namespace ruvector;

namespace {

// The best of several rounds: other work on the machine only ever adds.
template <typename Call>
double nanoseconds(Call call) {
	using Clock = std::chrono::steady_clock;
	double best = 1e30;
	size_t n = 1;
	for (int round = 0; round < 15;) {
		auto start = Clock::now();
		for (size_t i = 0; i < n; i++) {
			call();
			asm volatile("" ::: "memory");
		}
		double ns = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
		if (ns < 2e6) {
			n *= 2;
			continue;
		}
		best = std::min(best, ns / n);
		round++;
	}
	return best;
}

} // namespace

int main() {
	std::mt19937_64 rng(1);
	std::normal_distribution<float> normal;
	std::printf("%-11s %5s %4s %8s %8s %8s %8s %8s %8s\n", "ns per call", "dims", "bits", "rotate", "quantize", "store",
				"load", "prepare", "score32");
	for (auto level : {simd::Level::scalar, simd::Level::sse2, simd::Level::neon, simd::Level::avx2,
					   simd::Level::avx512, simd::Level::avx512vnni}) {
		if (!simd::table(level))
			continue;
		simd::use_level(level);
		for (uint32_t dims : {128u, 384u, 784u, 1536u})
			for (uint32_t bits : {1u, 2u, 4u}) {
				codec::EdgeCodec codec = {dims, dims, dims, bits, 16};
				std::vector<uint8_t> signs(codec::rotation_sign_bytes(dims)), packed(codec.packed_bytes());
				std::vector<uint8_t> block(codec.block_bytes() + 16), lut(codec.lut_bytes() + 64);
				std::vector<float> x(dims), y(dims), x_hat(dims), dots(32);
				codec::make_rotation_signs(dims, 1, signs.data());
				codec::Rotation rotation = {dims, dims, signs.data()};
				for (auto &v : x)
					v = normal(rng);
				uint8_t *aligned = lut.data() + (64 - reinterpret_cast<uintptr_t>(lut.data()) % 64) % 64;
				codec::QueryTable table = {aligned, 0, 0};
				uint32_t lane = 0;
				double rotate = nanoseconds([&] { codec::rotate(rotation, x.data(), y.data()); });
				double quantize = nanoseconds(
					[&] { codec::quantize(codec, y.data(), static_cast<float>(dims), packed.data(), x_hat.data()); });
				double store = nanoseconds([&] { codec::store_lane(codec, packed.data(), block.data(), lane++ % 32); });
				double load = nanoseconds([&] { codec::load_lane(codec, block.data(), lane++ % 32, packed.data()); });
				double prepare = nanoseconds([&] { codec::prepare_query(codec, y.data(), table); });
				double score = nanoseconds([&] { codec::score_block(codec, block.data(), table, dots.data()); });
				std::printf("%-11s %5u %4u %8.0f %8.0f %8.0f %8.0f %8.0f %8.0f\n", simd::level_name(level), dims, bits,
							rotate, quantize, store, load, prepare, score);
			}
	}
}
