"""What the movement kernels work on: records of one way, link, driver or vehicle, in a few arrays.

A *way* is a street lane or a connection: way w < L is lane w, way L + c is connection c. A
vehicle is on one way at a time; its back may still be on the way before. Records, because what
is needed of one vehicle then lies together; few arrays, because every array in a tuple costs
compilation time at every use. Lengths are metres, speeds m/s, indices -1 where there is none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)
from controller.vocabulary import Lamp
from sim.city.movement.traffic import CAR, COMING, PLACE, REGISTER

__all__ = ["REGISTER"]

TAU_S = 1.0
"""Reaction time of every driver (SUMO's default)."""
EMERGENCY_DECEL_M_PER_S2 = 9.0
"""Nobody brakes harder (SUMO's default for passenger cars)."""
STOP_LINE_GAP_M = 1.0
"""Where the first vehicle stands at a red head, before the line (SUMO's default)."""
YIELD_LINE_GAP_M = 0.1
"""Where it stands at a line without a signal."""
SIGHT_M = 4.5
"""So near the line a driver who gives way has seen whoever comes, and may speed up again (SUMO)."""
CREEP_M_PER_S = 0.01
"""Nobody drives slower: who could do so stands (it would close the last centimetre to whoever is ahead)."""
FOE_GAP_S = 1.0
"""Time that must remain between two vehicles in the same conflict area (SUMO: look-ahead time)."""
TURN_LANE_M = 200.0
"""Nobody leaves the best lane for one that leads elsewhere so soon."""
MUST_STOP, STOP_IF_CAN, MAY_PASS, GIVE_WAY, STOP_FIRST = range(5)
"""What a connection's head or sign says: the numbers in `pass_state`."""
BLOCKED, AT_RED = 1, 2
"""Who stands and is left alone (`waits`): until the one ahead moves or leaves; until the head lets him go."""

RED, GREEN, YELLOW = int(Lamp.RED), int(Lamp.GREEN), int(Lamp.YELLOW)
FLASH_RED = int(Lamp.FLASH_RED)


WAY = np.dtype(
    [
        ("length_m", "f8"),
        ("speed", "f8"),  # allowed
        ("edge", "u4"),  # of a connection: the edge it comes from
        ("permits", "i4"),
    ],
    align=True,
)
"""A lane or connection."""
LINK = np.dtype(
    [
        ("wait_m", "f8"),  # how far onto the node it may drive before it gives way; 0 = not at all
        *((name, "u4") for name in ("from_lane", "to_lane")),
        ("group", "i4"),
        *((name, "u4") for name in ("yield_start", "yield_end", "crossed_start", "crossed_end")),
        *((name, "u4") for name in ("foe_start", "foe_end")),
        ("turn_on_red", "i4"),  # and the rest: 0 or 1
        ("stop_sign", "i4"),
        ("keeps_clear", "i4"),  # has foes: not to be blocked
        ("is_yielded_to", "i4"),
    ],
    align=True,
)
"""What a connection is besides a way. `*_start`, `*_end` are slices of yield_to, crossed, foe."""
RIDER = np.dtype(
    [
        *((name, "f8") for name in ("length_m", "gap_m", "accel", "decel", "speed_max", "speed_factor")),
        ("dawdle", "f8"),  # part of the acceleration that is idled away (SUMO: sigma)
        ("permit", "i4"),
        ("mode", "i4"),
        ("last_at", "i4"),  # index into route_edge of the last edge
        ("shift", "i4"),  # route_at + shift = place in row_start
        ("halt_start", "i4"),
        ("halt_end", "i4"),
    ],
    align=True,
)
"""What never changes of a vehicle and its driver."""
ROW = np.dtype([("connection", "i4"), ("offset", "i4"), ("onward_m", "f4")], align=True)
"""One lane of one edge of an itinerary: connection to take at its end, lane changes to the nearest best
lane (left positive), way from the lane's beginning without a change."""
HALT = np.dtype([("position_m", "f8"), ("dwell_ms", "i8"), ("due_ms", "i8"), ("edge", "i8")], align=True)


class Streets(NamedTuple):
    """What never changes of the streets. W = L + C ways, E edges; see `Roads`."""

    ways: np.ndarray  # (W) WAY
    links: np.ndarray  # (C) LINK
    n_lanes: np.ndarray  # (1)
    edge_lane_start: np.ndarray  # (E+1)
    yield_to: np.ndarray
    states: np.ndarray  # (C, lamps) int8: what head or sign says, were nobody there to give way to
    crossed: np.ndarray
    foe: np.ndarray
    feed_start: np.ndarray  # (L+1) connections that lead into a lane
    feed: np.ndarray
    changing_lanes: np.ndarray  # lanes with a neighbour on the same edge


class Fleet(NamedTuple):
    """What never changes of the vehicles and their routes. V vehicles, see `Drives`."""

    riders: np.ndarray  # (V) RIDER
    rows: np.ndarray  # ROW
    row_start: np.ndarray  # first row of one edge of one itinerary; one row a lane
    route_edge: np.ndarray
    halts: np.ndarray  # HALT
    depart_ms: np.ndarray  # (V)
    start_lanes: np.ndarray  # (V) a bit for every lane of its first edge on which it may roll in
    least_m: np.ndarray  # (2) the shortest length and the shortest gap of all riders
    rolls_in: np.ndarray  # (1) 1 = everybody comes onto the street rolling, as in SUMO; 0 = from rest


class Motion(NamedTuple):
    """What changes while driving: arrays of `Traffic` under the same names.

    Kernels over these tuples allocate nothing: counting references to every array of a tuple at every
    use made them eight times slower (`controller.compiling`).
    """

    time_ms: np.ndarray
    seed: np.ndarray
    cars: np.ndarray
    places: np.ndarray
    coming: np.ndarray
    watched_ms: np.ndarray
    pass_state: np.ndarray
    crossing_people: np.ndarray
    driving: np.ndarray
    n_driving: np.ndarray
    status: np.ndarray
    halt_at: np.ndarray
    halt_until_ms: np.ndarray
    stood_ms: np.ndarray
    waits: np.ndarray
    waits_since_ms: np.ndarray
    awake: np.ndarray
    lane_veh: np.ndarray


class Ledger(NamedTuple):
    """What is booked, and where everybody is, for the rest of the city: arrays of `Traffic`."""

    lane: np.ndarray
    connection: np.ndarray
    position_m: np.ndarray
    speed_m_per_s: np.ndarray
    route_at: np.ndarray
    arrived_ms: np.ndarray
    lost_s: np.ndarray
    booked_s: np.ndarray
    worst_stood_ms: np.ndarray
    stops: np.ndarray
    persons: np.ndarray
    lane_lost_s: np.ndarray
    lane_lost_person_s: np.ndarray
    crossing_ways: np.ndarray


class Doors(NamedTuple):
    """Who waits to start: arrays of `Traffic`."""

    departed_ms: np.ndarray
    next_row: np.ndarray
    waiting_first: np.ndarray
    waiting_last: np.ndarray
    waiting_next: np.ndarray
    waiting_edges: np.ndarray
    n_waiting_edges: np.ndarray


_RECORDS: dict[str, np.dtype] = {
    "ways": WAY, "links": LINK, "riders": RIDER, "rows": ROW, "halts": HALT, "cars": CAR, "places": PLACE,
}  # fmt: skip
_UNSIGNED = {"yield_to", "crossed", "foe", "feed", "changing_lanes"}
_FLOATS = {"position_m", "speed_m_per_s", "lost_s", "persons", "least_m", "booked_s"}
_OTHER: dict[str, np.ndarray] = {
    "status": np.zeros(1, np.int8),
    "waits": np.zeros(1, np.int8),
    "pass_state": np.zeros(1, np.int8),
    "states": np.zeros((1, 1), np.int8),
    "lane_lost_s": np.zeros((1, 1)),
    "lane_lost_person_s": np.zeros((1, 1)),
    "coming": np.zeros((1, 1), COMING),
}


def _sample(name: str) -> np.ndarray:
    """An array of the type that the field of this name has in every tuple."""
    given = _OTHER.get(name)
    if given is not None:
        return given
    other = np.float64 if name in _FLOATS else np.uint32 if name in _UNSIGNED else np.int64
    kind = _RECORDS.get(name, np.dtype(other))
    return np.zeros(1, kind)


STREETS = typeof(Streets(*map(_sample, Streets._fields)))
FLEET = typeof(Fleet(*map(_sample, Fleet._fields)))
MOTION = typeof(Motion(*map(_sample, Motion._fields)))
LEDGER = typeof(Ledger(*map(_sample, Ledger._fields)))
DOORS = typeof(Doors(*map(_sample, Doors._fields)))
