"""Whose turn it is to be planned: everybody once a second, never too many in one tick, promises kept."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import plan_turns
from controller.frame import TICK_MS
from controller.plan import Adaptive
from controller.plan_turns import PLANNED_A_TICK_MAX, REPLAN_MS, Turns
from controller.policy import Policy
from tests.toy_street import Traffic, junction, network


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4000), st.sampled_from([100, 200, 500, 1000]), st.integers(0, 10_000))
def test_every_junction_is_planned_once_a_second_shortly_before_its_lamps_may_change(n, lamp_ms, first_tick):
    turns = Turns(n, lamp_ms)
    planned: Counter[int] = Counter()
    planned_ms: dict[int, int] = {}
    most = 0
    begun_ms = TICK_MS * first_tick
    for now_ms in range(begun_ms, begun_ms + 3 * REPLAN_MS, TICK_MS):
        due = turns.planning(now_ms).tolist()
        for j in turns.deciding(now_ms).tolist():
            # By the first lamp time at the latest, whenever the ticks began.
            assert j in due or now_ms - planned_ms[j] < lamp_ms
        planned_ms |= dict.fromkeys(due, now_ms)
        if now_ms >= begun_ms + 2 * REPLAN_MS:
            planned.update(due)
            most = max(most, len(due))
    assert planned == Counter(range(n))
    assert most <= max(PLANNED_A_TICK_MAX, -(-n // 10)), "a tick that plans too many is late"


def test_where_ticks_come_once_a_second_nobody_is_left_out():
    turns = Turns(1000, 1000)
    for second in range(5):
        assert sorted(turns.planning(1000 * second).tolist()) == list(range(1000))


def test_after_a_pause_everybody_is_planned_before_lamps_change():
    turns = Turns(1000, 1000)
    for now_ms in range(0, 3000, TICK_MS):
        turns.planning(now_ms)
    assert sorted(turns.planning(8000).tolist()) == list(range(1000))


class EveryTick(Traffic):
    """Lamps change once a second, ticks come ten times as often."""

    def _tick(self) -> None:
        begun_ms = self.now_ms
        for before_ms in range(900, 0, -TICK_MS):
            self.planner.propose(self.state, begun_ms - before_ms)
        super()._tick()


@pytest.mark.parametrize("seed", range(2))
def test_who_is_planned_in_the_ticks_before_waits_no_longer_than_promised(monkeypatch, seed):
    monkeypatch.setattr(plan_turns, "PLANNED_A_TICK_MAX", 1)
    street = network(*(junction(f"j{k}") for k in range(4)), lamp_resolution_ms=1000)
    planner = Adaptive(street, Policy())
    assert [len(planner.turns.planning(now_ms)) for now_ms in (10_600, 10_700, 10_800, 10_900)] == [
        0,
        1,
        1,
        1,
    ]
    traffic = EveryTick(
        street, planner, seed, veh_per_s=4 * [0.3, 0.1, 0.3, 0.1], people_per_s=4 * [0, 0, 0, 0, 0.05, 0.05]
    )
    traffic.run(900)
    assert (traffic.longest_wait_ms <= street.promise_ms).all()
    assert len({group for group, _, _ in traffic.greens}) == street.n_groups, "and everybody gets green"
