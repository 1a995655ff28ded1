"""Small streets with crossings, and people who walk over them, as arrays written out in tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim.city.movement.traffic import Traffic, new_traffic
from sim.city.roads import Roads
from sim.city.trips import Drives, Mode, Walks


class Way(NamedTuple):
    """A connection between two lanes."""

    start: int
    end: int
    length_m: float = 10.0
    group: int = -1
    crossings: tuple[int, ...] = ()
    stops: bool = False


class Walk(NamedTuple):
    """Legs are (metres of pavement, crossing or -1)."""

    depart_ms: int
    legs: tuple[tuple[float, int], ...]
    speed_m_per_s: float = 1.0
    presses: bool = True
    patience_ms: int = -1


def starts(rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Compressed rows."""
    flat = [int(i) for row in rows for i in row]
    return np.cumsum([0, *(len(row) for row in rows)]).astype(np.int64), np.array(flat, np.int64)


def street(
    lane_length_m: Sequence[float] = (200.0, 100.0),
    ways: Sequence[Way] = (Way(0, 1, group=1, crossings=(0,)),),
    crossing_group: Sequence[int] = (0,),
    crossing_length_m: Sequence[float] = (10.0,),
    lanes_of_edge: Sequence[int] | None = None,
    speed_m_per_s: float = 12.5,
) -> Roads:
    """Lanes, ways sorted by the lane they leave, crossings; every edge one lane unless told."""
    n, k = len(lane_length_m), len(crossing_group)
    lanes_of_edge = lanes_of_edge or [1] * n
    edges = len(lanes_of_edge)
    c = len(ways)
    nothing = np.zeros(c + 1, np.int64)
    none = np.zeros(0, np.int64)
    crossed_start, crossed = starts([w.crossings for w in ways])
    connection_start = np.searchsorted([w.start for w in ways], np.arange(n + 1)).astype(np.int64)
    return Roads(
        name="walk street",
        edges=tuple(f"e{i}" for i in range(edges)),
        edge_lane_start=np.cumsum([0, *lanes_of_edge]).astype(np.int64),
        edge_from=np.zeros(edges, np.int64),
        edge_to=np.zeros(edges, np.int64),
        edge_district=np.zeros(edges, np.int64),
        edge_shape=((),) * edges,
        lanes=tuple(f"l{i}" for i in range(n)),
        lane_edge=np.repeat(np.arange(edges), lanes_of_edge).astype(np.int64),
        lane_length_m=np.array(lane_length_m, float),
        lane_speed_m_per_s=np.full(n, speed_m_per_s),
        lane_permits=np.full(n, 15, np.int64),
        connection_start=connection_start,
        connection_from=np.array([w.start for w in ways], np.int64),
        connection_to=np.array([w.end for w in ways], np.int64),
        connection_length_m=np.array([w.length_m for w in ways], float),
        connection_speed_m_per_s=np.full(c, 8.0),
        connection_permits=np.full(c, 15, np.int64),
        connection_direction=np.zeros(c, np.int64),
        connection_group=np.array([w.group for w in ways], np.int64),
        connection_link=np.full(c, -1, np.int64),
        connection_node=np.zeros(c, np.int64),
        connection_via=((),) * c,
        yield_start=nothing,
        yield_to=none,
        crossed_start=crossed_start,
        crossed=crossed,
        foe_start=nothing,
        foe=none,
        connection_stops=np.array([w.stops for w in ways], np.bool_),
        nodes=("n",),
        node_x_m=np.zeros(1),
        node_y_m=np.zeros(1),
        node_junction=np.zeros(1, np.int64),
        crossings=tuple(f"c{i}" for i in range(k)),
        crossing_group=np.array(crossing_group, np.int64),
        crossing_node=np.zeros(k, np.int64),
        crossing_length_m=np.array(crossing_length_m, float),
        crossing_district=np.zeros(k, np.int64),
        districts=("d",),
        junction_district=np.zeros(1, np.int64),
    )


def walks(people: Sequence[Walk]) -> Walks:
    """These people, sorted by departure."""
    people = sorted(people, key=lambda one: one.depart_ms)
    legs = [leg for one in people for leg in one.legs]
    return Walks(
        ids=tuple(f"p{i}" for i in range(len(people))),
        depart_ms=np.array([one.depart_ms for one in people], np.int64),
        speed_m_per_s=np.array([one.speed_m_per_s for one in people], float),
        presses=np.array([one.presses for one in people], np.bool_),
        patience_ms=np.array([one.patience_ms for one in people], np.int64),
        home_district=np.zeros(len(people), np.int64),
        leg_start=np.cumsum([0, *(len(one.legs) for one in people)]).astype(np.int64),
        leg_before_m=np.array([m for m, _ in legs], float),
        leg_crossing=np.array([k for _, k in legs], np.int64),
        leg_forward=np.ones(len(legs), np.bool_),
    )


def drives(
    routes: Sequence[Sequence[int]] = (),
    halts: Sequence[Sequence[tuple[int, float, int, int]]] | None = None,
    lines: Sequence[int] | None = None,
    depart_ms: Sequence[int] | None = None,
    mode: Mode = Mode.CAR,
) -> Drives:
    """One vehicle a route; halts are (edge, position_m, dwell_ms, due_ms) for each vehicle."""
    n = len(routes)
    halts = halts or [()] * n
    rows = [halt for one in halts for halt in one]
    route_start, route_edge = starts(routes)
    return Drives(
        ids=tuple(f"v{i}" for i in range(n)),
        depart_ms=np.array(depart_ms or [0] * n, np.int64),
        mode=np.full(n, mode, np.int8),
        persons=np.ones(n),
        length_m=np.full(n, 5.0),
        gap_m=np.full(n, 2.5),
        accel_m_per_s2=np.full(n, 2.6),
        decel_m_per_s2=np.full(n, 4.5),
        speed_max_m_per_s=np.full(n, 50.0),
        speed_factor=np.ones(n),
        route=np.arange(n),
        route_start=route_start,
        route_edge=route_edge,
        home_district=np.full(n, -1, np.int64),
        line=np.array(lines if lines is not None else [-1] * n, np.int64),
        halt_start=np.cumsum([0, *(len(one) for one in halts)]).astype(np.int64),
        halt_edge=np.array([h[0] for h in rows], np.int64),
        halt_position_m=np.array([h[1] for h in rows], float),
        halt_dwell_ms=np.array([h[2] for h in rows], np.int64),
        halt_due_ms=np.array([h[3] for h in rows], np.int64),
    )


def put(
    traffic: Traffic, v: int, position_m: float, speed_m_per_s: float, lane: int = -1, way: int = -1
) -> None:
    """Put one vehicle on a lane or on the way over a node."""
    if traffic.status[v] != 2:
        traffic.driving[traffic.n_driving[0]] = v
        traffic.n_driving[0] += 1
    traffic.status[v] = 2
    traffic.lane[v], traffic.connection[v] = lane, way
    traffic.position_m[v], traffic.speed_m_per_s[v] = position_m, speed_m_per_s


def empty_traffic(roads: Roads, trips: Drives | None = None) -> Traffic:
    """A street before anybody drives."""
    return new_traffic(roads, trips or drives(), 0)
