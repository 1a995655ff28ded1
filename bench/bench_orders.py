"""An order over real sockets: signed, checked, on the disk, told to the engine, answered."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from bench.measurements import Measurements
from override.keys import add_person, init_keys
from override.roles import Command, Role
from tests.test_station import Running

ORDERS = 500


@pytest.mark.long
def test_an_order_is_acknowledged(measurements: Measurements, tmp_path: Path) -> None:
    """Key press to ACCEPTED: a station of three processes, one console, an order every 20 ms."""
    init_keys(tmp_path / "keys")
    add_person(tmp_path / "keys", "ana", Role.OPERATOR)
    running = Running(tmp_path)
    took_ms = []
    with running.console("ana") as console:
        console.look()
        for k in range(ORDERS):
            begun_s = time.perf_counter()
            console.order(
                command=Command.ALL_RED,
                slot=4,
                junctions=(f"J{k % 6}",),
                basis=(),
                lease_ms=60_000,
                reason="bench",
            )
            took_ms.append(1000 * (time.perf_counter() - begun_s))
            time.sleep(0.02)
    running.process.terminate()
    assert running.process.wait(20) == 0
    measurements.budgeted("order-ack-p99", float(np.percentile(took_ms, 99)))
    measurements.told("order acknowledged: median", float(np.median(took_ms)), "ms")
