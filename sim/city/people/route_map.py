"""The way of a bus line on the map: from metres along the route to places, and back.

Street metres count; a drawn shape that is a little longer or shorter is stretched to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controller.network import Network
from sim.city.people.lines import Line, connection_between
from sim.city.roads import Roads

Floats = NDArray[np.float64]
WINDOW_M = 60.0
"""A bus is looked for between its stops, and so far beyond them (positions are some metres off)."""
OFF_ROUTE_M = 80.0
"""Farther from its route than this a bus is somewhere else."""


@dataclass(frozen=True, slots=True, eq=False)
class RouteMap:
    """One line: n edges, p points of its drawn way, s signals on it, h stops."""

    edge_start_m: Floats  # (n) along the route
    along_m: Floats  # (p) rising
    x_m: Floats  # (p)
    y_m: Floats  # (p)
    stop_m: Floats  # (h) along the route
    signal_m: Floats  # (s) stop lines along the route, rising
    signal_lane: NDArray[np.int64]  # (s) lane of the controller's network

    def place(self, along_m: float) -> tuple[float, float]:
        """Where on the map the route is after so many metres."""
        return float(np.interp(along_m, self.along_m, self.x_m)), float(
            np.interp(along_m, self.along_m, self.y_m)
        )

    def find(self, x_m: float, y_m: float, next_stop: int) -> float | None:
        """Metres along the route of the nearest place on it; None when it is off the route.

        Routes cross themselves: only the way between the stop before `next_stop` and that stop is
        searched, when it is told (not -1).
        """
        first_m, last_m = 0.0, np.inf
        if next_stop >= 0:
            first_m = self.stop_m[next_stop - 1] - WINDOW_M if next_stop > 0 else 0.0
            last_m = self.stop_m[next_stop] + WINDOW_M
        dx, dy = np.diff(self.x_m), np.diff(self.y_m)
        square = np.maximum(dx * dx + dy * dy, 1e-9)
        part = np.clip(((x_m - self.x_m[:-1]) * dx + (y_m - self.y_m[:-1]) * dy) / square, 0.0, 1.0)
        along_m = self.along_m[:-1] + part * np.diff(self.along_m)
        away_m = np.hypot(self.x_m[:-1] + part * dx - x_m, self.y_m[:-1] + part * dy - y_m)
        away_m[(along_m < first_m) | (along_m > last_m)] = np.inf
        best = int(np.argmin(away_m))
        return float(along_m[best]) if away_m[best] <= OFF_ROUTE_M else None

    def signal_ahead(self, along_m: float) -> tuple[int, float] | None:
        """The controller's lane at the next signal and the way to its stop line; None after the last."""
        k = int(np.searchsorted(self.signal_m, along_m))
        if k == len(self.signal_m):
            return None
        return int(self.signal_lane[k]), float(self.signal_m[k] - along_m)


def network_lanes(network: Network) -> dict[str, int]:
    """Index of every stop-line lane of the controller by the street's name of it."""
    names = [lane.name for junction in network.street.junctions for lane in junction.lanes]
    return {name: k for k, name in enumerate(names)}


def map_route(roads: Roads, line: Line, lanes: Mapping[str, int]) -> RouteMap:
    """Lay the line's way out; `lanes` as from `network_lanes`."""
    start_m, starts, points = 0.0, [], []
    signals: list[tuple[float, int]] = []
    for edge, after in zip(line.route, [*line.route[1:], -1], strict=True):
        starts.append(start_m)
        length_m = float(roads.lane_length_m[roads.edge_lane_start[edge]])
        points += _stretched(roads.edge_shape[edge], start_m, length_m)
        start_m += length_m
        if after >= 0:
            c = connection_between(roads, edge, after)
            if roads.connection_group[c] >= 0:
                name = roads.lanes[roads.connection_from[c]]
                if name in lanes:
                    signals.append((start_m, lanes[name]))
            start_m += float(roads.connection_length_m[c])
    edge_start_m = np.array(starts)
    along, x, y = (np.array([point[k] for point in points]) for k in range(3))
    places = []
    at = 0
    for stop in line.stops:
        at = line.route.index(stop.edge, at)
        places.append(starts[at] + stop.position_m)
    return RouteMap(
        edge_start_m=edge_start_m,
        along_m=along,
        x_m=x,
        y_m=y,
        stop_m=np.array(places),
        signal_m=np.array([m for m, _ in signals]),
        signal_lane=np.array([lane for _, lane in signals], np.int64),
    )


def _stretched(
    shape: Sequence[tuple[float, float]], start_m: float, length_m: float
) -> list[tuple[float, float, float]]:
    """Points of a drawn street as (metres along the route, x, y)."""
    x, y = np.array([p[0] for p in shape]), np.array([p[1] for p in shape])
    drawn_m = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    scale = length_m / drawn_m[-1] if drawn_m[-1] > 0 else 0.0
    return [(start_m + m * scale, px, py) for m, px, py in zip(drawn_m.tolist(), x, y, strict=True)]
