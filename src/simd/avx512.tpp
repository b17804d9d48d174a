// simd/avx512.tpp - AVX-512 F, CD, BW, DQ, VL; included by the two files whose levels differ in what comes on top of
// these.
#pragma once

// The "undefined" registers of GCC 12's own header look uninitialised to it (GCC bug 105593).
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#pragma GCC diagnostic pop

#include "kernels.tpp"

namespace ruvector::simd {
namespace {

struct Avx512 {
	using Arch = xsimd::avx512bw;

	static __mmask16 first16(size_t n) noexcept { return static_cast<__mmask16>((1u << n) - 1); }
	// n up to 64.
	static __mmask64 first64(size_t n) noexcept { return n < 64 ? (uint64_t{1} << n) - 1 : ~uint64_t{0}; }

	static __m512 load_partial(const float *p, size_t n) noexcept { return _mm512_maskz_loadu_ps(first16(n), p); }

	static __m512 load_half(const uint16_t *p) noexcept {
		return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
	}

	static __m512 load_half_partial(const uint16_t *p, size_t n) noexcept {
		return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first16(n), p));
	}

	static void store_half(uint16_t *p, __m512 x) noexcept {
		_mm256_storeu_si256(reinterpret_cast<__m256i *>(p),
							_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
	}

	template <size_t h>
	static __m512 swap(__m512 x) noexcept {
		if constexpr (h < 4)
			return _mm512_permute_ps(x, h == 1 ? _MM_SHUFFLE(2, 3, 0, 1) : _MM_SHUFFLE(1, 0, 3, 2));
		else
			return _mm512_shuffle_f32x4(x, x, h == 4 ? _MM_SHUFFLE(2, 3, 0, 1) : _MM_SHUFFLE(1, 0, 3, 2));
	}

	static __m512 flip(__m512 x, uint32_t bits) noexcept {
		return _mm512_mask_xor_ps(x, static_cast<__mmask16>(bits), x, _mm512_set1_ps(-0.0f));
	}

	static __m512i load_bytes(const uint8_t *p, size_t n) noexcept {
		if (n >= 64)
			return _mm512_loadu_si512(p);
		return _mm512_maskz_loadu_epi8(first64(n), p);
	}

	// Bits set in each byte, by table look-up of the two nibbles.
	static __m512i popcount8(__m512i x) noexcept {
		const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
		const __m512i nibble = _mm512_set1_epi8(15);
		return _mm512_add_epi8(_mm512_shuffle_epi8(table, _mm512_and_si512(x, nibble)),
							   _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble)));
	}

	static __m512i popcount64(__m512i x) noexcept { return _mm512_sad_epu8(popcount8(x), _mm512_setzero_si512()); }

	static uint64_t sum64(__m512i x) noexcept {
		uint64_t s[8];
		_mm512_storeu_si512(s, x);
		return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
	}

	// popcount(x): the bits set in each 64-bit element.
	template <class Popcount>
	static uint64_t hamming_with(Popcount popcount, const uint8_t *a, const uint8_t *b, size_t n) noexcept {
		__m512i c0 = _mm512_setzero_si512(), c1 = c0;
		size_t i = 0;
		for (; i + 128 <= n; i += 128) {
			c0 = _mm512_add_epi64(c0, popcount(_mm512_xor_si512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i))));
			c1 = _mm512_add_epi64(
				c1, popcount(_mm512_xor_si512(_mm512_loadu_si512(a + i + 64), _mm512_loadu_si512(b + i + 64))));
		}
		for (; i < n; i += 64)
			c0 = _mm512_add_epi64(c0, popcount(_mm512_xor_si512(load_bytes(a + i, n - i), load_bytes(b + i, n - i))));
		return sum64(_mm512_add_epi64(c0, c1));
	}

	template <class Popcount>
	static void jaccard_with(Popcount popcount, const uint8_t *a, const uint8_t *b, size_t n, uint64_t *common,
							 uint64_t *any) noexcept {
		__m512i both = _mm512_setzero_si512(), either = both;
		for (size_t i = 0; i < n; i += 64) {
			__m512i x = load_bytes(a + i, n - i), y = load_bytes(b + i, n - i);
			both = _mm512_add_epi64(both, popcount(_mm512_and_si512(x, y)));
			either = _mm512_add_epi64(either, popcount(_mm512_or_si512(x, y)));
		}
		*common = sum64(both);
		*any = sum64(either);
	}

	static uint64_t hamming(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
		return hamming_with([](__m512i x) noexcept { return popcount64(x); }, a, b, n);
	}

	static void jaccard(const uint8_t *a, const uint8_t *b, size_t n, uint64_t *common, uint64_t *any) noexcept {
		jaccard_with([](__m512i x) noexcept { return popcount64(x); }, a, b, n, common, any);
	}

	static uint32_t dot_u8(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
		const __m512i zero = _mm512_setzero_si512();
		__m512i s0 = zero, s1 = zero;
		for (size_t i = 0; i < n; i += 64) {
			__m512i x = load_bytes(a + i, n - i), y = load_bytes(b + i, n - i);
			s0 = _mm512_add_epi32(s0, _mm512_madd_epi16(_mm512_unpacklo_epi8(x, zero), _mm512_unpacklo_epi8(y, zero)));
			s1 = _mm512_add_epi32(s1, _mm512_madd_epi16(_mm512_unpackhi_epi8(x, zero), _mm512_unpackhi_epi8(y, zero)));
		}
		return static_cast<uint32_t>(_mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1)));
	}

	template <class Popcount>
	static int32_t plane_dot_with(Popcount popcount, const uint8_t *x, const uint8_t *planes, size_t count,
								  size_t n) noexcept {
		__m512i s = _mm512_setzero_si512();
		for (size_t i = 0; i < n; i += 64) {
			const __m512i bits = load_bytes(x + i, n - i);
			const uint8_t *plane = planes + i;
			const auto weighted = [=](size_t p) noexcept {
				return _mm512_slli_epi64(popcount(_mm512_and_si512(bits, load_bytes(plane + p * n, n - i))),
										 static_cast<unsigned>(p));
			};
			for (size_t p = 0; p + 1 < count; ++p)
				s = _mm512_add_epi64(s, weighted(p));
			s = _mm512_sub_epi64(s, weighted(count - 1));
		}
		return static_cast<int32_t>(_mm512_reduce_add_epi64(s));
	}

	static int32_t plane_dot(const uint8_t *x, const uint8_t *planes, size_t count, size_t n) noexcept {
		return plane_dot_with([](__m512i v) noexcept { return popcount64(v); }, x, planes, count, n);
	}

	// 16 lanes of fastscan. The looked-up bytes are added as 16-bit numbers: `all` gets odd * 256 + even modulo 2^16,
	// `odd` the odd bytes alone, so that even is the difference. Each 128-bit quarter sums its own rows.
	struct Lanes {
		__m512i all = _mm512_setzero_si512(), odd = _mm512_setzero_si512();
		__m256i even32 = _mm256_setzero_si256(), odd32 = _mm256_setzero_si256();

		void add(__m512i looked_up) noexcept {
			all = _mm512_add_epi16(all, looked_up);
			odd = _mm512_add_epi16(odd, _mm512_srli_epi16(looked_up, 8));
		}

		static __m256i widen(__m512i x) noexcept {
			__m512i s = _mm512_add_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(x)),
										 _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(x, 1)));
			return _mm256_add_epi32(_mm512_castsi512_si256(s), _mm512_extracti64x4_epi64(s, 1));
		}

		void flush() noexcept {
			even32 = _mm256_add_epi32(even32, widen(_mm512_sub_epi16(all, _mm512_slli_epi16(odd, 8))));
			odd32 = _mm256_add_epi32(odd32, widen(odd));
			all = odd = _mm512_setzero_si512();
		}

		void store(uint32_t *out) const noexcept {
			__m256i low = _mm256_unpacklo_epi32(even32, odd32), high = _mm256_unpackhi_epi32(even32, odd32);
			_mm256_storeu_si256(reinterpret_cast<__m256i *>(out), _mm256_permute2x128_si256(low, high, 0x20));
			_mm256_storeu_si256(reinterpret_cast<__m256i *>(out + 8), _mm256_permute2x128_si256(low, high, 0x31));
		}
	};

	static void add_rows(Lanes &low, Lanes &high, __m512i codes, __m512i table) noexcept {
		const __m512i nibble = _mm512_set1_epi8(15);
		low.add(_mm512_shuffle_epi8(table, _mm512_and_si512(codes, nibble)));
		high.add(_mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(codes, 4), nibble)));
	}

	// How the codes of four rows get into the quarters of a register: four(p) for rows from p on, rest(p, n) for n < 4
	// rows.
	struct Rows16 {
		static __m512i four(const uint8_t *p, size_t) noexcept { return _mm512_loadu_si512(p); }
		static __m512i rest(const uint8_t *p, size_t, size_t n) noexcept { return load_bytes(p, n * 16); }
	};

	struct Rows8 {
		static __m512i spread(__m256i rows) noexcept {
			return _mm512_maskz_permutexvar_epi64(0x55, _mm512_setr_epi64(0, 0, 1, 0, 2, 0, 3, 0),
												  _mm512_castsi256_si512(rows));
		}
		static __m512i four(const uint8_t *p, size_t) noexcept {
			return spread(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
		}
		static __m512i rest(const uint8_t *p, size_t, size_t n) noexcept {
			return spread(_mm256_maskz_loadu_epi8(static_cast<__mmask32>(first64(n * 8)), p));
		}
	};

	struct RowsOther {
		static __m512i join(__m128i a, __m128i b, __m128i c, __m128i d) noexcept {
			__m256i ab = _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
			__m256i cd = _mm256_inserti128_si256(_mm256_castsi128_si256(c), d, 1);
			return _mm512_inserti64x4(_mm512_castsi256_si512(ab), cd, 1);
		}
		static __m512i four(const uint8_t *p, size_t row_bytes) noexcept {
			const auto row = [=](size_t k) noexcept {
				return _mm_loadu_si128(reinterpret_cast<const __m128i *>(p + k * row_bytes));
			};
			return join(row(0), row(1), row(2), row(3));
		}
		static __m512i rest(const uint8_t *p, size_t row_bytes, size_t n) noexcept {
			const auto row = [=](size_t k) noexcept {
				return _mm_maskz_loadu_epi8(k < n ? first16(row_bytes) : __mmask16{0}, p + k * row_bytes);
			};
			return join(row(0), row(1), row(2), _mm_setzero_si128());
		}
	};

	template <class Rows>
	static void fastscan_with(const uint8_t *codes, size_t rows, size_t row_bytes, const uint8_t *lut,
							  uint32_t *out) noexcept {
		constexpr size_t kRowsPerFlush = 4 * 256; // 256 times 255 fits in 16 bits
		Lanes low, high;
		size_t r = 0;
		while (r + 4 <= rows) {
			size_t end = rows - r < kRowsPerFlush ? rows : r + kRowsPerFlush;
			for (; r + 4 <= end; r += 4)
				add_rows(low, high, Rows::four(codes + r * row_bytes, row_bytes), _mm512_loadu_si512(lut + r * 16));
			low.flush();
			high.flush();
		}
		if (r < rows) { // the zero quarters of the table add nothing
			add_rows(low, high, Rows::rest(codes + r * row_bytes, row_bytes, rows - r),
					 load_bytes(lut + r * 16, (rows - r) * 16));
			low.flush();
			high.flush();
		}
		low.store(out);
		high.store(out + 16);
	}

	static void fastscan(const uint8_t *codes, size_t rows, size_t row_bytes, const uint8_t *lut,
						 uint32_t *out) noexcept {
		if (row_bytes == 16)
			fastscan_with<Rows16>(codes, rows, 16, lut, out);
		else if (row_bytes == 8)
			fastscan_with<Rows8>(codes, rows, 8, lut, out);
		else
			fastscan_with<RowsOther>(codes, rows, row_bytes, lut, out);
	}
};

} // namespace
} // namespace ruvector::simd
