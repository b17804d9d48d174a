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
import sets
from cluster import Cluster, memory_bytes
from store import Store
from systems import Skip, make_system

HERE = os.path.dirname(os.path.abspath(__file__))
# Measured for every ef, all systems interleaved; the others once a system.
CURVE_STAGES = ("search", "search100", "filtered", "clients2", "pipeline", "batch")
STAGES = ("build_parallel", "build", "floor", *CURVE_STAGES, "cold", "writes")
COMPLETE = 0.9995  # recall from which more effort is not measured
SYSTEMS = ("ruvector,ruvector_int8,ruvector_pq,ruvector_binary,ruvector_int8_compact,ruvector_binary_compact,"
           "pgvector,pgvector_halfvec,pgvector_bit,hnswlib,faiss,faiss_sq8")


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
    """One data set, all systems."""

    def __init__(self, bin_folder, name):
        self.started = time.time()
        self.steps = self.done = 0
        self.restarted = False  # the server, since it may have built indexes
        self.bin = bin_folder
        self.folder = ".dev/bench"
        self.k = 10
        self.m = int(option("M", 16))
        self.efc = int(option("EFC", 64))
        self.rows_wanted = int(option("ROWS", 0))
        self.queries = int(option("QUERIES", 2000))
        self.rounds = int(option("ROUNDS", 5))
        self.inserts = int(option("INSERTS", 1000))
        self.with_vacuum = option("VACUUM", "1") != "0"
        self.efs = sorted(int(x) for x in option("EF", "10,16,24,40,64,100,160,250,400,800").split(","))
        self.stages = option("STAGES", ",".join(STAGES)).split(",")
        self.systems = option("SYSTEMS", SYSTEMS).split(",")
        self.server = os.path.abspath(option("RUVECTOR_SERVER", "/"))
        self.pg_config = option("PG_CONFIG", "pg_config")
        self.deleted = int(0.1 * (1 << 32))
        self.fresh = set(filter(None, option("FRESH", "").split(",")))
        self.pgvector_note = ""
        note = os.path.join(self.server, "pgvector.built")
        if os.path.exists(note):
            with open(note) as f:
                self.pgvector_note = f.read().strip()
        if self.efs[0] < self.k:
            raise SystemExit(f"EF: at least {self.k}, because recall@{self.k} is measured")
        for stage in self.stages:
            if stage not in STAGES:
                raise SystemExit(f"unknown stage {stage}; known: {', '.join(STAGES)}")
        self.prepare_data(name)
        # "PostgreSQL 15.20 (Debian ...)"
        self.pg_version = " ".join(shell(self.pg_config, "--version").split()[:2])
        major = re.sub(r"\D.*", "", self.pg_version.split()[-1])
        self.id = option("ID", "") or f"{self.folder_name}-m{self.m}-efc{self.efc}-pg{major}"
        raw = self.rows * self.dim * 4
        bindir = self.server.rstrip('/') + shell(self.pg_config, "--bindir")
        self.cluster = Cluster(bindir, os.path.join(self.folder, f"pg{major}"), raw)
        self.store = Store(os.path.join(HERE, "results", self.id + ".json"), option("FRESH", ""), self.systems)

    def forgets(self, *names):
        return bool(self.fresh & {"1", *names})

    def say(self, text):
        bar = ""
        if self.steps:
            full = 16 * min(self.done, self.steps) // self.steps
            bar = f"|{'#' * full}{'.' * (16 - full)}| {self.done}/{self.steps} "
        print(f"[{bar}{time.time() - self.started:7.1f}s] {text}", flush=True)

    def prepare_data(self, name):
        top = os.path.join(self.folder, "data")
        os.makedirs(top, exist_ok=True)
        if option("DATA", ""):
            base, _, query = option("DATA", "").partition(",")
            base, query = os.path.abspath(base), os.path.abspath(query)
            for path in (base, query):
                if not os.path.exists(path):
                    raise SystemExit(f"{path} is missing")
            name = option("NAME", os.path.basename(os.path.dirname(base)) or "data")
            self.metric = option("METRIC", "l2")
            key = f"{base} {query} {os.path.getmtime(base)} {os.path.getmtime(query)} {self.metric} {self.rows_wanted}"
            folder = os.path.join(top, f"{name}-{hashlib.sha1(key.encode()).hexdigest()[:12]}")
            if not sets.prepared(folder):
                os.makedirs(folder, exist_ok=True)
                self.say(f"preparing {name} and its exact answers")
                sets.run_prepare(self.bin, base, query, self.rows_wanted, self.metric, folder)
        else:
            self.metric = option("METRIC", sets.SETS.get(name, {}).get("metric"))
            folder = sets.named(name, top, self.bin, self.metric, self.rows_wanted, self.say)
        self.data_name, self.folder_name = name, os.path.basename(folder)
        self.rows, queries, self.dim, answered = sets.prepared(folder)
        # New rows are query vectors that no search uses, where there are enough of them.
        self.inserts = min(self.inserts, queries)
        self.insert_first = queries - self.inserts
        self.queries = min(self.queries, answered)
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
                    system.close()
                    continue
                systems.append(system)
                entry = self.store.system(label)
                entry.update(info)
                entry["in_process"] = system.in_process
                self.say(f"{label}: {info['version']}" + (f", SIMD {info['simd']}" if "simd" in info else ""))
            self.steps = sum(self.planned(stage, systems) for stage in self.stages)
            for stage in STAGES:
                if stage in self.stages:
                    if stage in CURVE_STAGES:
                        self.curve_stage(stage, systems)
                    else:
                        getattr(self, "stage_" + stage)(systems)
        finally:
            for system in systems:
                system.close()
            self.cluster.stop()

    def planned(self, stage, systems):
        """Steps of the progress bar."""
        databases = sum(not s.in_process for s in systems)
        if stage in CURVE_STAGES:
            return len(self.efs_of(stage))
        return {"build_parallel": databases, "build": len(systems), "floor": min(databases, 1), "cold": databases,
                "writes": len(systems)}[stage]

    def measure(self, system, stage, call):
        self.done += 1
        if self.store.has(system.label, stage):
            self.say(f"{system.label}: {stage}: stored already")
            return
        self.say(f"{system.label}: {stage}")
        load = os.getloadavg()[0]
        result = call()
        result["load"] = round(load, 2)
        self.store.put(system.label, stage, result)
        self.say_result(system, stage, result)

    def say_result(self, system, stage, result):
        figures = ", ".join(f"{key} {value:,.4g}" for key, value in result.items() if isinstance(value, (int, float)))
        self.say(f"{system.label}: {stage}: {figures}")

    def stage_build_parallel(self, systems):
        for system in systems:
            if not system.in_process:
                self.measure(system, "build_parallel", system.build_parallel)

    def stage_build(self, systems):
        for system in systems:
            self.measure(system, "build", system.build)

    def stage_floor(self, systems):
        for system in systems:
            if not system.in_process:
                self.measure(system, "floor", system.floor)
                break  # the same server for all

    def efs_of(self, stage):
        return [ef for ef in self.efs if ef >= (100 if stage == "search100" else self.k)]

    def lacks(self, system, stage, ef):
        """Whether this point is to be measured: not when a smaller effort finds everything already."""
        points = self.store.curve(system.label, stage)
        return str(ef) not in points and not any(int(e) < ef and p["recall"] >= COMPLETE for e, p in points.items())

    def curve_stage(self, stage, systems):
        """Every ef: all systems that the stage fits, interleaved. If one lacks a setting, all are measured there again."""
        systems = [s for s in systems if stage in s.modes]
        warm = False
        for ef in self.efs_of(stage):
            self.done += 1
            if not any(self.lacks(s, stage, ef) for s in systems):
                continue
            wanted = [s for s in systems if self.lacks(s, stage, ef) or str(ef) in self.store.curve(s.label, stage)]
            if not warm:
                self.make_ready(systems)
                for system in systems:
                    system.search(250, min(500, self.queries))  # caches, sessions, branch predictors
                warm = True
            self.interleave(wanted, ef, stage)

    def make_ready(self, systems):
        """Indexes are there, and, once a run, fresh buffers for all: an index that was built a moment ago lies in them in
        another order than one that queries have read, which makes searches up to a fifth slower."""
        for system in systems:
            system.ready()
        if not self.restarted:
            databases = [s for s in systems if not s.in_process]
            for system in databases:
                system.close()
            self.cluster.stop()
            self.cluster.start()
            for system in databases:
                system.connect()
            self.restarted = True

    def call_of(self, system, stage, ef, queries):
        if stage == "search":
            return system.search(ef, queries)
        if stage == "search100":
            return system.search(ef, queries, k=100)
        return getattr(system, stage)(ef, queries)

    def interleave(self, systems, ef, stage):
        """A B C, C B A, ...: a change of the machine's speed hits all alike; medians of the rounds."""
        results = {s.label: [] for s in systems}
        queries = self.queries if stage == "search" else min(self.queries, 1000)
        rounds = self.rounds if stage == "search" else min(self.rounds, 3)
        failed = {}
        load = os.getloadavg()[0]
        for number in range(-1, rounds):  # round -1 warms up
            for s in systems if number % 2 == 0 else reversed(systems):
                if s.label in failed:
                    continue
                try:
                    result = self.call_of(s, stage, ef, queries if number >= 0 else min(200, queries))
                except RuntimeError as e:
                    failed[s.label] = str(e)
                    self.say(f"{s.label}: {stage} ef={ef}: failed: {e}")
                    continue
                if number >= 0:
                    results[s.label].append(result)
        stamp = int(time.time())
        line = []
        for s in systems:
            rs = results[s.label]
            if not rs or s.label in failed:
                continue
            entry = {name: statistics.median(r[name] for r in rs)
                     for name in ("recall", "recall_se", "qps", "p50_us", "p95_us", "p99_us", "cpu_us") if name in rs[0]}
            entry.update({"qps_rounds": [round(r["qps"], 1) for r in rs], "qps_max": max(r["qps"] for r in rs),
                          "load": round(load, 2), "interleaved_at": stamp})
            if hasattr(s, "plan"):
                entry["plan"] = s.plan
            self.store.curve(s.label, stage)[str(ef)] = entry
            line.append(f"{s.label} {entry['recall']:.4f} {entry['qps']:,.0f}/s")
        self.store.save()
        self.say(f"{stage} ef={ef}: " + "; ".join(line))

    def stage_cold(self, systems):
        databases = [s for s in systems if not s.in_process]
        for system in databases:
            self.measure(system, "cold", lambda s=system: self.cold(s, systems))

    def cold(self, system, systems):
        """At the smallest effort with recall 0.95. A restart ends every session."""
        points = self.store.curve(system.label, "search")
        enough = [int(ef) for ef, p in points.items() if p["recall"] >= 0.95]
        for other in systems:
            if other is not system and not other.in_process:
                other.close()
        system.ready()
        rounds = [system.cold(min(enough, default=40)) for _ in range(3)]
        for other in systems:
            if other is not system and not other.in_process:
                other.connect()
        return {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}

    def stage_writes(self, systems):
        for system in systems:
            self.done += 1
            if self.store.has(system.label, "insert"):
                self.say(f"{system.label}: writes: stored already")
                continue
            self.say(f"{system.label}: writes")
            load = os.getloadavg()[0]
            for name, result in system.writes().items():
                if name == "search_after_vacuum":
                    self.store.system(system.label)[name] = result
                else:
                    result["load"] = round(load, 2)
                    self.store.put(system.label, name, result)
                    self.say_result(system, name, result)
            self.store.save()


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
    keep_processors_awake()
    names = [option("NAME", "")] if option("DATA", "") else option("SETS", "fashion-mnist").split(",")
    if names == ["all"]:
        names = list(sets.SETS)
    if len(names) > 1 and option("ID", ""):
        raise SystemExit("ID names the results of one data set; give one in SETS")
    for name in names:
        try:
            run = Run(bin_folder, name)
            run.go()
        except sets.Missing as reason:
            print(f"{name}: skipped: {reason}", flush=True)
            continue
        except KeyboardInterrupt:
            raise SystemExit("interrupted; the same command goes on from here") from None
        except RuntimeError as e:
            raise SystemExit(f"bench: {name}: {e}") from None
        report.main(run.id)


if __name__ == "__main__":
    main()
