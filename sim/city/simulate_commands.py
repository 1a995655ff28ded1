"""`belisha simulate`: a scenario of the city under controllers and seeds, measured, kept, reported."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.vocabulary import CONTROLLERS, Sensors
from sim.evaluate_commands import (
    EXIT_FAILED_RUNS,
    BadRequest,
    command_line,
    parse_names,
    parse_seeds,
    processors,
    told_what_is_kept,
)

if TYPE_CHECKING:
    from controller.policy import Policy
    from sim.city.measuring.results import CityJob, CityStore
    from sim.city.measuring.sweep_summary import Summary
    from sim.city.scenario import CityScenario
    from sim.city.simulate import OnStep, Outcomes

REPORT_FILE = "report.html"

_HELP_SCENARIO = "A scenario that comes with Belisha, by name, or a scenario file."
_HELP_CONTROLLER = "Who decides; may be repeated, or a,b. Default: what the scenario says."
_HELP_FAULT = "KIND:WHERE:SHARE[@ONSET-REPAIR], as stuck-off:district:edge:0.5@600; may be repeated."
_HELP_CLUSTER = "Run on the workers of this Dask scheduler (tcp://host:port) instead of here."
_HELP_OUT = "Where runs, tables and the report are kept; the same command goes on from there."


def simulate(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help=_HELP_SCENARIO)],
    controller: Annotated[list[str] | None, typer.Option(help=_HELP_CONTROLLER)] = None,
    seeds: Annotated[str, typer.Option(help="How many (5), which (1-5) or (2,7).")] = "1",
    jobs: Annotated[int | None, typer.Option(min=1, max=256, help="Processes. Default: cores.")] = None,
    fault: Annotated[list[str] | None, typer.Option(metavar="FAULT", help=_HELP_FAULT)] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Whose waiting counts how much.")
    ] = None,
    sensors: Annotated[Sensors | None, typer.Option(help="What the controllers see.")] = None,
    minutes: Annotated[int | None, typer.Option(min=1, help="Only the first minutes of each run.")] = None,
    cluster: Annotated[str | None, typer.Option(metavar="ADDRESS", help=_HELP_CLUSTER)] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help=_HELP_OUT)] = Path("results/city"),
    again: Annotated[bool, typer.Option("--again", help="Replace other experiments in DIR.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
) -> None:
    """Play a city, measure what it does to people, and write a report with maps.

    Exit code 0: all runs finished; 1: some failed; 2: bad input or a full disk; 130: interrupted, and
    the same command goes on from there.
    """
    asked = _asked(scenario, fault, sensors, minutes)
    names = parse_names(",".join(controller or [asked.run.controller]), CONTROLLERS, "--controller")
    chosen = _policy(policy)
    request = _Request(asked, names, parse_seeds(seeds), chosen)
    outcomes, store = _run(request, out, jobs or processors(), cluster, again, quiet=as_json)
    _show(request, outcomes, store, as_json)


@dataclass(frozen=True, slots=True)
class _Request:
    scenario: CityScenario
    controllers: tuple[str, ...]
    seeds: tuple[int, ...]
    policy: Policy


def _asked(
    name: str, faults: Sequence[str] | None, sensors: Sensors | None, minutes: int | None
) -> CityScenario:
    """The scenario with what the command line adds to it. Raises ScenarioError or BadRequest."""
    from sim.city.scenario import check_scenario, find_scenario

    scenario = find_scenario(name).shortened(minutes)
    if sensors is not None:
        scenario = dataclasses.replace(scenario, run=dataclasses.replace(scenario.run, sensors=sensors))
    if faults:
        from sim.city.sensing.faults import fault_from_order

        try:
            more = tuple(fault_from_order(text) for text in faults)
        except ValueError as error:
            raise BadRequest(f"--fault: {error}") from None
        scenario = dataclasses.replace(scenario, faults=(*scenario.faults, *more))
        check_scenario(scenario)
    return scenario


def _policy(path: Path | None) -> Policy:
    from controller.policy import Policy, read_policy

    return Policy() if path is None else read_policy(path)


# --- running ----------------------------------------------------------------------------------


def _run(
    request: _Request, out: Path, processes: int, cluster: str | None, again: bool, quiet: bool
) -> tuple[Outcomes, CityStore]:
    from sim.city.load import load_city
    from sim.city.measuring.measured_run import run_city
    from sim.city.measuring.results import CityStore
    from sim.city.simulate import open_folders, plan_jobs, street_map, sweep_city
    from sim.first_start import compile_kernels

    store = CityStore(out, again)
    planned = plan_jobs(request.scenario, request.controllers, request.seeds, request.policy)
    # Refuse what cannot run before anything runs.
    city = load_city(request.scenario, request.seeds[0])
    if cluster is None and not all(store.path(job).exists() for job in planned):
        # Compiled once here, not once in each process.
        compile_kernels()
    drawn = street_map(city)
    open_folders(planned, store, drawn)
    with (
        _progress(planned, store, request.scenario.run.duration_s, quiet) as on_step,
        told_what_is_kept(
            "simulate", lambda: sum(store.path(job).exists() for job in planned), len(planned), out
        ),
    ):
        outcomes = sweep_city(planned, run_city, store, drawn, processes, cluster, on_step)
    return outcomes, store


@contextmanager
def _progress(planned: Sequence[CityJob], store: CityStore, duration_s: int, quiet: bool) -> Iterator[OnStep]:
    """A bar on standard error, counted in simulated time, with the time that is left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, quiet=quiet)
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
        MofNCompleteColumn(), TextColumn("min simulated, left"), TimeRemainingColumn(),
    )  # fmt: skip
    parts = dict.fromkeys(planned, 0.0)
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as progress:
        bar = progress.add_task("runs", total=None)
        # rich estimates from what happens while it looks, so runs read from the store must not count.
        known = {job for job in planned if store.path(job).exists()}
        if known:
            console.print(f"{len(known)} of {len(planned)} runs are kept in {store.out}")
        left = [job for job in planned if job not in known]
        progress.update(bar, total=round(len(left) * duration_s / 60))

        def on_step(job: CityJob, part: float) -> None:
            parts[job] = part
            minutes = round(sum(parts[other] for other in left) * duration_s / 60)
            progress.update(bar, completed=minutes, description=str(job))

        yield on_step


# --- showing ----------------------------------------------------------------------------------


def _show(request: _Request, outcomes: Outcomes, store: CityStore, as_json: bool) -> None:
    from sim.city.measuring.results import open_experiment
    from sim.city.measuring.run_files import ResultError
    from sim.run_pool import Failure

    failed = {job: outcome for job, outcome in outcomes.items() if isinstance(outcome, Failure)}
    finished = [
        name for name in request.controllers
        if any(job.controller == name and job not in failed for job in outcomes)
    ]  # fmt: skip
    experiments = [open_experiment(store.out / name).only(request.seeds) for name in finished]
    report = store.out / REPORT_FILE
    if experiments:
        from sim.city.measuring.report import html

        try:
            report.write_text(html(experiments, _made(store)), encoding="utf-8")
        except OSError as error:
            raise ResultError(f"{report}: cannot be written: {error.strerror}; runs are kept") from error
    if as_json:
        typer.echo(json.dumps(_as_json(request, experiments, failed, report), indent=1, allow_nan=False))
    else:
        _print(experiments, failed, store.out, report)
    if failed:
        typer.echo(f"belisha simulate: {len(failed)} of {len(outcomes)} runs failed", err=True)
        raise typer.Exit(EXIT_FAILED_RUNS)


def _made(store: CityStore) -> Any:
    from sim.city.measuring.report import Made
    from sim.sweep import versions

    when = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return Made(command_line(), versions(), store.sources, when)


def _as_json(
    request: _Request, experiments: Sequence[Any], failed: Mapping[CityJob, Any], report: Path
) -> dict[str, Any]:
    from sim.city.measuring.report import summary_json

    return {
        "format": "belisha simulation 1",
        "scenario": request.scenario.name,
        "seeds": list(request.seeds),
        "controllers": summary_json(experiments),
        "failed": [
            {"controller": j.controller, "seed": j.seed, "reason": f.reason} for j, f in failed.items()
        ],
        "report": str(report) if experiments else None,
    }


def _print(experiments: Sequence[Any], failed: Mapping[CityJob, Any], out: Path, report: Path) -> None:
    from rich.console import Console

    from sim.city.measuring.run_files import has_parquet
    from sim.city.measuring.sweep_summary import summarize

    console = Console()
    summaries = [summarize(one) for one in experiments]
    if summaries:
        console.print(_overview(summaries))
        console.print(_districts(summaries))
    for job, failure in failed.items():
        console.print(f"{job} failed: {failure.reason}", markup=False, highlight=False)
    if summaries:
        console.print(f"report: {report}", markup=False, highlight=False, soft_wrap=True)
    tables = "Parquet" if has_parquet() else "NumPy archives (Parquet: pip install 'belisha[report]')"
    console.print(f"runs and tables: {out}, {tables}", markup=False, highlight=False, soft_wrap=True)


def _overview(summaries: Sequence[Summary]) -> Any:
    """One column a controller, one row a measure: fits a terminal of 80 columns."""
    from rich import box
    from rich.table import Table

    from sim.city.measuring.report import percent, seconds
    from sim.city.measuring.sweep_summary import MODE_NAMES

    count = len(summaries[0].seeds)
    runs = "one run" if count == 1 else f"{count} runs"
    table = Table(title=f"Time people lose, mean of {runs}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("")
    for summary in summaries:
        table.add_column(summary.title, justify="right")

    def row(words: str, values: Sequence[str]) -> None:
        if any(value != "–" for value in values):
            table.add_row(words, *values)

    row("everybody", [seconds(s.everybody_s.mean) for s in summaries])
    for mode in (m for m in MODE_NAMES if m != "all"):
        row(
            f"  {MODE_NAMES[mode]}",
            [seconds(s.modes[mode].mean if mode in s.modes else None) for s in summaries],
        )
    row("19 of 20 lose less than", [seconds(s.p95_s.mean) for s in summaries])
    row("longest standing", [seconds(s.worst_wait_s.worst) for s in summaries])
    row("person-hours lost", [f"{s.person_hours.mean:,.1f}" for s in summaries])
    row("worst district / best", [f"{s.ratio.mean:.2f}" if s.ratio else "–" for s in summaries])
    row("promise kept, on foot", [percent(s.people_kept) for s in summaries])
    row("promise kept, calls", [percent(s.calls_kept) for s in summaries])
    row("crossed on red, of 1,000", [f"{s.red_per_1000:.0f}" for s in summaries])
    row("buses late by", [seconds(s.bus_late_s) for s in summaries])
    row("streets full, street-minutes", [f"{s.full_street_s / 60:.0f}" for s in summaries])
    row("runs locked up", [f"{len(s.gridlocked)} of {len(s.seeds)}" for s in summaries])
    return table


def _districts(summaries: Sequence[Summary]) -> Any:
    from rich import box
    from rich.table import Table

    from sim.city.measuring.report import seconds

    names = list(dict.fromkeys(row.district for s in summaries for row in s.ledger))
    table = Table(title="Time lost a person, by home district", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("district")
    for summary in summaries:
        table.add_column(summary.title, justify="right")
    for name in names:
        means = []
        for summary in summaries:
            found = [row.mean_s for row in summary.ledger if (row.district, row.mode) == (name, "all")]
            means.append(seconds(found[0] if found else None))
        table.add_row(name, *means)
    return table
