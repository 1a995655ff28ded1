"""A junction comes to its fixed plan with calls older than it foresees: all are served, and it is in step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import plan_arrival_kernels as kernels
from controller.fixed_time import FixedTime
from controller.network import Network
from controller.plan import Adaptive
from controller.plan_change import shorter_change
from controller.policy import Policy
from controller.rungs import with_plans
from controller.state import NEVER_MS, State, new_state
from tests import toy_street
from tests.toy_street import Traffic

BUSY = {"veh_per_s": [0.5, 0.3, 0.5, 0.3], "people_per_s": [0, 0, 0, 0, 0.2, 0.2]}


class Falls:
    """Plans by the adaptive planner until a moment, from then on by the clock: a junction stepping down."""

    def __init__(self, street: Network, at_ms: int) -> None:
        self.above = Adaptive(street, Policy())
        self.below = FixedTime(with_plans(street))
        self.at_ms = at_ms
        self.out_of_step_s = 0

    def propose(self, state: State, now_ms: int) -> None:
        if now_ms == self.at_ms:
            self.below.follow(0, now_ms)
        (self.above if now_ms < self.at_ms else self.below).propose(state, now_ms)
        if now_ms >= self.at_ms and now_ms % 1000 == 0:
            wanted = int(state.wanted_stage[0])
            self.out_of_step_s += wanted != _by_the_clock(self.below, now_ms)


def _by_the_clock(planner: FixedTime, now_ms: int) -> int:
    """The stage that the toy junction's own plan has at this time."""
    plan = planner.network.street.junctions[0].plans[0]
    at_ms = (now_ms - plan.offset_ms) % plan.cycle_ms
    for step in plan.steps:
        if at_ms < step.duration_ms:
            return int(step.stage.removeprefix("s"))
        at_ms -= step.duration_ms
    raise AssertionError


@pytest.mark.parametrize("promise_s", [90, 105])
@pytest.mark.parametrize("second", [300, 324, 348, 360, 384])
def test_who_called_before_waits_no_longer_for_it_and_soon_the_plan_is_in_step(
    promise_s: int, second: int
) -> None:
    """Everybody always calls. Each way given to one used to make another late, in one case for ever."""
    street = toy_street.network()
    street = replace(street, promise_ms=np.full_like(street.promise_ms, 1000 * promise_s))
    falls = Falls(street, 1000 * second)
    traffic = Traffic(street, falls, **BUSY).run(second + 1200)
    assert (traffic.longest_wait_ms <= street.promise_ms).all(), traffic.longest_wait_ms
    before = falls.out_of_step_s
    assert before < 900, "ten cycles at most, each a little shorter"
    traffic.run(300)
    assert falls.out_of_step_s == before


@pytest.mark.parametrize("second", range(300, 420, 12))
def test_who_called_before_the_plan_began_waits_no_longer_for_it(second: int) -> None:
    street = toy_street.network()
    street = replace(street, promise_ms=np.full_like(street.promise_ms, 90_000))
    traffic = Traffic(
        street, Falls(street, 1000 * second), veh_per_s=[0.3, 0.02, 0.3, 0.02],
        people_per_s=[0, 0, 0, 0, 0.01, 0.01],
    )  # fmt: skip
    traffic.run(second + 240)
    assert (traffic.longest_wait_ms <= street.promise_ms).all(), traffic.longest_wait_ms


def test_where_nobody_is_late_the_plan_goes_by_the_clock_at_once() -> None:
    street = toy_street.network()
    falls = Falls(street, 330_000)
    Traffic(street, falls, veh_per_s=[0.02] * 4, people_per_s=[0] * 6).run(700)
    assert falls.out_of_step_s == 0


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.integers(5, 60), min_size=2, max_size=6),
    slack=st.floats(0.0, 1.0),
    offset=st.integers(0, 400),
    at=st.integers(0, 10_000),
)
def test_the_way_back_is_never_longer_than_the_plan(
    steps: list[int], slack: float, offset: int, at: int
) -> None:
    steps_ms = [1000 * step for step in steps]
    least_ms = [int(step * slack) for step in steps_ms]
    cycles = shorter_change(steps_ms, least_ms, 1000 * offset, 1000 * at, 1000).cycles_ms
    for cycle in cycles:
        for lasts, planned, least in zip(cycle, steps_ms, least_ms, strict=True):
            assert max(least, planned - planned / 5) <= lasts <= planned
            assert lasts % 1000 == 0
    room = any(min(s // 5, s - least) >= 1000 for s, least in zip(steps_ms, least_ms, strict=True))
    end_ms = 1000 * at + sum(map(sum, cycles))
    assert (end_ms - 1000 * offset) % sum(steps_ms) == 0 or (not room and not cycles)


def test_a_long_way_back_is_told() -> None:
    planner = FixedTime(toy_street.network())
    state = new_state(planner.network, 0)
    planner.follow(0, 80_000)
    planner.hours.stray(0, 80_000)
    planner._offset_ms[0] = 80_000
    for now_ms in range(80_000, 900_000, 1000):
        planner.propose(state, now_ms)
    told = planner.hours.take_told()
    assert [sentence for _, sentence in told] == [
        "square: coordination alarm: plan day comes into step only after 4 cycles, 3 are allowed"
    ]
    assert planner.steps(0)[2:] == (100_000, 0)


# --- the slow twin --------------------------------------------------------------------------------


def slow_lateness_ms(planner: FixedTime, state: State, now_ms: int, begin_ms: int) -> int:
    """Every green of the plan on a long list, and for each who calls the first that begins from now on."""
    network, plan = planner.network, planner.network.street.junctions[0].plans[0]
    bits = [int(network.stage_bits[int(step.stage.removeprefix("s"))]) for step in plan.steps]
    n, yellow_ms = network.n_groups, int(network.yellow_ms[:4].max())
    total_ms = 0
    for k in range(n):
        if state.call_since_ms[k] > now_ms or state.target_bits[0] >> k & 1:
            continue
        turns = []
        for cycle in range(-3, 4):
            at_ms = begin_ms + plan.cycle_ms * ((now_ms - begin_ms) // plan.cycle_ms + cycle)
            for s, step in enumerate(plan.steps):
                if bits[s] >> k & 1 and not bits[s - 1] >> k & 1:
                    ending = [a for a in range(4) if bits[s - 1] >> a & 1 and not bits[s] >> a & 1]
                    between_ms = max(int(network.intergreen_ms[a * n + k]) for a in ending)
                    walks = k >= 4
                    lit_ms = int(network.min_green_ms[k]) if walks else step.duration_ms - between_ms
                    turns.append((at_ms, between_ms, lit_ms, yellow_ms if walks else 0))
                at_ms += step.duration_ms
        came = [turn for turn in turns if turn[0] < now_ms]
        coming = [turn for turn in turns if turn[0] >= now_ms]
        if sum(came[-1][:3]) > state.green_ended_ms[k]:
            served_ms = coming[0][0] + coming[0][1] + coming[0][3]
            total_ms += max(0, served_ms - int(state.call_since_ms[k]) - int(network.promise_ms[k]))
    return total_ms


@settings(max_examples=150, deadline=None)
@given(data=st.data(), now_s=st.integers(1_000, 1_200), promise_s=st.integers(60, 120))
def test_lateness_and_the_better_start_agree_with_the_slow_twin(
    data: st.DataObject, now_s: int, promise_s: int
) -> None:
    street = toy_street.network(toy_street.junction(offset_ms=1000 * data.draw(st.integers(0, 99))))
    street = replace(street, promise_ms=np.full_like(street.promise_ms, 1000 * promise_s))
    planner, now_ms = FixedTime(street), 1000 * now_s
    state = new_state(street, now_ms)
    stage = data.draw(st.integers(0, 3))
    state.target_stage[0], state.target_bits[0] = stage, street.stage_bits[stage]
    for k in range(street.n_groups):
        ended_s = data.draw(st.integers(0, 150))
        state.green_ended_ms[k] = now_ms - 1000 * ended_s
        age_s = data.draw(st.integers(-1, ended_s))
        state.call_since_ms[k] = NEVER_MS if age_s < 0 else now_ms - 1000 * age_s
    planner._new_until_ms[0] = NEVER_MS
    plans, calls = planner._views_of(state)
    found = np.zeros(1, np.int64)
    kernels.find_late(now_ms, plans.memory, calls, found)
    begin_ms = int(planner._offset_ms[0])
    late_ms = slow_lateness_ms(planner, state, now_ms, begin_ms)
    assert found[0] == late_ms

    plan = street.street.junctions[0].plans[0]
    starts = [now_ms - sum(step.duration_ms for step in plan.steps[:s]) for s in range(4)]
    ordered = starts[stage:] + starts[:stage]
    least_ms = min(slow_lateness_ms(planner, state, now_ms, start) for start in starts)
    told = int(kernels.better_start(0, now_ms, late_ms, plans.memory, calls))
    if least_ms >= late_ms:
        assert told == -1
    else:
        assert told == next(s for s in ordered if slow_lateness_ms(planner, state, now_ms, s) == least_ms)
