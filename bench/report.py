#!/usr/bin/env python3
# bench/report.py - reads bench/results/*.json, prints the answers, rewrites bench/RESULTS.md, the plots and the block
# between <!-- bench:begin --> and <!-- bench:end --> of README.md. Nobody types numbers into a table.
import glob
import json
import math
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LEVELS = (0.95, 0.99)
COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#7f7f7f", "#e377c2", "#bcbd22",
           "#ff9896", "#aec7e8", "#98df8a", "#c5b0d5", "#ffbb78")
# What a user may ask besides one client's search for ten rows.
MODES = {"search100": "100 nearest, one client (recall@100)",
         "filtered": "10 nearest of a tenth of the rows (`WHERE`, strict order), one client",
         "clients2": "two clients at once, both together",
         "pipeline": "one connection in pipeline mode", "batch": "one statement for all queries (LATERAL), one core"}


def load(only=None):
    runs = []
    for path in sorted(glob.glob(os.path.join(HERE, "results", "*.json"))):
        with open(path) as f:
            run = json.load(f)
        if only is None or run["id"] == only:
            runs.append(run)
    return runs


def curve(system, rate=lambda p: p["qps"], key="search"):
    """(recall, queries per second, ef), ordered by recall; of settings with less recall and less speed none is kept."""
    points = sorted(((p["recall"], rate(p), int(ef)) for ef, p in system.get(key, {}).items()), reverse=True)
    kept, best = [], 0.0
    for recall, qps, ef in points:
        if qps > best:
            kept.append((recall, qps, ef))
            best = qps
    return kept[::-1]


def at_recall(points, level):
    """Queries per second at a recall, between two measured settings on a logarithmic scale.

    ("exact", qps), ("atleast", qps) where the lowest setting is above the level already, ("never", None) otherwise."""
    if not points or points[-1][0] < level:
        return "never", None
    if points[0][0] >= level:
        return "atleast", points[0][1]
    for (r0, q0, _), (r1, q1, _) in zip(points, points[1:]):
        if r0 <= level <= r1:
            part = (level - r0) / (r1 - r0) if r1 > r0 else 0
            return "exact", math.exp(math.log(q0) + part * (math.log(q1) - math.log(q0)))
    return "never", None


def together(run, labels):
    """Whether the systems' searches were interleaved: the same moment for every setting that they share."""
    marks = [{ef: p["interleaved_at"] for ef, p in run["systems"][label].get("search", {}).items()} for label in labels]
    shared = set.intersection(*(set(m) for m in marks)) if marks else set()
    return bool(shared) and all(len({m[ef] for m in marks}) == 1 for ef in shared)


def show(kind, qps):
    if kind == "never":
        return "not reached"
    return ("≥ " if kind == "atleast" else "") + f"{qps:,.0f}"


def searched(run):
    return {label: s for label, s in run["systems"].items() if s.get("search")}


def per_cpu_second(p):
    return 1e6 / p["cpu_us"] if p["cpu_us"] else 0


def ratio(mine, other):
    """A sentence's end: how much faster at the same recall, never at different ones."""
    if mine[0] == other[0] == "exact":
        return f"{mine[1] / other[1]:.2f}"
    if mine[0] == "atleast" and other[0] == "exact":
        return f"at least {mine[1] / other[1]:.2f}"
    if mine[0] == "exact" and other[0] == "atleast":
        return f"at most {mine[1] / other[1]:.2f}"
    if "never" in (mine[0], other[0]):
        return "not both reach it"
    return "both are above it at every ef measured"


def answers(run):
    """The sentences that the benchmark exists for."""
    systems = searched(run)
    lines = []
    subject = next((label for label in systems if label.startswith("ruvector")), None) or \
        next((label for label in systems if not systems[label]["in_process"]), None)
    # The same index with fewer instructions: beside the peers, which keep theirs.
    pairs = [(subject, label) for label in systems if subject and label != subject] + \
        [(label, peer) for label in systems if "@ruvector.simd=" in label
         for peer in systems if not peer.startswith("ruvector")]
    for level in LEVELS if systems else ():
        wall = {label: at_recall(curve(s), level) for label, s in systems.items()}
        cpu = {label: at_recall(curve(s, per_cpu_second), level) for label, s in systems.items()}
        lines.append(f"Queries per second at recall@10 {level}: " +
                     ", ".join(f"{label} {show(*value)}" for label, value in wall.items()) + ".")
        lines += [f"  {mine} : {label} = {ratio(wall[mine], wall[label])}; by CPU time {ratio(cpu[mine], cpu[label])}" +
                  ("" if together(run, [mine, label]) else " (NOT measured in the same interleaved run)")
                  for mine, label in pairs]
    return lines


def costs(run):
    """What else is compared: the share of the look-up rate, and build, insert and vacuum beside pgvector's."""
    systems, lines = run["systems"], []
    floor = next((s["stages"]["floor"] for s in systems.values() if "floor" in s["stages"]), None)
    stage = lambda label, name: systems.get(label, {}).get("stages", {}).get(name)
    for label, s in in_order(run):
        if not label.startswith("ruvector"):
            continue
        said = []
        kind, rate = at_recall(curve(s), LEVELS[0])
        if floor and rate:
            said.append(f"{'at least ' if kind == 'atleast' else ''}{rate / floor['keyvector']['qps']:.2f} of the primary-key "
                        f"look-up rate at recall {LEVELS[0]}")
        for name, key, what in (("build", "cpu_seconds", "build CPU"), ("build", "index_bytes", "index bytes"),
                                ("insert", "cluster_cpu_us", "insert CPU per row"),
                                ("insert", "wal_bytes", "WAL per insert")):
            mine, peer = stage(label, name), stage("pgvector", name)
            if mine and peer and peer.get(key):
                said.append(f"{what} {mine[key] / peer[key]:.2f} × pgvector's")
        vacuum, build = stage(label, "vacuum"), stage(label, "build")
        if vacuum and build:
            said.append(f"VACUUM CPU {vacuum['cpu_seconds'] / build['cpu_seconds']:.3f} of its build's")
        if said:
            lines.append(f"{label}: " + ", ".join(said) + ".")
    return lines


def table(header, rows):
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)] + \
        ["| " + " | ".join(row) + " |" for row in rows] + [""]


def busy(run):
    # A quiet machine's load is that of the loops that keep its processors awake, and of a client and a server that take turns.
    loads = [p["load"] for system in run["systems"].values() for p in system.get("search", {}).values()]
    return [f"**The machine was busy (load above its {run['machine']['cores']} cores): rates and latencies are far below what "
            "it can do. Look at ratios and CPU time; repeat on a quiet machine before quoting rates.**", ""] \
        if loads and max(loads) > run["machine"]["cores"] + 1.5 else []


def conditions(run):
    m, d, s = run["machine"], run["data"], run["settings"]
    loads = [p["load"] for system in run["systems"].values() for p in system.get("search", {}).values()]
    load_text = f"{min(loads):.1f} to {max(loads):.1f}" if loads else f"{m['load'][0]}"
    simd = next((x["simd"] for x in run["systems"].values() if "simd" in x), None)
    settings = s["postgres"]
    return busy(run) + [f"{run['postgres']}; {m['cpu']}, {m['cores']} cores ({', '.join(m['flags'])}), {m['memory_gib']} GiB; "
            f"load while searching {load_text}" + (f"; ruvector.simd() = {simd}" if simd else "") +
            f"; commit {run['commit']}, {run['date']}.",
            f"{d['rows']:,} × {d['dim']}, {d['metric']}; {d['queries']:,} queries, recall@{s['k']} against the exact "
            f"answer; m = {s['m']}, ef_construction = {s['ef_construction']} unless the name says otherwise; medians of "
            f"{s['rounds']} interleaved rounds; {s['client']}; the libraries are called in-process on one thread; "
            f"shared_buffers {settings['shared_buffers']}, maintenance_work_mem {settings['maintenance_work_mem']}, "
            f"jit off, autovacuum off, synchronous_commit off, every plan checked to be an index scan."]


def versions(run):
    return ["- " + label + ": " + s.get("version", "?") + (" (in-process)" if s.get("in_process") else "")
            for label, s in run["systems"].items() if s["stages"] or s.get("search")]


def order(label):
    return (not label.startswith("ruvector"), not label.startswith("pgvector"), label)


def in_order(run):
    return sorted(run["systems"].items(), key=lambda item: order(item[0]))


def summary_rows(run):
    rows = []
    for label, s in sorted(searched(run).items(), key=lambda item: order(item[0])):
        build = s["stages"].get("build", {})
        size = build.get("index_bytes")
        points = curve(s)
        rows.append([label] + [show(*at_recall(points, level)) for level in LEVELS] +
                    [f"{build['cpu_seconds']:,.1f}" if build else "", f"{size / (1 << 20):,.0f}" if size else "",
                     f"{size / run['data']['rows']:,.0f}" if size else ""])
    return rows


def mode_rows(run):
    """Queries per second at both levels, for every way to ask that was measured."""
    rows = []
    for key, what in MODES.items():
        for label, s in in_order(run):
            if s.get(key):
                points = curve(s, key=key)
                rows.append([what, label] + [show(*at_recall(points, level)) for level in LEVELS])
    return rows


def cold_rows(run):
    return [[label, f"{c['ef']:.0f}", f"{c['first_us'] / 1e3:,.1f}", f"{c['following_mean_us'] / 1e3:,.2f}",
             f"{c['following_p99_us'] / 1e3:,.1f}"]
            for label, s in in_order(run) for c in [s["stages"].get("cold")] if c]


def lost_rows(run):
    """Recall of each class of ruvector against the plain one, at the same effort: the most that is lost."""
    plain = run["systems"].get("ruvector", {}).get("search", {})
    rows = []
    for label, s in in_order(run):
        if label.startswith("ruvector_"):
            lost = [(plain[ef]["recall"] - p["recall"], int(ef)) for ef, p in s.get("search", {}).items() if ef in plain]
            if lost:
                worst, ef = max(lost)
                rows.append([label, f"{100 * worst:.2f}", str(ef),
                             f"{100 * sum(x for x, _ in lost) / len(lost):.2f}"])
    return rows


def write_rows(run):
    rows = []
    for label, s in in_order(run):
        insert, vacuum = s["stages"].get("insert"), s["stages"].get("vacuum")
        parts = [(label, insert, vacuum)] if insert or vacuum else []
        if insert and "table_alone" in insert:
            parts.append((f"{label}, table alone", insert["table_alone"], None))
        for name, i, v in parts:
            cells = [f"{i['qps']:,.0f}", f"{i.get('cluster_cpu_us', i['cpu_us']) / 1e3:,.2f}",
                     *(f"{i[key] / i['count']:,.0f}" if key in i else "" for key in ("wal_bytes", "record_bytes", "fpi_bytes"))
                     ] if i else [""] * 5
            cells += [f"{v['seconds']:,.1f}", f"{v['cpu_seconds']:,.1f}", f"{v['index_bytes'] / (1 << 20):,.0f}"] \
                if v else [""] * 3
            rows.append([name, *cells])
    return rows


def build_rows(run):
    rows = []

    def add(label, what, b):
        workers = f"{b['workers_allowed']} allowed, {b['workers_seen']} seen" if "workers_allowed" in b else "1 thread"
        rows.append([label, what, workers, f"{b['seconds']:,.1f}", f"{b['cpu_seconds']:,.1f}",
                     f"{b['memory_bytes'] / (1 << 20):,.0f}" if "memory_bytes" in b else "",
                     f"{b['index_bytes'] / (1 << 20):,.0f}", f"{b['index_bytes'] / run['data']['rows']:,.0f}"])

    for label, s in in_order(run):
        if "build" in s["stages"]:
            add(label, "", s["stages"]["build"])
        parallel = s["stages"].get("build_parallel")
        if parallel and "without_hint" in parallel:
            add(label, "", parallel["without_hint"])
        if parallel:
            add(label, parallel.get("hint", ""), parallel)
    return rows


def search_rows(run, key):
    rows = []
    for label, s in in_order(run):
        for ef, p in sorted(s.get(key, {}).items(), key=lambda item: int(item[0])):
            rows.append([label, ef, f"{p['recall']:.4f} ± {p['recall_se']:.4f}", f"{p['qps']:,.0f}",
                         f"{p.get('qps_max', p['qps']):,.0f}", f"{p['p50_us']:,.0f}", f"{p['p95_us']:,.0f}", f"{p['p99_us']:,.0f}",
                         f"{p['cpu_us']:,.0f}"])
    return rows


def section(run):
    out = [f"## {run['id']}", "", *[line for text in conditions(run) if text for line in (text, "")], *versions(run), ""]
    if searched(run):
        out += [f"![recall and speed]({plot_name(run)})", ""]
        if size_points(run):
            out += [f"![size and speed]({plot_name(run, '-size')})", ""]
        out += [line.strip() if not line.startswith("  ") else "- " + line.strip() for line in spaced(answers(run))] + [""]
        out += [f"- {line}" for line in costs(run)] + [""]
        out += table(["", "ef", "recall@10", "queries/s", "best round", "p50 µs", "p95 µs", "p99 µs", "CPU µs"],
                     search_rows(run, "search"))
        out += ["CPU: of the serving backend (in-process: of the whole process). It is less disturbed by a busy machine "
                "than the rate.", ""]
    if mode_rows(run):
        out += ["**Other ways to ask**, queries per second", ""]
        out += table(["", "", *[f"at recall {level}" for level in LEVELS]], mode_rows(run))
    if lost_rows(run):
        out += ["**Recall lost against the plain class at the same ef**, points of recall@10", ""]
        out += table(["", "at most", "at ef", "on average"], lost_rows(run))
    if build_rows(run):
        out += ["**Build**", ""] + table(["", "", "workers", "wall s", "CPU s", "memory MiB", "index MiB",
                                          "bytes per vector"], build_rows(run))
        out += ["Memory: private memory of the backend and its workers plus their shared segments at its peak, shared_buffers "
                "not counted; of a library, what its index has taken.", ""]
    floor = next((s["stages"]["floor"] for s in run["systems"].values() if "floor" in s["stages"]), None)
    if floor:
        out += [f"The floor: a prepared primary-key look-up {floor['key']['qps']:,.0f}/s "
                f"(p50 {floor['key']['p50_us']:,.0f} µs), carrying a vector as parameter too "
                f"{floor['keyvector']['qps']:,.0f}/s (p50 {floor['keyvector']['p50_us']:,.0f} µs).", ""]
    if write_rows(run):
        out += ["**Writes** (single-row transactions; WAL after a checkpoint, in it bytes of records and of full-page images; "
                "CPU of the whole server; VACUUM after deleting 10 %)", ""]
        out += table(["", "inserts/s", "CPU ms per row", "WAL bytes per row", "records", "page images", "VACUUM s", "VACUUM CPU s",
                      "MiB after"], write_rows(run))
    if cold_rows(run):
        out += ["**Cold**: the server restarted, its files out of the system's cache (the storage below may still hold them); "
                "milliseconds", ""]
        out += table(["", "ef", "first query", "mean of the next 100", "their p99"], cold_rows(run))
    after = search_rows(run, "search_after_vacuum")
    if after:
        out += ["**After deleting 10 % and VACUUM** (one round)", ""]
        out += table(["", "ef", "recall@10", "queries/s", "best round", "p50 µs", "p95 µs", "p99 µs", "CPU µs"], after)
    return out


def spaced(lines):
    """A Markdown list needs an empty line before it, and a paragraph one after it."""
    out = []
    for line in lines:
        if out and line.startswith("  ") != out[-1].startswith("  "):
            out.append("")
        out.append(line)
    return out


def plot_name(run, what=""):
    return f"results/{run['id']}{what}.svg"


def colour_of(run, label):
    labels = sorted(run["systems"], key=order)
    return COLOURS[labels.index(label) % len(COLOURS)]


class Plot:
    """An SVG with two scales, a grid and a legend. x and y are given as positions on their scales."""
    width, height, left, right, top, bottom = 760, 460, 70, 190, 40, 50

    def __init__(self, title, x_title, xs, ys):
        pad = lambda low, high, share: (low - share * (high - low or 1), high + share * (high - low or 1))
        (self.x0, self.x1), (self.y0, self.y1) = pad(min(xs), max(xs), 0.03), pad(min(ys), max(ys), 0.05)
        self.legend = 0
        self.out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
                    'font-family="sans-serif" font-size="12">',
                    f'<rect width="{self.width}" height="{self.height}" fill="white"/>',
                    f'<text x="{self.left}" y="22" font-size="14">{title}</text>',
                    f'<text x="{(self.left + self.width - self.right) / 2}" y="{self.height - 12}" '
                    f'text-anchor="middle">{x_title}</text>']

    def px(self, x):
        return self.left + (x - self.x0) / (self.x1 - self.x0) * (self.width - self.left - self.right)

    def py(self, y):
        return self.height - self.bottom - (y - self.y0) / (self.y1 - self.y0) * (self.height - self.top - self.bottom)

    def grid_x(self, ticks):
        for x, text in ticks:
            if self.x0 <= x <= self.x1:
                self.out += [f'<line x1="{self.px(x):.1f}" y1="{self.top}" x2="{self.px(x):.1f}" '
                             f'y2="{self.height - self.bottom}" stroke="#ddd"/>',
                             f'<text x="{self.px(x):.1f}" y="{self.height - self.bottom + 16}" '
                             f'text-anchor="middle">{text}</text>']

    def grid_y(self, ticks):
        for y, text in ticks:
            if self.y0 <= y <= self.y1:
                self.out += [f'<line x1="{self.left}" y1="{self.py(y):.1f}" x2="{self.width - self.right}" '
                             f'y2="{self.py(y):.1f}" stroke="#ddd"/>',
                             f'<text x="{self.left - 6}" y="{self.py(y) + 4:.1f}" text-anchor="end">{text}</text>']

    def line(self, label, colour, dashed, points):
        """points: (x, y, what the pointer shows)"""
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        path = " ".join(f"{self.px(x):.1f},{self.py(y):.1f}" for x, y, _ in points)
        self.out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        self.out += [f'<circle cx="{self.px(x):.1f}" cy="{self.py(y):.1f}" r="{3 if len(points) > 1 else 5}" '
                     f'fill="{colour}"><title>{hint}</title></circle>' for x, y, hint in points]
        y, at = self.top + 16 + 20 * self.legend, self.width - self.right
        self.legend += 1
        self.out += [f'<line x1="{at + 12}" y1="{y - 4}" x2="{at + 36}" y2="{y - 4}" stroke="{colour}" '
                     f'stroke-width="2"{dash}/>', f'<text x="{at + 42}" y="{y}">{label}</text>']

    def save(self, name):
        self.out += [f'<text x="{self.width - self.right + 12}" y="{self.height - self.bottom}" fill="#555">'
                     'dashed: in-process</text>', "</svg>"]
        with open(os.path.join(HERE, name), "w") as f:
            f.write("\n".join(self.out) + "\n")


def decades(low, high, text=lambda value: f"{value:,.0f}"):
    return [(math.log10(digit * 10.0 ** exponent), text(digit * 10.0 ** exponent))
            for exponent in range(math.floor(low) - 1, math.ceil(high) + 1) for digit in (1, 2, 5)]


def plot(run):
    """Recall against queries per second: x spreads the recalls near 1 (log of what is missed), y is logarithmic."""
    curves = {label: curve(s) for label, s in sorted(searched(run).items(), key=lambda item: order(item[0]))}
    missed = lambda recall: -math.log10(max(1 - recall, 0.0005))
    rates = [math.log10(q) for points in curves.values() for _, q, _ in points]
    recalls = [missed(r) for points in curves.values() for r, _, _ in points]
    p = Plot(f"{run['id']}: recall@10 and queries per second, one client", "recall@10", recalls + [missed(0.95)], rates)
    p.grid_x([(missed(r), str(r)) for r in (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)])
    p.grid_y(decades(min(rates), max(rates)))
    for label, points in curves.items():
        p.line(label, colour_of(run, label), run["systems"][label]["in_process"],
               [(missed(r), math.log10(q), f"{label} ef={ef}: {r:.4f}, {q:,.0f}/s") for r, q, ef in points])
    p.save(plot_name(run))


def size_points(run):
    """(label, bytes per vector, queries per second at recall 0.99 or, where it is not reached, at 0.95)"""
    out = []
    for label, s in sorted(searched(run).items(), key=lambda item: order(item[0])):
        size = s["stages"].get("build", {}).get("index_bytes")
        for level in (0.99, 0.95):
            kind, rate = at_recall(curve(s), level)
            if size and kind != "never":
                out.append((label, size / run["data"]["rows"], rate, level))
                break
    return out


def plot_size(run):
    points = size_points(run)
    if not points:
        return
    sizes, rates = [math.log10(p[1]) for p in points], [math.log10(p[2]) for p in points]
    p = Plot(f"{run['id']}: size and speed at recall@10 0.99", "bytes of index per vector", sizes, rates)
    p.grid_x(decades(min(sizes), max(sizes)))
    p.grid_y(decades(min(rates), max(rates)))
    for label, size, rate, level in points:
        name = label if level == 0.99 else f"{label} (at {level})"
        p.line(name, colour_of(run, label), run["systems"][label]["in_process"],
               [(math.log10(size), math.log10(rate), f"{name}: {size:,.0f} bytes, {rate:,.0f}/s")])
    p.save(plot_name(run, "-size"))


def readme_block(runs):
    """Short: per data set the queries per second at both levels and the bytes per vector."""
    runs = [run for run in runs if any(label.startswith("ruvector") for label in searched(run))]
    if not runs:
        return []
    out = []
    for run in runs:
        out += [f"**{run['data']['name']}**, {run['data']['rows']:,} × {run['data']['dim']}, {run['data']['metric']}", ""]
        out += table(["", *[f"queries/s at recall {level}" for level in LEVELS], "build CPU s", "index MiB",
                      "bytes per vector"], [row for row in summary_rows(run) if "@" not in row[0]])
    out += [*busy(runs[0]), conditions(runs[0])[-2], "", "Sets, settings, writes, batches and plots: "
            "[bench/RESULTS.md](bench/RESULTS.md).", ""]
    return out


def write_readme(runs):
    path = os.path.join(HERE, "..", "README.md")
    begin, end = "<!-- bench:begin -->", "<!-- bench:end -->"
    block = readme_block(runs)
    if not block or not os.path.exists(path):
        return
    with open(path) as f:
        text = f.read()
    if begin in text and end in text:
        head, _, rest = text.partition(begin)
        tail = rest.partition(end)[2]
        with open(path, "w") as f:
            f.write(head + begin + "\n" + "\n".join(block) + end + tail)


def main(only=None):
    runs = load()
    out = ["# Results", "", "Written by `bench/report.py` from `bench/results/*.json`; do not edit. Compare within one "
           "section only: each is one interleaved run on one machine.", ""]
    for run in runs:
        if searched(run):
            plot(run)
            plot_size(run)
        out += section(run)
    with open(os.path.join(HERE, "RESULTS.md"), "w") as f:
        f.write("\n".join(out).rstrip() + "\n")
    write_readme(runs)
    for run in runs:
        if only in (None, run["id"]):
            print("\n".join([f"\n{run['id']}", *conditions(run), *answers(run), *costs(run)]))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
