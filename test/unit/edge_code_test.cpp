// test/unit/edge_code_test.cpp - rotation, edge codes, blocks, and the statistics of the estimator.
#include "check.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "ruvector/codec/edge_code.hpp"
#include "ruvector/simd/kernels.hpp"

using namespace ruvector;
using codec::EdgeCodec;
using Floats = std::vector<float>;
using Bytes = std::vector<uint8_t>;

namespace {

std::mt19937_64 rng(20240229);

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

// Data as unlike a rotated Gaussian as it gets: most coordinates zero, the others positive and heavy tailed.
Floats spiky(size_t n) {
	Floats x(n);
	for (auto &v : x)
		v = rng() % 8 == 0 ? std::exp(gauss()) : 0.0f;
	x[rng() % n] += 1.0f;
	return x;
}

double dot(const float *a, const float *b, size_t n) {
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += static_cast<double>(a[i]) * b[i];
	return sum;
}
double dot(const Floats &a, const Floats &b) {
	return dot(a.data(), b.data(), std::min(a.size(), b.size()));
}
double norm(const Floats &a) {
	return std::sqrt(dot(a, a));
}
Floats minus(const Floats &a, const Floats &b) {
	Floats c(a);
	for (size_t i = 0; i < c.size(); i++)
		c[i] -= b[i];
	return c;
}

struct Rotator {
	Bytes signs;
	codec::Rotation rotation;
	Rotator(uint32_t dims, uint64_t seed) : signs(codec::rotation_sign_bytes(dims)) {
		codec::make_rotation_signs(dims, seed, signs.data());
		rotation = {dims, (dims + 3) / 4 * 4, signs.data()};
	}
	Floats operator()(const Floats &x) const {
		Floats y(rotation.rotated_dims);
		codec::rotate(rotation, x.data(), y.data());
		return y;
	}
};

EdgeCodec make_codec(uint32_t dims, uint32_t bits, uint32_t row_bytes = 16, uint32_t code_dims = 0) {
	uint32_t rotated = (dims + 3) / 4 * 4;
	return {dims, rotated, code_dims ? code_dims : rotated, bits, row_bytes};
}

struct Code {
	Bytes packed;
	Floats x_hat;
	float f;
	Code(const EdgeCodec &codec, const Floats &r) : packed(codec.packed_bytes()), x_hat(codec.code_dims) {
		f = codec::quantize(codec, r.data(), static_cast<float>(dot(r, r)), packed.data(), x_hat.data());
	}
};

struct Query {
	Bytes lut;
	codec::QueryTable table;
	Query(const EdgeCodec &codec, const Floats &q) : lut(codec.lut_bytes()), table{lut.data(), 0, 0} {
		codec::prepare_query(codec, q.data(), table);
	}
};

// What fastscan may read: the block and 16 bytes more.
Bytes empty_block(const EdgeCodec &codec) {
	return Bytes(codec.block_bytes() + 16);
}

Bytes random_nibbles(size_t n) {
	Bytes b(n);
	for (auto &v : b)
		v = rng() & 15;
	return b;
}

// The best cosine between r and any x_hat on a very fine grid of steps.
double best_cosine(const Floats &r, uint32_t bits) {
	double centre = ((1 << bits) - 1) / 2.0, max = 0, best = 0;
	for (float v : r)
		max = std::max<double>(max, std::fabs(v));
	for (double step = max / centre / 8; step < max * 4; step *= 1.003) {
		double d = 0, sq = 0;
		for (float v : r) {
			double u = std::floor(v / step + centre + 0.5);
			double x = std::min(std::max(u, 0.0), 2 * centre) - centre;
			d += x * v;
			sq += x * x;
		}
		best = std::max(best, d / std::sqrt(sq) / norm(r));
	}
	return best;
}

const uint32_t kDims[] = {1, 2, 3, 4, 5, 7, 8, 100, 128, 384, 784, 1000, 1536, 3072, 16000};
const simd::Level kLevels[] = {simd::Level::scalar, simd::Level::sse2,   simd::Level::neon,
							   simd::Level::avx2,   simd::Level::avx512, simd::Level::avx512vnni};

} // namespace

TEST("rotation preserves norms and inner products") {
	for (uint32_t dims : kDims)
		for (uint64_t seed : {1u, 2u, 3u}) {
			Rotator rotate(dims, seed);
			Floats x = gaussian(dims), y = spiky(dims);
			Floats px = rotate(x), py = rotate(y);
			CHECK(px.size() == (dims + 3) / 4 * 4);
			CHECK_NEAR(norm(px) / norm(x), 1.0, 1e-4);
			CHECK_NEAR(norm(py) / norm(y), 1.0, 1e-4);
			CHECK_NEAR(dot(px, py), dot(x, y), 1e-4 * norm(x) * norm(y));
		}
}

TEST("rotation is linear and keeps magnitudes far from 1") {
	for (uint32_t dims : {3u, 100u, 128u, 784u}) {
		Rotator rotate(dims, 9);
		Floats x = gaussian(dims), y = gaussian(dims), z(dims);
		for (uint32_t i = 0; i < dims; i++)
			z[i] = 2.5f * x[i] - 0.5f * y[i];
		Floats px = rotate(x), py = rotate(y), pz = rotate(z);
		for (size_t i = 0; i < pz.size(); i++)
			CHECK_NEAR(pz[i], 2.5 * px[i] - 0.5 * py[i], 1e-4 * norm(z));
		for (float scale : {1e-20f, 1e30f}) {
			for (uint32_t i = 0; i < dims; i++)
				z[i] = scale * x[i];
			CHECK_NEAR(norm(rotate(z)) / norm(z), 1.0, 1e-4);
		}
	}
	Rotator rotate(100, 9);
	for (float v : rotate(Floats(100)))
		CHECK(v == 0.0f);
}

TEST("the seed decides the rotation") {
	for (uint32_t dims : kDims) {
		Rotator a(dims, 42), b(dims, 42), c(dims, 43);
		CHECK(a.signs == b.signs);
		if (dims >= 100) {
			CHECK(a.signs != c.signs);
			Floats x = gaussian(dims);
			CHECK(a(x) == b(x));
			CHECK(std::fabs(dot(a(x), c(x))) < 0.6 * norm(x) * norm(x));
		}
	}
	// Pinned: an index stores the seed, not the signs.
	Rotator pinned(32, 1);
	const uint8_t first[8] = {0xc1, 0x5c, 0x02, 0x89, 0xec, 0x2d, 0x0a, 0x91};
	CHECK(pinned.signs.size() == 16);
	CHECK(std::memcmp(pinned.signs.data(), first, 8) == 0);
}

TEST("rotation spreads single coordinates") {
	for (uint32_t dims : {100u, 128u, 384u, 784u, 1000u, 1536u, 3072u, 16000u}) {
		double fourth = 0;
		int count = 0;
		for (uint64_t seed = 0; seed < 8; seed++) {
			Rotator rotate(dims, seed);
			for (uint32_t at : {0u, 1u, dims / 2 - 1, dims / 2, dims - 1}) {
				Floats x(dims);
				x[at] = 1.0f;
				Floats y = rotate(x);
				double largest = 0, kurtosis = 0;
				for (float v : y) {
					largest = std::max<double>(largest, std::fabs(v));
					kurtosis += std::pow(v, 4) * dims;
				}
				CHECK(largest < 8 / std::sqrt(dims)); // a random direction: sqrt(2 ln dims), 4.4 at 16000
				fourth += kurtosis;
				count++;
			}
		}
		CHECK_NEAR(fourth / count, 3.0, 0.75); // Gaussian coordinates: 3
	}
}

TEST("store, load, complement and decode round trip") {
	for (uint32_t bits : {1u, 2u, 4u})
		for (uint32_t row_bytes : {4u, 8u, 12u, 16u, 1u, 5u})
			for (uint32_t dims : {1u, 8u, 100u, 384u}) {
				EdgeCodec codec = make_codec(dims, bits, row_bytes);
				Bytes block = random_nibbles(codec.block_bytes() + 16);
				const Bytes guard(block.end() - 16, block.end());
				std::vector<Bytes> lanes;
				for (uint32_t lane = 0; lane < codec.lanes(); lane++)
					lanes.push_back(random_nibbles(codec.packed_bytes()));
				std::vector<uint32_t> order(codec.lanes());
				for (uint32_t i = 0; i < order.size(); i++)
					order[i] = i;
				std::shuffle(order.begin(), order.end(), rng);
				for (uint32_t lane : order)
					codec::store_lane(codec, lanes[lane].data(), block.data(), lane);
				Bytes got(codec.packed_bytes());
				Floats x(codec.code_dims), y(codec.code_dims);
				for (uint32_t lane = 0; lane < codec.lanes(); lane++) {
					codec::load_lane(codec, block.data(), lane, got.data());
					CHECK(got == lanes[lane]);
					codec::decode(codec, got.data(), x.data());
					codec::complement(codec, got.data());
					codec::decode(codec, got.data(), y.data());
					for (uint32_t i = 0; i < codec.code_dims; i++) {
						CHECK(x[i] == -y[i]);
						CHECK(std::fabs(x[i]) <= ((1 << bits) - 1) / 2.0);
					}
				}
				CHECK(std::equal(guard.begin(), guard.end(), block.end() - 16));
				// the documented layout
				uint32_t lane = rng() % codec.lanes(), i = rng() % codec.code_dims, p = rng() % bits, g = i / 4;
				uint8_t byte = block[(p * codec.groups() + g) * row_bytes + lane % row_bytes];
				uint8_t nibble = lane < row_bytes ? byte & 15 : byte >> 4;
				codec::decode(codec, lanes[lane].data(), x.data());
				int u = static_cast<int>(x[i] + ((1 << bits) - 1) / 2.0);
				CHECK(((nibble >> (i % 4)) & 1) == ((u >> p) & 1));
			}
}

TEST("quantize gives the code it says, and nearly the best one") {
	for (uint32_t bits : {1u, 2u, 4u})
		for (uint32_t dims : kDims) {
			EdgeCodec codec = make_codec(dims, bits);
			double lost = 0, worst = 0;
			const int n = dims > 1000 ? 3 : 40;
			for (int i = 0; i < n; i++) {
				Rotator rotate(dims, rng());
				Floats r = rotate(i % 2 ? gaussian(dims) : spiky(dims)), x(codec.code_dims);
				Code code(codec, r);
				codec::decode(codec, code.packed.data(), x.data());
				CHECK(x == code.x_hat);
				CHECK_NEAR(code.f * dot(r, x) / dot(r, r), 1.0, 1e-5);
				double cosine = dot(r, x) / norm(r) / norm(x), loss = 1 - cosine / best_cosine(r, bits);
				lost += loss / n;
				worst = std::max(worst, loss);
				// the code of -r is the complement, and the factor the same
				Floats minus_r(r);
				for (auto &v : minus_r)
					v = -v;
				Code other(codec, minus_r);
				CHECK_NEAR(other.f / code.f, 1.0, bits == 1 ? 1e-5 : 1e-3); // ties round up
			}
			CHECK(lost < 0.0005); // 1 - cosine is 0.2, 0.06 and 0.006 at best
			CHECK(worst < 0.005);
		}
}

TEST("degenerate residuals") {
	const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
	for (uint32_t bits : {1u, 2u, 4u})
		for (uint32_t dims : {1u, 3u, 20u, 128u}) {
			EdgeCodec codec = make_codec(dims, bits);
			auto check = [&](const Floats &r, float norm_sq) {
				Bytes packed(codec.packed_bytes(), 0xff);
				Floats x(codec.code_dims), y(codec.code_dims);
				CHECK(codec::quantize(codec, r.data(), norm_sq, packed.data(), x.data()) == 0.0f);
				for (uint8_t nibble : packed)
					CHECK(nibble < 16);
				codec::decode(codec, packed.data(), y.data());
				CHECK(x == y);
			};
			Floats zero(codec.code_dims);
			check(zero, 0.0f);
			check(zero, 1.0f); // all of the residual is in coordinates that are not coded
			for (float bad : {inf, -inf, nan}) {
				Floats r = gaussian(codec.code_dims);
				r[rng() % r.size()] = bad;
				check(r, bad * bad);
				check(Floats(codec.code_dims, bad), nan);
			}
			// the smallest and largest that single precision holds
			for (float scale : {1e-18f, 1e15f}) {
				Floats r = gaussian(codec.code_dims);
				for (auto &v : r)
					v *= scale;
				Code code(codec, r);
				CHECK_NEAR(code.f * dot(r, code.x_hat) / dot(r, r), 1.0, 1e-3);
			}
			for (float bad : {0.0f, inf, nan, 1e-40f}) {
				Floats q(codec.code_dims, bad);
				Query query(codec, q);
				Bytes block = empty_block(codec);
				Floats dots(32, nan);
				codec::score_block(codec, block.data(), query.table, dots.data());
				for (float v : dots)
					CHECK(v == 0.0f);
			}
		}
}

TEST("score_block is the inner product with the decoded code") {
	for (uint32_t bits : {1u, 2u, 4u})
		for (uint32_t row_bytes : {4u, 8u, 12u, 16u, 3u})
			for (uint32_t dims : {1u, 7u, 64u, 100u, 384u, 784u, 1536u, 16000u}) {
				EdgeCodec codec = make_codec(dims, bits, row_bytes);
				double relative = 0, bias = 0;
				int n = 0;
				for (int repeat = 0; repeat < (dims > 1000 ? 4 : 40); repeat++) {
					Rotator rotate(dims, rng());
					Floats q = rotate(repeat % 2 ? gaussian(dims) : spiky(dims));
					Query query(codec, q);
					Bytes block = empty_block(codec);
					std::vector<Floats> x;
					for (uint32_t lane = 0; lane < codec.lanes(); lane++) {
						Code code(codec, rotate(gaussian(dims)));
						codec::store_lane(codec, code.packed.data(), block.data(), lane);
						x.push_back(code.x_hat);
					}
					Floats dots(32, std::nanf(""));
					codec::score_block(codec, block.data(), query.table, dots.data());
					for (float v : dots)
						CHECK(std::isfinite(v));
					for (uint32_t lane = 0; lane < codec.lanes(); lane++) {
						double error = (dots[lane] - dot(x[lane], q)) / norm(x[lane]) / norm(q);
						CHECK(std::fabs(error) < (dims < 64 ? 0.03 : 0.006));
						if (lane == 0) { // both directions of an edge: opposite sums
							Bytes turned(codec.packed_bytes());
							codec::load_lane(codec, block.data(), 0, turned.data());
							codec::complement(codec, turned.data());
							Bytes other = empty_block(codec);
							codec::store_lane(codec, turned.data(), other.data(), 0);
							float opposite[32];
							codec::score_block(codec, other.data(), query.table, opposite);
							CHECK_NEAR(opposite[0], -dots[0], std::fabs(query.table.offset) * 1e-6);
						}
						relative += error * error;
						bias += error;
						n++;
					}
				}
				relative = std::sqrt(relative / n);
				if (dims >= 64)
					CHECK(relative < 0.001);
				else
					CHECK(relative < 0.006);
				if (row_bytes == 16)
					std::printf("# %u bits, %u dimensions: table error %.4f %% rms, %+.4f %% mean\n", bits, dims,
								100 * relative, 100 * bias / n);
			}
}

TEST("every instruction set gives the same scores") {
	const simd::Level before = simd::kernels->level;
	for (uint32_t bits : {1u, 2u, 4u})
		for (uint32_t row_bytes : {1u, 4u, 7u, 8u, 12u, 15u, 16u})
			for (uint32_t dims : {1u, 9u, 100u, 784u, 1536u, 16000u}) {
				EdgeCodec codec = make_codec(dims, bits, row_bytes);
				Bytes block = random_nibbles(codec.block_bytes() + 16);
				for (auto &b : block)
					b = static_cast<uint8_t>(b | (rng() << 4));
				Floats q = gaussian(codec.code_dims);
				Query query(codec, q);
				Floats reference;
				for (simd::Level level : kLevels) {
					if (!simd::table(level))
						continue;
					simd::use_level(level);
					Query again(codec, q);
					CHECK(again.lut == query.lut && again.table.delta == query.table.delta &&
						  again.table.offset == query.table.offset);
					Floats dots(32);
					codec::score_block(codec, block.data(), query.table, dots.data());
					dots.resize(codec.lanes());
					if (reference.empty())
						reference = dots;
					CHECK(dots == reference);
				}
			}
	// Rotations agree to the last bits, and codes of the same floats in every bit.
	for (uint32_t dims : {100u, 128u, 784u}) {
		Rotator rotate(dims, 5);
		Floats x = gaussian(dims), y = rotate(x);
		for (uint32_t bits : {1u, 2u, 4u}) {
			EdgeCodec codec = make_codec(dims, bits);
			Code reference(codec, y);
			for (simd::Level level : kLevels) {
				if (!simd::table(level))
					continue;
				simd::use_level(level);
				Floats z = rotate(x);
				CHECK(norm(minus(z, y)) < 1e-5 * norm(y));
				Code code(codec, y);
				CHECK(code.packed == reference.packed && code.f == reference.f && code.x_hat == reference.x_hat);
			}
		}
	}
	simd::use_level(before);
}

TEST("the estimator is unbiased with the known error") {
	// 1.024e5 pairs each; q has all angles to r that random data have. The deviation holds for the part of q orthogonal
	// to r.
	struct Setting {
		uint32_t dims, bits, code_dims;
	};
	for (Setting s : {Setting{100, 1, 0}, Setting{384, 1, 0}, Setting{384, 2, 0}, Setting{100, 4, 0},
					  Setting{384, 4, 0}, Setting{1000, 1, 256}, Setting{384, 4, 128}}) {
		EdgeCodec codec = make_codec(s.dims, s.bits, 16, s.code_dims);
		double sum = 0, sum_sq = 0;
		int n = 0, outside = 0;
		for (int seed = 0; seed < 100; seed++) {
			Rotator rotate(s.dims, 1000 + seed);
			std::vector<Floats> queries;
			for (int i = 0; i < 32; i++)
				queries.push_back(rotate(i % 2 ? spiky(s.dims) : gaussian(s.dims)));
			Bytes block = empty_block(codec);
			std::vector<Floats> rs;
			std::vector<Code> codes;
			for (uint32_t i = 0; i < 32; i++) {
				rs.push_back(rotate(i % 2 ? minus(spiky(s.dims), spiky(s.dims)) : gaussian(s.dims)));
				codes.emplace_back(codec, rs.back());
				codec::store_lane(codec, codes.back().packed.data(), block.data(), i);
			}
			for (const Floats &q : queries) {
				Query query(codec, q);
				float dots[32];
				codec::score_block(codec, block.data(), query.table, dots);
				for (int i = 0; i < 32; i++) {
					const Floats &r = rs[i], &x = codes[i].x_hat;
					double truth = dot(r, q), cosine = truth / norm(r) / norm(q);
					double along = dot(x, r) / norm(r) / norm(x);
					double sd = norm(r) * norm(q) * std::sqrt((1 - cosine * cosine) * (1 - along * along)) / along /
								std::sqrt(s.dims - 1.0);
					double z = (codes[i].f * dots[i] - truth) / sd;
					sum += z;
					sum_sq += z * z;
					outside += std::fabs(z) > 1.9;
					n++;
				}
			}
		}
		double mean = sum / n, sd = std::sqrt(sum_sq / n - mean * mean), share = 100.0 * outside / n;
		std::printf("# %u bits, %u of %u dimensions: %d pairs, z mean %+.4f, sd %.4f, |z| > 1.9 in %.2f %%\n", s.bits,
					codec.code_dims, s.dims, n, mean, sd, share);
		CHECK_NEAR(mean, 0.0, 0.02);
		CHECK_NEAR(sd, 1.0, 0.05);
		CHECK_NEAR(share, 5.7, 0.7);
	}
}

TEST("edge estimates of distances, end to end") {
	// Clustered vectors; a vertex, its 32 nearest as edges, queries from the same cluster. The rotation of the query is
	// used as it is: no difference to the vertex is formed.
	const uint32_t dims = 784;
	for (bool ip : {false, true}) {
		double previous = 1;
		for (uint32_t bits : {1u, 2u, 4u}) {
			EdgeCodec codec = make_codec(dims, bits);
			double sum = 0, sum_z = 0, sum_zz = 0;
			int n = 0;
			for (int cluster = 0; cluster < 100; cluster++) {
				Rotator rotate(dims, 77 + cluster);
				Floats centre = spiky(dims);
				auto member = [&] {
					Floats x(centre);
					for (auto &v : x)
						v += 0.4f * gauss();
					return x;
				};
				Floats vertex = member(), turned_vertex = rotate(vertex);
				Bytes block = empty_block(codec);
				std::vector<Floats> neighbours;
				Floats a(32), factor(32), length(32);
				std::vector<double> along(32);
				for (uint32_t lane = 0; lane < 32; lane++) {
					neighbours.push_back(member());
					const Floats difference = minus(neighbours[lane], vertex);
					Floats r = minus(rotate(neighbours[lane]), turned_vertex);
					Code code(codec, r);
					codec::store_lane(codec, code.packed.data(), block.data(), lane);
					double own = dot(code.x_hat, turned_vertex);
					factor[lane] = ip ? code.f : 2 * code.f;
					a[lane] = static_cast<float>((ip ? -dot(vertex, difference) : dot(r, r)) + factor[lane] * own);
					length[lane] = static_cast<float>(norm(r));
					along[lane] = dot(code.x_hat, r) / norm(r) / norm(code.x_hat);
				}
				for (int repeat = 0; repeat < 8; repeat++) {
					Floats q = member();
					Query query(codec, rotate(q));
					float dots[32];
					codec::score_block(codec, block.data(), query.table, dots);
					Floats to_vertex = minus(q, vertex);
					double here = ip ? -dot(q, vertex) : dot(to_vertex, to_vertex);
					for (int lane = 0; lane < 32; lane++) {
						Floats to_neighbour = minus(q, neighbours[lane]);
						double truth = ip ? -dot(q, neighbours[lane]) : dot(to_neighbour, to_neighbour);
						double estimate = here + a[lane] - factor[lane] * dots[lane];
						double unit = (ip ? 1 : 2) * length[lane] * norm(to_vertex);
						double cosine =
							dot(to_vertex, minus(neighbours[lane], vertex)) / length[lane] / norm(to_vertex);
						double sd = unit * std::sqrt((1 - cosine * cosine) * (1 - along[lane] * along[lane])) /
									along[lane] / std::sqrt(dims - 1.0);
						double z = (estimate - truth) / sd;
						sum_z += z;
						sum_zz += z * z;
						sum += std::fabs(estimate - truth) / std::fabs(truth);
						n++;
					}
				}
			}
			double relative = sum / n, mean = sum_z / n, sd = std::sqrt(sum_zz / n - mean * mean);
			std::printf("# %s, %u bits, %u dimensions: mean relative error %.2f %%, z mean %+.3f, sd %.3f\n",
						ip ? "inner product" : "l2", bits, dims, 100 * relative, mean, sd);
			CHECK_NEAR(mean, 0.0, 0.1); // a vertex's 32 edges are correlated: 3200 independent errors, not 25600
			CHECK_NEAR(sd, 1.0, bits == 4 ? 0.3 : 0.1);
			CHECK(relative < 0.6 * previous);
			if (!ip)
				CHECK(relative < (bits == 1 ? 0.05 : bits == 2 ? 0.025 : 0.008));
			previous = relative;
		}
	}
}
