"""Nothing is looked at again before it can matter: a quiet frame costs next to nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from controller.monitor.lamps import DARK, GREEN, RED, YELLOW
from tests.crossroads import EAST, MILL, MILL_CROSSING, MILL_LANE, NORTH, WEST, Street, checks, crossroads

PARTS = (
    ("_transitions", "judge"), ("_transitions", "judge_overlong_yellow"), ("_patience", "judge"),
    ("_patience", "pause"), ("_patience", "count"), ("_shown", "compare"),
)  # fmt: skip


def watched(street: Street) -> Counter[str]:
    """How often the monitor of this street has looked at what, from now on."""
    looks: Counter[str] = Counter()
    for part, method in PARTS:
        looks_at = getattr(getattr(street.monitor, part), method)

        def counted(*given: Any, _name: str = f"{part}.{method}", _looks_at: Any = looks_at) -> None:
            looks[_name] += 1
            _looks_at(*given)

        setattr(getattr(street.monitor, part), method, counted)
    return looks


def test_a_street_that_stays_as_it_is_is_not_looked_at() -> None:
    street = Street().started()
    looks = watched(street)
    street.run(60)
    assert not looks


def test_a_change_of_lamps_is_looked_at_once_and_so_is_what_the_street_shows_of_it() -> None:
    street = Street().started()
    looks = watched(street)
    street.show(GREEN, MILL)
    street.run(60)
    assert looks == {"_transitions.judge": 1, "_shown.compare": 1, "_patience.count": 2}


def test_what_is_lawful_is_answered_with_what_holds() -> None:
    street = Street().started()
    street.lamps[MILL] = GREEN
    for _ in range(3):
        assert street.tick() is street.monitor.quiet


def test_an_order_is_looked_at_in_every_frame_and_a_lease_of_nobodys_in_none() -> None:
    street = Street().started()
    looks, leases = watched(street), np.zeros(2, np.int64)
    for waived, told, seen in ((False, leases, 0), (True, None, 0), (True, leases + (1 << 40), 10)):
        street.waived[:] = waived
        for _ in range(10):
            street.now_ms, street.sequence = street.now_ms + 100, street.sequence + 1
            street.monitor.judge(
                street.now_ms, street.sequence, street.lamps, street.feedback, street.calls, street.waived,
                street.suspended, told,
            )  # fmt: skip
        assert looks["_patience.count"] == seen


def test_a_junction_that_is_latched_is_left_alone() -> None:
    street = Street().started()
    assert checks(street.show(GREEN, MILL, MILL_CROSSING)) == ["C1"]
    street.run(0.1)
    looks = watched(street)
    street.run(60)
    assert not looks


def test_a_street_slow_to_show_is_looked_at_when_it_should_have_shown() -> None:
    street = Street(crossroads(lamp_resolution_ms=1_000)).started()
    looks = watched(street)
    street.follow = False
    street.feedback[MILL] = DARK
    assert checks(street.run(2)) == ["C2"]
    assert looks["_shown.compare"] == 2, "when it went dark, and when that is too long"


def test_a_call_is_looked_at_when_its_time_is_over_and_no_millisecond_before() -> None:
    street = Street().started()
    looks = watched(street)
    street.calls[MILL_CROSSING] = True
    street.run(120.1)
    assert not looks["_patience.judge"]
    assert checks(street.run(0.1)) == ["C13"]
    assert looks["_patience.judge"] == 1
    street.run(300)
    assert looks["_patience.judge"] == 1


def test_a_call_that_waited_through_a_suspension_is_left_alone_as_well() -> None:
    street = Street().started()
    street.calls[MILL_CROSSING] = True
    street.run(0.1)
    street.suspended[MILL_LANE] = True
    street.run(10)
    street.suspended[MILL_LANE] = False
    street.run(0.1)
    looks = watched(street)
    street.run(119.9)
    assert not looks
    assert checks(street.run(0.1)) == ["C13"]
    assert looks["_patience.judge"] == 1
    assert not looks["_patience.pause"]


def test_a_green_that_is_held_is_looked_at_when_it_is_held_too_long() -> None:
    street = Street().started()
    street.calls[MILL_CROSSING] = True
    street.run(60)
    street.show(GREEN, MILL)
    assert checks(street.run(60.3)) == ["C13"]
    looks = watched(street)
    street.run(59)
    assert not looks["_patience.judge"]
    assert checks(street.run(1)) == ["C7"]
    assert looks["_patience.judge"] == 1
    street.run(60)
    assert looks["_patience.judge"] == 1


def test_a_new_green_after_an_alarm_is_looked_at_no_sooner_than_any_may_be_held_too_long() -> None:
    street = Street().started()
    street.calls[MILL_CROSSING] = True
    street.show(GREEN, MILL)
    street.run(150)
    street.show(YELLOW, MILL)
    street.run(2.9)
    looks = watched(street)
    street.show(RED, MILL)
    street.run(5)
    street.show(GREEN, MILL)
    street.run(110)
    assert not looks["_patience.judge"]


def test_a_green_that_begins_after_an_alarm_is_looked_at_in_the_first_millisecond_too_many() -> None:
    street = Street().started()
    street.calls[MILL_CROSSING] = True
    assert checks(street.run(130)) == ["C13"]
    looks = watched(street)
    assert street.show(GREEN, MILL) == []
    assert street.run(120) == []
    assert not looks["_patience.judge"]
    assert checks(list(street.tick(step_ms=1).alarms)) == ["C7"]


def test_a_yellow_is_looked_at_when_the_shortest_of_all_would_be_too_long_then_by_its_own_time() -> None:
    street = Street().started()
    street.show(GREEN, NORTH)
    street.run(10)
    looks = watched(street)
    street.show(YELLOW, NORTH)
    street.run(3.1)
    assert not looks["_transitions.judge_overlong_yellow"]
    street.run(0.2)
    assert looks["_transitions.judge_overlong_yellow"] == 1
    street.show(RED, NORTH)
    street.run(60)
    assert looks["_transitions.judge_overlong_yellow"] == 2, "once more at 3.6 s: there is none"
    street.drive(EAST, WEST)
    street.run(60)
    assert looks["_transitions.judge_overlong_yellow"] == 3


def test_a_flash_is_looked_at_when_it_may_end() -> None:
    street = Street().started()
    street.tick(step_ms=400)
    street.run(0.1)
    looks = watched(street)
    street.run(5.8)
    assert not looks["_transitions.judge"]
    street.run(0.2)
    assert looks["_transitions.judge"] >= 1
    assert not street.tick().flash.any()
    looks.clear()
    street.run(60)
    street.drive(EAST, WEST)
    assert looks["_patience.pause"] == 0, "nothing is suspended or resumed by a green"


def test_a_wrong_lamp_is_looked_at_twice_and_one_that_healed_never_again() -> None:
    street = Street().started()
    looks = watched(street)
    street.feedback[MILL] = DARK
    street.tick()
    street.run(10)
    assert looks["_shown.compare"] == 2, "dark, and healed"
    street.follow = False
    street.feedback[MILL] = DARK
    assert checks(street.run(0.2)) == ["C2"]
    street.feedback = street.monitor.permitted.copy()
    street.feedback[MILL] = DARK
    street.run(1)
    looks.clear()
    street.run(10)
    assert not looks["_shown.compare"]
