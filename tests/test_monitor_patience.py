"""Stories of people who wait: C7 and C13 are alarms, and know when waiting counts."""

from __future__ import annotations

import numpy as np
import pytest

from controller.monitor.lamps import GREEN, RED, YELLOW
from tests.crossroads import (
    CROSSING,
    EAST,
    MILL,
    MILL_CROSSING,
    MILL_LANE,
    NORTH,
    WEST,
    Street,
    checks,
    crossroads,
)  # fmt: skip


def test_a_call_nobody_serves_is_an_alarm_thirty_seconds_after_its_promise() -> None:
    street = Street().started()
    street.calls[[CROSSING, NORTH]] = True
    street.run(0.1)
    assert street.run(120) == []
    found = street.run(0.1)
    assert [(v.check, v.groups, v.measured_ms, v.required_ms) for v in found] == [
        ("C13", (CROSSING,), 120_100, 120_000)
    ]
    assert street.run(29.9) == []
    assert [(v.check, v.groups) for v in street.run(0.1)] == [("C13", (NORTH,))]
    assert street.run(300) == []  # said once
    assert not street.tick().flash.any()


def test_a_call_served_in_time_starts_again_when_its_green_ends() -> None:
    street = Street().started()
    street.calls[MILL] = True
    assert street.run(140) == []
    assert street.drive(MILL) == []
    assert street.run(142) == []  # 3 s of yellow counted: 145 s so far
    assert checks(street.run(10)) == ["C13"]


def test_a_call_taken_back_is_forgotten() -> None:
    street = Street().started()
    for _ in range(3):
        street.calls[MILL] = True
        assert street.run(100) == []
        street.calls[MILL] = False
        assert street.run(1) == []


def test_waiting_does_not_count_while_the_promise_is_suspended() -> None:
    street = Street().started()
    street.calls[[MILL_CROSSING, CROSSING]] = True
    street.run(100)
    street.suspended[MILL_LANE] = True
    found = street.run(1_000)
    assert [(v.check, v.groups) for v in found] == [("C13", (CROSSING,))]
    street.suspended[MILL_LANE] = False
    assert street.run(20) == []
    assert [(v.check, v.groups) for v in street.run(0.2)] == [("C13", (MILL_CROSSING,))]


def test_a_call_that_begins_while_suspended_counts_from_the_end_of_it() -> None:
    street = Street().started()
    street.suspended[:] = True
    street.run(10)
    street.calls[MILL_CROSSING] = True
    street.run(500)
    street.suspended[:] = False
    assert street.run(120.1) == []
    assert checks(street.run(0.1)) == ["C13"]


def test_a_flashing_junction_promises_nothing() -> None:
    street = Street().started()
    street.calls[MILL_CROSSING] = True
    street.lamps[MILL] = YELLOW
    assert checks(street.run(1_000)) == ["C9"]


def test_a_green_held_while_others_wait_is_named_with_who_waits() -> None:
    street = Street().started()
    street.show(GREEN, MILL)
    assert street.run(500) == []  # nobody waits, it may rest
    street.calls[MILL_CROSSING] = True
    assert street.run(120.1) == []
    found = street.run(0.1)
    assert sorted((v.check, v.groups, v.measured_ms) for v in found) == [
        ("C13", (MILL_CROSSING,), 120_100),
        ("C7", (MILL, MILL_CROSSING), 120_100),
    ]
    assert street.run(300) == []


def test_a_green_that_begins_late_is_held_only_since_it_began() -> None:
    street = Street().started()
    street.calls[MILL_CROSSING] = True
    assert street.run(60) == []
    assert street.show(GREEN, MILL) == []
    assert checks(street.run(61)) == ["C13"]
    assert street.run(59) == []
    assert checks(street.run(0.3)) == ["C7"]


def test_each_new_green_may_be_held_anew() -> None:
    street = Street().started()
    street.calls[MILL_CROSSING] = True
    street.show(GREEN, MILL)
    assert sorted(checks(street.run(150))) == ["C13", "C7"]
    street.show(YELLOW, MILL)
    street.run(2.9)
    street.show(RED, MILL)
    street.run(5)
    street.show(GREEN, MILL)
    assert street.run(119) == []
    assert checks(street.run(2)) == ["C7"]


def test_one_green_held_before_two_waiting_crossings_is_one_alarm() -> None:
    street = Street().started()
    street.show(GREEN, EAST, WEST)
    street.calls[[NORTH, CROSSING]] = True
    found = street.run(400)
    assert sorted((v.check, v.groups) for v in found) == [
        ("C13", (NORTH,)), ("C13", (CROSSING,)), ("C7", (EAST, CROSSING)), ("C7", (WEST, CROSSING)),
    ]  # fmt: skip


@pytest.mark.parametrize(("promise_s", "trips_s"), [(60, 120), (90, 120), (120, 150), (200, 230)])
def test_a_longer_promise_allows_a_longer_green_and_a_shorter_no_shorter_one(
    promise_s: int, trips_s: int
) -> None:
    street = Street(crossroads(promise_ms=np.full(6, promise_s * 1_000))).started()
    street.show(GREEN, MILL)
    street.calls[MILL_CROSSING] = True
    held = [v for v in street.run(trips_s + 1) if v.check == "C7"]
    assert [(v.measured_ms, v.required_ms) for v in held] == [(trips_s * 1_000 + 100, trips_s * 1_000)]


def test_one_green_held_before_two_calls_late_together_is_one_alarm() -> None:
    street = Street(crossroads(promise_ms=np.full(6, 90_000))).started()
    street.show(GREEN, EAST)
    street.calls[[NORTH, CROSSING]] = True
    found = street.run(400)
    assert sorted((v.check, v.groups) for v in found) == [
        ("C13", (NORTH,)), ("C13", (CROSSING,)), ("C7", (EAST, NORTH)),
    ]  # fmt: skip


def test_an_alarm_comes_with_the_first_millisecond_too_many() -> None:
    street = Street().started()
    street.calls[CROSSING] = True
    assert street.run(120.1) == []
    assert checks(list(street.tick(step_ms=1).alarms)) == ["C13"]


def test_an_alarm_comes_no_millisecond_early_though_somebody_looks() -> None:
    """A suspension elsewhere makes the monitor look at every call, here when the time is just over."""
    street = Street().started()
    street.calls[CROSSING] = True
    assert street.run(120) == []
    street.suspended[MILL_LANE] = True
    assert street.run(0.1) == []
    assert checks(list(street.tick(step_ms=1).alarms)) == ["C13"]


def test_an_alarm_comes_as_exactly_after_an_earlier_look() -> None:
    street = Street().started()
    street.calls[CROSSING] = True
    assert street.run(60) == []
    street.suspended[MILL_LANE] = True
    assert street.run(60.1) == []
    assert checks(list(street.tick(step_ms=1).alarms)) == ["C13"]


def test_a_green_is_held_too_long_from_the_first_millisecond_too_many() -> None:
    street = Street().started()
    street.calls[MILL_CROSSING] = True
    assert street.run(60) == []
    assert street.show(GREEN, MILL) == []
    assert checks(street.run(61)) == ["C13"]
    assert street.run(58.9) == []
    street.suspended[0] = True  # somebody looks when the time is just over
    assert street.run(0.1) == []
    assert checks(list(street.tick(step_ms=1).alarms)) == ["C7"]
