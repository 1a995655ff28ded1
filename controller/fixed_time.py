"""The fixed-time planner: each junction's first plan by the street's clock, and nothing else.

The wanted stage is a function of the time alone, so a transition that comes late (a
walk still clearing) never shifts the cycle or the offset.
"""

from __future__ import annotations

import numpy as np

from controller import fixed_time_kernels as kernels
from controller.junction import FixedPlan, Junction
from controller.network import Ints, Network
from controller.state import State
from controller.urgency import Urgency
from controller.vocabulary import GroupKind


class FixedTime:
    """Plays `Junction.plans[0]`; every crossing of the plan gets WALK in each cycle, called or not.

    A plan whose longest red exceeds a group's promise cannot keep it by itself; at those
    junctions (`watched`) an urgent call goes before the plan, which is then resumed by the clock.

    Raises ValueError naming the junction when it has no plan, a plan whose steps do not
    add up to its cycle, or a plan naming an unknown stage.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        plans = [_checked_plan(junction) for junction in network.street.junctions]
        steps: list[tuple[int, int]] = []
        starts, self.crossings = [0], np.zeros(network.n_groups, np.bool_)
        for j, (junction, plan) in enumerate(zip(network.street.junctions, plans, strict=True)):
            names = [stage.name for stage in junction.stages]
            end_ms = 0
            for step in plan.steps:
                end_ms += step.duration_ms
                steps.append((int(network.stage_start[j]) + names.index(step.stage), end_ms))
            starts.append(len(steps))
            served = {g for step in plan.steps for g in junction.stages[names.index(step.stage)].groups}
            for k, group in enumerate(junction.groups):
                crossing = group.kind == GroupKind.PEDESTRIAN and group.name in served
                self.crossings[network.group_start[j] + k] = crossing
        self._step_start: Ints = np.array(starts, np.int64)
        self._step_stage: Ints = np.array([stage for stage, _ in steps], np.int64)
        self._step_end_ms: Ints = np.array([end_ms for _, end_ms in steps], np.int64)
        self._cycle_ms: Ints = np.array([plan.cycle_ms for plan in plans], np.int64)
        self._offset_ms: Ints = np.array([plan.offset_ms for plan in plans], np.int64)
        self.watched = [
            j
            for j, junction in enumerate(network.street.junctions)
            if any(longest_red_ms(junction, plans[j], g.name) > g.promise_ms for g in junction.groups)
        ]
        self.urgency = Urgency(network) if self.watched else None

    def propose(self, state: State, now_ms: int) -> None:
        """Write the wanted stage and its planned end for the time of day `now_ms`."""
        if now_ms % self.network.lamp_resolution_ms:
            return
        np.logical_or(state.recall, self.crossings, out=state.recall)
        kernels.follow_plans(
            now_ms,
            self._step_start,
            self._step_stage,
            self._step_end_ms,
            self._cycle_ms,
            self._offset_ms,
            state.wanted_stage,
            state.planned_end_ms,
        )
        if self.urgency is not None:
            self._give_way(state, now_ms, self.urgency)

    def steps(self, junction: int) -> tuple[Ints, Ints, int, int]:
        """A junction's plan: stage of each step among all stages, its end in the cycle, cycle, offset; ms."""
        here = slice(int(self._step_start[junction]), int(self._step_start[junction + 1]))
        cycle_ms, offset_ms = int(self._cycle_ms[junction]), int(self._offset_ms[junction])
        return self._step_stage[here], self._step_end_ms[here], cycle_ms, offset_ms

    def restart(self, junction: int, stage: int, now_ms: int) -> None:
        """Let a junction's plan begin now at its first step of `stage`, or else at its first."""
        begin, end = int(self._step_start[junction]), int(self._step_start[junction + 1])
        steps = range(begin, end)
        step = next((k for k in steps if self._step_stage[k] == stage), begin)
        began_ms = int(self._step_end_ms[step - 1]) if step > begin else 0
        self._offset_ms[junction] = now_ms - began_ms

    def _give_way(self, state: State, now_ms: int, urgency: Urgency) -> None:
        """At the watched junctions: an urgent call first, and no step that would break a promise."""
        urgency.update(state, now_ms)
        for j in self.watched:
            present = int(state.target_stage[j])
            planned = int(state.wanted_stage[j])
            if urgency.stage[j] >= 0:
                state.wanted_stage[j] = urgency.stage[j]
                state.planned_end_ms[j] = urgency.leave_by_ms[j]
            elif present < 0 or state.in_transition[j] or planned == present:
                continue
            elif not urgency.allows(state, now_ms, j, planned):
                state.wanted_stage[j] = present
                state.planned_end_ms[j] = urgency.leave_by_ms[j]


def longest_red_ms(junction: Junction, plan: FixedPlan, group: str) -> int:
    """Longest time in one cycle in which no step serves `group`; two cycles if none ever does.

    The intergreen before the serving step counts as red: an upper bound is wanted.
    """
    serving = {stage.name for stage in junction.stages if group in stage.groups}
    if not any(step.stage in serving for step in plan.steps):
        return 2 * plan.cycle_ms
    longest_ms = red_ms = 0
    for step in plan.steps + plan.steps:
        red_ms = 0 if step.stage in serving else red_ms + step.duration_ms
        longest_ms = max(longest_ms, red_ms)
    return longest_ms


def _checked_plan(junction: Junction) -> FixedPlan:
    if not junction.plans:
        raise ValueError(f"junction {junction.name} has no fixed plan")
    plan = junction.plans[0]
    known = [stage.name for stage in junction.stages]
    for step in plan.steps:
        if step.stage not in known:
            raise ValueError(
                f"junction {junction.name}, plan {plan.name}: "
                f"no stage {step.stage}; known are {', '.join(known)}"
            )
    total_ms = sum(step.duration_ms for step in plan.steps)
    if total_ms != plan.cycle_ms or total_ms <= 0:
        raise ValueError(
            f"junction {junction.name}, plan {plan.name}: "
            f"steps add up to {total_ms} ms, the cycle is {plan.cycle_ms} ms"
        )
    return plan
