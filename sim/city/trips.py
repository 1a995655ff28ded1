"""Who travels, when and by which way: demand as arrays, in the order of departure.

Drawn once from a seed (or read from a SUMO route file) before the first second; nothing here
changes afterwards. What changes is in `traffic`, `walkers` and `transit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Mode(IntEnum):
    """How somebody travels; its number is stored in every `*_mode` array."""

    CAR = 0
    BUS = 1
    BICYCLE = 2
    EMERGENCY = 3
    WALK = 4


MODES = tuple(mode.name.lower() for mode in Mode)


@dataclass(frozen=True, slots=True, eq=False)
class Drives:
    """V vehicle trips, sorted by departure. Bus trips run on a line and halt at stops."""

    ids: tuple[str, ...]
    depart_ms: Ints  # (V) street time
    mode: NDArray[np.int8]  # (V) Mode, never WALK
    persons: Floats  # (V) aboard at departure
    length_m: Floats  # (V)
    gap_m: Floats  # (V) kept in front when standing
    accel_m_per_s2: Floats  # (V)
    decel_m_per_s2: Floats  # (V)
    speed_max_m_per_s: Floats  # (V)
    speed_factor: Floats  # (V) of the limit, what this driver likes to drive
    route: Ints  # (V) index of the route
    route_start: Ints  # (R+1) into route_edge
    route_edge: Ints  # edges in driving order
    home_district: Ints  # (V) where the people aboard live, -1 unknown
    line: Ints  # (V) bus line, -1 for none
    halt_start: Ints  # (V+1) into halt_*
    halt_edge: Ints  # edge of the stop, in driving order
    halt_position_m: Floats  # from the beginning of the edge
    halt_dwell_ms: Ints  # shortest halt; transit adds boarding time
    halt_due_ms: Ints  # timetable departure; -1 = leave as soon as possible

    @property
    def n(self) -> int:
        return len(self.depart_ms)


@dataclass(frozen=True, slots=True, eq=False)
class Walks:
    """P walks, sorted by departure. A walk is legs: so many metres of pavement, then a crossing."""

    ids: tuple[str, ...]
    depart_ms: Ints  # (P)
    speed_m_per_s: Floats  # (P)
    presses: NDArray[np.bool_]  # (P) pushes the button on arrival
    patience_ms: Ints  # (P) crosses on red after so long, when no vehicle is near; -1 = never
    home_district: Ints  # (P)
    leg_start: Ints  # (P+1)
    leg_before_m: Floats  # pavement before the crossing of this leg
    leg_crossing: Ints  # crossing, -1 = none: the last metres
    leg_forward: NDArray[np.bool_]  # direction in which the crossing is walked

    @property
    def n(self) -> int:
        return len(self.depart_ms)
