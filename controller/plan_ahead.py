"""What a controller means to do in the coming minute, junction by junction, for who looks at it.

Nothing is decided here and nothing is left changed: a controller that is looked at goes on
exactly like one that is not.
"""

from __future__ import annotations

import numpy as np

from controller import replan_kernels
from controller.fixed_time import FixedTime
from controller.ladder import Rung
from controller.plan import Adaptive
from controller.plan_model import SLOTS
from controller.state import NEVER_MS, State
from controller.tick import Controller

AHEAD_MS = 60_000
SPANS_MAX = 16
Span = tuple[int, int, int]
"""(stage among all stages, from ms, for ms), counted from now."""
_CHOSEN, _COSTS = np.zeros(4, np.int64), np.zeros(SLOTS)


def plan_ahead(controller: Controller, junction: int, now_ms: int, ordered: bool = False) -> list[Span]:
    """The stages to come, the present one first, as far as its planner knows them now.

    Where somebody's order acts (`ordered`), or the planner decides only when it must, that is
    the stage it wants and the time it expects to leave it. In flash there is no plan.
    """
    state, degradation = controller.state, controller.degradation
    rung = Rung.ADAPTIVE if degradation is None else degradation.ladder.rung(junction)
    if rung is Rung.FLASH or state.target_stage[junction] < 0:
        return []
    planner = controller.planner if rung < Rung.ACTUATED else None
    if planner is None and degradation is not None:
        planner = degradation.lower.planners[rung]
    if not ordered:
        if isinstance(planner, FixedTime):
            return _by_the_clock(planner, junction, now_ms)
        if isinstance(planner, Adaptive):
            return _searched(planner, state, junction, now_ms)
    return _known(state, junction, now_ms)


def _known(state: State, j: int, now_ms: int) -> list[Span]:
    """The present stage up to its planned end, and the wanted one."""
    present, wanted = int(state.target_stage[j]), int(state.wanted_stage[j])
    if wanted != present:
        return [(wanted, 0, 0)]
    end_ms = int(state.planned_end_ms[j])
    return [(present, 0, min(AHEAD_MS, max(0, end_ms - now_ms)) if end_ms < NEVER_MS else 0)]


def _by_the_clock(planner: FixedTime, j: int, now_ms: int) -> list[Span]:
    stage, end_ms, cycle_ms, offset_ms = planner.steps(j)
    at_ms = (now_ms - offset_ms) % cycle_ms
    k = int(np.searchsorted(end_ms, at_ms, side="right"))
    spans: list[Span] = []
    from_ms = 0
    while from_ms < AHEAD_MS and len(spans) < SPANS_MAX:
        for_ms = min(int(end_ms[k]) - at_ms, AHEAD_MS - from_ms)
        if spans and spans[-1][0] == stage[k]:
            spans[-1] = (spans[-1][0], spans[-1][1], spans[-1][2] + for_ms)
        elif for_ms > 0:
            spans.append((int(stage[k]), from_ms, for_ms))
        from_ms += for_ms
        at_ms = 0 if k + 1 == len(end_ms) else int(end_ms[k])
        k = (k + 1) % len(end_ms)
    return spans


def _searched(planner: Adaptive, state: State, j: int, now_ms: int) -> list[Span]:
    """Search once more as of now, read the winner's stages, and put everything back."""
    network = planner.network
    lanes = slice(int(network.lane_start[j]), int(network.lane_start[j + 1]))
    written = [
        (array, rows, array[rows].copy())
        for array, rows in (
            (state.wanted_stage, slice(j, j + 1)),
            (state.planned_end_ms, slice(j, j + 1)),
            (state.outflow_time_ms, slice(j, j + 1)),
            (state.outflow_veh, lanes),
            (state.blocked, lanes),
            (planner.winner_cost, slice(j, j + 1)),
            (planner.clears_first, slice(j, j + 1)),
            (planner.loser_cost, slice(j, j + 1)),
            (planner.terms, slice(j, j + 1)),
        )
    ]
    state.outflow_time_ms[j] = -NEVER_MS  # else a junction that cannot change soon is passed over
    replan_kernels.replan_junction(
        j, now_ms, planner.policy.persons_per_walker, planner.policy.stop_s, planner.policy.impatience_s,
        planner.model, planner.view, planner.labels, planner.live(state), _CHOSEN, _COSTS,
    )  # fmt: skip
    second_stage = planner.model.stage_of[j][planner.labels.stage_at]
    for array, rows, before in written:
        array[rows] = before
    spans: list[Span] = []
    edges = np.flatnonzero(np.diff(second_stage)) + 1
    for first, last in zip([0, *edges.tolist()], [*edges.tolist(), len(second_stage)], strict=True):
        spans.append((int(second_stage[first]), 1000 * first, 1000 * (last - first)))
    return spans[:SPANS_MAX]
