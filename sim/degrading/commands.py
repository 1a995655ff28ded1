"""`belisha degrade`: degradation curves of a city, or of a SUMO network in SUMO, beside its fixed plan."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.evaluate_commands import (
    EXIT_FAILED_RUNS,
    BadRequest,
    parse_names,
    parse_seeds,
    processors,
    told_what_is_kept,
)

if TYPE_CHECKING:
    from sim.city.scenario import CityScenario, FaultKind
    from sim.degrading.curves import Curves
    from sim.degrading.jobs import DegradeJob, RunStore
    from sim.run_pool import Failure

REPORT_FILE = "curves.html"
SHARES_A_TABLE = 11
_HELP_SHARES = "Per cent of the detectors that fail: 0-100/10 (every tenth), or 0,30,60,100."
_HELP_FAULTS = "Kinds of failure, a,b,c. Default: all of them."
_HELP_WHERE = "Whose detectors: all, district:NAME or junction:NAME."
_HELP_OUT = "Where runs and the page are kept; the same command goes on from there."


def degrade(
    scenario: Annotated[
        str | None, typer.Argument(metavar="[SCENARIO]", help="A scenario file, or one by name (small-city).")
    ] = None,
    net: Annotated[Path | None, typer.Option(help="A SUMO network instead of a scenario.")] = None,
    route: Annotated[list[Path] | None, typer.Option(help="Its demand; may be repeated.")] = None,
    simulator: Annotated[str, typer.Option(help="Where it is played: city, or sumo (SUMO itself).")] = "city",
    faults: Annotated[str | None, typer.Option(help=_HELP_FAULTS)] = None,
    shares: Annotated[str, typer.Option(help=_HELP_SHARES)] = "0-100/10",
    where: Annotated[str, typer.Option(help=_HELP_WHERE)] = "all",
    onset: Annotated[int, typer.Option(min=0, max=1440, help="Minute at which they fail.")] = 10,
    seeds: Annotated[str, typer.Option(help="How many (5), which (1-5) or (2,7).")] = "5",
    minutes: Annotated[int | None, typer.Option(min=1, help="Only the first minutes of each run.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, max=256, help="Processes. Default: cores.")] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help=_HELP_OUT)] = Path("results/degradation"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
) -> None:
    """Let a growing share of the detectors fail, kind by kind, and set every wait beside the fixed plan's.

    Exit code 0: all runs finished; 1: some failed; 2: bad input or a full disk; 130: interrupted, and
    the same command goes on from there.
    """
    asked = _scenario(scenario, net, route or [], minutes)
    kinds = _kinds(faults)
    parts = parse_shares(shares)
    from sim.degrading.jobs import SIMULATORS, RunStore, plan_jobs

    if simulator not in SIMULATORS:
        raise BadRequest(f"--simulator {simulator}: allowed is {' or '.join(SIMULATORS)}")
    if simulator == "sumo" and asked.sumo is None:
        raise BadRequest(f"--simulator sumo: {asked.name} is no SUMO network; give --net with its --route")
    planned = plan_jobs(asked, simulator, kinds, parts, parse_seeds(seeds), where, 60.0 * onset)
    store = RunStore(out, simulator)
    _check(planned)
    runs = _run(planned, store, jobs or processors(), quiet=as_json)
    _show(planned, runs, store, as_json)


def parse_shares(text: str) -> tuple[float, ...]:
    """Shares 0-1 from per cent: `0,30,60,100` or `0-100/10`. Raises BadRequest."""
    bad = BadRequest(f"--shares {text!r}: allowed is per cent from 0 to 100, as 0,30,60,100 or 0-100/10")
    try:
        if "-" in text:
            first, _, rest = text.partition("-")
            last, _, step = rest.partition("/")
            numbers = [float(n) for n in range(int(first), int(last) + 1, int(step or 10))]
        else:
            numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise bad from None
    if not numbers or not all(0.0 <= number <= 100.0 for number in numbers):
        raise bad
    return tuple(sorted({number / 100.0 for number in numbers}))


def _kinds(text: str | None) -> tuple[FaultKind, ...]:
    from sim.city.scenario import FaultKind

    names = tuple(str(kind) for kind in FaultKind)
    return tuple(
        FaultKind(name) for name in (names if text is None else parse_names(text, names, "--faults"))
    )


def _scenario(name: str | None, net: Path | None, routes: list[Path], minutes: int | None) -> CityScenario:
    from sim.city.scenario import HOUR_S, RunPlan, find_scenario, of_sumo
    from sim.scenarios import ScenarioError, busiest_hour_s

    if (name is None) == (net is None):
        raise ScenarioError("give either a SCENARIO, or --net with its --route")
    if name is not None:
        if routes:
            raise ScenarioError("--route needs the --net it belongs to")
        return find_scenario(name).shortened(minutes)
    assert net is not None
    if not routes:
        raise ScenarioError("--net needs its demand: --route")
    for path in (net, *routes):
        if not path.is_file():
            raise ScenarioError(f"{path}: no such file")
    begin_s = busiest_hour_s(tuple(routes))
    return of_sumo(net, routes, RunPlan(begin_s, begin_s + HOUR_S)).shortened(minutes)


def _check(planned: Sequence[DegradeJob]) -> None:
    """Refuse what cannot run before anything runs."""
    from sim.city.load import load_city
    from sim.city.scenario import check_scenario

    first = planned[0]
    every = next((job.faults for job in planned if job.kind is not None), first.faults)
    broken = replace(first.scenario, faults=every)
    check_scenario(broken)
    if first.simulator == "sumo":
        _check_sumo(first)
        return
    load_city(broken, first.seed)


def _check_sumo(job: DegradeJob) -> None:
    import importlib.util

    if importlib.util.find_spec("libsumo") is None:
        raise BadRequest("--simulator sumo: SUMO is not installed: pip install 'belisha[sumo]'")
    if job.where.startswith("district"):
        raise BadRequest(
            f"--where {job.where}: a street in SUMO knows no districts; allowed is all, junction:NAME"
        )


def _run(
    planned: Sequence[DegradeJob], store: RunStore, processes: int, quiet: bool
) -> dict[DegradeJob, dict[str, Any] | Failure]:
    from sim.degrading.runs import run_job
    from sim.first_start import compile_kernels
    from sim.run_pool import Failure, run_in_processes

    runs: dict[DegradeJob, dict[str, Any] | Failure] = {}
    for job in planned:
        if (known := store.load(job)) is not None:
            runs[job] = known
    waiting = [job for job in planned if job not in runs]
    if waiting:
        # Compiled once here, not once in each process.
        compile_kernels()
    with _progress(planned, waiting, quiet) as on_part:

        def end(job: DegradeJob, outcome: dict[str, Any] | Failure, wall_s: float) -> None:
            if not isinstance(outcome, Failure):
                store.keep(job, outcome)
            runs[job] = outcome
            on_part(job, 1.0)

        with told_what_is_kept("degrade", lambda: len(runs), len(planned), store.folder):
            run_in_processes(waiting, run_job, processes, on_part, end)
    return {job: runs[job] for job in planned}


@contextmanager
def _progress(planned: Sequence[DegradeJob], waiting: Sequence[DegradeJob], quiet: bool) -> Iterator[Any]:
    """A bar on standard error, counted in simulated minutes, with the time that is left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, quiet=quiet)
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
        MofNCompleteColumn(), TextColumn("min simulated, left"), TimeRemainingColumn(),
    )  # fmt: skip
    duration_s = planned[0].scenario.run.duration_s
    parts = dict.fromkeys(waiting, 0.0)
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as progress:
        if len(waiting) < len(planned):
            console.print(f"{len(planned) - len(waiting)} of {len(planned)} runs are kept already")
        bar = progress.add_task("runs", total=round(len(waiting) * duration_s / 60))

        def on_part(job: DegradeJob, part: float) -> None:
            parts[job] = part
            done = round(sum(parts.values()) * duration_s / 60)
            progress.update(bar, completed=done, description=str(job))

        yield on_part


# --- showing -----------------------------------------------------------------------------------


def _show(planned: Sequence[DegradeJob], runs: Any, store: RunStore, as_json: bool) -> None:
    from sim.degrading.curves import curves, to_json
    from sim.degrading.jobs import DegradeError
    from sim.degrading.page import html

    found = curves(planned, runs)
    report = store.folder / REPORT_FILE
    if found.points:
        try:
            report.write_text(html(found, store.sources), encoding="utf-8")
        except OSError as error:
            raise DegradeError(f"{report}: cannot be written: {error.strerror}; runs are kept") from None
    if as_json:
        data = {**to_json(found), "report": str(report) if found.points else None}
        typer.echo(json.dumps(data, indent=1, allow_nan=False))
    else:
        _print(found, report)
    if found.missing:
        typer.echo(f"belisha degrade: {len(found.missing)} of {len(planned)} runs failed", err=True)
        raise typer.Exit(EXIT_FAILED_RUNS)


def _print(found: Curves, report: Path) -> None:
    from rich.console import Console

    from sim.degrading.curves import verdict

    console = Console()
    for whom in found.whom[:1]:
        for table in tables_of(found, whom):
            console.print(table)
    console.print("! more than allowed, 1.05 where half of the ill are found out within 60 s, else 1.10")
    for sentence in verdict(found):
        console.print(sentence, markup=False, highlight=False)
    for line in found.missing:
        console.print(f"failed: {line}", markup=False, highlight=False)
    if found.points:
        console.print(f"page: {report}", markup=False, highlight=False, soft_wrap=True)


def tables_of(found: Curves, whom: str) -> Iterator[Any]:
    """All shares, in tables that fit a terminal of 80 columns: what does not fit is cut without a word."""
    for k in range(0, len(found.shares), SHARES_A_TABLE):
        yield _table(found, whom, found.shares[k : k + SHARES_A_TABLE])


def _table(found: Curves, whom: str, shares: Sequence[float]) -> Any:
    """One row a kind of failure, one column a share."""
    from rich import box
    from rich.table import Table

    from sim.degrading.curves import name_of

    plan_s = found.plan_s.get(whom, 0.0)
    title = (
        f"{found.place}, {found.where}: wait of {name_of(whom)}, times the fixed plan's "
        f"({plan_s:.1f} s a person); by per cent of detectors ill"
    )
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    for share in shares:
        table.add_column(f"{100 * share:g}", justify="right", no_wrap=True, min_width=5)
    for kind in found.kinds:
        cells = {p.share: p for p in found.of(kind)}
        table.add_row(
            kind,
            *(
                f"{cells[s].times[whom]:.2f}{'!' if cells[s].exceeds(whom) else ' '}" if s in cells else "–"
                for s in shares
            ),
        )
    return table
