"""`belisha console`: the operator's console, in this terminal or in a browser of this machine."""

from __future__ import annotations

import gc
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from override.citizen.commands import FLAGS
from override.connect_options import ORDERS, Connect, KeyName, NextPictures
from override.keys_commands import DEFAULT_FOLDER, Folder
from override.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from override.flag_messages import FlagReply, FlagRequest
    from override.keys import Identity

COLLECTED_AFTER = 50_000
"""New objects before garbage is looked for. A large city is some hundred thousand records, none of them
garbage; with Python's usual 700 all would be looked through many times before the first screen."""
_ENDPOINT = re.compile(r"tcp://(?P<host>[^:/\s]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})\Z")


class ConsoleRefused(ValueError):
    """A console that cannot be opened as asked; one line."""


def console(
    connect: Connect = ORDERS,
    pictures: NextPictures = "",
    keys: Folder = DEFAULT_FOLDER,
    name: KeyName = "",
    web: Annotated[bool, typer.Option("--web", help="In a browser of this machine instead.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --web; 0 = any free one.")] = 0,
    unlock: Annotated[
        bool, typer.Option("--unlock", help="With --web: let the browser give orders with this key.")
    ] = False,
    only_watch: Annotated[
        bool, typer.Option("--only-watch", help="Give no orders, whatever the key.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the overview as SVG, and leave at once.")
    ] = None,
    flags: Annotated[
        str, typer.Option(metavar="ENDPOINT", help="Where flags are handed in, for callers.")
    ] = FLAGS,
    drill: Annotated[
        bool, typer.Option("--drill", help="Train on a city of your own that reaches no street.")
    ] = False,
    tour: Annotated[bool, typer.Option("--tour", help="Begin with the guided tour.")] = False,
    city: Annotated[
        str, typer.Option(metavar="SCENARIO", help="With --drill: the city to train on.")
    ] = "training",
    copy_of: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --drill: begin as the city of this station of this machine is now (its --file).",
        ),
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0.1, max=20.0, help="With --drill: street seconds in a second.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="With --drill: of who travels.")] = 1,
    controller: Annotated[
        str, typer.Option(help="With --drill: who decides where nobody orders.")
    ] = "adaptive",
    supervise: Annotated[
        bool, typer.Option("--supervise", help="With --drill: sit there as a supervisor.")
    ] = False,
) -> None:
    """See a street, understand it, and take it over. Ends nothing but itself when it is left.

    Exit code 0: it was left; 2: keys or endpoint cannot be used.
    """
    if drill:
        if web:
            raise ConsoleRefused("--drill trains on this terminal; without --web, please")
        role = Role.SUPERVISOR if supervise else Role.OPERATOR
        train(city, role, speed, ("--seed", str(seed), "--controller", controller), tour, copy_of)
        return
    if copy_of is not None:
        raise ConsoleRefused("--copy-of is for training: with --drill, please")
    endpoints = (connect, pictures or next_port(connect))
    who = sitter(keys, name)
    if web:
        from tui.web import serve

        watching = [] if unlock else ["--only-watch"]
        serve(["console", "--connect", endpoints[0], "--pictures", endpoints[1], "--keys", str(keys),
               "--as", who.name, *watching], port, typer.echo)  # fmt: skip
        return
    run(endpoints, keys, who, only_watch, flags=flags, tour=tour, picture=picture)


def train(
    scenario: str,
    role: Role,
    speed: float,
    more: tuple[str, ...],
    tour: bool = False,
    copy_of: Path | None = None,
) -> None:
    """A city of one's own, a console over it, and both gone when it is left.

    Raises TrainingRefused, ForkRefused.
    """
    from tui.training import TRAINEE, TrainingCity

    which = "a city of your own" if copy_of is None else f"a copy of the city of {copy_of}"
    typer.echo(f"Building {which}; the first time its kernels are compiled, some minutes ...", err=True)
    with TrainingCity(scenario, role, speed, more, copy_of) as city:
        there = city.endpoints
        run((there.orders, there.pictures), city.keys, sitter(city.keys, TRAINEE), flags=there.flags,
            training=True, tour=tour, page=there.page)  # fmt: skip


def run(
    endpoints: tuple[str, str],
    keys: Path,
    who: Identity,
    only_watch: bool = False,
    flags: str = "",
    training: bool = False,
    tour: bool = False,
    page: str = "",
    picture: Path | None = None,
) -> None:
    """The console on this terminal, until it is left. `page`: where citizens read of its signals.

    With `picture` on no terminal: what it shows is written there as SVG. Raises NoPicture.
    """
    from override.client import Console
    from override.keys import read_people, read_secret
    from tui.link import Link, Watching

    gc.set_threshold(COLLECTED_AFTER)
    secret = read_secret(keys / f"{who.name}.key")
    station = next((p for p in read_people(keys) if p.name == "station"), None)
    if station is None:
        raise ConsoleRefused(f"{keys}: no key of the station there")
    public = station.curve_public
    kind, role = (Watching, Role.VIEWER) if only_watch else (Console, who.role)
    link = Link(lambda: kind(secret, public, endpoints))
    link.call()  # the station tells where everything is while the screens are being imported
    from tui.app import BelishaConsole
    from tui.looks import Look

    look = None if picture is None else Look()  # a picture has all colours, whatever the terminal has
    app = BelishaConsole(link, who.name, role, look=look, training=training)
    app.hand_in_flag = flag_line(flags, keys)
    app.citizens_page = page
    if tour:
        app.tour.next()
    if picture is None:
        app.run()
        return
    from tui.picture import take_picture

    take_picture(app, picture)
    typer.echo(f"Wrote {picture}")


def flag_line(flags: str, keys: Path) -> Callable[[FlagRequest], FlagReply] | None:
    """How a flag is handed in for a caller; None where no citizen process is known by its key."""
    from override.keys import read_people

    found = next((p for p in read_people(keys) if p.role is Role.CITIZEN_GATEWAY and not p.revoked), None)
    if found is None or not flags:
        return None
    public = found.curve_public

    def hand_in(request: FlagRequest) -> FlagReply:
        from override.citizen.flagging import FlagLine

        with FlagLine(flags, public) as line:
            return line.flag(request)

    return hand_in


def next_port(orders: str) -> str:
    """The endpoint of the pictures where it is the usual one. Raises ConsoleRefused."""
    if not (found := _ENDPOINT.match(orders)) or not 0 < int(found["port"]) < 65535:
        raise ConsoleRefused(f"--connect {orders}: tcp://HOST:PORT is needed, as {ORDERS}")
    return f"tcp://{found['host']}:{int(found['port']) + 1}"


def sitter(keys: Path, name: str) -> Identity:
    """Who sits before the console: by name, or the only person whose private key is there.

    Raises ConsoleRefused, KeysError.
    """
    from override.keys import read_people

    nobody = (None, Role.CITIZEN_GATEWAY)
    people = {p.name: p for p in read_people(keys) if p.role not in nobody and not p.revoked}
    if name and name not in people:
        known = ", ".join(sorted(people)) or "nobody"
        raise ConsoleRefused(f"{keys}: nobody is called {name} there; known are {known}")
    here = [name] if name else [n for n in people if (keys / f"{n}.key").exists()]
    if not here:
        raise ConsoleRefused(
            f"{keys}: no private key of a person there; make one with: belisha keys new NAME --role operator"
        )
    if len(here) > 1:
        raise ConsoleRefused(f"{keys}: keys of {', '.join(sorted(here))}; say whose with --as NAME")
    return people[here[0]]
