"""Counts of vehicles and people as a table: what somebody with a clicker at the kerb brings home.

A line says how many came by which approach and turned where, in a span of local time:

    day,begin,end,junction,approach,direction,count,buses
    workday,07:00,08:00,J1,north,straight,412,6
    workday,07:00,08:00,J1,crossing.1,walk,130,0

Junctions by title or name, approaches and directions as in the street file; people on foot are
counted by the crossing's group. `count` is everybody, `buses` how many of the vehicles were buses.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from controller.file_words import why_not
from controller.network import DIRECTIONS, Network
from controller.policy import Policy
from controller.street_schema import StreetFileError, TimeOfDay
from controller.vocabulary import DayKind, GroupKind
from sim.plan_design.design_demand import Demand, Turns, demand_of_movements

COLUMNS = ("day", "begin", "end", "junction", "approach", "direction", "count", "buses")
DAY_S = 86_400
COUNT_MAX = 100_000
WALK = "walk"


class BadCounts(ValueError):
    """A table of counts that cannot be used; one line naming file, line, what was found and allowed."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A span of local time on one kind of day."""

    day: DayKind
    begin_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class _Count:
    junction: int
    approach: str
    direction: str
    count: int
    buses: int


def read_counts(path: Path, network: Network, policy: Policy) -> dict[Span, Demand]:
    """Demand by span, in order of time. Raises BadCounts."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise BadCounts(f"{path}: cannot be read as text ({why_not(error)})") from None
    rows = csv.DictReader(io.StringIO(text))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise BadCounts(
            f"{path}, line 1: found {','.join(rows.fieldnames or ())!r}; allowed is {','.join(COLUMNS)!r}"
        )
    spans: dict[Span, list[_Count]] = defaultdict(list)
    reader = _Reader(network)
    for row in rows:
        try:
            span, count = reader.read(row)
        except (BadCounts, StreetFileError) as error:
            raise BadCounts(f"{path}, line {rows.line_num}: {error}") from None
        spans[span].append(count)
    if not spans:
        raise BadCounts(f"{path}: no counts; at least one line is needed")
    _check_apart(path, sorted(spans))
    return {span: _demand(network, policy, span, spans[span]) for span in sorted(spans)}


def _check_apart(path: Path, spans: list[Span]) -> None:
    for a, b in pairwise(spans):
        if a.day == b.day and b.begin_s < a.end_s:
            raise BadCounts(f"{path}: two spans of one {a.day.value} overlap at {b.begin_s // 3600:02d}:"
                            f"{b.begin_s // 60 % 60:02d}; allowed are spans one after another")  # fmt: skip


class _Reader:
    def __init__(self, network: Network) -> None:
        self.network = network
        junctions = network.street.junctions
        self.index = {j.title: k for k, j in enumerate(junctions)} | {
            j.name: k for k, j in enumerate(junctions)
        }

    def read(self, row: dict[str, str | None]) -> tuple[Span, _Count]:
        if None in row or any(value is None for value in row.values()):
            raise BadCounts(f"found {len([v for v in row.values() if v is not None])} values; allowed are 8")
        cell = {key: str(value).strip() for key, value in row.items()}
        day = _one_of("day", cell["day"], [kind.value for kind in DayKind])
        begin_s, end_s = (
            DAY_S if cell[key] == "24:00" else TimeOfDay().read(cell[key], key) // 1000
            for key in ("begin", "end")
        )
        if begin_s >= end_s:
            raise BadCounts(f"begin {cell['begin']}, end {cell['end']}; allowed is a span within one day")
        name = _one_of("junction", cell["junction"], list(self.index))
        direction = _one_of("direction", cell["direction"], [*DIRECTIONS, WALK])
        count, buses = (
            _whole("count", cell["count"], COUNT_MAX),
            _whole("buses", cell["buses"] or "0", COUNT_MAX),
        )
        if buses > count or (buses and direction == WALK):
            raise BadCounts(f"buses: found {buses} of {count}; allowed is a part of the vehicles")
        found = _Count(self.index[name], cell["approach"], direction, count, buses)
        self._check_place(found)
        return Span(DayKind(day), begin_s, end_s), found

    def _check_place(self, count: _Count) -> None:
        junction = self.network.street.junctions[count.junction]
        if count.direction == WALK:
            walks = [g.name for g in junction.groups if g.kind == GroupKind.PEDESTRIAN]
            _one_of("approach", count.approach, walks)
            return
        ways = {(lane.approach, m.direction) for lane in junction.lanes for m in lane.movements}
        if (count.approach, count.direction) not in ways:
            known = ", ".join(f"{a} {d}" for a, d in sorted(ways))
            found = f"{count.approach!r} {count.direction} at {junction.title}"
            raise BadCounts(f"approach: found {found}; allowed is one of {known}")


def _one_of(key: str, found: str, allowed: list[str]) -> str:
    if found not in allowed:
        raise BadCounts(f"{key}: found {found!r}; allowed is one of {', '.join(dict.fromkeys(allowed))}")
    return found


def _whole(key: str, found: str, most: int) -> int:
    if not found.isascii() or not found.isdigit() or int(found) > most:
        raise BadCounts(f"{key}: found {found!r}; allowed is a whole number from 0 to {most}")
    return int(found)


def _demand(network: Network, policy: Policy, span: Span, counts: list[_Count]) -> Demand:
    seconds = span.end_s - span.begin_s
    turns = Turns(network)
    ways: dict[tuple[str, ...], list[int]] = defaultdict(list)
    m = 0
    for j, junction in enumerate(network.street.junctions):
        for lane in junction.lanes:
            for movement in lane.movements:
                ways[str(j), lane.approach, movement.direction].append(m)
                m += 1
    flows: dict[tuple[str, ...], float] = defaultdict(float)
    buses: dict[tuple[str, ...], float] = defaultdict(float)
    walkers = np.zeros(network.n_groups)
    for count in counts:
        if count.direction == WALK:
            name = network.street.junctions[count.junction].name
            walkers[network.group_index(name, count.approach)] += count.count / seconds
            continue
        at = (str(count.junction), count.approach, count.direction)
        flows[at] += count.count / seconds
        buses[at] += count.buses / seconds
    veh = turns.spread_over({key: (ways[key], flow) for key, flow in flows.items()})
    persons = policy.persons_per_car * veh
    for key, flow in flows.items():
        if buses[key]:
            more = (policy.persons_per_bus - policy.persons_per_car) * buses[key] / flow
            persons[ways[key]] += more * veh[ways[key]]
    return demand_of_movements(network, veh, persons, walkers, seconds / 3600.0)
