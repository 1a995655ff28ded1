"""Buses that keep a timetable: passengers come, board and alight; who waits how long, who is late.

Called once a second after the vehicles have moved. Works on the halts of `Drives` and on
`Traffic.halt_at`, `halt_until_ms` and `persons`; buses without a line only have their halts noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.city.movement.status import Status
from sim.city.movement.traffic import Traffic
from sim.city.people.lines import Line, Stop, drives_of_lines, ride_times_ms
from sim.city.people.transit_kernels import serve_buses
from sim.city.people.transit_model import Service, Transit, empty_transit
from sim.city.roads import Roads
from sim.city.trips import Drives

__all__ = [
    "Line",
    "Passengers",
    "Service",
    "Stop",
    "Transit",
    "draw_passengers",
    "drives_of_lines",
    "find_service",
    "halts_table",
    "new_transit",
    "ride_times_ms",
    "riders_table",
    "step",
]

BOARDING_MS, ALIGHTING_MS = 2000, 1000
"""One passenger at one door, tickets bought before."""


class Passengers(NamedTuple):
    """Q people who wait for buses, sorted by stop and then by the moment they come."""

    stop: NDArray[np.int64]  # (Q) row of the stop; stops of all lines one after another
    come_ms: NDArray[np.int64]  # (Q)
    to_stop: NDArray[np.int64]  # (Q) number of the stop in its line where they alight
    due_ms: NDArray[np.int64]  # (Q) the first bus they could catch, by timetable; come_ms after the last
    home_district: NDArray[np.int64]  # (Q)


def draw_passengers(roads: Roads, lines: Sequence[Line], begin_ms: int, end_ms: int, seed: int) -> Passengers:
    """People come to each stop as a Poisson process until `end_ms`; the same seed, the same people.

    They come from the first bus's scheduled headway before it on, at the earliest from
    `begin_ms`, and as long as another bus is due.
    """
    chance = np.random.default_rng([seed, 4])
    rows: list[tuple[int, NDArray[Any], NDArray[Any], NDArray[Any], int]] = []
    row = -1
    for line in lines:
        departures = np.array(line.departures_ms, np.int64)
        weights = np.array([stop.alighting_weight for stop in line.stops])
        for k, stop in enumerate(line.stops):
            row += 1
            expected = stop.boarding_per_h * max(0, end_ms - begin_ms) / 3_600_000
            come = np.sort(chance.integers(begin_ms, max(end_ms, begin_ms + 1), chance.poisson(expected)))
            to = np.zeros(len(come), np.int64)
            last = k == len(line.stops) - 1
            if not last and weights[k + 1 :].sum() > 0:
                share = weights[k + 1 :] / weights[k + 1 :].sum()
                to = k + 1 + chance.choice(len(share), len(come), p=share)
            due = departures + stop.ride_ms
            first_ms, last_ms = _served(due)
            kept = (come >= first_ms) & (come <= last_ms) & (to > k)
            rows.append((row, come[kept], to[kept], due, int(roads.edge_district[stop.edge])))
    if not rows:
        none = np.zeros(0, np.int64)
        return Passengers(none, none, none, none, none)
    return Passengers(
        stop=np.concatenate([np.full(len(come), s, np.int64) for s, come, _, _, _ in rows]),
        come_ms=np.concatenate([come for _, come, _, _, _ in rows]).astype(np.int64),
        to_stop=np.concatenate([to for _, _, to, _, _ in rows]).astype(np.int64),
        due_ms=np.concatenate(
            [due[np.searchsorted(due, come)] if len(come) else come for _, come, _, due, _ in rows]
        ).astype(np.int64),
        home_district=np.concatenate([np.full(len(come), d, np.int64) for _, come, _, _, d in rows]),
    )


def _served(due: NDArray[np.int64]) -> tuple[int, int]:
    """From when until when people come for buses due at these times."""
    if not len(due):
        return 0, -1
    headway_ms = int(due[1] - due[0]) if len(due) > 1 else 600_000
    return int(due[0]) - headway_ms, int(due[-1])


def find_service(drives: Drives, lines: Sequence[Line], passengers: Passengers) -> Service:
    """Timetable, stops and passengers in arrays. Raises ValueError for a bus that is not of its line."""
    halts = np.diff(drives.halt_start)
    vehicle = np.flatnonzero(halts > 0)
    line = drives.line[vehicle]
    first_stop = np.cumsum([0, *(len(one.stops) for one in lines)])
    schedule_ms = drives.halt_due_ms.astype(np.int64).copy()
    for v, of in zip(vehicle.tolist(), line.tolist(), strict=True):
        if of < 0:
            continue
        begin, end = int(drives.halt_start[v]), int(drives.halt_start[v + 1])
        stops = len(lines[of].stops) if of < len(lines) else 0
        if end - begin != stops or schedule_ms[begin] < 0:
            raise ValueError(
                f"bus {drives.ids[v]}: {end - begin} halts, the first due at {schedule_ms[begin]} ms;"
                f" its line (number {of}) has {stops} stops, the first with a time"
            )
        schedule_ms[begin:end] = schedule_ms[begin] + np.array([stop.ride_ms for stop in lines[of].stops])

    def of_line(name: str, without: int) -> NDArray[np.int64]:
        return np.array([getattr(lines[k], name) if k >= 0 else without for k in line], np.int64)

    doors = of_line("doors", 1)
    return Service(
        bus_vehicle=vehicle.astype(np.int64),
        bus_line=line.astype(np.int64),
        bus_first_halt=drives.halt_start[vehicle].astype(np.int64),
        bus_halts=halts[vehicle].astype(np.int64),
        bus_first_stop=np.array([first_stop[k] if k >= 0 else -1 for k in line], np.int64),
        bus_capacity=of_line("capacity", 0),
        bus_board_ms=BOARDING_MS // doors,
        bus_alight_ms=ALIGHTING_MS // doors,
        schedule_ms=schedule_ms,
        stop_passenger=np.searchsorted(passengers.stop, np.arange(first_stop[-1] + 1)).astype(np.int64),
        come_ms=np.ascontiguousarray(passengers.come_ms, np.int64),
        to_stop=np.ascontiguousarray(passengers.to_stop, np.int64),
    )


def new_transit(service: Service, begin_ms: int) -> Transit:
    """Every bus and every passenger still to come, at `begin_ms`."""
    transit = empty_transit(
        len(service.bus_vehicle),
        len(service.schedule_ms),
        len(service.stop_passenger) - 1,
        int(service.bus_halts.max(initial=0)),
        len(service.come_ms),
    )
    transit.time_ms[0] = begin_ms
    transit.bus_next[:] = service.bus_first_halt
    transit.stop_next[:] = service.stop_passenger[:-1]
    transit.stop_came[:] = service.stop_passenger[:-1]
    return transit


def step(transit: Transit, service: Service, traffic: Traffic, now_ms: int) -> None:
    """Serve all buses from `now_ms` to the end of that second; vehicles have already moved.

    Written: `transit`, `traffic.halt_until_ms` and, of buses with a line, `traffic.persons`.
    Raises ValueError when a step was left out.
    """
    if now_ms != transit.time_ms[0]:
        raise ValueError(f"buses stand at {transit.time_ms[0]} ms, not at {now_ms} ms")
    serve_buses(
        now_ms,
        traffic.status,
        traffic.halt_at,
        traffic.halt_until_ms,
        traffic.lost_s,
        traffic.persons,
        transit,
        service,
    )


def halts_table(transit: Transit, service: Service) -> dict[str, NDArray[Any]]:
    """One row a halt that was due or made: line, stop, due_ms (-1 none), departed_ms (-1 not), aboard.

    A bus without a line is a line of its own, numbered -2, -3, ...
    """
    n = service.bus_halts
    bus = np.repeat(np.arange(len(n)), n)
    halt = np.repeat(service.bus_first_halt - np.cumsum(n) + n, n) + np.arange(int(n.sum()))
    return {
        "line": np.where(service.bus_line[bus] >= 0, service.bus_line[bus], -2 - bus),
        "stop": halt - service.bus_first_halt[bus],
        "due_ms": service.schedule_ms[halt],
        "arrived_ms": transit.halt_arrived_ms[halt],
        "departed_ms": transit.halt_departed_ms[halt],
        "boarded": transit.halt_boarded[halt],
        "alighted": transit.halt_alighted[halt],
        "aboard": transit.halt_aboard[halt],
        "left_behind": transit.halt_left_behind[halt],
    }


def riders_table(
    passengers: Passengers, transit: Transit, service: Service, traffic: Traffic, end_ms: int, mode: int
) -> dict[str, NDArray[Any]]:
    """One row a passenger who came before `end_ms`, in the columns of trips; `mode` is their number.

    lost_s is the wait beyond the bus they could have caught by timetable, and what the bus lost
    while they were aboard; worst_wait_s the whole wait at the stop.
    """
    here = np.flatnonzero(passengers.come_ms < end_ms)
    boarded_ms, boarded_at = transit.passenger_boarded_ms[here], transit.passenger_halt[here]
    aboard = boarded_at >= 0
    halt = boarded_at[aboard]
    bus = np.searchsorted(service.bus_first_halt, halt, side="right") - 1
    vehicle = service.bus_vehicle[bus]
    out = service.bus_first_halt[bus] + passengers.to_stop[here][aboard]
    out_ms = transit.halt_arrived_ms[out]
    lost_s = np.where(out_ms >= 0, transit.halt_lost_s[out], traffic.lost_s[vehicle])
    # Whose stop was passed without a halt rode to the end of the line.
    passed = (out_ms < 0) & (traffic.status[vehicle] == Status.ARRIVED)
    arrived_ms, ride_s = np.full(len(here), -1, np.int64), np.zeros(len(here))
    arrived_ms[aboard] = np.where(passed, traffic.arrived_ms[vehicle], out_ms)
    ride_s[aboard] = np.maximum(0.0, lost_s - transit.halt_lost_s[halt])
    until_ms = np.where(aboard, boarded_ms, end_ms)
    wait_ms = np.maximum(0, until_ms - passengers.come_ms[here])
    beyond_ms = np.maximum(0, until_ms - np.maximum(passengers.due_ms[here], passengers.come_ms[here]))
    n = len(here)
    return {
        "id": np.array([f"rider{q}" for q in here.tolist()], np.str_),
        "mode": np.full(n, mode, np.int8),
        "persons": np.ones(n),
        "home_district": passengers.home_district[here],
        "depart_ms": passengers.come_ms[here],
        "arrived_ms": arrived_ms,
        "lost_s": beyond_ms / 1000.0 + ride_s,
        "entry_s": np.zeros(n),
        "worst_wait_s": wait_ms / 1000.0,
        "stops": np.zeros(n, np.int64),
        "red_crossings": np.zeros(n, np.int64),
    }
