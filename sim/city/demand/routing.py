"""The quickest way by street from one edge to another, on empty roads.

Times are those of free flow, plus what waiting to give way costs at a node without signal
(SUMO's `weights.minor-penalty`, 1.5 s); anybody who is told his route is not asked.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np

from sim.city.roads import Permit, Roads

MINOR_PENALTY_S = 1.5


class StreetWays:
    """The edges of a city as a graph, for one kind of traveller."""

    def __init__(self, roads: Roads, permit: Permit, speed_max_m_per_s: float = np.inf) -> None:
        self.roads, self.permit = roads, permit
        speed = np.minimum(roads.lane_speed_m_per_s, speed_max_m_per_s)
        lane_s = roads.lane_length_m / speed
        may = (roads.lane_permits & int(permit)) != 0
        edge_s = np.full(roads.n_edges, np.inf)
        np.minimum.at(edge_s, roads.lane_edge[may], lane_s[may])
        self.edge_s = edge_s
        """(E) free-flow seconds; infinite where this traveller may not be."""
        self.onward: list[list[tuple[int, float]]] = [[] for _ in range(roads.n_edges)]
        """Per edge: the edges that follow, with the seconds to the end of each."""
        best: dict[tuple[int, int], float] = {}
        usable = np.flatnonzero((roads.connection_permits & int(permit)) != 0)
        gives_way = (np.diff(roads.yield_start) > 0) & (roads.connection_group < 0)
        way_s = roads.connection_length_m / np.minimum(roads.connection_speed_m_per_s, speed_max_m_per_s)
        way_s = way_s + MINOR_PENALTY_S * gives_way
        starts = roads.lane_edge[roads.connection_from[usable]].tolist()
        ends = roads.lane_edge[roads.connection_to[usable]].tolist()
        for start, end, seconds in zip(starts, ends, way_s[usable].tolist(), strict=True):
            if seconds < best.get((start, end), np.inf):
                best[start, end] = seconds
        for (start, end), seconds in best.items():
            if np.isfinite(edge_s[end]):
                self.onward[start].append((end, seconds + float(edge_s[end])))

    def may_use(self, edge: int) -> bool:
        """Whether this traveller has a lane there."""
        return bool(np.isfinite(self.edge_s[edge]))

    def joined(self, edge: int, following: int) -> bool:
        """Whether one edge leads directly to the other."""
        return any(end == following for end, _ in self.onward[edge])

    def quickest(self, origin: int, targets: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """The quickest way from `origin` to each target, both included; unreachable ones are missing."""
        wanted = set(targets)
        found: dict[int, tuple[int, ...]] = {}
        if not self.may_use(origin):
            return found
        before = {origin: -1}
        seconds = {origin: 0.0}
        done: set[int] = set()
        queue = [(0.0, origin)]
        while queue and wanted:
            now_s, edge = heapq.heappop(queue)
            if edge in done:
                continue
            done.add(edge)
            if edge in wanted:
                wanted.discard(edge)
                found[edge] = _back(before, edge)
            for following, more_s in self.onward[edge]:
                then_s = now_s + more_s
                if then_s < seconds.get(following, np.inf):
                    seconds[following] = then_s
                    before[following] = edge
                    heapq.heappush(queue, (then_s, following))
        return found


def _back(before: dict[int, int], edge: int) -> tuple[int, ...]:
    way = []
    while edge >= 0:
        way.append(edge)
        edge = before[edge]
    return tuple(reversed(way))
