"""`belisha alarm`: what is not as it should be, and who deals with it, on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from override.connect_options import Where, told_where
from override.order_commands import AsJson, BadOrder, Lease, milliseconds, plain, say
from override.requests import AlarmAction

if TYPE_CHECKING:
    from override.client import View
    from override.views import AlarmView

app = typer.Typer(help="See what is not as it should be, and deal with it.", no_args_is_help=True)

Alarm = Annotated[str, typer.Argument(metavar="ALARM", help="Its id, as `alarm list` has it.")]
HELP = {
    AlarmAction.ACKNOWLEDGE: "You have seen it. It stays until its cause is gone.",
    AlarmAction.SUSPEND: "Show it no more for a while, eight hours at most; it comes back by itself, "
    "or when it becomes worse.",
    AlarmAction.RESUME: "Show a suspended one again.",
}


@app.command(name="list")
@told_where
def list_alarms(
    where: Where,
    every: Annotated[bool, typer.Option("--all", help="Suspended ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every alarm that wants somebody, the most pressing first. Exit code 1 where nobody has seen one."""
    view = where.view()
    shown = (alarm for alarm in view.alarms.values() if every or not alarm.suspended)
    alarms = sorted(shown, key=lambda alarm: alarm.order)
    if as_json:
        typer.echo(json.dumps([plain(alarm) for alarm in alarms], indent=2))
    else:
        for alarm in alarms:
            typer.echo(_line(alarm, view.now_ms))
        if not alarms:
            typer.echo("No alarm.")
    if any(not alarm.acknowledged for alarm in alarms):
        raise typer.Exit(1)


def _make(action: AlarmAction) -> Callable[..., None]:
    def act(where: Where, alarm: Alarm, as_json: AsJson = False) -> None:
        _act(where, alarm, action, 0, "", as_json)

    def suspend(
        where: Where,
        alarm: Alarm,
        reason: Annotated[str, typer.Option(help="Why; it is kept.")],
        lease: Lease = "1h",
        as_json: AsJson = False,
    ) -> None:
        _act(where, alarm, action, milliseconds(lease), reason, as_json)

    made = suspend if action is AlarmAction.SUSPEND else act
    made.__doc__ = HELP[action]
    return told_where(made)


for _action in HELP:
    app.command(name=str(_action))(_make(_action))


def _act(where: Where, alarm: str, action: AlarmAction, for_ms: int, reason: str, as_json: bool) -> None:
    with where.look() as (console, view):
        if alarm not in view.alarms:
            raise BadOrder(f"no alarm {alarm}; {_known(view)}")
        say(console.act_on_alarm(alarm, action, for_ms, reason), view.now_ms, as_json)


def _known(view: View) -> str:
    known = sorted(view.alarms)
    return (
        f"there are {', '.join(known[:10])}" + (" ..." if len(known) > 10 else "")
        if known
        else "none is there"
    )


def _line(alarm: AlarmView, now_ms: int) -> str:
    state = "active" if alarm.active else "over"
    seen = (
        f"seen by {alarm.by}" if alarm.acknowledged and alarm.by else "seen" if alarm.acknowledged else "NEW"
    )
    if alarm.suspended:
        by = f" by {alarm.by}" if alarm.by else ""
        seen = f"suspended{by}, {max(0, alarm.until_ms - now_ms) // 60_000} min left"
    since_s = max(0, now_ms - alarm.since_ms) // 1000
    times = f" ({alarm.count} times)" if alarm.count > 1 else ""
    head = f"{alarm.alarm}  {alarm.urgency}, {state}, {seen}, since {since_s} s"
    return f"{head}\n    {alarm.sentence}{times}"
