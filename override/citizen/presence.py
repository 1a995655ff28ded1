"""Codes that a pole shows for a while only: who gives the right one has been there, whoever he is.

The code follows from a secret, the pole and the time alone (HMAC-SHA-256 over a window of time, as
RFC 6238 does it), so that a display, a voice or a printed card at the pole and the citizen process
agree without a line between them. It says nothing of the person, and is never kept: a case holds
only how many came with one, and in which windows. Without a right code a flag is taken all the same;
it then counts only with the signal's own record, or a person, beside it.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from override.flag_messages import Channel, Presence
from override.keys import KEY_BYTES, KeysError, read_settings, write_private
from override.poles import ALPHABET, PRIME, SHOWN

HOUR_MS = 3_600_000
PERIOD_LEAST_MS, PERIOD_MOST_MS = 300_000, 92 * 24 * HOUR_MS
"""From a display's five minutes to a printed card's quarter of a year."""
GRACE_LEAST_MS, GRACE_SHARE = 600_000, 0.1
"""A code holds so long after the next has taken its place: time to write, or to change the cards."""
EARLY_MS = 60_000
"""A display's clock may run ahead so far."""
OLD_WINDOWS = 30
"""Codes of so many windows before are known as old ones; they count no more than none."""
_CONTEXT = b"belisha shown 1\0"


@dataclass(frozen=True, slots=True)
class PoleCodes:
    """The codes of all poles of a street, at any time."""

    secret: bytes
    period_ms: int

    @property
    def grace_ms(self) -> int:
        """For how long a code holds beyond its window."""
        return max(GRACE_LEAST_MS, round(GRACE_SHARE * self.period_ms))

    def window(self, wall_ms: int) -> int:
        """Number of the window that a time is in."""
        return wall_ms // self.period_ms

    def begin_ms(self, window: int) -> int:
        """Its begin on the wall clock; its end is the next one's."""
        return window * self.period_ms

    def code(self, pole: str, window: int) -> str:
        """What the pole shows in a window: `SHOWN` characters of the plates' alphabet."""
        words = _CONTEXT + pole.encode() + b"\0" + window.to_bytes(8, "big")
        number = int.from_bytes(hmac.digest(self.secret, words, "sha256")[:8], "big")
        shown = ""
        for _ in range(SHOWN):
            number, digit = divmod(number, PRIME)
            shown += ALPHABET[digit]
        return shown

    def holding(self, wall_ms: int) -> list[int]:
        """Windows whose codes count now, the latest first."""
        now = self.window(wall_ms)
        found = [now]
        if self.begin_ms(now + 1) - wall_ms <= EARLY_MS:
            found.insert(0, now + 1)
        if wall_ms - self.begin_ms(now) < self.grace_ms:
            found.append(now - 1)
        return found


@dataclass(frozen=True, slots=True)
class Voice:
    """How one flag counts where the signal's record does not speak."""

    channel: Channel
    presence: Presence = Presence.UNUSED
    window: int = -1
    """Of the code that came with it; -1 = none that holds."""

    @property
    def counts(self) -> bool:
        """Whether it comes from the pole, or from a street whose poles show no such codes."""
        return self.presence in (Presence.UNUSED, Presence.CURRENT)


def voice(codes: PoleCodes | None, channel: Channel, pole: str, shown: str, wall_ms: int) -> Voice:
    """How a flag counts that came to `pole` (empty: to no crossing) with the code `shown`.

    Without `codes` the street's poles show none. Nothing but an accepted flag is answered with
    this, so that guessing costs a place under the signal's ceiling: who fills that all day long
    (28,800 flags, two codes of 2.5 million holding) hits the code of a pole in one of 40 days.
    """
    if codes is None:
        return Voice(channel)
    if not pole or not shown:
        return Voice(channel, Presence.NONE)
    for window in codes.holding(wall_ms):
        if hmac.compare_digest(codes.code(pole, window), shown):
            return Voice(channel, Presence.CURRENT, window)
    now = codes.window(wall_ms)
    old = any(codes.code(pole, now - k) == shown for k in range(1, OLD_WINDOWS + 1))
    return Voice(channel, Presence.OLD if old else Presence.WRONG)


# --- the file of the secret ------------------------------------------------------------------


def read_pole_codes(path: Path) -> PoleCodes:
    """The secret and its period from a file that only its owner can read. Raises KeysError."""
    row = read_settings(path, ("period_s", "secret"), f"make it with: belisha poles secret -o {path}")
    try:
        secret = bytes.fromhex(row["secret"])
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES or len(set(secret)) < 8:
        raise KeysError(f"{path}: secret: {2 * KEY_BYTES} random hexadecimal digits are needed")
    period = row["period_s"]
    period_ms = 1000 * int(period) if period.isascii() and period.isdigit() else 0
    return PoleCodes(secret, _period(str(path), period_ms, period))


def make_pole_codes(path: Path, period_ms: int) -> PoleCodes:
    """A new secret in a new file. Raises KeysError, also where a file is there already."""
    made = PoleCodes(secrets.token_bytes(KEY_BYTES), _period("period", period_ms, f"{period_ms // 1000}"))
    text = f'period_s = "{period_ms // 1000}"\nsecret = "{made.secret.hex()}"\n'
    write_private(path, text, anew=True)
    return made


def _period(place: str, period_ms: int, found: str) -> int:
    if not PERIOD_LEAST_MS <= period_ms <= PERIOD_MOST_MS or period_ms % 1000:
        raise KeysError(
            f"{place}: period_s is {found[:20]}; "
            f"{PERIOD_LEAST_MS // 1000} to {PERIOD_MOST_MS // 1000} seconds are allowed"
        )
    return period_ms
