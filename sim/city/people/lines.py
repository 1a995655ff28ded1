"""Bus lines: route, stops and timetable, and the vehicle trips that run on them.

A `Line` goes one way; a line in both directions is two lines. Times at stops are departures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.city.roads import Permit, Roads
from sim.city.trips import Drives, Mode

SIGNAL_ALLOWANCE_MS = 20_000
"""Time a timetable allows for each signal on the way: a bus seldom finds green (HCM 2010,
exhibit 18-4: 20 s is the end of level of service B)."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a line halts. Two lines at one post have each a stop of their own."""

    name: str
    edge: int
    """Index in `Roads.edges`."""
    position_m: float
    """Of the front bumper, from the beginning of the edge."""
    ride_ms: int
    """Timetable: departure here so long after the departure at the line's first stop."""
    timing_point: bool = False
    """A bus that is early waits here for its time. The first stop always is one."""
    boarding_per_h: float = 0.0
    """People who come here to wait for this line."""
    alighting_weight: float = 1.0
    """How likely people aboard are to be going here, beside the stops further on."""


@dataclass(frozen=True, slots=True)
class Line:
    """One direction of a bus line."""

    name: str
    route: tuple[int, ...]
    """Edges in driving order."""
    stops: tuple[Stop, ...]
    """In driving order; nobody boards at the last."""
    departures_ms: tuple[int, ...]
    """Timetable at the first stop, in street time, rising."""
    approach_ms: int = 30_000
    """A bus enters the street so long before its first departure."""
    dwell_ms: int = 8_000
    """Shortest halt, doors opening and closing included."""
    capacity: int = 75
    """Seats and standing room of a solo bus."""
    doors: int = 2
    """People board and alight through all of them."""


def ride_times_ms(
    roads: Roads, route: Sequence[int], places: Sequence[tuple[int, float]], dwell_ms: int
) -> list[int]:
    """A timetable that can be kept: departures at `places` (edge, m) after that at the first, whole seconds.

    Free driving, SIGNAL_ALLOWANCE_MS for every signal, and the shortest halt at every stop.
    Raises ValueError when a place does not lie ahead on the route.
    """
    at_ms = _along(roads, route)
    times, first = [], 0
    for edge, position_m in places:
        if edge not in route[first:]:
            raise ValueError(f"a stop on edge {roads.edges[edge]} does not lie ahead on the line's route")
        first = route.index(edge, first)
        speed = roads.lane_speed_m_per_s[roads.edge_lane_start[edge]]
        times.append(at_ms[first] + round(1000 * position_m / speed))
    return [-(-(time - times[0] + k * dwell_ms) // 1000) * 1000 for k, time in enumerate(times)]


def _along(roads: Roads, route: Sequence[int]) -> list[int]:
    """Time from the beginning of a route to the beginning of each of its edges, ms."""
    now_ms, begins = 0.0, []
    for here, after in zip(route, [*route[1:], -1], strict=True):
        begins.append(round(now_ms))
        lane = roads.edge_lane_start[here]
        now_ms += 1000 * roads.lane_length_m[lane] / roads.lane_speed_m_per_s[lane]
        if after >= 0:
            c = connection_between(roads, here, after)
            now_ms += 1000 * roads.connection_length_m[c] / roads.connection_speed_m_per_s[c]
            now_ms += SIGNAL_ALLOWANCE_MS if roads.connection_group[c] >= 0 else 0
    return begins


def connection_between(roads: Roads, edge: int, to_edge: int) -> int:
    """The rightmost way for buses from one edge to the next. Raises ValueError when there is none."""
    for lane in range(roads.edge_lane_start[edge], roads.edge_lane_start[edge + 1]):
        for c in range(roads.connection_start[lane], roads.connection_start[lane + 1]):
            if roads.lane_edge[roads.connection_to[c]] == to_edge and (
                roads.connection_permits[c] & Permit.BUS
            ):
                return c
    raise ValueError(f"no bus may drive from edge {roads.edges[edge]} to {roads.edges[to_edge]}")


def drives_of_lines(roads: Roads, lines: Sequence[Line]) -> Drives:
    """Every bus of every timetable, empty, sorted by departure; `line` counts from 0.

    Bodies are SUMO's default bus. Raises ValueError naming the line when it cannot be driven.
    """
    for line in lines:
        _check(roads, line)
    buses = [(dep - line.approach_ms, k, dep) for k, line in enumerate(lines) for dep in line.departures_ms]
    buses.sort()
    n = len(buses)
    of = [lines[k] for _, k, _ in buses]
    halts = [
        (stop.edge, stop.position_m, line.dwell_ms, departure + stop.ride_ms if waits else -1)
        for line, (_, _, departure) in zip(of, buses, strict=True)
        for waits, stop in ((stop.timing_point or s == 0, stop) for s, stop in enumerate(line.stops))
    ]
    return Drives(
        ids=tuple(trip_id(lines[k], departure) for _, k, departure in buses),
        depart_ms=_ints([at for at, _, _ in buses]),
        mode=np.full(n, Mode.BUS, np.int8),
        persons=np.zeros(n),
        length_m=np.full(n, 12.0),
        gap_m=np.full(n, 2.5),
        accel_m_per_s2=np.full(n, 1.2),
        decel_m_per_s2=np.full(n, 4.0),
        speed_max_m_per_s=np.full(n, 85 / 3.6),
        speed_factor=np.ones(n),
        route=_ints([k for _, k, _ in buses]),
        route_start=_starts([len(line.route) for line in lines]),
        route_edge=_ints([edge for line in lines for edge in line.route]),
        home_district=np.full(n, -1, np.int64),
        line=_ints([k for _, k, _ in buses]),
        halt_start=_starts([len(line.stops) for line in of]),
        halt_edge=_ints([halt[0] for halt in halts]),
        halt_position_m=np.array([halt[1] for halt in halts], np.float64),
        halt_dwell_ms=_ints([halt[2] for halt in halts]),
        halt_due_ms=_ints([halt[3] for halt in halts]),
    )


def trip_id(line: Line, departure_ms: int) -> str:
    """Name of one bus trip, e.g. `12-07:45:00`: line and timetable departure."""
    s = departure_ms // 1000
    return f"{line.name}-{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}"


def _check(roads: Roads, line: Line) -> None:
    if len(line.stops) < 2:
        raise ValueError(f"line {line.name}: {len(line.stops)} stops; allowed are 2 or more")
    if line.stops[0].ride_ms != 0 or any(
        b.ride_ms <= a.ride_ms for a, b in zip(line.stops[:-1], line.stops[1:], strict=True)
    ):
        raise ValueError(f"line {line.name}: times at stops must begin with 0 and rise")
    if any(b <= a for a, b in zip(line.departures_ms[:-1], line.departures_ms[1:], strict=True)):
        raise ValueError(f"line {line.name}: departures must rise")
    if line.capacity < 1 or line.doors < 1 or line.dwell_ms < 0:
        raise ValueError(
            f"line {line.name}: capacity and doors must be 1 or more, the shortest halt 0 or more"
        )
    at = 0
    for stop in line.stops:
        if stop.edge not in line.route[at:]:
            raise ValueError(f"line {line.name}: stop {stop.name} does not lie ahead on its route")
        at = line.route.index(stop.edge, at)
        length_m = roads.lane_length_m[roads.edge_lane_start[stop.edge]]
        if not 0.0 <= stop.position_m <= length_m:
            raise ValueError(
                f"line {line.name}: stop {stop.name} at {stop.position_m} m;"
                f" the street is {length_m:.1f} m long"
            )
    for here, after in zip(line.route[:-1], line.route[1:], strict=True):
        try:
            connection_between(roads, here, after)
        except ValueError as error:
            raise ValueError(f"line {line.name}: {error}") from None


def _ints(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _starts(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *lengths]).astype(np.int64)
