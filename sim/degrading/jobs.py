"""Which runs degradation curves take, and where each is kept: one file a run, there whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller.policy import Policy
from sim.city.measuring.results import city_source_digest, scenario_digest
from sim.city.scenario import CityScenario, FaultKind, FaultPlan
from sim.sweep import source_digest, versions

FORMAT = "belisha degradation run 1"
ONSET_S = 600.0
"""Faults begin at minute ten, and the whole hour is measured (design 10.13)."""
SIMULATORS = ("city", "sumo")
PLAN = "fixed"
OURS = "adaptive"


class DegradeError(Exception):
    """Results that cannot be kept or read; the message is one line. Finished runs are kept."""


@dataclass(frozen=True, slots=True)
class DegradeJob:
    """One run: the fixed plan with sound detectors, or the adaptive controller with a share of them ill."""

    scenario: CityScenario
    simulator: str
    controller: str
    kind: FaultKind | None
    """None: nothing is ill beside what the scenario says."""
    share: float
    where: str
    onset_s: float
    seed: int
    policy: Policy

    def __str__(self) -> str:
        ill = f"{self.kind} {100 * self.share:.0f} %" if self.kind else "all sound"
        return f"{self.controller}, {ill}, seed {self.seed}"

    @property
    def faults(self) -> tuple[FaultPlan, ...]:
        """What breaks in this run."""
        own = self.scenario.faults
        if self.kind is None:
            return own
        return (*own, FaultPlan(self.kind, self.where, self.onset_s, share=self.share))


def plan_jobs(
    scenario: CityScenario,
    simulator: str,
    kinds: Sequence[FaultKind],
    shares: Sequence[float],
    seeds: Sequence[int],
    where: str = "all",
    onset_s: float = ONSET_S,
    policy: Policy | None = None,
) -> tuple[DegradeJob, ...]:
    """Every run of the curves; those of one seed follow each other, the fixed plan first.

    A share of nothing is the same run for every kind of fault, and is run once.
    """

    def job(controller: str, kind: FaultKind | None, share: float, seed: int) -> DegradeJob:
        chosen = policy or Policy()
        return DegradeJob(scenario, simulator, controller, kind, share, where, onset_s, seed, chosen)

    jobs = []
    for seed in seeds:
        jobs.append(job(PLAN, None, 0.0, seed))
        if 0.0 in shares:
            jobs.append(job(OURS, None, 0.0, seed))
        jobs += [job(OURS, kind, share, seed) for kind in kinds for share in shares if share > 0.0]
    return tuple(jobs)


class RunStore:
    """A folder with one JSON file a finished run. Raises DegradeError when it cannot be made or written.

    A file is named by what was run and by a digest of everything that decides it, sources included.
    """

    def __init__(self, folder: Path, simulator: str) -> None:
        self.folder = folder
        self.sources = city_source_digest() if simulator == "city" else source_digest()
        self._scenarios: dict[CityScenario, str] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DegradeError(f"{folder}: cannot keep results here: {error.strerror}") from None

    def path(self, job: DegradeJob) -> Path:
        """Where the run of `job` is kept."""
        if job.scenario not in self._scenarios:
            self._scenarios[job.scenario] = scenario_digest(job.scenario)
        decided_by = [
            self.sources, self._scenarios[job.scenario], job.simulator, job.controller, str(job.kind),
            job.share, job.where if job.kind else "", job.onset_s if job.kind else 0.0, job.seed,
            dataclasses.asdict(job.policy),
        ]  # fmt: skip
        digest = hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:12]
        ill = f"{job.kind}-{100 * job.share:g}" if job.kind else "sound"
        return self.folder / f"{job.controller}--{ill}--seed{job.seed}--{digest}.json"

    def load(self, job: DegradeJob) -> dict[str, Any] | None:
        """What the run gave if it is there; DegradeError when its file is not what we wrote."""
        path = self.path(job)
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["format"] != FORMAT:
                raise ValueError(f"format {record['format']!r}, expected {FORMAT!r}")
            return dict(record["run"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DegradeError(f"{path}: no run of ours ({error}); delete it to run again") from None

    def keep(self, job: DegradeJob, run: dict[str, Any]) -> None:
        """Write what a run gave so that after a crash it is there whole or not at all."""
        path = self.path(job)
        record = {
            "format": FORMAT,
            "job": str(job),
            "versions": versions(),
            "sources": self.sources,
            "run": run,
        }
        unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
        try:
            with unfinished.open("w", encoding="utf-8") as stream:
                json.dump(record, stream, indent=1, allow_nan=False)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise DegradeError(
                f"{path}: cannot be written: {error.strerror}; finished runs are kept"
            ) from None
