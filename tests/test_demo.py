"""The demo town: the same seed gives the same streets and people, and SUMO can play them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sim.demo import build_demo_street, sumo_binary

pytestmark = pytest.mark.sumo


def play(net: Path, routes: list[Path], directory: Path) -> ElementTree.Element:
    """SUMO's own statistics after everybody has arrived."""
    statistics = directory / "statistics.xml"
    command = [sumo_binary("sumo"), "-n", net, "-r", ",".join(map(str, routes)), "--no-step-log"]
    command += ["--end", "1500", "--statistic-output", statistics, "--seed", "1"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ElementTree.parse(statistics).getroot()


def test_sumo_plays_the_town_to_its_end(tmp_path: Path) -> None:
    net, routes = build_demo_street(tmp_path, seed=1, duration_s=300)
    statistics = play(net, routes, tmp_path)
    vehicles, people = statistics.find("vehicles"), statistics.find("persons")
    assert vehicles is not None
    assert people is not None
    assert int(vehicles.attrib["inserted"]) == int(vehicles.attrib["loaded"]) > 150
    assert int(vehicles.attrib["running"]) == int(vehicles.attrib["waiting"]) == 0
    assert int(people.attrib["loaded"]) > 40
    assert int(statistics.find("teleports").attrib["total"]) == 0  # type: ignore[union-attr]


def test_the_town_has_nine_signals_with_crossings_cars_buses_and_walkers(tmp_path: Path) -> None:
    net, routes = build_demo_street(tmp_path, seed=2, duration_s=300)
    street = ElementTree.parse(net).getroot()
    assert len(street.findall("tlLogic")) == 9
    assert len([edge for edge in street.iter("edge") if edge.get("function") == "crossing"]) == 36
    people, buses = (ElementTree.parse(path).getroot() for path in routes)
    assert people.findall("trip")
    assert people.findall("person")
    assert {bus.attrib["type"] for bus in buses.findall("trip")} == {"bus"}


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    def built(name: str, seed: int) -> list[bytes]:
        net, routes = build_demo_street(tmp_path / name, seed=seed, duration_s=120)
        # The network's head tells when and where it was built.
        street = net.read_bytes().partition(b"-->")[2]
        return [street, *(path.read_bytes() for path in routes)]

    assert built("a", 7) == built("b", 7)
    assert built("a", 7)[:2] != built("c", 8)[:2]
