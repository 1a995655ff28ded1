"""A way for an emergency vehicle: over which junctions, when it is at each, and which stage lets it through.

Pure. The way follows `GroupLayout.upstream`, which says from which junction the vehicles of a group come,
so it never goes against a one-way street. How far junctions are apart is measured as the crow flies.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from override.bounds import LEGS_MAX
from override.layouts import GroupLayout, JunctionLayout
from override.requests import Leg
from tui.ages import duration
from tui.following import Following, Stage, followed
from tui.model import Sight
from tui.timespace import heading_of

SPEEDS_KM_PER_H = (20, 30, 40, 50, 60, 80)
USUAL_KM_PER_H = 40
CHANGE_MS = 12_000
"""A minimum green, yellow and red that may have to end first; a crossing's clearance comes on top."""
BEHIND_MS = 8_000
"""Held on after it should have passed, and ..."""
LATE_SHARE = 0.2
"""... this part of its way's time longer, as nobody knows its speed so exactly."""
TURN_M = 60.0
"""A right angle costs as much as so many metres; a vehicle in a hurry goes straight."""
STRAIGHT_DEG = 45.0
FOOT = "pedestrian"


class NoWay(ValueError):
    """There is none; one line saying why."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One junction on the way."""

    layout: JunctionLayout
    along_m: float
    stages: tuple[str, ...]
    """Those that let it through, the best first."""

    def clearing_ms(self) -> int:
        """How long it may take until the stage it needs is green."""
        return CHANGE_MS + max((g.clearance_ms for g in self.layout.groups if g.kind == FOOT), default=0)


@dataclass(frozen=True, slots=True)
class CorridorRun:
    """A corridor that was sent from here."""

    following: Following
    legs: tuple[Leg, ...]
    words: str
    arrivals_ms: tuple[int, ...] = ()
    """When the vehicle should be at each junction, from sending on."""
    opened: frozenset[str] = frozenset()
    """Junctions that have shown its stage while it acted there."""

    def seen(self, sight: Sight) -> CorridorRun:
        """The same as this picture has it."""
        return replace(
            self,
            following=followed(self.following, sight),
            opened=self.opened.union(leg.junction for leg in self.legs if self.is_open(leg, sight)),
        )

    def is_open(self, leg: Leg, sight: Sight) -> bool:
        """Whether the lamps of a junction show its stage for this corridor."""
        view = sight.junctions.get(leg.junction)
        return view is not None and self.following.order in view.orders and view.stage == leg.stage

    def progress(self, now_ms: int) -> str:
        """How far it is, in words: what a lamp has proved, and what is still to come."""
        many, following = len(self.legs), self.following
        if following.stage is Stage.ACCEPTED and self.opened:
            return f"{len(self.opened)} of {many} junctions have opened by their lamps; the others follow."
        if following.stage is Stage.ENDED:
            never = [leg.junction for leg in self.legs if leg.junction not in self.opened]
            words = f"Not seen open: {', '.join(never)}." if never else f"All {many} junctions were open."
            return f"{following.progress(now_ms)} {words}"
        return following.progress(now_ms)


def way(layouts: Mapping[str, JunctionLayout], start: str, end: str) -> tuple[Stop, ...]:
    """The shortest way over the street, turns counted. Raises NoWay."""
    if start == end or start not in layouts or end not in layouts:
        raise NoWay("a way needs two junctions")
    names = _shortest(layouts, start, end)
    if not names:
        a, b = layouts[start].title, layouts[end].title
        raise NoWay(f"no way is known from {a} to {b}: the station does not say how their streets are joined")
    if len(names) > LEGS_MAX:
        raise NoWay(f"the way has {len(names)} junctions; {LEGS_MAX} are possible in one order")
    out, along_m = [], 0.0
    for k, name in enumerate(names):
        here = layouts[name]
        if k:
            along_m += _apart_m(layouts[names[k - 1]], here)
        before = names[k - 1] if k else _straight_before(layouts, here, layouts[names[1]])
        stages = stages_for(here, before)
        if not stages:
            raise NoWay(f"{here.title} has no stage for vehicles")
        out.append(Stop(here, along_m, stages))
    return tuple(out)


def stages_for(here: JunctionLayout, before: str) -> tuple[str, ...]:
    """Stages in which vehicles from `before` are green: those that serve most of its groups first, then most
    vehicles at all. `before` empty: from outside, by groups of which nobody knows who feeds them."""
    vehicles = {k for k, group in enumerate(here.groups) if group.kind != FOOT}
    fed = {k for k in vehicles if here.groups[k].upstream == before} or vehicles
    fits = [stage for stage in here.stages if fed.intersection(stage.groups)]
    fits.sort(key=lambda s: (-len(fed.intersection(s.groups)), -len(vehicles.intersection(s.groups))))
    return tuple(stage.name for stage in fits)


def legs_of(stops: Sequence[Stop], km_per_h: int, stages: Mapping[str, str]) -> tuple[Leg, ...]:
    """From when to when each junction is held; `stages`: what a person chose instead of the best."""
    out = []
    for stop in stops:
        at_ms = arrival_ms(stop, km_per_h)
        begin_ms = max(0, at_ms - stop.clearing_ms())
        end_ms = at_ms + BEHIND_MS + round(LATE_SHARE * at_ms)
        out.append(
            Leg(
                stop.layout.name,
                stages.get(stop.layout.name, stop.stages[0]),
                begin_ms,
                max(end_ms, begin_ms + stop.clearing_ms()) - begin_ms,
            )
        )
    return tuple(out)


def arrival_ms(stop: Stop, km_per_h: int) -> int:
    """When it is there, if it sets out now."""
    return round(stop.along_m * 3600 / km_per_h)


def lease_of(legs: Sequence[Leg]) -> int:
    """Until the last junction is given back, in milliseconds."""
    return max((leg.after_ms + leg.hold_ms for leg in legs), default=0)


def leg_words(leg: Leg, run: CorridorRun, sight: Sight, now_ms: int) -> tuple[str, str]:
    """(what it does at this junction, style): to come, clearing, held by the lamps' own proof, or behind."""
    since_ms = now_ms - run.following.sent_ms
    if since_ms < leg.after_ms:
        return f"begins in {duration(leg.after_ms - since_ms)}", ""
    if run.following.done or since_ms >= leg.after_ms + leg.hold_ms:
        return "given back", "dim"
    left = duration(leg.after_ms + leg.hold_ms - since_ms)
    view = sight.junctions.get(leg.junction)
    if view is None or run.following.order not in view.orders:
        return "NOT HELD: look", "bold bright_red"
    if run.is_open(leg, sight):
        return f"OPEN, {left} left", "bold bright_green"
    return "being cleared", "bold bright_yellow"


def arrival_words(number: int, run: CorridorRun, now_ms: int) -> str:
    """When the vehicle should be at a junction of the way, or that it should have passed."""
    if number >= len(run.arrivals_ms):
        return ""
    left_ms = run.arrivals_ms[number] - (now_ms - run.following.sent_ms)
    return f"in {duration(left_ms)}" if left_ms > 0 else "passed"


def _shortest(layouts: Mapping[str, JunctionLayout], start: str, end: str) -> list[str]:
    """Dijkstra (1959) over (junction, junction before it), so that turns can cost; [] = there is none."""
    ahead: dict[str, set[str]] = {}
    for layout in layouts.values():
        for group in layout.groups:
            if _feeds(group) and group.upstream in layouts:
                ahead.setdefault(group.upstream, set()).add(layout.name)
    best: dict[tuple[str, str], float] = {(start, ""): 0.0}
    came: dict[tuple[str, str], tuple[str, str]] = {}
    queue: list[tuple[float, str, str]] = [(0.0, start, "")]
    while queue:
        cost, at, before = heapq.heappop(queue)
        if cost > best[at, before]:
            continue
        if at == end:
            return _back(came, (at, before))
        for to in sorted(ahead.get(at, set()) - {before}):
            step = cost + _apart_m(layouts[at], layouts[to])
            if before:
                step += TURN_M * _turn_deg(layouts, before, at, to) / 90.0
            if step < best.get((to, at), math.inf):
                best[to, at], came[to, at] = step, (at, before)
                heapq.heappush(queue, (step, to, at))
    return []


def _back(came: Mapping[tuple[str, str], tuple[str, str]], last: tuple[str, str]) -> list[str]:
    out = [last[0]]
    while last in came:
        last = came[last]
        out.append(last[0])
    return out[::-1]


def _feeds(group: GroupLayout) -> bool:
    return bool(group.upstream) and group.kind != FOOT


def _turn_deg(layouts: Mapping[str, JunctionLayout], a: str, b: str, c: str) -> float:
    into, out = heading_of(layouts[a], layouts[b]), heading_of(layouts[b], layouts[c])
    return abs((out - into + 180.0) % 360.0 - 180.0)


def _straight_before(
    layouts: Mapping[str, JunctionLayout], here: JunctionLayout, ahead: JunctionLayout
) -> str:
    """From where it comes to the first junction if it goes about straight there; empty = from outside."""
    sources = sorted({g.upstream for g in here.groups if _feeds(g) and g.upstream in layouts} - {ahead.name})
    turns = {name: _turn_deg(layouts, name, here.name, ahead.name) for name in sources}
    return (
        min(sources, key=lambda name: turns[name]) if sources and min(turns.values()) <= STRAIGHT_DEG else ""
    )


def _apart_m(a: JunctionLayout, b: JunctionLayout) -> float:
    return math.hypot(b.x_m - a.x_m, b.y_m - a.y_m)
