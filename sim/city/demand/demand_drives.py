"""Vehicle trips of a generated city: cars, bicycles, emergency vehicles, and buses of its lines."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.city.demand.demand_routes import BACK, OUT, RouteStock
from sim.city.people.lines import Line, drives_of_lines
from sim.city.roads import Floats, Ints, Roads
from sim.city.scenario import DemandPlan
from sim.city.trips import MODES, Drives, Mode

HOUR_MS = 3_600_000
Profile = tuple[tuple[float, float], ...]
VOLUME: Profile = (
    *((0, 0.08), (5, 0.12), (6.5, 0.7), (7, 1.0), (9, 1.0), (10, 0.65)),
    *((15, 0.75), (16, 1.0), (18.5, 1.0), (20, 0.5), (22, 0.25), (24, 0.08)),
)
"""Hour of day and trips begun, as part of those in the busiest hour."""
FROM_HOME: Profile = ((0, 0.3), (6, 0.8), (9, 0.75), (12, 0.5), (15, 0.35), (17, 0.2), (20, 0.35), (24, 0.3))
"""Hour of day and part of the trips that leads away from home."""
BICYCLE_WAY_M = 1500.0
"""Ways longer than about this are rarely cycled."""
PERSONS_IN_CAR = (0.72, 0.2, 0.05, 0.03)
"""Part of cars with one, two, three, four people."""
FACTOR_RANGE = (0.8, 1.2)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """What a mode's vehicles have in common."""

    length_m: float
    gap_m: float
    accel_m_per_s2: float
    decel_m_per_s2: float
    speed_max_m_per_s: float
    factor_mean: float
    factor_deviation: float


VEHICLES = {
    Mode.CAR: Vehicle(5.0, 2.5, 2.6, 4.5, 55.0, 1.0, 0.1),
    Mode.BICYCLE: Vehicle(2.0, 0.5, 1.2, 3.0, 5.5, 1.0, 0.1),
    Mode.EMERGENCY: Vehicle(6.5, 2.5, 2.6, 4.5, 55.0, 1.4, 0.0),
}
"""As SUMO's vehicle classes; people cycle at 5.5 m/s, emergency vehicles exceed the limit."""


@dataclass(slots=True)
class _Rows:
    """Trips of one mode on their way into the arrays."""

    mode: Mode
    depart_ms: Ints
    route: Ints
    persons: Floats
    home: Ints


def draw_drives(
    roads: Roads,
    stock: RouteStock,
    lines: tuple[Line, ...],
    plan: DemandPlan,
    junctions: int,
    begin_ms: int,
    end_ms: int,
    rng: np.random.Generator,
) -> Drives:
    """Everybody who drives between `begin_ms` and `end_ms`, in the order of departure."""
    per_h = plan.veh_per_h_per_junction * junctions / max(stock.signals_mean, 1.0)
    depart_ms = departures(per_h, VOLUME, begin_ms, end_ms, rng)
    private = _private(stock, depart_ms, plan, rng)
    hours = (end_ms - begin_ms) / HOUR_MS
    urgent = np.sort(rng.integers(begin_ms, end_ms, rng.poisson(plan.emergency_per_h * hours)))
    drives = _assembled(stock, [*private, _emergency(stock, urgent, rng)], rng)
    return merged(drives, drives_of_lines(roads, lines)) if lines else drives


def departures(
    per_h: float,
    profile: Profile,
    begin_ms: int,
    end_ms: int,
    rng: np.random.Generator,
) -> Ints:
    """Sorted moments of a Poisson stream whose rate follows the hour of the day."""
    n = int(rng.poisson(per_h * (end_ms - begin_ms) / HOUR_MS))
    moment_ms = np.sort(rng.integers(begin_ms, end_ms, n))
    kept = rng.random(n) < at_hour(profile, moment_ms)
    return np.asarray(moment_ms[kept], np.int64)


def at_hour(profile: Profile, moment_ms: Ints) -> Floats:
    """The value of a daily profile at street times."""
    hour = moment_ms / HOUR_MS % 24.0
    return np.interp(hour, [h for h, _ in profile], [value for _, value in profile])


def _private(stock: RouteStock, depart_ms: Ints, plan: DemandPlan, rng: np.random.Generator) -> list[_Rows]:
    """Cars and bicycles: a route each, short ones for those who cycle."""
    n = len(depart_ms)
    cycles = rng.random(n) < plan.bicycle_share
    leaving = rng.random(n) < at_hour(FROM_HOME, depart_ms)
    route = np.zeros(n, np.int64)
    for purpose in (OUT, BACK):
        own = np.flatnonzero(stock.purpose == purpose)
        easy = own[stock.home_district[own] >= 0]
        weight = np.cumsum(np.exp(-((stock.length_m[easy] / BICYCLE_WAY_M) ** 2)))
        for cycling in (False, True):
            rows = np.flatnonzero((leaving == (purpose == OUT)) & (cycles == cycling))
            if cycling and len(easy):
                route[rows] = easy[np.searchsorted(weight, rng.random(len(rows)) * weight[-1])]
            else:
                route[rows] = own[rng.integers(len(own), size=len(rows))]
    seats = np.searchsorted(np.cumsum(PERSONS_IN_CAR), rng.random(n)).clip(0, 3) + 1.0
    found = []
    for mode, rows in ((Mode.CAR, np.flatnonzero(~cycles)), (Mode.BICYCLE, np.flatnonzero(cycles))):
        persons = seats[rows] if mode == Mode.CAR else np.ones(len(rows))
        home = stock.home_district[route[rows]]
        found.append(_Rows(mode, depart_ms[rows], route[rows], persons, home))
    return found


def _emergency(stock: RouteStock, depart_ms: Ints, rng: np.random.Generator) -> _Rows:
    n = len(depart_ms)
    route = rng.integers(stock.n, size=n)
    return _Rows(Mode.EMERGENCY, depart_ms, route, np.full(n, 2.0), np.full(n, -1, np.int64))


def _assembled(stock: RouteStock, rows: list[_Rows], rng: np.random.Generator) -> Drives:
    mode = np.concatenate([np.full(len(r.depart_ms), r.mode, np.int8) for r in rows])
    depart_ms = np.concatenate([r.depart_ms for r in rows]).astype(np.int64)
    order = np.argsort(depart_ms, kind="stable")
    mode = mode[order]
    factor = np.ones(len(order))
    body = np.zeros((len(Mode), 5))
    for kind, vehicle in VEHICLES.items():
        own = np.flatnonzero(mode == kind)
        drawn = vehicle.factor_mean + vehicle.factor_deviation * rng.standard_normal(len(own))
        low, high = FACTOR_RANGE
        factor[own] = drawn if vehicle.factor_deviation == 0.0 else drawn.clip(low, high)
        body[kind, :2] = vehicle.length_m, vehicle.gap_m
        body[kind, 2:] = vehicle.accel_m_per_s2, vehicle.decel_m_per_s2, vehicle.speed_max_m_per_s
    none = np.zeros(0, np.int64)
    return Drives(
        ids=_names(mode),
        depart_ms=depart_ms[order],
        mode=mode,
        persons=np.concatenate([r.persons for r in rows])[order],
        length_m=body[mode, 0],
        gap_m=body[mode, 1],
        accel_m_per_s2=body[mode, 2],
        decel_m_per_s2=body[mode, 3],
        speed_max_m_per_s=body[mode, 4],
        speed_factor=factor,
        route=np.concatenate([r.route for r in rows]).astype(np.int64)[order],
        route_start=stock.start,
        route_edge=stock.edge,
        home_district=np.concatenate([r.home for r in rows]).astype(np.int64)[order],
        line=np.full(len(order), -1, np.int64),
        halt_start=np.zeros(len(order) + 1, np.int64),
        halt_edge=none,
        halt_position_m=np.zeros(0),
        halt_dwell_ms=none,
        halt_due_ms=none,
    )


def _names(mode: NDArray[np.int8]) -> tuple[str, ...]:
    """`car.0`, `car.1`, ... in the order of departure of each mode."""
    seen = [0] * len(Mode)
    names = []
    for m in mode.tolist():
        names.append(f"{MODES[m]}.{seen[m]}")
        seen[m] += 1
    return tuple(names)


def merged(first: Drives, second: Drives) -> Drives:
    """Both in the order of departure; halts and routes go with their trips."""
    order = np.argsort(np.concatenate([first.depart_ms, second.depart_ms]), kind="stable")
    ids = (*first.ids, *second.ids)
    count = np.concatenate([np.diff(first.halt_start), np.diff(second.halt_start)])
    begin = np.concatenate([first.halt_start[:-1], second.halt_start[:-1] + len(first.halt_edge)])
    halt_start = np.concatenate([[0], np.cumsum(count[order])]).astype(np.int64)
    at = (
        np.arange(halt_start[-1])
        - np.repeat(halt_start[:-1], count[order])
        + np.repeat(begin[order], count[order])
    )
    own = {f.name for f in dataclasses.fields(Drives)}
    whole = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in own - {"ids", "route", "route_start", "halt_start"}
    }
    halts = {name: values[at] for name, values in whole.items() if name.startswith("halt_")}
    trips = {
        name: values[order] for name, values in whole.items() if name not in halts and name != "route_edge"
    }
    routes_before = len(first.route_start) - 1
    return Drives(
        ids=tuple(ids[k] for k in order.tolist()),
        route=np.concatenate([first.route, second.route + routes_before])[order],
        route_start=np.concatenate([first.route_start, second.route_start[1:] + len(first.route_edge)]),
        route_edge=whole["route_edge"],
        halt_start=halt_start,
        **halts,
        **trips,
    )
