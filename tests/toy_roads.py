"""Streets small enough to know every right answer: edges in a row, lanes straight on, one signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sim.city.roads import Permit, Roads
from sim.city.trips import Drives, Mode

ALL = int(Permit.CAR | Permit.BUS | Permit.BICYCLE | Permit.EMERGENCY)
WAY_M = 10.0
"""Length of every way over a node."""


def starts(counts: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.array(counts, np.int64))]).astype(np.int64)


def row_of_edges(
    lengths_m: Sequence[float],
    speed_m_per_s: float = 13.89,
    lanes: int | Sequence[int] = 1,
    signal_after: int = -1,
) -> Roads:
    """Edges one after the other; lane k leads to lane k. Group 0 is the signal after edge `signal_after`."""
    n = len(lengths_m)
    width = [lanes] * n if isinstance(lanes, int) else list(lanes)
    lane_start = starts(width)
    pairs = [
        (e, int(lane_start[e]) + k, int(lane_start[e + 1]) + k)
        for e in range(n - 1)
        for k in range(min(width[e], width[e + 1]))
    ]
    total, ways = int(lane_start[-1]), len(pairs)
    leaving = np.bincount([a for _, a, _ in pairs], minlength=total) if pairs else np.zeros(total, np.int64)
    none, nobody = np.zeros(0, np.int64), np.zeros(ways + 1, np.int64)
    return Roads(
        name="row",
        edges=tuple(f"e{k}" for k in range(n)),
        edge_lane_start=lane_start,
        edge_from=np.arange(n),
        edge_to=np.arange(1, n + 1),
        edge_district=np.zeros(n, np.int64),
        edge_shape=((),) * n,
        lanes=tuple(f"e{e}_{k}" for e in range(n) for k in range(width[e])),
        lane_edge=np.repeat(np.arange(n), width),
        lane_length_m=np.repeat(np.array(lengths_m, np.float64), width),
        lane_speed_m_per_s=np.full(total, speed_m_per_s),
        lane_permits=np.full(total, ALL),
        connection_start=starts(leaving.tolist()),
        connection_from=np.array([a for _, a, _ in pairs], np.int64),
        connection_to=np.array([b for _, _, b in pairs], np.int64),
        connection_length_m=np.full(ways, WAY_M),
        connection_speed_m_per_s=np.full(ways, speed_m_per_s),
        connection_permits=np.full(ways, ALL),
        connection_direction=np.zeros(ways, np.int64),
        connection_group=np.array([0 if e == signal_after else -1 for e, _, _ in pairs], np.int64),
        connection_link=np.full(ways, -1),
        connection_node=np.array([e + 1 for e, _, _ in pairs], np.int64),
        connection_via=((),) * ways,
        yield_start=nobody,
        yield_to=none,
        crossed_start=nobody,
        crossed=none,
        foe_start=nobody,
        foe=none,
        connection_stops=np.zeros(ways, np.bool_),
        nodes=tuple(f"n{k}" for k in range(n + 1)),
        node_x_m=np.zeros(n + 1),
        node_y_m=np.zeros(n + 1),
        node_junction=np.full(n + 1, -1),
        crossings=(),
        crossing_group=none,
        crossing_node=none,
        crossing_length_m=np.zeros(0),
        crossing_district=none,
        districts=("all",),
        junction_district=none,
    )


def joined_edges(
    lengths_m: Sequence[float],
    ways: Sequence[tuple[int, int]],
    yields: Mapping[int, Sequence[int]],
    waits_m: Mapping[int, float],
    way_m: float = 20.0,
) -> Roads:
    """Edges of one lane joined by ways (from, to), sorted by from, without signals.

    yields: a way and those it gives way to, which are its foes · waits_m: how far onto the node one
    drives before he gives way
    """
    n = len(ways)
    leaving = np.bincount([a for a, _ in ways], minlength=len(lengths_m))
    foes = [{*yields.get(k, ()), *(w for w in range(n) if k in yields.get(w, ()))} for k in range(n)]
    given = [sorted(yields.get(k, ())) for k in range(n)]
    return replace(
        row_of_edges(lengths_m),
        connection_start=starts(leaving.tolist()),
        connection_from=np.array([a for a, _ in ways], np.int64),
        connection_to=np.array([b for _, b in ways], np.int64),
        connection_length_m=np.full(n, way_m),
        connection_speed_m_per_s=np.full(n, 13.89),
        connection_permits=np.full(n, ALL),
        connection_direction=np.zeros(n, np.int64),
        connection_group=np.full(n, -1),
        connection_link=np.full(n, -1),
        connection_node=np.array([a + 1 for a, _ in ways], np.int64),
        connection_via=((),) * n,
        connection_wait_m=np.array([waits_m.get(k, 0.0) for k in range(n)]),
        yield_start=starts([len(row) for row in given]),
        yield_to=np.array([w for row in given for w in row], np.int64),
        crossed_start=np.zeros(n + 1, np.int64),
        foe_start=starts([len(row) for row in foes]),
        foe=np.array([w for row in foes for w in sorted(row)], np.int64),
        connection_stops=np.zeros(n, np.bool_),
    )


def cars(depart_s: Sequence[float], edges: Sequence[int], **given: object) -> Drives:
    """Ordinary cars, all on one route; `given` replaces whole arrays of `Drives`."""
    n = len(depart_s)
    arrays: dict[str, object] = {
        "ids": tuple(f"c{k}" for k in range(n)),
        "depart_ms": (1000 * np.array(depart_s)).round().astype(np.int64),
        "mode": np.full(n, int(Mode.CAR), np.int8),
        "persons": np.full(n, 1.3),
        "length_m": np.full(n, 5.0),
        "gap_m": np.full(n, 2.5),
        "accel_m_per_s2": np.full(n, 2.6),
        "decel_m_per_s2": np.full(n, 4.5),
        "speed_max_m_per_s": np.full(n, 55.0),
        "speed_factor": np.ones(n),
        "route": np.zeros(n, np.int64),
        "route_start": np.array([0, len(edges)], np.int64),
        "route_edge": np.array(edges, np.int64),
        "home_district": np.zeros(n, np.int64),
        "line": np.full(n, -1),
        "halt_start": np.zeros(n + 1, np.int64),
        "halt_edge": np.zeros(0, np.int64),
        "halt_position_m": np.zeros(0),
        "halt_dwell_ms": np.zeros(0, np.int64),
        "halt_due_ms": np.zeros(0, np.int64),
    }
    return Drives(**{**arrays, **given})  # type: ignore[arg-type]
