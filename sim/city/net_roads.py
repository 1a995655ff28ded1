"""The streets of a SUMO network as `Roads`: its lanes, the ways over its nodes, who gives way.

The records may come from a file (`sim.importers.sumo_net_xml.read_net`) or be built in
memory. Lanes have the names that `controller.junction` knows them by; a way over a node is
one connection, its inner lanes summed, also where it waits inside the node.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from controller.network import DIRECTIONS, Network
from sim.city.roads import Floats, Ints, Permit, Roads
from sim.importers.sumo_links import DIRECTION_WORDS, Rows, matrix_rows, row_key
from sim.importers.sumo_net_xml import CYCLES, NetConnection, NetLane, SumoNet, UnusableNetwork

ONE_DISTRICT = "all"
WAY_MIN_M = 0.1
"""Shortest way over a node, as SUMO's own."""
STREETS = ("normal", "connector")
STOP_TYPES = ("allway_stop", "priority_stop")
_PERMIT_CLASSES = (
    (Permit.CAR, frozenset({"passenger"})),
    (Permit.BUS, frozenset({"bus", "coach", "tram", "rail_urban"})),
    (Permit.BICYCLE, CYCLES),
    (Permit.EMERGENCY, frozenset({"emergency"})),
)
"""A tram or light railway is a public line that signals speak to as they speak to buses."""

_permits_seen: dict[frozenset[str], int] = {}


def permits(classes: frozenset[str]) -> int:
    """The sum of `Permit` for a set of SUMO vehicle classes."""
    found = _permits_seen.get(classes)
    if found is None:
        found = sum(int(permit) for permit, own in _PERMIT_CLASSES if classes & own)
        _permits_seen[classes] = found
    return found


def roads_of_net(net: SumoNet, network: Network, districts: Mapping[str, str] | None = None) -> Roads:
    """Lay the streets of `net` out in arrays that go with `network`, which was made from it.

    Kept are all lanes that a car, bus, bicycle or emergency vehicle may use, and any other
    that the controller knows. `districts` names the district of every node (a street belongs
    to the one it leads to); without it there is one, `all`. Raises `UnusableNetwork` where a
    street leads to no node, a node is in no district, or nothing can be driven on.
    """
    streets = _Streets(net, network)
    rows = matrix_rows(net)
    ways = _ways(streets, rows)
    crossings = _crossings(streets, rows)
    named = dict.fromkeys(net.junctions, ONE_DISTRICT) if districts is None else districts
    homeless = next((node for node in streets.nodes if node not in named), None)
    if homeless is not None:
        raise UnusableNetwork(f"{net.file}: node {homeless} is in no district; every node must be in one")
    names = tuple(dict.fromkeys(named.values()))
    district = _ints(names.index(named[node]) for node in streets.nodes)
    node_junction = _signals_of_nodes(streets, ways, crossings)
    crossing_node = _ints(crossing.node for crossing in crossings)
    return Roads(
        name=network.street.name,
        **_street_arrays(streets, district),
        **_way_arrays(streets, ways),
        **_right_of_way(streets, ways, crossings),
        nodes=streets.nodes,
        node_x_m=_floats(net.junctions[node].x_m for node in streets.nodes),
        node_y_m=_floats(net.junctions[node].y_m for node in streets.nodes),
        node_junction=node_junction,
        crossings=tuple(crossing.edge for crossing in crossings),
        crossing_group=_ints(crossing.group for crossing in crossings),
        crossing_node=crossing_node,
        crossing_length_m=_floats(crossing.length_m for crossing in crossings),
        crossing_district=district[crossing_node],
        districts=names,
        junction_district=_district_of_signals(node_junction, district, network.n_junctions),
    )


@dataclass(slots=True)
class _Way:
    """One connection on its way into the arrays. `row` is its row in its node's matrix."""

    connection: NetConnection
    inner: tuple[str, ...]
    node: int
    permits: int
    group: int
    row: int


@dataclass(slots=True)
class _Crossing:
    """One crossing on its way into the arrays."""

    edge: str
    node: int
    group: int
    row: int
    length_m: float


class _Streets:
    """The nodes, edges and lanes that are kept, in the order of the arrays."""

    def __init__(self, net: SumoNet, network: Network) -> None:
        self.net, self.network = net, network
        self.nodes = tuple(net.junctions)
        self.node_index = {node: n for n, node in enumerate(self.nodes)}
        self.group_index = {
            (junction.name, link): int(network.group_start[j]) + k
            for j, junction in enumerate(network.street.junctions)
            for k, group in enumerate(junction.groups)
            for link in group.links
        }
        known = {r.street_lane for jn in network.street.junctions for lane in jn.lanes for r in lane.reach}
        known.update(network.exits)
        self.edges: list[str] = []
        self.edge_lanes: list[list[str]] = []
        for edge in net.edges.values():
            if edge.function not in STREETS:
                continue
            lanes = [name for name in edge.lanes if permits(net.lanes[name].classes) or name in known]
            if lanes:
                for node in (edge.from_node, edge.to_node):
                    if node not in self.node_index:
                        raise UnusableNetwork(f"{net.file}: edge {edge.id}: no such node {node!r}")
                self.edges.append(edge.id)
                self.edge_lanes.append(lanes)
        if not self.edges:
            raise UnusableNetwork(f"{net.file}: no lane that a car, bus or bicycle may use")
        self.lanes = [name for lanes in self.edge_lanes for name in lanes]
        self.lane_index = {name: k for k, name in enumerate(self.lanes)}


# --- what is collected ---------------------------------------------------------------------------


def _ways(streets: _Streets, rows: Rows) -> list[_Way]:
    """Every usable way from lane to lane, by the lane it leaves, else in file order."""
    net = streets.net
    onward = {c.from_lane: c.via for c in net.connections if c.from_lane.startswith(":") and c.via}
    ways = []
    for c in net.connections:
        if c.from_lane not in streets.lane_index or c.to_lane not in streets.lane_index:
            continue
        start, end = net.lanes[c.from_lane], net.lanes[c.to_lane]
        inner = _inner_lanes(net, c, onward)
        classes = start.classes & end.classes & c.classes
        for name in inner:
            classes &= net.lanes[name].classes
        group = streets.group_index.get((c.tl, c.link_index), -1) if c.tl else -1
        if not permits(classes) and group < 0:
            continue
        row = rows.get(row_key(c, ""), ("", -1))[1]
        node = streets.node_index[net.edges[start.edge].to_node]
        ways.append(_Way(c, inner, node, permits(classes), group, row))
    return sorted(ways, key=lambda way: streets.lane_index[way.connection.from_lane])


def _inner_lanes(net: SumoNet, connection: NetConnection, onward: Mapping[str, str]) -> tuple[str, ...]:
    chain: list[str] = []
    lane = connection.via
    while lane in net.lanes and lane not in chain:
        chain.append(lane)
        lane = onward.get(lane, "")
    return tuple(chain)


def _crossings(streets: _Streets, rows: Rows) -> list[_Crossing]:
    """Every crossing on foot in file order; the first head that speaks to it is its group."""
    net = streets.net
    group_of: dict[str, int] = {}
    for c in net.connections:
        if c.tl:
            group = streets.group_index.get((c.tl, c.link_index), -1)
            for name in (c.to_lane, c.from_lane):
                lane = net.lanes.get(name)
                if lane is not None and group >= 0 and net.edges[lane.edge].function == "crossing":
                    group_of.setdefault(lane.edge, group)
    found = []
    for edge in net.edges.values():
        if edge.function != "crossing" or not edge.lanes:
            continue
        lane = net.lanes[edge.lanes[0]]
        node, row = rows.get(lane.id, (edge.id.removeprefix(":").rpartition("_c")[0], -1))
        if node not in streets.node_index:
            raise UnusableNetwork(f"{net.file}: crossing {edge.id}: no such node {node!r}")
        group = group_of.get(edge.id, -1)
        found.append(_Crossing(edge.id, streets.node_index[node], group, row, lane.length_m))
    return found


def _signals_of_nodes(streets: _Streets, ways: list[_Way], crossings: list[_Crossing]) -> Ints:
    """(N) the signal that controls each node; one signal may control several, joined."""
    junction = np.full(len(streets.nodes), -1, np.int64)
    controlled = [(c.node, c.group) for c in crossings] + [(way.node, way.group) for way in ways]
    for node, group in controlled:
        if group >= 0:
            junction[node] = streets.network.group_junction[group]
    return junction


def _district_of_signals(node_junction: Ints, district: Ints, n_junctions: int) -> Ints:
    """(J) the district of the first node each signal controls."""
    found = np.zeros(n_junctions, np.int64)
    controlled = np.flatnonzero(node_junction >= 0)[::-1]
    found[node_junction[controlled]] = district[controlled]
    return found


# --- the arrays ----------------------------------------------------------------------------------


def _street_arrays(streets: _Streets, district: Ints) -> dict[str, Any]:
    net = streets.net
    edges = [net.edges[name] for name in streets.edges]
    lanes = [net.lanes[name] for name in streets.lanes]
    edge_to = _ints(streets.node_index[edge.to_node] for edge in edges)
    widths = [len(names) for names in streets.edge_lanes]
    return {
        "edges": tuple(streets.edges),
        "edge_lane_start": _starts(widths),
        "edge_from": _ints(streets.node_index[edge.from_node] for edge in edges),
        "edge_to": edge_to,
        "edge_district": district[edge_to],
        "edge_shape": tuple(net.lanes[names[len(names) // 2]].shape for names in streets.edge_lanes),
        "lanes": tuple(streets.lanes),
        "lane_edge": np.repeat(np.arange(len(edges)), widths),
        "lane_length_m": _floats(max(lane.length_m, WAY_MIN_M) for lane in lanes),
        "lane_speed_m_per_s": _floats(lane.speed_m_per_s for lane in lanes),
        "lane_permits": _ints(permits(lane.classes) for lane in lanes),
    }


def _way_arrays(streets: _Streets, ways: list[_Way]) -> dict[str, Any]:
    net, index = streets.net, streets.lane_index
    start = _ints(index[way.connection.from_lane] for way in ways)
    driven = [_driven(net, way) for way in ways]
    return {
        "connection_start": _starts(np.bincount(start, minlength=len(streets.lanes))),
        "connection_from": start,
        "connection_to": _ints(index[way.connection.to_lane] for way in ways),
        "connection_length_m": _floats(length_m for length_m, _ in driven),
        "connection_speed_m_per_s": _floats(speed for _, speed in driven),
        "connection_permits": _ints(way.permits for way in ways),
        "connection_direction": _ints(
            DIRECTIONS.index(DIRECTION_WORDS.get(way.connection.direction, "straight")) for way in ways
        ),
        "connection_group": _ints(way.group for way in ways),
        "connection_link": _ints(way.connection.link_index if way.group >= 0 else -1 for way in ways),
        "connection_node": _ints(way.node for way in ways),
        "connection_via": tuple(way.inner for way in ways),
        "connection_wait_m": _floats(
            sum(net.lanes[lane].length_m for lane in way.inner[:-1]) for way in ways
        ),
        "connection_stops": np.array([_stops(streets, way) for way in ways], np.bool_),
    }


def _driven(net: SumoNet, way: _Way) -> tuple[float, float]:
    """Length of a way over its node, and the speed that drives it in the time its lanes take."""
    start, end = net.lanes[way.connection.from_lane], net.lanes[way.connection.to_lane]
    if not way.inner:
        return max(_gap_m(start, end), WAY_MIN_M), min(start.speed_m_per_s, end.speed_m_per_s)
    inner = [net.lanes[name] for name in way.inner]
    length_m = max(sum(lane.length_m for lane in inner), WAY_MIN_M)
    time_s = sum(max(lane.length_m, WAY_MIN_M) / max(lane.speed_m_per_s, 0.1) for lane in inner)
    return length_m, length_m / time_s if len(inner) > 1 else inner[0].speed_m_per_s


def _gap_m(start: NetLane, end: NetLane) -> float:
    return math.dist(start.shape[-1], end.shape[0]) if start.shape and end.shape else 0.0


def _stops(streets: _Streets, way: _Way) -> bool:
    """Whether there is a stop sign: for everybody, or for those who give way to anybody."""
    node = streets.net.junctions[streets.nodes[way.node]]
    if node.type not in STOP_TYPES or way.group >= 0:
        return False
    return node.type == "allway_stop" or bool(node.responses.get(way.row, 0))


def _right_of_way(streets: _Streets, ways: list[_Way], crossings: list[_Crossing]) -> dict[str, Any]:
    """Who gives way to whom from each node's matrix; ways into one lane are foes in any case."""
    ways_at: dict[int, dict[int, int]] = {}
    crossings_at: dict[int, dict[int, int]] = {}
    into: dict[str, list[int]] = {}
    for k, way in enumerate(ways):
        ways_at.setdefault(way.node, {})[way.row] = k
        into.setdefault(way.connection.to_lane, []).append(k)
    for k, crossing in enumerate(crossings):
        crossings_at.setdefault(crossing.node, {})[crossing.row] = k
    yields: list[list[int]] = []
    crossed: list[list[int]] = []
    foes: list[set[int]] = []
    for k, way in enumerate(ways):
        node = streets.net.junctions[streets.nodes[way.node]]
        responses, clashes = node.responses.get(way.row, 0), node.foes.get(way.row, 0)
        here, walked = ways_at[way.node], crossings_at.get(way.node, {})
        yields.append([here[row] for row in _bits(responses) if row in here])
        crossed.append([walked[row] for row in _bits(responses | clashes) if row in walked])
        joined = {other for other in into[way.connection.to_lane] if other != k}
        foes.append({here[row] for row in _bits(responses | clashes) if row in here} | joined)
    for k, others in enumerate(foes):
        others.discard(k)
        for other in others:
            foes[other].add(k)
    return {
        "yield_start": _starts([len(row) for row in yields]),
        "yield_to": _flat(yields),
        "crossed_start": _starts([len(row) for row in crossed]),
        "crossed": _flat(crossed),
        "foe_start": _starts([len(row) for row in foes]),
        "foe": _flat(sorted(row) for row in foes),
    }


def _bits(word: int) -> Iterable[int]:
    """Indices of the bits that are set, lowest first."""
    while word:
        lowest = word & -word
        yield lowest.bit_length() - 1
        word ^= lowest


def _starts(counts: Iterable[int]) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(_ints(counts))])


def _flat(rows: Iterable[Iterable[int]]) -> Ints:
    return _ints(value for row in rows for value in row)


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, np.int64)


def _floats(values: Iterable[float]) -> Floats:
    return np.fromiter(values, np.float64)
