// memory/merkle.cpp - Merkle trees of RFC 6962, level by level.
#include "ruvector/memory/merkle.hpp"

#include "ruvector/error.hpp"

namespace ruvector::memory {

namespace {

Digest node(const Digest &left, const Digest &right) {
	static constexpr uint8_t prefix = 1;
	return Sha256().update(&prefix, 1).update(left.data(), left.size()).update(right.data(), right.size()).finish();
}

// Splitting at the largest power of two is the same as pairing neighbours on each level and carrying an odd last one up.
// `visit` sees each level, leaves first, before it is reduced.
template <typename F>
Digest reduce(const std::vector<Bytes> &leaves, F &&visit) {
	if (leaves.empty())
		return Sha256().finish();
	std::vector<Digest> level;
	level.reserve(leaves.size());
	for (const Bytes &leaf : leaves)
		level.push_back(merkle_leaf(leaf));
	for (;;) {
		visit(level);
		if (level.size() == 1)
			return level[0];
		const size_t pairs = level.size() / 2;
		for (size_t i = 0; i < pairs; ++i)
			level[i] = node(level[2 * i], level[2 * i + 1]);
		if (level.size() % 2 == 1)
			level[pairs] = level.back();
		level.resize((level.size() + 1) / 2);
	}
}

} // namespace

Digest merkle_leaf(Bytes input) {
	static constexpr uint8_t prefix = 0;
	return Sha256().update(&prefix, 1).update(input.data, input.size).finish();
}

Digest merkle_root(const std::vector<Bytes> &leaves) {
	return reduce(leaves, [](const std::vector<Digest> &) {});
}

std::vector<Digest> merkle_audit_path(const std::vector<Bytes> &leaves, size_t index) {
	if (index >= leaves.size())
		throw Error(ErrorKind::invalid_argument, "leaf_index must be between 0 and the number of leaves less one");
	std::vector<Digest> path;
	reduce(leaves, [&](const std::vector<Digest> &level) {
		const size_t sibling = index ^ 1;
		if (sibling < level.size())
			path.push_back(level[sibling]);
		index /= 2;
	});
	return path;
}

bool merkle_verify(const Digest &leaf, size_t index, size_t tree_size, const std::vector<Digest> &path,
				   const Digest &root) {
	if (index >= tree_size)
		return false;
	Digest hash = leaf;
	auto next = path.begin();
	for (size_t last = tree_size - 1; last > 0; index /= 2, last /= 2) {
		if (index == last && index % 2 == 0) // carried up
			continue;
		if (next == path.end())
			return false;
		hash = index % 2 == 1 ? node(*next, hash) : node(hash, *next);
		++next;
	}
	return next == path.end() && hash == root;
}

} // namespace ruvector::memory
