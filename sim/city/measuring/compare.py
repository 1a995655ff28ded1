"""Two policies or controllers on the same city: who gains, who loses, and how sure that is.

The same seed brings the same people on the same trips, so each trip is set against itself. What
is said of a group rests on the runs: a change counts as sure only when every run agrees on
its direction, and the number of runs stands beside it.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.city.measuring.equity import PEOPLE_MIN
from sim.city.measuring.measures import CityMeasures
from sim.city.measuring.results import Experiment, open_experiment
from sim.city.measuring.run_files import ResultError, read_table
from sim.city.measuring.trip_table import PASSENGER, TRIP_MODES, Table

SAME_S = 0.5
"""A mean change below half a second a person is called none."""
FELT_S = 5.0
"""A person counts as gaining or losing from here on."""
_T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
    2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045,
)  # fmt: skip
"""97.5 % points of Student's t for 1 to 29 degrees of freedom (any table); beyond, the normal's 1.960."""


@dataclass(frozen=True, slots=True)
class Change:
    """One number under A and under B, and their difference B - A over paired runs."""

    before: float
    after: float
    by_seed: tuple[tuple[int, float], ...]
    """(seed, B - A)."""

    @property
    def mean(self) -> float:
        """Mean difference."""
        return statistics.fmean(value for _, value in self.by_seed)

    @property
    def fewer_in(self) -> int:
        """Runs in which B is lower."""
        return sum(value < 0 for _, value in self.by_seed)

    @property
    def more_in(self) -> int:
        """Runs in which B is higher."""
        return sum(value > 0 for _, value in self.by_seed)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the mean difference (Student's t, paired by seed); None for one run."""
        n = len(self.by_seed)
        if n < 2:
            return None
        t = _T_975[n - 2] if n - 2 < len(_T_975) else 1.960
        half = t * statistics.stdev(value for _, value in self.by_seed) / math.sqrt(n)
        return self.mean - half, self.mean + half

    def verdict(self, same: float = SAME_S) -> str:
        """`same`, `better`, `worse` (every run agrees that B is lower, higher) or `unsure`."""
        if abs(self.mean) < same:
            return "same"
        agree = self.fewer_in if self.mean < 0 else self.more_in
        if agree < len(self.by_seed):
            return "unsure"
        return "better" if self.mean < 0 else "worse"

    def words(self) -> str:
        """How sure it is, for people: `in 5 of 5 runs`."""
        n = len(self.by_seed)
        agree = self.fewer_in if self.mean < 0 else self.more_in
        return "in the only run" if n == 1 else f"in {agree} of {n} runs"


@dataclass(frozen=True, slots=True)
class Group:
    """People of one district (`all`: of the city) travelling in one mode (`all`: in any)."""

    district: str
    mode: str
    people: float
    """A run."""
    seconds: Change
    """Time lost a person."""
    worst_wait_s: tuple[float, float]
    """Longest standing of anybody in any run, under A and B."""

    @property
    def few(self) -> bool:
        """Too few people for a statement of their own."""
        return self.people < PEOPLE_MIN


@dataclass(frozen=True, slots=True)
class People:
    """How single trips fared, shares of people over all runs (0-1)."""

    gain_share: float
    lose_share: float
    gain_mean_s: float
    """Of those who gain, how much a person."""
    lose_mean_s: float
    hardest_s: float
    """95 % of all people lose no more than this against A (negative: they gain)."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """Something besides time: promises, crossing on red, buses."""

    name: str
    unit: str
    change: Change
    lower_is_better: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """B against A."""

    title_a: str
    title_b: str
    scenario: str
    seeds: tuple[int, ...]
    differ: tuple[str, ...]
    """What was different about the two experiments."""
    everybody: Group
    groups: tuple[Group, ...]
    """Every district and mode, those that lose most first."""
    people: People
    indicators: tuple[Indicator, ...]

    def of(self, verdict: str) -> tuple[Group, ...]:
        """Groups of a district and a mode with this verdict and enough people, largest change first."""
        found = [g for g in self.groups if g.seconds.verdict() == verdict and not g.few]
        found = [g for g in found if g.district != "all" and g.mode != "all"]
        return tuple(sorted(found, key=lambda g: -abs(g.seconds.mean)))


def compare(a: Path, b: Path) -> Comparison:
    """Compare two folders of results. Raises ResultError when they cannot be set against each other."""
    return compare_experiments(open_experiment(a), open_experiment(b))


def compare_experiments(a: Experiment, b: Experiment) -> Comparison:
    """The same for experiments already open."""
    seeds = _common_seeds(a, b)
    districts = tuple(a.runs[seeds[0]]["districts"])
    pairs = {seed: _paired(a, b, seed) for seed in seeds}
    groups = [
        group
        for d, district in [(-1, "all"), *enumerate(districts)]
        for m, mode in [(-1, "all"), *enumerate(TRIP_MODES)]
        if (group := _group(pairs, d, district, m, mode)) is not None
    ]
    everybody = next((g for g in groups if (g.district, g.mode) == ("all", "all")), None)
    if everybody is None:
        raise ResultError(f"{a.folder} and {b.folder}: nobody travelled in both")
    rest = sorted((g for g in groups if g is not everybody), key=lambda g: -g.seconds.mean)
    differ = [key for key in a.decided_by if a.decided_by[key] != b.decided_by.get(key)]
    return Comparison(
        title_a=_title(a, b),
        title_b=_title(b, a),
        scenario=str(a.decided_by["scenario"]),
        seeds=seeds,
        differ=tuple(differ),
        everybody=everybody,
        groups=tuple(rest),
        people=_people(list(pairs.values())),
        indicators=tuple(_indicators(a, b, seeds)),
    )


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Plain data for `json.dumps`; every difference with its verdict and interval."""
    plain = dataclasses.asdict(comparison)
    for told, group in zip([plain["everybody"], *plain["groups"]],
                           [comparison.everybody, *comparison.groups], strict=True):  # fmt: skip
        told["seconds"] |= _said(group.seconds)
    for told, indicator in zip(plain["indicators"], comparison.indicators, strict=True):
        told["change"] |= {k: v for k, v in _said(indicator.change).items() if k != "verdict"}
    return {"format": "belisha comparison 1", **plain}


def _said(change: Change) -> dict[str, Any]:
    return {
        "mean": change.mean,
        "interval": change.interval,
        "verdict": change.verdict(),
        "words": change.words(),
    }


def _title(one: Experiment, other: Experiment) -> str:
    """The controller; the folder too where both have the same."""
    name = str(one.decided_by["controller"])
    if name != other.decided_by["controller"]:
        return name
    return f"{name} ({one.folder.parent.name or one.folder.name})"


def _common_seeds(a: Experiment, b: Experiment) -> tuple[int, ...]:
    for key, what in (("streets and people", "scenario"), ("hours", "hours")):
        if a.decided_by[key] != b.decided_by[key]:
            raise ResultError(
                f"{a.folder} and {b.folder}: different {what} ({a.decided_by['scenario']} and "
                f"{b.decided_by['scenario']}); only the same people on the same streets can be compared"
            )
    seeds = tuple(sorted(set(a.runs) & set(b.runs)))
    if not seeds:
        raise ResultError(
            f"{a.folder} and {b.folder}: no seed was run in both "
            f"({', '.join(map(str, a.runs))} and {', '.join(map(str, b.runs))})"
        )
    return seeds


@dataclass(frozen=True, slots=True)
class _Pair:
    """Trips of one seed that are in both runs, row by row."""

    mode: NDArray[np.int8]
    home: NDArray[np.int64]
    people: NDArray[np.float64]
    a_s: NDArray[np.float64]
    b_s: NDArray[np.float64]
    wait_a_s: NDArray[np.float64]
    wait_b_s: NDArray[np.float64]


def _paired(a: Experiment, b: Experiment, seed: int) -> _Pair:
    left, right = read_table(a.run_folder(seed), "trips"), read_table(b.run_folder(seed), "trips")
    key_a, key_b = _keys(left), _keys(right)
    _, i, j = np.intersect1d(key_a, key_b, return_indices=True)
    return _Pair(
        mode=left["mode"][i],
        home=left["home_district"][i],
        people=left["persons"][i],
        a_s=left["lost_s"][i],
        b_s=right["lost_s"][j],
        wait_a_s=left["worst_wait_s"][i],
        wait_b_s=right["worst_wait_s"][j],
    )


def _keys(trips: Table) -> NDArray[np.str_]:
    """A vehicle and a person may have the same name."""
    return np.char.add(np.char.add(trips["mode"].astype(np.str_), " "), trips["id"])


def _group(pairs: Mapping[int, _Pair], d: int, district: str, m: int, mode: str) -> Group | None:
    by_seed, before, after, people, waits = [], [], [], [], []
    for seed, pair in pairs.items():
        rows = pair.people > 0
        rows &= (pair.home == d) if d >= 0 else True
        rows &= (pair.mode == m) if m >= 0 else True
        weight = pair.people[rows]
        if not weight.sum():
            continue
        a_s = float((pair.a_s[rows] * weight).sum() / weight.sum())
        b_s = float((pair.b_s[rows] * weight).sum() / weight.sum())
        by_seed.append((seed, b_s - a_s))
        before.append(a_s)
        after.append(b_s)
        people.append(float(weight.sum()))
        # Waiting for a bus that is not due yet is no standing in traffic.
        stood = rows & (pair.mode != PASSENGER) if m < 0 else rows
        waits.append((float(pair.wait_a_s[stood].max(initial=0)), float(pair.wait_b_s[stood].max(initial=0))))
    if not by_seed:
        return None
    return Group(
        district=district,
        mode=mode,
        people=statistics.fmean(people),
        seconds=Change(statistics.fmean(before), statistics.fmean(after), tuple(by_seed)),
        worst_wait_s=(max(w[0] for w in waits), max(w[1] for w in waits)),
    )


def _people(pairs: Sequence[_Pair]) -> People:
    from sim.city.measuring.equity import weighted_quantile

    change_s = np.concatenate([pair.b_s - pair.a_s for pair in pairs])
    people = np.concatenate([pair.people for pair in pairs])
    gain, lose = change_s <= -FELT_S, change_s >= FELT_S
    total = float(people.sum())

    def mean_s(rows: NDArray[np.bool_]) -> float:
        weight = float(people[rows].sum())
        return float((change_s[rows] * people[rows]).sum()) / weight if weight else 0.0

    return People(
        gain_share=float(people[gain].sum()) / total,
        lose_share=float(people[lose].sum()) / total,
        gain_mean_s=-mean_s(gain),
        lose_mean_s=mean_s(lose),
        hardest_s=weighted_quantile(change_s, people, 0.95),
    )


_INDICATORS: tuple[tuple[str, str, bool, Callable[[CityMeasures], float | None]], ...] = (
    ("Worst district against best (time lost)", "times", True,
     lambda run: next((r.ratio for r in run.ledger.ratios if r.mode == "all"), None)),
    ("People on foot served within the promise", "%", False,
     lambda run: _percent(run.promises.people_kept_share)),
    ("Calls answered within the promise", "%", False, lambda run: _percent(run.promises.calls_kept_share)),
    ("People who crossed on red", "per 1,000", True, lambda run: run.on_red.per_1000),
    ("Longest anybody stood", "s", True, lambda run: run.all_people.worst_wait_s),
    ("Mean lateness of buses at stops", "s", True, lambda run: run.buses.late_mean_s if run.buses else None),
    ("Buses on time", "%", False, lambda run: _percent(run.buses.on_time_share) if run.buses else None),
    ("Unevenness of gaps between buses", "of mean", True,
     lambda run: run.buses.headway_cv if run.buses else None),
    ("Streets full to their beginning", "street-min", True, lambda run: run.flow.full_street_s / 60),
    ("Longest queue to enter the city", "veh", True, lambda run: float(run.flow.entry_queue_max_veh)),
)  # fmt: skip


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _indicators(a: Experiment, b: Experiment, seeds: Sequence[int]) -> list[Indicator]:
    found = []
    for name, unit, lower_is_better, pick in _INDICATORS:
        pairs = [(seed, pick(a.runs[seed]["measures"]), pick(b.runs[seed]["measures"])) for seed in seeds]
        known = [(seed, x, y) for seed, x, y in pairs if x is not None and y is not None]
        if known:
            change = Change(
                statistics.fmean(x for _, x, _ in known),
                statistics.fmean(y for _, _, y in known),
                tuple((seed, y - x) for seed, x, y in known),
            )
            found.append(Indicator(name, unit, change, lower_is_better))
    return found
