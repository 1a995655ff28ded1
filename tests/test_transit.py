"""Buses: people board and alight, early buses wait, late ones are known to be late, nobody is lost."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from controller.vocabulary import Lamp
from sim.city.measuring.trip_table import PASSENGER
from sim.city.movement.mover import Mover
from sim.city.movement.status import Status
from sim.city.movement.traffic import Traffic, new_traffic
from sim.city.people.transit import (
    Line,
    Passengers,
    Stop,
    draw_passengers,
    drives_of_lines,
    find_service,
    halts_table,
    new_transit,
    ride_times_ms,
    riders_table,
    step,
)
from sim.city.trips import Mode
from tests.slow_transit import SlowBus, SlowTransit
from tests.walk_street import Way, drives, street

ROADS = street((400.0, 400.0, 400.0), (Way(0, 1, group=0), Way(1, 2)), (), ())
PLACES = ((0, 100.0), (1, 200.0), (2, 300.0))
GREEN, RED = np.array([Lamp.GREEN], np.int8), np.array([Lamp.RED], np.int8)


def a_line(**changes: Any) -> Line:
    """Three stops on three streets, the middle one a timing point, every ten minutes."""
    rides = ride_times_ms(ROADS, (0, 1, 2), PLACES, 8000)
    stops = tuple(
        Stop(f"s{k}", edge, m, ride, k == 1)
        for k, ((edge, m), ride) in enumerate(zip(PLACES, rides, strict=True))
    )
    plain = Line("12", (0, 1, 2), stops, departures_ms=(60_000, 660_000))
    return dataclasses.replace(plain, **changes)


def people(*rows: tuple[int, int, int]) -> Passengers:
    """(stop, come_ms, to_stop), their due times as they come."""
    rows = tuple(sorted(rows))
    columns = [np.array([row[k] for row in rows], np.int64) for k in range(3)]
    return Passengers(*columns, columns[1].copy(), np.zeros(len(rows), np.int64))


class Town:
    """One line on real streets, moved as in the city."""

    def __init__(self, line: Line, passengers: Passengers | None = None) -> None:
        self.lines = (line,)
        self.passengers = people() if passengers is None else passengers
        self.drives = drives_of_lines(ROADS, self.lines)
        self.mover = Mover(ROADS, self.drives, dawdle=0.0)
        self.traffic = new_traffic(ROADS, self.drives, 0)
        self.service = find_service(self.drives, self.lines, self.passengers)
        self.transit = new_transit(self.service, 0)

    def seconds(self, n: int, lamps: np.ndarray = GREEN) -> Town:
        for _ in range(n):
            now_ms = int(self.traffic.time_ms[0])
            self.mover.step(self.traffic, lamps)
            step(self.transit, self.service, self.traffic, now_ms)
            come = int((self.passengers.come_ms <= now_ms + 1000).sum())
            waiting = int(self.transit.stop_waiting.sum())
            aboard, out = int(self.transit.bus_load.sum()), int(self.transit.halt_alighted.sum())
            assert come == waiting + aboard + out, "nobody is lost, nobody is made"
        return self

    def halts(self) -> dict[str, np.ndarray]:
        return halts_table(self.transit, self.service)

    def riders(self) -> dict[str, np.ndarray]:
        end_ms = int(self.traffic.time_ms[0])
        return riders_table(self.passengers, self.transit, self.service, self.traffic, end_ms, PASSENGER)


def test_people_board_and_alight_where_they_want_to() -> None:
    town = Town(a_line(departures_ms=(60_000,)), people((0, 5000, 2), (0, 50_000, 1), (1, 70_000, 2)))
    town.seconds(240)
    halts, riders = town.halts(), town.riders()
    assert halts["boarded"].tolist() == [2, 1, 0]
    assert halts["alighted"].tolist() == [0, 1, 2]
    assert halts["aboard"].tolist() == [2, 2, 0]
    assert (np.diff(halts["departed_ms"]) > 20_000).all()
    assert riders["arrived_ms"].tolist() == [
        halts["arrived_ms"][2],
        halts["arrived_ms"][1],
        halts["arrived_ms"][2],
    ]
    assert (riders["mode"] == PASSENGER).all()
    waited_s = (halts["arrived_ms"][0] + 1000 - 5000) / 1000
    assert riders["worst_wait_s"][0] == pytest.approx(waited_s), "doors, then one second for the first of two"
    assert town.traffic.status[0] == Status.ARRIVED


def test_the_load_is_what_the_vehicle_carries() -> None:
    town = Town(a_line(departures_ms=(60_000,)), people(*[(0, 100 * k, 2) for k in range(9)]))
    town.seconds(100)
    assert town.traffic.persons[0] == town.transit.bus_load[0] == 9
    town.seconds(200)
    assert town.traffic.persons[0] in (0, 9)
    assert town.transit.bus_load[0] == 0


@pytest.mark.parametrize(("boarding", "stands_s"), [(0, 8), (5, 8), (40, 40)])
def test_a_bus_stands_as_long_as_people_board_but_never_shorter_than_its_halt(
    boarding: int, stands_s: int
) -> None:
    """Two doors, two seconds a person and door; a bus behind its timetable waits for nobody else."""
    line = a_line(departures_ms=(1000,), approach_ms=1000)
    town = Town(line, people(*[(1, 10 * k, 2) for k in range(boarding)])).seconds(240)
    halts = town.halts()
    if boarding == 40:
        assert halts["departed_ms"][1] - halts["arrived_ms"][1] == stands_s * 1000
    else:
        assert halts["departed_ms"][1] == max(halts["due_ms"][1], halts["arrived_ms"][1] + stands_s * 1000)


def test_an_early_bus_waits_at_a_timing_point_and_only_there() -> None:
    town = Town(a_line(departures_ms=(60_000,))).seconds(300)
    halts = town.halts()
    assert halts["arrived_ms"][1] + 8000 < halts["due_ms"][1], "all green: it is early"
    assert halts["departed_ms"][1] == halts["due_ms"][1]
    hurried = a_line(departures_ms=(60_000,))
    stops = tuple(dataclasses.replace(stop, timing_point=False) for stop in hurried.stops)
    halts = Town(dataclasses.replace(hurried, stops=stops)).seconds(300).halts()
    assert halts["departed_ms"][1] == halts["arrived_ms"][1] + 8000 < halts["due_ms"][1]
    assert halts["departed_ms"][0] == 60_000, "nobody leaves the first stop before the time"


def test_a_bus_held_by_a_red_light_becomes_late_while_it_stands_there() -> None:
    town = Town(a_line(departures_ms=(60_000,))).seconds(62)
    assert town.transit.bus_late_ms[0] == 0
    town.seconds(140, RED)
    due_ms = town.service.schedule_ms[1]
    assert town.traffic.speed_m_per_s[0] < 0.1
    assert town.transit.bus_late_ms[0] == 202_000 - due_ms > 50_000
    town.seconds(120)
    late_ms = int(town.transit.bus_late_ms[0])
    halts = town.halts()
    assert late_ms >= halts["departed_ms"][1] - halts["due_ms"][1] > 50_000
    assert halts["departed_ms"][1] == halts["arrived_ms"][1] + 8000, "late: no waiting for the time"


def test_who_finds_no_room_waits_for_the_next_bus() -> None:
    crowd = people(*[(0, 100 * k, 2) for k in range(14)])
    town = Town(a_line(capacity=10, departures_ms=(60_000, 120_000)), crowd).seconds(100)
    assert town.halts()["left_behind"][0] == 4
    assert town.transit.stop_waiting[0] == 4
    assert town.transit.stop_since_ms[0] == 1000
    town.seconds(300)
    riders = town.riders()
    assert (riders["arrived_ms"] > 0).all()
    assert (riders["worst_wait_s"][10:] > 100).all()


def test_waiting_for_the_timetable_is_no_loss_but_waiting_for_a_late_bus_is() -> None:
    one = people((0, 30_000, 2))._replace(due_ms=np.array([60_000]))
    on_time = Town(a_line(departures_ms=(60_000,)), one).seconds(300).riders()
    assert on_time["lost_s"][0] < 30
    assert on_time["worst_wait_s"][0] > 10
    town = Town(a_line(departures_ms=(60_000,)), people((1, 80_000, 2))._replace(due_ms=np.array([100_000])))
    held = town.seconds(200, RED).riders()
    assert held["lost_s"][0] == 100.0, "still waiting, a hundred seconds after the time"
    town.seconds(200)
    assert town.riders()["lost_s"][0] > 100.0
    assert town.riders()["arrived_ms"][0] > 0


def test_passengers_come_as_a_poisson_process_and_are_the_same_for_the_same_seed() -> None:
    line = a_line(departures_ms=tuple(range(0, 7_200_000, 600_000)))
    stops = (
        dataclasses.replace(line.stops[0], boarding_per_h=600.0),
        dataclasses.replace(line.stops[1], boarding_per_h=300.0, alighting_weight=1.0),
        dataclasses.replace(line.stops[2], boarding_per_h=500.0, alighting_weight=3.0),
    )
    lines = (dataclasses.replace(line, stops=stops),)
    drawn = draw_passengers(ROADS, lines, 0, 6_600_000, 7)
    counts = np.bincount(drawn.stop, minlength=3)
    assert counts[0] == pytest.approx(1100, abs=4 * 1100**0.5)
    assert counts[1] == pytest.approx(550, abs=4 * 550**0.5)
    assert counts[2] == 0, "nobody boards at the last stop"
    to_last = (drawn.to_stop[drawn.stop == 0] == 2).mean()
    assert to_last == pytest.approx(0.75, abs=0.06)
    assert (drawn.to_stop > drawn.stop).all()
    assert (np.diff(drawn.come_ms)[np.diff(drawn.stop) == 0] >= 0).all()
    assert (drawn.due_ms >= drawn.come_ms).all()
    assert (drawn.due_ms - drawn.come_ms).mean() == pytest.approx(300_000, rel=0.05)
    again = draw_passengers(ROADS, lines, 0, 6_600_000, 7)
    assert all((a == b).all() for a, b in zip(drawn, again, strict=True))
    other = draw_passengers(ROADS, lines, 0, 6_600_000, 8)
    assert len(other.stop) != len(drawn.stop) or (other.come_ms != drawn.come_ms).any()


def test_a_bus_without_a_line_halts_and_is_noted_but_nobody_boards() -> None:
    trips = dataclasses.replace(
        drives([[0, 1, 2]], [[(1, 200.0, 15_000, 100_000), (2, 100.0, 5000, -1)]], mode=Mode.BUS),
        persons=np.array([30.0]),
    )
    service = find_service(trips, (), people())
    transit, traffic = new_transit(service, 0), new_traffic(ROADS, trips, 0)
    mover = Mover(ROADS, trips, dawdle=0.0)
    for second in range(200):
        mover.step(traffic, GREEN)
        step(transit, service, traffic, second * 1000)
    halts = halts_table(transit, service)
    assert halts["line"].tolist() == [-2, -2]
    assert halts["departed_ms"][0] == 100_000
    assert halts["departed_ms"][1] - halts["arrived_ms"][1] == 5000
    assert traffic.persons[0] == 30


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"route": (0, 2)}, "line 12: stop s1 does not lie ahead on its route"),
        ({"route": (0, 2, 1)}, "line 12: stop s2 does not lie ahead"),
        ({"departures_ms": (5, 5)}, "line 12: departures must rise"),
        ({"doors": 0}, "line 12: capacity and doors"),
        ({"stops": ()}, "line 12: 0 stops; allowed are 2 or more"),
    ],
)
def test_a_line_that_cannot_be_driven_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        drives_of_lines(ROADS, (a_line(**changes),))


def test_a_route_with_a_gap_and_a_bus_that_is_not_of_its_line_are_refused_by_name() -> None:
    stops = (Stop("a", 0, 10.0, 0), Stop("b", 2, 10.0, 1000))
    with pytest.raises(ValueError, match="line 12: no bus may drive from edge e0 to e2"):
        drives_of_lines(ROADS, (a_line(route=(0, 2), stops=stops),))
    line = a_line()
    trips = drives_of_lines(ROADS, (line,))
    with pytest.raises(ValueError, match=r"bus 12-00:01:00: 3 halts.* has 2 stops"):
        find_service(trips, (dataclasses.replace(line, stops=line.stops[:2]),), people())


def scripted(rng: np.random.Generator, traffic: Traffic, trips: Any, v: int, end_ms: int) -> None:
    """One second of a bus that drives as chance has it, and stands as the movement kernels let it."""
    if traffic.status[v] == Status.FUTURE and end_ms > trips.depart_ms[v]:
        traffic.status[v] = Status.DRIVING
    if traffic.status[v] != Status.DRIVING:
        return
    h = traffic.halt_at[v]
    if traffic.halt_until_ms[v] >= 0:
        if traffic.halt_until_ms[v] < end_ms:
            traffic.halt_until_ms[v] = -1
            traffic.halt_at[v] += 1
    elif h == trips.halt_start[v + 1]:
        if rng.random() < 0.1:
            traffic.status[v] = Status.ARRIVED
    elif rng.random() < 0.06:
        if rng.random() < 0.1 and h + 1 < trips.halt_start[v + 1] and h > trips.halt_start[v]:
            traffic.halt_at[v] += 1
        else:
            traffic.halt_until_ms[v] = max(end_ms + trips.halt_dwell_ms[h], trips.halt_due_ms[h])


@pytest.mark.parametrize("seed", range(6))
def test_passengers_are_served_as_by_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = [
        a_line(departures_ms=(60_000, 120_000, 180_000), capacity=12),
        a_line(name="x", departures_ms=(30_000, 90_000), doors=1, capacity=int(rng.integers(3, 30))),
    ]
    trips = drives_of_lines(ROADS, lines)
    rows = [
        (int(s), int(rng.integers(0, 400_000)), int(rng.integers(s % 3 + 1, 3)))
        for s in rng.choice([0, 1, 3, 4], 150)
    ]
    passengers = people(*rows)
    service = find_service(trips, lines, passengers)
    transit, traffic = new_transit(service, 0), new_traffic(ROADS, trips, 0)
    twin = SlowTransit(lines, passengers)
    buses = [
        SlowBus(
            int(trips.line[v]), service.schedule_ms[trips.halt_start[v] : trips.halt_start[v + 1]].tolist()
        )
        for v in range(trips.n)
    ]
    for end_ms in range(1000, 500_000, 1000):
        for v in range(trips.n):
            scripted(rng, traffic, trips, v, end_ms)
        until_ms = traffic.halt_until_ms.copy()
        step(transit, service, traffic, end_ms - 1000)
        twin.come(end_ms)
        for v, bus in enumerate(buses):
            at = int(traffic.halt_at[v] - trips.halt_start[v])
            if traffic.status[v] == Status.DRIVING:
                if until_ms[v] >= 0:
                    assert traffic.halt_until_ms[v] == twin.stands(bus, at, int(until_ms[v]), end_ms)
                else:
                    twin.drives(bus, at, end_ms)
                assert transit.bus_late_ms[v] == bus.late_ms
                assert transit.bus_load[v] == traffic.persons[v] == len(bus.aboard)
        assert (transit.stop_waiting == twin.waiting()).all()
    boarded = [rider.boarded_ms for rider in twin.riders]
    assert transit.passenger_boarded_ms.tolist() == boarded
    assert sum(ms >= 0 for ms in boarded) > 40
    halts = halts_table(transit, service)
    for v, bus in enumerate(buses):
        for k, (departed_ms, aboard, left_behind) in bus.left.items():
            h = int(trips.halt_start[v]) + k
            assert (halts["departed_ms"][h], halts["left_behind"][h]) == (departed_ms, left_behind)
            assert halts["aboard"][h] == aboard
    riders = riders_table(passengers, transit, service, traffic, 499_000, PASSENGER)
    alighted = np.array([rider.alighted_ms for rider in twin.riders])
    assert (riders["arrived_ms"][alighted >= 0] <= alighted[alighted >= 0]).all()
