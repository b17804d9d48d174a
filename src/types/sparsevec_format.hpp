// types/sparsevec_format.hpp - the text and the wire format of sparsevec, read by pure functions.
//
// No PostgreSQL here, so that the fuzzers can link it. Nothing allocates or throws; faults are values, and the caller
// (sparsevec_io.cpp) gives each its message.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ruvector::types {

enum class SparseFault {
	none,
	too_many_elements, // more than the capacity
	must_start,        // does not start with "{"
	syntax,
	unexpected_end, // no "/" after "}"
	junk,           // something after the dimensions
	out_of_range,   // a number that no float holds: see token
	nan,
	infinite,
	zero, // in the wire format only
	too_few_dims,
	too_many_dims,
	negative_nnz,
	more_than_dims, // more elements than dimensions
	index_bounds,
	index_order,
	index_duplicate,
	short_data,
};

struct SparseElement {
	int32_t index; // 0-based
	float value;
};

struct SparseText {
	SparseFault fault;
	int32_t dim; // as written, limited to the range of int32_t: the caller checks it
	int32_t nnz;
	const char *token; // the number of an out_of_range
	size_t token_length;
};

struct SparseHeader {
	int32_t dim;
	int32_t nnz;
	int32_t unused;
};

constexpr size_t kSparseHeaderBytes = 12;
constexpr int32_t kSparseMaxDim = 1000000000;
constexpr int32_t kSparseMaxNnz = 16000;

SparseFault check_sparse_dim(int32_t dim) noexcept;
SparseFault check_sparse_nnz(int32_t nnz, int32_t dim) noexcept;

// Upper limit of the number of elements in a text: its commas, plus one.
size_t count_sparse_elements(const char *text) noexcept;

// Reads a text into `elements` (room for count_sparse_elements) in the order written; zeros are left out.
// Indices are not checked: see sort_sparse_elements and check_sparse_indices.
SparseText parse_sparse_text(const char *text, SparseElement *elements) noexcept;

// Sorts by index.
void sort_sparse_elements(SparseElement *elements, size_t n) noexcept;

// The i-th of ascending indices: inside the dimensions, greater than the one before.
SparseFault check_sparse_index(const int32_t *indices, int32_t i, int32_t dim) noexcept;

// Reads the three numbers at the start of a wire value.
SparseFault decode_sparse_header(const uint8_t *bytes, size_t length, SparseHeader *header) noexcept;

// Reads what follows the header, header.nnz indices and values; the caller has checked the header. *used: bytes read.
SparseFault decode_sparse_body(const uint8_t *bytes, size_t length, const SparseHeader &header, int32_t *indices,
							   float *values, size_t *used) noexcept;

} // namespace ruvector::types
