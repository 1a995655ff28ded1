"""Which plan each junction plays at this hour, and the cycles that lead from one plan to the next.

A new hour is heard at the end of the cycle that runs: everybody in it is still served as the old plan
says. What then comes is worked out once, by `controller.plan_change`, and played by the street's clock.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from controller.junction import FixedPlan, Junction
from controller.local_clock import plan_of_the_hour
from controller.network import Ints, Network
from controller.plan_change import CYCLES_MAX, Change, plan_change, room_below, shorter_change
from controller.plan_paper import Paper
from controller.state import NEVER_MS

LOOK_MS = 1000
AWAY_MS = 60_000
"""Nobody has asked for so long: whoever asks now comes from other plans, and begins with this hour's."""
TOLD_MAX = 256
Turn = tuple[int, int, Sequence[int], int]
"""Junction, plan among those it plays, durations of its steps, and when such a cycle begins; ms."""


class PlanClock:
    """The hour by which plans are chosen, as long as its clock is trusted.

    `hour` is the name of the plans to play, empty = each junction's first. While `trusted` is False
    it stays what it was, and `told` says so once.
    """

    UNCHANGING = frozenset({"clock", "timetable"})

    def __init__(self, network: Network) -> None:
        self.clock = network.street.clock
        self.timetable = network.street.timetable
        self.trusted = True
        self.hour = ""
        self.told: list[str] = []
        self._doubted = False
        self._look_ms = -NEVER_MS

    def look(self, now_ms: int) -> str:
        """The hour at `now_ms`, looked up once a second."""
        if not self.timetable or 0 <= now_ms - self._look_ms < LOOK_MS:
            return self.hour
        self._look_ms = now_ms
        if self.trusted:
            self.hour = plan_of_the_hour(self.timetable, self.clock.at(now_ms))
        elif not self._doubted:
            running = f"plan {self.hour}" if self.hour else "the first plan"
            self.told.append(f"the local clock cannot be trusted: {running} goes on, whatever the hour")
        self._doubted = not self.trusted
        return self.hour


class PlanHours:
    """The plans of all junctions by the hour. `plans` (J) are those each plays, its first one first."""

    UNCHANGING = frozenset({"network", "plans", "takes_long", "_numbers", "_least_ms", "_rest_ms", "_stages"})

    def __init__(self, network: Network, plans: Sequence[tuple[FixedPlan, ...]], clock: PlanClock) -> None:
        self.network, self.plans, self.clock = network, tuple(plans), clock
        junctions = network.street.junctions
        n = len(junctions)
        self._numbers = [{plan.name: k for k, plan in enumerate(known)} for known in plans]
        self._stages = [
            [_stage_numbers(network, j, plan) for plan in known] for j, known in enumerate(self.plans)
        ]
        self._least_ms: list[list[list[int]]] = [[] for _ in junctions]
        self._rest_ms: list[list[int]] = [[] for _ in junctions]
        self.takes_long = np.zeros(n, np.bool_)
        """Somebody could wait longer than promised while one plan follows another."""
        for j, (junction, known) in enumerate(zip(junctions, self.plans, strict=True)):
            paper = Paper(junction, network.lamp_resolution_ms)
            self._least_ms[j] = [paper.least_ms(plan) for plan in known]
            if len(known) > 1:
                self._rest_ms[j] = [_rest_ms(junction, paper, plan) for plan in known]
                self.takes_long[j] = any(
                    _takes_long(junction, paper, a, b) for a in known for b in known if a is not b
                )
        self.playing: Ints = np.zeros(n, np.int64)
        self._wanted: Ints = np.zeros(n, np.int64)
        self._free = np.zeros(n, np.bool_)
        self._cycle_ms: Ints = np.array([known[0].cycle_ms for known in plans], np.int64)
        self._begin_ms: Ints = np.array([known[0].offset_ms for known in plans], np.int64)
        self._due_ms: Ints = np.full(n, NEVER_MS, np.int64)
        self._astray = np.zeros(n, np.bool_)
        self._moving = False
        self._coming: list[list[list[int]]] = [[] for _ in junctions]
        self._hour = ""
        self._settled_ms: Ints = np.full(n, -NEVER_MS, np.int64)
        self._asked_ms = -NEVER_MS
        self._turned: list[int] = []
        self.told: list[tuple[int, str]] = []
        """(junction, sentence): coordination alarms, until somebody takes them."""

    def stages(self, junction: int, plan: int) -> list[int]:
        """Stage of each step among all stages."""
        return self._stages[junction][plan]

    def changing(self, now_ms: int) -> list[int]:
        """Junctions between two plans where somebody could wait longer than promised."""
        if not self.clock.timetable:
            return []
        return [int(j) for j in np.flatnonzero(self.takes_long & (now_ms < self._settled_ms))]

    def take_told(self) -> list[tuple[int, str]]:
        """Alarms since last asked; junction -1 = the clock of all."""
        if not self.told and not self.clock.told:
            return []
        told = [(-1, sentence) for sentence in self.clock.told] + self.told
        self.told, self.clock.told = [], []
        return told

    def take_turned(self) -> list[int]:
        """Junctions that turned to another plan since last asked."""
        turned, self._turned = self._turned, []
        return turned

    def due(self, now_ms: int) -> list[Turn]:
        """What changes at `now_ms`; ask at every lamp time."""
        if not self.clock.timetable:
            return self._turns(now_ms)
        away = not 0 <= now_ms - self._asked_ms <= AWAY_MS
        self._asked_ms = now_ms
        hour = self.clock.look(now_ms)
        if away:
            self._hour = hour
            return [self._at_once(j, hour) for j in range(len(self.plans))]
        if hour != self._hour:
            self._hour = hour
            for j in range(len(self.plans)):
                self._want(j, self._numbers[j].get(hour, 0), now_ms)
        return self._turns(now_ms)

    def _turns(self, now_ms: int) -> list[Turn]:
        if not self._moving:
            return []
        turns = [self._turn(int(j)) for j in np.flatnonzero(self._due_ms <= now_ms)]
        self._moving = bool((self._due_ms < NEVER_MS).any())
        return turns

    def into_step(self, junction: int) -> Turn | None:
        """A junction begins anew with its plan, by the street's clock; None where it goes by its own beat."""
        return None if self._free[junction] else self._at_once(junction, self.clock.hour)

    def stray(self, junction: int, begin_ms: int) -> None:
        """Cycles of a junction's plan begin at this moment, out of step; it comes back, cycle by cycle.

        Where no step may be shorter it stays out of step until the next hour.
        """
        self._begin_ms[junction] = begin_ms
        if self._free[junction]:
            return
        number = int(self.playing[junction])
        plan, least_ms = self.plans[junction][number], self._least_ms[junction][number]
        steps_ms, grain_ms = [step.duration_ms for step in plan.steps], self.network.lamp_resolution_ms
        self._coming[junction], self._cycle_ms[junction] = [], plan.cycle_ms
        self._astray[junction] = can = any(room_below(steps_ms, least_ms, grain_ms))
        self._due_ms[junction] = begin_ms + plan.cycle_ms if can else NEVER_MS
        self._moving |= can

    def go_free(self, junction: int) -> tuple[int, list[int]]:
        """From now on a junction's plans go by their own beat; its plan of this hour and its steps' ms."""
        self._free[junction] = True
        number, steps_ms = self._settle(junction, self.clock.hour)
        return number, steps_ms

    def beats_from(self, junction: int, begin_ms: int) -> None:
        """Cycles of a free junction begin at this moment."""
        self._begin_ms[junction] = begin_ms

    def _settle(self, j: int, hour: str) -> tuple[int, list[int]]:
        number = self._numbers[j].get(hour, 0)
        plan = self.plans[j][number]
        self.playing[j] = self._wanted[j] = number
        self._coming[j] = []
        self._due_ms[j] = NEVER_MS
        self._astray[j] = False
        self._cycle_ms[j] = plan.cycle_ms
        return number, [step.duration_ms for step in plan.steps]

    def _at_once(self, j: int, hour: str) -> Turn:
        number, steps_ms = self._settle(j, hour)
        if not self._free[j]:
            self._begin_ms[j] = self.plans[j][number].offset_ms
        return j, number, steps_ms, int(self._begin_ms[j])

    def _want(self, j: int, number: int, now_ms: int) -> None:
        """Turn to another plan at the end of the cycle that runs; a cycle of a change has its end already."""
        self._wanted[j] = number
        if self._coming[j] or self._due_ms[j] != NEVER_MS:
            return
        if number != self.playing[j]:
            self._due_ms[j] = now_ms + (int(self._begin_ms[j]) - now_ms) % int(self._cycle_ms[j])
            self._moving = True

    def _turn(self, j: int) -> Turn:
        at_ms, number = int(self._due_ms[j]), int(self._wanted[j])
        plan = self.plans[j][number]
        steps_ms = [step.duration_ms for step in plan.steps]
        if number != self.playing[j]:
            self.playing[j] = number
            self._turned = [*self._turned[-TOLD_MAX:], j]
            self._coming[j] = [] if self._free[j] else self._way(j, number, steps_ms, at_ms)
            self._astray[j] = False
        elif self._astray[j] and not self._coming[j]:
            self._coming[j] = self._way_back(j, number, steps_ms, at_ms)
        if self._coming[j]:
            steps_ms, *self._coming[j] = self._coming[j]
            self._begin_ms[j], self._due_ms[j] = at_ms, at_ms + sum(steps_ms)
        else:
            self._begin_ms[j] = at_ms if self._free[j] else plan.offset_ms
            self._due_ms[j] = NEVER_MS
        self._cycle_ms[j] = sum(steps_ms)
        if not self._astray[j]:
            self._settled_ms[j] = at_ms + sum(steps_ms)
        self._astray[j] &= self._due_ms[j] != NEVER_MS
        return j, number, steps_ms, int(self._begin_ms[j])

    def _way(self, j: int, number: int, steps_ms: list[int], at_ms: int) -> list[list[int]]:
        change = plan_change(
            steps_ms, self._least_ms[j][number], self.plans[j][number].offset_ms, at_ms,
            self.network.lamp_resolution_ms, self._rest_ms[j][number],
        )  # fmt: skip
        return self._told_way(j, number, change)

    def _way_back(self, j: int, number: int, steps_ms: list[int], at_ms: int) -> list[list[int]]:
        """Shorter cycles of the same plan, each step as R47 allows, so that every promise holds meanwhile."""
        least_ms, offset_ms = self._least_ms[j][number], self.plans[j][number].offset_ms
        grain_ms = self.network.lamp_resolution_ms
        return self._told_way(j, number, shorter_change(steps_ms, least_ms, offset_ms, at_ms, grain_ms))

    def _told_way(self, j: int, number: int, change: Change) -> list[list[int]]:
        """The cycles that lead into step; more than are allowed are an alarm."""
        if not change.in_time:
            title, plan = self.network.street.junctions[j].title, self.plans[j][number].name
            n = len(change.cycles_ms)
            sentence = f"plan {plan} comes into step only after {n} cycles, {CYCLES_MAX} are allowed"
            self.told.append((j, f"{title}: coordination alarm: {sentence}"))
            del self.told[:-TOLD_MAX]
        return [list(cycle) for cycle in change.cycles_ms]


def _stage_numbers(network: Network, j: int, plan: FixedPlan) -> list[int]:
    names = [stage.name for stage in network.street.junctions[j].stages]
    return [int(network.stage_start[j]) + names.index(step.stage) for step in plan.steps]


def _rest_ms(junction: Junction, paper: Paper, plan: FixedPlan) -> int:
    """How long a plan may rest in one step with every promise kept."""
    reds_ms = paper.longest_red_ms(*paper.steps(plan))
    return max(0, min(g.promise_ms - red for g, red in zip(junction.groups, reds_ms, strict=True)))


def _takes_long(junction: Junction, paper: Paper, old: FixedPlan, new: FixedPlan) -> bool:
    """Whether a group could be red for longer than promised from one plan into the other's longest cycle."""
    before, after = _edges_ms(paper, old), _edges_ms(paper, new)
    return any(
        (old.cycle_ms - last_ms) + first_ms * 6 // 5 > group.promise_ms
        for group, (_, last_ms), (first_ms, _) in zip(junction.groups, before, after, strict=True)
    )


def _edges_ms(paper: Paper, plan: FixedPlan) -> list[tuple[int, int]]:
    """(groups) beginning of the first green in the cycle and end of the last one."""
    bits, durations_ms = paper.steps(plan)
    begins = [sum(durations_ms[:k]) for k in range(len(bits))]
    edges = [(plan.cycle_ms, 0)] * len(paper.junction.groups)
    for green in paper.greens(bits, durations_ms):
        begin_ms = begins[green.first_step] + green.late_ms
        end_ms = begin_ms + green.lit_ms
        first_ms, last_ms = edges[green.group]
        # A green over the end of the cycle is there at its beginning, too.
        first_ms = 0 if end_ms > plan.cycle_ms else min(first_ms, begin_ms)
        edges[green.group] = (first_ms, max(last_ms, min(end_ms, plan.cycle_ms)))
    return edges
