"""Queues, flows, people and calls: what every planner is told, beside slow twins of the kernels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import demand_kernels, estimate_kernels
from controller.estimate import Estimator
from controller.frame import TRACK_BUS, TRACK_CAR, Frame, empty_frame
from controller.network import Network
from controller.policy import Policy
from controller.state import NEVER_MS, State, new_state
from controller.vocabulary import DetectorKind, GroupKind, Lamp, Sensors
from tests import toy_street
from tests.test_loop_estimate import random_street

CAR_M_PER_S = 13.9


class Seen:
    """The toy junction watched by cameras: each vehicle is (lane, metres to the line, m/s)."""

    def __init__(self, network: Network | None = None) -> None:
        self.network = network or toy_street.network()
        self.estimator = Estimator(self.network, Policy())
        self.state: State = new_state(self.network, 0)
        self.frame: Frame = empty_frame(self.network, Sensors.FULL)

    def second(self, *vehicles: tuple[int, float, float], kind: int = TRACK_CAR) -> Seen:
        """One second at whose end these vehicles are seen."""
        frame = self.frame
        frame.sequence += 1
        frame.time_ms += 1000
        frame.n_tracks = len(vehicles)
        for k, (lane, distance_m, speed) in enumerate(vehicles):
            frame.track_segment[k] = lane
            frame.track_distance_m[k] = distance_m
            frame.track_speed_m_per_s[k] = speed
            frame.track_kind[k] = kind
        self.estimator.update(self.state, frame, frame.time_ms)
        return self


def test_who_stands_at_the_line_is_queue_and_calls() -> None:
    seen = Seen().second((0, 1.0, 0.0), (0, 8.5, 0.0), (1, 150.0, CAR_M_PER_S))
    assert seen.state.queue_veh[0] == 2.0
    assert seen.state.call_since_ms[toy_street.NS] == 1000
    assert seen.state.call_since_ms[toy_street.NS_LEFT] == NEVER_MS, "he is still ten seconds away"
    assert seen.state.queue_veh[1] == 0.0
    assert seen.state.arrival_veh[1, int(150 / CAR_M_PER_S)] == 1.0


def test_a_bus_weighs_its_passengers() -> None:
    seen = Seen().second((0, 50.0, 5.0), kind=TRACK_BUS)
    assert seen.state.persons_per_veh[0] == Policy().persons_per_bus
    assert seen.state.persons_per_veh[1] == Policy().persons_per_car


def test_the_same_reading_counts_once() -> None:
    seen = Seen().second((0, 1.0, 0.0))
    assert seen.estimator.update(seen.state, seen.frame, 1100) is False


def test_a_call_ends_some_seconds_after_the_last_vehicle_has_gone_elsewhere() -> None:
    seen = Seen().second((0, 1.0, 0.0))
    for _ in range(4):
        seen.second()
        assert seen.state.call_since_ms[toy_street.NS] == 1000, "it may have been overlooked for a moment"
    seen.second().second()
    assert seen.state.call_since_ms[toy_street.NS] == NEVER_MS


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 120), st.booleans()), min_size=1, max_size=60))
def test_the_call_of_a_vehicle_that_waits_is_never_dropped(others: list[tuple[int, bool]]) -> None:
    """Whatever else drives, even on its own lane, and even if the cameras blink for some seconds."""
    seen = Seen().second((0, 1.0, 0.0))
    blinked = 0
    for distance_m, blink in others:
        blinked = blinked + 1 if blink and blinked < 4 else 0
        mine = () if blinked else ((0, 1.0, 0.0),)
        seen.second(*mine, (2, float(distance_m), CAR_M_PER_S))
        assert seen.state.call_since_ms[toy_street.NS] == 1000


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_a_loop_that_is_occupied_keeps_its_call(seed: int) -> None:
    """Random readings on every other loop never take the call of the one who stands at the line."""
    network = random_street(seed % 3)
    chance = np.random.default_rng(seed)
    stop = int(np.flatnonzero(network.detector_kind == DetectorKind.STOPLINE)[0])
    group = int(network.movement_group[network.movement_start[network.detector_lane[stop]]])
    frame, state = empty_frame(network, Sensors.LOOPS), new_state(network, 0)
    estimator, n = Estimator(network, Policy()), len(network.detectors)
    for second in range(1, 60):
        frame.sequence, frame.time_ms = second, 1000 * second
        frame.detector_on[:] = chance.random(n) < 0.3
        frame.detector_occupancy[:] = np.where(frame.detector_on, 1.0, chance.random(n) < 0.5)
        frame.detector_count[:] = chance.random(n) < 0.3
        frame.detector_on[stop], frame.detector_occupancy[stop] = True, 1.0
        frame.detector_count[stop] = second == 1
        estimator.update(state, frame, frame.time_ms)
        assert state.call_since_ms[group] == 1000
        assert state.queue_veh[network.detector_lane[stop]] >= 1.0


def slow_calls(
    network: Network, state: State, calls: list[int], empty_s: list[float], now_ms: int, passed_s: float
) -> tuple[list[int], list[float]]:
    """Calls and empty times after one more reading, from names and sets."""
    served: dict[int, set[int]] = {
        lane: {
            int(network.group_start[network.lane_junction[lane]]) + k
            for k in range(62)
            if int(network.lane_group_bits[lane]) >> k & 1
        }
        for lane in range(network.n_lanes)
    }
    wanted: set[int] = set()
    kept: set[int] = set()
    for lane, groups in served.items():
        empty_s[lane] = empty_s[lane] + passed_s if state.near_veh[lane] < 0.1 else 0.0
        if state.queue_veh[lane] + state.arrival_veh[lane, :3].sum() >= 0.3:
            wanted |= groups
        if empty_s[lane] < 5.0:
            kept |= groups
    for g in range(network.n_groups):
        if g in wanted and state.lamp[g] != Lamp.GREEN:
            calls[g] = min(calls[g], now_ms)
        elif network.group_kind[g] != GroupKind.PEDESTRIAN and g not in wanted:
            free = network.group_turn_on_red[g] or g not in kept
            calls[g] = NEVER_MS if free else calls[g]
    return calls, empty_s


@pytest.mark.parametrize("seed", range(8))
def test_calls_are_what_their_slow_twin_says(seed: int) -> None:
    network = random_street(seed % 3)
    chance = np.random.default_rng(seed)
    network.group_turn_on_red[:] = chance.random(network.n_groups) < 0.3
    state = new_state(network, 0)
    called, kept = np.zeros(network.n_groups, np.bool_), np.zeros(network.n_groups, np.bool_)
    calls, empty_s = [NEVER_MS] * network.n_groups, [0.0] * network.n_lanes
    for second in range(200):
        few = chance.random(network.n_lanes) < 0.2
        state.near_veh[:] = np.where(few, chance.random(network.n_lanes), 0.0)
        state.queue_veh[:] = state.near_veh * chance.random(network.n_lanes)
        state.arrival_veh[:] = 0.0
        state.arrival_veh[:, int(chance.integers(0, 6))] = state.near_veh - state.queue_veh
        state.lamp[:] = chance.integers(0, 2, network.n_groups)
        demand_kernels.call_vehicles(
            1000 * second, 1000, network.group_start, network.lane_group_bits, network.lane_junction,
            network.group_kind, network.group_turn_on_red, state.queue_veh, state.arrival_veh, state.near_veh,
            state.lamp, called, kept, state.empty_s, state.call_since_ms,
        )  # fmt: skip
        calls, empty_s = slow_calls(network, state, calls, empty_s, 1000 * second, 1.0)
        assert state.call_since_ms.tolist() == calls
        assert state.empty_s.tolist() == pytest.approx(empty_s)


def with_buttons(network: Network) -> Network:
    """The random street, its bus loops turned into push buttons of random crossings."""
    chance = np.random.default_rng(1)
    crossings = np.flatnonzero(network.group_kind == GroupKind.PEDESTRIAN)
    for d in np.flatnonzero(network.detector_kind == DetectorKind.BUS):
        network.detector_kind[d] = DetectorKind.BUTTON
        network.detector_group[d] = chance.choice(crossings)
    return network


@pytest.mark.parametrize("seed", range(4))
def test_flows_and_people_are_what_their_slow_twin_says(seed: int) -> None:
    network = with_buttons(random_street(seed))
    chance = np.random.default_rng(seed)
    state = new_state(network, 0)
    n = len(network.detectors)
    was_on = {lane: 0.0 for lane in range(network.n_lanes)}
    flow, people_per_s = [0.0] * network.n_lanes, [0.0] * network.n_groups
    waiting, calls = [0.0] * network.n_groups, [NEVER_MS] * network.n_groups
    observed_s = now_s = 0
    for _ in range(300):
        passed_s = int(chance.choice([0, 1, 1, 3]))
        now_s += passed_s
        on, count = chance.random(n) < 0.3, (chance.random(n) < 0.3).astype(np.int32)
        state.lamp[:] = chance.integers(0, 2, network.n_groups)
        demand_kernels.count_people_and_flow(
            1000 * now_s, 1000 * passed_s, 1000 * observed_s, on, count, network.detector_kind,
            network.detector_lane, network.detector_group, network.detector_share, network.group_kind,
            state.lamp, state.unseen_lane, state.stop_on, state.crossed_veh, state.flow_veh_per_s,
            state.waiting_people, state.people_per_s, state.call_since_ms,
        )  # fmt: skip
        for g in np.flatnonzero(state.lamp == Lamp.GREEN):
            waiting[g] = 0.0
        for d in range(n):
            lane, g = int(network.detector_lane[d]), int(network.detector_group[d])
            if network.detector_kind[d] == DetectorKind.STOPLINE and passed_s:
                left = count[d] + was_on[lane] - on[d]
                assert state.crossed_veh[lane] == max(0.0, left)
                was_on[lane] = float(on[d])
                part = min(1.0, passed_s / min(180.0, observed_s + 10.0))
                flow[lane] = (1 - part) * flow[lane] + part * count[d] / passed_s
            elif network.detector_kind[d] == DetectorKind.BUTTON and state.lamp[g] != Lamp.GREEN:
                waiting[g] += count[d]
                if passed_s:
                    part = min(1.0, passed_s / min(600.0, observed_s + 60.0))
                    people_per_s[g] = (1 - part) * people_per_s[g] + part * count[d] / passed_s
                if count[d] or on[d]:
                    calls[g] = min(calls[g], 1000 * now_s)
        observed_s += passed_s
        assert state.flow_veh_per_s.tolist() == pytest.approx(flow)
        assert state.people_per_s.tolist() == pytest.approx(people_per_s)
        assert state.waiting_people.tolist() == waiting
        assert state.call_since_ms.tolist() == calls


@pytest.mark.parametrize("seed", range(6))
def test_tracks_become_what_their_slow_twin_says(seed: int) -> None:
    network, policy = random_street(seed), Policy()
    chance = np.random.default_rng(seed)
    reach = [{r.street_lane: r for r in lane.reach} for j in network.street.junctions for lane in j.lanes]
    seen = Seen(network)
    frame, n = seen.frame, 60
    for _ in range(30):
        frame.sequence, frame.time_ms, frame.n_tracks = frame.sequence + 1, frame.time_ms + 1000, n
        frame.track_segment[:n] = chance.integers(0, len(network.segments), n)
        frame.track_distance_m[:n] = chance.uniform(0, 220, n)
        frame.track_speed_m_per_s[:n] = chance.choice([0.0, 1.9, 2.1, 8.0, 25.0], n)
        frame.track_kind[:n] = chance.random(n) < 0.2
        seen.estimator.update(seen.state, frame, frame.time_ms)
        for lane, stretches in enumerate(reach):
            near = []
            for k in range(n):
                stretch = stretches.get(network.segments[frame.track_segment[k]])
                if stretch and frame.track_distance_m[k] + stretch.gap_m <= 200.0:
                    near.append((k, frame.track_distance_m[k] + stretch.gap_m, stretch.share))
            total = sum(share for _, _, share in near)
            queue, arrivals, persons = 0.0, [0.0] * 60, 0.0
            for k, distance_m, share in near:
                v, free = frame.track_speed_m_per_s[k], network.lane_speed_m_per_s[lane]
                bus = frame.track_kind[k] == TRACK_BUS
                persons += share / total * (policy.persons_per_bus if bus else policy.persons_per_car)
                if v < 2.0 and distance_m <= 7.5 * total + 10.0:
                    queue += share
                else:
                    late_s = max(0.0, free - v) ** 2 / (4.0 * free)  # to regain speed at 2 m/s2
                    arrivals[min(59, int(distance_m / free + late_s))] += share
            assert seen.state.near_veh[lane] == pytest.approx(total)
            assert seen.state.queue_veh[lane] == pytest.approx(queue)
            assert seen.state.arrival_veh[lane] == pytest.approx(arrivals)
            assert seen.state.persons_per_veh[lane] == pytest.approx(persons or policy.persons_per_car)


def test_upstream_vehicles_are_expected_where_the_lanes_are_used() -> None:
    """Half for each of two lanes, says the map; only one of them is ever used."""
    start, lanes, prior = np.array([0, 2]), np.array([0, 1]), np.array([0.5, 0.3])
    learned = np.zeros(2)
    estimate_kernels.learn_shares(start, lanes, prior, np.zeros(2), learned)
    assert learned == pytest.approx(prior)
    estimate_kernels.learn_shares(start, lanes, prior, np.array([0.3, 0.0]), learned)
    assert learned.sum() == pytest.approx(0.8)
    assert learned[0] > 0.75
