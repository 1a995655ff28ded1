"""Which readings are let in: each once, none from before the last one, none from the future (rules 3.2, A8).

What is not let in counts as nothing new. When nothing is let in for some seconds the street is
as one whose sensors are silent, and the ladder deals with it.
"""

from __future__ import annotations

from dataclasses import replace

from controller.frame import Frame

AHEAD_MS = 30_000
"""Messages from further ahead are refused and counted (Siemens OTU, rules 3.2)."""


class FrameDoor:
    """Remembers the last reading of one street. `refused` counts those that were not let in."""

    def __init__(self) -> None:
        self.refused = 0
        self._sequence = -1
        self._time_ms = self._now_ms = -(1 << 60)

    def through(self, frame: Frame, now_ms: int) -> Frame:
        """The reading itself, or one that says nothing new."""
        if frame.sequence == self._sequence:
            return frame
        if now_ms < self._now_ms:
            self._time_ms = -(1 << 60)  # our own clock was set back: what the ladder answers
        self._now_ms = now_ms
        old = (frame.time_ms, frame.sequence) < (self._time_ms, self._sequence)
        if (old and self._sequence >= 0) or frame.time_ms > now_ms + AHEAD_MS:
            self.refused += 1
            # The arrays as they came, under the number of the reading before: nobody looks at them.
            return replace(frame, sequence=self._sequence)
        self._sequence, self._time_ms = frame.sequence, frame.time_ms
        return frame
