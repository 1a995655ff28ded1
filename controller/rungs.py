"""Who plans on which rung: the planners below the adaptive one, each for the junctions that stand there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller.actuated import Actuated
from controller.fixed_time import FixedTime
from controller.junction import FixedPlan, Junction, PlanStep
from controller.ladder import Rung
from controller.network import Network
from controller.plan_hours import PlanClock
from controller.planner import Planner
from controller.state import State
from controller.vocabulary import GroupKind, StageSource

SPARE_MS = 5_000
"""Over its shortest lawful time, in a plan made for a junction that has none."""


class LowerRungs:
    """Planners of rungs 2 to 4. Each writes wishes of its own; those of its junctions are taken over.

    The views share every array of the state but the planners' own wishes.
    """

    def __init__(self, network: Network, state: State) -> None:
        planned = with_plans(network)
        self.network = network
        self.plan_clock = PlanClock(planned)
        """The hour for all of them; it is looked at even while nobody stands here."""
        self.free = FixedTime(planned, self.plan_clock)
        self.coordinated = FixedTime(planned, self.plan_clock)
        self.planners: dict[Rung, Planner] = {
            Rung.ACTUATED: Actuated(network),
            Rung.COORDINATED: self.coordinated,
            Rung.FREE: self.free,
        }
        self._state = state
        self._views = {rung: _own_wishes(state) for rung in self.planners}
        self._here = np.zeros(network.n_junctions, np.bool_)
        self._groups = np.zeros(network.n_groups, np.bool_)

    def arrive(self, junction: int, rung: Rung, now_ms: int) -> None:
        """A junction comes to that rung: it goes on from what it wants now."""
        state = self._state
        for view in self._views.values():
            view.wanted_stage[junction] = state.wanted_stage[junction]
            view.planned_end_ms[junction] = state.planned_end_ms[junction]
        if rung is Rung.FREE:
            self.free.restart(junction, int(state.target_stage[junction]), now_ms)
            self.free.follow(junction, now_ms)
        elif rung is Rung.COORDINATED:
            self.coordinated.follow(junction, now_ms)
        if rung < Rung.COORDINATED:
            groups = slice(
                int(self.network.group_start[junction]), int(self.network.group_start[junction + 1])
            )
            state.recall[groups] = False

    def propose(self, rungs: np.ndarray, now_ms: int) -> None:
        """Write the wishes of the junctions that stand on rungs 2 to 4. rungs (J) int8."""
        state, here, groups = self._state, self._here, self._groups
        for rung, planner in self.planners.items():
            np.equal(rungs, rung, out=here)
            if not here.any():
                continue
            view = self._views[rung]
            planner.propose(view, now_ms)
            np.copyto(state.wanted_stage, view.wanted_stage, where=here)
            np.copyto(state.planned_end_ms, view.planned_end_ms, where=here)
            if rung is not Rung.ACTUATED:
                np.take(here, self.network.group_junction, out=groups)
                np.copyto(state.recall, view.recall, where=groups)


def _own_wishes(state: State) -> State:
    return replace(
        state,
        wanted_stage=state.wanted_stage.copy(),
        planned_end_ms=state.planned_end_ms.copy(),
        recall=state.recall.copy(),
    )


def with_plans(network: Network) -> Network:
    """The same network where every junction has a plan that can be played."""
    junctions = tuple(
        j if _playable(j) else replace(j, plans=(made_plan(j),)) for j in network.street.junctions
    )
    if all(a is b for a, b in zip(junctions, network.street.junctions, strict=True)):
        return network
    return replace(network, street=replace(network.street, junctions=junctions))


def _playable(junction: Junction) -> bool:
    if not junction.plans:
        return False
    plan, names = junction.plans[0], {stage.name for stage in junction.stages}
    total_ms = sum(step.duration_ms for step in plan.steps)
    return total_ms == plan.cycle_ms > 0 and all(step.stage in names for step in plan.steps)


def made_plan(junction: Junction) -> FixedPlan:
    """Every given stage in turn, for its shortest lawful time and a little more; all where none is given."""
    given = [stage for stage in junction.stages if stage.source == StageSource.GIVEN]
    groups = {group.name: group for group in junction.groups}
    between_ms = max([pair.duration_ms for pair in junction.intergreens], default=0)
    steps = []
    for stage in given or junction.stages:
        served = [groups[name] for name in stage.groups]
        greens = [g.min_green_ms + g.clearance_ms * (g.kind == GroupKind.PEDESTRIAN) for g in served]
        steps.append(PlanStep(stage.name, max(greens, default=0) + between_ms + SPARE_MS))
    return FixedPlan("made", sum(step.duration_ms for step in steps), 0, tuple(steps))
