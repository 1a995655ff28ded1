"""`belisha demo`: a city that lives, under the console on a terminal, else summed up at its end."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from sim.commands import ControllerName

if TYPE_CHECKING:
    from rich.table import Table

    from sim.city.measuring.measures import CityMeasures

FIXED = "fixed plans"
ADAPTIVE = ControllerName("adaptive")


def demo(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or one that comes with Belisha.")] = (
        "small-city"
    ),
    minutes: Annotated[
        int, typer.Option(min=1, max=1440, help="Of the summary; the console stays until it is left.")
    ] = 30,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Of who travels.")] = 1,
    controller: Annotated[ControllerName, typer.Option(help="Who decides.")] = ADAPTIVE,
    speed: Annotated[
        float, typer.Option(min=0.1, max=20.0, help="Under the console: street seconds in a second.")
    ] = 1.0,
    quiet: Annotated[bool, typer.Option("--no-screen", help="No console, only the summary.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the summary.")] = False,
) -> None:
    """Let a city live.

    On a terminal: its station, its citizens' page and the operator's console over them; leaving the console
    ends all of it. Elsewhere, or with --no-screen or --json: the first minutes are played as fast as they
    can be, the same people once more under each signal's own fixed plan, and the two stand side by side.
    """
    from rich.console import Console

    from sim.city.scenario import find_scenario

    console = Console(stderr=as_json)
    found = find_scenario(scenario).shortened(minutes)
    if console.is_terminal and sys.stdin.isatty() and not quiet and not as_json:
        raise typer.Exit(_under_the_console(scenario, seed, str(controller), speed))
    from sim.first_start import compile_kernels

    with console.status("Building the city; the first time its kernels are compiled, a minute or two ..."):
        compile_kernels()
        from sim.city.load import load_city
        from sim.city.measuring.played import played

        city = load_city(found, seed)
    told = f"{minutes} minutes of {len(city.drives.ids)} drives and {len(city.walks.ids)} walks ..."
    with console.status(told):
        measures = played(city, str(controller), city.end_ms)
    with console.status("The same people under fixed plans ..."):
        fixed = played(city, None, city.end_ms)
    names = (str(controller), FIXED)
    if as_json:
        data = {"scenario": city.scenario.name, "seed": seed, "end_s": city.end_ms / 1000}
        runs = {name: one.to_json() for name, one in zip(names, (measures, fixed), strict=True)}
        typer.echo(json.dumps({**data, "runs": runs}, indent=1))
        return
    for part in summary(names, (measures, fixed)):
        console.print(part)


def _under_the_console(scenario: str, seed: int, controller: str, speed: float) -> int:
    """Its exit code. The console is a program of its own: what simulates knows no screen."""
    command = [
        sys.executable, "-m", "belisha", "console", "--drill", "--supervise", "--city", scenario,
        "--seed", str(seed), "--controller", controller, "--speed", str(speed),
    ]  # fmt: skip
    return subprocess.run(command, check=False).returncode


def summary(names: tuple[str, str], runs: tuple[CityMeasures, CityMeasures]) -> list[Table | str]:
    """Two runs of the same people beside each other: by mode, by district, promises, people on red."""
    from rich.table import Table

    from sim.city.measuring.sweep_summary import MODE_NAMES

    people = Table("Seconds lost, a person", *names, box=None, title_justify="left", padding=(0, 3, 0, 0))
    for mode in runs[0].modes:
        both = [run.modes.get(mode) for run in runs]
        people.add_row(
            f"{MODE_NAMES[mode]} ({runs[0].modes[mode].trips} trips)",
            *(f"{one.mean_s:.0f}, longest wait {one.worst_wait_s:.0f}" if one else "-" for one in both),
        )
    districts = Table("and by district", *names, box=None, padding=(0, 3, 0, 0))
    for entry in runs[0].ledger.entries:
        if entry.mode == "all":
            other = runs[1].ledger.entry(entry.district, "all")
            districts.add_row(entry.district, f"{entry.mean_s:.0f}", f"{other.mean_s:.0f}" if other else "-")
    rest = Table("and besides", *names, box=None, padding=(0, 3, 0, 0))
    rest.add_row("people served within the promise", *(_percent(r.promises.people_kept_share) for r in runs))
    rest.add_row("of 1000 people on foot, crossed on red", *(f"{r.on_red.per_1000:.0f}" for r in runs))
    rest.add_row("buses on time", *(_percent(r.buses.on_time_share if r.buses else None) for r in runs))
    rest.add_row("hours lost by everybody", *(f"{r.person_hours:.1f}" for r in runs))
    rest.add_row("people who arrived", *(f"{r.flow.arrived_people:.0f}" for r in runs))
    head = f"{runs[0].simulated_s // 60} minutes of the same people, under two controllers:"
    return [head, people, *([districts] if districts.row_count else []), rest]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
