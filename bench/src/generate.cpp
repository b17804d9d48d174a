// bench/src/generate.cpp - a clustered data set from a seed: base.fvecs and query.fvecs.
//
// Real embeddings lie near one curved surface of ten to twenty dimensions, however many coordinates they have, and are dense
// here and thin there. So a point is drawn from a mixture of overlapping clusters in a space of few dimensions, whose sizes
// follow a power law, and a fixed random network of one hidden layer bends that space into the wide one; a little noise in
// every coordinate follows. Queries are drawn as the rows are. (Independent coordinates would be no such data: all distances
// become alike. Clusters with a plane each fall apart into islands that no graph connects.)
#include "matrix.hpp"
#include "vecs.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

namespace ruvector::bench {
namespace {

constexpr std::size_t kChunk = 10000; // rows that share a random stream: the result does not depend on threads

// std::normal_distribution differs between libraries: the data would too.
class Normal {
public:
	Normal(std::uint64_t seed, std::uint64_t stream) : engine_(seed * UINT64_C(0x9e3779b97f4a7c15) + stream) {}
	double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }
	double operator()() {
		if (spare_) {
			spare_ = false;
			return value_;
		}
		const double radius = std::sqrt(-2 * std::log(uniform())), angle = 6.283185307179586 * uniform();
		spare_ = true;
		value_ = radius * std::sin(angle);
		return radius * std::cos(angle);
	}

private:
	std::mt19937_64 engine_;
	bool spare_ = false;
	double value_ = 0;
};

struct Shape {
	std::size_t dims = 0, clusters = 0, latent = 0, hidden = 0;
	double spread = 0, bend = 0, noise = 0;
	bool normalise = false;
	std::uint64_t seed = 0;
};

class Surface {
public:
	explicit Surface(const Shape &shape)
		: shape_(shape), centres_(shape.clusters, shape.latent), bend_(shape.hidden, shape.latent),
		  shift_(1, shape.hidden), widen_(shape.hidden, shape.dims) {
		Normal normal(shape.seed, 0);
		fill(normal, centres_, 1);
		fill(normal, bend_, shape.bend / std::sqrt(static_cast<double>(shape.latent)));
		fill(normal, shift_, 0.5);
		fill(normal, widen_, 1 / std::sqrt(static_cast<double>(shape.hidden)));
		double total = 0;
		for (std::size_t c = 0; c < shape.clusters; c++)
			until_.push_back(total += 1 / std::sqrt(static_cast<double>(c + 1)));
	}

	void draw(Normal &normal, float *out) const {
		const double at = normal.uniform() * until_.back();
		const auto c = static_cast<std::size_t>(std::lower_bound(until_.begin(), until_.end(), at) - until_.begin());
		std::vector<double> place(shape_.latent);
		for (std::size_t l = 0; l < shape_.latent; l++)
			place[l] = centres_.row(c)[l] + shape_.spread * normal();
		for (std::size_t j = 0; j < shape_.dims; j++)
			out[j] = static_cast<float>(shape_.noise * normal());
		for (std::size_t h = 0; h < shape_.hidden; h++) {
			double sum = shift_.row(0)[h];
			for (std::size_t l = 0; l < shape_.latent; l++)
				sum += static_cast<double>(bend_.row(h)[l]) * place[l];
			const auto weight = static_cast<float>(std::tanh(sum));
			const float *wide = widen_.row(h);
			for (std::size_t j = 0; j < shape_.dims; j++)
				out[j] += weight * wide[j];
		}
		if (!shape_.normalise)
			return;
		double sum = 0;
		for (std::size_t j = 0; j < shape_.dims; j++)
			sum += static_cast<double>(out[j]) * out[j];
		const auto scale = static_cast<float>(1 / std::sqrt(sum));
		for (std::size_t j = 0; j < shape_.dims; j++)
			out[j] *= scale;
	}

private:
	static void fill(Normal &normal, Matrix &matrix, double scale) {
		for (float &value : matrix.data)
			value = static_cast<float>(scale * normal());
	}

	Shape shape_;
	Matrix centres_, bend_, shift_, widen_;
	std::vector<double> until_;
};

Matrix draw_rows(const Surface &surface, const Shape &shape, std::size_t rows, std::uint64_t first_stream) {
	Matrix out(rows, shape.dims);
	const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
	std::vector<std::thread> pool;
	for (unsigned t = 0; t < threads; t++)
		pool.emplace_back([&, t] {
			for (std::size_t chunk = t; chunk * kChunk < rows; chunk += threads) {
				Normal normal(shape.seed, first_stream + chunk);
				for (std::size_t i = chunk * kChunk; i < std::min(rows, (chunk + 1) * kChunk); i++)
					surface.draw(normal, out.row(i));
			}
		});
	for (auto &thread : pool)
		thread.join();
	return out;
}

int run(int argc, char **argv) {
	std::map<std::string, double> options = {{"rows", 100000}, {"queries", 10000}, {"dims", 128},   {"clusters", 1000},
											 {"latent", 12},   {"hidden", 64},     {"spread", 0.5}, {"bend", 1},
											 {"noise", 0.02},  {"normalise", 0},   {"seed", 1}};
	if (argc < 2)
		throw std::runtime_error("usage: generate FOLDER [name=number...]");
	for (int i = 2; i < argc; i++) {
		const std::string arg = argv[i];
		const std::size_t eq = arg.find('=');
		if (eq == std::string::npos || options.count(arg.substr(0, eq)) == 0)
			throw std::runtime_error("unknown option: " + arg);
		options[arg.substr(0, eq)] = std::stod(arg.substr(eq + 1));
	}
	const auto count = [&](const char *name) { return static_cast<std::size_t>(options.at(name)); };
	Shape shape;
	shape.dims = count("dims");
	shape.clusters = count("clusters");
	shape.latent = count("latent");
	shape.hidden = count("hidden");
	shape.spread = options.at("spread");
	shape.bend = options.at("bend");
	shape.noise = options.at("noise");
	shape.normalise = options.at("normalise") != 0;
	shape.seed = count("seed");
	const Surface surface(shape);
	const std::string folder = std::string(argv[1]) + "/";
	write_fvecs(folder + "base.fvecs", draw_rows(surface, shape, count("rows"), UINT64_C(1) << 32));
	write_fvecs(folder + "query.fvecs", draw_rows(surface, shape, count("queries"), UINT64_C(2) << 32));
	return 0;
}

} // namespace
} // namespace ruvector::bench

int main(int argc, char **argv) {
	try {
		return ruvector::bench::run(argc, argv);
	} catch (const std::exception &e) {
		fprintf(stderr, "generate: %s\n", e.what());
		return 1;
	}
}
