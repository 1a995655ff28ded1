"""Watches a controller tick by tick and notes every change of stage with its reasons.

It reads the state and what the planner left behind and writes neither, so that a
controller that is watched decides exactly like one that is not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from controller.explain import Decision, Rule, Terms, Waiting
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
        state = self.controller.state
        decisions = []
        if not np.array_equal(state.target_stage, self._target_stage):
            for j in np.flatnonzero(state.target_stage != self._target_stage):
                both = self._target_stage[j] >= 0 and state.target_stage[j] >= 0
                if both and state.target_bits[j] != self._target_bits[j]:
                    decisions.append(self._decision(int(j), now_ms))
        self._target_stage[:] = state.target_stage
        self._target_bits[:] = state.target_bits
        self._call_since_ms[:] = state.call_since_ms
        return decisions

    def _decision(self, j: int, now_ms: int) -> Decision:
        controller, state = self.controller, self.controller.state
        from_bits, to_bits = int(self._target_bits[j]), int(state.target_bits[j])
        waiting = self._waiting(j, to_bits & ~from_bits, now_ms)
        rule, urgent = self._rule(j, waiting)
        winner, loser, totals = self._costs(j, rule)
        return Decision(
            time_ms=now_ms,
            junction=j,
            from_stage=int(self._target_stage[j]),
            to_stage=int(state.target_stage[j]),
            source=controller.name,
            winner=winner,
            loser=loser,
            urgent_group=urgent,
            rule=rule,
            from_groups=from_bits,
            to_groups=to_bits,
            totals=totals,
            waiting=waiting,
        )

    def _waiting(self, j: int, starting: int, now_ms: int) -> tuple[Waiting, ...]:
        network, state = self.controller.network, self.controller.state
        first, last = int(network.group_start[j]), int(network.group_start[j + 1])
        lanes = slice(int(network.lane_start[j]), int(network.lane_start[j + 1]))
        found = []
        for g in range(first, last):
            if not starting >> (g - first) & 1:
                continue
            called_ms = min(int(self._call_since_ms[g]), int(state.call_since_ms[g]))
            if network.group_kind[g] == GroupKind.PEDESTRIAN:
                count = float(state.waiting_people[g])
            else:
                served = network.lane_group_bits[lanes] >> (g - first) & 1
                count = float((state.queue_veh[lanes] * served).sum())
            found.append(Waiting(g, count, max(0, now_ms - called_ms) if called_ms < NEVER_MS else 0))
        found.sort(key=lambda w: (-w.waited_ms, -w.count, w.group))
        return tuple(found)

    def _rule(self, j: int, waiting: tuple[Waiting, ...]) -> tuple[Rule, int | None]:
        """What the planner went by, and the group that forced it, if one did."""
        network, planner = self.controller.network, self.controller.planner
        urgency = _urgency_of(planner, j)
        called = [w for w in waiting if w.waited_ms > 0]
        rule = _RULE_OF[self.controller.name]
        if urgency is None:
            return rule, None
        first = int(network.group_start[j])
        due = [w for w in called if int(urgency.due_calls[j]) >> (w.group - first) & 1]
        if due:
            rule, called = "max-green", due
        elif urgency.stage[j] == self.controller.state.target_stage[j]:
            rule = "promise"
        else:
            return rule, None
        urgent = min(called, key=lambda w: int(network.promise_ms[w.group]) - w.waited_ms, default=None)
        return rule, None if urgent is None else urgent.group

    def _costs(self, j: int, rule: Rule) -> tuple[Terms | None, Terms | None, tuple[float, float] | None]:
        """Terms of changing and of staying as far as the planner keeps any, and their totals."""
        planner: Any = self.controller.planner
        terms = getattr(planner, "terms", None)
        if terms is not None and rule == "cost":
            winner, loser = (Terms(*(_finite(x) for x in terms[j, row])) for row in (0, 1))
            return winner, loser, (winner.total(), loser.total())
        if hasattr(planner, "winner_cost"):
            return None, None, (_finite(planner.winner_cost[j]), _finite(planner.loser_cost[j]))
        if hasattr(planner, "decision"):
            return None, None, (self._score(j, "target"), self._score(j, "before"))
        return None, None, None

    def _score(self, j: int, which: str) -> float:
        """What a stage is worth to a planner that looks at the present only."""
        network, state = self.controller.network, self.controller.state
        score = self.controller.planner.decision.score  # type: ignore[attr-defined]
        stage = int(state.target_stage[j] if which == "target" else self._target_stage[j])
        first = int(network.group_start[j])
        bits = int(network.stage_bits[stage])
        n = int(network.group_start[j + 1]) - first
        return float(sum(score[first + k] for k in range(n) if bits >> k & 1))


def _finite(cost: float) -> float:
    """A cost that can be written down: without an admissible plan it is as good as infinite."""
    return float(np.nan_to_num(cost, nan=0.0, posinf=_NO_PLAN, neginf=-_NO_PLAN))


def _urgency_of(planner: Any, j: int) -> Any:
    """The planner's safety net at junction `j`, wherever it keeps it; None when it has none there."""
    if j not in getattr(planner, "watched", (j,)):
        return None
    return getattr(planner, "urgency", None) or getattr(getattr(planner, "decision", None), "urgency", None)
