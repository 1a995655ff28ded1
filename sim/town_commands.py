"""`belisha town`: a small town of our own in SUMO, five controllers side by side, or only its files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def town(
    minutes: Annotated[int, typer.Option(min=1, max=120, help="Simulated minutes.")] = 10,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of streets and demand alike.")] = 1,
    write: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the network and its demand here; run nothing.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the table into this file too.")
    ] = None,
) -> None:
    """Build a small town of our own in SUMO and run five controllers on it, side by side."""
    from sim import demo

    if write is not None:
        net, routes = demo.build_demo_street(write, seed, 60 * minutes)
        typer.echo("\n".join(str(path) for path in (net, *routes)))
    else:
        demo.run(minutes, seed, svg)
