"""How a command is told where a station is and whose key to use: the same words for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from override.roles import Role

if TYPE_CHECKING:
    from override.client import Console

ORDERS, PICTURES = "tcp://127.0.0.1:7101", "tcp://127.0.0.1:7102"
_KEY_HELP = "Your private key file."
_STATION_HELP = "Public CURVE key of the station. Default: from people.toml beside your key."
Key = Annotated[Path, typer.Option("--key", metavar="FILE", envvar="BELISHA_KEY", help=_KEY_HELP)]
StationKey = Annotated[
    str, typer.Option("--station", metavar="KEY", envvar="BELISHA_STATION", help=_STATION_HELP)
]
Orders = Annotated[str, typer.Option("--orders", metavar="ENDPOINT", envvar="BELISHA_ORDERS")]
Pictures = Annotated[str, typer.Option("--pictures", metavar="ENDPOINT", envvar="BELISHA_PICTURES")]
Connect = Annotated[
    str,
    typer.Option(
        "--connect", metavar="ENDPOINT", envvar="BELISHA_ORDERS", help="Where the station takes orders."
    ),
]
"""As `Orders`, under the name that the console has for it."""
NextPictures = Annotated[
    str,
    typer.Option(
        "--pictures", metavar="ENDPOINT", envvar="BELISHA_PICTURES",
        help="Where it gives pictures. Default: the next port.",
    ),
]  # fmt: skip
KeyName = Annotated[
    str,
    typer.Option("--as", metavar="NAME", help="Whose key of the folder. Default: the only person's there."),
]


def connect(key: Path, station: str, orders: str, pictures: str) -> tuple[Console, Role | None]:
    """A console, and the role its key has where people.toml is at hand. Raises KeysError."""
    from override import z85
    from override.client import Console
    from override.keys import PEOPLE_FILE, KeysError, read_people, read_secret

    secret = read_secret(key)
    people = read_people(key.parent) if (key.parent / PEOPLE_FILE).exists() else []
    role = next((p.role for p in people if p.name == secret.name), None)
    if station:
        public = z85.decode(station)
    elif found := next((p for p in people if p.name == "station"), None):
        public = found.curve_public
    else:
        raise KeysError(f"{key.parent}: no {PEOPLE_FILE} there; give the station's key with --station")
    return Console(secret, public, (orders, pictures)), role
