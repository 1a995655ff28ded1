"""People on foot as two named tuples of arrays: what changes, and where they walk.

Rows of people are the rows of `sim.city.trips.Walks`; a person keeps the row for the whole
walk. Named tuples, because kernels take them whole.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)


class Stage(IntEnum):
    """Where somebody is in a walk; stored as int8 in `Walkers.status`."""

    FUTURE = 0
    WALKING = 1
    """On the pavement."""
    WAITING = 2
    """Standing at the kerb."""
    CROSSING = 3
    """On the carriageway."""
    ARRIVED = 4


FUTURE, WALKING, WAITING, CROSSING, ARRIVED = (int(stage) for stage in Stage)
"""For kernels: plain integers."""


class Walkers(NamedTuple):
    """P people, K crossings. Everything that changes; copied whole to fork a city."""

    time_ms: np.ndarray  # (1) until then everybody has been moved
    status: np.ndarray  # (P) int8 Stage
    leg_at: np.ndarray  # (P) row of leg_*
    until_ms: np.ndarray  # (P) end of this stretch of pavement, or the far kerb is reached
    since_ms: np.ndarray  # (P) came to the kerb at which it stands or from which it crosses, -1 none
    lost_ms: np.ndarray  # (P) standing at kerbs, summed
    worst_waited_ms: np.ndarray  # (P) longest uninterrupted standing
    crossed_on_red: np.ndarray  # (P) how often
    caught: np.ndarray  # (P) how often still on the carriageway when the clearance ended
    pressed: np.ndarray  # (P) bool, pushed the button of the crossing it stands at
    called_ms: np.ndarray  # (P) when it did, -1 not
    on_red: np.ndarray  # (P) bool, is crossing on red now
    arrived_ms: np.ndarray  # (P) -1 before
    out: np.ndarray  # (P) rows now under way, the first n_out are valid
    n_out: np.ndarray  # (1)
    next_row: np.ndarray  # (1) first row still to depart
    due: np.ndarray  # (P) scratch: rows to which something happens in this step
    n_due: np.ndarray  # (1)
    crossing_people: np.ndarray  # (K) now on the carriageway: vehicles give way to them
    crossing_waiting: np.ndarray  # (K) now standing at the kerbs
    crossing_since_ms: np.ndarray  # (K) the one who has stood longest came then, -1 nobody
    crossing_called_ms: np.ndarray  # (K) oldest press not yet answered by WALK, -1 none
    crossing_presses: np.ndarray  # (K) presses in the last step
    crossing_lamp: np.ndarray  # (K) int8 Lamp of the last step, -1 before the first
    crossing_asks: np.ndarray  # (K) bool, somebody will look for a gap in the next step
    crossing_vehicle_s: np.ndarray  # (K) s until the next vehicle that will not stop; 0 = nobody looked
    crossing_standing_ms: np.ndarray  # (K) all standing there so far
    crossing_came: np.ndarray  # (K) people who came to its kerbs so far
    crossing_crossed: np.ndarray  # (K) people who reached the other side so far
    crossing_red: np.ndarray  # (K) of them, stepped off on red
    crossing_caught: np.ndarray  # (K) stepped off on WALK, still crossing when the clearance ended
    crossing_worst_ms: np.ndarray  # (K) longest uninterrupted standing
    crossing_calls: np.ndarray  # (K) calls registered: first presses since the last WALK
    crossing_worst_call_ms: np.ndarray  # (K) longest time from a registered call to its WALK

    def copy(self) -> Walkers:
        """The same people, once more."""
        return Walkers(*(array.copy() for array in self))


class Pavements(NamedTuple):
    """What never changes. P people, K crossings, legs of walks as in `Walks`."""

    depart_ms: np.ndarray  # (P)
    speed_m_per_s: np.ndarray  # (P)
    presses: np.ndarray  # (P) bool
    patience_ms: np.ndarray  # (P) -1 = never crosses on red
    leg_start: np.ndarray  # (P+1)
    leg_before_m: np.ndarray  # (legs)
    leg_crossing: np.ndarray  # (legs) -1 = none
    crossing_group: np.ndarray  # (K) signal group, -1 = people have priority
    crossing_length_m: np.ndarray  # (K)


def empty_walkers(people: int, crossings: int, begin_ms: int) -> Walkers:
    """So many people, all still to come."""

    def of_people(value: int = 0, dtype: type = np.int64) -> np.ndarray:
        return np.full(people, value, dtype)

    def of_crossings(value: int = 0, dtype: type = np.int64) -> np.ndarray:
        return np.full(crossings, value, dtype)

    return Walkers(
        time_ms=np.full(1, begin_ms, np.int64),
        status=of_people(Stage.FUTURE, np.int8),
        leg_at=of_people(),
        until_ms=of_people(-1),
        since_ms=of_people(-1),
        lost_ms=of_people(),
        worst_waited_ms=of_people(),
        crossed_on_red=of_people(),
        caught=of_people(),
        pressed=of_people(0, np.bool_),
        called_ms=of_people(-1),
        on_red=of_people(0, np.bool_),
        arrived_ms=of_people(-1),
        out=of_people(),
        n_out=np.zeros(1, np.int64),
        next_row=np.zeros(1, np.int64),
        due=of_people(),
        n_due=np.zeros(1, np.int64),
        crossing_people=of_crossings(),
        crossing_waiting=of_crossings(),
        crossing_since_ms=of_crossings(-1),
        crossing_called_ms=of_crossings(-1),
        crossing_presses=of_crossings(),
        crossing_lamp=of_crossings(-1, np.int8),
        crossing_asks=of_crossings(0, np.bool_),
        crossing_vehicle_s=np.zeros(crossings),
        crossing_standing_ms=of_crossings(),
        crossing_came=of_crossings(),
        crossing_crossed=of_crossings(),
        crossing_red=of_crossings(),
        crossing_caught=of_crossings(),
        crossing_worst_ms=of_crossings(),
        crossing_calls=of_crossings(),
        crossing_worst_call_ms=of_crossings(),
    )


def empty_pavements() -> Pavements:
    """Nowhere to walk; for the types."""
    i, f, b = np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.bool_)
    return Pavements(i, f, b, i, np.zeros(1, np.int64), f, i, i, f)


WALKERS = typeof(empty_walkers(0, 0, 0))
PAVEMENTS = typeof(empty_pavements())
