// types/dense_wire.hpp - reads the wire format of vector and halfvec. Pure: no PostgreSQL, no allocation, no exception.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ruvector/types/half.hpp"

namespace ruvector::types {

enum class DenseWireError { none, short_data, nan, infinite };

struct DenseWireHeader {
	int16_t dim;
	int16_t unused;
};

constexpr size_t kDenseHeaderBytes = 4;

inline uint16_t read_wire_u16(const uint8_t *p) noexcept {
	return static_cast<uint16_t>(p[0] << 8 | p[1]);
}

inline uint32_t read_wire_u32(const uint8_t *p) noexcept {
	return static_cast<uint32_t>(read_wire_u16(p)) << 16 | read_wire_u16(p + 2);
}

inline DenseWireError decode_dense_header(const uint8_t *bytes, size_t length, DenseWireHeader *header) noexcept {
	if (length < kDenseHeaderBytes)
		return DenseWireError::short_data;
	header->dim = static_cast<int16_t>(read_wire_u16(bytes));
	header->unused = static_cast<int16_t>(read_wire_u16(bytes + 2));
	return DenseWireError::none;
}

// One element.
inline DenseWireError decode_dense_element(const uint8_t *p, float *out) noexcept {
	const uint32_t bits = read_wire_u32(p);
	std::memcpy(out, &bits, sizeof(bits));
	if (std::isnan(*out))
		return DenseWireError::nan;
	return std::isinf(*out) ? DenseWireError::infinite : DenseWireError::none;
}

inline DenseWireError decode_dense_element(const uint8_t *p, uint16_t *out) noexcept {
	*out = read_wire_u16(p);
	if (half_is_nan(*out))
		return DenseWireError::nan;
	return half_is_inf(*out) ? DenseWireError::infinite : DenseWireError::none;
}

// `dim` elements, float or half, of the bytes after the header; stops at the first that is wrong.
template <typename Element>
inline DenseWireError decode_dense_elements(const uint8_t *bytes, size_t length, int dim, Element *out) noexcept {
	size_t left = length / sizeof(Element);
	for (int i = 0; i < dim; i++) {
		if (left-- == 0)
			return DenseWireError::short_data;
		const DenseWireError error = decode_dense_element(bytes + static_cast<size_t>(i) * sizeof(Element), &out[i]);
		if (error != DenseWireError::none)
			return error;
	}
	return DenseWireError::none;
}

} // namespace ruvector::types
