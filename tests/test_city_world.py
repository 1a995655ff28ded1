"""A small city with everybody in it runs: nobody vanishes, promises hold, and it can be had twice."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from controller.frame import Frame
from controller.network import Network
from controller.overlay import Overlay
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import CONTROLLERS, Lamp, Sensors
from sim.city.load import City, load_city
from sim.city.movement.status import Status
from sim.city.pace import Pace
from sim.city.people import transit, walkers
from sim.city.people.walkers import Stage
from sim.city.scenario import CityPlan, CityScenario, DemandPlan, FaultKind, FaultPlan, RunPlan
from sim.city.sensing.sensors import Fitting
from sim.city.snapshot import Snapshot, SnapshotError
from sim.city.world import World

FAULTS = (
    FaultPlan(FaultKind.STUCK_ON, "all", onset_s=60, repair_s=60, share=0.1),
    FaultPlan(FaultKind.CHATTER, "all", onset_s=30, repair_s=100, share=0.1),
    FaultPlan(FaultKind.DELAY, "all", onset_s=20, repair_s=200, share=0.1),
    FaultPlan(FaultKind.DROPOUT, "all", onset_s=0, repair_s=30, share=0.2, rate_per_hour=20),
)


def small_city(seconds: int) -> City:
    return load_city(
        CityScenario(
            "small",
            city=CityPlan(junctions=12, seed=3),
            demand=DemandPlan(veh_per_h_per_junction=400, walks_per_h_per_junction=150),
            run=RunPlan(begin_s=25_200, end_s=25_200 + seconds),
        ),
        seed=2,
    )


@pytest.fixture(scope="module")
def city() -> City:
    return small_city(900)


def seconds(world: World, n: int) -> World:
    world.run_until(world.now_ms + 1000 * n)
    return world


class Ledger:
    """Counts everybody, and looks at every promise, once a second."""

    def __init__(self) -> None:
        self.longest_over_ms = -(1 << 60)
        self.vehicles = self.crossed = 0

    def __call__(self, world: World) -> None:
        traffic, out = world.traffic, world.traffic.driving[: world.traffic.n_driving[0]]
        assert len(np.unique(out)) == len(out) == (traffic.status == Status.DRIVING).sum()
        assert ((traffic.lane[out] >= 0) != (traffic.connection[out] >= 0)).all()
        due = world.city.drives.depart_ms < world.time_ms - 1000
        assert (traffic.status[due] != Status.FUTURE).all()
        arrived = int((traffic.status == Status.ARRIVED).sum())
        assert arrived >= self.vehicles
        self.vehicles = arrived
        people = world.walkers
        under_way = set(people.out[: people.n_out[0]].tolist())
        assert len(under_way) == int(people.n_out[0])
        arrived = int((people.status == Stage.ARRIVED).sum())
        assert arrived + len(under_way) == int(people.next_row[0]), "everybody who set out is somewhere"
        self.crossed = int(people.crossing_crossed.sum())
        if world.controller is not None:
            since_ms = world.controller.state.call_since_ms
            over = world.time_ms - since_ms - world.city.network.promise_ms
            self.longest_over_ms = max(self.longest_over_ms, int(over.max()))


@pytest.mark.parametrize("controller", ["adaptive", "fixed"])
@pytest.mark.parametrize("sensors", [Sensors.LOOPS, Sensors.FULL])
def test_ten_minutes_in_which_nobody_vanishes_and_promises_hold(
    city: City, controller: str, sensors: Sensors
) -> None:
    ledger = Ledger()
    world = World(city, controller, fitting=Fitting(sensors), on_second=[ledger])
    seconds(world, 600)
    assert world.violations == 0
    assert world.alarms == 0
    assert ledger.longest_over_ms <= 0, "a call waited longer than promised"
    assert ledger.vehicles > 0.5 * (city.drives.depart_ms < world.time_ms).sum() > 50
    assert ledger.crossed > 100
    counted = np.bincount(world.traffic.status, minlength=4)
    assert counted.sum() == city.drives.n
    assert counted[Status.QUEUED] < 20


def test_without_a_controller_the_fixed_programs_play(city: City) -> None:
    ledger = Ledger()
    world = World(city, None, on_second=[ledger])
    shown = []
    world.on_second.append(lambda w: shown.append(w.street.lamps.copy()))
    seconds(world, 600)
    assert ledger.vehicles > 0.5 * (city.drives.depart_ms < world.time_ms).sum() > 50
    assert ledger.crossed > 100
    lamps = np.array(shown)
    assert (lamps == Lamp.GREEN).any(axis=0).all(), "every group has its green in ten minutes"
    for j, junction in enumerate(city.network.street.junctions):
        cycle_s = junction.plans[0].cycle_ms // 1000
        first, end = city.network.group_start[j], city.network.group_start[j + 1]
        own = lamps[:, first:end]
        assert (own[100:-cycle_s] == own[100 + cycle_s :]).all()


def test_many_seconds_in_one_go_are_the_same_seconds(city: City) -> None:
    """Played to the end, watched second by second, and put together by hand from its three parts."""
    at_once = seconds(World(city, None, faults=[]), 240)
    watched = World(city, None, faults=[], on_second=[lambda world: None])
    seconds(watched, 240)
    assert watched.digest() == at_once.digest()
    by_hand = World(city, None, faults=[])
    for now_ms in range(city.begin_ms, city.begin_ms + 240_000, 1000):
        by_hand.program.show(now_ms, by_hand.street.lamps)
        by_hand.mover.step(by_hand.traffic, by_hand.street.lamps, by_hand.walkers.crossing_people)
        transit.step(by_hand.transit, by_hand.service, by_hand.traffic, now_ms)
        walkers.step(by_hand.walkers, by_hand.footways, by_hand.street.lamps, by_hand.traffic, now_ms)
    assert by_hand.digest() == at_once.digest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(city: City) -> None:
    one, same = (seconds(World(city, faults=FAULTS), 100) for _ in range(2))
    assert one.digest() == same.digest()
    other = seconds(World(city, faults=FAULTS, seed=9), 100)
    assert other.digest() != one.digest()


@pytest.mark.parametrize("controller", [*CONTROLLERS, None])
def test_restored_and_forked_cities_live_on_alike(city: City, controller: str | None, tmp_path: Path) -> None:
    """In the middle of a second and of faults; through a file; in the same world and in others."""
    sensors = Sensors.FULL if controller == "greedy" else Sensors.LOOPS
    fitting = Fitting(sensors, connected_share=0.4, passive_share=0.5)
    world = World(city, controller, fitting=fitting, faults=FAULTS)
    at_ms = city.begin_ms + 70_000 + (300 if controller else 0)
    world.run_until(at_ms)
    world.snapshot().save(tmp_path / "city")
    fork = world.fork()
    before = world.digest()
    end_ms = city.begin_ms + 130_000
    world.run_until(end_ms)
    after = world.digest()
    assert fork.digest() == before != after
    fork.run_until(end_ms)
    assert fork.digest() == after
    snapshot = Snapshot.load(tmp_path / "city")
    assert snapshot.digest == before
    fresh = World(city, controller, fitting=fitting, faults=FAULTS)
    for again in (fresh, world):
        again.restore(snapshot)
        assert again.now_ms == at_ms
        assert again.digest() == before
        again.run_until(end_ms)
        assert again.digest() == after
        assert [r.event for r in again.faults.log()] == [r.event for r in fork.faults.log()]


def test_a_fork_may_go_another_way_and_leaves_the_city_alone(city: City) -> None:
    world = seconds(World(city), 120)
    before = world.digest()
    for_people = world.fork(policy=Policy(persons_per_walker=10.0))
    seconds(for_people, 100)
    assert world.digest() == before
    assert for_people.digest() != seconds(world.fork(), 100).digest()


def test_a_snapshot_of_another_city_or_controller_is_refused(city: City) -> None:
    snapshot = World(city, "fixed").snapshot()
    with pytest.raises(SnapshotError, match="another controller: fixed, here is adaptive"):
        World(city, "adaptive").restore(snapshot)
    with pytest.raises(SnapshotError, match="another seed: 2, here is 4"):
        World(city, "fixed", seed=4).restore(snapshot)
    spoilt = Snapshot(snapshot.time_ms, snapshot.made_of, dict(snapshot.values))
    del spoilt.values["controller.state.lamp"]
    with pytest.raises(SnapshotError, match=r"another version: controller\.state\.lamp is missing"):
        World(city, "fixed").restore(spoilt)


def test_faults_come_and_go_and_the_truth_does_not_notice(city: City) -> None:
    stuck = FaultPlan(FaultKind.STUCK_ON, "all", onset_s=20, repair_s=20)
    world = World(city, "fixed", faults=[stuck])
    for second in range(1, 61):
        world.step()
        ill = 20 <= second < 40
        assert (len(world.faults.ill) > 0) == ill
        assert bool(world.street.read().detector_on.all()) == ill
    assert {r.time_ms - city.begin_ms for r in world.faults.log()} == {20_000, 40_000}
    healthy = World(city, "fixed", faults=[])
    seconds(healthy, 60)
    assert healthy.traffic.position_m.tobytes() == world.traffic.position_m.tobytes(), (
        "the fixed plan does what it does"
    )


def test_a_city_does_not_run_backwards_or_stop_between_ticks(city: City) -> None:
    world = seconds(World(city, "fixed"), 10)
    with pytest.raises(ValueError, match="does not run back"):
        world.run_until(city.begin_ms)
    with pytest.raises(ValueError, match="multiples of 100 ms"):
        world.run_until(world.now_ms + 50)


class StandIn:
    """Ticks like a controller, and counts."""

    def __init__(self, network: Network, now_ms: int) -> None:
        self.controller = Controller(network, "fixed", Policy(), now_ms)
        self.state = self.controller.state
        self.ticks = 0

    @property
    def verdict(self) -> object:
        return self.controller.verdict

    def tick(self, frame: Frame, now_ms: int) -> np.ndarray:
        self.ticks += 1
        return self.controller.tick(frame, now_ms)


def test_something_that_ticks_like_a_controller_can_stand_in_for_it(city: City) -> None:
    world = seconds(World(city, "fixed", make_controller=StandIn), 60)
    plain = seconds(World(city, "fixed"), 60)
    assert world.controller.ticks == 600
    assert world.traffic.position_m.tobytes() == plain.traffic.position_m.tobytes()
    assert seconds(world.fork(), 30).digest() == seconds(world, 30).digest()
    assert world.controller.ticks == 900


def test_a_run_keeps_step_with_a_clock(city: City) -> None:
    """Twenty times as fast as the street, each tick when it is due, whatever the ticks take."""
    slept_s: list[float] = []
    clock_ns = [0]

    def sleep(seconds: float) -> None:
        slept_s.append(seconds)
        clock_ns[0] += round(seconds * 1e9)

    short = dataclasses.replace(city, scenario=city.scenario.shortened(1))
    paced = World(short, "fixed")
    moments = []
    paced.run(Pace(20.0, lambda: clock_ns[0], sleep), lambda world: moments.append(world.now_ms))
    assert moments == list(range(city.begin_ms + 100, city.begin_ms + 60_100, 100))
    assert sum(slept_s) == pytest.approx((60_000 - 100) / 20.0 / 1000)
    at_once = World(short, "fixed")
    at_once.run()
    assert at_once.digest() == paced.digest()


def test_what_orders_brought_in_is_carried_too_and_gone_again_when_it_was_not_there(city: City) -> None:
    world = seconds(World(city, "fixed"), 20)
    before = world.snapshot()
    controller = world.controller
    controller.overlay = Overlay(city.network, controller.state, controller._waived, controller._suspended)
    controller.overlay.planned_stage[0] = 7
    twin = world.fork()
    assert twin.digest() == world.digest() != before.digest
    assert twin.controller.overlay.planned_stage[0] == 7
    twin.restore(before)
    assert twin.controller.overlay is None
    assert twin.digest() == before.digest
