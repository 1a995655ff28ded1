"""What the city's sensors work on, as named tuples of arrays for the kernels.

A place is a street lane (its own index) or a connection (L + its index).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import typeof, types

from controller import numba_cache  # noqa: F401  (must come before numba)

FOLLOWED = np.dtype(
    [
        ("place", np.int64),  # at the last reading, -1 = was not on the street
        ("at_m", np.float64),
        ("moved_m", np.float64),  # since the last reading; valid for those who drive
        ("settle", np.int64),  # place on whose loops it is to be put, -1 between readings
    ]
)
"""What is remembered of one vehicle, together: they are read together."""


class Motion(NamedTuple):
    """Views of `sim.city.movement.traffic.Traffic`. V vehicles."""

    n_driving: np.ndarray  # (1)
    driving: np.ndarray  # (V) the first n_driving are rows that drive
    status: np.ndarray  # (V) int8
    lane: np.ndarray  # (V)
    connection: np.ndarray  # (V)
    position_m: np.ndarray  # (V)
    speed_m_per_s: np.ndarray  # (V)
    length_m: np.ndarray  # (V)
    is_bus: np.ndarray  # (V) bool


class Ways(NamedTuple):
    """How places follow each other. L lanes, C connections, P = L + C places."""

    connection_start: np.ndarray  # (L+1)
    connection_from: np.ndarray  # (C)
    connection_to: np.ndarray  # (C)
    place_length_m: np.ndarray  # (P)
    place_edge: np.ndarray  # (P) lanes side by side have the same; every connection has its own


class Laid(NamedTuple):
    """Where loops lie. D detectors."""

    place_start: np.ndarray  # (P+1) into place_loop
    place_loop: np.ndarray  # loops of each place
    loop_place: np.ndarray  # (D) -1 for detectors that are no loops
    position_m: np.ndarray  # (D) upstream edge, from the beginning of the place
    buses_only: np.ndarray  # (D) bool
    length_m: np.ndarray  # (1) of every loop


class Sight(NamedTuple):
    """Where vehicles are seen by radar or camera: pieces of a place, in driving order."""

    piece_start: np.ndarray  # (P+1)
    piece_end_m: np.ndarray  # from the beginning of the place
    piece_segment: np.ndarray  # index into Network.segments, -1 unseen
    piece_gap_m: np.ndarray  # from the end of the piece to the nearest stop line
    place_stopline: np.ndarray  # (P) stop-line detector at the end of the lane, -1 none
    sight_m: np.ndarray  # (1)


class Memory(NamedTuple):
    """What a sensor suite remembers between two readings."""

    followed: np.ndarray  # (V) FOLLOWED
    n_passages: np.ndarray  # (1)
    passage_vehicle: np.ndarray  # (passages)
    passage_detector: np.ndarray  # (passages)
    passage_past_m: np.ndarray  # (passages)
    way_place: np.ndarray  # (2 WAY_LANES_MAX + 2) scratch: the way now looked at
    way_before_m: np.ndarray  # scratch: from the beginning of the first place to each
    best_place: np.ndarray  # scratch: the way found
    best_before_m: np.ndarray
    way_next: np.ndarray  # scratch: next connection to try, by lane of the way


class Reading(NamedTuple):
    """Detector arrays of a frame."""

    on: np.ndarray  # (D) bool
    counted: np.ndarray  # (D) int32
    occupancy: np.ndarray  # (D)


class People(NamedTuple):
    """Buttons, and who is at the kerbs. K crossings; none where nobody is on foot."""

    detector: np.ndarray  # (K) button of its group, -1 none
    passive: np.ndarray  # (K) bool, sees who waits
    came_before: np.ndarray  # (K) people so far at the last reading
    presses: np.ndarray  # (K) in the last second
    came: np.ndarray  # (K) people so far
    waiting: np.ndarray  # (K)


class Seen(NamedTuple):
    """Track arrays of a frame, with room for every vehicle that drives."""

    segment: np.ndarray  # int32
    distance_m: np.ndarray
    speed_m_per_s: np.ndarray
    kind: np.ndarray  # int8


class Suite(NamedTuple):
    """All that a suite of sensors works on but tracks."""

    motion: Motion
    ways: Ways
    laid: Laid
    memory: Memory
    reading: Reading
    people: People


def _empty(of: type, **kinds: Any) -> tuple:  # type: ignore[type-arg]
    """A named tuple of empty arrays, for signatures: floats where the name ends in a length or speed."""
    fields = of._fields  # type: ignore[attr-defined]
    floats = ("_m", "_s", "occupancy")
    return of(*[np.zeros(0, kinds.get(n, np.float64 if n.endswith(floats) else np.int64)) for n in fields])


MOTION = typeof(_empty(Motion, status=np.int8, is_bus=np.bool_))
WAYS = typeof(_empty(Ways))
LAID = typeof(_empty(Laid, buses_only=np.bool_))
SIGHT = typeof(_empty(Sight))
MEMORY = typeof(_empty(Memory, followed=FOLLOWED))
READING = typeof(_empty(Reading, on=np.bool_, counted=np.int32))
PEOPLE = typeof(_empty(People, passive=np.bool_))
SUITE = types.NamedTuple((MOTION, WAYS, LAID, MEMORY, READING, PEOPLE), Suite)
SEEN = typeof(_empty(Seen, segment=np.int32, kind=np.int8))
