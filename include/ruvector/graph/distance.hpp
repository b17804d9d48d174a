// graph/distance.hpp - exact distances between vectors in their working form.
//
// A vector in its working form is: f32, f16: dims elements; bit: (dims + 7) / 8 bytes, the unused bits zero; sparse: int32 nnz,
// int32 indices[nnz] (ascending), float values[nnz]. Vectors of a cosine index are normalised and compared by inner
// product. Distances order as the operator's do: l2 is squared, ip and cosine are the negative inner product.
#pragma once

#include "ruvector/graph/layout.hpp"

namespace ruvector::graph {

using DistanceFunction = float (*)(const Layout &layout, const void *a, const void *b) noexcept;

DistanceFunction distance_function(const Layout &layout) noexcept;
size_t working_size(const Layout &layout, const void *vector) noexcept;
size_t stored_size(const Layout &layout, const void *stored) noexcept; // of its stored form
// Elements as floats (f32 and f16 only).
void to_floats(const Layout &layout, const void *vector, float *out) noexcept;
// 64 well-mixed bits of the vector's bytes: levels follow from it, so that a rebuild or a replica draws the same ones.
uint64_t hash_vector(const void *vector, size_t bytes, uint64_t seed) noexcept;
int draw_level(const Layout &layout, uint64_t hash) noexcept;

} // namespace ruvector::graph
