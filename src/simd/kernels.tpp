// simd/kernels.tpp - the kernels that differ between instruction sets only in the width and the loads of a register.
//
// An instruction set is a struct Isa in the file that includes this one:
//   Arch                         its name in xsimd; the functions take and return batches or bare registers
//   load_partial(p, n)           the first n < width floats, the others zero; reads nothing past them
//   load_half(p)                 `width` halves as floats;  load_half_partial(p, n) as above
//   store_half(p, x)             the reverse
//   swap<h>(x)                   exchanges element i with element i ^ h, h = 1, 2, 4 ... width / 2
//   flip(x, bits)                negates the elements whose bit is set (bit i: element i)
//   hamming, jaccard, fastscan, dot_u8, plane_dot   as in KernelTable
// All is in an anonymous namespace and nothing of std:: is instantiated: files with different -m flags include this,
// and a function of the same name in two of them would be one weak symbol (scripts/check_arch.sh looks for such).
#pragma once

#include <cstddef>
#include <cstdint>

#include <xsimd/xsimd.hpp>

#include "portable.tpp"
#include "tables.hpp"

namespace ruvector::simd {
namespace {

template <class Isa>
using Batch = xsimd::batch<float, typename Isa::Arch>;

template <class Isa>
constexpr size_t kWidth = Batch<Isa>::size;

// Adds the partner at distance h to each element, h = 1, 2, 4 ...: the sum of all is in each of them.
template <class Isa, size_t h = 1>
float sum(Batch<Isa> x) noexcept {
	if constexpr (h < kWidth<Isa>) {
		Batch<Isa> partner = Isa::template swap<h>(x);
		return sum<Isa, 2 * h>(x + partner);
	} else {
		float s[h];
		x.store_unaligned(s);
		return s[0];
	}
}

struct Single {
	using Element = float;
	template <class Isa>
	static Batch<Isa> load(const float *p) noexcept {
		return Batch<Isa>::load_unaligned(p);
	}
	template <class Isa>
	static Batch<Isa> load_partial(const float *p, size_t n) noexcept {
		return Isa::load_partial(p, n);
	}
};

struct Half {
	using Element = uint16_t;
	template <class Isa>
	static Batch<Isa> load(const uint16_t *p) noexcept {
		return Isa::load_half(p);
	}
	template <class Isa>
	static Batch<Isa> load_partial(const uint16_t *p, size_t n) noexcept {
		return Isa::load_half_partial(p, n);
	}
};

// add(s, a, b): s plus the term of a and b, which is zero where both are.
struct L2sq {
	template <class B>
	static B add(B s, B a, B b) noexcept {
		B d = a - b;
		return xsimd::fma(d, d, s);
	}
};
struct Ip {
	template <class B>
	static B add(B s, B a, B b) noexcept {
		return xsimd::fma(a, b, s);
	}
};
struct L1 {
	template <class B>
	static B add(B s, B a, B b) noexcept {
		return s + xsimd::abs(a - b);
	}
};

template <class Isa, class Format, class Metric>
float distance(const typename Format::Element *a, const typename Format::Element *b, size_t n) noexcept {
	constexpr size_t w = kWidth<Isa>;
	const auto load = [](const typename Format::Element *p) noexcept { return Format::template load<Isa>(p); };
	Batch<Isa> s0(0.0f), s1(0.0f), s2(0.0f), s3(0.0f);
	size_t i = 0;
	for (; i + 4 * w <= n; i += 4 * w) {
		s0 = Metric::add(s0, load(a + i), load(b + i));
		s1 = Metric::add(s1, load(a + i + w), load(b + i + w));
		s2 = Metric::add(s2, load(a + i + 2 * w), load(b + i + 2 * w));
		s3 = Metric::add(s3, load(a + i + 3 * w), load(b + i + 3 * w));
	}
	if (i + 2 * w <= n) {
		s0 = Metric::add(s0, load(a + i), load(b + i));
		s1 = Metric::add(s1, load(a + i + w), load(b + i + w));
		i += 2 * w;
	}
	if (i + w <= n) {
		s2 = Metric::add(s2, load(a + i), load(b + i));
		i += w;
	}
	if (i < n)
		s3 = Metric::add(s3, Format::template load_partial<Isa>(a + i, n - i),
						 Format::template load_partial<Isa>(b + i, n - i));
	return sum<Isa>((s0 + s1) + (s2 + s3));
}

// Two chains for each of the three sums: six, and three multiplications for two loads.
template <class Isa, class Format>
CosineSums cosine(const typename Format::Element *a, const typename Format::Element *b, size_t n) noexcept {
	constexpr size_t w = kWidth<Isa>;
	Batch<Isa> ip0(0.0f), aa0(0.0f), bb0(0.0f), ip1(0.0f), aa1(0.0f), bb1(0.0f);
	size_t i = 0;
	for (; i + 2 * w <= n; i += 2 * w) {
		Batch<Isa> x0 = Format::template load<Isa>(a + i), y0 = Format::template load<Isa>(b + i);
		Batch<Isa> x1 = Format::template load<Isa>(a + i + w), y1 = Format::template load<Isa>(b + i + w);
		ip0 = xsimd::fma(x0, y0, ip0);
		aa0 = xsimd::fma(x0, x0, aa0);
		bb0 = xsimd::fma(y0, y0, bb0);
		ip1 = xsimd::fma(x1, y1, ip1);
		aa1 = xsimd::fma(x1, x1, aa1);
		bb1 = xsimd::fma(y1, y1, bb1);
	}
	for (; i < n; i += w) {
		bool whole = i + w <= n;
		Batch<Isa> x = whole ? Format::template load<Isa>(a + i) : Format::template load_partial<Isa>(a + i, n - i);
		Batch<Isa> y = whole ? Format::template load<Isa>(b + i) : Format::template load_partial<Isa>(b + i, n - i);
		ip0 = xsimd::fma(x, y, ip0);
		aa0 = xsimd::fma(x, x, aa0);
		bb0 = xsimd::fma(y, y, bb0);
	}
	return {sum<Isa>(ip0 + ip1), sum<Isa>(aa0 + aa1), sum<Isa>(bb0 + bb1)};
}

template <class Isa>
void f16_to_f32(const uint16_t *in, float *out, size_t n) noexcept {
	constexpr size_t w = kWidth<Isa>;
	size_t i = 0;
	for (; i + w <= n; i += w)
		Batch<Isa>(Isa::load_half(in + i)).store_unaligned(out + i);
	if (i < n) {
		float tail[w];
		Batch<Isa>(Isa::load_half_partial(in + i, n - i)).store_unaligned(tail);
		for (size_t j = 0; i + j < n; ++j)
			out[i + j] = tail[j];
	}
}

template <class Isa>
void f32_to_f16(const float *in, uint16_t *out, size_t n) noexcept {
	constexpr size_t w = kWidth<Isa>;
	size_t i = 0;
	for (; i + w <= n; i += w)
		Isa::store_half(out + i, Batch<Isa>::load_unaligned(in + i));
	if (i < n) {
		uint16_t tail[w];
		Isa::store_half(tail, Isa::load_partial(in + i, n - i));
		for (size_t j = 0; i + j < n; ++j)
			out[i + j] = tail[j];
	}
}

// The transform of the elements of one register: with the partner at distance h, u + v below and u - v above.
template <class Isa, size_t h = 1>
Batch<Isa> hadamard_within(Batch<Isa> x) noexcept {
	if constexpr (h < kWidth<Isa>) {
		float sign[kWidth<Isa>];
		for (size_t i = 0; i < kWidth<Isa>; ++i)
			sign[i] = i & h ? -1.0f : 1.0f;
		Batch<Isa> partner = Isa::template swap<h>(x);
		x = xsimd::fma(x, Batch<Isa>::load_unaligned(sign), partner);
		return hadamard_within<Isa, 2 * h>(x);
	} else {
		return x;
	}
}

// Two levels at once: elements at distances h and 2h from p.
template <class Isa, bool within>
void hadamard_four(float *p, size_t h) noexcept {
	Batch<Isa> a = Batch<Isa>::load_unaligned(p), b = Batch<Isa>::load_unaligned(p + h);
	Batch<Isa> c = Batch<Isa>::load_unaligned(p + 2 * h), d = Batch<Isa>::load_unaligned(p + 3 * h);
	if constexpr (within) {
		a = hadamard_within<Isa>(a);
		b = hadamard_within<Isa>(b);
		c = hadamard_within<Isa>(c);
		d = hadamard_within<Isa>(d);
	}
	Batch<Isa> ab = a + b, a_b = a - b, cd = c + d, c_d = c - d;
	(ab + cd).store_unaligned(p);
	(a_b + c_d).store_unaligned(p + h);
	(ab - cd).store_unaligned(p + 2 * h);
	(a_b - c_d).store_unaligned(p + 3 * h);
}

template <class Isa>
void hadamard(float *x, size_t n) noexcept {
	constexpr size_t w = kWidth<Isa>;
	size_t h = 1;
	if (n >= 4 * w) { // everything up to distance 2 * w in the first pass over memory
		for (size_t i = 0; i < n; i += 4 * w)
			hadamard_four<Isa, true>(x + i, w);
		h = 4 * w;
	} else if (n >= w) {
		for (size_t i = 0; i < n; i += w)
			hadamard_within<Isa>(Batch<Isa>::load_unaligned(x + i)).store_unaligned(x + i);
		h = w;
	}
	for (; h >= w && 4 * h <= n; h *= 4)
		for (size_t i = 0; i < n; i += 4 * h)
			for (size_t j = i; j < i + h; j += w)
				hadamard_four<Isa, false>(x + j, h);
	for (; h < n; h *= 2) {
		size_t step = h < w ? 1 : w;
		for (size_t i = 0; i < n; i += 2 * h)
			for (size_t j = i; j < i + h; j += step) {
				if (step == w) {
					Batch<Isa> u = Batch<Isa>::load_unaligned(x + j), v = Batch<Isa>::load_unaligned(x + j + h);
					(u + v).store_unaligned(x + j);
					(u - v).store_unaligned(x + j + h);
				} else {
					float u = x[j], v = x[j + h];
					x[j] = u + v;
					x[j + h] = u - v;
				}
			}
	}
}

template <class Isa>
void flip_signs(float *x, const uint8_t *signs, size_t n) noexcept {
	constexpr size_t w = kWidth<Isa>;
	size_t i = 0;
	for (; i + (w < 8 ? 8 : w) <= n; i += w < 8 ? 8 : w) {
		uint32_t bits = signs[i / 8];
		if constexpr (w == 16)
			bits |= uint32_t{signs[i / 8 + 1]} << 8;
		Batch<Isa>(Isa::flip(Batch<Isa>::load_unaligned(x + i), bits)).store_unaligned(x + i);
		if constexpr (w == 4)
			Batch<Isa>(Isa::flip(Batch<Isa>::load_unaligned(x + i + 4), bits >> 4)).store_unaligned(x + i + 4);
	}
	for (; i < n; ++i)
		x[i] = float_of_bits(bits_of_float(x[i]) ^ (uint32_t{signs[i / 8]} >> i % 8) << 31);
}

template <class Isa>
void mix(float *x, float *y, size_t n, float a, float b) noexcept {
	constexpr size_t w = kWidth<Isa>;
	size_t i = 0;
	for (; i + w <= n; i += w) {
		const Batch<Isa> u = Batch<Isa>::load_unaligned(x + i) * a, v = Batch<Isa>::load_unaligned(y + i) * b;
		(u + v).store_unaligned(x + i);
		(u - v).store_unaligned(y + i);
	}
	for (; i < n; ++i) {
		const float u = a * x[i], v = b * y[i];
		x[i] = u + v;
		y[i] = u - v;
	}
}

template <class Isa>
constexpr KernelTable make_table(Level level, const char *name) noexcept {
	return {
		level,
		name,
		distance<Isa, Single, L2sq>,
		distance<Isa, Single, Ip>,
		distance<Isa, Single, L1>,
		cosine<Isa, Single>,
		distance<Isa, Half, L2sq>,
		distance<Isa, Half, Ip>,
		distance<Isa, Half, L1>,
		cosine<Isa, Half>,
		f16_to_f32<Isa>,
		f32_to_f16<Isa>,
		Isa::hamming,
		Isa::jaccard,
		Isa::fastscan,
		Isa::dot_u8,
		Isa::plane_dot,
		hadamard<Isa>,
		flip_signs<Isa>,
		mix<Isa>,
	};
}

} // namespace
} // namespace ruvector::simd
