// api/merkle.cpp - Merkle trees over arrays of bytea.
#include <cstring>
#include <vector>

#include "api/arguments.hpp"
#include "ruvector/memory/merkle.hpp"
#include "ruvector/pg/boundary.hpp"

using namespace ruvector;
using memory::Bytes;
using memory::Digest;

namespace {

Bytes bytes_of(Datum datum) {
	auto *value = PG_DETOAST_DATUM_PACKED(datum);
	return {reinterpret_cast<const uint8_t *>(VARDATA_ANY(value)), VARSIZE_ANY_EXHDR(value)};
}

// In the current memory context.
api::Span<Bytes> bytes_array(Datum datum, const char *name) {
	ArrayType *array = DatumGetArrayTypeP(datum);
	api::check_no_nulls(array, name);
	Datum *elements;
	int count;
	deconstruct_array(array, BYTEAOID, -1, false, TYPALIGN_INT, &elements, nullptr, &count);
	auto *bytes = static_cast<Bytes *>(palloc(sizeof(Bytes) * (static_cast<size_t>(count) + 1)));
	for (int i = 0; i < count; ++i)
		bytes[i] = bytes_of(elements[i]);
	return {bytes, static_cast<size_t>(count)};
}

Datum hash_datum(const Digest &hash) {
	auto *result = static_cast<bytea *>(palloc(VARHDRSZ + hash.size()));
	SET_VARSIZE(result, VARHDRSZ + hash.size());
	memcpy(VARDATA(result), hash.data(), hash.size());
	return PointerGetDatum(result);
}

bool hash_of(Bytes bytes, Digest &hash) {
	if (bytes.size != hash.size())
		return false;
	memcpy(hash.data(), bytes.data, hash.size());
	return true;
}

} // namespace

RV_FUNCTION(ruvector_merkle_root) {
	const auto leaves = bytes_array(PG_GETARG_DATUM(0), "leaves");
	Digest root;
	{ root = memory::merkle_root({leaves.data, leaves.data + leaves.size}); }
	return hash_datum(root);
}

RV_FUNCTION(ruvector_merkle_audit_path) {
	const auto leaves = bytes_array(PG_GETARG_DATUM(0), "leaves");
	const int32 index = PG_GETARG_INT32(1);
	Digest path[64];
	size_t length;
	{
		// A negative index is a huge one.
		const auto found =
			memory::merkle_audit_path({leaves.data, leaves.data + leaves.size}, static_cast<size_t>(int64{index}));
		length = found.size();
		std::copy(found.begin(), found.end(), path);
	}
	Datum elements[64];
	for (size_t i = 0; i < length; ++i)
		elements[i] = hash_datum(path[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, static_cast<int>(length), BYTEAOID, -1, false, TYPALIGN_INT));
}

RV_FUNCTION(ruvector_merkle_verify) {
	const Bytes leaf = bytes_of(PG_GETARG_DATUM(0));
	const int32 index = PG_GETARG_INT32(1), tree_size = PG_GETARG_INT32(2);
	const auto siblings = bytes_array(PG_GETARG_DATUM(3), "audit_path");
	Digest root;
	// What cannot be a proof is no proof, not an error.
	if (index < 0 || tree_size < 0 || siblings.size > 32 || !hash_of(bytes_of(PG_GETARG_DATUM(4)), root))
		PG_RETURN_BOOL(false);
	bool valid = true;
	{
		std::vector<Digest> path(siblings.size);
		for (size_t i = 0; i < siblings.size; ++i)
			valid &= hash_of(siblings.data[i], path[i]);
		valid = valid && memory::merkle_verify(memory::merkle_leaf(leaf), static_cast<size_t>(index),
											   static_cast<size_t>(tree_size), path, root);
	}
	PG_RETURN_BOOL(valid);
}
