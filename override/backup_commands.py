"""`belisha backup` and `belisha restore`: the station's file, copied and taken back."""

from __future__ import annotations

import getpass
import time
from pathlib import Path
from typing import Annotated

import typer

File = Annotated[Path, typer.Option("--file", metavar="FILE", help="The station's storage.")]
STATION_FILE = Path("station.db")


def backup(
    target: Annotated[Path, typer.Argument(metavar="COPY", help="A file that is not there yet.")],
    file: File = STATION_FILE,
) -> None:
    """Copy a station's file, also while it runs; the copy's audit is checked link by link."""
    from override.backup import back_up

    typer.echo(f"{target}: {back_up(file, target)} records, every link fits")


def restore(
    copy: Annotated[Path, typer.Argument(metavar="COPY", help="As `belisha backup` made it.")],
    file: File = STATION_FILE,
) -> None:
    """Take a copy back while no station runs. What stood there is kept; the audit says who did it."""
    from override.backup import take_back

    now_ms, wall_ms = time.monotonic_ns() // 1_000_000, time.time_ns() // 1_000_000
    count, kept = take_back(copy, file, getpass.getuser(), now_ms, wall_ms)
    typer.echo(f"{file}: {count} records taken back" + (f"; what stood there is {kept}" if kept else ""))
