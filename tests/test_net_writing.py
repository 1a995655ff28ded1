"""A generated city written for SUMO: read back it is the same, and SUMO itself plays it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from sim import sumo_libraries
from sim.city.demand.demand import demand
from sim.city.generator.net_writing import write_net, write_trips
from sim.city.scenario import DemandPlan
from sim.importers.sumo import import_sumo, street_of_net
from sim.importers.sumo_net_xml import read_net
from tests.test_generate import built

H = 3_600_000


def test_a_written_city_reads_back_as_the_same_city(tmp_path: Path) -> None:
    city, _, _ = built(47)
    path = tmp_path / f"{city.name}.net.xml"
    write_net(city.net, path)
    again = read_net(path)
    for name, edge in city.net.edges.items():
        assert again.edges[name] == edge
    assert again.lanes == city.net.lanes
    assert again.junctions == city.net.junctions
    assert again.programs == city.net.programs
    own = len(city.net.connections)
    assert again.connections[:own] == city.net.connections
    assert import_sumo(path) == street_of_net(city.net)


def test_written_trips_depart_in_order_on_written_routes(tmp_path: Path) -> None:
    city, _, roads = built(12)
    drives = demand(city, roads, DemandPlan(400.0, 0.0), 7 * H, 7 * H + H // 6, 1).drives
    path = tmp_path / "trips.rou.xml"
    write_trips(roads, drives, path)
    root = ElementTree.parse(path).getroot()
    vehicles = root.findall("vehicle")
    assert [v.attrib["id"] for v in vehicles] == list(drives.ids)
    departs = [float(v.attrib["depart"]) for v in vehicles]
    assert departs == sorted(departs)
    routes = {r.attrib["id"]: r.attrib["edges"].split() for r in root.findall("route")}
    assert {v.attrib["route"] for v in vehicles} == set(routes)
    assert all(edge in city.net.edges for edges in routes.values() for edge in edges)
    stops = sum(len(v.findall("stop")) for v in vehicles)
    assert stops == len(drives.halt_edge) > 0


@pytest.mark.sumo
def test_sumo_plays_the_city_without_a_complaint(tmp_path: Path) -> None:
    """Nobody teleports, nobody brakes hard at a change of lights, almost everybody arrives."""
    import sumo

    city, _, roads = built(12)
    drives = demand(city, roads, DemandPlan(400.0, 0.0), 7 * H, 7 * H + H // 4, 1).drives
    net, trips, arrived = tmp_path / "city.net.xml", tmp_path / "city.rou.xml", tmp_path / "trips.xml"
    write_net(city.net, net)
    write_trips(roads, drives, trips)
    run = subprocess.run(
        [
            f"{sumo.SUMO_HOME}/bin/sumo",
            *("-n", str(net), "-r", str(trips), "-b", "25200", "--no-step-log"),
            *("--tripinfo-output", str(arrived), "--xml-validation", "never", "-e", "27600"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, **sumo_libraries.environment()},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    rows = ElementTree.parse(arrived).getroot().findall("tripinfo")
    assert len(rows) == drives.n
    lost_s = np.array([float(row.attrib["timeLoss"]) for row in rows])
    assert lost_s.mean() < 150.0
