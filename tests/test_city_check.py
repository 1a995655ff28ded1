"""`belisha check`: a scenario is built and told in plain words, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import belisha
from tests import command_line
from tests.small_nets import cross
from tests.test_net_roads import with_all_nodes

SCENARIO = """
version = 1
[sumo]
net = "cross.net.xml"
routes = ["cross.rou.xml"]
[[faults]]
kind = "stuck-off"
onset_s = 60
[run]
begin_s = 0
end_s = 600
controller = "fixed"
"""
ROUTES = """<routes><flow id="f" begin="0" number="30" end="600"><route edges="west last east"/></flow>
<flow id="g" begin="0" number="5" end="600" type="DEFAULT_BIKETYPE"><route edges="south north"/></flow>
</routes>"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    with_all_nodes(cross(tmp_path))
    (tmp_path / "cross.rou.xml").write_text(ROUTES, encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


def check(*words: str) -> str:
    """What it prints when all is well."""
    done = CliRunner().invoke(belisha.app, ["check", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_it_counts_what_a_script_may_want(scenario: Path) -> None:
    held = json.loads(check(str(scenario), "--json"))
    assert held["trips"] == {"car": 30, "bus": 0, "bicycle": 5, "emergency": 0, "walk": 0}
    assert held["junctions"] == 1
    assert held["districts"]["all"]["junctions"] == 1
    assert held["detectors"]["stopline"] == 2
    assert held["faults"] == [{"kind": "stuck-off", "where": "all", "onset_s": 60.0, "share": 1.0}]


def test_it_tells_people_the_same_in_sentences(scenario: Path) -> None:
    told = check(str(scenario))
    assert told.startswith("mine: a SUMO network, 0:00 to 0:10, controller fixed, sensors loops")
    assert "Trips: 30 by car, 0 buses, 5 by bicycle" in told
    assert "Fault: stuck-off, all, from second 60" in told
    assert told.rstrip().endswith("All right.")


def test_what_cannot_be_is_one_line_and_exit_code_2(scenario: Path) -> None:
    scenario.write_text(SCENARIO.replace("stuck-off", "tired"), encoding="utf-8")
    done = command_line.belisha("check", scenario)
    assert done.returncode == 2
    assert done.stderr.startswith(f"belisha: {scenario}: faults[0].kind: found 'tired'; allowed is one of")
    assert done.stderr.count("\n") == 1
    assert not done.stdout


@pytest.mark.parametrize("where", ["detector:NOSUCH", "junction:NOSUCH", "district:NOSUCH"])
def test_a_fault_at_what_is_not_there_is_refused_by_whoever_loads_the_city(
    scenario: Path, where: str
) -> None:
    text = SCENARIO.replace('kind = "stuck-off"', f'kind = "stuck-off"\nwhere = "{where}"')
    scenario.write_text(text, encoding="utf-8")
    done = command_line.belisha("check", scenario)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"belisha: mine: fault at {where}: no ")
    assert "known" in done.stderr
    assert done.stderr.count("\n") == 1
