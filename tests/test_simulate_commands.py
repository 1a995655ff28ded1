"""`belisha simulate` and `belisha compare` as people type them, on a small city that really runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command_line import belisha
from tests.conftest import ROOT

TOWN = """
version = 1
name = "hamlet"
[city]
junctions = 12
bus_lines = 1
[demand]
veh_per_h_per_junction = 600.0
[run]
begin_s = 25200
end_s = 25380
"""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("town") / "hamlet.toml"
    path.write_text(TOWN)
    return path


@pytest.fixture(scope="module")
def played(town: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    out = tmp_path_factory.mktemp("played") / "out"
    words = ["simulate", town, "--controller", "adaptive,fixed", "--seeds", 1, "--jobs", 2, "--out", out]
    first = belisha(*words, "--json")
    assert first.returncode == 0, first.stderr
    return out, json.loads(first.stdout)


def test_a_city_is_played_measured_and_reported(played: tuple[Path, dict]) -> None:
    out, told = played
    assert [one["controller"] for one in told["controllers"]] == ["adaptive", "fixed"]
    for one in told["controllers"]:
        assert one["everybody_s"]["mean"] > 0
        assert {"car", "walk"} <= set(one["modes"])
        assert {"edge", "all"} <= {row["district"] for row in one["ledger"]} | {
            row["mode"] for row in one["ledger"]
        }
    assert (out / "report.html").read_text().startswith("<!doctype html>")
    record = json.loads((out / "adaptive" / "seed-1" / "run.json").read_text())
    assert record["violations"] == 0
    assert record["measures"]["promises"]["people"] > 0


def test_the_same_command_runs_nothing_twice_and_another_policy_is_refused(
    town: Path, played: tuple[Path, dict], tmp_path: Path
) -> None:
    out, _ = played
    before = (out / "adaptive" / "seed-1" / "run.json").stat().st_mtime_ns
    again = belisha("simulate", town, "--controller", "adaptive,fixed", "--seeds", 1, "--out", out)
    assert again.returncode == 0, again.stderr
    assert "2 of 2 runs are kept" in again.stderr
    assert "everybody" in again.stdout
    assert "edge" in again.stdout
    assert (out / "adaptive" / "seed-1" / "run.json").stat().st_mtime_ns == before
    (tmp_path / "policy.toml").write_text("persons_per_bus = 60.0\n")
    other = belisha(
        "simulate", town, "--controller", "adaptive", "--policy", tmp_path / "policy.toml", "--out", out
    )
    assert (other.returncode, other.stderr.count("\n")) == (2, 1)
    assert "different policy" in other.stderr


def test_compare_shows_who_gains_and_writes_the_page(played: tuple[Path, dict], tmp_path: Path) -> None:
    out, told = played
    shown = belisha("compare", out / "fixed", out / "adaptive", "--json", "--out", tmp_path / "page.html")
    assert shown.returncode == 0, shown.stderr
    comparison = json.loads(shown.stdout)
    assert comparison["seeds"] == [1]
    means = {one["controller"]: one["everybody_s"]["mean"] for one in told["controllers"]}
    everybody = comparison["everybody"]["seconds"]
    assert everybody["before"] == pytest.approx(means["fixed"], rel=0.01)
    assert everybody["after"] == pytest.approx(means["adaptive"], rel=0.01)
    assert "fixed" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "no such scenario"),
        (["TOWN", "--controller", "clever"], "allowed: adaptive, fixed"),
        (["TOWN", "--seeds", "0"], "--seeds"),
        (["TOWN", "--fault", "stuck-off:moon:1"], "allowed is all, district"),
        (["TOWN", "--fault", "stuck-off:district:moon:1"], "moon"),
        (["TOWN", "--policy", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[str], said: str, town: Path, tmp_path: Path
) -> None:
    given = [town if word == "TOWN" else word for word in words]
    done = belisha("simulate", *given, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not list((tmp_path / "out").glob("*/*")), "nothing may be left of what was refused"


def test_ctrl_c_says_how_to_go_on(town: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "belisha.py"), "simulate", str(town), "--seeds", "9", "--jobs", "1",
         "--out", str(tmp_path)],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=listen,
    )  # fmt: skip
    while process.poll() is None and not list(tmp_path.glob("adaptive/seed-*/run.json")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    kept = len(list(tmp_path.glob("adaptive/seed-*/run.json")))
    assert f"interrupted; {kept} of 9 runs are kept" in said
    assert not list(tmp_path.glob("adaptive/.*"))


def listen() -> None:
    """Hear Ctrl-C even where the tests were started in the background; in a group of its own."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setpgid(0, 0)
