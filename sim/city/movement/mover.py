"""Moves everybody on wheels by one second: the only way in to the kernels of movement.

Order of a second: lamps and people on crossings as given, everybody plans from where all are
now, everybody moves, lanes are changed, those waiting to depart start.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller.codes import FLASH_AMBER
from controller.vocabulary import Lamp
from sim.city.movement.fixed_program_kernels import drive_second
from sim.city.movement.itinerary_kernels import find_lanes
from sim.city.movement.movement_model import (
    GIVE_WAY,
    HALT,
    LINK,
    MAY_PASS,
    MUST_STOP,
    RIDER,
    ROW,
    STOP_FIRST,
    STOP_IF_CAN,
    WAY,
    Doors,
    Fleet,
    Ledger,
    Motion,
    Streets,
)
from sim.city.movement.traffic import Traffic
from sim.city.roads import Ints, Permit, Roads
from sim.city.trips import Drives, Mode

DAWDLE = 0.5
"""Part of the acceleration that drivers idle away at most, half of it in the mean (SUMO: sigma)."""
PERMIT_OF_MODE = {
    Mode.CAR: Permit.CAR,
    Mode.BUS: Permit.BUS,
    Mode.BICYCLE: Permit.BICYCLE,
    Mode.EMERGENCY: Permit.EMERGENCY,
}


class Mover:
    """Streets and trips laid out for the kernels. Holds nothing that changes: that is in `Traffic`.

    `turn_on_red` (groups,) as in `controller.network.Network`. `rolls_in`: everybody comes onto
    the street as SUMO 1.28 lets them by default, on the lane with most room and as fast as those
    there; else from rest, on the best lane. Raises ValueError
    for a route whose edges are not joined.
    """

    def __init__(
        self,
        roads: Roads,
        drives: Drives,
        turn_on_red: NDArray[np.bool_] | None = None,
        rolls_in: bool = False,
        dawdle: float = DAWDLE,
    ) -> None:
        self.streets = _streets(roads, turn_on_red)
        self.fleet = _fleet(roads, drives, self.streets, rolls_in, dawdle)
        self._known: tuple[Traffic, Motion, Ledger, Doors] | None = None

    def step(
        self, traffic: Traffic, group_lamp: NDArray[np.int8], crossing_people: NDArray[np.int64] | None = None
    ) -> None:
        """Let one second pass. `group_lamp` (groups,) Lamp; `crossing_people` (crossings,) on each.

        `traffic.time_ms` is the beginning of the second before, its end after.
        """
        motion, ledger, doors = self.arrays(traffic)
        if crossing_people is not None:
            motion.crossing_people[:] = crossing_people
        drive_second(group_lamp, traffic.lamp_seen, self.streets, self.fleet, motion, ledger, doors)

    def arrays(self, traffic: Traffic) -> tuple[Motion, Ledger, Doors]:
        """The arrays of `traffic` as the kernels take them (the same arrays, nothing is copied)."""
        if self._known is None or self._known[0] is not traffic:
            motion = Motion(*(getattr(traffic, name) for name in Motion._fields))
            ledger = Ledger(*(getattr(traffic, name) for name in Ledger._fields))
            doors = Doors(*(getattr(traffic, name) for name in Doors._fields))
            self._known = (traffic, motion, ledger, doors)
        return self._known[1:]


def _streets(roads: Roads, turn_on_red: NDArray[np.bool_] | None) -> Streets:
    lanes, group = roads.n_lanes, roads.connection_group
    on_red = np.zeros(roads.n_connections, np.bool_)
    if turn_on_red is not None:
        on_red = (group >= 0) & turn_on_red[np.maximum(group, 0)]
    yielded = np.zeros(roads.n_connections, np.bool_)
    yielded[roads.yield_to] = True
    yielded[roads.foe] |= (group >= 0)[roads.foe]  # at flashing red everybody minds all foes
    ways = np.zeros(lanes + roads.n_connections, WAY)
    ways["length_m"] = np.concatenate([roads.lane_length_m, roads.connection_length_m])
    ways["speed"] = np.concatenate([roads.lane_speed_m_per_s, roads.connection_speed_m_per_s])
    ways["edge"] = np.concatenate([roads.lane_edge, roads.lane_edge[roads.connection_from]])
    ways["permits"] = np.concatenate([roads.lane_permits, roads.connection_permits])
    links = np.zeros(roads.n_connections, LINK)
    if roads.connection_wait_m is not None:
        links["wait_m"] = roads.connection_wait_m
    links["from_lane"], links["to_lane"], links["group"] = roads.connection_from, roads.connection_to, group
    for name in ("yield", "crossed", "foe"):
        start = getattr(roads, f"{name}_start")
        links[f"{name}_start"], links[f"{name}_end"] = start[:-1], start[1:]
    links["turn_on_red"], links["stop_sign"] = on_red, roads.connection_stops
    links["keeps_clear"], links["is_yielded_to"] = np.diff(roads.foe_start) > 0, yielded
    feed = np.argsort(roads.connection_to, kind="stable")
    feed_start = np.searchsorted(roads.connection_to[feed], np.arange(lanes + 1))
    width = np.diff(roads.edge_lane_start)
    return Streets(
        states=_states(roads, on_red),
        ways=ways,
        links=links,
        n_lanes=_ints([lanes]),
        edge_lane_start=_ints(roads.edge_lane_start),
        yield_to=_indices(roads.yield_to),
        crossed=_indices(roads.crossed),
        foe=_indices(roads.foe),
        feed_start=_ints(feed_start),
        feed=_indices(feed),
        changing_lanes=_indices(np.flatnonzero(width[roads.lane_edge] > 1)),
    )


def _states(roads: Roads, turns_on_red: NDArray[np.bool_]) -> NDArray[np.int8]:
    """(C, lamps) what head or sign of a connection says under a lamp, were nobody there to give way to."""
    state = np.full((roads.n_connections, len(Lamp)), MUST_STOP, np.int8)
    gives_way, without = np.diff(roads.yield_start) > 0, roads.connection_group < 0
    unlit = np.where(without & roads.connection_stops, STOP_FIRST, np.where(gives_way, GIVE_WAY, MAY_PASS))
    state[:, [lamp for lamp in Lamp if lamp >= FLASH_AMBER]] = unlit[:, None]
    state[:, Lamp.GREEN], state[:, Lamp.YELLOW], state[:, Lamp.FLASH_RED] = MAY_PASS, STOP_IF_CAN, STOP_FIRST
    state[turns_on_red, Lamp.RED] = STOP_FIRST
    return state


def _fleet(roads: Roads, drives: Drives, streets: Streets, rolls_in: bool, dawdle: float) -> Fleet:
    permit_of_mode = np.zeros(len(Mode), np.int64)
    for mode, permit in PERMIT_OF_MODE.items():
        permit_of_mode[mode] = permit
    permits = permit_of_mode[drives.mode]
    pairs, itinerary = np.unique(np.stack([drives.route, permits]), axis=1, return_inverse=True)
    itinerary = itinerary.reshape(-1)
    route = _ints(pairs[0])
    edges_of = np.diff(drives.route_start)[route]
    start = np.concatenate([np.zeros(1, np.int64), np.cumsum(edges_of)])
    width = np.diff(roads.edge_lane_start)
    place = np.arange(start[-1]) - np.repeat(start[:-1] - drives.route_start[route], edges_of)
    row_start = np.concatenate([np.zeros(1, np.int64), np.cumsum(width[drives.route_edge[place]])])
    rows = np.zeros(int(row_start[-1]), ROW)
    find_lanes(
        _ints(start), route, _ints(pairs[1]), _ints(drives.route_start), _ints(drives.route_edge),
        _ints(roads.connection_start), _ints(row_start), streets, rows,
    )  # fmt: skip
    riders = np.zeros(drives.n, RIDER)
    riders["length_m"], riders["gap_m"] = drives.length_m, drives.gap_m
    riders["accel"], riders["decel"] = drives.accel_m_per_s2, drives.decel_m_per_s2
    riders["speed_max"], riders["speed_factor"] = drives.speed_max_m_per_s, drives.speed_factor
    riders["dawdle"], riders["permit"], riders["mode"] = dawdle, permits, drives.mode
    riders["last_at"] = drives.route_start[drives.route + 1] - 1
    riders["shift"] = start[itinerary] - drives.route_start[drives.route]
    riders["halt_start"], riders["halt_end"] = drives.halt_start[:-1], drives.halt_start[1:]
    halts = np.zeros(len(drives.halt_edge), HALT)
    halts["edge"], halts["position_m"] = drives.halt_edge, drives.halt_position_m
    halts["dwell_ms"], halts["due_ms"] = drives.halt_dwell_ms, drives.halt_due_ms
    _check_routes(roads, drives, rows, row_start, start, place, itinerary)
    return Fleet(
        start_lanes=_start_lanes(drives, streets, riders, rows, row_start, rolls_in),
        riders=riders,
        rows=rows,
        row_start=_ints(row_start),
        route_edge=_ints(drives.route_edge),
        halts=halts,
        depart_ms=_ints(drives.depart_ms),
        least_m=np.array([riders[name].min(initial=1e9) for name in ("length_m", "gap_m")]),
        rolls_in=_ints([rolls_in]),
    )


def _start_lanes(
    drives: Drives, streets: Streets, riders: NDArray[np.void], rows: NDArray[np.void], row_start: Ints,
    rolls_in: bool,
) -> Ints:  # fmt: skip
    """(V) a bit for every lane of the first edge that needs no change; from rest all bits are set."""
    if not rolls_in:
        return np.full(drives.n, -1, np.int64)
    at = drives.route_start[drives.route]
    first, end = (streets.edge_lane_start[drives.route_edge[at] + k] for k in (0, 1))
    row = row_start[at + riders["shift"]]
    bits = np.zeros(drives.n, np.int64)
    for k in range(int(np.diff(streets.edge_lane_start).max(initial=0))):
        there = np.flatnonzero(first + k < end)
        fits = streets.ways["permits"][first[there] + k] & riders["permit"][there]
        bits[there[(rows["offset"][row[there] + k] == 0) & (fits != 0)]] |= 1 << k
    return bits


def _check_routes(
    roads: Roads, drives: Drives, rows: NDArray[np.void], row_start: Ints, start: Ints, place: Ints,
    itinerary: Ints,
) -> None:  # fmt: skip
    """Some lane of every edge must lead on, or the vehicle would stand there for ever."""
    if not len(rows):
        return
    leads = np.maximum.reduceat(rows["connection"], row_start[:-1]) >= 0
    leads[start[1:] - 1] = True
    broken = np.flatnonzero(~leads)
    if len(broken):
        at = int(place[broken[0]])
        u = int(np.searchsorted(start, broken[0], side="right")) - 1
        who = drives.ids[int(np.flatnonzero(itinerary == u)[0])]
        here, there = (roads.edges[int(drives.route_edge[k])] for k in (at, at + 1))
        raise ValueError(f"vehicle {who}: no lane that it may use leads from edge {here} to edge {there}")


def _indices(values: object) -> NDArray[np.uint32]:
    """Unsigned, so that kernels need not ask whether they count from the end."""
    return np.ascontiguousarray(np.array(values, np.uint32))


def _ints(values: object) -> Ints:
    return np.ascontiguousarray(np.array(values, np.int64))
