// codec/rotation.cpp - the random orthogonal map: signs, Hadamard transforms and a mixing of the halves, four rounds.
#include "ruvector/codec/edge_code.hpp"

#include <cmath>
#include <cstring>

#include "ruvector/simd/kernels.hpp"

namespace ruvector::codec {

namespace {

constexpr uint32_t kRounds = 4;

uint32_t rotated(uint32_t dims) noexcept {
	return (dims + 3) / 4 * 4;
}

size_t round_sign_bytes(uint32_t rotated_dims) noexcept {
	return (rotated_dims + 7) / 8;
}

uint32_t power_of_two_below(uint32_t n) noexcept {
	uint32_t power = 1;
	while (power <= n / 2)
		power *= 2;
	return power;
}

// SplitMix64 (Steele, Lea, Flood 2014): the whole stream is a function of the seed, in integers only.
uint64_t next_random(uint64_t &state) noexcept {
	state += 0x9e3779b97f4a7c15u;
	uint64_t z = state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

} // namespace

size_t rotation_sign_bytes(uint32_t dims) noexcept {
	return kRounds * round_sign_bytes(rotated(dims));
}

void make_rotation_signs(uint32_t dims, uint64_t seed, uint8_t *signs) noexcept {
	size_t bytes = rotation_sign_bytes(dims);
	uint64_t state = seed, random = 0;
	for (size_t i = 0; i < bytes; i++) {
		if (i % 8 == 0)
			random = next_random(state);
		signs[i] = static_cast<uint8_t>(random >> (8 * (i % 8)));
	}
}

void rotate(const Rotation &rotation, const float *x, float *y) noexcept {
	const simd::KernelTable &simd = *simd::kernels;
	const uint32_t d = rotation.rotated_dims;
	const uint32_t n = power_of_two_below(d); // d/2 < n <= d
	const uint32_t half = d / 2;
	const uint32_t rest = d - n; // coordinates that a round's transform leaves out; < half

	std::memcpy(y, x, rotation.dims * sizeof(float));
	for (uint32_t i = rotation.dims; i < d; i++)
		y[i] = 0.0f;

	// The transform is unnormalised: what it has touched is scaled by 1/sqrt(n), here together with the mixing's
	// 1/sqrt(2). Scaling in every round keeps values of any magnitude in range.
	const float touched = static_cast<float>(1.0 / std::sqrt(2.0 * n)), untouched = static_cast<float>(std::sqrt(0.5));
	const uint8_t *signs = rotation.signs;
	for (uint32_t round = 0; round < kRounds; round++, signs += round_sign_bytes(d)) {
		simd.flip_signs(y, signs, d);
		if (rest == 0) { // the transform mixes everything
			simd.hadamard(y, n);
			if (round % 2 == 1) { // two rounds at once: 1/n is a power of two, so this scaling is exact
				const float scale = 1.0f / static_cast<float>(n);
				for (uint32_t i = 0; i < d; i += 4)
					for (uint32_t k = 0; k < 4; k++)
						y[i + k] *= scale;
			}
		} else if (round % 2 == 0) {
			simd.hadamard(y, n);
			simd.mix(y, y + half, half - rest, touched, touched);
			simd.mix(y + half - rest, y + d - rest, rest, touched, untouched);
		} else {
			simd.hadamard(y + rest, n);
			simd.mix(y, y + half, rest, untouched, touched);
			simd.mix(y + rest, y + half + rest, half - rest, touched, touched);
		}
	}
}

// The steps of rotate in the opposite order; each is its own inverse.
void unrotate(const Rotation &rotation, float *y) noexcept {
	const simd::KernelTable &simd = *simd::kernels;
	const uint32_t d = rotation.rotated_dims, n = power_of_two_below(d), half = d / 2, rest = d - n;
	const float root = static_cast<float>(std::sqrt(0.5)), scale = static_cast<float>(1.0 / std::sqrt(double(n)));
	for (uint32_t round = kRounds; round-- > 0;) {
		if (rest > 0)
			simd.mix(y, y + half, half, root, root);
		float *transformed = round % 2 == 0 ? y : y + rest;
		simd.hadamard(transformed, n);
		for (uint32_t i = 0; i < n; i++)
			transformed[i] *= scale;
		simd.flip_signs(y, rotation.signs + round * round_sign_bytes(d), d);
	}
}

} // namespace ruvector::codec
