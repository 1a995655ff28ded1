"""`belisha drill`: break a junction's detectors on purpose, and read how it goes down and comes up again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sim.city.drill import Drill
    from sim.city.scenario import CityScenario


def drill(
    junction: Annotated[str, typer.Argument(help="Its name or title; a wrong one lists those known.")],
    fault: Annotated[
        list[str],
        typer.Option(help="What befalls its detectors; may be repeated, one drill after the other."),
    ],
    scenario: Annotated[
        str | None, typer.Option(help="A scenario file, or one that comes with Belisha (small-city).")
    ] = None,
    net: Annotated[Path | None, typer.Option(help="A SUMO network instead of a scenario.")] = None,
    route: Annotated[list[Path] | None, typer.Option(help="Its demand; may be repeated.")] = None,
    settle: Annotated[int, typer.Option(min=1, max=240, help="Minutes before the fault.")] = 10,
    lasts: Annotated[int, typer.Option(min=1, max=240, help="Minutes until it is mended.")] = 5,
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Part of the detectors that have it.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of who travels and what breaks.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the log.")] = False,
) -> None:
    """Walk one junction down the ladder and up again in a living city, and print the log with times.

    Exit code 1 when it does not come back within an hour of the repair.
    """
    from sim.city.scenario import FaultKind
    from sim.scenarios import ScenarioError

    for kind in fault:
        if kind not in set(FaultKind):
            raise ScenarioError(f"fault {kind!r}: no such kind; allowed are {', '.join(FaultKind)}")
    given = _scenario(scenario, net, route or [])
    # Whatever cannot be is refused before any kernel is loaded.
    from rich.console import Console
    from rich.progress import Progress

    from sim.city.drill import drill as play
    from sim.city.drill import drill_hours
    from sim.city.load import load_city

    city = load_city(drill_hours(given, 60 * settle, 60 * lasts), seed)
    drills: list[Drill] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for kind in fault:
            task = progress.add_task(f"{kind}, minutes of the city", total=None)
            try:
                done = play(
                    city, junction, FaultKind(kind), 60 * settle, 60 * lasts, share,
                    lambda minute, task=task: progress.update(task, completed=minute),  # type: ignore[misc]
                )  # fmt: skip
            except ValueError as error:
                raise ScenarioError(str(error)) from None
            drills.append(done)
    if as_json:
        data = {"scenario": given.name, "seed": seed, "drills": [one.to_json() for one in drills]}
        typer.echo(json.dumps(data, indent=1))
    else:
        for one in drills:
            typer.echo("\n".join(story(one)))
    if any(one.back_s is None for one in drills):
        raise typer.Exit(1)


def _scenario(name: str | None, net: Path | None, routes: list[Path]) -> CityScenario:
    from sim.city.scenario import HOUR_S, CityScenario, RunPlan, SumoPlan, find_scenario
    from sim.scenarios import ScenarioError, busiest_hour_s

    if net is None:
        if routes:
            raise ScenarioError("--route needs the --net it belongs to")
        return find_scenario(name or "small-city")
    if name is not None or not routes:
        raise ScenarioError("give either --scenario, or --net with its --route")
    for path in (net, *routes):
        if not path.is_file():
            raise ScenarioError(f"{path}: no such file")
    begin_s = busiest_hour_s(tuple(routes))
    return CityScenario(
        net.name.split(".")[0], sumo=SumoPlan(net, tuple(routes)), run=RunPlan(begin_s, begin_s + HOUR_S)
    )


def story(done: Drill) -> list[str]:
    """The log of one drill, in lines."""
    lines = [f"{done.junction}, {done.fault}:"]
    lines += [f"  {_clock(x.time_ms)}  {x.sentence}" for x in done.lines]
    found = (
        "no detector was doubted" if done.found_s is None else f"first one found after {done.found_s:.0f} s"
    )
    if done.all_found_s is not None:
        found += f", all after {done.all_found_s:.0f} s"
    back = "did not come back" if done.back_s is None else f"back {done.back_s / 60:.1f} min after the repair"
    lines.append(
        f"  {found}; lowest rung {int(done.lowest)}; {back}; "
        f"promises broken: {done.promises_broken}; stopped by the monitor: {done.violations}"
    )
    return lines


def _clock(time_ms: int) -> str:
    second = time_ms // 1000
    return f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
