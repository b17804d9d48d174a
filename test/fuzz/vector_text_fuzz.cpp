// fuzz/vector_text_fuzz.cpp - text input of vector.
#include <limits>

#include "dense_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	fuzz::check_dense_text(data, size, std::numeric_limits<float>::infinity());
	return 0;
}
