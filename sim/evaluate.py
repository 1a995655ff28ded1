"""The same statistics for everyone: what runs over maps, controllers and seeds say together.

One `Row` a map and controller sums up the seeds; a `MapTable` compares the rows of one map
(the ratio to the best of the four other controllers, ranks with ties said); a `Comparison`
is the whole sweep. Failed runs stay visible as reasons in their row. Words of measurement
(wait, gridlock, oversaturated) are defined in `sim.glossary`.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controller.vocabulary import CONTROLLERS
from sim.glossary import GRIDLOCK_LEFT_FACTOR, GRIDLOCK_LEFT_VEH
from sim.measures import MODES, RunResult
from sim.scenarios import Scenario
from sim.sweep import Failure, Job, Outcome
from sim.yardsticks import YARDSTICKS

BASELINES = ("fixed", "actuated", "greedy", "max-pressure")
"""The best of these on a map is what the ratios of that map are relative to."""
TIE_DIGITS = 2
"""Rows whose ranked measure agrees in this many decimals share a rank."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A measure over the seeds."""

    mean: float
    median: float
    worst: float
    by_seed: tuple[tuple[int, float], ...]
    """(seed, value), by seed."""


@dataclass(frozen=True, slots=True)
class ModeSummary:
    """Delay of one mode over the seeds, in seconds per trip."""

    trips: float
    """Mean number a run."""
    mean_s: float
    p95_s: float
    """Mean of the seeds' 95th percentiles."""
    worst_s: float
    """Largest single delay in any seed."""
    worst_wait_s: float
    """Longest standstill in any seed."""
    by_seed: tuple[tuple[int, float], ...]
    """(seed, mean delay in s), by seed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One controller or yardstick on one map, over the seeds. Measures are None without any run."""

    controller: str
    yardstick: bool
    finished: tuple[int, ...]
    """Seeds that gave a result."""
    failed: tuple[tuple[int, str], ...]
    """(seed, reason) of those that did not."""
    delay_s: Spread | None = None
    person_s: Spread | None = None
    worst_wait_s: Spread | None = None
    modes: Mapping[str, ModeSummary] = dataclasses.field(default_factory=dict)
    stops_per_veh: float | None = None
    left_veh: float | None = None
    """Unfinished plus never-departed vehicles, mean a run."""
    gridlocked: tuple[int, ...] = ()
    """Seeds that ended in gridlock."""
    promises_broken: int | None = None
    violations: int | None = None
    delay_ratio: float | None = None
    person_ratio: float | None = None
    rank: int | None = None
    tied: bool = False

    @property
    def gridlock_share(self) -> float | None:
        """Part of the finished seeds that gridlocked (0-1)."""
        return len(self.gridlocked) / len(self.finished) if self.finished else None


@dataclass(frozen=True, slots=True)
class MapTable:
    """One map: its rows, controllers first, and what holds for all of them."""

    name: str
    begin_s: int
    end_s: int
    oversaturated: bool | None
    """None when `fixed` was not run."""
    rows: tuple[Row, ...]
    floor_hidden: bool = False
    """All-green was run, but is not below every controller, so it is no floor and no row."""

    def row(self, controller: str) -> Row | None:
        """The row of `controller`, if it was run on this map."""
        return next((row for row in self.rows if row.controller == controller), None)


@dataclass(frozen=True, slots=True)
class Overall:
    """One controller over all maps on which it finished every seed."""

    controller: str
    maps: int
    rank_mean: float
    delay_ratio_mean: float | None
    delay_ratio_worst: float | None
    person_ratio_mean: float | None
    person_ratio_worst: float | None
    gridlock_share: float
    """Of all its runs."""
    worst_wait_s: float | None
    """On maps that are not oversaturated."""
    promises_broken: int
    violations: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A whole sweep, ready to be shown."""

    sensors: str
    timing: str
    seeds: tuple[int, ...]
    maps: tuple[MapTable, ...]
    overall: tuple[Overall, ...]

    @property
    def failures(self) -> tuple[str, ...]:
        """Every failed run in one line each."""
        return tuple(
            f"{table.name}, {row.controller}, seed {seed}: {reason}"
            for table in self.maps
            for row in table.rows
            for seed, reason in row.failed
        )


def plan_jobs(
    scenarios: Sequence[Scenario],
    controllers: Sequence[str],
    seeds: Sequence[int],
    sensors: str,
    timing: str,
) -> tuple[Job, ...]:
    """Every run of a sweep; all controllers of one map and seed follow each other."""
    return tuple(
        Job(scenario, controller, sensors, timing, seed)
        for scenario in scenarios
        for seed in seeds
        for controller in controllers
    )


def compare(jobs: Sequence[Job], outcomes: Mapping[Job, Outcome]) -> Comparison:
    """Sum up a sweep. `jobs` share their sensors and timing; each has an outcome."""
    by_map: dict[str, list[Job]] = {}
    for job in jobs:
        by_map.setdefault(job.scenario.name, []).append(job)
    tables = tuple(_map_table(of_map, outcomes) for of_map in by_map.values())
    names = [name for name in dict.fromkeys(job.controller for job in jobs) if name in CONTROLLERS]
    overall = [one for name in names if (one := _overall(name, tables)) is not None]
    return Comparison(
        sensors=jobs[0].sensors,
        timing=jobs[0].timing,
        seeds=tuple(sorted({job.seed for job in jobs})),
        maps=tables,
        overall=tuple(overall),
    )


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Plain data for `json.dumps`: every statistic, without NaN."""
    return {"format": "belisha evaluation 1", **_plain(dataclasses.asdict(comparison))}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


# --- one map ------------------------------------------------------------------------------


def _map_table(jobs: Sequence[Job], outcomes: Mapping[Job, Outcome]) -> MapTable:
    results: dict[str, dict[int, Outcome]] = {}
    for job in jobs:
        results.setdefault(job.controller, {})[job.seed] = outcomes[job]
    fixed = _finished(results.get("fixed", {}))
    fixed_left_veh = statistics.median(_left_veh(r) for r in fixed.values()) if fixed else None
    rows = [_row(name, by_seed, fixed_left_veh) for name, by_seed in results.items()]
    rows.sort(key=lambda row: row.yardstick)
    rows, floor_hidden = _without_false_floor(rows)
    scenario = jobs[0].scenario
    return MapTable(
        name=scenario.name,
        begin_s=scenario.begin_s,
        end_s=scenario.end_s,
        oversaturated=_oversaturated(fixed.values()),
        rows=tuple(_with_ranks(_with_ratios(rows))),
        floor_hidden=floor_hidden,
    )


def _finished(by_seed: Mapping[int, Outcome]) -> dict[int, RunResult]:
    return {seed: o for seed, o in sorted(by_seed.items()) if not isinstance(o, Failure)}


def _oversaturated(fixed: Iterable[RunResult]) -> bool | None:
    """What most seeds of the fixed plan say."""
    votes = [result.insertion_queue_grows for result in fixed]
    return 2 * sum(votes) > len(votes) if votes else None


def _left_veh(result: RunResult) -> int:
    return result.unfinished_veh + result.never_departed_veh


def _is_gridlock(result: RunResult, fixed_left_veh: float | None) -> bool:
    left_veh = _left_veh(result)
    too_many = (
        fixed_left_veh is not None
        and left_veh > GRIDLOCK_LEFT_FACTOR * fixed_left_veh
        and left_veh > GRIDLOCK_LEFT_VEH
    )
    return result.gridlock or too_many


def _row(name: str, by_seed: Mapping[int, Outcome], fixed_left_veh: float | None) -> Row:
    results = _finished(by_seed)
    failed = tuple((seed, o.reason) for seed, o in sorted(by_seed.items()) if isinstance(o, Failure))
    row = Row(name, name in YARDSTICKS, tuple(results), failed)
    if not results:
        return row
    every = results.values()
    return dataclasses.replace(
        row,
        delay_s=_spread({seed: r.delay_mean_s for seed, r in results.items()}),
        person_s=_spread({seed: r.person_seconds for seed, r in results.items()}),
        worst_wait_s=_spread({seed: r.worst_wait_s for seed, r in results.items()}),
        modes=_modes(results),
        stops_per_veh=statistics.fmean(r.stops_per_veh for r in every),
        left_veh=statistics.fmean(_left_veh(r) for r in every),
        # The all-green floor is no plan: cars drive through each other, standing means nothing.
        gridlocked=tuple(seed for seed, r in results.items() if _is_gridlock(r, fixed_left_veh)),
        promises_broken=_total(r.promises_broken for r in every),
        violations=_total(r.violations for r in every),
    )


def _total(counts: Iterable[int | None]) -> int | None:
    """The sum of what was counted; None when nothing was (SUMO's own programs promise nothing)."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _spread(by_seed: Mapping[int, float]) -> Spread:
    values = list(by_seed.values())
    return Spread(statistics.fmean(values), statistics.median(values), max(values), tuple(by_seed.items()))


def _modes(results: Mapping[int, RunResult]) -> dict[str, ModeSummary]:
    modes = {}
    for name in MODES:
        runs = {seed: r.modes[name] for seed, r in results.items() if name in r.modes and r.modes[name].trips}
        if runs:
            modes[name] = ModeSummary(
                trips=statistics.fmean(m.trips for m in runs.values()),
                mean_s=statistics.fmean(m.mean_s for m in runs.values()),
                p95_s=statistics.fmean(m.p95_s for m in runs.values()),
                worst_s=max(m.worst_s for m in runs.values()),
                worst_wait_s=max(m.worst_wait_s for m in runs.values()),
                by_seed=tuple((seed, m.mean_s) for seed, m in runs.items()),
            )
    return modes


def _without_false_floor(rows: Sequence[Row]) -> tuple[list[Row], bool]:
    """A floor above a controller is none: on a full street, all-green holds up everybody."""
    floor = next((row for row in rows if row.controller == "all-green"), None)
    if floor is None or floor.delay_s is None:
        return list(rows), False
    others = [row.delay_s.mean for row in rows if not row.yardstick and row.delay_s is not None]
    if others and floor.delay_s.mean >= min(others):
        return [row for row in rows if row is not floor], True
    return list(rows), False


def _with_ratios(rows: Sequence[Row]) -> list[Row]:
    base = [row for row in rows if row.controller in BASELINES]
    best_delay_s = min((row.delay_s.mean for row in base if row.delay_s is not None), default=0.0)
    best_person_s = min((row.person_s.mean for row in base if row.person_s is not None), default=0.0)
    return [
        dataclasses.replace(
            row,
            delay_ratio=row.delay_s.mean / best_delay_s
            if row.delay_s is not None and best_delay_s > 0
            else None,
            person_ratio=(
                row.person_s.mean / best_person_s if row.person_s is not None and best_person_s > 0 else None
            ),
        )
        for row in rows
    ]


def _with_ranks(rows: Sequence[Row]) -> list[Row]:
    """Competition ranks (1, 2, 2, 4) by mean person-hours as shown; only who finished every seed."""
    shown = {
        row.controller: round(row.person_s.mean / 3600, TIE_DIGITS)
        for row in rows
        if not row.yardstick and not row.failed and row.person_s is not None
    }
    ranked = []
    for row in rows:
        if (own := shown.get(row.controller)) is not None:
            better = sum(value < own for value in shown.values())
            tied = sum(value == own for value in shown.values()) > 1
            row = dataclasses.replace(row, rank=better + 1, tied=tied)
        ranked.append(row)
    return ranked


# --- all maps -----------------------------------------------------------------------------


def _overall(controller: str, tables: Sequence[MapTable]) -> Overall | None:
    pairs = [(table, row) for table in tables if (row := table.row(controller)) is not None]
    pairs = [(table, row) for table, row in pairs if row.rank is not None]
    if not pairs:
        return None
    rows = [row for _, row in pairs]
    delays = [row.delay_ratio for row in rows if row.delay_ratio is not None]
    persons = [row.person_ratio for row in rows if row.person_ratio is not None]
    waits = [
        row.worst_wait_s.worst
        for table, row in pairs
        if not table.oversaturated and row.worst_wait_s is not None
    ]
    return Overall(
        controller=controller,
        maps=len(rows),
        rank_mean=statistics.fmean(row.rank for row in rows if row.rank is not None),
        delay_ratio_mean=statistics.fmean(delays) if delays else None,
        delay_ratio_worst=max(delays, default=None),
        person_ratio_mean=statistics.fmean(persons) if persons else None,
        person_ratio_worst=max(persons, default=None),
        gridlock_share=sum(len(row.gridlocked) for row in rows) / sum(len(row.finished) for row in rows),
        worst_wait_s=max(waits, default=None),
        promises_broken=sum(row.promises_broken or 0 for row in rows),
        violations=sum(row.violations or 0 for row in rows),
    )
