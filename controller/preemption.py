"""Preemption: everybody gives way to a train or an emergency vehicle, and comes back to their own afterwards.

The full sequence of rules R43 at each junction: delay, entry, dwell, exit, recovery. It asks for a stage
and for nothing else, so the sequencer gives every minimum green, WALK, clearance, yellow and red its full
time on the way in and on the way out (design 10.5). It is laid over planner and orders like an
order, and leaves no trace when it ends. Promises are suspended meanwhile, by word to the monitor.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame
from controller.junction import PreemptTimes
from controller.network import Ints, Network
from controller.state import NEVER_MS, State
from controller.vocabulary import GroupKind, StageSource

RAIL_LAST = 2
"""Preempts 1 and 2 are rails (R41, R42): they cannot stop, so they are never turned away."""
NUMBER_MAX = 10
DISTANCE_MAX_M = 2000.0
AGE_MAX_S = 5.0
"""News older than this says nothing of when somebody arrives."""
GONE_MS = 3_000
"""A vehicle not heard of for so long, without having checked out, has gone."""
FASTER = 1.4
"""Emergency vehicles drive up to so many times the limit."""
MARGIN_MS = 5_000
"""Beyond the longest way into the stage: a change already under way must end first."""
VEHICLE_MS = 2_000
"""Each vehicle queued ahead takes so long to leave (saturation flow)."""
LEASE_MARGIN_MS = 60_000
"""After its greatest presence a preempt is over within this time, exit included."""
EVENTS_KEPT = 512


class Phase(IntEnum):
    """Where the sequence stands at a junction; stored as int8."""

    NONE = 0
    DELAY = 1
    ENTRY = 2
    DWELL = 3
    EXIT = 4


class What(IntEnum):
    """What is noted; the first word of an event."""

    CALLED = 1
    ENTRY = 2
    DWELL = 3
    SUPERSEDED = 4
    TOO_LONG = 5
    """The greatest presence is exceeded: an alarm; emergency vehicles are turned away for a while."""
    EXIT = 6
    ENDED = 7


TOLD = {
    Phase.NONE: What.ENDED,
    Phase.ENTRY: What.ENTRY,
    Phase.DWELL: What.DWELL,
    Phase.EXIT: What.EXIT,
}
WORDS = {
    What.CALLED: "is coming",
    What.ENTRY: "is being let through",
    What.DWELL: "has its green",
    What.SUPERSEDED: "goes before another",
    What.TOO_LONG: "has been there too long",
    What.EXIT: "has passed",
    What.ENDED: "is over, everybody's turn again",
}


class PreemptEvent(NamedTuple):
    """One step of one preempt."""

    time_ms: int
    junction: int
    what: int
    number: int
    vehicle: int
    lane: int


class Preemption:
    """Preempts of one controller. `hear` each reading, `lift` before the planner and `lay` after it."""

    UNCHANGING = frozenset({"times", "way_ms", "rest_ms", "given"})

    def __init__(self, network: Network, state: State) -> None:
        j = network.n_junctions
        self.network = network
        self._state = state
        self.times: tuple[PreemptTimes, ...] = tuple(jn.preempt for jn in network.street.junctions)
        self.phase: NDArray[np.int8] = np.zeros(j, np.int8)
        self.number: Ints = np.zeros(j, np.int64)
        self.vehicle: Ints = np.zeros(j, np.int64)
        self.lane: Ints = np.full(j, -1, np.int64)
        self.stage: Ints = np.full(j, -1, np.int64)
        """(J) stage that lets the vehicle through; in EXIT the one gone to next."""
        self.since_ms: Ints = np.zeros(j, np.int64)
        """(J) since when the phase."""
        self.called_ms: Ints = np.zeros(j, np.int64)
        """(J) since when anybody has preempted here without a break."""
        self.seen_ms: Ints = np.zeros(j, np.int64)
        self.turned_away_until_ms: Ints = np.zeros(j, np.int64)
        self.suspended: NDArray[np.bool_] = np.zeros(j, np.bool_)
        """(J) promises do not run: word to the monitor."""
        self.until_ms: Ints = np.zeros(j, np.int64)
        """(J) the lease of that word."""
        self.events: deque[tuple[int, ...]] = deque(maxlen=EVENTS_KEPT)
        """Rows of `PreemptEvent`, oldest first."""
        self.events_ever = 0
        self.active = False
        self.away: NDArray[np.bool_] = np.zeros(j, np.bool_)  # (J) others let vehicles through there
        self._own_stage: Ints = np.zeros(j, np.int64)
        self._own_end_ms: Ints = np.zeros(j, np.int64)
        self._laid: NDArray[np.bool_] = np.zeros(j, np.bool_)
        self._sequence = -1
        self.given = np.array(
            [s.source == StageSource.GIVEN for jn in network.street.junctions for s in jn.stages], np.bool_
        )
        self.way_ms = np.array([longest_way_ms(network, k) for k in range(j)], np.int64)
        """(J) longest time from one stage to another, whatever has just begun."""
        self.rest_ms = np.maximum.reduceat(network.promise_ms, network.group_start[:-1])
        """(J) for so long nobody is let through after a greatest presence."""

    def carry_on(self, other: Preemption) -> None:
        """Go on with the preempts of `other`, of the same street."""
        for name, value in vars(other).items():
            if isinstance(value, np.ndarray) and name not in self.UNCHANGING:
                np.copyto(getattr(self, name), value)
        self.events = other.events.copy()
        self.events_ever, self.active, self._sequence = other.events_ever, other.active, other._sequence

    # --- who comes --------------------------------------------------------------------------

    def hear(self, frame: Frame, now_ms: int) -> None:
        """Take a reading, each once: who has checked in where, who is still there, who is gone."""
        if frame.sequence == self._sequence:
            return
        self._sequence = frame.sequence
        if not frame.n_preempts and not self.active:
            return
        rows = self._rows(frame)
        heard = {vehicle for _, _, vehicle, _ in rows.get(-1, ())}
        for at in np.flatnonzero(self.phase):
            self._keep(int(at), rows.get(int(at), []), heard, now_ms)
        for j, calls in rows.items():
            if j >= 0 and not self.away[j]:
                self._call(j, calls, now_ms)

    def _rows(self, frame: Frame) -> dict[int, list[tuple[int, int, int, int]]]:
        """By junction, best first: (number, ms until there, vehicle, lane); under -1 all of them."""
        network = self.network
        found: dict[int, list[tuple[int, int, int, int]]] = {}
        for row in range(min(frame.n_preempts, len(frame.preempt_lane))):
            lane, number = int(frame.preempt_lane[row]), int(frame.preempt_number[row])
            distance_m, age_s = float(frame.preempt_distance_m[row]), float(frame.preempt_age_s[row])
            known = 0 <= lane < network.n_lanes and 1 <= number <= NUMBER_MAX
            if not known or not (0.0 <= distance_m <= DISTANCE_MAX_M and 0.0 <= age_s <= AGE_MAX_S):
                continue
            there_s = distance_m / (FASTER * float(network.lane_speed_m_per_s[lane])) - age_s
            call = (number, max(0, round(1000 * there_s)), int(frame.preempt_vehicle[row]), lane)
            found.setdefault(int(network.lane_junction[lane]), []).append(call)
            found.setdefault(-1, []).append(call)
        for calls in found.values():
            calls.sort()
        return found

    def _keep(self, j: int, calls: list[tuple[int, int, int, int]], heard: set[int], now_ms: int) -> None:
        """Whether the vehicle let through is still on its way."""
        if self.phase[j] == Phase.EXIT:
            return
        vehicle = int(self.vehicle[j])
        if any(v == vehicle for _, _, v, _ in calls):
            self.seen_ms[j] = now_ms
        elif vehicle in heard:
            self.seen_ms[j] = -NEVER_MS  # told of elsewhere: it has checked out here

    def _call(self, j: int, calls: list[tuple[int, int, int, int]], now_ms: int) -> None:
        """The first in rank that needs its way now; who is let through already stays before equals."""
        phase = self.phase[j]
        for number, there_ms, vehicle, lane in calls:
            if number > RAIL_LAST and now_ms < self.turned_away_until_ms[j]:
                return
            queue_ms = VEHICLE_MS * float(self._state.queue_veh[lane])
            if there_ms > self.way_ms[j] + MARGIN_MS + queue_ms + self.times[j].delay_ms:
                continue
            here = phase in (Phase.DELAY, Phase.ENTRY, Phase.DWELL)
            if here and vehicle == self.vehicle[j] and lane == self.lane[j]:
                return
            still = here and now_ms - self.seen_ms[j] < GONE_MS
            if still and vehicle != self.vehicle[j] and number >= self.number[j]:
                return
            self._begin(j, number, vehicle, lane, now_ms)
            return

    def _begin(self, j: int, number: int, vehicle: int, lane: int, now_ms: int) -> None:
        before, stage = Phase(int(self.phase[j])), self._stage_for(j, lane)
        other = before in (Phase.NONE, Phase.EXIT) or vehicle != self.vehicle[j]
        self.number[j], self.vehicle[j], self.lane[j] = number, vehicle, lane
        self.seen_ms[j] = now_ms
        if before is Phase.NONE:
            self.called_ms[j] = now_ms
            self._step(j, Phase.DELAY, now_ms)
        elif before is Phase.EXIT or (before is Phase.DWELL and stage != self.stage[j]):
            self._step(j, Phase.ENTRY, now_ms)
        if other:
            here = before not in (Phase.NONE, Phase.EXIT)
            self._note(What.SUPERSEDED if here else What.CALLED, j, now_ms)
        self.stage[j] = stage

    def _stage_for(self, j: int, lane: int) -> int:
        """The stage that serves most of the lane's ways, then of its approach, with fewest people on foot.

        Of equals the one shown now, then a given one.
        """
        network, state = self.network, self._state
        junction = network.street.junctions[j]
        first = int(network.group_start[j])
        own = int(network.lane_group_bits[lane])
        approach = junction.lanes[lane - int(network.lane_start[j])].approach
        beside = sum(1 << k for k, g in enumerate(junction.groups) if g.approach == approach)
        walks = sum(1 << k for k, g in enumerate(junction.groups) if g.kind == GroupKind.PEDESTRIAN)
        called = sum(1 << k for k in range(len(junction.groups)) if state.call_since_ms[first + k] < NEVER_MS)

        def worth(stage: int) -> tuple[int, ...]:
            bits = int(network.stage_bits[stage])
            shown = stage == state.target_stage[j]
            on_foot = (bits & walks & (called | int(state.target_bits[j]))).bit_count()
            return (
                (bits & own).bit_count(), (bits & beside).bit_count(), -on_foot, shown,
                int(self.given[stage]), -stage,
            )  # fmt: skip

        return max(range(int(network.stage_start[j]), int(network.stage_start[j + 1])), key=worth)

    # --- the sequence -------------------------------------------------------------------------

    def lift(self) -> None:
        """Put back what planner and orders wanted; call it before they are asked again."""
        if self.active:
            laid, state = self._laid, self._state
            np.copyto(state.wanted_stage, self._own_stage, where=laid)
            np.copyto(state.planned_end_ms, self._own_end_ms, where=laid)
            laid[:] = False

    def lay(self, now_ms: int) -> None:
        """Take the sequence on at every junction and want its stage; call it before the sequencer."""
        if not self.active:
            return
        self.suspended[:] = False
        busy = np.flatnonzero(self.phase)
        self.active = len(busy) > 0
        for j in busy:
            self._advance(int(j), now_ms)
            if self.phase[j] >= Phase.ENTRY:
                self._want(int(j), now_ms)

    def _advance(self, j: int, now_ms: int) -> None:
        times, phase = self.times[j], self.phase[j]
        there = self._complete(j)
        gone = now_ms - self.seen_ms[j] >= GONE_MS
        if phase != Phase.EXIT and now_ms - self.called_ms[j] >= times.max_presence_ms:
            self._too_long(j, now_ms)
        elif phase == Phase.DELAY:
            if gone:
                self._step(j, Phase.NONE, now_ms)
            elif now_ms - self.since_ms[j] >= times.delay_ms:
                self._step(j, Phase.ENTRY, now_ms)
        elif phase == Phase.ENTRY and there:
            self._step(j, Phase.DWELL, now_ms)
        elif phase == Phase.DWELL and not there:
            self._step(j, Phase.ENTRY, now_ms)  # flash or all red came between
        elif phase == Phase.DWELL and gone and now_ms - self.since_ms[j] >= times.min_dwell_ms:
            self._leave(j, now_ms)
        elif phase == Phase.EXIT and there:
            self._step(j, Phase.NONE, now_ms)

    def _complete(self, j: int) -> bool:
        state = self._state
        return bool(state.target_stage[j] == self.stage[j] and not state.in_transition[j])

    def _too_long(self, j: int, now_ms: int) -> None:
        """R43's greatest presence: an alarm; everybody but a train waits until all others had their turn."""
        if now_ms - self.turned_away_until_ms[j] < 0:
            return
        self._note(What.TOO_LONG, j, now_ms)
        self.turned_away_until_ms[j] = now_ms + self.rest_ms[j]
        if self.number[j] > RAIL_LAST:
            self._leave(j, now_ms)

    def _leave(self, j: int, now_ms: int) -> None:
        """To the exit stage, the street file's or whoever's promise ends first; nowhere if nobody waits."""
        exit_stage = self._exit_stage(j)
        self._step(j, Phase.EXIT, now_ms)
        if exit_stage < 0:
            self._step(j, Phase.NONE, now_ms)
        else:
            self.stage[j] = exit_stage

    def _exit_stage(self, j: int) -> int:
        network, state = self.network, self._state
        junction, first = network.street.junctions[j], int(network.stage_start[j])
        here = slice(int(network.group_start[j]), int(network.group_start[j + 1]))
        waits = state.call_since_ms[here] < NEVER_MS
        due_ms = np.where(waits, state.call_since_ms[here] + network.promise_ms[here], NEVER_MS)
        named = {name for name in self.times[j].exit_stages}
        best, best_ms = -1, NEVER_MS
        for k, stage in enumerate(junction.stages):
            bits = int(network.stage_bits[first + k])
            mine = [int(due) for g, due in enumerate(due_ms) if bits >> g & 1]
            least_ms = min(mine, default=NEVER_MS)
            if stage.name in named:
                least_ms = min(least_ms - NEVER_MS, -1)  # before all others, though nobody waits there
            elif not self.given[first + k]:
                continue
            if least_ms < best_ms:
                best, best_ms = first + k, least_ms
        return best

    def _want(self, j: int, now_ms: int) -> None:
        state = self._state
        self._own_stage[j], self._own_end_ms[j] = state.wanted_stage[j], state.planned_end_ms[j]
        self._laid[j] = True
        state.wanted_stage[j] = self.stage[j]
        # Nobody new is let onto the carriageway beside the vehicle; who walks finishes.
        state.planned_end_ms[j] = NEVER_MS if self.phase[j] == Phase.EXIT else now_ms
        self.suspended[j] = True
        rail = self.number[j] <= RAIL_LAST
        began_ms = now_ms if rail else int(self.called_ms[j])
        self.until_ms[j] = began_ms + self.times[j].max_presence_ms + LEASE_MARGIN_MS

    def _step(self, j: int, phase: Phase, now_ms: int) -> None:
        self.phase[j], self.since_ms[j] = phase, now_ms
        self.active = True  # until `lay` finds nobody anywhere
        if phase in TOLD:
            self._note(TOLD[phase], j, now_ms)

    def _note(self, what: What, j: int, now_ms: int) -> None:
        row = PreemptEvent(now_ms, j, int(what), int(self.number[j]), int(self.vehicle[j]), int(self.lane[j]))
        self.events.append(tuple(row))
        self.events_ever += 1

    # --- in words -----------------------------------------------------------------------------

    def new_events(self, since: int) -> tuple[list[PreemptEvent], int]:
        """(events after the first `since` ever, how many there have been); the oldest may be forgotten."""
        n = min(self.events_ever - since, len(self.events))
        rows = list(self.events)[len(self.events) - n :] if n > 0 else []
        return [PreemptEvent(*row) for row in rows], self.events_ever

    def group_of(self, j: int) -> int:
        """The group that lets the vehicle through, index among all groups; the first of its lane's."""
        network = self.network
        own = int(network.lane_group_bits[self.lane[j]])
        bits = own & int(network.stage_bits[self.stage[j]]) or own
        return int(network.group_start[j]) + (bits & -bits).bit_length() - 1

    def sentence(self, j: int, now_ms: int) -> str:
        """What goes on at the junction, for an operator; empty when nothing does."""
        phase = Phase(int(self.phase[j]))
        if phase is Phase.NONE:
            return ""
        what = TOLD.get(phase, What.CALLED)
        seconds = max(0, now_ms - int(self.called_ms[j])) // 1000
        return f"{self.who(j, int(self.number[j]), int(self.lane[j]))} {WORDS[what]} ({seconds} s)"

    def who(self, j: int, number: int, lane: int) -> str:
        """`an emergency vehicle from north`."""
        junction = self.network.street.junctions[j]
        approach = junction.lanes[lane - int(self.network.lane_start[j])].approach
        kind = "a train" if number <= RAIL_LAST else "an emergency vehicle"
        return f"{kind} from {' '.join(approach.split())[:20]}"

    def said(self, event: PreemptEvent) -> str:
        """An event as one sentence."""
        who = self.who(event.junction, event.number, event.lane)
        return f"{who} {WORDS[What(event.what)]} (preempt {event.number})"


def longest_way_ms(network: Network, j: int) -> int:
    """Longest lawful time from any green just begun to any other: minimum green or WALK, and intergreen."""
    first, n = int(network.group_start[j]), int(network.group_start[j + 1] - network.group_start[j])
    at = int(network.intergreen_start[j])
    table_ms = network.intergreen_ms[at : at + n * n].reshape(n, n)
    ways = network.min_green_ms[first : first + n, None] + np.where(table_ms > 0, table_ms, -NEVER_MS)
    np.fill_diagonal(ways, 0)
    return int(max(0, ways.max(initial=0)))
