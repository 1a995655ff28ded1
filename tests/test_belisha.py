"""The command line: bad input is one clear line and exit code 2, a mistake of ours is not hidden."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import belisha
from controller.conflicts import UnsafeJunction
from override.connect_options import PICTURES, Where, told_where
from override.order_commands import AsJson
from tests.conftest import ROOT


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "belisha.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_help_answers() -> None:
    assert "demo" in run("--help").stdout
    # Without a command it says what there is.
    assert run().stderr == run("--help").stdout


@pytest.mark.parametrize("words", [("demo", "--minutes", "0"), ("demo", "--seed", "x"), ("nonsense",)])
def test_options_that_cannot_be_are_refused(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert words[-2 % len(words)] in done.stderr.splitlines()[-1]


@pytest.mark.sumo
def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "town").write_text("a file", encoding="utf-8")
    done = run("town", "--write", str(tmp_path / "town" / "inside"))
    assert done.returncode == 2
    assert done.stderr.startswith("belisha: ")
    assert len(done.stderr.splitlines()) == 1
    assert "town" in done.stderr


@pytest.mark.sumo
def test_the_town_is_written_where_asked(tmp_path: Path) -> None:
    done = run("town", "--minutes", "1", "--write", str(tmp_path / "town"))
    assert done.returncode == 0, done.stderr
    assert all(Path(line).is_file() for line in done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UnsafeJunction("J3: north and east conflict"), True),
        (FileNotFoundError(2, "No such file", "x.net.xml"), True),
        (ModuleNotFoundError("SUMO is not installed", name="libsumo"), True),
        (ModuleNotFoundError("a mistake of ours", name="controller.plam"), False),
        (ValueError("a mistake of ours"), False),
        (KeyError("a mistake of ours"), False),
    ],
)
def test_bad_input_is_told_from_a_mistake_of_ours(error: Exception, expected: bool) -> None:
    assert belisha.is_bad_input(error) is expected


def test_a_command_that_is_told_where_has_the_four_options_around_its_own() -> None:
    got: list[tuple[object, ...]] = []

    @partial(told_where, listens=True)
    def wave(where: Where, street: str, twice: bool = False, as_json: AsJson = False) -> None:
        """Wave at a street."""
        got.append((where, street, twice, as_json))

    app = typer.Typer()
    app.command()(wave)
    runner = CliRunner()
    text = runner.invoke(app, ["--help"]).output
    words = ("Wave at a street.", "--key", "--twice", "--station", "--orders", "--pictures", "--json")
    assert [text.index(word) for word in words] == sorted(text.index(word) for word in words)
    assert runner.invoke(app, ["mill", "--key", "ana.key", "--orders", "tcp://o", "--json"]).exit_code == 0
    assert got == [(Where(Path("ana.key"), "", "tcp://o", PICTURES), "mill", False, True)]
    assert runner.invoke(app, ["mill"], env={"BELISHA_KEY": "eng.key"}).exit_code == 0
    assert runner.invoke(app, ["mill"], env={"BELISHA_KEY": ""}).exit_code == 2, "no key"
