"""A city from a seed: everywhere can be reached, every signal is lawful, every district is itself."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import networkx as nx
import numpy as np
import pytest

from controller.conflicts import UnsafeJunction, conflict_bits, prove, prove_network
from controller.junction import Junction, StreetNetwork
from controller.network import build_network
from controller.vocabulary import GroupKind
from sim.city.generator.generate import GeneratedCity, generate, roads_of_city, street_of_city
from sim.city.generator.generate_kernels import find_touching
from sim.city.roads import Roads
from sim.city.scenario import CityPlan
from sim.scenarios import ScenarioError


@cache
def built(junctions: int, seed: int = 1) -> tuple[GeneratedCity, StreetNetwork, Roads]:
    city = generate(CityPlan(junctions=junctions, seed=seed))
    street = street_of_city(city)
    return city, street, roads_of_city(city, build_network(street))


def lane_graph(roads: Roads) -> nx.DiGraph:
    """Edges of the city as nodes, joined where a connection leads from one to the other."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(roads.n_edges))
    before, after = roads.lane_edge[roads.connection_from], roads.lane_edge[roads.connection_to]
    graph.add_edges_from(zip(before.tolist(), after.tolist(), strict=True))
    return graph


@pytest.mark.parametrize("junctions", [12, 13, 47, 200])
def test_a_city_has_exactly_the_signals_asked_for(junctions: int) -> None:
    city, street, roads = built(junctions)
    assert len(street.junctions) == junctions
    assert len({j.title for j in street.junctions}) == junctions
    assert all(" / " in j.title for j in street.junctions)
    assert set(roads.districts) == {d.name for d in city.districts}
    prove_network(street)


@pytest.mark.parametrize("junctions", [12, 200])
def test_from_every_junction_one_can_drive_to_every_other(junctions: int) -> None:
    city, _, roads = built(junctions)
    entries = {n for n, node in city.nodes.items() if node.kind == "entry"}
    ends = [set(name.removesuffix(".pocket").split("-")) for name in roads.edges]
    inside = [e for e in range(roads.n_edges) if not ends[e] & entries]
    whole = lane_graph(roads)
    assert nx.is_strongly_connected(whole.subgraph(inside))
    leaving = [e for e in range(roads.n_edges) if roads.nodes[roads.edge_to[e]] in entries]
    coming = [e for e in range(roads.n_edges) if roads.nodes[roads.edge_from[e]] in entries]
    assert len(leaving) == len(coming) >= 8
    assert all(whole.in_degree(e) > 0 for e in leaving)
    assert all(whole.out_degree(e) > 0 for e in coming)


def test_the_river_is_crossed_on_its_bridges_only() -> None:
    city, _, roads = built(200)
    north = {
        n
        for n, data in city.layout.graph.nodes.items()
        if data["kind"] != "entry" and int(n.partition("r")[2]) >= city.layout.river_row
    }
    over = set()
    for edge in city.layout.graph.edges:
        a, b = edge
        if (a in north) != (b in north) and "entry" not in {city.nodes[a].kind, city.nodes[b].kind}:
            over.add(frozenset(edge))
    assert over == {frozenset(bridge) for bridge in city.layout.bridges}
    assert 2 <= len(over) < city.layout.columns / 4
    dry = generate(CityPlan(junctions=200, river=False))
    assert dry.layout.bridges == ()
    assert dry.layout.graph.number_of_edges() > city.layout.graph.number_of_edges()
    assert roads.n_edges > 0


def test_every_arm_of_every_signal_has_a_crossing_with_walk_and_clearance() -> None:
    city, street, roads = built(200)
    for junction in street.junctions:
        crossings = [g for g in junction.groups if g.kind == GroupKind.PEDESTRIAN]
        assert len(crossings) == len(city.nodes[junction.name].arms) in (3, 4)
        for group in crossings:
            assert group.min_green_ms >= 7000
            assert group.clearance_ms >= 1000 * group.crossing_length_m / 1.07
            assert group.crossing_length_m == pytest.approx(6.4, abs=0.1) or (
                group.crossing_length_m == pytest.approx(16.0, abs=0.1)
            )
    assert len(roads.crossings) == sum(len(n.arms) for n in city.nodes.values() if n.kind == "signal")
    assert (roads.crossing_group >= 0).all()


def test_programs_have_two_to_four_stages_and_need_no_repair() -> None:
    _, street, _ = built(200)
    given = [sum(s.source == "given" for s in j.stages) for j in street.junctions]
    assert set(given) >= {2, 3, 4}
    assert set(given) <= {2, 3, 4}
    assert not [a for a in street.assumptions if "too little time" in a or "longer than promised" in a]
    assert {j.plans[0].cycle_ms for j in street.junctions} == {60_000, 96_000}


def test_paths_that_cross_conflict_and_parallel_ones_do_not() -> None:
    """The four-stage crossing of two arterials, where every kind of pair is there."""
    _, street, _ = built(200)
    junction = next(j for j in street.junctions if len(j.groups) == 12)
    names = [g.name for g in junction.groups]
    bits = dict(zip(names, conflict_bits(junction), strict=True))

    def clash(a: str, b: str) -> bool:
        return bool(bits[a] >> names.index(b) & 1)

    assert clash("north.through", "east.through")
    assert clash("north.left", "south.through")
    assert clash("north.left", "east.left")
    assert not clash("north.through", "south.through")
    assert not clash("north.left", "south.left")
    crossings = [n for n in names if n.startswith("crossing")]
    assert all(sum(clash(n, c) for c in crossings) == 2 for n in ("north.left", "east.left"))
    assert not any(clash(a, b) for a, b in itertools.combinations(crossings, 2))


def test_turning_drivers_give_way_to_oncoming_traffic_and_to_people() -> None:
    city, street, _ = built(200)
    graph = city.layout.graph
    quiet = next(
        j
        for j in street.junctions
        if graph.degree[j.name] == 4 and all(k.rank == 1 for *_, k in graph.edges(j.name, data="kind"))
    )
    gives = {(y.group, y.to) for y in quiet.yields}
    assert ("north.all", "south.all") in gives
    assert all(
        any((f"{arm}.all", f"crossing.{k}") in gives for k in range(1, 5))
        for arm in ("north", "east", "south", "west")
    )


def test_a_pocket_opens_only_where_an_arterial_leads_to_a_left_turn() -> None:
    city, _, roads = built(200)
    pockets = {e.removesuffix(".pocket") for e in roads.edges if e.endswith(".pocket")}
    assert pockets
    for a, b in city.layout.graph.edges:
        for begin, end in ((a, b), (b, a)):
            arm = next(arm for arm in city.nodes[end].arms if arm.to == begin)
            wanted = arm.kind.name == "arterial" and "l" in arm.turns and "s" in arm.turns
            assert (f"{begin}-{end}" in pockets) == wanted
    for e, name in enumerate(roads.edges):
        lanes = roads.edge_lane_start[e + 1] - roads.edge_lane_start[e]
        assert lanes == (3 if name.endswith(".pocket") else 2 if name in pockets else lanes)
        assert roads.lane_length_m[roads.edge_lane_start[e]] > 8.0


def test_nobody_is_closer_to_the_junction_than_the_crossing() -> None:
    """Stop lines lie behind the crossings, and crossings outside the lanes that pass by."""
    city, _, _ = built(47)
    net = city.net
    for node in city.nodes.values():
        for k, arm in enumerate(node.arms if node.kind == "signal" else []):
            (ax, ay), (bx, by) = net.lanes[f":{node.id}_c{k}_0"].shape
            middle = math.hypot((ax + bx) / 2 - node.x_m, (ay + by) / 2 - node.y_m)
            stop = net.lanes[net.edges[arm.in_edge].lanes[1]].shape[-1]
            away = (stop[0] - node.x_m) * arm.ux + (stop[1] - node.y_m) * arm.uy
            assert middle + 2.0 < away
            for other in node.arms:
                if other is not arm and abs(other.ux * arm.ux + other.uy * arm.uy) < 0.7:
                    assert middle - 2.0 > other.kind.kerb_m


def test_the_same_seed_gives_the_same_city_and_another_seed_another() -> None:
    plan = CityPlan(junctions=47, seed=3)
    one, two = generate(plan), generate(plan)
    assert one.net == two.net
    assert one.places == two.places
    assert street_of_city(one) == street_of_city(two)
    other = generate(replace(plan, seed=4))
    assert other.net.lanes != one.net.lanes
    assert other.titles != one.titles


def test_the_edge_district_has_few_sensors_and_the_centre_has_all() -> None:
    city, street, roads = built(200)

    def fitted(district: str) -> float:
        """Lanes and crossings with a detector, as a part of all."""
        here = [j for j in street.junctions if city.node_district[j.name] == district]
        have = sum(len({d.lane or d.group for d in j.detectors}) for j in here)
        return have / sum(_owners(j) for j in here)

    assert fitted("centre") == 1.0
    assert 0.15 < fitted("edge") < 0.35
    poor = next(d for d in city.districts if d.name == "edge")
    assert poor.income == min(d.income for d in city.districts)
    assert poor.reporting_rate == min(d.reporting_rate for d in city.districts)
    share = sum(roads.districts[k] == "edge" for k in roads.junction_district) / len(street.junctions)
    assert share == pytest.approx(0.2, abs=0.05)


def _owners(junction: Junction) -> int:
    return len(junction.lanes) + sum(g.kind == GroupKind.PEDESTRIAN for g in junction.groups)


def test_schools_and_clinics_stand_where_the_plan_wants_them() -> None:
    city, _, _ = built(200)
    assert {p.kind for p in city.places} == {"school", "clinic"}
    assert all(city.nodes[p.node].kind == "signal" for p in city.places)
    assert all(city.node_district[p.node] == p.district for p in city.places)
    without = generate(CityPlan(junctions=47, school=False))
    assert {p.kind for p in without.places} == {"clinic"}


@pytest.mark.parametrize(
    "change",
    [
        {"block_m": 80.0},
        {"block_m": 400.0},
        {"arterial_every": 2},
        {"arterial_every": 20},
        {"edge_share": 0.5},
        {"edge_share": 0.0, "river": False},
        {"junctions": 14, "seed": 9, "arterial_every": 2},
    ],
)
def test_whatever_a_scenario_may_ask_for_is_lawful(change: dict[str, int]) -> None:
    city = generate(replace(CityPlan(junctions=30, seed=5), **change))
    street = street_of_city(city)
    roads = roads_of_city(city, build_network(street))
    assert nx.is_weakly_connected(lane_graph(roads))
    assert (roads.lane_length_m > 8.0).all()


def test_a_broken_program_in_a_generated_city_is_refused() -> None:
    """The proof is not a formality: a stage with two conflicting streams does not pass it."""
    _, street, _ = built(12)
    junction = street.junctions[0]
    a = junction.intergreens[0]
    wrong = replace(junction.stages[0], groups=(a.ending, a.starting))
    with pytest.raises(UnsafeJunction, match="conflict"):
        prove(replace(junction, stages=(wrong, *junction.stages[1:])))


@pytest.mark.parametrize("junctions", [11, 10_001])
def test_a_city_too_small_or_too_large_is_refused(junctions: int) -> None:
    with pytest.raises(ScenarioError, match="12 to 10000"):
        generate(CityPlan(junctions=junctions))


@pytest.mark.long
def test_a_large_city_takes_time_in_proportion() -> None:
    def seconds(work: Callable[[], object]) -> float:
        """Of this process: what else the machine does is none of its business."""
        began = time.process_time()
        work()
        return time.process_time() - began

    small = seconds(lambda: built(125))
    large = seconds(lambda: built(1000))
    assert large < 2.5 * 8 * small
    city, street, roads = built(1000)
    assert len(street.junctions) == 1000
    assert roads.n_edges > 4000
    assert len(city.layout.bridges) >= 4


def test_touching_paths_are_those_a_plain_search_finds() -> None:
    rng = np.random.default_rng(2)
    for _ in range(30):
        points = rng.uniform(0.0, 12.0, (6, 5, 2))
        arm = rng.integers(0, 3, 6)
        touch = np.ones((6, 6), np.bool_)
        find_touching(points, arm, 2.2, touch)
        for a, b in itertools.product(range(6), repeat=2):
            near = min(math.dist(p, q) for p in points[a].tolist() for q in points[b].tolist()) < 2.2
            assert touch[a, b] == (near and arm[a] != arm[b])


def test_drivers_who_wait_inside_a_junction_leave_room_for_those_they_wait_for() -> None:
    """A left turn waits on its own half: never within a car's half widths of an oncoming path."""
    city, _, roads = built(47)
    waiting = np.flatnonzero(roads.connection_wait_m > 0.0)
    assert len(waiting) > 50
    assert (roads.connection_direction[waiting] == 2).all()
    assert (roads.connection_wait_m[waiting] < roads.connection_length_m[waiting] - 2.9).all()
    for c in waiting.tolist():
        place = np.array(city.net.lanes[roads.connection_via[c][0]].shape[-1])
        own = roads.lane_edge[roads.connection_from[c]]
        for f in roads.foe[roads.foe_start[c] : roads.foe_start[c + 1]].tolist():
            theirs = roads.lane_edge[roads.connection_from[f]]
            straight = roads.connection_direction[f] == 0
            if straight and theirs != own and _opposite(city, roads.edges[own], roads.edges[theirs]):
                path = [city.net.lanes[name].shape for name in roads.connection_via[f]]
                (ax, ay), (bx, by) = path[0][0], path[-1][-1]
                across = abs((bx - ax) * (place[1] - ay) - (by - ay) * (place[0] - ax))
                assert across / math.hypot(bx - ax, by - ay) > 2.0


def _opposite(city: GeneratedCity, one: str, other: str) -> bool:
    node = city.nodes[city.net.edges[one].to_node]
    arms = {arm.in_edge: k for k, arm in enumerate(node.arms)}
    return node.arms[arms[one]].turns.get("s") == arms[other]


def test_crossings_are_called_by_the_street_they_lead_over() -> None:
    city = generate(CityPlan(junctions=24, seed=2))
    graph = city.layout.graph
    for junction in street_of_city(city).junctions:
        streets = {street["street"] for *_, street in graph.edges(junction.name, data=True)}
        called = [g.approach for g in junction.groups if g.kind == GroupKind.PEDESTRIAN]
        assert len(set(called)) == len(called)
        for name in called:
            street, _, side = name.rstrip(")").partition(" (")
            assert street in streets
            assert side in ("north", "south", "east", "west")
