"""A hamlet in the morning: people on foot, buses and the operator's feed in one running city."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("google.transit", reason="needs pip install 'belisha[transit]'")

from controller.vocabulary import Lamp
from sim.city.load import City, load_city
from sim.city.movement.status import Status
from sim.city.people.bus_feed import BusFeed, FeedPlan
from sim.city.people.walkers import Stage
from sim.city.scenario import CityPlan, CityScenario, DemandPlan, RunPlan
from sim.city.trips import Mode
from sim.city.world import World

BEGIN_S, MINUTES = 7 * 3600, 10
SCENARIO = CityScenario(
    "hamlet",
    city=CityPlan(junctions=12, bus_lines=1, headway_s=90),
    demand=DemandPlan(
        veh_per_h_per_junction=400.0, walks_per_h_per_junction=200.0, impatient_share=0.5, patience_s=15.0
    ),
    run=RunPlan(BEGIN_S, BEGIN_S + 60 * MINUTES),
)


class Observer:
    """Looks at everything after every second, and remembers what the feed may be asked for later."""

    def __init__(self, city: City) -> None:
        self.world = World(city, None)
        self.feed = BusFeed(
            city.roads, city.network, city.drives, city.lines, self.world.service, 1, FeedPlan(lost_share=0.2)
        )
        self.feed.attach(self.world)
        self.world.on_second.append(self.look)
        self.true_late_ms: dict[int, np.ndarray] = {}
        self.crossing_before: set[int] = set()
        self.heard = 0

    def look(self, world: World) -> None:
        self.look_at_people(world)
        self.true_late_ms[world.time_ms] = world.transit.bus_late_ms.copy()
        frame = world.street.frame
        known = {
            round(float(late) / 1000)
            for ms, all_late in self.true_late_ms.items()
            if ms >= world.time_ms - 300_000
            for late in all_late
        }
        for k in range(frame.n_buses):
            self.heard += 1
            assert frame.bus_age_s[k] >= 30
            assert frame.bus_late_s[k] in known
            assert 0 <= frame.bus_distance_m[k] < 2000
            assert 0 <= frame.bus_lane[k] < world.city.network.n_lanes

    def look_at_people(self, world: World) -> None:
        walkers, roads = world.walkers, world.city.roads
        people = world.city.walks.n
        future = people - int(walkers.next_row[0])
        arrived = int((walkers.status == Stage.ARRIVED).sum())
        assert future + int(walkers.n_out[0]) + arrived == people, "nobody is lost, nobody is made"
        crossing = set(np.flatnonzero(walkers.status == Stage.CROSSING).tolist())
        for p in crossing - self.crossing_before:
            group = roads.crossing_group[world.city.walks.leg_crossing[walkers.leg_at[p]]]
            if group >= 0:
                lamp = world.street.lamps[group]
                assert lamp == Lamp.GREEN or (lamp == Lamp.RED and walkers.on_red[p]), (
                    "never in the clearance"
                )
        self.crossing_before = crossing

    def conserved(self) -> bool:
        """Passengers: who has come stands at a stop, rides, or has got off."""
        transit, passengers = self.world.transit, self.world.passengers
        come = int((passengers.come_ms <= self.world.time_ms).sum())
        on_board = int(transit.bus_load.sum())
        return come == int(transit.stop_waiting.sum()) + on_board + int(transit.halt_alighted.sum())


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(SCENARIO)


@pytest.fixture(scope="module")
def morning(city: City) -> Observer:
    observer = Observer(city)
    for minute in range(MINUTES):
        observer.world.run_until(city.begin_ms + (minute + 1) * 60_000)
        assert observer.conserved()
    return observer


def test_people_walk_wait_cross_and_some_give_up(morning: Observer) -> None:
    walkers = morning.world.walkers
    assert (walkers.status == Stage.ARRIVED).sum() > 50
    assert walkers.crossing_crossed.sum() > 100
    assert walkers.lost_ms.sum() == walkers.crossing_standing_ms.sum() > 0
    assert 0 < walkers.crossing_red.sum() < walkers.crossing_crossed.sum() / 2, "half have no patience"
    impatient = morning.world.city.walks.patience_ms >= 0
    assert not walkers.crossed_on_red[~impatient].any()
    gave_up = walkers.crossed_on_red > 0
    assert (walkers.worst_waited_ms[gave_up] >= 15_000).all()


def test_buses_keep_their_timetable_as_well_as_the_streets_let_them(morning: Observer) -> None:
    transit, service, traffic = morning.world.transit, morning.world.service, morning.world.traffic
    gone = transit.halt_departed_ms >= 0
    assert gone.sum() > 10
    assert (transit.halt_departed_ms[gone] > transit.halt_arrived_ms[gone]).all()
    first = service.bus_first_halt[gone[service.bus_first_halt]]
    assert (transit.halt_departed_ms[first] >= service.schedule_ms[first]).all(), "never before the time"
    assert transit.halt_boarded.sum() > 0
    buses = service.bus_vehicle[traffic.status[service.bus_vehicle] == Status.DRIVING]
    assert (morning.world.city.drives.mode[buses] == Mode.BUS).all()
    assert traffic.persons[buses].sum() == transit.bus_load.sum()


def test_the_controller_hears_of_them(morning: Observer) -> None:
    assert morning.heard > 100
    assert 0 < morning.feed.on_the_way.lost[0] < 15


def test_a_city_taken_back_hears_the_same_again(city: City) -> None:
    observer = Observer(city)
    world = observer.world
    world.run_until(city.begin_ms + 130_000)
    moment = world.snapshot()
    world.run_until(city.begin_ms + 200_000)
    frame = world.street.frame
    first = world.digest(), frame.n_buses, frame.bus_distance_m[: frame.n_buses].tolist()
    world.restore(moment)
    observer.crossing_before = set(np.flatnonzero(world.walkers.status == Stage.CROSSING).tolist())
    world.run_until(city.begin_ms + 200_000)
    frame = world.street.frame
    again = world.digest(), frame.n_buses, frame.bus_distance_m[: frame.n_buses].tolist()
    assert again == first
    assert first[1] > 0
