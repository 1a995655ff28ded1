"""People on foot: made from walks, moved one second a step, in the order lamps, vehicles, people.

People walk on pavements at their own speed, press the button or not, cross on WALK, never step
off in the clearance, and cross on red when they have waited longer than they will and no vehicle
is near. `Walkers.crossing_people` is what drivers give way to; `crossing_presses`,
`crossing_waiting` and `crossing_since_ms` are what sensors may see; the other `crossing_*` are
for the ledger. Groups are people of the same departure and speed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.city.movement.traffic import Traffic
from sim.city.people.oncoming_kernels import SIGHT_M, look_for_gaps
from sim.city.people.oncoming_model import Oncoming
from sim.city.people.walkers_kernels import step_people
from sim.city.people.walkers_model import Pavements, Stage, Walkers, empty_walkers
from sim.city.roads import Roads
from sim.city.trips import Drives, Walks

__all__ = ["Footways", "Stage", "Walkers", "find_footways", "new_walkers", "step"]


class Footways(NamedTuple):
    """What people on foot need to know of streets and trips; never changes."""

    pavements: Pavements
    oncoming: Oncoming


def new_walkers(roads: Roads, walks: Walks, begin_ms: int) -> Walkers:
    """Everybody still to come, at `begin_ms`."""
    return empty_walkers(walks.n, len(roads.crossings), begin_ms)


def find_footways(roads: Roads, drives: Drives, walks: Walks) -> Footways:
    """Lay out once what `step` needs. Raises ValueError for a walk that cannot be walked."""
    _check(roads, walks)
    pavements = Pavements(
        depart_ms=_ints(walks.depart_ms),
        speed_m_per_s=_floats(walks.speed_m_per_s),
        presses=np.array(walks.presses, np.bool_),
        patience_ms=_ints(walks.patience_ms),
        leg_start=_ints(walks.leg_start),
        leg_before_m=_floats(walks.leg_before_m),
        leg_crossing=_ints(walks.leg_crossing),
        crossing_group=_ints(roads.crossing_group),
        crossing_length_m=_floats(roads.crossing_length_m),
    )
    near_start, near_lane = _lanes_in_sight(roads)
    oncoming = Oncoming(
        lane_edge=_ints(roads.lane_edge),
        lane_length_m=_floats(roads.lane_length_m),
        lane_speed_m_per_s=_floats(roads.lane_speed_m_per_s),
        edge_lane_start=_ints(roads.edge_lane_start),
        connection_start=_ints(roads.connection_start),
        connection_to=_ints(roads.connection_to),
        connection_length_m=_floats(roads.connection_length_m),
        connection_group=_ints(roads.connection_group),
        connection_stops=np.array(roads.connection_stops, np.bool_),
        crossed_start=_ints(roads.crossed_start),
        crossed=_ints(roads.crossed),
        crossing_group=_ints(roads.crossing_group),
        near_start=near_start,
        near_lane=near_lane,
        lane_asked=np.full(roads.n_lanes, -1, np.int64),
        route=_ints(drives.route),
        route_start=_ints(drives.route_start),
        route_edge=_ints(drives.route_edge),
        accel_m_per_s2=_floats(drives.accel_m_per_s2),
        decel_m_per_s2=_floats(drives.decel_m_per_s2),
        speed_factor=_floats(drives.speed_factor),
        speed_max_m_per_s=_floats(drives.speed_max_m_per_s),
    )
    return Footways(pavements, oncoming)


def step(
    walkers: Walkers, footways: Footways, group_lamp: NDArray[np.int8], traffic: Traffic, now_ms: int
) -> None:
    """Move everybody on foot from `now_ms` to the end of that second.

    `group_lamp` (signal groups) is what the heads show throughout; `traffic` stands where the
    vehicles are at the end of the step. Raises ValueError when a step was left out.
    """
    if now_ms != walkers.time_ms[0]:
        raise ValueError(f"people on foot stand at {walkers.time_ms[0]} ms, not at {now_ms} ms")
    look_for_gaps(
        now_ms,
        walkers.crossing_asks,
        group_lamp,
        traffic.n_driving[0],
        traffic.driving,
        traffic.lane,
        traffic.connection,
        traffic.position_m,
        traffic.speed_m_per_s,
        traffic.route_at,
        walkers.crossing_vehicle_s,
        footways.oncoming,
    )
    step_people(now_ms, group_lamp, walkers, footways.pavements)


def _check(roads: Roads, walks: Walks) -> None:
    """Refuse walks that would stand still for ever or cross a street that is none."""
    slow = np.flatnonzero(~(walks.speed_m_per_s > 0.0))
    if slow.size:
        p = int(slow[0])
        raise ValueError(
            f"walk {walks.ids[p]}: speed is {walks.speed_m_per_s[p]} m/s; allowed is more than 0"
        )
    n = len(roads.crossings)
    wrong = np.flatnonzero((walks.leg_crossing < -1) | (walks.leg_crossing >= n))
    if wrong.size:
        p = int(np.searchsorted(walks.leg_start, wrong[0], side="right")) - 1
        raise ValueError(
            f"walk {walks.ids[p]}: crossing {walks.leg_crossing[wrong[0]]}; allowed are -1 (none) to {n - 1}"
        )
    if walks.n > 1 and (np.diff(walks.depart_ms) < 0).any():
        p = int(np.flatnonzero(np.diff(walks.depart_ms) < 0)[0]) + 1
        raise ValueError(f"walk {walks.ids[p]}: departs before the walk in front of it; they must be sorted")


def _lanes_in_sight(roads: Roads) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For every crossing, the lanes from which a vehicle reaches it within sight (compressed rows)."""
    into: list[list[int]] = [[] for _ in range(roads.n_lanes)]
    over: list[list[int]] = [[] for _ in roads.crossings]
    for c in range(roads.n_connections):
        into[roads.connection_to[c]].append(c)
        for k in roads.crossed[roads.crossed_start[c] : roads.crossed_start[c + 1]]:
            over[k].append(c)
    beside = [range(roads.edge_lane_start[edge], roads.edge_lane_start[edge + 1]) for edge in roads.lane_edge]
    starts, lanes = [0], []
    for crossing in over:
        # Way from a lane's END to the crossing; a vehicle may still change to a lane beside.
        way_m: dict[int, float] = {}
        to_do = [(0.0, int(roads.connection_from[c])) for c in crossing]
        while to_do:
            m, first = to_do.pop()
            for lane in beside[first]:
                if m >= SIGHT_M or way_m.get(lane, SIGHT_M) <= m:
                    continue
                way_m[lane] = m
                behind_m = m + float(roads.lane_length_m[lane])
                to_do += [
                    (behind_m + float(roads.connection_length_m[c]), int(roads.connection_from[c]))
                    for c in into[lane]
                ]
        lanes += sorted(way_m)
        starts.append(len(lanes))
    return np.array(starts, np.int64), np.array(lanes, np.int64)


def _ints(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _floats(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array(values, np.float64)
