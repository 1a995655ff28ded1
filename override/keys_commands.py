"""`belisha keys`: make, give out, revoke and list keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from override.roles import Role

app = typer.Typer(help="Keys of people and services: who may give which orders.", no_args_is_help=True)

Folder = Annotated[
    Path,
    typer.Option("--keys", metavar="DIR", envvar="BELISHA_KEYS", help="Key folder, its owner's alone."),
]
DEFAULT_FOLDER = Path("keys")


@app.command()
def init(keys: Folder = DEFAULT_FOLDER) -> None:
    """Make a key folder with the keys of the station and of its witness."""
    from override.keys import init_keys

    made = init_keys(keys)
    typer.echo(f"Made {keys} with keys of {' and '.join(p.name for p in made)}.")
    typer.echo("Next: belisha keys new NAME --role supervisor")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="a-z 0-9 . _ -, as it shall stand in the audit.")],
    role: Annotated[Role, typer.Option(help="What this person or service may do.")],
    keys: Folder = DEFAULT_FOLDER,
) -> None:
    """Make keys for a person. The private file is his alone: hand it over, then remove it here."""
    from override.keys import add_person

    path = add_person(keys, name, role)
    typer.echo(f"Made {path} for {name}, {role}.")
    typer.echo("Hand this file over on a safe way, let its mode be 600, and delete it here.")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Whose keys shall count no more.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    keys: Folder = DEFAULT_FOLDER,
) -> None:
    """Revoke somebody's keys; a running station refuses his next message."""
    from override.keys import revoke as revoke_key

    revoke_key(keys, name, reason)
    typer.echo(f"The keys of {name} count no more.")


@app.command(name="list")
def list_keys(
    keys: Folder = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Everybody who has keys, with role and public CURVE key."""
    from override import z85
    from override.keys import read_people

    rows = [
        {
            "name": p.name,
            "role": p.role or "service",
            "curve": z85.encode(p.curve_public),
            "sign": p.sign_public.hex(),
            "revoked": p.revoked,
        }
        for p in read_people(keys)
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        revoked = f"  REVOKED: {row['revoked']}" if row["revoked"] else ""
        typer.echo(f"{row['name']:<20} {row['role']:<16} {row['curve']}{revoked}")
