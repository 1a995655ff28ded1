"""`belisha sumo`: one run of one controller in SUMO, measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.vocabulary import CONTROLLERS, Sensors, Timing
from sim.replay_commands import print_explanations

if TYPE_CHECKING:
    from sim.city.scenario import FaultPlan
    from sim.measures import RunResult
    from sim.recording import Recording
    from sim.scenarios import Scenario

# mypy wants the members spelled out; they are spelled out once, in the vocabulary.
ControllerName = StrEnum("ControllerName", {name: name for name in CONTROLLERS})  # type: ignore[misc]

_HELP_FAULT = "KIND:WHERE:SHARE[@ONSET-REPAIR], as stuck-off:all:0.3@600; may be repeated."
_HELP_OPTIONS = "Anything for SUMO itself, after --, e.g. -- --tripinfo-output trips.xml"


def sumo(
    net: Annotated[Path, typer.Option(help="SUMO network.")],
    route: Annotated[list[Path], typer.Option(help="Its demand; may be repeated.")],
    begin: Annotated[int, typer.Option(help="First second simulated.")],
    end: Annotated[int, typer.Option(help="Where the simulation ends, in seconds.")],
    controller: Annotated[ControllerName, typer.Option(help="Who decides.")],
    sensors: Annotated[Sensors, typer.Option(help="What the controller sees.")] = Sensors.LOOPS,
    timing: Annotated[Timing, typer.Option(help="Yellow, red clearance, minimum green.")] = Timing.COMPUTED,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of SUMO.")] = 1,
    explain: Annotated[
        str | None, typer.Option(metavar="JUNCTION", help="Say why each stage of this junction began.")
    ] = None,
    fault: Annotated[list[str] | None, typer.Option(metavar="FAULT", help=_HELP_FAULT)] = None,
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write down every tick, for `belisha replay`.")
    ] = None,
    street: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Street file of this network, with plans of its own.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    sumo_options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- SUMO OPTIONS]", help=_HELP_OPTIONS)
    ] = None,
) -> None:
    """Run one controller on one network in SUMO and print what it did to people.

    Bad input raises errors of one line each, which the command line shows with exit code 2.
    """
    from sim.scenarios import from_files

    scenario = from_files(net, route, begin, end, name="run")
    recording = _recording(str(controller), sensors, journal, explain)
    result = _run(
        scenario, str(controller), sensors, timing, seed, tuple(sumo_options or ()), _faults(fault),
        recording, quiet=as_json,
    )  # fmt: skip
    given = {
        "net": str(net),
        "routes": [str(path) for path in route],
        "begin_s": begin,
        "end_s": end,
        "controller": str(controller),
        "sensors": str(sensors),
        "timing": str(timing),
        "seed": seed,
        "faults": fault or [],
    }
    told = recording.explanations() if recording is not None and explain is not None else None
    if as_json:
        said = {} if told is None else {"explanations": told}
        typer.echo(json.dumps({**given, **result.to_json(), **said}, indent=1, allow_nan=False))
    else:
        print_explanations(told or ())
        _print_table(given, result)


def _faults(orders: list[str] | None) -> tuple[FaultPlan, ...]:
    """What breaks. Raises ScenarioError, one line."""
    if not orders:
        return ()
    from sim.city.sensing.faults import fault_from_order, strength_of
    from sim.scenarios import ScenarioError

    try:
        plans = tuple(fault_from_order(order) for order in orders)
        for plan in plans:
            strength_of(plan)
    except ValueError as error:
        raise ScenarioError(f"--fault: {error}") from None
    if any(plan.where.startswith("district") for plan in plans):
        raise ScenarioError(
            "--fault: a street in SUMO knows no districts; allowed is all, junction, detector"
        )
    return plans


def _recording(
    controller: str, sensors: Sensors, journal: Path | None, explain: str | None
) -> Recording | None:
    """What listens to the run; nothing when nobody asked for it."""
    if journal is None and explain is None:
        return None
    from controller.policy import Policy
    from sim.recording import Recording

    def on_alarm(line: str) -> None:
        typer.echo(f"belisha: {line}", err=True)

    return Recording(controller, Policy(), sensors, journal, explain, on_alarm)


def _run(
    scenario: Scenario,
    controller: str,
    sensors: Sensors,
    timing: Timing,
    seed: int,
    sumo_options: tuple[str, ...],
    faults: tuple[FaultPlan, ...],
    recording: Recording | None,
    quiet: bool,
    street_file: Path | None = None,
) -> RunResult:
    from controller.street_file import read_street
    from sim.importers.sumo import import_sumo
    from sim.importers.sumo_net_xml import read_net
    from sim.scenarios import check_belongs_together
    from sim.sumo_options import parse
    from sim.sumo_run import RunSpec, run

    parse(sumo_options)
    street = import_sumo(scenario.net, timing) if street_file is None else read_street(street_file)
    check_belongs_together(scenario, read_net(scenario.net).edges)
    spec = RunSpec(
        street=street,
        net=scenario.net,
        routes=scenario.routes,
        begin_s=scenario.begin_s,
        end_s=scenario.end_s,
        controller=controller,
        sensors=sensors,
        seed=seed,
        sumo_options=sumo_options,
        faults=faults,
    )
    with progress_bar(f"{controller} on {street.name}", quiet) as on_progress:
        if recording is None:
            return run(spec, on_progress=on_progress)
        try:
            return run(spec, (recording.on_tick,), on_progress, recording.make_controller)
        finally:
            recording.close()


@contextmanager
def progress_bar(title: str, quiet: bool) -> Iterator[Callable[[float], None]]:
    """A bar on standard error with the time that is left."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, quiet=quiet)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    # Where nobody looks a bar would only leave an empty line.
    hidden = not console.is_terminal
    with Progress(
        *columns, console=console, transient=True, refresh_per_second=4, disable=hidden
    ) as progress:
        bar = progress.add_task(title, total=1.0)

        def on_progress(part: float) -> None:
            progress.update(bar, completed=part)

        yield on_progress


def _print_table(given: dict[str, Any], result: RunResult) -> None:
    from rich.console import Console
    from rich.table import Table

    minutes = (given["end_s"] - given["begin_s"]) / 60
    table = Table(
        title=f"{given['controller']}, sensors {given['sensors']}, timing {given['timing']}, "
        f"seed {given['seed']}, {minutes:g} min",
        title_justify="left",
    )
    table.add_column("delay, s per trip")
    for name in ("trips", "mean", "p95", "worst", "worst wait"):
        table.add_column(name, justify="right")
    for mode, delay in result.modes.items():
        if delay.trips:
            numbers = (delay.mean_s, delay.p95_s, delay.worst_s, delay.worst_wait_s)
            table.add_row(mode, str(delay.trips), *(f"{number:.1f}" for number in numbers))
    console = Console()
    console.print(table)
    for line in _sentences(result):
        console.print(line, highlight=False)


def _sentences(result: RunResult) -> list[str]:
    queue = ", still growing: oversaturated" if result.insertion_queue_grows else ""
    lines = [
        f"all vehicles: mean delay {result.delay_mean_s:.1f} s, {result.stops_per_veh:.2f} stops each",
        f"people: {result.person_seconds:.0f} person-seconds of delay",
        f"longest wait on the street: {result.worst_wait_s:.0f} s",
        f"unfinished {result.unfinished_veh}, never departed {result.never_departed_veh}; waiting to enter "
        f"in the last minutes {result.insertion_queue_end_veh:.0f}{queue}",
        "gridlock: YES, ten or more vehicles stood longer than 300 s" if result.gridlock else "gridlock: no",
    ]
    if result.promises_broken is not None:
        lines.append(
            f"promises broken: {result.promises_broken}; stopped by the monitor: {result.violations}"
        )
    lines.append(f"{result.simulated_s} s simulated in {result.wall_s:.1f} s")
    return lines
