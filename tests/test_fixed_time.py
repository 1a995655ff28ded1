"""The fixed plan runs by the street's clock, serves everyone each cycle, and bad plans are named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.fixed_time import FixedTime, longest_red_ms
from controller.state import NEVER_MS, new_state
from tests import toy_street
from tests.toy_street import NS, WALK_EW, WALK_NS, Traffic


def test_the_wanted_stage_is_the_step_the_clock_is_in() -> None:
    network = toy_street.network(toy_street.junction(offset_ms=20_000))
    planner, state = FixedTime(network), new_state(network, 0)
    begin = {0: 0, 1: 35, 2: 50, 3: 85}
    ends_s = {0: 35, 1: 50, 2: 85, 3: 100}
    for now_s in range(20, 320):
        planner.propose(state, 1000 * now_s)
        position = (now_s - 20) % 100
        step = max(s for s, at in begin.items() if at <= position)
        assert state.wanted_stage[0] == step
        assert state.planned_end_ms[0] == 1000 * (now_s - position + ends_s[step])


def test_steps_of_the_same_stage_in_a_row_are_one() -> None:
    network = toy_street.network(toy_street.junction(steps=((0, 10_000), (2, 30_000), (0, 25_000))))
    planner, state = FixedTime(network), new_state(network, 0)
    planner.propose(state, 40_000)
    assert (state.wanted_stage[0], state.planned_end_ms[0]) == (0, 75_000), "it goes on into the next cycle"


def test_a_plan_of_one_stage_rests_in_it() -> None:
    network = toy_street.network(toy_street.junction(steps=((2, 30_000),)))
    planner, state = FixedTime(network), new_state(network, 0)
    planner.propose(state, 12_000)
    assert (state.wanted_stage[0], state.planned_end_ms[0]) == (2, NEVER_MS)


def test_cycle_and_offset_hold_although_the_first_transition_comes_late() -> None:
    """It starts in the middle of a step, all red; from the second cycle on greens keep the clock."""
    network = toy_street.network(toy_street.junction(offset_ms=7_000))
    traffic = Traffic(network, FixedTime(network), now_ms=33_000).run(700)
    starts_ms = [start for g, start, _ in traffic.greens if g == NS][1:]
    assert len(starts_ms) == 6
    assert {start % 100_000 for start in starts_ms} == {7_000 + 4_000}, "yellow and red after the clock's 7 s"


def test_every_crossing_walks_in_every_cycle_with_no_button_pressed() -> None:
    network = toy_street.network()
    traffic = Traffic(network, FixedTime(network)).run(1000)
    for crossing in (WALK_NS, WALK_EW):
        walks = [end - start for g, start, end in traffic.greens if g == crossing]
        assert len(walks) in (9, 10)
        assert min(walks) >= 7_000


def test_walk_is_over_before_the_step_so_that_the_next_step_is_on_time() -> None:
    network = toy_street.network()
    traffic = Traffic(network, FixedTime(network)).run(500)
    for g, _, end in traffic.greens:
        if g == WALK_NS:
            assert end % 100_000 <= 35_000 - 12_000, "12 s of clearance end with the step"


def test_a_plan_that_would_break_a_promise_gives_way_to_the_call() -> None:
    """The plan never serves the left turns; a car there is still served as promised."""
    network = toy_street.network(toy_street.junction(steps=((0, 50_000), (2, 50_000))))
    planner = FixedTime(network)
    assert planner.watched == [0]
    traffic = Traffic(network, planner, 5, [0.1, 0.01, 0.1, 0.01]).run(1500)
    assert (traffic.longest_wait_ms <= network.promise_ms).all()
    assert {g for g, _, _ in traffic.greens} == set(range(6))


def test_the_longest_red_of_a_plan() -> None:
    junction = toy_street.junction()
    plan = junction.plans[0]
    assert longest_red_ms(junction, plan, "ns") == 65_000
    assert longest_red_ms(junction, plan, "ew.left") == 85_000
    assert FixedTime(toy_street.network(junction)).watched == []


def test_between_lamp_times_nothing_is_decided() -> None:
    network = toy_street.network()
    planner, state = FixedTime(network), new_state(network, 0)
    planner.propose(state, 50_000)
    planner.propose(state, 85_900)
    assert state.wanted_stage[0] == 2


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda j: replace(j, plans=()), "junction square has no fixed plan"),
        (
            lambda j: replace(j, plans=(replace(j.plans[0], cycle_ms=90_000),)),
            "junction square, plan day: steps add up to 100000 ms, the cycle is 90000 ms",
        ),
        (
            lambda j: replace(j, stages=j.stages[:3]),
            "junction square, plan day: no stage s3; known are s0, s1, s2",
        ),
    ],
)
def test_a_bad_plan_is_refused_in_one_line(broken, words) -> None:  # type: ignore[no-untyped-def]
    network = toy_street.network(broken(toy_street.junction()))
    with pytest.raises(ValueError) as error:
        FixedTime(network)
    assert str(error.value) == words
