"""The checks of waiting: C7 (a green held while others wait) and C13 (a call not served).

Both are alarms: nobody is in danger, the junction is to go down the ladder. A promise is
suspended during flash and when the engine says so (design 10.1); the time does not count.
"""

from __future__ import annotations

import numpy as np

from controller.monitor.card import Card
from controller.monitor.lamps import GREEN, Bools, Int64s
from controller.monitor.memory import ConflictIndex, LampMemory
from controller.monitor.verdict import Findings

GRACE_MS = 30_000
"""Design 10.1: the starvation checks trip at promise + 30 s."""
NEVER_MS = 1 << 62


class PatienceChecks:
    """Knows since when each call waits, from the calls and the lamps it saw itself."""

    def __init__(self, card: Card, memory: LampMemory, conflicts: ConflictIndex) -> None:
        self._memory, self._conflicts = memory, conflicts
        groups, junctions = card.group_count, card.junction_count
        self._waiting: Bools = np.zeros(groups, dtype=np.bool_)
        self._waits: Bools = np.zeros(groups, dtype=np.bool_)
        self._fresh: Bools = np.zeros(groups, dtype=np.bool_)
        self._since_ms: Int64s = np.zeros(groups, dtype=np.int64)
        self._alarmed: Bools = np.zeros(groups, dtype=np.bool_)
        self._held: Bools = np.zeros(groups, dtype=np.bool_)
        self._paused: Bools = np.zeros(junctions, dtype=np.bool_)
        self._paused_since_ms: Int64s = np.zeros(junctions, dtype=np.int64)
        self.due_ms = NEVER_MS
        """Before this time neither check can trip."""
        self.take_card(card)

    def take_card(self, card: Card) -> None:
        """Judge by the promises of this card from now on; its groups are the same."""
        self._card = card
        self._limit_ms = card.promise_ms + GRACE_MS
        # C7: a promise longer than R18's 120 s makes longer greens lawful (design 10.1).
        self._pair_limit_ms = np.maximum(card.max_max_green_ms, self._limit_ms)[card.pair_starting]
        self._least_limit_ms = int(self._limit_ms.min())

    def count(self, now_ms: int, calls: Bools) -> None:
        """Take the calls (G). A call waits while its group is not green."""
        waits, fresh = self._waits, self._fresh
        np.not_equal(self._memory.permitted, GREEN, out=waits)
        np.logical_and(waits, calls, out=waits)
        np.greater(waits, self._waiting, out=fresh)
        if np.count_nonzero(fresh):
            self._since_ms[fresh] = now_ms
            self.due_ms = min(self.due_ms, now_ms + self._least_limit_ms + 1)
        np.logical_and(self._alarmed, waits, out=self._alarmed)
        self._waiting, self._waits = waits, self._waiting

    def pause(self, now_ms: int, paused: Bools) -> None:
        """Take where promises are suspended now (J); waiting there does not count meanwhile."""
        resumed = self._paused & ~paused
        if resumed.any():
            groups = resumed[self._card.junction] & self._waiting
            from_ms = np.maximum(self._paused_since_ms[self._card.junction], self._since_ms)
            self._since_ms[groups] += now_ms - from_ms[groups]
        self._paused_since_ms[paused & ~self._paused] = now_ms
        self._paused[:] = paused
        self.due_ms = min(self.due_ms, now_ms)

    def note(self, now_ms: int, changed: Int64s) -> None:
        """After a commit: a green that begins now may come to be held too long."""
        self._held[changed] = False
        if self._alarmed.any():
            self.due_ms = min(self.due_ms, now_ms + self._least_limit_ms + 1)

    def judge(self, now_ms: int, found: Findings) -> None:
        """Look at every waiting call, once `due_ms` is past, and set the next `due_ms`."""
        counts = self._waiting & ~self._paused[self._card.junction]
        overdue = counts & (now_ms - self._since_ms > self._limit_ms)
        for group in np.flatnonzero(overdue & ~self._alarmed):
            waited_ms, limit_ms = int(now_ms - self._since_ms[group]), int(self._limit_ms[group])
            text = f"a call waits unserved for {waited_ms} ms, promised {limit_ms - GRACE_MS} ms"
            found.alarm(13, (int(group),), waited_ms, limit_ms, text)
        self._alarmed |= overdue
        young = counts & ~overdue
        due_ms = int((self._since_ms[young] + self._limit_ms[young]).min(initial=NEVER_MS - 1)) + 1
        self.due_ms = min(due_ms, self._judge_held(now_ms, np.flatnonzero(overdue), found))

    def _judge_held(self, now_ms: int, overdue: Int64s, found: Findings) -> int:
        """C7 among the conflicts of overdue calls (no pair can be late before its call is).

        The time runs from the later of the green's start and the call: a green that rests while
        nobody waits holds nobody up. Returns the next time at which one can trip.
        """
        pairs = self._conflicts.pairs_of(overdue)
        ending = self._card.pair_ending[pairs]
        holds = (self._memory.permitted[ending] == GREEN) & ~self._held[ending]
        pairs, ending = pairs[holds], ending[holds]
        starting, limit_ms = self._card.pair_starting[pairs], self._pair_limit_ms[pairs]
        from_ms = np.maximum(self._memory.since_ms[ending], self._since_ms[starting])
        late = now_ms - from_ms > limit_ms
        for at in np.flatnonzero(late):
            group, other, held_ms = int(ending[at]), int(starting[at]), int(now_ms - from_ms[at])
            if self._held[group]:
                continue  # said for an earlier call
            self._held[group] = True
            text = f"green held for {held_ms} ms while the other waits, at most {limit_ms[at]} ms"
            found.alarm(7, (group, other), held_ms, int(limit_ms[at]), text)
        return int((from_ms[~late] + limit_ms[~late]).min(initial=NEVER_MS - 1)) + 1
