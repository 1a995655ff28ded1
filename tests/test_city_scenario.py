"""Scenario files: what they may say, and the one line that tells what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.vocabulary import Sensors, Timing
from sim.city.scenario import (
    CITY,
    DEMAND,
    FAULT,
    RUN,
    SUMO,
    CityPlan,
    CityScenario,
    DemandPlan,
    FaultKind,
    RunPlan,
    built_in_names,
    find_scenario,
    read_scenario,
)
from sim.scenarios import ScenarioError
from tests.conftest import ROOT

WHOLE = """
version = 1
name = "broken-edge"
[city]
junctions = 40
seed = 7
river = false
[demand]
veh_per_h_per_junction = 90
press_share = 0.5
[[faults]]
kind = "stuck-on"
where = "district:edge"
onset_s = 600
share = 0.5
[[faults]]
kind = "dropout"
rate_per_hour = 2
repair_s = 120
[run]
begin_s = 0
end_s = 1800
controller = "fixed"
sensors = "full"
timing = "comparison"
"""


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_everything_there_is_to_say(tmp_path: Path) -> None:
    scenario = read_scenario(written(tmp_path, WHOLE))
    assert scenario.name == "broken-edge"
    assert scenario.city == CityPlan(junctions=40, seed=7, river=False)
    assert scenario.demand == DemandPlan(veh_per_h_per_junction=90.0, press_share=0.5)
    assert [fault.kind for fault in scenario.faults] == [FaultKind.STUCK_ON, FaultKind.DROPOUT]
    assert scenario.faults[0].where == "district:edge"
    assert scenario.run == RunPlan(0, 1800, "fixed", Sensors.FULL, Timing.COMPARISON)
    assert scenario.shortened(10).run.duration_s == 600
    assert scenario.shortened(60).run.duration_s == 1800


def test_two_lines_are_a_scenario_named_after_its_file(tmp_path: Path) -> None:
    scenario = read_scenario(written(tmp_path, "version = 1\n[city]\n"))
    assert scenario == CityScenario("mine", city=CityPlan(), file=str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[city]\n", "version: missing"),
        ("version = 2\n[town]\n", "written for a newer Belisha; this one reads version 1"),
        ("version = 1\n", "neither is given; exactly one of [city] and [sumo] is needed"),
        ("version = 1\n[city]\n[sumo]\nnet = 'a'\nroutes = ['b']\n", "both are given"),
        (
            "version = 1\n[city]\njunctions = 11\n",
            "city.junctions: found 11; allowed is a whole number from 12",
        ),
        ("version = 1\n[city]\njunction = 20\n", "city.junction: unknown key; allowed are junctions, seed"),
        ("version = 1\n[city]\n[demand]\npress_share = 1.5\n", "demand.press_share: found 1.5; allowed is"),
        (
            "version = 1\n[city]\n[run]\ncontroller = 'best'\n",
            "run.controller: found 'best'; allowed is one of",
        ),
        ("version = 1\n[city]\n[run]\nend_s = 9\n", "run.end_s: found 9; allowed is later than run.begin_s"),
        ("version = 1\n[city]\n[[faults]]\nkind = 'sad'\n", "faults[0].kind: found 'sad'; allowed is one of"),
        ("version = 1\n[city]\n[[faults]]\nkind = 'drift'\nwhere = 'x'\n", "faults[0].where: found 'x'"),
        ("version = 1\nname = 'a b'\n[city]\n", "name: found 'a b'; allowed is up to 64 letters"),
        ("version = 1\n[sumo]\nnet = 'no.net.xml'\nroutes = ['b']\n", "sumo.net: no such file no.net.xml"),
        ("version = \n", "not TOML"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_key_and_what_is_allowed(
    tmp_path: Path, text: str, message: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ScenarioError) as wrong:
        read_scenario(path)
    assert str(wrong.value).startswith(str(path))
    assert message in str(wrong.value)
    assert "\n" not in str(wrong.value)


def test_files_are_found_beside_the_scenario_and_the_busiest_hour_is_played(tmp_path: Path) -> None:
    written(tmp_path, "<net/>", "town.net.xml")
    trips = "".join(f'<trip id="{k}" depart="{7200 + k}" from="a" to="b"/>' for k in range(5))
    written(tmp_path, f"<routes>{trips}</routes>", "town.rou.xml")
    path = written(tmp_path, 'version = 1\n[sumo]\nnet = "town.net.xml"\nroutes = ["town.rou.xml"]\n')
    scenario = read_scenario(path)
    assert scenario.sumo is not None
    assert scenario.sumo.net == tmp_path / "town.net.xml"
    assert (scenario.run.begin_s, scenario.run.end_s) == (7200, 10800)


@pytest.mark.parametrize("name", built_in_names())
def test_every_built_in_scenario_can_be_read(name: str) -> None:
    assert find_scenario(name).name == name


def test_the_page_about_scenarios_names_every_key_with_its_default() -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    for table in (CITY, DEMAND, FAULT, RUN, SUMO):
        for key in table.keys:
            row = next((line for line in page.splitlines() if f"`{key}`" in line.partition(" | ")[0]), None)
            assert row is not None, key
            default = table.defaults.get(key)
            if isinstance(default, float | int | str) and not isinstance(default, bool) and key != "end_s":
                written = str(default) if isinstance(default, str) else f"{default:g}"
                assert written in row, f"{key}: {row}"


def test_an_unknown_name_is_told_which_scenarios_there_are() -> None:
    with pytest.raises(ScenarioError, match="nowhere: no such scenario; allowed: a scenario file, or one of"):
        find_scenario("nowhere")
