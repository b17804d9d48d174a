// fuzz/dense_wire.hpp - binary input of vector and halfvec, as their receive functions read it.
#pragma once

#include "fuzz.hpp"
#include "types/dense_wire.hpp"

namespace fuzz {

// The bytes of one element.
inline void append_element(std::vector<uint8_t> &out, float x) {
	uint32_t bits;
	std::memcpy(&bits, &x, sizeof(bits));
	append_u32(out, bits);
}

inline void append_element(std::vector<uint8_t> &out, uint16_t x) {
	out.push_back(static_cast<uint8_t>(x >> 8));
	out.push_back(static_cast<uint8_t>(x));
}

template <typename Element>
void check_dense_wire(const uint8_t *data, size_t size) {
	using namespace ruvector::types;
	const auto bytes = to_bytes(data, size);
	DenseWireHeader header;
	if (decode_dense_header(bytes.get(), size, &header) != DenseWireError::none) {
		FUZZ_CHECK(size < kDenseHeaderBytes);
		return;
	}
	if (header.dim < 1 || header.dim > 16000 || header.unused != 0)
		return;
	const auto elements = std::make_unique<Element[]>(static_cast<size_t>(header.dim));
	if (decode_dense_elements(bytes.get() + kDenseHeaderBytes, size - kDenseHeaderBytes, header.dim, elements.get()) !=
		DenseWireError::none)
		return;
	std::vector<uint8_t> again;
	append_element(again, static_cast<uint16_t>(header.dim));
	append_element(again, static_cast<uint16_t>(header.unused));
	for (int i = 0; i < header.dim; i++)
		append_element(again, elements[static_cast<size_t>(i)]);
	FUZZ_CHECK(again.size() <= size && std::memcmp(again.data(), bytes.get(), again.size()) == 0);
}

} // namespace fuzz
