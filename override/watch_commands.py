"""`belisha watch`: what happens on a street, one line each; or a few junctions from near, once a second."""

from __future__ import annotations

import json
import time
from dataclasses import fields, is_dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from override.connect_options import Where, told_where
from override.order_commands import AsJson, BadOrder

if TYPE_CHECKING:
    from override.client import Console
    from override.details import Detail
    from override.views import Delta, JunctionView

RENEW_S = 4.0
WATCHED_MAX = 16


@partial(told_where, listens=True)
def watch(
    where: Where,
    junctions: Annotated[
        list[str] | None, typer.Argument(metavar="[JUNCTION]...", help="From near; 16 at most.")
    ] = None,
    as_json: AsJson = False,
    seconds: Annotated[float, typer.Option(help="Stop after so long; 0 = Ctrl-C.")] = 0.0,
) -> None:
    """What changes at junctions, orders and alarms as it happens; with junctions, those from near."""
    with where.look() as (console, view):
        near = _known(console, junctions or [])
        if len(near) > WATCHED_MAX:
            raise BadOrder(f"{len(near)} junctions; {WATCHED_MAX} can be watched at a time")
        try:
            _Watch(console, near, as_json, dict(view.junctions)).run(seconds)
        except KeyboardInterrupt:
            return


class _Watch:
    """One person's look at the street."""

    def __init__(
        self, console: Console, near: list[str], as_json: bool, before: dict[str, JunctionView]
    ) -> None:
        self._console, self._near, self._as_json = console, near, as_json
        self._before = before
        self._said: dict[str, str] = {}
        self._silent = False

    def run(self, seconds: float) -> None:
        """So many seconds; 0 = for ever."""
        end_s = time.monotonic() + seconds if seconds else float("inf")
        renew_s = 0.0
        while time.monotonic() < end_s:
            if self._near and time.monotonic() >= renew_s:
                self._console.watch(self._near)
                renew_s = time.monotonic() + RENEW_S
            for delta in self._console.listen(300):
                if not self._near:
                    self._changes(delta)
            for name in self._near:
                if (detail := self._console.details.pop(name, None)) is not None:
                    self._say(detail, self._from_near(detail))
            while self._console.events:
                event = self._console.events.pop(0)
                if not self._near or event.junction in self._near:
                    self._say(event, f"{event.kind}: {event.sentence}")
            self._console.receipts.clear()
            if self._console.station_is_silent != self._silent:
                self._silent = self._console.station_is_silent
                typer.echo("the station is silent" if self._silent else "the station is back", err=True)

    def _changes(self, delta: Delta) -> None:
        for junction in delta.junctions:
            before = self._before.get(junction.name)
            self._before[junction.name] = junction
            # Who waits changes every second; a line a second for each junction tells nobody anything.
            if self._as_json or before is None or _shown(before) != _shown(junction):
                acts = " ".join(junction.orders)
                rung = f"rung {junction.rung}" if junction.rung else ""
                words = (junction.name, junction.stage, junction.lamps, rung, acts)
                self._say(junction, " ".join(word for word in words if word))
        for order in delta.orders:
            self._say(order, f"{order.order} {order.command} {order.state}")
        for alarm in delta.alarms if self._as_json else ():
            self._say(alarm, "")  # for people the events tell of it

    def _from_near(self, detail: Detail) -> str:
        lamps = " ".join(f"{group.lamp}{_clock_of(group.will_end_ms)}" for group in detail.groups)
        waiting = sum(group.waiting for group in detail.groups if group.called)
        oldest_s = max((group.waited_ms for group in detail.groups), default=0) // 1000
        seconds = detail.street_ms // 1000
        head = f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d} {detail.junction}"
        line = f"{head}  {lamps}  {waiting} wait, up to {oldest_s} s"
        if detail.operator and self._said.get(detail.junction) != detail.operator:
            self._said[detail.junction] = detail.operator
            line += f"\n    {detail.operator}"
        return line

    def _say(self, record: object, line: str) -> None:
        typer.echo(json.dumps(_plain(record)) if self._as_json else line)


def _known(console: Console, names: list[str]) -> list[str]:
    """The junctions by name, or by title. Raises BadOrder for one that is not there."""
    if not names:
        return []
    of = {title: j.name for j in console.layout().junctions for title in (j.title, j.name)}
    if stranger := next((name for name in names if name not in of), None):
        raise BadOrder(f"no junction {stranger}; known are {', '.join(sorted(set(of.values()))[:20])}")
    return [of[name] for name in names]


def _shown(view: JunctionView) -> tuple[object, ...]:
    return view.stage, view.lamps, view.rung, view.orders


def _clock_of(ms: int) -> str:
    """Seconds to the next change; nothing where nobody knows."""
    return f"{-(-ms // 1000)}" if ms else "-"


def _plain(value: Any) -> Any:
    """A record as JSON can have it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.hex() if isinstance(value, bytes) else value
