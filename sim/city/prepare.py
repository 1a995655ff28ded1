"""Has the kernels of a city compiled before they are needed, by two processes side by side.

A kernel is compiled when its module is first imported, one after the other; the first time after
an installation that takes minutes. Afterwards they come from the cache and this takes a moment.
"""

from __future__ import annotations

import importlib
import multiprocessing
from collections.abc import Sequence

from controller.vocabulary import Sensors

BESIDE = (
    "controller.overlay_kernels",
    "sim.city.mover",
    "sim.city.walkers",
    "sim.city.transit",
    "sim.city.faults",
    "sim.city.sensors",
    "sim.city.watch",
    "sim.city.demand",
)
"""Orders, and what moves, senses and watches: half of the work."""
FIRST_HERE = ("controller.plan",)
"""The largest part of the other half; loaded before anything that is also in BESIDE."""


def prepare(controller: str, sensors: Sensors) -> None:
    """Come back when everything that `World` needs for this controller can be loaded from the cache.

    Raises ValueError for a controller that is not in `vocabulary.CONTROLLERS`.
    """
    beside = multiprocessing.get_context("spawn").Process(target=load_modules, args=(BESIDE,), daemon=True)
    beside.start()
    try:
        load_modules(FIRST_HERE)
        from controller.warm_up import warm_up

        warm_up(controller, sensors)
        # Should it have failed, whoever imports these modules next is told why.
        beside.join()
    finally:
        if beside.is_alive():
            beside.terminate()
            beside.join()


def load_modules(names: Sequence[str]) -> None:
    """Import these modules, which compiles and caches their kernels."""
    for name in names:
        importlib.import_module(name)
