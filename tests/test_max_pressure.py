"""Max-pressure goes where most wait and least stands behind; its kernel has a slow twin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller import pressure_kernels
from controller.junction import StreetLink
from controller.max_pressure import MaxPressure
from controller.network import Network
from controller.vocabulary import GroupKind
from tests import toy_street
from tests.toy_street import EW, NS, NS_LEFT, WALK_EW, Traffic


def naive_pressure(network: Network, queue_veh: np.ndarray, waiting_people: np.ndarray) -> list[float]:
    """Varaiya's weights from the records themselves: saturation x (here - there by share)."""
    lanes = [lane for junction in network.street.junctions for lane in junction.lanes]
    at = {lane.name: queue for lane, queue in zip(lanes, queue_veh, strict=True)}
    scores = []
    g = 0
    for junction in network.street.junctions:
        for group in junction.groups:
            if group.kind == GroupKind.PEDESTRIAN:
                scores.append(0.5 * waiting_people[g] / 1.3)
            else:
                total = 0.0
                for lane in junction.lanes:
                    for movement in lane.movements:
                        if movement.group == group.name:
                            there = sum(
                                link.share * at[link.to_lane]
                                for link in network.street.links
                                if link.exit_lane == movement.exit_lane
                            )
                            pressure = lane.saturation_veh_per_s * (at[lane.name] - there)
                            total += max(0.0, pressure) / len(lane.movements)
                scores.append(total)
            g += 1
    return scores


def two_junctions() -> Network:
    """The through traffic of `near` comes to two lanes of `far`."""
    near, far = toy_street.junction("near"), toy_street.junction("far")
    renamed = tuple(
        toy_street.lane(lane.approach, lane.movements[0].exit_lane, f"far.{lane.name}") for lane in far.lanes
    )
    far = replace(far, lanes=renamed)
    links = [
        StreetLink("near.ns.out", "far", "far.ns_0", 300.0, 0.7),
        StreetLink("near.ns.out", "far", "far.ns.left_0", 300.0, 0.3),
    ]
    return toy_street.network(near, far, links=links)


def test_the_kernel_agrees_with_the_formula() -> None:
    network = two_junctions()
    chance = np.random.default_rng(3)
    score = np.zeros(network.n_groups)
    for _ in range(50):
        queue_veh = chance.integers(0, 20, network.n_lanes).astype(float)
        people = chance.integers(0, 5, network.n_groups).astype(float)
        pressure_kernels.group_pressure(
            network.movement_start, network.movement_group, network.movement_exit, network.exit_start,
            network.exit_lane, network.exit_share, network.lane_saturation_veh_per_s, queue_veh, people,
            network.group_kind, score,
        )  # fmt: skip
        np.testing.assert_allclose(score, naive_pressure(network, queue_veh, people))


def test_it_serves_the_longer_queue() -> None:
    network = toy_street.network()
    traffic = Traffic(network, MaxPressure(network)).run(20)
    traffic.put(NS, 3.0)
    traffic.put(EW, 9.0)
    traffic.run(16)
    assert traffic.lit() == {"ew"}


def test_a_full_street_behind_takes_the_pressure_off() -> None:
    network = two_junctions()
    traffic = Traffic(network, MaxPressure(network)).run(20)
    traffic.put(EW, 5.0)
    traffic.put(NS_LEFT, 2.0)

    def jam(traffic: Traffic) -> None:
        traffic.put(NS, 12.0)
        traffic.put(4, 15.0)
        traffic.put(5, 15.0)

    jam(traffic)
    traffic.run(14, jam)
    assert network.street.junctions[0].groups[EW].name in traffic.lit()
    assert traffic.state.lamp[NS] != 1, "twelve wait, but fifteen stand where they would go"


def test_people_on_foot_press_too() -> None:
    network = toy_street.network()
    traffic = Traffic(network, MaxPressure(network)).run(20)
    traffic.put(NS, 1.0)
    for _ in range(8):
        traffic.press(WALK_EW)
    traffic.run(14)
    assert "walk.ew" in traffic.lit()


def test_ties_keep_the_present_stage() -> None:
    network = toy_street.network()
    traffic = Traffic(network, MaxPressure(network)).run(20)

    def equal(traffic: Traffic) -> None:
        traffic.put(NS, 4.0)
        traffic.put(EW, 4.0)

    equal(traffic)
    traffic.run(25, equal)
    assert traffic.lit() == {"ns"}


def test_one_car_beside_an_endless_queue_is_served_as_promised() -> None:
    network = toy_street.network()
    traffic = Traffic(network, MaxPressure(network), 2, [0.9, 0.0, 0.9, 0.0]).run(300)
    traffic.put(NS_LEFT, 1.0)
    traffic.run(130)
    assert traffic.state.queue_veh[NS_LEFT] == 0.0
