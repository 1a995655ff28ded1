"""C14: what an order lets the engine do ends when its lease ends, by the monitor's own reckoning.

The engine tells with every frame until when the lease of a junction runs. What may still be seen a
second later (a waived minimum green, a suspended promise) is an alarm, and so is a lease too long to
be anybody's.
"""

from __future__ import annotations

import numpy as np

from controller.monitor.card import Card
from controller.monitor.lamps import Bools, Int64s
from controller.monitor.verdict import Findings

GRACE_MS = 1_000
LEASE_MAX_MS = 24 * 3_600_000
"""The longest lease there is (lockout)."""


class LeaseChecks:
    """Remembers since when each junction has been under an order, and what it has said."""

    def __init__(self, card: Card) -> None:
        junctions = card.junction_count
        self._first_group = np.searchsorted(card.junction, np.arange(junctions))
        self._until_ms: Int64s = np.zeros(junctions, np.int64)
        self._since_ms: Int64s = np.zeros(junctions, np.int64)
        self._under: Bools = np.zeros(junctions, np.bool_)
        self._told: Bools = np.zeros(junctions, np.bool_)

    def judge(self, now_ms: int, effect: Bools, until_ms: Int64s, found: Findings) -> None:
        """effect (J): an order's effect is seen now; until_ms (J): end of its lease as told, 0 = none."""
        self._since_ms[effect & ~self._under] = now_ms
        self._under[:] = effect
        self._told &= effect
        over_ms = now_ms - until_ms
        late = effect & ~self._told & (over_ms > GRACE_MS)
        endless = (
            effect & ~self._told & ((-over_ms > LEASE_MAX_MS) | (now_ms - self._since_ms > LEASE_MAX_MS))
        )
        for j in np.flatnonzero(late | endless):
            self._told[j] = True
            group = int(self._first_group[j])
            if late[j]:
                over = int(over_ms[j]) if until_ms[j] else int(now_ms - self._since_ms[j])
                found.alarm(14, (group,), over, GRACE_MS, "an order's effect outlasts its lease")
            else:
                found.alarm(14, (group,), int(-over_ms[j]), LEASE_MAX_MS, "a lease longer than a day")
