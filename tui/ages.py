"""Times as a tired person reads them: ages, times left, countdowns, lateness, and what people type back."""

from __future__ import annotations

import re

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000
_TYPED = re.compile(r"(\d{1,5})\s*(s|sec|m|min|h)?\Z")
_UNIT_MS = {"": MINUTE_MS, "s": SECOND_MS, "sec": SECOND_MS, "m": MINUTE_MS, "min": MINUTE_MS, "h": HOUR_MS}


class BadTime(ValueError):
    """Words that are no time."""


def duration(ms: int) -> str:
    """`0 s`, `45 s`, `2 min 05 s`, `12 min`, `3 h 20 min`, `2 d 4 h`: two units at most, rounded down."""
    ms = max(0, ms)
    seconds, minutes, hours = ms // SECOND_MS, ms // MINUTE_MS, ms // HOUR_MS
    if ms < MINUTE_MS:
        return f"{seconds} s"
    if ms < 10 * MINUTE_MS:
        rest = seconds % 60
        return f"{minutes} min {rest:02} s" if rest else f"{minutes} min"
    if ms < HOUR_MS:
        return f"{minutes} min"
    if ms < DAY_MS:
        rest = minutes % 60
        return f"{hours} h {rest:02} min" if rest else f"{hours} h"
    days, rest = divmod(hours, 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def short(ms: int) -> str:
    """The same in five characters at most: `45s`, `2m05`, `12m`, `3h20`, `2d4h`."""
    ms = max(0, ms)
    if ms < MINUTE_MS:
        return f"{ms // SECOND_MS}s"
    if ms < 10 * MINUTE_MS:
        return f"{ms // MINUTE_MS}m{ms // SECOND_MS % 60:02}"
    if ms < HOUR_MS:
        return f"{ms // MINUTE_MS}m"
    if ms < DAY_MS:
        return f"{ms // HOUR_MS}h{ms // MINUTE_MS % 60:02}"
    days = min(999, ms // DAY_MS)
    return f"{days}d{ms // HOUR_MS % 24}h" if days < 10 else f"{days}d"


def ago(ms: int) -> str:
    """`just now`, `4 s ago`, `3 h 20 min ago`."""
    return "just now" if ms < SECOND_MS else f"{duration(ms)} ago"


def left(ms: int) -> str:
    """`over`, `12 s left`, `1 min 30 s left`: rounded up, so that what is not over never says 0 s."""
    return "over" if ms <= 0 else f"{duration((ms + SECOND_MS - 1) // SECOND_MS * SECOND_MS)} left"


def countdown(ms: int) -> str:
    """`1:58`, `0:07`, `2:05:00`: rounded up."""
    seconds = max(0, (ms + SECOND_MS - 1) // SECOND_MS)
    hours, rest = divmod(seconds, 3600)
    if hours:
        return f"{hours}:{rest // 60:02}:{rest % 60:02}"
    return f"{rest // 60}:{rest % 60:02}"


def lateness(late_s: int) -> str:
    """A bus: `on time` within half a minute, `2 min late`, `1 min early`."""
    if abs(late_s) < 30:
        return "on time"
    minutes = max(1, round(abs(late_s) / 60))
    return f"{minutes} min {'late' if late_s > 0 else 'early'}"


def clock(of_day_ms: int) -> str:
    """`03:04:05` of milliseconds since midnight."""
    seconds = of_day_ms // SECOND_MS % 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def against(waited_ms: int, promise_ms: int) -> str:
    """A wait beside its promise: `35 s of 90 s`, or how far beyond it."""
    if promise_ms <= 0:
        return duration(waited_ms)
    if waited_ms > promise_ms:
        return f"{duration(waited_ms)}, {duration(waited_ms - promise_ms)} over the promise"
    return f"{duration(waited_ms)} of {duration(promise_ms)}"


def typed(text: str, most_ms: int = DAY_MS) -> int:
    """Milliseconds of what a person types: `90s`, `5`, `5 min`, `2h`; a bare number is minutes.

    Raises BadTime in words when it is none, nothing or more than allowed.
    """
    found = _TYPED.match(text.strip().lower())
    if not found:
        raise BadTime(f"{text.strip()!r} is no time; type 90s, 5min or 2h")
    ms = int(found[1]) * _UNIT_MS[found[2] or ""]
    if ms <= 0:
        raise BadTime("a time must be longer than nothing")
    if ms > most_ms:
        raise BadTime(f"{duration(ms)} is too long; {duration(most_ms)} at most")
    return ms
