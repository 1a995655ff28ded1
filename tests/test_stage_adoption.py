"""Other stages come onto a running street junction by junction: one stands, the others go on as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.adoption import Phase
from controller.card_adoption import CardAdoption
from controller.frame import fit_preempts
from controller.junction import FixedPlan, Junction, PlanStep, Stage
from controller.monitor.lamps import FLASHING
from controller.orders import Done, Kind
from controller.permissive import card_of
from controller.stage_table import StageTable
from controller.tick import Controller
from controller.vocabulary import GroupKind, Lamp, StageSource
from tests import toy_street
from tests.lamp_law import LampLaw
from tests.order_street import Street

TOGETHER = {*toy_street.COMPATIBLE, ("ns.left", "ew.left"), ("ns", "ns.left"), ("ew", "ew.left")}
"""Who may be green together at these junctions, so that other stages are possible."""
WAYS = {
    "one more": ("ns walk.ns", "ns.left", "ew walk.ew", "ew.left", "ns ns.left"),
    "one less": ("ns walk.ns", "ns.left ew.left", "ew walk.ew"),
    "turned round": ("ew.left", "ew walk.ew", "ns.left", "ns walk.ns"),
    "two roads": ("ns ns.left", "walk.ns", "ew ew.left", "walk.ew"),
}


def other(junction: Junction, way: str) -> Junction:
    """The same junction with other stages, and a plan that shows each of them in turn."""
    stages = tuple(
        Stage(f"s{k}", tuple(groups.split()), StageSource.GIVEN) for k, groups in enumerate(WAYS[way])
    )
    steps = tuple(PlanStep(stage.name, 26_000) for stage in stages)
    return replace(junction, stages=stages, plans=(FixedPlan("day", 26_000 * len(steps), 0, steps),))


def law(junction: Junction, now_ms: int) -> LampLaw:
    """What lamps may do there; drivers' least green is left to the monitor, since all red waives it."""
    groups = tuple(
        g if g.kind == GroupKind.PEDESTRIAN else replace(g, min_green_ms=0) for g in junction.groups
    )
    return LampLaw(replace(junction, groups=groups), 100, now_ms)


class Town(Street):
    """Some junctions get other stages; every one is watched by the production monitor, and by its lamps."""

    adoption: CardAdoption | None = None

    def __init__(self, junctions: int = 3, controller: str = "fixed") -> None:
        super().__init__(
            *(
                toy_street.junction(f"J{k}", compatible=TOGETHER, offset_ms=7_000 * k)
                for k in range(junctions)
            ),
            controller="adaptive" if controller == "searching" else controller,
        )
        self.searches = controller == "searching"
        """The adaptive planner decides although nobody is detected: nothing steps down a ladder."""
        if self.searches:
            self.controller.degradation = None
        self.flashed = [0] * junctions
        self.laws = [law(j, 0) for j in self.network.street.junctions]

    def take(self, ways: dict[int, str]) -> CardAdoption:
        junctions = list(self.controller.network.street.junctions)
        for j, way in ways.items():
            junctions[j] = other(junctions[j], way)
        network = toy_street.network(*junctions, lamp_resolution_ms=100)
        new = Controller(network, self.controller.name, self.controller.policy, self.now_ms)
        if self.searches:
            new.degradation = None
        card = card_of(network.street, network.lamp_resolution_ms)
        self.adoption = CardAdoption(self.controller, new, np.array(sorted(ways)), self.now_ms, card, 2)
        return self.adoption

    def decide(self) -> np.ndarray:
        if self.adoption is None or self.adoption.phase is Phase.BACK:
            return super().decide()
        return self.adoption.tick(self.frame, self.now_ms, self.orders)

    def tick(self) -> list[int]:
        lamps = super().tick()
        for j, watched in enumerate(self.laws):
            here = self.of(j)
            if FLASHING[here].any():
                self.flashed[j] += 1
                self.laws[j] = law(self.network.street.junctions[j], self.now_ms)
            else:
                watched.look(self.now_ms, here.tolist())
        return lamps

    def of(self, j: int) -> np.ndarray:
        """Lamps of one junction."""
        return np.array(self.lamps)[self.network.group_junction == j]

    def run_until(self, true: Callable[[], object], within_s: float = 600) -> None:
        for _ in range(round(10 * within_s)):
            if true():
                return
            self.tick()
        raise AssertionError(f"not within {within_s} s: {self.adoption and self.adoption.why}")

    def settle(self) -> None:
        """The version is final."""
        assert self.adoption is not None
        self.orders = self.adoption.orders_after(self.orders)
        self.adoption.finish()
        self.adoption = None
        self.state = self.controller.state

    def greens(self, j: int, seconds: float) -> set[frozenset[str]]:
        """Which groups of a junction are green together, over some time."""
        names = [group.name for group in self.network.street.junctions[j].groups]
        seen = set()
        for _ in range(round(seconds)):
            self.run(1)
            seen.add(frozenset(names[g] for g in np.flatnonzero(self.of(j) == Lamp.GREEN)))
        return seen


def calls_everywhere(street: Town) -> None:
    """People press everywhere, again and again."""
    for g in np.flatnonzero(street.network.group_kind == 1).tolist():
        street.orders.call(g, 1 << 40)


def test_one_junction_takes_other_stages_while_the_others_never_notice() -> None:
    street = Town()
    calls_everywhere(street)
    street.run(60)
    adoption = street.take({1: "one less"})
    stages: list[list[int]] = [[], [], []]
    while adoption.phase is not Phase.DONE:
        street.tick()
        assert street.now_ms < 900_000
        for j, seen in enumerate(stages):
            seen.append(int(street.state.target_stage[j]))
    assert street.flashed[0] == street.flashed[2] == 0
    assert 60 <= street.flashed[1] <= 70, "six seconds, as after a power-up"
    (shown,) = adoption.other_stages()
    assert shown[0] == 1
    assert shown[1] in ("s0", "s1", "s2")
    for seen in (stages[0], stages[2]):
        assert -1 not in seen
        assert len(set(seen)) >= 3, "the others play their stages meanwhile"
    street.settle()
    assert street.controller.network.n_stages == 11
    assert frozenset({"ns.left", "ew.left"}) in street.greens(1, 100)
    assert street.greens(2, 100) >= {frozenset({"ns", "walk.ns"}), frozenset({"ew", "walk.ew"})}
    assert set(street.state.target_stage.tolist()) <= {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
    assert street.faults == []


def test_it_comes_back_from_the_middle_and_may_come_again() -> None:
    street = Town(4)
    street.run(60)
    adoption = street.take({0: "turned round", 1: "one more", 2: "two roads"})
    street.run_until(lambda: adoption.adopted.sum() == 2)
    assert max(street.flashed) > 0
    adoption.go_back("somebody changed their mind")
    street.run_until(lambda: adoption.phase is Phase.BACK)
    street.run(5)
    assert street.controller.network.n_stages == 16
    assert street.greens(0, 110) >= {frozenset({"ns"}), frozenset({"ns.left"}), frozenset({"ew"})}
    adoption = street.take({0: "turned round", 1: "one more", 2: "two roads"})
    street.run_until(lambda: adoption.phase is Phase.DONE)
    street.settle()
    assert frozenset({"ns", "ns.left"}) in street.greens(2, 120)
    assert street.flashed[3] == 0
    assert street.faults == []


@pytest.mark.parametrize("name", ["searching", "max-pressure"])
def test_every_controller_goes_on_where_stages_move_in_the_row(name: str) -> None:
    street = Town(3, name)
    calls_everywhere(street)
    street.run(40)
    adoption = street.take({0: "one more"})
    street.run_until(lambda: adoption.phase is Phase.DONE)
    assert street.flashed[1:] == [0, 0]
    street.settle()
    assert frozenset({"ns", "walk.ns"}) in street.greens(2, 120)
    assert street.faults == []


def test_a_version_that_breaks_is_left_at_once_and_its_junction_begins_with_the_old_stages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    street = Town()
    street.run(60)
    adoption = street.take({0: "two roads"})
    street.run_until(lambda: adoption.proven[0] and Lamp.GREEN in street.of(0))

    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(adoption.new, "decide", breaks)
    before = street.flashed[:]
    street.tick()
    assert adoption.phase is Phase.BACK
    street.run(15)
    assert street.flashed[0] > before[0] + 55
    assert street.flashed[1:] == [0, 0]
    street.comes_alive()
    assert street.greens(0, 110) >= {frozenset({"ns"}), frozenset({"ew"}), frozenset({"ew.left"})}
    assert street.faults == []


def test_an_order_is_waited_for_and_goes_on_elsewhere_under_its_stages_new_number() -> None:
    street = Town()
    street.run(60)
    street.orders.hold(0, 1, street.for_s(60), True)
    street.orders.hold(2, 10, street.for_s(300), True)
    adoption = street.take({0: "one more"})
    street.run(50)
    assert not adoption.adopted.any()
    assert adoption.waits_for(street.orders) == "J0: an order acts there"
    street.run_until(lambda: adoption.phase is Phase.DONE)
    assert street.state.target_stage[2] == 10, "held all the while"
    street.settle()
    assert (street.orders.book.kind[2], street.orders.book.stage[2]) == (Kind.HOLD, 11)
    street.run(20)
    assert street.state.target_stage[2] == 11
    assert street.faults == []


def test_an_order_for_a_stage_of_the_old_street_ends_with_its_reason_where_stages_changed() -> None:
    street = Town()
    street.run(60)
    adoption = street.take({0: "one less"})
    street.run_until(lambda: adoption.proven[0])
    for give in (
        lambda: street.orders.hold(0, 3, street.for_s(60)),
        lambda: street.orders.step(0, street.for_s(60)),
        lambda: street.orders.bias(0, 0, 5_000, street.for_s(60)),
    ):
        give()
        street.tick()
        assert street.orders.taken_back(0) is Done.GONE
        assert street.orders.book.kind[0] == Kind.NONE
    street.orders.all_red(0, street.for_s(40))
    street.run(30)
    assert set(street.of(0).tolist()) == {Lamp.RED}, "orders that name no stage act as ever"
    assert street.faults == []


def an_ambulance_comes(street: Town, lane: int, seconds: int) -> None:
    """It is told of once a second, 60 m before the stop line of this lane; then it has passed."""
    frame = street.frame
    for left in range(seconds, -1, -1):
        fit_preempts(frame, 1)
        frame.sequence, frame.time_ms, frame.n_preempts = frame.sequence + 1, street.now_ms, int(left > 0)
        frame.preempt_lane[0], frame.preempt_distance_m[0] = lane, 60.0
        frame.preempt_number[0], frame.preempt_vehicle[0], frame.preempt_age_s[0] = 3, 7, 0.0
        street.run(1)


def test_an_ambulance_is_let_through_by_whoever_leads_and_told_of_once() -> None:
    street = Town()
    street.run(60)
    adoption = street.take({0: "one less"})
    old, new = adoption.old.preemption, adoption.new.preemption
    an_ambulance_comes(street, 1, 40)
    assert street.of(0)[1] == Lamp.GREEN
    assert not adoption.adopted[0], "who lets an ambulance through is not brought to all red under it"
    assert (old.events_ever > 0, new.events_ever) == (True, 0)
    street.run_until(lambda: adoption.phase is Phase.DONE)
    told = old.events_ever
    an_ambulance_comes(street, 1, 40)
    assert street.of(0)[1] == street.of(0)[3] == Lamp.GREEN, "both left turns, as the new stages have them"
    assert (old.events_ever, new.events_ever > 0) == (told, True)
    an_ambulance_comes(street, 5, 40)
    assert street.of(1)[1] == Lamp.GREEN
    assert old.stage[1] == new.stage[1] + 1, "the same stage by two numbers"
    street.run(30)
    street.settle()
    assert not street.controller.preemption.phase.any()
    assert street.faults == []


def test_a_table_of_stages_finds_what_is_the_same_and_nothing_else() -> None:
    junctions = [toy_street.junction(f"J{k}", compatible=TOGETHER) for k in range(3)]
    old = toy_street.network(*junctions)
    new = toy_street.network(junctions[0], other(junctions[1], "one more"), junctions[2])
    table = StageTable(old, new)
    assert table.apart.tolist() == [False, True, False]
    assert table.to_new(np.array([-1, 0, 3, 4, 7, 8, 11])).tolist() == [-1, 0, 3, -1, -1, 9, 12]
    assert table.to_old(np.array([-1, 0, 3, 4, 8, 9, 12])).tolist() == [-1, 0, 3, -1, -1, 8, 11]
    with pytest.raises(ValueError, match="through flash"):
        StageTable(old, toy_street.network(*junctions[:2]))


DEEDS = ("hold", "step", "force off", "bias", "all red", "flash", "release", "play", "omit", "call")


def order(street: Town, what: str, j: int, k: int) -> None:
    """Order something at a junction, by the numbers of the version that is final."""
    orders, until_ms = street.orders, street.for_s(5 + 9 * (k % 4))
    network = orders.network
    stage = int(network.stage_start[j]) + k % int(network.stage_start[j + 1] - network.stage_start[j])
    group = int(network.group_start[j]) + k % 6
    {
        "hold": lambda: orders.hold(j, stage, until_ms, bool(k % 2)),
        "step": lambda: orders.step(j, until_ms),
        "force off": lambda: orders.force_off(j, stage, until_ms),
        "bias": lambda: orders.bias(j, stage, 5_000 - 10_000 * (k % 2), until_ms),
        "all red": lambda: orders.all_red(j, until_ms),
        "flash": lambda: orders.flash(j, until_ms),
        "release": lambda: orders.release(j),
        "play": lambda: orders.play(j, "day", until_ms),
        "omit": lambda: orders.omit(j, group, until_ms),
        "call": lambda: orders.call(group, until_ms),
    }[what]()


EVENTS = st.tuples(
    st.integers(1, 12),
    st.sampled_from((*DEEDS, *DEEDS, "back", "break")),
    st.integers(0, 3),
    st.integers(0, 11),
)


@settings(max_examples=3, deadline=None, derandomize=True)
@given(
    ways=st.dictionaries(st.integers(0, 3), st.sampled_from(sorted(WAYS)), min_size=1, max_size=3),
    name=st.sampled_from(["fixed", "searching", "actuated", "adaptive"]),
    events=st.lists(EVENTS, max_size=25),
)
def test_whatever_is_ordered_meanwhile_no_lamp_breaks_a_rule_and_who_does_not_change_never_flashes(
    ways: dict[int, str], name: str, events: list[tuple[int, str, int, int]]
) -> None:
    street = Town(4, name)
    calls_everywhere(street)
    street.run(30)
    adoption, flashed_by_order = street.take(ways), set()
    street.run(9)
    for seconds, what, j, k in events:
        if what == "back":
            adoption.go_back("somebody changed their mind")
        elif what == "break":
            adoption.new.planner = None  # type: ignore[assignment]
        else:
            order(street, what, j, k)
            flashed_by_order |= {j} if what == "flash" else set()
        street.run(seconds)
    street.run(30)
    if adoption.phase is Phase.DONE:
        street.settle()
    street.run(30)
    assert street.faults == []
    for j in range(4):
        assert not street.flashed[j] or j in ways or j in flashed_by_order
