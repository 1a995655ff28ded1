"""The sequencer: whatever a planner wants, people get lawful lamps, and soon the stage it wants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.junction import Junction
from controller.network import build_network
from controller.sequencer import Sequencer
from controller.state import NEVER_MS, State, new_state
from controller.vocabulary import GroupKind, Lamp
from tests import toy_street
from tests.lamp_law import LampLaw
from tests.naive_sequencer import NaiveSequencer
from tests.random_junctions import junctions
from tests.toy_street import EW, NS, NS_LEFT, WALK_EW, WALK_NS

RESOLUTIONS_MS = (100, 1000)


class Crossroads:
    """One junction under the sequencer alone; every lamp time is checked against the law."""

    def __init__(self, junction: Junction, resolution_ms: int = 100, now_ms: int = 0) -> None:
        self.junction = junction
        self.network = toy_street.network(junction, lamp_resolution_ms=resolution_ms)
        self.state: State = new_state(self.network, now_ms)
        self.sequencer = Sequencer(self.network)
        self.law = LampLaw(junction, resolution_ms, now_ms)
        self.now_ms = now_ms
        self.step_ms = resolution_ms

    def step(self) -> list[int]:
        self.sequencer.advance(self.state, self.now_ms)
        lamps = self.state.lamp.tolist()
        self.law.look(self.now_ms, lamps)
        self.now_ms += self.step_ms
        return lamps

    def want(self, stage: int, planned_end_ms: int = NEVER_MS) -> None:
        self.state.wanted_stage[0] = stage
        self.state.planned_end_ms[0] = planned_end_ms

    def press(self, group: int) -> None:
        if self.state.lamp[group] != Lamp.GREEN and self.state.call_since_ms[group] == NEVER_MS:
            self.state.call_since_ms[group] = self.now_ms

    def run(self, seconds: float) -> dict[int, tuple[int, int]]:
        """(first start, first end of green) by group in these seconds, ms; -1 = none."""
        seen: dict[int, tuple[int, int]] = {}
        before = self.state.lamp.tolist()
        until_ms = self.now_ms + round(1000 * seconds)
        while self.now_ms < until_ms:
            at_ms, lamps = self.now_ms, self.step()
            for g, (old, new) in enumerate(zip(before, lamps, strict=True)):
                start, end = seen.get(g, (-1, -1))
                if new == Lamp.GREEN != old and start < 0:
                    seen[g] = (at_ms, end)
                if old == Lamp.GREEN != new and end < 0:
                    seen[g] = (start, at_ms)
            before = lamps
        return seen

    def patience_ms(self) -> int:
        """No transition takes longer: one minimum green or WALK, one intergreen or red revert, a yellow."""
        groups = self.junction.groups
        clearing_ms = max(g.yellow_ms + g.clearance_ms for g in groups)
        between_ms = max([i.duration_ms for i in self.junction.intergreens] or [0])
        longest_ms = max(g.min_green_ms for g in groups) + max(between_ms, clearing_ms + 2_000)
        return longest_ms + clearing_ms + 4 * self.step_ms


@dataclass(frozen=True)
class Wish:
    """A planner's whim: this stage for so many lamp times, who presses, and when it means to leave."""

    stage: int
    steps: int
    presses: int
    recall: int
    leaves_after_ms: int | None


whims = st.lists(
    st.builds(
        Wish, st.integers(0, 7), st.integers(1, 250), st.integers(0, 255), st.integers(0, 255),
        st.none() | st.integers(0, 60_000),
    ),
    min_size=1, max_size=8,
)  # fmt: skip


def drive(crossroads: Crossroads, wishes: list[Wish]) -> Iterator[tuple[Wish, int]]:
    """Carries the wishes out; yields before every step the wish and its planned end."""
    n = len(crossroads.junction.groups)
    for wish in wishes:
        end_ms = NEVER_MS if wish.leaves_after_ms is None else crossroads.now_ms + wish.leaves_after_ms
        crossroads.want(wish.stage % len(crossroads.junction.stages), end_ms)
        walks = [g.kind == GroupKind.PEDESTRIAN for g in crossroads.junction.groups]
        for g in range(n):
            if wish.presses >> g & 1:
                crossroads.press(g)
            crossroads.state.recall[g] = bool(wish.recall >> g & 1) and walks[g]
        for _ in range(wish.steps):
            yield wish, end_ms


@settings(max_examples=60, deadline=None)
@given(junctions(), whims, st.sampled_from(RESOLUTIONS_MS), st.integers(0, 999))
def test_every_step_is_lawful_and_the_one_a_slow_reading_of_the_rules_gives(
    junction: Junction, wishes: list[Wish], resolution_ms: int, begin_ms: int
) -> None:
    crossroads = Crossroads(junction, resolution_ms, begin_ms * resolution_ms)
    naive = NaiveSequencer(junction, resolution_ms, crossroads.now_ms)
    names = [g.name for g in junction.groups]
    state = crossroads.state
    for wish, end_ms in drive(crossroads, wishes):
        naive.called = {n for n, c in zip(names, state.call_since_ms, strict=True) if c != NEVER_MS}
        naive.recalled = {n for n, r in zip(names, state.recall, strict=True) if r}
        now_ms = crossroads.now_ms
        lamps = crossroads.step()
        expected = naive.step(now_ms, junction.stages[wish.stage % len(junction.stages)].name, end_ms)
        assert lamps == [expected[name] for name in names], now_ms
        assert naive.called == {n for n, c in zip(names, state.call_since_ms, strict=True) if c != NEVER_MS}
        assert naive.moving == state.in_transition[0]
        assert {n for k, n in enumerate(names) if int(state.target_bits[0]) >> k & 1} == naive.goal


@settings(max_examples=60, deadline=None)
@given(junctions(), whims, st.sampled_from(RESOLUTIONS_MS), st.integers(0, 7), st.integers(0, 255))
def test_a_wanted_stage_is_reached_in_bounded_time_from_every_state(
    junction: Junction, wishes: list[Wish], resolution_ms: int, last: int, presses: int
) -> None:
    crossroads = Crossroads(junction, resolution_ms)
    for _ in drive(crossroads, wishes):
        crossroads.step()
    last %= len(junction.stages)
    for g in range(len(junction.groups)):
        if presses >> g & 1:
            crossroads.press(g)
    called = crossroads.state.call_since_ms != NEVER_MS
    crossroads.want(last)
    # Whatever is under way ends first; then the wanted one.
    crossroads.run(2 * crossroads.patience_ms() / 1000)
    state = crossroads.state
    assert not state.in_transition[0]
    assert state.target_stage[0] == last
    for k, group in enumerate(junction.groups):
        served = group.name in junction.stages[last].groups
        if group.kind != GroupKind.PEDESTRIAN:
            assert (state.lamp[k] == Lamp.GREEN) == served, group.name
        elif not served:
            assert state.lamp[k] in (Lamp.RED, Lamp.CLEARANCE), group.name
        elif called[k]:
            assert state.call_since_ms[k] == NEVER_MS, f"{group.name} called and got no WALK"


@settings(max_examples=60, deadline=None)
@given(junctions(), whims, st.sampled_from(RESOLUTIONS_MS))
def test_a_transition_once_begun_ends(junction: Junction, wishes: list[Wish], resolution_ms: int) -> None:
    crossroads = Crossroads(junction, resolution_ms)
    state = crossroads.state
    begun_ms, goal = -1, -1
    for _ in drive(crossroads, wishes):
        crossroads.step()
        now_ms = crossroads.now_ms - crossroads.step_ms
        if not state.in_transition[0]:
            begun_ms = -1
            continue
        if begun_ms < 0:
            begun_ms, goal = now_ms, int(state.target_stage[0])
        assert state.target_stage[0] == goal, "another began before this one had ended"
        assert now_ms - begun_ms <= crossroads.patience_ms()


@settings(max_examples=60, deadline=None)
@given(junctions(yields=False), st.integers(0, 7), st.integers(0, 7), st.sampled_from(RESOLUTIONS_MS))
def test_nobody_waits_longer_than_the_rules_demand_and_nobody_loses_green_for_nothing(
    junction: Junction, first: int, second: int, resolution_ms: int
) -> None:
    """From a stage that has stood long enough: every start at its earliest, every end at its latest."""
    crossroads = Crossroads(junction, resolution_ms)
    first, second = first % len(junction.stages), second % len(junction.stages)
    calls = range(len(junction.groups))
    for g in calls:
        crossroads.press(g)
    crossroads.want(first)
    crossroads.run(90)
    before = crossroads.state.lamp.copy()
    crossroads.want(second)
    for g in calls:
        crossroads.press(g)
    decided_ms = crossroads.now_ms
    seen = crossroads.run(60)
    table = crossroads.law.between_ms
    goes = [g.name in junction.stages[second].groups for g in junction.groups]
    leaving = [g for g in calls if before[g] == Lamp.GREEN and not goes[g]]
    starting = [g for g in calls if before[g] != Lamp.GREEN and goes[g]]
    start_ms = {
        b: decided_ms + max([0] + [table[a, b] for a in leaving if (a, b) in table]) for b in starting
    }
    for b in starting:
        assert seen[b][0] == start_ms[b], junction.groups[b].name
    for a in leaving:
        latest_ms = min([start_ms[b] - table[a, b] for b in starting if (a, b) in table] or [decided_ms])
        walks = junction.groups[a].kind == GroupKind.PEDESTRIAN
        assert seen[a][1] == (decided_ms if walks else latest_ms), junction.groups[a].name


@settings(max_examples=60, deadline=None)
@given(junctions(), whims, st.sampled_from(RESOLUTIONS_MS))
def test_a_late_walk_starts_only_when_it_is_over_before_the_stage(
    junction: Junction, wishes: list[Wish], resolution_ms: int
) -> None:
    crossroads = Crossroads(junction, resolution_ms)
    state = crossroads.state
    walks = [g.kind == GroupKind.PEDESTRIAN for g in junction.groups]
    for wish, end_ms in drive(crossroads, wishes):
        before = state.lamp.copy()
        resting = not state.in_transition[0] and wish.stage % len(junction.stages) == state.target_stage[0]
        now_ms = crossroads.now_ms
        crossroads.step()
        for g in np.flatnonzero((state.lamp == Lamp.GREEN) & (before != Lamp.GREEN)):
            assert walks[g] or not resting, "inside a stage only crossings start"
            if resting:
                needs_ms = crossroads.law.up(junction.groups[g].min_green_ms)
                needs_ms += crossroads.law.up(junction.groups[g].clearance_ms)
                assert now_ms + needs_ms <= end_ms


@settings(max_examples=20, deadline=None)
@given(junctions(), whims, st.sampled_from(RESOLUTIONS_MS))
def test_the_same_inputs_give_the_same_bytes(
    junction: Junction, wishes: list[Wish], resolution_ms: int
) -> None:
    twins = Crossroads(junction, resolution_ms), Crossroads(junction, resolution_ms)
    for crossroads in twins:
        for _ in drive(crossroads, wishes):
            crossroads.step()
    assert twins[0].state.digest() == twins[1].state.digest()


# --- the same in stories -----------------------------------------------------------------


def at_rest() -> Crossroads:
    """The toy street's junction, north-south already green for a while, nobody on foot."""
    crossroads = Crossroads(toy_street.junction())
    crossroads.want(0)
    crossroads.run(30)
    return crossroads


@pytest.fixture
def square() -> Crossroads:
    return at_rest()


def test_the_morning_begins_all_red_and_the_first_green_comes_by_itself() -> None:
    crossroads = Crossroads(toy_street.junction())
    assert crossroads.step() == [Lamp.RED] * 6
    seen = crossroads.run(30)
    assert set(seen) == {NS}, "nobody pressed, so nobody walks"
    assert seen[NS][0] == 12_000 + 3_000, "as if somebody had begun to cross just before we came"


def test_drivers_stop_on_yellow_and_the_others_go_after_the_all_red(square: Crossroads) -> None:
    decided_ms = square.now_ms
    square.want(2)
    seen = square.run(20)
    assert seen[NS][1] == decided_ms
    assert seen[EW][0] == decided_ms + 3_000 + 1_000


def test_a_planner_that_changes_its_mind_every_tenth_of_a_second_harms_nobody(square: Crossroads) -> None:
    greens = square.law.starts
    for k in range(3_000):
        square.want(k % 4)
        square.step()
    assert square.law.starts > greens + 20, "five minutes of dithering still serve people"


def test_somebody_who_presses_in_time_walks_beside_the_traffic_and_delays_nobody(square: Crossroads) -> None:
    leaves_ms = square.now_ms + 25_000
    square.want(0, leaves_ms)
    square.press(WALK_NS)
    pressed_ms = square.now_ms
    seen = square.run(25)
    assert seen[WALK_NS][0] == pressed_ms
    assert seen[WALK_NS][1] == leaves_ms - 12_000, "steady don't walk just when drivers are to leave"
    square.want(2)
    assert square.run(20)[EW][0] == leaves_ms + 4_000, "nobody on the other road waited for it"


def test_somebody_who_presses_too_late_waits_for_the_next_round(square: Crossroads) -> None:
    leaves_ms = square.now_ms + 18_900
    square.want(0, leaves_ms)
    square.press(WALK_NS)
    assert WALK_NS not in square.run(18.9), "7 s of WALK and 12 s of clearance no longer fit"
    assert square.state.call_since_ms[WALK_NS] < NEVER_MS, "the call is kept"


def test_a_walk_begun_is_never_cut_however_much_the_planner_hurries(square: Crossroads) -> None:
    square.press(WALK_EW)
    square.want(2)
    square.run(5)
    assert square.state.lamp[WALK_EW] == Lamp.GREEN
    started_ms = int(square.state.lamp_since_ms[WALK_EW])
    square.want(0)
    seen = square.run(40)
    assert seen[WALK_EW][1] == started_ms + 7_000
    assert seen[NS][0] == started_ms + 7_000 + 12_000 + 3_000
    assert seen[EW][1] == seen[NS][0] - 4_000, "drivers beside them keep their green meanwhile"


def test_a_call_is_forgotten_only_when_it_is_served(square: Crossroads) -> None:
    square.press(NS_LEFT)
    square.want(2)
    square.run(10)
    assert square.state.call_since_ms[NS_LEFT] < NEVER_MS
    square.want(1)
    square.run(15)
    assert square.state.lamp[NS_LEFT] == Lamp.GREEN
    assert square.state.call_since_ms[NS_LEFT] == NEVER_MS


def test_drivers_keep_their_green_as_long_as_others_who_leave_with_them_must() -> None:
    """Those who wait for both could start no sooner if theirs ended at once."""
    stages = (("ns", "walk.ns"), ("ns", "ns.left"), ("ew", "walk.ew"), ("ew.left",))
    beside = toy_street.COMPATIBLE | {("ns", "ns.left")}
    crossroads = Crossroads(toy_street.junction(stages=stages, compatible=beside))
    crossroads.run(60)
    crossroads.want(1)
    began_ms = crossroads.now_ms
    crossroads.step()
    assert crossroads.state.lamp[NS_LEFT] == Lamp.GREEN
    crossroads.want(2)
    seen = crossroads.run(20)
    assert seen[NS][1] == seen[NS_LEFT][1] == began_ms + 5_000


def test_a_walk_that_just_fits_before_the_planned_end_comes(square: Crossroads) -> None:
    square.run(40)
    square.press(WALK_NS)
    square.want(0, square.now_ms + 7_000 + 12_000)
    assert WALK_NS in square.run(0.1)


def test_lamps_that_change_once_a_second_change_only_at_full_seconds() -> None:
    crossroads = Crossroads(toy_street.junction(), 1000)
    for now_ms in range(0, 60_000, 100):
        before = crossroads.state.lamp.copy()
        crossroads.want(now_ms // 7_300 % 4)
        crossroads.sequencer.advance(crossroads.state, now_ms)
        assert now_ms % 1000 == 0 or (crossroads.state.lamp == before).all()


def test_junctions_do_not_disturb_each_other() -> None:
    """Two junctions in one network show what each shows alone."""
    a, b = toy_street.junction("a"), toy_street.junction("b", steps=((0, 50_000), (1, 50_000)))
    both = toy_street.network(a, b, lamp_resolution_ms=100)
    state, sequencer = new_state(both, 0), Sequencer(both)
    alone = [Crossroads(a), Crossroads(b)]
    for now_ms in range(0, 120_000, 100):
        wants = (now_ms // 9_100 % 4, now_ms // 13_700 % 4)
        for j in (0, 1):
            state.wanted_stage[j] = both.stage_start[j] + wants[j]
            alone[j].want(wants[j])
        sequencer.advance(state, now_ms)
        assert state.lamp.tolist() == alone[0].step() + alone[1].step()


def test_a_network_is_built_at_the_streets_own_resolution() -> None:
    street = toy_street.network().street
    assert build_network(street, 1000).lamp_resolution_ms == 1000
