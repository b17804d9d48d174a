// fuzz/sparsevec_text_fuzz.cpp - text input of sparsevec: what is read can be written and read again.
#include <cmath>

#include "fuzz.hpp"
#include "types/sparsevec_format.hpp"

using namespace ruvector::types;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	const auto text = fuzz::to_text(data, size);
	const size_t capacity = count_sparse_elements(text.get());
	const auto elements = std::make_unique<SparseElement[]>(capacity);
	const SparseText parsed = parse_sparse_text(text.get(), elements.get());
	FUZZ_CHECK(parsed.nnz >= 0 && static_cast<size_t>(parsed.nnz) <= capacity);
	if (parsed.fault == SparseFault::out_of_range) {
		FUZZ_CHECK(parsed.token >= text.get() && parsed.token_length > 0);
		FUZZ_CHECK(parsed.token + parsed.token_length <= text.get() + std::strlen(text.get()));
	}
	if (parsed.fault != SparseFault::none)
		return 0;

	const auto nnz = static_cast<size_t>(parsed.nnz);
	sort_sparse_elements(elements.get(), nnz);
	std::vector<int32_t> indices(nnz);
	std::string again = "{";
	for (size_t i = 0; i < nnz; i++) {
		const SparseElement &e = elements[i];
		FUZZ_CHECK(std::isfinite(e.value) && e.value != 0.0f);
		FUZZ_CHECK(i == 0 || elements[i - 1].index <= e.index);
		indices[i] = e.index;
		if (check_sparse_index(indices.data(), static_cast<int32_t>(i), parsed.dim) != SparseFault::none)
			return 0;
		again += (i ? "," : "") + std::to_string(static_cast<int64_t>(e.index) + 1) + ":" + fuzz::to_string(e.value);
	}
	again += "}/" + std::to_string(parsed.dim);
	const auto copies = std::make_unique<SparseElement[]>(count_sparse_elements(again.c_str()));
	const SparseText second = parse_sparse_text(again.c_str(), copies.get());
	FUZZ_CHECK(second.fault == SparseFault::none && second.nnz == parsed.nnz && second.dim == parsed.dim);
	for (size_t i = 0; i < nnz; i++)
		FUZZ_CHECK(elements[i].index == copies[i].index && fuzz::same_bits(elements[i].value, copies[i].value));
	return 0;
}
