"""`belisha handover`: what the next shift must know, printed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from override.connect_options import ORDERS, Connect, KeyName, NextPictures
from override.keys_commands import DEFAULT_FOLDER, Folder
from override.order_commands import AsJson

if TYPE_CHECKING:
    from override.client import Console
    from override.views import Event

EVENTS_MOST = 2_000


def handover(
    connect: Connect = ORDERS,
    pictures: NextPictures = "",
    keys: Folder = DEFAULT_FOLDER,
    name: KeyName = "",
    hours: Annotated[int, typer.Option(min=1, max=72, help="How far back events are told.")] = 8,
    as_json: AsJson = False,
) -> None:
    """Print what the next shift must know: orders, alarms, flags, junctions on a lower rung, what happened.

    Exit code 0: printed; 2: keys or endpoint cannot be used, or the station does not answer.
    """
    from override.client import Console, NoAnswer
    from override.keys import read_people, read_secret
    from tui.commands import ConsoleRefused, next_port, sitter
    from tui.handover import handover as tell
    from tui.handover import handover_lines

    endpoints = (connect, pictures or next_port(connect))
    who = sitter(keys, name)
    station = next((p for p in read_people(keys) if p.name == "station"), None)
    if station is None:
        raise ConsoleRefused(f"{keys}: no key of the station there")
    secret = read_secret(keys / f"{who.name}.key")
    with Console(secret, station.curve_public, endpoints) as console:
        try:
            view, layout = console.look(), console.layout()
        except NoAnswer as error:
            raise ConsoleRefused(str(error).partition(";")[0]) from None
        events = events_of(console, hours)
    wall_ms = time.time_ns() // 1_000_000
    names = {junction.name: junction for junction in layout.junctions}
    told = tell(view, names, events, layout.street, wall_ms, hours)
    if as_json:
        typer.echo(json.dumps(told.plain(), indent=2))
        return
    offset_ms = 1000 * time.localtime().tm_gmtoff
    for line in handover_lines(told, offset_ms):
        typer.echo(line)


def events_of(console: Console, hours: int) -> list[Event]:
    """The station's events of so many hours, as far as it keeps them; none where it keeps none."""
    from override.client import NoAnswer
    from override.refused import Refused

    since_ms = time.time_ns() // 1_000_000 - hours * 3_600_000
    out: list[Event] = []
    before = 0
    while len(out) < EVENTS_MOST:
        try:
            page = console.earlier(before)
        except (NoAnswer, Refused):
            break
        out += page
        if not page or (first := min(page, key=lambda e: e.number)).number <= 1 or first.wall_ms < since_ms:
            break
        before = first.number
    return out
