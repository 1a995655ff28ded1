"""Every state of a junction whose WALKs lead, by the real sequencer: lawful, led, and nobody held for ever.

The holding back (`controller.leading`) is no kernel, so it is explored here, in Python, at a junction that
is small enough; without orders, whose steps hold nobody back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, combinations

import numpy as np
import pytest

from bench import proof_kernels as kernels
from bench import proof_model as model
from bench.proof_space import MONITORS, STEP_MS, Cell, Monitors
from controller.junction import LEAD_WAIT_MS, Junction, Yield
from controller.leading import leads_of
from controller.vocabulary import GroupKind, Lamp, Timing
from tests import toy_street

LEAD_MS = 4_000
STAGES = (("ns", "walk.ns"), ("ns.left",), ("ew", "walk.ew"), ("walk.ns", "walk.ew"))
NS, WALK_NS = 0, 4
NOBODY = np.zeros(MONITORS, np.bool_)
NOW_MS = model.T_MS + STEP_MS
Row = tuple[int, ...]


def leading(stages: tuple[tuple[str, ...], ...], lead_ms: int = LEAD_MS) -> Junction:
    """The toy junction, whose through drivers give way to the crossing beside them, which leads."""
    beside = {("ns", "walk.ns"), ("ew", "walk.ew"), ("walk.ns", "walk.ew")}
    plain = toy_street.junction(stages=stages, compatible=beside, steps=())
    groups = tuple(replace(g, lead_ms=lead_ms if g.kind == GroupKind.PEDESTRIAN else 0) for g in plain.groups)
    return replace(plain, groups=groups, yields=(Yield("ns", "walk.ns"), Yield("ew", "walk.ew")))


class Steps:
    """All steps from one state to the next, under every input."""

    def __init__(self, junction: Junction) -> None:
        self.cell = Cell(junction, Timing.COMPUTED)
        self.cell.forget_nothing()
        self.monitors = Monitors(self.cell)
        self.leads = leads_of(junction)
        self.taken = 0

    def begins(self) -> list[Row]:
        return [tuple(row.tolist()) for row in self.cell.roots()]

    def inputs(self, row: Row) -> Iterator[tuple[int, tuple[int, ...], int]]:
        """(wanted stage, crossings called, ms to its planned end)"""
        if row[model.FLAGS] or row[model.RED_LEFT] > 1:
            yield 0, (), 0
            return
        walks = [g for g in self.cell.crossings if row[model.LAMPS + g] // model.LAMP != Lamp.GREEN]
        calls = list(chain.from_iterable(combinations(walks, k) for k in range(len(walks) + 1)))
        for stage in range(len(self.cell.junction.stages)):
            lefts = self.cell.law.lefts_ms.tolist() if stage == row[model.STAGE] else [0]
            for left_ms in lefts:
                for called in calls:
                    yield stage, called, left_ms

    def take(self, row: Row, wanted: int, called: tuple[int, ...], left_ms: int) -> Row:
        cell, state = self.cell, self.cell.state
        kernels.write_scene(np.array(row, np.int16), cell.scene)
        state.wanted_stage[0], state.planned_end_ms[0] = wanted, NOW_MS + left_ms
        for g in called:
            state.call_since_ms[g] = model.T_MS
        cell.sequencer.advance(state, NOW_MS)
        self.taken += 1
        after = np.zeros(len(row), np.int16)
        kernels.read_scene(NOW_MS, cell.scene, cell.law, after)
        self._judge_lead(row, state.lamp)
        return tuple(after.tolist())

    def _judge_lead(self, row: Row, lamps: np.ndarray) -> None:
        """Written from the rule alone: drivers start beside a WALK only when it has led them."""
        for walk, drivers, lead_ms in self.leads:
            starts = lamps[drivers] == Lamp.GREEN != row[model.LAMPS + drivers] // model.LAMP
            if starts and lamps[walk] == Lamp.GREEN:
                cell = row[model.LAMPS + walk]
                led_ms = STEP_MS * (cell % model.LAMP + 1) if cell // model.LAMP == Lamp.GREEN else 0
                assert led_ms >= lead_ms, (row, lamps)


def explore(junction: Junction) -> dict[Row, list[Row]]:
    """Every state that can be reached, with all that follow it; the monitor judges every change of lamps."""
    steps, after = Steps(junction), {}
    changes: list[tuple[Row, list[int]]] = []
    todo = steps.begins()
    while todo:
        row = todo.pop()
        if row in after:
            continue
        after[row] = [steps.take(row, *given) for given in steps.inputs(row)]
        shown = {lamps_of(new) for new in after[row]} - {lamps_of(row)}
        changes += [(row, list(lamps)) for lamps in shown]
        todo += after[row]
    for first in range(0, len(changes), MONITORS):
        here = changes[first : first + MONITORS]
        rows = np.array([row for row, _ in here], np.int16)
        found = steps.monitors.judge(
            rows, np.array([lamps for _, lamps in here], np.int8), NOBODY[: len(here)]
        )
        assert not found, found
    print(f"{len(after):,} states, {steps.taken:,} steps, {len(changes):,} changes")
    return after


def lamps_of(row: Row) -> Row:
    return tuple(cell // model.LAMP for cell in row[model.LAMPS :])


@pytest.fixture(scope="module")
def explored() -> dict[Row, list[Row]]:
    return explore(leading(STAGES))


def test_every_state_is_lawful_and_every_walk_leads(explored: dict[Row, list[Row]]) -> None:
    led = 0
    for row, news in explored.items():
        walking = lamps_of(row)[WALK_NS] == Lamp.GREEN
        led += walking and any(lamps_of(row)[NS] != lamps_of(new)[NS] == Lamp.GREEN for new in news)
    assert led, "drivers do start beside a WALK that has begun before"


def test_no_change_lasts_longer_for_it_than_the_lead_and_the_wait_for_it(
    explored: dict[Row, list[Row]],
) -> None:
    """Nobody is held for ever: every change ends, at most so much later than without a lead."""
    plain = explore(leading(STAGES, lead_ms=0))
    longest_ms = [max(map(len, changes_of(after))) * STEP_MS for after in (explored, plain)]
    assert longest_ms[0] <= longest_ms[1] + LEAD_MS + LEAD_WAIT_MS


def changes_of(after: dict[Row, list[Row]]) -> Iterator[list[Row]]:
    """The states of every change of stage from its begin to its end; raises where one has no end."""
    for row, news in after.items():
        if row[model.FLAGS]:
            continue
        for new in news:
            way = []
            while new[model.FLAGS]:
                way.append(new)
                assert len(way) < 1_000, "a change without an end"
                (new,) = set(after[new])
            yield way


def test_a_lead_that_is_half_a_second_short_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    short = [(walk, drivers, ms - STEP_MS) for walk, drivers, ms in leads_of(leading(STAGES))]
    monkeypatch.setattr("controller.leading.leads_of", lambda _: short)
    with pytest.raises(AssertionError):
        explore(leading(STAGES))
