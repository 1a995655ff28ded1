"""Vehicles come onto the street as SUMO lets them: which lane, how fast, who waits for whom."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.vocabulary import Lamp
from sim import sumo_libraries
from sim.city.movement.mover import Mover
from sim.city.movement.status import Status
from sim.city.movement.traffic import new_traffic
from sim.demo import sumo_binary
from tests.slow_departures import Seen, has_place, lane_and_speed
from tests.toy_roads import cars, row_of_edges

LIMIT, LENGTH_M, GAP_M, DECEL = 13.89, 5.0, 2.5, 4.5


@settings(max_examples=20, deadline=None)
@given(
    lanes=st.integers(1, 4), headway_s=st.sampled_from([0.4, 1.0, 3.0]), red_s=st.integers(0, 40),
    seed=st.integers(1, 1000),
)  # fmt: skip
def test_the_plain_twin_lets_the_same_ones_start(lanes: int, headway_s: float, red_s: int, seed: int) -> None:
    lane_m, n = 150.0, 120
    chance = np.random.default_rng(seed)
    drives = cars(np.arange(n) * headway_s, [0, 1], speed_factor=chance.uniform(0.7, 1.3, n).round(3))
    roads = row_of_edges([lane_m, 300.0], LIMIT, lanes, signal_after=0)
    mover, traffic = Mover(roads, drives, rolls_in=True), new_traffic(roads, drives, 0, 1, seed=seed)
    top = LIMIT * drives.speed_factor
    compared = 0
    for second in range(150):
        waited = np.flatnonzero((traffic.departed_ms < 0) & (drives.depart_ms <= second * 1000))
        mover.step(traffic, np.array([Lamp.RED if second % 60 < red_s else Lamp.GREEN], np.int8))
        new = np.flatnonzero(traffic.departed_ms == second * 1000)
        full: set[int] = set()
        for k, v in enumerate(waited):
            later = new[new >= v]
            seen = [
                [
                    Seen(float(traffic.position_m[u]), float(traffic.speed_m_per_s[u]), top[u], LENGTH_M)
                    for u in np.flatnonzero((traffic.lane == lane) & (traffic.status == Status.DRIVING))
                    if u not in later
                ]
                for lane in range(lanes)
            ]
            lane, speed = lane_and_speed(float(top[v]), LIMIT, lane_m, seen)
            starts = lane not in full and has_place(speed, LENGTH_M, GAP_M, DECEL, seen[lane])
            assert starts == (v in new), f"second {second}, {k}. of those waiting"
            if starts:
                assert (traffic.lane[v], traffic.position_m[v]) == (lane, LENGTH_M)
                assert traffic.speed_m_per_s[v] == pytest.approx(speed)
                compared += 1
            else:
                full.add(lane)
    assert compared >= 10


def test_who_finds_no_place_holds_up_nobody_who_wants_another_lane() -> None:
    # Only lane 0 leads on, to a red head; those who arrive at the end of this street use both.
    n = 40
    drives = cars(
        np.zeros(n), [0, 1], route=np.arange(n) % 2, route_start=np.array([0, 2, 3]),
        route_edge=np.array([0, 1, 0]),
    )  # fmt: skip
    roads = row_of_edges([60.0, 100.0], LIMIT, [2, 1], signal_after=0)
    mover, traffic = Mover(roads, drives, rolls_in=True), new_traffic(roads, drives, 0, 1)
    for _ in range(200):
        mover.step(traffic, np.array([Lamp.RED], np.int8))
    arrived = traffic.status == Status.ARRIVED
    assert arrived[1::2].all()
    held = traffic.status[::2]
    assert 6 <= (held == Status.DRIVING).sum() <= 8
    assert (held == Status.QUEUED).sum() == n // 2 - (held == Status.DRIVING).sum()


def test_who_comes_onto_a_short_street_can_stop_at_its_end() -> None:
    drives = cars(np.arange(3) * 40.0, [0, 1])
    roads = row_of_edges([18.0, 100.0], LIMIT, signal_after=0)
    mover, traffic = Mover(roads, drives, rolls_in=True), new_traffic(roads, drives, 0, 1)
    for second in range(120):
        lamp = Lamp.GREEN if 30 <= second < 45 else Lamp.RED
        mover.step(traffic, np.array([lamp], np.int8))
        if second == 0:
            assert 5.0 < traffic.speed_m_per_s[0] < 9.0, "13 m from a red head"
        if second == 40:
            assert traffic.speed_m_per_s[1] == pytest.approx(LIMIT), "nobody there and green"
        if lamp == Lamp.RED:
            assert not (traffic.connection >= 0)[traffic.departed_ms == second * 1000].any()
    assert (traffic.status == Status.ARRIVED).tolist() == [True, True, False]
    assert traffic.lane[2] == 0, "waits before the red head"


def test_from_rest_everybody_starts_on_the_emptiest_lane_and_stands() -> None:
    drives, roads = cars(np.arange(4) * 0.0, [0, 1]), row_of_edges([200.0, 100.0], LIMIT, 2)
    mover, traffic = Mover(roads, drives), new_traffic(roads, drives, 0, 1)
    mover.step(traffic, np.array([Lamp.GREEN], np.int8))
    assert traffic.lane[:2].tolist() == [0, 1]
    assert (traffic.speed_m_per_s == 0.0).all()
    assert (traffic.status[2:] == Status.QUEUED).all()


@pytest.mark.sumo
@pytest.mark.parametrize(("headway_s", "limit"), [(1.5, LIMIT), (0.5, LIMIT), (3.0, 8.33)])
def test_sumo_lets_them_start_where_and_as_fast_as_the_plain_twin(
    tmp_path: Path, headway_s: float, limit: float
) -> None:
    seen_by_second, departed = driven_by_sumo(tmp_path, headway_s, limit)
    compared = 0
    for second, starters in departed.items():
        there = seen_by_second[second]
        for k, (name, top) in enumerate(starters):
            later = {one for one, _ in starters[k:]}
            lanes = [
                [one for other, (place, one) in there.items() if place == lane and other not in later]
                for lane in range(3)
            ]
            lane, speed = lane_and_speed(top, limit, 500.0, lanes)
            place, mine = there[name]
            assert place == lane, f"{name} at {second}"
            assert mine.speed == pytest.approx(speed, abs=1e-3), f"{name} at {second}"
            assert mine.position_m == pytest.approx(LENGTH_M, abs=0.11), "SUMO: 0.1 m further"
            assert has_place(speed - 2e-3, LENGTH_M, GAP_M, DECEL, lanes[lane])
            compared += 1
    assert compared >= 100


Departed = dict[float, list[tuple[str, float]]]


def driven_by_sumo(
    directory: Path, headway_s: float, limit: float
) -> tuple[dict[float, dict[str, tuple[int, Seen]]], Departed]:
    """Five minutes of cars on a street of three lanes: by second who is where, and who has just started."""
    net, routes, seen, trips = (directory / f"{name}.xml" for name in ("net", "routes", "seen", "trips"))
    made = [
        "netgenerate", "--grid", "--grid.number", "1", "--grid.attach-length", "500", "-L", "3",
        "--no-turnarounds", "true", "--default.speed", str(limit), "-j", "priority", "-o", str(net),
    ]  # fmt: skip
    vehicles = "".join(
        f'<vehicle id="{k}" type="car" depart="{k * headway_s}"><route edges="left0A0 A0right0"/></vehicle>'
        for k in range(int(300 / headway_s))
    )
    routes.write_text(f'<routes><vType id="car"/>{vehicles}</routes>')
    driven = [
        "sumo", "--net-file", str(net), "--route-files", str(routes), "--end", "300",
        "--no-step-log", "true", "--no-warnings", "true", "--precision", "6",
        "--fcd-output", str(seen), "--tripinfo-output", str(trips),
        "--tripinfo-output.write-unfinished", "true",
    ]  # fmt: skip
    for program, *given_to_it in (made, driven):
        command = [str(sumo_binary(program)), *given_to_it]
        subprocess.run(command, check=True, capture_output=True, env=sumo_libraries.environment())
    top: dict[str, float] = {}
    departed: Departed = {}
    for trip in ElementTree.parse(trips).getroot().iter("tripinfo"):
        top[trip.attrib["id"]] = limit * float(trip.attrib["speedFactor"])
        if float(trip.attrib["depart"]) >= 0:
            departed.setdefault(float(trip.attrib["depart"]), []).append((trip.attrib["id"], 0.0))
    departed = {
        at: [(name, top[name]) for name in sorted((one for one, _ in new), key=int)]
        for at, new in departed.items()
    }
    by_second: dict[float, dict[str, tuple[int, Seen]]] = {}
    for step in ElementTree.parse(seen).getroot():
        by_second[float(step.attrib["time"])] = {
            one.attrib["id"]: (
                int(one.attrib["lane"].rsplit("_", 1)[1]),
                Seen(float(one.attrib["pos"]), float(one.attrib["speed"]), top[one.attrib["id"]], LENGTH_M),
            )
            for one in step
            if one.attrib["lane"].startswith("left0A0_")
        }
    return by_second, departed
