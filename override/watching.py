"""Who looks at which junctions from near: wishes that last ten seconds, of everybody together."""

from __future__ import annotations

from collections.abc import Iterable

from override.details import WATCH_MS, WATCHED_MAX

RENEW_MS = 2_000
"""The engine is told so often, so that one that has just started knows soon."""


class Watching:
    """Wishes of all consoles. Times are the station's monotonic clock."""

    def __init__(self) -> None:
        self._until_ms: dict[int, int] = {}
        self._told: list[int] = []
        self._told_ms = -RENEW_MS

    def wish(self, junctions: Iterable[int], now_ms: int) -> None:
        """Somebody looks at these now; of too many the oldest wishes are displaced."""
        for j in junctions:
            self._until_ms.pop(j, None)
            self._until_ms[j] = now_ms + WATCH_MS
        while len(self._until_ms) > WATCHED_MAX:
            del self._until_ms[next(iter(self._until_ms))]

    def news(self, now_ms: int) -> list[int] | None:
        """What the engine must now be told to look at; None = nothing new."""
        for j in [j for j, until_ms in self._until_ms.items() if now_ms >= until_ms]:
            del self._until_ms[j]
        wanted = list(self._until_ms)
        same = sorted(wanted) == sorted(self._told)
        if same and (not wanted or now_ms - self._told_ms < RENEW_MS):
            return None
        self._told, self._told_ms = wanted, now_ms
        return wanted
