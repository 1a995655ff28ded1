"""The command line. Composition only: what a command does lives in the packages.

Nothing heavy is imported here or at the top of any `commands.py`, so that
`belisha --help` answers at once and without a compiler.
"""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    name="belisha",
    help="People-first traffic-signal control: lawful, explained, and always open to a human taking over.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def belisha() -> None:
    """Tell typer that every command has a name, even while there is only one."""


@app.command()
def demo(
    minutes: Annotated[int, typer.Option(min=2, max=120, help="Simulated minutes.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of streets and demand alike.")] = 1,
) -> None:
    """Build a small city of our own and run five controllers on it, side by side."""
    from sim import demo as sim_demo

    sim_demo.run(minutes=minutes, seed=seed)


def main() -> None:
    """Console script `belisha`."""
    app()


if __name__ == "__main__":
    main()
