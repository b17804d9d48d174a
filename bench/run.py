#!/usr/bin/env python3
# bench/run.py - one interleaved run of all systems; `make bench` calls it. Options are environment variables: see
# bench/README.md. Each result is stored as it finishes, and what is stored is not measured again unless FRESH=1.
import shutil
import atexit
import fcntl
import hashlib
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import time

import report
from cluster import Cluster, memory_bytes
from store import Store
from systems import Skip, make_system

HERE = os.path.dirname(os.path.abspath(__file__))
FASHION = "/usr/share/datasets/fashion-mnist"
STAGES = ("build", "floor", "search", "insert", "vacuum")


def option(name, otherwise):
    return os.environ.get(name) or otherwise


def shell(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def machine():
    with open("/proc/cpuinfo") as f:
        text = f.read()
    model = re.search(r"^model name\s*: (.*)", text, re.M)
    flags = set((re.search(r"^flags\s*: (.*)", text, re.M) or ["", ""])[1].split())
    wanted = ("avx2", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_vpopcntdq")
    return {"cpu": model[1] if model else platform.machine(), "cores": os.cpu_count(),
            "flags": [flag for flag in wanted if flag in flags], "memory_gib": round(memory_bytes() / (1 << 30), 1),
            "kernel": platform.release(), "load": [round(x, 2) for x in os.getloadavg()]}


class Run:
    def __init__(self, bin_folder):
        self.started = time.time()
        self.bin = bin_folder
        self.folder = ".dev/bench"
        self.k = 10
        self.m = int(option("M", 16))
        self.efc = int(option("EFC", 64))
        self.metric = option("METRIC", "l2")
        self.rows_wanted = int(option("ROWS", 0))
        self.queries = int(option("QUERIES", 2000))
        self.rounds = int(option("ROUNDS", 5))
        self.inserts = int(option("INSERTS", 1000))
        self.efs = [int(x) for x in option("EF", "10,16,24,40,64,100,160,250,400").split(",")]
        self.stages = option("STAGES", ",".join(STAGES)).split(",")
        self.systems = option("SYSTEMS", "ruvector,pgvector,hnswlib,faiss,faiss_sq8").split(",")
        self.server = option("RUVECTOR_SERVER", "")
        self.pg_config = option("PG_CONFIG", "pg_config")
        self.deleted = int(0.1 * (1 << 32))
        self.pgvector_note = ""
        note = os.path.join(self.server, "pgvector.built")
        if os.path.exists(note):
            with open(note) as f:
                self.pgvector_note = f.read().strip()
        if min(self.efs) < self.k:
            raise SystemExit(f"EF: at least {self.k}, because recall@{self.k} is measured")
        self.prepare_data()
        # "PostgreSQL 15.20 (Debian ...)"
        self.pg_version = " ".join(shell(self.pg_config, "--version").split()[:2])
        major = re.sub(r"\D.*", "", self.pg_version.split()[-1])
        self.id = option("ID", f"{self.data_id}-m{self.m}-efc{self.efc}-pg{major}")
        raw = self.rows * self.dim * 4
        bindir = self.server + shell(self.pg_config, "--bindir")
        self.cluster = Cluster(bindir, os.path.join(self.folder, f"pg{major}"), raw)
        self.store = Store(os.path.join(HERE, "results", self.id + ".json"), option("FRESH", ""))

    def say(self, text):
        print(f"[{time.time() - self.started:7.1f}s] {text}", flush=True)

    def prepare_data(self):
        data = option("DATA", "")
        if data:
            base, _, query = data.partition(",")
            base, query = os.path.abspath(base), os.path.abspath(query)
            default_name = os.path.basename(os.path.dirname(base)) or "data"
        else:
            base = f"{FASHION}/train-images-idx3-ubyte.gz"
            query = f"{FASHION}/t10k-images-idx3-ubyte.gz"
            default_name = "fashion-mnist"
        for path in (base, query):
            if not os.path.exists(path):
                raise SystemExit(f"{path} is missing; the default data is the Debian package dataset-fashion-mnist")
        self.data_name = option("NAME", default_name)
        key = f"{base} {query} {os.path.getmtime(base)} {os.path.getmtime(query)} {self.metric} {self.queries}"
        folder = os.path.join(self.folder, "data", hashlib.sha1(f"{key} {self.rows_wanted}".encode()).hexdigest()[:12])
        done = os.path.join(folder, "done")
        if not os.path.exists(done):
            os.makedirs(folder, exist_ok=True)
            self.say(f"preparing {self.data_name} and its exact answers")
            result = subprocess.run([os.path.join(self.bin, "prepare"), base, query, str(self.rows_wanted),
                                     str(self.queries), self.metric, folder], stdout=subprocess.PIPE, text=True,
                                    check=False)
            if result.returncode != 0:
                raise SystemExit("the data could not be prepared")
            with open(done, "w") as f:
                f.write(result.stdout)
        with open(done) as f:
            self.rows, queries, self.dim, self.queries = (int(x) for x in f.read().split())
        # New rows are query vectors that no search uses, where there are enough of them.
        self.inserts = min(self.inserts, queries)
        self.insert_first = queries - self.inserts
        self.data = {"base": f"{folder}/base.fvecs", "query": f"{folder}/query.fvecs",
                     "truth": f"{folder}/truth.ivecs", "metric": self.metric}
        self.data_id = f"{self.data_name}-{self.rows}x{self.dim}-{self.metric}"

    def describe(self):
        commit = shell("git", "rev-parse", "--short", "HEAD")
        if shell("git", "status", "--porcelain", "--untracked-files=no", "src", "include", "sql"):
            commit += "+changes"
        self.store.data.update({
            "id": self.id, "commit": commit, "machine": machine(), "postgres": self.pg_version,
            "date": time.strftime("%Y-%m-%d"),
            "data": {"name": self.data_name, "rows": self.rows, "dim": self.dim, "metric": self.metric,
                     "queries": self.queries, "raw_bytes": self.rows * self.dim * 4},
            "settings": {"m": self.m, "ef_construction": self.efc, "k": self.k, "rounds": self.rounds,
                         "inserts": self.inserts, "postgres": self.cluster.settings,
                         "client": "one connection, Unix socket, prepared statement, binary parameters and results"}})
        self.store.save()

    def go(self):
        self.describe()
        m = self.store.data["machine"]
        self.say(f"{m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, {' '.join(m['flags'])}, load {m['load'][0]}")
        self.say(f"{self.data_id}: {self.queries} queries, recall@{self.k}; id {self.id}; {self.pg_version}")
        self.cluster.start()
        systems = []
        try:
            for label in self.systems:
                system = make_system(label, self)
                try:
                    info = system.open()
                except Skip as reason:
                    self.say(f"{label}: skipped: {reason}")
                    continue
                systems.append(system)
                entry = self.store.system(label)
                entry.update(info)
                entry["in_process"] = system.in_process
                self.say(f"{label}: {info['version']}" + (f", SIMD {info['simd']}" if "simd" in info else ""))
            for stage in STAGES:
                if stage in self.stages:
                    getattr(self, "stage_" + stage)(systems)
        finally:
            for system in systems:
                system.close()
            self.cluster.stop()

    def measure(self, system, stage, call):
        if self.store.has(system.label, stage):
            self.say(f"{system.label}: {stage}: stored already")
            return
        self.say(f"{system.label}: {stage}")
        load = os.getloadavg()[0]
        result = call()
        result["load"] = round(load, 2)
        self.store.put(system.label, stage, result)
        figures = ", ".join(f"{key} {value:,.4g}" for key, value in result.items() if isinstance(value, (int, float)))
        self.say(f"{system.label}: {stage}: {figures}")

    def stage_build(self, systems):
        for system in systems:
            for stage, call in system.builds().items():
                self.measure(system, stage, call)

    def stage_floor(self, systems):
        for system in systems:
            if not system.in_process:
                self.measure(system, "floor", system.floor)
                break  # the same server for all

    def stage_search(self, systems):
        wanted = [ef for ef in self.efs
                  if any(str(ef) not in self.store.system(s.label)["search"] for s in systems)]
        if not wanted:
            self.say("search: stored already")
            return
        for system in systems:
            system.ready()
            system.search(max(wanted), min(500, self.queries))  # warm: session, caches, branch predictors
        for ef in wanted:
            self.interleave(systems, ef, self.rounds, "search")

    def interleave(self, systems, ef, rounds, key, deleted=0):
        """A B C A B C ...: a change of the machine's speed hits all alike. If one is missing, all are measured."""
        results = {s.label: [] for s in systems}
        for s in systems:
            s.search(ef, min(200, self.queries), deleted)
        load = os.getloadavg()[0]
        for number in range(rounds):
            for s in systems if number % 2 == 0 else reversed(systems):
                results[s.label].append(s.search(ef, self.queries, deleted))
        stamp = int(time.time())
        line = []
        for s in systems:
            rs = results[s.label]
            entry = {name: statistics.median(r[name] for r in rs)
                     for name in ("recall", "recall_se", "qps", "p50_us", "p95_us", "p99_us", "cpu_us")}
            entry.update({"qps_rounds": [round(r["qps"], 1) for r in rs], "qps_max": max(r["qps"] for r in rs),
                          "load": round(load, 2), "interleaved_at": stamp})
            if hasattr(s, "plan"):
                entry["plan"] = s.plan
            self.store.system(s.label).setdefault(key, {})[str(ef)] = entry
            line.append(f"{s.label} {entry['recall']:.4f} {entry['qps']:,.0f}/s")
        self.store.save()
        self.say(f"{key} ef={ef}: " + "; ".join(line))

    def stage_insert(self, systems):
        for system in systems:
            self.measure(system, "insert", system.insert)

    def stage_vacuum(self, systems):
        databases = [s for s in systems if not s.in_process]
        for system in databases:
            self.measure(system, "vacuum", system.vacuum)
        ready = [s for s in databases if s.vacuumed()]
        wanted = [ef for ef in self.efs
                  if any(str(ef) not in self.store.system(s.label).get("search_after_vacuum", {}) for s in ready)]
        for system in ready if wanted else []:
            system.prepare()
            system.search(max(wanted), self.queries, self.deleted)
        for ef in wanted:
            self.interleave(ready, ef, 1, "search_after_vacuum", self.deleted)


def keep_processors_awake():
    """One idle-priority loop per processor, so that none sleeps between a client's question and the server's answer: in a
    virtual machine waking one up costs more than a query. What measures is never held up by them (SCHED_IDLE)."""
    loops = []
    if os.environ.get("AWAKE", "1") == "1" and shutil.which("chrt"):
        for _ in range(os.cpu_count() or 1):
            loops.append(subprocess.Popen(["chrt", "-i", "0", "sh", "-c", "while :; do :; done"]))
    atexit.register(lambda: [loop.kill() for loop in loops])


def main():
    bin_folder = next((a[6:] for a in sys.argv[1:] if a.startswith("--bin=")), "build/bench/bin")
    # One run at a time in a source tree: two would share the cluster. The file holds the process id to interrupt.
    os.makedirs(".dev/bench", exist_ok=True)
    lock = open(".dev/bench/pid", "a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        raise SystemExit(f"bench: process {lock.read().strip()} is measuring in this tree already") from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    # An ordinary end must stop the cluster too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run = Run(bin_folder)
    keep_processors_awake()
    try:
        run.go()
    except KeyboardInterrupt:
        raise SystemExit("interrupted; the same command goes on from here") from None
    except RuntimeError as e:
        raise SystemExit(f"bench: {e}") from None
    report.main(run.id)


if __name__ == "__main__":
    main()
