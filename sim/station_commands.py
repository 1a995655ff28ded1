"""`belisha station`: a simulated street under a controller, and people who may tell it what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from override.keys_commands import DEFAULT_FOLDER, Folder
from sim.commands import ControllerName

if TYPE_CHECKING:
    from controller.journal import JournalWriter
    from controller.journal_rulings import HeardJudge
    from controller.junction import StreetNetwork
    from controller.monitor import Card
    from controller.network import Network
    from controller.orders import Orders
    from controller.tick import Controller
    from override.engine_process import MonitorLink
    from override.keys import Identity
    from override.lamp_processes import LiveStreet, MakeStreetEnd
    from override.line import LocalLine
    from override.version_check import Installation
    from sim.city.forking import Forks
    from sim.city.load import City
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
    if journal is not None and journal.exists():
        raise StationRefused(f"{journal}: is there already; a journal is never overwritten")
    from controller.policy import Policy
    from controller.warm_up import warm_up
    from sim.city.layout import layout_of_city
    from sim.city.load import load_city
    from sim.city.scenario import find_scenario
    from sim.first_start import compile_kernels

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
        play = _played_in_sumo(city, speed)
    else:
        from override.forking import Places, Played
        from sim.city.forking import Forks

        path = Path(scenario)
        where = str(path.resolve()) if path.is_file() else scenario
        forks = Forks(Places(file), Played(where, seed, minutes, str(controller)))
        play = _played(city, str(controller), speed, forks, _copy_of(begin_from))
    live, installation = _live(city, play, str(controller), speed, keys, file, journal)
    layout = layout_of_city(city)

    def say(line: str) -> None:
        typer.echo(line, err=True)

    code = Station(plan, city.network, live, say, layout, Policy(), installation).run()
    if code:
        raise typer.Exit(code)


def _copy_of(path: Path | None) -> Snapshot | None:
    """The copy to begin from. Raises SnapshotError."""
    if path is None:
        return None
    from sim.city.snapshot import Snapshot

    return Snapshot.load(path)


def _live(
    city: City,
    play: Callable[[MakeStreetEnd], None],
    controller: str,
    speed: float,
    keys: Path,
    file: Path,
    journal: Path | None = None,
) -> tuple[LiveStreet, Installation]:
    """Street, monitor and engine of a city, for processes of their own, in whatever version is in force."""
    from controller.journal_rulings import HeardJudge
    from controller.network import build_network
    from controller.permissive import card_of
    from controller.permissive_geometry import card_of_ground
    from controller.policy import Policy
    from controller.tick import Controller
    from override.engine import Engine
    from override.lamp_processes import LiveStreet, machine_ms
    from override.version_check import Installation, number_to_begin
    from sim.importers.junction_paths import paths_of_signals

    resolution_ms, paths = city.network.lamp_resolution_ms, paths_of_signals(city.net)

    def ground(street: StreetNetwork) -> Card:
        # The monitor's card is from the ground, the engine's word from its street file; both must agree.
        return card_of_ground(street, paths, card_of(street, resolution_ms))

    installation = Installation(city.street, Policy(), file, lambda street: ground(street).digest())

    def card_of_version(number: int) -> Card:
        return ground(installation.signed(number, _people(keys))[0])

    def of_version(number: int) -> LiveStreet:
        try:
            street, policy = installation.signed(number, _people(keys))
        except (KeyError, sqlite3.Error):
            street, policy = city.street, Policy()  # the baseline, which the gateway has yet to write down
        network = city.network if street is city.street else build_network(street, resolution_ms)

        def make_engine(link: MonitorLink, now_ms: int, line: LocalLine | None) -> Engine:
            assert line is not None, "a station has a gateway"

            def another(number: int, at_ms: int) -> Controller:
                street, policy = installation.signed(number, _people(keys))
                return Controller(build_network(street, resolution_ms), controller, policy, at_ms, heard)

            heard = HeardJudge(link)
            decides = Controller(network, controller, policy, now_ms, heard)
            written = None if journal is None else _journal(journal, controller, city, heard)
            return Engine(decides, line, machine_ms, speed, another, number, written)

        return LiveStreet(
            network,
            ground(street),
            city.scenario.run.sensors,
            play,
            make_engine,
            speed,
            file.with_name(f"{file.name}.latches"),
            engine_card=card_of(street, resolution_ms),
            number=number,
            of_version=of_version,
            card_of=card_of_version,
        )

    return of_version(number_to_begin(installation)), installation


def _people(keys: Path) -> Callable[[str], Identity | None]:
    """Whose signature may count, by name."""
    from override.keys import read_people

    return {person.name: person for person in read_people(keys)}.get


def _journal(
    path: Path, controller: str, city: City, heard: HeardJudge
) -> Callable[[Controller, Orders], JournalWriter]:
    """Begins the journal of an engine; one that was started anew gets a file of its own."""

    def begin(decides: Controller, orders: Orders) -> JournalWriter:
        from controller.journal import JournalWriter

        names = (path, *(path.with_name(f"{path.stem}-{k}{path.suffix}") for k in range(2, 1000)))
        free = next(name for name in names if not name.exists())
        return JournalWriter(
            free, decides, controller, city.scenario.run.sensors,
            lambda line: typer.echo(line, err=True), orders, judge=heard,
        )  # fmt: skip

    return begin


def _played(
    city: City,
    controller: str,
    speed: float,
    forks: Forks | None = None,
    begin_from: Snapshot | None = None,
) -> Callable[[MakeStreetEnd], None]:
    """Plays the city, from its beginning or from a copy of one that lives."""

    def play(make: MakeStreetEnd) -> None:
        from override.street_process import CATCH_UP_MS, StreetEnd
        from sim.city.pace import Pace
        from sim.city.world import World

        world = World(city, controller, make_controller=make)
        if begin_from is not None:
            world.restore(begin_from)
        rest = cast(StreetEnd, world.controller).rest
        world.run(
            Pace(speed, sleep_s=rest, slip_ms=CATCH_UP_MS), on_tick=None if forks is None else forks.look
        )

    return play


def _played_in_sumo(city: City, speed: float) -> Callable[[MakeStreetEnd], None]:
    def play(make: MakeStreetEnd) -> None:
        from override.street_process import CATCH_UP_MS, StreetEnd
        from sim.city.pace import Pace
        from sim.sumo_run import RunSpec, Ticking, run

        sumo = city.scenario.sumo
        assert sumo is not None
        hours = city.scenario.run
        ends: list[StreetEnd] = []
        pace = Pace(speed, sleep_s=lambda seconds: ends[0].rest(seconds), slip_ms=CATCH_UP_MS)

        def make_end(network: Network, now_ms: int) -> Ticking:
            ends.append(make(network, now_ms))
            return ends[0]

        spec = RunSpec(
            city.street, sumo.net, sumo.routes, hours.begin_s, hours.end_s, None, hours.sensors,
            city.seed, additional=sumo.additional,
        )  # fmt: skip
        run(
            spec,
            on_tick=[lambda ticking, frame, now_ms, lamps: pace.wait(now_ms)],
            make_controller=make_end,
        )

    return play
