"""One hour of a real street in SUMO: what the controller adds to SUMO's own time.

The demo's town, or every scenario of the folder named by BELISHA_SCENARIOS (BELISHA_MAPS, a
list with commas, chooses among them).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.measurements import Measurements
from sim import sumo_libraries
from sim.demo import build_demo_street, sumo_binary
from sim.scenarios import HOUR_S, Scenario, from_files, from_folder

FOLDER = os.environ.get("BELISHA_SCENARIOS", "")
MAPS = [name for name in os.environ.get("BELISHA_MAPS", "").split(",") if name]


def scenarios(directory: Path) -> tuple[Scenario, ...]:
    """Those to measure. Raises FileNotFoundError without SUMO."""
    sumo_binary("sumo")
    if FOLDER:
        return from_folder(Path(FOLDER), MAPS or None)
    net, routes = build_demo_street(directory, seed=1, duration_s=HOUR_S)
    return (from_files(net, routes, 0, HOUR_S, "demo"),)


def test_an_hour(measurements: Measurements, tmp_path: Path) -> None:
    try:
        found = scenarios(tmp_path)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    ratios, peaks = [], []
    for scenario in found:
        alone_s = min(_sumo_alone_s(scenario, tmp_path) for _ in range(2))
        fixed, adaptive = (_ours(scenario, controller) for controller in ("", "adaptive"))
        measurements.told(f"{scenario.name}: SUMO alone, its own programs", 1000 * alone_s, "ms")
        measurements.told(
            f"{scenario.name}: the same through libsumo, measured", 1000 * fixed["wall_s"], "ms"
        )
        measurements.told(f"{scenario.name}: adaptive", 1000 * adaptive["wall_s"], "ms")
        measurements.told(f"{scenario.name}: adaptive over SUMO alone", adaptive["wall_s"] / alone_s, "times")
        measurements.told(f"{scenario.name}: adaptive, peak memory", adaptive["peak_mb"], "MB")
        ratios.append(adaptive["wall_s"] / alone_s)
        peaks.append(adaptive["peak_mb"])
    measurements.budgeted("sumo-hour", max(ratios))
    measurements.budgeted("sumo-memory", max(peaks))


def _sumo_alone_s(scenario: Scenario, directory: Path) -> float:
    """The plain program, as anybody would start it: no controller, no measurement but its tripinfo."""
    command = [
        str(sumo_binary("sumo")),
        *("--net-file", str(scenario.net), "--route-files", ",".join(map(str, scenario.routes))),
        *("--begin", str(scenario.begin_s), "--end", str(scenario.end_s), "--seed", "1"),
        *("--time-to-teleport", "-1", "--tripinfo-output", str(directory / "trips.xml")),
        *("--no-step-log", "true", "--duration-log.disable", "true", "--no-warnings", "true"),
    ]
    begun_s = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=sumo_libraries.environment())
    return time.perf_counter() - begun_s


def _ours(scenario: Scenario, controller: str) -> dict[str, float]:
    spec = {
        "net": str(scenario.net),
        "routes": [str(route) for route in scenario.routes],
        "begin_s": scenario.begin_s,
        "end_s": scenario.end_s,
        "controller": controller,
    }
    environment = {**sumo_libraries.environment(), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-m", "bench.sumo_hour", json.dumps(spec)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told
