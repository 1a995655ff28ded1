"""The words every part shares: enums and small frozen records.

This file imports nothing but the standard library, so that screens and command lines
can speak the language without loading numpy or a kernel.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class GroupKind(IntEnum):
    """Who a signal group speaks to."""

    VEHICLE = 0
    """Cars and everything that shares their lanes."""
    PEDESTRIAN = 1
    """People on foot at one crossing."""
    BUS = 2
    """A lane only buses or trams may use."""
    BICYCLE = 3
    """A lane only bicycles may use."""


class Lamp(IntEnum):
    """What one signal group shows. Stored as int8 in every lamp array.

    Pedestrian groups use RED (don't walk), GREEN (walk) and CLEARANCE (flashing don't
    walk: finish crossing, do not start). All others use RED, GREEN and YELLOW.
    """

    RED = 0
    GREEN = 1
    YELLOW = 2
    CLEARANCE = 3
    FLASH_RED = 4
    FLASH_AMBER = 5
    DARK = 6


class DetectorKind(IntEnum):
    """What a detector is; its number is its meaning in a `Frame`."""

    STOPLINE = 0
    """Loop at the stop line of one lane."""
    ADVANCE = 1
    """Loop upstream of the stop line."""
    BUTTON = 2
    """Push button of a pedestrian group (one detector a group, however many posts)."""
    BUS = 3
    """Check-in point of buses on one lane: a count is a bus that will need this lane."""


class Sensors(StrEnum):
    """Which sensors a street is fitted with."""

    FULL = "full"
    """Every vehicle within 200 m of a stop line is seen, as by radar or camera; buttons."""
    LOOPS = "loops"
    """Stop-line and advance loops, push buttons, bus check-in."""


class Timing(StrEnum):
    """Where yellow, red clearance and minimum green come from."""

    COMPUTED = "computed"
    """From speed, geometry and crossing length, as `rules.md` R1-R31: fit for a street."""
    COMPARISON = "comparison"
    """Yellow 3.0 s, no all-red, minimum green 5 s: to compare with published results only."""


class DayKind(StrEnum):
    """Days with the same traffic; a public holiday counts as a Sunday."""

    WORKDAY = "workday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class StageSource(StrEnum):
    """Where a stage comes from."""

    GIVEN = "given"
    GENERATED = "generated"


CONTROLLERS = ("adaptive", "fixed", "actuated", "max-pressure", "greedy")
"""Every planner by the name people type."""
