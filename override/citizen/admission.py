"""Whom to hear now, when too many speak at once: ceilings for each signal and district, and an order.

No identity is needed for it. What does not fit is told BUSY with a time to come back, which is no
acceptance. The network source is hashed with a key that lives in memory for an hour and is never
written; it does one thing: who has spoken often lately waits behind who has not (10.8).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

MINUTE_MS = 60_000
SIGNAL_PER_MIN, DISTRICT_PER_MIN = 20, 200
OFTEN = 3
"""Flags of one source in SOURCE_MS that count as often (A21)."""
SOURCE_MS = 10 * MINUTE_MS
KEY_MS = 60 * MINUTE_MS
SOURCES_MAX = 20_000
RESERVED = 0.5
"""Of each bucket, kept for who has not spoken often."""
RETRY_MAX_S = 600


@dataclass(slots=True)
class Bucket:
    """So many at once, and so many a minute."""

    per_min: int
    tokens: float
    at_ms: int

    def level(self, now_ms: int) -> float:
        """Tokens in it now."""
        gained = max(0, now_ms - self.at_ms) * self.per_min / MINUTE_MS
        return min(float(self.per_min), self.tokens + gained)

    def take(self, now_ms: int) -> None:
        """One of them."""
        self.tokens, self.at_ms = self.level(now_ms) - 1, now_ms


class Admission:
    """Ceilings of one street. Times are of one monotonic clock; not thread-safe but for `full_s`."""

    def __init__(self, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._random_bytes = random_bytes
        self._signals: dict[str, Bucket] = {}
        self._districts: dict[str, Bucket] = {}
        self._spoken: dict[bytes, list[int]] = {}
        self._key, self._key_ms = random_bytes(16), -1
        self.refused = 0

    def often(self, source: str, now_ms: int) -> int:
        """How often this source has spoken in the last ten minutes; 0 for one that is not known."""
        if not source:
            return 0
        times = self._spoken.get(self._hash(source, now_ms), [])
        return sum(ms > now_ms - SOURCE_MS for ms in times)

    def admit(self, junction: str, district: str, source: str, now_ms: int) -> int:
        """0 = heard; otherwise seconds to come back after."""
        often = self.often(source, now_ms) >= OFTEN
        self._signals.setdefault(junction, Bucket(SIGNAL_PER_MIN, SIGNAL_PER_MIN, now_ms))
        self._districts.setdefault(district, Bucket(DISTRICT_PER_MIN, DISTRICT_PER_MIN, now_ms))
        wait_s = self._wait_s(junction, district, often, now_ms)
        self._speak(source, now_ms)
        if wait_s:
            self.refused += 1
            return wait_s
        self._signals[junction].take(now_ms)
        self._districts[district].take(now_ms)
        return 0

    def full_s(self, junction: str, district: str, source: str, now_ms: int) -> int:
        """What `admit` would say to this source now, noting nothing. Any thread may ask."""
        stale = now_ms - self._key_ms >= KEY_MS
        times = [] if stale or not source else self._spoken.get(self._hashed(source), [])
        often = sum(ms > now_ms - SOURCE_MS for ms in times) >= OFTEN
        return self._wait_s(junction, district, often, now_ms)

    def _wait_s(self, junction: str, district: str, often: bool, now_ms: int) -> int:
        wait_s = 0
        for bucket in (self._signals.get(junction), self._districts.get(district)):
            if bucket is None:
                continue
            least = 1 + RESERVED * bucket.per_min if often else 1
            if (short := least - bucket.level(now_ms)) > 0:
                wait_s = max(wait_s, 1, -int(-short * 60 // bucket.per_min))
        return min(wait_s, RETRY_MAX_S)

    def _speak(self, source: str, now_ms: int) -> None:
        if not source:
            return
        hashed = self._hash(source, now_ms)
        times = self._spoken.pop(hashed, [])
        self._spoken[hashed] = [*(ms for ms in times[-OFTEN:] if ms > now_ms - SOURCE_MS), now_ms]
        while len(self._spoken) > SOURCES_MAX:
            del self._spoken[next(iter(self._spoken))]  # who has been silent longest

    def _hash(self, source: str, now_ms: int) -> bytes:
        if self._key_ms < 0:
            self._key_ms = now_ms
        if now_ms - self._key_ms >= KEY_MS:
            self._key, self._key_ms = self._random_bytes(16), now_ms
            self._spoken.clear()
        return self._hashed(source)

    def _hashed(self, source: str) -> bytes:
        return hashlib.blake2b(source.encode("utf-8", "replace"), key=self._key, digest_size=12).digest()
