"""The fixed-time planner: each junction's plan of the hour by the street's clock, and nothing else.

The wanted stage is a function of the time alone, so a transition that comes late (a
walk still clearing) never shifts the cycle or the offset. Where the street has a timetable, the
local clock says which plan it is, and `controller.plan_hours` how one follows another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller import fixed_time_kernels as kernels
from controller import plan_arrival_kernels as arrival
from controller.bundle import Bundle
from controller.junction import FixedPlan, Junction
from controller.network import Ints, Network
from controller.plan_hours import PlanClock, PlanHours
from controller.state import State
from controller.urgency import Urgency
from controller.vocabulary import GroupKind


class FixedTime:
    """Plays the plan of the hour; every crossing of the plans gets WALK in each cycle, called or not.

    A plan whose longest red exceeds a group's promise cannot keep it by itself; at those
    junctions (`watched`) an urgent call goes before the plan, which is then resumed by the clock.
    The same holds while one plan follows another, where that could take too long, and for a cycle
    wherever a junction begins to follow its plan (`follow`): who called before waits no longer for it. Where
    the plan serves everybody in time who calls, nobody goes before it: one would lead to the next for ever.

    Raises ValueError naming the junction when it has no plan, a plan whose steps do not
    add up to its cycle, or a plan naming an unknown stage.
    """

    UNCHANGING = frozenset({"_plans", "_state", "_calls", "_late_ms", "_yellow_max_ms"})
    """Views of what is carried elsewhere."""

    def __init__(self, network: Network, clock: PlanClock | None = None) -> None:
        self.network = network
        named = {hour.plan for hour in network.street.timetable}
        plans = [_played_plans(junction, named) for junction in network.street.junctions]
        starts, self.crossings = [0], np.zeros(network.n_groups, np.bool_)
        for j, (junction, known) in enumerate(zip(network.street.junctions, plans, strict=True)):
            starts.append(starts[-1] + max(len(plan.steps) for plan in known))
            stages = {step.stage for plan in known for step in plan.steps}
            served = {g for stage in junction.stages if stage.name in stages for g in stage.groups}
            for k, group in enumerate(junction.groups):
                crossing = group.kind == GroupKind.PEDESTRIAN and group.name in served
                self.crossings[network.group_start[j] + k] = crossing
        self._step_start: Ints = np.array(starts, np.int64)
        self._step_stage: Ints = np.zeros(starts[-1], np.int64)
        self._step_end_ms: Ints = np.zeros(starts[-1], np.int64)
        self._cycle_ms: Ints = np.zeros(len(plans), np.int64)
        self._offset_ms: Ints = np.zeros(len(plans), np.int64)
        self._n_steps: Ints = np.zeros(len(plans), np.int64)
        self.hours = PlanHours(network, plans, clock or PlanClock(network))
        for j, known in enumerate(plans):
            self._play(j, 0, [step.duration_ms for step in known[0].steps], known[0].offset_ms)
        self.watched = [
            j
            for j, junction in enumerate(network.street.junctions)
            if self.hours.takes_long[j]
            or any(
                longest_red_ms(junction, p, g.name) > g.promise_ms for p in plans[j] for g in junction.groups
            )
        ]
        # Made now, though many streets never need it: a fiftieth of the time this planner takes to be made,
        # and a junction that steps down to its plan finds everything there.
        self.urgency = Urgency(network)
        self._new_until_ms: Ints = np.zeros(len(plans), np.int64)
        drivers_yellow_ms = np.where(network.group_kind == GroupKind.PEDESTRIAN, 0, network.yellow_ms)
        self._late_ms: Ints = np.zeros(len(plans), np.int64)
        self._yellow_max_ms: Ints = np.maximum.reduceat(drivers_yellow_ms, network.group_start[:-1])
        self._calls: arrival.Calls | None = None
        self._plans: Bundle | None = None
        self._state: State | None = None

    def propose(self, state: State, now_ms: int) -> None:
        """Write the wanted stage and its planned end for the time of day `now_ms`."""
        if now_ms % self.network.lamp_resolution_ms:
            return
        for j, plan, steps_ms, offset_ms in self.hours.due(now_ms):
            self._play(j, plan, steps_ms, offset_ms)
        plans, calls = self._views_of(state)
        new = kernels.follow_plans(now_ms, plans.memory)
        watched = self.watched + self.hours.changing(now_ms)
        if new:
            watched = watched + self._new(now_ms, plans, calls, watched)
        if watched:
            self._give_way(state, now_ms, watched)

    def _new(self, now_ms: int, plans: Bundle, calls: arrival.Calls, watched: list[int]) -> list[int]:
        """Junctions new to their plan that somebody who calls cannot wait for, beside those watched.

        A plan that began elsewhere in its cycle may serve them: then it does, and comes into step from there.
        """
        arrival.find_late(now_ms, plans.memory, calls, self._late_ms)
        late = np.flatnonzero((self._new_until_ms > now_ms) & (self._late_ms > 0)).tolist()
        strayed, left = False, []
        for j in late:
            if j in watched:
                continue
            begin_ms = int(arrival.better_start(j, now_ms, int(self._late_ms[j]), plans.memory, calls))
            if begin_ms >= 0:
                self._offset_ms[j] = begin_ms
                self.hours.stray(j, begin_ms)
                strayed = True
            left.append(j)
        if strayed:
            kernels.follow_plans(now_ms, plans.memory)
            arrival.find_late(now_ms, plans.memory, calls, self._late_ms)
        return [j for j in left if self._late_ms[j] > 0]

    def _views_of(self, state: State) -> tuple[Bundle, arrival.Calls]:
        """All arrays as the kernels take them, bundled when another state is met than last time."""
        plans, calls = self._plans, self._calls
        if plans is None or calls is None or state is not self._state:
            value = kernels.Plans(
                self._step_start, self._step_stage, self._step_end_ms, self._cycle_ms, self._offset_ms,
                self._new_until_ms, self.crossings, state.recall, state.wanted_stage, state.planned_end_ms,
            )  # fmt: skip
            plans = Bundle(kernels.lay_plans, value)
            network = self.network
            calls = arrival.Calls(
                network.group_start, network.stage_bits, network.intergreen_start, network.intergreen_ms,
                network.min_green_ms, network.promise_ms, self._yellow_max_ms,
                state.target_stage, state.target_bits, state.call_since_ms, state.green_ended_ms,
            )  # fmt: skip
            self._plans, self._calls, self._state = plans, calls, state
        return plans, calls

    def follow(self, junction: int, now_ms: int) -> None:
        """A junction comes to its plan from elsewhere, with calls that are older than the plan foresees."""
        self.urgency.stage[junction] = -1
        if (turn := self.hours.into_step(junction)) is not None:
            self._play(*turn)
        self._new_until_ms[junction] = now_ms + self._cycle_ms[junction]

    def _play(self, junction: int, plan: int, steps_ms: Sequence[int], offset_ms: int) -> None:
        """Let a junction play the steps of one of its plans for so long each, cycles from `offset_ms` on.

        Steps of other plans that this one has not are left over at its end and last no time.
        """
        here = slice(int(self._step_start[junction]), int(self._step_start[junction + 1]))
        stages = self.hours.stages(junction, plan)
        left = here.stop - here.start - len(stages)
        self._step_stage[here] = [*stages, *[stages[-1]] * left]
        self._step_end_ms[here] = np.cumsum([*steps_ms, *[0] * left])
        self._cycle_ms[junction] = sum(steps_ms)
        self._offset_ms[junction] = offset_ms
        self._n_steps[junction] = len(stages)

    def steps(self, junction: int) -> tuple[Ints, Ints, int, int]:
        """A junction's plan: stage of each step among all stages, its end in the cycle, cycle, offset; ms."""
        begin = int(self._step_start[junction])
        here = slice(begin, begin + int(self._n_steps[junction]))
        cycle_ms, offset_ms = int(self._cycle_ms[junction]), int(self._offset_ms[junction])
        return self._step_stage[here], self._step_end_ms[here], cycle_ms, offset_ms

    def restart(self, junction: int, stage: int, now_ms: int) -> None:
        """Let a junction's plan begin now at its first step of `stage`, or else at its first.

        From now on it goes by its own beat: another hour brings another plan, but not into step.
        """
        plan, steps_ms = self.hours.go_free(junction)
        self._play(junction, plan, steps_ms, now_ms)
        begin = int(self._step_start[junction])
        end = begin + int(self._n_steps[junction])
        steps = range(begin, end)
        step = next((k for k in steps if self._step_stage[k] == stage), begin)
        began_ms = int(self._step_end_ms[step - 1]) if step > begin else 0
        self._offset_ms[junction] = now_ms - began_ms
        self.hours.beats_from(junction, now_ms - began_ms)

    def _give_way(self, state: State, now_ms: int, watched: list[int]) -> None:
        """At the watched junctions: an urgent call first, and no step that would break a promise."""
        urgency = self.urgency
        urgency.update(state, now_ms)
        for j in watched:
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
            else:
                continue
            if self._new_until_ms[j] > now_ms:
                # Whose turn this was has another cycle to wait.
                self._new_until_ms[j] = now_ms + self._cycle_ms[j]


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


def _played_plans(junction: Junction, named: set[str]) -> tuple[FixedPlan, ...]:
    """Its first plan, and those the timetable names; checked."""
    if not junction.plans:
        raise ValueError(f"junction {junction.name} has no fixed plan")
    played = (junction.plans[0], *(plan for plan in junction.plans[1:] if plan.name in named))
    known = [stage.name for stage in junction.stages]
    for plan in played:
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
    return played
