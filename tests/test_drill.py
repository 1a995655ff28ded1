"""The drill: a junction goes down and comes back by itself, and the log says when and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from controller.ladder import Rung
from sim.city.drill import Drill, drill, drill_hours
from sim.city.load import City, load_city
from sim.city.scenario import CityPlan, CityScenario, DemandPlan, FaultKind, FaultPlan, RunPlan
from sim.drill_commands import drill as drill_command
from sim.drill_commands import story
from sim.scenarios import ScenarioError

BEGIN_S = 7 * 3600
SCENARIO = CityScenario(
    "hamlet",
    city=CityPlan(junctions=12, bus_lines=0, edge_share=0.0),
    demand=DemandPlan(veh_per_h_per_junction=60.0, walks_per_h_per_junction=20.0),
    faults=(FaultPlan(FaultKind.STUCK_ON),),
    run=RunPlan(BEGIN_S, BEGIN_S + 300),
)


@pytest.fixture(scope="module")
def city() -> City:
    return load_city(drill_hours(SCENARIO, 60, 120))


@pytest.fixture(scope="module")
def done(city: City) -> Drill:
    """A fifth of one junction's detectors falls silent for two minutes."""
    return drill(city, city.street.junctions[5].title, FaultKind.DROPOUT, 60, 120, 0.2)


def test_a_drill_has_its_own_faults_only_and_time_for_the_way_back(city: City) -> None:
    assert city.scenario.faults == ()
    assert city.end_ms == 1000 * (BEGIN_S + 60 + 120 + 3600)


def test_the_junction_goes_down_and_is_back_in_the_stated_time(done: Drill) -> None:
    assert (done.before, done.lowest, done.after) == (Rung.ADAPTIVE, Rung.SUBSTITUTED, Rung.ADAPTIVE)
    assert done.found_s is not None
    assert done.found_s <= 8
    assert done.all_found_s == done.found_s, "a lost line is lost for all at the same time"
    assert done.down_s is not None
    assert done.found_s <= done.down_s + 1 <= done.found_s + 60
    assert done.back_s is not None
    assert 300 <= done.back_s <= 300 + 60
    assert done.promises_broken == done.violations == 0


def test_the_log_is_the_story_in_order_of_time(done: Drill) -> None:
    whats = [line.what for line in done.lines]
    assert whats[0] == "fault"
    assert whats[-1] == "end"
    assert whats.count("ladder") == 2
    seen = [line.time_ms for line in done.lines if line.what not in ("approach", "ladder")]
    assert np.all(np.diff(seen) >= 0)
    text = "\n".join(story(done))
    assert "fall ill (dropout)" in text
    assert "is not used any more: its last reading is old" in text
    assert "down to rung 1" in text
    assert "back on rung 0 (adaptive), every detector in use" in text
    assert "07:01:0" in text
    data = done.to_json()
    assert (data["fault"], data["lowest"], data["back_s"]) == ("dropout", 1, done.back_s)
    assert len(data["log"]) == len(done.lines)  # type: ignore[arg-type]


def test_a_drill_whose_hours_are_over_says_so(city: City) -> None:
    short = replace(city.scenario.run, end_s=BEGIN_S + 200)
    ended = drill(
        replace(city, scenario=replace(city.scenario, run=short)), city.street.junctions[5].title,
        FaultKind.DROPOUT, 60, 120, 1.0,
    )  # fmt: skip
    assert ended.back_s is None
    assert ended.lowest is Rung.COORDINATED
    assert "the hours are over" in ended.lines[-1].sentence
    assert "did not come back" in story(ended)[-1]


def test_an_unknown_junction_is_answered_with_those_known(city: City) -> None:
    with pytest.raises(ValueError, match=r"no junction Nowhere; known are"):
        drill(city, "Nowhere", FaultKind.DROPOUT, 60, 120)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["X", "--fault", "rust"], "no such kind; allowed are stuck-on"),
        (["X", "--fault", "dropout", "--route", "a.rou.xml"], "--route needs the --net"),
        (["X", "--fault", "dropout", "--net", "a.net.xml"], "--net with its --route"),
        (
            ["X", "--fault", "dropout", "--net", "a.net.xml", "--route", "b", "--scenario", "city"],
            "either --scenario",
        ),
        (["X", "--fault", "dropout", "--net", "a.net.xml", "--route", "b"], "a.net.xml: no such file"),
        (["X", "--fault", "dropout", "--scenario", "nowhere"], "no such scenario"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], words: str, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(drill_command)
    answer = CliRunner().invoke(app, arguments)
    assert isinstance(answer.exception, ScenarioError)
    assert words in str(answer.exception)
    assert "\n" not in str(answer.exception)
