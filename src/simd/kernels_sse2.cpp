// simd/kernels_sse2.cpp - x86-64 as it was born: no pshufb, no popcount, no conversion of halves.
#if defined(__x86_64__)

#include <emmintrin.h>

#include "kernels.tpp"

namespace ruvector::simd {
namespace {

struct Sse2 {
	using Arch = xsimd::sse2;

	static __m128 load_partial(const float *p, size_t n) noexcept {
		if (n == 1)
			return _mm_load_ss(p);
		__m128 low = _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(p)));
		return n == 2 ? low : _mm_movelh_ps(low, _mm_load_ss(p + 2));
	}

	// See half_to_float().
	static __m128 widen(__m128i halves) noexcept {
		__m128i h = _mm_unpacklo_epi16(halves, _mm_setzero_si128());
		__m128i magnitude = _mm_and_si128(h, _mm_set1_epi32(0x7fff));
		__m128i sign = _mm_slli_epi32(_mm_xor_si128(h, magnitude), 16);
		__m128i special = _mm_and_si128(_mm_cmpgt_epi32(magnitude, _mm_set1_epi32(0x7bff)), _mm_set1_epi32(0x7f800000));
		__m128 x = _mm_mul_ps(_mm_castsi128_ps(_mm_slli_epi32(magnitude, 13)), _mm_set1_ps(0x1p112f));
		return _mm_or_ps(x, _mm_castsi128_ps(_mm_or_si128(sign, special)));
	}

	static __m128 load_half(const uint16_t *p) noexcept {
		return widen(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(p)));
	}

	static __m128 load_half_partial(const uint16_t *p, size_t n) noexcept {
		uint64_t bits = p[0];
		if (n > 1)
			bits |= uint64_t{p[1]} << 16;
		if (n > 2)
			bits |= uint64_t{p[2]} << 32;
		return widen(_mm_cvtsi64_si128(static_cast<long long>(bits)));
	}

	static void store_half(uint16_t *p, __m128 x) noexcept {
		float f[4];
		_mm_storeu_ps(f, x);
		for (int i = 0; i < 4; ++i)
			p[i] = float_to_half(f[i]);
	}

	template <size_t h>
	static __m128 swap(__m128 x) noexcept {
		return _mm_shuffle_ps(x, x, h == 1 ? _MM_SHUFFLE(2, 3, 0, 1) : _MM_SHUFFLE(1, 0, 3, 2));
	}

	static __m128 flip(__m128 x, uint32_t bits) noexcept {
		__m128i lane = _mm_set_epi32(8, 4, 2, 1);
		__m128i set = _mm_cmpeq_epi32(_mm_and_si128(_mm_set1_epi32(static_cast<int>(bits)), lane), lane);
		return _mm_xor_ps(x, _mm_castsi128_ps(_mm_slli_epi32(set, 31)));
	}

	// Two 64-bit sums of bits.
	static __m128i popcount(__m128i x) noexcept {
		const __m128i pairs = _mm_set1_epi8(0x55), nibbles = _mm_set1_epi8(0x33), bytes = _mm_set1_epi8(0x0f);
		x = _mm_sub_epi8(x, _mm_and_si128(_mm_srli_epi16(x, 1), pairs));
		x = _mm_add_epi8(_mm_and_si128(x, nibbles), _mm_and_si128(_mm_srli_epi16(x, 2), nibbles));
		x = _mm_and_si128(_mm_add_epi8(x, _mm_srli_epi16(x, 4)), bytes);
		return _mm_sad_epu8(x, _mm_setzero_si128());
	}

	static uint64_t sum64(__m128i x) noexcept {
		return static_cast<uint64_t>(_mm_cvtsi128_si64(x)) +
			   static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_unpackhi_epi64(x, x)));
	}

	static __m128i load_bytes(const uint8_t *p, size_t n) noexcept {
		if (n >= 16)
			return _mm_loadu_si128(reinterpret_cast<const __m128i *>(p));
		return _mm_set_epi64x(static_cast<long long>(n > 8 ? load_up_to_8(p + 8, n - 8) : 0),
							  static_cast<long long>(load_up_to_8(p, n < 8 ? n : 8)));
	}

	static uint64_t hamming(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
		__m128i count = _mm_setzero_si128();
		for (size_t i = 0; i < n; i += 16)
			count = _mm_add_epi64(count, popcount(_mm_xor_si128(load_bytes(a + i, n - i), load_bytes(b + i, n - i))));
		return sum64(count);
	}

	static void jaccard(const uint8_t *a, const uint8_t *b, size_t n, uint64_t *common, uint64_t *any) noexcept {
		__m128i both = _mm_setzero_si128(), either = both;
		for (size_t i = 0; i < n; i += 16) {
			__m128i x = load_bytes(a + i, n - i), y = load_bytes(b + i, n - i);
			both = _mm_add_epi64(both, popcount(_mm_and_si128(x, y)));
			either = _mm_add_epi64(either, popcount(_mm_or_si128(x, y)));
		}
		*common = sum64(both);
		*any = sum64(either);
	}

	static void fastscan(const uint8_t *codes, size_t rows, size_t row_bytes, const uint8_t *lut,
						 uint32_t *out) noexcept {
		fastscan_lookup(codes, rows, row_bytes, lut, out);
	}

	static uint32_t dot_u8(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
		const __m128i zero = _mm_setzero_si128();
		__m128i s0 = zero, s1 = zero;
		for (size_t i = 0; i < n; i += 16) {
			__m128i x = load_bytes(a + i, n - i), y = load_bytes(b + i, n - i);
			s0 = _mm_add_epi32(s0, _mm_madd_epi16(_mm_unpacklo_epi8(x, zero), _mm_unpacklo_epi8(y, zero)));
			s1 = _mm_add_epi32(s1, _mm_madd_epi16(_mm_unpackhi_epi8(x, zero), _mm_unpackhi_epi8(y, zero)));
		}
		uint32_t s[4];
		_mm_storeu_si128(reinterpret_cast<__m128i *>(s), _mm_add_epi32(s0, s1));
		return (s[0] + s[1]) + (s[2] + s[3]);
	}

	static int32_t plane_dot(const uint8_t *x, const uint8_t *planes, size_t count, size_t n) noexcept {
		int32_t s = 0;
		for (size_t p = 0; p < count; ++p, planes += n) {
			__m128i bits = _mm_setzero_si128();
			for (size_t i = 0; i < n; i += 16)
				bits = _mm_add_epi64(bits,
									 popcount(_mm_and_si128(load_bytes(x + i, n - i), load_bytes(planes + i, n - i))));
			const int32_t sum = static_cast<int32_t>(sum64(bits) << p);
			s += p + 1 < count ? sum : -sum;
		}
		return s;
	}
};

} // namespace

constexpr KernelTable kSse2Table = make_table<Sse2>(Level::sse2, "sse2");

} // namespace ruvector::simd

#endif
