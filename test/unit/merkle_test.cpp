// SHA-256 against FIPS 180-4, Merkle trees against RFC 6962's reference inputs and the recursive definition.
#include "check.hpp"

#include <string>

#include "ruvector/error.hpp"
#include "ruvector/memory/merkle.hpp"

using namespace ruvector;
using namespace ruvector::memory;

static std::string hex(const Digest &hash) {
	std::string text;
	for (uint8_t byte : hash) {
		text += "0123456789abcdef"[byte >> 4];
		text += "0123456789abcdef"[byte & 15];
	}
	return text;
}

static Digest sha256(const std::string &text) {
	return Sha256().update(text.data(), text.size()).finish();
}

TEST("sha256: known digests, in pieces of every size") {
	CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	const std::string million(1000000, 'a');
	CHECK(hex(sha256(million)) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	for (size_t length = 0; length <= 200; ++length)
		for (size_t piece : {1, 3, 63, 64, 65}) {
			Sha256 hash;
			for (size_t at = 0; at < length; at += piece)
				hash.update(million.data(), std::min(piece, length - at));
			CHECK(hash.finish() == sha256(million.substr(0, length)));
		}
}

static const std::vector<std::string> kInputs = {"",
												 std::string(1, '\0'),
												 "\x10",
												 "\x20\x21",
												 "\x30\x31",
												 "\x40\x41\x42\x43",
												 "\x50\x51\x52\x53\x54\x55\x56\x57",
												 "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};

static std::vector<Bytes> leaves_of(const std::vector<std::string> &inputs, size_t n) {
	std::vector<Bytes> leaves;
	for (size_t i = 0; i < n; ++i)
		leaves.push_back({reinterpret_cast<const uint8_t *>(inputs[i].data()), inputs[i].size()});
	return leaves;
}

// The definition of RFC 6962, word by word.
static Digest recursive_root(const std::vector<Bytes> &leaves, size_t from, size_t to) {
	if (to - from == 1)
		return merkle_leaf(leaves[from]);
	size_t split = 1;
	while (2 * split < to - from)
		split *= 2;
	const Digest left = recursive_root(leaves, from, from + split), right = recursive_root(leaves, from + split, to);
	const uint8_t one = 1;
	return Sha256().update(&one, 1).update(left.data(), 32).update(right.data(), 32).finish();
}

TEST("merkle_root: the reference trees of RFC 6962") {
	const char *roots[] = {
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	};
	for (size_t n = 0; n <= 8; ++n)
		CHECK(hex(merkle_root(leaves_of(kInputs, n))) == roots[n]);
}

TEST("merkle_root: equals the recursive definition for every size up to 70") {
	std::vector<std::string> inputs;
	for (int i = 0; i < 70; ++i)
		inputs.push_back("leaf " + std::to_string(i * i));
	for (size_t n = 1; n <= 70; ++n) {
		const auto leaves = leaves_of(inputs, n);
		CHECK(merkle_root(leaves) == recursive_root(leaves, 0, n));
		for (size_t i = 0; i < n; ++i)
			CHECK(merkle_verify(merkle_leaf(leaves[i]), i, n, merkle_audit_path(leaves, i), merkle_root(leaves)));
	}
}

TEST("merkle_audit_path: leaf 3 of 7") {
	const auto path = merkle_audit_path(leaves_of(kInputs, 7), 3);
	CHECK(path.size() == 3);
	CHECK(hex(path[0]).substr(0, 8) == "0298d122");
	CHECK(hex(path[1]).substr(0, 8) == "fac54203");
	CHECK(hex(path[2]).substr(0, 8) == "837dbb15");
	bool refused = false;
	try {
		merkle_audit_path(leaves_of(kInputs, 7), 7);
	} catch (const Error &) {
		refused = true;
	}
	CHECK(refused);
}

TEST("merkle_verify: all 36 proofs verify; no other leaf, place, size, path or root does") {
	int proofs = 0;
	for (size_t n = 1; n <= 8; ++n) {
		const auto leaves = leaves_of(kInputs, n);
		const Digest root = merkle_root(leaves);
		for (size_t m = 0; m < n; ++m) {
			const auto path = merkle_audit_path(leaves, m);
			const Digest leaf = merkle_leaf(leaves[m]);
			proofs += merkle_verify(leaf, m, n, path, root);
			for (size_t other = 0; other < 8; ++other)
				if (other != m) {
					CHECK(!merkle_verify(merkle_leaf(leaves_of(kInputs, 8)[other]), m, n, path, root));
					CHECK(!merkle_verify(leaf, other, n, path, root));
				}
			CHECK(!merkle_verify(leaf, n, n, path, root));
			CHECK(!merkle_verify(leaf, m, 0, path, root));
			for (size_t i = 0; i < path.size(); ++i) {
				auto changed = path;
				changed[i][i] ^= 1;
				CHECK(!merkle_verify(leaf, m, n, changed, root));
			}
			auto longer = path;
			longer.push_back(root);
			CHECK(!merkle_verify(leaf, m, n, longer, root));
			if (!path.empty()) {
				auto shorter = path;
				shorter.pop_back();
				CHECK(!merkle_verify(leaf, m, n, shorter, root));
			}
			Digest wrong = root;
			wrong[31] ^= 128;
			CHECK(!merkle_verify(leaf, m, n, path, wrong));
		}
	}
	CHECK(proofs == 36);
}
