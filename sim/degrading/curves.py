"""The runs set beside the fixed plan of the same place and seed: times its wait, and where that is too long.

Every figure is the median over seeds of pairs: the same people on the same streets, once under the fixed
plan with nothing but its clock, once under the adaptive controller with a share of its detectors ill.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.degrading.jobs import OURS, PLAN, DegradeJob
from sim.run_pool import Failure

FOUND_SOON_S = 60.0
LIMIT_FOUND, LIMIT_UNFOUND, LIMIT_DISTRICT = 1.05, 1.10, 1.10
"""Of the fixed plan's wait: where half of the ill are found out within a minute, else, for a district."""
EVERYBODY = "everybody"
DISTRICT = "district "
MODE_WORDS = {"car": "by car", "bus": "buses", "walk": "on foot"}
TOO_FEW_TO_TELL_S = 0.5
"""A wait that differs by less than this is the same to everybody."""


@dataclass(frozen=True, slots=True)
class Point:
    """One share of one kind: how long whom, beside the plan. Medians over `seeds`; times, and seconds."""

    kind: str
    share: float
    seeds: int
    times: Mapping[str, float]
    """`everybody`, a mode or `district NAME` → times the fixed plan's wait."""
    wait_s: Mapping[str, float]
    by_seed: tuple[tuple[int, float], ...]
    """(seed, times) of everybody."""
    found_s: float | None
    """By then half of the ill were found out; None = in most runs fewer ever were."""
    lowest_rung: int
    gridlocks: int

    @property
    def limit(self) -> float:
        """What everybody's wait may be, times the plan's."""
        soon = self.share == 0.0 or (self.found_s is not None and self.found_s <= FOUND_SOON_S)
        return LIMIT_FOUND if soon else LIMIT_UNFOUND

    def exceeds(self, whom: str) -> bool:
        """Whether these wait longer than allowed."""
        plan_s = self.wait_s[whom] / self.times[whom] if self.times[whom] else 0.0
        limit = self.limit if whom == EVERYBODY else max(self.limit, LIMIT_DISTRICT)
        return self.times[whom] > limit and self.wait_s[whom] - plan_s > TOO_FEW_TO_TELL_S


@dataclass(frozen=True, slots=True)
class Curves:
    """All points, and the plan they are set against."""

    place: str
    simulator: str
    where: str
    kinds: tuple[str, ...]
    shares: tuple[float, ...]
    seeds: tuple[int, ...]
    plan_s: Mapping[str, float]
    points: tuple[Point, ...]
    missing: tuple[str, ...]
    """Runs that gave nothing, and why."""

    def of(self, kind: str) -> list[Point]:
        """The points of one kind, by share."""
        return [point for point in self.points if point.kind == kind]

    @property
    def whom(self) -> list[str]:
        """Everybody, then modes, then districts, as far as they were there."""
        return list(dict.fromkeys(name for point in self.points for name in point.times))


def curves(jobs: Sequence[DegradeJob], runs: Mapping[DegradeJob, Mapping[str, Any] | Failure]) -> Curves:
    """Pair what the runs gave, as `plan_jobs` planned them. A pair of which one run failed is left out."""
    first = jobs[0]
    good = {job: run for job, run in runs.items() if not isinstance(run, Failure)}
    plans = {job.seed: run for job, run in good.items() if job.controller == PLAN}
    kinds = list(dict.fromkeys(str(job.kind) for job in jobs if job.kind))
    shares = sorted({job.share for job in jobs if job.controller == OURS})
    points = []
    for kind in kinds:
        for share in shares:
            pairs = [
                (job.seed, run, plans[job.seed])
                for job, run in good.items()
                if job.controller == OURS and job.share == share and job.seed in plans
                and (share == 0.0 or str(job.kind) == kind)
            ]  # fmt: skip
            if pairs:
                points.append(_point(kind, share, pairs))
    return Curves(
        place=first.scenario.name,
        simulator=first.simulator,
        where=first.where,
        kinds=tuple(kinds),
        shares=tuple(shares),
        seeds=tuple(dict.fromkeys(job.seed for job in jobs)),
        plan_s={name: statistics.median(waits) for name, waits in _gather(list(plans.values())).items()},
        points=tuple(points),
        missing=tuple(f"{job}: {run.reason}" for job, run in runs.items() if isinstance(run, Failure)),
    )


def waits_of(run: Mapping[str, Any]) -> dict[str, float]:
    """Seconds lost by everybody, by mode, and at the signals of each district."""
    waits = {EVERYBODY: float(run["people_s"])}
    waits |= {name: float(run["modes_s"][name]) for name in MODE_WORDS if name in run["modes_s"]}
    return waits | {DISTRICT + name: float(s) for name, s in run["districts_s"].items()}


def _gather(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    gathered: dict[str, list[float]] = {}
    for run in runs:
        for name, wait_s in waits_of(run).items():
            gathered.setdefault(name, []).append(wait_s)
    return gathered


def _point(
    kind: str, share: float, pairs: Sequence[tuple[int, Mapping[str, Any], Mapping[str, Any]]]
) -> Point:
    times: dict[str, list[float]] = {}
    by_seed = []
    for seed, run, plan in pairs:
        ours, theirs = waits_of(run), waits_of(plan)
        for name in ours:
            if theirs.get(name, 0.0) > 0.0:
                times.setdefault(name, []).append(ours[name] / theirs[name])
        by_seed.append((seed, times[EVERYBODY][-1] if EVERYBODY in times else 0.0))
    waits = _gather([run for _, run, _ in pairs])
    found = [run["found_s"] for _, run, _ in pairs]
    known = sorted(s for s in found if s is not None)
    return Point(
        kind=kind,
        share=share,
        seeds=len(pairs),
        times={name: statistics.median(values) for name, values in times.items()},
        wait_s={name: statistics.median(waits[name]) for name in times},
        by_seed=tuple(by_seed),
        found_s=known[(len(found) - 1) // 2] if (len(found) - 1) // 2 < len(known) else None,
        lowest_rung=max(int(run["lowest_rung"] or 0) for _, run, _ in pairs),
        gridlocks=sum(bool(run["gridlock"]) for _, run, _ in pairs),
    )


# --- in words ----------------------------------------------------------------------------------


def name_of(whom: str) -> str:
    """`everybody`, `by car`, `district edge`."""
    return MODE_WORDS.get(whom, whom)


def verdict(found: Curves) -> list[str]:
    """Plain sentences: whether, and where, people wait longer than the fixed plan allows."""
    too_long = [p for p in found.points if p.share > 0.0 and EVERYBODY in p.times and p.exceeds(EVERYBODY)]
    said = []
    worst = max(
        (p for p in found.points if EVERYBODY in p.times), key=lambda p: p.times[EVERYBODY], default=None
    )
    if worst is None:
        return ["Nothing to compare: no pair of runs was finished."]
    if not too_long:
        said.append(
            f"Under every share and kind of failure people wait at most {worst.times[EVERYBODY]:.2f} times "
            f"as long as under the fixed plan (worst: {worst.kind}, {100 * worst.share:.0f} %)."
        )
    for point in too_long:
        when = (
            f"half of them found out after {point.found_s:.0f} s" if point.found_s is not None
            else "most of them never found out"
        )  # fmt: skip
        said.append(
            f"TOO LONG: {point.kind}, {100 * point.share:.0f} % ill: {point.times[EVERYBODY]:.2f} times the "
            f"fixed plan's wait; {point.limit:.2f} is allowed ({when})."
        )
    districts = []
    for whom in found.whom[1:]:
        longer = [p for p in found.points if whom in p.times and p.exceeds(whom)]
        if not longer:
            continue
        most = max(longer, key=lambda p: p.times[whom])
        if whom.startswith(DISTRICT):
            districts.append(f"{whom.removeprefix(DISTRICT)} {most.times[whom]:.2f} ({_places([most])})")
        else:
            said.append(
                f"Longer than under the fixed plan, {name_of(whom)}: {_places(longer)}; at most "
                f"{most.times[whom]:.2f} times ({most.wait_s[whom]:.0f} s)."
            )
    if districts:
        said.append(f"Longer than under the fixed plan, at signals of districts: {', '.join(districts)}.")
    return said


def _places(points: Sequence[Point]) -> str:
    by_kind: dict[str, list[str]] = {}
    for point in points:
        by_kind.setdefault(point.kind, []).append(f"{100 * point.share:.0f}")
    return ", ".join(f"{kind} {'/'.join(shares)} %" for kind, shares in by_kind.items())


def to_json(found: Curves) -> dict[str, Any]:
    """Everything as plain data for scripts."""
    return {
        "format": "belisha degradation 1",
        "place": found.place,
        "simulator": found.simulator,
        "where": found.where,
        "seeds": list(found.seeds),
        "fixed_plan_s": dict(found.plan_s),
        "points": [
            {
                "kind": p.kind, "share": p.share, "seeds": p.seeds, "times_the_plan": dict(p.times),
                "wait_s": dict(p.wait_s), "by_seed": [list(one) for one in p.by_seed], "found_s": p.found_s,
                "limit": p.limit, "exceeds": [whom for whom in p.times if p.exceeds(whom)],
                "lowest_rung": p.lowest_rung, "gridlocks": p.gridlocks,
            }
            for p in found.points
        ],
        "verdict": verdict(found),
        "failed": list(found.missing),
    }  # fmt: skip
