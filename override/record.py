"""The record of lamps and buttons: what happened, in fours of numbers, for whoever keeps evidence.

What the lamps really showed, who pressed, which calls were registered and served, which
detectors were believed, on which rung each junction stood. Comparing whole arrays once a
tick costs the same whether much happens or nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame
from controller.state import NEVER_MS
from controller.tick import Controller
from controller.vocabulary import DetectorKind, Lamp
from override.beliefs import failed

PRESSED, CALLED, SERVED, DOUBTED, BELIEVED, RUNG = 20, 21, 22, 30, 31, 40
"""Codes of `details.Record`; 1 to 7 are lamps."""
EVENTS_PER_MESSAGE = 60
MESSAGES_PER_TICK = 10
FLUSH_MS = 500
LOOK_MS = 1000
Ints = NDArray[np.int64]


class Served(NamedTuple):
    """Calls that a tick has served."""

    groups: Ints
    waited_ms: Ints


class Recorder:
    """Compares a controller's arrays with those of the tick before."""

    def __init__(self, controller: Controller, street_ms: int = 0) -> None:
        network = controller.network
        self._controller, self._network = controller, network
        self._here = network.group_junction
        self._within: Ints = np.arange(network.n_groups) - network.group_start[self._here]
        starts = np.searchsorted(network.detector_junction, np.arange(network.n_junctions))
        self._detector_within: Ints = np.arange(len(network.detectors)) - starts[network.detector_junction]
        self._buttons: Ints = np.flatnonzero(network.detector_kind == DetectorKind.BUTTON)
        self._lamps: NDArray[np.int8] = np.full(network.n_groups, -1, np.int8)
        self._calls_ms: Ints = np.full(network.n_groups, NEVER_MS, np.int64)
        self._failed: NDArray[np.bool_] = np.zeros(len(network.detectors), np.bool_)
        self._rungs: NDArray[np.int8] = np.zeros(network.n_junctions, np.int8)
        self._sequence = -1
        self._looked_ms = -LOOK_MS
        self._rows: list[int] = []
        self._since_ms = 0

    def observe(self, frame: Frame, street_ms: int) -> Served:
        """After every tick; gives the calls it served."""
        network = self._network
        if not np.array_equal(frame.lamps_shown, self._lamps):
            changed = np.flatnonzero(frame.lamps_shown != self._lamps)
            codes = frame.lamps_shown[changed].astype(np.int64) + 1
            self._note(street_ms, self._here[changed], codes, self._within[changed])
            np.copyto(self._lamps, frame.lamps_shown)
        if frame.sequence != self._sequence:
            self._sequence = frame.sequence
            pressed = network.detector_group[self._buttons[frame.detector_count[self._buttons] > 0]]
            self._note(street_ms, self._here[pressed], PRESSED, self._within[pressed])
        served = self._calls(street_ms)
        degradation = self._controller.degradation
        if degradation is not None:
            self._look_at_rungs(degradation.ladder.rungs.rung, street_ms)
            if not 0 <= street_ms - self._looked_ms < LOOK_MS:
                self._looked_ms = street_ms
                self._look_at_detectors(failed(degradation.detectors), street_ms)
        return served

    @property
    def waiting(self) -> bool:
        """Whether something noted has not been told yet."""
        return bool(self._rows)

    def due(self, clock_ms: int, at_once: bool = False) -> list[tuple[int, ...]]:
        """Rows for messages that are full, or old enough to be told; all of them `at_once`."""
        if not self._rows:
            self._since_ms = clock_ms
            return []
        full, late = 4 * EVENTS_PER_MESSAGE, at_once or clock_ms - self._since_ms >= FLUSH_MS
        out: list[tuple[int, ...]] = []
        while len(out) < MESSAGES_PER_TICK and (len(self._rows) >= full or (self._rows and late)):
            out.append(tuple(self._rows[:full]))
            del self._rows[:full]
        if not self._rows:
            self._since_ms = clock_ms
        return out

    def _calls(self, street_ms: int) -> Served:
        state = self._controller.state
        calls_ms = state.call_since_ms
        if np.array_equal(calls_ms, self._calls_ms):
            return _NOBODY
        now, before = calls_ms < NEVER_MS, self._calls_ms < NEVER_MS
        came = np.flatnonzero(now & ~before)
        went = np.flatnonzero(before & ~now)
        # A call may also be dropped: whoever called is there no more.
        groups = went[state.lamp[went] == Lamp.GREEN]
        waited_ms = street_ms - self._calls_ms[groups]
        self._note(street_ms, self._here[came], CALLED, self._within[came])
        self._note(street_ms, self._here[groups], SERVED, self._within[groups])
        np.copyto(self._calls_ms, calls_ms)
        return Served(groups, np.maximum(0, waited_ms))

    def _look_at_rungs(self, rungs: NDArray[np.int8], street_ms: int) -> None:
        if not np.array_equal(rungs, self._rungs):
            changed = np.flatnonzero(rungs != self._rungs)
            self._note(street_ms, changed, RUNG + rungs[changed].astype(np.int64), 0)
            np.copyto(self._rungs, rungs)

    def _look_at_detectors(self, now_failed: NDArray[np.bool_], street_ms: int) -> None:
        if not np.array_equal(now_failed, self._failed):
            changed = np.flatnonzero(now_failed != self._failed)
            codes = np.where(now_failed[changed], DOUBTED, BELIEVED)
            junctions = self._network.detector_junction[changed]
            self._note(street_ms, junctions, codes, self._detector_within[changed])
            np.copyto(self._failed, now_failed)

    def _note(self, street_ms: int, junctions: Ints, codes: Ints | int, parameters: Ints | int) -> None:
        rows = np.empty((len(junctions), 4), np.int64)
        rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = street_ms, junctions, codes, parameters
        self._rows += rows.ravel().tolist()


_NOBODY = Served(np.zeros(0, np.int64), np.zeros(0, np.int64))
