"""The pavements of a SUMO network, and the ways of people on foot over them.

Pavements meet in walking areas, which crossings join; a way on foot is so many metres of
pavement, a crossing, more pavement. Where a network has no walking areas, people walk along
the streets named and cross none.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, pairwise

from sim.city.roads import Roads
from sim.importers.sumo_net_xml import NetLane, SumoNet

PavementEnd = tuple[str, int]
"""A pavement's beginning (0) or end (1), by its edge; for a crossing, by the crossing's edge."""


@dataclass(frozen=True, slots=True)
class Leg:
    """So many metres of pavement, then a crossing (-1: none, these are the last metres)."""

    before_m: float
    crossing: int
    forward: bool


class NoWayOnFoot(ValueError):
    """People cannot walk there; the message says from where to where."""


class Pavements:
    """Ends of pavements and crossings as a graph; what joins them is pavement or a crossing."""

    def __init__(self, net: SumoNet, roads: Roads) -> None:
        self.net, self._roads = net, roads
        self._crossing = {name: k for k, name in enumerate(roads.crossings)}
        self.length_m: dict[str, float] = {}
        self._lane: dict[str, NetLane] = {}
        for edge in net.edges.values():
            lane = next((net.lanes[n] for n in edge.lanes if "pedestrian" in net.lanes[n].classes), None)
            if lane is not None and edge.function in ("normal", "crossing"):
                self._lane[edge.id] = lane
                self.length_m[edge.id] = lane.length_m
        self.beside: dict[PavementEnd, list[tuple[PavementEnd, float]]] = {}
        """Ends that are reached without a crossing or a whole street."""
        for ends in self._meeting().values():
            for a, b in combinations(sorted(ends), 2):
                metres = math.dist(self._point(a), self._point(b))
                self.beside.setdefault(a, []).append((b, metres))
                self.beside.setdefault(b, []).append((a, metres))

    def _meeting(self) -> dict[str, set[PavementEnd]]:
        """The ends that meet in each walking area."""
        areas: dict[str, set[PavementEnd]] = {}
        function = {edge.id: edge.function for edge in self.net.edges.values()}
        for c in self.net.connections:
            start, end = c.from_lane.rpartition("_")[0], c.to_lane.rpartition("_")[0]
            if function.get(start) == "walkingarea" and end in self._lane:
                areas.setdefault(start, set()).add((end, 0))
            elif function.get(end) == "walkingarea" and start in self._lane:
                areas.setdefault(end, set()).add((start, 1))
        return areas

    def _point(self, end: PavementEnd) -> tuple[float, float]:
        shape = self._lane[end[0]].shape
        return shape[-1 if end[1] else 0] if shape else (0.0, 0.0)

    def along(
        self, edges: tuple[str, ...], depart_m: float = 0.0, arrive_m: float | None = None
    ) -> list[Leg]:
        """The way along streets that follow one another, from a place on the first to one on the last.

        Places are metres from the beginning of the street, negative from its end; by default
        the last is walked to its middle, as in SUMO. Raises NoWayOnFoot, or KeyError for a
        street that is not there.
        """
        if len(edges) == 1:
            start_m, end_m = self._place(edges[0], depart_m), self._place(edges[0], arrive_m)
            return [Leg(abs(end_m - start_m), -1, True)]
        reached = self._leaving(edges[0], depart_m)
        for before, edge in pairwise(edges):
            onward = self._over_node(before, edge, reached)
            if not onward:
                raise NoWayOnFoot(f"no pavement or crossing leads from {before} to {edge}")
            reached = self._walked_through(edge, onward) if edge != edges[-1] else onward
        return self._arrived(edges[-1], reached, arrive_m)

    def between(
        self, start: str, end: str, depart_m: float = 0.0, arrive_m: float | None = None
    ) -> list[Leg]:
        """The shortest way on foot. Raises NoWayOnFoot, or KeyError for a street that is not there."""
        if start == end:
            return self.along((start,), depart_m, arrive_m)
        last_m = self._place(end, arrive_m)
        found = self._shortest(self._leaving(start, depart_m), None)
        ways = {(end, side): found[end, side] for side in (0, 1) if (end, side) in found}
        if not ways:
            raise NoWayOnFoot(f"no way on foot from {start} to {end}")
        return self._arrived(end, ways, last_m)

    # Ways so far: per end reached, (metres, legs with the pavement since the last crossing).

    def _place(self, edge: str, at_m: float | None) -> float:
        length_m = self.length_m[edge]
        if at_m is None:
            return length_m / 2
        return min(max(at_m + length_m if at_m < 0 else at_m, 0.0), length_m)

    def _leaving(self, edge: str, depart_m: float) -> dict[PavementEnd, _Way]:
        start_m = self._place(edge, depart_m)
        rest_m = self.length_m[edge] - start_m
        return {(edge, 0): _Way(start_m, (), start_m), (edge, 1): _Way(rest_m, (), rest_m)}

    def _over_node(self, before: str, edge: str, reached: dict[PavementEnd, _Way]) -> dict[PavementEnd, _Way]:
        """The ends of `edge` reached over a node it shares with `before`, crossings there included."""
        a, b = self.net.edges[before], self.net.edges[edge]
        nodes = {a.from_node, a.to_node} & {b.from_node, b.to_node}
        here = {end: way for end, way in reached.items() if self._node(end) in nodes}
        found = self._shortest(here, nodes)
        if not found and not self.beside:
            # A network without walking areas: streets that share a node follow one another.
            ways = sorted(here.values(), key=lambda way: way.metres)
            found = {
                (edge, s): ways[0] for s, n in enumerate((b.from_node, b.to_node)) if n in nodes and ways
            }
        return {end: found[end] for end in ((edge, 0), (edge, 1)) if end in found}

    def _node(self, end: PavementEnd) -> str:
        if end[0] in self._crossing:
            return self._roads.nodes[self._roads.crossing_node[self._crossing[end[0]]]]
        edge = self.net.edges[end[0]]
        return edge.to_node if end[1] else edge.from_node

    def _shortest(self, reached: dict[PavementEnd, _Way], nodes: set[str] | None) -> dict[PavementEnd, _Way]:
        """Dijkstra from the ends reached; only inside `nodes`, or also along whole streets for None."""
        best = dict(reached)
        queue = [(way.metres, end) for end, way in sorted(reached.items())]
        heapq.heapify(queue)
        done: set[PavementEnd] = set()
        found: dict[PavementEnd, _Way] = {}
        while queue:
            _, end = heapq.heappop(queue)
            if end in done:
                continue
            done.add(end)
            found[end] = best[end]
            for other, way in self._steps(end, best[end], nodes):
                if other not in best or way.metres < best[other].metres:
                    best[other] = way
                    heapq.heappush(queue, (way.metres, other))
        if nodes is not None:
            found = {end: way for end, way in found.items() if end in self.beside}
        return found

    def _steps(
        self, end: PavementEnd, way: _Way, nodes: set[str] | None
    ) -> Iterable[tuple[PavementEnd, _Way]]:
        for other, metres in self.beside.get(end, ()):
            if nodes is None or self._node(other) in nodes:
                yield other, way.on(metres)
        edge, side = end
        if edge in self._crossing:
            leg = Leg(way.since_m, self._crossing[edge], side == 0)
            yield (edge, 1 - side), _Way(way.metres + self.length_m[edge], (*way.legs, leg), 0.0)
        elif nodes is None:
            yield (edge, 1 - side), way.on(self.length_m[edge])

    def _walked_through(self, edge: str, reached: dict[PavementEnd, _Way]) -> dict[PavementEnd, _Way]:
        """Also the other end of a street that is walked along."""
        both = dict(reached)
        for (_, side), way in reached.items():
            other, walked = (edge, 1 - side), way.on(self.length_m[edge])
            if other not in both or walked.metres < both[other].metres:
                both[other] = walked
        return both

    def _arrived(self, edge: str, reached: dict[PavementEnd, _Way], arrive_m: float | None) -> list[Leg]:
        place_m = self._place(edge, arrive_m)
        last = {0: place_m, 1: self.length_m[edge] - place_m}
        ways = [way.on(last[side]) for (_, side), way in sorted(reached.items())]
        best = min(ways, key=lambda way: way.metres)
        return [*best.legs, Leg(best.since_m, -1, True)]


@dataclass(frozen=True, slots=True)
class _Way:
    """A way so far: its metres, its legs, and the pavement since the last crossing."""

    metres: float
    legs: tuple[Leg, ...]
    since_m: float

    def on(self, metres: float) -> _Way:
        """The same way with more pavement."""
        return _Way(self.metres + metres, self.legs, self.since_m + metres)
