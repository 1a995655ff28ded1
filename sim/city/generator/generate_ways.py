"""Ways over the junctions of a generated city: who drives where, who crosses whom, who gives way.

Paths are smooth curves from stop line to exit. Two conflict if vehicles on them would touch;
who gives way follows the usual rules: left turns to oncoming traffic, small streets to large
ones, everybody who turns to people on a crossing.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sim.city.generator.generate_geometry import (
    CROSSING_BEHIND_STOP_M,
    CROSSING_WIDTH_M,
    FOOT_CLASSES,
    SIDEWALK_SPEED_M_PER_S,
    SIDEWALK_WIDTH_M,
    Arm,
    Node,
    Point,
    add_inner_lane,
)
from sim.city.generator.generate_kernels import find_touching
from sim.importers.sumo_net_xml import CLASSES, NetConnection, NetEdge, NetJunction, NetLane, SumoNet

TOUCH_M = 2.2
"""Two vehicles 1.8 m wide whose paths come closer than this touch, or nearly."""
WAIT_APART_M = 2.3
"""Whoever waits inside a junction stays so far from the middle of the paths he waits for."""
WAIT_MIN_M = 3.0
"""Shorter than this, a part of a turn is no place to wait."""
SAMPLES = 20
"""Points a path is compared by: at most 2 m apart, so that no crossing slips through."""
CURVE_POINTS = 8
STRAIGHT_PART = 0.2
"""Part of the way to the corner of its tangents after which a turn begins to curve."""
LATERAL_M_PER_S2 = 3.0
"""What drivers bear sideways in a turn."""
TURN_MIN_M_PER_S = 4.0


@dataclass(frozen=True, slots=True)
class Way:
    """One way over a node, from lane to lane. `row` counts as SUMO counts links."""

    row: int
    arm: int
    to_arm: int
    turn: str
    from_lane: str
    to_lane: str
    shape: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Meeting:
    """Everything about one junction that its program needs to know."""

    node: Node
    ways: tuple[Way, ...]
    crossing_row: dict[int, int]
    """Row of the crossing over an arm."""
    foes: NDArray[np.bool_]  # (rows, rows)
    responses: NDArray[np.bool_]  # (rows, rows) who gives way to whom
    crossing_length_m: dict[int, float]


def join_node(net: SumoNet, node: Node) -> Meeting:
    """Add connections, inner lanes, crossings and the right-of-way matrix of one node to `net`."""
    ways = _ways(net, node)
    signalled = node.kind == "signal"
    crossed_arms = range(len(node.arms)) if signalled else ()
    crossing_row = {k: len(ways) + n for n, k in enumerate(crossed_arms)}
    foes, responses = _matrices(node, ways, crossing_row)
    tl = node.id if signalled else ""
    inner = []
    for way in ways:
        limit = min(net.lanes[way.from_lane].speed_m_per_s, net.lanes[way.to_lane].speed_m_per_s)
        speed = limit if way.turn == "s" else min(limit, _turn_speed(way.shape))
        parts = _parted(node, way, ways, responses)
        first = add_inner_lane(net, node.id, way.row, parts[0], speed)
        inner.append(first)
        link = way.row if tl else -1
        net.connections.append(NetConnection(way.from_lane, way.to_lane, first, tl, link, way.turn, CLASSES))
        if len(parts) > 1:
            inner[-1] = add_inner_lane(net, node.id, len(ways) + way.row, parts[1], speed)
            net.connections.append(NetConnection(first, way.to_lane, inner[-1], "", -1, way.turn, CLASSES))
    length_m = {k: _add_crossing(net, node, k) for k in crossed_arms}
    walking = _add_walking_areas(net, node, crossing_row)
    crossing_lanes = tuple(f":{node.id}_c{k}_0" for k in crossed_arms)
    incoming = tuple(lane for arm in node.arms for lane in net.edges[arm.in_edge].lanes)
    net.junctions[node.id] = NetJunction(
        id=node.id,
        type={"signal": "traffic_light", "minor": "priority", "entry": "dead_end"}[node.kind],
        x_m=node.x_m,
        y_m=node.y_m,
        inc_lanes=(*incoming, *walking),
        int_lanes=(*inner, *crossing_lanes),
        responses=_as_bits(responses),
        foes=_as_bits(foes),
    )
    return Meeting(node, ways, crossing_row, foes, responses, length_m)


def _as_bits(matrix: NDArray[np.bool_]) -> dict[int, int]:
    bits = dict.fromkeys(range(len(matrix)), 0)
    for row, k in np.argwhere(matrix).tolist():
        bits[row] |= 1 << k
    return bits


# --- ways and their shapes -----------------------------------------------------------------------


def _ways(net: SumoNet, node: Node) -> tuple[Way, ...]:
    ways: list[Way] = []
    for k, arm in enumerate(node.arms):
        for lane, turn, to_lane in _lane_choices(net, node, arm):
            onto = arm.turns[turn]
            start, finish = f"{arm.in_edge}_{lane}", f"{node.arms[onto].out_edge}_{to_lane}"
            shape = _curve(net.lanes[start].shape, net.lanes[finish].shape)
            ways.append(Way(len(ways), k, onto, turn, start, finish, shape))
    return tuple(ways)


def _lane_choices(net: SumoNet, node: Node, arm: Arm) -> list[tuple[int, str, int]]:
    """(lane, turn, lane it leads to) from one arm; lane 0 is the pavement."""
    lanes = len(net.edges[arm.in_edge].lanes) - 1
    choices = []
    for turn, onto in arm.turns.items():
        exits = len(node.arms[onto].kind.lane_offsets_m)
        if turn == "r":
            choices.append((1, turn, 1))
        elif turn == "l":
            choices.append((lanes, turn, exits))
        else:
            through = min(len(arm.kind.lane_offsets_m), exits)
            choices += [(k, turn, k) for k in range(1, through + 1)]
    return sorted(choices, key=lambda c: (c[0], "rsl".index(c[1])))


def _curve(before: tuple[Point, ...], after: tuple[Point, ...]) -> tuple[Point, ...]:
    """Straight on for a bit, then a quadratic curve, then straight into the next lane."""
    (ax, ay), (bx, by) = before[-2:]
    (cx, cy), (dx, dy) = after[:2]
    ux, uy, vx, vy = bx - ax, by - ay, dx - cx, dy - cy
    cross = ux * vy - uy * vx
    if abs(cross) < 0.3 * math.hypot(ux, uy) * math.hypot(vx, vy):
        return ((bx, by), (cx, cy))
    along = ((cx - bx) * vy - (cy - by) * vx) / cross
    px, py = bx + along * ux, by + along * uy
    ex, ey = bx + STRAIGHT_PART * (px - bx), by + STRAIGHT_PART * (py - by)
    fx, fy = cx + STRAIGHT_PART * (px - cx), cy + STRAIGHT_PART * (py - cy)
    points = [(bx, by)]
    for k in range(CURVE_POINTS + 1):
        t = k / CURVE_POINTS
        one, two, three = (1 - t) ** 2, 2 * t * (1 - t), t * t
        points.append(
            (round(one * ex + two * px + three * fx, 2), round(one * ey + two * py + three * fy, 2))
        )
    points.append((cx, cy))
    return tuple(points)


def _parted(
    node: Node, way: Way, ways: tuple[Way, ...], responses: NDArray[np.bool_]
) -> tuple[tuple[Point, ...], ...]:
    """A left turn in two parts: up to where it waits inside the junction for oncoming traffic, and on."""
    opposite = node.arms[way.arm].turns.get("s")
    oncoming = [w for w in ways if responses[way.row, w.row] and w.arm == opposite]
    if way.turn != "l" or not oncoming:
        return (way.shape,)
    points = _sampled(way.shape)
    theirs = np.concatenate([_sampled(w.shape) for w in oncoming])
    apart_m = np.hypot(*(points[:, None, :] - theirs[None, :, :]).transpose(2, 0, 1)).min(axis=1)
    k = max(int(np.argmax(apart_m < WAIT_APART_M)) - 1, 0)
    along_m = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    if along_m[k] < WAIT_MIN_M or along_m[-1] - along_m[k] < WAIT_MIN_M:
        return (way.shape,)
    place = (round(float(points[k, 0]), 2), round(float(points[k, 1]), 2))
    at = k * (len(way.shape) - 1) / (SAMPLES - 1)
    before = [p for n, p in enumerate(way.shape) if n < at - 0.05]
    after = [p for n, p in enumerate(way.shape) if n > at + 0.05]
    return (*before, place), (place, *after)


def _turn_speed(shape: tuple[Point, ...]) -> float:
    """Speed that bears LATERAL_M_PER_S2 on the mean radius of a turn's curve."""
    length_m = sum(math.dist(p, q) for p, q in itertools.pairwise(shape[1:-1]))
    first = math.atan2(shape[1][1] - shape[0][1], shape[1][0] - shape[0][0])
    last = math.atan2(shape[-1][1] - shape[-2][1], shape[-1][0] - shape[-2][0])
    turned = max(abs(math.remainder(last - first, math.tau)), 0.1)
    return max(TURN_MIN_M_PER_S, math.sqrt(LATERAL_M_PER_S2 * length_m / turned))


# --- who meets whom ------------------------------------------------------------------------------


def _matrices(
    node: Node, ways: tuple[Way, ...], crossing_row: dict[int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Foes and responses over all rows: ways, then crossings."""
    n = len(ways) + len(crossing_row)
    foes, responses = np.zeros((n, n), np.bool_), np.zeros((n, n), np.bool_)
    if ways:
        touch = _touching(ways)
        foes[: len(ways), : len(ways)] = touch
        main = main_arms(node)
        for row, other in np.argwhere(touch).tolist():
            responses[row, other] = _gives_way(node, main, ways[row], ways[other])
    for arm, row in crossing_row.items():
        for way in ways:
            if arm in (way.arm, way.to_arm):
                foes[way.row, row] = foes[row, way.row] = True
                responses[way.row, row] = True
    return foes, responses


def _touching(ways: tuple[Way, ...]) -> NDArray[np.bool_]:
    """(ways, ways) whether vehicles on two paths from different arms would touch."""
    points = np.stack([_sampled(way.shape) for way in ways])
    touch = np.zeros((len(ways), len(ways)), np.bool_)
    find_touching(points, np.array([way.arm for way in ways], np.int64), TOUCH_M, touch)
    return touch


def _sampled(shape: tuple[Point, ...]) -> NDArray[np.float64]:
    """(SAMPLES, 2) points at equal steps of the parameter."""
    return _weights(len(shape)) @ np.array(shape, np.float64)


@cache
def _weights(count: int) -> NDArray[np.float64]:
    """(SAMPLES, count) how much of each point of a polyline is in each of its samples."""
    at = np.linspace(0.0, count - 1.0, SAMPLES)
    return np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(count)[None, :]))


def _gives_way(node: Node, main: tuple[int, ...], a: Way, b: Way) -> bool:
    """Whether `a` gives way to `b`; of two foes exactly one does."""
    if (a.arm in main) != (b.arm in main):
        return b.arm in main
    if (a.turn == "l") != (b.turn == "l"):
        return a.turn == "l"
    # To whom comes from the right, that is the next arm counter-clockwise.
    return (b.arm - a.arm) % len(node.arms) < (a.arm - b.arm) % len(node.arms)


def main_arms(node: Node) -> tuple[int, ...]:
    """The arms of the street that goes straight on and has priority: the larger one, else east to west."""
    streets = [(k, arm.turns["s"]) for k, arm in enumerate(node.arms) if "s" in arm.turns]
    if not streets:
        return ()
    return max(streets, key=lambda pair: (node.arms[pair[0]].kind.rank, abs(node.arms[pair[0]].ux)))


# --- people on foot ------------------------------------------------------------------------------


def _beside(node: Node, arm: Arm, along_m: float, right_m: float) -> Point:
    """A place beside the arm's centre line; right as seen looking away from the junction."""
    return (
        round(node.x_m + along_m * arm.ux + right_m * arm.uy, 2),
        round(node.y_m + along_m * arm.uy - right_m * arm.ux, 2),
    )


def _add_crossing(net: SumoNet, node: Node, k: int) -> float:
    """The crossing over one arm, kerb to kerb; its length."""
    arm = node.arms[k]
    along_m = arm.setback_m - CROSSING_BEHIND_STOP_M - CROSSING_WIDTH_M / 2
    kerb_m = arm.kind.kerb_m
    edge = f":{node.id}_c{k}"
    shape = (_beside(node, arm, along_m, kerb_m), _beside(node, arm, along_m, -kerb_m))
    length_m = round(math.dist(*shape), 2)
    net.lanes[f"{edge}_0"] = NetLane(
        f"{edge}_0", edge, 0, SIDEWALK_SPEED_M_PER_S, length_m, CROSSING_WIDTH_M, shape, FOOT_CLASSES
    )
    net.edges[edge] = NetEdge(edge, "crossing", "", "", (f"{edge}_0",), (arm.out_edge, arm.in_edge))
    return length_m


def _add_walking_areas(net: SumoNet, node: Node, crossing_row: dict[int, int]) -> tuple[str, ...]:
    """Corners between neighbouring arms; one for all arms where nobody is guided over the street."""
    if node.kind == "entry":
        return ()
    arms = node.arms
    n = len(arms)
    if not crossing_row:
        polygon = [p for arm in arms for p in _pavement_ends(node, arm)]
        lane = _add_walking_area(net, node, 0, tuple(polygon))
        for arm in arms:
            _walk(net, lane, f"{arm.out_edge}_0")
            _walk(net, f"{arm.in_edge}_0", lane)
        return (lane,)
    corners = []
    for k, arm in enumerate(arms):
        after = arms[(k + 1) % n]
        polygon = [*_pavement_ends(node, arm)[2:], *_pavement_ends(node, after)[:2]]
        corners.append(_add_walking_area(net, node, k, tuple(polygon)))
    for k, arm in enumerate(arms):
        # Looking outward, the street's outgoing side lies clockwise, at the corner before.
        right, left = corners[k - 1], corners[k]
        crossing = f":{node.id}_c{k}_0"
        net.connections.append(NetConnection(right, crossing, "", node.id, crossing_row[k], "s", CLASSES))
        _walk(net, crossing, left)
        _walk(net, right, f"{arm.out_edge}_0")
        _walk(net, f"{arm.in_edge}_0", left)
    return tuple(corners)


def _walk(net: SumoNet, before: str, after: str) -> None:
    net.connections.append(NetConnection(before, after, "", "", -1, "s", CLASSES))


def _pavement_ends(node: Node, arm: Arm) -> tuple[Point, Point, Point, Point]:
    """Where the two pavements of an arm end: outer and inner edge right, inner and outer edge left."""
    outer_m = arm.kind.kerb_m + SIDEWALK_WIDTH_M
    return (
        _beside(node, arm, arm.setback_m, outer_m),
        _beside(node, arm, arm.setback_m, arm.kind.kerb_m),
        _beside(node, arm, arm.setback_m, -arm.kind.kerb_m),
        _beside(node, arm, arm.setback_m, -outer_m),
    )


def _add_walking_area(net: SumoNet, node: Node, k: int, shape: tuple[Point, ...]) -> str:
    edge = f":{node.id}_w{k}"
    lane = f"{edge}_0"
    across_m = max(math.dist(shape[0], p) for p in shape[1:])
    net.lanes[lane] = NetLane(
        lane, edge, 0, SIDEWALK_SPEED_M_PER_S, round(across_m, 2), SIDEWALK_WIDTH_M, shape, FOOT_CLASSES
    )
    net.edges[edge] = NetEdge(edge, "walkingarea", "", "", (lane,), ())
    return lane
