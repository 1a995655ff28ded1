"""The check that nobody made orders or ticks slower: once slow may be a neighbour, three times is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bench import latency_report
from bench.latency_report import CHECKED, OF_WORK, TRIES, Case, check, collect

THE_ORDER, THE_EDGE = OF_WORK


@pytest.fixture(scope="module", autouse=True)
def a_machine_always_as_fast() -> Iterator[None]:
    """What loop and disk take is not measured here: whoever works beside the tests would decide them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latency_report, "calibrate", lambda: 3.0)
        patch.setattr(latency_report, "calibrate_disk", lambda: 0.2)
        yield


def taking(*slower: float) -> Any:
    """A city whose orders take so many times longer, one factor for each time it is measured."""
    factors: Iterator[float] = iter([f for f in slower for _ in CHECKED])

    def measure(name: str, seconds: float, brief: bool) -> Case:
        case, factor = Case(name), next(factors)
        for _ in range(9):
            case.took(THE_ORDER, 2000.0 * factor)
            case.took(THE_EDGE, 3000.0)
        return case

    return measure


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    return collect(taking(1.0), CHECKED, 1.0)


def no_words(_: str) -> None:
    pass


def test_what_takes_as_long_as_ever_passes_at_once(kept: dict[str, Any]) -> None:
    assert check(taking(1.0), kept, no_words)


def test_twice_slow_and_once_as_ever_had_a_neighbour(kept: dict[str, Any]) -> None:
    assert check(taking(4.0, 4.0, 1.0), kept, no_words)


def test_what_is_slow_each_time_is_slow_and_said_so(kept: dict[str, Any]) -> None:
    said: list[str] = []
    assert not check(taking(*[4.0] * TRIES), kept, said.append)
    assert any(THE_ORDER in line for line in said)


def test_what_was_not_measured_at_all_is_no_success(kept: dict[str, Any]) -> None:
    with pytest.raises(SystemExit, match=THE_ORDER):
        check(lambda name, seconds, brief: Case(name), kept, no_words)
