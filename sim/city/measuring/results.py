"""Where the runs of a sweep of the city are kept: one folder a run, there whole or not at all.

    OUT/CONTROLLER/experiment.json   everything that decides these runs, but the seed
    OUT/CONTROLLER/map.json          streets and districts, to draw them
    OUT/CONTROLLER/seed-7/run.json   what came out, and one file a table

All seeds of one folder are one experiment: what would mix two (another policy, scenario or version)
is refused with the difference named.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller.file_words import why_not
from controller.policy import Policy
from sim.city.measuring.run_files import MAP_FILE, RUN_FILE, ResultError, RunFiles, read_record
from sim.city.scenario import CityScenario, RunPlan
from sim.run_pool import Failure
from sim.sweep import source_digest, versions

EXPERIMENT_FORMAT = "belisha city experiment 1"
EXPERIMENT_FILE = "experiment.json"
_SHOWS_ONLY = tuple(
    f"sim/city/{name}.py"
    for name in (
        "cluster", "compare", "compare_commands", "compare_report", "report", "report_map", "results",
        "run_files", "simulate_commands", "sweep_summary", "time_plots",
    )
)  # fmt: skip
"""Files that choose what is run and show what came out, but cannot change a run."""


@dataclass(frozen=True, slots=True)
class CityJob:
    """One run: a scenario (its faults and hours with it) under one controller with one seed."""

    scenario: CityScenario
    controller: str
    policy: Policy
    seed: int

    def __str__(self) -> str:
        return f"{self.controller}, seed {self.seed}"


def city_source_digest() -> str:
    """Digest of every source that decides a run of the city, and of the versions underneath."""
    return source_digest(but=_SHOWS_ONLY)


def scenario_digest(scenario: CityScenario) -> str:
    """Digest of what a scenario says and of the files it names; not of where they lie."""
    plain = dataclasses.asdict(dataclasses.replace(scenario, file=""))
    plan = scenario.sumo
    files = () if plan is None else (plan.net, *plan.routes, *plan.additional)
    if files:
        plain["sumo"] = [len(plan.routes), len(plan.additional)] if plan else None
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode())
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _streets_and_people(scenario: CityScenario) -> CityScenario:
    """The scenario without what breaks and what the controller sees: the same streets, people and hours."""
    run = RunPlan(begin_s=scenario.run.begin_s, end_s=scenario.run.end_s)
    return dataclasses.replace(scenario, name="", faults=(), run=run)


def experiment_of(job: CityJob, sources: str) -> dict[str, Any]:
    """Everything but the seed that decides what comes out of a job, as plain data."""
    plain = json.loads(json.dumps(dataclasses.asdict(job.scenario), default=str))
    return {
        "format": EXPERIMENT_FORMAT,
        "scenario": job.scenario.name,
        "scenario digest": scenario_digest(job.scenario),
        "streets and people": scenario_digest(_streets_and_people(job.scenario)),
        "controller": job.controller,
        "policy": dataclasses.asdict(job.policy),
        "hours": [job.scenario.run.begin_s, job.scenario.run.end_s],
        "sensors": str(job.scenario.run.sensors),
        "faults": plain["faults"],
        "versions": versions(),
        "sources": sources,
    }


class CityStore:
    """The folder OUT of a sweep. Raises ResultError when it cannot be made or written.

    `again` lets runs of another experiment be replaced instead of refused.
    """

    def __init__(self, out: Path, again: bool = False) -> None:
        self.out = out
        self.sources = city_source_digest()
        self._again = again
        self._known: dict[tuple[CityScenario, str, Policy], dict[str, Any]] = {}
        with _refusing(out):
            out.mkdir(parents=True, exist_ok=True)

    def folder(self, job: CityJob) -> Path:
        """The folder of all seeds of the job's controller."""
        return self.out / job.controller

    def path(self, job: CityJob) -> Path:
        """Where the run of `job` is kept."""
        return self.folder(job) / f"seed-{job.seed}"

    def experiment(self, job: CityJob) -> dict[str, Any]:
        """What decides the job, worked out once."""
        key = (job.scenario, job.controller, job.policy)
        if key not in self._known:
            self._known[key] = experiment_of(job, self.sources)
        return self._known[key]

    def open(self, job: CityJob, street_map: bytes) -> None:
        """Make the controller's folder for this experiment, or find that it is already.

        Raises ResultError naming what differs when the folder holds another experiment.
        """
        folder, wanted = self.folder(job), self.experiment(job)
        path = folder / EXPERIMENT_FILE
        if path.exists():
            found = read_experiment(folder)
            differ = [key for key in wanted if found.get(key) != wanted[key]]
            if not differ:
                return
            if not self._again and any(folder.glob(f"seed-*/{RUN_FILE}")):
                raise ResultError(
                    f"{folder}: holds runs of another experiment (different {', '.join(differ)}); "
                    "choose another --out, or --again to replace them"
                )
            for old in folder.glob("seed-*"):
                shutil.rmtree(old, ignore_errors=True)
        with _refusing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _write_whole(folder / MAP_FILE, street_map)
            _write_whole(path, json.dumps(wanted, indent=1).encode())

    def load(self, job: CityJob) -> dict[str, Any] | None:
        """The record of the job's run if it is there; ResultError when its file is not what we wrote."""
        try:
            return read_record(self.path(job))
        except FileNotFoundError:
            return None

    def keep(self, job: CityJob, files: RunFiles) -> dict[str, Any]:
        """Write a run's folder so that after a crash it is there whole or not at all; its record."""
        path = self.path(job)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
        try:
            with _refusing(path):
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir(parents=True)
                for name, content in files.items():
                    _write_synced(unfinished / name, content)
                shutil.rmtree(path, ignore_errors=True)
                unfinished.rename(path)
                path.with_name(f"{path.name}.failed.txt").unlink(missing_ok=True)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return read_record(path)

    def keep_trace(self, job: CityJob, failure: Failure) -> None:
        """Leave the story of a mistake of ours beside the results, for whoever repairs it."""
        if failure.trace:
            path = self.path(job)
            with contextlib.suppress(OSError):
                path.with_name(f"{path.name}.failed.txt").write_text(failure.trace, encoding="utf-8")


def read_experiment(folder: Path) -> dict[str, Any]:
    """What decides the runs in `folder`. Raises ResultError."""
    path = folder / EXPERIMENT_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != EXPERIMENT_FORMAT:
            raise ValueError(f"format {record['format']!r}, expected {EXPERIMENT_FORMAT!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(f"{path}: no experiment of ours ({why_not(error)})") from error
    return dict(record)


@contextlib.contextmanager
def _refusing(place: Path) -> Iterator[None]:
    """Whatever the disk refuses becomes one line."""
    try:
        yield
    except OSError as error:
        raise ResultError(f"{place}: cannot be written: {why_not(error)}; finished runs are kept") from error


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _write_whole(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        _write_synced(unfinished, content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


# --- reading what a sweep has left ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Experiment:
    """All runs of one folder: what decided them, and their records by seed."""

    folder: Path
    decided_by: Mapping[str, Any]
    runs: Mapping[int, Mapping[str, Any]]
    """Seed to what `run.json` says, its measures as CityMeasures."""

    @property
    def title(self) -> str:
        """What people call it: the controller, and its folder where that says more."""
        controller = str(self.decided_by["controller"])
        return controller if self.folder.name == controller else f"{controller} ({self.folder.name})"

    def only(self, seeds: Collection[int]) -> Experiment:
        """The same with these seeds alone; others may lie in the folder from sweeps before."""
        return dataclasses.replace(self, runs={s: run for s, run in self.runs.items() if s in seeds})

    def run_folder(self, seed: int) -> Path:
        """Where the tables of a seed lie."""
        return self.folder / f"seed-{seed}"


def open_experiment(folder: Path) -> Experiment:
    """The experiment in `folder`, or the only one below it; of a run's folder, that run alone.

    Raises ResultError naming the experiments there are.
    """
    if (folder / RUN_FILE).exists():
        return open_experiment(folder.parent).only([int(read_record(folder)["seed"])])
    if not (folder / EXPERIMENT_FILE).exists():
        below = sorted(path.parent for path in folder.glob(f"*/{EXPERIMENT_FILE}"))
        if len(below) != 1:
            what = (
                f"name one of {', '.join(map(str, below))}" if below else "no results of a simulation there"
            )
            raise ResultError(f"{folder}: {what}")
        folder = below[0]
    runs: dict[int, dict[str, Any]] = {}
    for path in folder.glob(f"seed-*/{RUN_FILE}"):
        record = read_record(path.parent)
        runs[int(record["seed"])] = record
    if not runs:
        raise ResultError(f"{folder}: no finished run there")
    return Experiment(folder, read_experiment(folder), dict(sorted(runs.items())))
