"""What the next shift must know: orders, alarms, flags, junctions on a lower rung, what happened. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from override.client import View
from override.layouts import JunctionLayout
from override.views import Event
from tui.ages import ago, clock, countdown, duration
from tui.attention import CLOSED, without_title
from tui.flag_list import CREW, KINDS, LIVES, flag_order
from tui.lamps import rung

HOUR_MS = 3_600_000
TOLD_MOST = 25
"""Events told one by one; of the others their number."""
TOLD_KINDS = ("order", "station", "key")
"""Told one by one before anything else."""


@dataclass(frozen=True, slots=True)
class Handover:
    """All of it, each part most urgent first, as plain records."""

    street: str
    wall_ms: int
    hours: int
    orders: tuple[Mapping[str, Any], ...]
    alarms: tuple[Mapping[str, Any], ...]
    flags: tuple[Mapping[str, Any], ...]
    below: tuple[Mapping[str, Any], ...]
    """Junctions that are not on the top rung."""
    broken: tuple[Mapping[str, Any], ...]
    """Junctions where somebody waits longer than promised."""
    happened: tuple[Mapping[str, Any], ...]
    counts: Mapping[str, int]
    """Events by kind in those hours."""
    junctions: int = 0
    events_complete: bool = True
    """False = the station does not tell of all those hours."""

    def plain(self) -> dict[str, Any]:
        """As JSON can have it."""
        return {name: getattr(self, name) for name in self.__slots__}


def handover(
    view: View,
    layouts: Mapping[str, JunctionLayout],
    events: Sequence[Event],
    street: str,
    wall_ms: int,
    hours: int,
) -> Handover:
    """Of this picture and these events (any order), as of `wall_ms` of this machine's clock."""
    since_ms = wall_ms - hours * HOUR_MS
    lately = sorted((e for e in events if e.wall_ms >= since_ms), key=lambda e: (e.wall_ms, e.number))
    first = min((e.number for e in events), default=0)

    def title(name: str) -> str:
        return layouts[name].title if name in layouts else name

    return Handover(
        street,
        wall_ms,
        hours,
        tuple(_orders(view, title)),
        tuple(_alarms(view, title)),
        tuple(_flags(view, title)),
        tuple(_below(view, title)),
        tuple(_broken(view, title)),
        tuple(_happened(lately, title)),
        dict(Counter(event.kind for event in lately)),
        len(view.junctions),
        bool(events) and (first <= 1 or any(e.wall_ms < since_ms for e in events)),
    )


def _orders(view: View, title: Any) -> Iterator[dict[str, Any]]:
    for order in sorted(view.orders.values(), key=lambda o: (o.state != "requested", o.expires_ms)):
        names = order.at or tuple(j.name for j in view.junctions.values() if order.order in j.orders)
        yield {
            "order": order.order, "command": str(order.command), "argument": order.argument,
            "issuer": order.issuer, "state": order.state, "junctions": order.junctions,
            "where": [title(name) for name in names], "left_ms": max(0, order.expires_ms - view.now_ms),
        }  # fmt: skip


def _alarms(view: View, title: Any) -> Iterator[dict[str, Any]]:
    for alarm in sorted(view.alarms.values(), key=lambda alarm: alarm.order):
        yield {
            "alarm": alarm.alarm, "where": title(alarm.junction) if alarm.junction else "",
            "code": alarm.code, "urgency": str(alarm.urgency), "sentence": alarm.sentence,
            "active": alarm.active, "acknowledged": alarm.acknowledged, "suspended": alarm.suspended,
            "by": alarm.by, "age_ms": max(0, view.now_ms - alarm.since_ms),
            "suspended_ms": max(0, alarm.until_ms - view.now_ms) if alarm.suspended else 0,
        }  # fmt: skip


def _flags(view: View, title: Any) -> Iterator[dict[str, Any]]:
    open_ones = (f for f in view.flags.values() if f.life not in CLOSED)
    for flag in sorted(open_ones, key=lambda flag: flag_order(flag, view.now_ms - flag.age_ms)):
        yield {
            "flag": flag.flag, "where": title(flag.junction), "group": flag.group, "kind": str(flag.kind),
            "life": str(flag.life), "count": flag.count, "age_ms": flag.age_ms, "urgent": flag.urgent,
            "agrees": flag.agrees, "evidence": flag.evidence, "remedy": flag.remedy,
            "remedy_left_ms": flag.remedy_left_ms, "crew": flag.crew,
        }  # fmt: skip


def _below(view: View, title: Any) -> Iterator[dict[str, Any]]:
    for junction in sorted(view.junctions.values(), key=lambda j: (-j.rung, j.name)):
        if junction.rung:
            yield {
                "junction": junction.name, "title": title(junction.name), "rung": junction.rung,
                "faults": junction.faults,
            }  # fmt: skip


def _broken(view: View, title: Any) -> Iterator[dict[str, Any]]:
    for junction in sorted(view.junctions.values(), key=lambda j: -j.used_percent):
        if junction.used_percent > 100:
            yield {
                "junction": junction.name, "title": title(junction.name), "longest_s": junction.longest_s,
                "used_percent": junction.used_percent,
            }  # fmt: skip


def _happened(events: Sequence[Event], title: Any) -> Iterator[dict[str, Any]]:
    """The latest, those of people and of the station before those of junctions."""
    told = [event for event in events if event.kind in TOLD_KINDS][-TOLD_MOST:]
    others = [event for event in events if event.kind not in TOLD_KINDS]
    if (room := TOLD_MOST - len(told)) > 0:
        told += others[-room:]
    for event in sorted(told, key=lambda e: (e.wall_ms, e.number)):
        yield {
            "wall_ms": event.wall_ms, "kind": event.kind,
            "where": title(event.junction) if event.junction else "", "sentence": event.sentence,
        }  # fmt: skip


def handover_lines(told: Handover, offset_ms: int = 0) -> Iterator[str]:
    """As it is printed and read aloud; `offset_ms` = this clock's distance from UTC."""
    yield f"Handover of {told.street}, {clock((told.wall_ms + offset_ms) % 86_400_000)}"
    yield ""
    yield from _order_lines(told)
    yield from _alarm_lines(told)
    yield from _flag_lines(told)
    yield from _junction_lines(told)
    yield from _event_lines(told, offset_ms)


def _order_lines(told: Handover) -> Iterator[str]:
    yield f"ORDERS ({len(told.orders)})" if told.orders else "ORDERS: none acts, none waits."
    for order in told.orders:
        several = "junction" if order["junctions"] == 1 else "junctions"
        where = ", ".join(order["where"][:3]) or f"{order['junctions']} {several}"
        more = order["junctions"] - 3
        where += f" and {more} more" if more > 0 and order["where"] else ""
        what = f"{order['command']} {order['argument']}".strip()
        if order["state"] == "requested":
            yield f"  {what} at {where}, by {order['issuer']}: WAITS for a second person"
        else:
            left = countdown(order["left_ms"])
            yield f"  {what} at {where}, by {order['issuer']}: {order['state']}, {left} left"
    yield ""


def _alarm_lines(told: Handover) -> Iterator[str]:
    new = sum(not a["acknowledged"] and not a["suspended"] for a in told.alarms)
    yield f"ALARMS ({len(told.alarms)}, {new} nobody has seen)" if told.alarms else "ALARMS: none."
    for alarm in told.alarms:
        if alarm["suspended"]:
            state = f"suspended by {alarm['by']}, {duration(alarm['suspended_ms'])} left"
        elif alarm["acknowledged"]:
            state = f"seen by {alarm['by']}" if alarm["by"] else "seen"
        else:
            state = "NOT SEEN"
        over = "" if alarm["active"] else ", over"
        place = f"{alarm['where']}: " if alarm["where"] else ""
        what = without_title(alarm["sentence"], alarm["where"])
        yield f"  [{alarm['urgency']}] {place}{what} ({ago(alarm['age_ms'])}, {state}{over})"
    yield ""


def _flag_lines(told: Handover) -> Iterator[str]:
    yield f"CITIZENS' FLAGS ({len(told.flags)} open)" if told.flags else "CITIZENS' FLAGS: none open."
    for flag in told.flags:
        words = {str(kind): text for kind, text in KINDS.items()}[flag["kind"]]
        life = {str(life): text for life, (text, _) in LIVES.items()}[flag["life"]]
        urgent = "URGENT: " if flag["urgent"] else ""
        times = f", {flag['count']} times" if flag["count"] > 1 else ""
        yield f"  {urgent}{flag['where']}: {words}{times}, {ago(flag['age_ms'])}; {life}"
        record = "agrees" if flag["agrees"] else "does not show it"
        doing = flag["remedy"].rstrip(".") or "nothing is being done"
        yield f"      the record {record}; {doing}; {CREW.get(flag['crew'], flag['crew'])}"
    yield ""


def _junction_lines(told: Handover) -> Iterator[str]:
    if not told.below:
        yield f"JUNCTIONS: all {told.junctions} on the top rung."
    else:
        yield f"JUNCTIONS below the top rung ({len(told.below)} of {told.junctions})"
    for number in sorted({one["rung"] for one in told.below}, reverse=True):
        names = [one["title"] for one in told.below if one["rung"] == number]
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        yield f"  rung {number}, {rung(number).words} ({len(names)}): {', '.join(names[:8])}{more}"
    for one in told.broken[:8]:
        yield f"  PROMISE BROKEN at {one['title']}: somebody waits for {duration(1000 * one['longest_s'])}"
    yield ""


def _event_lines(told: Handover, offset_ms: int) -> Iterator[str]:
    counts = ", ".join(f"{n} {kind}" for kind, n in sorted(told.counts.items(), key=lambda kv: -kv[1]))
    yield f"IN THE LAST {told.hours} H: {counts or 'nothing'}"
    if not told.events_complete:
        yield "  (the station tells no more of it; the audit goes further back)"
    for event in told.happened:
        place = f"{event['where']}: " if event["where"] else ""
        at = clock((event["wall_ms"] + offset_ms) % 86_400_000)
        what = without_title(event["sentence"], event["where"])
        yield f"  {at} {event['kind']:<8} {place}{what}"
