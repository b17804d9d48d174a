// simd/kernels.hpp - distance kernels, one table per instruction set, chosen once when the library is loaded.
//
// Every kernel is noexcept, allocates nothing, takes unaligned pointers and any length, and reads nothing past it.
// f16 is IEEE binary16 as a bit pattern in uint16_t. Sums are accumulated in single precision with several accumulators
// (the error grows with sqrt(n)); different levels may differ in the last bits. Levels: see Level.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ruvector::simd {

enum class Level : int { scalar = 0, sse2, neon, avx2, avx512, avx512vnni };

// The three sums that a cosine needs, in one pass.
struct CosineSums {
	float ip; // sum of a*b
	float aa; // sum of a*a
	float bb; // sum of b*b
};

struct KernelTable {
	Level level;
	const char *name; // "scalar", "sse2", "neon", "avx2", "avx512", "avx512vnni"

	// f32: squared euclidean distance, inner product, sum of absolute differences, cosine sums; n elements.
	float (*l2sq_f32)(const float *a, const float *b, size_t n) noexcept;
	float (*ip_f32)(const float *a, const float *b, size_t n) noexcept;
	float (*l1_f32)(const float *a, const float *b, size_t n) noexcept;
	CosineSums (*cosine_f32)(const float *a, const float *b, size_t n) noexcept;

	// The same for f16; accumulated in f32.
	float (*l2sq_f16)(const uint16_t *a, const uint16_t *b, size_t n) noexcept;
	float (*ip_f16)(const uint16_t *a, const uint16_t *b, size_t n) noexcept;
	float (*l1_f16)(const uint16_t *a, const uint16_t *b, size_t n) noexcept;
	CosineSums (*cosine_f16)(const uint16_t *a, const uint16_t *b, size_t n) noexcept;

	// Conversions, round to nearest even; infinities and NaN as IEEE says (a caller that forbids them checks).
	void (*f16_to_f32)(const uint16_t *in, float *out, size_t n) noexcept;
	void (*f32_to_f16)(const float *in, uint16_t *out, size_t n) noexcept;

	// Bits; n bytes. hamming: differing bits. jaccard: *common = bits set in both, *any = bits set in either.
	uint64_t (*hamming)(const uint8_t *a, const uint8_t *b, size_t n) noexcept;
	void (*jaccard)(const uint8_t *a, const uint8_t *b, size_t n, uint64_t *common, uint64_t *any) noexcept;

	// FastScan (Andre et al., arXiv 1812.09162): sums 4-bit table look-ups for up to 32 lanes at once.
	// codes: `rows` rows of `row_bytes` (1 to 16) bytes, row r at codes + r * row_bytes; byte k holds the code of lane
	// k in its low nibble and of lane k + 16 in its high nibble. lut: 16 bytes per row. out[lane] = sum over rows of
	// lut[r][code]; lanes k and k + 16 with k >= row_bytes are written with unspecified values.
	// May read up to 16 bytes at the start of the last row, that is 16 - row_bytes bytes past the codes.
	void (*fastscan)(const uint8_t *codes, size_t rows, size_t row_bytes, const uint8_t *lut, uint32_t *out) noexcept;

	// Inner product of bytes, exact; n up to 65536.
	uint32_t (*dot_u8)(const uint8_t *a, const uint8_t *b, size_t n) noexcept;
	// Sum of the integers at which x has its bits set. Integer i is in two's complement, its bit p is bit i of plane p,
	// the n bytes at planes + p * n; the last of the `count` planes (1 to 8) is the sign. n up to 8192.
	int32_t (*plane_dot)(const uint8_t *x, const uint8_t *planes, size_t count, size_t n) noexcept;

	// In-place unnormalised fast Walsh-Hadamard transform; n is a power of two from 1 to 16384.
	void (*hadamard)(float *x, size_t n) noexcept;
	// x[i] *= sign(i), where bit i of `signs` (little endian in bytes) set means -1.
	void (*flip_signs)(float *x, const uint8_t *signs, size_t n) noexcept;
	// (x, y) becomes (a * x + b * y, a * x - b * y), element by element; x and y do not overlap.
	void (*mix)(float *x, float *y, size_t n, float a, float b) noexcept;
};

// The table in use. Set once at load time to the best level the processor and the operating system support.
extern const KernelTable *kernels;

// The table of a level, or nullptr where this build or this machine does not have it.
const KernelTable *table(Level level) noexcept;
// The best available level.
Level best_level() noexcept;
// Makes `level`, or the best available one below it, the one in use.
void use_level(Level level) noexcept;
const char *level_name(Level level) noexcept;

// Sparse vectors: indices ascending without duplicates; merges, so not in the table.
float sparse_ip(const int32_t *ia, const float *va, size_t na, const int32_t *ib, const float *vb, size_t nb) noexcept;
float sparse_l2sq(const int32_t *ia, const float *va, size_t na, const int32_t *ib, const float *vb,
				  size_t nb) noexcept;
float sparse_l1(const int32_t *ia, const float *va, size_t na, const int32_t *ib, const float *vb, size_t nb) noexcept;

} // namespace ruvector::simd
