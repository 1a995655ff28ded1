"""SUMO demand as the city's trips: everybody who departs in SUMO departs here, by the same way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pytest

from controller.network import build_network
from sim.city.demand.routing import StreetWays
from sim.city.demand.sumo_demand import SumoTrips, trips_of_sumo
from sim.city.demand.sumo_types import DEFAULTS, read_type
from sim.city.net_roads import roads_of_net
from sim.city.roads import Permit, Roads
from sim.city.scenario import DemandPlan
from sim.city.trips import Mode
from sim.demo import build_demo_street, sumo_binary
from sim.importers.sumo import street_of_net
from sim.importers.sumo_net_xml import SumoNet, read_net
from sim.scenarios import ScenarioError
from tests.small_nets import cross
from tests.test_net_roads import with_all_nodes


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> tuple[SumoNet, Roads]:
    """Two one-way streets that cross."""
    net = read_net(with_all_nodes(cross(tmp_path_factory.mktemp("cross"))))
    return net, roads_of_net(net, build_network(street_of_net(net)))


def trips(
    streets: tuple[SumoNet, Roads], folder: Path, text: str, seed: int = 1, plan: DemandPlan | None = None
) -> SumoTrips:
    path = folder / "cross.rou.xml"
    path.write_text(f"<routes>{text}</routes>", encoding="utf-8")
    return trips_of_sumo(*streets, [path], 0, 3600, seed, demand=plan)


ON = '<route edges="west last east"/>'


def test_everybody_in_the_window_departs_in_order_on_his_route(
    streets: tuple[SumoNet, Roads], tmp_path: Path
) -> None:
    text = f"""
        <route id="up" edges="south north"/>
        <vehicle id="late" depart="3600">{ON}</vehicle>
        <vehicle id="b" depart="0:00:20.5" route="up"/>
        <trip id="a" depart="10" from="west" to="east"/>
        <vehicle id="later" depart="triggered" route="up"/>"""
    found = trips(streets, tmp_path, text)
    drives, edges = found.drives, streets[1].edges
    assert drives.ids == ("a", "b")
    assert drives.depart_ms.tolist() == [10_000, 20_500]
    ways = [
        [edges[e] for e in drives.route_edge[drives.route_start[r] : drives.route_start[r + 1]]]
        for r in drives.route
    ]
    assert ways == [["west", "last", "east"], ["south", "north"]]
    assert found.notes == ("1 left out: departures that wait for something (triggered).",)


@pytest.mark.parametrize(
    ("flow", "times_s"),
    [
        ('begin="100" end="200" number="4"', [100, 125, 150, 175]),
        ('begin="0" end="100" vehsPerHour="120"', [0, 30, 60, 90]),
        ('begin="3500" period="45"', [3500, 3545, 3590]),
        ('begin="0" end="50" period="20" number="2"', [0, 20]),
    ],
)
def test_flows_depart_evenly_as_in_sumo(
    streets: tuple[SumoNet, Roads], tmp_path: Path, flow: str, times_s: list[int]
) -> None:
    drives = trips(streets, tmp_path, f'<flow id="f" {flow}>{ON}</flow>').drives
    assert (drives.depart_ms / 1000).tolist() == times_s
    assert drives.ids == tuple(f"f.{k}" for k in range(len(times_s)))


@pytest.mark.parametrize("flow", ['end="3600" probability="0.2"', 'period="exp(0.2)"'])
def test_random_flows_have_their_rate_and_follow_the_seed(
    streets: tuple[SumoNet, Roads], tmp_path: Path, flow: str
) -> None:
    text = f'<flow id="f" begin="0" {flow}>{ON}</flow>'
    first, again, other = (trips(streets, tmp_path, text, seed).drives for seed in (1, 1, 2))
    assert first.n == pytest.approx(720, abs=4 * np.sqrt(720))
    assert (first.depart_ms == again.depart_ms).all()
    assert first.n != other.n or (first.depart_ms != other.depart_ms).any()
    assert (first.speed_factor == again.speed_factor).all()


def test_a_type_gives_body_manners_and_mode(streets: tuple[SumoNet, Roads], tmp_path: Path) -> None:
    text = f"""
        <vType id="long" vClass="bus" length="18" accel="1.1" maxSpeed="20"/>
        <vType id="hasty" speedFactor="norm(1.2,0.05)"/>
        <vTypeDistribution id="mixed" vTypes="long hasty" probabilities="0.25 0.75"/>
        <vehicle id="line" type="long" depart="0">{ON}</vehicle>
        <vehicle id="calm" depart="1" speedFactor="0.8">{ON}</vehicle>
        <vehicle id="cyclist" type="DEFAULT_BIKETYPE" depart="2">{ON}</vehicle>
        <flow id="some" type="mixed" begin="3" end="3603" number="1000">{ON}</flow>"""
    drives = trips(streets, tmp_path, text).drives
    assert drives.mode[:3].tolist() == [Mode.BUS, Mode.CAR, Mode.BICYCLE]
    assert drives.length_m[:3].tolist() == [18.0, 5.0, 1.6]
    assert drives.accel_m_per_s2[:2].tolist() == [1.1, 2.6]
    assert drives.speed_max_m_per_s[0] == 20.0
    assert drives.speed_factor[1] == 0.8
    assert 3.5 < drives.speed_max_m_per_s[2] < 8.0, "cyclists go about 20 km/h"
    some = drives.mode[3:]
    assert np.mean(some == Mode.BUS) == pytest.approx(0.25, abs=0.06)
    hasty = drives.speed_factor[3:][some == Mode.CAR]
    assert hasty.mean() == pytest.approx(1.2, abs=0.01)
    assert hasty.std() == pytest.approx(0.05, abs=0.01)


def test_a_bus_halts_at_its_stops_in_driving_order_and_keeps_its_timetable(
    streets: tuple[SumoNet, Roads], tmp_path: Path
) -> None:
    stops = tmp_path / "stops.add.xml"
    stop = '<busStop id="{}" lane="{}_0" startPos="{}" endPos="{}"/>'
    both = stop.format("mill", "west", 80, 100) + stop.format("end", "east", 0, -50)
    stops.write_text(f"<additional>{both}</additional>", encoding="utf-8")
    path = tmp_path / "bus.rou.xml"
    path.write_text(
        """<routes><flow id="bus" type="DEFAULT_VEHTYPE" begin="600" end="1800" period="600" line="7">
        <route edges="west last east"/><stop busStop="mill" duration="20" until="660"/>
        <stop busStop="end" duration="10"/></flow></routes>""",
        encoding="utf-8",
    )
    drives = trips_of_sumo(*streets, [path], 0, 3600, 1, [stops]).drives
    assert drives.halt_start.tolist() == [0, 2, 4]
    assert [streets[1].edges[e] for e in drives.halt_edge[:2]] == ["west", "east"]
    assert drives.halt_position_m.tolist() == [100.0, 250.0] * 2
    assert drives.halt_dwell_ms.tolist() == [20_000, 10_000] * 2
    assert drives.halt_due_ms.tolist() == [660_000, -1, 1_260_000, -1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<trip id="x" depart="1" from="mars" to="east"/>', "trip 'x': edge 'mars' is not in "),
        ('<trip id="x" depart="1" from="east" to="west"/>', "no way from 'east' to 'west' for passenger"),
        (
            '<vehicle id="x" depart="1"><route edges="south east"/></vehicle>',
            "'south' does not lead to 'east'",
        ),
        ('<vehicle id="x" type="t" depart="1"/>', "vehicle 'x': no route; allowed: edges, route, or from"),
        (f'<vehicle id="x" type="t" depart="1">{ON}</vehicle>', "type 't' is not defined before it"),
        ('<vType id="t" vClass="horse"/>', "vType 't': vClass='horse'; allowed: "),
        ('<vType id="t" length="-1"/>', "vType 't': length='-1'; allowed: a number above 0"),
        (f'<flow id="x" begin="0">{ON}</flow>', "flow 'x': allowed: period, vehsPerHour, probability"),
        (f'<vehicle id="x" depart="soon!">{ON}</vehicle>', "depart='soon!'; allowed: seconds"),
        ('<person id="p" depart="1"><walk edges="moon"/></person>', "person 'p': edge 'moon' is not in "),
    ],
)
def test_bad_demand_is_one_line_naming_file_who_and_what(
    streets: tuple[SumoNet, Roads], tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ScenarioError) as wrong:
        trips(streets, tmp_path, text)
    assert str(tmp_path / "cross.rou.xml") in str(wrong.value)
    assert message in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_who_presses_and_who_loses_patience_is_drawn_by_the_plan(
    streets: tuple[SumoNet, Roads], tmp_path: Path
) -> None:
    text = '<personFlow id="p" begin="0" end="3600" number="2000"><walk edges="west"/></personFlow>'
    as_sumo = trips(streets, tmp_path, text).walks
    assert as_sumo.presses.all()
    assert (as_sumo.patience_ms == -1).all()
    plan = DemandPlan(press_share=0.7, impatient_share=0.2, patience_s=40.0)
    people = trips(streets, tmp_path, text, plan=plan).walks
    assert people.presses.mean() == pytest.approx(0.7, abs=0.04)
    impatient = people.patience_ms[people.patience_ms >= 0]
    assert len(impatient) / people.n == pytest.approx(0.2, abs=0.04)
    assert impatient.mean() == pytest.approx(40_000, rel=0.15)
    assert people.speed_m_per_s.mean() == pytest.approx(5 / 3.6, rel=0.01)
    assert people.speed_m_per_s.std() == pytest.approx(0.1 * 5 / 3.6, rel=0.1)


@pytest.mark.sumo
def test_ways_on_foot_and_by_street_are_as_long_as_sumos(tmp_path: Path) -> None:
    """SUMO plays the demo town; every walk and every drive there is found again, crossing for crossing."""
    net_path, routes = build_demo_street(tmp_path, seed=3, duration_s=240)
    played = tmp_path / "trips.xml"
    command = [sumo_binary("sumo"), "-n", net_path, "-r", ",".join(map(str, routes)), "--no-step-log"]
    command += ["--tripinfo-output", played, "--end", "1500", "--no-warnings"]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    root = ElementTree.parse(played).getroot()
    net = read_net(net_path)
    roads = roads_of_net(net, build_network(street_of_net(net)))
    found = trips_of_sumo(net, roads, routes, 0, 240, 3)
    walks, drives = found.walks, found.drives
    crossing_m = np.append(roads.crossing_length_m, 0.0)
    walked_m = np.add.reduceat(walks.leg_before_m + crossing_m[walks.leg_crossing], walks.leg_start[:-1])
    by_sumo = {p.attrib["id"]: float(p[0].attrib["routeLength"]) for p in root.iter("personinfo")}
    assert set(by_sumo) == set(walks.ids)
    off_m = np.abs(walked_m - [by_sumo[name] for name in walks.ids])
    assert np.mean(off_m) < 0.02 * np.mean(list(by_sumo.values()))
    assert np.mean(off_m > 30.0) < 0.03, "hardly anybody goes round a block another way"
    assert set(drives.ids) == {t.attrib["id"] for t in root.iter("tripinfo")}
    driven = {t.attrib["id"]: float(t.attrib["routeLength"]) for t in root.iter("tripinfo")}
    length_m = roads.lane_length_m[roads.edge_lane_start[:-1]]
    own = [length_m[drives.route_edge[slice(*drives.route_start[r : r + 2])]].sum() for r in drives.route]
    # SUMO counts the ways over nodes too, and sends some round a queue.
    ratio = np.array(own) / [driven[name] for name in drives.ids]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.15)


@pytest.mark.sumo
def test_the_quickest_way_is_networkx_s(tmp_path: Path) -> None:

    net = read_net(build_demo_street(tmp_path, seed=5, duration_s=10)[0])
    roads = roads_of_net(net, build_network(street_of_net(net)))
    ways = StreetWays(roads, Permit.CAR)
    graph = nx.DiGraph()
    for start, onward in enumerate(ways.onward):
        graph.add_weighted_edges_from((start, end, seconds) for end, seconds in onward)

    def seconds(way: tuple[int, ...]) -> float:
        return nx.path_weight(graph, list(way), "weight")

    chance = np.random.default_rng(5)
    for origin in chance.integers(roads.n_edges, size=8).tolist():
        best = nx.single_source_dijkstra_path_length(graph, origin)
        found = ways.quickest(origin, range(roads.n_edges))
        assert set(found) == set(best)
        for target, way in found.items():
            assert way[0] == origin
            assert way[-1] == target
            assert seconds(way) == pytest.approx(best[target])


@pytest.mark.sumo
def test_defaults_are_those_of_the_installed_sumo(tmp_path: Path) -> None:
    """SUMO writes the types it uses, filled in, into its own vehicle type output."""
    net = with_all_nodes(cross(tmp_path))
    script = f"""
import libsumo
libsumo.start(["sumo", "-n", {str(net)!r}, "-a", {str(tmp_path / "types.add.xml")!r}, "--no-step-log"])
for name in {sorted(DEFAULTS)!r}:
    v, t = libsumo.vehicletype, "type_" + name
    print(name, v.getLength(t), v.getMinGap(t), v.getAccel(t), v.getDecel(t), v.getMaxSpeed(t),
          v.getSpeedFactor(t), v.getSpeedDeviation(t))
"""
    types = "".join(f'<vType id="type_{name}" vClass="{name}"/>' for name in DEFAULTS)
    (tmp_path / "types.add.xml").write_text(f"<additional>{types}</additional>", encoding="utf-8")

    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    told = [line.split() for line in done.stdout.splitlines() if line.split()[0] in DEFAULTS]
    assert len(told) == len(DEFAULTS)
    for name, *numbers in told:
        kind = read_type({"vClass": name})
        own = [kind.length_m, kind.gap_m, kind.accel_m_per_s2, kind.decel_m_per_s2, kind.speed_max_m_per_s]
        assert [*own, kind.factor_mean, kind.factor_deviation] == pytest.approx(
            [float(n) for n in numbers], abs=0.005
        ), name
