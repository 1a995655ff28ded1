"""The watch over those who must keep talking, by the monitor's own clock (C11, C12).

The engine's heartbeat must come, every reading of the street must be answered by a proposal, and
street time may not run ahead of the monitor's own: three seconds of yellow are three seconds of its
clock, whatever the engine's says.
"""

from __future__ import annotations

SILENCE_MAX_MS = 300
"""C11, C12: three ticks."""
LEAD_MAX_MS = 400
"""So much street time may be caught up at once after a delay."""

NEVER_MS = -1


class Vigil:
    """All times but `street_ms` are of the monitor's own clock.

    `speed` street milliseconds pass in one of its; a street slower than life is waited for longer.
    """

    def __init__(self, speed: float = 1.0, catch_up_ms: int = LEAD_MAX_MS) -> None:
        self.silence_max_ms = round(SILENCE_MAX_MS / min(speed, 1.0))
        self._speed = speed
        self._lead_max_ms = catch_up_ms * speed
        self._own_ms = NEVER_MS
        self._heard_ms = NEVER_MS
        self._asked_ms = NEVER_MS
        self._reading = -1
        self._least_lead_ms: float | None = None

    @property
    def awake(self) -> bool:
        """Whether an engine has spoken and not fallen silent since."""
        return self._heard_ms != NEVER_MS

    def rest(self) -> None:
        """Nobody is expected to speak: the engine is gone, or has just been given up."""
        self._heard_ms = self._asked_ms = NEVER_MS
        self._least_lead_ms = None

    def heard(self, own_ms: int) -> None:
        """A heartbeat came that was right."""
        self._heard_ms = own_ms

    def asked(self, own_ms: int, reading: int) -> None:
        """The street has given this reading to the engine, and its heads' state to the monitor."""
        self._reading = reading
        if self._asked_ms == NEVER_MS:
            self._asked_ms = own_ms

    def answered(self, own_ms: int, reading: int, street_ms: int) -> str:
        """A proposal came for that reading. Returns "" or why its time cannot be believed."""
        if reading >= self._reading:
            self._asked_ms = NEVER_MS
        else:
            self._asked_ms = own_ms
        lead_ms = street_ms - self._speed * own_ms
        if self._least_lead_ms is None or lead_ms < self._least_lead_ms:
            self._least_lead_ms = lead_ms
        ahead_ms = lead_ms - self._least_lead_ms
        if ahead_ms > self._lead_max_ms:
            self._least_lead_ms = lead_ms
            return f"street time ran {ahead_ms:.0f} ms ahead of the monitor's own clock"
        return ""

    def overdue(self, own_ms: int) -> tuple[str, str]:
        """(check, reason) where somebody has been silent for too long, or own time ran backwards."""
        before_ms, self._own_ms = self._own_ms, own_ms
        if own_ms < before_ms:
            return "C12", f"the monitor's own clock went back by {before_ms - own_ms} ms"
        if self._heard_ms == NEVER_MS:
            return "", ""
        if (silent_ms := own_ms - self._heard_ms) > self.silence_max_ms:
            return "C11", f"the engine's heartbeat has been missing for {silent_ms} ms"
        if self._asked_ms != NEVER_MS and (late_ms := own_ms - self._asked_ms) > self.silence_max_ms:
            return "C12", f"the engine has proposed nothing for a reading {late_ms} ms old"
        return "", ""
