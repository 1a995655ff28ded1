"""Walks in a generated city: along its streets, corner by corner, over its crossings.

A stock of ways is drawn once; people take one each. Children walk with a guardian and walk
to school at its hours, older people are slower and some of them walk to the clinic.
"""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np

from sim.city.demand.demand_drives import HOUR_MS, Profile, at_hour, departures
from sim.city.generator.generate import GeneratedCity
from sim.city.generator.generate_geometry import Node
from sim.city.roads import Floats, Ints, Roads
from sim.city.scenario import DemandPlan
from sim.city.trips import Walks

VOLUME: Profile = (
    *((0, 0.05), (6, 0.15), (7, 0.9), (8, 1.0), (9, 0.8)),
    *((12, 1.0), (18, 1.0), (22, 0.2), (24, 0.05)),
)
SCHOOL_HOURS: Profile = (
    *((0, 0.0), (7, 0.0), (7.25, 0.8), (8.25, 0.8), (8.5, 0.0)),
    *((14, 0.0), (14.5, 0.8), (15.5, 0.8), (16, 0.0), (24, 0.0)),
)
"""Part of the children on foot who are on their way to school or back from it."""
SCHOOL_ENDS_H = 12.0
"""Before noon they walk to school, later home."""
CLINIC_SHARE = 0.15
"""Part of the older people who walk to the clinic."""
PLACE_BLOCKS = 5
WAYS_PER_JUNCTION = 8
STRAIGHT_ON = 0.7
GO_ON = 0.6
"""After each block so many go on; the others have arrived."""
BLOCKS_MAX = 6
CHILDREN = 2
"""Children who walk with each guardian."""
SPEED_M_PER_S = {"adult": (1.35, 0.15), "group": (1.0, 0.08), "older": (0.9, 0.12)}
"""Mean and deviation; Montufar et al. 2007 found 1.36 m/s for younger, 1.14 for older people on
crossings; 0.9 leaves room for sticks and walkers."""
SLOWEST_M_PER_S = 0.5
ADULT, GROUP, OLDER = 0, 1, 2
KINDS = ("adult", "group", "older")
CARLESS_WALK_MORE = 1.0
"""How much more those without a car walk than those with."""


@dataclass(frozen=True, slots=True, eq=False)
class WalkStock:
    """W ways on foot as legs, beginning in a district, for a purpose: ``, `school` or `clinic`."""

    leg_start: Ints  # (W+1)
    leg_before_m: Floats
    leg_crossing: Ints
    leg_forward: np.ndarray
    of: dict[tuple[str, int], Ints]
    """Ways by purpose and home district."""


@dataclass(slots=True)
class _Leg:
    before_m: float
    crossing: int
    forward: bool


def draw_walks(
    city: GeneratedCity,
    roads: Roads,
    plan: DemandPlan,
    begin_ms: int,
    end_ms: int,
    rng: np.random.Generator,
) -> Walks:
    """Everybody who walks between `begin_ms` and `end_ms`, in the order of departure."""
    people = [next(d for d in city.districts if d.name == name) for name in roads.districts]
    junctions = np.bincount(roads.junction_district, minlength=len(people)).astype(np.float64)
    weight = [
        n * (d.homes + d.work) * (1.0 + CARLESS_WALK_MORE * (1.0 - d.car_share))
        for n, d in zip(junctions.tolist(), people, strict=True)
    ]
    children = np.array([d.children_share for d in people])
    older = np.array([d.older_share for d in people])
    per_h = plan.walks_per_h_per_junction * city.plan.junctions
    # Groups of three leave together, so fewer parties leave than people.
    party = 1.0 + CHILDREN * float(np.average(_group_share(children), weights=weight))
    depart_ms = departures(per_h / party, VOLUME, begin_ms, end_ms, rng)
    n = len(depart_ms)
    home = np.searchsorted(np.cumsum(weight) / np.sum(weight), rng.random(n)).clip(0, len(people) - 1)
    luck = rng.random(n)
    with_children = luck < _group_share(children)[home]
    kind = np.where(with_children, GROUP, np.where(rng.random(n) < older[home], OLDER, ADULT))
    stock = draw_ways(city, roads, rng)
    way, back = _choose_ways(stock, kind, home, depart_ms, rng)
    size = np.where(kind == GROUP, 1 + CHILDREN, 1)
    walker = np.repeat(np.arange(n), size)
    return _walks(stock, plan, kind, home, depart_ms, way, back, walker, rng)


def _group_share(children_share: Floats) -> Floats:
    """Part of the parties that are a guardian with children, from the children's part of the people."""
    whole = children_share / CHILDREN
    return np.asarray(whole / (whole + 1.0 - children_share - whole).clip(0.1))


def _choose_ways(
    stock: WalkStock, kind: Ints, home: Ints, depart_ms: Ints, rng: np.random.Generator
) -> tuple[Ints, np.ndarray]:
    """A way for each party, and whether it is walked backwards."""
    n = len(kind)
    luck = rng.random(n)
    school = (kind == GROUP) & (luck < at_hour(SCHOOL_HOURS, depart_ms))
    clinic = (kind == OLDER) & (luck < CLINIC_SHARE)
    afternoon = depart_ms / HOUR_MS % 24.0 > SCHOOL_ENDS_H
    way = np.zeros(n, np.int64)
    for district in np.unique(home).tolist():
        ordinary = stock.of.get(("", district), np.zeros(1, np.int64))
        for purpose, wanted in (("school", school), ("clinic", clinic), ("", ~school & ~clinic)):
            rows = np.flatnonzero(wanted & (home == district))
            own = stock.of.get((purpose, district), ordinary)
            way[rows] = own[rng.integers(len(own), size=len(rows))]
    return way, school & afternoon


def _walks(
    stock: WalkStock,
    plan: DemandPlan,
    kind: Ints,
    home: Ints,
    depart_ms: Ints,
    way: Ints,
    back: np.ndarray,
    walker: Ints,
    rng: np.random.Generator,
) -> Walks:
    """Parties as people: a group's members leave together and keep together."""
    speed = np.zeros(len(kind))
    for k, name in enumerate(KINDS):
        mean, deviation = SPEED_M_PER_S[name]
        own = np.flatnonzero(kind == k)
        speed[own] = (mean + deviation * rng.standard_normal(len(own))).clip(SLOWEST_M_PER_S)
    presses = rng.random(len(kind)) < plan.press_share
    impatient = (rng.random(len(kind)) < plan.impatient_share) & (kind == ADULT)
    patience_ms = np.where(impatient, round(plan.patience_s * 1000), -1)
    count = np.diff(stock.leg_start)[way]
    legs = count[walker]
    leg_start = np.concatenate([[0], np.cumsum(legs)]).astype(np.int64)
    step = np.arange(leg_start[-1]) - np.repeat(leg_start[:-1], legs)
    first = np.repeat(stock.leg_start[way[walker]], legs)
    turned = np.repeat(back[walker], legs)
    last = np.repeat(legs, legs) - 1
    # Backwards, the crossings come in reverse; the pavement before each is the one that followed it.
    pavement = first + np.where(turned, last - step, step)
    crossing = first + np.where(turned, last - 1 - step, step)
    crossing = np.where(turned & (step == last), first + last, crossing)
    names = np.array(KINDS)[kind[walker]].tolist()
    return Walks(
        ids=tuple(f"{name}.{k}" for k, name in enumerate(names)),
        depart_ms=depart_ms[walker],
        speed_m_per_s=np.round(speed[walker], 3),
        presses=presses[walker],
        patience_ms=patience_ms[walker].astype(np.int64),
        home_district=home[walker].astype(np.int64),
        leg_start=leg_start,
        leg_before_m=stock.leg_before_m[pavement],
        leg_crossing=stock.leg_crossing[crossing],
        leg_forward=stock.leg_forward[crossing] ^ turned,
    )


# --- ways ----------------------------------------------------------------------------------------


def draw_ways(city: GeneratedCity, roads: Roads, rng: np.random.Generator) -> WalkStock:
    """Ways from every district's junctions to somewhere near, to its schools and to its clinics."""
    crossing_index = {name: k for k, name in enumerate(roads.crossings)}
    district_index = {name: k for k, name in enumerate(roads.districts)}
    ways: list[list[_Leg]] = []
    of: dict[tuple[str, int], list[int]] = {}

    def add(purpose: str, nodes: list[str]) -> None:
        legs = _legs(city, nodes, crossing_index, rng)
        if len(legs) > 1:
            of.setdefault((purpose, district_index[city.node_district[nodes[0]]]), []).append(len(ways))
            ways.append(legs)

    inner = [name for name, node in city.nodes.items() if node.kind != "entry"]
    for name in inner:
        for _ in range(WAYS_PER_JUNCTION):
            add("", _stroll(city, name, rng))
    graph = city.layout.graph.subgraph(inner)
    for place in city.places:
        paths = nx.single_source_shortest_path(graph, place.node, cutoff=PLACE_BLOCKS)
        for name, path in paths.items():
            if name != place.node:
                add(place.kind, path[::-1])
    legs = [leg for way in ways for leg in way]
    return WalkStock(
        leg_start=np.concatenate([[0], np.cumsum([len(way) for way in ways])]).astype(np.int64),
        leg_before_m=np.array([leg.before_m for leg in legs], np.float64),
        leg_crossing=np.array([leg.crossing for leg in legs], np.int64),
        leg_forward=np.array([leg.forward for leg in legs], np.bool_),
        of={key: np.array(rows, np.int64) for key, rows in of.items()},
    )


def _stroll(city: GeneratedCity, start: str, rng: np.random.Generator) -> list[str]:
    """Junctions passed by somebody who mostly goes straight on."""
    nodes = [start]
    arm = int(rng.integers(len(city.nodes[start].arms)))
    while len(nodes) <= BLOCKS_MAX:
        to = city.nodes[nodes[-1]].arms[arm].to
        if city.nodes[to].kind == "entry" or to in nodes:
            break
        nodes.append(to)
        if len(nodes) > 2 and rng.random() > GO_ON:
            break
        came = _arm_to(city.nodes[to], nodes[-2])
        turns = city.nodes[to].arms[came].turns
        straight = turns.get("s")
        if straight is not None and rng.random() < STRAIGHT_ON:
            arm = straight
        else:
            choices = list(turns.values())
            arm = choices[int(rng.integers(len(choices)))]
    return nodes


def _arm_to(node: Node, other: str) -> int:
    return next(k for k, arm in enumerate(node.arms) if arm.to == other)


def _legs(
    city: GeneratedCity, nodes: list[str], crossing_index: dict[str, int], rng: np.random.Generator
) -> list[_Leg]:
    """Pavement and crossings of a way along these junctions; it begins and ends half a block away.

    A corner lies between an arm and the next one counter-clockwise and has the arm's number.
    The street walked along is kept to on its side; a junction is walked around the shorter way.
    """
    legs: list[_Leg] = []
    since_m = 0.0
    corner = -1
    for k, name in enumerate(nodes):
        node = city.nodes[name]
        n = len(node.arms)
        if k == 0:
            # From half a block along a random arm, on a random side of it.
            came = int(rng.integers(n))
            corner = (came - int(rng.integers(2))) % n
            since_m = _block_m(city, name, came) / 2
        if k + 1 < len(nodes):
            leaves = _arm_to(node, nodes[k + 1])
            goals = [leaves, (leaves - 1) % n]
        else:
            goals = [int(rng.integers(n))]
        corner, crossed = _around(corner, goals, n)
        for arm, forward in crossed:
            if node.kind == "signal":
                legs.append(_Leg(round(since_m, 1), crossing_index[f":{name}_c{arm}"], forward))
                since_m = CORNER_M
            else:
                since_m += 2 * node.arms[arm].kind.kerb_m
        if k + 1 < len(nodes):
            since_m += _block_m(city, name, leaves)
            # Left of the street seen from here is right of it seen from there.
            far = _arm_to(city.nodes[nodes[k + 1]], name)
            n_far = len(city.nodes[nodes[k + 1]].arms)
            corner = (far - 1) % n_far if corner == leaves else far
        else:
            since_m += _block_m(city, name, int(rng.integers(n))) / 2
    legs.append(_Leg(round(since_m, 1), -1, True))
    return legs


CORNER_M = 6.0
"""From one crossing to the next at the same corner."""


def _block_m(city: GeneratedCity, name: str, k: int) -> float:
    """Pavement along one arm, from this junction's corner to the next one's."""
    lane = city.net.lanes[f"{city.nodes[name].arms[k].out_edge}_0"]
    pocket = city.net.lanes.get(f"{city.nodes[name].arms[k].out_edge}.pocket_0")
    return lane.length_m + (pocket.length_m if pocket else 0.0)


def _around(corner: int, goals: list[int], n: int) -> tuple[int, list[tuple[int, bool]]]:
    """Corner reached and arms crossed on the shortest way round to any goal.

    Crossing arm k leads from corner k - 1 forward to corner k.
    """
    best: list[tuple[int, bool]] | None = None
    reached = corner
    for goal in goals:
        ahead, behind = (goal - corner) % n, (corner - goal) % n
        if ahead <= behind:
            way = [((corner + s) % n, True) for s in range(1, ahead + 1)]
        else:
            way = [((corner - s) % n, False) for s in range(behind)]
        if best is None or len(way) < len(best):
            best, reached = way, goal
    return reached, best or []
