// simd/kernels_avx2.cpp - AVX2 with FMA and F16C.
#if defined(__x86_64__)

#include <immintrin.h>

#include "kernels.tpp"

namespace ruvector::simd {
namespace {

struct Avx2 {
	using Arch = xsimd::fma3<xsimd::avx2>;

	static __m256 load_partial(const float *p, size_t n) noexcept {
		__m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
		return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane));
	}

	static __m256 load_half(const uint16_t *p) noexcept {
		return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)));
	}

	static __m256 load_half_partial(const uint16_t *p, size_t n) noexcept {
		uint16_t tail[8] = {0};
		std::memcpy(tail, p, n * sizeof *p);
		return load_half(tail);
	}

	static void store_half(uint16_t *p, __m256 x) noexcept {
		_mm_storeu_si128(reinterpret_cast<__m128i *>(p),
						 _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
	}

	template <size_t h>
	static __m256 swap(__m256 x) noexcept {
		if constexpr (h == 4)
			return _mm256_permute2f128_ps(x, x, 1);
		else
			return _mm256_permute_ps(x, h == 1 ? _MM_SHUFFLE(2, 3, 0, 1) : _MM_SHUFFLE(1, 0, 3, 2));
	}

	static __m256 flip(__m256 x, uint32_t bits) noexcept {
		__m256i to_sign = _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24);
		__m256i sign = _mm256_sllv_epi32(_mm256_set1_epi32(static_cast<int>(bits)), to_sign);
		return _mm256_xor_ps(x, _mm256_and_ps(_mm256_castsi256_ps(sign), _mm256_set1_ps(-0.0f)));
	}

	// Bits set in each byte, by table look-up of the two nibbles.
	static __m256i popcount8(__m256i x) noexcept {
		const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3,
											   1, 2, 2, 3, 2, 3, 3, 4);
		const __m256i nibble = _mm256_set1_epi8(15);
		return _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble)),
							   _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble)));
	}

	static __m256i popcount(__m256i x) noexcept { return _mm256_sad_epu8(popcount8(x), _mm256_setzero_si256()); }

	static uint64_t sum64(__m256i x) noexcept {
		__m128i s = _mm_add_epi64(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
		return static_cast<uint64_t>(_mm_cvtsi128_si64(s)) + static_cast<uint64_t>(_mm_extract_epi64(s, 1));
	}

	static __m128i load_bytes16(const uint8_t *p, size_t n) noexcept {
		if (n >= 16)
			return _mm_loadu_si128(reinterpret_cast<const __m128i *>(p));
		return _mm_set_epi64x(static_cast<long long>(n > 8 ? load_up_to_8(p + 8, n - 8) : 0),
							  static_cast<long long>(load_up_to_8(p, n < 8 ? n : 8)));
	}

	static __m256i load_bytes(const uint8_t *p, size_t n) noexcept {
		if (n >= 32)
			return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p));
		return _mm256_set_m128i(n > 16 ? load_bytes16(p + 16, n - 16) : _mm_setzero_si128(), load_bytes16(p, n));
	}

	static uint64_t hamming(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
		__m256i count = _mm256_setzero_si256();
		const auto differing = [=](size_t i) noexcept {
			return _mm256_xor_si256(load_bytes(a + i, n - i), load_bytes(b + i, n - i));
		};
		size_t i = 0;
		for (; i + 128 <= n; i += 128) { // four times at most 8 in a byte
			__m256i bytes =
				_mm256_add_epi8(_mm256_add_epi8(popcount8(differing(i)), popcount8(differing(i + 32))),
								_mm256_add_epi8(popcount8(differing(i + 64)), popcount8(differing(i + 96))));
			count = _mm256_add_epi64(count, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
		}
		for (; i < n; i += 32)
			count = _mm256_add_epi64(count, popcount(differing(i)));
		return sum64(count);
	}

	static void jaccard(const uint8_t *a, const uint8_t *b, size_t n, uint64_t *common, uint64_t *any) noexcept {
		__m256i both = _mm256_setzero_si256(), either = both;
		for (size_t i = 0; i < n; i += 32) {
			__m256i x = load_bytes(a + i, n - i), y = load_bytes(b + i, n - i);
			both = _mm256_add_epi64(both, popcount(_mm256_and_si256(x, y)));
			either = _mm256_add_epi64(either, popcount(_mm256_or_si256(x, y)));
		}
		*common = sum64(both);
		*any = sum64(either);
	}

	// 16 lanes of fastscan. The looked-up bytes are added as 16-bit numbers: `all` gets odd * 256 + even modulo 2^16,
	// `odd` the odd bytes alone, so that even is the difference. Each 128-bit half sums its own rows.
	struct Lanes {
		__m256i all = _mm256_setzero_si256(), odd = _mm256_setzero_si256();
		__m256i even32 = _mm256_setzero_si256(), odd32 = _mm256_setzero_si256();

		void add(__m256i looked_up) noexcept {
			all = _mm256_add_epi16(all, looked_up);
			odd = _mm256_add_epi16(odd, _mm256_srli_epi16(looked_up, 8));
		}

		static __m256i widen(__m256i x) noexcept {
			return _mm256_add_epi32(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(x)),
									_mm256_cvtepu16_epi32(_mm256_extracti128_si256(x, 1)));
		}

		void flush() noexcept {
			even32 = _mm256_add_epi32(even32, widen(_mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8))));
			odd32 = _mm256_add_epi32(odd32, widen(odd));
			all = odd = _mm256_setzero_si256();
		}

		void store(uint32_t *out) const noexcept {
			__m256i low = _mm256_unpacklo_epi32(even32, odd32), high = _mm256_unpackhi_epi32(even32, odd32);
			_mm256_storeu_si256(reinterpret_cast<__m256i *>(out), _mm256_permute2x128_si256(low, high, 0x20));
			_mm256_storeu_si256(reinterpret_cast<__m256i *>(out + 8), _mm256_permute2x128_si256(low, high, 0x31));
		}
	};

	static void add_rows(Lanes &low, Lanes &high, __m256i codes, __m256i table) noexcept {
		const __m256i nibble = _mm256_set1_epi8(15);
		low.add(_mm256_shuffle_epi8(table, _mm256_and_si256(codes, nibble)));
		high.add(_mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble)));
	}

	static __m256i load_two_rows(const uint8_t *p, size_t row_bytes) noexcept {
		if (row_bytes == 16)
			return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p));
		return _mm256_loadu2_m128i(reinterpret_cast<const __m128i *>(p + row_bytes),
								   reinterpret_cast<const __m128i *>(p));
	}

	static void fastscan(const uint8_t *codes, size_t rows, size_t row_bytes, const uint8_t *lut,
						 uint32_t *out) noexcept {
		constexpr size_t kRowsPerFlush = 2 * 256; // 256 times 255 fits in 16 bits
		Lanes low, high;
		size_t r = 0;
		while (r + 2 <= rows) {
			size_t end = rows - r < kRowsPerFlush ? rows : r + kRowsPerFlush;
			for (; r + 2 <= end; r += 2)
				add_rows(low, high, load_two_rows(codes + r * row_bytes, row_bytes),
						 _mm256_loadu_si256(reinterpret_cast<const __m256i *>(lut + r * 16)));
			low.flush();
			high.flush();
		}
		if (r < rows) { // the zero half of the table adds nothing
			add_rows(low, high, load_bytes(codes + r * row_bytes, row_bytes), load_bytes(lut + r * 16, 16));
			low.flush();
			high.flush();
		}
		low.store(out);
		high.store(out + 16);
	}

	// Widened to 16 bits: maddubs would saturate (255 * 127 * 2 > 32767).
	static __m256i add_products(__m256i s, __m256i a, __m256i b) noexcept {
		return _mm256_add_epi32(s, _mm256_madd_epi16(a, b));
	}

	static __m256i widen16(const uint8_t *p) noexcept {
		return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)));
	}

	static uint32_t dot_u8(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
		const __m256i zero = _mm256_setzero_si256();
		__m256i s0 = zero, s1 = zero;
		size_t i = 0;
		for (; i + 32 <= n; i += 32) {
			s0 = add_products(s0, widen16(a + i), widen16(b + i));
			s1 = add_products(s1, widen16(a + i + 16), widen16(b + i + 16));
		}
		if (i < n) {
			__m256i x = load_bytes(a + i, n - i), y = load_bytes(b + i, n - i);
			s0 = add_products(s0, _mm256_unpacklo_epi8(x, zero), _mm256_unpacklo_epi8(y, zero));
			s1 = add_products(s1, _mm256_unpackhi_epi8(x, zero), _mm256_unpackhi_epi8(y, zero));
		}
		s0 = _mm256_add_epi32(s0, s1);
		uint32_t s[4];
		_mm_storeu_si128(reinterpret_cast<__m128i *>(s),
						 _mm_add_epi32(_mm256_castsi256_si128(s0), _mm256_extracti128_si256(s0, 1)));
		return (s[0] + s[1]) + (s[2] + s[3]);
	}

	static int32_t plane_dot(const uint8_t *x, const uint8_t *planes, size_t count, size_t n) noexcept {
		__m256i s = _mm256_setzero_si256();
		for (size_t i = 0; i < n; i += 32) {
			const __m256i bits = load_bytes(x + i, n - i);
			const uint8_t *plane = planes + i;
			const auto weighted = [=](size_t p) noexcept {
				return _mm256_sll_epi64(popcount(_mm256_and_si256(bits, load_bytes(plane + p * n, n - i))),
										_mm_cvtsi32_si128(static_cast<int>(p)));
			};
			for (size_t p = 0; p + 1 < count; ++p)
				s = _mm256_add_epi64(s, weighted(p));
			s = _mm256_sub_epi64(s, weighted(count - 1));
		}
		return static_cast<int32_t>(sum64(s));
	}
};

} // namespace

constexpr KernelTable kAvx2Table = make_table<Avx2>(Level::avx2, "avx2");

} // namespace ruvector::simd

#endif
