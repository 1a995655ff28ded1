"""`belisha order preview COMMAND`: who would wait longer, who less, before anything is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from override.connect_options import Where, told_where
from override.order_commands import (
    HELP,
    AsJson,
    BiasSeconds,
    DetectorName,
    GroupName,
    Junctions,
    Lease,
    PlanName,
    SlotOption,
    StageName,
    Suspends,
    default_slot,
    legs_of,
    milliseconds,
    only_of,
)
from override.roles import Command

if TYPE_CHECKING:
    from override.previews import CostRow, Forecast

app = typer.Typer(help="What would an order do? Nothing is done.", no_args_is_help=True)
WORDS = {"cars": "in cars", "buses": "on buses", "pedestrians": "on foot"}


def _make(command: Command) -> Callable[..., None]:
    def show(
        where: Where,
        junctions: Junctions,
        lease: Lease = "2min",
        stage: StageName = "",
        group: GroupName = "",
        detector: DetectorName = "",
        plan: PlanName = "",
        by: BiasSeconds = 0,
        suspend: Suspends = False,
        slot: SlotOption = 0,
        as_json: AsJson = False,
    ) -> None:
        _ask(
            where, as_json, command=command, slot=slot,
            junctions=tuple(junctions), lease_ms=milliseconds(lease), stage=stage, group=group,
            detector=detector, plan=plan, bias_ms=1000 * by, suspends_promise=suspend,
        )  # fmt: skip

    return only_of(command, show)


for _command in HELP:
    app.command(name=str(_command))(_make(_command))


@app.command()
@told_where
def corridor(
    where: Where,
    legs: Annotated[list[str], typer.Argument(metavar="JUNCTION:STAGE:AFTER:HOLD...")],
    lease: Lease = "2min",
    as_json: AsJson = False,
) -> None:
    """A green wave along a route, junction after junction."""
    _ask(
        where, as_json, command=Command.CORRIDOR, slot=0, junctions=(),
        lease_ms=milliseconds(lease), legs=legs_of(legs),
    )  # fmt: skip


def _ask(where: Where, as_json: bool, command: Command, slot: int, **what: Any) -> None:
    console, role = where.console_and_role()
    with console:
        console.look()
        forecast = console.preview(
            command=command, slot=slot or default_slot(command, role), basis=(), reason="preview", **what
        )
    if as_json:
        plain = asdict(forecast) | {"answers": forecast.answers.hex()}
        typer.echo(json.dumps(plain, indent=2))
        return
    for line in lines_of(forecast):
        typer.echo(line)


def lines_of(forecast: Forecast) -> list[str]:
    """A forecast as people read it."""
    out = []
    if forecast.rows:
        minutes = forecast.horizon_ms / 60_000
        out.append(f"Waiting over the next {minutes:.0f} min, in person-seconds, as the station believes:")
        out += table_of(forecast.rows, ("without", "with"))
    out.append(forecast.sentence)
    out += [f"Warning: {text}" for text in forecast.warnings]
    if forecast.refusal:
        out.append(f"The station would refuse it now: {forecast.refusal}")
    if forecast.needs:
        out.append(f"It needs {forecast.needs}.")
    if forecast.rows and forecast.checked:
        percent = forecast.error_permille / 10
        out.append(
            f"Earlier forecasts were wrong by {percent:.0f} % in the mean ({forecast.checked} checked)."
        )
    elif forecast.rows:
        out.append("No earlier forecast has been checked yet.")
    return [line for line in out if line]


def table_of(rows: tuple[CostRow, ...], heads: tuple[str, str]) -> list[str]:
    """Rows by district and mode, the change and the longest waits."""
    wide = max(8, *(len(row.district) for row in rows))
    out = [f"{'':<{wide}}  {'':<8} {heads[0]:>9} {heads[1]:>9} {'change':>9}  longest wait"]
    for row in rows:
        longest = f"{row.longest_without_ms // 1000} -> {row.longest_with_ms // 1000} s"
        if not row.longest_without_ms and not row.longest_with_ms:
            longest = ""
        words = WORDS.get(row.mode, row.mode)
        change = row.with_order - row.without
        numbers = f"{row.without:>9} {row.with_order:>9} {change:>+9}"
        out.append(f"{row.district:<{wide}}  {words:<8} {numbers}  {longest}".rstrip())
    return out


@told_where
def receipt(
    where: Where,
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Its id, as it was accepted.")],
    as_json: AsJson = False,
) -> None:
    """What an order that has ended did cost, and who bore it."""
    with where.console() as console:
        found = console.receipt(order)
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"digest": found.digest.hex()}, indent=2))
        return
    typer.echo(f"{found.order} lasted {found.lasted_ms / 1000:.0f} s; waiting until streets had recovered:")
    for line in table_of(found.rows, ("without", "measured")):
        typer.echo(line)
    typer.echo(found.sentence)
    if found.foreseen:
        measured = sum(row.with_order for row in found.rows)
        typer.echo(f"Foreseen with it: {found.foreseen} person-seconds; measured: {measured}.")
