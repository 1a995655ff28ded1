"""The checks of what the street shows: C2, C3, and C1 once more on the street itself."""

from __future__ import annotations

import numpy as np

from controller.monitor.card import Card
from controller.monitor.heads import DUAL
from controller.monitor.lamps import ACTIVE, DARK, LAMP_NAMES, LAMPS, Bools, Int8s, Int64s
from controller.monitor.memory import ConflictIndex
from controller.monitor.verdict import Findings

NEVER_MS = 1 << 62
TICK_MS = 100
"""Two differing frames trip C2 and C3 on a street that shows every change at once.

The engine's tick is said once more here: the monitor takes no word of the engine's.
"""

_ACTIVE_SHOWN: Bools = np.append(ACTIVE, True)
"""By lamp as shown: a head that lights two things at once may be letting somebody go."""


class ShownChecks:
    """Compares the street's feedback with what was permitted one frame earlier.

    One frame of skew is allowed; where lamps change only every so often (the card's resolution),
    a change may show one step late and be reported another step late. A lamp that still
    differs then is C2 when dark, else C3: a wrong lamp, or two at once (`heads.DUAL`).
    """

    def __init__(self, card: Card, conflicts: ConflictIndex) -> None:
        self._card, self._conflicts = card, conflicts
        groups = card.group_count
        self._tolerance_ms = 2 * card.lamp_resolution_ms - TICK_MS
        self._since_ms: Int64s = np.zeros(groups, dtype=np.int64)
        self._open: Bools = np.zeros(groups, dtype=np.bool_)
        self._reported: Bools = np.zeros(groups, dtype=np.bool_)
        self.due_ms = NEVER_MS
        """Before this time the same difference need not be looked at again."""

    def take_card(self, card: Card) -> None:
        """Know the conflicts of this card from now on; its groups and lamps are the same."""
        self._card = card

    def compare(self, now_ms: int, feedback: Int8s, expected: Int8s, flash: Bools, found: Findings) -> None:
        """Judge `feedback` (G) against `expected` (G), permitted one frame earlier."""
        differs = feedback != expected
        self._since_ms[differs & ~self._open] = now_ms
        self._reported &= differs
        self._open[:] = differs
        self.due_ms = NEVER_MS
        if not differs.any():
            return
        late = differs & ~self._reported & (now_ms - self._since_ms >= self._tolerance_ms)
        for group in np.flatnonzero(late):
            lasted_ms = now_ms - int(self._since_ms[group])
            self._report(int(group), int(feedback[group]), int(expected[group]), lasted_ms, found)
        self._reported |= late
        young = differs & ~self._reported
        self.due_ms = int(self._since_ms[young].min(initial=NEVER_MS)) + self._tolerance_ms
        self._judge_conflicts(feedback, np.flatnonzero(differs), flash, found)

    def _report(self, group: int, shown: int, wanted: int, lasted_ms: int, found: Findings) -> None:
        name = LAMP_NAMES[shown] if 0 <= shown < LAMPS else f"unknown lamp {shown}"
        if shown == DUAL:
            name = "two lamps at once"
        text = f"shows {name} instead of {LAMP_NAMES[wanted]} for {lasted_ms} ms"
        found.violation(2 if shown == DARK else 3, (group,), lasted_ms, self._tolerance_ms, text)

    def _judge_conflicts(self, feedback: Int8s, differs: Int64s, flash: Bools, found: Findings) -> None:
        """C1 on the street: a group shown active that should not be, beside a conflicting one."""
        lamps = np.where((feedback >= 0) & (feedback <= DUAL), feedback, DARK)
        active = _ACTIVE_SHOWN[lamps]
        suspects = differs[active[differs] & ~flash[self._card.junction[differs]]]
        pairs = self._conflicts.pairs_of(suspects)
        for pair in pairs[active[self._card.pair_ending[pairs]]]:
            other, group = int(self._card.pair_ending[pair]), int(self._card.pair_starting[pair])
            if other in suspects and other > group:
                continue  # both differ: said once
            names = " and ".join(
                "two lamps" if one == DUAL else LAMP_NAMES[one] for one in lamps[[other, group]]
            )
            found.violation(1, (other, group), 0, 0, f"conflicting and both shown active, {names}")
