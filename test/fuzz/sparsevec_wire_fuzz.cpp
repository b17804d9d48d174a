// fuzz/sparsevec_wire_fuzz.cpp - binary input of sparsevec, as its receive function reads it; what is read is written
// back to the same bytes.
#include <cmath>

#include "fuzz.hpp"
#include "types/sparsevec_format.hpp"

using namespace ruvector::types;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	const auto bytes = fuzz::to_bytes(data, size);
	SparseHeader header;
	if (decode_sparse_header(bytes.get(), size, &header) != SparseFault::none) {
		FUZZ_CHECK(size < kSparseHeaderBytes);
		return 0;
	}
	if (check_sparse_dim(header.dim) != SparseFault::none ||
		check_sparse_nnz(header.nnz, header.dim) != SparseFault::none || header.unused != 0)
		return 0;
	const auto nnz = static_cast<size_t>(header.nnz);
	const auto indices = std::make_unique<int32_t[]>(nnz);
	const auto values = std::make_unique<float[]>(nnz);
	size_t used = 0;
	const SparseFault fault = decode_sparse_body(bytes.get() + kSparseHeaderBytes, size - kSparseHeaderBytes, header,
												 indices.get(), values.get(), &used);
	if (fault != SparseFault::none)
		return 0;

	FUZZ_CHECK(used == nnz * 8 && used <= size - kSparseHeaderBytes);
	std::vector<uint8_t> again;
	fuzz::append_u32(again, static_cast<uint32_t>(header.dim));
	fuzz::append_u32(again, static_cast<uint32_t>(header.nnz));
	fuzz::append_u32(again, static_cast<uint32_t>(header.unused));
	for (size_t i = 0; i < nnz; i++) {
		FUZZ_CHECK(indices[i] >= 0 && indices[i] < header.dim && (i == 0 || indices[i - 1] < indices[i]));
		fuzz::append_u32(again, static_cast<uint32_t>(indices[i]));
	}
	for (size_t i = 0; i < nnz; i++) {
		FUZZ_CHECK(std::isfinite(values[i]) && values[i] != 0.0f);
		uint32_t bits;
		std::memcpy(&bits, &values[i], sizeof(bits));
		fuzz::append_u32(again, bits);
	}
	FUZZ_CHECK(std::memcmp(again.data(), bytes.get(), again.size()) == 0);
	return 0;
}
