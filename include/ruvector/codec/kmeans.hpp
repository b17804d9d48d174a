// codec/kmeans.hpp - k-means clustering of a sample: the centroids of an ivfflat index.
//
// Lloyd's iterations with Hamerly's bounds (SDM 2010), seeded by k-means++ (Arthur & Vassilvitskii 2007) with a fixed
// seed. All three spaces are metric, so one algorithm serves them. Allocates nothing, throws nothing, has no state:
// page code calls it, and `stop` may jump out of it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ruvector::codec {

enum class ClusterSpace : uint8_t {
	euclidean, // floats
	spherical, // floats; samples and centroids are normalised, so that the nearest is the one of the smallest angle
	hamming,   // bits, as in a bit string: (dims + 7) / 8 bytes; the centroid is the majority
};

struct KMeans {
	ClusterSpace space;
	uint32_t dims;
	uint32_t clusters;
	uint32_t samples; // may be fewer than clusters, and none
	void *data;       // samples * kmeans_row_bytes(); spherical: is normalised in place. Finite numbers
	void *centroids;  // the result: clusters * kmeans_row_bytes()
	void *scratch;    // kmeans_scratch_bytes(), aligned to 8
	uint64_t seed;
	uint32_t max_iterations;
	bool (*stop)(void *); // asked often; true: give up. May be null
	void *stop_argument;
};

size_t kmeans_row_bytes(ClusterSpace space, uint32_t dims) noexcept;
size_t kmeans_scratch_bytes(uint32_t dims, uint32_t clusters, uint32_t samples) noexcept;

// False if stopped. Ends when at most one sample of 500 changes its cluster. Where there are fewer distinct samples
// than clusters, each of them is a centroid and the others are random.
bool kmeans(const KMeans &task) noexcept;

} // namespace ruvector::codec
