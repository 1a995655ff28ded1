"""Every key of a street file: what it may hold, within which bounds, and which field it becomes.

An unknown key, a wrong type or a value out of bounds is an error that names the path
(`junction[2].group[3].yellow_ms`), what was found and what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from controller.junction import (
    Detector,
    FixedPlan,
    Group,
    Intergreen,
    Junction,
    Lane,
    Movement,
    PlanHour,
    PlanStep,
    PreemptTimes,
    Reach,
    Stage,
    StreetLink,
    StreetNetwork,
    Yield,
)
from controller.local_clock import BadClock, LocalClock, OffsetChange
from controller.toml_text import in_line
from controller.vocabulary import DayKind, DetectorKind, GroupKind, StageSource, Timing

FORMAT = 1
TEXT_MAX = 4000
DAY_MS = 86_400_000
DIRECTIONS = ("straight", "right", "left", "turn")


class StreetFileError(ValueError):
    """A street file that cannot be used; the message is one line naming file, path and reason."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string of 1 to `TEXT_MAX` characters, or one of `words`."""

    words: tuple[str, ...] = ()
    empty: bool = False

    def read(self, value: object, at: str) -> str:
        """The string. Raises `StreetFileError`."""
        if self.words:
            if value not in self.words:
                raise _wrong(at, value, "one of " + ", ".join(self.words))
        elif not isinstance(value, str) or len(value) > TEXT_MAX or not (value or self.empty):
            raise _wrong(at, value, f"text of 1 to {TEXT_MAX} characters")
        assert isinstance(value, str)
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    low: int
    high: int

    def read(self, value: object, at: str) -> int:
        """The number. Raises `StreetFileError`."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise _wrong(at, value, f"a whole number from {self.low} to {self.high}")
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number within bounds."""

    low: float
    high: float

    def read(self, value: object, at: str) -> float:
        """The number. Raises `StreetFileError`."""
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not (self.low <= value <= self.high)
        ):
            raise _wrong(at, value, f"a number from {self.low:g} to {self.high:g}")
        return float(value)


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def read(self, value: object, at: str) -> bool:
        """The flag. Raises `StreetFileError`."""
        if not isinstance(value, bool):
            raise _wrong(at, value, "true or false")
        return value


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A local time of day, written `HH:MM` or `HH:MM:SS`; milliseconds since midnight."""

    def read(self, value: object, at: str) -> int:
        """The milliseconds. Raises `StreetFileError`."""
        found = re.fullmatch(r"(\d\d):(\d\d)(?::(\d\d))?", value) if isinstance(value, str) else None
        hour, minute, second = (int(part or 0) for part in found.groups()) if found else (24, 0, 0)
        if hour > 23 or minute > 59 or second > 59:
            raise _wrong(at, value, 'a time of day from "00:00" to "23:59:59"')
        return 1000 * (3600 * hour + 60 * minute + second)


@dataclass(frozen=True, slots=True)
class Word:
    """A member of an enum, written as its name in lower case (or its value, if that is text)."""

    enum: type[IntEnum] | type[StrEnum]

    def read(self, value: object, at: str) -> Any:
        """The member. Raises `StreetFileError`."""
        for member in self.enum:
            if value == enum_word(member):
                return member
        raise _wrong(at, value, "one of " + ", ".join(enum_word(m) for m in self.enum))


@dataclass(frozen=True, slots=True)
class Many:
    """A list of at most `high` values."""

    of: Kind
    low: int
    high: int

    def read(self, value: object, at: str) -> tuple[Any, ...]:
        """The values. Raises `StreetFileError`."""
        if not isinstance(value, list) or not self.low <= len(value) <= self.high:
            found = f"a list of {len(value)}" if isinstance(value, list) else repr(value)[:80]
            raise StreetFileError(f"{at}: found {found}; allowed is a list of {self.low} to {self.high}")
        return tuple(self.of.read(item, f"{at}[{k}]") for k, item in enumerate(value))


@dataclass(frozen=True, slots=True)
class Record:
    """A table that becomes a frozen record; `names` maps a key to its field where they differ."""

    make: Callable[..., Any]
    keys: Mapping[str, Kind]
    names: Mapping[str, str]
    defaults: Mapping[str, Any]
    """Fields whose key may be left out; it is not written when the field has this value."""
    inline: bool = False

    def field(self, key: str) -> str:
        """The record's field a key stands for."""
        return self.names.get(key, key)

    def left_out(self, key: str, item: object) -> bool:
        """Whether a value need not be written."""
        return self.field(key) in self.defaults and item == self.defaults[self.field(key)]

    def read(self, value: object, at: str) -> Any:
        """The record. Raises `StreetFileError`."""
        if not isinstance(value, dict):
            raise _wrong(at, value, "a table")
        dot = f"{at}." if at else ""
        for key in value:
            if key not in self.keys:
                shown = f"{dot}{in_line(key, 80)}"
                raise StreetFileError(f"{shown}: unknown key; allowed are {', '.join(self.keys)}")
        fields: dict[str, Any] = {}
        for key, kind in self.keys.items():
            name = self.field(key)
            if key in value:
                fields[name] = kind.read(value[key], dot + key)
            elif name in self.defaults:
                fields[name] = self.defaults[name]
            else:
                raise StreetFileError(f"{dot}{key}: missing")
        return self.make(**fields)


Kind = Text | Whole | Number | Flag | TimeOfDay | Word | Many | Record


def _wrong(at: str, found: object, allowed: str) -> StreetFileError:
    return StreetFileError(f"{at}: found {repr(found)[:80]}; allowed is {allowed}")


def enum_word(member: IntEnum | StrEnum) -> str:
    """How a member is written in a file."""
    return member.value if isinstance(member, StrEnum) else member.name.lower()


def _record(
    make: Callable[..., Any],
    keys: Mapping[str, Kind],
    names: Mapping[str, str] | None = None,
    inline: bool = False,
    **defaults: Any,
) -> Record:
    return Record(make, keys, names or {}, defaults, inline)


def _clock(**fields: Any) -> LocalClock:
    try:
        return LocalClock(**fields)
    except BadClock as error:
        raise StreetFileError(f"clock: {error}") from None


NAME = Text()
LENGTH_M = Number(0.0, 100_000.0)
SHARE = Number(0.0, 1.0)
SPEED = Number(0.1, 100.0)

GROUP = _record(
    Group,
    {
        "name": NAME,
        "kind": Word(GroupKind),
        "approach": NAME,
        "links": Many(Whole(0, 9999), 1, 500),
        "min_green_ms": Whole(1000, 120_000),
        "max_green_ms": Whole(1000, 600_000),
        "yellow_ms": Whole(0, 6000),
        "clearance_ms": Whole(0, 300_000),
        "promise_ms": Whole(1000, 3_600_000),
        "turn_on_red": Flag(),
        "crossing_length_m": Number(0.0, 300.0),
        "lead_ms": Whole(0, 10_000),
    },
    lead_ms=0,
    turn_on_red=False,
    crossing_length_m=0.0,
    clearance_ms=0,
    yellow_ms=0,
)
MOVEMENT = _record(
    Movement,
    {
        "link": Whole(0, 9999),
        "group": NAME,
        "direction": Text(DIRECTIONS),
        "exit_lane": NAME,
        "exit_speed_m_per_s": SPEED,
    },
    inline=True,
)
REACH = _record(
    Reach, {"street_lane": NAME, "length_m": LENGTH_M, "gap_m": LENGTH_M, "share": SHARE}, inline=True
)
LANE = _record(
    Lane,
    {
        "name": NAME,
        "approach": NAME,
        "length_m": LENGTH_M,
        "speed_m_per_s": SPEED,
        "saturation_veh_per_s": Number(0.01, 2.0),
        "bus_only": Flag(),
        "movement": Many(MOVEMENT, 1, 100),
        "reach": Many(REACH, 1, 5000),
    },
    {"movement": "movements"},
    bus_only=False,
)
STAGE = _record(Stage, {"name": NAME, "groups": Many(NAME, 1, 62), "source": Word(StageSource)}, inline=True)
INTERGREEN = _record(
    Intergreen, {"ending": NAME, "starting": NAME, "duration_ms": Whole(1, 600_000)}, inline=True
)
YIELD = _record(Yield, {"group": NAME, "to": NAME}, inline=True)
DETECTOR = _record(
    Detector,
    {
        "name": NAME,
        "kind": Word(DetectorKind),
        "lane": Text(empty=True),
        "group": Text(empty=True),
        "street_lane": Text(empty=True),
        "distance_to_end_m": LENGTH_M,
        "distance_m": LENGTH_M,
    },
    inline=True,
    lane="",
    group="",
    street_lane="",
    distance_to_end_m=0.0,
    distance_m=0.0,
)
STEP = _record(PlanStep, {"stage": NAME, "duration_ms": Whole(1, DAY_MS)}, inline=True)
CHANGE = _record(
    OffsetChange,
    {"at_ms": Whole(-(10**15), 10**15), "offset_ms": Whole(-7 * DAY_MS, 7 * DAY_MS)},
    inline=True,
)
CLOCK = _record(
    _clock,
    {
        "first_weekday": Whole(0, 6),
        "changes": Many(CHANGE, 1, 1000),
        "free_days": Many(Whole(-100_000, 100_000), 0, 1000),
    },
    inline=True,
    first_weekday=0,
    free_days=(),
)
HOUR = _record(
    PlanHour,
    {"days": Many(Word(DayKind), 1, 3), "from": TimeOfDay(), "plan": NAME},
    {"from": "from_ms"},
    inline=True,
)
PLAN = _record(
    FixedPlan,
    {
        "name": NAME,
        "cycle_ms": Whole(1000, DAY_MS),
        "offset_ms": Whole(0, DAY_MS),
        "step": Many(STEP, 1, 500),
    },
    {"step": "steps"},
)
PREEMPT_KEYS: dict[str, Kind] = {
    "delay_ms": Whole(0, 60_000), "min_dwell_ms": Whole(1000, 120_000),
    "max_presence_ms": Whole(10_000, 600_000), "exit_stages": Many(NAME, 0, 100),
}  # fmt: skip
PREEMPT = Record(PreemptTimes, PREEMPT_KEYS, {}, {k: getattr(PreemptTimes(), k) for k in PREEMPT_KEYS}, True)
JUNCTION = _record(
    Junction,
    {
        "name": NAME,
        "title": NAME,
        "x_m": Number(-1e9, 1e9),
        "y_m": Number(-1e9, 1e9),
        "stage": Many(STAGE, 1, 1000),
        "intergreen": Many(INTERGREEN, 0, 62 * 61),
        "yield": Many(YIELD, 0, 62 * 61),
        "preempt": PREEMPT,
        "detector": Many(DETECTOR, 0, 10_000),
        "group": Many(GROUP, 1, 62),
        "lane": Many(LANE, 0, 1000),
        "plan": Many(PLAN, 0, 100),
    },
    {
        "group": "groups",
        "lane": "lanes",
        "stage": "stages",
        "intergreen": "intergreens",
        "yield": "yields",
        "detector": "detectors",
        "plan": "plans",
    },
    intergreens=(),
    yields=(),
    detectors=(),
    lanes=(),
    plans=(),
    preempt=PreemptTimes(),
)
LINK = _record(
    StreetLink,
    {"exit_lane": NAME, "to_junction": NAME, "to_lane": NAME, "length_m": LENGTH_M, "share": SHARE},
    inline=True,
)


def _street(format: int, **fields: Any) -> StreetNetwork:
    return StreetNetwork(**fields)


STREET = _record(
    _street,
    {
        "format": Whole(FORMAT, FORMAT),
        "name": NAME,
        "timing": Word(Timing),
        "assumptions": Many(NAME, 0, 100_000),
        "clock": CLOCK,
        "timetable": Many(HOUR, 0, 1000),
        "link": Many(LINK, 0, 1_000_000),
        "junction": Many(JUNCTION, 1, 100_000),
    },
    {"junction": "junctions", "link": "links"},
    assumptions=(),
    clock=LocalClock(),
    timetable=(),
    links=(),
)
