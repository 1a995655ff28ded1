"""Local time of a time zone as a controller may have it: a clock of offset changes, worked out once.

The street's clock counts real seconds; the zone skips an hour in spring and repeats one in autumn.
Zones are known here and not in `controller`, whose decisions must not depend on a machine's files.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from controller.local_clock import LocalClock, OffsetChange

SPAN_DAYS = 400
"""Changes are known so far ahead; a street that runs longer is given a new clock at its next start."""
SECOND_MS = 1000
_HOUR = timedelta(hours=1)


class UnknownZone(ValueError):
    """A name that is no time zone here."""


def zone_clock(
    zone: str, first_day: date, holidays: Iterable[date] = (), span_days: int = SPAN_DAYS
) -> LocalClock:
    """The clock of a street whose own clock was 0 at local midnight of `first_day`.

    zone: IANA name, `Europe/Berlin`. Raises UnknownZone naming it.
    """
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(
            f"zone {zone!r} is not known here; allowed are names such as Europe/Berlin"
        ) from None
    midnight = datetime(first_day.year, first_day.month, first_day.day, tzinfo=place).astimezone(UTC)
    base = _offset(midnight, place)
    changes = [OffsetChange(0, 0)]
    hours = 24 * span_days
    for hour in range(hours):
        before, after = midnight + hour * _HOUR, midnight + (hour + 1) * _HOUR
        if _offset(before, place) != _offset(after, place):
            at = _moment_of_change(before, after, place)
            shift = _offset(after, place) - base
            changes.append(OffsetChange(_ms(at - midnight), _ms(shift)))
    free = tuple(sorted({(day - first_day).days for day in holidays}))
    return LocalClock(tuple(changes), first_day.weekday(), free)


def _moment_of_change(before: datetime, after: datetime, place: ZoneInfo) -> datetime:
    """The first whole second of the new offset, which lies in `(before, after]`."""
    while (after - before) > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        if _offset(middle, place) == _offset(before, place):
            before = middle
        else:
            after = middle
    return after


def _offset(moment: datetime, place: ZoneInfo) -> timedelta:
    offset = moment.astimezone(place).utcoffset()
    assert offset is not None
    return offset


def _ms(span: timedelta) -> int:
    return round(span.total_seconds()) * SECOND_MS
