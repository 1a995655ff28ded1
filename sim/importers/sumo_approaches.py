"""Where traffic comes from and goes to: chains of street lanes around each signal.

Real networks have last edges one metre long, so a stop line's approach is followed
upstream through every unsignalised node back to 200 m, and every exit is followed
downstream to the next signal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from controller.junction import Lane, Reach, StreetLink
from sim.importers.sumo_net_xml import CYCLES, FOOT, PRIVATE, PUBLIC, RAIL, NetConnection, SumoNet

REACH_M = 200.0
"""How far upstream an approach is followed (design, section 2)."""
LINK_M = 1000.0
"""How far downstream an exit is followed to the next signal."""
MIX_M = 100.0
"""On an edge at least this long drivers change lanes freely, so its lanes share what enters."""
LANE_CHANGE = 0.3
"""Part of those upstream of the last edge who may still choose any of its lanes."""
SHARE_MIN = 0.01
VEHICLES = PRIVATE | PUBLIC | CYCLES | RAIL


@dataclass(frozen=True, slots=True)
class Way:
    """One connection between street lanes. `gap_m` is its length inside the node."""

    from_lane: str
    to_lane: str
    gap_m: float
    signalled: bool
    weight: float
    """Part of what is on `from_lane` that takes this way, before learning."""


class StreetLanes:
    """The lanes of a network as a graph; vehicles only, internal lanes folded into gaps."""

    def __init__(self, net: SumoNet, signals: frozenset[str]) -> None:
        self.net = net
        self._onward = {c.from_lane: c.via for c in net.connections if c.from_lane.startswith(":")}
        self.ways_out: dict[str, list[Way]] = {}
        self.ways_in: dict[str, list[Way]] = {}
        by_lane: dict[str, list[NetConnection]] = {}
        for c in net.connections:
            if c.from_lane.startswith(":") or c.from_lane not in net.lanes:
                continue
            if c.to_lane in net.lanes and self._carries_vehicles(c):
                by_lane.setdefault(c.from_lane, []).append(c)
        for lane, connections in by_lane.items():
            self._add(lane, connections, signals)

    def _carries_vehicles(self, c: NetConnection) -> bool:
        lanes = self.net.lanes
        if self.net.edges[lanes[c.to_lane].edge].function not in ("normal", "connector"):
            return False
        return bool(lanes[c.from_lane].classes & lanes[c.to_lane].classes & c.classes & VEHICLES)

    def _add(self, lane: str, connections: list[NetConnection], signals: frozenset[str]) -> None:
        # At the end of a street drivers arrive; hardly anybody turns round, least of all to a signal.
        onward = [c for c in connections if c.direction != "t"]
        for c in connections:
            way = Way(
                lane, c.to_lane, self.inside_m(c), c.tl in signals, 1.0 / len(onward) if c in onward else 0.0
            )
            self.ways_out.setdefault(lane, []).append(way)
            self.ways_in.setdefault(c.to_lane, []).append(way)

    def inside(self, c: NetConnection) -> list[str]:
        """Internal lanes of a connection, chained through internal junctions."""
        chain: list[str] = []
        lane = c.via
        while lane in self.net.lanes and lane not in chain:
            chain.append(lane)
            lane = self._onward.get(lane, "")
        return chain

    def inside_m(self, c: NetConnection) -> float:
        """Length of a connection inside its node."""
        return sum(self.net.lanes[lane].length_m for lane in self.inside(c))

    def reach(self, lane: str, reach_m: float = REACH_M) -> tuple[Reach, ...]:
        """The lane itself, then every stretch upstream that begins to drain into it within reach.

        Stops at other signals. Shares multiply down the chain; several ways from one stretch
        are added, and its gap is the shortest of them.
        """
        length_m = self.net.lanes[lane].length_m
        share: dict[str, float] = {lane: 1.0}
        gap: dict[str, float] = {lane: 0.0}
        stack: list[tuple[str, float, float, frozenset[str]]] = [(lane, length_m, 1.0, frozenset({lane}))]
        while stack:
            at, far_m, part, seen = stack.pop()
            for way in self.ways_in.get(at, ()):
                up, gap_m = way.from_lane, far_m + way.gap_m
                up_part = part * way.weight
                if way.signalled or up in seen or gap_m >= reach_m or up_part < SHARE_MIN:
                    continue
                share[up] = share.get(up, 0.0) + up_part
                gap[up] = min(gap.get(up, gap_m), gap_m)
                stack.append((up, gap_m + self.net.lanes[up].length_m, up_part, seen | {up}))
        order = sorted(share, key=lambda name: (name != lane, gap[name], name))
        return tuple(
            Reach(name, self.net.lanes[name].length_m, round(gap[name], 2), round(min(share[name], 1.0), 4))
            for name in order
        )

    def downstream(self, exit_lane: str, stop_lines: dict[str, str]) -> list[StreetLink]:
        """Links from an exit to the next stop lines; `stop_lines` maps lane to junction."""
        if exit_lane not in self.net.lanes:
            return []
        found: dict[str, tuple[float, float]] = {}
        stack = [(exit_lane, 0.0, 1.0, frozenset[str]())]
        while stack:
            entered, before_m, part, seen = stack.pop()
            for lane, lane_part in self._spread(entered):
                now = part * lane_part
                far_m = before_m + self.net.lanes[lane].length_m
                if lane in seen or now < SHARE_MIN or far_m > LINK_M:
                    continue
                if lane in stop_lines:
                    old_share, old_m = found.get(lane, (0.0, far_m))
                    found[lane] = (old_share + now, min(old_m, far_m))
                    continue
                stack.extend(
                    (way.to_lane, far_m + way.gap_m, now * way.weight, seen | {lane})
                    for way in self.ways_out.get(lane, ())
                    if way.weight > 0.0
                )
        return [
            StreetLink(
                exit_lane,
                stop_lines[lane],
                lane,
                round(found[lane][1], 2),
                round(min(found[lane][0], 1.0), 4),
            )
            for lane in sorted(found)
        ]

    def _spread(self, entered: str) -> list[tuple[str, float]]:
        lane = self.net.lanes[entered]
        if lane.length_m < MIX_M:
            return [(entered, 1.0)]
        usable = [
            name
            for name in self.net.edges[lane.edge].lanes
            if self.net.lanes[name].classes >= lane.classes & (PRIVATE | PUBLIC)
            and self.net.lanes[name].classes - FOOT
            and self.ways_out.get(name)
        ]
        if entered not in usable:
            usable.append(entered)
        return [(name, 1.0 / len(usable)) for name in usable]


def with_lane_changes(lanes: tuple[Lane, ...]) -> tuple[Lane, ...]:
    """Let part of what comes from upstream change to the other lanes of the same last edge.

    What a street lane sends to all of them together stays the same.
    """
    siblings: dict[tuple[str, bool], list[Lane]] = {}
    for lane in lanes:
        siblings.setdefault((lane.name.rpartition("_")[0], lane.bus_only), []).append(lane)
    mixed = []
    for lane in lanes:
        beside = siblings[lane.name.rpartition("_")[0], lane.bus_only]
        reach: dict[str, Reach] = {lane.name: lane.reach[0]}
        for other in beside:
            part = LANE_CHANGE / len(beside) + (1.0 - LANE_CHANGE if other is lane else 0.0)
            for r in other.reach[1:]:
                old = reach.get(r.street_lane)
                share = round(min(1.0, part * r.share + (old.share if old else 0.0)), 4)
                gap_m = min(r.gap_m, old.gap_m) if old else r.gap_m
                reach[r.street_lane] = Reach(r.street_lane, r.length_m, gap_m, share)
        order = sorted(reach.values(), key=lambda r: (r.street_lane != lane.name, r.gap_m, r.street_lane))
        mixed.append(replace(lane, reach=tuple(order)))
    return tuple(mixed)
