"""Who travels in a generated city: lawful routes, real timetables, people walking from corner to corner."""

from __future__ import annotations

import itertools
from functools import cache

import networkx as nx
import numpy as np
import pytest

from sim.city.demand.demand import Demand, demand
from sim.city.demand.demand_drives import merged
from sim.city.demand.demand_kernels import grow_tree, opinion, write_way
from sim.city.demand.demand_routes import BACK, OUT, StreetGraph, draw_routes
from sim.city.demand.demand_walks import draw_ways
from sim.city.generator.generate import GeneratedCity
from sim.city.roads import Roads
from sim.city.scenario import DemandPlan
from sim.city.trips import Drives, Mode
from tests.test_generate import built

H = 3_600_000
PLAN = DemandPlan(veh_per_h_per_junction=500.0, walks_per_h_per_junction=100.0)


@cache
def drawn(begin_h: float = 7.0, end_h: float = 8.0, seed: int = 1, plan: DemandPlan = PLAN) -> Demand:
    city, _, roads = built(47)
    return demand(city, roads, plan, round(begin_h * H), round(end_h * H), seed)


def rows_of(drives: Drives, mode: Mode) -> np.ndarray:
    return np.flatnonzero(drives.mode == mode)


def test_as_many_travel_as_the_scenario_says() -> None:
    """So many vehicles pass an average signal, and so many people set out on foot."""
    _, _, roads = built(47)
    drives, walks, _ = drawn()
    private = len(rows_of(drives, Mode.CAR)) + len(rows_of(drives, Mode.BICYCLE))
    signalled = roads.node_junction[roads.edge_to[drives.route_edge]] >= 0
    per_route = np.add.reduceat(signalled.astype(np.int64), drives.route_start[:-1])
    passing = per_route[drives.route[drives.line < 0]].sum()
    assert passing / 47 == pytest.approx(500.0, rel=0.06)
    assert len(rows_of(drives, Mode.BICYCLE)) == pytest.approx(0.08 * private, rel=0.25)
    assert walks.n == pytest.approx(0.95 * 4700, rel=0.08)
    assert (np.diff(drives.depart_ms) >= 0).all()
    assert (np.diff(walks.depart_ms) >= 0).all()
    assert walks.depart_ms[0] >= 7 * H
    assert walks.depart_ms[-1] < 8 * H
    assert len(set(drives.ids)) == drives.n
    assert len(set(walks.ids)) == walks.n


def test_every_route_can_be_driven() -> None:
    _, _, roads = built(47)
    drives = drawn().drives
    joined = set(
        zip(
            roads.lane_edge[roads.connection_from].tolist(),
            roads.lane_edge[roads.connection_to].tolist(),
            strict=True,
        )
    )
    for r in set(drives.route.tolist()):
        way = drives.route_edge[drives.route_start[r] : drives.route_start[r + 1]].tolist()
        assert len(way) >= 2
        assert set(itertools.pairwise(way)) <= joined
        assert len(set(way)) == len(way)


def test_in_the_morning_people_drive_from_home_and_in_the_evening_back() -> None:
    city, _, roads = built(47)
    centre = roads.districts.index("centre")

    def to_centre(trips: Drives) -> float:
        """Trips ending in the centre, beside those beginning there."""
        cars = rows_of(trips, Mode.CAR)
        first = trips.route_edge[trips.route_start[trips.route[cars]]]
        last = trips.route_edge[trips.route_start[trips.route[cars] + 1] - 1]
        starts = (roads.edge_district[first] == centre).sum()
        return float((roads.edge_district[last] == centre).sum() / starts)

    assert to_centre(drawn().drives) > 1.5
    assert to_centre(drawn(17.0, 18.0).drives) < 0.7
    night = drawn(2.0, 3.0).drives
    assert rows_of(night, Mode.CAR).size < 0.2 * rows_of(drawn().drives, Mode.CAR).size
    assert city.plan.junctions == 47


def test_bicycles_are_slow_and_go_shorter_ways_than_cars() -> None:
    _, _, roads = built(47)
    drives = drawn().drives
    length = np.add.reduceat(
        roads.lane_length_m[roads.edge_lane_start[drives.route_edge]], drives.route_start[:-1]
    )
    cars, bicycles = rows_of(drives, Mode.CAR), rows_of(drives, Mode.BICYCLE)
    assert length[drives.route[bicycles]].mean() < 0.92 * length[drives.route[cars]].mean()
    assert (drives.speed_max_m_per_s[bicycles] == 5.5).all()
    assert (drives.length_m[bicycles] == 2.0).all()
    assert 1.2 < drives.persons[cars].mean() < 1.6
    urgent = rows_of(drawn(plan=DemandPlan(emergency_per_h=30.0)).drives, Mode.EMERGENCY)
    assert 15 < len(urgent) < 50


def test_buses_keep_their_headway_and_halt_at_every_stop_in_order() -> None:
    _, _, roads = built(47)
    drives, _, lines = drawn()
    assert len(lines) == 4
    for k, line in enumerate(lines):
        buses = np.flatnonzero(drives.line == k)
        assert np.diff(drives.depart_ms[buses]).tolist() == [600_000] * (len(buses) - 1)
        assert len(buses) == 6
        for v in buses.tolist():
            halts = slice(drives.halt_start[v], drives.halt_start[v + 1])
            assert drives.halt_edge[halts].tolist() == [stop.edge for stop in line.stops]
            way = drives.route_edge[
                drives.route_start[drives.route[v]] : drives.route_start[drives.route[v] + 1]
            ]
            assert way.tolist() == list(line.route)
        for stop in line.stops:
            assert 0 < stop.position_m < roads.lane_length_m[roads.edge_lane_start[stop.edge]]
    private = np.flatnonzero(drives.line < 0)
    assert (drives.halt_start[private] == drives.halt_start[private + 1]).all()


def test_merging_keeps_every_trip_whole() -> None:
    drives = drawn().drives
    twice = merged(drives, drives)
    assert twice.n == 2 * drives.n
    assert len(twice.halt_edge) == 2 * len(drives.halt_edge)
    for k in np.flatnonzero(twice.line >= 0).tolist():
        name = twice.ids[k]
        own = drives.ids.index(name)
        assert (
            twice.halt_edge[twice.halt_start[k] : twice.halt_start[k + 1]].tolist()
            == drives.halt_edge[drives.halt_start[own] : drives.halt_start[own + 1]].tolist()
        )


def test_people_on_foot_cross_neighbouring_arms_and_end_on_a_pavement() -> None:
    _, _, roads = built(47)
    walks = drawn().walks
    assert (np.diff(walks.leg_start) >= 2).all()
    last = walks.leg_start[1:] - 1
    assert (walks.leg_crossing[last] == -1).all()
    assert (np.delete(walks.leg_crossing, last) >= 0).all()
    assert (walks.leg_before_m > 0).all()
    between = np.delete(np.arange(len(walks.leg_crossing) - 1), last[:-1])
    one, two = walks.leg_crossing[between], walks.leg_crossing[between + 1]
    near = (one >= 0) & (two >= 0) & (walks.leg_before_m[between + 1] < 10.0)
    assert near.any()
    assert (roads.crossing_node[one[near]] == roads.crossing_node[two[near]]).all()
    assert (one[near] != two[near]).all()


def test_parents_walk_with_two_children_and_older_people_are_slower() -> None:
    _, _, roads = built(47)
    walks = drawn().walks
    kind = np.array([name.partition(".")[0] for name in walks.ids])
    group = np.flatnonzero(kind == "group")
    parties = group.reshape(-1, 3)
    for column in (walks.depart_ms, walks.speed_m_per_s, walks.home_district):
        assert (column[parties] == column[parties][:, :1]).all()
    assert (walks.patience_ms[group] == -1).all()
    adults = kind == "adult"
    assert walks.speed_m_per_s[kind == "older"].mean() < 0.8 * walks.speed_m_per_s[adults].mean()
    impatient = (walks.patience_ms[adults] == 60_000).mean()
    assert impatient == pytest.approx(0.1, abs=0.03)
    assert walks.presses.mean() == pytest.approx(0.9, abs=0.03)
    children_edge = (kind[walks.home_district == roads.districts.index("edge")] == "group").mean()
    children_centre = (kind[walks.home_district == roads.districts.index("centre")] == "group").mean()
    assert children_edge > 1.5 * children_centre


def test_children_walk_to_school_in_the_morning_and_home_after_noon() -> None:
    """The crossings at the school are walked toward it first, away from it later."""
    city, _, roads = built(47)
    school = next(p for p in city.places if p.kind == "school")
    at_school = set(np.flatnonzero(roads.crossing_node == roads.nodes.index(school.node)).tolist())

    def crossed_last(demand: Demand) -> tuple[int, int]:
        walks = demand.walks
        groups = [k for k, name in enumerate(walks.ids) if name.startswith("group")]
        last = walks.leg_crossing[walks.leg_start[1:] - 2]
        first = walks.leg_crossing[walks.leg_start[:-1]]
        return sum(int(last[k]) in at_school for k in groups), sum(int(first[k]) in at_school for k in groups)

    arriving, leaving = crossed_last(drawn(7.5, 8.25))
    assert arriving > 2 * leaving
    arriving, leaving = crossed_last(drawn(14.5, 15.5))
    assert leaving > 2 * arriving


def test_the_same_seed_draws_the_same_people() -> None:
    city, _, roads = built(47)
    one = drawn()
    two = demand(city, roads, PLAN, 7 * H, 8 * H, 1)
    other = demand(city, roads, PLAN, 7 * H, 8 * H, 2)
    for a, b, c in zip(one[:2], two[:2], other[:2], strict=True):
        for name in a.__slots__:
            left, right = getattr(a, name), getattr(b, name)
            assert left == right if name == "ids" else np.array_equal(left, right), name
        assert not np.array_equal(a.depart_ms, c.depart_ms)
    more = demand(city, roads, DemandPlan(500.0, 300.0), 7 * H, 8 * H, 1)
    assert np.array_equal(more.drives.depart_ms, one.drives.depart_ms)
    assert more.walks.n > 2 * one.walks.n


def test_parallel_streets_share_the_traffic() -> None:
    """Drivers do not all take the same street, and full streets push later ones away."""
    city, _, roads = built(47)
    graph = StreetGraph(roads)
    few = draw_routes(city, roads, 1.0, 400, 8, np.random.default_rng(5))
    many = draw_routes(city, roads, 1800.0, 400, 8, np.random.default_rng(5))

    def worst(stock_edges: np.ndarray, n: int) -> float:
        load = np.bincount(stock_edges, minlength=roads.n_edges) / n
        return float((load / graph.capacity_veh_per_h).max())

    assert worst(many.edge, many.n) < 0.9 * worst(few.edge, few.n)
    assert set(few.purpose.tolist()) == {OUT, BACK}


def test_quickest_ways_are_those_of_a_plain_search() -> None:
    """Against networkx, with opinions, on a city's own streets."""
    _, _, roads = built(12)
    graph = StreetGraph(roads)
    e, ways = roads.n_edges, len(graph.next_edge)
    reached, settled, wanted, before = (np.zeros(e, np.int64) for _ in range(4))
    best_s, heap_s, heap_edge = np.zeros(e), np.zeros(ways + 1), np.zeros(ways + 1, np.int64)
    out = np.zeros(e, np.int64)
    rng = np.random.default_rng(3)
    for stamp in range(1, 30):
        origin, salt, spread = int(rng.integers(e)), int(rng.integers(1, 2**62)), 0.3
        plain = nx.DiGraph()
        plain.add_nodes_from(range(e))
        for edge in range(e):
            for a in range(graph.next_start[edge], graph.next_start[edge + 1]):
                onto = int(graph.next_edge[a])
                seconds = graph.next_s[a] + graph.edge_s[onto] * (1.0 + spread * opinion(onto, salt))
                plain.add_edge(edge, onto, s=seconds)
        right = nx.single_source_dijkstra_path_length(plain, origin, weight="s")
        targets = rng.integers(e, size=6)
        found = grow_tree(
            origin, targets, graph.edge_s, graph.next_start, graph.next_edge, graph.next_s, salt, spread,
            stamp, reached, settled, wanted, best_s, before, heap_s, heap_edge,
        )  # fmt: skip
        assert found == len(set(targets.tolist()) & set(right))
        for target in set(targets.tolist()) & set(right):
            assert best_s[target] == pytest.approx(right[target])
            end = write_way(target, before, out, 0)
            way = out[:end].tolist()
            assert way[0] == origin
            assert way[-1] == target
            assert nx.path_weight(plain, way, "s") == pytest.approx(right[target])
    assert write_way(int(targets[0]), before, out[:0], 0) == -1


def test_opinions_are_spread_evenly_and_belong_to_edge_and_driver() -> None:
    values = np.array([opinion(edge, salt) for edge in range(100) for salt in range(100)])
    assert abs(values.mean()) < 0.03
    assert np.histogram(values, 10, (-1, 1))[0].min() > 850
    assert opinion(5, 7) == opinion(5, 7) != opinion(7, 5)


def test_ways_on_foot_lead_to_every_place() -> None:
    city, roads = _city_and_roads()
    stock = draw_ways(city, roads, np.random.default_rng(1))
    assert {purpose for purpose, _ in stock.of} == {"", "school", "clinic"}
    assert {district for _, district in stock.of} == set(range(len(roads.districts)))


def _city_and_roads() -> tuple[GeneratedCity, Roads]:
    city, _, roads = built(47)
    return city, roads
