"""People on foot: the textbook, stories at one kerb, and the kernels beside their slow twins."""

from __future__ import annotations

import numpy as np
import pytest

from controller.vocabulary import Lamp
from sim.city.movement.traffic import Traffic
from sim.city.people.oncoming_kernels import NEVER_S
from sim.city.people.walkers import Stage, Walkers, find_footways, new_walkers, step
from sim.city.people.walkers_kernels import step_people
from sim.city.roads import Roads
from sim.city.trips import Drives
from tests.slow_walkers import SlowWalkers, slow_vehicle_s
from tests.walk_street import Walk, Way, drives, empty_traffic, put, street, walks

RED, GREEN, CLEARANCE = Lamp.RED, Lamp.GREEN, Lamp.CLEARANCE
OVER = ((0.0, 0),)
"""A walk that begins at the kerb and ends on the other side."""


class Kerb:
    """One street, told second by second what the lamps show."""

    def __init__(self, people: list[Walk], roads: Roads | None = None, trips: Drives | None = None) -> None:
        self.roads = roads or street()
        self.walks = walks(people)
        self.trips = trips or drives()
        self.traffic: Traffic = empty_traffic(self.roads, self.trips)
        self.walkers: Walkers = new_walkers(self.roads, self.walks, 0)
        self.footways = find_footways(self.roads, self.trips, self.walks)

    def seconds(self, n: int, lamp: int = RED, vehicles: int = GREEN) -> Kerb:
        for _ in range(n):
            now_ms = int(self.walkers.time_ms[0])
            step(self.walkers, self.footways, np.array([lamp, vehicles], np.int8), self.traffic, now_ms)
        return self


@pytest.mark.parametrize(("cycle_s", "walk_s"), [(60, 7), (90, 15), (120, 40)])
def test_mean_wait_under_fixed_time_is_that_of_the_textbook(cycle_s: int, walk_s: int) -> None:
    """Uniform arrivals, R = C - WALK: R^2 / (2 C) (HCM 2010, eq. 18-71 with effective walk = WALK)."""
    cycles, people = 60, 20_000
    rng = np.random.default_rng(1)
    departures = np.sort(rng.integers(0, cycles * cycle_s * 1000, people))
    kerb = Kerb([Walk(int(t), OVER) for t in departures])
    for _ in range(cycles):
        kerb.seconds(walk_s, GREEN).seconds(10, CLEARANCE).seconds(cycle_s - walk_s - 10, RED)
    kerb.seconds(20, GREEN)
    red_s = cycle_s - walk_s
    expected_s = red_s**2 / (2 * cycle_s)
    assert kerb.walkers.lost_ms.mean() / 1000 == pytest.approx(expected_s, rel=0.02)
    assert kerb.walkers.worst_waited_ms.max() == pytest.approx(red_s * 1000, abs=100)
    assert (kerb.walkers.status == Stage.ARRIVED).all()
    assert kerb.walkers.crossing_crossed[0] == kerb.walkers.crossing_came[0] == people
    assert kerb.walkers.crossing_standing_ms[0] == kerb.walkers.lost_ms.sum()


def test_who_comes_in_the_middle_of_a_second_waits_to_the_millisecond() -> None:
    kerb = Kerb([Walk(1000, ((2.25, 0), (5.0, -1)), speed_m_per_s=1.25)])
    kerb.seconds(7).seconds(10, GREEN)
    w = kerb.walkers
    assert w.lost_ms[0] == w.worst_waited_ms[0] == 7000 - (1000 + 1800)
    assert w.arrived_ms[0] == -1
    assert w.until_ms[0] == 7000 + 8000 + 4000
    kerb.seconds(3)
    assert w.arrived_ms[0] == 19_000


def test_a_press_is_a_call_until_walk_answers_it() -> None:
    kerb = Kerb([Walk(400, OVER), Walk(2700, OVER), Walk(3000, OVER, presses=False)])
    kerb.seconds(1)
    assert (kerb.walkers.crossing_presses[0], kerb.walkers.crossing_called_ms[0]) == (1, 400)
    kerb.seconds(3)
    assert kerb.walkers.crossing_presses[0] == 0
    assert kerb.walkers.crossing_waiting[0] == 3
    assert kerb.walkers.crossing_since_ms[0] == 400
    kerb.seconds(1, GREEN)
    w = kerb.walkers
    assert (w.crossing_called_ms[0], w.crossing_calls[0], w.crossing_worst_call_ms[0]) == (-1, 1, 3600)
    assert (w.crossing_people[0], w.crossing_waiting[0], w.crossing_since_ms[0]) == (3, 0, -1)


def test_who_stands_for_long_without_having_pressed_looks_for_the_button() -> None:
    kerb = Kerb([Walk(400, OVER, presses=False)]).seconds(45)
    assert kerb.walkers.crossing_calls[0] == 0
    kerb.seconds(1)
    assert (kerb.walkers.crossing_presses[0], kerb.walkers.crossing_called_ms[0]) == (1, 45_400)
    kerb.seconds(60)
    assert kerb.walkers.crossing_calls[0] == 1


def test_who_finds_walk_does_not_press_and_does_not_stand() -> None:
    kerb = Kerb([Walk(500, OVER)]).seconds(1, GREEN)
    assert kerb.walkers.crossing_presses[0] == 0
    assert kerb.walkers.status[0] == Stage.CROSSING
    assert kerb.walkers.lost_ms[0] == 0


def test_nobody_steps_off_in_the_clearance_however_impatient() -> None:
    kerb = Kerb([Walk(t, OVER, patience_ms=1000) for t in range(0, 9000, 100)])
    kerb.seconds(30, CLEARANCE)
    assert kerb.walkers.crossing_people[0] == 0
    assert (kerb.walkers.status == Stage.WAITING).all()


def test_only_who_is_slower_than_the_design_speed_is_caught_by_the_end_of_the_clearance() -> None:
    """10.7 m at 1.07 m/s are 10 s of clearance; both step off in the last moment of WALK."""
    roads = street(crossing_length_m=(10.7,))
    kerb = Kerb([Walk(6999, OVER, 1.07), Walk(6999, OVER, 0.9), Walk(100, OVER, 0.7)], roads)
    kerb.seconds(7, GREEN).seconds(10, CLEARANCE)
    assert kerb.walkers.crossing_people[0] == 1
    kerb.seconds(5)
    assert kerb.walkers.crossing_caught[0] == 1
    assert kerb.walkers.caught.tolist() == [0, 0, 1]
    assert kerb.walks.speed_m_per_s[2] == 0.9
    assert (kerb.walkers.status == Stage.ARRIVED).all()


def test_children_hold_their_parents_hand() -> None:
    """A group is people of one departure and speed: it stays together over two crossings."""
    roads = street(
        ways=(Way(0, 1, group=1, crossings=(0, 1)),), crossing_group=(0, 0), crossing_length_m=(10.0, 8.0)
    )
    family = [Walk(2300, ((20.0, 0), (3.0, 1), (40.0, -1)), 0.9) for _ in range(3)]
    kerb = Kerb(family, roads)
    for _ in range(3):
        kerb.seconds(40).seconds(8, GREEN).seconds(12, CLEARANCE)
    w = kerb.walkers
    assert (w.arrived_ms == w.arrived_ms[0]).all()
    assert w.arrived_ms[0] > 0
    assert (w.lost_ms == w.lost_ms[0]).all()
    assert w.crossing_crossed.tolist() == [3, 3]


def test_who_gives_up_crosses_on_red_only_when_no_vehicle_is_near() -> None:
    trips = drives([[0, 1]])
    kerb = Kerb([Walk(0, OVER, patience_ms=20_000), Walk(0, OVER)], trips=trips)
    put(kerb.traffic, 0, 60.0, 12.5, lane=0)
    kerb.seconds(25)
    assert kerb.walkers.crossing_vehicle_s[0] == pytest.approx(140 / 12.5)
    assert kerb.walkers.crossing_waiting[0] == 2, "11 s are not enough for 10 s of walking and 3 s of margin"
    put(kerb.traffic, 0, 20.0, 12.5, lane=0)
    kerb.seconds(1)
    assert kerb.walkers.status.tolist() == [Stage.CROSSING, Stage.WAITING]
    kerb.seconds(12)
    assert kerb.walkers.crossed_on_red.tolist() == [1, 0]
    assert kerb.walkers.crossing_red[0] == 1
    assert kerb.walkers.crossing_caught[0] == 0
    assert kerb.walkers.worst_waited_ms[0] == 25_000


def test_vehicles_at_red_are_no_danger_but_those_that_cannot_stop_are() -> None:
    trips = drives([[0, 1]])
    impatient = [Walk(0, OVER, patience_ms=0)]
    kerb = Kerb(impatient, trips=trips)
    put(kerb.traffic, 0, 150.0, 12.5, lane=0)
    assert kerb.seconds(2, vehicles=RED).walkers.crossing_people[0] == 1
    kerb = Kerb(impatient, trips=trips)
    put(kerb.traffic, 0, 190.0, 12.5, lane=0)
    assert kerb.seconds(2, vehicles=RED).walkers.crossing_people[0] == 0


def test_on_a_zebra_people_step_off_in_front_of_drivers_who_can_still_stop() -> None:
    roads = street(ways=(Way(0, 1, crossings=(0,)),), crossing_group=(-1,))
    for position_m, people in ((100.0, 1), (195.0, 0)):
        kerb = Kerb([Walk(0, OVER)], roads, drives([[0, 1]]))
        put(kerb.traffic, 0, position_m, 12.5, lane=0)
        assert kerb.seconds(3).walkers.crossing_people[0] == people
    assert kerb.walkers.crossing_presses[0] == 0


@pytest.mark.parametrize("lamp", [Lamp.DARK, Lamp.FLASH_AMBER, Lamp.FLASH_RED])
def test_where_the_signal_does_not_work_people_look_for_gaps(lamp: int) -> None:
    kerb = Kerb([Walk(0, OVER), Walk(8000, OVER)], trips=drives([[0, 1]]))
    put(kerb.traffic, 0, 60.0, 12.5, lane=0)
    kerb.seconds(5, lamp, lamp if lamp != Lamp.FLASH_RED else GREEN)
    assert kerb.walkers.crossing_people[0] == 0
    kerb.traffic.n_driving[0] = 0
    kerb.seconds(20, lamp, lamp)
    assert (kerb.walkers.status == Stage.ARRIVED).all()
    assert kerb.walkers.crossing_red[0] == 0, "there was no red to cross on"


@pytest.mark.parametrize(
    ("walk", "word"),
    [(Walk(0, OVER, speed_m_per_s=0.0), "speed is 0.0"), (Walk(0, ((1.0, 7),)), "crossing 7")],
)
def test_a_walk_that_cannot_be_walked_is_refused_by_name(walk: Walk, word: str) -> None:
    with pytest.raises(ValueError, match=f"walk p0: {word}"):
        Kerb([walk])


def random_walks(rng: np.random.Generator, n: int, crossings: int) -> list[Walk]:
    """Times that are multiples of the slow twin's 50 ms."""
    people = []
    for _ in range(n):
        legs = [
            (float(rng.integers(3, 40)) * 0.4, int(rng.integers(-1, crossings)))
            for _ in range(rng.integers(0, 4))
        ]
        people.append(
            Walk(
                int(rng.integers(0, 1200)) * 50,
                tuple(legs),
                float(rng.choice([0.5, 0.8, 1.0, 2.0])),
                bool(rng.random() < 0.7),
                int(rng.choice([-1, 1000, 7350, 20_000])),
            )
        )
    return people


@pytest.mark.parametrize("seed", range(6))
def test_people_are_moved_as_by_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crossings = 3
    roads = street(
        ways=(Way(0, 1, group=2, crossings=(0, 1, 2)),),
        crossing_group=(0, 1, -1),
        crossing_length_m=(8.0, 4.8, 6.4),
    )
    plan = walks(random_walks(rng, 30, crossings))
    walkers = new_walkers(roads, plan, 0)
    pavements = find_footways(roads, drives(), plan).pavements
    twin = SlowWalkers.of(roads, plan)
    lamps = np.zeros(3, np.int8)
    for second in range(120):
        if second % 4 == 0:
            lamps[:2] = rng.choice([RED, RED, GREEN, CLEARANCE], 2)
        vehicle_s = rng.choice([0.0, 12.0, 20.0, NEVER_S], crossings)
        # Nobody has looked where nobody said a second ago that he would.
        walkers.crossing_vehicle_s[:] = np.where(walkers.crossing_asks, vehicle_s, 0.0)
        step_people(second * 1000, lamps, walkers, pavements)
        twin.second(lamps, vehicle_s)
        for k in range(crossings):
            assert walkers.crossing_waiting[k] == twin.count(k, "waiting")
            assert walkers.crossing_people[k] == twin.count(k, "crossing")
            assert walkers.crossing_presses[k] == twin.presses[k]
            assert walkers.crossing_called_ms[k] == twin.called_ms.get(k, -1)
        future = plan.n - int(walkers.next_row[0])
        arrived = int((walkers.status == Stage.ARRIVED).sum())
        assert future + int(walkers.n_out[0]) + arrived == plan.n, "nobody is lost, nobody is made"
    of_people = [(one.lost_ms, one.worst_ms, one.red, one.caught, one.arrived_ms) for one in twin.people]
    ours = zip(
        walkers.lost_ms, walkers.worst_waited_ms, walkers.crossed_on_red, walkers.caught, walkers.arrived_ms,
        strict=True,
    )  # fmt: skip
    assert [tuple(int(i) for i in row) for row in ours] == of_people
    for name, slow in (("came", twin.came), ("crossed", twin.crossed), ("standing_ms", twin.standing_ms),
                       ("calls", twin.calls), ("worst_call_ms", twin.worst_call_ms)):  # fmt: skip
        assert getattr(walkers, f"crossing_{name}").tolist() == [slow[k] for k in range(crossings)], name


def random_street(rng: np.random.Generator) -> tuple[Roads, Drives, Traffic]:
    """Edges of one or two lanes in a ring with short cuts, and vehicles anywhere on their routes."""
    edges = 7
    lanes_of_edge = rng.integers(1, 3, edges).tolist()
    first = np.cumsum([0, *lanes_of_edge])
    n = int(first[-1])
    ways = []
    for edge in range(edges):
        for to in {(edge + 1) % edges, int(rng.integers(edges))} - {edge}:
            start = int(rng.integers(first[edge], first[edge + 1]))
            over = tuple(int(k) for k in range(4) if rng.random() < 0.3)
            group = int(rng.integers(-1, 3))
            length_m = float(rng.uniform(3, 20))
            ways.append(Way(start, int(first[to]), length_m, group, over, bool(rng.random() < 0.3)))
    ways.sort(key=lambda way: way.start)
    roads = street(
        rng.choice([1.0, 8.0, 60.0, 150.0], n).tolist(), ways, (0, 1, -1, 2), (8.0,) * 4, lanes_of_edge
    )
    routes = []
    for _ in range(12):
        route = [int(rng.integers(edges))]
        for _ in range(6):
            on = [w.end for w in ways if roads.lane_edge[w.start] == route[-1]]
            route.append(int(roads.lane_edge[rng.choice(on)]))
        routes.append(route)
    trips = drives(routes)
    traffic = empty_traffic(roads, trips)
    for v, route in enumerate(routes):
        at = int(rng.integers(0, 5))
        traffic.route_at[v] = trips.route_start[v] + at
        lane = int(rng.integers(first[route[at]], first[route[at] + 1]))
        speed = float(rng.choice([0.0, 3.0, 12.5, 14.0]))
        here = [i for i in range(len(ways)) if ways[i].start == lane
                and roads.lane_edge[ways[i].end] == route[at + 1]]  # fmt: skip
        if here and rng.random() < 0.4:
            put(traffic, v, float(rng.uniform(0, ways[here[0]].length_m)), speed, way=here[0])
        else:
            put(traffic, v, float(rng.uniform(0, roads.lane_length_m[lane])), speed, lane=lane)
    return roads, trips, traffic


@pytest.mark.parametrize("seed", range(25))
def test_the_next_vehicle_is_seen_as_by_the_slow_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    roads, trips, traffic = random_street(rng)
    nobody = walks([])
    walkers = new_walkers(roads, nobody, 0)
    walkers.crossing_asks[:] = rng.random(4) < 0.7
    asks = walkers.crossing_asks.copy()
    lamps = rng.integers(0, 7, 3).astype(np.int8)
    step(walkers, find_footways(roads, trips, nobody), lamps, traffic, 0)
    slow = [min(s, NEVER_S) for s in slow_vehicle_s(roads, trips, traffic, lamps)]
    expected = np.where(asks, slow, 0.0)
    assert walkers.crossing_vehicle_s == pytest.approx(expected, abs=0.005)
