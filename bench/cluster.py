# bench/cluster.py - the throw-away PostgreSQL cluster of the benchmark and the processor time that it has used.
import os
import shutil
import subprocess
import tempfile
import threading

TICKS = os.sysconf("SC_CLK_TCK")


def memory_bytes():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def proc_stat(pid):
    """The fields of /proc/PID/stat after the name, or None if the process is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


class HugePages:
    """Reserves huge pages for shared buffers of a size while it is open, as docs/hnsw.md advises, where this user may (root)
    and the machine has the memory. `reserved`: how many of 2 MB there are."""

    COUNT = "/proc/sys/vm/nr_hugepages"

    def __init__(self, megabytes):
        self.wanted = megabytes // 2 * 104 // 100 + 64
        self.reserved, self.before = 0, None

    def __enter__(self):
        try:
            self.before = self.count()
            self.reserve(max(self.wanted, self.before))
            self.reserved = self.count() if self.count() >= self.wanted else 0
        except OSError:
            pass
        if not self.reserved:
            self.__exit__()
        return self

    def __exit__(self, *_):
        try:
            if self.before is not None:
                self.reserve(self.before)
        except OSError:
            pass

    def count(self):
        with open(self.COUNT) as f:
            return int(f.read())

    def reserve(self, count):
        with open(self.COUNT, "w") as f:
            f.write(str(count))


class Cluster:
    """One cluster, one database per system. Stays on disk so that an interrupted run can go on."""

    def __init__(self, bindir, folder, raw_bytes):
        self.bindir = bindir
        self.data = os.path.join(os.path.abspath(folder), "data")
        self.socket = None
        gib = 1 << 30
        ram = memory_bytes()
        self.settings = {
            # All systems' indexes and tables: they take turns, and none is to push another's pages out.
            "shared_buffers": f"{min(max(gib, 20 * raw_bytes + gib // 2), int(ram * 0.4)) >> 20}MB",
            "maintenance_work_mem": f"{min(max(gib, 4 * raw_bytes), int(ram * 0.25)) >> 20}MB",
            "jit": "off",
            "autovacuum": "off",
            "synchronous_commit": "off",
            "max_wal_size": "16GB",
            "wal_keep_size": "8GB",
            "checkpoint_timeout": "1h",
            "max_parallel_workers": "8",
            "listen_addresses": "''",
        }

    def run(self, program, *arguments, **options):
        command = [os.path.join(self.bindir, program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/", **options)
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stdout.strip()[-500:]}")
        return done.stdout

    def start(self):
        folder = os.path.dirname(self.data)
        os.makedirs(folder, exist_ok=True)
        # A socket's path may have 107 bytes at most, so it does not live in the source tree.
        self.socket = tempfile.mkdtemp(prefix="ruvector-bench-")
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            shutil.chown(self.socket, "postgres", "postgres")
        if not os.path.exists(os.path.join(self.data, "PG_VERSION")):
            self.run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C")
        elif os.path.exists(os.path.join(self.data, "postmaster.pid")):
            try:
                self.run("pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop")
            except RuntimeError:
                pass  # a left-over file of a server that is gone
        options = " ".join(f"-c {name}={value}" for name, value in self.settings.items())
        options += f" -c unix_socket_directories={self.socket} -c port=5432"
        try:
            self.run("pg_ctl", "-D", self.data, "-w", "-l", os.path.join(folder, "server.log"), "-o", options, "start",
                     stdin=subprocess.DEVNULL)
        except RuntimeError:
            shutil.rmtree(self.socket, ignore_errors=True)
            raise
        with open(os.path.join(self.data, "postmaster.pid")) as f:
            self.postmaster = int(f.readline())

    def stop(self):
        if self.socket:
            try:
                self.run("pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop")
            finally:
                shutil.rmtree(self.socket, ignore_errors=True)
                self.socket = None

    def restart_cold(self):
        """Down, its files out of the system's cache, up again. Works without root: clean pages of a file can be let go."""
        self.stop()
        os.sync()
        for folder, _, names in os.walk(os.path.join(self.data, "base")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        self.start()

    def conninfo(self, database):
        return f"host={self.socket} port=5432 user=postgres dbname={database}"

    def children(self):
        for name in os.listdir("/proc"):
            if name.isdigit():
                stat = proc_stat(name)
                if stat and int(stat[1]) == self.postmaster:
                    yield int(name), stat

    def cpu_seconds(self):
        """Processor time of every process that the postmaster ever had: those that live and those waited for."""
        ticks = sum(int(stat[11]) + int(stat[12]) for _, stat in self.children())
        own = proc_stat(self.postmaster)
        return (ticks + int(own[13]) + int(own[14])) / TICKS


class BuildWatch:
    """Workers and memory of what runs while it is open. `memory` is private memory of the backends and their workers plus
    their shared segments (not shared_buffers), sampled; `hwm` the sum of the processes' own peaks, shared_buffers in it."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.workers = self.memory = self.hwm = 0
        self.peaks = {}
        self.done = threading.Event()

    def look(self):
        while not self.done.wait(0.2):
            workers, private, segments = 0, 0, {}
            for pid, _ in self.cluster.children():
                try:
                    with open(f"/proc/{pid}/cmdline") as f:
                        title = f.read()
                    if "parallel worker" not in title and "CREATE INDEX" not in title:
                        continue
                    workers += "parallel worker" in title
                    status = read_kib(f"/proc/{pid}/status", ("RssAnon", "VmHWM"))
                    private += status["RssAnon"]
                    self.peaks[pid] = status["VmHWM"]
                    for name, size in segment_sizes(pid):
                        segments[name] = max(size, segments.get(name, 0))
                except (OSError, KeyError):
                    pass  # gone meanwhile
            self.workers = max(self.workers, workers)
            self.memory = max(self.memory, private + sum(segments.values()))
        self.hwm = sum(self.peaks.values())

    def __enter__(self):
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def read_kib(path, names):
    with open(path) as f:
        fields = dict(line.split(":", 1) for line in f if ":" in line)
    return {name: int(fields[name].split()[0]) * 1024 for name in names}


def segment_sizes(pid):
    """Dynamic shared memory that a process has mapped, with the bytes that have been touched."""
    seen = set()
    with open(f"/proc/{pid}/maps") as f:
        for line in f:
            at = line.find("/dev/shm/PostgreSQL.")
            if at >= 0:
                seen.add(line[at:].split()[0])
    for path in seen:
        try:
            yield path, os.stat(path).st_blocks * 512
        except OSError:
            pass
