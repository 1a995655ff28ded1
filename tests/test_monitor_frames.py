"""Stories of frames that cannot be believed (C12), of flash and of the way out of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from controller.monitor import SafetyMonitor
from controller.monitor.lamps import FLASH_RED, GREEN, RED
from controller.monitor.verdict import WHOLE_STREET
from tests.crossroads import (
    CROSSING,
    EAST,
    MARKET_STREET,
    MILL,
    MILL_CROSSING,
    MILL_LANE,
    NORTH,
    WEST,
    Street,
    checks,
)  # fmt: skip

FLASH = [FLASH_RED, FLASH_RED, FLASH_RED, RED, FLASH_RED, RED]


def frame(street: Street, **changes: Any) -> dict[str, Any]:
    """The next frame of `street`, some of it changed."""
    street.now_ms += 100
    street.sequence += 1
    fields = {
        "now_ms": street.now_ms, "sequence": street.sequence, "lamps": street.lamps.copy(),
        "feedback": street.monitor.permitted.copy(), "calls": street.calls.copy(),
        "min_green_waived": street.waived.copy(), "promise_suspended": street.suspended.copy(),
    }  # fmt: skip
    return {**fields, **changes}


BAD_FRAMES = [
    ("no frame for 400 ms", lambda s: {"now_ms": s.now_ms + 300}),
    ("time stands still", lambda s: {"now_ms": s.now_ms - 100}),
    ("time runs back", lambda s: {"now_ms": s.now_ms - 3_600_000}),
    ("time leaps forward", lambda s: {"now_ms": s.now_ms + 3_600_000}),
    ("time is no number", lambda s: {"now_ms": math.nan}),
    ("time is a float", lambda s: {"now_ms": float(s.now_ms)}),
    ("time is a truth", lambda s: {"now_ms": True}),
    ("time is nothing", lambda s: {"now_ms": None}),
    ("time is negative", lambda s: {"now_ms": -5}),
    ("time is beyond all clocks", lambda s: {"now_ms": 1 << 70}),
    ("a frame is missing", lambda s: {"sequence": s.sequence + 1}),
    ("a frame comes twice", lambda s: {"sequence": s.sequence - 1}),
    ("the number is no number", lambda s: {"sequence": math.nan}),
    ("the number is negative", lambda s: {"sequence": -1}),
    ("a lamp is no lamp", lambda s: {"lamps": np.array([0, 0, 7, 0, 0, 0], dtype=np.int8)}),
    ("a lamp is negative", lambda s: {"lamps": np.array([0, 0, -1, 0, 0, 0], dtype=np.int8)}),
    ("a group is missing", lambda s: {"lamps": np.zeros(5, dtype=np.int8)}),
    ("lamps are a list", lambda s: {"lamps": [0] * 6}),
    ("lamps are floats", lambda s: {"lamps": np.full(6, np.nan)}),
    ("feedback is wide", lambda s: {"feedback": np.zeros(6, dtype=np.int64)}),
    ("feedback is a table", lambda s: {"feedback": np.zeros((6, 1), dtype=np.int8)}),
    ("feedback is nothing", lambda s: {"feedback": None}),
    ("calls are numbers", lambda s: {"calls": np.zeros(6, dtype=np.int8)}),
    ("calls are too many", lambda s: {"calls": np.zeros(7, dtype=np.bool_)}),
    ("calls are nothing", lambda s: {"calls": None}),
    ("waivers are too few", lambda s: {"min_green_waived": np.zeros(1, dtype=np.bool_)}),
    ("waivers are numbers", lambda s: {"min_green_waived": np.zeros(2)}),
    ("waivers are nothing", lambda s: {"min_green_waived": ()}),
    ("suspensions are too many", lambda s: {"promise_suspended": np.zeros(6, dtype=np.bool_)}),
    ("suspensions are numbers", lambda s: {"promise_suspended": np.zeros(2)}),
    ("suspensions are nothing", lambda s: {"promise_suspended": ()}),
]  # fmt: skip


@pytest.mark.parametrize("spoil", [bad[1] for bad in BAD_FRAMES], ids=[bad[0] for bad in BAD_FRAMES])
def test_a_frame_that_cannot_be_believed_flashes_the_whole_street_and_heals(spoil: Any) -> None:
    street = Street().started()
    street.show(GREEN, EAST, WEST)
    fields = frame(street)
    verdict = street.monitor.judge(**{**fields, **spoil(street)})
    assert checks(list(verdict.violations)) == ["C12"]
    assert verdict.violations[0].junction == WHOLE_STREET
    assert list(verdict.permitted) == FLASH
    assert verdict.flash.all()
    assert not verdict.latched.any()

    street.lamps[:] = RED
    street.now_ms, street.sequence = street.monitor._gate.now_ms, max(street.monitor._gate._sequence, 0)
    street.feedback = verdict.permitted.copy()
    assert street.run(5.9) == []
    assert list(street.monitor.permitted) == FLASH
    assert street.run(0.2) == []
    assert list(street.monitor.permitted) == [RED] * 6
    assert street.run(11) == []
    assert street.drive(EAST, WEST) == []


@pytest.mark.parametrize("spoil", [bad[1] for bad in BAD_FRAMES], ids=[bad[0] for bad in BAD_FRAMES])
def test_a_first_frame_that_cannot_be_believed_is_no_beginning(spoil: Any) -> None:
    street = Street()
    verdict = street.monitor.judge(**{**frame(street), **spoil(street)})
    assert list(verdict.permitted) in (FLASH, [RED] * 6)  # a first time or number may be any
    street.monitor = SafetyMonitor(street.card)
    assert street.tick().violations == ()


def test_numbers_of_numpy_are_numbers() -> None:
    street = Street().started()
    fields = frame(street)
    verdict = street.monitor.judge(
        **{**fields, "now_ms": np.int64(street.now_ms), "sequence": np.uint32(street.sequence)}
    )
    assert verdict.violations == ()


def test_frames_up_to_300_ms_apart_are_in_time() -> None:
    street = Street().started()
    for _ in range(20):
        assert street.tick(step_ms=300).violations == ()
    assert checks(list(street.tick(step_ms=301).violations)) == ["C12"]


def stumble(street: Street) -> list[str]:
    """One late frame, then twenty lawful seconds."""
    verdict = street.tick(step_ms=400)
    found = list(verdict.violations)
    street.lamps[:] = RED
    return checks(found + street.run(20))


def test_the_third_fault_in_a_day_latches_the_street() -> None:
    street = Street().started()
    assert stumble(street) == ["C12"]
    assert stumble(street) == ["C12"]
    assert not street.tick().flash.any()
    verdict = street.tick(step_ms=400)
    assert "the third time in 24 h, latched" in verdict.violations[0].sentence
    assert street.run(60) == []
    assert street.tick().latched.all()
    for junction in (MARKET_STREET, MILL_LANE):
        street.monitor.reset(junction, "Ada", "clock replaced")
    street.run(20)
    assert not street.tick().flash.any()
    assert stumble(street) == ["C12"]  # a new count
    assert not street.tick().flash.any()


def test_faults_in_one_flash_are_one_fault() -> None:
    street = Street().started()
    found = []
    for _ in range(20):
        found += street.tick(step_ms=1_000).violations
        found += street.run(1)
    assert checks(found) == ["C12"]
    assert not street.tick().latched.any()


def test_faults_of_which_six_seconds_lie_between_are_two() -> None:
    for last_ms, found in ((99, []), (100, ["C12"])):
        street = Street().started()
        assert checks(list(street.tick(step_ms=400).violations)) == ["C12"]
        for _ in range(59):
            street.tick()
        street.tick(step_ms=last_ms - 10)
        street.sequence += 1
        assert checks(list(street.tick(step_ms=10).violations)) == found, "a frame is missing"


def test_time_that_stands_still_brings_two_faults_no_further_apart() -> None:
    street = Street().started()
    assert checks(list(street.tick(step_ms=400).violations)) == ["C12"]
    for _ in range(59):
        street.tick()
    street.tick(step_ms=99)
    assert street.tick(step_ms=0).violations == ()


def test_the_very_first_frame_can_be_a_fault() -> None:
    street = Street()
    verdict = street.monitor.judge(**frame(street, lamps=np.full(6, 7, np.int8)))
    assert [(v.check, v.groups, v.measured_ms, v.required_ms) for v in verdict.violations] == [
        ("C12", (), 0, 0)
    ]


def test_a_lamp_that_is_none_is_found_after_all_red_while_nobody_waits() -> None:
    street = Street().started()
    assert not street.calls.any()
    street.lamps[MILL] = 7
    assert checks(list(street.tick().violations)) == ["C12"]


def test_three_faults_latch_however_long_the_street_has_run() -> None:
    street = Street().started()
    street.monitor._gate._running_ms += 13 * 3_600_000
    for _ in range(2):
        assert stumble(street) == ["C12"]
    assert street.tick(step_ms=400).latched.all()


def test_three_faults_in_a_day_to_the_millisecond_latch() -> None:
    for more_ms, latched_all in ((0, True), (1, False)):
        street = Street().started()
        street.tick(step_ms=400)
        began_ms = street.monitor._gate._running_ms
        street.run(20)
        street.tick(step_ms=400)
        street.run(20)
        street.monitor._gate._running_ms = began_ms + 24 * 3_600_000 - 300 + more_ms
        assert street.tick(step_ms=400).latched.all() == latched_all


def test_three_faults_in_more_than_a_day_do_not_latch() -> None:
    street = Street().started()
    for _ in range(5):
        street.tick(step_ms=400)
        street.lamps[:] = RED
        street.run(20)
        assert not street.tick().flash.any()
        street.monitor._gate._running_ms += 13 * 3_600_000  # half a day of frames


def test_a_clock_set_forward_does_not_age_earlier_faults() -> None:
    street = Street().started()
    for _ in range(2):
        street.tick(step_ms=25 * 3_600_000)
        assert street.run(20) == []
    street.tick(step_ms=25 * 3_600_000)
    assert street.tick().latched.all()


def test_a_junction_in_flash_waits_until_the_engine_proposes_red() -> None:
    street = Street().started()
    street.show(GREEN, EAST, WEST)
    street.tick(step_ms=400)
    assert street.run(60) == []  # still proposing the greens
    verdict = street.tick()
    assert list(verdict.flash) == [True, False]
    street.lamps[[EAST, WEST]] = RED
    assert street.run(0.2) == []
    assert not street.tick().flash.any()
    assert set(checks(street.show(GREEN, EAST))) == {"C5", "C8", "C9"}


def test_the_first_green_after_flash_comes_after_six_seconds_and_its_intergreens() -> None:
    # The flash ended two frames before `red_s` begins.
    for red_s, expected in ((5.5, {"C8", "C9"}), (10.7, {"C8"}), (10.8, set())):
        street = Street().started()
        street.tick(step_ms=400)
        street.run(6.1)
        assert not street.tick().flash.any()
        street.run(red_s - 0.1)
        assert set(checks(street.show(GREEN, MILL))) == expected


def test_an_engine_may_stay_in_flash_by_itself() -> None:
    street = Street().started()
    street.tick(step_ms=400)
    street.lamps[:] = FLASH
    assert street.run(30) == []
    assert not street.tick().flash.any()
    assert list(street.monitor.permitted) == FLASH
    assert street.show(RED, *range(6)) == []
    street.run(5)
    assert "C9" in checks(street.show(GREEN, MILL))


def latched() -> Street:
    street = Street().started()
    street.show(GREEN, MILL, MILL_CROSSING)
    assert street.monitor.permitted[MILL] == FLASH_RED
    return street


def test_a_latch_stays_until_a_person_ends_it_and_says_why() -> None:
    street = latched()
    street.lamps[:] = RED
    assert street.run(3_600) == []
    assert list(street.tick().latched) == [False, True]
    record = street.monitor.reset(MILL_LANE, "Ada", "card checked, lamp wiring dry")
    assert (record.junction, record.by, record.at_ms) == (MILL_LANE, "Ada", street.now_ms)
    assert street.run(0.1) == []
    assert not street.tick().flash.any()
    street.run(11)
    assert street.drive(MILL) == []


def test_a_reset_before_six_seconds_of_flash_waits_for_them() -> None:
    street = latched()
    street.lamps[:] = RED
    street.monitor.reset(MILL_LANE, "Ada", "seen")
    street.run(5.8)
    assert street.tick().flash[MILL_LANE]
    street.run(0.2)
    assert not street.tick().flash[MILL_LANE]


def test_a_fault_that_is_still_there_latches_again() -> None:
    street = latched()
    street.lamps[[MILL, MILL_CROSSING]] = RED
    street.run(10)
    street.monitor.reset(MILL_LANE, "Ada", "try again")
    street.run(20)
    assert checks(street.show(GREEN, MILL, MILL_CROSSING)) == ["C1"]
    assert street.tick().latched[MILL_LANE]


@pytest.mark.parametrize(("junction", "by", "reason", "says"), [
    (2, "Ada", "seen", "no junction 2, allowed 0 to 1"), (-1, "Ada", "seen", "no junction -1"),
    (MARKET_STREET, "Ada", "seen", "Market Street is not latched"),
    (MILL_LANE, " ", "seen", "who resets"), (MILL_LANE, "Ada", "", "who resets"),
])  # fmt: skip
def test_a_reset_without_a_latch_or_a_name_is_refused(junction: int, by: str, reason: str, says: str) -> None:
    street = latched()
    with pytest.raises(ValueError, match=says):
        street.monitor.reset(junction, by, reason)


def test_a_latch_survives_a_loss_of_power() -> None:
    street = latched()
    again = Street(street.card, SafetyMonitor(street.card, latched=street.tick().latched))
    assert again.run(60) == []
    assert list(again.tick().latched) == [False, True]
    assert list(again.monitor.permitted) == [RED, RED, RED, RED, FLASH_RED, RED]
    before = SafetyMonitor(street.card, latched=street.tick().latched)
    assert before.reset(MILL_LANE, "Ada", "before any frame").at_ms == -1


def test_a_latched_junction_leaves_its_neighbour_alone() -> None:
    street = latched()
    for _ in range(3):
        assert street.drive(EAST, WEST) == []
        street.run(5)
        assert street.walk(CROSSING) == []
        street.run(5)
    assert street.monitor.card is street.card


def test_what_the_monitor_answers_cannot_be_written() -> None:
    street = Street().started()
    verdict = street.tick()
    for array in (verdict.flash, verdict.latched, verdict.permitted, street.monitor.permitted):
        with pytest.raises(ValueError):
            array[0] = 1


def test_a_quiet_street_costs_no_memory() -> None:
    import tracemalloc

    street = Street().started()

    def minutes(count: int) -> None:
        for _ in range(count):
            street.drive(EAST, WEST)
            street.run(5)
            street.drive(NORTH, yellow_s=3.4)
            street.run(5)

    minutes(3)
    tracemalloc.start()
    minutes(3)
    before, _ = tracemalloc.get_traced_memory()
    minutes(20)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 8_000


def test_a_count_of_frames_may_begin_at_zero_and_is_a_count_from_there() -> None:
    street = Street()
    street.sequence = -1
    assert street.tick().violations == ()
    street.sequence += 1
    assert checks(list(street.tick().violations)) == ["C12"], "frame 2 came after frame 0"


def test_a_clock_may_begin_at_zero() -> None:
    street = Street()
    street.now_ms = -100
    assert street.run(1) == []
    assert not street.tick().flash.any()


def test_six_seconds_after_a_fault_at_zero_are_six_seconds() -> None:
    street = Street()
    street.now_ms = -100
    street.lamps[MILL] = 7
    assert checks(list(street.tick().violations)) == ["C12"]
    street.lamps[MILL] = RED
    assert street.run(5.9) == []
    street.sequence += 1
    assert checks(street.run(0.1)) == ["C12"], "a frame is missing, six seconds later: another fault"
