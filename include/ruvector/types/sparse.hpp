// types/sparse.hpp - the values of type sparsevec: layout, making them, reading arguments, checking.
//
// The layout is that of ruvector.h: ascending 0-based indices, then their values, none of them zero. Everything that is
// not noexcept may raise a PostgreSQL error; nothing owns memory: values live in the current memory context.
#pragma once

#include <cmath>
#include <cstdint>

#include "ruvector/pg/postgres.hpp"
#include "ruvector/ruvector.h"

namespace ruvector::types {

using Sparsevec = ::RuvectorSparsevec;

constexpr int kSparsevecMaxDim = 1000000000;
constexpr int kSparsevecMaxNnz = 16000;

inline float *sparse_values(Sparsevec *v) noexcept {
	return RUVECTOR_SPARSEVEC_VALUES(v);
}
inline const float *sparse_values(const Sparsevec *v) noexcept {
	return reinterpret_cast<const float *>(v->indices + v->nnz);
}

// Bytes of a value with `nnz` elements.
constexpr Size sparsevec_size(int nnz) noexcept {
	return offsetof(Sparsevec, indices) + static_cast<Size>(nnz) * (sizeof(int32) + sizeof(float));
}

// A new value with indices and values zero, to be filled. The caller has checked dim and nnz.
inline Sparsevec *make_sparsevec(int dim, int nnz) {
	const Size size = sparsevec_size(nnz);
	auto *result = static_cast<Sparsevec *>(palloc0(size));
	SET_VARSIZE(result, size);
	result->dim = dim;
	result->nnz = nnz;
	return result;
}

// The value of a Datum, detoasted (a copy only if it was toasted or had a short header).
inline Sparsevec *sparsevec_arg(Datum datum) {
	return reinterpret_cast<Sparsevec *>(PG_DETOAST_DATUM(datum));
}

// The value at a 0-based index, zero if it is not stored. O(log nnz).
float sparse_at(const Sparsevec *v, int32 index) noexcept;

// 22000 "different sparsevec dimensions %d and %d".
void check_same_dims(const Sparsevec *a, const Sparsevec *b);
// 1 to kSparsevecMaxDim, else 22000 or 54000.
void check_sparsevec_dim(int dim);
// 0 to kSparsevecMaxNnz and not more than dim, else 22000 or 54000.
void check_sparsevec_nnz(int nnz, int dim);
// 22000 "expected %d dimensions, not %d" unless typmod is -1 or dim.
void check_sparsevec_typmod(int32 typmod, int dim);
// 22000 if a value is NaN or infinite.
void check_sparsevec_element(float value);

} // namespace ruvector::types
