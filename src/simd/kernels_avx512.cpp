// simd/kernels_avx512.cpp - AVX-512 as of Skylake-X.
#if defined(__x86_64__)

#include "avx512.tpp"

namespace ruvector::simd {

constexpr KernelTable kAvx512Table = make_table<Avx512>(Level::avx512, "avx512");

} // namespace ruvector::simd

#endif
