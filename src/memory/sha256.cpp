// memory/sha256.cpp - SHA-256 (FIPS 180-4). Hashes of hashes need no OpenSSL, and the pure rooms have no PostgreSQL.
#include "ruvector/memory/sha256.hpp"

#include <algorithm>
#include <cstring>

namespace ruvector::memory {

namespace {

constexpr uint32_t kRound[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr uint32_t rotate(uint32_t x, int n) noexcept {
	return x >> n | x << (32 - n);
}

uint32_t load(const uint8_t *p) noexcept {
	return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
}

void store(uint8_t *p, uint32_t x) noexcept {
	for (int i = 0; i < 4; ++i)
		p[i] = static_cast<uint8_t>(x >> (24 - 8 * i));
}

} // namespace

Sha256::Sha256() noexcept
	: state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

void Sha256::compress(const uint8_t *block) noexcept {
	uint32_t w[64];
	for (int i = 0; i < 16; ++i)
		w[i] = load(block + 4 * i);
	for (int i = 16; i < 64; ++i) {
		const uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
		const uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	auto [a, b, c, d, e, f, g, h] = state_;
	for (int i = 0; i < 64; ++i) {
		const uint32_t t1 =
			h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + kRound[i] + w[i];
		const uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
		h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
	}
	const uint32_t add[8] = {a, b, c, d, e, f, g, h};
	for (size_t i = 0; i < 8; ++i)
		state_[i] += add[i];
}

Sha256 &Sha256::update(const void *data, size_t size) noexcept {
	auto *bytes = static_cast<const uint8_t *>(data);
	while (size > 0) {
		const size_t used = length_ % 64, take = std::min(size, 64 - used);
		if (take == 64) {
			compress(bytes);
		} else {
			std::memcpy(block_ + used, bytes, take);
			if (used + take == 64)
				compress(block_);
		}
		bytes += take;
		size -= take;
		length_ += take;
	}
	return *this;
}

Digest Sha256::finish() noexcept {
	const uint64_t bits = length_ * 8;
	static constexpr uint8_t padding[64] = {0x80};
	update(padding, (length_ % 64 < 56 ? 56 : 120) - length_ % 64);
	uint8_t length[8];
	store(length, static_cast<uint32_t>(bits >> 32));
	store(length + 4, static_cast<uint32_t>(bits));
	update(length, sizeof length);
	Digest hash;
	for (size_t i = 0; i < 8; ++i)
		store(hash.data() + 4 * i, state_[i]);
	return hash;
}

} // namespace ruvector::memory
