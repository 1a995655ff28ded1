"""What the controller believes of each junction in five numbers, for everybody's overview; once a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from controller.network import Network
from controller.state import NEVER_MS, State
from controller.vocabulary import GroupKind

if TYPE_CHECKING:
    from controller.detectors import Detectors

PEOPLE, QUEUE_VEH, LONGEST_S, USED_PERCENT, FAULTS = range(5)
"""Rows of a table of beliefs, as the fields of `JunctionView`."""
ROWS = 5
_HIGH = np.array([100_000, 100_000, 86_400, 1000, 256], np.int64)[:, None]
UNLIKE_MS = 2_000
"""A street shows a new lamp within a second, its feedback comes a second later at most."""
UNPROVEN = 9
"""`Cause.UNPROVEN`: nobody has used it yet, which is no fault."""


class Beliefs:
    """Measures one state. All scratch is its own; nothing of the state is written."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._on_foot: NDArray[np.bool_] = network.group_kind == GroupKind.PEDESTRIAN
        self._promise_ms = np.maximum(1, network.promise_ms)
        self._first = network.group_start[:-1]

    def measure(self, state: State, detectors: Detectors | None, now_ms: int) -> NDArray[np.int32]:
        """(ROWS, J): people waiting, vehicles queued, oldest call, part of a promise used up, faults."""
        network = self.network
        n = network.n_junctions
        waited_ms = np.maximum(0, now_ms - state.call_since_ms)
        out = np.empty((ROWS, n), np.int64)
        people = np.where(self._on_foot, state.waiting_people, 0.0)
        out[PEOPLE] = np.rint(np.bincount(network.group_junction, people, n))
        out[QUEUE_VEH] = np.rint(np.bincount(network.lane_junction, state.queue_veh, n))
        out[LONGEST_S] = np.maximum.reduceat(waited_ms, self._first) // 1000
        out[USED_PERCENT] = np.maximum.reduceat(100 * waited_ms // self._promise_ms, self._first)
        out[FAULTS] = 0
        if detectors is not None:
            out[FAULTS] = np.bincount(network.detector_junction[failed(detectors)], minlength=n)
        return np.clip(out, 0, _HIGH).astype(np.int32)


class Heads:
    """Compares the lamps a street was told to show with those it says it shows."""

    def __init__(self, network: Network) -> None:
        self._first = network.group_start[:-1]
        self._told: NDArray[np.int8] | None = None
        self._since_ms: NDArray[np.int64] = np.full(network.n_groups, NEVER_MS, np.int64)

    def look(self, told: NDArray[np.int8], shown: NDArray[np.int8], now_ms: int) -> None:
        """After every tick: `told` (G) from now on, `shown` (G) as read before it."""
        if self._told is not None:
            unlike = self._told != shown
            self._since_ms[~unlike] = NEVER_MS
            np.minimum(self._since_ms, now_ms, out=self._since_ms, where=unlike)
            np.copyto(self._told, told)
        else:
            self._told = told.copy()

    def unlike(self, now_ms: int) -> NDArray[np.bool_]:
        """(J) junctions with a group that has shown something else for UNLIKE_MS."""
        return np.logical_or.reduceat(now_ms - self._since_ms >= UNLIKE_MS, self._first)


def failed(detectors: Detectors) -> NDArray[np.bool_]:
    """(D) detectors that are not believed; who has told of nobody yet is not among them."""
    health = detectors.health
    return health.masked & (health.cause != UNPROVEN)  # type: ignore[no-any-return]
