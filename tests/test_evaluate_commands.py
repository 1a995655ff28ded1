"""`belisha evaluate` as people type it: refusals before the hour of runs, results after it, and going on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim import demo, evaluate_commands, sweep
from sim.evaluate_commands import BadRequest, parse_names, parse_seeds
from sim.scenarios import ScenarioError, check_belongs_together, from_files
from tests.command_line import belisha
from tests.runs import a_run


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", (1, 2, 3)), ("2-4", (2, 3, 4)), ("7-7", (7,)), ("9,2,9", (9, 2)), ("1-2,0", (1, 2, 0))],
)
def test_seeds_are_a_number_a_range_or_a_list(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", "0", "x", "1-", "5-2", "-3", "1,,2", "1-999999999", "99999", "3000000000-3000000001"]
)
def test_other_seeds_are_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(BadRequest, match="allowed: a number of seeds"):
        parse_seeds(text)


def test_an_unknown_controller_is_refused_with_the_known_ones() -> None:
    assert parse_names("greedy, fixed,greedy", ("fixed", "greedy"), "--controllers") == ("greedy", "fixed")
    with pytest.raises(BadRequest, match="'genius': unknown; allowed: fixed, greedy"):
        parse_names("fixed,genius", ("fixed", "greedy"), "--controllers")
    with pytest.raises(BadRequest, match="nothing named"):
        parse_names(" , ", ("fixed",), "--controllers")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "neither given; allowed: one of them"),
        (("--net", "a", "--scenarios", "b"), "both given"),
        (("--net", "nowhere.net.xml", "--route", "x"), "nowhere.net.xml: no such network file"),
        (("--scenarios", "nowhere"), "nowhere: no such folder"),
        (("--scenarios", ".", "--route", "x"), "--route belongs to --net"),
        (("--net", "a", "--maps", "x"), "--maps belongs to --scenarios"),
    ],
)
def test_contradictions_are_one_line_and_exit_code_2(words: tuple[str, ...], said: str) -> None:
    done = belisha("evaluate", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.fixture
def small(tmp_path: Path) -> dict[str, Any]:
    """One network that is never run, because the runs are made up."""
    net, route = tmp_path / "quay.net.xml", tmp_path / "quay.rou.xml"
    net.write_text(
        '<net><edge id="a" from="n" to="m"><lane id="a_0" index="0" speed="9" length="9"/></edge></net>'
    )
    route.write_text('<routes><trip id="t" depart="1" from="a" to="a"/></routes>')
    return {"net": net, "route": [route], "seeds": "2", "out": tmp_path / "results"}


def test_demand_of_another_network_is_refused_before_anything_runs(small: dict[str, Any]) -> None:
    scenario = from_files(small["net"], small["route"])
    check_belongs_together(scenario, {"a"})
    with pytest.raises(ScenarioError, match=r"quay\.rou\.xml: trip 't': edge 'a' is not in .*quay\.net\.xml"):
        check_belongs_together(scenario, {"b"})


def test_a_network_without_signals_is_refused_before_anything_runs(small: dict[str, Any]) -> None:
    done = belisha("evaluate", "--net", small["net"], "--route", small["route"][0], "--out", small["out"])
    assert done.returncode == 2
    assert "quay.net.xml" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(small["out"].glob("*")) == []


def test_a_report_that_cannot_be_written_is_known_before_anything_runs(
    small: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(BadRequest, match="its folder does not exist"):
        evaluate_commands.evaluate(**small, html=tmp_path / "no" / "r.html")
    with pytest.raises(BadRequest, match="is a folder"):
        evaluate_commands.evaluate(**small, markdown=tmp_path)


def test_ctrl_c_tells_what_is_kept_and_how_to_go_on(
    small: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    def interrupted(jobs: Any, runner: Any, store: sweep.ResultStore, *rest: Any) -> None:
        store.keep(jobs[0], a_run(), 1.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "sweep", interrupted)
    monkeypatch.setattr(evaluate_commands, "_check_scenarios", lambda planned, store: None)
    with pytest.raises(typer.Exit) as end:
        evaluate_commands.evaluate(**small, controllers="fixed")
    assert end.value.exit_code == 130
    said = capsys.readouterr().err
    assert f"interrupted; 1 of 2 runs are kept in {small['out']}" in said
    assert "The same command goes on from there" in said


@pytest.mark.sumo
def test_a_real_street_is_run_shown_written_and_not_run_twice(tmp_path: Path) -> None:
    """Two minutes of the demo town: everything but the numbers themselves."""
    net, routes = demo.build_demo_street(tmp_path, 1, 120)
    words = ["--net", net, *(word for route in routes for word in ("--route", route))]
    words += ["--begin", 0, "--end", 120, "--seeds", 1, "--controllers", "fixed", "--yardsticks", "--json"]
    words += ["--out", tmp_path / "kept", "--html", tmp_path / "r.html", "--markdown", tmp_path / "r.md"]
    first = belisha("evaluate", *words)
    assert first.returncode == 0, first.stderr
    shown = json.loads(first.stdout)
    rows = {row["controller"]: row for row in shown["maps"][0]["rows"]}
    assert {"fixed", "sumo-static", "sumo-actuated", "sumo-delay-based", "all-green"} == set(rows)
    assert rows["all-green"]["delay_s"]["mean"] < rows["fixed"]["delay_s"]["mean"]
    # Every row has seen the same people.
    assert len({row["modes"]["car"]["trips"] for row in rows.values()}) == 1
    assert rows["fixed"]["violations"] == 0
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert "| 1 | fixed |" in (tmp_path / "r.md").read_text()

    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    assert len(written) == 5
    second = belisha("evaluate", *words)
    assert json.loads(second.stdout)["maps"] == shown["maps"]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()} == written
