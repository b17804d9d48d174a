# bench/systems.py - the systems that are compared, each behind one worker process (bench/src).
import glob
import hashlib
import json
import os
import re
import subprocess

from cluster import ParallelWatch

OPERATORS = {"l2": "<->", "cosine": "<=>", "ip": "<#>"}
# Rows to delete, the same as deleted() in bench/src/worker.hpp.
HASH = "(id * 2654435761) % 4294967296"
KNOWN = {
    "ruvector": {"kind": "pg", "extension": "ruvector"},
    "ruvector_int8": {"kind": "pg", "extension": "ruvector", "opclass": "vector_{metric}_int8_ops"},
    "ruvector_halfvec": {"kind": "pg", "extension": "ruvector", "type": "halfvec"},
    "pgvector": {"kind": "pg", "extension": "vector"},
    "pgvector_halfvec": {"kind": "pg", "extension": "vector", "type": "halfvec"},
    "hnswlib": {"kind": "memory", "program": "hnswlib_worker"},
    "faiss": {"kind": "memory", "program": "faiss_worker", "store": "flat"},
    "faiss_sq8": {"kind": "memory", "program": "faiss_worker", "store": "sq8"},
    "faiss_sq8_direct": {"kind": "memory", "program": "faiss_worker", "store": "sq8_direct"},
}


class Skip(Exception):
    """The system is not to be had here; the run goes on without it."""


class Worker:
    def __init__(self, program, **options):
        if not os.path.exists(program):
            raise Skip(f"{os.path.basename(program)} was not built (is its Debian package installed?)")
        arguments = [f"--{name}={value}" for name, value in options.items() if value is not None]
        self.process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, command):
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended during: {command[:60]}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"].strip())
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def parse_system(text, m, efc):
    """NAME[@key=value...]: a system, with its own m, efc, edge options and so on instead of the run's."""
    name, *overrides = text.split("@")
    if name not in KNOWN:
        raise SystemExit(f"unknown system {name}; known: {', '.join(KNOWN)}")
    settings = {"m": str(m), "efc": str(efc)}
    for item in overrides:
        key, _, value = item.partition("=")
        settings[key] = value
    return text, dict(KNOWN[name]), settings


def make_system(text, run):
    label, known, settings = parse_system(text, run.m, run.efc)
    return {"pg": PgSystem, "memory": MemorySystem}[known["kind"]](label, known, settings, run)


class System:
    def __init__(self, label, known, settings, run):
        self.label, self.known, self.settings, self.run = label, known, settings, run
        self.worker = None

    def close(self):
        if self.worker:
            self.worker.close()
            self.worker = None


class MemorySystem(System):
    in_process = True

    def open(self):
        name = re.sub(r"[^a-z0-9_]+", "_", f"{self.run.id}-{self.label}")
        self.path = os.path.join(self.run.folder, name + ".index")
        self.worker = Worker(os.path.join(self.run.bin, self.known["program"]), **self.run.data, index=self.path,
                             dim=self.run.dim, m=self.settings["m"], efc=self.settings["efc"],
                             store=self.known.get("store"))
        self.loaded = False
        return {"version": self.worker.ask("version")["version"], "settings": self.settings}

    def builds(self):
        return {"build": self.build}

    def build(self):
        result = self.worker.ask("build")
        self.loaded = False
        return result

    def ready(self):
        if not os.path.exists(self.path):
            self.worker.ask("build")
        if not self.loaded:
            self.worker.ask("load")
            self.loaded = True

    def search(self, ef, queries, deleted=0):
        return self.worker.ask(f"search {queries} {self.run.k} {ef}")

    def insert(self):
        self.ready()
        self.loaded = False
        return self.worker.ask(f"insert {self.run.insert_first} {self.run.inserts}")


class PgSystem(System):
    in_process = False

    def open(self):
        cluster = self.run.cluster
        self.database = "bench_" + re.sub(r"[^a-z0-9_]+", "_", self.label.lower())
        admin = Worker(os.path.join(self.run.bin, "pg_worker"), **self.run.data, conninfo=cluster.conninfo("postgres"))
        try:
            extension = self.known["extension"]
            if not admin.ask(f"sql SELECT 1 FROM pg_available_extensions WHERE name = '{extension}'")["rows"]:
                raise Skip(f"extension {extension} is not installed in the private server")
            code = self.code_hash()
            mark = admin.ask("sql SELECT shobj_description(oid, 'pg_database') FROM pg_database "
                             f"WHERE datname = '{self.database}'")["rows"]
            if mark != [[code]]:
                # Another build of the extension: its SQL objects and its index format may differ.
                admin.ask(f"sql DROP DATABASE IF EXISTS {self.database}")
                admin.ask(f"sql CREATE DATABASE {self.database}")
                admin.ask(f"sql COMMENT ON DATABASE {self.database} IS '{code}'")
        finally:
            admin.close()
        self.table = "t_" + re.sub(r"[^a-z0-9_]+", "_", self.run.data_id.lower())
        self.index = self.table + "_hnsw"
        self.worker = Worker(os.path.join(self.run.bin, "pg_worker"), **self.run.data, table=self.table,
                             conninfo=cluster.conninfo(self.database))
        self.prepared = False
        try:
            self.sql("SET client_min_messages = warning")
            self.sql(f"CREATE EXTENSION IF NOT EXISTS {extension}")
            if not self.sql("SELECT 1 FROM pg_am WHERE amname = 'hnsw'"):
                raise Skip(f"extension {extension} has no hnsw access method yet")
        except RuntimeError as e:
            raise Skip(str(e)) from e
        version = self.sql(f"SELECT extversion FROM pg_extension WHERE extname = '{extension}'")[0][0]
        info = {"version": f"{extension} {version}", "settings": self.settings, "code": code}
        if self.run.store.system(self.label).get("code", code) != code:
            self.run.say(f"{self.label}: NOTE: stored results are of another build of it; FRESH={self.label} forgets them")
            info["code"] = self.run.store.system(self.label)["code"]
        if extension == "vector" and self.run.pgvector_note:
            info["version"] += f" ({self.run.pgvector_note})"
        if extension == "ruvector":
            try:
                info["simd"] = self.sql("SELECT ruvector.simd()")[0][0]
            except RuntimeError:
                pass
        return info

    def code_hash(self):
        """What is installed in the private server under the extension's name, library and SQL."""
        extension, sha = self.known["extension"], hashlib.sha1()
        server, pg_config = self.run.server, self.run.pg_config
        for option, pattern in (("--pkglibdir", f"{extension}.so"), ("--sharedir", f"extension/{extension}--*.sql")):
            folder = server + subprocess.check_output([pg_config, option], text=True).strip()
            for path in sorted(glob.glob(os.path.join(folder, pattern))):
                with open(path, "rb") as f:
                    sha.update(f.read())
        return sha.hexdigest()[:12]

    def sql(self, text):
        return self.worker.ask("sql " + text)["rows"]

    def comment(self, kind, name):
        rows = self.sql(f"SELECT obj_description(to_regclass('{name}'))")
        return rows[0][0] if rows else None

    # The state of table and index is in their comments, so that an interrupted run never measures what it changed.
    def ensure_table(self):
        if self.comment("TABLE", self.table) == "fresh":
            return
        self.sql(f"DROP TABLE IF EXISTS {self.table}")
        self.sql(f"CREATE TABLE {self.table} (id bigint PRIMARY KEY, embedding vector({self.run.dim}))")
        self.run.say(f"{self.label}: loading {self.run.rows:,} rows")
        self.worker.ask("load")
        self.sql(f"VACUUM (ANALYZE, FREEZE) {self.table}")
        self.sql("CHECKPOINT")
        self.sql(f"COMMENT ON TABLE {self.table} IS 'fresh'")

    def column(self):
        kind = self.known.get("type")
        return f"(embedding::{kind}({self.run.dim}))" if kind else "embedding"

    def opclass(self):
        kind = self.known.get("type", "vector")
        return self.known.get("opclass", kind + "_{metric}_ops").format(metric=self.run.metric)

    def fresh_mark(self):
        return "fresh " + json.dumps(self.settings, sort_keys=True)

    def create_index(self, workers):
        self.ensure_table()
        self.prepared = False
        self.sql(f"DROP INDEX IF EXISTS {self.index}")
        self.sql("CHECKPOINT")
        self.sql(f"SET max_parallel_maintenance_workers = {workers}")
        options = {"m": self.settings["m"], "ef_construction": self.settings["efc"]}
        options.update({k: v for k, v in self.settings.items() if k not in ("m", "efc")})
        options = ", ".join(f"{k} = {v}" for k, v in options.items())
        before = self.run.cluster.cpu_seconds()
        with ParallelWatch(self.run.cluster) as watch:
            wall = self.worker.ask(f"sql CREATE INDEX {self.index} ON {self.table} USING hnsw "
                                   f"({self.column()} {self.opclass()}) WITH ({options})")["seconds"]
        result = {"seconds": wall, "cpu_seconds": self.run.cluster.cpu_seconds() - before,
                  "workers_allowed": workers, "workers_seen": watch.most,
                  "index_bytes": int(self.sql(f"SELECT pg_relation_size('{self.index}')")[0][0])}
        self.sql(f"COMMENT ON INDEX {self.index} IS '{self.fresh_mark()}'")
        return result

    def builds(self):
        # The serial one last: it is the one that is searched, because only it is the same every time.
        return {"build_w2": self.build_parallel, "build": lambda: self.create_index(0)}

    def build_parallel(self):
        result = self.create_index(2)
        if result["workers_seen"] == 0:
            # PostgreSQL looks at the heap's pages, and wide vectors are stored out of line: say what a hint gives.
            self.sql(f"ALTER TABLE {self.table} SET (parallel_workers = 2)")
            result = {"without_hint": result, **self.create_index(2), "hint": "parallel_workers = 2"}
            self.sql(f"ALTER TABLE {self.table} RESET (parallel_workers)")
        return result

    def ready(self):
        self.ensure_table()
        if self.comment("INDEX", self.index) != self.fresh_mark():
            self.run.say(f"{self.label}: building the index again")
            self.create_index(0)
        if not self.prepared:
            self.prepare()

    def prepare(self):
        kind = self.known.get("type")
        cast = f"::{kind}" if kind else "::vector"
        try:
            self.sql("DEALLOCATE ALL")
            operator = OPERATORS[self.run.metric]
            self.worker.ask(f"prepare search SELECT id FROM {self.table} ORDER BY {self.column()} {operator} "
                            f"$1{'::vector' + cast if kind else cast} LIMIT {self.run.k}")
        finally:
            self.prepared = False
        # After five runs PostgreSQL decides between a custom and a generic plan.
        self.worker.ask(f"search 10 {self.run.k} 0")
        plan = "\n".join(row[0] for row in self.worker.ask("explain")["rows"])
        if f"Index Scan using {self.index}" not in plan:
            raise RuntimeError(f"{self.label}: the plan is not a scan of the index:\n{plan[:600]}")
        self.plan = "generic" if "$1" in plan else "custom"
        self.prepared = True

    def search(self, ef, queries, deleted=0):
        self.sql(f"SET hnsw.ef_search = {ef}")
        return self.worker.ask(f"search {queries} {self.run.k} {deleted}")

    def floor(self):
        self.ensure_table()
        self.prepared = False
        self.sql("DEALLOCATE ALL")
        self.worker.ask(f"prepare key SELECT id FROM {self.table} WHERE id = $1::bigint")
        self.worker.ask(f"prepare keyvector SELECT id FROM {self.table} WHERE id = $1::bigint AND $2::vector IS NOT NULL")
        result = {}
        for name, vectors in (("key", 0), ("keyvector", 1)):
            self.worker.ask(f"floor {name} 2000 {vectors}")
            rounds = [self.worker.ask(f"floor {name} 10000 {vectors}") for _ in range(3)]
            result[name] = sorted(rounds, key=lambda r: r["qps"])[1]
        return result

    def wal(self):
        return self.sql("SELECT pg_current_wal_insert_lsn()")[0][0]

    def wal_bytes(self, start, end):
        """Bytes of records, and of full-page images in them, between two positions."""
        self.sql("CHECKPOINT")
        text = self.run.cluster.run("pg_waldump", "-p", os.path.join(self.run.cluster.data, "pg_wal"), "-s", start,
                                    "-e", end, "--stats")
        numbers = re.search(r"^Total\s+(\d+)\s+(\d+)\s+\[.*?\]\s+(\d+)", text, re.M)
        return {"records": int(numbers[1]), "record_bytes": int(numbers[2]), "fpi_bytes": int(numbers[3])}

    def measured_insert(self, statement, first, count):
        self.sql("CHECKPOINT")
        start = self.wal()
        before = self.run.cluster.cpu_seconds()
        result = self.worker.ask(f"insert {statement} {first} {count}")
        result["cluster_cpu_us"] = 1e6 * (self.run.cluster.cpu_seconds() - before) / max(result["count"], 1)
        result.update(self.wal_bytes(start, self.wal()))
        return result

    def insert(self):
        self.ready()
        plain = self.table + "_plain"
        self.sql(f"DROP TABLE IF EXISTS {plain}")
        self.sql(f"CREATE TABLE {plain} (id bigint PRIMARY KEY, embedding vector({self.run.dim}))")
        self.sql("DEALLOCATE ALL")
        self.prepared = False
        for name, table in (("plain", plain), ("indexed", self.table)):
            self.worker.ask(f"prepare {name} INSERT INTO {table} VALUES ($1::bigint, $2::vector)")
        first, count = self.run.insert_first, self.run.inserts
        result = {"table_alone": self.measured_insert("plain", first, count)}
        self.sql(f"DROP TABLE {plain}")
        self.sql(f"COMMENT ON INDEX {self.index} IS 'changed'")
        self.sql(f"COMMENT ON TABLE {self.table} IS 'changed'")
        result.update(self.measured_insert("indexed", first, count))
        # The new rows must go before recall is measured against the truth of the base rows.
        result["changed"] = True
        return result

    def vacuum(self):
        if self.comment("TABLE", self.table) not in ("fresh", "changed"):
            self.ensure_table()
        if self.comment("INDEX", self.index) not in (self.fresh_mark(), "changed"):
            self.ready()
        self.sql(f"COMMENT ON INDEX {self.index} IS 'vacuumed'")
        self.sql(f"COMMENT ON TABLE {self.table} IS 'vacuumed'")
        self.sql(f"DELETE FROM {self.table} WHERE id >= {self.run.rows} OR {HASH} < {self.run.deleted}")
        rows = int(self.sql(f"SELECT count(*) FROM {self.table}")[0][0])
        self.sql("CHECKPOINT")
        start = self.wal()
        before = self.run.cluster.cpu_seconds()
        wall = self.worker.ask(f"sql VACUUM (INDEX_CLEANUP ON, PARALLEL 0) {self.table}")["seconds"]
        cpu = self.run.cluster.cpu_seconds() - before
        result = {"seconds": wall, "cpu_seconds": cpu, "rows_left": rows,
                  "index_bytes": int(self.sql(f"SELECT pg_relation_size('{self.index}')")[0][0])}
        result.update(self.wal_bytes(start, self.wal()))
        return result

    def vacuumed(self):
        return self.comment("INDEX", self.index) == "vacuumed"
