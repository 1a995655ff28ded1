"""Stories of lamps that change too early, too late or beside the wrong ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from controller.monitor.lamps import CLEARANCE, FLASH_AMBER, FLASH_RED, GREEN, RED, YELLOW
from tests.crossroads import (
    CROSSING,
    EAST,
    MILL,
    MILL_CROSSING,
    MILL_LANE,
    NORTH,
    PAIRS,
    WEST,
    Street,
    checks,
    crossroads,
)  # fmt: skip


def test_a_lawful_hour_is_not_disturbed() -> None:
    street = Street().started()
    found = []
    for _ in range(90):
        found += street.drive(EAST, WEST) + street.run(2)
        found += street.drive(NORTH, yellow_s=3.4) + street.run(2)
        found += street.walk(CROSSING) + street.run(3)
    assert found == []
    assert not street.tick().flash.any()


def test_turning_traffic_that_yields_may_share_the_walk() -> None:
    street = Street().started()
    assert street.show(GREEN, NORTH, CROSSING) == []


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(range(6), 2)))
def test_two_groups_green_together_flash_at_once_exactly_if_they_conflict(one: int, other: int) -> None:
    street = Street().started()
    assert street.show(GREEN, one) == []
    street.run(20)
    found = street.show(GREEN, other)
    conflict = any({one, other} == {ending, starting} for ending, starting, _ in PAIRS)
    assert checks(found) == (["C1"] if conflict else [])
    if conflict:
        assert found[0].groups == (one, other)
        assert street.monitor.permitted[one] == (RED if one in (CROSSING, MILL_CROSSING) else FLASH_RED)
        assert street.monitor.permitted[other] == (RED if other in (CROSSING, MILL_CROSSING) else FLASH_RED)


def test_two_conflicting_greens_in_one_frame_are_one_violation() -> None:
    street = Street().started()
    found = street.show(GREEN, EAST, NORTH)
    assert checks(found) == ["C1"]
    assert "Market Street/east and Market Street/north: conflicting and both active" in found[0].sentence


@pytest.mark.parametrize("lamp", [YELLOW, CLEARANCE])
def test_a_group_still_clearing_is_active(lamp: int) -> None:
    street = Street().started()
    clearing, other = (MILL, MILL_CROSSING) if lamp == YELLOW else (MILL_CROSSING, MILL)
    street.show(GREEN, clearing)
    street.run(10)
    assert street.show(lamp, clearing) == []
    assert checks(street.show(GREEN, other)) == ["C1"]


def test_a_conflict_never_reaches_the_street() -> None:
    street = Street().started()
    street.show(GREEN, EAST)
    street.lamps[NORTH] = GREEN
    verdict = street.tick()
    assert list(verdict.permitted[:4]) == [FLASH_RED, FLASH_RED, FLASH_RED, RED]
    assert list(verdict.flash) == [True, False]
    assert list(verdict.latched) == [True, False]


@pytest.mark.parametrize(("yellow_s", "verdict"), [
    (0.1, "C4"), (2.6, "C4"), (2.8, "C4"), (2.9, ""), (3.0, ""), (3.1, ""), (3.2, "C10"), (3.5, "C10"),
])  # fmt: skip
def test_yellow_is_what_the_plan_says(yellow_s: float, verdict: str) -> None:
    street = Street().started()
    found = street.drive(MILL, yellow_s=yellow_s)
    assert checks(found) == ([verdict] if verdict else [])
    if verdict == "C4":
        assert (found[0].measured_ms, found[0].required_ms) == (round(yellow_s * 1_000), 2_900)
    if verdict == "C10":
        assert (found[0].measured_ms, found[0].required_ms) == (3_200, 3_100)


def test_a_yellow_that_never_ends_is_ended() -> None:
    street = Street().started()
    street.drive(MILL, yellow_s=3)
    street.run(15)
    street.show(GREEN, MILL)
    street.run(10)
    street.show(YELLOW, MILL)
    found = street.run(60)
    assert checks(found) == ["C10"]
    assert street.monitor.permitted[MILL] == FLASH_RED


@pytest.mark.parametrize(("group", "most_s"), [(MILL, 3.1), (NORTH, 3.5)])
def test_a_yellow_is_too_long_in_the_first_millisecond_after_a_frame_that_could_have_ended_it(
    group: int, most_s: float
) -> None:
    street = Street().started()
    street.show(GREEN, group)
    street.run(10)
    street.show(YELLOW, group)
    assert street.run(most_s) == []
    assert checks(list(street.tick(step_ms=1).violations)) == ["C10"]


def test_a_floor_holds_where_the_plan_would_allow_less() -> None:
    short = crossroads(yellow_ms=np.array([3_000, 3_000, 3_400, 0, 2_700, 0]))
    found = Street(short).started().drive(MILL, yellow_s=2.6)
    assert [(v.check, v.required_ms) for v in found] == [("C4", 2_700)]


def test_a_late_frame_is_not_blamed_on_the_yellow() -> None:
    street = Street().started()
    street.show(GREEN, MILL)
    street.run(7)
    street.show(YELLOW, MILL)
    street.run(2.9)
    street.lamps[MILL] = RED
    verdict = street.tick(step_ms=300)  # yellow lasted 3.2 s; nobody could have ended it earlier
    assert verdict.violations == ()


def test_where_lamps_change_once_a_second_yellow_is_rounded_up() -> None:
    card = crossroads(lamp_resolution_ms=1_000)
    assert Street(card).started().drive(NORTH, yellow_s=4.0) == []
    assert Street(card).started().drive(NORTH, yellow_s=3.4) == []
    assert checks(Street(card).started().drive(NORTH, yellow_s=4.2)) == ["C10"]


def test_a_skipped_yellow_flashes_in_the_same_frame() -> None:
    street = Street().started()
    street.show(GREEN, MILL)
    street.run(10)
    found = street.show(RED, MILL)
    assert [(v.check, v.measured_ms) for v in found] == [("C4", 0)]
    assert street.monitor.permitted[MILL] == FLASH_RED


@pytest.mark.parametrize(("red_s", "verdict"), [(2.4, ""), (1.9, ""), (2.0, ""), (1.8, "C5"), (0.1, "C5")])
def test_red_clearance_before_a_conflicting_green(red_s: float, verdict: str) -> None:
    street = Street().started()
    street.drive(EAST, WEST)
    street.run(red_s - 0.1)
    found = street.show(GREEN, NORTH)
    assert set(checks(found)) == ({verdict} if verdict else set())
    if verdict:
        assert {v.groups for v in found} == {(EAST, NORTH), (WEST, NORTH)}
        assert {(v.measured_ms, v.required_ms) for v in found} == {(3_000 + round(red_s * 1_000), 4_900)}


@pytest.mark.parametrize(("ending", "starting", "intergreen_ms"), PAIRS)
def test_each_pair_waits_its_own_intergreen(ending: int, starting: int, intergreen_ms: int) -> None:
    walks = ending in (CROSSING, MILL_CROSSING)
    least_ms = intergreen_ms if walks else intergreen_ms - 100
    for waited_ms in (least_ms - 100, least_ms):
        street = Street().started()
        street.run(10)
        if walks:
            street.walk(ending)
            street.run((waited_ms - 8_000 - 100) / 1_000)
        else:
            yellow_s = 3.4 if ending == NORTH else 3.0
            street.drive(ending, yellow_s=yellow_s)
            street.run((waited_ms - yellow_s * 1_000 - 100) / 1_000)
        found = street.show(GREEN, starting)
        assert checks(found) == ([] if waited_ms == least_ms else ["C8" if walks else "C5"])


def test_minimum_green_is_an_alarm_and_can_be_waived() -> None:
    street = Street().started()
    found = street.drive(MILL, green_s=6.9)
    assert [(v.check, v.measured_ms, v.required_ms) for v in found] == [("C6", 6_900, 7_000)]
    assert not street.tick().flash.any()
    street.run(10)
    street.waived[MILL_LANE] = True
    assert street.drive(MILL, green_s=0.5) == []
    street.run(10)
    street.waived[:] = [True, False]
    assert checks(street.drive(MILL, green_s=0.5)) == ["C6"]


def test_a_walk_cut_two_seconds_short_flashes_the_junction_within_200_ms() -> None:
    street = Street().started()
    street.waived[:] = True  # never for people on foot
    street.show(GREEN, CROSSING)
    street.run(4.9)
    cut_at_ms = street.now_ms
    found = street.show(CLEARANCE, CROSSING)
    assert [(v.check, v.measured_ms, v.required_ms) for v in found] == [("C8", 5_000, 7_000)]
    assert street.now_ms - cut_at_ms <= 200
    assert list(street.monitor.permitted[:4]) == [FLASH_RED, FLASH_RED, FLASH_RED, RED]


@pytest.mark.parametrize("clearance_s", [0.1, 7.9])
def test_a_pedestrian_clearance_is_never_cut_not_even_by_a_tick(clearance_s: float) -> None:
    found = Street().started().walk(CROSSING, clearance_s=clearance_s)
    assert [(v.check, v.measured_ms, v.required_ms) for v in found] == [
        ("C8", round(clearance_s * 1_000), 8_000)
    ]


def test_clearance_may_take_longer() -> None:
    assert Street().started().walk(CROSSING, clearance_s=12) == []


def test_the_buffer_after_clearance_is_kept_to_the_tick() -> None:
    street = Street().started()
    street.walk(MILL_CROSSING)
    street.run(2.8)
    found = street.show(GREEN, MILL)
    assert [(v.check, v.measured_ms, v.required_ms) for v in found] == [("C8", 10_900, 11_000)]


def test_the_first_green_waits_as_if_everything_had_just_been_green() -> None:
    street = Street()
    assert street.run(5) == []
    assert checks(street.show(GREEN, MILL)) == ["C8"]
    patient = Street()
    assert patient.run(11) == []
    assert patient.show(GREEN, MILL) == []


def test_a_street_that_starts_with_a_green_is_flashed() -> None:
    street = Street()
    street.lamps[EAST] = GREEN
    verdict = street.tick()
    found = [(v.check, v.groups, v.measured_ms, v.required_ms) for v in verdict.violations]
    assert found == [("C9", (EAST,), 0, 0)]
    assert list(verdict.latched) == [True, False]


def test_a_street_may_start_in_flash_and_then_shows_six_seconds_of_red() -> None:
    for red_s, found in ((5.9, ["C9"]), (6.0, [])):
        street = Street()
        street.lamps[MILL] = FLASH_RED
        assert street.run(20) == []
        assert street.show(RED, MILL) == []
        street.run(red_s - 0.1)
        assert checks(street.show(GREEN, MILL)) == found


def test_a_program_flash_begins_from_all_red_only() -> None:
    street = Street().started()
    assert street.show(FLASH_RED, EAST, WEST, NORTH) == []
    busy = Street().started()
    busy.drive(EAST)
    busy.show(GREEN, WEST)
    found = busy.show(FLASH_RED, NORTH)
    assert checks(found) == ["C9"]
    assert "not all red" in found[0].sentence


def test_flash_elsewhere_is_no_reason_to_stay_red() -> None:
    street = Street().started()
    assert street.show(FLASH_RED, MILL) == []
    assert street.drive(EAST, WEST) == []


def test_nothing_turns_green_beside_a_flashing_group() -> None:
    street = Street().started()
    street.show(FLASH_RED, EAST, WEST)
    found = street.show(GREEN, NORTH)
    assert checks(found) == ["C9"]
    assert "flashing junction" in found[0].sentence
    leaving = Street().started()
    leaving.show(FLASH_RED, EAST, WEST)
    leaving.run(10)
    leaving.lamps[[EAST, WEST]] = RED
    assert "C9" in checks(leaving.show(GREEN, NORTH))


def test_nobody_is_waved_through_by_an_amber_flash() -> None:
    """R38: a flash is red to everybody. In a storm a mad engine let one approach flash amber for ever."""
    street = Street().started()
    assert checks(street.show(FLASH_AMBER, EAST)) == ["C9"]
    both = Street().started()
    assert set(checks(both.show(FLASH_AMBER, EAST, NORTH))) == {"C1", "C9"}


def test_amber_waits_for_the_intergreen_too() -> None:
    street = Street().started()
    street.drive(EAST, WEST)
    assert set(checks(street.show(FLASH_AMBER, NORTH))) == {"C5", "C9"}
