"""The demo: what it shows is what is there, its keys do what they say, and it sums up fairly."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from sim.city.demo_commands import summary
from sim.city.live import play_live, played
from sim.city.live_view import CityNow, clock, draw, look
from sim.city.load import City, load_city
from sim.city.measuring.measured_run import Watched
from sim.city.movement.traffic import Status
from sim.city.scenario import CityPlan, CityScenario, DemandPlan, FaultKind, FaultPlan, RunPlan
from sim.city.trips import Mode
from sim.city.world import World
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


@pytest.fixture(scope="module")
def moment(city: City) -> tuple[World, CityNow]:
    """Four minutes into the run."""
    world = World(city, "actuated")
    watched = Watched(world)
    world.run_until((BEGIN_S + 240) * 1000)
    return world, look(world, watched.watch)


def screen(now: CityNow, **words: object) -> str:
    console = Console(record=True, width=80, file=io.StringIO())
    console.print(draw(now, words.pop("speed", 10.0), words.pop("paused", False), **words))  # type: ignore[arg-type]
    return console.export_text()


def test_the_figures_are_those_of_the_city(moment: tuple[World, CityNow]) -> None:
    world, now = moment
    traffic, walkers, roads = world.traffic, world.walkers, world.city.roads
    standing = [
        v for v in range(world.city.drives.n)
        if traffic.status[v] == Status.DRIVING and traffic.lane[v] >= 0 and traffic.stood_ms[v] > 0
        and traffic.speed_m_per_s[v] < 0.1
    ]  # fmt: skip
    assert len(standing) > 5
    assert sum(sum(d.waiting[: Mode.WALK]) for d in now.districts) == len(standing)
    assert sum(d.waiting[Mode.WALK] for d in now.districts) == walkers.crossing_waiting.sum() > 0
    kerb_s = [(world.time_ms - t) / 1000 for t in walkers.crossing_since_ms if t >= 0]
    longest_s = max(kerb_s + [traffic.stood_ms[v] / 1000 for v in standing])
    assert max(d.longest_s for d in now.districts) == longest_s
    assert now.junctions[0].longest_s <= longest_s
    assert [j.longest_s for j in now.junctions] == sorted((j.longest_s for j in now.junctions), reverse=True)
    assert (now.driving, now.queued, now.arrived) == tuple(
        int(np.sum(traffic.status == s)) for s in (Status.DRIVING, Status.QUEUED, Status.ARRIVED)
    )
    assert now.buses > 0
    assert now.ill == len(world.faults.ill) > 0
    assert now.part == 0.8
    assert len(roads.districts) == len(now.districts)


def test_the_screen_fits_80_columns_and_names_districts_junctions_and_the_reason(
    moment: tuple[World, CityNow],
) -> None:
    _, now = moment
    text = screen(now, why="07:03:00 Mill Road: people on foot waited longest.")
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert len(text.splitlines()) <= 30
    assert all(d.name in text for d in now.districts)
    assert all(j.title[:20] in text for j in now.junctions)
    assert "07:04:00" in text
    assert "people on foot waited longest" in text
    assert "10 times real time, 80% played" in text
    assert "paused" in screen(now, paused=True)


def test_a_broken_promise_and_a_safety_violation_stand_out(moment: tuple[World, CityNow]) -> None:
    _, now = moment
    worst = replace(now.junctions[0], longest_s=999.0, promise_s=90.0)
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    console.print(draw(replace(now, junctions=(worst,), violations=2), 0.0, False))
    styled = console.export_text(styles=True)
    assert "\x1b[1;31m" in styled.split("999 s")[0][-12:]
    assert "\x1b[1;31m" in styled.split("Safety violations: 2")[0][-12:]


def shown(city: City, keys: list[str]) -> tuple[float, int]:
    """Seconds measured and the moment the show ended, with these keys pressed one a look."""
    pressed = iter(keys)
    console = Console(file=io.StringIO(), force_terminal=False, width=80)
    measures, end_ms = play_live(city, "actuated", console, 0.0, lambda: next(pressed, ""))
    return measures.simulated_s, end_ms


def test_q_stops_and_what_was_played_is_measured(city: City) -> None:
    simulated_s, end_ms = shown(city, ["", "q"])
    assert end_ms < city.end_ms
    assert simulated_s == end_ms // 1000 - BEGIN_S


def test_a_show_that_nobody_stops_is_the_run_that_nobody_watches(city: City) -> None:
    """Pausing and other speeds change when things are seen, not what happens."""
    pressed = iter([" ", " ", "-", "+", "+"])
    console = Console(file=io.StringIO(), force_terminal=False, width=80)
    seen, end_ms = play_live(city, "actuated", console, 0.0, lambda: next(pressed, ""))
    assert end_ms == city.end_ms
    assert seen == played(city, "actuated", city.end_ms)


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


def test_the_clock_is_a_clock() -> None:
    assert clock(7 * 3_600_000 + 61_500) == "07:01:01"
