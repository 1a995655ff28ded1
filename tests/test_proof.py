"""Every state that the junctions we ship can reach is lawful, every single call is served as promised.

What is explored, and why that is all of it, stands in `bench.proof_space`; every junction of a folder of
networks is proved by `make prove`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench import proof_kernels as kernels
from bench import proof_model as model
from bench import prove
from bench.proof_space import STEP_MS, Cell, Exploration, Explored, Unlawful
from bench.prove import (
    BrokenPromise,
    cell_of,
    expectations,
    junctions_of,
    kept,
    levels,
    likeness,
    sets_of_crossings,
    share_s,
)
from controller.junction import Junction
from controller.vocabulary import Lamp, Timing
from sim.city.generator.generate import generate, street_of_city
from sim.city.scenario import find_scenario
from tests import toy_street
from tests.lamp_law import LampLaw

FOLDER = os.environ.get("BELISHA_SCENARIOS", "")
ROOM = 1_500_000
FREE, ONCE_RED, NO_ORDERS = 2, 1, 0


@cache
def shipped() -> dict[str, Junction]:
    """One junction of every shape our own cities have, by groups and stages."""
    scenario = find_scenario("small-city")
    assert scenario.city is not None
    shapes: dict[str, Junction] = {}
    for junction in street_of_city(generate(scenario.city)).junctions:
        shapes.setdefault(f"{len(junction.groups)} groups, {len(junction.stages)} stages", junction)
    return shapes


def explored(junction: Junction, at_once: int, orders: int) -> Explored:
    """Every set of so many crossings, summed."""
    total = Explored(0, 0, 0, 0.0)
    for called in sets_of_crossings(Cell(junction, Timing.COMPUTED), at_once):
        total += Exploration(cell_of(junction, Timing.COMPUTED, called, orders), ROOM).run()
    return total


def explore(junction: Junction, at_once: int, orders: int) -> None:
    found = explored(junction, at_once, orders)
    print(f"{junction.title}: {found.states:,} states, {found.steps:,} steps, {found.seconds:.1f} s")
    assert found.changes > 100
    assert found.states > 1_000


def test_the_toy_junction_shows_nothing_unlawful_whatever_is_wanted_called_and_ordered() -> None:
    explore(toy_street.junction(), 2, FREE)


@pytest.mark.parametrize(
    ("shape", "at_once", "orders"),
    [
        ("6 groups, 5 stages", 2, FREE),
        ("8 groups, 5 stages", 1, FREE),
        ("10 groups, 8 stages", 0, ONCE_RED),
        ("12 groups, 15 stages", 0, NO_ORDERS),
    ],
)
def test_no_junction_of_our_cities_can_show_anything_unlawful(shape: str, at_once: int, orders: int) -> None:
    explore(shipped()[shape], at_once, orders)


@pytest.mark.skipif(not FOLDER, reason="BELISHA_SCENARIOS names no folder of networks")
def test_three_junctions_of_real_towns_are_lawful_and_keep_their_promises() -> None:
    kinds = {likeness(j): j for _, j in junctions_of(Path(FOLDER))}
    small = sorted(kinds.values(), key=lambda j: (len(j.groups) * len(j.stages), j.name))[:3]
    for junction in small:
        explore(junction, 1, ONCE_RED)
        told = kept(junction, Timing.COMPUTED, 0)
        assert told.followed > 100
        assert told.rest_share == 1
        assert told.least_left_ms >= 0


@pytest.mark.parametrize(
    ("shape", "others", "least"), [("6 groups, 5 stages", 1, 10_000), ("8 groups, 5 stages", 0, 1_000)]
)
def test_one_call_at_a_time_is_served_within_its_promise_whatever_the_planner_wants(
    shape: str, others: int, least: int
) -> None:
    """Here a WALK was once promised beside the yellow of drivers who give way to it, and came too late."""
    told = kept(shipped()[shape], Timing.COMPUTED, others)
    print(f"{told.followed:,} calls, {told.least_left_ms / 1000:.1f} s left at worst")
    assert told.at_once == others
    assert told.followed > least
    assert told.rest_share == 1, "every state at rest"
    assert told.least_left_ms >= 0


def test_a_walk_waits_for_every_yellow_of_those_who_give_way_one_after_the_other() -> None:
    """A yellow that began while it waited for another's was once forgotten, and the WALK came too late."""
    told = kept(toy_street.yielding_junction(), Timing.COMPUTED, 0)
    assert told.followed > 1_000
    assert told.least_left_ms >= 0


def test_people_who_are_expected_and_do_not_come_make_nobody_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their WALK was played as if it came for certain: it would have kept drivers at red whose yellow another
    WALK then had to wait for, which came too late."""
    junction, seen = toy_street.yielding_junction(), []

    def expected(cell: Cell, chance: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
        seen.extend(expectations(cell, chance))
        yield cell.law.walks

    monkeypatch.setattr(prove, "expectations", expected)
    told = kept(junction, Timing.COMPUTED, 0)
    assert told.followed > 10_000
    assert told.least_left_ms >= 0
    walks = [bool(w.any()) for w in seen]
    assert walks[:2] == [False, True], "it is tried with nobody expected and with everybody"
    assert len({tuple(w) for w in seen}) == 4, "and with some"


def test_where_time_is_short_the_table_does_not_say_that_all_calls_were_followed() -> None:
    told = kept(shipped()["8 groups, 5 stages"], Timing.COMPUTED, 0, seconds=0)
    assert told.followed > 0
    assert 0 < told.rest_share < 1


# --- the proof itself can fail ---------------------------------------------------------------------


def cut(cell: Cell, name: str, at: int) -> Cell:
    """The sequencer believes in half a second less than the record says."""
    values = getattr(cell.network, name)
    values[at] -= STEP_MS
    return cell


@pytest.mark.parametrize(
    ("name", "at", "rule"),
    [
        ("min_green_ms", toy_street.EW, "shorter than its minimum"),
        ("min_green_ms", toy_street.WALK_NS, "shorter than its minimum"),
        ("yellow_ms", toy_street.NS_LEFT, "of the wrong length"),
        ("yellow_ms", toy_street.WALK_EW, "of the wrong length"),
        ("intergreen_ms", 6 * toy_street.WALK_NS + toy_street.EW, "before an intergreen has passed"),
        ("intergreen_ms", 6 * toy_street.EW + toy_street.NS, "before an intergreen has passed"),
        ("intergreen_ms", 6 * toy_street.NS + toy_street.NS, "before its red revert"),
    ],
)
def test_a_sequencer_half_a_second_too_quick_is_found(name: str, at: int, rule: str) -> None:
    cell = cut(Cell(toy_street.junction()), name, at)
    with pytest.raises(Unlawful, match=rule) as caught:
        Exploration(cell, ROOM).run()
    assert "square/" in str(caught.value)
    assert "after" in str(caught.value), "and the way to it is told"


def test_a_sequencer_that_does_not_know_a_conflict_is_found() -> None:
    cell = Cell(toy_street.junction(generated=(("ns", "ew"),)))
    cell.network.conflict_bits[[toy_street.NS, toy_street.EW]] = 0
    with pytest.raises(Unlawful, match=r"two conflicting groups active|an intergreen"):
        Exploration(cell, ROOM).run()


def test_a_promise_too_short_to_be_kept_is_found() -> None:
    groups = [toy_street.group(name, promise_ms=5_000) for name in toy_street.NAMES]
    with pytest.raises(BrokenPromise, match="served late"):
        kept(toy_street.junction(groups=groups), Timing.COMPUTED, 0)


def test_the_way_to_any_state_is_lawful_by_the_slow_law_too() -> None:
    """Histories from power on, judged step by step by the law the other tests use."""
    exploration = Exploration(
        cell_of(toy_street.junction(), Timing.COMPUTED, frozenset({4, 5}), NO_ORDERS), ROOM
    )
    exploration.run()
    space, chance = exploration.space, np.random.default_rng(3)
    starts = 0
    for last in chance.integers(2, int(space.counts[0]), 300):
        way, at = [], int(last)
        while at >= 0:
            way.append(at)
            at = int(space.parent[at])
        law = LampLaw(exploration.cell.junction, STEP_MS, 0)
        for k, at in enumerate(reversed(way)):
            if way[-1] == 0:
                law.look(STEP_MS * k, [int(x) // model.LAMP for x in space.rows[at][model.LAMPS :]])
        starts += law.starts
    assert starts > 300


def test_from_wherever_a_flash_of_the_monitor_comes_it_leads_to_the_same_all_red() -> None:
    exploration = Exploration(Cell(toy_street.junction()), ROOM)
    exploration.run()
    cell, space = exploration.cell, exploration.space
    out_of_flash = Cell(toy_street.junction()).roots()[1]
    flash = np.ones(1, np.bool_)
    for at in np.random.default_rng(4).integers(0, int(space.counts[0]), 500):
        kernels.write_scene(space.rows[at], cell.scene)
        cell.sequencer.follow_flash(cell.state, flash, model.T_MS)
        assert (cell.state.lamp == Lamp.RED).all()
        cell.sequencer.follow_flash(cell.state, ~flash, model.T_MS)
        cell.scene.in_flash[0] = False  # what the overlay does in the tick after
        assert (cell.row() == out_of_flash).all()


@pytest.mark.parametrize("crossings", range(6))
def test_what_is_explored_grows_from_little_to_everything(crossings: int) -> None:
    """A large junction must have a beginning that ends, or nothing of it is proved."""
    steps = list(levels(crossings))
    assert steps[0] == (0, 0)
    assert steps[-1] == (crossings, 2)
    for before, after in itertools.pairwise(steps):
        assert before != after
        assert before[0] <= after[0]
        assert before[1] <= after[1] or before[0] < after[0]


def test_all_kinds_of_junction_together_take_no_longer_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind once had its own time, whatever was left: the largest were not reached."""
    monkeypatch.setattr(prove.time, "monotonic", lambda: 100.0)
    assert share_s(1_180.0, 24, 2, 180.0) == 90
    assert share_s(1_180.0, 24, 1, 180.0) == 45
    assert share_s(1_180.0, 24, 2, 30.0) == 30, "and none has more than it may"
    assert share_s(160.0, 1, 2, 180.0) == 60, "the last one has no more than what is left"
    assert share_s(40.0, 3, 2, 180.0) == 0, "where none is left the first level is explored all the same"


def test_without_any_time_a_junction_is_explored_at_its_first_level_and_some_calls_are_followed() -> None:
    proved = prove.prove(shipped()["8 groups, 5 stages"], Timing.COMPUTED, 0)
    assert (proved.at_once, proved.orders) == (0, "no orders")
    assert proved.states > 100
    assert proved.calls > 0
    assert 0 < proved.rest_share < 1


def test_with_time_it_is_explored_at_greater_freedom() -> None:
    proved = prove.prove(toy_street.junction(), Timing.COMPUTED, 60)
    assert (proved.at_once, proved.orders) == (2, prove.ORDERS[FREE])
    assert proved.rest_share == 1


def test_a_level_there_is_not_time_for_is_explored_as_far_as_time_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Four of six sets were thrown away once, and the table said that no WALK was ever shown."""
    junction = shipped()["8 groups, 5 stages"]
    passed = iter([0.0] * 5 + [1e9] * 9)
    monkeypatch.setattr(prove.time, "monotonic", lambda: next(passed))
    depth = prove.deepest(junction, Timing.COMPUTED, 1e6, ROOM)
    assert (depth.at_once, depth.orders) == (0, ONCE_RED)
    assert depth.more == f"2 of 4 sets of 1: {prove.ORDERS[ONCE_RED]}"
    one = explored(junction, 0, ONCE_RED)
    assert depth.found.states > 3 * one.states, "each set has all states of none, and more"
