"""`belisha audit`: check, read and hand out what was ordered, by whom, and what came of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from override.keys_commands import DEFAULT_FOLDER, Folder

if TYPE_CHECKING:
    from override.audit import Entry

app = typer.Typer(help="The record of orders: a chain nobody can cut or alter unseen.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A station's storage.")]
WitnessFile = Annotated[
    Path | None, typer.Option("--witness", metavar="FILE", help="What the witness kept, one line a head.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command()
def verify(
    file: File,
    keys: Folder = DEFAULT_FOLDER,
    witness: WitnessFile = None,
    as_json: AsJson = False,
) -> None:
    """Check the whole chain, its signed heads and the witness. Exit code 1 when anything is wrong."""
    from override.audit_file import check_file

    found = check_file(file, keys, witness)
    if as_json:
        typer.echo(json.dumps({"records": found.records, "heads": found.heads, "faults": found.faults}))
    else:
        for fault in found.faults:
            typer.echo(fault)
        typer.echo(f"{found.records} records, {found.heads} heads: {len(found.faults)} faults")
        if not found.heads:
            typer.echo("No signed head: a chain cut short or made anew could not be told.")
    if found.faults:
        raise typer.Exit(1)


@app.command()
def show(
    file: File,
    last: Annotated[int, typer.Option(min=1, help="So many of the newest entries.")] = 20,
    order: Annotated[str, typer.Option(help="Only those of this order.")] = "",
) -> None:
    """The newest entries, one line each."""
    from override.audit_file import entries

    rows = [(number, entry) for number, entry in entries(file) if order in ("", entry.order)]
    for number, entry in rows[-last:]:
        typer.echo(_line(number, entry))


@app.command()
def export(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="JSON lines to write.")],
) -> None:
    """Every entry with its link as JSON lines, to be read and checked by other programs."""
    from override.audit_file import exported

    count = 0
    with output.open("x", encoding="utf-8") as lines:
        for row in exported(file):
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    typer.echo(f"Wrote {output}: {count} entries.")


@app.command()
def attest(
    file: File,
    kept: Annotated[
        Path, typer.Option("--witness", metavar="FILE", help="Where the witness keeps its lines.")
    ],
    keys: Folder = DEFAULT_FOLDER,
) -> None:
    """Be the witness: look at the newest signed head and countersign it elsewhere. Run it every minute.

    Exit code 1 when the chain does not grow out of what the witness saw before.
    """
    from override.audit_file import attest as attest_file
    from override.keys import KeysError
    from override.storage import StorageError

    try:
        attestation = attest_file(file, keys, kept)
    except (KeysError, StorageError):
        raise
    except ValueError as error:
        typer.echo(f"belisha audit: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"record {attestation.head.index} countersigned" if attestation else "nothing new is signed")


@app.command()
def erase(
    file: File,
    days: Annotated[int, typer.Option("--older-than", min=0, help="Free text older than so many days.")],
) -> None:
    """Erase old free text (reasons, tickets) from every file of the storage; the chain stays whole."""
    import time

    from override.audit_file import erase_texts

    typer.echo(f"{erase_texts(file, int(1000 * (time.time() - 86_400 * days)))} texts erased")


def _line(number: int, entry: Entry) -> str:
    when = datetime.fromtimestamp(entry.wall_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    where = " ".join(entry.junctions[:4]) + (" ..." if len(entry.junctions) > 4 else "")
    change = f"{entry.before} -> {entry.after}" if entry.after else ""
    parts = (entry.actor, entry.kind, entry.what, where, entry.order, change, entry.result)
    return f"{number:>6} {when} " + "  ".join(part for part in parts if part)
