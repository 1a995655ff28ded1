"""Stories of drivers who give way: nobody starts in their yellow, nor they before a WALK has led."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from controller.monitor.lamps import CLEARANCE, GREEN, RED, YELLOW
from tests.crossroads import CROSSING, EAST, MARKET_STREET, NORTH, WEST, Street, checks, crossroads

LEAD_MS = 3_000


def giving_way(lead_ms: int = LEAD_MS, **changes: Any) -> Street:
    """North's drivers give way to the crossing, which leads them, and west's, turning, to east's."""
    card = crossroads(
        yield_drivers=np.array([WEST, NORTH]), yield_to=np.array([EAST, CROSSING]),
        yield_lead_ms=np.array([0, lead_ms]), **changes,
    )  # fmt: skip
    return Street(card).started()


def yellow_for(seconds: float, drivers: int, **changes: Any) -> Street:
    """Those drivers have shown yellow for so long, after green; 0 = it begins with the next frame."""
    street = giving_way(**changes)
    street.show(GREEN, drivers)
    street.run(10)
    street.lamps[drivers] = YELLOW
    street.run(seconds)
    return street


def test_rows_of_a_card_stand_in_one_order_whoever_wrote_them() -> None:
    card = giving_way().card
    other = crossroads(
        yield_drivers=card.yield_drivers[::-1], yield_to=card.yield_to[::-1],
        yield_lead_ms=card.yield_lead_ms[::-1],
    )  # fmt: skip
    assert card.yield_to.tolist() == [EAST, CROSSING]
    assert other.digest() == card.digest() != giving_way(lead_ms=0).card.digest()


@pytest.mark.parametrize(
    ("drivers", "to", "yellow_s", "check"), [(NORTH, CROSSING, 3.4, "C8"), (WEST, EAST, 3.0, "C5")]
)
def test_nobody_starts_while_who_gives_way_has_yellow(
    drivers: int, to: int, yellow_s: float, check: str
) -> None:
    """They were free to go until then: in the yellow's own frame, in its middle and 0.2 s before its end."""
    for into_s in (0.0, 0.1, 1.5, yellow_s - 0.2):
        street = yellow_for(into_s, drivers)
        found = street.show(GREEN, to)
        required_ms = round(1_000 * yellow_s) - 100
        assert [(v.check, v.groups, v.measured_ms, v.required_ms) for v in found] == [
            (check, (drivers, to), round(1_000 * into_s), required_ms)
        ]
        assert list(street.tick().latched) == [True, False]


@pytest.mark.parametrize(("drivers", "to", "yellow_s"), [(NORTH, CROSSING, 3.4), (WEST, EAST, 3.0)])
def test_a_yellow_that_ends_in_this_very_frame_is_over(drivers: int, to: int, yellow_s: float) -> None:
    street = yellow_for(yellow_s, drivers)
    street.lamps[drivers] = RED
    assert street.show(GREEN, to) == []
    late = yellow_for(yellow_s, drivers, lamp_resolution_ms=500)  # rounded up, that of 3.4 s lasts 3.5 s
    assert late.show(GREEN, to) == []


@pytest.mark.parametrize(("drivers", "to", "yellow_s"), [(NORTH, CROSSING, 3.4), (WEST, EAST, 3.0)])
def test_a_yellow_that_has_lasted_long_enough_holds_nobody_up(drivers: int, to: int, yellow_s: float) -> None:
    street = yellow_for(yellow_s - 0.1, drivers)
    assert street.show(GREEN, to) == [], "0.1 s are forgiven"


def test_who_gives_way_may_be_green_and_turn_yellow_beside_them() -> None:
    street = giving_way()
    assert street.show(GREEN, NORTH) == []
    street.run(10)
    assert street.show(GREEN, CROSSING) == []
    assert street.run(10) == []
    assert street.show(YELLOW, NORTH) == []
    assert street.run(3.3) == []
    assert street.show(RED, NORTH) == []


def test_a_yellow_elsewhere_is_nobodys_business() -> None:
    """East's yellow is no reason for north's crossing alone: they conflict, and C1 says so."""
    street = giving_way()
    street.drive(EAST)
    street.run(2)
    assert street.show(GREEN, WEST) == []
    street.run(10)
    assert street.show(YELLOW, WEST) == []
    assert street.run(2.9) == []
    assert street.show(RED, WEST) == []


@pytest.mark.parametrize("led_s", [0.0, 0.1, 2.9, 3.0, 6.0])
def test_drivers_start_when_the_walk_has_led_them_long_enough(led_s: float) -> None:
    street = giving_way()
    street.lamps[CROSSING] = GREEN
    street.run(led_s)
    found = street.show(GREEN, NORTH)
    led_ms = round(1_000 * led_s)
    assert [(v.check, v.groups, v.measured_ms, v.required_ms) for v in found] == (
        [("C8", (CROSSING, NORTH), led_ms, LEAD_MS)] if led_ms < LEAD_MS else []
    )
    assert street.tick().latched[MARKET_STREET] == (led_ms < LEAD_MS)


def test_a_walk_that_does_not_lead_begins_with_the_drivers_and_one_that_is_over_leads_nobody() -> None:
    assert giving_way(lead_ms=0).show(GREEN, NORTH, CROSSING) == []
    street = giving_way()
    assert street.show(GREEN, CROSSING) == []
    street.run(7)
    assert street.show(CLEARANCE, CROSSING) == []
    assert checks(street.show(GREEN, NORTH)) == []
