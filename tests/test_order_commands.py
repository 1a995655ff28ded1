"""`belisha order` on the command line: each order asks for what it needs, and offers nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from typer.testing import CliRunner

import belisha
from override.order_commands import HELP
from override.roles import Command
from override.topics import NEEDS

ARGUMENTS = {"stage", "group", "detector", "plan", "by"}


def run(*words: str) -> Any:
    return CliRunner().invoke(belisha.compose(("order",)), ["order", *words])


def offered(*words: str) -> set[str]:
    """The options a command's help lists, without dashes."""
    text = run(*words, "--help").output
    return set(re.findall(r"^ +--([a-z-]+)", text, re.MULTILINE))


@pytest.mark.parametrize("command", HELP)
def test_the_help_of_an_order_lists_the_arguments_it_needs_and_no_others(command: Command) -> None:
    needed = {"by" if name == "bias_ms" else name for name in NEEDS[command]}
    assert offered(str(command)) & ARGUMENTS == needed
    assert offered("preview", str(command)) & ARGUMENTS == needed


@pytest.mark.parametrize(
    ("option", "commands"),
    [
        ("suspend-promise", {Command.HOLD}),
        ("break-glass", {Command.LOCKOUT, Command.RESET_TRIP}),
        ("for", set(HELP) - {Command.RESET_TRIP}),
        ("takeover", set(HELP) - {Command.RESET_TRIP, Command.ALL_RED, Command.FLASH}),
        ("ticket", set(HELP)),
        ("pictures", set()),
    ],
)
def test_other_options_are_offered_where_they_do_something(option: str, commands: set[Command]) -> None:
    assert {command for command in HELP if option in offered(str(command))} == commands


def test_a_slot_is_asked_for_only_where_it_depends_on_who_orders() -> None:
    assert "slot" in offered("hold")
    assert "slot" not in offered("all-red")
    assert "slot" not in offered("preview", "corridor")


def test_what_an_order_needs_is_asked_for_before_anybody_is_connected() -> None:
    done = run("hold", "J1", "--reason", "x", "--key", "nowhere.key")
    assert (done.exit_code, "--stage" in done.output) == (2, True)


def test_where_pictures_are_is_understood_though_an_order_looks_at_none() -> None:
    done = run("list", "--key", "nowhere.key", "--pictures", "tcp://127.0.0.1:1")
    assert "nowhere.key" in str(done.exception)
