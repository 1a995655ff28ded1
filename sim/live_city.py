"""A city as a live street: who plays it, and the engine and monitor of the version that is in force."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

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


def live_city(
    city: City,
    play: Callable[[MakeStreetEnd], None],
    controller: str,
    speed: float,
    keys: Path,
    file: Path,
    say: Callable[[str], None],
    journal: Path | None = None,
) -> tuple[LiveStreet, Installation]:
    """Street, monitor and engine of a city, for processes of their own, in whatever version is in force.

    `say` is told, in the engine's process, what becomes of the journal.
    """
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
            written = None if journal is None else _journal(journal, controller, city, heard, say)
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
    path: Path, controller: str, city: City, heard: HeardJudge, say: Callable[[str], None]
) -> Callable[[Controller, Orders], JournalWriter]:
    """Begins the journal of an engine; one that was started anew gets a file of its own."""

    def begin(decides: Controller, orders: Orders) -> JournalWriter:
        from controller.journal import JournalWriter

        names = (path, *(path.with_name(f"{path.stem}-{k}{path.suffix}") for k in range(2, 1000)))
        free = next(name for name in names if not name.exists())
        return JournalWriter(free, decides, controller, city.scenario.run.sensors, say, orders, judge=heard)

    return begin


def played(
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


def played_in_sumo(city: City, speed: float) -> Callable[[MakeStreetEnd], None]:
    """Lets SUMO move a city that was imported from it."""

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
