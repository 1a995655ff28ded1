"""The links of a SUMO signal: each head with the ways it governs and their right of way.

A link is one head of the signal (SUMO's link index). Its rows in the right-of-way matrix
of its node say with whom it conflicts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from controller.vocabulary import GroupKind
from sim.importers.sumo_net_xml import (
    CYCLES,
    PRIVATE,
    PUBLIC,
    RAIL,
    NetConnection,
    NetProgram,
    SumoNet,
    UnusableNetwork,
)

TURNING = frozenset("lLrRt")
DIRECTION_WORDS = {"s": "straight", "l": "left", "L": "left", "r": "right", "R": "right", "t": "turn"}


Rows = dict[str, tuple[str, int]]


@dataclass(slots=True)
class Link:
    """One head: the ways it governs. `row` places each way in its node's right-of-way matrix."""

    index: int
    kind: GroupKind
    ways: list[NetConnection] = field(default_factory=list)
    rows: list[tuple[str, int]] = field(default_factory=list)
    crossing_lane: str = ""

    def edges(self) -> tuple[str, ...]:
        """Incoming edges, for a crossing its own edge."""
        lanes = [self.crossing_lane] if self.crossing_lane else [w.from_lane for w in self.ways]
        return tuple(sorted({lane.rpartition("_")[0] for lane in lanes}))

    def text(self) -> str:
        """`link 3 (a_0 -> b_1)`, as messages name it."""
        way = self.ways[0]
        return f"link {self.index} ({way.from_lane} -> {way.to_lane})"


def matrix_rows(net: SumoNet) -> Rows:
    """Node and row of the right-of-way matrix of every way, by the key `row_key` gives it.

    A node lists the LAST lane of a way that waits inside it, so ways are followed to there.
    In a network without internal lanes, rows count the ways of its incoming lanes in order.
    """
    rows = {
        lane: (junction.id, k)
        for junction in net.junctions.values()
        for k, lane in enumerate(junction.int_lanes)
    }
    onward = {c.from_lane: c.via for c in net.connections if c.from_lane.startswith(":") and c.via}
    for first in onward:
        lane, seen = first, {first}
        while lane not in rows and onward.get(lane) and onward[lane] not in seen:
            lane = onward[lane]
            seen.add(lane)
        if lane in rows:
            rows.setdefault(first, rows[lane])
    ways_of: dict[str, list[NetConnection]] = {}
    for way in net.connections:
        ways_of.setdefault(way.from_lane, []).append(way)
    for junction in net.junctions.values():
        if not junction.int_lanes and junction.foes:
            ways = [way for lane in junction.inc_lanes for way in ways_of.get(lane, ())]
            rows.update(
                {row_key(way, ""): (junction.id, k) for k, way in enumerate(ways) if k in junction.foes}
            )
    return rows


def row_key(way: NetConnection, crossing: str) -> str:
    """What a way is known by in `matrix_rows`: crossing, first internal lane, or its two lanes."""
    return crossing or way.via or f"{way.from_lane} -> {way.to_lane}"


def read_links(
    net: SumoNet, tl: str, program: NetProgram, ways: list[NetConnection], rows: Rows
) -> dict[int, Link]:
    """The links of one signal by index. Raises `UnusableNetwork` naming signal and connection."""
    where = f"{net.file}: junction {tl}"
    width = min((len(p.state) for p in program.phases), default=0)
    links: dict[int, Link] = {}
    inside: dict[int, str] = {}
    for way in ways:
        name = f"{way.from_lane} -> {way.to_lane}"
        if way.from_lane.startswith(":") and not _crossing_lane(net, way):
            inside.setdefault(way.link_index, name)
            continue
        if way.link_index < 0:
            raise UnusableNetwork(f"{where}: connection {name} names the signal without a linkIndex")
        if width <= way.link_index:
            raise UnusableNetwork(
                f"{where}: connection {name} has linkIndex {way.link_index}, but the phases of "
                f"program {program.program} have {width} letters"
            )
        for lane in (way.from_lane, way.to_lane):
            if lane not in net.lanes:
                raise UnusableNetwork(f"{where}: connection {name}: no such lane {lane}")
        crossing = _crossing_lane(net, way)
        kind = GroupKind.PEDESTRIAN if crossing else _kind(net, way)
        link = links.setdefault(way.link_index, Link(way.link_index, kind))
        if link.ways and (link.kind, link.crossing_lane) != (kind, crossing):
            raise UnusableNetwork(
                f"{where}: {link.text()} and {name} share one link index, but one speaks to "
                f"{link.kind.name.lower()}s and the other to {kind.name.lower()}s"
            )
        row = rows.get(row_key(way, crossing))
        if row is None:
            raise UnusableNetwork(
                f"{where}: link {way.link_index} ({name}) has no row in its node's "
                "right-of-way matrix, so its conflicts are unknown"
            )
        link.crossing_lane = crossing
        link.ways.append(way)
        link.rows.append(row)
    for index, name in inside.items():
        # The second stop of a turn in two steps has the head of the stream it then joins.
        if index not in links:
            raise UnusableNetwork(
                f"{where}: link {index} ({name}) governs only vehicles already "
                "inside the junction; Belisha controls stop lines and crossings"
            )
    return dict(sorted(links.items()))


def _crossing_lane(net: SumoNet, way: NetConnection) -> str:
    for lane in (way.to_lane, way.from_lane):
        if lane in net.lanes and net.edges[net.lanes[lane].edge].function == "crossing":
            return lane
    return ""


def _kind(net: SumoNet, way: NetConnection) -> GroupKind:
    classes = net.lanes[way.from_lane].classes & way.classes
    if classes & PRIVATE:
        return GroupKind.VEHICLE
    if classes & (PUBLIC | RAIL):
        return GroupKind.BUS
    if classes & CYCLES:
        return GroupKind.BICYCLE
    return GroupKind.VEHICLE
