// simd/prefetch.hpp - asks for a cache line that is read soon. Any address will do.
//
// To GCC (12 at least) a function that does nothing but __builtin_prefetch is one without effects, whose calls it may
// remove, and does: the empty assembly is an effect.
#pragma once

namespace ruvector::simd {

inline void prefetch(const void *line) noexcept {
	__builtin_prefetch(line);
	asm volatile("" : : "r"(line));
}

// Towards the second-level cache only: the first cannot wait for so many lines at once.
inline void prefetch_far(const void *line) noexcept {
	__builtin_prefetch(line, 0, 2);
	asm volatile("" : : "r"(line));
}

} // namespace ruvector::simd
