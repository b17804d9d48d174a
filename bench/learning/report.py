#!/usr/bin/env python3
# bench/learning/report.py FILE - the table bench/learning/RESULTS.md and the picture learning-curves.svg from the lines that
# the driver bench/learning/sql.cpp printed. Nobody types numbers into the table.
import collections
import json
import os
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff7f0e")
WIDTH, HEIGHT = 300, 190


def load(path):
    runs, latency = collections.OrderedDict(), []
    with open(path) as f:
        for line in f:
            if not line.startswith("{"):
                continue
            item = json.loads(line)
            if "latency" in item:
                latency.append(item)
            else:
                runs.setdefault((item["algorithm"], item["environment"]), []).append(item)
    return runs, latency


def table(runs, latency):
    out = ["# Learning through SQL", "",
           "Written by `make bench-learning-sql`; the simulators are in the client, everything that learns is in the database. Median, worst",
           "and best of the seeds of the greedy policy, on other episodes than those of training and of the tests that ended it (CartPole: when ten",
           "greedy episodes reach 490, the steps of these counted). Decision transformer: return when 400 is asked for; it must exceed the mean of its",
           "log and what it gets when 30 is asked for. Online: mean return of the last 100 episodes while exploring (decision transformer: of the log).",
           "Updates are gradient steps or backups; their rate is that of a shared machine, reading the experience and storing the policy included.", "",
           "| Algorithm | Environment | Measure | Target | Met | Median | Worst | Best | Online | Seeds | Steps | Updates/s in `train` |",
           "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for (algorithm, environment), r in sorted(runs.items()):
        score = [x["score"] for x in r]
        seconds = sum(x["train_seconds"] for x in r)
        speed = f"{sum(x['updates'] for x in r) / seconds:,.0f}" if seconds > 0 else "-"
        measure, target = r[0]["measure"], r[0]["target"] or "-"
        median = statistics.median(score)
        met = "-" if target == "-" else "met" if median >= target else "**missed**"
        if r[0]["low"] is not None:
            low, log = statistics.median(x["low"] for x in r), statistics.mean(x["online"] for x in r)
            measure += f" (30: {low:.0f})"
            target = f"above {max(low, log):.0f}"
            met = "met" if all(x["score"] > max(x["low"], x["online"]) for x in r) else "**missed**"
        out.append(f"| {algorithm} | {environment} | {measure} | {target} | {met} | {median:.4g} | {min(score):.4g} | "
                   f"{max(score):.4g} | {statistics.mean(x['online'] for x in r):.4g} | {len(r)} | {statistics.median(x['steps'] for x in r):,.0f} | {speed} |")
    if latency:
        out += ["", "p50 in milliseconds, measured by the client, logging and transaction included:", "",
                "| Algorithm | predict | submit_feedback |", "|---|---|---|"]
        out += [f"| {x['latency']} | {x['predict_ms']:.2f} | {x['feedback_ms']:.2f} |" for x in latency]
    out += ["", "![learning curves](learning-curves.svg)", ""]
    return "\n".join(out)


def picture(runs):
    columns = 4
    items = [(k, r) for k, r in sorted(runs.items()) if any(len(x["curve"]) > 1 for x in r)]
    rows = (len(items) + columns - 1) // columns
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{columns * WIDTH}" height="{rows * HEIGHT}" font-family="sans-serif" font-size="11">',
           '<rect width="100%" height="100%" fill="white"/>']
    for i, ((algorithm, environment), r) in enumerate(items):
        x0, y0 = i % columns * WIDTH + 45, i // columns * HEIGHT + 25
        w, h = WIDTH - 65, HEIGHT - 60
        points = [p for x in r for p in x["curve"]]
        right = max(p[0] for p in points) or 1
        low, high = min(p[1] for p in points), max(p[1] for p in points)
        if "Cliff" in environment:
            low = max(low, -200)
        high = high if high > low else low + 1
        svg.append(f'<text x="{x0}" y="{y0 - 8}" font-weight="bold">{algorithm}, {environment}</text>')
        svg.append(f'<rect x="{x0}" y="{y0}" width="{w}" height="{h}" fill="none" stroke="#bbb"/>')
        for value, y in ((high, y0 + 8), (low, y0 + h)):
            svg.append(f'<text x="{x0 - 4}" y="{y}" text-anchor="end">{value:.3g}</text>')
        svg.append(f'<text x="{x0 + w}" y="{y0 + h + 14}" text-anchor="end">{right:,} {"updates" if "log" in environment else "steps"}</text>')
        for j, run in enumerate(r):
            line = " ".join(f"{x0 + w * a / right:.1f},{y0 + h - h * (max(b, low) - low) / (high - low):.1f}" for a, b in run["curve"])
            svg.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[j % len(COLOURS)]}" stroke-width="1.2"/>')
    svg.append("</svg>")
    return "\n".join(svg) + "\n"


def main():
    runs, latency = load(sys.argv[1])
    with open(os.path.join(HERE, "RESULTS.md"), "w") as f:
        f.write(table(runs, latency))
    with open(os.path.join(HERE, "learning-curves.svg"), "w") as f:
        f.write(picture(runs))
    print(table(runs, latency))


if __name__ == "__main__":
    main()
