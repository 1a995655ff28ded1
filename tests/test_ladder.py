"""The ladder: the table step by step, never over a rung upward, never twice in two cycles."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller import ladder_kernels as kernels
from controller.junction import StreetLink
from controller.ladder import DWELL_CYCLES, DWELL_MS, REASON_WORDS, RUNG_WORDS, TABLE, Ladder, Reason, Rung
from controller.network import Network
from controller.state import State, new_state
from controller.vocabulary import Lamp
from tests import toy_street
from tests.toy_street import EW, NS

ARRAY = np.array(TABLE, np.int8)
FOREVER_MS = 1 << 50


def expected(rung: int, demand: int, boundary: bool, settled: bool, two_cycles: bool) -> int:
    """The rule in words: down at a boundary, flash at once; up one rung when everything is over."""
    if demand == rung:
        return rung
    if demand > rung:
        return demand if boundary or demand == Rung.FLASH else rung
    return rung - 1 if boundary and settled and two_cycles else rung


def test_every_cell_of_the_table_says_what_the_rule_says() -> None:
    flags = (False, True)
    for rung, demand, boundary, settled, two in product(Rung, Rung, flags, flags, flags):
        after = kernels.next_rung(rung, demand, boundary, settled, two, ARRAY)
        assert after == expected(rung, demand, boundary, settled, two), (rung, demand, boundary, settled, two)
        uncompiled = getattr(kernels.next_rung, "py_func", kernels.next_rung)
        assert uncompiled(rung, demand, boundary, settled, two, ARRAY) == after


def test_words_and_numbers_of_kernels_and_enums_are_the_same() -> None:
    assert len(RUNG_WORDS) == len(Rung) == len(DWELL_MS) == len(DWELL_CYCLES) == len(TABLE) == kernels.RUNGS
    assert len(REASON_WORDS) == len(Reason)
    for reason in Reason:
        assert getattr(kernels, reason.name) == reason
    assert (kernels.ACTUATED, kernels.COORDINATED, kernels.FREE, kernels.FLASH) == (2, 3, 4, 5)


class Walk:
    """A ladder whose reasons are set by hand; greens change every `green_s` so that cycles pass."""

    def __init__(self, network: Network | None = None, green_s: int = 30) -> None:
        self.network = network or toy_street.network(toy_street.junction())
        self.ladder = Ladder(self.network, 0)
        self.state: State = new_state(self.network, 0)
        self.reasons = self.ladder.reasons
        self.reasons.failed[:, 0] = 10
        self.reasons.blind[:, 0] = 4
        self.green_s = green_s
        self.second = 0
        self.rungs: list[int] = []

    def run(self, seconds: int) -> Walk:
        for _ in range(seconds):
            self.second += 1
            phase = self.second // self.green_s % 2 if self.green_s else 0
            self.state.lamp[[NS, EW]] = (Lamp.GREEN, Lamp.RED) if phase == 0 else (Lamp.RED, Lamp.GREEN)
            self.ladder.step(self.state, 1000 * self.second)
            self.rungs.append(int(self.ladder.rung(0)))
        return self

    @property
    def rung(self) -> Rung:
        return self.ladder.rung(0)

    def until(self, rung: Rung, within_s: int = 3000) -> int:
        begun = self.second
        while self.rung != rung:
            self.run(1)
            assert self.second - begun <= within_s
        return self.second - begun


@pytest.mark.parametrize(
    ("lost", "doubted", "blind", "rung", "reason"),
    [
        (0, 0, 0, Rung.ADAPTIVE, None),
        (1, 0, 0, Rung.ADAPTIVE, None),
        (0, 1, 1, Rung.ADAPTIVE, None),
        (2, 0, 0, Rung.SUBSTITUTED, Reason.DETECTORS_DOUBTED),
        (1, 1, 0, Rung.SUBSTITUTED, Reason.DETECTORS_DOUBTED),
        (3, 7, 2, Rung.SUBSTITUTED, Reason.DETECTORS_DOUBTED),
        (4, 0, 2, Rung.ACTUATED, Reason.DETECTORS_LOST),
        (4, 0, 3, Rung.COORDINATED, Reason.STOP_LINES_BLIND),
        (10, 0, 4, Rung.COORDINATED, Reason.STOP_LINES_BLIND),
    ],
)
def test_lost_detectors_lead_to_their_rung_at_once(
    lost: int, doubted: int, blind: int, rung: Rung, reason: Reason | None
) -> None:
    walk = Walk().run(10)
    walk.reasons.failed[0, 1:] = lost, doubted
    walk.reasons.blind[0, 1] = blind
    walk.run(1)
    assert walk.rung is rung
    assert [step.reason for step in walk.ladder.log()] == ([] if reason is None else [reason])


def test_down_waits_for_the_end_of_a_change_of_lamps_but_flash_does_not() -> None:
    walk = Walk().run(10)
    walk.state.in_transition[0] = True
    walk.reasons.blind[0, 1] = 4
    walk.run(20)
    assert walk.rung is Rung.ADAPTIVE
    walk.reasons.flash[0] = True
    walk.run(1)
    assert walk.rung is Rung.FLASH
    walk.state.in_transition[0] = False
    walk.reasons.flash[0] = False
    walk.run(1)
    assert walk.rung is Rung.FREE, "out of flash one rung at a time, whatever else is wrong"


def test_all_the_way_back_takes_the_stated_times() -> None:
    walk = Walk(green_s=30).run(10)
    walk.reasons.clock_bad[0] = True
    walk.run(1)
    assert walk.rung is Rung.FREE
    walk.reasons.clock_bad[0] = False
    assert walk.until(Rung.COORDINATED) in range(599, 602)
    assert walk.until(Rung.ACTUATED) in range(600, 602)
    cycle_s = 60
    assert walk.until(Rung.SUBSTITUTED) in range(3 * cycle_s - cycle_s, 3 * cycle_s + cycle_s)
    assert walk.until(Rung.ADAPTIVE) in range(300, 302)
    ladder = walk.ladder
    assert ladder.rungs.entries[0].tolist() == [1, 1, 1, 1, 1, 0]
    assert ladder.rungs.exits[0].tolist() == [1, 1, 1, 1, 1, 0]
    assert [int(step.after) for step in ladder.log()] == [4, 3, 2, 1, 0]
    assert ladder.log()[0].reason is Reason.CLOCK_BAD
    assert all(step.reason is Reason.CLEAN for step in ladder.log()[1:])
    assert (
        "down to rung 4 (fixed plan without a clock): the clock cannot be trusted" in ladder.log()[0].sentence
    )
    assert ladder.log(3)[0].to_json() == {
        "time_ms": ladder.log()[3].time_ms, "junction": "square", "from": 2, "to": 1, "reason": "clean",
        "sentence": ladder.log()[3].sentence,
    }  # fmt: skip


def test_a_fault_that_comes_back_starts_the_dwell_anew() -> None:
    walk = Walk().run(10)
    walk.reasons.blind[0, 1] = 4
    walk.run(1)
    walk.reasons.blind[0, 1] = 0
    walk.run(500)
    walk.reasons.blind[0, 1] = 4
    walk.run(1)
    walk.reasons.blind[0, 1] = 0
    walk.run(500)
    assert walk.rung is Rung.COORDINATED
    walk.until(Rung.ACTUATED, 110)


def test_a_junction_that_rests_in_green_still_comes_back() -> None:
    """Nobody calls, no lamp changes: a cycle counts after 150 s."""
    walk = Walk(green_s=0).run(10)
    walk.reasons.failed[0, 1] = 4
    walk.run(1)
    walk.reasons.failed[0, 1] = 0
    assert walk.until(Rung.SUBSTITUTED) in range(300, 452)


def test_an_alarm_of_the_monitor_leads_to_the_fixed_plan_even_if_heard_between_two_looks() -> None:
    walk = Walk().run(10)
    walk.reasons.alarm_ms[0] = 1000 * walk.second + 300
    walk.state.in_transition[0] = True
    walk.run(4)
    walk.state.in_transition[0] = False
    walk.run(1)
    assert (walk.rung, walk.ladder.log()[0].reason) == (Rung.COORDINATED, Reason.ALARM)
    assert walk.until(Rung.ACTUATED) in range(600, 615)


def test_who_loses_his_planner_is_run_by_its_own_detectors() -> None:
    walk = Walk().run(10)
    walk.reasons.planner_lost[0] = True
    walk.run(1)
    assert (walk.rung, walk.ladder.log()[0].reason) == (Rung.ACTUATED, Reason.PLANNER_LOST)


def test_an_ordered_rung_holds_as_long_as_the_order_and_never_lifts() -> None:
    walk = Walk().run(10)
    walk.ladder.order(0, Rung.COORDINATED, 1000 * (walk.second + 100))
    walk.run(1)
    assert (walk.rung, walk.ladder.log()[0].reason) == (Rung.COORDINATED, Reason.ORDERED)
    walk.reasons.clock_bad[0] = True
    walk.run(1)
    assert walk.rung is Rung.FREE
    walk.reasons.clock_bad[0] = False
    with pytest.raises(ValueError, match="rung 5 cannot be ordered"):
        walk.ladder.order(0, Rung.FLASH, FOREVER_MS)
    walk.run(50)
    walk.ladder.order(0, Rung.SUBSTITUTED, FOREVER_MS)
    walk.run(3000)
    assert walk.rung is Rung.SUBSTITUTED


def test_a_silent_neighbour_costs_one_rung() -> None:
    link = StreetLink("west.ns.out", "east", "ew_0", 300.0, 1.0)
    network = toy_street.network(toy_street.junction("west"), toy_street.junction("east"), links=(link,))
    walk = Walk(network).run(10)
    walk.reasons.blind[0, 1] = 4
    walk.run(1)
    assert walk.ladder.rung(0) is Rung.COORDINATED
    assert walk.ladder.rung(1) is Rung.SUBSTITUTED
    assert walk.ladder.log()[-1].reason is Reason.NEIGHBOUR_SILENT
    walk.reasons.blind[1, 1] = 4
    walk.reasons.blind[0, 1] = 0
    walk.run(700)
    assert walk.ladder.rung(1) is Rung.COORDINATED
    assert walk.ladder.rung(0) < Rung.COORDINATED, "who sends nothing here is no neighbour"


def test_a_look_happens_once_a_second_and_after_a_clock_that_went_back() -> None:
    walk = Walk().run(10)
    walk.reasons.blind[0, 1] = 4
    assert walk.ladder.step(walk.state, 1000 * walk.second + 999) == 0
    assert walk.ladder.step(walk.state, 500) == 1


def test_only_the_last_steps_are_remembered() -> None:
    walk = Walk()
    for n in range(kernels.EVENTS + 20):
        kernels.take_step(0, n, n % 2 + 1, int(Reason.CLEAN), walk.ladder.rungs)
    assert walk.ladder.steps_taken == kernels.EVENTS + 20
    log = walk.ladder.log()
    assert [step.time_ms for step in log] == list(range(20, kernels.EVENTS + 20))
    assert walk.ladder.event(kernels.EVENTS + 19)[0] == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10), st.integers(0, 4), st.booleans(), st.booleans(), st.booleans(),
            st.integers(1, 400),
        ),
        min_size=3, max_size=25,
    ),
    st.sampled_from([0, 7, 20, 45]),
)  # fmt: skip
def test_no_fate_skips_a_rung_upward_or_rises_twice_in_two_cycles(
    fates: list[tuple[int, int, bool, bool, bool, int]], green_s: int
) -> None:
    walk = Walk(green_s=green_s)
    rungs = walk.ladder.rungs
    before, rose_in_cycle = 0, -2
    for lost, blind, flash, clock_bad, busy, seconds in fates:
        walk.reasons.failed[0, 1] = lost
        walk.reasons.blind[0, 1] = blind
        walk.reasons.flash[0] = flash
        walk.reasons.clock_bad[0] = clock_bad
        walk.state.in_transition[0] = busy
        for _ in range(seconds):
            walk.run(1)
            after = int(walk.rung)
            if after < before:
                assert before - after == 1
                assert int(rungs.cycle[0]) - rose_in_cycle >= 2
                assert not busy
                rose_in_cycle = int(rungs.cycle[0])
            if after > before:
                assert after == rungs.demand[0]
                assert not busy or after == Rung.FLASH
            before = after
    entered, left = rungs.entries[0].sum(), rungs.exits[0].sum()
    assert entered == left == walk.ladder.steps_taken


def test_who_does_worse_than_his_plan_runs_it_until_the_time_is_up() -> None:
    """Whether it does is found in shadow (`test_shadow.py`); here only what follows."""
    walk = Walk().run(100)
    walk.reasons.plan_until_ms[0] = 1000 * (walk.second + 300)
    assert walk.run(35).rung == Rung.COORDINATED
    assert walk.ladder.log()[-1].reason == Reason.WORSE_THAN_PLAN
    assert walk.run(260).rung == Rung.COORDINATED
    walk.until(Rung.ADAPTIVE)


def test_another_version_of_the_street_stands_where_the_one_before_stood() -> None:
    walk = Walk().run(100)
    walk.reasons.planner_lost[0] = True
    walk.until(Rung.ACTUATED)
    heir = Walk()
    heir.ladder.carry_on(walk.ladder)
    assert heir.rung == Rung.ACTUATED
    heir.second, heir.state = walk.second, walk.state
    walk.reasons.planner_lost[0] = heir.reasons.planner_lost[0] = False
    assert heir.until(Rung.ADAPTIVE) == walk.until(Rung.ADAPTIVE), "with the same dwell behind it"
