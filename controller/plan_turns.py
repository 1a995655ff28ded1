"""Whose turn it is to be planned: every junction once a second, and never so many that a tick is late.

Where lamps may change every tick a tenth of the junctions plans in each. Where they change once a second
all would plan in the same tick, and a city of a thousand could miss the 200 ms that are left of a permit;
from `PLANNED_A_TICK_MAX` on some plan in the ticks before, for the same lamp time.
"""

from __future__ import annotations

import numpy as np

from controller.frame import TICK_MS
from controller.network import Ints

REPLAN_MS = 1000
"""Every junction is planned anew at least so often."""
PLANNED_A_TICK_MAX = 250
"""At 60-200 us a plan, on a core that others keep busy too, no tick takes longer than 50 ms for it."""


class Turns:
    """Parts of a street's junctions, by the lamp time they plan for and the ticks they plan before it."""

    UNCHANGING = frozenset({"_parts", "_all"})

    def __init__(self, n_junctions: int, lamp_resolution_ms: int) -> None:
        self.step_ms = max(TICK_MS, lamp_resolution_ms)
        turns = max(1, REPLAN_MS // self.step_ms)
        self._all: list[Ints] = [np.arange(turn, n_junctions, turns) for turn in range(turns)]
        parts = min(self.step_ms // TICK_MS, max(1, -(-len(self._all[0]) // PLANNED_A_TICK_MAX)))
        self._parts: list[list[Ints]] = [[all_[k::parts].copy() for k in range(parts)] for all_ in self._all]
        self._planned_ms: Ints = np.full((turns, parts), -REPLAN_MS, np.int64)

    def planning(self, now_ms: int) -> Ints:
        """The junctions to plan in this tick; at the lamp time those too whose tick never came."""
        before_ms = -now_ms % self.step_ms
        ticks_before, off = divmod(before_ms, TICK_MS)
        turn = (now_ms + before_ms) // self.step_ms % len(self._all)
        parts, planned_ms = self._parts[turn], self._planned_ms[turn]
        if off or ticks_before >= len(parts):
            return self._all[0][:0]
        planned_ms[ticks_before] = now_ms
        missed = now_ms - planned_ms >= REPLAN_MS
        if ticks_before == 0 and missed.any():
            planned_ms[missed] = now_ms
            return np.concatenate([parts[0], *(parts[k] for k in np.flatnonzero(missed))])
        return parts[ticks_before]

    def deciding(self, now_ms: int) -> Ints:
        """The junctions whose lamps may change at this time as planned; none between lamp times."""
        turn = now_ms // self.step_ms % len(self._all)
        return self._all[0][:0] if now_ms % self.step_ms else self._all[turn]
