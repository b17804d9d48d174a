// test/unit/list_code_test.cpp - codes relative to the centre of a list: errors as announced, smaller than those of codes
// relative to a common centre, wherever the origin is.
#include "check.hpp"
#include "codec_support.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "ruvector/codec/list_code.hpp"
#include "ruvector/simd/kernels.hpp"

using namespace ruvector;
using codec::ListCodec;
using codec::ListFactors;
using codec::VectorCode;
using codec::VectorMetric;

namespace {

std::mt19937_64 rng(20261125);

Floats gaussian(size_t n, float scale, const Floats &around) {
	std::normal_distribution<float> normal;
	Floats x(n);
	for (size_t i = 0; i < n; i++)
		x[i] = around[i] + scale * normal(rng);
	return x;
}

float exact(VectorMetric metric, const Floats &a, const Floats &b) {
	return static_cast<float>(ruvector::exact(metric, a.data(), b.data(), a.size()));
}

// One list: vectors around a centre, which lies around the middle of the data.
struct List {
	List(VectorCode kind, VectorMetric metric, uint32_t dims, float offset, uint32_t lanes, size_t count)
		: middle(dims, offset), centre(gaussian(dims, 3, middle)), state(0), scratch(0), lut(0) {
		codec.vectors = kind == VectorCode::binary ? codec::binary_codec(dims) : codec::pq_codec(dims);
		codec.metric = metric;
		codec.middle = middle.data();
		state = Aligned(codec::state_bytes(codec.vectors));
		scratch = Aligned(codec::list_scratch_bytes(codec) + codec::scratch_bytes(codec.vectors));
		lut = Aligned(codec::code_nibbles(codec.vectors) * 16);
		for (size_t i = 0; i < count; i++)
			rows.push_back(gaussian(dims, 1, centre));
		if (kind == VectorCode::binary) {
			codec::make_binary_state(codec.vectors, 7, middle.data(), state.get(), scratch.get());
		} else {
			Floats residuals;
			const Floats origin(dims, 0.0f);
			for (int i = 0; i < 600; i++)
				for (float x : gaussian(dims, 1, origin))
					residuals.push_back(x);
			Aligned training(codec::pq_training_scratch_bytes(codec.vectors, 600));
			CHECK(codec::train_pq(
				{codec.vectors, residuals.data(), 600, 42, 8, state.get(), training.get(), nullptr, nullptr}));
		}
		codec.vectors.state = state.get();
		shape = codec::list_blocks(codec, lanes);
		const size_t blocks = (count + lanes - 1) / lanes;
		codes.resize(blocks * shape.block_bytes() + 16);
		factors.resize(count);
		Bytes packed(codec::code_nibbles(codec.vectors));
		for (size_t i = 0; i < count; i++) {
			codec::encode_in_list(codec, centre.data(), rows[i].data(), packed.data(), factors[i], scratch.get());
			codec::store_lane(shape, packed.data(), codes.data() + i / lanes * shape.block_bytes(),
							  static_cast<uint32_t>(i % lanes));
		}
	}

	Floats distances(const Floats &q) {
		codec::QueryTable table = {lut.get(), 0, 0};
		codec::prepare_lists(codec, q.data(), table, scratch.get());
		const float base = exact(codec.metric, q, centre);
		Floats out(rows.size());
		float dots[32];
		for (size_t i = 0; i < rows.size(); i++) {
			if (i % shape.lanes() == 0)
				codec::score_block(shape, codes.data() + i / shape.lanes() * shape.block_bytes(), table, dots);
			out[i] = base + factors[i].a - factors[i].f * dots[i % shape.lanes()];
		}
		return out;
	}

	Floats middle, centre;
	Aligned state, scratch, lut;
	ListCodec codec;
	codec::EdgeCodec shape;
	std::vector<Floats> rows;
	Bytes codes;
	std::vector<ListFactors> factors;
};

struct Moments {
	double mean, deviation;
};

// Of the errors as multiples of what is announced, over queries as far from the rows as these are from one another.
Moments errors(List &list) {
	double sum = 0, squares = 0;
	size_t n = 0;
	for (int k = 0; k < 40; k++) {
		const Floats q = gaussian(list.codec.vectors.dims, 1, list.centre);
		const Floats d = list.distances(q);
		for (size_t i = 0; i < d.size(); i++) {
			const float apart = std::sqrt(exact(VectorMetric::l2, q, list.rows[i]));
			const double z = double(d[i] - exact(list.codec.metric, q, list.rows[i])) / (list.factors[i].error * apart);
			sum += z;
			squares += z * z;
			n++;
		}
	}
	return {sum / double(n), std::sqrt(squares / double(n))};
}

} // namespace

TEST("lists: errors have no bias and are not larger than announced") {
	for (VectorCode kind : {VectorCode::binary, VectorCode::pq})
		for (VectorMetric metric : {VectorMetric::l2, VectorMetric::ip})
			for (uint32_t dims : {96u, 301u})
				for (float offset : {0.0f, 100.0f})
					for (uint32_t lanes : {32u, 22u}) {
						List list(kind, metric, dims, offset, lanes, 70);
						const Moments z = errors(list);
						// |q - x| announces a half more than the part that is orthogonal to r, for queries like these.
						CHECK_NEAR(z.mean, 0, 0.1);
						CHECK(z.deviation > 0.4 && z.deviation < 1.1);
					}
}

TEST("lists: a row is at distance zero from itself") {
	for (VectorCode kind : {VectorCode::binary, VectorCode::pq}) {
		List list(kind, VectorMetric::l2, 128, 0, 32, 40);
		for (size_t i = 0; i < list.rows.size(); i++)
			CHECK_NEAR(list.distances(list.rows[i])[i], 0, 3);
	}
}

TEST("lists: every level of instructions gives the same distances") {
	for (VectorCode kind : {VectorCode::binary, VectorCode::pq}) {
		List list(kind, VectorMetric::l2, 100, 5, 30, 64);
		const Floats q = gaussian(100, 1, list.centre);
		const simd::Level best = simd::kernels->level;
		const Floats d = list.distances(q);
		for (simd::Level level :
			 {simd::Level::scalar, simd::Level::sse2, simd::Level::neon, simd::Level::avx2, simd::Level::avx512}) {
			if (simd::table(level) == nullptr)
				continue;
			simd::use_level(level);
			const Floats other = list.distances(q);
			for (size_t i = 0; i < d.size(); i++)
				CHECK_NEAR(other[i], d[i], 0.5);
		}
		simd::use_level(best);
	}
}

TEST("lists: rows that are the centre, and rows that are not finite") {
	for (VectorCode kind : {VectorCode::binary, VectorCode::pq})
		for (VectorMetric metric : {VectorMetric::l2, VectorMetric::ip}) {
			List list(kind, metric, 64, 0, 32, 32);
			Bytes packed(codec::code_nibbles(list.codec.vectors));
			ListFactors factors;
			codec::encode_in_list(list.codec, list.centre.data(), list.centre.data(), packed.data(), factors,
								  list.scratch.get());
			CHECK(factors.error == 0.0f);
			CHECK_NEAR(factors.a, 0, 1e-3);
			const Floats huge(64, 1e30f);
			codec::encode_in_list(list.codec, list.centre.data(), huge.data(), packed.data(), factors,
								  list.scratch.get());
			CHECK(metric == VectorMetric::ip || factors.a == std::numeric_limits<float>::infinity());
			for (uint8_t nibble : packed)
				CHECK(nibble < 16);
		}
}
