"""The units in docs/systemd can be read by systemd, and call what there is."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.main import get_command

from belisha import app
from tests.conftest import ROOT

UNITS = sorted((ROOT / "docs" / "systemd").iterdir())
CALL = re.compile(r"(/[^\s=]*/bin/belisha) (.*)")


def read(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit, encoding="utf-8")
    return parser


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_command_in_a_unit_is_one_of_ours_with_options_it_has(unit: Path) -> None:
    parser = read(unit)
    assert parser.has_option("Unit", "Description")
    if unit.suffix == ".timer":
        assert unit.with_suffix(".service") in UNITS
        return
    commands = get_command(app).commands  # type: ignore[attr-defined]
    lines = [value for key, value in parser["Service"].items() if key.startswith("Exec")]
    calls = [found[2].split() for line in lines if (found := CALL.search(line.rstrip("'")))]
    assert len(calls) == len(lines)
    for words in calls:
        options = {name for parameter in commands[words[0]].params for name in parameter.opts}
        asked = {word for word in words if word.startswith("--")}
        assert asked <= options, f"{words[0]}: {asked - options}"


def test_a_station_that_cannot_start_is_not_started_for_ever() -> None:
    """Exit code 2 is bad input: a person must look (docs/for-operators.md)."""
    for name in ("belisha-station.service", "belisha-citizen.service"):
        service = read(ROOT / "docs" / "systemd" / name)["Service"]
        assert service["RestartPreventExitStatus"] == "2"
        assert service["Restart"] == "on-failure"
        assert service["NoNewPrivileges"] == "yes"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    """Where the program would be there stands one that does nothing."""
    for unit in UNITS:
        text = CALL.sub(r"/bin/true \2", unit.read_text(encoding="utf-8"))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *[str(tmp_path / unit.name) for unit in UNITS]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "belisha" in line]
    assert not ours, "\n".join(ours)
