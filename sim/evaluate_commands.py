"""`belisha evaluate`: maps × controllers × seeds side by side, resumable."""

from __future__ import annotations

import datetime
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.vocabulary import CONTROLLERS, Sensors, Timing

if TYPE_CHECKING:
    from sim.evaluate import Comparison
    from sim.report import Made
    from sim.scenarios import Scenario
    from sim.sweep import Job, OnStep, ResultStore

SEEDS_MAX = 1000
EXIT_FAILED_RUNS = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

_HELP_SCENARIOS = "A folder of scenarios: NAME.net.xml beside NAME.rou.xml, here or one folder down."
_HELP_YARDSTICKS = "Also SUMO's own static, actuated and delay_based programs and the all-green floor."
_HELP_OUT = "Where each finished run is kept, so that the same command goes on after an interruption."


class BadRequest(ValueError):
    """The command line asks for something that cannot be; the message is one line."""


@contextmanager
def told_what_is_kept(command: str, kept: Callable[[], int], planned: int, folder: Path) -> Iterator[None]:
    """Whoever interrupts runs by Ctrl-C is told how many are kept; exit code EXIT_INTERRUPTED."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(
            f"\nbelisha {command}: interrupted; {kept()} of {planned} runs are kept in {folder}. "
            "The same command goes on from there.",
            err=True,
        )
        raise typer.Exit(EXIT_INTERRUPTED) from None


def evaluate(
    net: Annotated[Path | None, typer.Option(help="One SUMO network.")] = None,
    route: Annotated[list[Path] | None, typer.Option(help="Its demand; may be repeated.")] = None,
    begin: Annotated[int | None, typer.Option(help="First second simulated.")] = None,
    end: Annotated[int | None, typer.Option(help="Last second simulated.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the one network.")] = None,
    scenarios: Annotated[Path | None, typer.Option(help=_HELP_SCENARIOS)] = None,
    maps: Annotated[str | None, typer.Option(help="Only these of the folder: a,b.")] = None,
    controllers: Annotated[str, typer.Option(help="Which: a,b,c.")] = ",".join(CONTROLLERS),
    seeds: Annotated[str, typer.Option(help="How many (5), which (1-5) or (2,7).")] = "1-5",
    sensors: Annotated[Sensors, typer.Option(help="What the controllers see.")] = Sensors.LOOPS,
    timing: Annotated[Timing, typer.Option(help="Yellow, red clearance, minimum green.")] = Timing.COMPUTED,
    minutes: Annotated[int | None, typer.Option(min=1, help="Only the first minutes of each run.")] = None,
    yardsticks: Annotated[bool, typer.Option("--yardsticks", help=_HELP_YARDSTICKS)] = False,
    jobs: Annotated[int | None, typer.Option(min=1, max=256, help="Processes. Default: cores.")] = None,
    out: Annotated[Path, typer.Option("--out", "--results", help=_HELP_OUT)] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    html: Annotated[Path | None, typer.Option(help="Also write one HTML file with plots.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Also write the tables as Markdown.")] = None,
) -> None:
    """Run every controller on every map with every seed, and show them side by side.

    Exit code 0: all runs finished; 1: some failed (the reasons are in the table); 2: bad
    input; 130: interrupted, and the same command goes on from there. Raises BadRequest,
    ScenarioError and SweepError, whose messages are one line for the user.
    """
    asked = _scenarios(net, route, begin, end, name, scenarios, maps)
    request = _Request(
        scenarios=tuple(one.shortened(minutes) for one in asked),
        controllers=parse_names(controllers, CONTROLLERS, "--controllers"),
        seeds=parse_seeds(seeds),
        sensors=sensors,
        timing=timing,
        yardsticks=yardsticks,
    )
    for target in (html, markdown):
        check_writable(target)
    comparison, made = _run(request, out, jobs or processors(), quiet=as_json)
    _show(comparison, made, as_json)
    _write(comparison, made, html, markdown)
    if comparison.failures:
        runs = len(comparison.failures)
        typer.echo(f"belisha evaluate: {runs} runs failed; the reasons stand under each map", err=True)
        raise typer.Exit(EXIT_FAILED_RUNS)


@dataclass(frozen=True, slots=True)
class _Request:
    scenarios: tuple[Scenario, ...]
    controllers: tuple[str, ...]
    seeds: tuple[int, ...]
    sensors: str
    timing: str
    yardsticks: bool


# --- what was asked for -------------------------------------------------------------------


def parse_names(text: str, known: Sequence[str], option: str) -> tuple[str, ...]:
    """Comma-separated names, each of `known`, without repetition. Raises BadRequest."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for one in names:
        if one not in known:
            raise BadRequest(f"{option} {one!r}: unknown; allowed: {', '.join(known)}")
    if not names:
        raise BadRequest(f"{option} {text!r}: nothing named; allowed: {', '.join(known)}")
    return names


def parse_seeds(text: str) -> tuple[int, ...]:
    """`5` is seeds 1 to 5, `3-7` those, `2,9` those. Raises BadRequest."""
    seeds: list[int] = []
    try:
        if text.strip().isdigit():
            seeds = list(range(1, int(text) + 1)) if int(text) <= SEEDS_MAX else []
        else:
            for part in text.split(","):
                low, dash, high = part.partition("-")
                first, last = int(low), int(high if dash else low)
                seeds += range(first, last + 1) if last - first < SEEDS_MAX else []
    except ValueError:
        seeds = []
    unique = tuple(dict.fromkeys(seeds))
    if not unique or len(unique) > SEEDS_MAX or min(unique) < 0 or max(unique) > 2**31 - 1:
        raise BadRequest(
            f"--seeds {text!r}; allowed: a number of seeds (5), a range (1-5) or a list (2,9), "
            f"up to {SEEDS_MAX}, none negative"
        )
    return unique


def _scenarios(
    net: Path | None,
    route: list[Path] | None,
    begin: int | None,
    end: int | None,
    name: str | None,
    folder: Path | None,
    maps: str | None,
) -> tuple[Scenario, ...]:
    from sim.scenarios import from_files, from_folder

    if (net is None) == (folder is None):
        found = "neither" if net is None else "both"
        raise BadRequest(f"--net and --scenarios: {found} given; allowed: one of them")
    if net is not None:
        if maps is not None:
            raise BadRequest("--maps belongs to --scenarios, not to --net")
        return (from_files(net, route or [], begin, end, name),)
    for option, value in (("--route", route), ("--name", name)):
        if value:
            raise BadRequest(f"{option} belongs to --net, not to --scenarios")
    assert folder is not None
    wanted = [part.strip() for part in maps.split(",") if part.strip()] if maps is not None else None
    if wanted == []:
        raise BadRequest(f"--maps {maps!r}: nothing named")
    return from_folder(folder, wanted, begin, end)


def check_writable(target: Path | None) -> None:
    """A report that cannot be written must be known before the hour of runs, not after."""
    if target is None:
        return
    if target.is_dir():
        raise BadRequest(f"{target}: is a folder; allowed: a file to write")
    parent = target.resolve().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise BadRequest(f"{target}: its folder does not exist or cannot be written")


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- running ------------------------------------------------------------------------------


def _run(request: _Request, out: Path, processes: int, quiet: bool) -> tuple[Comparison, Made]:
    from sim.evaluate import compare, plan_jobs
    from sim.report import Made
    from sim.sweep import ResultStore, run_job, sweep, versions
    from sim.yardsticks import YARDSTICKS

    store = ResultStore(out)
    names = (*request.controllers, *(YARDSTICKS if request.yardsticks else ()))
    planned = plan_jobs(request.scenarios, names, request.seeds, request.sensors, request.timing)
    _check_scenarios(planned, store)
    with (
        _progress(planned, store, quiet) as on_step,
        told_what_is_kept(
            "evaluate", lambda: sum(store.path(job).exists() for job in planned), len(planned), out
        ),
    ):
        outcomes = sweep(planned, run_job, store, processes, on_step)
    made = Made(
        title=f"Belisha: {len(request.controllers)} controllers on {len(request.scenarios)} "
        f"{'map' if len(request.scenarios) == 1 else 'maps'}",
        command=command_line(),
        versions=versions(),
        sources=store.sources,
        when=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    )
    return compare(planned, outcomes), made


def _check_scenarios(planned: Sequence[Job], store: ResultStore) -> None:
    """Refuse what cannot run before anything runs; what is in the store has run already.

    Raises UnusableNetwork and ScenarioError, each with one line.
    """
    from sim.importers.sumo import import_sumo
    from sim.importers.sumo_net_xml import read_net
    from sim.scenarios import check_belongs_together

    for scenario in dict.fromkeys(job.scenario for job in planned if not store.path(job).exists()):
        import_sumo(scenario.net, Timing(planned[0].timing))
        check_belongs_together(scenario, read_net(scenario.net).edges)


def command_line() -> str:
    """The command as the user may type it again."""
    return shlex.join(["belisha", *sys.argv[1:]])


@contextmanager
def _progress(planned: Sequence[Job], store: ResultStore, quiet: bool) -> Iterator[OnStep]:
    """A bar on standard error, counted in simulated seconds, with the time that is left."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from sim.sweep import SimulatedTime

    console = Console(stderr=True, quiet=quiet)
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
        MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    counted = SimulatedTime(planned)
    with Progress(*columns, console=console, transient=True, refresh_per_second=4) as progress:
        known = [job for job in planned if store.path(job).exists()]
        if known:
            console.print(f"{len(known)} of {len(planned)} runs are kept in {store.folder}")
        bar = progress.add_task("runs", total=None)
        # rich estimates from what happens while it looks, so runs read from the store must not count.
        total_s = sum(job.scenario.duration_s for job in planned) - sum(j.scenario.duration_s for j in known)
        progress.update(bar, total=total_s)
        skip = set(known)

        def on_step(job: Job, part: float) -> None:
            if job not in skip:
                progress.update(bar, completed=counted.after(job, part), description=str(job))

        yield on_step


# --- showing ------------------------------------------------------------------------------


def _show(comparison: Comparison, made: Made, as_json: bool) -> None:
    from sim.evaluate import to_json
    from sim.side_by_side import terminal_lines

    if as_json:
        record = {
            **to_json(comparison),
            "command": made.command,
            "versions": made.versions,
            "sources": made.sources,
        }
        typer.echo(json.dumps(record, indent=1, allow_nan=False))
        return
    for line in terminal_lines(comparison):
        typer.echo(line)


def _write(comparison: Comparison, made: Made, html: Path | None, markdown: Path | None) -> None:
    from sim import report, side_by_side

    texts = {}
    if html is not None:
        texts[html] = report.html(comparison, made)
    if markdown is not None:
        texts[markdown] = side_by_side.markdown(comparison, made.command, made.versions)
    for path, text in texts.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            typer.echo(f"belisha evaluate: {path}: cannot be written: {error.strerror}", err=True)
            raise typer.Exit(EXIT_BAD_INPUT) from None
