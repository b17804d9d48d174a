// types/dense_floats.hpp - the elements of either type as floats, a block at a time.
#pragma once

#include <type_traits>

#include "ruvector/simd/kernels.hpp"
#include "ruvector/types/dense.hpp"

namespace ruvector::types {

constexpr int kBlock = 256;

// Elements first..first+n as floats: those of a vector where they are, those of a halfvec in `buffer` (n <= kBlock).
template <typename V>
inline const float *floats(const V *v, int first, int n, [[maybe_unused]] float *buffer) noexcept {
	if constexpr (std::is_same_v<V, Vector>) {
		(void)n;
		return v->x + first;
	} else {
		simd::kernels->f16_to_f32(v->x + first, buffer, static_cast<size_t>(n));
		return buffer;
	}
}

// Stores floats as elements. A float too large for a half becomes an infinity.
template <typename V>
inline void store_floats(const float *in, V *v, int first, int n) noexcept {
	if constexpr (std::is_same_v<V, Vector>) {
		for (int i = 0; i < n; i++)
			v->x[first + i] = in[i];
	} else {
		simd::kernels->f32_to_f16(in, v->x + first, static_cast<size_t>(n));
	}
}

} // namespace ruvector::types
