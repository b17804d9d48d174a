#!/usr/bin/env python3
"""Check a recall certificate's proof without a database: verify_certificate.py < proof.json

The input is the row of ruvector.certificate_proof as JSON, for example from
    psql -XAtc "SELECT to_jsonb(p) FROM ruvector.certificate_proof('\\x...', 'episode:1') p"
and the root is the one that you were given with the answer (first argument; without it the one in the proof is used).
RFC 6962: leaf SHA-256(0x00 || h), node SHA-256(0x01 || left || right), h = SHA-256 of the memory's canonical content.
"""
import hashlib
import json
import sys


def sha256(data):
    return hashlib.sha256(data).digest()


def unhex(text):
    return bytes.fromhex(text.removeprefix("\\x"))


def root_of(leaf, index, size, path):
    """The root that an audit path leads to (RFC 9162, 2.1.3.2); None if the path does not fit the tree."""
    node, last = index, size - 1
    value = sha256(b"\x00" + leaf)
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            value = sha256(b"\x01" + sibling + value)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            value = sha256(b"\x01" + value + sibling)
        node, last = node >> 1, last >> 1
    return value if last == 0 else None


proof = json.load(sys.stdin)
root = unhex(sys.argv[1] if len(sys.argv) > 1 else proof["merkle_root"])
leaf = unhex(proof["leaf_hash"])
path = [unhex(h) for h in proof["audit_path"]]
if proof["content"] is None or sha256(proof["content"].encode()) != leaf:
    sys.exit("changed: the content is not the one that was recalled")
if root_of(leaf, proof["leaf_index"], proof["tree_size"], path) != root:
    sys.exit("not proven: the path does not lead to the root")
print("proven: this content was memory", proof["leaf_index"], "of", proof["tree_size"], "in the certificate")
