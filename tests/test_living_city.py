"""The demo: on a terminal the console over a living city, elsewhere a fair summary."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from rich.console import Console

from sim.city.demo_commands import summary
from sim.city.load import City, load_city
from sim.city.measuring.played import played
from sim.city.scenario import CityPlan, CityScenario, DemandPlan, FaultKind, FaultPlan, RunPlan
from tests.conftest import ROOT

BEGIN_S = 7 * 3600
SCENARIO = CityScenario(
    "hamlet",
    city=CityPlan(junctions=12, bus_lines=1, headway_s=120),
    demand=DemandPlan(veh_per_h_per_junction=400.0, walks_per_h_per_junction=80.0),
    faults=(FaultPlan(FaultKind.STUCK_OFF, "all", onset_s=60.0, share=0.5),),
    run=RunPlan(BEGIN_S, BEGIN_S + 300),
)


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(SCENARIO)


def test_without_a_terminal_the_same_people_are_played_twice_in_silence() -> None:
    command = [sys.executable, str(ROOT / "belisha.py"), "demo", "small-city", "--minutes", "2", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["runs"]) == {"adaptive", "fixed plans"}
    trips = [run["modes"]["car"]["trips"] for run in told["runs"].values()]
    assert trips[0] == trips[1] > 20


def test_the_summary_sets_two_runs_side_by_side(city: City) -> None:
    runs = (played(city, "actuated", city.end_ms), played(city, None, city.end_ms))
    console = Console(record=True, width=80, file=io.StringIO())
    for part in summary(("actuated", "fixed plans"), runs):
        console.print(part)
    text = console.export_text()
    assert text.startswith("5 minutes of the same people, under two controllers:")
    for words in ("by car (", "on foot (", "edge", "people served within the promise", "buses on time"):
        assert words in text
    on_foot = next(line for line in text.splitlines() if line.startswith("on foot ("))
    assert all(f"{run.modes['walk'].mean_s:.0f}, longest" in on_foot for run in runs)
