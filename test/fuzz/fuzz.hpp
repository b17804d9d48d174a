// fuzz/fuzz.hpp - what the fuzz targets share. A target is one file that defines LLVMFuzzerTestOneInput.
//
// Inputs are copied to blocks of exactly their size, so that the address sanitizer sees every read past the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#define FUZZ_CHECK(condition)                                                                                          \
	do {                                                                                                               \
		if (!(condition)) {                                                                                            \
			std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                       \
			std::abort();                                                                                              \
		}                                                                                                              \
	} while (0)

namespace fuzz {

// The text up to the first NUL, as a cstring argument would be.
inline std::unique_ptr<char[]> to_text(const uint8_t *data, size_t size) {
	const size_t length = size ? strnlen(reinterpret_cast<const char *>(data), size) : 0;
	auto text = std::make_unique<char[]>(length + 1);
	if (length)
		std::memcpy(text.get(), data, length);
	text[length] = '\0';
	return text;
}

inline std::unique_ptr<uint8_t[]> to_bytes(const uint8_t *data, size_t size) {
	auto bytes = std::make_unique<uint8_t[]>(size);
	if (size)
		std::memcpy(bytes.get(), data, size);
	return bytes;
}

// Enough digits to read the same float back.
inline std::string to_string(float value) {
	char buffer[32];
	std::snprintf(buffer, sizeof(buffer), "%.9g", static_cast<double>(value));
	return buffer;
}

inline void append_u32(std::vector<uint8_t> &out, uint32_t n) {
	for (int shift = 24; shift >= 0; shift -= 8)
		out.push_back(static_cast<uint8_t>(n >> shift));
}

inline bool same_bits(float a, float b) {
	return std::memcmp(&a, &b, sizeof(a)) == 0;
}

} // namespace fuzz
