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
COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#7f7f7f")


def load(only=None):
    runs = []
    for path in sorted(glob.glob(os.path.join(HERE, "results", "*.json"))):
        with open(path) as f:
            run = json.load(f)
        if only is None or run["id"] == only:
            runs.append(run)
    return runs


def curve(system, rate=lambda p: p["qps"]):
    """(recall, queries per second, ef), ordered by recall; of settings with less recall and less speed none is kept."""
    points = sorted(((p["recall"], rate(p), int(ef)) for ef, p in system.get("search", {}).items()), reverse=True)
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
    for level in LEVELS if systems else ():
        wall = {label: at_recall(curve(s), level) for label, s in systems.items()}
        cpu = {label: at_recall(curve(s, per_cpu_second), level) for label, s in systems.items()}
        lines.append(f"Queries per second at recall@10 {level}: " +
                     ", ".join(f"{label} {show(*value)}" for label, value in wall.items()) + ".")
        lines += [f"  {subject} : {label} = {ratio(wall[subject], wall[label])}; by CPU time "
                  f"{ratio(cpu[subject], cpu[label])}" +
                  ("" if together(run, [subject, label]) else " (NOT measured in the same interleaved run)")
                  for label in systems if subject and label != subject]
    return lines


def table(header, rows):
    return ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)] + \
        ["| " + " | ".join(row) + " |" for row in rows] + [""]


def conditions(run):
    m, d, s = run["machine"], run["data"], run["settings"]
    loads = [p["load"] for system in run["systems"].values() for p in system.get("search", {}).values()]
    load_text = f"{min(loads):.1f} to {max(loads):.1f}" if loads else f"{m['load'][0]}"
    simd = next((x["simd"] for x in run["systems"].values() if "simd" in x), None)
    settings = s["postgres"]
    busy = [f"**The machine was busy (load above its {m['cores']} cores): rates and latencies are far below what it can do. "
            "Look at ratios and CPU time; repeat on a quiet machine before quoting rates.**"] \
        if loads and max(loads) > m["cores"] + 1 else []
    return busy + [f"{run['postgres']}; {m['cpu']}, {m['cores']} cores ({', '.join(m['flags'])}), {m['memory_gib']} GiB; "
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


def summary_rows(run):
    rows = []
    for label, s in searched(run).items():
        build = s["stages"].get("build", {})
        size = build.get("index_bytes")
        points = curve(s)
        rows.append([label] + [show(*at_recall(points, level)) for level in LEVELS] +
                    [f"{build['cpu_seconds']:,.1f}" if build else "", f"{size / (1 << 20):,.0f}" if size else "",
                     f"{size / run['data']['rows']:,.0f}" if size else ""])
    return rows


def insert_cell(s, name, scale=1.0, form="{:,.2f}"):
    value = s["stages"].get("insert", {}).get(name)
    return form.format(value * scale) if value is not None else ""


def write_rows(run):
    rows = []
    for label, s in run["systems"].items():
        insert, vacuum = s["stages"].get("insert"), s["stages"].get("vacuum")
        if not insert and not vacuum:
            continue
        count = insert["count"] if insert else 1
        per = {name: f"{insert[name] / count:,.0f}" if insert and name in insert else ""
               for name in ("record_bytes", "fpi_bytes")}
        rows.append([label, insert_cell(s, "qps", form="{:,.0f}"), insert_cell(s, "cpu_us", 1e-3), per["record_bytes"],
                     per["fpi_bytes"],
                     *([f"{vacuum['seconds']:,.1f}", f"{vacuum['cpu_seconds']:,.1f}",
                        f"{vacuum['index_bytes'] / (1 << 20):,.0f}"] if vacuum else ["", "", ""])])
        if insert and "table_alone" in insert:
            alone = insert["table_alone"]
            rows.append([f"{label}, table alone", f"{alone['qps']:,.0f}", f"{alone['cpu_us'] / 1e3:,.2f}",
                         f"{alone['record_bytes'] / count:,.0f}", f"{alone['fpi_bytes'] / count:,.0f}", "", "", ""])
    return rows


def build_rows(run):
    rows = []

    def add(label, what, b):
        workers = f"{b['workers_allowed']} allowed, {b['workers_seen']} seen" if "workers_allowed" in b else "1 thread"
        rows.append([label, what, workers, f"{b['seconds']:,.1f}", f"{b['cpu_seconds']:,.1f}",
                     f"{b['index_bytes'] / (1 << 20):,.0f}", f"{b['index_bytes'] / run['data']['rows']:,.0f}"])

    for label, s in run["systems"].items():
        if "build" in s["stages"]:
            add(label, "", s["stages"]["build"])
        parallel = s["stages"].get("build_w2")
        if parallel and "without_hint" in parallel:
            add(label, "", parallel["without_hint"])
        if parallel:
            add(label, parallel.get("hint", ""), parallel)
    return rows


def search_rows(run, key):
    rows = []
    for label, s in run["systems"].items():
        for ef, p in sorted(s.get(key, {}).items(), key=lambda item: int(item[0])):
            rows.append([label, ef, f"{p['recall']:.4f} ± {p['recall_se']:.4f}", f"{p['qps']:,.0f}",
                         f"{p['qps_max']:,.0f}", f"{p['p50_us']:,.0f}", f"{p['p95_us']:,.0f}", f"{p['p99_us']:,.0f}",
                         f"{p['cpu_us']:,.0f}"])
    return rows


def section(run):
    out = [f"## {run['id']}", "", *[line for text in conditions(run) for line in (text, "")], *versions(run), ""]
    if searched(run):
        out += [f"![recall and speed]({plot_name(run)})", ""]
        out += [line.strip() if not line.startswith("  ") else "- " + line.strip() for line in spaced(answers(run))] + [""]
        out += table(["", "ef", "recall@10", "queries/s", "best round", "p50 µs", "p95 µs", "p99 µs", "CPU µs"],
                     search_rows(run, "search"))
        out += ["CPU: of the serving backend (in-process: of the whole process). It is less disturbed by a busy machine "
                "than the rate.", ""]
    if build_rows(run):
        out += ["**Build**", ""] + table(["", "", "workers", "wall s", "CPU s", "MiB", "bytes per vector"],
                                         build_rows(run))
    floor = next((s["stages"]["floor"] for s in run["systems"].values() if "floor" in s["stages"]), None)
    if floor:
        out += [f"The floor: a prepared primary-key look-up {floor['key']['qps']:,.0f}/s "
                f"(p50 {floor['key']['p50_us']:,.0f} µs), carrying a vector as parameter too "
                f"{floor['keyvector']['qps']:,.0f}/s (p50 {floor['keyvector']['p50_us']:,.0f} µs).", ""]
    if write_rows(run):
        out += ["**Writes** (single-row transactions; WAL after a checkpoint: bytes of records, and of full-page images "
                "beside them; VACUUM after deleting 10 %)", ""]
        out += table(["", "inserts/s", "CPU ms per row", "WAL bytes per row", "+ page images", "VACUUM s", "VACUUM CPU s",
                      "MiB after"], write_rows(run))
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


def plot_name(run):
    return f"results/{run['id']}.svg"


def plot(run):
    """Recall against queries per second: x spreads the recalls near 1 (log of what is missed), y is logarithmic."""
    curves = {label: curve(s) for label, s in searched(run).items()}
    width, height, left, right, top, bottom = 760, 460, 70, 170, 40, 50
    missed = lambda recall: -math.log10(max(1 - recall, 0.0005))
    rates = [q for points in curves.values() for _, q, _ in points]
    x0 = min([missed(r) for points in curves.values() for r, _, _ in points] + [missed(0.95)]) - 0.05
    x1, y0, y1 = missed(1.0), math.log10(min(rates)) - 0.1, math.log10(max(rates)) + 0.1
    px = lambda recall: left + (missed(recall) - x0) / (x1 - x0) * (width - left - right)
    py = lambda rate: height - bottom - (math.log10(rate) - y0) / (y1 - y0) * (height - top - bottom)
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
           'font-size="12">', f'<rect width="{width}" height="{height}" fill="white"/>',
           f'<text x="{left}" y="22" font-size="14">{run["id"]}: recall@10 and queries per second, one client</text>']
    for recall in (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999):
        if missed(recall) >= x0:
            svg += [f'<line x1="{px(recall):.1f}" y1="{top}" x2="{px(recall):.1f}" y2="{height - bottom}" stroke="#ddd"/>',
                    f'<text x="{px(recall):.1f}" y="{height - bottom + 16}" text-anchor="middle">{recall}</text>']
    for exponent in range(int(y0) - 1, int(y1) + 2):
        for digit in (1, 2, 5):
            rate = digit * 10.0 ** exponent
            if y0 <= math.log10(rate) <= y1:
                svg += [f'<line x1="{left}" y1="{py(rate):.1f}" x2="{width - right}" y2="{py(rate):.1f}" stroke="#ddd"/>',
                        f'<text x="{left - 6}" y="{py(rate) + 4:.1f}" text-anchor="end">{rate:,.0f}</text>']
    svg += [f'<text x="{(left + width - right) / 2}" y="{height - 12}" text-anchor="middle">recall@10</text>']
    for number, (label, points) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="5 4"' if run["systems"][label]["in_process"] else ""
        path = " ".join(f"{px(r):.1f},{py(q):.1f}" for r, q, _ in points)
        svg.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        svg += [f'<circle cx="{px(r):.1f}" cy="{py(q):.1f}" r="3" fill="{colour}"><title>{label} ef={ef}: {r:.4f}, '
                f'{q:,.0f}/s</title></circle>' for r, q, ef in points]
        y = top + 16 + 20 * number
        svg += [f'<line x1="{width - right + 12}" y1="{y - 4}" x2="{width - right + 36}" y2="{y - 4}" stroke="{colour}" '
                f'stroke-width="2"{dash}/>', f'<text x="{width - right + 42}" y="{y}">{label}</text>']
    svg += [f'<text x="{width - right + 12}" y="{height - bottom}" fill="#555">dashed: in-process</text>', "</svg>"]
    with open(os.path.join(HERE, plot_name(run)), "w") as f:
        f.write("\n".join(svg) + "\n")


def readme_block(runs):
    out = []
    for run in runs:
        if not any(label.startswith("ruvector") for label in searched(run)):
            continue
        out += [f"**{run['data']['name']}**, {run['data']['rows']:,} × {run['data']['dim']}, {run['data']['metric']}", ""]
        out += table(["", *[f"queries/s at recall {level}" for level in LEVELS], "build CPU s", "index MiB",
                      "bytes per vector"], summary_rows(run))
        out += [line for text in conditions(run)[:-1] for line in (text, "")]
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
        out += section(run)
    with open(os.path.join(HERE, "RESULTS.md"), "w") as f:
        f.write("\n".join(out).rstrip() + "\n")
    write_readme(runs)
    for run in runs:
        if only in (None, run["id"]):
            print("\n".join([f"\n{run['id']}", *conditions(run), *answers(run)]))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
