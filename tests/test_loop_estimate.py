"""What loops tell: stories of single lanes, and the kernels beside their slow twin."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from controller.codes import UNTOLD
from controller.estimate import Estimator
from controller.feeds import find_feeds
from controller.frame import Frame, empty_frame
from controller.junction import Detector, Reach, StreetLink
from controller.loop_estimate import LoopEstimator
from controller.loop_estimate_kernels import count_gates
from controller.network import Network
from controller.policy import Policy
from controller.state import HORIZON_S, NEVER_MS, State, new_state
from controller.vocabulary import DetectorKind, Lamp, Sensors
from tests import toy_street
from tests.slow_feeds import feeds_of
from tests.slow_loop_estimate import FAR, NEAR, STOP, UPSTREAM, SlowLoops

SPEED_M_PER_S = 13.9
ADVANCE, STOPLINE = DetectorKind.ADVANCE, DetectorKind.STOPLINE


def street(*loops: tuple[int, DetectorKind, float, float]) -> Network:
    """The toy junction with loops (lane, kind, distance in m, share of its vehicles)."""
    plain = toy_street.junction()
    lanes, detectors = list(plain.lanes), []
    for k, (lane, kind, at_m, share) in enumerate(loops):
        name = lanes[lane].name
        branch = name
        if share < 1.0:
            branch = f"{name}.{k}"
            reach = (*lanes[lane].reach, Reach(branch, 120.0, 60.0, share))
            lanes[lane] = dataclasses.replace(lanes[lane], reach=reach)
        detectors.append(Detector(f"{name}.{k}", kind, name, "", branch, at_m, at_m))
    return toy_street.network(dataclasses.replace(plain, lanes=tuple(lanes), detectors=tuple(detectors)))


def fitted(lane: int = 0) -> Network:
    """One lane with a loop at the stop line, at 40 m and at 139 m."""
    return street((lane, STOPLINE, 2.0, 1.0), (lane, ADVANCE, 40.0, 1.0), (lane, ADVANCE, 139.0, 1.0))


class Watched:
    """An estimator that is told what loops see, second by second."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.estimator = Estimator(network, Policy())
        self.state: State = new_state(network, 0)
        self.frame: Frame = empty_frame(network, Sensors.LOOPS)
        self.unbelieved: tuple[int, ...] = ()

    def second(self, counts: dict[int, int] | None = None, on: tuple[int, ...] = ()) -> Watched:
        """One second in which loops counted so many; those in `on` are occupied throughout."""
        frame = self.frame
        frame.sequence += 1
        frame.time_ms += 1000
        frame.detector_count[:] = 0
        frame.detector_on[:] = False
        frame.detector_occupancy[:] = 0.0
        for d, count in (counts or {}).items():
            frame.detector_count[d] = count
            frame.detector_occupancy[d] = 0.4
        frame.detector_occupancy[list(self.unbelieved)] = UNTOLD
        for d in on:
            frame.detector_on[d] = True
            frame.detector_occupancy[d] = 1.0
        self.estimator.update(self.state, frame, frame.time_ms)
        return self

    def seconds(self, n: int, on: tuple[int, ...] = ()) -> Watched:
        """So many seconds without a count."""
        for _ in range(n):
            self.second(on=on)
        return self

    @property
    def queue(self) -> float:
        """Of the first lane."""
        return float(self.state.queue_veh[0])

    @property
    def near(self) -> float:
        """Of the first lane."""
        return float(self.state.near_veh[0])

    def due(self) -> int:
        """Second in which most are expected in the first lane."""
        return int(np.argmax(self.state.arrival_veh[0]))


STOP_LOOP, NEAR_LOOP, FAR_LOOP = 0, 1, 2


def test_a_vehicle_is_followed_from_loop_to_loop_until_it_has_crossed() -> None:
    lane = Watched(fitted()).second({FAR_LOOP: 1})
    assert (lane.due(), lane.near) == (int(139 / SPEED_M_PER_S), 1.0)
    lane.seconds(6)
    assert (lane.due(), lane.near) == (int(139 / SPEED_M_PER_S) - 6, 1.0)
    lane.second({NEAR_LOOP: 1})
    assert lane.near == pytest.approx(1.0), "seen twice, but one vehicle"
    lane.seconds(2)
    assert lane.queue == 0.0
    lane.second({STOP_LOOP: 1})
    assert lane.near == pytest.approx(0.0, abs=0.01)


def test_who_is_counted_in_and_turns_into_a_driveway_is_soon_forgotten() -> None:
    """Queues that nobody stood in were once served for a minute while others waited."""
    lane = Watched(fitted())
    for _ in range(6):
        lane.second({FAR_LOOP: 1}).second()
    lane.seconds(15)
    assert lane.near < 0.3
    assert lane.state.call_since_ms[0] == NEVER_MS


def test_who_waits_at_red_is_never_forgotten_nor_the_call() -> None:
    lane = Watched(fitted()).second({FAR_LOOP: 1}).seconds(7).second({NEAR_LOOP: 1}).seconds(2)
    lane.second({STOP_LOOP: 1}, on=(STOP_LOOP,))
    called_ms = int(lane.state.call_since_ms[0])
    assert called_ms < NEVER_MS
    for _ in range(600):
        lane.second(on=(STOP_LOOP,))
        assert lane.queue == pytest.approx(1.0)
        assert lane.state.call_since_ms[0] == called_ms


def test_a_queue_standing_on_a_loop_fills_the_way_to_it() -> None:
    lane = Watched(fitted()).seconds(5, on=(STOP_LOOP, NEAR_LOOP))
    assert 40 / 7.5 <= lane.queue <= 40 / 7.5 + 2
    lane.seconds(5, on=(STOP_LOOP, NEAR_LOOP, FAR_LOOP))
    assert 139 / 7.5 <= lane.queue <= 139 / 7.5 + 2


def test_a_platoon_that_drives_over_the_loops_is_no_queue() -> None:
    lane = Watched(fitted())
    for second in range(60):
        passing = {FAR_LOOP: second, NEAR_LOOP: second - 7, STOP_LOOP: second - 10}
        lane.second({loop: 1 for loop, at in passing.items() if at >= 0 and at % 2 == 0})
        assert lane.queue <= 1.1
    assert lane.near == pytest.approx(5, abs=1), "those of the last ten seconds"


def test_a_queue_is_served_vehicle_by_vehicle_and_then_gone() -> None:
    lane = Watched(fitted())
    for _ in range(5):
        lane.second({FAR_LOOP: 1}).second()
        lane.second({NEAR_LOOP: 1}, on=(STOP_LOOP,)).second(on=(STOP_LOOP,))
    lane.second({STOP_LOOP: 1}, on=(STOP_LOOP,)).seconds(12, on=(STOP_LOOP,))
    assert lane.queue == pytest.approx(5.0, abs=0.1)
    for left in (4, 3, 2, 1):
        lane.second().second({STOP_LOOP: 1}, on=(STOP_LOOP,))
        assert lane.queue == pytest.approx(left, abs=0.1)
    lane.seconds(4)
    assert lane.queue < 0.1


def test_a_loop_shared_with_other_lanes_proves_no_queue_here() -> None:
    shared = street((0, STOPLINE, 2.0, 1.0), (0, ADVANCE, 120.0, 0.5))
    assert Watched(shared).seconds(60, on=(1,)).queue == 0.0


def test_shares_are_learned_from_who_really_comes() -> None:
    """Two lanes behind one street: half for each, says the map; nine of ten keep right."""
    network = street(
        (0, STOPLINE, 2.0, 1.0), (0, ADVANCE, 139.0, 0.5), (1, STOPLINE, 2.0, 1.0), (1, ADVANCE, 139.0, 0.5)
    )
    lanes = Watched(network)
    for k in range(60):
        lanes.second({1: 1, 3: 1}).seconds(10).second({2 if k % 10 == 0 else 0: 1}).seconds(3)
    lanes.second({1: 1, 3: 1})
    assert lanes.state.near_veh[0] == pytest.approx(0.9, abs=0.15)
    assert lanes.state.near_veh[1] <= 0.25


def test_what_a_loop_taught_that_is_not_believed_any_more_is_not_used() -> None:
    """A stop line that had died for minutes had taught that nobody comes; each vehicle was a third of one."""
    lane = Watched(fitted())
    for _ in range(30):
        lane.second({FAR_LOOP: 1}).seconds(10)
    lane.seconds(20).second({FAR_LOOP: 1})
    assert lane.near < 0.5
    lane.seconds(20).state.unseen_lane[0] = True
    lane.second({FAR_LOOP: 1})
    assert lane.near == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("unseen", [True, False])
def test_counts_of_an_unseen_lane_are_what_the_slow_twin_says(unseen: bool) -> None:
    network, policy, chance = random_street(7), Policy(), np.random.default_rng(7)
    fast, slow = LoopEstimator(network, policy), SlowLoops(network, policy)
    frame, state = empty_frame(network, Sensors.LOOPS), new_state(network, 0)
    state.unseen_lane[:] = unseen
    for _ in range(50):
        frame.detector_count[:] = chance.integers(0, 3, len(network.detectors))
        count_gates(
            0.0, frame.detector_count, fast.detector_gate, network.detector_lane, network.detector_share,
            state.unseen_lane, fast.gate_s, state.transit_veh, state.held_veh, state.passed_veh,
        )  # fmt: skip
        for k, lane in enumerate(slow.lanes):
            lane.unseen = unseen
            for gate in lane.gates:
                for d in lane.loops[gate]:
                    slow._count(lane, gate, d, frame)
            passed = [lane.passed[g] for g in (STOP, NEAR, FAR)]
            assert state.passed_veh[k, :3] == pytest.approx(passed)
            assert state.transit_veh[k] == pytest.approx([lane.coming[h] for h in range(HORIZON_S)])


def test_a_signal_upstream_announces_whom_it_lets_go() -> None:
    first = toy_street.junction("first")
    second = toy_street.junction("second")
    stop = Detector("stop", STOPLINE, first.lanes[0].name, "", first.lanes[0].name, 2.0, 2.0)
    first = dataclasses.replace(first, detectors=(stop,))
    link = StreetLink(first.lanes[0].movements[0].exit_lane, "second", second.lanes[0].name, 180.0, 0.8)
    network = toy_street.network(first, second, links=(link,))
    lanes = Watched(network).second({0: 1}).second()
    below = int(network.lane_start[1])
    assert lanes.state.near_veh[below] == pytest.approx(0.8, abs=0.1)
    assert int(np.argmax(lanes.state.arrival_veh[below])) == pytest.approx(180 / SPEED_M_PER_S + 2, abs=1)


def test_buses_that_check_in_weigh_more_until_they_are_gone() -> None:
    network = street((0, STOPLINE, 2.0, 1.0), (0, DetectorKind.BUS, 120.0, 1.0))
    lane = Watched(network).second({1: 1})
    assert lane.state.persons_per_veh[0] == pytest.approx(Policy().persons_per_bus, abs=0.1)
    lane.seconds(300)
    assert lane.state.persons_per_veh[0] == pytest.approx(Policy().persons_per_car, abs=0.1)


def random_street(seed: int) -> Network:
    """Two junctions in a row, all lanes with loops where chance puts them, a street shared by all of one."""
    chance = np.random.default_rng(seed)
    junctions = []
    for name in ("first", "second"):
        plain = toy_street.junction(name)
        lanes, detectors = [], []
        for lane in plain.lanes:
            branches = [f"{name}.{lane.name}.0", f"{name}.{lane.name}.1", f"{name}.shared"]
            reach = [
                lane.reach[0],
                *(Reach(b, 80.0, 30.0, float(chance.choice([0.3, 0.8]))) for b in branches),
            ]
            lanes.append(
                dataclasses.replace(lane, reach=tuple(reach), speed_m_per_s=float(chance.uniform(7, 17)))
            )
            places = [(STOPLINE, 2.0, lane.name), *((ADVANCE, chance.uniform(8, 150), b) for b in branches)]
            places.append((DetectorKind.BUS, 120.0, branches[0]))
            for k, (kind, at_m, where) in enumerate(places):
                if kind == STOPLINE or chance.random() < 0.7:
                    detector = Detector(
                        f"{lane.name}.{k}", kind, lane.name, "", where, float(at_m), float(at_m)
                    )
                    detectors.append(detector)
        junctions.append(dataclasses.replace(plain, lanes=tuple(lanes), detectors=tuple(detectors)))
    links = [
        StreetLink(up.movements[0].exit_lane, "second", down.name, float(chance.uniform(20, 400)), 0.5)
        for up in junctions[0].lanes
        for down in junctions[1].lanes
        if chance.random() < 0.5
    ]
    return toy_street.network(*junctions, links=links)


@pytest.mark.parametrize("seed", range(6))
def test_the_kernels_say_what_their_slow_twin_says(seed: int) -> None:
    network, policy = random_street(seed), Policy()
    chance = np.random.default_rng(seed)
    fast, slow, state = Estimator(network, policy), SlowLoops(network, policy), new_state(network, 0)
    frame, n = empty_frame(network, Sensors.LOOPS), len(network.detectors)
    busy, unbelieved = np.zeros(n, np.bool_), chance.random(n) < 0.15
    for _ in range(400):
        busy ^= chance.random(n) < 0.06
        frame.detector_on[:] = busy
        frame.detector_occupancy[:] = np.where(busy, 1.0, 0.0)
        frame.detector_occupancy[~busy & unbelieved] = UNTOLD
        passing = chance.random(n) < 0.2
        frame.detector_occupancy[passing] = chance.random(int(passing.sum()))
        frame.detector_count[:] = passing * chance.integers(1, 3, n)
        state.crossed_veh[:] = chance.integers(0, 2, network.n_lanes)
        state.flow_veh_per_s[:] = chance.random(network.n_lanes) / 3
        seconds = int(chance.choice([0, 1, 1, 1, 2, 5]))
        fast.hear_loops(state, frame, seconds)
        slow.update(frame, seconds, state.crossed_veh, state.flow_veh_per_s)
        for k, lane in enumerate(slow.lanes):
            held = [lane.held[g] for g in (STOP, NEAR, FAR)]
            assert state.held_veh[k] == pytest.approx(held, abs=1e-9)
            passed = [lane.passed[g] for g in (STOP, NEAR, FAR, UPSTREAM)]
            assert state.passed_veh[k] == pytest.approx(passed, abs=1e-9)
            assert state.queue_veh[k] == pytest.approx(lane.queue, abs=1e-9)
            assert state.near_veh[k] == pytest.approx(lane.near, abs=1e-9)
            assert state.persons_per_veh[k] == pytest.approx(lane.persons, abs=1e-9)
            assert state.arrival_veh[k] == pytest.approx(list(lane.arrivals.values()), abs=1e-9)
        assert (state.held_veh >= 0.0).all()
        assert (state.transit_veh >= 0.0).all()


@pytest.mark.parametrize("seed", range(3))
def test_feeds_are_what_the_links_say(seed: int) -> None:
    network = random_street(seed)
    feeds = find_feeds(network)
    for lane, expected in enumerate(feeds_of(network)):
        rows = range(int(feeds.start[lane]), int(feeds.start[lane + 1]))
        found = [(int(feeds.lane[f]), float(feeds.share[f]), int(feeds.travel_s[f])) for f in rows]
        assert found == [pytest.approx(row) for row in expected]


def test_on_a_street_loops_tell_nearly_what_cameras_see(tmp_path: Path) -> None:
    """Both suites watch the same ten minutes of the demo town; loops alone decide."""
    from controller.tick import Controller
    from sim.demo import build_demo_street
    from sim.importers.sumo import import_sumo
    from sim.sumo_sensors import SumoSensors
    from sim.sumo_street import SumoStreet

    net, routes = build_demo_street(tmp_path, 7, 600)
    with SumoStreet(import_sumo(net), net, routes, 0, 600, 7, Sensors.LOOPS) as town:
        network = town.network
        cameras = SumoSensors(network, town.lanes, Sensors.FULL, {})
        seen, truth = empty_frame(network, Sensors.FULL), new_state(network, 0)
        watcher, controller = Estimator(network, Policy()), Controller(network, "actuated", Policy(), 0)
        pairs = []
        while not town.finished:
            frame = town.read()
            seen.time_ms, seen.sequence = frame.time_ms, frame.sequence
            cameras.sense(town.vehicles, town.walkers, frame.lamps_shown, seen)
            truth.lamp[:] = controller.state.lamp
            watcher.update(truth, seen, town.time_ms)
            for now_ms in range(town.time_ms, town.time_ms + 1000, 100):
                town.show(controller.tick(frame, now_ms))
            pairs.append((controller.state.near_veh.copy(), truth.near_veh.copy()))
            town.step()
    told, real = np.array(pairs[60:]).swapaxes(0, 1)
    assert np.corrcoef(told.ravel(), real.ravel())[0, 1] > 0.8
    assert told.mean() == pytest.approx(real.mean(), rel=0.2)
    assert ((told > 2.0) & (real < 0.3)).mean() < 0.02, "ghosts"
    assert ((told < 0.3) & (real > 2.0)).mean() < 0.005, "people forgotten"
    assert Lamp.GREEN in controller.state.lamp
