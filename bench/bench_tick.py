"""The whole tick: reading in, estimate, plan, sequence, judgement, lamps out; a new reading every tick."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench import streets
from bench.measurements import Measurements
from controller.frame import TICK_MS
from controller.junction import StreetNetwork
from controller.network import build_network
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import CONTROLLERS, Sensors
from controller.warm_up import warm_up

SETTLE_TICKS = 300
"""Thirty seconds before anything is measured: queues, calls and first changes of stage are there."""


class Town:
    """A controller on a street with busy detectors."""

    def __init__(
        self, street: StreetNetwork, controller: str = "adaptive", settle_ticks: int = SETTLE_TICKS
    ) -> None:
        warm_up(controller, Sensors.LOOPS)
        self.network = build_network(street)
        self.controller = Controller(self.network, controller, Policy(), 0)
        self.frames = streets.readings(self.network, seed=1)
        self.frame = next(self.frames)
        self.now_ms = 0
        for _ in range(settle_ticks):
            self.read()
            self.tick()

    def read(self) -> None:
        """The sensors' and the lamps' part, which is not measured."""
        self.frame.lamps_shown[:] = self.controller.monitor.permitted
        self.frame = next(self.frames)
        self.frame.time_ms = self.now_ms

    def tick(self) -> None:
        """The tick itself."""
        self.controller.tick(self.frame, self.now_ms)
        self.now_ms += TICK_MS

    def measure(self, benchmark: BenchmarkFixture, ticks: int) -> np.ndarray:
        """Times of so many ticks, ms."""

        def read() -> tuple[tuple[()], dict[str, object]]:
            self.read()
            return (), {}

        benchmark.pedantic(self.tick, setup=read, rounds=ticks)
        verdict = self.controller.verdict
        assert verdict is not None
        assert not verdict.flash.any(), "a street in flash is not what is measured"
        assert benchmark.stats is not None
        return np.array(benchmark.stats.stats.data) * 1000.0


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> StreetNetwork:
    """Nine imported junctions with crossings."""
    try:
        return streets.imported_town(tmp_path_factory.mktemp("town"))
    except FileNotFoundError as missing:
        pytest.skip(str(missing))


def test_one_junction(benchmark: BenchmarkFixture, measurements: Measurements) -> None:
    times_ms = Town(streets.ordinary_street()).measure(benchmark, 3000)
    measurements.budgeted("tick-1-p99", np.percentile(times_ms, 99))
    measurements.told("whole tick, 1 junction: median", float(np.median(times_ms)), "ms")


def test_a_thousand_junctions(
    benchmark: BenchmarkFixture, measurements: Measurements, town: StreetNetwork
) -> None:
    times_ms = Town(streets.tiled(town, 1000), settle_ticks=150).measure(benchmark, 300)
    measurements.budgeted("tick-1000-mean", times_ms.mean())
    measurements.budgeted("tick-1000-p99", np.percentile(times_ms, 99))


def test_every_signal_of_a_great_city(
    benchmark: BenchmarkFixture, measurements: Measurements, town: StreetNetwork
) -> None:
    times_ms = Town(streets.tiled(town, 13_000), settle_ticks=40).measure(benchmark, 20)
    measurements.budgeted("tick-13000", times_ms.max())


@pytest.mark.parametrize("controller", [name for name in CONTROLLERS if name != "adaptive"])
def test_the_other_controllers(
    benchmark: BenchmarkFixture, measurements: Measurements, controller: str
) -> None:
    times_ms = Town(streets.ordinary_street(), controller).measure(benchmark, 1000)
    measurements.told(f"whole tick, 1 junction, {controller}: median", float(np.median(times_ms)), "ms")


def test_an_hour_of_ticks_between_two_seconds(
    benchmark: BenchmarkFixture, measurements: Measurements
) -> None:
    """A street whose lamps and sensors move once a second: nine ticks of ten have nothing to do."""
    warm_up("adaptive", Sensors.LOOPS)
    network = build_network(streets.ordinary_street(), 1000)
    controller = Controller(network, "adaptive", Policy(), 0)
    frames = streets.readings(network, seed=1)
    frame = next(frames)
    for now_ms in range(0, 60_000, TICK_MS):
        if now_ms % 1000 == 0:
            frame = next(frames)
            frame.time_ms = now_ms
        controller.tick(frame, now_ms)
        frame.lamps_shown[:] = controller.monitor.permitted
    idle_ms = iter(range(60_000, 1 << 40, TICK_MS))

    def other_time() -> tuple[tuple[int], dict[str, object]]:
        now_ms = next(idle_ms)
        while now_ms % 1000 == 0:
            frame.time_ms, frame.sequence = now_ms, frame.sequence + 1
            controller.tick(frame, now_ms)
            frame.lamps_shown[:] = controller.monitor.permitted
            now_ms = next(idle_ms)
        return (now_ms,), {}

    benchmark.pedantic(lambda now_ms: controller.tick(frame, now_ms), setup=other_time, rounds=3000)
    assert benchmark.stats is not None
    measurements.told("tick with nothing new, 1 junction: median", benchmark.stats.stats.median * 1e6, "us")
