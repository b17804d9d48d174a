// fuzz/halfvec_text_fuzz.cpp - text input of halfvec. 65520 is the least magnitude that rounds to infinity.
#include "dense_text.hpp"
#include "ruvector/types/half.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	fuzz::check_dense_text(data, size, ruvector::types::kHalfOverflow);
	return 0;
}
