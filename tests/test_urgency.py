"""The safety net keeps every promise, whatever the planner would like; its kernel has a slow twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.actuated import Actuated
from controller.greedy import Greedy
from controller.max_pressure import MaxPressure
from controller.network import Network
from controller.planner import Planner
from controller.state import NEVER_MS, State, new_state
from controller.urgency import Urgency
from controller.vocabulary import Lamp
from tests import toy_street
from tests.naive_urgency import NaiveJunction
from tests.toy_street import EW, EW_LEFT, NS, NS_LEFT, WALK_EW, WALK_NS, Traffic

GENERATED = (("ns", "walk.ns"), ("ew", "walk.ew"), ("ns.left", "ew.left"), ("ns.left", "walk.ew"))
OPEN = toy_street.COMPATIBLE | {("ns.left", "ew.left"), ("ns.left", "walk.ew")}


class Stubborn:
    """A planner that never leaves a stage by itself, and goes home when nobody calls."""

    def __init__(self, network: Network) -> None:
        self.urgency = Urgency(network)

    def propose(self, state: State, now_ms: int) -> None:
        self.urgency.update(state, now_ms)
        state.planned_end_ms[:] = self.urgency.leave_by_ms
        calls = (state.call_since_ms < NEVER_MS).any()
        if self.urgency.stage[0] >= 0:
            state.wanted_stage[0] = self.urgency.stage[0]
        elif not calls and not state.in_transition[0]:
            state.wanted_stage[0] = 0


@pytest.mark.parametrize("planner", [Stubborn, Actuated, MaxPressure, Greedy])
@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    veh_per_s=st.lists(st.sampled_from([0.0, 0.004, 0.05, 0.2, 0.6]), min_size=4, max_size=4),
    walkers=st.lists(st.sampled_from([0.0, 0.01, 0.05, 0.3]), min_size=2, max_size=2),
    max_green_ms=st.sampled_from([10_000, 25_000, 60_000]),
    more_stages=st.booleans(),
)
def test_nobody_waits_longer_than_promised(
    planner: Callable[[Network], Planner],
    seed: int,
    veh_per_s: list[float],
    walkers: list[float],
    max_green_ms: int,
    more_stages: bool,
) -> None:
    """Through lanes far beyond capacity, one car in four minutes on another: every call is served in time."""
    groups = [toy_street.group(name, max_green_ms=max_green_ms) for name in toy_street.NAMES]
    more = {"generated": GENERATED, "compatible": OPEN} if more_stages else {}
    network = toy_street.network(toy_street.junction(groups=groups, **more))
    traffic = Traffic(network, planner(network), seed, veh_per_s, [0.0] * 4 + walkers).run(900)
    assert (traffic.longest_wait_ms <= network.promise_ms).all(), traffic.longest_wait_ms


@pytest.mark.parametrize("planner", [Stubborn, Actuated, MaxPressure, Greedy])
def test_no_green_outlasts_its_maximum_while_somebody_waits_for_it_to_end(
    planner: Callable[[Network], Planner],
) -> None:
    network = toy_street.network()
    walkers = [0.0] * 4 + [0.02, 0.02]
    traffic = Traffic(network, planner(network), 3, [0.9, 0.02, 0.1, 0.02], walkers).run(1800)
    longest_ms = max(end - start for g, start, end in traffic.greens if g == NS)
    # The first conflicting call may come after the green began, and the change takes a step.
    first_call_ms = 30_000
    assert longest_ms <= network.max_green_ms[NS] + first_call_ms
    served = {g for g, _, _ in traffic.greens}
    assert served == {NS, NS_LEFT, EW, EW_LEFT, WALK_NS, WALK_EW}


def test_maximum_green_runs_from_the_first_conflicting_call() -> None:
    network = toy_street.network()
    traffic = Traffic(network, Stubborn(network)).run(100)
    assert traffic.lit() == {"ns"}, "without calls the first stage rests"
    traffic.put(EW, 1.0)
    called_ms = traffic.now_ms
    traffic.run(70)
    ended_ms = next(end for g, _, end in traffic.greens if g == NS)
    assert called_ms + 39_000 <= ended_ms <= called_ms + 42_000


def test_a_call_inside_the_resting_stage_gets_walk_at_once() -> None:
    network = toy_street.network()
    traffic = Traffic(network, Stubborn(network)).run(60)
    traffic.press(WALK_NS)
    traffic.run(2)
    assert traffic.lit() == {"ns", "walk.ns"}


def random_state(network: Network, chance: np.random.Generator, now_ms: int) -> State:
    """A state as it might be met: some stage lit or half-way to another, calls of all ages."""
    state = new_state(network, now_ms - 60_000)
    for j in range(network.n_junctions):
        stages = range(int(network.stage_start[j]), int(network.stage_start[j + 1]))
        stage, target = (int(chance.choice(stages)) for _ in range(2))
        moving = bool(chance.random() < 0.3)
        state.in_transition[j] = moving
        state.target_stage[j] = target if moving else stage
        state.target_bits[j] = network.stage_bits[state.target_stage[j]]
        for g in range(int(network.group_start[j]), int(network.group_start[j + 1])):
            lit = network.stage_bits[stage] >> (g - network.group_start[j]) & 1 and chance.random() < 0.85
            state.lamp[g] = Lamp.GREEN if lit else chance.choice([Lamp.RED, Lamp.RED, Lamp.YELLOW])
            state.lamp_since_ms[g] = now_ms - 1000 * chance.integers(0, 50)
            state.green_ended_ms[g] = now_ms - 1000 * chance.integers(0, 50)
            if chance.random() < 0.6:
                state.call_since_ms[g] = now_ms - 1000 * chance.integers(0, 115)
    state.recall[:] = chance.random(network.n_groups) < 0.1
    state.people_per_s[:] = chance.choice([0.0, 0.01, 0.1], network.n_groups)
    return state


def test_the_kernel_answers_as_the_definition_does() -> None:
    network = toy_street.network(
        toy_street.junction("a", generated=GENERATED, compatible=OPEN),
        toy_street.junction("b"),
        toy_street.junction("c", generated=GENERATED[::-1], compatible=OPEN, offset_ms=5_000),
        toy_street.yielding_junction("d"),
    )
    chance = np.random.default_rng(7)
    urgent = 0
    urgency = Urgency(network)
    for _ in range(400):
        now_ms = 1000 * int(chance.integers(200, 5000))
        state = random_state(network, chance, now_ms)
        urgency.update(state, now_ms)
        expected = [NaiveJunction(network, state, now_ms, j).judge() for j in range(4)]
        assert list(zip(urgency.stage.tolist(), urgency.leave_by_ms.tolist(), strict=True)) == expected
        urgent += sum(stage >= 0 for stage, _ in expected)
    assert 200 < urgent < 1000, "the cases must show both answers"


def late_cases(seed: int, urgency: Urgency) -> Iterator[tuple[State, int, NaiveJunction]]:
    """Junctions that break a promise when they leave later, earliest deadline first."""
    network, chance = urgency.network, np.random.default_rng(seed)
    for _ in range(1_500):
        now_ms = 1000 * int(chance.integers(200, 5000))
        state = random_state(network, chance, now_ms)
        naive = NaiveJunction(network, state, now_ms, 0)
        if state.in_transition[0] or not naive.now().calls:
            continue
        if best_later(naive) < 0:
            yield state, now_ms, naive


def best_later(naive: NaiveJunction) -> int:
    return max(naive.leave_later(given_only)[0].slack for given_only in (False, True))


def test_where_earliest_deadline_first_breaks_a_promise_another_order_that_keeps_all_is_found() -> None:
    urgency = Urgency(toy_street.network(toy_street.junction("a", generated=GENERATED, compatible=OPEN)))
    saved = 0
    for state, now_ms, naive in late_cases(8, urgency):
        urgency.update(state, now_ms)
        able = any(
            naive.keeps_promises(stage) for stage, bits in enumerate(naive.stages) if bits & naive.now().calls
        )
        assert able == urgency.allows(state, now_ms, 0, int(urgency.stage[0]))
        saved += able
    assert saved > 10, "the cases must show it"


def test_who_is_late_already_is_not_put_off_for_a_stage_that_is_no_better() -> None:
    """Second after second another crossing was let walk first, for the same slack, until a promise broke."""
    urgency = Urgency(toy_street.network(toy_street.junction("a", generated=GENERATED, compatible=OPEN)))
    looked_at = 0
    for state, now_ms, naive in late_cases(9, urgency):
        best = naive.best_first()
        if best is None or best.slack <= best_later(naive):
            continue
        urgency.update(state, now_ms)
        urgent, chosen = naive.most_urgent(naive.now().calls), naive.stages[int(urgency.stage[0])]
        looked_at += urgent not in chosen
        if urgent not in chosen:
            for stage in (s for s, groups in enumerate(naive.stages) if urgent in groups):
                assert naive.by_way_of(stage).slack < best.slack
    assert looked_at > 5, "the cases must show it"


def test_junctions_take_turns_where_lamps_may_change_every_tick() -> None:
    network = toy_street.network(*(toy_street.junction(f"j{k}") for k in range(20)), lamp_resolution_ms=100)
    urgency = Urgency(network)
    state = new_state(network, 0)
    state.call_since_ms[:] = 0
    decided = []
    for tick in range(10):
        urgency.leave_by_ms[:] = -1
        urgency.update(state, 100_000 + 100 * tick)
        decided.append(np.flatnonzero(urgency.leave_by_ms >= 0).tolist())
    assert [len(turn) for turn in decided] == [2] * 10
    assert sorted(j for turn in decided for j in turn) == list(range(20))
