// simd/kernels_neon.cpp - AArch64, whose baseline has NEON with fused multiply-add and conversions of halves.
#if defined(__aarch64__)

#include <arm_neon.h>

#include "kernels.tpp"

namespace ruvector::simd {
namespace {

struct Neon {
	using Arch = xsimd::neon64;

	static float32x4_t load_partial(const float *p, size_t n) noexcept {
		float tail[4] = {0};
		std::memcpy(tail, p, n * sizeof *p);
		return vld1q_f32(tail);
	}

	static float32x4_t load_half(const uint16_t *p) noexcept { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }

	static float32x4_t load_half_partial(const uint16_t *p, size_t n) noexcept {
		uint16_t tail[4] = {0};
		std::memcpy(tail, p, n * sizeof *p);
		return load_half(tail);
	}

	static void store_half(uint16_t *p, float32x4_t x) noexcept { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x))); }

	template <size_t h>
	static float32x4_t swap(float32x4_t x) noexcept {
		if constexpr (h == 1)
			return vrev64q_f32(x);
		else
			return vextq_f32(x, x, 2);
	}

	static float32x4_t flip(float32x4_t x, uint32_t bits) noexcept {
		const int32_t shifts[4] = {31, 30, 29, 28};
		uint32x4_t sign = vandq_u32(vshlq_u32(vdupq_n_u32(bits), vld1q_s32(shifts)), vdupq_n_u32(0x80000000u));
		return vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(x), sign));
	}

	static uint8x16_t load_bytes(const uint8_t *p, size_t n) noexcept {
		if (n >= 16)
			return vld1q_u8(p);
		uint8_t tail[16] = {0};
		std::memcpy(tail, p, n);
		return vld1q_u8(tail);
	}

	static uint64x2_t popcount(uint8x16_t x) noexcept { return vpaddlq_u32(vpaddlq_u16(vpaddlq_u8(vcntq_u8(x)))); }

	static uint64_t hamming(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
		uint64x2_t count = vdupq_n_u64(0);
		for (size_t i = 0; i < n; i += 16)
			count = vaddq_u64(count, popcount(veorq_u8(load_bytes(a + i, n - i), load_bytes(b + i, n - i))));
		return vaddvq_u64(count);
	}

	static void jaccard(const uint8_t *a, const uint8_t *b, size_t n, uint64_t *common, uint64_t *any) noexcept {
		uint64x2_t both = vdupq_n_u64(0), either = both;
		for (size_t i = 0; i < n; i += 16) {
			uint8x16_t x = load_bytes(a + i, n - i), y = load_bytes(b + i, n - i);
			both = vaddq_u64(both, popcount(vandq_u8(x, y)));
			either = vaddq_u64(either, popcount(vorrq_u8(x, y)));
		}
		*common = vaddvq_u64(both);
		*any = vaddvq_u64(either);
	}

	static uint32_t dot_u8(const uint8_t *a, const uint8_t *b, size_t n) noexcept {
		uint32x4_t s = vdupq_n_u32(0);
		for (size_t i = 0; i < n; i += 16) {
			uint8x16_t x = load_bytes(a + i, n - i), y = load_bytes(b + i, n - i);
			s = vpadalq_u16(s, vmull_u8(vget_low_u8(x), vget_low_u8(y)));
			s = vpadalq_u16(s, vmull_high_u8(x, y));
		}
		return vaddvq_u32(s);
	}

	static int32_t plane_dot(const uint8_t *x, const uint8_t *planes, size_t count, size_t n) noexcept {
		int32_t s = 0;
		for (size_t p = 0; p < count; ++p, planes += n) {
			uint64x2_t bits = vdupq_n_u64(0);
			for (size_t i = 0; i < n; i += 16)
				bits = vaddq_u64(bits, popcount(vandq_u8(load_bytes(x + i, n - i), load_bytes(planes + i, n - i))));
			const int32_t sum = static_cast<int32_t>(vaddvq_u64(bits) << p);
			s += p + 1 < count ? sum : -sum;
		}
		return s;
	}

	// 16 lanes of fastscan.
	struct Lanes {
		uint16x8_t low = vdupq_n_u16(0), high = vdupq_n_u16(0);

		void add(uint8x16_t looked_up) noexcept {
			low = vaddw_u8(low, vget_low_u8(looked_up));
			high = vaddw_high_u8(high, looked_up);
		}

		// Adds to the sums of 8 lanes.
		static void flush(uint16x8_t x, uint32_t *out) noexcept {
			vst1q_u32(out, vaddw_u16(vld1q_u32(out), vget_low_u16(x)));
			vst1q_u32(out + 4, vaddw_high_u16(vld1q_u32(out + 4), x));
		}

		void flush(uint32_t *out) noexcept {
			flush(low, out);
			flush(high, out + 8);
			low = high = vdupq_n_u16(0);
		}
	};

	static void fastscan(const uint8_t *codes, size_t rows, size_t row_bytes, const uint8_t *lut,
						 uint32_t *out) noexcept {
		constexpr size_t kRowsPerFlush = 256; // 256 times 255 fits in 16 bits
		for (int lane = 0; lane < 32; ++lane)
			out[lane] = 0;
		Lanes low, high;
		for (size_t r = 0; r < rows;) {
			size_t end = rows - r < kRowsPerFlush ? rows : r + kRowsPerFlush;
			for (; r < end; ++r) {
				uint8x16_t x = vld1q_u8(codes + r * row_bytes);
				uint8x16_t table = vld1q_u8(lut + r * 16);
				low.add(vqtbl1q_u8(table, vandq_u8(x, vdupq_n_u8(15))));
				high.add(vqtbl1q_u8(table, vshrq_n_u8(x, 4)));
			}
			low.flush(out);
			high.flush(out + 16);
		}
	}
};

} // namespace

constexpr KernelTable kNeonTable = make_table<Neon>(Level::neon, "neon");

} // namespace ruvector::simd

#endif
