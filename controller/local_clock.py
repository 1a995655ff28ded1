"""What time of day it is on a street: its own clock, and how far local time is from it, and since when.

A street's clock is a number of milliseconds that never jumps. Local time does: an hour is skipped in
spring and one comes twice in autumn. Who knows the zone gives the jumps as data; nothing here knows
zones, and nobody's plan ever loses step over a jump, since cycles run by the street's clock.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from controller.vocabulary import DayKind

if TYPE_CHECKING:
    from controller.junction import PlanHour

DAY_MS = 86_400_000
SATURDAY, SUNDAY = 5, 6


class BadClock(ValueError):
    """A clock that cannot be: its changes are not in order, or there is none."""


@dataclass(frozen=True, slots=True)
class OffsetChange:
    """From this moment of the street's clock on, local time is that much later."""

    at_ms: int
    offset_ms: int


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A moment as people say it."""

    day: int
    """Local days since the clock's day 0."""
    kind: DayKind
    of_day_ms: int


@dataclass(frozen=True, slots=True)
class LocalClock:
    """Local time by the street's clock. Without arguments: the street counts from a Monday's midnight.

    Raises BadClock when `changes` is empty or not in order of time.
    """

    changes: tuple[OffsetChange, ...] = (OffsetChange(0, 0),)
    """The first one holds before its time, too."""
    first_weekday: int = 0
    """Of local day 0; Monday is 0."""
    free_days: tuple[int, ...] = ()
    """Local days that are public holidays."""

    def __post_init__(self) -> None:
        times = [change.at_ms for change in self.changes]
        if not times or any(b <= a for a, b in pairwise(times)):
            raise BadClock(f"a clock's changes must be in order of time, and at least one; found {times}")

    def at(self, now_ms: int) -> LocalTime:
        """Local time at a moment of the street's clock."""
        known = bisect_right(self.changes, now_ms, key=lambda change: change.at_ms)
        local_ms = now_ms + self.changes[max(0, known - 1)].offset_ms
        day, of_day_ms = divmod(local_ms, DAY_MS)
        weekday = (self.first_weekday + day) % 7
        if weekday == SUNDAY or day in self.free_days:
            kind = DayKind.SUNDAY
        else:
            kind = DayKind.SATURDAY if weekday == SATURDAY else DayKind.WORKDAY
        return LocalTime(day, kind, of_day_ms)


def plan_of_the_hour(timetable: tuple[PlanHour, ...], time: LocalTime) -> str:
    """Name of the plans to play at a local time; empty = each junction's first."""
    hours = sorted((h for h in timetable if time.kind in h.days), key=lambda h: h.from_ms)
    if not hours:
        return ""
    begun = [h for h in hours if h.from_ms <= time.of_day_ms]
    return (begun or hours)[-1].plan
