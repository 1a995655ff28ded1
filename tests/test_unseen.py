"""A quarter without sensors: its people are believed in, called for, and served within their promise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bench import streets
from controller import unseen_kernels
from controller.frame import TICK_MS, empty_frame
from controller.network import Network, build_network
from controller.policy import Policy
from controller.state import NEVER_MS, new_state
from controller.tick import Controller
from controller.unseen import usual_flow_veh_per_s
from controller.vocabulary import CONTROLLERS, GroupKind, Lamp, Sensors

WALK_EAST = "walk.east"


def fitted_with(*kept: str) -> Network:
    """The ordinary junction with only those detectors whose name begins like one of `kept`."""
    street = streets.ordinary_street()
    junction = street.junctions[0]
    detectors = tuple(d for d in junction.detectors if d.name.startswith(kept or ("nothing",)))
    return build_network(
        dataclasses.replace(street, junctions=(dataclasses.replace(junction, detectors=detectors),)), 1000
    )


def played(network: Network, controller: str, minutes: int) -> tuple[Controller, np.ndarray]:
    """A street of which nothing is ever seen; (G) longest time without green, ms, after the first minute."""
    player = Controller(network, controller, Policy(), 0)
    frame = empty_frame(network, Sensors.LOOPS)
    red_since_ms = np.zeros(network.n_groups, np.int64)
    longest_ms = np.zeros(network.n_groups, np.int64)
    for now_ms in range(0, minutes * 60_000, TICK_MS):
        if now_ms % 1000 == 0:
            frame.time_ms, frame.sequence = now_ms, frame.sequence + 1
        frame.lamps_shown[:] = player.tick(frame, now_ms)
        red_since_ms[frame.lamps_shown == Lamp.GREEN] = now_ms
        np.maximum(longest_ms, now_ms - red_since_ms, out=longest_ms)
    assert player.verdict is not None
    assert not player.verdict.flash.any()
    return player, longest_ms


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_without_any_sensor_everybody_is_served_within_the_promise(controller: str) -> None:
    network = fitted_with()
    _, longest_ms = played(network, controller, 15)
    # Nobody can say when he came to a crossing, so the promise is to who came just after the last WALK.
    on_foot = network.group_kind == GroupKind.PEDESTRIAN
    assert np.all(longest_ms[on_foot] <= network.promise_ms[on_foot] + 1000)
    # A believed queue needs some seconds to grow before it calls.
    assert np.all(longest_ms <= network.promise_ms + 30_000)


def test_a_crossing_without_a_button_gets_walk_again_and_again_and_one_with_a_button_only_when_called() -> (
    None
):
    network = fitted_with("north", "east", "south", "west", "walk.north")
    player, longest_ms = played(network, "actuated", 15)
    blind = network.group_index("ordinary", WALK_EAST)
    fitted = network.group_index("ordinary", "walk.north")
    assert longest_ms[blind] <= network.promise_ms[blind]
    assert player.state.people_per_s[blind] > 0.0
    assert longest_ms[fitted] > 10 * 60_000, "nobody has ever pressed there"


def test_the_usual_flow_is_read_off_the_plan() -> None:
    network = fitted_with()
    usual = usual_flow_veh_per_s(network)
    # Each of the four stages of the ordinary plan has a quarter of the cycle.
    assert usual == pytest.approx(0.25 * 0.5 * network.lane_saturation_veh_per_s)


def slow_lane(seconds, usual, lamps, saturation, known_above, held, passed):
    """One unseen lane: (held, passed, crossed) a reading later."""
    if not known_above:
        held += usual * seconds
    flows = any(lamp == Lamp.GREEN and since_s >= 2 for lamp, since_s in lamps)
    crossed = min(held, saturation * seconds) if flows else 0.0
    return held - crossed, passed + crossed, crossed


@pytest.mark.parametrize("seed", range(20))
def test_believed_queues_are_what_the_slow_twin_says(seed: int) -> None:
    network = fitted_with("north", "walk")
    chance = np.random.default_rng(seed)
    state, lanes = new_state(network, 0), network.n_lanes
    north = [k for k in range(lanes) if network.street.junctions[0].lanes[k].name.startswith("north")]
    assert [k for k in range(lanes) if not state.unseen_lane[k]] == north
    usual, saturation = chance.random(lanes), 1.0 - chance.random(lanes) / 2
    state.held_veh[:] = 8 * chance.random(state.held_veh.shape)
    state.lamp[:] = chance.integers(0, 4, network.n_groups)
    state.lamp_since_ms[:] = 10_000 - 1000 * chance.integers(0, 6, network.n_groups)
    gate_s = chance.integers(-1, 9, (lanes, 3))
    feed_start = np.concatenate([[0], np.cumsum(chance.integers(0, 2, lanes))])
    before, seconds = state.copy(), int(chance.integers(1, 4))
    unseen_kernels.play_unseen_lanes(
        10_000, seconds, state.unseen_lane, usual, network.lane_group_bits, network.lane_junction,
        network.group_start, state.lamp, state.lamp_since_ms, saturation, gate_s, feed_start, state.held_veh,
        state.passed_veh, state.crossed_veh, state.flow_veh_per_s,
    )  # fmt: skip
    for k in range(lanes):
        if not state.unseen_lane[k]:
            assert state.held_veh[k] == pytest.approx(before.held_veh[k])
            continue
        groups = [g for g in range(network.n_groups) if network.lane_group_bits[k] >> g & 1]
        lamps = [(state.lamp[g], (10_000 - state.lamp_since_ms[g]) / 1000) for g in groups]
        known = max(gate_s[k, 1:]) >= 0 or feed_start[k + 1] > feed_start[k]
        held, passed, crossed = slow_lane(
            seconds, usual[k], lamps, saturation[k], known, before.held_veh[k, 0], before.passed_veh[k, 0]
        )
        assert state.held_veh[k, 0] == pytest.approx(held)
        assert state.passed_veh[k, 0] == pytest.approx(passed)
        assert state.crossed_veh[k] == pytest.approx(crossed)


@pytest.mark.parametrize("may_be_heard", [False, True])
def test_people_are_taken_to_come_only_where_nobody_can_say_so(may_be_heard: bool) -> None:
    network = fitted_with("walk.north")
    state = new_state(network, 0)
    blind = network.group_index("ordinary", WALK_EAST)
    assert list(np.flatnonzero(state.unseen_group)) == [blind]
    state.quiet_group[blind] = may_be_heard
    for second in range(1, 26):
        assert state.call_since_ms[blind] == (NEVER_MS if may_be_heard or second == 1 else 1000)
        unseen_kernels.suppose_people(
            1000 * second, 1000, state.unseen_group, state.quiet_group, 0.02, state.lamp,
            state.waiting_people, state.people_per_s, state.call_since_ms,
        )  # fmt: skip
    assert state.waiting_people[blind] == pytest.approx(0.5)
    # Where a button may only be quiet, it is called when as likely as not somebody waits; else at once.
    assert state.call_since_ms[blind] == (25_000 if may_be_heard else 1000)
    others = [g for g in range(network.n_groups) if g != blind]
    assert np.all(state.call_since_ms[others] == NEVER_MS)
