// fuzz/halfvec_wire_fuzz.cpp - binary input of halfvec; what is read is written back to the same bytes.
#include "dense_wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	fuzz::check_dense_wire<uint16_t>(data, size);
	return 0;
}
