"""Memory in steady state: a tick takes nothing that it does not give back, and nothing grows."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from numba.core.runtime import _nrt_python, rtsys  # type: ignore[attr-defined]

from bench import streets
from bench.bench_tick import Town
from bench.measurements import Measurements
from controller.vocabulary import CONTROLLERS

TICKS = 1000
JUNCTIONS = 41
MANY_TICKS = 200


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_a_thousand_ticks_keep_nothing(measurements: Measurements, controller: str) -> None:
    """Array blocks are those of compiled code; bytes are Python's own, everything included."""
    town = Town(streets.ordinary_street(), controller)
    kept = _blocks(town, TICKS)[1]
    # Numbers and small objects are recycled by the interpreter: first let its pools fill.
    tracemalloc.start(1)
    try:
        _play(town, 3 * TICKS)
        gc.collect()
        begun_bytes, _ = tracemalloc.get_traced_memory()
        _play(town, TICKS)
        gc.collect()
        ended_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if controller == "adaptive":
        measurements.budgeted("kept-blocks", kept)
        measurements.budgeted("kept-bytes", ended_bytes - begun_bytes)
    else:
        measurements.told(f"bytes kept by 1,000 ticks, {controller}", ended_bytes - begun_bytes, "count")
    assert kept == 0, f"{kept} array blocks were kept by {TICKS} ticks"


def test_kernels_take_nothing(measurements: Measurements) -> None:
    """Each array handed to compiled code costs a small block, whatever is done there; what grows
    with the number of junctions is taken by the kernels themselves."""
    many = _blocks(Town(streets.tiled(streets.ordinary_street(), JUNCTIONS)), MANY_TICKS)[0]
    one = _blocks(Town(streets.ordinary_street()), MANY_TICKS)[0]
    measurements.budgeted("array-blocks", 10 * (many - one) / (JUNCTIONS - 1) / MANY_TICKS)
    measurements.told("array blocks taken by the calls of one tick", one / MANY_TICKS, "count")


def _blocks(town: Town, ticks: int) -> tuple[int, int]:
    """Array blocks (taken, kept) by compiled code in so many ticks."""
    _nrt_python.memsys_enable_stats()
    before = rtsys.get_allocation_stats()
    _play(town, ticks)
    after = rtsys.get_allocation_stats()
    taken = after.alloc - before.alloc
    return taken, taken - (after.free - before.free)


def _play(town: Town, ticks: int) -> None:
    for _ in range(ticks):
        town.read()
        town.tick()
