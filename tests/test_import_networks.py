"""Whole networks, checked against the file itself by code that shares nothing with the importer."""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

from controller.conflicts import prove_network
from controller.junction import FixedPlan, Junction, StreetNetwork
from controller.street_file import street_from_text, street_to_text
from controller.vocabulary import GroupKind, Timing
from sim.demo import sumo_binary
from sim.importers.sumo import import_sumo

SCENARIOS = os.environ.get("BELISHA_SCENARIOS", "")
"""A folder of SUMO networks to check as well; none come with the product."""

netgenerated = [
    pytest.param(
        [
            "--grid",
            "--grid.number=2",
            "--grid.attach-length=120",
            "-L2",
            "--turn-lanes=1",
            "--sidewalks.guess",
            "--crossings.guess",
        ],
        id="grid with walkers",
    ),
    pytest.param(
        [
            "--rand",
            "--rand.iterations=25",
            "--seed=4",
            "-L2",
            "--sidewalks.guess",
            "--crossings.guess",
            "--tls.left-green.time=8",
        ],
        id="random with walkers",
    ),
    pytest.param(
        ["--spider", "--spider.arm-number=5", "--spider.circle-number=2", "-L2", "--tls.layout=incoming"],
        id="spider, one arm after the other",
    ),
    pytest.param(
        ["--grid", "--grid.number=2", "--grid.attach-length=60", "-L3", "--no-internal-links"],
        id="no internal lanes",
    ),
]


def generated(directory: Path, options: list[str]) -> Path:
    path = directory / "made.net.xml"
    command = [
        str(sumo_binary("netgenerate")),
        *options,
        "--default-junction-type=traffic_light",
        "-o",
        str(path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return path


@pytest.mark.sumo
@pytest.mark.parametrize("timing", list(Timing))
@pytest.mark.parametrize("options", netgenerated)
def test_a_generated_network_is_safe_and_complete(tmp_path: Path, options: list[str], timing: Timing) -> None:
    path = generated(tmp_path, options)
    street = import_sumo(path, timing)
    check_everything(path, street)


@pytest.mark.skipif(not SCENARIOS, reason="BELISHA_SCENARIOS names no folder of networks")
@pytest.mark.parametrize(
    "path", sorted(Path(SCENARIOS or ".").rglob("*.net.xml")) if SCENARIOS else [], ids=lambda path: path.name
)
def test_a_real_network_is_safe_and_complete(path: Path) -> None:
    for timing in Timing:
        check_everything(path, import_sumo(path, timing))


def check_everything(path: Path, street: StreetNetwork) -> None:
    prove_network(street)
    assert street_from_text(street_to_text(street)) == street
    root = ElementTree.parse(path).getroot()
    programs = {logic.attrib["id"] for logic in root.iter("tlLogic")}  # rail signals have none
    controlled = {
        (c.attrib["tl"], int(c.attrib["linkIndex"]))
        for c in root.iter("connection")
        if c.get("tl") in programs
    }
    ours = {(j.name, link) for j in street.junctions for g in j.groups for link in g.links}
    assert ours == controlled
    foes, responses = right_of_way(root)
    for junction in street.junctions:
        check_stages(junction, foes[junction.name], responses[junction.name])
        check_clearances(junction)
        for plan in junction.plans:
            check_played(junction, plan)
    check_shares(street)


Pairs = dict[str, set[tuple[int, int]]]


def right_of_way(root: ElementTree.Element) -> tuple[Pairs, Pairs]:
    """Foes and responses by signal as link indices, found by counting ways along incoming lanes.

    SUMO's rows follow a node's incoming lanes and, in each, the ways in file order; crossings
    come as lanes of walking areas. The importer goes by internal lanes instead.
    """
    crossings = {e.attrib["id"] for e in root.iter("edge") if e.get("function") == "crossing"}
    ways = defaultdict(list)
    for c in root.iter("connection"):
        inside = c.attrib["from"].startswith(":") or c.attrib["to"].startswith(":")
        if not inside or c.attrib["to"] in crossings:
            ways[f"{c.attrib['from']}_{c.attrib['fromLane']}"].append(c)
    foes: Pairs = defaultdict(set)
    responses: Pairs = defaultdict(set)
    for node in root.iter("junction"):
        rows = [c for lane in node.get("incLanes", "").split() for c in ways[lane]]
        requests = {int(r.attrib["index"]): r for r in node.iter("request")}
        for index, request in requests.items():
            for other in range(len(requests)):
                a, b = rows[index], rows[other]
                if not a.get("tl") or a.get("tl") != b.get("tl"):
                    continue
                pair = (int(a.attrib["linkIndex"]), int(b.attrib["linkIndex"]))
                if request.attrib["foes"][-1 - other] == "1":
                    foes[a.attrib["tl"]] |= {pair, pair[::-1]}
                if request.attrib["response"][-1 - other] == "1":
                    responses[a.attrib["tl"]].add(pair)
    return foes, responses


def check_stages(junction: Junction, foes: set[tuple[int, int]], responses: set[tuple[int, int]]) -> None:
    links = {g.name: g.links for g in junction.groups}
    gives = {(y.group, y.to) for y in junction.yields}
    assert not gives & {(i.ending, i.starting) for i in junction.intergreens}
    for stage in junction.stages:
        for a in stage.groups:
            for b in stage.groups:
                for i in links[a]:
                    for j in links[b]:
                        if a == b or (i, j) not in foes:
                            continue
                        assert (a, b) in gives or (b, a) in gives, (junction.name, stage.name, a, b)
                        assert (i, j) in responses or (j, i) in responses
    for group, other in gives:
        assert any((i, j) in responses for i in links[group] for j in links[other])


def check_clearances(junction: Junction) -> None:
    groups = {g.name: g for g in junction.groups}
    for group in junction.groups:
        if group.kind == GroupKind.PEDESTRIAN:
            assert group.clearance_ms >= 1000 * group.crossing_length_m / 1.07 - 1e-6
            assert group.min_green_ms >= 7000
        else:
            assert 3000 <= group.yellow_ms <= 6000
    for i in junction.intergreens:
        ending = groups[i.ending]
        if ending.kind == GroupKind.PEDESTRIAN:
            assert i.duration_ms == ending.clearance_ms + 3000
        else:
            assert 0 <= i.duration_ms - ending.yellow_ms <= 6000


def check_played(junction: Junction, plan: FixedPlan) -> None:
    """Second by second: every minimum green and walk, every intergreen, every promise."""
    stages = {s.name: set(s.groups) for s in junction.stages}
    wanted = [stages[s.stage] for s in plan.steps for _ in range(s.duration_ms // 1000)]
    assert len(wanted) * 1000 == plan.cycle_ms
    before = defaultdict(list)
    for i in junction.intergreens:
        before[i.starting].append((i.ending, i.duration_ms))
    green: dict[str, int] = {}
    ended: dict[str, int] = {}
    served = defaultdict(int)
    for t in range(3 * len(wanted)):
        now = wanted[t % len(wanted)]
        for g in junction.groups:
            if g.name in green and g.name not in now:
                started = green.pop(g.name)
                ended[g.name] = t
                assert (t - started) * 1000 >= g.min_green_ms or started == 0, (junction.name, g.name)
        for g in junction.groups:
            blocked = any(a in green or t * 1000 < ended.get(a, -999) * 1000 + ms for a, ms in before[g.name])
            if g.name in now and g.name not in green and not blocked:
                if g.name in ended:
                    assert (t - ended[g.name]) * 1000 <= g.promise_ms, (junction.name, g.name)
                green[g.name] = t
                served[g.name] += 1
    assert all(served[g.name] for g in junction.groups if not g.turn_on_red)


def check_shares(street: StreetNetwork) -> None:
    into: dict[str, float] = defaultdict(float)
    out: dict[str, float] = defaultdict(float)
    for junction in street.junctions:
        for lane in junction.lanes:
            for reach in lane.reach:
                into[reach.street_lane] += reach.share
            for d in junction.detectors:
                if d.lane == lane.name:
                    stretch = next(r for r in lane.reach if r.street_lane == d.street_lane)
                    assert 0.0 <= d.distance_to_end_m <= stretch.length_m
                    assert d.distance_m == pytest.approx(stretch.gap_m + d.distance_to_end_m, abs=0.02)
    for link in street.links:
        out[link.exit_lane] += link.share
    assert all(total <= 1.001 for total in [*into.values(), *out.values()])
