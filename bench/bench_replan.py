"""The adaptive planner alone: one junction's coming minute."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from bench import streets
from bench.measurements import Measurements
from controller.network import Network, build_network
from controller.plan import Adaptive
from controller.policy import Policy
from controller.sequencer import Sequencer
from controller.state import NEVER_MS, State, new_state

JUNCTIONS = 200
INTERPRETED = "from bench.bench_replan import Busy; print(Busy(2, seed=1).seconds_a_replan(3))"


class Busy:
    """So many ordinary junctions with queues, platoons and people, each in its own phase."""

    def __init__(self, n_junctions: int, seed: int) -> None:
        self.network: Network = build_network(streets.tiled(streets.ordinary_street(), n_junctions), 1000)
        self.planner = Adaptive(self.network, Policy())
        self.state: State = new_state(self.network, 0)
        self.chance = np.random.default_rng(seed)
        self.now_ms = 0
        sequencer = Sequencer(self.network)
        first = self.network.stage_start[:-1]
        for _ in range(60):
            if self.now_ms % 20_000 == 0:
                self.state.wanted_stage[:] = first + self.chance.integers(4, size=n_junctions)
            sequencer.advance(self.state, self.now_ms)
            self.now_ms += 1000
        self.refill()

    def refill(self) -> None:
        """Other traffic."""
        chance, state, network = self.chance, self.state, self.network
        state.queue_veh[:] = chance.integers(0, 12, network.n_lanes) * (chance.random(network.n_lanes) < 0.7)
        state.arrival_veh[:] = chance.random(state.arrival_veh.shape) < 0.1
        state.arrival_veh[:, 15:] = 0.0
        state.flow_veh_per_s[:] = 0.1
        waits = (state.lamp == 0) & (chance.random(network.n_groups) < 0.6)
        state.call_since_ms[:] = np.where(
            waits, self.now_ms - chance.integers(60_000, size=len(waits)), NEVER_MS
        )
        state.waiting_people[:] = np.where(network.group_kind == 1, chance.integers(0, 4, len(waits)), 0)

    def replan(self) -> None:
        """Every junction once."""
        self.planner.propose(self.state, self.now_ms)

    def seconds_a_replan(self, rounds: int) -> float:
        """Median time of one junction's replan over so many rounds."""
        times = []
        for _ in range(rounds):
            self.refill()
            begun_s = time.perf_counter()
            self.replan()
            times.append((time.perf_counter() - begun_s) / self.network.n_junctions)
        return float(np.median(times))


def test_one_of_many(benchmark: BenchmarkFixture, measurements: Measurements) -> None:
    """What a replan costs inside a city: the call from Python is shared by all that are due."""
    busy = Busy(JUNCTIONS, seed=1)

    def other_traffic() -> tuple[tuple[()], dict[str, object]]:
        busy.refill()
        return (), {}

    benchmark.pedantic(busy.replan, setup=other_traffic, rounds=40, warmup_rounds=3)
    assert benchmark.stats is not None
    compiled_s = benchmark.stats.stats.median / JUNCTIONS
    measurements.budgeted("replan", compiled_s * 1e6)
    measurements.told("interpreted by Python, over that", _interpreted_s() / compiled_s, "times")


def test_one_alone(benchmark: BenchmarkFixture, measurements: Measurements) -> None:
    """What it costs by itself, the call from Python included."""
    busy = Busy(1, seed=1)

    def other_traffic() -> tuple[tuple[()], dict[str, object]]:
        busy.refill()
        return (), {}

    benchmark.pedantic(busy.replan, setup=other_traffic, rounds=1000, warmup_rounds=10)
    assert benchmark.stats is not None
    measurements.told(
        "replan of one junction called by itself: median", benchmark.stats.stats.median * 1e6, "us"
    )


def _interpreted_s() -> float:
    """The same replan without a compiler, in a process of its own."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)
