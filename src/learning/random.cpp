// learning/random.cpp - Philox4x32-10.
#include "ruvector/learning/random.hpp"

#include <cmath>

namespace ruvector::learning {

void Random::philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
	uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
	for (int round = 0; round < 10; round++) {
		uint64_t a = uint64_t(0xD2511F53) * c[0], b = uint64_t(0xCD9E8D57) * c[2];
		uint32_t next[4] = {uint32_t(b >> 32) ^ c[1] ^ k[0], uint32_t(b), uint32_t(a >> 32) ^ c[3] ^ k[1], uint32_t(a)};
		for (int i = 0; i < 4; i++)
			c[i] = next[i];
		k[0] += 0x9E3779B9;
		k[1] += 0xBB67AE85;
	}
	for (int i = 0; i < 4; i++)
		out[i] = c[i];
}

uint32_t Random::bits() {
	if (left_ == 0) {
		uint32_t counter[4] = {uint32_t(position_), uint32_t(position_ >> 32), uint32_t(stream_),
							   uint32_t(stream_ >> 32)};
		uint32_t key[2] = {uint32_t(seed_), uint32_t(seed_ >> 32)};
		philox(counter, key, block_);
		position_++;
		left_ = 4;
	}
	return block_[--left_];
}

double Random::normal() {
	double radius = std::sqrt(-2 * std::log(1 - uniform()));
	return radius * std::cos(6.283185307179586 * uniform());
}

} // namespace ruvector::learning
