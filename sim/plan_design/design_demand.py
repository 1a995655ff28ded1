"""Who comes to each stop line, by which movement, and from which stop line before: from trips or from shares.

Demand is what departs in a period, as a flow. A street's turning vehicles spread over the lanes that
let them turn so that no lane is busier than it must be.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from controller.network import Floats, Network
from controller.policy import Policy
from sim.city.roads import Roads
from sim.city.trips import Drives, Mode, Walks

PARCELS = 50
"""A flow is spread over its lanes in so many parts."""
FREE_SPEED = 0.95
"""Of the limit, between two stop lines."""
NODE_M = 15.0
"""Way over a node that edges do not count."""
Turn = tuple[str, str]
"""Edge before the stop line and edge behind the node."""


@dataclass(slots=True)
class Demand:
    """Flows of one period. L lanes, M movements, G groups of the network."""

    movement_veh_per_s: Floats  # (M)
    movement_persons_per_s: Floats  # (M)
    walkers_per_s: Floats  # (G)
    hours: float
    feeds: dict[tuple[int, int], tuple[float, float]] = field(default_factory=dict)
    """(lane, next lane): veh/s that go from one stop line to the other, and s of free travel."""


class Turns:
    """The signalled turns of a network by the names of their edges."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.movements: dict[Turn, list[int]] = defaultdict(list)
        self.lane_of = np.repeat(np.arange(network.n_lanes), np.diff(network.movement_start))
        lanes = [lane for junction in network.street.junctions for lane in junction.lanes]
        m = 0
        for lane in lanes:
            for movement in lane.movements:
                self.movements[edge_of(lane.name), edge_of(movement.exit_lane)].append(m)
                m += 1

    def spread(self, flows: Mapping[Turn, float]) -> Floats:
        """(M) the flow of each turn on the movements that make it, lanes loaded evenly."""
        return self.spread_over({turn: (self.movements[turn], flow) for turn, flow in flows.items()})

    def spread_over(self, flows: Mapping[tuple[str, ...], tuple[list[int], float]]) -> Floats:
        """(M) flows on the movements that can take each; those with the least choice first."""
        network = self.network
        load = np.zeros(network.n_lanes)
        share = np.zeros(len(self.lane_of))
        for _, (ways, flow) in sorted(flows.items(), key=lambda item: (len(item[1][0]), item[0])):
            parcel = flow / PARCELS
            for _ in range(PARCELS if flow > 0 else 0):
                best = min(
                    ways,
                    key=lambda m: load[self.lane_of[m]] / network.lane_saturation_veh_per_s[self.lane_of[m]],
                )
                share[best] += parcel
                load[self.lane_of[best]] += parcel
        return share


def edge_of(lane: str) -> str:
    """Edge of a street lane: SUMO numbers an edge's lanes from 0."""
    return lane.rpartition("_")[0]


def demand_of_trips(
    network: Network, roads: Roads, drives: Drives, walks: Walks, begin_s: int, end_s: int, policy: Policy
) -> Demand:
    """Demand of everybody who departs in `[begin_s, end_s)`."""
    turns, seconds = Turns(network), end_s - begin_s
    inside = (drives.depart_ms >= 1000 * begin_s) & (drives.depart_ms < 1000 * end_s)
    veh: Counter[Turn] = Counter()
    persons: dict[Turn, float] = defaultdict(float)
    after: Counter[tuple[Turn, Turn]] = Counter()
    travel_s: dict[tuple[Turn, Turn], float] = {}
    edge_s = _edge_seconds(roads)
    for v in np.flatnonzero(inside).tolist():
        r = int(drives.route[v])
        edges = drives.route_edge[drives.route_start[r] : drives.route_start[r + 1]].tolist()
        aboard = policy.persons_per_bus if drives.mode[v] == Mode.BUS else policy.persons_per_car
        last: Turn | None = None
        since_s = 0.0
        for a, b in pairwise(edges):
            since_s += edge_s[a]
            turn = roads.edges[a], roads.edges[b]
            if turn not in turns.movements:
                continue
            veh[turn] += 1
            persons[turn] += aboard
            if last is not None:
                after[last, turn] += 1
                travel_s[last, turn] = since_s
            last, since_s = turn, 0.0
    flows = {turn: count / seconds for turn, count in veh.items()}
    share = turns.spread(flows)
    found = Demand(
        share, np.zeros(len(share)), _walkers(network, roads, walks, begin_s, end_s), seconds / 3600.0
    )
    for turn, count in veh.items():
        for m in turns.movements[turn]:
            found.movement_persons_per_s[m] = share[m] * persons[turn] / count
    for (first, then), count in after.items():
        _feed(found, turns, share, first, then, count / seconds, travel_s[first, then], flows)
    return found


def _feed(
    found: Demand, turns: Turns, share: Floats, first: Turn, then: Turn, flow: float, travel_s: float,
    flows: Mapping[Turn, float],
) -> None:  # fmt: skip
    """Spread one flow from turn to turn over the lanes of both, as each turn is spread."""
    for m in turns.movements[first]:
        for k in turns.movements[then]:
            part = flow * share[m] / flows[first] * share[k] / flows[then]
            if part > 0:
                pair = int(turns.lane_of[m]), int(turns.lane_of[k])
                before = found.feeds.get(pair, (0.0, travel_s))
                found.feeds[pair] = before[0] + part, travel_s


def _edge_seconds(roads: Roads) -> list[float]:
    """(E) s to drive each edge and over the node at its end on an empty street."""
    first = roads.edge_lane_start[:-1]
    seconds = (roads.lane_length_m[first] + NODE_M) / (
        FREE_SPEED * np.maximum(roads.lane_speed_m_per_s[first], 1.0)
    )
    return [float(s) for s in seconds]


def _walkers(network: Network, roads: Roads, walks: Walks, begin_s: int, end_s: int) -> Floats:
    """(G) people a second at each signalled crossing."""
    people = np.zeros(network.n_groups)
    inside = (walks.depart_ms >= 1000 * begin_s) & (walks.depart_ms < 1000 * end_s)
    for p in np.flatnonzero(inside).tolist():
        for crossing in walks.leg_crossing[walks.leg_start[p] : walks.leg_start[p + 1]].tolist():
            if crossing >= 0 and roads.crossing_group[crossing] >= 0:
                people[roads.crossing_group[crossing]] += 1
    return people / (end_s - begin_s)


def demand_of_movements(
    network: Network, veh_per_s: Floats, persons_per_s: Floats, walkers_per_s: Floats, hours: float
) -> Demand:
    """Demand of counted movements (M): who goes on to which stop line is taken from the street's links."""
    found = Demand(veh_per_s, persons_per_s, walkers_per_s, hours)
    turns = Turns(network)
    for m in np.flatnonzero(veh_per_s > 0).tolist():
        exit_ = int(network.movement_exit[m])
        for x in range(int(network.exit_start[exit_]), int(network.exit_start[exit_ + 1])):
            lane, to = int(turns.lane_of[m]), int(network.exit_lane[x])
            speed = FREE_SPEED * float(network.lane_speed_m_per_s[to])
            flow, _ = found.feeds.get((lane, to), (0.0, 0.0))
            more = float(veh_per_s[m] * network.exit_share[x])
            found.feeds[lane, to] = flow + more, float(network.exit_length_m[x]) / max(speed, 1.0)
    return found
