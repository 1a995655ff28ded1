"""All vehicles of a city, as one struct of arrays that kernels move one second a step.

Rows are the rows of `Drives`; a vehicle keeps its row for its whole life.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sim.city.roads import Roads
from sim.city.trips import Drives

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STEP_MS = 1000
STANDING_M_PER_S = 0.1


class Status(IntEnum):
    """Where a vehicle is in its life."""

    FUTURE = 0
    QUEUED = 1
    """Due, but its street has no room yet."""
    DRIVING = 2
    ARRIVED = 3


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
    worst_stood_ms: Ints  # (V) longest such standing, halts at bus stops excepted
    stops: Ints  # (V)
    halt_at: Ints  # (V) next row of halt_*
    halt_until_ms: Ints  # (V) standing at a bus stop until then, -1 not
    persons: Floats  # (V) aboard now
    driving: Ints  # (V) rows that are driving, the first n_driving are valid
    n_driving: Ints  # (1)
    lane_lost_s: Floats  # (L, 4) time loss by mode summed over everybody who was on it or left it
    lane_lost_person_s: Floats  # (L, 4)
    lane_veh: Ints  # (L) now on it


def new_traffic(roads: Roads, drives: Drives, begin_ms: int) -> Traffic:
    """An empty city at `begin_ms`: everybody still to come."""
    v, lanes = drives.n, roads.n_lanes
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
        worst_stood_ms=np.zeros(v, np.int64),
        stops=np.zeros(v, np.int64),
        halt_at=drives.halt_start[:-1].copy(),
        halt_until_ms=np.full(v, -1, np.int64),
        persons=drives.persons.copy(),
        driving=np.zeros(v, np.int64),
        n_driving=np.zeros(1, np.int64),
        lane_lost_s=np.zeros((lanes, 4)),
        lane_lost_person_s=np.zeros((lanes, 4)),
        lane_veh=np.zeros(lanes, np.int64),
    )
