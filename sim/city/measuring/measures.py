"""What a run of the city did to people, in numbers, from its tables alone.

Words: time lost is what a trip took longer than unhindered, with the wait to enter the map; for
people on foot it is standing at kerbs. A wait is one uninterrupted standing. The promise runs
from the moment somebody comes to the kerb to WALK: for people whose button is dead also from the
moment at which the controller noticed (`late_noticed`). All of it is truth, not what was sensed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.city.measuring.equity import Entry, Ledger, Ratio, entry_of, ledger
from sim.city.measuring.trip_table import PASSENGER, TRIP_MODES, Table
from sim.city.trips import Mode

ON_TIME_EARLY_S, ON_TIME_LATE_S = -60.0, 300.0
"""A bus from one minute early to five minutes late is on time (usual in Britain and the USA: TCQSM)."""
SPILLBACK_S = 60
"""A street full to its beginning for a minute and more holds up others."""


@dataclass(frozen=True, slots=True)
class ModeMeasures:
    """One mode over the whole city."""

    trips: int
    people: float
    arrived: int
    mean_s: float
    """Time lost, a person; so are the others."""
    p50_s: float
    p95_s: float
    worst_s: float
    worst_wait_s: float
    stops_per_trip: float


@dataclass(frozen=True, slots=True)
class PlaceMeasures:
    """Delay at the signals of one district, by mode, a passage."""

    district: str
    mode: str
    passed: int
    mean_s: float
    worst_s: float
    worst_wait_s: float


@dataclass(frozen=True, slots=True)
class Promises:
    """Kept and broken; shares are 0-1, None where nobody was promised anything."""

    calls: int
    calls_late: int
    calls_kept_share: float | None
    people: int
    """Came to a signalled kerb."""
    people_late: int
    """Waited longer than promised, counted from when they came."""
    people_late_noticed: int
    """Of them, also counted from when their dead button was noticed."""
    people_gave_up: int
    """Crossed on red before the promise had ended."""
    people_kept_share: float | None
    vehicle_waits_late: int
    """Standings in front of a signal longer than its promise."""


@dataclass(frozen=True, slots=True)
class OnRed:
    """People who crossed on red."""

    crossings: int
    people: int
    per_1000: float
    """Of a thousand people who walked, how many did so at least once."""
    caught: int
    """Still on the carriageway when their clearance ended."""


@dataclass(frozen=True, slots=True)
class Buses:
    """Departures from stops against the timetable, and the gaps between buses of a line."""

    departures: int
    late_mean_s: float
    late_p95_s: float
    on_time_share: float | None
    headway_cv: float | None
    """Deviation of gaps from their mean at the same stop; 0 = perfectly even."""
    aboard_mean: float


@dataclass(frozen=True, slots=True)
class Flow:
    """How the streets held."""

    arrived_veh: int
    under_way_veh: int
    never_entered_veh: int
    arrived_people: float
    entry_queue_mean_veh: float
    entry_queue_max_veh: int
    full_street_s: int
    """Seconds that streets were full to their beginning, summed over streets."""
    full_streets: int
    """Streets full for a minute or longer."""
    gridlock: bool


@dataclass(frozen=True, slots=True)
class CityMeasures:
    """One run, measured."""

    modes: Mapping[str, ModeMeasures]
    all_people: Entry
    person_hours: float
    """Time lost by everybody."""
    places: tuple[PlaceMeasures, ...]
    ledger: Ledger
    promises: Promises
    on_red: OnRed
    buses: Buses | None
    flow: Flow
    simulated_s: int

    def to_json(self) -> dict[str, Any]:
        """Plain data for `json.dumps`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CityMeasures:
        """The inverse of `to_json`. Raises KeyError or TypeError for anything else."""
        own = dict(data)
        own["modes"] = {name: ModeMeasures(**one) for name, one in data["modes"].items()}
        own["all_people"] = Entry(**data["all_people"])
        own["places"] = tuple(PlaceMeasures(**one) for one in data["places"])
        own["ledger"] = Ledger(
            entries=tuple(Entry(**one) for one in data["ledger"]["entries"]),
            ratios=tuple(Ratio(**one) for one in data["ledger"]["ratios"]),
            gini=data["ledger"]["gini"],
        )
        own["promises"] = Promises(**data["promises"])
        own["on_red"] = OnRed(**data["on_red"])
        own["buses"] = Buses(**data["buses"]) if data["buses"] is not None else None
        own["flow"] = Flow(**data["flow"])
        return cls(**own)


def measure(
    tables: Mapping[str, Table], districts: Sequence[str], simulated_s: int, gridlock: bool
) -> CityMeasures:
    """Every number of a run from its tables (`sim.city.measuring.run_tables.tables_of`)."""
    trips = tables["trips"]
    counted = trips["persons"] > 0
    return CityMeasures(
        modes={name: _mode(trips, trips["mode"] == k) for k, name in enumerate(TRIP_MODES)
               if (trips["mode"] == k).any()},
        all_people=entry_of("all", "all", trips, counted),
        person_hours=float((trips["lost_s"] * trips["persons"]).sum()) / 3600,
        places=tuple(_places(tables["junctions"], districts)),
        ledger=ledger(trips, districts),
        promises=_promises(tables),
        on_red=_on_red(tables),
        buses=_buses(tables["halts"]) if "halts" in tables else None,
        flow=_flow(tables, gridlock),
        simulated_s=simulated_s,
    )  # fmt: skip


def _mode(trips: Table, rows: np.ndarray) -> ModeMeasures:
    """A bus whose passengers are followed carries nobody itself: then it counts by vehicle."""
    weighted = trips if trips["persons"][rows].any() else {**trips, "persons": np.ones(len(rows))}
    one = entry_of("all", "", weighted, rows)
    return ModeMeasures(
        trips=one.trips,
        people=float(trips["persons"][rows].sum()),
        arrived=int((trips["arrived_ms"][rows] >= 0).sum()),
        mean_s=one.mean_s,
        p50_s=one.p50_s,
        p95_s=one.p95_s,
        worst_s=one.worst_s,
        worst_wait_s=one.worst_wait_s,
        stops_per_trip=float(trips["stops"][rows].mean()),
    )


def _places(junctions: Table, districts: Sequence[str]) -> list[PlaceMeasures]:
    found = []
    for d, district in enumerate(districts):
        for number, mode in enumerate(TRIP_MODES):
            rows = (junctions["district"] == d) & (junctions["mode"] == number)
            passed = junctions["passed"][rows]
            if passed.sum():
                mean_s = float((junctions["mean_s"][rows] * passed).sum() / passed.sum())
                worst_s, wait_s = junctions["worst_s"][rows].max(), junctions["worst_wait_s"][rows].max()
                found.append(
                    PlaceMeasures(district, mode, int(passed.sum()), mean_s, float(worst_s), float(wait_s))
                )
    return found


def _promises(tables: Mapping[str, Table]) -> Promises:
    groups, crossings = tables["groups"], tables["crossings"]
    calls, calls_late = int(groups["calls"].sum()), int(groups["calls_late"].sum())
    signal = crossings["junction"] >= 0
    people = int(crossings["came"][signal].sum())
    late, gave_up = int(crossings["late"][signal].sum()), int(crossings["gave_up"][signal].sum())
    return Promises(
        calls=calls,
        calls_late=calls_late,
        calls_kept_share=1 - calls_late / calls if calls else None,
        people=people,
        people_late=late,
        people_late_noticed=int(crossings["late_noticed"][signal].sum()),
        people_gave_up=gave_up,
        people_kept_share=1 - (late + gave_up) / people if people else None,
        vehicle_waits_late=int(tables["edges"]["stood_late"].sum()),
    )


def _on_red(tables: Mapping[str, Table]) -> OnRed:
    trips, crossings = tables["trips"], tables["crossings"]
    on_foot = trips["mode"] == Mode.WALK
    people = int((trips["red_crossings"][on_foot] > 0).sum())
    return OnRed(
        crossings=int(crossings["on_red"].sum()),
        people=people,
        per_1000=1000 * people / max(1, int(on_foot.sum())),
        caught=int(crossings["caught"].sum()),
    )


def _buses(halts: Table) -> Buses | None:
    """A departure that was due and is still to come is late by all the time since: it must not vanish."""
    gone = halts["departed_ms"] >= 0
    if not gone.any():
        return None
    timed = ~np.isnan(halts["late_s"])
    late_s = halts["late_s"][timed]
    on_time = gone[timed] & (late_s >= ON_TIME_EARLY_S) & (late_s <= ON_TIME_LATE_S)
    counted = gone[timed] | (late_s > ON_TIME_LATE_S)
    return Buses(
        departures=int(gone.sum()),
        late_mean_s=float(late_s.mean()) if len(late_s) else 0.0,
        late_p95_s=float(np.percentile(late_s, 95)) if len(late_s) else 0.0,
        on_time_share=float(on_time.sum() / counted.sum()) if counted.any() else None,
        headway_cv=_headway_cv(halts),
        aboard_mean=float(halts["aboard"][gone].mean()),
    )


def _headway_cv(halts: Table) -> float | None:
    """Coefficient of variation of the gaps between departures, over all lines and stops (TCQSM)."""
    gone = halts["departed_ms"] >= 0
    line, stop, at_ms = halts["line"][gone], halts["stop"][gone], halts["departed_ms"][gone]
    order = np.lexsort((at_ms, stop, line))
    line, stop, at_ms = line[order], stop[order], at_ms[order]
    same = (np.diff(line) == 0) & (np.diff(stop) == 0)
    squares, gaps = 0.0, 0
    where = np.flatnonzero(np.concatenate([[True], ~same]))
    for begin, end in zip(where, [*where[1:], len(at_ms)], strict=True):
        gap = np.diff(at_ms[begin:end])
        if len(gap) >= 2 and gap.mean() > 0:
            squares += float(((gap / gap.mean() - 1) ** 2).sum())
            gaps += len(gap)
    return float(np.sqrt(squares / gaps)) if gaps else None


def _flow(tables: Mapping[str, Table], gridlock: bool) -> Flow:
    trips, edges, minutes = tables["trips"], tables["edges"], tables["minutes"]
    vehicle = (trips["mode"] != Mode.WALK) & (trips["mode"] != PASSENGER)
    arrived = trips["arrived_ms"] >= 0
    queue = minutes["entry_queue_veh"]
    never = int(queue[-1])
    return Flow(
        arrived_veh=int((vehicle & arrived).sum()),
        under_way_veh=int((vehicle & ~arrived).sum()) - never,
        never_entered_veh=never,
        arrived_people=float(trips["persons"][arrived].sum()),
        entry_queue_mean_veh=float(queue.mean()),
        entry_queue_max_veh=int(queue.max()),
        full_street_s=int(edges["full_s"].sum()),
        full_streets=int((edges["full_s"] >= SPILLBACK_S).sum()),
        gridlock=gridlock,
    )
