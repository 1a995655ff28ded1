"""One junction from near: lamps and countdowns, what is believed, what is planned, and why.

Read from a running controller in the engine's own process, for the junctions somebody looks
at and a few of them a tick. It remembers of every junction only its last stages and the
reasons of its last change; nothing of the controller is written.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from controller.decision_log import DecisionLog, Moment
from controller.explain import REGISTERS, TERMS, Decision, Rule, deciding_term, explain
from controller.frame import Frame
from controller.ladder import REASON_WORDS, RUNG_WORDS, Reason, Rung
from controller.plan_ahead import AHEAD_MS, plan_ahead
from controller.state import NEVER_MS
from controller.tick import Controller
from controller.vocabulary import GroupKind, Lamp, Sensors
from override.details import (
    LONG_MS,
    ApproachDetail,
    BusDetail,
    Detail,
    DetectorDetail,
    GroupDetail,
    StageSpan,
    TermDetail,
)

if TYPE_CHECKING:
    from override.acting import Acting

LETTERS = "RGYCFAD"
SHOWN_MS = 120_000
SPANS_MAX = 64
COMING_S = 20
BUSES_MAX = 32
KEPT_RULES = frozenset({"promise", "max-green", "preempt", "preempt-exit", "priority"})
"""Reasons that hold on every rung."""


class Near:
    """Watches one controller tick by tick, and describes single junctions of it."""

    def __init__(self, controller: Controller, acting: Acting) -> None:
        self.controller = controller
        self.network = network = controller.network
        self.acting = acting
        self._log = DecisionLog(controller)
        self._moments: dict[int, tuple[Moment, Rung]] = {}
        self._why: dict[int, tuple[Decision, tuple[str, str, str]]] = {}
        """Put into words when somebody looks."""
        self._ordered: dict[int, str] = {}
        self._shown: list[deque[tuple[int, int]]] = [
            deque(maxlen=SPANS_MAX) for _ in range(network.n_junctions)
        ]
        # Detectors lie junction after junction, as everything does.
        self._detector_start = np.searchsorted(network.detector_junction, np.arange(network.n_junctions + 1))
        self._stage: NDArray[np.int64] = np.full(network.n_junctions, -1, np.int64)
        self._moved_ms: NDArray[np.int64] = np.zeros(len(network.detectors), np.int64)
        self._was_on: NDArray[np.bool_] = np.zeros(len(network.detectors), np.bool_)
        self.strange: NDArray[np.bool_] = np.zeros(network.n_junctions, np.bool_)
        """Junctions whose stages are not those that consoles know."""
        self._sequence = -1
        self._planned_for = (-1, -1)
        self._planned: list[tuple[int, int, int]] = []

    def of_version(self, controller: Controller, strange: NDArray[np.bool_]) -> Near:
        """The same of another version, which is taken up beside this one; `strange` (J): as in `strange`."""
        made = Near(controller, self.acting)
        made.strange[:] = strange
        made._sequence = self._sequence
        made._moved_ms[:], made._was_on[:] = self._moved_ms, self._was_on
        return made

    def take_over(self, other: Near, j: int, explained: bool = True) -> None:
        """Know what `other` saw and said of a junction with the same stages; without `explained` their
        numbers are the same too.
        """
        for memory in (self._moments, self._why, self._ordered):
            memory.pop(j, None)
        if explained:
            decision, words = other._explained(j)
            if decision is not None:
                self._why[j] = decision, words
        elif j in other._moments:
            self._moments[j], self._ordered[j] = other._moments[j], other._ordered[j]
        shift = int(self.network.stage_start[j] - other.network.stage_start[j])
        shown = [(stage + shift if stage >= 0 else -1, ms) for stage, ms in other._shown[j]]
        self._shown[j] = deque(shown, maxlen=SPANS_MAX)

    def is_final(self, controller: Controller) -> None:
        """This version is `controller`'s from now on."""
        self.controller = self._log.controller = controller

    def observe(self, frame: Frame, now_ms: int, leads: NDArray[np.bool_] | None = None) -> None:
        """After every tick: which junctions changed their stage, which detectors moved.

        leads (J): where this controller's word counts; None = everywhere.
        """
        for moment in self._log.moments(now_ms):
            if leads is not None and not leads[moment.junction]:
                continue
            self._moments[moment.junction] = (moment, self._rung(moment.junction))
            self._why.pop(moment.junction, None)
            self._ordered[moment.junction] = self.acting.who_moves(moment.junction)
        state = self.controller.state
        if not np.array_equal(state.target_stage, self._stage):
            for j in np.flatnonzero(state.target_stage != self._stage).tolist():
                self._shown[j].append((int(state.target_stage[j]), now_ms))
            np.copyto(self._stage, state.target_stage)
        if frame.sequence != self._sequence:
            if self._sequence < 0:
                self._moved_ms[:] = now_ms
            self._sequence = frame.sequence
            moved = (frame.detector_on != self._was_on) | (frame.detector_count > 0)
            self._moved_ms[moved] = now_ms
            np.copyto(self._was_on, frame.detector_on)

    def detail(self, j: int, frame: Frame, boot: bytes, clock_ms: int, now_ms: int) -> Detail:
        """Everything about a junction as of the last tick."""
        decision, (operator, engineer, citizen) = self._explained(j)
        return Detail(
            boot=boot,
            now_ms=clock_ms,
            street_ms=max(0, now_ms),
            junction=self.acting.network.street.junctions[j].name,
            groups=self._groups(j, now_ms),
            approaches=self._approaches(j, frame),
            detectors=self._detectors(j, frame, now_ms),
            buses=self._buses(j, frame),
            preempt=self.controller.preemption.sentence(j, now_ms)[:200],
            shown=self._spans_shown(j, now_ms),
            planned=self._spans_planned(j, now_ms),
            decided_ms=_long(now_ms - decision.time_ms) if decision else 0,
            operator=operator,
            engineer=engineer,
            citizen=citizen,
            decided_by=(deciding_term(decision) or "") if decision else "",
            terms=_terms(decision),
            rung_cause=self._rung_cause(j),
            stages=tuple(s.name for s in self.network.street.junctions[j].stages) if self.strange[j] else (),
        )

    # --- lamps -----------------------------------------------------------------------------

    def _groups(self, j: int, now_ms: int) -> tuple[GroupDetail, ...]:
        network, state = self.network, self.controller.state
        first, last = int(network.group_start[j]), int(network.group_start[j + 1])
        here = slice(first, last)
        n = last - first
        lamp, since_ms = state.lamp[here].tolist(), state.lamp_since_ms[here].tolist()
        call_ms, people = state.call_since_ms[here].tolist(), state.waiting_people[here].tolist()
        queue = self._queues(j, n)
        may_ms = self._may_change(j, now_ms)
        will_ms = self._will_change(j, now_ms, may_ms)
        out = []
        on_feet = (network.group_kind[here] == GroupKind.PEDESTRIAN).tolist()
        for k, on_foot in enumerate(on_feet):
            called = call_ms[k] < NEVER_MS
            out.append(
                GroupDetail(
                    lamp=LETTERS[lamp[k]],
                    since_ms=_long(now_ms - since_ms[k]),
                    may_end_ms=_long(may_ms[k]),
                    will_end_ms=_long(will_ms[k]),
                    called=called,
                    waited_ms=_long(now_ms - call_ms[k]) if called else 0,
                    waiting=min(100_000, round(people[k] if on_foot else queue[k])),
                )
            )
        return tuple(out)

    def _queues(self, j: int, n: int) -> list[float]:
        network = self.network
        lanes = slice(int(network.lane_start[j]), int(network.lane_start[j + 1]))
        bits = network.lane_group_bits[lanes, None] >> np.arange(n) & 1
        out: list[float] = (self.controller.state.queue_veh[lanes] @ bits).tolist()
        return out

    def _may_change(self, j: int, now_ms: int) -> list[int]:
        """Least time each lamp still stays: minimum green, yellow, clearance, or the way to green."""
        network, state = self.network, self.controller.state
        first, last = int(network.group_start[j]), int(network.group_start[j + 1])
        here, n = slice(first, last), last - first
        lamp, since_ms = state.lamp[here], state.lamp_since_ms[here]
        green = lamp == Lamp.GREEN
        changing = (lamp == Lamp.YELLOW) | (lamp == Lamp.CLEARANCE)
        left_ms = np.where(green, network.min_green_ms[here], np.where(changing, network.yellow_ms[here], 0))
        left_ms = np.maximum(0, left_ms - (now_ms - since_ms)) * (green | changing)
        at = int(network.intergreen_start[j])
        table_ms = network.intergreen_ms[at : at + n * n].reshape(n, n)
        ended_ms = np.where(green, now_ms + left_ms, state.green_ended_ms[here])
        conflicts = (network.conflict_bits[here, None] >> np.arange(n) & 1).astype(bool)
        np.fill_diagonal(conflicts, True)
        way_ms = np.where(conflicts, ended_ms[:, None] + table_ms - now_ms, 0).max(axis=0)
        out: list[int] = np.where(lamp == Lamp.RED, np.maximum(0, way_ms), left_ms).tolist()
        return out

    def _will_change(self, j: int, now_ms: int, may_ms: list[int]) -> list[int]:
        """When each lamp is expected to change, by the stages planned; 0 = nobody knows yet."""
        network, state = self.network, self.controller.state
        here = slice(int(network.group_start[j]), int(network.group_start[j + 1]))
        plan = [(int(network.stage_bits[stage]), at, lasts) for stage, at, lasts in self._plan(j, now_ms)]
        target = int(state.target_bits[j])
        comes: list[bool] = (
            (network.group_kind[here] != GroupKind.PEDESTRIAN)
            | state.recall[here]
            | (state.call_since_ms[here] < NEVER_MS)
        ).tolist()
        out = []
        for k, (least_ms, lamp, called) in enumerate(
            zip(may_ms, state.lamp[here].tolist(), comes, strict=True)
        ):
            lit = lamp == Lamp.GREEN
            if lamp in (Lamp.YELLOW, Lamp.CLEARANCE) or (not lit and target >> k & 1):
                expected_ms = 1
            else:
                expected_ms = _end_of(k, plan) if lit else (_begin_of(k, plan) if called else 0)
            out.append(max(expected_ms, least_ms) if expected_ms else 0)
        return out

    # --- stages ----------------------------------------------------------------------------

    def _plan(self, j: int, now_ms: int) -> list[tuple[int, int, int]]:
        if self._planned_for != (j, now_ms):
            ordered = bool(self.acting.who_moves(j))
            self._planned = plan_ahead(self.controller, j, now_ms, ordered)
            self._planned_for = (j, now_ms)
        return self._planned

    def _spans_planned(self, j: int, now_ms: int) -> tuple[StageSpan, ...]:
        first = int(self.network.stage_start[j])
        return tuple(
            StageSpan(min(255, stage - first), from_ms, for_ms)
            for stage, from_ms, for_ms in self._plan(j, now_ms)[:16]
        )

    def _spans_shown(self, j: int, now_ms: int) -> tuple[StageSpan, ...]:
        first = int(self.network.stage_start[j])
        rows = [*self._shown[j], (-1, now_ms)]
        out = []
        for (stage, began_ms), (_, ended_ms) in pairwise(rows):
            began_ms = max(began_ms, now_ms - SHOWN_MS)
            if stage >= 0 and ended_ms > began_ms:
                out.append(StageSpan(min(255, stage - first), began_ms - now_ms, ended_ms - began_ms))
        return tuple(out[-SPANS_MAX:])

    # --- traffic ---------------------------------------------------------------------------

    def _approaches(self, j: int, frame: Frame) -> tuple[ApproachDetail, ...]:
        state, network = self.controller.state, self.network
        lanes = slice(int(network.lane_start[j]), int(network.lane_start[j + 1]))
        queue, blocked = state.queue_veh[lanes].tolist(), state.blocked[lanes].tolist()
        coming = state.arrival_veh[lanes, :COMING_S].sum(axis=1).tolist()
        unseen = state.unseen_lane[lanes].tolist()
        found: dict[str, list[int]] = {}
        for i, lane in enumerate(network.street.junctions[j].lanes):
            found.setdefault(lane.approach, []).append(i)
        return tuple(
            ApproachDetail(
                name=name[:64],
                queue_veh=min(100_000, round(sum(queue[i] for i in mine))),
                coming_veh=min(100_000, round(sum(coming[i] for i in mine))),
                blocked_permille=round(1000 * min(1.0, max(blocked[i] for i in mine))),
                seen=frame.sensors is Sensors.FULL or not all(unseen[i] for i in mine),
            )
            for name, mine in list(found.items())[:64]
        )

    def _detectors(self, j: int, frame: Frame, now_ms: int) -> tuple[DetectorDetail, ...]:
        degradation = self.controller.degradation
        detectors = None if degradation is None else degradation.detectors
        out = []
        mine = range(int(self._detector_start[j]), int(self._detector_start[j + 1]))
        for d in mine:
            trust, cause = 1000, ""
            if detectors is not None:
                trust = round(1000 * min(1.0, max(0.0, float(detectors.health.trust[d]))))
                cause = detectors.sentence(d)[:160] if detectors.health.cause[d] else ""
            idle_ms = _long(now_ms - int(self._moved_ms[d]))
            out.append(DetectorDetail(bool(frame.detector_on[d]), trust, cause, idle_ms))
        return tuple(out)

    def _buses(self, j: int, frame: Frame) -> tuple[BusDetail, ...]:
        network = self.network
        first, last = int(network.lane_start[j]), int(network.lane_start[j + 1])
        out: list[BusDetail] = []
        lanes = network.street.junctions[j].lanes
        for row in range(min(frame.n_buses, len(frame.bus_lane))):
            lane = int(frame.bus_lane[row])
            if not first <= lane < last or len(out) == BUSES_MAX:
                continue
            told = float(frame.bus_persons[row])
            people = self.controller.policy.persons_per_bus if np.isnan(told) else told
            away_s = float(frame.bus_distance_m[row]) / float(network.lane_speed_m_per_s[lane])
            out.append(
                BusDetail(
                    line="",
                    approach=lanes[lane - first].approach[:64],
                    arrives_ms=_long(round(1000 * (away_s - float(frame.bus_age_s[row])))),
                    late_s=max(-86_400, min(86_400, round(float(frame.bus_late_s[row])))),
                    people=max(0, min(1000, round(people))),
                    priority=self._priority(j, frame, row),
                )
            )
        return tuple(sorted(out, key=lambda bus: bus.arrives_ms))

    def _priority(self, j: int, frame: Frame, row: int) -> str:
        """What the bus asked for at this junction and got, in words; empty when it has not asked."""
        priority = self.controller.priority
        known = priority is not None and row < len(frame.bus_vehicle)
        return priority.standing(j, int(frame.bus_vehicle[row]))[:64] if priority and known else ""

    # --- why -------------------------------------------------------------------------------

    def _explained(self, j: int) -> tuple[Decision | None, tuple[str, str, str]]:
        """The last change of stage, and why in three registers."""
        if j in self._why:
            return self._why[j]
        if j not in self._moments:
            return None, ("", "", "")
        moment, rung = self._moments[j]
        decision = _by_rung(self._log.decision(moment), rung)
        operator, engineer, citizen = (explain(decision, self.network, r)[:200] for r in REGISTERS)
        who = self._ordered.get(j, "")
        if who and decision.rule not in ("preempt", "preempt-exit"):
            operator = f"{operator.partition(': ')[0]}: ordered, {who}."[:200]
            engineer = f"{engineer.partition(': ')[0]}: ordered, {who}"[:200]
            citizen = "A person in the control room decides here for a while."
        self._why[j] = (decision, (operator, engineer, citizen))
        return self._why[j]

    def _rung(self, j: int) -> Rung:
        degradation = self.controller.degradation
        return Rung.ADAPTIVE if degradation is None else degradation.ladder.rung(j)

    def _rung_cause(self, j: int) -> str:
        degradation = self.controller.degradation
        if degradation is None:
            return ""
        rungs = degradation.ladder.rungs
        rung, demand = int(rungs.rung[j]), int(rungs.demand[j])
        if not rung:
            return ""
        if demand < rung:
            return f"{RUNG_WORDS[rung]}: it will rise when everything has been in order for long enough"
        return f"{RUNG_WORDS[rung]}: {REASON_WORDS[Reason(int(rungs.demand_cause[j]))]}"[:200]


def _by_rung(decision: Decision, rung: Rung) -> Decision:
    """Who stands on a lower rung is not planned for by the search: its costs explain nothing."""
    if rung < Rung.ACTUATED or decision.rule in KEPT_RULES:
        return decision
    rule: Rule = "gap-out" if rung is Rung.ACTUATED else "plan"
    return replace(decision, rule=rule, winner=None, loser=None, totals=None)


def _end_of(k: int, plan: list[tuple[int, int, int]]) -> int:
    """When a green group is left, by (bits of the stage, from, for) from now on; 0 = not foreseen."""
    end_ms = 0
    for bits, from_ms, for_ms in plan:
        if not bits >> k & 1:
            return max(1, from_ms)
        end_ms = from_ms + for_ms
    return end_ms if end_ms < AHEAD_MS else 0


def _begin_of(k: int, plan: list[tuple[int, int, int]]) -> int:
    """When the stage that serves a red group is begun."""
    return next((max(1, from_ms) for bits, from_ms, _ in plan if bits >> k & 1), 0)


def _terms(decision: Decision | None) -> tuple[TermDetail, ...]:
    if decision is None or decision.winner is None or decision.loser is None:
        return ()
    return tuple(
        TermDetail(name, _tenths(getattr(decision.winner, name)), _tenths(getattr(decision.loser, name)))
        for name in TERMS
    )


def _tenths(person_s: float) -> int:
    return int(min(float(1 << 62), max(0.0, 10.0 * person_s)))


def _long(ms: int) -> int:
    return int(min(LONG_MS, max(0, ms)))
