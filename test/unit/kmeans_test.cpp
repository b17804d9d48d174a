// unit/kmeans_test.cpp - k-means: finds clusters, survives degenerate samples, can be stopped.
#include "check.hpp"

#include <algorithm>
#include <random>
#include <set>

#include "ruvector/codec/kmeans.hpp"

using namespace ruvector::codec;

namespace {

using Points = std::vector<std::vector<float>>;

struct Result {
	Points centroids;
	bool finished;
};

Result run(ClusterSpace space, const Points &samples, uint32_t clusters, uint32_t dims, bool (*stop)(void *) = nullptr,
		   void *argument = nullptr, uint32_t iterations = 500) {
	std::vector<float> data, centroids(size_t(clusters) * dims, NAN);
	for (const auto &sample : samples)
		data.insert(data.end(), sample.begin(), sample.end());
	std::vector<double> scratch(kmeans_scratch_bytes(dims, clusters, uint32_t(samples.size())) / 8 + 1);
	KMeans task = {
		space,      dims, clusters, uint32_t(samples.size()), data.data(), centroids.data(), scratch.data(), 1,
		iterations, stop, argument};
	Result result;
	result.finished = kmeans(task);
	for (uint32_t j = 0; j < clusters; j++)
		result.centroids.emplace_back(centroids.begin() + j * dims, centroids.begin() + (j + 1) * dims);
	return result;
}

bool all_finite(const Points &points) {
	for (const auto &point : points)
		for (float x : point)
			if (!std::isfinite(x))
				return false;
	return true;
}

double nearest(const Points &points, const std::vector<float> &x) {
	double best = HUGE_VAL;
	for (const auto &point : points) {
		double d = 0;
		for (size_t i = 0; i < x.size(); i++)
			d += (double(x[i]) - double(point[i])) * (double(x[i]) - double(point[i]));
		best = std::min(best, d);
	}
	return std::sqrt(best);
}

double norm(const std::vector<float> &x) {
	double sum = 0;
	for (float v : x)
		sum += double(v) * double(v);
	return std::sqrt(sum);
}

Points clustered(const Points &centers, int each, float spread) {
	std::mt19937 random(7);
	std::normal_distribution<float> noise(0, spread);
	Points samples;
	for (const auto &center : centers)
		for (int i = 0; i < each; i++) {
			samples.push_back(center);
			for (float &x : samples.back())
				x += noise(random);
		}
	return samples;
}

} // namespace

TEST("finds well separated clusters") {
	Points centers = {{0, 0, 0}, {10, 0, 0}, {0, 10, 0}, {0, 0, 10}, {10, 10, 10}};
	Result r = run(ClusterSpace::euclidean, clustered(centers, 200, 0.5f), 5, 3);
	CHECK(r.finished);
	for (const auto &center : centers)
		CHECK(nearest(r.centroids, center) < 0.3);
}

TEST("the error is near that of a plain Lloyd iteration run to its end") {
	std::mt19937 random(3);
	std::uniform_real_distribution<float> uniform(0, 1);
	Points samples(2000, std::vector<float>(8));
	for (auto &sample : samples)
		for (float &x : sample)
			x = uniform(random);
	Result one = run(ClusterSpace::euclidean, samples, 20, 8, nullptr, nullptr, 0);
	Result many = run(ClusterSpace::euclidean, samples, 20, 8);
	double before = 0, after = 0;
	for (const auto &sample : samples) {
		before += nearest(one.centroids, sample);
		after += nearest(many.centroids, sample);
	}
	CHECK(after < before * 0.95);

	Points plain = many.centroids; // may not get better by much
	for (int step = 0; step < 50; step++) {
		Points sums(20, std::vector<float>(8, 0));
		std::vector<int> counts(20, 0);
		for (const auto &sample : samples) {
			size_t best = 0;
			for (size_t j = 1; j < plain.size(); j++)
				if (nearest({plain[j]}, sample) < nearest({plain[best]}, sample))
					best = j;
			counts[best]++;
			for (size_t d = 0; d < 8; d++)
				sums[best][d] += sample[d];
		}
		for (size_t j = 0; j < 20; j++)
			for (size_t d = 0; d < 8 && counts[j]; d++)
				plain[j][d] = sums[j][d] / float(counts[j]);
	}
	double limit = 0;
	for (const auto &sample : samples)
		limit += nearest(plain, sample);
	CHECK(after < limit * 1.02);
}

TEST("the same seed gives the same centroids") {
	Points samples = clustered({{0, 0}, {3, 3}, {9, 1}}, 100, 1);
	CHECK(run(ClusterSpace::euclidean, samples, 7, 2).centroids ==
		  run(ClusterSpace::euclidean, samples, 7, 2).centroids);
}

TEST("spherical centroids have norm 1, whatever the lengths of the samples") {
	Points samples = clustered({{100, 0, 0}, {0, 0.5, 0}, {0, 0, 7}}, 50, 0.02f);
	Result r = run(ClusterSpace::spherical, samples, 3, 3);
	for (const auto &centroid : r.centroids)
		CHECK_NEAR(norm(centroid), 1, 1e-5);
	for (const std::vector<float> &axis : Points{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}})
		CHECK(nearest(r.centroids, axis) < 0.1);
	r = run(ClusterSpace::spherical, {{1, 0}, {-1, 0}, {1, 0}, {-1, 0}}, 1, 2); // the mean is zero
	CHECK_NEAR(norm(r.centroids[0]), 1, 1e-5);
	CHECK(all_finite(run(ClusterSpace::spherical, {{0, 0}, {0, 0}, {1, 1}}, 2, 2).centroids)); // no direction
}

TEST("fewer samples than clusters: each is a centroid") {
	Points samples = {{1, 2}, {3, 4}, {5, 6}};
	Result r = run(ClusterSpace::euclidean, samples, 10, 2);
	CHECK(r.finished && all_finite(r.centroids));
	for (const auto &sample : samples)
		CHECK(nearest(r.centroids, sample) == 0);
	CHECK(std::set<std::vector<float>>(r.centroids.begin(), r.centroids.end()).size() == 10);
}

TEST("no samples: random centroids") {
	CHECK(all_finite(run(ClusterSpace::euclidean, {}, 4, 3).centroids));
	for (const auto &centroid : run(ClusterSpace::spherical, {}, 4, 3).centroids)
		CHECK_NEAR(norm(centroid), 1, 1e-5);
}

TEST("all samples equal, or two values of them") {
	Result r = run(ClusterSpace::euclidean, Points(1000, {2, 2}), 5, 2);
	CHECK(r.finished && all_finite(r.centroids) && nearest(r.centroids, {2, 2}) == 0);
	Points two(500, {1, 1});
	two.resize(1000, {8, 8});
	r = run(ClusterSpace::euclidean, two, 5, 2);
	CHECK(all_finite(r.centroids) && nearest(r.centroids, {1, 1}) == 0 && nearest(r.centroids, {8, 8}) == 0);
}

TEST("distances that overflow") {
	Points samples;
	for (int i = 0; i < 100; i++)
		samples.push_back({i % 2 ? 3e38f : -3e38f, float(i) * 1e36f});
	CHECK(all_finite(run(ClusterSpace::euclidean, samples, 4, 2).centroids));
}

TEST("bits: the majority") {
	std::vector<uint8_t> data;
	for (int i = 0; i < 300; i++) {
		uint8_t noise = uint8_t(1u << (i % 7));
		data.push_back(uint8_t((i % 3 == 0 ? 0xff : 0x00) ^ noise));
		data.push_back(i % 3 == 2 ? 0xf0 : 0x00);
	}
	std::vector<uint8_t> centroids(6);
	std::vector<double> scratch(kmeans_scratch_bytes(12, 3, 300) / 8 + 1);
	KMeans task = {ClusterSpace::hamming, 12, 3,   300,     data.data(), centroids.data(),
				   scratch.data(),        1,  500, nullptr, nullptr};
	CHECK(kmeans(task));
	std::set<int> found;
	for (int j = 0; j < 3; j++)
		found.insert(centroids[size_t(j) * 2] * 256 + centroids[size_t(j) * 2 + 1]);
	CHECK((found == std::set<int>{0xff00, 0x0000, 0x00f0}));

	task.samples = 0;
	CHECK(kmeans(task));
	for (int j = 0; j < 3; j++)
		CHECK((centroids[size_t(j) * 2 + 1] & 0x0f) == 0); // unused bits are zero
}

TEST("stops when it is told to") {
	int left = 100;
	auto stop = [](void *argument) { return --*static_cast<int *>(argument) < 0; };
	CHECK(!run(ClusterSpace::euclidean, clustered({{0, 0}, {3, 3}}, 1000, 1), 50, 2, stop, &left).finished);
	CHECK(left == -1);
}
