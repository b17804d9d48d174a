// simd/kernels_avx512vnni.cpp - AVX-512 as of Ice Lake and Zen 4: counts bits in one instruction.
// The other kernels are those of avx512.tpp again; as yet none of them uses VNNI itself, the level is named after the
// generation of processors.
#if defined(__x86_64__)

#include "avx512.tpp"

namespace ruvector::simd {
namespace {

struct Avx512Vnni : Avx512 {
	static uint64_t hamming(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
		return hamming_with([](__m512i x) noexcept { return _mm512_popcnt_epi64(x); }, a, b, n);
	}

	static void jaccard(const uint8_t *a, const uint8_t *b, size_t n, uint64_t *common, uint64_t *any) noexcept {
		jaccard_with([](__m512i x) noexcept { return _mm512_popcnt_epi64(x); }, a, b, n, common, any);
	}
};

} // namespace

constexpr KernelTable kAvx512VnniTable = make_table<Avx512Vnni>(Level::avx512vnni, "avx512vnni");

} // namespace ruvector::simd

#endif
