"""What the living city's latencies look like: percentiles as JSON, table and plot; and set against before."""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.measurements import calibrate, calibrate_disk

CASES = ("calm", "flood", "half-dead")
WORDS = {"calm": "calm", "flood": "100,000 flags a minute", "half-dead": "half of the detectors dead"}
SHARES = (50.0, 99.0, 99.9)
SLOWER_AT_MOST = 1.5
"""Times the stored ratio to the calibration loop."""
WRITTEN = ("order: sent to ACCEPTED", "flag: sent to kept and answered")
OF_WORK = ("order: sent to ACCEPTED", "detector edge to lamps")
"""What processors and disks decide, not the beat of ticks or a lamp's own time."""
CHECKED, CHECK_SECONDS, TRIES = ("calm", "flood"), 12.0, 3
"""A check of a change: what is slower than allowed once may have had a neighbour; three times has not."""
DOCS = Path(__file__).parent.parent / "docs"
BY_THE_LAW = ("yellow included", "in time of the street")
"""What a lamp's own times decide says nothing about the machine."""


@dataclass
class Case:
    """What one state of the city gave: times in ms by what they are of, and what was counted."""

    name: str
    times_ms: dict[str, list[float]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def took(self, what: str, ms: float) -> None:
        """One time."""
        self.times_ms.setdefault(what, []).append(ms)

    def count(self, what: str, times: int = 1) -> None:
        """Something that happened and has no time."""
        if times:
            self.counts[what] += times

    def to_json(self, loop_ms: float, disk_ms: float) -> dict[str, Any]:
        """Percentiles in ms, the number of times they rest on, and the median over the calibration.

        That is the loop's time, and the disk's too for what is answered once it is written.
        """
        rows = {}
        for what, times in self.times_ms.items():
            calibration_ms = loop_ms + (disk_ms if what in WRITTEN else 0.0)
            p50, p99, p999 = (float(np.percentile(times, share)) for share in SHARES)
            rows[what] = {
                "times": len(times), "p50_ms": round(p50, 3), "p99_ms": round(p99, 3),
                "p999_ms": round(p999, 3), "p50_per_calibration": round(p50 / calibration_ms, 4),
            }  # fmt: skip
        calibration = {"calibration_ms": round(loop_ms, 3), "disk_ms": round(disk_ms, 3)}
        return {**calibration, "rows": rows, "counts": dict(self.counts)}


Measure = Callable[[str, float, bool], Case]
"""A case by its name, seconds of orders, and whether it may be brief."""


def against(now: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    """What takes more than 1.5 times its stored ratio; medians only, without what lamps' own times decide."""
    return [f"{case}: {what}: median {times:.1f} times the stored ratio"
            for (case, what), times in beside(now, stored).items() if times > SLOWER_AT_MOST]  # fmt: skip


def beside(now: dict[str, Any], stored: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Times the stored ratio, by case and row, where both have one and the law does not decide."""
    found_times = {}
    for case, found in now["cases"].items():
        for what, row in found["rows"].items():
            before = stored["cases"].get(case, {}).get("rows", {}).get(what)
            if before is None or any(words in what for words in BY_THE_LAW):
                continue
            found_times[case, what] = row["p50_per_calibration"] / max(before["p50_per_calibration"], 1e-4)
    return found_times


def check(measure: Measure, stored: dict[str, Any], say: Callable[[str], None] = print) -> bool:
    """Whether what processors decide takes at most 1.5 times its stored ratio, in one of three tries."""
    least: dict[tuple[str, str], float] = {}
    for _ in range(TRIES):
        found = collect(measure, CHECKED, CHECK_SECONDS, brief=True)
        for case in CHECKED:
            missing = [what for what in OF_WORK if what not in found["cases"][case]["rows"]]
            if missing:
                raise SystemExit(f"{case}: not once measured: {', '.join(missing)}")
        for (case, what), times in beside(found, stored).items():
            if what in OF_WORK:
                least[case, what] = min(times, least.get((case, what), math.inf))
                say(f"{case}: {what}: median {times:.2f} times the stored ratio")
        if all(times <= SLOWER_AT_MOST for times in least.values()):
            return True
        say(f"more than {SLOWER_AT_MOST} times: once more")
    return False


def table(found: dict[str, Any]) -> list[str]:
    """Markdown: a row for what is measured, a column for each case; p50 / p99 / p99.9 in ms."""
    cases = found["cases"]
    names = list(dict.fromkeys(what for case in cases.values() for what in case["rows"]))
    lines = [
        "| p50 / p99 / p99.9, ms | " + " | ".join(WORDS[case] for case in cases) + " |",
        "|---|" + "---|" * len(cases),
    ]
    for what in names:
        cells = []
        for case in cases.values():
            row = case["rows"].get(what)
            cells.append(
                "-" if row is None
                else f"{_ms(row['p50_ms'])} / {_ms(row['p99_ms'])} / {_ms(row['p999_ms'])} ({row['times']})"
            )  # fmt: skip
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    return lines


def _ms(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def plot(found: dict[str, Any]) -> str:
    """A small SVG: a line from the median to p99.9 for each case, on a logarithmic scale of ms."""
    names = list(dict.fromkeys(what for case in found["cases"].values() for what in case["rows"]))
    left, width, row_px = 300, 420, 44
    height = 40 + row_px * len(names)

    def x(ms: float) -> float:
        return left + width * (math.log10(min(max(ms, 0.1), 1e5)) + 1) / 6

    marks = [
        f'<text x="{x(10.0**k):.0f}" y="14" text-anchor="middle">{10.0**k:g}</text>' for k in range(-1, 6)
    ]
    marks += [
        f'<line x1="{x(10.0**k):.0f}" x2="{x(10.0**k):.0f}" y1="20" y2="{height - 16}" stroke="#ccc"/>'
        for k in range(-1, 6)
    ]
    shades = dict(zip(CASES, ("#1b6ca8", "#c2410c", "#4d7c0f"), strict=True))
    for at, what in enumerate(names):
        top = 34 + row_px * at
        marks.append(f'<text x="{left - 8}" y="{top + 14}" text-anchor="end">{what}</text>')
        for k, (name, case) in enumerate(found["cases"].items()):
            if (row := case["rows"].get(what)) is None:
                continue
            y, shade = top + 4 + 9 * k, shades[name]
            marks.append(
                f'<line x1="{x(row["p50_ms"]):.1f}" x2="{x(row["p999_ms"]):.1f}" y1="{y}" y2="{y}" '
                f'stroke="{shade}" stroke-width="2"/>'
                f'<circle cx="{x(row["p50_ms"]):.1f}" cy="{y}" r="3.5" fill="{shade}"/>'
                f'<circle cx="{x(row["p99_ms"]):.1f}" cy="{y}" r="2.5" fill="#fff" stroke="{shade}"/>'
            )
    legend = "  ".join(WORDS[name] for name in found["cases"])
    keys = "".join(
        f'<tspan fill="{shades[name]}">&#9679; {WORDS[name]}&#160;&#160;</tspan>' for name in found["cases"]
    )
    marks.append(f'<text x="{left}" y="{height - 2}"><title>{legend}</title>{keys}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 30} {height}" role="img"'
    body = f'font-family="sans-serif" font-size="12"><title>Latencies in ms</title>{"".join(marks)}</svg>'
    return f"{head} {body}\n"


def main_report(measure: Measure) -> int:
    """The command line: measure, print, compare with what is stored in docs/, store with --docs.

    With --check only what a change must not make slower, in a minute or two; the exit code is 1 if it is.
    """
    asks = argparse.ArgumentParser(prog="python -m bench.living_latency")
    asks.add_argument("--seconds", type=float, default=40.0, help="of orders in each case")
    asks.add_argument("--only", choices=CASES, action="append", help="only this case")
    asks.add_argument("--docs", action="store_true", help="keep the result in docs/ to compare with")
    asks.add_argument(
        "--check", action="store_true", help="only whether orders or ticks take longer than kept"
    )
    asked = asks.parse_args()
    if asked.check:
        kept = json.loads((DOCS / "latency.json").read_text(encoding="utf-8"))
        return 0 if check(measure, kept) else 1
    found = collect(measure, asked.only or CASES, asked.seconds)
    print("\n".join(table(found)))
    for name, case in found["cases"].items():
        print(f"{name}: {case['counts'] or 'nothing refused'}")
    stored = DOCS / "latency.json"
    if stored.exists() and not asked.docs:
        print("\n".join(against(found, json.loads(stored.read_text(encoding="utf-8")))) or "none is slower")
    if asked.docs:
        if stored.exists():  # other cases stay as they were
            before = json.loads(stored.read_text(encoding="utf-8"))["cases"]
            found = {"cases": {name: {**before, **found["cases"]}.get(name) for name in CASES}}
            found["cases"] = {name: case for name, case in found["cases"].items() if case}
        stored.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        (DOCS / "latency.svg").write_text(plot(found), encoding="utf-8")
    return 0


def collect(measure: Measure, names: Sequence[str], seconds: float, brief: bool = False) -> dict[str, Any]:
    """The cases by name, each with what loop and disk took just before and after it."""
    cases = {}
    for name in names:
        loop_ms, disk_ms = calibrate(), calibrate_disk()
        case = measure(name, seconds, brief)
        cases[name] = case.to_json(min(loop_ms, calibrate()), (disk_ms + calibrate_disk()) / 2)
    return {"cases": cases}
