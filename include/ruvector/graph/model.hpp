// graph/model.hpp - what an index knows of its data besides the layout: rotation, centre, the codec of its vectors.
#pragma once

#include "ruvector/codec/edge_code.hpp"
#include "ruvector/codec/code_block.hpp"
#include "ruvector/codec/vector_code.hpp"
#include "ruvector/graph/distance.hpp"
#include "ruvector/graph/layout.hpp"

namespace ruvector::graph {

struct Model {
	codec::EdgeCodec codec;     // of edges
	codec::Rotation rotation;   // y = P(x - center)
	const float *center;        // dims floats; null: the origin
	codec::VectorCodec vectors; // of stored forms, where they are codes
};

inline codec::VectorMetric vector_metric(const Layout &layout) noexcept {
	return Metric(layout.metric) == Metric::l2 ? codec::VectorMetric::l2 : codec::VectorMetric::ip;
}

// y has codec.rotated_dims floats, scratch dims. The vector is in its working form.
inline void project(const Layout &layout, const Model &model, const void *vector, float *scratch, float *y) noexcept {
	to_floats(layout, vector, scratch);
	if (model.center)
		for (uint32_t i = 0; i < layout.dims; i++)
			scratch[i] -= model.center[i];
	codec::rotate(model.rotation, scratch, y);
}

// A vector as edges are made from it.
struct Point {
	const void *vector;   // in its working form
	const float *rotated; // for residual edge codes
	const void *stored;   // for absolute ones
	float square;         // its inner product with itself, for residual codes of inner products
};

} // namespace ruvector::graph
