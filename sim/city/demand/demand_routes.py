"""Where people drive in a generated city and by which way: a stock of routes, trips draw from it.

Origins lie where people live, destinations where they work, nearer ones more often (a gravity
model with exponential decay); some come from outside or drive out. Ways are quickest by each
driver's own opinion of every street, on streets loaded by those routed before (incremental
assignment with the curve of the US Bureau of Public Roads), so parallel streets share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from controller.network import DIRECTIONS
from sim.city.demand.demand_kernels import grow_tree, write_way
from sim.city.generator.generate import GeneratedCity
from sim.city.roads import Floats, Ints, Roads

DECAY_M = 450.0
"""Distance by which the wish to go somewhere falls to 1/e."""
TOO_SHORT_M = 300.0
"""Nearer than about this people do not drive."""
OVER_RIVER_MAX, OVER_RIVER_PER_BRIDGE = 0.6, 1.4
"""Part of the wishes that survives a river in between: people settle by the bridges there are, so it
is at most the second times the number of bridges for each street that runs toward the river."""
ENTRY_VEH_PER_H = {"arterial": 350.0, "street": 100.0, "local": 60.0}
"""Who comes in by a road from outside in the busiest hour ..."""
ENTRY_AT_VEH_PER_H = 400.0
"""... where so many pass an average signal."""
SIGNALS_GUESS = 6.0
"""Signals passed by a trip, before it is known."""
ENTRY_SHARE_MAX = 0.3
THROUGH_SHARE = 0.2
"""Part of those who come from outside that drives through."""
SPREAD = 0.25
"""How far opinions about a street's travel time differ."""
SIGNAL_S, LEFT_S, YIELD_S = 12.0, 5.0, 3.0
"""What a signal, a left turn and giving way cost on average, beyond free flow."""
CAPACITY_VEH_PER_H = {1: 550.0, 2: 1000.0}
"""Of one edge toward a signal, by its lanes in the middle of the block."""
TURN_CAPACITY_VEH_PER_H = {"left": 120.0, "right": 130.0}
"""Of turns at a signal, where oncoming traffic or people on foot go first."""
TURN_WAIT_S = 40.0
"""What one at capacity costs is that much times A."""
BPR_A, BPR_B = 0.8, 4.0
"""Travel time grows by A at capacity, with the power B of the load."""
LOADED_MAX = 4.0
BATCHES = 6
WINDOW_M = 5.0 * DECAY_M
OUT, BACK = 0, 1
"""From home to work or errand, and back."""


@dataclass(frozen=True, slots=True, eq=False)
class RouteStock:
    """R routes. A trip takes any route of its purpose with equal chance."""

    start: Ints  # (R+1) into edge
    edge: Ints
    purpose: Ints  # (R) OUT or BACK
    home_district: Ints  # (R) index into Roads.districts, -1 = lives outside
    length_m: Floats  # (R)
    signals_mean: float
    """Signals a trip passes on average."""

    @property
    def n(self) -> int:
        return len(self.purpose)


class StreetGraph:
    """The edges of a city and the ways between them, as compressed rows."""

    def __init__(self, roads: Roads) -> None:
        e = roads.n_edges
        first = roads.edge_lane_start[:-1]
        self.length_m = roads.lane_length_m[first]
        self.edge_s = self.length_m / roads.lane_speed_m_per_s[first]
        before, after = roads.lane_edge[roads.connection_from], roads.lane_edge[roads.connection_to]
        seconds = roads.connection_length_m / roads.connection_speed_m_per_s
        seconds = seconds + np.where(roads.connection_group >= 0, SIGNAL_S, 0.0)
        seconds = seconds + np.where(roads.connection_direction == 2, LEFT_S, 0.0)
        yields = (np.diff(roads.yield_start) > 0) & (roads.connection_group < 0)
        seconds = seconds + np.where(yields, YIELD_S, 0.0)
        order = np.lexsort((seconds, after, before))
        key = before[order] * e + after[order]
        best = order[np.concatenate([[True], key[1:] != key[:-1]])]
        self.way_key = key[np.concatenate([[True], key[1:] != key[:-1]])]
        capacity = np.array([TURN_CAPACITY_VEH_PER_H.get(word, np.inf) for word in DIRECTIONS])
        signalled = roads.connection_group[best] >= 0
        self.way_capacity_veh_per_h = np.where(signalled, capacity[roads.connection_direction[best]], np.inf)
        self.next_edge = after[best].astype(np.int64)
        self.next_s = seconds[best]
        self.next_start = np.searchsorted(before[best], np.arange(e + 1)).astype(np.int64)
        lanes = np.diff(roads.edge_lane_start)
        self.capacity_veh_per_h = np.where(lanes > 1, CAPACITY_VEH_PER_H[2], CAPACITY_VEH_PER_H[1])
        names = np.array(roads.edges)
        self.is_pocket = np.char.endswith(names, ".pocket")

    def ways_of(self, route: Ints) -> Ints:
        """Rows of `next_edge` that a route takes."""
        return np.searchsorted(self.way_key, route[:-1] * len(self.edge_s) + route[1:])


class _Grower:
    """Work space for trees; one at a time."""

    def __init__(self, graph: StreetGraph, edges_max: int) -> None:
        e = len(graph.edge_s)
        self.graph = graph
        self.stamp = 0
        self.reached, self.settled, self.wanted = (np.zeros(e, np.int64) for _ in range(3))
        self.best_s, self.before = np.zeros(e), np.zeros(e, np.int64)
        self.heap_s = np.zeros(len(graph.next_edge) + 1)
        self.heap_edge = np.zeros(len(graph.next_edge) + 1, np.int64)
        self.way = np.zeros(edges_max, np.int64)

    def ways(self, origin: int, targets: Ints, edge_s: Floats, next_s: Floats, salt: int) -> list[Ints]:
        """The way to each target, in their order; empty where there is none."""
        self.stamp += 1
        graph = self.graph
        grow_tree(
            origin,
            targets,
            edge_s,
            graph.next_start,
            graph.next_edge,
            next_s,
            salt,
            SPREAD,
            self.stamp,
            self.reached,
            self.settled,
            self.wanted,
            self.best_s,
            self.before,
            self.heap_s,
            self.heap_edge,
        )
        found = []
        for target in targets.tolist():
            if self.settled[target] != self.stamp:
                found.append(np.zeros(0, np.int64))
                continue
            end = write_way(target, self.before, self.way, 0)
            found.append(self.way[:end].copy())
        return found


class TripEnds:
    """Where trips begin and end: the grid of junctions with its people, and the roads from outside."""

    def __init__(self, city: GeneratedCity, roads: Roads) -> None:
        layout = city.layout
        self.rows, self.columns = layout.rows, layout.columns
        shape = (self.rows, self.columns)
        self.x_m, self.y_m = np.zeros(shape), np.zeros(shape)
        self.homes, self.work = np.zeros(shape), np.zeros(shape)
        self.over_river = min(OVER_RIVER_MAX, OVER_RIVER_PER_BRIDGE * len(layout.bridges) / layout.columns)
        self.north = np.zeros(shape, np.bool_)
        self.north[layout.river_row :] = city.plan.river
        self.district = np.zeros(shape, np.int64)
        district_index = {name: k for k, name in enumerate(roads.districts)}
        people = {d.name: d for d in city.districts}
        edge_index = {name: k for k, name in enumerate(roads.edges)}
        self.start_edges: dict[tuple[int, int], list[int]] = {}
        self.end_edges: dict[tuple[int, int], list[int]] = {}
        entries = []
        for name, node in city.nodes.items():
            if node.kind == "entry":
                arm = node.arms[0]
                entries.append(
                    (node, arm.kind.name, edge_index[f"{name}-{arm.to}"], edge_index[f"{arm.to}-{name}"])
                )
                continue
            column, row = (int(part) for part in name[1:].split("r"))
            at = row, column
            district = people[city.node_district[name]]
            self.x_m[at], self.y_m[at] = node.x_m, node.y_m
            self.homes[at] = district.homes * district.car_share
            self.work[at] = district.work
            self.district[at] = district_index[district.name]
            inner = [arm.to for arm in node.arms if city.nodes[arm.to].kind != "entry"]
            self.start_edges[at] = [edge_index[f"{name}-{to}"] for to in inner]
            self.end_edges[at] = [edge_index[f"{to}-{name}"] for to in inner]
        self.entry_x_m = np.array([node.x_m for node, *_ in entries])
        self.entry_y_m = np.array([node.y_m for node, *_ in entries])
        self.entry_weight = np.array([ENTRY_VEH_PER_H[kind] for _, kind, *_ in entries])
        self.entry_start = np.array([start for *_, start, _ in entries], np.int64)
        self.entry_end = np.array([end for *_, end in entries], np.int64)

    def near(self, x_m: float, y_m: float, north: bool, weight: Floats) -> tuple[Floats, int, int]:
        """The wish to go to each junction in a window around a place; window's first row and column."""
        middle_y = self.y_m[:, self.columns // 2]
        middle_x = self.x_m[self.rows // 2]
        r0, r1 = np.searchsorted(middle_y, (y_m - WINDOW_M, y_m + WINDOW_M)).tolist()
        c0, c1 = np.searchsorted(middle_x, (x_m - WINDOW_M, x_m + WINDOW_M)).tolist()
        r0, c0 = min(r0, self.rows - 1), min(c0, self.columns - 1)
        window = np.s_[r0 : max(r1, r0 + 1), c0 : max(c1, c0 + 1)]
        away_m = np.hypot(self.x_m[window] - x_m, self.y_m[window] - y_m)
        wish = weight[window] * np.exp(-away_m / DECAY_M) * (1.0 - np.exp(-((away_m / TOO_SHORT_M) ** 2)))
        return wish * np.where(self.north[window] == north, 1.0, self.over_river), r0, c0


def draw_routes(
    city: GeneratedCity,
    roads: Roads,
    veh_per_h_per_junction: float,
    trees: int,
    ways_per_tree: int,
    rng: np.random.Generator,
) -> RouteStock:
    """About `trees` times `ways_per_tree` routes, of which half lead from home and half back.

    They are spread as drivers spread when so many vehicles pass an average signal in an hour.
    """
    graph, ends = StreetGraph(roads), TripEnds(city, roads)
    grower = _Grower(graph, roads.n_edges)
    signalled = roads.node_junction[roads.edge_to] >= 0
    passing_veh_per_h = veh_per_h_per_junction * city.plan.junctions
    count, turns = np.zeros(roads.n_edges), np.zeros(len(graph.next_s))
    routes: list[Ints] = []
    purposes: list[int] = []
    homes: list[int] = []
    entering = float(ends.entry_weight.sum()) * SIGNALS_GUESS / (ENTRY_AT_VEH_PER_H * city.plan.junctions)
    share_outside = min(ENTRY_SHARE_MAX, entering)
    for batch in range(BATCHES):
        first, last = trees * batch // BATCHES, trees * (batch + 1) // BATCHES
        load_veh_per_h = count * (passing_veh_per_h / max(count[signalled].sum(), 1.0))
        loaded = load_veh_per_h / graph.capacity_veh_per_h
        edge_s = graph.edge_s + SIGNAL_S * np.minimum(BPR_A * loaded**BPR_B, LOADED_MAX)
        edge_s *= np.minimum(1.0 + BPR_A * loaded**BPR_B, LOADED_MAX)
        turning = turns * (passing_veh_per_h / max(count[signalled].sum(), 1.0))
        turning /= graph.way_capacity_veh_per_h
        next_s = graph.next_s + TURN_WAIT_S * np.minimum(BPR_A * turning**BPR_B, LOADED_MAX)
        for tree in range(first, last):
            purpose = tree % 2
            origin, home, targets, theirs = _draw_ends(ends, purpose, ways_per_tree, share_outside, rng)
            salt = int(rng.integers(1, 2**62))
            for way, at_home in zip(grower.ways(origin, targets, edge_s, next_s, salt), theirs, strict=True):
                if len(way) < 2:
                    continue
                routes.append(way)
                purposes.append(purpose)
                homes.append(home if purpose == OUT else at_home)
                count[way] += 1.0
                turns[graph.ways_of(way)] += 1.0
    start = np.concatenate([[0], np.cumsum([len(way) for way in routes])]).astype(np.int64)
    edge = np.concatenate(routes) if routes else np.zeros(0, np.int64)
    length_m = np.add.reduceat(graph.length_m[edge], start[:-1]) if routes else np.zeros(0)
    return RouteStock(
        start,
        edge,
        np.array(purposes, np.int64),
        np.array(homes, np.int64),
        length_m,
        float(count[signalled].sum()) / max(len(routes), 1),
    )


def _draw_ends(
    ends: TripEnds, purpose: int, count: int, share_outside: float, rng: np.random.Generator
) -> tuple[int, int, Ints, list[int]]:
    """Edge where some begin, their district, edges where they end, districts there (-1 outside)."""
    begin, end = (ends.homes, ends.work) if purpose == OUT else (ends.work, ends.homes)
    from_outside = rng.random() < share_outside
    if from_outside:
        entry = _draw(ends.entry_weight, rng)
        origin, home = int(ends.entry_start[entry]), -1
        x_m, y_m = float(ends.entry_x_m[entry]), float(ends.entry_y_m[entry])
        north = bool(ends.north[np.abs(ends.y_m[:, 0] - y_m).argmin(), 0])
    else:
        row, column = divmod(_draw(begin.ravel(), rng), ends.columns)
        choices = ends.start_edges[row, column]
        origin, home = choices[int(rng.integers(len(choices)))], int(ends.district[row, column])
        x_m, y_m = float(ends.x_m[row, column]), float(ends.y_m[row, column])
        north = bool(ends.north[row, column])
    leaving = rng.random(count) < (THROUGH_SHARE if from_outside else share_outside)
    away_m = np.hypot(ends.entry_x_m - x_m, ends.entry_y_m - y_m)
    exits = np.cumsum(ends.entry_weight * np.exp(-away_m / (3.0 * DECAY_M)) * (away_m > TOO_SHORT_M))
    wish, r0, c0 = ends.near(x_m, y_m, north, end)
    summed = np.cumsum(wish)
    targets, districts = [], []
    for out in leaving.tolist():
        luck = rng.random()
        if out and exits[-1] > 0.0:
            targets.append(int(ends.entry_end[np.searchsorted(exits, luck * exits[-1])]))
            districts.append(-1)
            continue
        if summed[-1] <= 0.0:
            continue
        row, column = divmod(int(np.searchsorted(summed, luck * summed[-1])), wish.shape[1])
        choices = ends.end_edges[row + r0, column + c0]
        target = choices[int(rng.integers(len(choices)))]
        if target != origin:
            targets.append(target)
            districts.append(int(ends.district[row + r0, column + c0]))
    return origin, home, np.array(targets, np.int64), districts


def _draw(weight: Floats, rng: np.random.Generator) -> int:
    summed = np.cumsum(weight)
    return min(int(np.searchsorted(summed, rng.random() * summed[-1])), len(summed) - 1)


def trees_for(passing: float, junctions: int) -> tuple[int, int]:
    """How many origins and ways each a city's stock needs, by how often a signal is passed.

    No more than there are trips, and bounded.
    """
    ways = 12
    wanted = math.ceil(passing / SIGNALS_GUESS / ways)
    return max(2 * BATCHES, min(wanted, 2 * junctions + 400)), ways
