"""Who is left behind by a short green grows no younger: how long the first of a queue has waited."""

from __future__ import annotations

import numpy as np
import pytest

from controller.plan import Adaptive
from controller.policy import Policy
from controller.replan_kernels import (
    QUEUE_LEAST_VEH,
    QUEUED_MAX_S,
    UNMOVED_KEEPS,
    UNMOVED_MAX_S,
    age_queues,
)
from controller.state import State, new_state
from controller.vocabulary import Lamp
from tests.toy_street import junction, network

S_EW, S_NS_LEFT = 2, 1


def planned() -> tuple[Adaptive, State]:
    net = network(junction())
    return Adaptive(net, Policy()), new_state(net, 0)


def slow_age(
    queued_s: float, unmoved_s: float, queue_veh: float, crossed_veh: float, unseen: bool, green: bool
) -> tuple[float, float]:
    """Both times a second later: in the queue, and of green without a crossing."""
    if crossed_veh:
        unmoved_s = 0.0
    elif green:
        unmoved_s += 1.0
    if queue_veh < QUEUE_LEAST_VEH or unseen:
        return 0.0, unmoved_s
    if unmoved_s > UNMOVED_MAX_S:
        return UNMOVED_KEEPS * queued_s, unmoved_s
    older_s = queued_s + 1.0
    return min(QUEUED_MAX_S, older_s - older_s * crossed_veh / (queue_veh + crossed_veh)), unmoved_s


def test_the_kernel_says_what_its_slow_twin_says() -> None:
    adaptive, state = planned()
    live, rng = adaptive.live(state), np.random.default_rng(4)
    for _ in range(300):
        before = rng.uniform(0.0, 700.0, len(state.queued_s))
        state.queued_s[:] = before
        unmoved = rng.integers(0, int(UNMOVED_MAX_S) + 3, len(before)).astype(float)
        state.unmoved_s[:] = unmoved
        state.queue_veh[:] = rng.uniform(0.0, 12.0, len(before)) * rng.integers(0, 2, len(before))
        state.crossed_veh[:] = rng.integers(0, 3, len(before))
        state.unseen_lane[:] = rng.random(len(before)) < 0.2
        state.lamp[:] = rng.integers(0, 2, len(state.lamp))
        age_queues(0, adaptive.model, live)
        shown = sum(1 << int(g) for g in np.flatnonzero(state.lamp == Lamp.GREEN))
        greens = [bool(shown & int(bits)) for bits in network(junction()).lane_group_bits]
        rows = zip(
            before, unmoved, state.queue_veh, state.crossed_veh, state.unseen_lane, greens, strict=True
        )
        expected = [slow_age(*row) for row in rows]
        np.testing.assert_allclose(np.stack([state.queued_s, state.unmoved_s], axis=1), expected)


def test_a_queue_that_does_not_move_in_its_green_is_none() -> None:
    """A loop that is stuck on tells of somebody who never leaves."""
    adaptive, state = planned()
    state.unseen_lane[:] = False
    state.queue_veh[0], state.queued_s[0] = 3.0, 200.0
    state.lamp[0] = Lamp.GREEN
    for _ in range(40):
        age_queues(0, adaptive.model, adaptive.live(state))
    assert state.queued_s[0] < 30.0


def test_a_queue_that_discharges_every_other_second_forgets_nobody() -> None:
    """Saturation flow is a vehicle in two seconds: the seconds between are no sign that nobody moves."""
    adaptive, state = planned()
    state.unseen_lane[:] = False
    state.queue_veh[0], state.queued_s[0] = 20.0, 100.0
    state.lamp[0] = Lamp.GREEN
    for second in range(20):
        state.crossed_veh[0] = second % 2
        state.queue_veh[0] -= second % 2
        age_queues(0, adaptive.model, adaptive.live(state))
    assert 40.0 < state.queued_s[0] < 80.0, "half of the queue has gone, and the rest has waited half as long"


def test_in_a_steady_state_it_is_the_queue_over_its_outflow() -> None:
    adaptive, state = planned()
    live = adaptive.live(state)
    state.unseen_lane[:] = False
    state.queue_veh[0] = 12.0
    for second in range(2_000):
        state.crossed_veh[0] = 1.0 if second % 10 == 0 else 0.0
        age_queues(0, adaptive.model, live)
    assert state.queued_s[0] == pytest.approx(120.0, rel=0.1)


def test_a_queue_that_short_greens_never_clear_gets_its_turn_before_a_fresh_call_would() -> None:
    """Both ways call since just now; one of them has been left behind for minutes."""

    def wanted(queued_s: float) -> int:
        adaptive, state = planned()
        state.unseen_lane[:] = False
        state.target_stage[0] = S_EW
        state.queue_veh[:] = 0.0
        state.queue_veh[[2, 1]] = 9.0, 3.0
        state.queued_s[1] = queued_s
        adaptive.propose(state, 30_000)
        return int(state.wanted_stage[0])

    assert wanted(0.0) == S_EW
    assert wanted(240.0) == S_NS_LEFT
