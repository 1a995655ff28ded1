"""Made-up runs for the tests of what is summed up from runs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.measures import MODES, ModeDelay, RunResult
from sim.scenarios import Scenario
from sim.sweep import Failure, Job, Outcome, Progress

SCENARIO = Scenario("harbour", Path("harbour.net.xml"), (Path("harbour.rou.xml"),), 0, 3600)


def a_run(delay_s: float = 20.0, person_s: float | None = None, **changes: Any) -> RunResult:
    """A run with 1,000 cars of this mean delay and nobody else, but for `changes`."""
    modes = {name: ModeDelay(0, 0.0, 0.0, 0.0, 0.0) for name in MODES}
    modes["car"] = ModeDelay(1000, delay_s, 2 * delay_s, 4 * delay_s, 60.0)
    plain: dict[str, Any] = {
        "modes": {**modes, **changes.pop("modes", {})},
        "delay_mean_s": delay_s,
        "person_seconds": 1300.0 * delay_s if person_s is None else person_s,
        "worst_wait_s": 60.0,
        "stops_per_veh": 0.8,
        "unfinished_veh": 5,
        "never_departed_veh": 0,
        "unfinished_walks": 0,
        "gridlock": False,
        "insertion_queue_half_veh": 0.0,
        "insertion_queue_end_veh": 0.0,
        "insertion_queue_grows": False,
        "promises_broken": 0,
        "violations": 0,
        "simulated_s": 3600,
        "wall_s": 1.0,
    }
    return RunResult(**{**plain, **changes})


def a_sweep(
    runs: Mapping[str, Mapping[int, RunResult | str]], scenario: Scenario = SCENARIO
) -> dict[Job, Outcome]:
    """Outcomes by job from controller -> seed -> run, or the reason why it failed."""
    return {
        Job(scenario, controller, "loops", "computed", seed): Failure(run) if isinstance(run, str) else run
        for controller, by_seed in runs.items()
        for seed, run in by_seed.items()
    }


# Runners for processes of their own: what each does is told by the controller's name.


def told_by_name(job: Job, progress: Progress) -> RunResult:
    """`crash`, `mistake`, `refuse`, `slow` do so; anything else runs well and leaves a mark."""
    progress(0.5)
    marks = job.scenario.net.parent / "marks"
    with (marks / f"{job.controller}-{job.seed}").open("a") as mark:
        mark.write(f"{os.getpid()}\n")
    if job.controller == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if job.controller == "mistake":
        raise IndexError("index 9 is out of bounds")
    if job.controller == "refuse":
        raise ValueError("harbour.net.xml: no signal J1\nmore")
    if job.controller == "slow":
        time.sleep(600)
    return a_run(10.0 * job.seed)
