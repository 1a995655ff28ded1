"""How time and memory grow with a city: the same mix of streets and people from 12 to 10,000 junctions.

`python -m bench.city_scale [--sizes 12,100,1000] [--svg FILE]` prints one line a size: time to build the
city, peak memory of the process, and how many times faster than real time it runs with the production tick
under fixed plans and adaptive, on one core. Every size is a process of its own; times are processor times,
so that what else runs on the machine matters little. A city is measured once its streets have filled for
some minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

SIZES = (12, 30, 100, 300, 1000, 3000, 10000)
VEH_PER_H_PER_JUNCTION = 520.0
"""With it 50,000 vehicles set out in an hour among 1,000 junctions."""
WALKS_PER_H_PER_JUNCTION = 60.0
FILL_S, MEASURED_S = 300, 60
ADAPTIVE_FILL_S = 60


@dataclass(frozen=True, slots=True)
class Size:
    """One city. `*_ms`: processor time for one second of it."""

    junctions: int
    vehicles: int
    driving: int
    """In the middle of what was measured under fixed plans."""
    build_s: float
    peak_mb: float
    fixed_ms: float
    adaptive_ms: float


def measure(junctions: int, fill_s: int, measured_s: int) -> Size:
    """Build one city, let it fill, and measure it under both."""
    from sim.city.load import load_city
    from sim.city.scenario import CityPlan, CityScenario, DemandPlan
    from sim.city.world import World

    demand = DemandPlan(
        veh_per_h_per_junction=VEH_PER_H_PER_JUNCTION, walks_per_h_per_junction=WALKS_PER_H_PER_JUNCTION
    )
    begun_s = time.process_time()
    city = load_city(CityScenario("scale", city=CityPlan(junctions=junctions), demand=demand), 1)
    build_s = time.process_time() - begun_s
    took_ms, driving = {}, 0
    for controller, first_s in (("fixed", fill_s), ("adaptive", min(fill_s, ADAPTIVE_FILL_S))):
        world = World(city, controller)
        world.run_until(city.begin_ms + 1000 * first_s)
        begun_s = time.process_time()
        world.run_until(world.now_ms + 1000 * measured_s)
        took_ms[controller] = 1000 * (time.process_time() - begun_s) / measured_s
        driving = max(driving, int(world.traffic.n_driving[0]))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Size(junctions, city.drives.n, driving, build_s, peak_mb, took_ms["fixed"], took_ms["adaptive"])


def exponent(sizes: Sequence[Size], name: str) -> float:
    """Slope of a quantity over junctions on logarithmic axes, from 100 junctions on: 1 = linear."""
    rows = [(math.log(s.junctions), math.log(getattr(s, name))) for s in sizes if s.junctions >= 100]
    mean_x, mean_y = (sum(column) / len(rows) for column in zip(*rows, strict=True))
    above = sum((x - mean_x) * (y - mean_y) for x, y in rows)
    return above / sum((x - mean_x) ** 2 for x, _ in rows)


def table(sizes: Sequence[Size]) -> list[str]:
    """Lines of a Markdown table."""
    lines = [
        "| junctions | vehicles an hour | driving | built in s | peak MB | fixed: ms a second, × real time "
        "| adaptive: ms a second, × real time |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for s in sizes:
        lines.append(
            f"| {s.junctions:,} | {s.vehicles:,} | {s.driving:,} | {s.build_s:.1f} | {s.peak_mb:.0f} "
            f"| {s.fixed_ms:.2f}, {1000 / s.fixed_ms:.0f} | {s.adaptive_ms:.1f}, {1000 / s.adaptive_ms:.1f} |"
        )
    return lines


def plot(sizes: Sequence[Size]) -> str:
    """An SVG of time and memory over junctions, both axes logarithmic; dashed lines are linear growth."""
    series = {"fixed_ms": "fixed, ms a second", "adaptive_ms": "adaptive, ms a second", "peak_mb": "peak MB"}
    colours = ("#1b6ca8", "#b3541e", "#3d7a37")
    width, height, left, top = 640, 400, 60, 20
    top_decade, low_decade = 5, -1

    def at(junctions: float, value: float) -> tuple[float, float]:
        x = left + (math.log10(junctions) - 1) / 3.2 * (width - left - 20)
        part = (math.log10(value) - low_decade) / (top_decade - low_decade)
        return x, height - 40 - part * (height - 40 - top)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="12"><title>Time and memory over the number of junctions</title>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for decade in range(low_decade, top_decade + 1):
        _, y = at(10, 10.0**decade)
        lines.append(f'<path d="M{left} {y:.1f}H{width - 20}" stroke="#ddd"/>')
        lines.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**decade:g}</text>')
    for decade in range(1, 5):
        x, _ = at(10**decade, 1)
        lines.append(f'<text x="{x:.1f}" y="{height - 20}" text-anchor="middle">{10**decade:,}</text>')
    lines.append(f'<text x="{width / 2}" y="{height - 4}" text-anchor="middle">junctions</text>')
    for (name, title), colour in zip(series.items(), colours, strict=True):
        points = [at(s.junctions, getattr(s, name)) for s in sizes]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        last = sizes[-1]
        x1, y1 = at(sizes[0].junctions, getattr(last, name) * sizes[0].junctions / last.junctions)
        x2, y2 = points[-1]
        lines.append(
            f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}" stroke-dasharray="3 4"/>'
        )
        lines.append(f'<text x="{x2:.1f}" y="{y2 - 8:.1f}" text-anchor="end" fill="{colour}">{title}</text>')
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--fill", type=int, default=FILL_S, help="seconds before measuring")
    parser.add_argument("--measured", type=int, default=MEASURED_S)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--one", type=int, help="measure this size here, print it as JSON")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(asdict(measure(given.one, given.fill, given.measured))))
        return
    sizes = []
    for junctions in map(int, given.sizes.split(",")):
        command = [sys.executable, "-m", "bench.city_scale", "--one", str(junctions)]
        command += ["--fill", str(given.fill), "--measured", str(given.measured)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        sizes.append(Size(**json.loads(done.stdout)))
        print(table(sizes)[-1], flush=True)
    print("\n".join(["", *table(sizes), ""]))
    for name in ("fixed_ms", "adaptive_ms", "peak_mb", "build_s"):
        print(f"{name}: grows with the {exponent(sizes, name):.2f}th power of the junctions")
    if given.svg:
        given.svg.write_text(plot(sizes), encoding="utf-8")


if __name__ == "__main__":
    main()
