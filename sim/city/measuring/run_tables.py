"""One run as tables: trips, edges, crossings, junctions, signal groups, minutes.

A table is columns by name, all of one length. Everything a report says is worked out from
these, so that whoever reads the files can work it out again. Modes are numbers of TRIP_MODES in
`sim.city.measuring.trip_table`; districts are indices, -1 unknown.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.network import Network
from sim.city.measuring.trip_table import Table
from sim.city.measuring.watch import MINUTE_MS, Watch
from sim.city.measuring.watch_model import BIN_EDGES_S, Notes
from sim.city.movement.status import Status
from sim.city.movement.traffic import Traffic
from sim.city.people.walkers_model import Stage, Walkers
from sim.city.roads import Roads
from sim.city.trips import MODES, Drives, Mode, Walks


class Truth(NamedTuple):
    """A city after a run, as it really was. `riders` and `halts` are tables of their own makers."""

    roads: Roads
    network: Network
    drives: Drives
    traffic: Traffic
    walks: Walks
    walkers: Walkers
    watch: Watch
    riders: Table | None = None
    """Bus passengers in the columns of `trips`; None where nobody is followed aboard a bus."""
    halts: Table | None = None
    """Departures from bus stops: line, stop, due_ms (-1 none), departed_ms, aboard."""


def tables_of(truth: Truth) -> dict[str, Table]:
    """Every table of a run. `truth.watch` must have been closed."""
    tables = {
        "trips": trips_table(truth),
        "edges": edges_table(truth),
        "crossings": crossings_table(truth),
        "junctions": junctions_table(truth),
        "groups": groups_table(truth),
        "minutes": minutes_table(truth),
    }
    if truth.halts is not None:
        tables["halts"] = with_lateness(truth.halts, truth.watch.clock.end_ms)
    return tables


def with_lateness(halts: Table, end_ms: int) -> Table:
    """Departures with late_s: seconds behind the timetable; so far, where the bus has yet to leave.

    NaN where nothing was due before the end.
    """
    gone = halts["departed_ms"] >= 0
    left_ms = np.where(gone, halts["departed_ms"], end_ms)
    due = (halts["due_ms"] >= 0) & (gone | (halts["due_ms"] < end_ms))
    return {**halts, "late_s": np.where(due, (left_ms - halts["due_ms"]) / 1000.0, np.nan)}


def trips_table(truth: Truth) -> Table:
    """One row a trip that was due before the end: vehicles, people on foot, bus passengers.

    lost_s is everything the trip took longer than unhindered, with the wait to enter the map
    (entry_s); worst_wait_s the longest uninterrupted standing; arrived_ms -1 = still under way.
    Where passengers are followed, a bus itself carries nobody in `persons`.
    """
    parts = [_vehicle_trips(truth), _foot_trips(truth)]
    if truth.riders is not None:
        parts.append(truth.riders)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _vehicle_trips(truth: Truth) -> Table:
    drives, traffic, end_ms = truth.drives, truth.traffic, truth.watch.clock.end_ms
    due = np.flatnonzero((traffic.status != Status.FUTURE) & (drives.depart_ms < end_ms))
    departed_ms = np.where(traffic.departed_ms[due] >= 0, traffic.departed_ms[due], end_ms)
    entry_s = np.maximum(0, departed_ms - drives.depart_ms[due]) / 1000.0
    persons = drives.persons[due].astype(np.float64)
    if truth.riders is not None:
        persons[drives.mode[due] == Mode.BUS] = 0.0
    return {
        "id": np.array(drives.ids, np.str_)[due],
        "mode": drives.mode[due].astype(np.int8),
        "persons": persons,
        "home_district": drives.home_district[due].astype(np.int64),
        "depart_ms": drives.depart_ms[due],
        "arrived_ms": traffic.arrived_ms[due],
        "lost_s": traffic.lost_s[due] + entry_s,
        "entry_s": entry_s,
        "worst_wait_s": traffic.worst_stood_ms[due] / 1000.0,
        "stops": traffic.stops[due].astype(np.int64),
        "red_crossings": np.zeros(len(due), np.int64),
    }


def _foot_trips(truth: Truth) -> Table:
    walks, walkers = truth.walks, truth.walkers
    due = np.flatnonzero((walkers.status != Stage.FUTURE) & (walks.depart_ms < truth.watch.clock.end_ms))
    n = len(due)
    return {
        "id": np.array(walks.ids, np.str_)[due],
        "mode": np.full(n, Mode.WALK, np.int8),
        "persons": np.ones(n),
        "home_district": walks.home_district[due].astype(np.int64),
        "depart_ms": walks.depart_ms[due],
        "arrived_ms": walkers.arrived_ms[due],
        "lost_s": walkers.lost_ms[due] / 1000.0,
        "entry_s": np.zeros(n),
        "worst_wait_s": walkers.worst_waited_ms[due] / 1000.0,
        "stops": np.zeros(n, np.int64),
        "red_crossings": walkers.crossed_on_red[due].astype(np.int64),
    }


def passages(drives: Drives, traffic: Traffic, edges: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Vehicles and people that have been on each edge so far: (E) vehicles, (E) people."""
    gone = np.flatnonzero((traffic.status == Status.DRIVING) | (traffic.status == Status.ARRIVED))
    first = drives.route_start[drives.route[gone]]
    count = traffic.route_at[gone] - first + 1
    before = np.cumsum(count) - count
    rows = np.repeat(first - before, count) + np.arange(int(count.sum()))
    on = drives.route_edge[rows]
    people = np.repeat(drives.persons[gone], count)
    vehicles = np.bincount(on, minlength=edges).astype(np.int64)
    return vehicles, np.bincount(on, weights=people, minlength=edges).astype(np.float64)


def edges_table(truth: Truth) -> Table:
    """One row an edge: who was on it, what was lost there, how long it was full to its beginning."""
    roads, traffic, notes = truth.roads, truth.traffic, truth.watch.notes
    vehicles, people = passages(truth.drives, traffic, roads.n_edges)
    first = roads.edge_lane_start[:-1]
    table: Table = {
        "edge": np.array(roads.edges, np.str_),
        "district": roads.edge_district.astype(np.int64),
        "length_m": roads.lane_length_m[first],
        "lanes": np.diff(roads.edge_lane_start),
        "vehicles": vehicles,
        "people": people,
    }
    for mode in range(Mode.WALK):
        lost = traffic.lane_lost_person_s[:, mode]
        table[f"lost_person_s_{MODES[mode]}"] = np.add.reduceat(lost, first)
    table["full_s"] = np.maximum.reduceat(notes.lane_full_s, first)
    table["stood_late"] = np.add.reduceat(notes.lane_late, first)
    return table


def crossings_table(truth: Truth) -> Table:
    """One row a crossing: who came, how long they stood, who was served within the promise."""
    roads, walkers, notes = truth.roads, truth.walkers, truth.watch.notes
    signal = truth.watch.streets.crossing_junction
    return {
        "crossing": np.array(roads.crossings, np.str_),
        "junction": signal,
        "district": roads.crossing_district.astype(np.int64),
        "came": walkers.crossing_came.copy(),
        "crossed": walkers.crossing_crossed.copy(),
        "standing_s": walkers.crossing_standing_ms / 1000.0,
        "worst_s": walkers.crossing_worst_ms / 1000.0,
        "on_red": walkers.crossing_red.copy(),
        "caught": walkers.crossing_caught.copy(),
        "promise_s": truth.watch.streets.crossing_promise_ms / 1000.0,
        "late": notes.crossing_late.copy(),
        "late_noticed": notes.crossing_late_noticed.copy(),
        "gave_up": notes.crossing_gave_up.copy(),
    }


def junctions_table(truth: Truth) -> Table:
    """One row a signal and mode that passed it: delay since the signal before, by passage."""
    notes: Notes = truth.watch.notes
    j, mode = np.nonzero(notes.passed)
    passed = notes.passed[j, mode]
    bins = notes.delay_bins[j, mode]
    worst_s = notes.worst_delay_s[j, mode]
    titles = [junction.title or junction.name for junction in truth.network.street.junctions]
    return {
        "junction": np.array(titles, np.str_)[j] if titles else np.zeros(0, np.str_),
        "index": j.astype(np.int64),
        "district": truth.roads.junction_district[j].astype(np.int64),
        "mode": mode.astype(np.int8),
        "passed": passed,
        "people": notes.passed_persons[j, mode],
        "delay_person_s": notes.delay_person_s[j, mode],
        "mean_s": notes.delay_s[j, mode] / np.maximum(passed, 1),
        "p50_s": quantile_of_bins(bins, 0.50, worst_s),
        "p95_s": quantile_of_bins(bins, 0.95, worst_s),
        "worst_s": worst_s,
        "worst_wait_s": notes.worst_stood_s[j, mode],
        "queue_max_veh": notes.queue_max_veh[j],
    }


def quantile_of_bins(bins: NDArray[Any], part: float, worst_s: NDArray[Any]) -> NDArray[np.float64]:
    """Quantile of counts (R, B) over `BIN_EDGES_S`, evenly spread inside a bin, never above the worst."""
    if not len(bins):
        return np.zeros(0)
    edges = np.append(BIN_EDGES_S, np.inf)
    total = np.cumsum(bins, axis=1)
    wanted = part * total[:, -1]
    at = np.minimum((total < wanted[:, None]).sum(axis=1), bins.shape[1] - 1)
    row = np.arange(len(bins))
    before = total[row, at] - bins[row, at]
    inside = (wanted - before) / np.maximum(bins[row, at], 1)
    high = np.minimum(edges[at + 1], worst_s)
    low = np.minimum(edges[at], worst_s)
    return low + inside * (high - low)


def groups_table(truth: Truth) -> Table:
    """One row a signal group: calls the controller registered, and how many waited longer than promised."""
    network, notes = truth.network, truth.watch.notes
    names = [group.name for junction in network.street.junctions for group in junction.groups]
    return {
        "group": np.array(names, np.str_),
        "junction": network.group_junction,
        "kind": network.group_kind.astype(np.int8),
        "promise_s": network.promise_ms / 1000.0,
        "calls": notes.group_calls.copy(),
        "calls_late": notes.group_calls_late.copy(),
    }


def minutes_table(truth: Truth) -> Table:
    """One row a minute: standing and lost by mode, driving, waiting to enter, arrived, crossed on red."""
    watch, drives, traffic = truth.watch, truth.drives, truth.traffic
    begin_ms, end_ms = watch.clock
    notes, n = watch.notes, watch.clock.minutes
    # The last minute may be shorter than the others.
    starts_ms = begin_ms + MINUTE_MS * np.arange(n + 1)
    starts_ms[-1] = end_ms
    seconds = np.maximum(1.0, np.diff(starts_ms) / 1000.0)
    table: Table = {"minute": np.arange(n), "driving_veh": notes.minute_driving_s / seconds}
    lost = np.diff(notes.minute_lost_person_s, axis=0, prepend=0.0)
    for mode, name in enumerate(MODES):
        table[f"standing_{name}"] = notes.minute_standing_s[:, mode] / seconds
        table[f"lost_person_s_{name}"] = lost[:, mode]
    entered_ms = np.where(traffic.departed_ms >= 0, traffic.departed_ms, end_ms)
    asked = traffic.status != Status.FUTURE
    late = asked & (entered_ms > drives.depart_ms)
    due, entered = np.sort(drives.depart_ms[late]), np.sort(entered_ms[late])
    ends_ms = starts_ms[1:]
    table["entry_queue_veh"] = np.searchsorted(due, ends_ms) - np.searchsorted(entered, ends_ms)
    arrived_ms = traffic.arrived_ms[traffic.arrived_ms >= 0]
    table["arrived_veh"] = np.histogram(arrived_ms, starts_ms)[0]
    table["crossed_on_red"] = np.diff(notes.minute_red, prepend=0)
    return table
