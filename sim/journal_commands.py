"""`belisha journal`: a journal for tools that others have written."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from controller.hires import Event

app = typer.Typer(name="journal", help="Journals for tools that others have written.", no_args_is_help=True)

ROWS_AT_ONCE = 1 << 16


class ExportError(ValueError):
    """A log that cannot be written; the message says why."""


@app.callback()
def journal() -> None:
    """Tell typer that every command has a name, even while there is only one."""


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="A journal, as `belisha sumo --journal FILE` writes it.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The event log, Parquet.")],
    date: Annotated[
        str, typer.Option(metavar="YYYY-MM-DD", help="The day whose midnight is the street's time zero.")
    ] = "2026-01-01",
) -> None:
    """Write a journal as a high-resolution event log (Indiana enumerations), with its detectors beside it.

    FILE gets TimeStamp, DeviceId, EventId, Parameter; FILE-detectors.parquet the phase and function of
    every loop; both as the package `atspm` reads them. A torn journal is exported up to the tear.
    """
    from controller.journal import read_journal

    try:
        midnight = datetime.datetime.fromisoformat(date)
    except ValueError:
        raise ExportError(f"--date {date}: allowed is a day as 2026-01-31") from None
    reader = read_journal(file)
    try:
        count = write_events(reader, out, midnight)
    finally:
        reader.close()
    cut = f", {reader.dropped_bytes} bytes at its end are no whole record" if reader.dropped_bytes else ""
    typer.echo(f"{out}: {count} events of {reader.network.n_junctions} signals{cut}")


def write_events(reader: Any, out: Path, midnight: datetime.datetime) -> int:
    """Both files, the log in groups of rows; how many events. Raises `ExportError` without pyarrow."""
    from controller.hires import HighResolution, detector_config

    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ExportError("Parquet needs pyarrow: pip install 'belisha[report]'") from None
    schema = pyarrow.schema([
        ("TimeStamp", pyarrow.timestamp("ms")), ("DeviceId", pyarrow.int32()),
        ("EventId", pyarrow.int16()), ("Parameter", pyarrow.int16()),
    ])  # fmt: skip
    zero_ms = int((midnight - datetime.datetime(1970, 1, 1)).total_seconds() * 1000)
    count, rows = 0, []

    def table(events: list[Event]) -> Any:
        columns = [
            [zero_ms + e.time_ms for e in events], [e.device for e in events],
            [int(e.code) for e in events], [e.parameter for e in events],
        ]  # fmt: skip
        return pyarrow.table(
            [pyarrow.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
        )

    with pyarrow.parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for event in HighResolution(reader.network).events(reader):
            rows.append(event)
            if len(rows) == ROWS_AT_ONCE:
                writer.write_table(table(rows))
                count, rows = count + len(rows), []
        writer.write_table(table(rows))
    names = ("DeviceId", "Phase", "Parameter", "Function")
    config = detector_config(reader.network)
    by_column = {name: [row[k] for row in config] for k, name in enumerate(names)}
    kinds = (pyarrow.int32(), pyarrow.int16(), pyarrow.int16(), pyarrow.string())
    arrays = [pyarrow.array(by_column[name], kind) for name, kind in zip(names, kinds, strict=True)]
    beside = out.with_name(f"{out.stem}-detectors.parquet")
    pyarrow.parquet.write_table(pyarrow.table(arrays, names=list(names)), beside)
    return count + len(rows)
