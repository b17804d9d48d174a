// simd/kernels_avx512vnni.cpp - AVX-512 as of Ice Lake and Zen 4: counts bits in one instruction, and multiplies and
// adds four bytes in one. The other kernels are those of avx512.tpp again.
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

	// VNNI multiplies unsigned by signed bytes: b - 128, and 128 times the sum of a on top.
	static uint32_t dot_u8(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
		const __m512i zero = _mm512_setzero_si512(), top = _mm512_set1_epi8(-128);
		__m512i dot = zero, sum = zero;
		for (size_t i = 0; i < n; i += 64) {
			__m512i x = load_bytes(a + i, n - i), y = load_bytes(b + i, n - i);
			dot = _mm512_dpbusd_epi32(dot, x, _mm512_xor_si512(y, top));
			sum = _mm512_add_epi64(sum, _mm512_sad_epu8(x, zero));
		}
		return static_cast<uint32_t>(_mm512_reduce_add_epi32(dot)) +
			   (static_cast<uint32_t>(_mm512_reduce_add_epi64(sum)) << 7);
	}

	static int32_t plane_dot(const uint8_t *x, const uint8_t *planes, size_t count, size_t n) noexcept {
		return plane_dot_with([](__m512i v) noexcept { return _mm512_popcnt_epi64(v); }, x, planes, count, n);
	}
};

} // namespace

constexpr KernelTable kAvx512VnniTable = make_table<Avx512Vnni>(Level::avx512vnni, "avx512vnni");

} // namespace ruvector::simd

#endif
