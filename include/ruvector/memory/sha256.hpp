// memory/sha256.hpp - SHA-256 (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ruvector::memory {

using Digest = std::array<uint8_t, 32>;

class Sha256 {
public:
	Sha256() noexcept;
	Sha256 &update(const void *data, size_t size) noexcept;
	// The object must not be used afterwards.
	Digest finish() noexcept;

private:
	void compress(const uint8_t *block) noexcept;

	std::array<uint32_t, 8> state_;
	uint64_t length_ = 0; // bytes
	uint8_t block_[64];
};

} // namespace ruvector::memory
