// fuzz/dense_text.hpp - the text format of vector and halfvec: what is read can be written and read again.
#pragma once

#include <cmath>

#include "fuzz.hpp"
#include "types/parse_dense.hpp"

namespace fuzz {

constexpr int kMaxDim = 16000;

inline void check_dense_text(const uint8_t *data, size_t size, float overflow) {
	using namespace ruvector::types;
	const auto text = to_text(data, size);
	const int capacity = dense_capacity(text.get(), kMaxDim);
	FUZZ_CHECK(capacity >= 1 && capacity <= kMaxDim);
	const auto values = std::make_unique<float[]>(static_cast<size_t>(capacity));
	const DenseText parsed = parse_dense(text.get(), values.get(), capacity, overflow);
	FUZZ_CHECK(parsed.position <= std::strlen(text.get()) && parsed.end <= std::strlen(text.get()));
	FUZZ_CHECK(parsed.position <= parsed.end);
	FUZZ_CHECK(parsed.dim >= 0 && parsed.dim <= capacity);
	if (parsed.error != DenseError::none)
		return;

	FUZZ_CHECK(parsed.dim >= 1);
	std::string again;
	for (int i = 0; i < parsed.dim; i++) {
		FUZZ_CHECK(std::isfinite(values[static_cast<size_t>(i)]));
		FUZZ_CHECK(std::fabs(values[static_cast<size_t>(i)]) < overflow);
		again += (i ? "," : "[") + to_string(values[static_cast<size_t>(i)]);
	}
	again += "]";
	const auto copies = std::make_unique<float[]>(static_cast<size_t>(parsed.dim));
	const DenseText second = parse_dense(again.c_str(), copies.get(), parsed.dim, overflow);
	FUZZ_CHECK(second.error == DenseError::none && second.dim == parsed.dim);
	for (int i = 0; i < parsed.dim; i++)
		FUZZ_CHECK(same_bits(values[static_cast<size_t>(i)], copies[static_cast<size_t>(i)]));
}

} // namespace fuzz
