"""Collects what a bench run measures and prints it beside the budgets."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.measurements import Measurements, calibrate

_KEY = pytest.StashKey[Measurements]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--results", default=None, metavar="DIR", help="keep the measurements there as bench.json"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_KEY] = Measurements()


@pytest.fixture(scope="session")
def measurements(request: pytest.FixtureRequest) -> Measurements:
    """Where a bench tells its numbers."""
    found = request.config.stash[_KEY]
    if not found.calibration_ms:
        found.calibration_ms = calibrate()
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash[_KEY]
    if not found.found:
        return
    terminalreporter.section("budgets")
    for line in found.table():
        terminalreporter.write_line(line)
    folder = config.getoption("--results")
    if folder:
        terminalreporter.write_line(f"kept in {found.keep(Path(folder))}")
