# bench/systems.py - the systems that are compared, each behind one worker process (bench/src).
import contextlib
import glob
import hashlib
import json
import os
import re
import subprocess

from cluster import BuildWatch

OPERATORS = {"l2": "<->", "cosine": "<=>", "ip": "<#>"}
# Rows to delete, the same as deleted() in bench/src/worker.hpp.
HASH = "(id * 2654435761) % 4294967296"


def ruvector(codec="", element="vector", **options):
    """`codec` is the operator class's suffix; options go into WITH (...)."""
    suffix = f"_{codec}" if codec else ""
    return {"kind": "pg", "extension": "ruvector", "type": element, "opclass": element + "_{metric}" + suffix + "_ops",
            "settings": options}


KNOWN = {
    "ruvector": ruvector(),
    "ruvector_compact": ruvector(layout="compact"),
    "pgvector": {"kind": "pg", "extension": "vector"},
    "pgvector_halfvec": {"kind": "pg", "extension": "vector", "type": "halfvec", "opclass": "halfvec_{metric}_ops"},
    # Hamming distance of signs, then the exact order of so many candidates: what pgvector's manual advises.
    "pgvector_bit": {"kind": "pg", "extension": "vector", "type": "bit", "opclass": "bit_hamming_ops"},
    # The libraries with the settings that their users take; a label's @m= and @efc= are heard here too.
    "hnswlib": {"kind": "memory", "program": "hnswlib_worker", "settings": {"m": 16, "efc": 200}},
    "faiss": {"kind": "memory", "program": "faiss_worker", "store": "flat", "settings": {"m": 32, "efc": 100}},
    "faiss_sq8": {"kind": "memory", "program": "faiss_worker", "store": "sq8", "settings": {"m": 32, "efc": 100}},
    "faiss_sq8_direct": {"kind": "memory", "program": "faiss_worker", "store": "sq8_direct",
                         "settings": {"m": 32, "efc": 100}},
}
for CODEC in ("int8", "pq", "binary"):
    KNOWN[f"ruvector_{CODEC}"] = ruvector(CODEC)
    KNOWN[f"ruvector_{CODEC}_compact"] = ruvector(CODEC, layout="compact")
for CODEC in ("", "int8", "pq", "binary"):
    KNOWN["ruvector_halfvec" + (f"_{CODEC}" if CODEC else "")] = ruvector(CODEC, "halfvec")


class Skip(Exception):
    """The system is not to be had here; the run goes on without it."""


class Worker:
    """A measuring program: one command a line, one JSON answer a line."""

    def __init__(self, program, **options):
        if not os.path.exists(program):
            raise Skip(f"{os.path.basename(program)} was not built (is its Debian package installed?)")
        arguments = [f"--{name}={value}" for name, value in options.items() if value is not None]
        self.process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "OMP_NUM_THREADS": "1"})

    def send(self, command):
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a worker ended before it answered")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"].strip())
        return answer

    def ask(self, command):
        self.send(command)
        return self.receive()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


def parse_system(text, m, efc):
    """NAME[@key=value...]: a system, with its own m, efc, edge options and so on instead of the run's."""
    name, *overrides = text.split("@")
    if name not in KNOWN:
        raise SystemExit(f"unknown system {name}; known: {', '.join(KNOWN)}")
    known = dict(KNOWN[name])
    settings = {"m": str(m), "efc": str(efc), **{k: str(v) for k, v in known.get("settings", {}).items()}}
    for item in overrides:
        key, _, value = item.partition("=")
        settings[key] = value
    return text, known, settings


# A filter passes one row in ten: those whose identifier has a hash of nine tenths of 2^32 or more.
LEFT_OUT = 2**32 * 9 // 10


def make_system(text, run):
    label, known, settings = parse_system(text, run.m, run.efc)
    return {"pg": PgSystem, "memory": MemorySystem}[known["kind"]](label, known, settings, run)


def of_session(key):
    """Whether a setting is one of PostgreSQL's sessions, ruvector.simd, and not an option of the index."""
    return "." in key


def file_name(text):
    return re.sub(r"[^a-z0-9_]+", "_", text.lower())


class System:
    def __init__(self, label, known, settings, run):
        self.label, self.known, self.settings, self.run = label, known, settings, run


class MemorySystem(System):
    """A library in a process of its own. Its index is a file; what the build took is beside it, as long as it is there."""
    in_process = True
    modes = ("search", "search100", "clients2")
    worker = None

    def open(self):
        name = f"{self.run.folder_name}-{self.label.split('@')[0]}-m{self.settings['m']}-efc{self.settings['efc']}"
        self.path = os.path.join(self.run.folder, "index", name + ".index")
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.worker = Worker(os.path.join(self.run.bin, self.known["program"]), **self.run.data, index=self.path,
                             dim=self.run.dim, m=self.settings["m"], efc=self.settings["efc"],
                             store=self.known.get("store"))
        self.loaded = False
        return {"version": self.worker.ask("version")["version"], "settings": self.settings}

    def close(self):
        if self.worker:
            self.worker.close()
            self.worker = None

    def build(self):
        if not self.run.forgets(self.label, "build"):
            try:
                with open(self.path + ".json") as f:
                    return json.load(f)
            except OSError:
                pass
        result = self.worker.ask("build")
        with open(self.path + ".json.part", "w") as f:
            json.dump(result, f)
        os.replace(self.path + ".json.part", self.path + ".json")
        self.loaded = False
        return result

    def ready(self, _k=10):
        if not os.path.exists(self.path + ".json"):
            self.build()
        if not self.loaded:
            self.worker.ask("load")
            self.loaded = True

    def search(self, ef, queries, k=10, clients=1):
        return self.worker.ask(f"search {queries} {k} {ef} {clients}")

    def clients2(self, ef, queries):
        return self.search(ef, queries, clients=2)

    def writes(self):
        self.ready()
        self.loaded = False
        return {"insert": self.worker.ask(f"insert {self.run.insert_first} {self.run.inserts}")}


class PgSystem(System):
    in_process = False
    modes = ("search", "search100", "filtered", "clients2", "pipeline", "batch")

    def open(self):
        self.sessions = []
        # The index, and so the database, is that of the system without settings of sessions.
        of_index = "@".join(part for part in self.label.split("@") if not of_session(part.partition("=")[0]))
        self.database = f"bench_{file_name(self.run.folder_name)}_{file_name(of_index)}"
        if len(self.database) > 55:
            self.database = self.database[:44] + "_" + hashlib.sha1(self.database.encode()).hexdigest()[:10]
        extension = self.known["extension"]
        self.table, self.index = "items", "items_hnsw"
        self.operator = OPERATORS[self.run.metric]
        code = self.code_hash()
        with self.admin() as ask:
            if not ask(f"sql SELECT 1 FROM pg_available_extensions WHERE name = '{extension}'")["rows"]:
                raise Skip(f"extension {extension} is not installed in the private server")
            mark = ask("sql SELECT shobj_description(oid, 'pg_database') FROM pg_database "
                       f"WHERE datname = '{self.database}'")["rows"]
            if mark != [[code]]:
                # Another build of the extension: its SQL objects and its index format may differ.
                ask(f"sql DROP DATABASE IF EXISTS {self.database}")
                ask(f"sql CREATE DATABASE {self.database}")
                ask(f"sql COMMENT ON DATABASE {self.database} IS '{code}'")
        self.connect()
        try:
            self.sql(f"CREATE EXTENSION IF NOT EXISTS {extension}")
            self.check_operator_class()
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

    def check_operator_class(self):
        name = self.opclass()
        if not self.sql("SELECT 1 FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod "
                        f"WHERE a.amname = 'hnsw' AND c.opcname = '{name}'"):
            raise Skip(f"no operator class {name} for hnsw in this {self.known['extension']}")
        # An option that this build does not know is found here, not after the rows have been loaded.
        self.sql(f"CREATE TEMP TABLE probe (embedding vector({self.run.dim}))")
        self.sql(f"CREATE INDEX ON probe USING hnsw ({self.column()} {name}) WITH ({self.options()})")
        self.sql("DROP TABLE probe")

    @contextlib.contextmanager
    def admin(self):
        worker = self.new_worker("postgres")
        try:
            yield worker.ask
        finally:
            worker.close()

    def new_worker(self, database):
        worker = Worker(os.path.join(self.run.bin, "pg_worker"), **self.run.data, table="items",
                        conninfo=self.run.cluster.conninfo(database))
        worker.ask("sql SET client_min_messages = warning")
        # Indexes are compared, not when a planner leaves one for a scan of the table (a large ef, few rows).
        worker.ask("sql SET enable_seqscan = off")
        for key, value in self.settings.items():
            if of_session(key):
                worker.ask(f"sql SET {key} = '{value}'")
        return worker

    def connect(self, clients=1, database=None):
        """So many sessions, fresh ones."""
        self.close()
        self.sessions = [self.new_worker(database or self.database) for _ in range(clients)]
        self.prepared = None

    def close(self):
        for session in self.sessions:
            session.close()
        self.sessions = []

    @property
    def worker(self):
        return self.sessions[0]

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

    def everywhere(self, text):
        return [session.ask(text) for session in self.sessions]

    def comment(self, name):
        rows = self.sql(f"SELECT obj_description(to_regclass('{name}'))")
        return rows[0][0] if rows else None

    # The state of table and index is in their comments: what was interrupted has none and is made again.
    def ensure_table(self):
        if self.comment(self.table) == "fresh":
            return
        self.sql(f"DROP TABLE IF EXISTS {self.table}")
        self.sql(f"CREATE TABLE {self.table} (id bigint PRIMARY KEY, embedding vector({self.run.dim}))")
        self.run.say(f"{self.label}: loading {self.run.rows:,} rows")
        self.worker.ask("load")
        self.sql(f"VACUUM (ANALYZE, FREEZE) {self.table}")
        self.sql("CHECKPOINT")
        self.sql(f"COMMENT ON TABLE {self.table} IS 'fresh'")

    def column(self, name="embedding"):
        kind, dim = self.known.get("type", "vector"), self.run.dim
        if kind == "bit":
            return f"(binary_quantize({name})::bit({dim}))"
        return name if kind == "vector" else f"({name}::{kind}({dim}))"

    def opclass(self):
        return self.known.get("opclass", "vector_{metric}_ops").format(metric=self.run.metric)

    def options(self):
        options = {"m": self.settings["m"], "ef_construction": self.settings["efc"]}
        options.update({k: v for k, v in self.settings.items() if k not in ("m", "efc") and not of_session(k)})
        return ", ".join(f"{k} = {v}" for k, v in options.items())

    def nearest(self, query, k, ef, left_out=0):
        """The statement that finds the k nearest of `query` (an expression of type vector)."""
        kind = self.known.get("type", "vector")
        where = f"WHERE (id * 2654435761) % 4294967296 >= {left_out} " if left_out else ""
        if kind == "bit":
            inner = (f"SELECT id, embedding FROM {self.table} {where}ORDER BY {self.column()} <~> "
                     f"binary_quantize({query})::bit({self.run.dim}) LIMIT {max(ef, k)}")
            return f"SELECT id FROM ({inner}) c ORDER BY embedding {self.operator} {query} LIMIT {k}"
        cast = "" if kind == "vector" else f"::{kind}({self.run.dim})"
        return f"SELECT id FROM {self.table} {where}ORDER BY {self.column()} {self.operator} {query}{cast} LIMIT {k}"

    def create_index(self, workers):
        self.ensure_table()
        self.sql(f"DROP INDEX IF EXISTS {self.index}")
        self.sql("CHECKPOINT")
        self.connect()  # a new process: its peak of memory is the build's
        self.sql(f"SET max_parallel_maintenance_workers = {workers}")
        before = self.run.cluster.cpu_seconds()
        with BuildWatch(self.run.cluster) as watch:
            wall = self.worker.ask(f"sql CREATE INDEX {self.index} ON {self.table} USING hnsw "
                                   f"({self.column()} {self.opclass()}) WITH ({self.options()})")["seconds"]
        result = {"seconds": wall, "cpu_seconds": self.run.cluster.cpu_seconds() - before,
                  "workers_allowed": workers, "workers_seen": watch.workers, "memory_bytes": watch.memory,
                  "hwm_bytes": watch.hwm, "index_bytes": self.index_bytes()}
        self.sql(f"COMMENT ON INDEX {self.index} IS '{self.fresh_mark(result)}'")
        return result

    def index_bytes(self):
        return int(self.sql(f"SELECT pg_relation_size('{self.index}')")[0][0])

    def fresh_mark(self, result=None):
        of_index = {k: v for k, v in self.settings.items() if not of_session(k)}
        return "fresh " + json.dumps(of_index, sort_keys=True) + (" " + json.dumps(result) if result else "")

    def fresh(self):
        """What the serial build took if its index is there: it is the one that is searched, because only it is the same
        every time."""
        comment = self.comment(self.index) or ""
        result = json.loads(comment[len(self.fresh_mark()):]) if comment.startswith(self.fresh_mark()) else None
        return result if result and result["workers_allowed"] == 0 else None

    def build(self):
        stored = self.fresh()
        return stored if stored and not self.run.forgets(self.label, "build") else self.create_index(0)

    def build_parallel(self):
        result = self.create_index(2)
        if result["workers_seen"] == 0:
            # PostgreSQL looks at the heap's pages, and wide vectors are stored out of line: say what a hint gives.
            self.sql(f"ALTER TABLE {self.table} SET (parallel_workers = 2)")
            result = {"without_hint": result, **self.create_index(2), "hint": "parallel_workers = 2"}
            self.sql(f"ALTER TABLE {self.table} RESET (parallel_workers)")
        return result

    def ready(self, k=10):
        self.ensure_table()
        if not self.fresh():
            self.run.say(f"{self.label}: building the index again")
            self.create_index(0)
        self.prepare(k, self.run.efs[0])

    def check_plan(self, lines):
        plan = "\n".join(row[0] for row in lines)
        if f"Index Scan using {self.index}" not in plan:
            raise RuntimeError(f"{self.label}: the plan is not a scan of the index:\n{plan[:600]}")
        return plan

    def prepare(self, k, ef, left_out=0):
        """The search statement in every session. A statement without the effort in its text is prepared once."""
        wanted = (k, ef if self.known.get("type") == "bit" else None, left_out, len(self.sessions))
        if self.prepared == wanted:
            return
        self.everywhere("sql DEALLOCATE ALL")
        self.everywhere("prepare search " + self.nearest("$1::vector", k, ef, left_out))
        # After five runs PostgreSQL decides between a custom and a generic plan.
        self.everywhere(f"search 10 {k} {left_out}")
        self.plan = "generic" if "$1" in self.check_plan(self.worker.ask("explain")["rows"]) else "custom"
        self.prepared = wanted

    def effort(self, ef, k=10, left_out=0):
        self.everywhere(f"sql SET hnsw.ef_search = {ef}")
        self.prepare(k, ef, left_out)

    def place(self, together):
        """Client and server on one processor where they take turns: where the system places them is chance, and waking each
        other across processors of a virtual machine can double the time of a query. Anywhere else, on any."""
        processors = os.sched_getaffinity(0)
        for session in self.sessions:
            server = int(session.ask("sql SELECT pg_backend_pid()")["rows"][0][0])
            for pid in (session.process.pid, server):
                os.sched_setaffinity(pid, {min(processors)} if together else processors)

    def search(self, ef, queries, k=10, deleted=0):
        self.effort(ef, k)
        self.place(together=len(self.sessions) == 1)
        return self.worker.ask(f"search {queries} {k} {deleted}")

    def filtered(self, ef, queries):
        """Of a tenth of the rows, in exact order: the condition is not in the index."""
        self.everywhere("sql SET hnsw.iterative_scan = strict_order")
        self.everywhere("sql SET enable_sort = off")  # or the planner may sort what a key's index gives
        try:
            self.effort(ef, left_out=LEFT_OUT)
            self.place(together=True)
            return self.worker.ask(f"search {queries} 10 {LEFT_OUT}")
        finally:
            self.everywhere("sql RESET hnsw.iterative_scan")
            self.everywhere("sql RESET enable_sort")

    def clients2(self, ef, queries):
        if len(self.sessions) != 2:
            self.connect(2)
        self.effort(ef)
        self.place(together=False)
        for session in self.sessions:
            session.send(f"search {queries} 10 0")
        answers = [session.receive() for session in self.sessions]
        result = {name: sum(a[name] for a in answers) / len(answers) for name in answers[0]}
        result["p99_us"] = max(a["p99_us"] for a in answers)
        result["qps"] = sum(a["count"] for a in answers) / max(a["seconds"] for a in answers)
        return result

    def pipeline(self, ef, queries):
        self.effort(ef)
        self.place(together=False)
        return self.worker.ask(f"pipeline {queries} 10")

    def batch(self, ef, queries):
        """One statement for all queries, on one core."""
        name = f"{self.table}_queries"
        if self.comment(name) != f"fresh {queries}":
            self.sql(f"DROP TABLE IF EXISTS {name}")
            self.sql(f"CREATE TABLE {name} (id bigint, embedding vector({self.run.dim}))")
            self.worker.ask(f"queries {queries}")
            self.sql(f"ANALYZE {name}")
            self.sql(f"COMMENT ON TABLE {name} IS 'fresh {queries}'")
        self.sql("SET max_parallel_workers_per_gather = 0")
        self.effort(ef)
        statement = f"SELECT q.id, n.id FROM {name} q CROSS JOIN LATERAL ({self.nearest('q.embedding', 10, ef)}) n"
        self.check_plan(self.sql("EXPLAIN " + statement))
        return self.worker.ask(f"batch {queries} 10 {statement}")

    def floor(self):
        self.ensure_table()
        self.prepared = None
        self.place(together=True)
        self.sql("DEALLOCATE ALL")
        self.worker.ask(f"prepare key SELECT id FROM {self.table} WHERE id = $1::bigint")
        self.worker.ask(f"prepare keyvector SELECT id FROM {self.table} WHERE id = $1::bigint AND $2::vector IS NOT NULL")
        result = {}
        for name, vectors in (("key", 0), ("keyvector", 1)):
            self.worker.ask(f"floor {name} 2000 {vectors}")
            rounds = [self.worker.ask(f"floor {name} 10000 {vectors}") for _ in range(3)]
            result[name] = sorted(rounds, key=lambda r: r["qps"])[1]
        return result

    def cold(self, ef):
        """The first queries after a restart of the server, the files of the cluster out of the system's cache."""
        self.ready()
        self.sql("CHECKPOINT")
        self.close()
        self.run.cluster.restart_cold()
        self.connect()
        self.sql(f"SET hnsw.ef_search = {ef}")
        self.worker.ask("prepare search " + self.nearest("$1::vector", 10, ef))
        first = self.worker.ask("search 1 10 0")["p50_us"]
        following = self.worker.ask("search 100 10 0")
        return {"ef": ef, "first_us": first, "following_p50_us": following["p50_us"],
                "following_p99_us": following["p99_us"], "following_mean_us": 1e6 / following["qps"]}

    def lsn(self):
        return self.sql("SELECT pg_current_wal_insert_lsn()")[0][0]

    def wal(self, start):
        """Bytes of WAL since a position: all, those of records, and of full-page images in them."""
        end = self.lsn()
        total = int(self.sql(f"SELECT pg_wal_lsn_diff('{end}', '{start}')::bigint")[0][0])
        self.sql("CHECKPOINT")
        text = self.run.cluster.run("pg_waldump", "-p", os.path.join(self.run.cluster.data, "pg_wal"), "-s", start,
                                    "-e", end, "--stats")
        numbers = re.search(r"^Total\s+(\d+)\s+(\d+)\s+\[.*?\]\s+(\d+)", text, re.M)
        return {"wal_bytes": total, "records": int(numbers[1]), "record_bytes": int(numbers[2]),
                "fpi_bytes": int(numbers[3])}

    def measured_insert(self, statement, first, count):
        self.sql("CHECKPOINT")
        self.place(together=True)
        start = self.lsn()
        before = self.run.cluster.cpu_seconds()
        result = self.worker.ask(f"insert {statement} {first} {count}")
        result["cluster_cpu_us"] = 1e6 * (self.run.cluster.cpu_seconds() - before) / max(result["count"], 1)
        result.update(self.wal(start))
        return result

    def writes(self):
        """Inserts, then VACUUM after deleting 10 %, then searches, all in a copy of the database: the index that is
        searched stays as it was built."""
        self.ready()
        self.close()
        scratch = self.database + "_w"
        with self.admin() as ask:
            ask(f"sql DROP DATABASE IF EXISTS {scratch}")
            ask(f"sql CREATE DATABASE {scratch} TEMPLATE {self.database} STRATEGY file_copy")
        try:
            self.connect(database=scratch)
            result = {"insert": self.insert()}
            if self.run.with_vacuum:
                result.update({"vacuum": self.vacuum(), "search_after_vacuum": self.search_what_is_left()})
            return result
        finally:
            self.close()
            with self.admin() as ask:
                ask(f"sql DROP DATABASE {scratch}")
            self.connect()

    def insert(self):
        self.sql(f"CREATE TABLE plain (id bigint PRIMARY KEY, embedding vector({self.run.dim}))")
        for name, table in (("plain", "plain"), ("indexed", self.table)):
            self.worker.ask(f"prepare {name} INSERT INTO {table} VALUES ($1::bigint, $2::vector)")
        # As on a server that has been running for a while: not the reading of files is measured.
        self.sql("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        self.sql("SELECT pg_prewarm(c.oid) FROM pg_class c "
                 f"WHERE c.oid = '{self.table}'::regclass OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = '{self.table}'::regclass)")
        first, count = self.run.insert_first, self.run.inserts
        result = {"table_alone": self.measured_insert("plain", first, count)}
        result.update(self.measured_insert("indexed", first, count))
        return result

    def vacuum(self):
        self.sql(f"DELETE FROM {self.table} WHERE id >= {self.run.rows} OR {HASH} < {self.run.deleted}")
        rows = int(self.sql(f"SELECT count(*) FROM {self.table}")[0][0])
        self.sql("CHECKPOINT")
        self.place(together=True)
        start = self.lsn()
        before = self.run.cluster.cpu_seconds()
        wall = self.worker.ask(f"sql VACUUM (INDEX_CLEANUP ON, PARALLEL 0) {self.table}")["seconds"]
        cpu = self.run.cluster.cpu_seconds() - before
        return {"seconds": wall, "cpu_seconds": cpu, "rows_left": rows, "index_bytes": self.index_bytes(),
                **self.wal(start)}

    def search_what_is_left(self):
        return {str(ef): self.search(ef, min(self.run.queries, 1000), deleted=self.run.deleted)
                for ef in self.run.efs if ef <= 250}
