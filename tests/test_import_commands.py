"""`belisha import` as people and scripts meet it."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from controller.street_file import read_street
from sim.importers.commands import import_command
from sim.importers.sumo import import_sumo
from tests.small_nets import PHASES, cross

app = typer.Typer()
app.command()(import_command)
runner = CliRunner()


def test_it_writes_the_street_and_says_what_it_assumed(tmp_path: Path) -> None:
    net, out = cross(tmp_path), tmp_path / "street.toml"
    done = runner.invoke(app, [str(net), "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert read_street(out) == import_sumo(net)
    assert "J1 C: 2 signal groups (0 crossings), 2 lanes, 2 stages given" in done.output
    assert "cycle 60 s" in done.output
    assert "1800 vehicles an hour" in done.output


def test_json_is_for_scripts(tmp_path: Path) -> None:
    net, out = cross(tmp_path), tmp_path / "street.toml"
    done = runner.invoke(app, [str(net), "-o", str(out), "--timing", "comparison", "--json"])
    told = json.loads(done.output)
    assert (told["timing"], told["junctions"][0]["cycle_s"]) == ("comparison", 60.0)
    assert any("not for a street" in sentence for sentence in told["assumptions"])


def test_an_unsafe_network_is_one_line_exit_code_two_and_no_file(tmp_path: Path) -> None:
    net, out = cross(tmp_path, phases=PHASES.replace("Gr", "GG", 1)), tmp_path / "street.toml"
    done = runner.invoke(app, [str(net), "-o", str(out)])
    assert done.exit_code == 2
    assert "cross each other and are both green" in done.output
    assert done.output.count("\n") == 1
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    done = runner.invoke(app, [str(cross(tmp_path)), "-o", str(tmp_path / "none" / "street.toml")])
    assert done.exit_code == 2
    assert "none/street.toml: cannot be written" in done.output
