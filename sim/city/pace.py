"""Keeping a simulated street in step with a clock on the wall, at any speed."""

from __future__ import annotations

import time
from collections.abc import Callable

SLIP_MS = 1000
"""So late, the clock gives up catching up: it starts anew from here, and says how much was lost."""


class Pace:
    """Holds a run back to `speed` street seconds a second of the clock; 0 = as fast as it can.

    `now_ns` and `sleep_s` are the clock, a monotonic one; later than `slip_ms` nothing is caught up.
    Raises ValueError for a negative speed.
    """

    def __init__(
        self,
        speed: float = 1.0,
        now_ns: Callable[[], int] = time.monotonic_ns,
        sleep_s: Callable[[float], None] = time.sleep,
        slip_ms: int = SLIP_MS,
    ) -> None:
        if speed < 0.0:
            raise ValueError(f"speed is {speed}; allowed is 0 (as fast as it can) and more")
        self.speed = speed
        self._now_ns, self._sleep_s, self._slip_ms = now_ns, sleep_s, slip_ms
        self._from_ns: int | None = None
        self._from_street_ms = 0
        self.late_ms = 0.0
        """How late the last moment was, in milliseconds of the clock."""
        self.worst_late_ms = 0.0
        self.late_moments = 0
        """How many came later than the slip; each of them was one."""
        self.slipped_ms = 0.0
        """Time of the clock given up altogether."""

    def wait(self, street_ms: int) -> None:
        """Come back when `street_ms` is due; at once when it is past, noting how late."""
        if self.speed == 0.0:
            return
        now_ns = self._now_ns()
        if self._from_ns is None:
            self._from_ns, self._from_street_ms = now_ns, street_ms
        due_ns = self._from_ns + round((street_ms - self._from_street_ms) * 1e6 / self.speed)
        if now_ns < due_ns:
            self.late_ms = 0.0
            self._sleep_s((due_ns - now_ns) / 1e9)
            return
        self.late_ms = (now_ns - due_ns) / 1e6
        self.worst_late_ms = max(self.worst_late_ms, self.late_ms)
        if self.late_ms > self._slip_ms:
            self.late_moments += 1
            self.slipped_ms += self.late_ms
            self._from_ns, self._from_street_ms = now_ns, street_ms
