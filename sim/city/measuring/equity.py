"""The equity ledger: who waits how long, by where people live and how they travel.

Time lost is counted in seconds a person and trip, so that a bus of thirty weighs thirty times a
car with one. A district is compared only when enough people of it travelled; the worst-to-best
ratio says how much longer the people of the worst district lose than those of the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.city.measuring.trip_table import PASSENGER, TRIP_MODES, Table

PEOPLE_MIN = 30.0
"""Districts with fewer people in a mode stand in the ledger, but in no ratio."""
RATIO_FLOOR_S = 1.0
"""Below a second nobody feels a difference: a best district counts as at least this."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What people of one district lost in one mode; `mode` `all` is all of them."""

    district: str
    mode: str
    people: float
    trips: int
    mean_s: float
    p50_s: float
    p95_s: float
    worst_s: float
    """Largest loss of one trip."""
    worst_wait_s: float
    """Longest uninterrupted standing."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """The worst against the best district in one mode."""

    mode: str
    worst_district: str
    worst_s: float
    best_district: str
    best_s: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every entry, a ratio for each mode with two districts to compare, and the spread over people."""

    entries: tuple[Entry, ...]
    ratios: tuple[Ratio, ...]
    gini: float
    """Of time lost over all people, 0 = everybody the same."""

    def entry(self, district: str, mode: str) -> Entry | None:
        """The entry of a district and mode, if anybody travelled so."""
        return next((e for e in self.entries if (e.district, e.mode) == (district, mode)), None)


def weighted_quantile(values: NDArray[np.float64], weights: NDArray[np.float64], part: float) -> float:
    """The smallest value below or at which at least `part` of the weight lies; 0 for nobody."""
    if not len(values) or weights.sum() <= 0:
        return 0.0
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    at = int(np.searchsorted(reached, part * reached[-1] * (1 - 1e-12)))
    return float(values[order[min(at, len(order) - 1)]])


def gini(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Gini coefficient of what weighted people lose: half the mean difference over the mean.

    From the area under the Lorenz curve by trapezoids, exact for weighted samples.
    """
    order = np.argsort(values, kind="stable")
    people, lost = np.cumsum(weights[order]), np.cumsum((values * weights)[order])
    if not len(people) or people[-1] <= 0 or lost[-1] <= 0:
        return 0.0
    share = np.concatenate([[0.0], lost / lost[-1]])
    width = np.diff(np.concatenate([[0.0], people / people[-1]]))
    return float(max(0.0, 1.0 - ((share[1:] + share[:-1]) * width).sum()))


def entry_of(district: str, mode: str, trips: Table, rows: NDArray[np.bool_]) -> Entry:
    """Sum up the trips of `rows`, each counted by its people.

    Waiting for a bus that is not due yet is no standing in traffic: it counts in its own mode alone.
    """
    lost_s, people = trips["lost_s"][rows], trips["persons"][rows]
    stood = rows & (trips["mode"] != PASSENGER) if mode == "all" else rows
    total = float(people.sum())
    return Entry(
        district=district,
        mode=mode,
        people=total,
        trips=int(rows.sum()),
        mean_s=float((lost_s * people).sum()) / total if total > 0 else 0.0,
        p50_s=weighted_quantile(lost_s, people, 0.50),
        p95_s=weighted_quantile(lost_s, people, 0.95),
        worst_s=float(lost_s.max(initial=0.0)),
        worst_wait_s=float(trips["worst_wait_s"][stood].max(initial=0.0)),
    )


def ledger(trips: Table, districts: Sequence[str], people_min: float = PEOPLE_MIN) -> Ledger:
    """The ledger of one run, by home district; trips from nowhere known are under no district."""
    entries = []
    counted = trips["persons"] > 0
    for d, district in enumerate(districts):
        at_home = counted & (trips["home_district"] == d)
        if not at_home.any():
            continue
        entries.append(entry_of(district, "all", trips, at_home))
        for number, mode in enumerate(TRIP_MODES):
            rows = at_home & (trips["mode"] == number)
            if rows.any():
                entries.append(entry_of(district, mode, trips, rows))
    return Ledger(
        entries=tuple(entries),
        ratios=tuple(ratios(entries, people_min)),
        gini=gini(trips["lost_s"][counted], trips["persons"][counted]),
    )


def ratios(entries: Sequence[Entry], people_min: float = PEOPLE_MIN) -> list[Ratio]:
    """Worst against best district, for each mode in which two districts have enough people."""
    found = []
    for mode in ("all", *TRIP_MODES):
        enough = [e for e in entries if e.mode == mode and e.people >= people_min]
        if len(enough) < 2:
            continue
        worst = max(enough, key=lambda e: e.mean_s)
        best = min(enough, key=lambda e: e.mean_s)
        ratio = max(worst.mean_s, RATIO_FLOOR_S) / max(best.mean_s, RATIO_FLOOR_S)
        found.append(Ratio(mode, worst.district, worst.mean_s, best.district, best.mean_s, ratio))
    return found
