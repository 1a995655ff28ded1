"""The streets of a SUMO network in arrays: nothing lost, nobody's right of way changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from controller.network import Network, build_network
from controller.vocabulary import Timing
from sim.city.net_roads import roads_of_net
from sim.city.roads import Permit, Roads
from sim.demo import build_demo_street
from sim.importers.sumo import street_of_net
from sim.importers.sumo_net_xml import SumoNet, UnusableNetwork, read_net
from tests.small_nets import cross, with_walkers

STOP_AT_M = ('<junction id="M" type="priority"', '<junction id="M" type="{}"')
WALK_PHASES = """        <phase duration="31" state="Grr"/>
        <phase duration="4" state="yrr"/>
        <phase duration="21" state="rGr"/>
        <phase duration="4" state="ryr"/>
        <phase duration="20" state="rrG"/>
        <phase duration="20" state="rrr"/>
"""


def with_all_nodes(path: Path) -> Path:
    """The hand-written crossing leaves the outer nodes out; streets need both their ends."""
    text = path.read_text(encoding="utf-8")
    outer = "".join(
        f'<junction id="{n}" type="dead_end" x="0" y="0" incLanes="" intLanes=""/>' for n in "WESN"
    )
    path.write_text(text.replace("</net>", f"{outer}</net>"), encoding="utf-8")
    return path


def laid_out(path: Path) -> tuple[SumoNet, Network, Roads]:
    net = read_net(path)
    network = build_network(street_of_net(net, Timing.COMPARISON))
    return net, network, roads_of_net(net, network)


def way(roads: Roads, start: str, end: str) -> int:
    found = [
        c
        for c, (a, b) in enumerate(zip(roads.connection_from, roads.connection_to, strict=True))
        if (roads.lanes[a], roads.lanes[b]) == (start, end)
    ]
    assert len(found) == 1
    return found[0]


def rows(start: np.ndarray, flat: np.ndarray, k: int) -> list[int]:
    return flat[start[k] : start[k + 1]].tolist()


def test_a_crossing_of_two_streets_keeps_lengths_speeds_signals_and_right_of_way(tmp_path: Path) -> None:
    _, network, roads = laid_out(with_all_nodes(cross(tmp_path)))
    assert roads.edges == ("west", "last", "east", "south", "north")
    assert roads.lane_length_m.tolist() == [300.0, 1.0, 300.0, 90.0, 300.0]
    assert roads.lane_permits.tolist() == [int(sum(Permit))] * 5
    plain, through, northbound = (
        way(roads, "west_0", "last_0"),
        way(roads, "last_0", "east_0"),
        way(roads, "south_0", "north_0"),
    )
    assert roads.connection_length_m[[plain, through, northbound]].tolist() == [4.0, 20.0, 20.0]
    assert roads.connection_group[plain] == roads.connection_link[plain] == -1
    assert roads.connection_group[through] == network.group_index(
        "C", network.street.junctions[0].groups[0].name
    )
    assert roads.connection_link[[through, northbound]].tolist() == [0, 1]
    assert rows(roads.foe_start, roads.foe, through) == [northbound]
    assert rows(roads.foe_start, roads.foe, northbound) == [through]
    assert rows(roads.yield_start, roads.yield_to, northbound) == [through]
    assert rows(roads.yield_start, roads.yield_to, through) == []
    controlled = {roads.nodes[n]: int(j) for n, j in enumerate(roads.node_junction)}
    assert controlled == {"C": 0, "M": -1, "W": -1, "E": -1, "S": -1, "N": -1}
    assert roads.districts == ("all",)


def test_a_crossing_on_foot_has_its_group_and_those_who_drive_over_it(tmp_path: Path) -> None:
    _, network, roads = laid_out(with_all_nodes(with_walkers(tmp_path, WALK_PHASES, 14.0)))
    assert roads.crossings == (":C_c0",)
    assert roads.crossing_length_m.tolist() == [14.0]
    on_foot = next(g for g in network.street.junctions[0].groups if g.crossing_length_m)
    assert roads.crossing_group[0] == network.group_index("C", on_foot.name)
    northbound, through = way(roads, "south_0", "north_0"), way(roads, "last_0", "east_0")
    assert rows(roads.crossed_start, roads.crossed, northbound) == [0]
    assert rows(roads.crossed_start, roads.crossed, through) == []


@pytest.mark.parametrize(("kind", "stops"), [("priority", 0), ("allway_stop", 1), ("priority_stop", 0)])
def test_who_must_stop_is_told_by_the_node(tmp_path: Path, kind: str, stops: int) -> None:
    changed = cross(tmp_path, (STOP_AT_M[0], STOP_AT_M[1].format(kind)))
    _, _, roads = laid_out(with_all_nodes(changed))
    assert roads.connection_stops.sum() == stops
    assert roads.connection_stops[way(roads, "west_0", "last_0")] == bool(stops)


def test_districts_are_those_of_the_node_a_street_leads_to(tmp_path: Path) -> None:
    net = read_net(with_all_nodes(cross(tmp_path)))
    network = build_network(street_of_net(net))
    homes = {"C": "centre", "M": "west", "W": "west", "E": "east", "S": "centre", "N": "centre"}
    roads = roads_of_net(net, network, homes)
    of_edge = {e: roads.districts[d] for e, d in zip(roads.edges, roads.edge_district, strict=True)}
    assert of_edge == {"west": "west", "last": "centre", "east": "east", "south": "centre", "north": "centre"}
    assert roads.districts[roads.junction_district[0]] == "centre"
    with pytest.raises(UnusableNetwork, match="node E is in no district"):
        roads_of_net(net, network, {n: d for n, d in homes.items() if n != "E"})


def test_a_street_to_nowhere_is_refused_by_name(tmp_path: Path) -> None:
    net = read_net(cross(tmp_path))
    with pytest.raises(UnusableNetwork, match="edge west: no such node 'W'"):
        roads_of_net(net, build_network(street_of_net(net)))


@pytest.mark.sumo
def test_every_way_of_a_town_is_there_once_and_agrees_with_the_controller(tmp_path: Path) -> None:
    net_path, _ = build_demo_street(tmp_path, seed=4, duration_s=10)
    net, network, roads = laid_out(net_path)
    known = {r.street_lane for j in network.street.junctions for lane in j.lanes for r in lane.reach}
    assert known | set(network.exits) <= set(roads.lanes)
    for junction in network.street.junctions:
        for lane in junction.lanes:
            for m in lane.movements:
                c = way(roads, lane.name, m.exit_lane)
                assert roads.connection_group[c] == network.group_index(junction.name, m.group)
                assert roads.connection_link[c] == m.link
    # Pavements are no lanes, and everything else is.
    driven = [n for n, lane in net.lanes.items() if lane.classes - {"pedestrian"} and not n.startswith(":")]
    assert sorted(driven) == sorted(roads.lanes)
    inner = [name for via in roads.connection_via for name in via]
    assert len(inner) == len(set(inner))
    assert sum(net.lanes[name].length_m for name in inner) == pytest.approx(roads.connection_length_m.sum())


@pytest.mark.sumo
def test_foes_are_mutual_turns_give_way_and_left_turns_wait_inside(tmp_path: Path) -> None:
    _, _, roads = laid_out(build_demo_street(tmp_path, seed=4, duration_s=10)[0])
    foes = [set(rows(roads.foe_start, roads.foe, c)) for c in range(roads.n_connections)]
    assert all(c in foes[other] and other != c for c in range(roads.n_connections) for other in foes[c])
    for c in range(roads.n_connections):
        assert set(rows(roads.yield_start, roads.yield_to, c)) <= foes[c]
    left = np.flatnonzero(roads.connection_direction == 2)
    assert len(left) > 0
    assert roads.connection_wait_m is not None
    assert (roads.connection_wait_m[left] > 0).any()
    assert (roads.connection_wait_m < roads.connection_length_m).all()
    lanes_apart = roads.connection_to[roads.foe] == np.repeat(roads.connection_to, np.diff(roads.foe_start))
    assert lanes_apart.any(), "ways into one lane join"
