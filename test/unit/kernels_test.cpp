// test/unit/kernels_test.cpp - every kernel of every level of this machine against a plain reference in double
// precision. The operands end at a page that cannot be read, so that a read past the end crashes.
#include "check.hpp"
#include "ruvector/simd/kernels.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cfloat>
#include <cstdint>
#include <cstring>
#include <map>
#include <random>

using namespace ruvector::simd;

namespace {

const std::vector<size_t> kLengths = {0,  1,  2,  3,   7,   8,   9,   15,  16,  17,   31,   32,   33,
									  63, 64, 65, 100, 127, 128, 384, 768, 784, 1000, 1536, 2000, 16000};

// Bytes that end where memory ends, and begin at any alignment.
class Guarded {
public:
	explicit Guarded(size_t bytes) {
		size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
		size_ = (bytes + page - 1) / page * page + page;
		base_ =
			static_cast<uint8_t *>(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		if (base_ == MAP_FAILED || mprotect(base_ + size_ - page, page, PROT_NONE) != 0)
			std::abort();
		end_ = base_ + size_ - page;
		begin_ = end_ - bytes;
	}
	~Guarded() { munmap(base_, size_); }
	Guarded(const Guarded &) = delete;
	Guarded &operator=(const Guarded &) = delete;

	template <class T>
	T *as() const {
		return reinterpret_cast<T *>(begin_);
	}

private:
	uint8_t *base_, *begin_, *end_;
	size_t size_;
};

const std::vector<const KernelTable *> &levels() {
	static const std::vector<const KernelTable *> list = [] {
		std::vector<const KernelTable *> found;
		for (int i = 0; i <= static_cast<int>(Level::avx512vnni); ++i)
			if (const KernelTable *t = table(static_cast<Level>(i)))
				found.push_back(t);
		return found;
	}();
	return list;
}

std::mt19937 &random_bits() {
	static std::mt19937 generator(42);
	return generator;
}

float random_float() {
	return std::normal_distribution<float>()(random_bits());
}

// What a half means, from its definition.
double half_value(uint16_t h) {
	int exponent = h >> 10 & 31, mantissa = h & 1023;
	double v = exponent == 31  ? (mantissa ? NAN : INFINITY)
			   : exponent == 0 ? std::ldexp(mantissa, -24)
							   : std::ldexp(1024 + mantissa, exponent - 25);
	return h & 0x8000 ? -v : v;
}

// The nearest half by search: positive halves are ordered like their bits; a tie goes to the even one.
uint16_t nearest_half(float f) {
	if (std::isnan(f))
		return 0x7e00;
	uint16_t sign = std::signbit(f) ? 0x8000 : 0;
	double v = std::fabs(static_cast<double>(f));
	uint16_t low = 0, high = 0x7c00; // value(low) <= v, v < value(high)
	if (v >= 65520)
		return sign | 0x7c00;
	while (high - low > 1) {
		uint16_t middle = static_cast<uint16_t>((low + high) / 2);
		(half_value(middle) <= v ? low : high) = middle;
	}
	double above = high == 0x7c00 ? 65536 : half_value(high);
	double down = v - half_value(low), up = above - v;
	return sign | (down < up || (down == up && low % 2 == 0) ? low : high);
}

struct Reference {
	double l2sq = 0, ip = 0, l1 = 0, aa = 0, bb = 0, ip_magnitude = 0;
	void add(double a, double b) {
		l2sq += (a - b) * (a - b);
		ip += a * b;
		ip_magnitude += std::fabs(a * b);
		l1 += std::fabs(a - b);
		aa += a * a;
		bb += b * b;
	}
};

// A sum of n terms in single precision with at least four accumulators, relative to the sum of magnitudes.
double tolerance(size_t n, double magnitude) {
	return (4 + std::sqrt(static_cast<double>(n))) * FLT_EPSILON * magnitude + 1e-30;
}

void check_sums(const CosineSums &s, const Reference &r, size_t n) {
	CHECK_NEAR(s.ip, r.ip, tolerance(n, r.ip_magnitude));
	CHECK_NEAR(s.aa, r.aa, tolerance(n, r.aa));
	CHECK_NEAR(s.bb, r.bb, tolerance(n, r.bb));
}

} // namespace

TEST("the levels of this machine") {
	CHECK(table(Level::scalar) != nullptr);
	CHECK(kernels->level == best_level());
	for (const KernelTable *t : levels()) {
		std::printf("# %s\n", t->name);
		CHECK(std::strcmp(t->name, level_name(t->level)) == 0);
		CHECK(table(t->level) == t);
		use_level(t->level);
		CHECK(kernels == t);
	}
	// A level that the machine lacks falls back to one below.
	for (int i = 0; i <= static_cast<int>(Level::avx512vnni); ++i) {
		use_level(static_cast<Level>(i));
		CHECK(static_cast<int>(kernels->level) <= i);
	}
	use_level(best_level());
	CHECK(kernels->level == best_level());
}

TEST("f32 distances") {
	for (const KernelTable *t : levels())
		for (size_t n : kLengths)
			for (size_t shift : {size_t{0}, size_t{1}, size_t{3}}) { // the operands at other alignments to each other
				Guarded ga(n * 4), gb((n + shift) * 4);
				float *a = ga.as<float>(), *b = gb.as<float>();
				Reference r;
				for (size_t i = 0; i < n; ++i) {
					a[i] = random_float();
					b[i] = random_float();
					r.add(a[i], b[i]);
				}
				CHECK_NEAR(t->l2sq_f32(a, b, n), r.l2sq, tolerance(n, r.l2sq));
				CHECK_NEAR(t->ip_f32(a, b, n), r.ip, tolerance(n, r.ip_magnitude));
				CHECK_NEAR(t->l1_f32(a, b, n), r.l1, tolerance(n, r.l1));
				check_sums(t->cosine_f32(a, b, n), r, n);
			}
}

TEST("f32 distances of small integers are exact, at any alignment to a register") {
	std::vector<uint8_t> bytes_a(16000 * 4 + 8), bytes_b(16000 * 4 + 8);
	for (const KernelTable *t : levels())
		for (size_t n : kLengths)
			for (size_t shift : {1, 2, 5}) {
				float *a = reinterpret_cast<float *>(bytes_a.data() + 4 * shift);
				float *b = reinterpret_cast<float *>(bytes_b.data() + 4);
				if (n + shift > 16001)
					continue;
				Reference r;
				for (size_t i = 0; i < n; ++i) {
					a[i] = static_cast<float>(static_cast<int>(random_bits()() % 15) - 7);
					b[i] = static_cast<float>(static_cast<int>(random_bits()() % 15) - 7);
					r.add(a[i], b[i]);
				}
				CHECK(t->l2sq_f32(a, b, n) == r.l2sq);
				CHECK(t->ip_f32(a, b, n) == r.ip);
				CHECK(t->l1_f32(a, b, n) == r.l1);
				CosineSums s = t->cosine_f32(a, b, n);
				CHECK(s.ip == r.ip && s.aa == r.aa && s.bb == r.bb);
			}
}

TEST("infinities and NaN come through the distances") {
	for (const KernelTable *t : levels())
		for (size_t n : {1, 9, 64, 100})
			for (size_t at : {size_t{0}, n / 2, n - 1}) {
				std::vector<float> a(n, 1.0f), b(n, 2.0f);
				a[at] = INFINITY;
				CHECK(t->l2sq_f32(a.data(), b.data(), n) == INFINITY);
				CHECK(t->l1_f32(a.data(), b.data(), n) == INFINITY);
				a[at] = NAN;
				CHECK(std::isnan(t->l2sq_f32(a.data(), b.data(), n)));
				CHECK(std::isnan(t->ip_f32(a.data(), b.data(), n)));
				CHECK(std::isnan(t->l1_f32(a.data(), b.data(), n)));
			}
}

TEST("f16 distances") {
	for (const KernelTable *t : levels())
		for (size_t n : kLengths)
			for (size_t shift : {size_t{0}, size_t{1}}) {
				Guarded ga(n * 2), gb((n + shift) * 2);
				uint16_t *a = ga.as<uint16_t>(), *b = gb.as<uint16_t>();
				Reference r;
				for (size_t i = 0; i < n; ++i) {
					a[i] = nearest_half(random_float());
					b[i] = nearest_half(random_float());
					r.add(half_value(a[i]), half_value(b[i]));
				}
				CHECK_NEAR(t->l2sq_f16(a, b, n), r.l2sq, tolerance(n, r.l2sq));
				CHECK_NEAR(t->ip_f16(a, b, n), r.ip, tolerance(n, r.ip_magnitude));
				CHECK_NEAR(t->l1_f16(a, b, n), r.l1, tolerance(n, r.l1));
				check_sums(t->cosine_f16(a, b, n), r, n);
			}
}

TEST("every half to float and back") {
	std::vector<uint16_t> in(65536), back(65536);
	std::vector<float> out(65536);
	for (size_t i = 0; i < 65536; ++i)
		in[i] = static_cast<uint16_t>(i);
	for (const KernelTable *t : levels()) {
		t->f16_to_f32(in.data(), out.data(), 65536);
		t->f32_to_f16(out.data(), back.data(), 65536);
		for (size_t i = 0; i < 65536; ++i) {
			double v = half_value(in[i]);
			if (std::isnan(v)) {
				CHECK(std::isnan(out[i]));
				CHECK((back[i] & 0x7c00) == 0x7c00 && (back[i] & 0x3ff) != 0);
			} else {
				CHECK(out[i] == v && std::signbit(out[i]) == std::signbit(v));
				CHECK(back[i] == in[i]);
			}
		}
	}
}

TEST("floats to the nearest half") {
	std::vector<float> in = {0.0f,      -0.0f,     FLT_MIN,  FLT_TRUE_MIN, -FLT_TRUE_MIN, FLT_MAX, -FLT_MAX, INFINITY,
							 -INFINITY, 65504,     65519.9f, 65520,        65535,         65536,   -65520,   0x1p-24f,
							 0x1p-25f,  -0x1p-25f, 1e-10f,   0x1p-14f,     2049,          2050,    2051,     2053};
	in.push_back(std::nextafter(0x1p-25f, 1.0f));
	in.push_back(std::nextafter(0x1p-14f, 0.0f));
	in.push_back(std::nextafter(65520.0f, 0.0f));
	for (int h = 0; h < 0x7c00; ++h) { // halfway to the next half, and one step to either side
		float middle = static_cast<float>(
			(half_value(static_cast<uint16_t>(h)) + (h == 0x7bff ? 65536 : half_value(static_cast<uint16_t>(h + 1)))) /
			2);
		for (float f : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f), -middle})
			in.push_back(f);
	}
	for (int i = 0; i < 100000; ++i) {
		uint32_t bits = random_bits()();
		float f;
		std::memcpy(&f, &bits, sizeof f);
		in.push_back(f);
	}
	std::vector<uint16_t> out(in.size());
	for (const KernelTable *t : levels()) {
		t->f32_to_f16(in.data(), out.data(), in.size());
		for (size_t i = 0; i < in.size(); ++i) {
			if (std::isnan(in[i]))
				CHECK((out[i] & 0x7c00) == 0x7c00 && (out[i] & 0x3ff) != 0);
			else
				CHECK(out[i] == nearest_half(in[i]));
		}
	}
}

TEST("conversions write and read no more than asked for") {
	for (const KernelTable *t : levels())
		for (size_t n : kLengths) {
			Guarded half(n * 2), single(n * 4), again(n * 2);
			for (size_t i = 0; i < n; ++i)
				half.as<uint16_t>()[i] = static_cast<uint16_t>(random_bits()() & 0xbfff);
			t->f16_to_f32(half.as<uint16_t>(), single.as<float>(), n);
			t->f32_to_f16(single.as<float>(), again.as<uint16_t>(), n);
			CHECK(std::equal(half.as<uint16_t>(), half.as<uint16_t>() + n, again.as<uint16_t>()));
		}
}

TEST("hamming and jaccard") {
	for (const KernelTable *t : levels())
		for (size_t n : kLengths)
			for (int fill : {0, 1}) { // random, all ones
				Guarded ga(n), gb(n + (n % 3));
				uint8_t *a = ga.as<uint8_t>(), *b = gb.as<uint8_t>();
				uint64_t differ = 0, common = 0, any = 0;
				for (size_t i = 0; i < n; ++i) {
					a[i] = fill ? 0xff : static_cast<uint8_t>(random_bits()());
					b[i] = fill ? 0x00 : static_cast<uint8_t>(random_bits()());
					for (int bit = 0; bit < 8; ++bit) {
						bool x = a[i] >> bit & 1, y = b[i] >> bit & 1;
						differ += x != y;
						common += x && y;
						any += x || y;
					}
				}
				uint64_t c = 77, e = 77;
				CHECK(t->hamming(a, b, n) == differ);
				t->jaccard(a, b, n, &c, &e);
				CHECK(c == common && e == any);
			}
}

TEST("fastscan") {
	for (const KernelTable *t : levels())
		for (size_t row_bytes = 1; row_bytes <= 16; ++row_bytes)
			for (size_t rows : {0,   1,   2,   3,   4,   5,   7,    8,    9,    32,   49,   100,  196,  255, 256,
								257, 258, 511, 512, 513, 514, 1023, 1024, 1025, 1027, 1028, 1029, 2048, 4100})
				for (int largest : {0, 1}) { // random, every look-up 255
					Guarded gc(rows * row_bytes + (rows ? 16 - row_bytes : 0)), gl(rows * 16); // what the door allows
					uint8_t *codes = gc.as<uint8_t>(), *lut = gl.as<uint8_t>();
					for (size_t i = 0; i < rows * row_bytes; ++i)
						codes[i] = static_cast<uint8_t>(random_bits()());
					for (size_t i = 0; i < rows * 16; ++i)
						lut[i] = largest ? 255 : static_cast<uint8_t>(random_bits()());
					uint32_t want[32] = {0}, out[32];
					for (size_t r = 0; r < rows; ++r)
						for (size_t k = 0; k < row_bytes; ++k) {
							want[k] += lut[r * 16 + (codes[r * row_bytes + k] & 15)];
							want[k + 16] += lut[r * 16 + (codes[r * row_bytes + k] >> 4)];
						}
					t->fastscan(codes, rows, row_bytes, lut, out);
					CHECK(std::equal(want, want + row_bytes, out));
					CHECK(std::equal(want + 16, want + 16 + row_bytes, out + 16));
				}
}

TEST("inner products of bytes and of bit planes are exact, extremes included") {
	for (const KernelTable *t : levels())
		for (size_t n : kLengths)
			for (int kind = 0; kind < 3; ++kind) { // random, all 255, one side 255 and the other around 128
				Guarded a(n), b(n);
				for (size_t i = 0; i < n; ++i) {
					a.as<uint8_t>()[i] = kind == 0 ? static_cast<uint8_t>(random_bits()()) : 255;
					b.as<uint8_t>()[i] = kind == 0   ? static_cast<uint8_t>(random_bits()())
										 : kind == 1 ? 255
													 : static_cast<uint8_t>(127 + i % 3);
				}
				uint64_t want = 0;
				for (size_t i = 0; i < n; ++i)
					want += uint64_t{a.as<uint8_t>()[i]} * b.as<uint8_t>()[i];
				CHECK(t->dot_u8(a.as<uint8_t>(), b.as<uint8_t>(), n) == want);
				CHECK(t->dot_u8(b.as<uint8_t>(), a.as<uint8_t>(), n) == want);

				size_t bytes = n < 2000 ? n : 2000;
				for (size_t count : {1, 4, 8}) {
					Guarded planes(bytes * count);
					int64_t sum = 0;
					for (size_t i = 0; i < bytes * count; ++i) {
						uint8_t plane = kind == 1 ? 255 : static_cast<uint8_t>(random_bits()());
						planes.as<uint8_t>()[i] = plane;
						int64_t weight = int64_t{1} << i / bytes;
						sum += (i / bytes + 1 < count ? weight : -weight) *
							   __builtin_popcount(plane & a.as<uint8_t>()[i % bytes]);
					}
					CHECK(t->plane_dot(a.as<uint8_t>(), planes.as<uint8_t>(), count, bytes) == sum);
				}
			}
}

TEST("hadamard against its definition") {
	for (const KernelTable *t : levels())
		for (size_t n = 1; n <= 512; n *= 2) {
			Guarded g(n * 4);
			float *x = g.as<float>();
			std::vector<float> in(n);
			for (size_t i = 0; i < n; ++i)
				in[i] = x[i] = static_cast<float>(static_cast<int>(random_bits()() % 201) - 100);
			t->hadamard(x, n);
			for (size_t i = 0; i < n; ++i) {
				double want = 0;
				for (size_t j = 0; j < n; ++j)
					want += __builtin_parityll(i & j) ? -in[j] : in[j];
				CHECK(x[i] == want);
			}
		}
}

TEST("hadamard twice is n times the input") {
	for (const KernelTable *t : levels())
		for (size_t n = 1; n <= 16384; n *= 2) {
			Guarded g(n * 4);
			float *x = g.as<float>();
			std::vector<float> in(n), once(n);
			for (size_t i = 0; i < n; ++i)
				in[i] = x[i] = static_cast<float>(static_cast<int>(random_bits()() % 5) - 2);
			t->hadamard(x, n);
			once.assign(in.begin(), in.end());
			table(Level::scalar)->hadamard(once.data(), n);
			CHECK(std::equal(once.begin(), once.end(), x));
			t->hadamard(x, n);
			for (size_t i = 0; i < n; ++i)
				CHECK(x[i] == in[i] * static_cast<float>(n));
		}
}

TEST("flip_signs") {
	for (const KernelTable *t : levels())
		for (size_t n : kLengths) {
			Guarded gx(n * 4), gs((n + 7) / 8);
			float *x = gx.as<float>();
			uint8_t *signs = gs.as<uint8_t>();
			std::vector<float> in(n);
			for (size_t i = 0; i < (n + 7) / 8; ++i)
				signs[i] = static_cast<uint8_t>(random_bits()());
			for (size_t i = 0; i < n; ++i)
				in[i] = x[i] = i % 10 == 0 ? 0.0f : random_float();
			t->flip_signs(x, signs, n);
			for (size_t i = 0; i < n; ++i) {
				float want = signs[i / 8] >> (i % 8) & 1 ? -in[i] : in[i];
				CHECK(x[i] == want && std::signbit(x[i]) == std::signbit(want));
			}
		}
}

TEST("mix") {
	for (const KernelTable *t : levels())
		for (size_t n : kLengths) {
			Guarded gx(n * 4), gy(n * 4);
			float *x = gx.as<float>(), *y = gy.as<float>();
			std::vector<float> u(n), v(n);
			for (size_t i = 0; i < n; ++i) {
				u[i] = x[i] = random_float();
				v[i] = y[i] = random_float();
			}
			t->mix(x, y, n, 0.75f, -1.25f);
			for (size_t i = 0; i < n; ++i) {
				const double a = 0.75 * u[i], b = -1.25 * v[i], error = 1e-6 * (std::abs(a) + std::abs(b));
				CHECK(std::abs(x[i] - (a + b)) <= error && std::abs(y[i] - (a - b)) <= error);
			}
		}
}

TEST("sparse distances against dense ones") {
	for (size_t na : {0, 1, 2, 7, 100, 1000})
		for (size_t nb : {0, 1, 3, 50, 1000})
			for (int32_t range : {1000, 1500, 100000}) {
				std::map<int32_t, float> a, b;
				while (a.size() < na)
					a[static_cast<int32_t>(random_bits()() % range)] = random_float();
				while (b.size() < nb)
					b[static_cast<int32_t>(random_bits()() % range)] = random_float();
				std::map<int32_t, std::pair<float, float>> both;
				Guarded ia(na * 4), va(na * 4), ib(nb * 4), vb(nb * 4);
				size_t i = 0, j = 0;
				for (auto [index, value] : a) {
					ia.as<int32_t>()[i] = index;
					va.as<float>()[i++] = value;
					both[index].first = value;
				}
				for (auto [index, value] : b) {
					ib.as<int32_t>()[j] = index;
					vb.as<float>()[j++] = value;
					both[index].second = value;
				}
				Reference r;
				for (auto &[index, pair] : both)
					r.add(pair.first, pair.second);
				auto distance = [&](auto f) {
					return f(ia.as<int32_t>(), va.as<float>(), na, ib.as<int32_t>(), vb.as<float>(), nb);
				};
				CHECK_NEAR(distance(sparse_ip), r.ip, tolerance(0, r.ip_magnitude));
				CHECK_NEAR(distance(sparse_l2sq), r.l2sq, tolerance(0, r.l2sq));
				CHECK_NEAR(distance(sparse_l1), r.l1, tolerance(0, r.l1));
			}
}
