"""Streets of a generated city drawn to scale: arms of every junction, edges, lanes, pockets.

Traffic keeps right. An arm is one street seen from one junction; its setback is where the
stop line lies, far enough back for the neighbouring streets and a crossing. Where an
arterial leads to a left turn its edge ends in a second edge that also has the pocket.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

from sim.city.generator.generate_layout import Layout, StreetKind
from sim.importers.sumo_net_xml import (
    CLASSES,
    CYCLES,
    PRIVATE,
    PUBLIC,
    NetConnection,
    NetEdge,
    NetJunction,
    NetLane,
    SumoNet,
)

LANE_WIDTH_M = 3.2
SIDEWALK_WIDTH_M = 2.0
SIDEWALK_SPEED_M_PER_S = 2.78
"""As netconvert gives pavements; nobody walks that fast."""
CROSSING_WIDTH_M = 4.0
CROSSING_BEHIND_STOP_M = 1.0
SIGNAL_MARGIN_M = 6.5
"""From the kerb line of the side street back to the stop line: corner, crossing and its distance."""
MINOR_MARGIN_M = 3.0
POCKET_M = 60.0
POCKET_SHARE_MAX = 0.45
"""No pocket takes more than this part of its block."""
SPLIT_M = 8.0
"""Way over which a lane opens into itself and a pocket."""
STRAIGHT_RAD = math.radians(45)
OPPOSITE_RAD = math.radians(135)

ROAD_CLASSES = (PRIVATE | PUBLIC | CYCLES) - {"tram"}
FOOT_CLASSES = frozenset({"pedestrian"})

Point = tuple[float, float]


@dataclass(slots=True)
class Arm:
    """One street at one junction. `ux, uy` points away from the junction."""

    to: str
    kind: StreetKind
    ux: float
    uy: float
    angle_rad: float
    setback_m: float = 0.0
    out_edge: str = ""
    in_edge: str = ""
    """The last edge toward the junction, with the pocket if there is one."""
    turns: dict[str, int] = field(default_factory=dict)
    """Where its traffic may go: `r`, `s`, `l` to the number of the arm."""


@dataclass(slots=True)
class Node:
    """One junction with its arms counter-clockwise from east."""

    id: str
    kind: str
    x_m: float
    y_m: float
    arms: list[Arm]


def draw_nodes(layout: Layout) -> dict[str, Node]:
    """Arms and setbacks of every junction of the plan."""
    graph = layout.graph
    nodes = {}
    for name, data in graph.nodes.items():
        arms = []
        for other, street in graph[name].items():
            dx, dy = graph.nodes[other]["x_m"] - data["x_m"], graph.nodes[other]["y_m"] - data["y_m"]
            length_m = math.hypot(dx, dy)
            angle = math.atan2(dy, dx) % math.tau
            arms.append(Arm(other, street["kind"], dx / length_m, dy / length_m, angle))
        arms.sort(key=lambda arm: arm.angle_rad)
        node = Node(name, data["kind"], data["x_m"], data["y_m"], arms)
        _set_back(node)
        _find_turns(node)
        nodes[name] = node
    return nodes


def _set_back(node: Node) -> None:
    if node.kind == "entry":
        return
    margin_m = SIGNAL_MARGIN_M if node.kind == "signal" else MINOR_MARGIN_M
    for arm in node.arms:
        back_m = 0.0
        for other in node.arms:
            between = abs(math.remainder(other.angle_rad - arm.angle_rad, math.tau))
            if other is arm or between > OPPOSITE_RAD:
                continue
            own_m, other_m = _half_m(arm.kind), _half_m(other.kind)
            sine = max(math.sin(between), 0.5)
            back_m = max(back_m, (other_m + own_m * abs(math.cos(between))) / sine)
        arm.setback_m = round(back_m + margin_m, 2)


def _half_m(kind: StreetKind) -> float:
    return kind.kerb_m + SIDEWALK_WIDTH_M


def _find_turns(node: Node) -> None:
    for arm in node.arms:
        for k, other in enumerate(node.arms):
            if other is arm:
                continue
            # Driving in along -u; a positive change of heading is to the left.
            turned = math.remainder(other.angle_rad - (arm.angle_rad + math.pi), math.tau)
            word = "s" if abs(turned) < STRAIGHT_RAD else "l" if turned > 0 else "r"
            arm.turns[word] = k


def draw_streets(net: SumoNet, layout: Layout, nodes: dict[str, Node]) -> None:
    """Add both directions of every street to `net`, and the nodes where pockets open."""
    for a, b in layout.graph.edges:
        for begin, end in ((a, b), (b, a)):
            _draw_direction(net, nodes[begin], nodes[end])


def _draw_direction(net: SumoNet, begin: Node, end: Node) -> None:
    leaving = next(arm for arm in begin.arms if arm.to == end.id)
    coming = next(arm for arm in end.arms if arm.to == begin.id)
    kind = leaving.kind
    name = f"{begin.id}-{end.id}"
    whole_m = math.hypot(end.x_m - begin.x_m, end.y_m - begin.y_m)
    from_m, to_m = leaving.setback_m, whole_m - coming.setback_m
    line = _Line(begin.x_m, begin.y_m, leaving.ux, leaving.uy)
    leaving.out_edge = coming.in_edge = name
    offsets = (kind.sidewalk_offset_m, *kind.lane_offsets_m)
    if kind.pocket_offset_m is None or end.kind == "entry" or not {"l", "s"} <= set(coming.turns):
        _add_edge(net, name, begin.id, end.id, line, from_m, to_m, offsets, kind.speed_m_per_s)
        return
    pocket_m = min(POCKET_M, POCKET_SHARE_MAX * (to_m - from_m))
    split_m, resumed_m = to_m - pocket_m - SPLIT_M, to_m - pocket_m
    split, last = f"{name}.split", f"{name}.pocket"
    coming.in_edge = last
    _add_edge(net, name, begin.id, split, line, from_m, split_m, offsets, kind.speed_m_per_s)
    _add_edge(
        net, last, split, end.id, line, resumed_m, to_m, (*offsets, kind.pocket_offset_m), kind.speed_m_per_s
    )
    _add_split(net, split, name, last, line, (split_m + resumed_m) / 2, len(kind.lane_offsets_m))


@dataclass(frozen=True, slots=True)
class _Line:
    """The centre line of a street from a junction on, and places beside it."""

    x_m: float
    y_m: float
    ux: float
    uy: float

    def at(self, along_m: float, right_m: float) -> Point:
        return (
            round(self.x_m + along_m * self.ux + right_m * self.uy, 2),
            round(self.y_m + along_m * self.uy - right_m * self.ux, 2),
        )


def _add_edge(
    net: SumoNet,
    name: str,
    begin: str,
    end: str,
    line: _Line,
    from_m: float,
    to_m: float,
    offsets_m: tuple[float, ...],
    speed_m_per_s: float,
) -> None:
    """One edge; its first lane is the pavement."""
    lanes = []
    for k, right_m in enumerate(offsets_m):
        lane = f"{name}_{k}"
        lanes.append(lane)
        net.lanes[lane] = NetLane(
            id=lane,
            edge=name,
            index=k,
            speed_m_per_s=SIDEWALK_SPEED_M_PER_S if k == 0 else round(speed_m_per_s, 2),
            length_m=round(to_m - from_m, 2),
            width_m=SIDEWALK_WIDTH_M if k == 0 else LANE_WIDTH_M,
            shape=(line.at(from_m, right_m), line.at(to_m, right_m)),
            classes=FOOT_CLASSES if k == 0 else ROAD_CLASSES,
        )
    net.edges[name] = NetEdge(name, "normal", begin, end, tuple(lanes), ())


def _add_split(
    net: SumoNet, split: str, before: str, after: str, line: _Line, along_m: float, count: int
) -> None:
    """The node where an arterial's left lane opens into itself and the pocket."""
    ways = [(k, k) for k in range(1, count + 1)] + [(count, count + 1)]
    inner = []
    for row, (k, onto) in enumerate(ways):
        start, finish = net.lanes[f"{before}_{k}"], net.lanes[f"{after}_{onto}"]
        inner.append(add_inner_lane(net, split, row, (start.shape[-1], finish.shape[0]), start.speed_m_per_s))
        net.connections.append(NetConnection(start.id, finish.id, inner[-1], "", -1, "s", CLASSES))
    x_m, y_m = line.at(along_m, 0.0)
    rows = range(len(ways))
    net.junctions[split] = NetJunction(
        id=split,
        type="priority",
        x_m=x_m,
        y_m=y_m,
        inc_lanes=tuple(f"{before}_{k}" for k in range(count + 1)),
        int_lanes=tuple(inner),
        responses=dict.fromkeys(rows, 0),
        foes=dict.fromkeys(rows, 0),
    )


def add_inner_lane(net: SumoNet, node: str, row: int, shape: tuple[Point, ...], speed_m_per_s: float) -> str:
    """One way over a node as an internal edge with one lane; its name."""
    edge = f":{node}_{row}"
    lane = f"{edge}_0"
    length_m = sum(math.dist(p, q) for p, q in itertools.pairwise(shape))
    speed, length = round(speed_m_per_s, 2), round(max(length_m, 0.1), 2)
    net.lanes[lane] = NetLane(lane, edge, 0, speed, length, LANE_WIDTH_M, shape, ROAD_CLASSES)
    net.edges[edge] = NetEdge(edge, "internal", "", "", (lane,), ())
    return lane
