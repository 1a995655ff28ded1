"""`belisha compare A B`: who gains and who loses between two folders of results."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.evaluate_commands import EXIT_BAD_INPUT, check_writable, command_line

if TYPE_CHECKING:
    from sim.city.measuring.compare import Comparison, Group

_HELP_A = "What there is now: the folder of a controller below --out of `belisha simulate`."
_HELP_B = "What it is set against."


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help=_HELP_A)],
    b: Annotated[Path, typer.Argument(metavar="B", help=_HELP_B)],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write one HTML file with a map.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
) -> None:
    """Set two policies or controllers against each other, trip by trip, paired by seed.

    Exit code 0, or 2 when the two are not of the same people on the same streets.
    """
    from sim.city.measuring.compare import compare as compare_folders
    from sim.city.measuring.compare import to_json

    check_writable(out)
    comparison = compare_folders(a, b)
    if as_json:
        typer.echo(json.dumps(to_json(comparison), indent=1, allow_nan=False))
    else:
        _print(comparison)
    if out is not None:
        _write(a, b, out)


def _write(a: Path, b: Path, out: Path) -> None:
    from sim.city.measuring.compare_report import html
    from sim.city.measuring.report import Made
    from sim.sweep import versions

    when = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    text = html(a, b, Made(command_line(), versions(), "", when))
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        typer.echo(f"belisha compare: {out}: cannot be written: {error.strerror}", err=True)
        raise typer.Exit(EXIT_BAD_INPUT) from None


def _print(comparison: Comparison) -> None:
    from rich.console import Console

    from sim.city.measuring.compare_report import headline, sentences

    console = Console()
    console.print(headline(comparison), highlight=False, markup=False)
    for sentence in sentences(comparison):
        console.print(sentence, highlight=False, markup=False)
    for title, verdict in (("gain in every run", "better"), ("lose in every run", "worse"),
                           ("the runs do not agree", "unsure"), ("about the same", "same")):  # fmt: skip
        groups = comparison.of(verdict)
        if groups:
            console.print(_table(title, groups, comparison))
    console.print(_table("whole city", [g for g in comparison.groups if g.district == "all"], comparison))


def _table(title: str, groups: Any, comparison: Comparison) -> Any:
    from rich import box
    from rich.table import Table

    from sim.city.measuring.compare_report import name, signed
    from sim.city.measuring.report import people, seconds

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("")
    for words in ("people", comparison.title_a, comparison.title_b, "change", "95 %"):
        table.add_column(words, justify="right", no_wrap=True)
    table.add_column("runs", no_wrap=True)

    def between(group: Group) -> str:
        interval = group.seconds.interval
        return "–" if interval is None else f"{interval[0]:+.1f} … {interval[1]:+.1f}"

    for group in groups:
        change = group.seconds
        table.add_row(
            name(group),
            people(group.people),
            seconds(change.before),
            seconds(change.after),
            signed(change.mean),
            between(group),
            f"{change.fewer_in if change.mean < 0 else change.more_in}/{len(change.by_seed)}",
        )
    return table
