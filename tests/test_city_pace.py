"""Pace: street time against a clock that the test holds in its hand."""

from __future__ import annotations

import pytest

from sim.city.pace import Pace


class Clock:
    """Sleeping takes exactly as long as asked; work takes what the test says."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000
        self.slept_s: list[float] = []

    def now(self) -> int:
        return self.ns

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.ns += round(seconds * 1e9)

    def work(self, ms: float) -> None:
        self.ns += round(ms * 1e6)


def test_street_time_passes_as_fast_as_asked_and_work_is_part_of_it() -> None:
    clock = Clock()
    pace = Pace(4.0, clock.now, clock.sleep)
    start_ns = clock.ns
    for street_ms in range(0, 10_100, 100):
        pace.wait(street_ms)
        clock.work(3.0)
    assert (clock.ns - start_ns) / 1e6 == pytest.approx(10_000 / 4.0 + 3.0)
    assert pace.worst_late_ms == 0.0
    assert clock.slept_s[0] == pytest.approx(0.025 - 0.003)


def test_a_slow_moment_is_told_and_caught_up() -> None:
    clock = Clock()
    pace = Pace(1.0, clock.now, clock.sleep)
    pace.wait(0)
    clock.work(350.0)
    pace.wait(100)
    assert pace.late_ms == pytest.approx(250.0)
    pace.wait(200)
    pace.wait(300)
    pace.wait(400)
    assert pace.late_ms == 0.0
    assert (clock.ns - 5_000_000_000) / 1e6 == pytest.approx(400.0)
    assert pace.worst_late_ms == pytest.approx(250.0)
    assert pace.late_moments == 0


def test_a_long_stop_of_the_machine_is_given_up_not_raced_after() -> None:
    clock = Clock()
    pace = Pace(1.0, clock.now, clock.sleep)
    pace.wait(0)
    clock.work(60_000.0)
    pace.wait(100)
    assert pace.late_moments == 1
    assert pace.slipped_ms == pytest.approx(59_900.0)
    pace.wait(200)
    assert clock.slept_s[-1] == pytest.approx(0.1)


def test_no_speed_is_negative() -> None:
    with pytest.raises(ValueError, match="allowed is 0"):
        Pace(-2.0)


def test_without_a_speed_nobody_sleeps() -> None:
    clock = Clock()
    pace = Pace(0.0, clock.now, clock.sleep)
    for street_ms in range(0, 100_000, 100):
        pace.wait(street_ms)
    assert clock.slept_s == []
