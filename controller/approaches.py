"""The ladder of each approach: one that nobody sees is served by recall and history, the others adapt.

A junction steps down as a whole only for what its approaches cannot carry alone: an approach whose stop
lines are blind costs its junction one rung, not the adaptation of everybody else (design 5). Down at
once, up after the dwell of the junction's own rungs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.detectors import Detectors
from controller.detectors_model import Cause
from controller.ladder import DWELL_CYCLES, DWELL_MS, Rung
from controller.network import Ints, Network
from controller.state import NEVER_MS, State
from controller.vocabulary import Lamp

STEPS_KEPT = 512
BLIND_SHARE = 0.5
"""More than so much of an approach's lanes seen by nobody, and it is blind."""


class Sight(IntEnum):
    """How one approach is served. Stored as int8; the numbers are those of the rungs it resembles."""

    SEEN = 0
    SUBSTITUTED = 1
    """Some of its detectors are not believed; their part is put in from history."""
    HISTORY = 2
    """Called in every cycle, its queue believed from what is usual at this hour."""


SIGHT_WORDS = (
    "seen by its own detectors again",
    "adaptive, with data put in for detectors that are not believed",
    "by recall and history: nobody sees its stop lines",
)
DWELL = {Sight.SUBSTITUTED: Rung.SUBSTITUTED, Sight.HISTORY: Rung.ACTUATED}
"""An approach is left upward after the same clean time and cycles as the rung it resembles."""


class ApproachStep(NamedTuple):
    """One step of one approach."""

    time_ms: int
    junction: str
    approach: str
    before: Sight
    after: Sight

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.junction}, approach {self.approach}: {SIGHT_WORDS[self.after]}"


@dataclass(frozen=True, slots=True)
class Approach:
    """One approach of one junction."""

    junction: int
    name: str


class Approaches:
    """How every approach of a network is served. A approaches, L lanes, J junctions, D detectors."""

    UNCHANGING = frozenset(
        {"network", "approaches", "of_lane", "_junction", "_lanes", "_of_detector", "_of_served", "_groups"}
    )

    def __init__(self, network: Network, now_ms: int) -> None:
        self.network = network
        self.approaches, self.of_lane = _approaches(network)
        n = len(self.approaches)
        self.sight: NDArray[np.int8] = np.zeros(n, np.int8)
        self._junction: Ints = np.array([a.junction for a in self.approaches], np.int64)
        self._lanes = np.bincount(self.of_lane, minlength=n)
        self._clean_since_ms: Ints = np.full(n, now_ms, np.int64)
        self._clean_from_cycle: Ints = np.zeros(n, np.int64)
        on_lane = network.detector_lane >= 0
        self._of_detector: Ints = np.where(on_lane, self.of_lane[network.detector_lane], -1)
        self._of_served, self._groups = _served(network, self.of_lane)
        self._called_ms: Ints = np.full(network.n_groups, NEVER_MS, np.int64)
        """Since when groups of blind approaches call."""
        self.steps_taken = 0
        self._steps: deque[tuple[int, int, int, int]] = deque(maxlen=STEPS_KEPT)
        """(time ms, approach, sight before, after): numbers alone, so that they can be carried elsewhere."""

    def carry_on(self, other: Approaches) -> None:
        """Stand where `other` stood on the same approaches."""
        if self.approaches == other.approaches:
            np.copyto(self.sight, other.sight)
            np.copyto(self._clean_since_ms, other._clean_since_ms)
            np.copyto(self._clean_from_cycle, other._clean_from_cycle)
            np.copyto(self._called_ms, other._called_ms)
            self._steps, self.steps_taken = other._steps.copy(), other.steps_taken

    def step(self, detectors: Detectors, cycle: Ints, now_ms: int) -> None:
        """Look at every approach after a new judgement. cycle (J) cycles since the start."""
        demand = self._demanded(detectors)
        worse = demand >= self.sight
        np.copyto(self._clean_since_ms, now_ms, where=worse)
        np.copyto(self._clean_from_cycle, cycle[self._junction], where=worse)
        for a in np.flatnonzero(demand != self.sight).tolist():
            before = Sight(int(self.sight[a]))
            after = Sight(int(demand[a])) if demand[a] > before else self._risen(a, before, cycle, now_ms)
            if after is not before:
                self.sight[a] = after
                self._clean_since_ms[a] = now_ms
                self._clean_from_cycle[a] = cycle[self._junction[a]]
                self._steps.append((now_ms, a, int(before), int(after)))
                self.steps_taken += 1

    def _demanded(self, detectors: Detectors) -> NDArray[np.int8]:
        """What there is reason for now."""
        n, health = len(self.approaches), detectors.health
        blind = np.bincount(self.of_lane, detectors.seen == 0, n)
        doubted = (detectors.laid.gate >= 0) & (health.trust < 1.0) & (health.cause != Cause.UNPROVEN)
        some = np.bincount(self._of_detector[doubted], minlength=n) > 0
        demand = np.where(some | (blind > 0), Sight.SUBSTITUTED, Sight.SEEN)
        return np.where(blind > BLIND_SHARE * self._lanes, Sight.HISTORY, demand).astype(np.int8)

    def _risen(self, a: int, before: Sight, cycle: Ints, now_ms: int) -> Sight:
        rung = DWELL[before]
        settled = now_ms - self._clean_since_ms[a] >= DWELL_MS[rung]
        cycles = cycle[self._junction[a]] - self._clean_from_cycle[a]
        return Sight(before - 1) if settled and cycles >= DWELL_CYCLES[rung] else before

    def lighten(self, detectors: Detectors, failed: NDArray[np.int64]) -> None:
        """Blind approaches are doubts of their junction, no longer losses. failed (J, 3): written."""
        if not (self.sight == Sight.HISTORY).any():
            return
        lost = (detectors.laid.gate >= 0) & detectors.health.masked
        of = self._of_detector[lost]
        carried = np.bincount(self._junction[of[self.sight[of] == Sight.HISTORY]], minlength=len(failed))
        failed[:, 1] -= carried
        failed[:, 2] += carried

    def recall(self, state: State, now_ms: int, rung: NDArray[np.int8]) -> None:
        """Whoever may stand on a blind approach calls as soon as its green is over, and until the next.

        That its lanes seem to be empty ends no such call: it would begin anew, again and again. Under a fixed
        plan it does: the plan serves everybody by its clock, and calls that grow old would only disturb it.
        rung (J) where junctions stand
        """
        blind = self._groups[(self.sight == Sight.HISTORY)[self._of_served]]
        waits = blind[state.lamp[blind] != Lamp.GREEN]
        by_plan = rung[self.network.group_junction[waits]] >= Rung.COORDINATED
        before_ms = np.where(by_plan, now_ms, self._called_ms[waits])
        called_ms = np.minimum(np.minimum(state.call_since_ms[waits], before_ms), now_ms)
        state.call_since_ms[waits] = called_ms
        self._called_ms.fill(NEVER_MS)
        self._called_ms[waits[~by_plan]] = called_ms[~by_plan]

    def by_history(self, junction: int) -> int:
        """Groups of a junction's approaches that nobody sees, as bits of the junction."""
        bits = 0
        for a in np.flatnonzero((self._junction == junction) & (self.sight == Sight.HISTORY)).tolist():
            for k, group in enumerate(self.network.street.junctions[junction].groups):
                bits |= (group.approach == self.approaches[a].name) << k
        return bits

    def log(self, since_step: int = 0) -> list[ApproachStep]:
        """The steps from number `since_step` on, as far as they are remembered (the last 512)."""
        skipped = max(0, since_step - (self.steps_taken - len(self._steps)))
        return [self._step_of(*row) for row in list(self._steps)[skipped:]]

    def _step_of(self, time_ms: int, a: int, before: int, after: int) -> ApproachStep:
        approach = self.approaches[a]
        title = self.network.street.junctions[approach.junction].title
        return ApproachStep(time_ms, title, approach.name, Sight(before), Sight(after))


def _approaches(network: Network) -> tuple[tuple[Approach, ...], Ints]:
    """Every approach with a lane, and the approach of each lane (L)."""
    index: dict[Approach, int] = {}
    of_lane = []
    for j, junction in enumerate(network.street.junctions):
        for lane in junction.lanes:
            of_lane.append(index.setdefault(Approach(j, lane.approach), len(index)))
    return tuple(index), np.array(of_lane, np.int64)


def _served(network: Network, of_lane: Ints) -> tuple[Ints, Ints]:
    """Which approach is served by which group, among all groups: one pair for each group of each lane."""
    pairs = []
    for lane in range(network.n_lanes):
        first, bits = (
            int(network.group_start[network.lane_junction[lane]]),
            int(network.lane_group_bits[lane]),
        )
        pairs += [(int(of_lane[lane]), first + k) for k in range(bits.bit_length()) if bits >> k & 1]
    approach, group = np.array(pairs, np.int64).reshape(-1, 2).T.copy()
    return approach, group
