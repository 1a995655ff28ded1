"""The command line. Composition only: what a command does lives in the packages.

Nothing heavy is imported here or at the top of any `commands.py`, so that
`belisha --help` answers at once and without a compiler.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from override.audit_commands import app as audit_app
from override.keys_commands import app as keys_app
from sim.city.check_commands import check
from sim.city.compare_commands import compare
from sim.city.simulate_commands import simulate
from sim.commands import sumo
from sim.evaluate_commands import evaluate
from sim.importers.commands import import_command
from sim.replay_commands import replay

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


app.command("import")(import_command)
app.command()(sumo)
app.command()(evaluate)
app.command()(simulate)
app.command()(compare)
app.command()(replay)
app.command()(check)
app.add_typer(keys_app, name="keys")
app.add_typer(audit_app, name="audit")


@app.command()
def demo(
    minutes: Annotated[int, typer.Option(min=1, max=120, help="Simulated minutes.")] = 10,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of streets and demand alike.")] = 1,
    write: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the network and its demand here; run nothing.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the table into this file too.")
    ] = None,
) -> None:
    """Build a small town of our own and run five controllers on it, side by side."""
    from sim import demo as sim_demo

    if write is not None:
        net, routes = sim_demo.build_demo_street(write, seed, 60 * minutes)
        typer.echo("\n".join(str(path) for path in (net, *routes)))
    else:
        sim_demo.run(minutes, seed, svg)


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
