// bench/micro/kernels_bench.cpp - nanoseconds per call of each kernel, at each level of this machine and several
// lengths. Operands stay in the first-level cache; each number is the median of nine samples of about a millisecond.
#include "ruvector/simd/kernels.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

using namespace ruvector::simd;

namespace {

volatile float float_sink;
volatile uint64_t integer_sink;

template <class F>
double nanoseconds(F call) {
	using Clock = std::chrono::steady_clock;
	auto sample = [&](size_t calls) {
		auto start = Clock::now();
		for (size_t i = 0; i < calls; ++i)
			call();
		return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
	};
	size_t calls = 16;
	while (sample(calls) < 1e6)
		calls *= 2;
	std::vector<double> samples;
	for (int i = 0; i < 9; ++i)
		samples.push_back(sample(calls) / static_cast<double>(calls));
	std::sort(samples.begin(), samples.end());
	return samples[samples.size() / 2];
}

constexpr size_t kDims[] = {128, 384, 784, 1536};

struct Data {
	std::vector<float> a, b;
	alignas(64) float x[2048] = {
		0}; // of the kernels that work in place; they should not wait for stores across cache lines
	std::vector<uint16_t> half_a, half_b;
	std::vector<uint8_t> bytes_a, bytes_b, lut;
	uint32_t out[32];

	Data() : a(2048), b(2048), half_a(2048), half_b(2048), bytes_a(16 * 512), bytes_b(16 * 512), lut(16 * 512) {
		std::mt19937 generator(1);
		std::normal_distribution<float> normal;
		for (auto *v : {&a, &b})
			for (float &f : *v)
				f = normal(generator);
		for (auto *v : {&bytes_a, &bytes_b, &lut})
			for (uint8_t &byte : *v)
				byte = static_cast<uint8_t>(generator());
		table(Level::scalar)->f32_to_f16(a.data(), half_a.data(), a.size());
		table(Level::scalar)->f32_to_f16(b.data(), half_b.data(), b.size());
	}
};

// One line: a name and the number for each length.
template <class F>
void row(const KernelTable *t, const char *name, F call) {
	std::printf("%-11s %-12s", t->name, name);
	for (size_t dims : kDims)
		std::printf(" %8.1f", nanoseconds([&] { call(dims); }));
	std::printf("\n");
	std::fflush(stdout);
}

void measure(const KernelTable *t, Data &d) {
	const float *a = d.a.data(), *b = d.b.data();
	const uint16_t *ha = d.half_a.data(), *hb = d.half_b.data();
	const uint8_t *ba = d.bytes_a.data(), *bb = d.bytes_b.data();
	row(t, "l2sq_f32", [=](size_t n) { float_sink = t->l2sq_f32(a, b, n); });
	row(t, "ip_f32", [=](size_t n) { float_sink = t->ip_f32(a, b, n); });
	row(t, "l1_f32", [=](size_t n) { float_sink = t->l1_f32(a, b, n); });
	row(t, "cosine_f32", [=](size_t n) { float_sink = t->cosine_f32(a, b, n).ip; });
	row(t, "l2sq_f16", [=](size_t n) { float_sink = t->l2sq_f16(ha, hb, n); });
	row(t, "ip_f16", [=](size_t n) { float_sink = t->ip_f16(ha, hb, n); });
	row(t, "l1_f16", [=](size_t n) { float_sink = t->l1_f16(ha, hb, n); });
	row(t, "cosine_f16", [=](size_t n) { float_sink = t->cosine_f16(ha, hb, n).ip; });
	row(t, "f16_to_f32", [&](size_t n) { t->f16_to_f32(ha, d.x, n); });
	row(t, "f32_to_f16", [&](size_t n) { t->f32_to_f16(a, d.half_a.data(), n); });
	row(t, "hamming", [=](size_t n) { integer_sink = t->hamming(ba, bb, n / 8); }); // n bits
	row(t, "jaccard", [=](size_t n) {
		uint64_t common, any;
		t->jaccard(ba, bb, n / 8, &common, &any);
		integer_sink = common + any;
	});
	row(t, "fastscan", [&](size_t n) { t->fastscan(ba, n / 4, 16, d.lut.data(), d.out); }); // 32 lanes of n bits
	row(t, "fastscan/8", [&](size_t n) { t->fastscan(ba, n / 4, 8, d.lut.data(), d.out); });
	row(t, "fastscan/5", [&](size_t n) { t->fastscan(ba, n / 4, 5, d.lut.data(), d.out); });
	// The power of two below n. Zeros, because the transform of its own output would grow without bound.
	std::fill(std::begin(d.x), std::end(d.x), 0.0f);
	row(t, "hadamard", [&](size_t n) { t->hadamard(d.x, size_t{1} << (63 - __builtin_clzll(n))); });
	row(t, "flip_signs", [&](size_t n) { t->flip_signs(d.x, ba, n); });
	row(t, "mix", [&](size_t n) { t->mix(d.x, d.x + n / 2, n / 2, 0.6f, 0.8f); });
}

} // namespace

int main() {
	std::printf("ns per call; best level of this machine: %s\n%-11s %-12s", level_name(best_level()), "level",
				"kernel");
	for (size_t dims : kDims)
		std::printf(" %8zu", dims);
	std::printf("\n");
	static Data d;
	for (int level = 0; level <= static_cast<int>(Level::avx512vnni); ++level)
		if (const KernelTable *t = table(static_cast<Level>(level)))
			measure(t, d);
}
