"""What the monitor remembers of each group: its own record, never the engine's word."""

from __future__ import annotations

import numpy as np

from controller.monitor.card import Card
from controller.monitor.lamps import FLASH_RED, FLASHING, GREEN, RED, Int8s, Int64s

LONG_AGO_MS = -(1 << 62)
ALL_RED_AFTER_FLASH_MS = 6_000
"""R39: all red between flash and the first green."""


class RowIndex:
    """Finds the rows of given groups in a table sorted by group, without a loop."""

    def __init__(self, column: Int64s, group_count: int) -> None:
        self._count = np.bincount(column, minlength=group_count)
        self._first = np.cumsum(self._count) - self._count

    def rows_of(self, groups: Int64s) -> Int64s:
        """Indices of all rows of `groups` (n)."""
        count = self._count[groups]
        shift = self._first[groups] - (np.cumsum(count) - count)
        rows: Int64s = np.repeat(shift, count)
        rows += np.arange(rows.size)
        return rows


class ConflictIndex:
    """Finds the conflicting pairs of given starting groups."""

    def __init__(self, card: Card) -> None:
        self.take_card(card)

    def take_card(self, card: Card) -> None:
        """Find those of this card from now on."""
        self._pairs = RowIndex(card.pair_starting, card.group_count)

    def pairs_of(self, groups: Int64s) -> Int64s:
        """Indices of all pairs in which one of `groups` (n) starts."""
        return self._pairs.rows_of(groups)


class LampMemory:
    """When each group last changed, from what the monitor itself permitted."""

    def __init__(self, card: Card) -> None:
        groups, junctions = card.group_count, card.junction_count
        self._junction = card.junction
        self.permitted: Int8s = np.full(groups, RED, dtype=np.int8)
        """(G) the lamps permitted last."""
        self.since_ms: Int64s = np.full(groups, LONG_AGO_MS, dtype=np.int64)
        """(G) when the lamp permitted now was first permitted."""
        self.green_ended_ms: Int64s = np.full(groups, LONG_AGO_MS, dtype=np.int64)
        """(G) when the last green, WALK or flashing amber ended."""
        self.flash_ended_ms: Int64s = np.full(junctions, LONG_AGO_MS, dtype=np.int64)
        """(J) when the last flash ended."""
        self.flash_lamps: Int8s = np.where(card.pedestrian, RED, FLASH_RED).astype(np.int8)
        """(G) what a flash shows: R38, all red. Crossings keep a steady red: a dark head
        cannot be told from a failed one (C2), and tells nobody anything."""

    def begin(self, now_ms: int) -> None:
        """The first frame is accepted: what was before is unknown, so every group is taken to
        have ended its green just now, and every conflicting green waits its intergreen."""
        self.since_ms[:] = now_ms
        self.green_ended_ms[:] = now_ms

    def restart(self, now_ms: int, groups: Int64s, junctions: Int64s) -> None:
        """Flash ends here: R39's all-red begins, and nothing before it counts."""
        self.since_ms[groups] = now_ms
        self.green_ended_ms[groups] = now_ms
        self.flash_ended_ms[junctions] = now_ms

    def commit(self, now_ms: int, lamps: Int8s) -> Int64s:
        """Permit `lamps` (G). Returns the groups that changed (n)."""
        changed = np.flatnonzero(lamps != self.permitted)
        before = self.permitted[changed]
        self.since_ms[changed] = now_ms
        self.green_ended_ms[changed[before == GREEN]] = now_ms
        self.flash_ended_ms[self._junction[changed[FLASHING[before]]]] = now_ms
        self.permitted[:] = lamps
        return changed
