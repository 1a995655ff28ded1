"""Those who turn left out of a lane they share get out of the junction, and with them who is behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decision_log import DecisionLog
from controller.explain import explain
from controller.junction import Junction, Movement, Yield
from controller.network import Network
from controller.permissive_turns_kernels import by_way_of, time_to_clear
from controller.plan import Adaptive, build_model
from controller.policy import Policy
from controller.sequencer import Sequencer
from controller.state import State, new_state
from controller.tick import Controller
from controller.vocabulary import Lamp
from tests.toy_street import group, junction, lane, network

OPPOSED, LEFT_ALONE, ACROSS = 0, 1, 2
N, N_LEFT, S, S_LEFT, EW = range(5)
ROAD = ("n", "n.left", "s", "s.left")
STAGES = (ROAD, ("n.left", "s.left"), ("ew",))
NORTH_LANE, SOUTH_LANE, EW_LANE = 0, 1, 2


def shared_junction(stages: tuple[tuple[str, ...], ...] = STAGES) -> Junction:
    """North and south: one lane each for those who go on and those who turn left and give way."""
    together = {(a, b) for a in ROAD for b in ROAD if a != b}
    plain = junction(
        groups=[group(name) for name in (*ROAD, "ew")],
        stages=stages,
        compatible=together,
        steps=tuple((k, 30_000) for k in range(len(stages))),
    )
    lanes = []
    for side in ("n", "s"):
        on = lane(side, f"{side}.out")
        left = Movement(1, f"{side}.left", "left", f"{side}.left.out", 8.0)
        lanes.append(replace(on, movements=(*on.movements, left)))
    gives_way = (Yield("n.left", "s"), Yield("s.left", "n"))
    return replace(plain, lanes=(*lanes, lane("ew", "ew.out")), yields=gives_way)


def in_opposed_green(street: Network) -> State:
    """Everybody on the road has had green for a while; nobody anywhere."""
    state = new_state(street, 0)
    state.wanted_stage[0] = state.target_stage[0] = OPPOSED
    state.target_bits[0] = 0b01111
    state.lamp[:] = Lamp.RED
    state.lamp[N : S_LEFT + 1] = Lamp.GREEN
    state.lamp_since_ms[:] = -12_000
    return state


def stages_until_across(street: Network, queue_veh: float) -> list[tuple[int, int]]:
    """(stage, since when, in s) from the opposed green until the road across has its own.

    So many stand before each of the road's stop lines, whoever goes; across there are full buses.
    """
    state, planner, sequencer = in_opposed_green(street), Adaptive(street, Policy()), Sequencer(street)
    seen = [(OPPOSED, 0)]
    for second in range(120):
        now_ms = 1000 * second
        state.queue_veh[:] = queue_veh, queue_veh, 4.0
        state.persons_per_veh[EW_LANE] = 30.0
        state.call_since_ms[EW] = min(state.call_since_ms[EW], 0)
        planner.propose(state, now_ms)
        sequencer.advance(state, now_ms)
        stage = int(state.target_stage[0])
        if seen[-1][0] != stage:
            seen.append((stage, second))
        if state.lamp[EW] == Lamp.GREEN:
            break
    return seen


def test_the_stage_that_lets_them_out_is_found() -> None:
    model = build_model(network(shared_junction()))
    assert model.shared[0, :3].tolist() == [1 << NORTH_LANE | 1 << SOUTH_LANE, 0, 0]
    assert model.clears[0, :3].tolist() == [LEFT_ALONE, -1, -1]
    assert model.faced[0, :3].tolist() == [0, 1 << N | 1 << S, 0]


def test_a_stage_for_one_side_alone_does_not_let_the_other_side_out() -> None:
    sides = network(shared_junction((ROAD, ("n", "n.left"), ("s", "s.left"), ("ew",))))
    assert build_model(sides).clears[0, 0] == -1


def test_who_has_a_lane_of_his_own_catches_nobody_behind_him() -> None:
    shared = shared_junction()
    own = [
        replace(shared.lanes[k // 2], name=f"lane {k}", movements=(shared.lanes[k // 2].movements[k % 2],))
        for k in range(4)
    ]
    street = network(replace(shared, lanes=(*own, shared.lanes[EW_LANE])))
    assert not build_model(street).shared[0].any()


def test_a_shared_lane_that_still_flows_when_its_green_ends_is_let_out_of_the_junction_first() -> None:
    seen = stages_until_across(network(shared_junction()), queue_veh=4.0)
    assert [stage for stage, _ in seen] == [OPPOSED, LEFT_ALONE, ACROSS]
    (_, began_s), (_, ended_s) = seen[1:]
    assert ended_s - began_s >= 3 + 6  # the yellow of those facing them, and time for those inside to go


def test_where_nobody_can_be_caught_the_change_is_as_short_as_ever() -> None:
    seen = stages_until_across(network(shared_junction()), queue_veh=1.0)
    assert [stage for stage, _ in seen] == [OPPOSED, ACROSS]


def test_the_reason_is_told() -> None:
    street = network(shared_junction())
    controller = Controller(street, "adaptive", Policy(), 0)
    log = DecisionLog(controller)
    assert isinstance(controller.planner, Adaptive)
    for clears, stage in ((False, OPPOSED), (True, LEFT_ALONE), (False, ACROSS)):
        controller.planner.clears_first[0] = clears
        controller.state.target_stage[0] = stage
        controller.state.target_bits[0] = int(street.stage_bits[stage])
        seen = log.observe(1000 * stage)
        if stage == LEFT_ALONE:
            (way,) = seen
            assert way.rule == "clearing"
            assert "wait inside the junction to turn are let out first" in explain(way, street, "operator")
            assert "those who wait inside the junction to turn go first" in explain(way, street, "citizen")
            assert "adaptive/clearing" in explain(way, street, "engineer")
        elif seen:
            assert seen[0].rule == "cost"


@pytest.fixture(scope="module")
def planner() -> Adaptive:
    return Adaptive(network(shared_junction()), Policy())


@given(
    st.integers(0, 2),
    st.integers(0, 2),
    st.lists(st.floats(0.0, 8.0), min_size=3, max_size=3),
)
def test_the_way_is_the_one_the_slow_twin_goes(
    planner: Adaptive, stage: int, to: int, queue_veh: list[float]
) -> None:
    state = new_state(planner.network, 0)
    state.queue_veh[:] = queue_veh
    caught = stage == OPPOSED and to == ACROSS and max(queue_veh[:2]) >= 3.0
    assert by_way_of(0, stage, to, planner.model, planner.live(state)) == (LEFT_ALONE if caught else to)


@given(
    st.integers(0, 2),
    st.lists(st.booleans(), min_size=5, max_size=5),
    st.lists(st.integers(0, 40_000), min_size=5, max_size=5),
    st.integers(40_000, 60_000),
)
def test_the_time_to_get_out_is_the_slow_twin_s(
    planner: Adaptive, stage: int, green: list[bool], ended_ms: list[int], now_ms: int
) -> None:
    state = new_state(planner.network, 0)
    state.lamp[:] = np.where(green, Lamp.GREEN, Lamp.RED)
    state.green_ended_ms[:] = ended_ms
    out_ms = [0] + [
        ended_ms[g] + 3_000 + 6_000 - now_ms for g in (N, S) if stage == LEFT_ALONE and not green[g]
    ]
    assert time_to_clear(0, stage, now_ms, planner.model, planner.live(state)) == -(-max(out_ms) // 1000)
