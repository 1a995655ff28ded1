"""Every command the README and the user pages show is run, in the order a reader would type it.

Commands stand in ```sh blocks. `make ...` is asked what it would do (running `make test` in a test
would not end); everything else runs as written, in one empty directory per page, and must end with 0.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belisha import compose
from tests.conftest import ROOT

PAGES = (
    "README.md",
    "docs/for-engineers.md",
    "docs/for-operators.md",
    "docs/for-citizens.md",
    "docs/scenarios.md",
)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""Commands that need something running beside them; they are parsed, not run."""
FREE_PORTS = """if [ "$1" = station ]; then
  set -- "$@" --orders 'tcp://127.0.0.1:*' --pictures 'tcp://127.0.0.1:*' --citizens 'tcp://127.0.0.1:*'
fi"""
"""A reader has a machine to himself; two runs of these tests on one machine have not."""
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def commands(text: str) -> list[str]:
    """The commands of all ```sh blocks, continued lines joined, comments dropped."""
    lines = "".join(BLOCK.findall(text)).replace("\\\n", " ").splitlines()
    return [" ".join(line.split()) for line in lines if line.strip() and not line.strip().startswith("#")]


def page_commands() -> dict[str, list[str]]:
    return {page: commands((ROOT / page).read_text(encoding="utf-8")) for page in PAGES}


@pytest.mark.parametrize(
    "command", sorted({c for cs in page_commands().values() for c in cs if c.startswith("make ")})
)
def test_make_knows_every_target_shown(command: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("no make here")
    words = [*shlex.split(command.partition("#")[0]), "--dry-run"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def in_a_shell_of_a_user(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run one line as a reader would, `belisha` being this very checkout."""
    programs = directory.parent / "programs"
    programs.mkdir(exist_ok=True)
    belisha = programs / "belisha"
    belisha.write_text(
        f'#!/bin/sh\n{FREE_PORTS}\nexec "{sys.executable}" "{ROOT / "belisha.py"}" "$@"\n', encoding="utf-8"
    )
    belisha.chmod(0o755)
    environment = dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}", PYTHONPATH=str(ROOT))
    return subprocess.run(
        ["sh", "-c", command], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.long
@pytest.mark.sumo
@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_works_as_written(page: str, tmp_path: Path) -> None:
    directory = tmp_path / "reader"
    directory.mkdir()
    for command in page_commands()[page]:
        # What these do is tried in CI itself, from a clean clone.
        if command.startswith(("make ", "git clone", "cd ", ". .venv")):
            continue
        done = in_a_shell_of_a_user(command, directory)
        assert done.returncode == 0, f"{page}: {command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr


def shown_commands() -> list[tuple[str, str]]:
    """(page, command) of every ```console block that calls belisha."""
    found = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        lines = "".join(SHOWN.findall(path.read_text(encoding="utf-8"))).replace("\\\n", " ").splitlines()
        lines = [line.partition(" #")[0].removeprefix("$ ").strip() for line in lines]
        found += [(path.name, line) for line in lines if line.startswith("belisha ")]
    return found


@pytest.mark.parametrize(("page", "command"), shown_commands())
def test_commands_that_need_a_station_are_spelled_as_the_command_line_has_them(
    page: str, command: str
) -> None:
    """Nothing is done: every option is one that the command has, or the page is wrong."""
    words = shlex.split(command.partition(" &")[0].partition(" > ")[0].partition(" | ")[0])[1:]
    # Options are read before help is given: one that is not there is told.
    done = CliRunner().invoke(compose((words[0],)), [*words, "--help"])
    assert done.exit_code == 0, f"{page}: {command}\n{done.output}"


def test_the_readme_shows_the_two_commands() -> None:
    shown = page_commands()["README.md"]
    assert "make run" in shown
    assert "make test" in shown


@pytest.mark.parametrize("page", [*PAGES, "docs/one-tick.md"])
def test_no_link_leads_nowhere(page: str) -> None:
    path = ROOT / page
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{page}: {target} is not there"


def names_defined() -> set[str]:
    found = set()
    for path in (ROOT / "controller").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found.add(node.name)
                found |= {
                    f"{node.name}.{item.name}" for item in node.body if isinstance(item, ast.FunctionDef)
                }
            elif isinstance(node, ast.FunctionDef):
                found.add(node.name)
    return found


def test_one_tick_names_only_what_exists() -> None:
    """The page that leads through the code by function names must not outlive them."""
    text = (ROOT / "docs/one-tick.md").read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`([^`]+)`", text) if "/" not in name}
    known = names_defined()
    lost = {
        name for name in named if name not in known and name.removeprefix("controller.frame.") not in known
    }
    assert not lost
    for path in re.findall(r"`(controller/[^`]+)`", text):
        assert (ROOT / path).exists(), path


def test_commands_are_read_as_a_reader_would() -> None:
    text = "```sh\n# a comment\nbelisha demo \\\n    --seed 2\n```\n```python\nx = 1\n```\n"
    assert commands(text) == ["belisha demo --seed 2"]
