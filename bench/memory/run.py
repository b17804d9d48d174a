#!/usr/bin/env python3
# bench/memory/run.py - time and recall of agent memory with 100,000 memories of 384 dimensions; `make bench-memory` calls it.
# RUVECTOR_TEST_DATA with wordnet-minilm-384: real sentence embeddings, else generated ones. ROWS, PROBES, TRUTHS: sizes.
# A run that was interrupted goes on. What a former one has loaded with the same library, SQL and sizes is measured again; KEEP=1: whatever it
# was loaded with; FRESH=1: never.
import hashlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import sets  # noqa: E402
from cluster import Cluster, HugePages  # noqa: E402
from run import machine  # noqa: E402

FOLDER = ".dev/bench/memory"
AGENTDB_MS = 387  # AgentDB with 10,000 memories: 387 to 511 ms
REPORT = f"""
SELECT format('| %s | %s | %s | %s | %s | %s | %s |', a.task, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY a.ms)::numeric, 2),
	round(percentile_cont(0.95) WITHIN GROUP (ORDER BY a.ms)::numeric, 2),
	(SELECT round(avg(ms)::numeric, 2) FROM processor p WHERE p.task = a.task), coalesce(round(avg(t.share)::numeric, 4)::text, ''),
	coalesce(round(avg(t.ms)::numeric)::text, ''), CASE WHEN o.sampled THEN round({AGENTDB_MS} / percentile_cont(0.5) WITHIN GROUP (ORDER BY a.ms))::text END)
FROM answer a JOIN task_order o ON o.task = a.task
LEFT JOIN LATERAL (SELECT (SELECT count(*) FROM unnest(t.ids) x WHERE x = ANY (a.ids))::float8 / cardinality(t.ids) AS share, t.ms
	FROM answer t WHERE t.exact AND t.task = a.task AND t.probe = a.probe) t ON true
WHERE NOT a.exact GROUP BY a.task, o.place, o.sampled ORDER BY o.place
"""


def data():
    top = os.environ.get("RUVECTOR_TEST_DATA")
    paths = [os.path.join(top or "", "wordnet-minilm-384", name) for name in ("base.f16", "query.f16")]
    if top and all(os.path.exists(path) for path in paths):
        return "all-MiniLM-L6-v2 of WordNet's glosses, queries are their usage examples", paths
    os.makedirs(os.path.join(FOLDER, "generated"), exist_ok=True)
    shape = sets.generated(rows=100000, dims=384, latent=20, hidden=128, normalise=1, seed=3)
    return "generated: a curved surface of 20 dimensions, clustered", shape(os.path.join(FOLDER, "generated"), "build/bench/bin")


def fingerprint(files, *sizes):
    """Of everything that a loaded store, or the truth about it, depends on."""
    digest = hashlib.sha256(repr(sizes).encode())
    for path in ("ruvector.so", "sql/ruvector--0.1.0.sql", *(os.path.join(HERE, name) for name in files)):
        with open(path, "rb") as f:
            digest.update(f.read())
    return digest.hexdigest()


def main():
    rows, probes, truths = (os.environ.get(name) or size for name, size in (("ROWS", "100000"), ("PROBES", "300"), ("TRUTHS", "100")))
    bindir = os.environ["RUVECTOR_SERVER"] + subprocess.check_output([os.environ.get("PG_CONFIG", "pg_config"), "--bindir"], text=True).strip()
    cluster = Cluster(bindir, FOLDER, 5 * int(rows) * 1536)
    with HugePages(int(cluster.settings["shared_buffers"][:-2])) as huge:
        measure_all(cluster, bindir, rows, probes, truths, huge.reserved)


def measure_all(cluster, bindir, rows, probes, truths, huge_pages):
    name, paths = data()
    # As on a disk without moving parts.
    cluster.settings["random_page_cost"] = "1.1"
    cluster.start()
    try:
        def psql(*arguments, database="memory"):
            done = subprocess.run([os.path.join(bindir, "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", *arguments, cluster.conninfo(database)],
                                  stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "PGOPTIONS": "-c max_parallel_workers_per_gather=0"})
            return done.stdout.strip()

        def measure(exact):
            psql("-v", f"exact={int(exact)}", "-v", f"truths={truths}", "-v", f"probes={probes}", "-f", os.path.join(HERE, "measure.sql"))

        done = {}
        if psql("-c", "SELECT count(*) FROM pg_database WHERE datname = 'memory'", database="postgres") == "1":
            psql("-c", "SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS done (step text PRIMARY KEY, key text)")
            done = dict(line.split("|") for line in psql("-c", "SELECT step, key FROM done").splitlines())

        def step(name, key, work):
            if os.environ.get("FRESH") or done.get(name) != key and not (name in done and os.environ.get("KEEP")):
                work()
                psql("-c", f"INSERT INTO done VALUES ('{name}', '{key}') ON CONFLICT (step) DO UPDATE SET key = excluded.key")

        def load():
            psql("-c", "DROP DATABASE IF EXISTS memory", "-c", "CREATE DATABASE memory", database="postgres")
            psql("-c", "CREATE TABLE done (step text PRIMARY KEY, key text)", "-c", "CREATE EXTENSION ruvector", "-c", "SELECT ruvector.init(384)")
            subprocess.run(["build/bench/bin/memory_load", cluster.conninfo("memory"), *paths, rows, probes], check=True)
            psql("-f", os.path.join(HERE, "load.sql"))
            done.clear()

        step("load", fingerprint(["load.sql"], paths, rows, probes), load)
        step("truth", fingerprint(["load.sql", "measure.sql"], paths, rows, probes, truths), lambda: measure(True))
        before = os.getloadavg()[0]
        measure(False)
        here = machine()
        text = f"""# Agent memory: time inside the server

Made by `make bench-memory`. {int(rows):,} memories of 384 dimensions of each kind (episodes, skills, vectors, causal edges; keys of
recall for the episodes, a fifth of them with an uplift), k = 10, {probes} calls from PL/pgSQL after a warm-up. {name[0].upper()}{name[1:]}.
`processor` is the mean processor time of a call, the better guide on a busy machine. Recall@10 and the time of brute force are from the first {truths} queries, against the same function without vector indexes. The last
column is {AGENTDB_MS} ms, what AgentDB took at best for a search among 10,000, through p50.

{psql('-c', "SELECT split_part(version(), ' on ', 1) || ', ruvector ' || extversion || ', index ' || index_options::text FROM pg_extension, ruvector.store_settings WHERE extname = 'ruvector'")};
{', '.join(f'{k} {v}' for k, v in cluster.settings.items() if k != 'listen_addresses')}, huge pages {'on' if huge_pages else 'off'}.
{here['cpu']}, {here['cores']} cores, {here['memory_gib']} GiB, Linux {here['kernel']}; load average {before:.1f} before the measurement, {here['load'][0]} after.

| Function | p50 ms | p95 ms | processor ms | recall@10 | brute force ms | times AgentDB |
|---|---|---|---|---|---|---|
{psql('-c', REPORT)}
"""
        with open(os.path.join(HERE, "RESULTS.md"), "w", encoding="utf-8") as f:
            f.write(text)
        print(text)
    finally:
        cluster.stop()


main()
