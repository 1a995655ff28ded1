"""Who watches a city counts every passage of a signal once, with the delay that belongs to it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from sim.city.measuring import watch_kernels as kernels
from sim.city.measuring.run_tables import quantile_of_bins
from sim.city.measuring.watch_model import BIN_EDGES_S, Notes, Streets, empty_notes
from sim.city.people.walkers_model import Stage, Walkers, empty_walkers
from sim.city.trips import Mode

CAR, WALK = int(Mode.CAR), int(Mode.WALK)
DRIVING, ARRIVED = 2, 3


def streets(vehicles: int = 1, legs: int = 1) -> Streets:
    """One way over four edges: a signal (0) after the second, another (1) after the third."""
    one = np.ones(vehicles)
    return Streets(
        mode=np.full(vehicles, CAR, np.int8),
        length_m=4.5 * one,
        route_last=np.full(vehicles, 3, np.int64),
        route_edge=np.arange(4, dtype=np.int64),
        edge_junction=np.array([-1, 0, 1, -1], np.int64),
        lane_junction=np.array([-1, 0, 1, -1], np.int64),
        lane_promise_ms=np.array([-1, 120_000, 120_000, -1], np.int64),
        leg_crossing=np.zeros(legs, np.int64),
        crossing_junction=np.array([1], np.int64),
        crossing_promise_ms=np.array([90_000], np.int64),
        group_promise_ms=np.array([90_000, 120_000], np.int64),
        group_junction=np.array([1, 1], np.int64),
        bin_edge_s=BIN_EDGES_S,
    )


def notes(vehicles: int = 1, people: int = 1) -> Notes:
    return empty_notes(np.zeros(vehicles, np.int64), people, 1, 2, 4, 2, 10)


class Cars(NamedTuple):
    """What a look takes of traffic."""

    lane: np.ndarray
    position_m: np.ndarray
    speed: np.ndarray
    stood_ms: np.ndarray
    route_at: np.ndarray
    lost_s: np.ndarray
    persons: np.ndarray


def cars(vehicles: int = 1) -> Cars:
    i, f = np.zeros(vehicles, np.int64), np.zeros(vehicles)
    return Cars(i.copy(), f + 50.0, f + 10.0, i.copy(), i.copy(), f.copy(), f + 1.3)


def look(now_ms: int, seen: Cars, of: Streets, into: Notes, minute: int = 0) -> None:
    rows = np.arange(len(seen.lane))
    kernels.look_at_vehicles(
        now_ms, minute, len(rows), rows, seen.lane, seen.position_m, seen.speed, seen.stood_ms, seen.route_at,
        seen.lost_s, seen.persons, of, into,
    )  # fmt: skip


def test_time_lost_on_short_edges_belongs_to_the_signal_ahead() -> None:
    """Lost 4 s before a node without signal and 8 s after it: 12 s at signal 0, then 3 s at signal 1."""
    of, into, seen = streets(), notes(), cars()
    for now_ms, edge, lost_s in ((1000, 0, 4.0), (2000, 1, 12.0), (3000, 2, 12.0), (4000, 3, 15.0)):
        seen.route_at[0], seen.lane[0], seen.lost_s[0] = edge, edge, lost_s
        look(now_ms, seen, of, into)
    assert into.passed[:, CAR].tolist() == [1, 1]
    assert into.delay_s[:, CAR].tolist() == [12.0, 3.0]
    assert into.delay_person_s[:, CAR].tolist() == pytest.approx([1.3 * 12, 1.3 * 3])
    assert into.delay_bins.sum() == 2


def test_a_signal_passed_in_the_last_second_and_one_still_waited_for_are_booked_at_the_end() -> None:
    of, into, seen = streets(2), notes(2), cars(2)
    look(1000, seen, of, into)
    seen.route_at[:] = (3, 1)
    seen.lost_s[:] = (7.0, 50.0)
    status = np.array([ARRIVED, DRIVING], np.int8)
    kernels.close_books(status, seen.route_at, seen.lost_s, seen.persons, empty_walkers(1, 1, 0), of, into)
    assert into.passed[:, CAR].tolist() == [2, 1]
    assert into.delay_s[:, CAR].tolist() == [57.0, 0.0]


def test_a_street_is_full_when_nobody_finds_room_at_its_beginning() -> None:
    """Somebody standing with the back 7 m from the beginning; two of them count one second only."""
    of, into, seen = streets(3), notes(3), cars(3)
    seen.lane[:] = (1, 1, 2)
    seen.position_m[:] = (11.5, 4.6, 30.0)
    seen.speed[:] = 0.0
    look(1000, seen, of, into)
    look(2000, seen, of, into)
    assert into.lane_full_s.tolist() == [0, 2, 0, 0]
    assert into.queue_max_veh.tolist() == [2, 1]
    seen.position_m[:2] = (13.0, 12.5)
    look(3000, seen, of, into)
    assert into.lane_full_s.tolist() == [0, 2, 0, 0]


def test_standing_longer_than_promised_counts_once_and_ten_for_five_minutes_are_a_gridlock() -> None:
    of, into, seen = streets(10), notes(10), cars(10)
    seen.lane[:], seen.speed[:] = 1, 0.0
    for second in range(1, 302):
        seen.stood_ms[:] = 1000 * second
        look(1000 * second, seen, of, into, minute=second // 60)
        assert into.gridlock[0] == (second == 301)
    assert into.lane_late.tolist() == [0, 10, 0, 0]
    assert into.worst_stood_s[0, CAR] == 301.0
    assert into.minute_standing_s.sum() == 10 * 301


# --- people ------------------------------------------------------------------------------------


def at_kerb(walkers: Walkers, since_ms: int, now_ms: int, row: int = 0) -> None:
    walkers.status[row], walkers.since_ms[row] = Stage.WAITING, since_ms
    walkers.lost_ms[row] = now_ms - since_ms
    walkers.out[: row + 1] = np.arange(row + 1)
    walkers.n_out[0] = row + 1


def watch_wait(
    into: Notes, until_ms: int, since_ms: int = 500, on_red: bool = False, dead_ms: int = 0
) -> None:
    """Somebody stands from `since_ms` to `until_ms`; the button is dead and unnoticed until `dead_ms`."""
    of, walkers = streets(), empty_walkers(1, 1, 0)
    for now_ms in range(1000, until_ms + 1000, 1000):
        at_kerb(walkers, since_ms, min(now_ms, until_ms))
        if now_ms >= until_ms:
            walkers.status[0], walkers.on_red[0] = Stage.CROSSING, on_red
        unheard = np.array([now_ms <= dead_ms])
        for _ in range(2):  # looking twice at the same moment counts nobody twice
            kernels.look_at_people(now_ms, 0, unheard, walkers, of, into)


def test_a_wait_is_booked_to_the_millisecond_when_it_ends() -> None:
    into = notes()
    watch_wait(into, until_ms=30_250)
    assert into.passed[:, WALK].tolist() == [0, 1]
    assert into.delay_s[1, WALK] == pytest.approx(29.75)
    assert into.crossing_late[0] == into.crossing_gave_up[0] == 0


def test_a_promise_is_broken_once_however_long_it_takes() -> None:
    into = notes()
    watch_wait(into, until_ms=150_000)
    assert into.crossing_late[0] == into.crossing_late_noticed[0] == 1


def test_a_dead_button_is_excused_only_until_it_is_noticed() -> None:
    """Noticed after 60 s and served at 140 s: late for the person, in time counted from notice."""
    into = notes()
    watch_wait(into, until_ms=140_000, dead_ms=60_000)
    assert (into.crossing_late[0], into.crossing_late_noticed[0]) == (1, 0)
    into = notes()
    watch_wait(into, until_ms=155_000, dead_ms=60_000)
    assert (into.crossing_late[0], into.crossing_late_noticed[0]) == (1, 1)


def test_what_preemption_suspends_is_not_late_and_what_is_late_without_it_still_is() -> None:
    """For 40 s of their wait nobody could be let go: 120 s of standing are 80 s of a promise."""
    of, into, walkers, seen = streets(), notes(), empty_walkers(1, 1, 0), cars()
    seen.lane[0], seen.speed[0] = 2, 0.0
    into.suspended_ms[1] = 7_000  # an earlier one, before anybody came
    late = {}
    for second in range(1, 200):
        if 30 < second <= 70:
            into.suspended_ms[1] += 1000
        now_ms = 1000 * second
        seen.stood_ms[0] = now_ms
        at_kerb(walkers, 0, now_ms)
        look(now_ms, seen, of, into)
        kernels.look_at_people(now_ms, 0, np.zeros(1, np.bool_), walkers, of, into)
        kernels.look_at_calls(now_ms, np.array([0, 1 << 60]), of, into)
        for what, n in (("foot", into.crossing_late[0]), ("call", into.group_calls_late[0])):
            if n and what not in late:
                late[what] = second
        if into.lane_late[2] and "car" not in late:
            late["car"] = second
    assert late == {"foot": 131, "call": 131, "car": 161}
    assert into.lane_late[2] == into.crossing_late[0] == into.group_calls_late[0] == 1
    assert into.delay_bins.sum() == 0, "their waiting is counted whole, only the promise is not"


def test_giving_up_is_no_service_and_counted_once() -> None:
    into = notes()
    watch_wait(into, until_ms=70_000, on_red=True)
    assert (into.crossing_gave_up[0], into.crossing_late[0]) == (1, 0)
    into = notes()
    watch_wait(into, until_ms=100_000, on_red=True)
    assert (into.crossing_gave_up[0], into.crossing_late[0]) == (0, 1)


def test_who_still_stands_at_the_end_is_not_forgotten() -> None:
    into, of, walkers = notes(), streets(), empty_walkers(1, 1, 0)
    at_kerb(walkers, 0, 95_000)
    kernels.close_books(
        np.zeros(1, np.int8), np.zeros(1, np.int64), np.zeros(1), np.zeros(1), walkers, of, into
    )
    assert into.delay_s[1, WALK] == 95.0
    assert into.crossing_late[0] == 1


def test_calls_are_counted_when_they_begin_and_late_ones_once() -> None:
    into, of, never = notes(), streets(), 1 << 60
    for now_ms in range(0, 400_000, 1000):
        called = 10_000 if now_ms < 105_000 else never if now_ms < 200_000 else 200_000
        since = np.array([called if now_ms >= 10_000 else never, never])
        kernels.look_at_calls(now_ms, since, of, into)
    assert into.group_calls.tolist() == [2, 0]
    assert into.group_calls_late.tolist() == [2, 0]


# --- against a slow twin -----------------------------------------------------------------------


def slow_look(seen: Cars, of: Streets, seen_at: list[int], signal_s: list[float]) -> list[tuple[int, float]]:
    """Passages of one look, the obvious way."""
    passages = []
    for v in range(len(seen.lane)):
        while seen_at[v] < seen.route_at[v]:
            j = of.edge_junction[of.route_edge[seen_at[v]]]
            seen_at[v] += 1
            if j >= 0:
                passages.append((int(j), float(seen.lost_s[v] - signal_s[v])))
                signal_s[v] = float(seen.lost_s[v])
    return passages


def test_passages_agree_with_a_slow_twin_on_random_drives() -> None:
    chance = np.random.default_rng(5)
    of, into, seen = streets(40), notes(40), cars(40)
    seen_at, signal_s = [0] * 40, [0.0] * 40
    told: list[tuple[int, float]] = []
    for second in range(60):
        seen.route_at[:] = np.minimum(
            3, seen.route_at + (chance.random(40) < 0.1) * chance.integers(0, 3, 40)
        )
        seen.lane[:] = np.where(chance.random(40) < 0.2, -1, seen.route_at)
        seen.lost_s[:] += chance.random(40)
        seen.speed[:] = chance.choice([0.0, 8.0], 40)
        look(1000 * second, seen, of, into)
        told += slow_look(seen, of, seen_at, signal_s)
    for j in (0, 1):
        delays = [delay for at, delay in told if at == j]
        assert into.passed[j, CAR] == len(delays)
        assert into.delay_s[j, CAR] == pytest.approx(sum(delays))
        assert into.worst_delay_s[j, CAR] == pytest.approx(max(delays))
        assert into.delay_bins[j, CAR].tolist() == np.histogram(delays, [*BIN_EDGES_S, np.inf])[0].tolist()


def test_quantiles_from_bins_are_as_fine_as_the_bins() -> None:
    chance = np.random.default_rng(1)
    delays = chance.exponential(40.0, 5000)
    bins = np.histogram(delays, [*BIN_EDGES_S, np.inf])[0][None, :]
    worst = np.array([delays.max()])
    for part in (0.5, 0.95):
        told = quantile_of_bins(bins, part, worst)[0]
        width = 2.0 if told < 120 else 10.0
        assert abs(told - np.quantile(delays, part)) < width
    assert quantile_of_bins(bins, 1.0, worst)[0] == pytest.approx(delays.max())
