// types/dense_compare.cpp - order, equality and hashing.
#include "types/dense_floats.hpp"
#include "types/dense_function.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace ruvector::types {

namespace {

// Element by element, then the shorter first, as PostgreSQL's arrays. No element is NaN; +0 and -0 are equal.
template <typename V>
int compare(const V *a, const V *b) noexcept {
	const int dim = a->dim < b->dim ? a->dim : b->dim;

	for (int i = 0; i < dim; i++) {
		const float x = Dense<V>::to_float(a->x[i]);
		const float y = Dense<V>::to_float(b->x[i]);
		if (x < y)
			return -1;
		if (x > y)
			return 1;
	}
	return (a->dim > b->dim) - (a->dim < b->dim);
}

template <typename V>
int compare_args(FunctionCallInfo fcinfo) {
	V *a = dense_arg<V>(PG_GETARG_DATUM(0));
	V *b = dense_arg<V>(PG_GETARG_DATUM(1));
	const int result = compare(a, b);
	// A sort or a join calls this many times in one memory context.
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

template <typename V>
Datum lt(FunctionCallInfo fcinfo) {
	PG_RETURN_BOOL(compare_args<V>(fcinfo) < 0);
}
template <typename V>
Datum le(FunctionCallInfo fcinfo) {
	PG_RETURN_BOOL(compare_args<V>(fcinfo) <= 0);
}
template <typename V>
Datum eq(FunctionCallInfo fcinfo) {
	PG_RETURN_BOOL(compare_args<V>(fcinfo) == 0);
}
template <typename V>
Datum ne(FunctionCallInfo fcinfo) {
	PG_RETURN_BOOL(compare_args<V>(fcinfo) != 0);
}
template <typename V>
Datum ge(FunctionCallInfo fcinfo) {
	PG_RETURN_BOOL(compare_args<V>(fcinfo) >= 0);
}
template <typename V>
Datum gt(FunctionCallInfo fcinfo) {
	PG_RETURN_BOOL(compare_args<V>(fcinfo) > 0);
}
template <typename V>
Datum cmp(FunctionCallInfo fcinfo) {
	PG_RETURN_INT32(compare_args<V>(fcinfo));
}

// The bytes of the elements with every -0 made +0: equal values have equal bytes. A copy is made only where needed.
template <typename V>
const unsigned char *hash_bytes_of(const V *v) {
	using Element = typename Dense<V>::Element;
	bool negative_zero = false;
	for (int i = 0; i < v->dim; i++)
		negative_zero |= Dense<V>::is_zero(v->x[i]) && std::signbit(Dense<V>::to_float(v->x[i]));
	if (!negative_zero)
		return reinterpret_cast<const unsigned char *>(v->x);

	auto *copy = static_cast<Element *>(palloc(sizeof(Element) * static_cast<size_t>(v->dim)));
	for (int i = 0; i < v->dim; i++)
		copy[i] = Dense<V>::is_zero(v->x[i]) ? Element(0) : v->x[i];
	return reinterpret_cast<const unsigned char *>(copy);
}

template <typename V>
Datum hash(FunctionCallInfo fcinfo) {
	V *v = dense_arg<V>(PG_GETARG_DATUM(0));
	const uint32 result = hash_bytes(hash_bytes_of(v), static_cast<int>(dense_size<V>(v->dim) - offsetof(V, x)));
	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_UINT32(result);
}

template <typename V>
Datum hash_extended(FunctionCallInfo fcinfo) {
	V *v = dense_arg<V>(PG_GETARG_DATUM(0));
	const uint64 result =
		hash_bytes_extended(hash_bytes_of(v), static_cast<int>(dense_size<V>(v->dim) - offsetof(V, x)),
							static_cast<uint64>(PG_GETARG_INT64(1)));
	PG_FREE_IF_COPY(v, 0);
	PG_RETURN_UINT64(result);
}

} // namespace

RV_DENSE_FUNCTION(lt)
RV_DENSE_FUNCTION(le)
RV_DENSE_FUNCTION(eq)
RV_DENSE_FUNCTION(ne)
RV_DENSE_FUNCTION(ge)
RV_DENSE_FUNCTION(gt)
RV_DENSE_FUNCTION(cmp)
RV_DENSE_FUNCTION(hash)
RV_DENSE_FUNCTION(hash_extended)

} // namespace ruvector::types
