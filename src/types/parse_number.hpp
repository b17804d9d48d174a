// types/parse_number.hpp - reads one number of a text value. Pure: no PostgreSQL, no allocation, no exception.
#pragma once

#include <charconv>
#include <cerrno>
#include <cmath>
#include <cstdlib>

namespace ruvector::types {

struct Number {
	float value;       // nearest even; a subnormal or signed zero where it is small; NaN and infinity if spelt out
	const char *end;   // one past the number; the start of the text where there is no number
	bool out_of_range; // too large for a float; value is an infinity
};

// The spaces that may stand around a number, the same in every locale.
inline bool is_space(char c) noexcept {
	return c == ' ' || (c >= '\t' && c <= '\r');
}

// Accepts what C's strtof accepts in the C locale. `text_end` points to the terminating zero of the text.
inline Number parse_number(const char *text, const char *text_end) noexcept {
	Number number{0.0f, text, false};
#if defined(__cpp_lib_to_chars)
	// from_chars is several times faster than strtof; the latter takes over for hexadecimal, NaN, infinity, the ends of
	// the range, and where there is no number at all.
	const bool negative = *text == '-';
	const char *digits = text + (negative || *text == '+' ? 1 : 0);
	const bool hexadecimal = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	if (((*digits >= '0' && *digits <= '9') || *digits == '.') && !hexadecimal) {
		const std::from_chars_result result = std::from_chars(digits, text_end, number.value);
		if (result.ec == std::errc() && std::isfinite(number.value)) {
			number.value = negative ? -number.value : number.value;
			number.end = result.ptr;
			return number;
		}
	}
#else
	(void)text_end;
#endif
	// The server keeps LC_NUMERIC at "C".
	char *end;
	errno = 0;
	number.value = std::strtof(text, &end);
	number.end = end;
	number.out_of_range = errno == ERANGE && std::isinf(number.value);
	return number;
}

} // namespace ruvector::types
