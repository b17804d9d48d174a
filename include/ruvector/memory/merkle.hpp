// memory/merkle.hpp - Merkle trees of RFC 6962 (9162), section 2.1: leaf SHA-256(0x00 || input), node
// SHA-256(0x01 || left || right), split at the largest power of two below the size.
#pragma once

#include <vector>

#include "ruvector/memory/sha256.hpp"

namespace ruvector::memory {

struct Bytes {
	const uint8_t *data;
	size_t size;
};

Digest merkle_leaf(Bytes input);

// Of the inputs of the leaves; the root of no leaves is the hash of nothing.
Digest merkle_root(const std::vector<Bytes> &leaves);

// The siblings on the way from a leaf (counted from 0) to the root. Throws Error(invalid_argument) unless index < size.
std::vector<Digest> merkle_audit_path(const std::vector<Bytes> &leaves, size_t index);

// Whether the path leads from this leaf, at this place of a tree of this size, to this root. Never throws.
bool merkle_verify(const Digest &leaf, size_t index, size_t tree_size, const std::vector<Digest> &path,
				   const Digest &root);

} // namespace ruvector::memory
