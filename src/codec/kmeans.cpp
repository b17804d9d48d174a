// codec/kmeans.cpp - k-means with k-means++ seeds and Hamerly's bounds.
//
// For each sample an upper bound of the distance to its centroid and a lower bound of the distance to every other one
// are kept. A step moves centroids, which loosens the bounds by the distances moved; only samples whose bounds cross
// are compared with all centroids again.
#include "ruvector/codec/kmeans.hpp"

#include <cmath>
#include <cstring>
#include <type_traits>

#include "ruvector/simd/kernels.hpp"

namespace ruvector::codec {

namespace {

// splitmix64
struct Random {
	uint64_t state;
	uint64_t next() noexcept {
		uint64_t z = state += 0x9e3779b97f4a7c15u;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
		return z ^ (z >> 31);
	}
	double fraction() noexcept { return double(next() >> 11) * 0x1p-53; } // [0, 1)
};

void normalize(float *x, uint32_t dims) noexcept {
	double norm = 0;
	for (uint32_t i = 0; i < dims; i++)
		norm += double(x[i]) * double(x[i]);
	if (norm > 0) {
		norm = std::sqrt(norm);
		for (uint32_t i = 0; i < dims; i++)
			x[i] = float(x[i] / norm);
	}
}

struct Clustering {
	const KMeans &task;
	size_t row_bytes;
	Random random;
	double *sums;         // one cluster's
	uint32_t *assigned;   // of a sample
	float *upper, *lower; // bounds of a sample
	uint32_t *order;      // samples by cluster
	uint32_t *begins;     // of clusters in order, and the end
	float *moved;         // of a cluster, in this step
	uint8_t *fresh;       // one centroid

	explicit Clustering(const KMeans &t) noexcept
		: task(t), row_bytes(kmeans_row_bytes(t.space, t.dims)), random{t.seed} {
		sums = static_cast<double *>(t.scratch);
		assigned = reinterpret_cast<uint32_t *>(sums + t.dims);
		upper = reinterpret_cast<float *>(assigned + t.samples);
		lower = upper + t.samples;
		order = reinterpret_cast<uint32_t *>(lower + t.samples);
		begins = order + t.samples;
		moved = reinterpret_cast<float *>(begins + t.clusters + 1);
		fresh = reinterpret_cast<uint8_t *>(moved + t.clusters);
	}

	uint8_t *sample(uint32_t i) const noexcept { return static_cast<uint8_t *>(task.data) + i * row_bytes; }
	uint8_t *centroid(uint32_t j) const noexcept { return static_cast<uint8_t *>(task.centroids) + j * row_bytes; }
	bool stopped() const noexcept { return task.stop && task.stop(task.stop_argument); }

	float distance(const uint8_t *a, const uint8_t *b) const noexcept {
		if (task.space == ClusterSpace::hamming)
			return float(simd::kernels->hamming(a, b, row_bytes));
		return std::sqrt(
			simd::kernels->l2sq_f32(reinterpret_cast<const float *>(a), reinterpret_cast<const float *>(b), task.dims));
	}

	void random_centroid(uint32_t j) noexcept {
		uint8_t *out = centroid(j);
		if (task.space == ClusterSpace::hamming) {
			std::memset(out, 0, row_bytes);
			for (uint32_t i = 0; i < task.dims; i++)
				out[i / 8] = uint8_t(out[i / 8] | (random.next() >> 63) << (7 - i % 8));
			return;
		}
		float *x = reinterpret_cast<float *>(out);
		bool spherical = task.space == ClusterSpace::spherical;
		for (uint32_t i = 0; i < task.dims; i++)
			x[i] = float(spherical ? random.fraction() * 2 - 1 : random.fraction());
		if (spherical)
			normalize(x, task.dims);
	}

	// The next seed by k-means++: a sample, with a probability that grows with the square of its distance from the
	// seeds there are. `samples` if all samples are seeds.
	uint32_t draw_seed() noexcept {
		double total = 0;
		for (uint32_t i = 0; i < task.samples; i++)
			total += double(upper[i]) * double(upper[i]);
		if (total == 0)
			return task.samples;
		double left = random.fraction() * total;
		if (!(left < HUGE_VAL)) // the distances overflow
			return uint32_t(random.next() % task.samples);
		uint32_t last = 0;
		for (uint32_t i = 0; i < task.samples; i++) {
			if (upper[i] > 0)
				last = i;
			left -= double(upper[i]) * double(upper[i]);
			if (left < 0 && upper[i] > 0)
				return i;
		}
		return last;
	}

	// Seeds, and with them the first assignment. *done: there was nothing to choose from.
	bool seed(bool *done) noexcept {
		for (uint32_t i = 0; i < task.samples; i++) {
			if (task.space == ClusterSpace::spherical)
				normalize(reinterpret_cast<float *>(sample(i)), task.dims);
			upper[i] = lower[i] = HUGE_VALF;
			assigned[i] = 0;
		}
		*done = true;
		for (uint32_t j = 0; j < task.clusters; j++) {
			uint32_t chosen = task.samples;
			if (task.samples > 0)
				chosen = j == 0 ? uint32_t(random.next() % task.samples) : draw_seed();
			if (chosen == task.samples) {
				for (; j < task.clusters; j++)
					random_centroid(j);
				return true;
			}
			std::memcpy(centroid(j), sample(chosen), row_bytes);
			for (uint32_t i = 0; i < task.samples; i++) {
				if (i % 64 == 0 && stopped())
					return false;
				float d = distance(sample(i), centroid(j));
				if (d < upper[i]) {
					lower[i] = upper[i];
					upper[i] = d;
					assigned[i] = j;
				} else if (d < lower[i])
					lower[i] = d;
			}
		}
		*done = false;
		return true;
	}

	void sort_by_cluster() noexcept {
		std::memset(begins, 0, (size_t(task.clusters) + 1) * sizeof(*begins));
		for (uint32_t i = 0; i < task.samples; i++)
			begins[assigned[i] + 1]++;
		for (uint32_t j = 0; j < task.clusters; j++)
			begins[j + 1] += begins[j];
		for (uint32_t i = 0; i < task.samples; i++)
			order[begins[assigned[i]]++] = i;
		for (uint32_t j = task.clusters; j > 0; j--) // each begin has moved to its end
			begins[j] = begins[j - 1];
		begins[0] = 0;
	}

	// The mean of a cluster in `fresh`; false where there is none.
	bool mean(const uint32_t *members, uint32_t count) noexcept {
		for (uint32_t d = 0; d < task.dims; d++)
			sums[d] = 0;
		if (task.space == ClusterSpace::hamming) {
			for (uint32_t m = 0; m < count; m++) {
				const uint8_t *x = sample(members[m]);
				for (uint32_t d = 0; d < task.dims; d++)
					sums[d] += x[d / 8] >> (7 - d % 8) & 1;
			}
			std::memset(fresh, 0, row_bytes);
			for (uint32_t d = 0; d < task.dims; d++)
				if (sums[d] * 2 > count)
					fresh[d / 8] = uint8_t(fresh[d / 8] | 1u << (7 - d % 8));
			return true;
		}
		for (uint32_t m = 0; m < count; m++) {
			const float *x = reinterpret_cast<const float *>(sample(members[m]));
			for (uint32_t d = 0; d < task.dims; d++)
				sums[d] += double(x[d]);
		}
		double scale = 1.0 / count;
		if (task.space == ClusterSpace::spherical) {
			double norm = 0;
			for (uint32_t d = 0; d < task.dims; d++)
				norm += sums[d] * sums[d];
			if (!(norm > 0))
				return false;
			scale = 1 / std::sqrt(norm);
		}
		float *out = reinterpret_cast<float *>(fresh);
		for (uint32_t d = 0; d < task.dims; d++)
			out[d] = float(sums[d] * scale);
		return true;
	}

	// The sample farthest from its centroid becomes the centroid of an empty cluster; false where all are on theirs.
	bool refill(uint32_t j) noexcept {
		uint32_t farthest = 0;
		for (uint32_t i = 1; i < task.samples; i++)
			if (upper[i] > upper[farthest])
				farthest = i;
		if (!(upper[farthest] > 0))
			return false;
		std::memcpy(fresh, sample(farthest), row_bytes);
		assigned[farthest] = j;
		upper[farthest] = lower[farthest] = 0;
		return true;
	}

	// Moves the centroids to the means; how many clusters were refilled, or -1 if stopped.
	int64_t move() noexcept {
		sort_by_cluster();
		int64_t refilled = 0;
		for (uint32_t j = 0; j < task.clusters; j++) {
			if (stopped())
				return -1;
			uint32_t count = begins[j + 1] - begins[j];
			bool changed = count > 0 ? mean(order + begins[j], count) : refill(j);
			refilled += changed && count == 0;
			moved[j] = changed ? distance(centroid(j), fresh) : 0;
			if (changed)
				std::memcpy(centroid(j), fresh, row_bytes);
		}
		return refilled;
	}

	void loosen() noexcept {
		uint32_t most = 0;
		float first = 0, second = 0;
		for (uint32_t j = 0; j < task.clusters; j++)
			if (moved[j] > first) {
				second = first;
				first = moved[j];
				most = j;
			} else if (moved[j] > second)
				second = moved[j];
		for (uint32_t i = 0; i < task.samples; i++) {
			upper[i] += moved[assigned[i]];
			lower[i] -= assigned[i] == most ? second : first;
		}
	}

	// Gives each sample to its nearest centroid; how many changed, or -1 if stopped.
	int64_t assign() noexcept {
		int64_t changed = 0;
		for (uint32_t i = 0; i < task.samples; i++) {
			if (stopped())
				return -1;
			if (upper[i] <= lower[i]) // not so where they are NaN, after infinite distances
				continue;
			upper[i] = distance(sample(i), centroid(assigned[i]));
			if (upper[i] <= lower[i])
				continue;
			uint32_t before = assigned[i];
			float best = upper[i], next = HUGE_VALF;
			for (uint32_t j = 0; j < task.clusters; j++) {
				if (j == before)
					continue;
				float d = distance(sample(i), centroid(j));
				if (d < best) {
					next = best;
					best = d;
					assigned[i] = j;
				} else if (d < next)
					next = d;
			}
			upper[i] = best;
			lower[i] = next;
			changed += assigned[i] != before;
		}
		return changed;
	}
};

static_assert(std::is_trivially_destructible_v<Clustering>); // `stop` may jump over it

} // namespace

size_t kmeans_row_bytes(ClusterSpace space, uint32_t dims) noexcept {
	return space == ClusterSpace::hamming ? (size_t(dims) + 7) / 8 : size_t(dims) * sizeof(float);
}

size_t kmeans_scratch_bytes(uint32_t dims, uint32_t clusters, uint32_t samples) noexcept {
	return size_t(dims) * (sizeof(double) + sizeof(float)) + size_t(samples) * 16 + (size_t(clusters) + 1) * 8 + 64;
}

bool kmeans(const KMeans &task) noexcept {
	Clustering c(task);
	bool done;
	if (!c.seed(&done))
		return false;
	for (uint32_t step = 0; !done && step < task.max_iterations; step++) {
		int64_t refilled = c.move();
		if (refilled < 0)
			return false;
		c.loosen();
		int64_t changed = c.assign();
		if (changed < 0)
			return false;
		done = (changed + refilled) * 500 <= task.samples;
	}
	return true;
}

} // namespace ruvector::codec
