"""A city in which somebody asks: emergency vehicles and late buses get through, and nobody pays dearly."""

from __future__ import annotations

import numpy as np
import pytest

from controller.bus_priority import Life
from controller.preemption import What
from sim.city.load import City, load_city
from sim.city.movement.status import Status
from sim.city.scenario import BusNews, CityPlan, CityScenario, DemandPlan, RunPlan
from sim.city.sensing.sensors import Fitting
from sim.city.trips import Mode
from sim.city.world import World

MINUTES = 5
LATE_MS = 400_000


class Ledger:
    """How much longer than promised any call has waited, less the time in which promises were suspended."""

    def __init__(self, city: City) -> None:
        self.suspended_ms = np.zeros(city.network.n_junctions, np.int64)
        self.before_ms = np.zeros(city.network.n_groups, np.int64)
        self.since_ms = np.full(city.network.n_groups, -1, np.int64)
        self.longest_over_ms = -(1 << 60)
        self.told: set[tuple[int, int]] = set()

    def __call__(self, world: World) -> None:
        controller, network = world.controller, world.city.network
        assert controller is not None
        since_ms = controller.state.call_since_ms
        here = network.group_junction
        new = since_ms != self.since_ms
        self.before_ms[new] = self.suspended_ms[here[new]]
        self.since_ms[:] = since_ms
        self.suspended_ms += 1000 * controller.preemption.suspended
        waited_ms = world.time_ms - since_ms - (self.suspended_ms[here] - self.before_ms)
        self.longest_over_ms = max(self.longest_over_ms, int((waited_ms - network.promise_ms).max()))
        frame = world.street.frame
        for row in range(frame.n_buses):
            self.told.add((int(frame.bus_vehicle[row]), int(frame.bus_lane[row])))
            assert 0 <= frame.bus_distance_m[row] <= 250
        assert (frame.preempt_distance_m[: frame.n_preempts] <= 600).all()


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(
        CityScenario(
            "small",
            city=CityPlan(junctions=12, seed=3, bus_lines=2, headway_s=90),
            demand=DemandPlan(veh_per_h_per_junction=400, walks_per_h_per_junction=150, emergency_per_h=150),
            run=RunPlan(begin_s=25_200, end_s=25_200 + 1800),
        ),
        seed=1,
    )


def lived(city: City, calls: bool, late_ms: int = 0) -> tuple[World, Ledger]:
    """Five minutes of the city; every bus so much behind its timetable from the beginning."""
    ledger = Ledger(city)
    world = World(
        city, "adaptive", fitting=Fitting(bus_news=BusNews.CHECK_IN, emergency_calls=calls),
        on_second=[ledger],
    )  # fmt: skip
    world.service.schedule_ms[:] -= late_ms
    world.run_until(city.begin_ms + 60_000 * MINUTES)
    assert (world.violations, world.alarms) == (0, 0)
    assert ledger.longest_over_ms <= 0, "a promise was broken, beyond the time it was suspended"
    return world, ledger


def lost_s(world: World, mode: Mode) -> float:
    """Mean time lost by everybody of that mode who is or was on the way."""
    mine = (world.city.drives.mode == mode) & (world.traffic.status >= Status.DRIVING)
    assert mine.sum() > 8
    return float(world.traffic.lost_s[mine].mean())


@pytest.fixture(scope="module")
def usual(city: City) -> World:
    return lived(city, calls=False)[0]


def test_emergency_vehicles_lose_less_and_every_promise_is_kept(city: City, usual: World) -> None:
    world, _ = lived(city, calls=True)
    assert lost_s(world, Mode.EMERGENCY) < 0.7 * lost_s(usual, Mode.EMERGENCY)
    assert not usual.controller.preemption.events_ever
    events = [What(event.what) for event in world.controller.preemption.new_events(0)[0]]
    assert events.count(What.DWELL) > 10
    assert events.count(What.TOO_LONG) < 3, "a hundred and fifty in an hour do stand in each other's way"
    fork = world.fork()
    for each in (world, fork):
        each.run_until(world.now_ms + 20_000 if each is world else world.now_ms)
    assert fork.digest() == world.digest(), "in the middle of it a fork lives on alike"


def test_late_buses_lose_less_than_buses_that_are_not(city: City, usual: World) -> None:
    world, ledger = lived(city, calls=False, late_ms=LATE_MS)
    assert lost_s(world, Mode.BUS) < 0.95 * lost_s(usual, Mode.BUS)
    lives = [Life(event.life) for event in world.controller.priority.new_events(0)[0]]
    assert lives.count(Life.EXTENDED) + lives.count(Life.EARLY) > 5
    assert len(ledger.told) > 20
    usual_lives = [Life(event.life) for event in usual.controller.priority.new_events(0)[0]]
    assert usual_lives.count(Life.EXTENDED) + usual_lives.count(Life.EARLY) <= 2, "hardly anybody is late"
