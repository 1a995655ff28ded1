"""`belisha backup` and `belisha restore`: the station's file, copied and taken back."""

from __future__ import annotations

import getpass
import time
from pathlib import Path
from typing import Annotated

import typer

from override.connect_options import ORDERS, PICTURES, Orders, Pictures, StationKey, Where

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
    copy: Annotated[Path | None, typer.Argument(metavar="COPY", help="As `belisha backup` made it.")] = None,
    file: File = STATION_FILE,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Not a copy: the version a running station began with.")
    ] = False,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", envvar="BELISHA_KEY", help="With --baseline.")
    ] = None,
    reason: Annotated[str, typer.Option(help="With --baseline: why; it is kept.")] = "",
    glass: Annotated[
        bool, typer.Option("--break-glass", help="With --baseline: alone, with an alarm everywhere.")
    ] = False,
    station: StationKey = "",
    orders: Orders = ORDERS,
    pictures: Pictures = PICTURES,
) -> None:
    """Take a copy back while no station runs; or bring back, on one that runs, the version it began with.

    What stood there is kept; the audit says who did it. The baseline needs a second person, as any version.
    """
    from override.backup import BackupError, take_back

    if baseline:
        from override.deploy_commands import restore_baseline

        if key is None or not reason.strip() or copy is not None:
            raise BackupError("restore --baseline: --key and --reason are needed, and no copy")
        restore_baseline(Where(key, station, orders, pictures), reason, glass)
        return
    if copy is None:
        raise BackupError("restore: a copy is needed, or --baseline")
    now_ms, wall_ms = time.monotonic_ns() // 1_000_000, time.time_ns() // 1_000_000
    count, kept = take_back(copy, file, getpass.getuser(), now_ms, wall_ms)
    typer.echo(f"{file}: {count} records taken back" + (f"; what stood there is {kept}" if kept else ""))
