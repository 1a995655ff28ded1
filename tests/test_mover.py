"""Vehicles obey the textbook: saturation flow, delay, queues and waves; nobody is lost; halts and lamps."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.vocabulary import Lamp
from sim.city.movement.fixed_programs import lamps, play
from sim.city.movement.movement_model import AT_RED, BLOCKED, MUST_STOP
from sim.city.movement.mover import Mover
from sim.city.movement.programs_model import Programs
from sim.city.movement.status import Status
from sim.city.movement.traffic import Traffic, new_traffic
from sim.city.roads import Roads
from sim.city.trips import Drives
from tests.slow_mover import Car, braking_m, greatest_speed, next_speed
from tests.toy_roads import cars, row_of_edges

APPROACH_M, EXIT_M, SEEN_M, LIMIT = 1000.0, 300.0, 200.0, 13.89
CRUISE = LIMIT - 0.25 * 2.6
"""Speed of a free car: it idles a quarter of its acceleration away (half of SUMO's sigma 0.5)."""
VEHICLE_M = 7.5
Lamps = Callable[[int], Lamp]


def drive(roads: Roads, drives: Drives, lamp: Lamps, seconds: int, **more: object) -> tuple[Mover, Traffic]:
    mover, traffic = Mover(roads, drives, **more), new_traffic(roads, drives, 0, 1)  # type: ignore[arg-type]
    for second in range(seconds):
        mover.step(traffic, np.array([lamp(second)], np.int8))
    return mover, traffic


def passings_s(roads: Roads, drives: Drives, lamp: Lamps, seconds: int) -> np.ndarray:
    """When each car would have crossed the stop line had it been at cruising speed there: seen
    beyond it, where all have got up to speed. Between two steps by its speed; nan if never.
    """
    mover, traffic = Mover(roads, drives), new_traffic(roads, drives, 0, 1)
    at_s = np.full(drives.n, np.nan)
    for second in range(seconds):
        mover.step(traffic, np.array([lamp(second)], np.int8))
        rows = traffic.driving[: traffic.n_driving[0]]
        past_m = np.where(traffic.lane[rows] == 1, traffic.position_m[rows] - SEEN_M, -1.0)
        over = rows[(past_m >= 0) & np.isnan(at_s[rows])]
        way_m = traffic.position_m[over] - SEEN_M
        at_s[over] = second + 1 - way_m / traffic.speed_m_per_s[over]
    return at_s - (SEEN_M + 10.0) / CRUISE


def approach() -> Roads:
    return row_of_edges([APPROACH_M, EXIT_M], LIMIT, signal_after=0)


def queue_then_green(n: int, green_s: int = 400) -> np.ndarray:
    """Seconds after green at which the cars of a long standing queue cross the line."""
    at_s = passings_s(
        approach(), cars(np.arange(n) * 2.0, [0, 1]),
        lambda t: Lamp.GREEN if t >= green_s else Lamp.RED, green_s + 300,
    )  # fmt: skip
    return at_s - green_s


def discharge(n: int = 90) -> tuple[float, float]:
    """Saturation flow in veh/s and start-up loss in s, fitted to all but the first ten cars."""
    at_s = queue_then_green(n)
    headway_s, first_s = np.polyfit(np.arange(10, n), at_s[10:], 1)
    return 1.0 / headway_s, first_s


def test_saturation_flow_is_what_the_following_rule_implies_and_what_sumo_shows() -> None:
    # In a platoon at cruising speed v the gap is such that the rule allows v plus what is idled away:
    # with whole brakings of 4.5 m/s2 and 1 s of reaction. Found by bisection on the plain twin.
    low, high = 0.0, 40.0
    for _ in range(60):
        gap_m = (low + high) / 2
        follows = min(greatest_speed(gap_m + braking_m(CRUISE, 4.5), 4.5), LIMIT) - 0.65
        low, high = (gap_m, high) if follows < CRUISE - 1e-9 else (low, gap_m)
    implied = CRUISE / (VEHICLE_M + high)
    measured, lost_s = discharge()
    assert measured == pytest.approx(implied, rel=0.02)
    assert 1700 <= 3600 * measured <= 2100
    assert 0.0 < lost_s < 4.0


def test_a_queue_clears_when_start_up_and_saturation_flow_say() -> None:
    flow, lost_s = discharge()
    for n in (30, 60):
        assert queue_then_green(n)[-1] == pytest.approx(lost_s + (n - 1) / flow, rel=0.02)


@pytest.mark.parametrize("dawdle", [0.0, 0.5])
def test_the_wave_that_dissolves_a_queue_has_the_speed_of_the_fundamental_diagram(dawdle: float) -> None:
    n, green_s = 110, 400
    cruise = LIMIT - dawdle / 2 * 2.6
    drives = cars(np.arange(n) * 2.0, [0, 1])
    mover, traffic = Mover(approach(), drives, dawdle=dawdle), new_traffic(approach(), drives, 0, 1)
    place_m, started_s, exits_s = np.zeros(n), np.full(n, np.nan), np.full(n, np.nan)
    for second in range(green_s + 300):
        if second == green_s:
            place_m[:] = traffic.position_m
            assert (traffic.speed_m_per_s < 0.1).all()
        mover.step(traffic, np.array([Lamp.GREEN if second >= green_s else Lamp.RED], np.int8))
        half = cruise / 2
        if second >= green_s:
            up = np.isnan(started_s) & (traffic.speed_m_per_s > half)
            started_s[up] = second
            out = np.isnan(exits_s) & (traffic.lane == 1)
            exits_s[out] = second - traffic.position_m[out] / traffic.speed_m_per_s[out]
    wave, _ = np.polyfit(started_s[10:], place_m[10:], 1)
    flow = 1.0 / np.polyfit(np.arange(10, n), exits_s[10:], 1)[0]
    # The slope from (jam density, 0) to (density at capacity, capacity): Lighthill and Whitham, 1955.
    assert -wave == pytest.approx(flow / (1.0 / VEHICLE_M - flow / cruise), rel=0.02)


@pytest.mark.parametrize(("red_s", "veh_per_h"), [(45, 300), (30, 600)])
def test_delay_under_a_fixed_program_is_the_textbooks(red_s: int, veh_per_h: int) -> None:
    cycle_s, n = 90, 400
    arrivals_s = np.arange(n) * 3600.0 / veh_per_h + np.arange(n) % 7 * 0.4

    def lamp(t: int) -> Lamp:
        return Lamp.RED if t % cycle_s < red_s else Lamp.YELLOW if t % cycle_s >= cycle_s - 3 else Lamp.GREEN

    drives = cars(arrivals_s, [0, 1])
    seconds = int(arrivals_s[-1]) + 400
    free = passings_s(approach(), drives, lambda t: Lamp.GREEN, seconds)
    delay_s = float((passings_s(approach(), drives, lamp, seconds) - free)[20:-20].mean())
    flow, lost_s = discharge()
    # Those who can no longer stop still cross on yellow. The start-up loss is that of the first
    # car, which in the formula's fluid has left only after one headway.
    brakes_s = braking_m(CRUISE, 4.5) / CRUISE
    red = red_s + 3 - brakes_s + lost_s - 1.0 / flow
    uniform_s = red * red / (2 * cycle_s * (1 - veh_per_h / 3600 / flow))
    assert delay_s == pytest.approx(uniform_s, rel=0.02)


def test_yellow_stops_who_can_stop_and_lets_pass_who_cannot() -> None:
    for yellow_s in range(60, 90):
        at_s = passings_s(
            approach(), cars([0.0], [0, 1]),
            lambda t, y=yellow_s: Lamp.GREEN if t < y else Lamp.YELLOW if t < y + 3 else Lamp.RED, 130,
        )  # fmt: skip
        assert np.isnan(at_s[0]) or at_s[0] <= yellow_s + 3, "nobody crosses on red"


def check_whole(roads: Roads, drives: Drives, traffic: Traffic) -> None:
    """Nobody is lost, doubled, overlapping or out of order, and the counts agree."""
    rows = traffic.driving[: traffic.n_driving[0]]
    counted = [int((traffic.status == s).sum()) for s in Status]
    assert sum(counted) == drives.n
    assert counted[Status.DRIVING] == len(rows) == len(set(rows.tolist()))
    assert traffic.lane_veh.sum() == (traffic.lane[rows] >= 0).sum()
    seen = 0
    for way, place in enumerate(traffic.places):
        v, ahead = int(place["first"]), -1
        while v >= 0:
            assert traffic.cars[v]["way"] == way
            assert traffic.cars[v]["ahead"] == ahead
            if ahead >= 0:
                gap_m = (
                    traffic.cars[ahead]["position_m"] - drives.length_m[ahead] - traffic.cars[v]["position_m"]
                )
                assert gap_m > -0.01, f"{v} runs into {ahead} on way {way}"
                # Who is left alone until the one ahead moves has no room to drive into.
                assert not traffic.waits[v] or (
                    gap_m - drives.gap_m[v] < 0.012 and not traffic.cars[v]["speed"]
                )
            assert not traffic.waits[v] or (ahead >= 0) == (traffic.waits[v] == BLOCKED)
            if traffic.waits[v] == AT_RED:
                assert traffic.pass_state[traffic.cars[v]["next_connection"]] == MUST_STOP
                assert not traffic.cars[v]["speed"]
            seen, ahead, v = seen + 1, v, int(traffic.cars[v]["behind"])
        assert ahead == place["last"]
    assert seen == len(rows)


@settings(max_examples=25, deadline=None)
@given(
    lanes=st.lists(st.integers(1, 3), min_size=2, max_size=5),
    lengths=st.lists(st.sampled_from([1.0, 7.0, 40.0, 150.0]), min_size=5, max_size=5),
    headway_s=st.sampled_from([0.5, 2.0, 5.0]),
    red_s=st.integers(0, 50),
    seed=st.integers(0, 3),
)
def test_nobody_is_lost_and_nobody_collides(
    lanes: list[int], lengths: list[float], headway_s: float, red_s: int, seed: int
) -> None:
    roads = row_of_edges(lengths[: len(lanes)], LIMIT, lanes, signal_after=len(lanes) // 2 - 1)
    chance = np.random.default_rng(seed)
    n = 60
    drives = cars(
        np.arange(n) * headway_s, range(len(lanes)),
        length_m=chance.choice([2.0, 5.0, 12.0], n), speed_factor=chance.uniform(0.7, 1.2, n),
    )  # fmt: skip
    mover, traffic = Mover(roads, drives), new_traffic(roads, drives, 0, 1, seed=seed)
    for second in range(6000):
        if (traffic.status == Status.ARRIVED).all():
            break
        lamp = Lamp.RED if second % 60 < red_s else Lamp.YELLOW if second % 60 > 56 else Lamp.GREEN
        mover.step(traffic, np.array([lamp], np.int8))
        if second % 10 == 0:
            check_whole(roads, drives, traffic)
    assert (traffic.status == Status.ARRIVED).all()
    assert (traffic.arrived_ms > traffic.departed_ms).all()
    assert traffic.lane_lost_s.sum() == pytest.approx(traffic.lost_s.sum())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), red_s=st.integers(5, 40))
def test_the_plain_twin_drives_the_same(seed: int, red_s: int) -> None:
    chance = np.random.default_rng(seed)
    n, lane_m = 12, 600.0
    drives = cars(
        np.cumsum(chance.uniform(2, 9, n)), [0, 1],
        length_m=chance.uniform(3, 15, n).round(2), gap_m=chance.uniform(1, 3, n).round(2),
        speed_factor=chance.uniform(0.7, 1.2, n).round(3), accel_m_per_s2=chance.uniform(1, 3, n).round(2),
        decel_m_per_s2=chance.uniform(3, 6, n).round(2),
    )  # fmt: skip
    roads = row_of_edges([lane_m, 5000.0], LIMIT, signal_after=0)
    mover, traffic = Mover(roads, drives), new_traffic(roads, drives, 0, 1)
    compared = 0
    for second in range(90):
        lamp = Lamp.RED if second % 60 < red_s else Lamp.GREEN
        mine: list[int] = []
        v = int(traffic.places[0]["first"])
        while v >= 0:
            mine.append(v)
            v = int(traffic.cars[v]["behind"])
        twins = [Car(float(traffic.position_m[v]), float(traffic.speed_m_per_s[v]), drives, v) for v in mine]
        # Whoever has left the lane is seen by the first one only through its back: left out here.
        tail = int(traffic.places[0]["tail"])
        planned = {
            v: next_speed(twin, twins[k - 1] if k else None, LIMIT, lane_m, int(lamp))
            for k, (v, twin) in enumerate(zip(mine, twins, strict=True))
            if k or tail < 0
        }
        mover.step(traffic, np.array([lamp], np.int8))
        for v, speed in planned.items():
            assert traffic.speed_m_per_s[v] == pytest.approx(speed, abs=1e-9)
            compared += 1
    assert compared > 100


def test_a_bus_halts_at_its_stop_as_long_as_it_must_and_that_is_no_wait() -> None:
    drives = cars(
        [0.0], [0, 1], halt_start=np.array([0, 1]), halt_edge=np.array([0]),
        halt_position_m=np.array([400.0]), halt_dwell_ms=np.array([20_000]), halt_due_ms=np.array([-1]),
    )  # fmt: skip
    roads = approach()
    mover, traffic = Mover(roads, drives), new_traffic(roads, drives, 0, 1)
    stood = []
    for _ in range(200):
        mover.step(traffic, np.array([Lamp.GREEN], np.int8))
        if traffic.halt_until_ms[0] >= 0:
            stood.append(float(traffic.position_m[0]))
    assert 20 <= len(stood) <= 22
    assert stood[0] == pytest.approx(400.0, abs=0.6)
    assert len(set(stood)) == 1
    assert traffic.worst_stood_ms[0] <= 2000
    assert traffic.status[0] == Status.ARRIVED


def test_a_full_street_spills_back_and_nobody_departs_into_it() -> None:
    roads, drives = approach(), cars(np.arange(300) * 1.0, [0, 1])
    _, traffic = drive(roads, drives, lambda t: Lamp.RED, 900)
    held = int((traffic.status == Status.DRIVING).sum())
    assert held == pytest.approx(APPROACH_M / VEHICLE_M, abs=1.5)
    assert (traffic.status == Status.QUEUED).sum() == 300 - held


def test_a_copied_city_goes_on_the_same_to_the_last_bit() -> None:
    roads, drives = approach(), cars(np.arange(60) * 3.0, [0, 1])
    mover, first = drive(roads, drives, lambda t: Lamp.RED if t % 40 < 20 else Lamp.GREEN, 100)
    second = copy.deepcopy(first)
    for traffic in (first, second):
        for t in range(100, 200):
            mover.step(traffic, np.array([Lamp.RED if t % 40 < 20 else Lamp.GREEN], np.int8))
    for name in Traffic.__slots__:
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name


def test_a_route_with_a_gap_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="vehicle c0: no lane that it may use leads from edge e0 to edge e2"):
        Mover(row_of_edges([100.0] * 3), cars([0.0], [0, 2]))


def test_a_stretch_played_at_once_books_what_its_seconds_book() -> None:
    programs = Programs(
        cycle_ms=np.array([60_000]), offset_ms=np.array([7_000]), phase_start=np.array([0, 2]),
        phase_end_ms=np.array([40_500, 60_000]), lamp_start=np.array([0, 1]),
        lamp=np.array([Lamp.RED, Lamp.GREEN], np.int8), group_start=np.array([0, 1]),
    )  # fmt: skip
    drives = cars(np.arange(60) * 3.0, [0, 1])
    mover, group_lamp = Mover(approach(), drives), np.zeros(1, np.int8)
    at_once, by_seconds = (new_traffic(approach(), drives, 0, 1, seed=4) for _ in range(2))
    why = set()
    for until_s in (50, 51, 333):
        play(mover, at_once, programs, group_lamp, until_s * 1000)
        while by_seconds.time_ms[0] < until_s * 1000:
            lamps(programs, int(by_seconds.time_ms[0]), group_lamp)
            mover.step(by_seconds, group_lamp)
            why |= set(by_seconds.waits.tolist())
        for name in (field.name for field in dataclasses.fields(Traffic)):
            if name not in {"awake", "crossing_ways", "lane_lost_person_s"}:
                np.testing.assert_array_equal(getattr(at_once, name), getattr(by_seconds, name), name)
        np.testing.assert_allclose(at_once.lane_lost_person_s, by_seconds.lane_lost_person_s, rtol=1e-12)
    assert why == {0, BLOCKED, AT_RED}
    assert at_once.lane_lost_s.sum() == at_once.lost_s.sum()
