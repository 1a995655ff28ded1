"""Writes a network held in memory, and the trips in it, as files that SUMO itself runs.

So a generated city can be played in SUMO too, on the same streets with the same signals,
vehicles and routes. Format: https://sumo.dlr.de/docs/Networks/SUMO_Road_Networks.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from sim.city.roads import Roads
from sim.city.trips import MODES, Drives, Mode
from sim.importers.sumo_net_xml import (
    CLASSES,
    NetConnection,
    NetEdge,
    NetJunction,
    NetLane,
    NetProgram,
    SumoNet,
)

VERSION = "1.20"
_SUMO_CLASS = {Mode.CAR: "passenger", Mode.BUS: "bus", Mode.BICYCLE: "bicycle", Mode.EMERGENCY: "emergency"}


def write_net(net: SumoNet, path: Path) -> None:
    """Write the network (`.net.xml`). Raises OSError."""
    with path.open("w", encoding="utf-8") as out:
        for line in _net_lines(net):
            out.write(line + "\n")


def _net_lines(net: SumoNet) -> Iterator[str]:
    xs = [junction.x_m for junction in net.junctions.values()]
    ys = [junction.y_m for junction in net.junctions.values()]
    box = f"{min(xs):.2f},{min(ys):.2f},{max(xs):.2f},{max(ys):.2f}"
    walking = any(edge.function == "walkingarea" for edge in net.edges.values())
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<net version="{VERSION}" walkingareas="{str(walking).lower()}">'
    yield f'<location netOffset="0.00,0.00" convBoundary="{box}" origBoundary="{box}" projParameter="!"/>'
    for inside in (True, False):
        for edge in net.edges.values():
            if (edge.function != "normal") == inside:
                yield from _edge_lines(net, edge)
    for programs in net.programs.values():
        for program in programs:
            yield from _program_lines(program)
    second = _second_parts(net)
    for junction in net.junctions.values():
        yield from _junction_lines(net, junction, second)
    yield from _waiting_places(net)
    major = _major_ways(net)
    for connection in net.connections:
        yield _connection_line(net, connection, major)
    parted = {connection.from_lane for connection in net.connections}
    for connection in net.connections:
        if connection.via and connection.via not in parted:
            yield _inner_line(net, connection)
    yield "</net>"


def _edge_lines(net: SumoNet, edge: NetEdge) -> Iterator[str]:
    about = f"<edge id={quoteattr(edge.id)}"
    if edge.function == "normal":
        about += f' from={quoteattr(edge.from_node)} to={quoteattr(edge.to_node)} priority="1"'
    else:
        about += f' function="{edge.function}"'
    if edge.crossing_edges:
        about += f" crossingEdges={quoteattr(' '.join(edge.crossing_edges))}"
    yield about + ">"
    for name in edge.lanes:
        lane = net.lanes[name]
        yield (
            f'<lane id={quoteattr(lane.id)} index="{lane.index}" {_permission(lane)} '
            f'speed="{lane.speed_m_per_s:.2f}" length="{lane.length_m:.2f}" width="{lane.width_m:.2f}" '
            f'shape="{_points(lane.shape)}"/>'
        )
    yield "</edge>"


def _permission(lane: NetLane) -> str:
    if lane.classes == CLASSES:
        return 'disallow=""'
    if len(lane.classes) <= len(CLASSES) // 2:
        return f'allow="{" ".join(sorted(lane.classes))}"'
    return f'disallow="{" ".join(sorted(CLASSES - lane.classes))}"'


def _points(shape: tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in shape)


def _program_lines(program: NetProgram) -> Iterator[str]:
    yield (
        f'<tlLogic id={quoteattr(program.tl)} type="static" programID={quoteattr(program.program)} '
        f'offset="{program.offset_s:g}">'
    )
    for phase in program.phases:
        yield f'<phase duration="{phase.duration_s:g}" state="{phase.state}"/>'
    yield "</tlLogic>"


def _second_parts(net: SumoNet) -> dict[str, str]:
    """Inner lanes that begin where a driver waits inside a junction, with the lane before."""
    return {c.via: c.from_lane for c in net.connections if c.via and c.from_lane.startswith(":")}


def _waiting_places(net: SumoNet) -> Iterator[str]:
    """A node of its own for every place inside a junction where drivers wait."""
    second = _second_parts(net)
    from_lane = {c.via: c.from_lane for c in net.connections if c.via}
    for junction in net.junctions.values():
        for row, lane in enumerate(junction.int_lanes):
            if lane not in second:
                continue
            x_m, y_m = net.lanes[lane].shape[0]
            foes = [k for k in range(len(junction.int_lanes)) if junction.foes[row] >> k & 1]
            given_way = [k for k in foes if junction.responses[row] >> k & 1]
            first = [second.get(name, name) for name in (junction.int_lanes[k] for k in given_way)]
            streets = [from_lane[name] for name in first if name in from_lane]
            incoming = dict.fromkeys([second[lane], *streets])
            yield (
                f'<junction id={quoteattr(lane)} type="internal" x="{x_m:.2f}" y="{y_m:.2f}" '
                f"incLanes={quoteattr(' '.join(incoming))} "
                f"intLanes={quoteattr(' '.join(junction.int_lanes[k] for k in foes))}/>"
            )


def _junction_lines(net: SumoNet, junction: NetJunction, second: dict[str, str]) -> Iterator[str]:
    ends = [net.lanes[name].shape[-1] for name in junction.inc_lanes if not name.startswith(":")]
    shape = ends or [(junction.x_m, junction.y_m)]
    yield (
        f'<junction id={quoteattr(junction.id)} type="{junction.type}" x="{junction.x_m:.2f}" '
        f'y="{junction.y_m:.2f}" incLanes={quoteattr(" ".join(junction.inc_lanes))} '
        f'intLanes={quoteattr(" ".join(junction.int_lanes))} shape="{_points(tuple(shape))}">'
    )
    n = len(junction.int_lanes)
    for row in range(n):
        response, foes = junction.responses.get(row, 0), junction.foes.get(row, 0)
        waits = int(junction.int_lanes[row] in second)
        yield f'<request index="{row}" response="{response:0{n}b}" foes="{foes:0{n}b}" cont="{waits}"/>'
    yield "</junction>"


def _major_ways(net: SumoNet) -> set[str]:
    """First inner lanes of the ways that give way to nobody."""
    return {
        lane
        for junction in net.junctions.values()
        for row, lane in enumerate(junction.int_lanes)
        if not junction.responses.get(row, 0)
    }


def _ends(net: SumoNet, before: str, after: str) -> str:
    start, finish = net.lanes[before], net.lanes[after]
    return (
        f"from={quoteattr(start.edge)} to={quoteattr(finish.edge)} "
        f'fromLane="{start.index}" toLane="{finish.index}"'
    )


def _connection_line(net: SumoNet, connection: NetConnection, major: set[str]) -> str:
    line = f"<connection {_ends(net, connection.from_lane, connection.to_lane)}"
    if connection.via:
        line += f" via={quoteattr(connection.via)}"
    if connection.tl:
        line += f' tl={quoteattr(connection.tl)} linkIndex="{connection.link_index}"'
    state = "o" if connection.tl else "M" if not connection.via or connection.via in major else "m"
    return f'{line} dir="{connection.direction}" state="{state}"/>'


def _inner_line(net: SumoNet, connection: NetConnection) -> str:
    ends = _ends(net, connection.via, connection.to_lane)
    return f'<connection {ends} dir="{connection.direction}" state="M"/>'


def write_trips(roads: Roads, drives: Drives, path: Path) -> None:
    """Write vehicle trips as a SUMO route file (`.rou.xml`), stops included. Raises OSError."""
    with path.open("w", encoding="utf-8") as out:
        for line in _trip_lines(roads, drives):
            out.write(line + "\n")


def _trip_lines(roads: Roads, drives: Drives) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield "<routes>"
    for mode in sorted(set(drives.mode.tolist())):
        v = int(np.flatnonzero(drives.mode == mode)[0])
        yield (
            f'<vType id="{MODES[mode]}" vClass="{_SUMO_CLASS[Mode(mode)]}" length="{drives.length_m[v]:g}" '
            f'minGap="{drives.gap_m[v]:g}" accel="{drives.accel_m_per_s2[v]:g}" '
            f'decel="{drives.decel_m_per_s2[v]:g}" maxSpeed="{drives.speed_max_m_per_s[v]:.2f}"/>'
        )
    for r in sorted(set(drives.route.tolist())):
        way = drives.route_edge[drives.route_start[r] : drives.route_start[r + 1]]
        yield f'<route id="r{r}" edges={quoteattr(" ".join(roads.edges[e] for e in way.tolist()))}/>'
    for v in range(drives.n):
        about = (
            f'<vehicle id={quoteattr(drives.ids[v])} type="{MODES[drives.mode[v]]}" '
            f'route="r{drives.route[v]}" depart="{drives.depart_ms[v] / 1000:.3f}" '
            f'departLane="best" departSpeed="max" speedFactor="{drives.speed_factor[v]:.3f}"'
        )
        halts = range(int(drives.halt_start[v]), int(drives.halt_start[v + 1]))
        if not halts:
            yield about + "/>"
            continue
        yield about + ">"
        for k in halts:
            yield _halt_line(roads, drives, k)
        yield "</vehicle>"
    yield "</routes>"


def _halt_line(roads: Roads, drives: Drives, k: int) -> str:
    lane = roads.lanes[roads.edge_lane_start[drives.halt_edge[k]]]
    until = "" if drives.halt_due_ms[k] < 0 else f' until="{drives.halt_due_ms[k] / 1000:.3f}"'
    return (
        f'<stop lane={quoteattr(lane)} endPos="{drives.halt_position_m[k]:.1f}" '
        f'duration="{drives.halt_dwell_ms[k] / 1000:g}"{until}/>'
    )
