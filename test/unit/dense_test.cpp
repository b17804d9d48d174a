// test/unit/dense_test.cpp - half precision and the text form of vector and halfvec, without a server.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "ruvector/simd/kernels.hpp"
#include "ruvector/types/half.hpp"
#include "types/parse_dense.cpp"

using namespace ruvector::types;

namespace {

DenseText parse(const std::string &text, std::vector<float> &out, float overflow = INFINITY, int max_dim = 16000) {
	out.assign(static_cast<size_t>(dense_capacity(text.c_str(), max_dim)), -1.0f);
	return parse_dense(text.c_str(), out.data(), static_cast<int>(out.size()), overflow);
}

DenseError error_of(const std::string &text, float overflow = INFINITY) {
	std::vector<float> out;
	return parse(text, out, overflow).error;
}

uint32_t bits_of(float f) {
	uint32_t bits;
	std::memcpy(&bits, &f, sizeof(bits));
	return bits;
}

} // namespace

TEST("every half goes to float and back") {
	for (uint32_t h = 0; h < 65536; h++) {
		const float f = half_to_float(static_cast<uint16_t>(h));
		CHECK(half_is_nan(static_cast<uint16_t>(h)) == std::isnan(f));
		if (!std::isnan(f))
			CHECK(float_to_half(f) == h);
	}
}

TEST("float to half rounds to nearest even") {
	// Between two neighbouring halves: below, at and above the middle.
	for (uint32_t h = 0; h < 0x7BFF; h++) {
		const float low = half_to_float(static_cast<uint16_t>(h));
		const float high = half_to_float(static_cast<uint16_t>(h + 1));
		const float middle = (low + high) / 2; // exact
		CHECK(float_to_half(std::nextafterf(middle, low)) == h);
		CHECK(float_to_half(std::nextafterf(middle, high)) == h + 1);
		CHECK(float_to_half(middle) == (h % 2 == 0 ? h : h + 1));
		CHECK(float_to_half(-middle) == (0x8000 | (h % 2 == 0 ? h : h + 1)));
	}
	CHECK(float_to_half(std::nextafterf(kHalfOverflow, 0)) == 0x7BFF);
	CHECK(float_to_half(kHalfOverflow) == 0x7C00);
	CHECK(float_to_half(-INFINITY) == 0xFC00);
	CHECK(half_is_nan(float_to_half(NAN)));
}

TEST("single conversions agree with the kernels") {
	std::mt19937 random(1);
	for (int round = 0; round < 1000; round++) {
		float in[37];
		uint16_t half[37];
		float back[37];
		for (float &f : in) {
			const uint32_t bits = random();
			std::memcpy(&f, &bits, sizeof(f));
			if (std::isnan(f))
				f = 0;
		}
		ruvector::simd::kernels->f32_to_f16(in, half, 37);
		ruvector::simd::kernels->f16_to_f32(half, back, 37);
		for (int i = 0; i < 37; i++) {
			CHECK(half[i] == float_to_half(in[i]));
			CHECK(bits_of(back[i]) == bits_of(half_to_float(half[i])));
		}
	}
}

TEST("numbers are read as strtof reads them") {
	std::mt19937 random(2);
	const char alphabet[] = "0123456789012345678901234567890123456789.eE+-xXpnaif()";
	for (int round = 0; round < 300000; round++) {
		char text[40];
		const int length = 1 + static_cast<int>(random() % 12);
		for (int i = 0; i < length; i++)
			text[i] = alphabet[random() % (sizeof(alphabet) - 1)];
		text[length] = '\0';
		char *end;
		errno = 0;
		const float expected = std::strtof(text, &end);
		const bool too_large = errno == ERANGE && std::isinf(expected);
		const Number number = parse_number(text, text + length);
		CHECK(number.end == end);
		if (end != text && !std::isnan(expected))
			CHECK(bits_of(number.value) == bits_of(expected));
		CHECK(number.out_of_range == too_large);
	}
	for (int round = 0; round < 300000; round++) {
		const uint32_t bits = random();
		float f;
		std::memcpy(&f, &bits, sizeof(f));
		if (!std::isfinite(f))
			continue;
		char text[64];
		const int length =
			std::snprintf(text, sizeof(text), "%.*e", static_cast<int>(random() % 30), static_cast<double>(f));
		const Number number = parse_number(text, text + length);
		CHECK(number.end == text + length);
		CHECK(bits_of(number.value) == bits_of(std::strtof(text, nullptr)));
	}
}

TEST("texts of vectors") {
	std::vector<float> out;
	DenseText parsed = parse(" [ 1,\t-2.5 ,3e2]\n", out);
	CHECK(parsed.error == DenseError::none && parsed.dim == 3);
	CHECK(out[0] == 1.0f && out[1] == -2.5f && out[2] == 300.0f);

	CHECK(error_of("") == DenseError::no_bracket);
	CHECK(error_of("1") == DenseError::no_bracket);
	CHECK(error_of("[]") == DenseError::empty);
	CHECK(error_of("[ ]junk") == DenseError::empty);
	CHECK(error_of("[") == DenseError::syntax);
	CHECK(error_of("[1,") == DenseError::syntax);
	CHECK(error_of("[1 2]") == DenseError::syntax);
	CHECK(error_of("[1]]") == DenseError::junk);
	CHECK(error_of("[nan") == DenseError::nan);
	CHECK(error_of("[-inf]") == DenseError::infinite);
	CHECK(error_of("[4e38]") == DenseError::out_of_range);
	CHECK(error_of("[65519.99]", kHalfOverflow) == DenseError::none);
	CHECK(error_of("[-65520]", kHalfOverflow) == DenseError::out_of_range);

	parsed = parse("[1, 1e99x", out);
	CHECK(parsed.error == DenseError::out_of_range && parsed.position == 4 && parsed.end == 8 && parsed.dim == 1);
	parsed = parse("[1,2,3,", out, INFINITY, 3);
	CHECK(parsed.error == DenseError::too_many && parsed.dim == 3);
	parsed = parse("[1,2,3]", out, INFINITY, 3);
	CHECK(parsed.error == DenseError::none && parsed.dim == 3);
}
