"""Stories of a street that shows something else than it was told."""

from __future__ import annotations

import numpy as np
import pytest

from controller.monitor import Card
from controller.monitor.lamps import CLEARANCE, DARK, FLASH_RED, GREEN, RED, YELLOW
from tests.crossroads import (
    CROSSING,
    EAST,
    MARKET_STREET,
    MILL,
    MILL_LANE,
    NORTH,
    PAIRS,
    WEST,
    Street,
    checks,
    crossroads,
)  # fmt: skip


def test_a_street_one_frame_late_is_healthy() -> None:
    street = Street().started()
    street.follow = False
    late = street.monitor.permitted.copy()
    for lamp, seconds in ((GREEN, 7), (YELLOW, 3), (RED, 5), (GREEN, 7)):
        for _ in range(seconds * 10):
            street.lamps[MILL] = lamp
            street.feedback = late
            late = street.monitor.permitted.copy()
            assert street.tick().violations == ()


@pytest.mark.parametrize(
    ("shown", "check"), [(DARK, "C2"), (GREEN, "C3"), (FLASH_RED, "C3"), (99, "C3"), (-1, "C3")]
)
def test_a_lamp_that_shows_something_else_for_two_frames_flashes_its_junction(shown: int, check: str) -> None:
    street = Street().started()
    street.follow = False
    street.feedback[MILL] = shown
    assert street.tick().violations == ()
    verdict = street.tick()
    assert [(v.check, v.groups, v.measured_ms) for v in verdict.violations] == [(check, (MILL,), 100)]
    assert list(verdict.latched) == [False, True]


def test_what_it_shows_is_said_by_name() -> None:
    for shown, name in ((RED, "red"), (DARK, "dark"), (99, "unknown lamp 99"), (-1, "unknown lamp -1")):
        street = Street().started()
        street.show(GREEN, MILL)
        street.follow = False
        street.feedback[MILL] = shown
        sentence = (*street.tick().violations, *street.tick().violations)[0].sentence
        assert sentence == f"Mill Lane/mill: shows {name} instead of green for 100 ms"


def test_a_conflict_that_is_new_on_the_card_is_seen_on_the_street() -> None:
    """East and west drive together until a card says that they conflict."""
    street = Street().started()
    new = [(EAST, WEST, 5_000), (WEST, EAST, 5_000)]
    ending, starting, intergreen_ms = (np.array(column) for column in zip(*PAIRS, *new, strict=True))
    street.monitor.take_card(
        MARKET_STREET,
        crossroads(pair_ending=ending, pair_starting=starting, pair_intergreen_ms=intergreen_ms),
    )
    street.feedback = street.monitor.permitted.copy()
    assert street.run(20) == []
    assert street.show(GREEN, WEST) == []
    street.run(10)
    street.feedback[EAST] = GREEN
    assert [(v.check, v.groups) for v in street.tick().violations] == [("C1", (WEST, EAST))]


def crossings_alone(promise_ms: int = 90_000) -> Card:
    """A junction that shows the same in flash as in red: two crossings, of which nobody crosses the other."""
    return Card(
        junction_names=("Park",), group_names=("north", "south"), junction=np.array([0, 0]),
        pedestrian=np.array([True, True]), yellow_ms=np.array([0, 0]), min_green_ms=np.array([7_000, 7_000]),
        clearance_ms=np.array([8_000, 8_000]), promise_ms=np.array([90_000, promise_ms]),
        turn_on_red=np.array([False, False]), pair_ending=np.zeros(0, np.int64),
        pair_starting=np.zeros(0, np.int64), pair_intergreen_ms=np.zeros(0, np.int64),
    )  # fmt: skip


def test_a_flash_ends_where_nobody_can_see_it_begin() -> None:
    street = Street(crossings_alone()).started()
    assert checks(list(street.tick(step_ms=400).violations)) == ["C12"]
    assert street.run(5.9) == []
    assert street.monitor.quiet.flash[0]
    assert not street.tick().flash[0]
    assert street.run(10) == []
    street.monitor.take_card(0, crossings_alone(promise_ms=80_000))
    assert street.run(5.9) == []
    assert street.monitor.quiet.flash[0]
    assert not street.tick().flash[0]
    assert street.run(6) == []
    assert street.show(GREEN, 0, 1) == []


def test_one_bad_reading_is_forgiven_however_often() -> None:
    street = Street().started()
    street.follow = False
    for _ in range(20):
        street.feedback[MILL] = DARK
        assert street.tick().violations == ()
        street.feedback[MILL] = RED
        assert street.tick().violations == ()


def test_a_lamp_that_stays_dark_is_reported_once() -> None:
    street = Street().started()
    street.follow = False
    found = []
    for _ in range(50):
        street.feedback = street.monitor.permitted.copy()
        street.feedback[MILL] = DARK
        found += street.tick().violations
    assert checks(found) == ["C2"]


def test_a_conflict_shown_on_the_street_flashes_at_once() -> None:
    street = Street().started()
    street.show(GREEN, EAST)
    street.run(10)
    street.feedback[NORTH] = GREEN
    verdict = street.tick()
    assert [(v.check, v.groups) for v in verdict.violations] == [("C1", (EAST, NORTH))]
    assert verdict.latched[MARKET_STREET]
    street.feedback[NORTH] = GREEN
    assert checks(list(street.tick().violations)) == ["C3"]  # it flashes already: no second C1


def test_a_conflict_is_said_from_whoever_shows_what_he_should_not() -> None:
    street = Street().started()
    street.show(GREEN, NORTH)
    street.run(10)
    street.feedback[EAST] = GREEN
    found = [(v.check, v.groups, v.measured_ms, v.required_ms) for v in street.tick().violations]
    assert found == [("C1", (NORTH, EAST), 0, 0)]


def test_two_wrong_lamps_in_conflict_are_one_violation() -> None:
    street = Street().started()
    street.feedback[[EAST, CROSSING]] = (YELLOW, CLEARANCE)
    assert [(v.check, v.groups) for v in street.tick().violations] == [("C1", (EAST, CROSSING))]


def test_the_last_program_of_another_controller_is_none_of_ours() -> None:
    street = Street()
    street.feedback[:] = GREEN
    assert street.tick().violations == ()


def test_where_lamps_change_once_a_second_the_street_may_be_two_steps_behind() -> None:
    street = Street(crossroads(lamp_resolution_ms=1_000)).started()
    street.follow = False
    street.feedback[MILL] = DARK
    for _ in range(19):
        assert street.tick().violations == ()
    verdict = street.tick()
    assert [(v.check, v.measured_ms, v.required_ms) for v in verdict.violations] == [("C2", 1_900, 1_900)]
    assert verdict.latched[MILL_LANE]


def test_a_lamp_dark_since_before_the_first_frame_is_found() -> None:
    street = Street()
    street.follow = False
    street.feedback[MILL] = DARK
    assert street.tick().violations == ()
    assert street.tick().violations == ()
    assert checks(list(street.tick().violations)) == ["C2"]


def test_a_lamp_dark_through_a_flash_is_found() -> None:
    street = Street().started()
    street.follow = False
    street.feedback[MILL] = DARK
    street.tick()
    assert checks(list(street.tick(step_ms=400).violations)) == ["C12"]
    found = []
    for _ in range(2):
        street.feedback = street.monitor.permitted.copy()
        street.feedback[MILL] = DARK
        found += street.tick().violations
    assert checks(found) == ["C2"]
    assert list(street.tick().latched) == [False, True]
