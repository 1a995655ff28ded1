"""Transit priority: a late bus keeps a green it would just miss, or gets the next one a little earlier.

Rules R45: an extension or an early green, never more than ten seconds, at most once in a cycle, then a
lock-out; within minimum and maximum greens, and never at the price of a promise. Each bus told of at a
junction makes a request with a life of its own: requested, then granted or refused (and why), then
ended. Only a bus that is late is granted anything; what people on board weigh is the planner's.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame
from controller.network import Ints, Network
from controller.policy import Policy
from controller.state import NEVER_MS, State
from controller.urgency import Urgency

SHIFT_MS = 10_000
"""R45: no green is longer or earlier by more than this."""
AHEAD_MS = 30_000
"""A bus asks when it will be there within this time."""
AGE_MAX_S = 5.0
"""Older news cannot tell in which ten seconds a bus arrives."""
USUAL_CYCLE_MS = 90_000
"""Of a junction without a fixed plan."""
ASKING = 4
"""Buses that may ask at one junction at a time; the latest ones."""
EVENTS_KEPT = 512


class Life(IntEnum):
    """Where a request stands; stored as int8."""

    NONE = 0
    REQUESTED = 1
    EXTENDED = 2
    """Granted: the green is kept for it."""
    EARLY = 3
    """Granted: its green comes earlier."""
    REFUSED = 4
    ENDED = 5


class Why(IntEnum):
    """Why a request was refused, or how it ended; stored as int8."""

    NONE = 0
    ON_TIME = 1
    OLD_NEWS = 2
    LOCKED_OUT = 3
    ORDERED = 4
    PREEMPTED = 5
    PROMISE = 6
    PASSED = 7
    OVER = 8
    NOT_NEEDED = 9


WORDS = {
    Why.ON_TIME: "it is not late",
    Why.OLD_NEWS: "the news of it is too old",
    Why.LOCKED_OUT: "another had priority less than a cycle ago",
    Why.ORDERED: "an order stands here",
    Why.PREEMPTED: "an emergency vehicle goes first",
    Why.PROMISE: "somebody else would wait longer than promised",
    Why.PASSED: "it has passed",
    Why.OVER: "its ten seconds are over",
    Why.NOT_NEEDED: "it passed without",
}


STANDING = {
    Life.REQUESTED: "asks for its green",
    Life.EXTENDED: "its green is kept",
    Life.EARLY: "its green comes earlier",
    Life.REFUSED: "",
    Life.ENDED: "",
}


class PriorityEvent(NamedTuple):
    """One step in the life of one request."""

    time_ms: int
    junction: int
    life: int
    why: int
    vehicle: int
    lane: int
    late_s: int
    shifted_ms: int
    """How long a green was kept, or by how much one was brought forward, so far."""


class BusPriority:
    """Requests of one controller. `hear` each reading, `lift` before the planner and `lay` after it."""

    UNCHANGING = frozenset({"cycle_ms", "network", "policy"})

    def __init__(self, network: Network, policy: Policy, state: State) -> None:
        j = network.n_junctions
        self.network = network
        self.policy = policy
        self._state = state
        self.life: NDArray[np.int8] = np.zeros((j, ASKING), np.int8)
        self.vehicle: Ints = np.full((j, ASKING), -1, np.int64)
        self.lane: Ints = np.zeros((j, ASKING), np.int64)
        self.late_s: Ints = np.zeros((j, ASKING), np.int64)
        self.there_ms: Ints = np.zeros((j, ASKING), np.int64)
        """(J, ASKING) when the bus will be at the stop line."""
        self.why: NDArray[np.int8] = np.zeros((j, ASKING), np.int8)
        self.granted_ms: Ints = np.zeros((j, ASKING), np.int64)
        self.stage: Ints = np.full(j, -1, np.int64)
        """(J) stage kept, or brought forward, now; -1 = none."""
        self.locked_until_ms: Ints = np.zeros(j, np.int64)
        self.events: deque[tuple[int, ...]] = deque(maxlen=EVENTS_KEPT)
        """Rows of `PriorityEvent`, oldest first."""
        self.events_ever = 0
        self.urgency = Urgency(network)
        self.cycle_ms = np.array(
            [jn.plans[0].cycle_ms if jn.plans else USUAL_CYCLE_MS for jn in network.street.junctions],
            np.int64,
        )
        self._own_stage: Ints = np.zeros(j, np.int64)
        self._own_end_ms: Ints = np.zeros(j, np.int64)
        self._laid: NDArray[np.bool_] = np.zeros(j, np.bool_)
        self._sequence = -1
        self._open = False

    def carry_on(self, other: BusPriority) -> None:
        """Go on with the requests of `other`, of the same street."""
        for name, value in vars(other).items():
            if isinstance(value, np.ndarray) and name not in self.UNCHANGING:
                np.copyto(getattr(self, name), value)
        self.events = other.events.copy()
        self.events_ever, self._open, self._sequence = other.events_ever, other._open, other._sequence

    # --- who asks -----------------------------------------------------------------------------

    def hear(self, frame: Frame, now_ms: int) -> None:
        """Take a reading, each once: new requests, and the end of those whose bus is not told of any more."""
        if frame.sequence == self._sequence:
            return
        self._sequence = frame.sequence
        if not frame.n_buses and not self._open:
            return
        heard: set[tuple[int, int]] = set()
        for row in range(min(frame.n_buses, len(frame.bus_lane), len(frame.bus_vehicle))):
            self._ask(frame, row, now_ms, heard)
        self._open = False
        for j, k in zip(*np.nonzero(self.life), strict=True):
            if (int(j), int(self.vehicle[j, k])) in heard:
                self._open = True
            else:
                self._forget(int(j), int(k), now_ms)

    def _ask(self, frame: Frame, row: int, now_ms: int, heard: set[tuple[int, int]]) -> None:
        lane, age_s = int(frame.bus_lane[row]), float(frame.bus_age_s[row])
        distance_m, late_s = float(frame.bus_distance_m[row]), float(frame.bus_late_s[row])
        if not 0 <= lane < self.network.n_lanes or not (distance_m >= 0.0 and 0.0 <= age_s <= 3600.0):
            return
        there_s = distance_m / float(self.network.lane_speed_m_per_s[lane]) - age_s
        if not there_s * 1000 <= AHEAD_MS or not -86_400.0 <= late_s <= 86_400.0:
            return
        j, vehicle = int(self.network.lane_junction[lane]), int(frame.bus_vehicle[row])
        k = self._place(j, vehicle, int(late_s))
        if k < 0:
            return
        heard.add((j, vehicle))
        self.there_ms[j, k] = now_ms + max(0, round(1000 * there_s))
        self.lane[j, k], self.late_s[j, k] = lane, int(late_s)
        if self.life[j, k] != Life.NONE:
            return
        self.vehicle[j, k] = vehicle
        self._turn(j, k, Life.REQUESTED, Why.NONE, now_ms)
        if age_s > AGE_MAX_S:
            self._turn(j, k, Life.REFUSED, Why.OLD_NEWS, now_ms)
        elif late_s <= self.policy.bus_late_after_s:
            self._turn(j, k, Life.REFUSED, Why.ON_TIME, now_ms)

    def _place(self, j: int, vehicle: int, late_s: int) -> int:
        """The vehicle's own place, a free one, or that of a bus less late and not granted anything; or -1."""
        life, own = self.life[j], self.vehicle[j]
        for k in range(ASKING):
            if life[k] != Life.NONE and own[k] == vehicle:
                return k
        for k in range(ASKING):
            if life[k] == Life.NONE:
                return k
        k = int(np.argmin(self.late_s[j]))
        if self.late_s[j, k] >= late_s or life[k] in (Life.EXTENDED, Life.EARLY):
            return -1
        life[k] = Life.NONE
        return k

    def _forget(self, j: int, k: int, now_ms: int) -> None:
        """The bus is not told of any more: it has checked out, or its radio is silent."""
        granted = self.life[j, k] in (Life.EXTENDED, Life.EARLY)
        if self.life[j, k] in (Life.REQUESTED, Life.EXTENDED, Life.EARLY):
            self._turn(j, k, Life.ENDED, Why.PASSED if granted else Why.NOT_NEEDED, now_ms)
        if granted:
            self._lock(j, now_ms)
        self.life[j, k] = Life.NONE
        self.vehicle[j, k] = -1

    # --- what is granted ------------------------------------------------------------------------

    def lift(self) -> None:
        """Put back what the planner wanted; call it before the planner is asked again."""
        laid = self._laid
        if b"\1" in laid.tobytes():
            np.copyto(self._state.wanted_stage, self._own_stage, where=laid)
            np.copyto(self._state.planned_end_ms, self._own_end_ms, where=laid)
            laid[:] = False

    def lay(self, now_ms: int, orders: NDArray[np.int8] | None, preempts: NDArray[np.int8]) -> None:
        """Keep or bring forward greens; call it between planner and orders.

        orders (J): `orders.Kind` of the order that stands there; None = nowhere.
        preempts (J): `preemption.Phase`.
        """
        self.stage[:] = -1
        if not self._open:
            return
        alive = ((self.life > Life.NONE) & (self.life < Life.REFUSED)).any(axis=1)
        if not alive.any():
            return
        self.urgency.update(self._state, now_ms)
        for j in np.flatnonzero(alive):
            why = Why.NONE
            if preempts[j]:
                why = Why.PREEMPTED
            elif orders is not None and orders[j]:
                why = Why.ORDERED
            self._serve(int(j), why, now_ms)

    def _serve(self, j: int, why: Why, now_ms: int) -> None:
        """The one that is granted something already, or else the latest one that asks."""
        best = -1
        for k in range(ASKING):
            life = self.life[j, k]
            if life in (Life.EXTENDED, Life.EARLY):
                best = k
                break
            if life == Life.REQUESTED and (best < 0 or self.late_s[j, k] > self.late_s[j, best]):
                best = k
        if best < 0:
            return
        if self.life[j, best] != Life.REQUESTED:
            self._go_on(j, best, why, now_ms)
        elif why is not Why.NONE:
            self._turn(j, best, Life.REFUSED, why, now_ms)
        else:
            self._decide(j, best, now_ms)

    def _decide(self, j: int, k: int, now_ms: int) -> None:
        """Grant what the moment asks for: now or never, so a request waits until it is needed."""
        state = self._state
        present, wanted = int(state.target_stage[j]), int(state.wanted_stage[j])
        if present < 0 or state.in_transition[j]:
            return
        comes_ms = int(self.there_ms[j, k]) - now_ms
        here = self._serves(present, int(self.lane[j, k]))
        leaves = wanted != present
        if here and leaves and comes_ms <= SHIFT_MS:
            kind, stage = Life.EXTENDED, present
        elif not here and not leaves and 0 < state.planned_end_ms[j] - now_ms <= SHIFT_MS:
            kind, stage = Life.EARLY, self._stage_for(j, int(self.lane[j, k]))
        else:
            return
        why = self._hindered(j, stage, now_ms)
        if why is not Why.NONE:
            self._turn(j, k, Life.REFUSED, why, now_ms)
            return
        self.granted_ms[j, k] = now_ms
        self._turn(j, k, kind, Why.NONE, now_ms)
        self._want(j, stage, now_ms + SHIFT_MS if kind is Life.EXTENDED else NEVER_MS)

    def _go_on(self, j: int, k: int, why: Why, now_ms: int) -> None:
        """What was granted goes on until the bus has passed, ten seconds are over or something forbids it."""
        state = self._state
        present, shifted_ms = int(state.target_stage[j]), now_ms - int(self.granted_ms[j, k])
        early = self.life[j, k] == Life.EARLY
        stage = self._stage_for(j, int(self.lane[j, k])) if early else present
        if why is Why.NONE and shifted_ms >= SHIFT_MS:
            why = Why.OVER
        elif why is Why.NONE and early and present == stage:
            why = Why.OVER  # it has its green; from here on it is the planner's
        elif why is Why.NONE and (
            present < 0 or (not early and not self._serves(present, int(self.lane[j, k])))
        ):
            why = Why.OVER
        elif why is Why.NONE and self._endangered(j, stage, now_ms):
            why = Why.PROMISE
        if why is not Why.NONE:
            self._turn(j, k, Life.ENDED, why, now_ms)
            self.life[j, k] = Life.REFUSED  # it has had its turn; while it is told of it asks no more
            self._lock(j, now_ms)
            return
        self._want(j, stage, NEVER_MS if early else int(self.granted_ms[j, k]) + SHIFT_MS)

    def _hindered(self, j: int, stage: int, now_ms: int) -> Why:
        if now_ms < self.locked_until_ms[j]:
            return Why.LOCKED_OUT
        return Why.PROMISE if self._endangered(j, stage, now_ms) else Why.NONE

    def _endangered(self, j: int, stage: int, now_ms: int) -> bool:
        """A promise, or the greatest green, forbids it."""
        urgent = int(self.urgency.stage[j])
        return (urgent >= 0 and urgent != stage) or not self.urgency.allows(self._state, now_ms, j, stage)

    def _want(self, j: int, stage: int, end_ms: int) -> None:
        state = self._state
        self._own_stage[j], self._own_end_ms[j] = state.wanted_stage[j], state.planned_end_ms[j]
        self._laid[j] = True
        state.wanted_stage[j], self.stage[j] = stage, stage
        state.planned_end_ms[j] = min(end_ms, int(self.urgency.leave_by_ms[j]))

    def _lock(self, j: int, now_ms: int) -> None:
        self.locked_until_ms[j] = now_ms + self.cycle_ms[j]

    def _serves(self, stage: int, lane: int) -> bool:
        own = int(self.network.lane_group_bits[lane])
        j = int(self.network.lane_junction[lane])
        best = int(self.network.stage_bits[self._stage_for(j, lane)]) & own
        return int(self.network.stage_bits[stage]) & best == best

    def _stage_for(self, j: int, lane: int) -> int:
        """The stage with most of the lane's ways; of equals the planner's own wish, then the first."""
        network = self.network
        own, wanted = int(network.lane_group_bits[lane]), int(self._state.wanted_stage[j])
        stages = range(int(network.stage_start[j]), int(network.stage_start[j + 1]))
        return max(stages, key=lambda s: ((int(network.stage_bits[s]) & own).bit_count(), s == wanted, -s))

    # --- what is told ---------------------------------------------------------------------------

    def _turn(self, j: int, k: int, life: Life, why: Why, now_ms: int) -> None:
        shifted_ms = 0
        if self.life[j, k] in (Life.EXTENDED, Life.EARLY):
            shifted_ms = now_ms - int(self.granted_ms[j, k])
        self.life[j, k], self.why[j, k] = life, why
        row = PriorityEvent(
            now_ms, j, int(life), int(why), int(self.vehicle[j, k]), int(self.lane[j, k]),
            int(self.late_s[j, k]), shifted_ms,
        )  # fmt: skip
        self.events.append(tuple(row))
        self.events_ever += 1

    def new_events(self, since: int) -> tuple[list[PriorityEvent], int]:
        """(events after the first `since` ever, how many there have been); the oldest may be forgotten."""
        n = min(self.events_ever - since, len(self.events))
        rows = list(self.events)[len(self.events) - n :] if n > 0 else []
        return [PriorityEvent(*row) for row in rows], self.events_ever

    def brings_forward(self, j: int, stage: int) -> int:
        """Lane of the bus for which this stage comes earlier now; -1 = for none."""
        for k in range(ASKING):
            if self.life[j, k] == Life.EARLY and self.stage[j] == stage:
                return int(self.lane[j, k])
        return -1

    def standing(self, j: int, vehicle: int) -> str:
        """What a bus has asked for at a junction and got, in few words; empty when it has not asked."""
        for k in range(ASKING):
            life = Life(int(self.life[j, k]))
            if life is not Life.NONE and self.vehicle[j, k] == vehicle:
                return STANDING[life] or WORDS.get(Why(int(self.why[j, k])), "")
        return ""

    def said(self, event: PriorityEvent) -> str:
        """An event as one sentence."""
        junction = self.network.street.junctions[event.junction]
        approach = junction.lanes[event.lane - int(self.network.lane_start[event.junction])].approach
        bus = f"a bus from {' '.join(approach.split())[:20]}, {late_words(event.late_s)},"
        return {
            Life.REQUESTED: f"{bus} asks for priority",
            Life.EXTENDED: f"{bus} keeps its green a little longer",
            Life.EARLY: f"{bus} gets its green a little earlier",
            Life.REFUSED: f"{bus} gets no priority: {WORDS.get(Why(event.why), '')}",
            Life.ENDED: f"{bus} needs no more: {WORDS.get(Why(event.why), '')}",
        }[Life(event.life)]


def late_words(late_s: int) -> str:
    """`3 min late`, `on time`, `1 min early`."""
    minutes = round(abs(late_s) / 60)
    return "on time" if not minutes else f"{minutes} min {'late' if late_s > 0 else 'early'}"
