"""The streets of a city as index arrays: what every movement kernel works on.

The same arrays come from a generated city and from an imported SUMO network. A vehicle is
on a street lane, or on a connection (the way over a node from one lane to the next).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Permit(IntFlag):
    """Who may use a lane or connection; a sum of these is stored in every `*_permits` array."""

    CAR = 1
    BUS = 2
    BICYCLE = 4
    EMERGENCY = 8


@dataclass(frozen=True, slots=True, eq=False)
class Roads:
    """E edges (one direction of a street between two nodes), L lanes, C connections, N nodes,
    K crossings, J junctions (signals, as in `controller.network.Network`), D districts.

    Indices are int64, -1 where there is none. `*_start` arrays give slices (compressed rows).
    """

    name: str
    edges: tuple[str, ...]
    edge_lane_start: Ints  # (E+1) lanes of an edge lie together, rightmost first
    edge_from: Ints  # (E) node
    edge_to: Ints  # (E) node
    edge_district: Ints  # (E)
    edge_shape: tuple[tuple[tuple[float, float], ...], ...]  # (E) polyline in metres, for maps
    lanes: tuple[str, ...]  # the names that `controller.junction` uses for street lanes
    lane_edge: Ints  # (L)
    lane_length_m: Floats  # (L)
    lane_speed_m_per_s: Floats  # (L)
    lane_permits: Ints  # (L) sum of Permit
    connection_start: Ints  # (L+1) connections leave their lane in this order
    connection_from: Ints  # (C) lane
    connection_to: Ints  # (C) lane
    connection_length_m: Floats  # (C) way over the node
    connection_speed_m_per_s: Floats  # (C) the turn allows no more
    connection_permits: Ints  # (C)
    connection_direction: Ints  # (C) index into controller.network.DIRECTIONS
    connection_group: Ints  # (C) signal group in the Network; -1 without signal
    connection_link: Ints  # (C) index of its head in the signal, -1 without signal
    connection_node: Ints  # (C)
    connection_via: tuple[tuple[str, ...], ...]  # (C) names of its inner lanes, in driving order
    yield_start: Ints  # (C+1)
    yield_to: Ints  # connections it gives way to whenever both may go
    crossed_start: Ints  # (C+1)
    crossed: Ints  # crossings it drives over, giving way to people on them
    foe_start: Ints  # (C+1)
    foe: Ints  # connections whose way over the node crosses or joins its own, in both directions
    connection_stops: NDArray[np.bool_]  # (C) stop sign: halts before entering even when free
    nodes: tuple[str, ...]
    node_x_m: Floats  # (N)
    node_y_m: Floats  # (N)
    node_junction: Ints  # (N) signal that controls it
    crossings: tuple[str, ...]
    crossing_group: Ints  # (K) signal group; -1 = people have priority, no signal
    crossing_node: Ints  # (K)
    crossing_length_m: Floats  # (K)
    crossing_district: Ints  # (K)
    districts: tuple[str, ...]
    junction_district: Ints  # (J)
    connection_wait_m: Floats | None = None  # (C) how far onto the node it may drive before it gives way;
    #                                          None = nobody waits inside a node

    @property
    def n_edges(self) -> int:
        return len(self.edges)

    @property
    def n_lanes(self) -> int:
        return len(self.lanes)

    @property
    def n_connections(self) -> int:
        return len(self.connection_from)
