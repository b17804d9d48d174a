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

// x -= y. The count is a value of its own: PostgreSQL is compiled so that a store may change whatever is read through a
// pointer, and a loop whose end may change is not vectorised.
inline void subtract(float *x, const float *y, uint32_t n) noexcept {
	for (uint32_t i = 0; i < n; i++)
		x[i] -= y[i];
}

// y has codec.rotated_dims floats, scratch dims. The vector is in its working form.
inline void project(const Layout &layout, const Model &model, const void *vector, float *scratch, float *y) noexcept {
	to_floats(layout, vector, scratch);
	if (model.center)
		subtract(scratch, model.center, layout.dims);
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
