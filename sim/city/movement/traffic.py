"""All vehicles of a city, as one struct of arrays that kernels move one second a step.

Rows are the rows of `Drives`; a vehicle keeps its row for its whole life.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.city.roads import Roads
from sim.city.trips import Drives

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STEP_MS = 1000
STANDING_M_PER_S = 0.1
REGISTER = 6
"""How many approaching vehicles a connection knows of at once."""
LONG_AGO_MS = -(1 << 60)

CAR = np.dtype(
    [
        *((name, "f8") for name in ("position_m", "speed", "next_speed")),
        ("limit", "f8"),  # m/s that it drives at most on its way: what is allowed, and what it can and likes
        ("way", "i4"),  # lane, or L + connection
        ("ahead", "i4"),  # next vehicle on the same way
        ("behind", "i4"),
        ("route_at", "i4"),
        ("sides", "i4"),  # lanes beside that may be worth a change: 1 right, 2 left
        ("next_connection", "i4"),  # at the end of its lane; -1 = must change lanes, or arrives there
        ("row", "i4"),  # of its itinerary: what its lane leads to (`movement_model.ROW`)
        ("let_in", "i4"),  # vehicle on the next lane that it was asked to make room for
        ("let_in_ms", "i8"),  # until when
        ("driven_m", "f8"),
        ("speed_before", "f8"),  # a second ago
        ("look_speed", "f8"),  # how fast it has been lately: how far ahead it plans lane changes
        ("lane_gain", "f8"),  # what the left lane has promised lately; negative = the right one
        ("lane_right", "f8"),  # how long the right lane has been as good
        ("changed_ms", "i8"),  # last lane change
        ("look_m", "f8"),  # how far ahead it looks while it drives up to its limit
    ],
    align=True,
)
"""A vehicle as its kernels see it; what is read every second stands first."""
PLACE = np.dtype(
    [
        ("tail_at_m", "f8"),  # the tail's driven_m when its front left
        ("load_m", "f8"),  # lengths and gaps of the vehicles on it
        ("first", "i4"),  # vehicle nearest the end
        ("last", "i4"),  # vehicle nearest the beginning
        ("tail", "i4"),  # who left last over the end: its back may still be there
        ("spare", "i4"),
    ],
    align=True,
)
"""What is on a way."""
COMING = np.dtype(
    [("ms", "i8"), ("arrive_s", "f8"), ("leave_s", "f8"), ("vehicle", "i4"), ("spare", "i4")], align=True
)
"""Who comes to a connection: announced when, there from when to when (street time)."""


@dataclass(slots=True, eq=False)
class Traffic:
    """V vehicles, L lanes, C connections. Everything that changes; copied whole to fork a city."""

    time_ms: Ints  # (1)
    status: NDArray[np.int8]  # (V) Status
    lane: Ints  # (V) street lane, -1 while on a connection or not driving
    connection: Ints  # (V) connection over a node, -1 while on a lane
    position_m: Floats  # (V) front bumper from the beginning of lane or connection
    speed_m_per_s: Floats  # (V)
    route_at: Ints  # (V) index into route_edge of the edge it is on, or has last left
    departed_ms: Ints  # (V) -1 before
    arrived_ms: Ints  # (V) -1 before
    lost_s: Floats  # (V) time loss since departure: seconds that driving freely would not have taken
    stood_ms: Ints  # (V) standing without a break until now
    waits: NDArray[np.int8]  # (V) why it stands and is left alone (`movement_model`), 0 = it is not
    waits_since_ms: Ints  # (V) from when its waiting is not yet booked, while it waits
    worst_stood_ms: Ints  # (V) longest such standing, halts at bus stops excepted
    stops: Ints  # (V)
    halt_at: Ints  # (V) next row of halt_*
    halt_until_ms: Ints  # (V) standing at a bus stop until then, -1 not
    persons: Floats  # (V) aboard now
    driving: Ints  # (V) rows that are driving, the first n_driving are valid
    n_driving: Ints  # (1)
    awake: Ints  # (V) scratch: those driving who do not wait
    booked_s: Floats  # (V) how much of lost_s its lanes have been told
    lane_lost_s: Floats  # (L, 4) time loss by mode summed over everybody who was on it or left it
    lane_lost_person_s: Floats  # (L, 4)
    lane_veh: Ints  # (L) now on it
    # What the kernels of movement need besides. W = L + C ways: lanes, then connections; E edges.
    cars: NDArray[np.void]  # (V) CAR: lane, position, speed, route_at are pictures of it, taken every second
    places: NDArray[np.void]  # (W) PLACE
    coming: NDArray[np.void]  # (C, REGISTER) COMING: who has announced himself at a connection
    watched_ms: Ints  # (C) when somebody who gives way to it last looked who comes
    pass_state: NDArray[np.int8]  # (C) what head or sign says: see `movement_model`
    crossing_people: Ints  # (K) on the carriageway, as given to the last step
    lamp_seen: NDArray[np.int8]  # (G+1) lamps of which pass_state was made; the last one is 1 once it was
    next_row: Ints  # (1) first row that is not yet due
    waiting_first: Ints  # (E) who waits to start on an edge, -1 nobody
    waiting_last: Ints  # (E)
    waiting_next: Ints  # (V)
    waiting_edges: Ints  # (E) edges with somebody waiting, the first n_waiting_edges are valid
    n_waiting_edges: Ints  # (1)
    crossing_ways: Ints  # (W) scratch
    seed: Ints  # (1) of the drivers' small hesitations; 0 = their mean


def new_traffic(roads: Roads, drives: Drives, begin_ms: int, n_groups: int = 0, seed: int = 0) -> Traffic:
    """An empty city at `begin_ms`: everybody still to come.

    `n_groups` signal groups (by default as many as `roads` speaks of). With a `seed` every driver
    hesitates by chance from second to second, as in SUMO; with 0 all do by the mean of it.
    """
    v, lanes, edges, c = drives.n, roads.n_lanes, roads.n_edges, roads.n_connections
    groups = [n_groups - 1, *roads.connection_group.tolist(), *roads.crossing_group.tolist()]
    cars = _records(v, CAR, let_in_ms=LONG_AGO_MS, changed_ms=LONG_AGO_MS)
    cars["route_at"] = drives.route_start[drives.route]
    return Traffic(
        time_ms=np.full(1, begin_ms, np.int64),
        status=np.zeros(v, np.int8),
        lane=np.full(v, -1, np.int64),
        connection=np.full(v, -1, np.int64),
        position_m=np.zeros(v),
        speed_m_per_s=np.zeros(v),
        route_at=drives.route_start[drives.route].copy(),
        departed_ms=np.full(v, -1, np.int64),
        arrived_ms=np.full(v, -1, np.int64),
        lost_s=np.zeros(v),
        stood_ms=np.zeros(v, np.int64),
        waits=np.zeros(v, np.int8),
        waits_since_ms=np.zeros(v, np.int64),
        worst_stood_ms=np.zeros(v, np.int64),
        stops=np.zeros(v, np.int64),
        halt_at=drives.halt_start[:-1].copy(),
        halt_until_ms=np.full(v, -1, np.int64),
        persons=drives.persons.copy(),
        driving=np.zeros(v, np.int64),
        n_driving=np.zeros(1, np.int64),
        awake=np.zeros(v, np.int64),
        booked_s=np.zeros(v),
        lane_lost_s=np.zeros((lanes, 4)),
        lane_lost_person_s=np.zeros((lanes, 4)),
        lane_veh=np.zeros(lanes, np.int64),
        cars=cars,
        places=_records(lanes + c, PLACE),
        coming=_records((c, REGISTER), COMING, ms=LONG_AGO_MS),
        watched_ms=np.full(c, LONG_AGO_MS, np.int64),
        pass_state=np.zeros(c, np.int8),
        crossing_people=np.zeros(len(roads.crossings), np.int64),
        lamp_seen=np.zeros(max(groups) + 2, np.int8),
        next_row=np.zeros(1, np.int64),
        waiting_first=_none(edges),
        waiting_last=_none(edges),
        waiting_next=_none(v),
        waiting_edges=_none(edges),
        n_waiting_edges=np.zeros(1, np.int64),
        crossing_ways=_none(lanes + c),
        seed=np.full(1, seed, np.int64),
    )


def _none(n: int) -> Ints:
    return np.full(n, -1, np.int64)


def _records(shape: int | tuple[int, int], kind: np.dtype[np.void], **given: int) -> NDArray[np.void]:
    """Records of zeros, but -1 in every index, and what is given."""
    records = np.zeros(shape, kind)
    for name in kind.names or ():
        records[name] = given.get(name, -1 if kind[name] == np.int32 else 0)
    return records
