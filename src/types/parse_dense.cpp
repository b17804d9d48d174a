// types/parse_dense.cpp - see the header.
#include "types/parse_dense.hpp"

#include <cmath>
#include <cstring>

#include "types/parse_number.hpp"

namespace ruvector::types {

namespace {

const char *skip_spaces(const char *p) noexcept {
	while (is_space(*p))
		p++;
	return p;
}

} // namespace

int dense_capacity(const char *text, int max_dim) noexcept {
	int capacity = 1;
	while (capacity < max_dim && (text = std::strchr(text, ',')) != nullptr) {
		capacity++;
		text++;
	}
	return capacity;
}

DenseText parse_dense(const char *text, float *out, int capacity, float overflow) noexcept {
	int dim = 0;
	auto result = [&](DenseError error, const char *from, const char *to) {
		return DenseText{error, static_cast<size_t>(from - text), static_cast<size_t>(to - text), dim};
	};

	const char *p = skip_spaces(text);
	if (*p != '[')
		return result(DenseError::no_bracket, p, p);
	p = skip_spaces(p + 1);
	if (*p == ']')
		return result(DenseError::empty, p, p);

	const char *text_end = p + std::strlen(p);
	for (;;) {
		// Before looking at the number: a text with too many elements is refused as such even if it is cut short.
		if (dim == capacity)
			return result(DenseError::too_many, p, p);
		p = skip_spaces(p);
		const Number number = parse_number(p, text_end);
		if (number.end == p)
			return result(DenseError::syntax, p, p);
		if (number.out_of_range || (std::isfinite(number.value) && std::fabs(number.value) >= overflow))
			return result(DenseError::out_of_range, p, number.end);
		if (std::isnan(number.value))
			return result(DenseError::nan, p, number.end);
		if (std::isinf(number.value))
			return result(DenseError::infinite, p, number.end);
		out[dim++] = number.value;

		p = skip_spaces(number.end);
		if (*p == ']')
			break;
		if (*p != ',')
			return result(DenseError::syntax, p, p);
		p++;
	}

	p = skip_spaces(p + 1);
	if (*p != '\0')
		return result(DenseError::junk, p, text_end);
	return result(DenseError::none, p, p);
}

} // namespace ruvector::types
