"""The ways over a junction as lines on the ground, from a network's lane and crossing shapes alone.

What the network says about right of way is not read here: who checks a signal's conflicts by these
lines must not have them from where the signal has its own.
"""

from __future__ import annotations

from controller.permissive_geometry import LinkPath, Point
from sim.importers.sumo_net_xml import NetConnection, SumoNet


def paths_of_signals(net: SumoNet) -> dict[str, list[LinkPath]]:
    """For each signal the paths its heads govern, in file order."""
    onward: dict[str, NetConnection] = {}
    for way in net.connections:
        if way.from_lane.startswith(":") and not _is_crossing(net, way.from_lane):
            onward.setdefault(way.from_lane, way)
    paths: dict[str, list[LinkPath]] = {}
    for way in net.connections:
        if not way.tl or way.link_index < 0:
            continue
        crossing = next((lane for lane in (way.to_lane, way.from_lane) if _is_crossing(net, lane)), "")
        if crossing:
            lane = net.lanes[crossing]
            path = LinkPath(way.link_index, True, lane.edge, lane.edge, lane.shape, lane.width_m)
        elif way.from_lane.startswith(":"):
            continue  # the second stop of a turn in two steps
        else:
            line = _line(net, way, onward)
            edges = net.lanes[way.from_lane].edge, net.lanes[way.to_lane].edge
            path = LinkPath(way.link_index, False, *edges, line, net.lanes[way.from_lane].width_m)
        paths.setdefault(way.tl, []).append(path)
    return paths


def _is_crossing(net: SumoNet, lane: str) -> bool:
    return lane in net.lanes and net.edges[net.lanes[lane].edge].function == "crossing"


def _line(net: SumoNet, way: NetConnection, onward: dict[str, NetConnection]) -> tuple[Point, ...]:
    """From the stop line to the exit, through every inner lane."""
    points: list[Point] = list(net.lanes[way.from_lane].shape[-1:])
    lane, seen = way.via, set[str]()
    while lane and lane in net.lanes and lane not in seen:
        seen.add(lane)
        points += net.lanes[lane].shape
        then = onward.get(lane)
        lane = then.via if then is not None else ""
    points += net.lanes[way.to_lane].shape[:1]
    kept = [p for p, before in zip(points, [None, *points], strict=False) if p != before]
    return tuple(kept)
