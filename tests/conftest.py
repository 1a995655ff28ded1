"""What every test may ask for."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from sim import sumo_libraries
from sim.first_start import compile_kernels

ROOT = Path(__file__).resolve().parent.parent


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
    """Tests marked `sumo` are skipped, not failed, where the extra is not installed."""
    if importlib.util.find_spec("libsumo") and importlib.util.find_spec("sumo"):
        return
    for item in items:
        if item.get_closest_marker("sumo"):
            item.add_marker(pytest.mark.skip(reason="needs pip install 'belisha[sumo]'"))
