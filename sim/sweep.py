"""Many runs in processes side by side, each kept as one file, so that a sweep can go on.

Every run has a process of its own: libsumo holds one simulation a process, a crash takes
nothing else with it, and a run cannot see what ran before it. A run's file is named by what
was run and by a digest of everything that decides its outcome: the product's sources, the
versions underneath, the inputs. A second sweep reads the file instead of running again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from controller.file_words import why_not
from sim.measures import RunResult
from sim.run_pool import Failure, Progress, run_in_processes
from sim.scenarios import Scenario

FORMAT = "belisha run 1"
_SOURCES = Path(__file__).resolve().parent.parent
_PARTS = ("controller", "override", "sim")
_SHOWS_ONLY = (
    "commands demo evaluate evaluate_commands glossary plots report run_pool scenarios side_by_side sweep"
)
_DECIDES_NOTHING = frozenset(f"sim/{name}.py" for name in _SHOWS_ONLY.split())
"""Files that choose what is run and show what came out, but cannot change a run."""
_OF_THE_CITY = ("sim/city/",)
"""The city of our own, which no run in SUMO sees."""
_UNDERNEATH = ("eclipse-sumo", "libsumo", "numba", "numpy")


class SweepError(Exception):
    """The results store cannot be used; the message is one line. Finished runs are kept."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run: a scenario under one controller or yardstick with one seed."""

    scenario: Scenario
    controller: str
    """A name of `controller.vocabulary.CONTROLLERS` or of `sim.yardsticks.YARDSTICKS`."""
    sensors: str
    timing: str
    seed: int

    def __str__(self) -> str:
        return f"{self.scenario.name}, {self.controller}, seed {self.seed}"


Outcome = RunResult | Failure
Runner = Callable[[Job, Progress], RunResult]
"""Runs a job in a process of its own; must be importable there by its name."""
OnStep = Callable[[Job, float], None]
"""Called with a job and the part of it that is done; 1.0 once when it has ended, well or not."""


# --- what decides an outcome --------------------------------------------------------------


def source_digest(but: tuple[str, ...] = _OF_THE_CITY) -> str:
    """Digest of the product's own sources that decide a run, and of the versions underneath.

    Sources whose path begins with one of `but` decide nothing there. Not git's digest: it must
    hold for an installed wheel and for a changed working copy alike.
    """
    digest = hashlib.sha256()
    for part in _PARTS:
        for path in sorted((_SOURCES / part).rglob("*.py")):
            name = path.relative_to(_SOURCES).as_posix()
            if name not in _DECIDES_NOTHING and not name.startswith(but):
                digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    for name, version in versions().items():
        digest.update(f"{name}={version}\0".encode())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Versions of what a run stands on; `none` for what is not installed."""
    found = {"python": platform.python_version()}
    for name in _UNDERNEATH:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def input_digest(scenario: Scenario) -> str:
    """Digest of the scenario's files and window."""
    digest = hashlib.sha256(f"{scenario.begin_s}-{scenario.end_s}\0".encode())
    for path in (scenario.net, *scenario.routes):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class SimulatedTime:
    """How many simulated seconds of a sweep are done, for a progress bar."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.total_s = sum(job.scenario.duration_s for job in jobs)
        self._done_s: dict[Job, float] = dict.fromkeys(jobs, 0.0)

    def after(self, job: Job, part: float) -> float:
        """Simulated seconds done once `part` of `job` is."""
        self._done_s[job] = part * job.scenario.duration_s
        return sum(self._done_s.values())


# --- the store ----------------------------------------------------------------------------


class ResultStore:
    """A folder with one JSON file a finished run, each written whole or not at all.

    Raises SweepError when the folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sources = source_digest()
        self._inputs: dict[Scenario, str] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SweepError(f"{folder}: cannot keep results here: {error.strerror}") from error

    @property
    def sources(self) -> str:
        """The digest of the product under which runs are kept."""
        return self._sources

    def path(self, job: Job) -> Path:
        """Where the result of `job` is kept."""
        if job.scenario not in self._inputs:
            self._inputs[job.scenario] = input_digest(job.scenario)
        both = hashlib.sha256(f"{self._sources} {self._inputs[job.scenario]}".encode()).hexdigest()[:12]
        stem = f"{job.scenario.name}--{job.controller}--{job.sensors}--{job.timing}--seed{job.seed}--{both}"
        return self.folder / f"{stem}.json"

    def load(self, job: Job) -> RunResult | None:
        """The result of `job` if it was run before; SweepError when its file is not what we wrote."""
        path = self.path(job)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise SweepError(f"{path}: cannot be read: {why_not(error)}; delete it to run again") from error
        try:
            record = json.loads(text)
            if record["format"] != FORMAT:
                raise ValueError(f"format {record['format']!r}, expected {FORMAT!r}")
            return RunResult.from_json(record["result"])
        except (ValueError, KeyError, TypeError) as error:
            raise SweepError(f"{path}: no result of ours ({error}); delete it to run again") from error

    def keep(self, job: Job, result: RunResult, wall_s: float) -> None:
        """Write the result so that after a crash it is there whole or not at all."""
        path = self.path(job)
        record = {
            "format": FORMAT,
            "scenario": job.scenario.name,
            "begin_s": job.scenario.begin_s,
            "end_s": job.scenario.end_s,
            "controller": job.controller,
            "sensors": job.sensors,
            "timing": job.timing,
            "seed": job.seed,
            "sources": self._sources,
            "versions": versions(),
            "wall_s": round(wall_s, 3),
            "result": result.to_json(),
        }
        unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
        try:
            with unfinished.open("w", encoding="utf-8") as stream:
                json.dump(record, stream)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.replace(path)
            path.with_suffix(".failed.txt").unlink(missing_ok=True)
        except OSError as error:
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise SweepError(
                f"{path}: cannot be written: {error.strerror}; finished runs are kept"
            ) from error

    def keep_trace(self, job: Job, failure: Failure) -> None:
        """Leave the story of a mistake of ours beside the results, for whoever repairs it."""
        if failure.trace:
            with contextlib.suppress(OSError):
                self.path(job).with_suffix(".failed.txt").write_text(failure.trace, encoding="utf-8")


# --- one run ------------------------------------------------------------------------------


def run_job(job: Job, progress: Progress) -> RunResult:
    """The runner of real sweeps: import the network, then a controller or a yardstick in SUMO."""
    from controller.vocabulary import CONTROLLERS, Sensors, Timing
    from sim import yardsticks
    from sim.importers.sumo import import_sumo
    from sim.sumo_run import RunSpec, run

    scenario = job.scenario
    spec = RunSpec(
        street=import_sumo(scenario.net, Timing(job.timing)),
        net=scenario.net,
        routes=scenario.routes,
        begin_s=scenario.begin_s,
        end_s=scenario.end_s,
        controller=job.controller,
        sensors=Sensors(job.sensors),
        seed=job.seed,
    )
    if job.controller in CONTROLLERS:
        return run(spec, on_progress=progress)
    with tempfile.TemporaryDirectory(prefix="belisha-") as folder:
        additional = yardsticks.additional_file(scenario.net, job.controller, job.timing, Path(folder))
        options = yardsticks.sumo_options(job.controller)
        own = dataclasses.replace(
            spec, controller=None, additional=(additional,) if additional else (), sumo_options=options
        )
        return run(own, on_progress=progress)


# --- processes ----------------------------------------------------------------------------


def sweep(
    jobs: Sequence[Job],
    runner: Runner,
    store: ResultStore,
    processes: int,
    on_step: OnStep = lambda job, part: None,
) -> dict[Job, Outcome]:
    """Run every job that is not in the store yet; what each gave, in the order of `jobs`.

    A run that fails or crashes gives a Failure and stops nothing. KeyboardInterrupt ends the
    running processes and is raised again; finished runs are kept. Raises SweepError when the
    store fails, before any run starts if it holds a file that is not ours.
    """
    outcomes: dict[Job, Outcome] = {}
    for job in jobs:
        if (known := store.load(job)) is not None:
            outcomes[job] = known
            on_step(job, 1.0)

    def end(job: Job, outcome: Outcome, wall_s: float) -> None:
        if isinstance(outcome, Failure):
            store.keep_trace(job, outcome)
        else:
            store.keep(job, outcome, wall_s)
        outcomes[job] = outcome
        on_step(job, 1.0)

    waiting = [job for job in jobs if job not in outcomes]
    run_in_processes(waiting, partial(_run_unchanged, runner, store.sources), processes, on_step, end)
    return {job: outcomes[job] for job in jobs}


def _run_unchanged(runner: Runner, sources: str, job: Job, progress: Progress) -> RunResult:
    """In the run's own process: results of two products must not stand in one table."""
    if source_digest() != sources:
        raise RuntimeError("the product's sources changed during the sweep; run the command again")
    return runner(job, progress)
