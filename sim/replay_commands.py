"""`belisha replay`: does a journal's controller do the same again? And the sentences of its decisions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from controller.vocabulary import Lamp

if TYPE_CHECKING:
    from controller.replay import ReplayResult

DIFFERENT = 1
"""Exit code of a replay that did not come out the same."""


def replay(
    file: Annotated[Path, typer.Argument(help="A journal, as `belisha sumo --journal FILE` writes it.")],
    explain: Annotated[
        str | None, typer.Option(metavar="JUNCTION", help="Say why each stage of this junction began.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
) -> None:
    """Replay a journal and compare every lamp, bit for bit.

    Exit code 0: the same lamps and reasons; 1: not the same, and where first; 2: no usable journal.
    """
    from controller.explain import explanation, junction_to_explain
    from controller.replay import replay as run
    from sim.commands import progress_bar

    with progress_bar(f"replay of {file.name}", quiet=as_json) as progress:
        result = run(file, progress)
    told: list[dict[str, Any]] | None = None
    if explain is not None:
        j = junction_to_explain(result.network, explain)
        told = [explanation(d, result.network) for d in result.decisions if d.junction == j]
    if as_json:
        data = summary(result)
        if told is not None:
            data["explanations"] = told
        typer.echo(json.dumps(data, indent=1, allow_nan=False))
    else:
        if told is not None:
            print_explanations(told)
        _print_table(file, result)
    if not result.identical:
        raise typer.Exit(DIFFERENT)


def summary(result: ReplayResult) -> dict[str, Any]:
    """What a replay found, as plain data."""
    from controller.explain import explanation

    first, reason = result.first_difference, result.first_decision_differing
    return {
        "identical": result.identical,
        "ticks": result.ticks,
        "begin_ms": result.first_ms,
        "end_ms": result.last_ms,
        "controller": result.header.controller,
        "sensors": str(result.header.sensors),
        "street": result.network.street.name,
        "written_by": result.header.product,
        "written_by_these_sources": result.same_sources,
        "ticks_differing": result.differences,
        "first_difference": None
        if first is None
        else {
            "tick": first.tick,
            "time_ms": first.time_ms,
            "junction": first.junction,
            "group": first.group,
            "recorded": Lamp(first.recorded).name,
            "replayed": Lamp(first.replayed).name,
        },
        "changes_of_stage": len(result.decisions),
        "first_reason_differing": None if reason is None else explanation(reason, result.network),
        "same_state_at_end": result.same_state,
        "closed": result.end is not None,
        "dropped_bytes": result.dropped_bytes,
    }


def print_explanations(told: Sequence[dict[str, Any]]) -> None:
    """The three sentences of each change, labelled; plain lines that a pipe can take."""
    from controller.explain import REGISTERS

    for change in told:
        for register in REGISTERS:
            typer.echo(f"{register + ':':<10}{change[register]}")
        typer.echo()


def _print_table(file: Path, result: ReplayResult) -> None:
    from rich.console import Console
    from rich.table import Table

    from controller.explain import clock

    table = Table(title=f"replay of {file.name}", title_justify="left", show_header=False)
    table.add_row("street", f"{result.network.street.name}, {result.network.n_junctions} junctions")
    table.add_row("controller", f"{result.header.controller}, sensors {result.header.sensors}")
    table.add_row("ticks", f"{result.ticks}, {clock(result.first_ms)} to {clock(result.last_ms)}")
    table.add_row("changes of stage", str(len(result.decisions)))
    table.add_row("ticks with other lamps", str(result.differences))
    table.add_row("journal", _ending(result))
    console = Console()
    console.print(table)
    for line in _verdict(result):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _ending(result: ReplayResult) -> str:
    if result.dropped_bytes:
        return f"cut off; the last {result.dropped_bytes} bytes are no whole record"
    if result.end is None:
        return "never closed, but every record is whole"
    return "complete, same state at the end" if result.same_state else "complete, other state at the end"


def _verdict(result: ReplayResult) -> list[str]:
    from controller.explain import clock, explain

    if result.identical:
        return ["identical: every lamp of every tick came out the same"]
    lines = []
    if not result.same_sources:
        product = result.header.product
        lines.append(f"note: the journal was written by other sources of the controller (Belisha {product})")
    first, reason = result.first_difference, result.first_decision_differing
    if first is not None:
        lines.append(
            f"different: tick {first.tick} at {clock(first.time_ms, decimals=True)}, "
            f"junction {first.junction}, group {first.group}: "
            f"recorded {Lamp(first.recorded).name}, replayed {Lamp(first.replayed).name}"
        )
    if reason is not None:
        sentence = explain(reason, result.network, "engineer")
        lines.append(f"different: the first reason not recorded like this: {sentence}")
    return lines
