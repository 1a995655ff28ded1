"""Greedy goes where most vehicles are, waiting or coming; its kernel has a slow twin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller import pressure_kernels
from controller.greedy import Greedy
from controller.network import Network
from controller.vocabulary import GroupKind
from tests import toy_street
from tests.toy_street import EW, EW_LEFT, NS, NS_LEFT, WALK_EW, WALK_NS, Traffic

PAIRED = toy_street.COMPATIBLE | {("ns.left", "ew.left")}


def naive_load(network: Network, near_veh: np.ndarray, waiting_people: np.ndarray) -> list[float]:
    """Vehicles by group, a lane's divided over its movements."""
    scores, g, first_lane = [], 0, 0
    for junction in network.street.junctions:
        for group in junction.groups:
            if group.kind == GroupKind.PEDESTRIAN:
                scores.append(waiting_people[g] / 1.3)
            else:
                load = 0.0
                for k, lane in enumerate(junction.lanes):
                    served = [m.group for m in lane.movements].count(group.name)
                    load += near_veh[first_lane + k] * served / len(lane.movements)
                scores.append(load)
            g += 1
        first_lane += len(junction.lanes)
    return scores


def shared_lane() -> Network:
    """One lane of the north-south road serves straight and left together."""
    junction = toy_street.junction()
    lanes = list(junction.lanes)
    both = lanes[NS].movements + lanes[NS_LEFT].movements + lanes[NS].movements
    lanes[NS] = replace(lanes[NS], movements=both)
    return toy_street.network(replace(junction, lanes=tuple(lanes)))


def test_the_kernel_agrees_with_counting() -> None:
    network = shared_lane()
    chance = np.random.default_rng(11)
    score = np.zeros(network.n_groups)
    for _ in range(50):
        near_veh = chance.integers(0, 20, network.n_lanes).astype(float)
        people = chance.integers(0, 5, network.n_groups).astype(float)
        pressure_kernels.group_load(
            network.movement_start, network.movement_group, near_veh, people, network.group_kind, score
        )
        np.testing.assert_allclose(score, naive_load(network, near_veh, people))


def test_vehicles_on_the_way_count_like_those_that_wait() -> None:
    network = toy_street.network()
    traffic = Traffic(network, Greedy(network)).run(20)
    traffic.put(NS, 3.0)
    traffic.put(EW, 1.0)

    def platoon(traffic: Traffic) -> None:
        traffic.state.near_veh[EW] = 12.0

    platoon(traffic)
    traffic.run(16, platoon)
    assert traffic.lit() == {"ew"}


def test_generated_stages_are_used_when_they_hold_more() -> None:
    network = toy_street.network(toy_street.junction(generated=(("ns.left", "ew.left"),), compatible=PAIRED))
    traffic = Traffic(network, Greedy(network)).run(20)
    traffic.put(NS, 5.0)
    traffic.put(NS_LEFT, 4.0)
    traffic.put(EW_LEFT, 4.0)
    traffic.run(14)
    assert traffic.lit() == {"ns.left", "ew.left"}, "eight in two lanes before five in one"


def test_a_decision_holds_for_ten_seconds() -> None:
    """The load jumps from road to road every three seconds; the lamps do not."""
    network = toy_street.network()

    def jump(traffic: Traffic) -> None:
        east_west = traffic.now_ms // 3_000 % 2
        traffic.put(NS, 2.0 + 8.0 * (1 - east_west))
        traffic.put(EW, 2.0 + 8.0 * east_west)

    traffic = Traffic(network, Greedy(network))
    jump(traffic)
    traffic.run(300, jump)
    greens_ms = [end - start for _, start, end in traffic.greens]
    assert len(greens_ms) > 10
    assert min(greens_ms) >= 10_000


def test_people_waiting_in_the_present_stage_get_walk_again() -> None:
    """North-south stays the busiest by far; its crossing is not forgotten between two decisions."""
    network = toy_street.network()
    traffic = Traffic(network, Greedy(network)).run(20)

    def busy(traffic: Traffic) -> None:
        traffic.put(NS, 20.0)
        traffic.put(EW, 1.0)

    busy(traffic)
    traffic.run(12, busy)
    traffic.press(WALK_NS)
    traffic.run(12, busy)
    assert "walk.ns" in traffic.lit() or WALK_NS in {g for g, _, _ in traffic.greens}


def test_nobody_is_left_for_the_hour() -> None:
    network = toy_street.network()
    walkers = [0, 0, 0, 0, 0.001, 0.001]
    traffic = Traffic(network, Greedy(network), 2, [0.9, 0.001, 0.9, 0.001], walkers).run(3600)
    assert (traffic.longest_wait_ms <= network.promise_ms).all()
    assert {g for g, _, _ in traffic.greens} >= {NS_LEFT, EW_LEFT, WALK_NS, WALK_EW}
