"""How a command is told where a station is and whose key to use: the same words for all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from typer.models import OptionInfo, ParameterInfo

from override.roles import Role

if TYPE_CHECKING:
    from override.client import Console, View

ORDERS, PICTURES = "tcp://127.0.0.1:7101", "tcp://127.0.0.1:7102"
_KEY_HELP = "Your private key file."
_STATION_HELP = "Public CURVE key of the station. Default: from people.toml beside your key."
Key = Annotated[Path, typer.Option("--key", metavar="FILE", envvar="BELISHA_KEY", help=_KEY_HELP)]
StationKey = Annotated[
    str, typer.Option("--station", metavar="KEY", envvar="BELISHA_STATION", help=_STATION_HELP)
]
Orders = Annotated[str, typer.Option("--orders", metavar="ENDPOINT", envvar="BELISHA_ORDERS")]
Pictures = Annotated[str, typer.Option("--pictures", metavar="ENDPOINT", envvar="BELISHA_PICTURES")]
UntoldPictures = Annotated[
    str, typer.Option("--pictures", metavar="ENDPOINT", envvar="BELISHA_PICTURES", hidden=True)
]
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


@dataclass(frozen=True, slots=True)
class Where:
    """Which station a command talks to, and with whose key."""

    key: Path
    station: str
    orders: str
    pictures: str

    def console_and_role(self) -> tuple[Console, Role | None]:
        """A console, and the role its key has where people.toml is at hand. Raises KeysError."""
        from override import z85
        from override.client import Console
        from override.keys import PEOPLE_FILE, KeysError, read_people, read_secret

        secret = read_secret(self.key)
        folder = self.key.parent
        people = read_people(folder) if (folder / PEOPLE_FILE).exists() else []
        role = next((p.role for p in people if p.name == secret.name), None)
        if self.station:
            public = z85.decode(self.station)
        elif found := next((p for p in people if p.name == "station"), None):
            public = found.curve_public
        else:
            raise KeysError(f"{folder}: no {PEOPLE_FILE} there; give the station's key with --station")
        return Console(secret, public, (self.orders, self.pictures)), role

    @contextmanager
    def console(self) -> Iterator[Console]:
        """A console that is closed in the end. Raises KeysError."""
        with self.console_and_role()[0] as console:
            yield console

    @contextmanager
    def look(self) -> Iterator[tuple[Console, View]]:
        """A console that has seen the street, and what it saw. Raises KeysError."""
        with self.console() as console:
            yield console, console.look()

    def view(self) -> View:
        """The street as it is now. Raises KeysError."""
        with self.look() as (_, view):
            return view


def told_where(command: Callable[..., None], listens: bool = False) -> Callable[..., None]:
    """A command that takes a `Where` first, as typer has it: with the four options in its place.

    Whose key comes before a command's own options, where the station is behind them, before `--json`.
    All four are understood by every command; where the pictures are is told only by one that `listens`.
    """
    first, *own = inspect.signature(command, eval_str=True).parameters.values()
    at = next((n for n, parameter in enumerate(own) if _is_option(parameter)), len(own))
    end = next((n for n, parameter in enumerate(own) if parameter.name == "as_json"), len(own))
    station = (*_STATION, _PICTURES if listens else _UNTOLD_PICTURES)
    parameters = [*own[:at], _KEY, *own[at:end], *station, *own[end:]]
    names = [parameter.name for parameter in (_KEY, *station)]

    def told(**given: Any) -> None:
        where = Where(**{name: given.pop(name) for name in names})
        command(**{first.name: where}, **given)

    told.__name__, told.__doc__ = command.__name__, command.__doc__
    told.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    keywords = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in parameters]
    told.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    return told


def _is_option(parameter: Parameter) -> bool:
    told = [part for part in get_args(parameter.annotation) if isinstance(part, ParameterInfo)]
    return isinstance(told[0], OptionInfo) if told else parameter.default is not Parameter.empty


_KEY = Parameter("key", Parameter.KEYWORD_ONLY, annotation=Key)
_STATION = tuple(
    Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind, default=default)
    for name, kind, default in (
        ("station", StationKey, ""), ("orders", Orders, ORDERS),
    )
)  # fmt: skip
_PICTURES, _UNTOLD_PICTURES = (
    Parameter("pictures", Parameter.KEYWORD_ONLY, annotation=kind, default=PICTURES)
    for kind in (Pictures, UntoldPictures)
)
