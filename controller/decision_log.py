"""Watches a controller tick by tick and notes every change of stage with its reasons.

It reads the state and what the planner left behind and writes neither, so that a
controller that is watched decides exactly like one that is not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.explain import Decision, Rule, Terms, Waiting
from controller.preemption import Phase
from controller.state import NEVER_MS
from controller.tick import Controller
from controller.vocabulary import GroupKind

_RULE_OF: dict[str, Rule] = {
    "adaptive": "cost",
    "fixed": "plan",
    "actuated": "gap-out",
    "max-pressure": "pressure",
    "greedy": "most-vehicles",
}
_NO_PLAN = 1e18
"""Person-seconds written down for a plan there is none of."""


class Moment(NamedTuple):
    """What a change of stage went by, copied as it began: a decision can be made of it at any time.

    n groups and m lanes of the junction. What its planner does not keep is None.
    """

    time_ms: int
    junction: int
    from_stage: int
    to_stage: int
    from_bits: int
    to_bits: int
    called_ms: NDArray[np.int64]  # (n) NEVER_MS = no call
    people: NDArray[np.float64]  # (n)
    queue_veh: NDArray[np.float64]  # (m)
    due_calls: int | None
    urgent_stage: int
    terms: NDArray[np.float64] | None  # (2, TERMS)
    costs: tuple[float, float] | None
    score: NDArray[np.float64] | None  # (n)
    asked: tuple[Rule, int] | None = None
    """Somebody who goes before the planner's wish, and the group by which he comes."""
    by_history: int = 0
    """Groups of approaches that nobody sees, as bits."""
    clears_first: bool = False
    """The planner wants this stage on the way to another one."""


class DecisionLog:
    """Call `observe` after every tick; it gives the changes of stage that began in it."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        state = controller.state
        self._target_stage = state.target_stage.copy()
        self._target_bits = state.target_bits.copy()
        # As they were before the tick: a group that starts at once has its call cleared in it.
        self._call_since_ms = state.call_since_ms.copy()

    def observe(self, now_ms: int) -> list[Decision]:
        """Decisions of the tick just made at `now_ms`, in the order of junctions.

        Going to flash and the first stage after all-red are no decisions, and neither is a
        change that neither starts nor ends any green.
        """
        return [self.decision(moment) for moment in self.moments(now_ms)]

    def moments(self, now_ms: int) -> list[Moment]:
        """The same, as what the decisions can be made of later: costs a fraction of making them."""
        state = self.controller.state
        moments = []
        if not np.array_equal(state.target_stage, self._target_stage):
            for j in np.flatnonzero(state.target_stage != self._target_stage):
                both = self._target_stage[j] >= 0 and state.target_stage[j] >= 0
                if both and state.target_bits[j] != self._target_bits[j]:
                    moments.append(self._moment(int(j), now_ms))
        self._target_stage[:] = state.target_stage
        self._target_bits[:] = state.target_bits
        self._call_since_ms[:] = state.call_since_ms
        return moments

    def decision(self, moment: Moment) -> Decision:
        """What was decided, and why, in full."""
        waiting = self._waiting(moment)
        rule, urgent = self._rule(moment, waiting)
        winner, loser, totals = self._costs(moment, rule)
        return Decision(
            time_ms=moment.time_ms,
            junction=moment.junction,
            from_stage=moment.from_stage,
            to_stage=moment.to_stage,
            source=self.controller.name,
            winner=winner,
            loser=loser,
            urgent_group=urgent,
            rule=rule,
            from_groups=moment.from_bits,
            to_groups=moment.to_bits,
            totals=totals,
            waiting=waiting,
            by_history=moment.by_history,
        )

    def _moment(self, j: int, now_ms: int) -> Moment:
        network, state = self.controller.network, self.controller.state
        planner: Any = self.controller.planner
        degradation = self.controller.degradation
        groups = slice(int(network.group_start[j]), int(network.group_start[j + 1]))
        lanes = slice(int(network.lane_start[j]), int(network.lane_start[j + 1]))
        urgency = _urgency_of(planner, j)
        terms = getattr(planner, "terms", None)
        costs = hasattr(planner, "winner_cost")
        scored = hasattr(planner, "decision")
        return Moment(
            now_ms,
            j,
            int(self._target_stage[j]),
            int(state.target_stage[j]),
            int(self._target_bits[j]),
            int(state.target_bits[j]),
            np.minimum(self._call_since_ms[groups], state.call_since_ms[groups]),
            state.waiting_people[groups].copy(),
            state.queue_veh[lanes].copy(),
            None if urgency is None else int(urgency.due_calls[j]),
            -1 if urgency is None else int(urgency.stage[j]),
            None if terms is None else terms[j].copy(),
            (float(planner.winner_cost[j]), float(planner.loser_cost[j])) if costs else None,
            planner.decision.score[groups].copy() if scored else None,
            self._asked(j),
            0 if degradation is None else degradation.approaches.by_history(j),
            bool(planner.clears_first[j]) if hasattr(planner, "clears_first") else False,
        )

    def _asked(self, j: int) -> tuple[Rule, int] | None:
        """For whom the junction goes where it goes, if neither planner nor order wants that."""
        preemption, priority = self.controller.preemption, self.controller.priority
        stage = int(self.controller.state.target_stage[j])
        if preemption.phase[j] >= Phase.ENTRY and stage == preemption.stage[j]:
            leaves = preemption.phase[j] == Phase.EXIT
            return ("preempt-exit" if leaves else "preempt"), preemption.group_of(j)
        lane = -1 if priority is None else priority.brings_forward(j, stage)
        if lane < 0:
            return None
        network = self.controller.network
        bits = int(network.lane_group_bits[lane] & network.stage_bits[stage])
        return "priority", int(network.group_start[j]) + (bits & -bits).bit_length() - 1

    def _waiting(self, moment: Moment) -> tuple[Waiting, ...]:
        network, j = self.controller.network, moment.junction
        first = int(network.group_start[j])
        lanes = slice(int(network.lane_start[j]), int(network.lane_start[j + 1]))
        starting = moment.to_bits & ~moment.from_bits
        found = []
        for k in range(len(moment.called_ms)):
            if not starting >> k & 1:
                continue
            called_ms = int(moment.called_ms[k])
            if network.group_kind[first + k] == GroupKind.PEDESTRIAN:
                count = float(moment.people[k])
            else:
                served = network.lane_group_bits[lanes] >> k & 1
                count = float((moment.queue_veh * served).sum())
            waited_ms = max(0, moment.time_ms - called_ms) if called_ms < NEVER_MS else 0
            found.append(Waiting(first + k, count, waited_ms))
        found.sort(key=lambda w: (-w.waited_ms, -w.count, w.group))
        return tuple(found)

    def _rule(self, moment: Moment, waiting: tuple[Waiting, ...]) -> tuple[Rule, int | None]:
        """What the planner went by, and the group that forced it, if one did."""
        network = self.controller.network
        if moment.asked is not None:
            rule, group = moment.asked
            return rule, None if rule == "preempt-exit" else group
        called = [w for w in waiting if w.waited_ms > 0]
        rule = _RULE_OF[self.controller.name]
        if moment.due_calls is None:
            return rule, None
        first = int(network.group_start[moment.junction])
        due = [w for w in called if moment.due_calls >> (w.group - first) & 1]
        if due:
            rule, called = "max-green", due
        elif moment.urgent_stage == moment.to_stage:
            rule = "promise"
        else:
            return "clearing" if moment.clears_first else rule, None
        urgent = min(called, key=lambda w: int(network.promise_ms[w.group]) - w.waited_ms, default=None)
        return rule, None if urgent is None else urgent.group

    def _costs(
        self, moment: Moment, rule: Rule
    ) -> tuple[Terms | None, Terms | None, tuple[float, float] | None]:
        """Terms of changing and of staying as far as the planner keeps any, and their totals."""
        if moment.asked is not None:
            return None, None, None
        if moment.terms is not None and rule == "cost":
            winner, loser = (Terms(*(_finite(x) for x in moment.terms[row])) for row in (0, 1))
            return winner, loser, (winner.total(), loser.total())
        if moment.costs is not None:
            return None, None, (_finite(moment.costs[0]), _finite(moment.costs[1]))
        if moment.score is not None:
            return None, None, (self._score(moment, moment.to_stage), self._score(moment, moment.from_stage))
        return None, None, None

    def _score(self, moment: Moment, stage: int) -> float:
        """What a stage is worth to a planner that looks at the present only."""
        assert moment.score is not None
        bits = int(self.controller.network.stage_bits[stage])
        return float(sum(score for k, score in enumerate(moment.score) if bits >> k & 1))


def _finite(cost: float) -> float:
    """A cost that can be written down: without an admissible plan it is as good as infinite."""
    return float(np.nan_to_num(cost, nan=0.0, posinf=_NO_PLAN, neginf=-_NO_PLAN))


def _urgency_of(planner: Any, j: int) -> Any:
    """The planner's safety net at junction `j`, wherever it keeps it; None when it has none there."""
    if j not in getattr(planner, "watched", (j,)):
        return None
    return getattr(planner, "urgency", None) or getattr(getattr(planner, "decision", None), "urgency", None)
