"""`belisha station`: a simulated street under a controller, and people who may tell it what to do."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.file_words import why_not
from override.keys_commands import DEFAULT_FOLDER, Folder
from sim.commands import ControllerName

if TYPE_CHECKING:
    from sim.city.snapshot import Snapshot

ORDERS = "tcp://127.0.0.1:7101"
PICTURES = "tcp://127.0.0.1:7102"
CITIZENS = "tcp://127.0.0.1:7103"
ADAPTIVE = ControllerName("adaptive")


class StreetKind(StrEnum):
    """What moves the people."""

    SIM = "sim"
    SUMO = "sumo"


class StationRefused(ValueError):
    """A station that cannot be started as asked."""


def station(
    scenario: Annotated[str, typer.Argument(help="A scenario that comes with Belisha, or a file.")],
    street: Annotated[
        StreetKind, typer.Option(help="sumo: for scenarios of SUMO networks.")
    ] = StreetKind.SIM,
    keys: Folder = DEFAULT_FOLDER,
    file: Annotated[Path, typer.Option(metavar="FILE", help="Orders and audit are kept here.")] = Path(
        "station.db"
    ),
    controller: Annotated[ControllerName, typer.Option(help="Who decides where nobody orders.")] = ADAPTIVE,
    orders: Annotated[str, typer.Option(metavar="ENDPOINT", help="Where orders are taken.")] = ORDERS,
    pictures: Annotated[str, typer.Option(metavar="ENDPOINT", help="Where pictures are given.")] = PICTURES,
    citizens: Annotated[
        str, typer.Option(metavar="ENDPOINT", help="Where the citizen process, and nobody else, is heard.")
    ] = CITIZENS,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of who travels.")] = 1,
    speed: Annotated[float, typer.Option(min=0.1, max=20.0, help="Street seconds in a second.")] = 1.0,
    minutes: Annotated[int | None, typer.Option(min=1, help="Only the first minutes.")] = None,
    journal: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every tick down, orders too; for belisha replay."),
    ] = None,
    begin_from: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Begin as a copy of a living city was (belisha console --drill)."),
    ] = None,
) -> None:
    """Run a street at its own pace and take orders from people with keys. Ctrl-C ends it.

    Exit code 0: the street's hours are over, or it was ended; 1: the street died; 2: bad input.
    """
    from override.station import Station, StationPlan

    plan = StationPlan(keys, file, orders, pictures, citizens)
    plan.check()
    if journal is not None:
        _check_journal(journal)
    from controller.policy import Policy
    from controller.warm_up import warm_up
    from sim.city.layout import layout_of_city
    from sim.city.load import load_city
    from sim.city.scenario import find_scenario
    from sim.first_start import compile_kernels
    from sim.live_city import live_city, played, played_in_sumo

    asked = find_scenario(scenario).shortened(minutes)
    if street is StreetKind.SUMO and asked.sumo is None:
        raise StationRefused(f"scenario {asked.name} is no SUMO network; use --street sim")
    if street is StreetKind.SUMO and begin_from is not None:
        raise StationRefused("--begin-from needs --street sim: SUMO begins at the beginning")
    typer.echo("Building the street; the first time its kernels are compiled, about a minute ...", err=True)
    compile_kernels()
    warm_up(str(controller), asked.run.sensors)
    import_module("override.forecast_process")  # with its kernels, before the station is ready
    city = load_city(asked, seed)
    if street is StreetKind.SUMO:
        play = played_in_sumo(city, speed)
    else:
        from override.forking import Places, Played
        from sim.city.forking import Forks

        path = Path(scenario)
        where = str(path.resolve()) if path.is_file() else scenario
        forks = Forks(Places(file), Played(where, seed, minutes, str(controller)))
        play = played(city, str(controller), speed, forks, _copy_of(begin_from))

    def say(line: str) -> None:
        typer.echo(line, err=True)

    live, installation = live_city(city, play, str(controller), speed, keys, file, say, journal)
    layout = layout_of_city(city)
    code = Station(plan, city.network, live, say, layout, Policy(), installation).run()
    if code:
        raise typer.Exit(code)


def _check_journal(path: Path) -> None:
    """Raise StationRefused where none can be begun, before the street is built whose process writes it."""
    if path.exists():
        raise StationRefused(f"{path}: is there already; a journal is never overwritten")
    try:
        path.touch()
        path.unlink()
    except OSError as error:
        raise StationRefused(f"{path}: cannot be written ({why_not(error)})") from None


def _copy_of(path: Path | None) -> Snapshot | None:
    """The copy to begin from. Raises SnapshotError."""
    if path is None:
        return None
    from sim.city.snapshot import Snapshot

    return Snapshot.load(path)
