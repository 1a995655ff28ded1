"""`belisha case`: what citizens have flagged, with the evidence beside it, and what becomes of it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from override.connect_options import Where, told_where
from override.flag_messages import FlagAction, FlagView
from override.order_commands import AsJson, BadOrder, plain, say

app = typer.Typer(help="See what citizens have flagged, and answer them.", no_args_is_help=True)

Case = Annotated[str, typer.Argument(metavar="CASE", help="Its number, as `case list` has it.")]
ReasonForCitizens = Annotated[str, typer.Option("--reason", help="Why; citizens read it.")]
HELP = {
    FlagAction.ACCEPT: "It is so. Its remedy stays, and somebody has to mend it.",
    FlagAction.REJECT: "It could not be confirmed; say why.",
    FlagAction.CREW_SENT: "A crew is on its way.",
    FlagAction.CREW_ON_SITE: "The crew is there.",
    FlagAction.CREW_DONE: "The crew has done its work; the signal's own record has to prove it.",
    FlagAction.FIXED: "Close it by your name; say why.",
    FlagAction.END_REMEDY: "End what is being done for it.",
}


@app.command(name="list")
@told_where
def list_cases(where: Where, as_json: AsJson = False) -> None:
    """Every open case, the urgent first, with what the signal's own record says of it."""
    view = where.view()
    cases = sorted(view.flags.values(), key=lambda case: (not case.urgent, -case.age_ms, case.flag))
    if as_json:
        typer.echo(json.dumps([plain(case) for case in cases], indent=2))
        return
    for case in cases:
        typer.echo("\n    ".join(_lines(case)))
    if not cases:
        typer.echo("No case.")


def _make(action: FlagAction) -> None:
    @told_where
    def act(
        where: Where,
        case: Case,
        reason: ReasonForCitizens = "",
        as_json: AsJson = False,
    ) -> None:
        with where.look() as (console, view):
            if case not in view.flags:
                raise BadOrder(f"no case {case}; open are {', '.join(sorted(view.flags)[:10]) or 'none'}")
            say(console.act_on_flag(case, action, reason), view.now_ms, as_json)

    act.__doc__ = HELP[action]
    app.command(name=str(action))(act)


for _action in HELP:
    _make(_action)


def _lines(case: FlagView) -> list[str]:
    where = f"{case.junction} {case.group}".rstrip()
    times = f", {case.count} people" if case.count > 1 else ""
    urgent = "URGENT  " if case.urgent else ""
    lines = [
        f"{case.flag}  {urgent}{case.kind} at {where}: {case.life}{times}, {case.age_ms // 60_000} min ago"
    ]
    if case.evidence:
        lines.append(f"record {'agrees' if case.agrees else 'does not agree'}: {case.evidence}")
    if case.remedy:
        left = f", {case.remedy_left_ms // 1000} s left" if case.remedy_left_ms else ""
        lines.append(f"being done: {case.remedy}{left}" + (f" (order {case.order})" if case.order else ""))
    if case.crew:
        lines.append(f"crew: {case.crew}")
    if case.why:
        lines.append(f"told: {case.why}")
    return lines
