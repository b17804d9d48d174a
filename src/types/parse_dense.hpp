// types/parse_dense.hpp - the text form of vector and halfvec, "[1, 2.5, 3]". Pure: no PostgreSQL.
#pragma once

#include <cstddef>

namespace ruvector::types {

enum class DenseError {
	none,
	no_bracket, // does not start with "["
	empty,      // no elements
	too_many,   // more than `capacity` elements
	syntax,
	out_of_range, // a number too large for the element type; `position` to `end` is its text
	nan,
	infinite,
	junk, // something after the closing bracket
};

struct DenseText {
	DenseError error;
	size_t position; // where the error was found, in bytes
	size_t end;      // one past what is wrong
	int dim;         // elements written to `out`
};

// An upper bound of the number of elements, at least 1 and at most max_dim: what `capacity` has to be.
int dense_capacity(const char *text, int max_dim) noexcept;

// Reads a zero-terminated text into out[0..capacity). Magnitudes of `overflow` and above are out of range (pass
// infinity for float elements).
DenseText parse_dense(const char *text, float *out, int capacity, float overflow) noexcept;

} // namespace ruvector::types
