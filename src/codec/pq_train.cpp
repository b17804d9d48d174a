// codec/pq_train.cpp - the codebooks of a product quantizer: k-means in each subspace of a sample.
#include <algorithm>

#include "ruvector/codec/kmeans.hpp"
#include "vector_code.hpp"

namespace ruvector::codec {

namespace {

using pq_code::Subspace;
using pq_code::subspace;

uint32_t largest_sub_dims(const VectorCodec &codec) noexcept {
	return (codec.dims + codec.pq_subspaces - 1) / codec.pq_subspaces;
}

struct Scratch {
	size_t rows, centroids, kmeans, codes, total; // where each begins
};

size_t aligned(size_t bytes) noexcept {
	return (bytes + 63) / 64 * 64;
}

Scratch plan(const VectorCodec &codec, uint32_t samples) noexcept {
	const uint32_t sub_dims = largest_sub_dims(codec), clusters = 1u << codec.pq_bits;
	const size_t row = kmeans_row_bytes(ClusterSpace::euclidean, sub_dims);
	Scratch s;
	s.rows = 0;
	s.centroids = aligned(row * samples);
	s.kmeans = s.centroids + aligned(row * clusters);
	// the second part is used again when codebooks are done: one code, one query table
	const size_t measure = aligned(query_bytes(codec)) + aligned(code_bytes(codec));
	s.codes = s.kmeans;
	s.total = s.kmeans + std::max(aligned(kmeans_scratch_bytes(sub_dims, clusters, samples)), measure) + 64;
	return s;
}

// The root mean square of (estimate - truth) / error over pairs of the sample: errors in random directions give 1.
// Pairs are drawn at random; the exact product is computed in double precision.
float measure_errors(const VectorCodec &codec, const float *sample, uint32_t samples, uint8_t *scratch) noexcept {
	constexpr uint32_t kQueries = 32, kVectors = 64;
	uint8_t *table = scratch, *code = scratch + aligned(query_bytes(codec));
	double sum = 0;
	uint32_t count = 0;
	for (uint32_t i = 0; i < kQueries; i++) {
		const float *q = sample + size_t(uint64_t(i) * samples / kQueries) * codec.dims;
		const VectorQuery query = prepare(codec, VectorMetric::ip, q, table, nullptr);
		for (uint32_t j = 0; j < kVectors; j++) {
			const float *x = sample + size_t((uint64_t(j) * 2 + 1) * samples / (2 * kVectors)) * codec.dims;
			if (x == q)
				continue;
			encode(codec, x, code, nullptr);
			const DistanceEstimate e = estimate(query, code);
			double truth = 0;
			for (uint32_t d = 0; d < codec.dims; d++)
				truth -= double(q[d]) * double(x[d]);
			if (e.error > 0.0f && finite(e.error)) {
				const double z = (double(e.distance) - truth) / double(e.error);
				sum += z * z;
				count++;
			}
		}
	}
	const float scale = count > 0 ? static_cast<float>(std::sqrt(sum / count)) : 1.0f;
	return finite(scale) && scale > 0.0f ? scale : 1.0f;
}

} // namespace

uint32_t pq_training_rows(const VectorCodec &codec) noexcept {
	return codec.pq_bits == 8 ? 8192 : 2048;
}

size_t pq_training_scratch_bytes(const VectorCodec &codec, uint32_t samples) noexcept {
	return plan(codec, samples).total;
}

bool train_pq(const PqTraining &task) noexcept {
	VectorCodec codec = task.codec;
	codec.state = task.state;
	const uint32_t clusters = 1u << codec.pq_bits;
	const Scratch at = plan(codec, task.samples);
	uint8_t *scratch = static_cast<uint8_t *>(task.scratch);
	float *rows = reinterpret_cast<float *>(scratch + at.rows);
	float *centroids = reinterpret_cast<float *>(scratch + at.centroids);
	float *state = reinterpret_cast<float *>(task.state);
	std::memset(task.state, 0, state_bytes(codec));
	state[0] = 1.0f;
	for (uint32_t m = 0; m < codec.pq_subspaces; m++) {
		const Subspace s = subspace(codec, m);
		for (uint32_t i = 0; i < task.samples; i++)
			for (uint32_t d = 0; d < s.dims; d++)
				rows[size_t(i) * s.dims + d] = task.sample[size_t(i) * codec.dims + s.begin + d];
		const KMeans means = {ClusterSpace::euclidean,
							  s.dims,
							  clusters,
							  task.samples,
							  rows,
							  centroids,
							  scratch + at.kmeans,
							  task.seed + m,
							  task.max_iterations,
							  task.stop,
							  task.stop_argument};
		if (!kmeans(means))
			return false;
		float *book = state + 1 + size_t(s.begin) * clusters;
		for (uint32_t k = 0; k < clusters; k++)
			for (uint32_t d = 0; d < s.dims; d++)
				book[size_t(d) * clusters + k] = centroids[size_t(k) * s.dims + d];
	}
	if (task.samples > 1)
		state[0] = measure_errors(codec, task.sample, task.samples, scratch + at.codes);
	return true;
}

} // namespace ruvector::codec
