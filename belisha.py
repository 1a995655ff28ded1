"""The command line. Composition only: what a command does lives in the packages.

Of the commands only the one that was asked for is imported, all of them for `belisha --help`; nothing
heavy is imported at the top of any `commands.py`, so that every answer comes at once and without a compiler.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module

import typer

from controller.file_words import named

COMMANDS = {
    "demo": "sim.city.demo_commands:demo",
    "import": "sim.importers.commands:import_command",
    "sumo": "sim.commands:sumo",
    "design-plans": "sim.design_commands:design_plans",
    "evaluate": "sim.evaluate_commands:evaluate",
    "simulate": "sim.city.simulate_commands:simulate",
    "compare": "sim.city.compare_commands:compare",
    "replay": "sim.replay_commands:replay",
    "town": "sim.town_commands:town",
    "check": "sim.city.check_commands:check",
    "card": "sim.card_commands:card",
    "drill": "sim.drill_commands:drill",
    "degrade": "sim.degrading.commands:degrade",
    "hearing": "sim.city.hearing_commands:hearing",
    "drill-processes": "sim.lamp_drill_commands:drill_processes",
    "station": "sim.station_commands:station",
    "console": "tui.commands:console",
    "handover": "tui.handover_commands:handover",
    "citizen": "override.citizen.commands:citizen",
    "flag": "override.citizen.commands:flag",
    "words": "override.citizen.commands:words",
    "privacy": "override.citizen.commands:privacy",
    "backup": "override.backup_commands:backup",
    "restore": "override.backup_commands:restore",
    "watch": "override.watch_commands:watch",
    "panic": "override.order_commands:panic",
    "order": "override.order_commands:app",
    "alarm": "override.alarm_commands:app",
    "case": "override.case_commands:app",
    "deploy": "override.deploy_commands:app",
    "keys": "override.keys_commands:app",
    "audit": "override.audit_commands:app",
    "poles": "sim.city.poles_commands:app",
    "journal": "sim.journal_commands:app",
}
"""Where each command lives, in the order in which `belisha --help` lists them."""
PARTS = {
    "order": {
        "preview": "override.preview_commands:app",
        "receipt": "override.preview_commands:receipt",
    }
}
"""Of a command with commands of its own, those that live elsewhere."""

HELP = "People-first traffic-signal control: lawful, explained, and always open to a human taking over."


@cache
def compose(names: Sequence[str]) -> typer.Typer:
    """The command line with these commands, none other imported."""
    app = typer.Typer(
        name="belisha",
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )

    @app.callback()
    def belisha() -> None:
        """Tell typer that every command has a name, even while there is only one."""

    for name in names:
        _add(app, name, COMMANDS[name])
    return app


def _add(app: typer.Typer, name: str, place: str) -> None:
    module, _, what = place.partition(":")
    command = getattr(import_module(module), what)
    if not isinstance(command, typer.Typer):
        app.command(name)(command)
        return
    known = {one.name for one in command.registered_groups} | {
        one.name for one in command.registered_commands
    }
    for part, lives in PARTS.get(name, {}).items():
        if part not in known:
            _add(command, part, lives)
    app.add_typer(command, name=name)


def __getattr__(name: str) -> typer.Typer:
    """`app`: all of it, made when somebody asks for it."""
    if name == "app":
        return compose(tuple(COMMANDS))
    raise AttributeError(name)


def is_bad_input(error: Exception) -> bool:
    """Whether it is one of our own words for something given that cannot be used, or a file problem."""
    if type(error).__module__.partition(".")[0] in ("controller", "override", "sim", "tui"):
        return True
    if isinstance(error, ModuleNotFoundError):
        return error.name in ("libsumo", "sumo")
    return isinstance(error, OSError) and error.filename is not None


def main() -> None:
    """Console script `belisha`: bad input is one line and exit code 2, never a traceback."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    app = compose((asked,) if asked in COMMANDS else tuple(COMMANDS))
    try:
        app()
    except Exception as error:
        if not is_bad_input(error):
            raise
        typer.echo(f"belisha: {named(error)}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
