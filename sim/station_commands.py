"""`belisha station`: a simulated street under a controller, and people who may tell it what to do."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from override.keys_commands import DEFAULT_FOLDER, Folder
from sim.commands import ControllerName

if TYPE_CHECKING:
    from override.line import LocalLine
    from override.station import Drive
    from sim.city.load import City

ORDERS = "tcp://127.0.0.1:7101"
PICTURES = "tcp://127.0.0.1:7102"
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
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of who travels.")] = 1,
    speed: Annotated[float, typer.Option(min=0.1, max=20.0, help="Street seconds in a second.")] = 1.0,
    minutes: Annotated[int | None, typer.Option(min=1, help="Only the first minutes.")] = None,
) -> None:
    """Run a street at its own pace and take orders from people with keys. Ctrl-C ends it.

    Exit code 0: the street's hours are over, or it was ended; 1: the street died; 2: bad input.
    """
    from override.station import Station, StationPlan

    plan = StationPlan(keys, file, orders, pictures)
    plan.check()
    from controller.policy import Policy
    from controller.warm_up import warm_up
    from sim.city.layout import layout_of_city
    from sim.city.load import load_city
    from sim.city.scenario import find_scenario
    from sim.first_start import compile_kernels

    asked = find_scenario(scenario).shortened(minutes)
    if street is StreetKind.SUMO and asked.sumo is None:
        raise StationRefused(f"scenario {asked.name} is no SUMO network; use --street sim")
    typer.echo("Building the street; the first time its kernels are compiled, about a minute ...", err=True)
    compile_kernels()
    warm_up(str(controller), asked.run.sensors)
    import_module("override.forecast_process")  # with its kernels, before the station is ready
    city = load_city(asked, seed)
    drive = (
        _sumo(city, str(controller), speed) if street is StreetKind.SUMO else _sim(city, controller, speed)
    )
    layout = layout_of_city(city)

    def say(line: str) -> None:
        typer.echo(line, err=True)

    code = Station(plan, city.network, drive, say, layout, Policy()).run()
    if code:
        raise typer.Exit(code)


def _sim(city: City, controller: str, speed: float) -> Drive:
    def drive(line: LocalLine) -> None:
        from override.engine import Engine
        from override.station import clock
        from sim.city.pace import Pace
        from sim.city.world import World

        world = World(city, controller)
        assert world.controller is not None
        engine = Engine(world.controller, line, lambda: clock()[0], speed)
        world.controller = engine  # type: ignore[assignment]  # it ticks like one
        world.run(Pace(speed))

    return drive


def _sumo(city: City, controller: str, speed: float) -> Drive:
    def drive(line: LocalLine) -> None:
        from controller.policy import Policy
        from controller.tick import Controller
        from override.engine import Engine
        from override.station import clock
        from sim.city.pace import Pace
        from sim.sumo_run import RunSpec, run

        sumo = city.scenario.sumo
        assert sumo is not None
        hours = city.scenario.run
        pace = Pace(speed)
        spec = RunSpec(
            city.street, sumo.net, sumo.routes, hours.begin_s, hours.end_s, controller, hours.sensors,
            city.seed, Policy(), additional=sumo.additional,
        )  # fmt: skip
        run(
            spec,
            on_tick=[lambda ticking, frame, now_ms, lamps: pace.wait(now_ms)],
            make_controller=lambda network, now_ms: Engine(
                Controller(network, controller, spec.policy, now_ms), line, lambda: clock()[0], speed
            ),
        )

    return drive
