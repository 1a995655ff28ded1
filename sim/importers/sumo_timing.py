"""Yellow, red clearance, minimum greens and pedestrian times of one signal.

R numbers are the project's rules: R2-R6 yellow, R7-R8 red clearance, R15-R18 greens,
R22-R26 pedestrians. Times are milliseconds rounded up to 0.1 s.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from controller.junction import Group, Intergreen
from controller.vocabulary import GroupKind, Timing
from sim.importers.sumo_approaches import StreetLanes
from sim.importers.sumo_links import Link
from sim.importers.sumo_net_xml import SumoNet
from sim.importers.sumo_signals import Signal, SignalGroup

REACTION_S = 1.0
DECELERATION_M_PER_S2 = 3.05
OVER_LIMIT_M_PER_S = 11.3 / 3.6
"""85th percentile speed above the limit on through movements (R3, R5)."""
TURN_SPEED_M_PER_S = 8.94
"""Speed through a tight turn for clearance, 20 mph as ITE advises for left turns."""
LATERAL_M_PER_S2 = 3.0
"""What drivers bear sideways: through wide turns they go faster."""
U_TURN_SPEED_M_PER_S = 6.7
"""15 mph: the advisory speed of very tight turns."""
BICYCLE_SPEED_M_PER_S = 5.6
VEHICLE_LENGTH_M = 6.0
YELLOW_RANGE_MS = (3000, 6000)
RED_CLEARANCE_RANGE_MS = (500, 6000)
WALK_MIN_S = 7.0
WALKING_M_PER_S = 1.07
SLOW_WALKING_M_PER_S = 0.91
BUTTON_SETBACK_M = 1.83
"""6 ft behind the curb, where a slow walker starts (R24)."""
BUFFER_MS = 3000
MIN_GREEN_MS = {"through": 7000, "turn": 5000}
MAX_GREEN_MS = {"through": 60000, "turn": 30000}
PEDESTRIAN_MAX_GREEN_MS = 60000
COMPARISON_YELLOW_MS = 3000
COMPARISON_MIN_GREEN_MS = 5000

APART_M = 0.01
"""Segments whose boxes lie so far apart do not meet."""

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Path:
    """One way through the node: centre line, length, width, speeds when ending and starting."""

    shape: Points
    length_m: float
    width_m: float
    ending_m_per_s: float
    starting_m_per_s: float


def up_ms(seconds: float) -> int:
    """Seconds as milliseconds, rounded up to 0.1 s (a hair of slack for binary fractions)."""
    return math.ceil(seconds * 10 - 1e-6) * 100


def yellow_ms(speed_m_per_s: float, own_ms: int) -> int:
    """R2 on level ground for a speed already at the 85th percentile, or the network's own if longer."""
    formula = up_ms(REACTION_S + speed_m_per_s / (2 * DECELERATION_M_PER_S2))
    return min(max(formula, own_ms, YELLOW_RANGE_MS[0]), YELLOW_RANGE_MS[1])


def walk_ms(crossing_length_m: float) -> int:
    """WALK: 7 s, plus what R24 lacks for a slow walker who starts 6 ft behind the curb."""
    slow_s = (crossing_length_m + BUTTON_SETBACK_M) / SLOW_WALKING_M_PER_S
    return up_ms(max(WALK_MIN_S, slow_s - crossing_length_m / WALKING_M_PER_S))


def timed_groups(net: SumoNet, signal: Signal, timing: Timing) -> list[Group]:
    """Groups with their own times; promises are set later, from the plan."""
    groups = []
    for g in signal.groups:
        links = tuple(link.index for link in g.links)
        if g.kind == GroupKind.PEDESTRIAN:
            length_m = net.lanes[g.links[0].crossing_lane].length_m
            groups.append(
                Group(
                    name=g.name,
                    kind=g.kind,
                    approach=g.approach,
                    links=links,
                    min_green_ms=walk_ms(length_m),
                    max_green_ms=max(PEDESTRIAN_MAX_GREEN_MS, walk_ms(length_m)),
                    yellow_ms=0,
                    clearance_ms=up_ms(length_m / WALKING_M_PER_S),
                    promise_ms=0,
                    crossing_length_m=length_m,
                )
            )
            continue
        move = "turn" if g.turning_only() else "through"
        comparison = timing == Timing.COMPARISON
        groups.append(
            Group(
                name=g.name,
                kind=g.kind,
                approach=g.approach,
                links=links,
                min_green_ms=COMPARISON_MIN_GREEN_MS if comparison else MIN_GREEN_MS[move],
                max_green_ms=MAX_GREEN_MS[move],
                yellow_ms=COMPARISON_YELLOW_MS if comparison else _group_yellow_ms(net, signal, g),
                clearance_ms=0,
                promise_ms=0,
                turn_on_red=g.turn_on_red,
            )
        )
    return groups


def _group_yellow_ms(net: SumoNet, signal: Signal, g: SignalGroup) -> int:
    limit = max(net.lanes[w.from_lane].speed_m_per_s for link in g.links for w in link.ways)
    speed = limit if g.turning_only() else limit + OVER_LIMIT_M_PER_S
    if g.kind == GroupKind.BICYCLE:
        speed = min(limit, BICYCLE_SPEED_M_PER_S)
    return yellow_ms(speed, own_yellow_ms(signal, g.column))


def own_yellow_ms(signal: Signal, column: str) -> int:
    """Longest run of yellow of a column in the network's program, over the cycle's end too."""
    n = len(column)
    longest = 0.0
    for start in range(n):
        if column[start] == "y" and column[start - 1] != "y":
            run, k = 0.0, start
            while column[k % n] == "y" and k < start + n:
                run += signal.phases[k % n].duration_s
                k += 1
            longest = max(longest, run)
    return up_ms(longest)


def intergreens(
    net: SumoNet, lanes: StreetLanes, signal: Signal, groups: list[Group], timing: Timing
) -> list[Intergreen]:
    """Both directions for each pair of groups with at least one pair of foes not yielding.

    Where geometry asks for more red than R8 allows, the signal's assumptions say so.
    """
    paths = {link.index: link_paths(net, lanes, link) for link in signal.links.values()}
    found = []
    low_ms, high_ms = RED_CLEARANCE_RANGE_MS
    cut_ms = []
    for a, ending in zip(signal.groups, groups, strict=True):
        for b, starting in zip(signal.groups, groups, strict=True):
            foes = [(i.index, j.index) for i in a.links for j in b.links if (i.index, j.index) in signal.foes]
            if not foes:
                continue
            if a.kind == GroupKind.PEDESTRIAN:
                duration = ending.clearance_ms + BUFFER_MS
            elif timing == Timing.COMPARISON:
                duration = ending.yellow_ms
            else:
                red_ms = max(
                    up_ms(red_clearance_s(p, q, b.kind == GroupKind.PEDESTRIAN))
                    for i, j in foes
                    for p in paths[i]
                    for q in paths[j]
                )
                if red_ms > high_ms:
                    cut_ms.append(red_ms)
                duration = ending.yellow_ms + min(max(red_ms, low_ms), high_ms)
            found.append(Intergreen(ending.name, starting.name, duration))
    if cut_ms:
        signal.assumptions.append(
            f"{signal.name}: the way through is so long that {len(cut_ms)} changes ask for up to "
            f"{max(cut_ms) / 1000:g} s of red clearance; {high_ms / 1000:g} s, the most that is usual, "
            "is given."
        )
    return found


# --- red clearance from geometry -------------------------------------------------------------


def link_paths(net: SumoNet, lanes: StreetLanes, link: Link) -> list[Path]:
    """The ways of a link through the node, from stop line to exit."""
    if link.crossing_lane:
        crossing = net.lanes[link.crossing_lane]
        return [Path(crossing.shape, crossing.length_m, crossing.width_m, WALKING_M_PER_S, WALKING_M_PER_S)]
    paths = []
    for way in link.ways:
        inside = [net.lanes[lane] for lane in lanes.inside(way)]
        points: list[tuple[float, float]] = []
        for lane in inside:
            points.extend(p for p in lane.shape if not points or p != points[-1])
        length_m = sum(lane.length_m for lane in inside)
        if not points:  # no internal lanes in this network: the straight way
            points = [net.lanes[way.from_lane].shape[-1], net.lanes[way.to_lane].shape[0]]
            length_m = math.dist(*points)
        approach = net.lanes[way.from_lane].speed_m_per_s
        through = min([approach, *(lane.speed_m_per_s for lane in inside)])
        if way.direction == "t":
            through = min(through, U_TURN_SPEED_M_PER_S)
        elif way.direction in "lLrR":
            through = min(through, turn_speed_m_per_s(tuple(points), length_m))
        if link.kind == GroupKind.BICYCLE:
            through = min(through, BICYCLE_SPEED_M_PER_S)
        paths.append(
            Path(
                tuple(points),
                length_m,
                max((lane.width_m for lane in inside), default=3.2),
                max(through, 1.0),
                max(approach, 1.0),
            )
        )
    return paths


def turn_speed_m_per_s(shape: Points, length_m: float) -> float:
    """Speed through a turn of this shape, from its mean radius: length by change of heading."""
    (ax, ay), (bx, by) = shape[0], shape[1]
    (cx, cy), (dx, dy) = shape[-2], shape[-1]
    turned = abs(math.remainder(math.atan2(dy - cy, dx - cx) - math.atan2(by - ay, bx - ax), math.tau))
    radius_m = length_m / max(turned, 0.01)
    return max(TURN_SPEED_M_PER_S, math.sqrt(LATERAL_M_PER_S2 * radius_m))


def red_clearance_s(ending: Path, starting: Path, to_pedestrians: bool = False) -> float:
    """R7 with the way the starting stream still has to drive credited; not yet within R8.

    The last vehicle enters at the end of yellow and must have its tail past the far side
    of the other path; the first of the other stream arrives at full speed. People on foot
    get no such credit: they stand at the curb.
    """
    meet = meeting(ending.shape, starting.shape)
    if meet is None:
        clear_m, arrive_m = ending.length_m, 0.0
    else:
        last_m, arrive_m, sine = meet
        # The zone is as long as the other path is wide, longer where they cross at a small angle.
        clear_m = min(last_m + starting.width_m / 2 / max(sine, 0.5), max(ending.length_m, last_m))
        arrive_m = max(arrive_m - ending.width_m / 2 / max(sine, 0.5), 0.0)
    clear_s = (clear_m + VEHICLE_LENGTH_M) / ending.ending_m_per_s
    arrive_s = 0.0 if to_pedestrians else arrive_m / starting.starting_m_per_s
    return clear_s - arrive_s


def meeting(a: Points, b: Points) -> tuple[float, float, float] | None:
    """Where two polylines cross: last distance along a, first along b, least sine.

    Ends that touch (two ways into one exit lane) count. None if they never meet.
    """
    hits = []
    stretches = list(_stretches(b))
    along_a = 0.0
    for p, q in itertools.pairwise(a):
        length_a = math.dist(p, q)
        left, right = (p[0], q[0]) if p[0] < q[0] else (q[0], p[0])
        low, high = (p[1], q[1]) if p[1] < q[1] else (q[1], p[1])
        for r, s, along_b, length_b, b_left, b_right, b_low, b_high in stretches:
            if b_left > right + APART_M or b_right < left - APART_M:
                continue
            if b_low > high + APART_M or b_high < low - APART_M:
                continue
            hit = _segments_cross(p, q, r, s)
            if hit is not None:
                hits.append((along_a + hit[0] * length_a, along_b + hit[1] * length_b, hit[2]))
        along_a += length_a
    if not hits:
        return None
    return max(h[0] for h in hits), min(h[1] for h in hits), min(h[2] for h in hits)


Stretch = tuple[tuple[float, float], tuple[float, float], float, float, float, float, float, float]
"""A segment of a polyline: its ends, where it begins along the line, its length, and its box."""


def _stretches(points: Points) -> Iterator[Stretch]:
    along = 0.0
    for r, s in itertools.pairwise(points):
        length = math.dist(r, s)
        left, right = (r[0], s[0]) if r[0] < s[0] else (s[0], r[0])
        low, high = (r[1], s[1]) if r[1] < s[1] else (s[1], r[1])
        yield r, s, along, length, left, right, low, high
        along += length


def _segments_cross(
    p: tuple[float, float], q: tuple[float, float], r: tuple[float, float], s: tuple[float, float]
) -> tuple[float, float, float] | None:
    """Parameters along both segments and the sine of their angle, or None."""
    ux, uy, vx, vy = q[0] - p[0], q[1] - p[1], s[0] - r[0], s[1] - r[1]
    length = math.hypot(ux, uy) * math.hypot(vx, vy)
    cross = ux * vy - uy * vx
    if length == 0.0 or abs(cross) < 1e-9 * length:
        return None
    wx, wy = r[0] - p[0], r[1] - p[1]
    t = (wx * vy - wy * vx) / cross
    u = (wx * uy - wy * ux) / cross
    slack = 1e-6
    if -slack <= t <= 1 + slack and -slack <= u <= 1 + slack:
        return min(max(t, 0.0), 1.0), min(max(u, 0.0), 1.0), abs(cross) / length
    return None
