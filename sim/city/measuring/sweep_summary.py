"""What the seeds of one experiment say together, as rows for tables and reports."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.city.measuring.measures import CityMeasures
from sim.city.measuring.results import Experiment
from sim.city.measuring.trip_table import TRIP_MODES

MODE_NAMES = {
    "car": "by car",
    "bus": "buses",
    "bicycle": "by bicycle",
    "emergency": "emergency",
    "walk": "on foot",
    "passenger": "by bus",
    "all": "everybody",
}
"""What modes are called in front of the public."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A number over the seeds."""

    mean: float
    worst: float
    by_seed: tuple[tuple[int, float], ...]
    """(seed, value), by seed."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One district and mode over the seeds; seconds a person, people a run."""

    district: str
    mode: str
    people: float
    mean_s: float
    p95_s: float
    worst_wait_s: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One controller over all its seeds. Shares 0-1; None where there was nothing to count."""

    title: str
    controller: str
    seeds: tuple[int, ...]
    everybody_s: Spread
    """Time lost, seconds a person."""
    p95_s: Spread
    worst_wait_s: Spread
    person_hours: Spread
    modes: Mapping[str, Spread]
    """Time lost, seconds a person, by mode."""
    modes_p95_s: Mapping[str, float]
    ledger: tuple[LedgerRow, ...]
    ratio: Spread | None
    """Worst to best district, over everybody."""
    gini: float
    people_kept: float | None
    calls_kept: float | None
    people_late_noticed: float
    red_per_1000: float
    bus_late_s: float | None
    bus_on_time: float | None
    headway_cv: float | None
    full_street_s: float
    entry_queue_max_veh: float
    arrived_people: float
    gridlocked: tuple[int, ...]


def summarize(experiment: Experiment) -> Summary:
    """Sum up every run of an experiment."""
    runs: dict[int, CityMeasures] = {seed: record["measures"] for seed, record in experiment.runs.items()}
    every = list(runs.values())

    def spread(pick: Callable[[CityMeasures], float | None]) -> Spread | None:
        known = {seed: value for seed, run in runs.items() if (value := pick(run)) is not None}
        if not known:
            return None
        return Spread(statistics.fmean(known.values()), max(known.values()), tuple(known.items()))

    def mean(pick: Callable[[CityMeasures], float | None]) -> float | None:
        found = spread(pick)
        return None if found is None else found.mean

    def sure(pick: Callable[[CityMeasures], float]) -> Spread:
        found = spread(pick)
        assert found is not None
        return found

    modes = [name for name in TRIP_MODES if any(name in run.modes for run in every)]
    by_mode = {name: spread(lambda run, m=name: _of(run, m, "mean_s")) for name in modes}  # type: ignore[misc]
    by_mode_p95 = {name: mean(lambda run, m=name: _of(run, m, "p95_s")) for name in modes}  # type: ignore[misc]
    return Summary(
        title=experiment.title,
        controller=str(experiment.decided_by["controller"]),
        seeds=tuple(runs),
        everybody_s=sure(lambda run: run.all_people.mean_s),
        p95_s=sure(lambda run: run.all_people.p95_s),
        worst_wait_s=sure(lambda run: run.all_people.worst_wait_s),
        person_hours=sure(lambda run: run.person_hours),
        modes={name: one for name, one in by_mode.items() if one is not None},
        modes_p95_s={name: one for name, one in by_mode_p95.items() if one is not None},
        ledger=_ledger(every),
        ratio=spread(_ratio),
        gini=statistics.fmean(run.ledger.gini for run in every),
        people_kept=mean(lambda run: run.promises.people_kept_share),
        calls_kept=mean(lambda run: run.promises.calls_kept_share),
        people_late_noticed=statistics.fmean(run.promises.people_late_noticed for run in every),
        red_per_1000=statistics.fmean(run.on_red.per_1000 for run in every),
        bus_late_s=mean(lambda run: run.buses.late_mean_s if run.buses else None),
        bus_on_time=mean(lambda run: run.buses.on_time_share if run.buses else None),
        headway_cv=mean(lambda run: run.buses.headway_cv if run.buses else None),
        full_street_s=statistics.fmean(run.flow.full_street_s for run in every),
        entry_queue_max_veh=statistics.fmean(run.flow.entry_queue_max_veh for run in every),
        arrived_people=statistics.fmean(run.flow.arrived_people for run in every),
        gridlocked=tuple(seed for seed, run in runs.items() if run.flow.gridlock),
    )


def _of(run: CityMeasures, mode: str, statistic: str) -> float | None:
    one = run.modes.get(mode)
    return None if one is None else float(getattr(one, statistic))


def _ratio(run: CityMeasures) -> float | None:
    return next((one.ratio for one in run.ledger.ratios if one.mode == "all"), None)


def _ledger(runs: list[CityMeasures]) -> tuple[LedgerRow, ...]:
    """Every district and mode that was there in any run; means over the runs in which it was."""
    found: dict[tuple[str, str], list[Any]] = {}
    for run in runs:
        for entry in run.ledger.entries:
            found.setdefault((entry.district, entry.mode), []).append(entry)
    return tuple(
        LedgerRow(
            district=district,
            mode=mode,
            people=statistics.fmean(e.people for e in entries),
            mean_s=statistics.fmean(e.mean_s for e in entries),
            p95_s=statistics.fmean(e.p95_s for e in entries),
            worst_wait_s=max(e.worst_wait_s for e in entries),
        )
        for (district, mode), entries in found.items()
    )
