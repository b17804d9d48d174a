// types/sparsevec_format.cpp - see sparsevec_format.hpp.
#include "types/sparsevec_format.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace ruvector::types {

namespace {

// Of ASCII only: isspace() depends on the locale.
bool is_space(char c) noexcept {
	return c == ' ' || (c >= '\t' && c <= '\r');
}

// A place in a text that ends with NUL.
class Cursor {
public:
	explicit Cursor(const char *at) noexcept : at_(at) {}

	const char *at() const noexcept { return at_; }
	bool at_end() const noexcept { return *at_ == '\0'; }

	void skip_spaces() noexcept {
		while (is_space(*at_))
			at_++;
	}

	// After spaces: takes `c` if it is next.
	bool take(char c) noexcept {
		skip_spaces();
		if (*at_ != c)
			return false;
		at_++;
		return true;
	}

	// After spaces: a decimal integer, limited to [low, INT32_MAX].
	bool take_integer(int32_t low, int32_t *value) noexcept {
		skip_spaces();
		char *end;
		const long long n = std::strtoll(at_, &end, 10); // limits itself where it overflows
		if (end == at_)
			return false;
		*value = static_cast<int32_t>(std::clamp<long long>(n, low, INT32_MAX));
		at_ = end;
		return true;
	}

	// After spaces: a number as strtof reads it; the server keeps LC_NUMERIC at C.
	SparseFault take_float(float *value, const char **token) noexcept {
		skip_spaces();
		char *end;
		*token = at_;
		errno = 0;
		*value = std::strtof(at_, &end);
		if (end == at_)
			return SparseFault::syntax;
		at_ = end;
		// Subnormal results set ERANGE too, and are welcome.
		if (errno == ERANGE && (*value == 0.0f || std::isinf(*value)))
			return SparseFault::out_of_range;
		if (std::isnan(*value))
			return SparseFault::nan;
		if (std::isinf(*value))
			return SparseFault::infinite;
		return SparseFault::none;
	}

private:
	const char *at_;
};

// The elements after "{", up to and with "}".
SparseFault parse_elements(Cursor &in, SparseElement *elements, SparseText *out) noexcept {
	if (in.take('}'))
		return SparseFault::none;
	do {
		SparseElement e;
		// INT32_MIN + 1, so that the 0-based index does not overflow.
		if (!in.take_integer(INT32_MIN + 1, &e.index) || !in.take(':'))
			return SparseFault::syntax;
		e.index--;
		const SparseFault fault = in.take_float(&e.value, &out->token);
		if (fault != SparseFault::none) {
			out->token_length = static_cast<size_t>(in.at() - out->token);
			return fault;
		}
		if (e.value != 0.0f)
			elements[out->nnz++] = e;
	} while (in.take(','));
	return in.take('}') ? SparseFault::none : SparseFault::syntax;
}

SparseFault parse_all(Cursor &in, SparseElement *elements, SparseText *out) noexcept {
	if (!in.take('{'))
		return SparseFault::must_start;
	const SparseFault fault = parse_elements(in, elements, out);
	if (fault != SparseFault::none)
		return fault;
	if (!in.take('/'))
		return SparseFault::unexpected_end;
	if (!in.take_integer(INT32_MIN, &out->dim))
		return SparseFault::syntax;
	in.skip_spaces();
	return in.at_end() ? SparseFault::none : SparseFault::junk;
}

uint32_t read_u32(const uint8_t *p) noexcept {
	return static_cast<uint32_t>(p[0]) << 24 | static_cast<uint32_t>(p[1]) << 16 | static_cast<uint32_t>(p[2]) << 8 |
		   static_cast<uint32_t>(p[3]);
}

int32_t read_i32(const uint8_t *p) noexcept {
	return static_cast<int32_t>(read_u32(p));
}

float read_f32(const uint8_t *p) noexcept {
	const uint32_t bits = read_u32(p);
	float value;
	std::memcpy(&value, &bits, sizeof(value));
	return value;
}

} // namespace

SparseFault check_sparse_dim(int32_t dim) noexcept {
	if (dim < 1)
		return SparseFault::too_few_dims;
	return dim > kSparseMaxDim ? SparseFault::too_many_dims : SparseFault::none;
}

SparseFault check_sparse_nnz(int32_t nnz, int32_t dim) noexcept {
	if (nnz < 0)
		return SparseFault::negative_nnz;
	if (nnz > kSparseMaxNnz)
		return SparseFault::too_many_elements;
	return nnz > dim ? SparseFault::more_than_dims : SparseFault::none;
}

size_t count_sparse_elements(const char *text) noexcept {
	size_t n = 1;
	for (; *text; text++)
		n += *text == ',';
	return n;
}

SparseText parse_sparse_text(const char *text, SparseElement *elements) noexcept {
	SparseText result = {};
	Cursor in(text);
	result.fault = parse_all(in, elements, &result);
	return result;
}

void sort_sparse_elements(SparseElement *elements, size_t n) noexcept {
	const auto before = [](const SparseElement &a, const SparseElement &b) { return a.index < b.index; };
	if (!std::is_sorted(elements, elements + n, before))
		std::sort(elements, elements + n, before);
}

SparseFault check_sparse_index(const int32_t *indices, int32_t i, int32_t dim) noexcept {
	if (indices[i] < 0 || indices[i] >= dim)
		return SparseFault::index_bounds;
	if (i > 0 && indices[i] < indices[i - 1])
		return SparseFault::index_order;
	if (i > 0 && indices[i] == indices[i - 1])
		return SparseFault::index_duplicate;
	return SparseFault::none;
}

SparseFault decode_sparse_header(const uint8_t *bytes, size_t length, SparseHeader *header) noexcept {
	if (length < kSparseHeaderBytes)
		return SparseFault::short_data;
	header->dim = read_i32(bytes);
	header->nnz = read_i32(bytes + 4);
	header->unused = read_i32(bytes + 8);
	return SparseFault::none;
}

SparseFault decode_sparse_body(const uint8_t *bytes, size_t length, const SparseHeader &header, int32_t *indices,
							   float *values, size_t *used) noexcept {
	size_t at = 0;
	for (int32_t i = 0; i < header.nnz; i++, at += 4) {
		if (length - at < 4)
			return SparseFault::short_data;
		indices[i] = read_i32(bytes + at);
		const SparseFault fault = check_sparse_index(indices, i, header.dim);
		if (fault != SparseFault::none)
			return fault;
	}
	for (int32_t i = 0; i < header.nnz; i++, at += 4) {
		if (length - at < 4)
			return SparseFault::short_data;
		values[i] = read_f32(bytes + at);
		if (std::isnan(values[i]))
			return SparseFault::nan;
		if (std::isinf(values[i]))
			return SparseFault::infinite;
		if (values[i] == 0.0f)
			return SparseFault::zero;
	}
	*used = at;
	return SparseFault::none;
}

} // namespace ruvector::types
