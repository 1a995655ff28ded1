"""A part of a street played forward: textbook queues, nobody lost on the way, and the same bytes again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from controller.forecast import Outlook, Part
from controller.junction import StreetLink
from controller.network import Network
from controller.plan_lanes_kernels import START_UP_LOST_S
from controller.policy import Policy
from controller.present import CARS, WALKERS, neighbours, take_present
from controller.state import NEVER_MS, State, new_state
from controller.vocabulary import Lamp
from override.forecast import _without_strange_stages
from override.handover import Handover
from tests import toy_street
from tests.toy_street import EW, NS, NS_LEFT, SATURATION_VEH_PER_S, WALK_EW

NOW_MS = 30_000_000
POLICY = Policy()


def town() -> Network:
    """Two squares; who goes straight on from the first comes to the second after 200 m."""
    one, two = toy_street.junction("one"), toy_street.junction("two")
    link = StreetLink(one.lanes[0].movements[0].exit_lane, "two", two.lanes[0].name, 200.0, 1.0)
    return toy_street.network(one, two, links=(link,))


def present(network: Network, **lanes: dict[int, float]) -> State:
    """A state with these queues and flows, the first junction's stages all red."""
    state = new_state(network, NOW_MS - 60_000)
    for name, values in lanes.items():
        for row, value in values.items():
            getattr(state, name)[row] = value
    return state


def outlook(network: Network, state: State, junctions: tuple[int, ...] = (0,)) -> Outlook:
    chosen = np.array(junctions)
    part = Part(network.street, chosen, POLICY)
    return part.begin(take_present(network, state, chosen, NOW_MS), np.zeros(part.network.n_lanes))


def test_a_held_stage_serves_its_queue_at_saturation_and_red_queues_grow_with_the_flow() -> None:
    network = toy_street.network()
    run = outlook(network, present(network, queue_veh={NS: 12.0}, flow_veh_per_s={EW: 0.1}))
    run.orders.hold(0, 0, NEVER_MS, suspends_promise=True)
    waited, queues = 0.0, []
    for _ in range(40):
        run.run(run.now_s + 1)
        queues.append((float(run.state.queue_veh[NS]), float(run.state.queue_veh[EW])))
        waited += 1.3 * run.state.queue_veh.sum()
    began = next(k for k, (ns, _) in enumerate(queues) if ns < 12.0)
    cleared = next(k for k, (ns, _) in enumerate(queues) if ns == 0.0)
    # 12 vehicles at 0.5 a second; what start-up loses beyond the second in which nobody has left yet.
    assert abs(cleared - began + 1 - 12.0 / SATURATION_VEH_PER_S) <= START_UP_LOST_S
    seen_s = int(run._live.seen_s[EW])
    assert queues[-1][1] == pytest.approx(0.1 * (40 - seen_s), abs=0.11), "no more than came"
    assert run.waited_s[0, CARS] == pytest.approx(waited)
    assert run.state.lamp[NS] == Lamp.GREEN


def test_who_leaves_one_square_comes_to_the_next_and_nobody_is_lost() -> None:
    network = town()
    assert neighbours(network) == [frozenset({1}), frozenset({0})]
    first = int(network.lane_start[1])
    run = outlook(network, present(network, queue_veh={NS: 10.0}), (0, 1))
    run.orders.hold(0, 0, NEVER_MS, suspends_promise=True)
    run.orders.hold(1, int(network.stage_start[1]) + 2, NEVER_MS, suspends_promise=True)  # red for them
    run.run(run.now_s + 90)
    assert run.state.queue_veh[NS] == 0.0
    assert run.state.queue_veh[first] == pytest.approx(10.0)


def test_a_crossing_is_called_served_and_its_people_wait_no_longer() -> None:
    network = toy_street.network()
    state = present(network)
    state.unseen_group[:] = False
    state.waiting_people[WALK_EW], state.call_since_ms[WALK_EW] = 3.0, NOW_MS - 10_000
    run = outlook(network, state)
    run.orders.hold(0, 0, NOW_MS + 20_000)
    run.run(run.now_s + 90)
    assert run.state.waiting_people[WALK_EW] == 0.0
    assert run.state.call_since_ms[WALK_EW] == NEVER_MS
    longest_s = run.longest_ms[0, WALKERS] / 1000
    assert 30 <= longest_s < 90, "ten seconds before, and the twenty of the hold"
    assert run.waited_s[0, WALKERS] == pytest.approx(3.0 * (longest_s - 10 + 1))
    assert run.least_slack_ms[0] > 0


def test_promises_are_kept_in_a_forecast_as_on_the_street() -> None:
    """A hold ends when a promise comes near, and nobody waits beyond it."""
    network = toy_street.network()
    state = present(network, flow_veh_per_s={NS: 0.2, EW: 0.1, NS_LEFT: 0.02})
    run = outlook(network, state)
    run.orders.hold(0, 0, NEVER_MS)
    run.run(run.now_s + 300)
    assert run.orders.book.done[0] != 0
    assert run.least_slack_ms[0] >= 0
    assert run.longest_ms.max() <= int(network.promise_ms.max())


def test_flash_works_as_an_all_way_stop() -> None:
    network = toy_street.network()
    run = outlook(network, present(network, queue_veh={NS: 8.0, EW: 8.0}))
    run.orders.flash(0, NEVER_MS)
    run.run(run.now_s + 30)
    assert 0 < run.state.queue_veh[NS] == run.state.queue_veh[EW] < 8.0


def test_the_same_present_has_the_same_future_and_is_not_touched() -> None:
    network = town()
    state = present(network, queue_veh={NS: 7.0, EW: 3.0}, flow_veh_per_s={NS: 0.2, EW: 0.15})
    before = state.digest()
    runs = [outlook(network, state, (0, 1)) for _ in range(2)]
    runs[0].run(runs[0].now_s + 200)
    for _ in range(20):
        runs[1].run(runs[1].now_s + 10)
    assert runs[0].state.digest() == runs[1].state.digest(), "in one go or in pieces"
    assert np.array_equal(runs[0].waited_s, runs[1].waited_s)
    assert state.digest() == before


def test_a_version_with_other_stages_is_foretold_from_the_lamps_alone() -> None:
    network = town()
    two = network.street.junctions[1]
    street = replace(
        network.street, junctions=(network.street.junctions[0], replace(two, stages=two.stages[::-1]))
    )
    state = present(network)
    state.target_stage[:], state.wanted_stage[:], state.target_bits[:] = (1, 7), (2, 7), 3
    chosen = np.arange(2)
    part, played = Part(network.street, chosen, POLICY), Part(street, chosen, POLICY)
    handed = Handover(
        1, 0, NOW_MS, 1.0, 1, np.zeros((2, 3)), np.zeros((2, 3), np.int64), np.zeros(2, np.int64),
        np.zeros(8), take_present(network, state, chosen, NOW_MS),
    )  # fmt: skip
    begun = _without_strange_stages(handed, part, played).present
    assert begun is not None
    assert begun.arrays["target_stage"].tolist() == [1, -1]
    assert begun.arrays["target_bits"].tolist() == [3, 0]
    run = played.begin(begun, np.zeros(played.network.n_lanes))
    assert run.state.wanted_stage.tolist() == [2, 4]
    assert _without_strange_stages(handed, part, part) is handed
    handed.present.arrays["target_stage"][1] = 9  # type: ignore[union-attr]
    assert part.begin(handed.present, np.zeros(part.network.n_lanes)).state.target_stage.tolist() == [1, -1]  # type: ignore[arg-type]
