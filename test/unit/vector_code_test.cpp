// test/unit/vector_code_test.cpp - codes of whole vectors: the statistics of their estimates, what they find, and what
// they make of odd vectors.
#include "check.hpp"
#include "codec_support.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "ruvector/codec/edge_code.hpp"
#include "ruvector/codec/vector_code.hpp"
#include "ruvector/simd/kernels.hpp"

using namespace ruvector;
using codec::VectorCode;
using codec::VectorCodec;
using codec::VectorMetric;

namespace {

std::mt19937_64 rng(20251125);

float gauss() {
	static std::normal_distribution<float> normal;
	return normal(rng);
}

Floats gaussian(size_t n) {
	Floats x(n);
	for (auto &v : x)
		v = gauss();
	return x;
}

// A codec with its state and memory.
class Coder {
public:
	Coder(VectorCodec parameters, const Floats &sample = {}, const float *centre = nullptr)
		: codec(parameters), state_(codec::state_bytes(codec)), scratch_(codec::scratch_bytes(codec)),
		  table_(codec::query_bytes(codec)) {
		if (codec.kind == VectorCode::binary)
			codec::make_binary_state(codec, 7, centre, state_.get(), scratch_.get());
		codec.state = state_.get();
		if (codec.kind == VectorCode::pq) {
			uint32_t rows = static_cast<uint32_t>(sample.size() / codec.dims);
			Aligned scratch(codec::pq_training_scratch_bytes(codec, rows));
			CHECK(codec::train_pq({codec, sample.data(), rows, 42, 8, state_.get(), scratch.get(), nullptr, nullptr}));
		}
	}
	Bytes encode(const float *x) {
		Bytes code(codec::code_bytes(codec), 0xcc);
		codec::encode(codec, x, code.data(), scratch_.get());
		return code;
	}
	Floats decode(const Bytes &code) {
		Floats x(codec.dims);
		codec::decode(codec, code.data(), x.data(), scratch_.get());
		return x;
	}
	codec::VectorQuery prepare(VectorMetric metric, const float *q) {
		return codec::prepare(codec, metric, q, table_.get(), scratch_.get());
	}
	VectorCodec codec;

private:
	Aligned state_, scratch_, table_;
};

const VectorMetric kMetrics[] = {VectorMetric::l2, VectorMetric::ip};

// n vectors of dims around some centres, the spread falling with the coordinate, as embeddings have it.
Floats clustered(size_t n, uint32_t dims, uint64_t seed) {
	std::mt19937_64 random(seed);
	std::normal_distribution<float> normal;
	constexpr size_t kClusters = 50;
	std::mt19937_64 fixed(99);
	Floats centres(kClusters * dims), x(n * dims);
	for (size_t i = 0; i < centres.size(); i++)
		centres[i] = normal(fixed) / std::sqrt(1.0f + 0.05f * static_cast<float>(i % dims));
	for (size_t i = 0; i < n; i++) {
		const float *centre = &centres[random() % kClusters * dims];
		for (uint32_t d = 0; d < dims; d++)
			x[i * dims + d] = centre[d] + normal(random) / std::sqrt(1.0f + 0.05f * static_cast<float>(d));
	}
	return x;
}

struct Zs {
	double mean, deviation, beyond; // beyond: the share of |z| > 1.9
};

// Errors of estimates in units of the error that they should have, over many states (rotations) or vectors.
template <typename MakeCoder>
Zs zs(MakeCoder make, uint32_t dims, VectorMetric metric, const Floats &centre, int coders, int vectors) {
	double sum = 0, sq = 0;
	int n = 0, beyond = 0;
	for (int c = 0; c < coders; c++) {
		auto coder = make(c);
		for (int i = 0; i < vectors; i++) {
			Floats x = gaussian(dims), q = gaussian(dims);
			for (uint32_t d = 0; d < dims; d++) {
				x[d] = std::exp(x[d]) + centre[d];
				q[d] = 0.5f * x[d] + q[d] + centre[d];
			}
			auto query = coder->prepare(metric, q.data());
			auto e = codec::estimate(query, coder->encode(x.data()).data());
			const double wrong = e.distance - exact(metric, x.data(), q.data(), dims);
			// The announced error has the sine of the estimated angle, which errs with the estimate: put the true one.
			for (uint32_t d = 0; d < dims; d++) {
				x[d] -= centre[d];
				q[d] -= centre[d];
			}
			const double product = dot(x.data(), q.data(), dims),
						 estimated = product - wrong / (metric == VectorMetric::l2 ? 2 : 1);
			const double norms = dot(x.data(), x.data(), dims) * dot(q.data(), q.data(), dims);
			const double sines = (1 - product * product / norms) / (1 - std::min(0.99, estimated * estimated / norms));
			const double z = wrong / (e.error * std::sqrt(sines));
			sum += z;
			sq += z * z;
			beyond += std::fabs(z) > 1.9;
			n++;
		}
	}
	double mean = sum / n;
	return {mean, std::sqrt(sq / n - mean * mean), static_cast<double>(beyond) / n};
}

struct Seeded : Coder { // a binary coder with a rotation of its own
	Seeded(uint32_t dims, uint64_t seed, const float *centre)
		: Coder(codec::binary_codec(dims)), own(codec::state_bytes(codec)), work(codec::scratch_bytes(codec)) {
		codec::make_binary_state(codec, seed, centre, own.get(), work.get());
		codec.state = own.get();
	}
	Aligned own, work;
};

} // namespace

TEST("the parameters that are valid, and their sizes") {
	CHECK(codec::valid(codec::int8_codec(1)) && codec::valid(codec::binary_codec(16000)));
	for (uint32_t dims : {1u, 2u, 3u, 5u, 100u, 16000u})
		CHECK(codec::valid(codec::pq_codec(dims)));
	CHECK(!codec::valid(codec::int8_codec(0)) && !codec::valid(codec::binary_codec(16001)));
	CHECK(!codec::valid({VectorCode::pq, 5, 4, 16, nullptr}) && !codec::valid({VectorCode::pq, 8, 17, 16, nullptr}));
	CHECK(!codec::valid({VectorCode::pq, 8, 0, 16, nullptr}));
	CHECK(!codec::valid({static_cast<VectorCode>(9), 0, 0, 16, nullptr}));
	CHECK(codec::code_bytes(codec::int8_codec(384)) == 400);
	CHECK(codec::code_bytes(codec::binary_codec(384)) == 60);
	CHECK(codec::code_bytes(codec::pq_codec(384)) == 108);
	for (VectorCodec c : {codec::int8_codec(3), codec::binary_codec(3), codec::pq_codec(3)})
		CHECK(codec::code_bytes(c) % 4 == 0);
}

TEST("unrotate is the inverse of rotate") {
	for (uint32_t dims : {1u, 3u, 4u, 100u, 128u, 384u, 784u, 1536u, 16000u}) {
		Bytes signs(codec::rotation_sign_bytes(dims));
		codec::make_rotation_signs(dims, 5, signs.data());
		codec::Rotation rotation = {dims, (dims + 3) / 4 * 4, signs.data()};
		Floats x = gaussian(dims), y(rotation.rotated_dims);
		codec::rotate(rotation, x.data(), y.data());
		codec::unrotate(rotation, y.data());
		for (uint32_t i = 0; i < dims; i++)
			CHECK_NEAR(y[i], x[i], 2e-5);
		for (uint32_t i = dims; i < rotation.rotated_dims; i++)
			CHECK_NEAR(y[i], 0, 2e-5);
	}
}

TEST("binary: the errors of estimates are what is announced, and have no bias") {
	const uint32_t dims = 200;
	Floats centre = gaussian(dims), none(dims, 0.0f);
	for (VectorMetric metric : kMetrics)
		for (const Floats *c : {&none, &centre}) {
			Zs z = zs([&](int i) { return std::make_unique<Seeded>(dims, 1000 + i, c->data()); }, dims, metric, *c, 800,
					  25);
			std::printf("# z of 20,000 estimates: mean %.4f, deviation %.4f, |z| > 1.9: %.4f\n", z.mean, z.deviation,
						z.beyond);
			CHECK_NEAR(z.mean, 0, 0.02);
			CHECK_NEAR(z.deviation, 1, 0.03);
			CHECK_NEAR(z.beyond, 0.0574, 0.008);
		}
}

TEST("int8: the errors of estimates are what is announced") {
	const uint32_t dims = 200;
	Floats none(dims, 0.0f);
	for (VectorMetric metric : kMetrics) {
		Zs z = zs([&](int) { return std::make_unique<Coder>(codec::int8_codec(dims)); }, dims, metric, none, 1, 20000);
		std::printf("# z: mean %.4f, deviation %.4f\n", z.mean, z.deviation);
		CHECK_NEAR(z.mean, 0, 0.05);
		CHECK_NEAR(z.deviation, 1, 0.1);
	}
}

TEST("int8: whole numbers at most 255 apart have exact codes and distances") {
	std::mt19937 random(5);
	for (uint32_t dims : {1u, 3u, 128u, 784u, 16000u})
		for (int low : {0, -128, 65000, -65536}) {
			Coder coder(codec::int8_codec(dims));
			std::uniform_int_distribution<int> pixel(low, low + 255);
			Floats x(dims), q(dims);
			for (uint32_t i = 0; i < dims; i++) {
				x[i] = static_cast<float>(pixel(random));
				q[i] = static_cast<float>(pixel(random));
			}
			Bytes code = coder.encode(x.data());
			CHECK(coder.decode(code) == x);
			int64_t l2 = 0, ip = 0;
			for (uint32_t i = 0; i < dims; i++) {
				int64_t a = static_cast<int64_t>(x[i]), b = static_cast<int64_t>(q[i]);
				l2 += (a - b) * (a - b);
				ip += a * b;
			}
			codec::DistanceEstimate e = codec::estimate(coder.prepare(VectorMetric::l2, q.data()), code.data());
			CHECK(e.distance == static_cast<float>(l2));
			CHECK(e.error == 0);
			e = codec::estimate(coder.prepare(VectorMetric::ip, q.data()), code.data());
			CHECK(e.distance == static_cast<float>(-ip));
			CHECK(e.error == 0);
			CHECK(codec::code_distance(coder.codec, VectorMetric::l2, coder.encode(q.data()).data(), code.data()) ==
				  static_cast<float>(l2));
			CHECK_NEAR(codec::code_norm_squared(coder.codec, code.data()), dot(x.data(), x.data(), dims),
					   1e-4 * dot(x.data(), x.data(), dims));
			q[0] += 0.5f; // a query that is not whole: its own code has an error
			if (dims > 1)
				CHECK(codec::estimate(coder.prepare(VectorMetric::l2, q.data()), code.data()).error > 0);
			x[0] = static_cast<float>(low) - 1; // 256 apart
			x[dims - 1] = static_cast<float>(low) + 255;
			if (dims > 1)
				CHECK(codec::estimate(coder.prepare(VectorMetric::l2, x.data()), code.data()).error > 0);
		}
	Coder coder(codec::int8_codec(3));
	Floats zero(3);
	CHECK(coder.decode(coder.encode(zero.data())) == zero);
}

TEST("int8: the distance of codes is that of the decoded vectors") {
	for (uint32_t dims : {1u, 2u, 3u, 7u, 64u, 100u, 384u, 1536u, 16000u})
		for (float offset : {0.0f, 10.0f}) {
			Coder coder(codec::int8_codec(dims));
			Floats x = gaussian(dims), q = gaussian(dims);
			for (auto &v : x)
				v += offset;
			Bytes code = coder.encode(x.data()), query_code = coder.encode(q.data());
			Floats xh = coder.decode(code), qh = coder.decode(query_code);
			double scale = std::sqrt(dot(xh.data(), xh.data(), dims) * dot(qh.data(), qh.data(), dims));
			double want = -dot(xh.data(), qh.data(), dims);
			CHECK_NEAR(codec::distance(coder.prepare(VectorMetric::ip, q.data()), code.data()), want, 1e-4 * scale);
			CHECK_NEAR(codec::code_distance(coder.codec, VectorMetric::ip, query_code.data(), code.data()), want,
					   1e-4 * scale);
			// l2: the same, with exact norms
			double l2 = dot(x.data(), x.data(), dims) + dot(q.data(), q.data(), dims) + 2 * want;
			CHECK_NEAR(codec::distance(coder.prepare(VectorMetric::l2, q.data()), code.data()), l2,
					   1e-4 * (scale + dot(x.data(), x.data(), dims)));
			float low = *std::min_element(x.begin(), x.end()), high = *std::max_element(x.begin(), x.end());
			for (uint32_t i = 0; i < dims; i++) // a little more than half a step, because of f
				CHECK_NEAR(xh[i], x[i], (high - low) / 255 * 0.5 + 2e-3 * std::fabs(x[i]) + 1e-6);
		}
}

TEST("all: a vector is at distance zero from itself") {
	const uint32_t dims = 96;
	Floats sample = clustered(1000, dims, 3);
	for (VectorCodec c : {codec::int8_codec(dims), codec::binary_codec(dims), codec::pq_codec(dims),
						  VectorCodec{VectorCode::pq, 8, 24, dims, nullptr}}) {
		Coder coder(c, sample);
		for (size_t i = 0; i < 50; i++) {
			const float *x = &sample[i * dims];
			double norm_sq = dot(x, x, dims);
			// int8 has its query quantized as well; binary's is rounded
			double tolerance = (c.kind == VectorCode::binary ? 0.03
								: c.kind == VectorCode::int8 ? 5e-4
															 : 1e-5) *
							   norm_sq;
			Bytes code = coder.encode(x);
			CHECK_NEAR(codec::distance(coder.prepare(VectorMetric::l2, x), code.data()), 0, tolerance);
			CHECK_NEAR(codec::distance(coder.prepare(VectorMetric::ip, x), code.data()), -norm_sq, tolerance);
			CHECK_NEAR(codec::code_distance(coder.codec, VectorMetric::l2, code.data(), code.data()), 0,
					   5e-4 * norm_sq);
		}
	}
}

TEST("all: distances in a batch, estimates and other levels give what distance gives") {
	const uint32_t dims = 101;
	Floats sample = clustered(600, dims, 4), q = clustered(1, dims, 5);
	for (VectorCodec c : {codec::int8_codec(dims), codec::binary_codec(dims), codec::pq_codec(dims),
						  VectorCodec{VectorCode::pq, 8, 25, dims, nullptr}}) {
		Coder coder(c, sample);
		const size_t stride = codec::code_bytes(c) + 3, n = 40;
		Bytes codes(n * stride);
		for (size_t i = 0; i < n; i++) {
			Bytes code = coder.encode(&sample[i * dims]);
			std::copy(code.begin(), code.end(), codes.begin() + static_cast<ptrdiff_t>(i * stride));
		}
		for (VectorMetric metric : kMetrics) {
			Floats best(n), got(n);
			simd::use_level(simd::best_level());
			codec::distances(coder.prepare(metric, q.data()), codes.data(), stride, n, best.data());
			for (int level = 0; level <= static_cast<int>(simd::best_level()); level++) {
				simd::use_level(static_cast<simd::Level>(level));
				auto query = coder.prepare(metric, q.data());
				codec::distances(query, codes.data(), stride, n, got.data());
				for (size_t i = 0; i < n; i++) {
					// the rotation may differ in the last bits, and so may a rounded coordinate of the query
					CHECK_NEAR(got[i], best[i], (c.kind == VectorCode::binary ? 3e-3 : 1e-6) * 200);
					CHECK(codec::distance(query, &codes[i * stride]) == got[i]);
					CHECK(codec::estimate(query, &codes[i * stride]).distance == got[i]);
				}
			}
			simd::use_level(simd::best_level());
		}
	}
}

TEST("all: zero, constant, tiny, huge and not finite vectors, few and many dimensions") {
	const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
	for (uint32_t dims : {1u, 3u, 64u, 16000u}) {
		Floats sample = dims < 1000 ? gaussian(300 * dims) : gaussian(20 * dims);
		VectorCodec pq = codec::pq_codec(dims);
		if (dims > 1000) // the training is not what is tested here
			pq = {VectorCode::pq, 4, 500, dims, nullptr};
		for (VectorCodec c : {codec::int8_codec(dims), codec::binary_codec(dims), pq}) {
			Coder coder(c, sample);
			Floats q = gaussian(dims);
			double q_sq = dot(q.data(), q.data(), dims);
			for (float value : {0.0f, 1.0f, -2.5f, 1e-30f, 1e-42f, 1e30f, inf, -inf, nan}) {
				Floats x(dims, value);
				Bytes code = coder.encode(x.data());
				Floats decoded = coder.decode(code);
				for (VectorMetric metric : kMetrics) {
					auto e = codec::estimate(coder.prepare(metric, q.data()), code.data());
					bool finite = std::fabs(value) < 1e15f;
					if (finite) {
						CHECK(std::isfinite(e.distance) && e.error >= 0);
						CHECK_NEAR(e.distance, exact(metric, x.data(), q.data(), dims),
								   6.0 * e.error + 1e-4 * (q_sq + dot(x.data(), x.data(), dims)));
						for (float v : decoded)
							CHECK(std::isfinite(v));
					} else {
						CHECK(metric == VectorMetric::l2 ? e.distance == inf : e.distance == 0.0f);
					}
					// and as a query
					auto back = codec::estimate(coder.prepare(metric, x.data()), coder.encode(q.data()).data());
					CHECK(finite ? std::isfinite(back.distance) : !std::isnan(back.distance));
				}
			}
			Floats spike(dims, 0.0f); // one coordinate has everything
			spike[dims / 2] = 3.0f;
			auto e = codec::estimate(coder.prepare(VectorMetric::ip, q.data()), coder.encode(spike.data()).data());
			CHECK_NEAR(e.distance, -3.0f * q[dims / 2], 6.0 * e.error + 1e-3);
		}
	}
}

TEST("all: bytes that are no code do no harm") {
	const uint32_t dims = 77;
	Floats sample = gaussian(300 * dims), q = gaussian(dims), x(dims);
	for (VectorCodec c : {codec::int8_codec(dims), codec::binary_codec(dims), codec::pq_codec(dims),
						  VectorCodec{VectorCode::pq, 8, 20, dims, nullptr}}) {
		Coder coder(c, sample);
		for (int i = 0; i < 200; i++) {
			Bytes code(codec::code_bytes(c));
			for (auto &b : code)
				b = static_cast<uint8_t>(rng());
			codec::estimate(coder.prepare(VectorMetric::l2, q.data()), code.data());
			codec::code_distance(coder.codec, VectorMetric::ip, code.data(), coder.encode(q.data()).data());
			coder.decode(code);
		}
		Bytes zero(codec::code_bytes(c), 0);
		CHECK_NEAR(codec::distance(coder.prepare(VectorMetric::l2, q.data()), zero.data()),
				   dot(q.data(), q.data(), dims), 1e-3);
	}
}

TEST("pq: training is the same for a seed, stops when asked, and needs no sample") {
	const uint32_t dims = 10;
	Floats sample = gaussian(500 * dims);
	VectorCodec c = {VectorCode::pq, 8, 3, dims, nullptr};
	Bytes a(codec::state_bytes(c)), b(codec::state_bytes(c));
	Aligned scratch(codec::pq_training_scratch_bytes(c, 500));
	codec::PqTraining task = {c, sample.data(), 500, 1, 5, a.data(), scratch.get(), nullptr, nullptr};
	CHECK(codec::train_pq(task));
	task.state = b.data();
	CHECK(codec::train_pq(task));
	CHECK(a == b);
	int left = 20;
	task.stop = [](void *argument) { return --*static_cast<int *>(argument) == 0; };
	task.stop_argument = &left;
	CHECK(!codec::train_pq(task));
	CHECK(left == 0);
	task.stop = nullptr;
	task.samples = 0;
	CHECK(codec::train_pq(task));
	for (size_t i = 0; i < b.size(); i += 4) {
		float v;
		std::memcpy(&v, &b[i], 4);
		CHECK(std::isfinite(v));
	}
}

TEST("recall of the best c candidates, re-ranked: clustered data") {
	const uint32_t dims = 128, n = 8000, queries = 60, k = 10;
	Floats data = clustered(n, dims, 1), q = clustered(queries, dims, 2), mean(dims, 0.0f);
	for (size_t i = 0; i < data.size(); i++)
		mean[i % dims] += data[i] / static_cast<float>(n);
	struct Want {
		VectorCodec codec;
		double at[4]; // of c = 10, 20, 40, 80: at least
	};
	const Want wants[] = {
		{codec::int8_codec(dims), {0.97, 0.999, 0.999, 0.999}},
		{codec::binary_codec(dims), {0.40, 0.60, 0.80, 0.92}},
		{codec::pq_codec(dims), {0.50, 0.70, 0.87, 0.95}},
		{{VectorCode::pq, 8, 32, dims, nullptr}, {0.50, 0.70, 0.87, 0.95}},
	};
	for (const Want &want : wants) {
		Floats sample(data.begin(), data.begin() + 3000 * dims);
		Coder coder(want.codec, sample, mean.data());
		const size_t bytes = codec::code_bytes(want.codec);
		Bytes codes(n * bytes);
		for (size_t i = 0; i < n; i++) {
			Bytes code = coder.encode(&data[i * dims]);
			std::copy(code.begin(), code.end(), codes.begin() + static_cast<ptrdiff_t>(i * bytes));
		}
		int found[4] = {};
		Floats d(n), truth(n);
		std::vector<uint32_t> by_code(n), by_truth(n);
		for (uint32_t j = 0; j < queries; j++) {
			codec::distances(coder.prepare(VectorMetric::l2, &q[j * dims]), codes.data(), bytes, n, d.data());
			for (uint32_t i = 0; i < n; i++)
				truth[i] = simd::kernels->l2sq_f32(&data[i * dims], &q[j * dims], dims);
			std::iota(by_code.begin(), by_code.end(), 0);
			std::iota(by_truth.begin(), by_truth.end(), 0);
			auto nearest = [](std::vector<uint32_t> &ids, const Floats &distance, size_t count) {
				std::partial_sort(ids.begin(), ids.begin() + static_cast<ptrdiff_t>(count), ids.end(),
								  [&](uint32_t a, uint32_t b) { return distance[a] < distance[b]; });
			};
			nearest(by_code, d, 80);
			nearest(by_truth, truth, k);
			for (int level = 0; level < 4; level++)
				for (uint32_t i = 0; i < k; i++)
					found[level] += std::count(by_code.begin(), by_code.begin() + (10 << level), by_truth[i]) > 0;
		}
		std::printf("# kind %d, %zu bytes:", static_cast<int>(want.codec.kind), bytes);
		for (int level = 0; level < 4; level++) {
			double recall = found[level] / (1.0 * queries * k);
			std::printf(" c = %d: %.3f", 10 << level, recall);
			CHECK(recall >= want.at[level]);
		}
		std::printf("\n");
	}
}
