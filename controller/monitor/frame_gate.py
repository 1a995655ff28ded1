"""Whether a frame can be believed at all: its time, its number, its form (C12)."""

from __future__ import annotations

from collections import deque

import numpy as np

from controller.monitor.lamps import LAMPS, Bools, Int8s

FRAME_AGE_MAX_MS = 300
"""C12: two frames are never further apart."""
TRIPS_TO_LATCH = 3
"""Design 10.4: the third non-latched flash in 24 h latches (informed by CMU bus timeouts)."""
TRIP_WINDOW_MS = 24 * 3_600_000
MIN_FLASH_MS = 6_000
"""R40: shortest flash before a restart."""

_TIME_LIMIT = 1 << 62
_ARRAY, _INT8, _BOOL = np.ndarray, np.dtype(np.int8), np.dtype(np.bool_)


class FrameGate:
    """Keeps the monitor's own clock and frame number, and counts the times they broke."""

    def __init__(self, group_count: int, junction_count: int) -> None:
        self._of_groups, self._of_junctions = (group_count,), (junction_count,)
        self.now_ms = -1
        """Time of the last frame whose time was a number."""
        self.before_ms = -1
        """Time of the frame before it."""
        self._sequence = -1
        self._running_ms = 0
        """The monitor's own sum of frame intervals, each at most `FRAME_AGE_MAX_MS`: a clock
        set forward does not make earlier trips look old."""
        self._last_fault_ms = -MIN_FLASH_MS
        self._trips_ms: deque[int] = deque(maxlen=TRIPS_TO_LATCH)

    def fault(
        self, now_ms: int, sequence: int, lamps: Int8s, feedback: Int8s,
        calls: Bools, min_green_waived: Bools, promise_suspended: Bools,
    ) -> str:  # fmt: skip
        """Take the next frame. Returns "" or, in words, why it cannot be believed."""
        groups, junctions = self._of_groups, self._of_junctions
        form = (
            type(lamps) is _ARRAY and lamps.dtype is _INT8 and lamps.shape == groups
            and type(feedback) is _ARRAY and feedback.dtype is _INT8 and feedback.shape == groups
            and type(calls) is _ARRAY and calls.dtype is _BOOL and calls.shape == groups
            and type(min_green_waived) is _ARRAY and min_green_waived.dtype is _BOOL
            and min_green_waived.shape == junctions
            and type(promise_suspended) is _ARRAY and promise_suspended.dtype is _BOOL
            and promise_suspended.shape == junctions
        )  # fmt: skip
        if type(now_ms) is not int:
            now_ms = _whole(now_ms)
        if not 0 <= now_ms < _TIME_LIMIT:
            return "the time of the frame is not a whole number of milliseconds"
        reason = self._step_fault(now_ms, sequence)
        if not form:
            reason = "an array of the frame has the wrong type or shape"
        if self.now_ms >= 0:
            self._running_ms += min(max(now_ms - self.now_ms, 0), FRAME_AGE_MAX_MS)
        self.before_ms, self.now_ms = self.now_ms, now_ms
        return reason

    def expect_anew(self) -> None:
        """Whoever sends frames is gone: the next one is a first one, with a time and number of its own."""
        self._sequence = -1

    def _step_fault(self, now_ms: int, sequence: int) -> str:
        if type(sequence) is not int:
            sequence = _whole(sequence)
        if sequence < 0:
            return "the number of the frame is not a whole number"
        before, self._sequence = self._sequence, sequence
        if before < 0:
            return ""
        step_ms = now_ms - self.now_ms
        if step_ms <= 0:
            return f"time went from {self.now_ms} ms to {now_ms} ms"
        if step_ms > FRAME_AGE_MAX_MS:
            return f"no frame came for {step_ms} ms, allowed {FRAME_AGE_MAX_MS} ms"
        if sequence != before + 1:
            return f"frame {sequence} came after frame {before}"
        return ""

    def count(self) -> tuple[bool, bool]:
        """Count the fault just found: (it opens a new episode, and is the third in 24 h).

        Faults less than `MIN_FLASH_MS` apart are one episode: the street has been in flash
        all the time.
        """
        opens = self._running_ms - self._last_fault_ms >= MIN_FLASH_MS
        self._last_fault_ms = self._running_ms
        if not opens:
            return False, False
        trips = self._trips_ms
        trips.append(self._running_ms)
        latches = len(trips) == TRIPS_TO_LATCH and trips[-1] - trips[0] <= TRIP_WINDOW_MS
        if latches:
            trips.clear()
        return True, latches


def _whole(number: object) -> int:
    """A numpy integer as an int; -1 for whatever is no whole number."""
    return int(number) if isinstance(number, np.integer) else -1


def lamps_in_range(lamps: Int8s) -> bool:
    """Is every code a lamp?"""
    return bool(lamps.min() >= 0 and lamps.max() < LAMPS)
