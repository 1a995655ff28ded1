"""SUMO demand as the city's trips: `Drives` and `Walks` from route files.

Trips without a route take the quickest way on empty streets; people on foot take pavements
and crossings. What the city cannot move (trains, rides, parked stops) is left out and said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from controller.policy import Policy
from sim.city.demand.routing import StreetWays
from sim.city.demand.sumo_elements import Demand, Departure, Walk, read_demand
from sim.city.demand.sumo_types import DEFAULTS, VehicleType, mode_of
from sim.city.demand.sumo_walks import Leg, NoWayOnFoot, Pavements
from sim.city.roads import Permit, Roads
from sim.city.scenario import DemandPlan
from sim.city.trips import Drives, Mode, Walks
from sim.importers.sumo_net_xml import SumoNet
from sim.scenarios import ScenarioError

PERMITS = {
    Mode.CAR: Permit.CAR,
    Mode.BUS: Permit.BUS,
    Mode.BICYCLE: Permit.BICYCLE,
    Mode.EMERGENCY: Permit.EMERGENCY,
}
EMERGENCY_PERSONS = 2.0


@dataclass(frozen=True, slots=True)
class SumoTrips:
    """Everybody of a SUMO demand, and one plain sentence for each kind of thing left out."""

    drives: Drives
    walks: Walks
    notes: tuple[str, ...]


def trips_of_sumo(
    net: SumoNet,
    roads: Roads,
    routes: Sequence[Path],
    begin_s: float,
    end_s: float,
    seed: int,
    additional: Sequence[Path] = (),
    demand: DemandPlan | None = None,
) -> SumoTrips:
    """Everybody who departs in `[begin_s, end_s)`, sorted by departure; the same seed, the same trips.

    `demand` says which part of the people on foot press or lose patience; without it all
    press and none do, as in SUMO. Raises ScenarioError: one line naming file, who, and reason.
    """
    read = read_demand(routes, additional, begin_s, end_s, seed)
    chance = np.random.default_rng([seed, 1])
    plan = demand if demand is not None else DemandPlan(press_share=1.0, impatient_share=0.0)
    departures = [d for d in read.departures if _is_street_vehicle(d, read)]
    walks = [w for w in read.walks if _is_walker(w, read)]
    drives = _drives(net, roads, sorted(departures, key=lambda d: d.depart_s), read, chance)
    on_foot = _walks(net, roads, sorted(walks, key=lambda w: w.depart_s), read, plan, chance)
    notes = tuple(f"{count} left out: {what}." for what, count in read.left_out.items())
    return SumoTrips(drives, on_foot, notes)


def _is_street_vehicle(departure: Departure, read: Demand) -> bool:
    v_class = departure.kind.v_class
    if v_class in DEFAULTS and mode_of(v_class) != Mode.WALK:
        return True
    _leave_out(read, f"vehicles of class {v_class}, which use no street")
    return False


def _is_walker(walk: Walk, read: Demand) -> bool:
    if mode_of(walk.kind.v_class) == Mode.WALK:
        return True
    _leave_out(read, f"people of class {walk.kind.v_class}, who do not walk")
    return False


def _leave_out(read: Demand, what: str) -> None:
    read.left_out[what] = read.left_out.get(what, 0) + 1


# --- vehicles ------------------------------------------------------------------------------------


def _drives(
    net: SumoNet, roads: Roads, departures: list[Departure], read: Demand, chance: np.random.Generator
) -> Drives:
    finder = _Routes(net, roads)
    kept: list[Departure] = []
    ways: list[tuple[int, ...]] = []
    for departure, way in zip(departures, finder.ways(departures), strict=True):
        if way is None:
            _leave_out(read, f"vehicles of class {departure.kind.v_class} on streets closed to other traffic")
            continue
        kept.append(departure)
        ways.append(way)
    route_of: dict[tuple[int, ...], int] = {}
    route = [route_of.setdefault(way, len(route_of)) for way in ways]
    halts = [_halts(net, roads, d, way) for d, way in zip(kept, ways, strict=True)]
    factors = [d.kind.draw_factor(chance) if d.factor is None else d.factor for d in kept]
    kinds = [d.kind for d in kept]
    modes = [mode_of(kind.v_class) for kind in kinds]
    return Drives(
        ids=tuple(d.id for d in kept),
        depart_ms=_ints(round(d.depart_s * 1000) for d in kept),
        mode=np.array(modes, np.int8),
        persons=_floats(_persons(mode) for mode in modes),
        length_m=_floats(kind.length_m for kind in kinds),
        gap_m=_floats(kind.gap_m for kind in kinds),
        accel_m_per_s2=_floats(kind.accel_m_per_s2 for kind in kinds),
        decel_m_per_s2=_floats(kind.decel_m_per_s2 for kind in kinds),
        speed_max_m_per_s=_floats(
            kind.top_speed_m_per_s(factor) for kind, factor in zip(kinds, factors, strict=True)
        ),
        speed_factor=_floats(factors),
        route=_ints(route),
        route_start=_starts(route_of),
        route_edge=_ints(edge for way in route_of for edge in way),
        home_district=np.full(len(kept), -1, np.int64),
        line=np.full(len(kept), -1, np.int64),
        halt_start=_starts(halts),
        halt_edge=_ints(row[0] for rows in halts for row in rows),
        halt_position_m=_floats(row[1] for rows in halts for row in rows),
        halt_dwell_ms=_ints(row[2] for rows in halts for row in rows),
        halt_due_ms=_ints(row[3] for rows in halts for row in rows),
    )


class _Routes:
    """Finds and checks routes; each origin is searched from once for all its destinations."""

    def __init__(self, net: SumoNet, roads: Roads) -> None:
        self.net, self.roads = net, roads
        self.edge_index = {name: e for e, name in enumerate(roads.edges)}
        self._streets: dict[Mode, StreetWays] = {}

    def streets(self, mode: Mode) -> StreetWays:
        """The streets as this mode may use them."""
        if mode not in self._streets:
            slow = DEFAULTS["bicycle"].top_speed_m_per_s(1.0) if mode == Mode.BICYCLE else np.inf
            self._streets[mode] = StreetWays(self.roads, PERMITS[mode], slow)
        return self._streets[mode]

    def ways(self, departures: list[Departure]) -> list[tuple[int, ...] | None]:
        """The route of each as edges; None for who may be on streets that the city does not move."""
        asked: dict[tuple[Mode, int], set[int]] = {}
        places: list[tuple[int, ...] | None] = []
        for d in departures:
            mode = mode_of(d.kind.v_class)
            at = self._known(d, mode)
            places.append(at)
            if at is not None and not d.routed:
                for start, end in pairwise(at):
                    asked.setdefault((mode, start), set()).add(end)
        found = {
            (mode, start, end): way
            for (mode, start), ends in asked.items()
            for end, way in self.streets(mode).quickest(start, ends).items()
        }
        checked: set[tuple[Mode, tuple[int, ...]]] = set()
        result: list[tuple[int, ...] | None] = []
        for d, at in zip(departures, places, strict=True):
            mode = mode_of(d.kind.v_class)
            if at is not None and not d.routed:
                at = self._joined(d, mode, at, found)
            elif at is not None and (mode, at) not in checked:
                self._check(d, mode, at)
                checked.add((mode, at))
            result.append(at)
        return result

    def _known(self, d: Departure, mode: Mode) -> tuple[int, ...] | None:
        streets = self.streets(mode)
        at = []
        for name in d.edges:
            edge = self.net.edges.get(name)
            if edge is None or edge.function not in ("normal", "connector"):
                raise ScenarioError(
                    f"{d.who}: edge {name!r} is not in {self.net.file}; is it another network's?"
                )
            index = self.edge_index.get(name, -1)
            if index < 0 or not streets.may_use(index):
                if any(d.kind.v_class in self.net.lanes[lane].classes for lane in edge.lanes):
                    return None
                raise ScenarioError(f"{d.who}: edge {name!r} has no lane for {d.kind.v_class} vehicles")
            at.append(index)
        if not at:
            raise ScenarioError(f"{d.who}: a route without edges")
        return tuple(at)

    def _joined(
        self,
        d: Departure,
        mode: Mode,
        at: tuple[int, ...],
        found: dict[tuple[Mode, int, int], tuple[int, ...]],
    ) -> tuple[int, ...]:
        way = at[:1]
        for start, end in pairwise(at):
            part = found.get((mode, start, end))
            if part is None:
                names = self.roads.edges
                raise ScenarioError(
                    f"{d.who}: no way from {names[start]!r} to {names[end]!r} for {d.kind.v_class} vehicles"
                )
            way += part[1:]
        return way

    def _check(self, d: Departure, mode: Mode, way: tuple[int, ...]) -> None:
        streets = self.streets(mode)
        for edge, following in pairwise(way):
            if not streets.joined(edge, following):
                names = self.roads.edges
                raise ScenarioError(
                    f"{d.who}: edge {names[edge]!r} does not lead to {names[following]!r} "
                    f"for {d.kind.v_class} vehicles"
                )


def _halts(
    net: SumoNet, roads: Roads, d: Departure, way: tuple[int, ...]
) -> list[tuple[int, float, int, int]]:
    """Rows of edge, position, dwell and due time, in driving order."""
    rows = []
    at = 0
    for halt in d.halts:
        ahead = next((k for k in range(at, len(way)) if roads.edges[way[k]] == halt.edge), None)
        if ahead is None:
            where = "is not in" if halt.edge not in net.edges else "is not ahead on its route in"
            raise ScenarioError(f"{d.who}: stop on edge {halt.edge!r}, which {where} {net.file}")
        at = ahead
        edge = way[at]
        length_m = float(roads.lane_length_m[roads.edge_lane_start[edge]])
        place_m = halt.position_m + length_m if halt.position_m < 0 else halt.position_m
        place_m = min(max(place_m, min(d.kind.length_m, length_m)), length_m)
        due_ms = round(halt.until_s * 1000) if halt.until_s >= 0 else -1
        rows.append((edge, place_m, round(halt.dwell_s * 1000), due_ms))
    return rows


def _persons(mode: Mode) -> float:
    policy = Policy()
    known = {Mode.CAR: policy.persons_per_car, Mode.BUS: policy.persons_per_bus}
    return known.get(mode, EMERGENCY_PERSONS if mode == Mode.EMERGENCY else 1.0)


# --- people on foot ------------------------------------------------------------------------------


def _walks(
    net: SumoNet,
    roads: Roads,
    walks: list[Walk],
    read: Demand,
    plan: DemandPlan,
    chance: np.random.Generator,
) -> Walks:
    pavements = Pavements(net, roads)
    ways: dict[tuple[object, ...], list[Leg]] = {}
    legs: list[list[Leg]] = []
    speeds = [_walking_m_per_s(walk, chance) for walk in walks]
    for walk in walks:
        key = (walk.edges, walk.routed, walk.depart_m, walk.arrive_m)
        if key not in ways:
            ways[key] = _legs(net, pavements, walk)
        legs.append(ways[key])
    n = len(walks)
    impatient = chance.random(n) < plan.impatient_share
    patience_ms = np.maximum(chance.exponential(plan.patience_s * 1000, n), 1000.0).astype(np.int64)
    return Walks(
        ids=tuple(walk.id for walk in walks),
        depart_ms=_ints(round(walk.depart_s * 1000) for walk in walks),
        speed_m_per_s=_floats(speeds),
        presses=chance.random(n) < plan.press_share,
        patience_ms=np.where(impatient, patience_ms, -1),
        home_district=np.full(n, -1, np.int64),
        leg_start=_starts(legs),
        leg_before_m=_floats(leg.before_m for row in legs for leg in row),
        leg_crossing=_ints(leg.crossing for row in legs for leg in row),
        leg_forward=np.array([leg.forward for row in legs for leg in row], np.bool_),
    )


def _walking_m_per_s(walk: Walk, chance: np.random.Generator) -> float:
    kind: VehicleType = walk.kind
    if walk.speed_m_per_s is not None:
        return walk.speed_m_per_s
    return kind.top_speed_m_per_s(kind.draw_factor(chance))


def _legs(net: SumoNet, pavements: Pavements, walk: Walk) -> list[Leg]:
    for name in walk.edges:
        if name not in pavements.length_m:
            what = "is not in" if name not in net.edges else "has no lane for people on foot in"
            raise ScenarioError(f"{walk.who}: edge {name!r} {what} {net.file}")
    try:
        if walk.routed:
            return pavements.along(walk.edges, walk.depart_m, walk.arrive_m)
        legs: list[Leg] = []
        for k, (start, end) in enumerate(pairwise(walk.edges)):
            last = k == len(walk.edges) - 2
            own = pavements.between(
                start, end, walk.depart_m if k == 0 else 0.0, walk.arrive_m if last else 0.0
            )
            if legs:
                # The last metres of the part before are pavement before this part's first crossing.
                own[0] = replace(own[0], before_m=legs.pop().before_m + own[0].before_m)
            legs.extend(own)
        return legs or pavements.along(walk.edges, walk.depart_m, walk.arrive_m)
    except NoWayOnFoot as error:
        raise ScenarioError(f"{walk.who}: {error}") from None


def _starts(rows: Iterable[Sequence[object]]) -> np.ndarray:
    lengths = np.fromiter((len(row) for row in rows), np.int64)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def _ints(values: Iterable[int]) -> np.ndarray:
    return np.fromiter(values, np.int64)


def _floats(values: Iterable[float]) -> np.ndarray:
    return np.fromiter(values, np.float64)
