"""The command line. Composition only: what a command does lives in the packages.

Nothing heavy is imported here or at the top of any `commands.py`, so that
`belisha --help` answers at once and without a compiler.
"""

from __future__ import annotations

import typer

from override.audit_commands import app as audit_app
from override.backup_commands import backup, restore
from override.citizen.commands import citizen, flag, privacy, words
from override.deploy_commands import app as deploy_app
from override.keys_commands import app as keys_app
from override.order_commands import app as order_app
from override.order_commands import panic
from override.preview_commands import app as preview_app
from override.preview_commands import receipt
from override.watch_commands import watch
from sim.card_commands import card
from sim.city.check_commands import check
from sim.city.compare_commands import compare
from sim.city.demo_commands import demo
from sim.city.hearing_commands import hearing
from sim.city.poles_commands import app as poles_app
from sim.city.simulate_commands import simulate
from sim.commands import sumo
from sim.degrading.commands import degrade
from sim.design_commands import design_plans
from sim.drill_commands import drill
from sim.evaluate_commands import evaluate
from sim.importers.commands import import_command
from sim.journal_commands import app as journal_app
from sim.lamp_drill_commands import drill_processes
from sim.replay_commands import replay
from sim.station_commands import station
from sim.town_commands import town
from tui.commands import console
from tui.handover_commands import handover

app = typer.Typer(
    name="belisha",
    help="People-first traffic-signal control: lawful, explained, and always open to a human taking over.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def belisha() -> None:
    """Tell typer that every command has a name, even while there is only one."""


app.command()(demo)
app.command("import")(import_command)
app.command()(sumo)
app.command("design-plans")(design_plans)
app.command()(evaluate)
app.command()(simulate)
app.command()(compare)
app.command()(replay)
app.command()(town)
app.command()(check)
app.command()(card)
app.command()(drill)
app.command()(degrade)
app.command()(hearing)
app.command()(drill_processes)
app.command()(station)
app.command()(console)
app.command()(handover)
app.command()(citizen)
app.command()(flag)
app.command()(words)
app.command()(privacy)
app.command()(backup)
app.command()(restore)
app.command()(watch)
app.command()(panic)
order_app.add_typer(preview_app, name="preview")
order_app.command("receipt")(receipt)
app.add_typer(order_app, name="order")
app.add_typer(deploy_app, name="deploy")
app.add_typer(keys_app, name="keys")
app.add_typer(audit_app, name="audit")
app.add_typer(poles_app, name="poles")
app.add_typer(journal_app, name="journal")


def is_bad_input(error: Exception) -> bool:
    """Whether it is one of our own words for something given that cannot be used, or a file problem."""
    if type(error).__module__.partition(".")[0] in ("controller", "override", "sim", "tui"):
        return True
    if isinstance(error, ModuleNotFoundError):
        return error.name in ("libsumo", "sumo")
    return isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError | NotADirectoryError)


def main() -> None:
    """Console script `belisha`: bad input is one line and exit code 2, never a traceback."""
    try:
        app()
    except Exception as error:
        if not is_bad_input(error):
            raise
        typer.echo(f"belisha: {error}", err=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
