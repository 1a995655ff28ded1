"""Bus lines of a generated city: along its arterials, both ways, with stops in the middle of blocks."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import networkx as nx
import numpy as np

from sim.city.generator.generate import GeneratedCity
from sim.city.generator.generate_layout import ARTERIAL
from sim.city.people.lines import Line, Stop, ride_times_ms
from sim.city.roads import Roads

BLOCKS_MAX = 36
"""No line is longer; in a large city each serves a part of it."""
STOP_EVERY_M = 350.0
STOP_EDGE_MIN_M = 45.0
DWELL_MS = 10_000
TIMING_POINT_EVERY = 4
BOARDING_PER_BUS = 1.0
"""People who wait for each bus at a stop of an ordinary district without cars."""
AWAY_FROM_LINE = 3.0
"""A block on another street counts as so many when a line looks for its way."""


@dataclass(frozen=True, slots=True)
class BusRoute:
    """One direction of a bus line: edges in driving order, stops as (edge, metres from its beginning)."""

    name: str
    street: str
    edges: tuple[str, ...]
    stops: tuple[tuple[str, float], ...]
    headway_s: int


def bus_routes(city: GeneratedCity) -> tuple[BusRoute, ...]:
    """Both directions of every line the plan asks for, the arterials over the bridges first."""
    routes = []
    streets = _streets(city)
    for number in range(min(city.plan.bus_lines, len(streets))):
        street = streets[number]
        nodes = _way(city, street, number)
        for towards, way in (("out", nodes), ("in", nodes[::-1])):
            edges = _edges(city, way)
            stops = _stops(city, edges)
            if len(stops) >= 2:
                name = f"{number + 1}-{towards}"
                routes.append(BusRoute(name, street, edges, stops, city.plan.headway_s))
    return tuple(routes)


def bus_lines(city: GeneratedCity, roads: Roads, begin_ms: int, end_ms: int, seed: int) -> tuple[Line, ...]:
    """The lines with stops, timetables and passengers expected; one `Line` a direction.

    Each line begins its day at a moment drawn from `seed`, within its headway after `begin_ms`.
    """
    rng = np.random.default_rng([seed, 14])
    edge_index = {name: k for k, name in enumerate(roads.edges)}
    people = {d.name: d for d in city.districts}
    lines = []
    for bus in bus_routes(city):
        headway_ms = bus.headway_s * 1000
        route = tuple(edge_index[name] for name in bus.edges)
        places = [(edge_index[name], position_m) for name, position_m in bus.stops]
        rides_ms = ride_times_ms(roads, route, places, DWELL_MS)
        stops = []
        for k, ((edge, position_m), ride_ms) in enumerate(zip(places, rides_ms, strict=True)):
            district = people[roads.districts[roads.edge_district[edge]]]
            last = k == len(places) - 1
            busy = (district.homes + district.work) * (1.6 - district.car_share)
            stops.append(
                Stop(
                    name=_stop_name(city, roads.edges[edge]),
                    edge=edge,
                    position_m=position_m,
                    ride_ms=ride_ms,
                    timing_point=k % TIMING_POINT_EVERY == 0,
                    boarding_per_h=0.0 if last else BOARDING_PER_BUS * busy * 3600 / bus.headway_s,
                    alighting_weight=district.homes + district.work,
                )
            )
        first_ms = begin_ms + int(rng.integers(headway_ms // 1000)) * 1000
        departures = tuple(range(first_ms, end_ms, headway_ms))
        lines.append(Line(bus.name, route, tuple(stops), departures, dwell_ms=DWELL_MS))
    return tuple(lines)


def _stop_name(city: GeneratedCity, edge: str) -> str:
    """The cross street the bus comes to next, as stops are named."""
    node = edge.partition("-")[2]
    title: str = city.layout.graph.nodes[node]["title"]
    return title


def _streets(city: GeneratedCity) -> list[str]:
    """Streets by how much a bus line would want them: bridges, arterials, length."""
    graph = city.layout.graph
    size: dict[str, list[float]] = {}
    bridges = {frozenset(bridge) for bridge in city.layout.bridges}
    for a, b, data in graph.edges(data=True):
        entry = size.setdefault(data["street"], [0.0, 0.0, 0.0])
        entry[0] = max(entry[0], float(frozenset((a, b)) in bridges))
        entry[1] = max(entry[1], float(data["kind"].rank))
        entry[2] += 1.0
    ranked = sorted(size, key=lambda name: (-size[name][1], -size[name][0], -size[name][2], name))
    crossing = [name for name in ranked if size[name][0] and size[name][1] == ARTERIAL.rank]
    along = [name for name in ranked if not size[name][0] and size[name][1] == ARTERIAL.rank]
    # One line over a bridge, then one along the river, in turn, so that two lines meet.
    mixed = [name for pair in zip(crossing, along, strict=False) for name in pair]
    return mixed + [name for name in ranked if name not in set(mixed)]


def _way(city: GeneratedCity, street: str, number: int) -> list[str]:
    """Junctions from one end of a street to the other, around where it is interrupted."""
    graph = city.layout.graph
    on_street = [(a, b) for a, b, name in graph.edges.data("street") if name == street]
    ends = sorted(
        {n for edge in on_street for n in edge},
        key=lambda n: (graph.nodes[n]["x_m"] + graph.nodes[n]["y_m"], n),
    )

    def cost(a: str, b: str, data: dict[str, object]) -> float:
        return 1.0 if data["street"] == street else AWAY_FROM_LINE

    whole: list[str] = nx.bidirectional_dijkstra(graph, ends[0], ends[-1], weight=cost)[1]
    spare = max(len(whole) - BLOCKS_MAX, 0)
    first = int(np.random.default_rng([city.plan.seed, 4, number]).integers(spare + 1))
    return whole[first : first + BLOCKS_MAX + 1]


def _edges(city: GeneratedCity, nodes: list[str]) -> tuple[str, ...]:
    edges = []
    for a, b in itertools.pairwise(nodes):
        edges.append(f"{a}-{b}")
        if f"{a}-{b}.pocket" in city.net.edges:
            edges.append(f"{a}-{b}.pocket")
    if edges[-1].endswith(".pocket"):
        edges.pop()
    return tuple(edges)


def _stops(city: GeneratedCity, edges: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    stops = []
    since_m = STOP_EVERY_M
    for edge in edges:
        length_m = city.net.lanes[city.net.edges[edge].lanes[1]].length_m
        if not edge.endswith(".pocket") and length_m >= STOP_EDGE_MIN_M and since_m >= STOP_EVERY_M:
            stops.append((edge, round(min(length_m - 5.0, max(25.0, 0.5 * length_m)), 1)))
            since_m = 0.0
        since_m += length_m
    return tuple(stops)
