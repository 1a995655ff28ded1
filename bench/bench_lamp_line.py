"""What three processes cost: from a street's reading to the monitor's permit, over the lines between them."""

from __future__ import annotations

import time
from multiprocessing.sharedctypes import RawArray

import numpy as np
import pytest

from bench.measurements import Measurements
from controller.frame import TICK_MS, empty_frame
from controller.network import Network, build_network
from controller.permissive import card_of
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import Sensors
from controller.warm_up import warm_up
from override.lamp_processes import LampProcesses, LiveStreet, MakeStreetEnd
from sim.city.generator.generate import generate, street_of_city
from sim.city.scenario import CityPlan

TICKS = 1200
SETTLE_TICKS = 200
SPEED = 5.0


def busy_readings(network: Network, make: MakeStreetEnd, took_ms: np.ndarray) -> None:
    """Detectors come and go; every tick's wait for its permit is taken down."""
    chance = np.random.default_rng(1)
    end, frame = make(network, 0), empty_frame(network, Sensors.LOOPS)
    for k in range(TICKS):
        if k % 10 == 0:
            frame.time_ms, frame.sequence = k * TICK_MS, k
            frame.detector_time_ms.fill(k * TICK_MS)
            frame.detector_on[:] = chance.random(len(frame.detector_on)) < 0.3
        begun_s = time.perf_counter()
        frame.lamps_shown[:] = end.tick(frame, k * TICK_MS)
        took_ms[k] = 1000 * (time.perf_counter() - begun_s)
        end.rest(max(0.0, TICK_MS / 1000 / SPEED - took_ms[k] / 1000))


@pytest.mark.long
@pytest.mark.parametrize("junctions", [24, 200])
def test_a_permit_answers_a_reading(measurements: Measurements, junctions: int) -> None:
    warm_up("adaptive", Sensors.LOOPS)
    street = street_of_city(generate(CityPlan(junctions=junctions)))
    network = build_network(street, TICK_MS)
    took_ms = np.frombuffer(RawArray("d", TICKS), np.float64)
    live = LiveStreet(
        network, card_of(street), Sensors.LOOPS, lambda make: busy_readings(network, make, took_ms),
        lambda link, now_ms, line: Controller(network, "adaptive", Policy(), now_ms, link), SPEED,
    )  # fmt: skip
    lamps = LampProcesses(live)
    lamps.start()
    while lamps.look() is None:
        time.sleep(0.05)
    lamps.end()
    settled_ms = took_ms[SETTLE_TICKS:]
    for name, share in (("median", 50.0), ("p99", 99.0), ("p99.9", 99.9)):
        at_ms = float(np.percentile(settled_ms, share))
        measurements.told(
            f"reading to permit over three processes, {junctions} junctions: {name}", at_ms, "ms"
        )
    assert (settled_ms > 0.0).all()
