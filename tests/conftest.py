"""What every test may ask for."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from sim import sumo_libraries
from sim.first_start import compile_kernels

ROOT = Path(__file__).resolve().parent.parent

OUTSIDE = (
    "alarm_commands", "backup", "citizen_browser", "citizen_channels", "citizen_office",
    "citizen_process", "city_simulate",
    "console_city", "console_hazards", "console_link", "console_orders", "console_pictures",
    "console_screens", "console_station", "console_web", "console_web_end", "corridor", "counter",
    "crashes", "demo", "deploying", "engine", "evaluate_commands", "gateway", "lamp_processes",
    "live_station", "living_city", "open311", "operators_shift", "partition", "readme", "receipt",
    "run_pool", "simulate_commands", "station", "station_talk", "street_layout", "sumo_street", "sweep",
    "systemd", "texts", "training_copy", "watch_commands",
)  # fmt: skip
"""Tests that wait for a browser, a terminal, a socket or another process. A machine too busy to answer in
time is no fault of the product, so such a test is tried a second time (and named in the summary, as RERUN);
what fails twice has failed. Everything else is exact and is tried once."""


# SUMO's programs are started by tests too, and must start on a machine without a screen.
os.environ.update(sumo_libraries.environment())


@pytest.fixture(scope="session")
def root() -> Path:
    """The top directory of the product."""
    return ROOT


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before tests run side by side every kernel is compiled once, not once a process."""
    if getattr(session.config.option, "numprocesses", None):
        compile_kernels()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who talks to the outside may try twice; `sumo` is skipped, not failed, where it is not installed.

    Files with long tests begin, so that none of them is still running when all others have ended.
    """
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(key=lambda item: item.path not in long)
    for item in items:
        if item.path.stem.removeprefix("test_") in OUTSIDE:
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))
    if importlib.util.find_spec("libsumo") and importlib.util.find_spec("sumo"):
        return
    for item in items:
        if item.get_closest_marker("sumo"):
            item.add_marker(pytest.mark.skip(reason="needs pip install 'belisha[sumo]'"))
