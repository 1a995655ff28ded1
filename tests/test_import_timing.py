"""Yellow, red clearance and walking times against worked examples and plain geometry."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.importers.sumo_timing import (
    OVER_LIMIT_M_PER_S,
    TURN_SPEED_M_PER_S,
    Path,
    meeting,
    red_clearance_s,
    turn_speed_m_per_s,
    up_ms,
    walk_ms,
    yellow_ms,
)


@pytest.mark.parametrize(
    ("limit_km_per_h", "expected_ms"),
    [
        (30, 3000),
        (40, 3400),
        (50, 3800),
        (60, 4300),
        (70, 4800),
        (80, 5200),
    ],
)
def test_yellow_is_the_worked_table_of_the_rules(limit_km_per_h: int, expected_ms: int) -> None:
    assert yellow_ms(limit_km_per_h / 3.6 + OVER_LIMIT_M_PER_S, own_ms=0) == expected_ms


def test_yellow_stays_within_bounds_and_keeps_a_longer_one() -> None:
    assert yellow_ms(2.0, own_ms=0) == 3000
    assert yellow_ms(60.0, own_ms=0) == 6000
    assert yellow_ms(13.9, own_ms=5000) == 5000
    assert yellow_ms(13.9, own_ms=9000) == 6000


@given(st.floats(3.0, 60.0))
def test_walk_and_clearance_let_a_slow_walker_across(length_m: float) -> None:
    walk, clearance = walk_ms(length_m), up_ms(length_m / 1.07)
    assert walk >= 7000
    assert clearance >= 1000 * length_m / 1.07 - 1e-6
    assert clearance % 100 == walk % 100 == 0
    assert walk + clearance >= 1000 * (length_m + 1.83) / 0.91 - 1e-3


def test_the_slow_walker_asks_for_more_only_on_crossings_beyond_thirty_metres() -> None:
    assert walk_ms(28.0) == 7000
    assert walk_ms(36.0) > 7000


def straight(ax: float, ay: float, bx: float, by: float, speed: float = 10.0) -> Path:
    return Path(((ax, ay), (bx, by)), math.dist((ax, ay), (bx, by)), 3.0, speed, speed)


def test_red_clearance_takes_the_last_tail_past_the_far_side_before_the_next_front_arrives() -> None:
    along, across = straight(0, 0, 30, 0), straight(20, -5, 20, 5)
    # 20 m to the middle, 1.5 m to the far side, 6 m of vehicle; the other has 5 - 1.5 m to drive.
    assert red_clearance_s(along, across) == pytest.approx((20 + 1.5 + 6) / 10 - 3.5 / 10)
    assert red_clearance_s(along, across, to_pedestrians=True) == pytest.approx(2.75)


def test_paths_that_never_meet_count_with_their_whole_length() -> None:
    assert meeting(((0, 0), (10, 0)), ((0, 5), (10, 5))) is None
    assert red_clearance_s(straight(0, 0, 30, 0), straight(0, 5, 30, 5)) == pytest.approx(3.6)


def test_two_ways_into_one_lane_meet_at_its_beginning() -> None:
    bend = ((0.0, -10.0), (5.0, -2.0), (12.0, 0.0))
    hit = meeting(((0, 0), (12, 0)), bend)
    assert hit is not None
    assert hit[0] == pytest.approx(12.0)
    assert hit[1] == pytest.approx(math.dist((0, -10), (5, -2)) + math.dist((5, -2), (12, 0)))


@given(st.tuples(*[st.floats(-50, 50)] * 4), st.tuples(*[st.floats(-50, 50)] * 4))
def test_a_meeting_point_lies_on_both_ways(a: tuple[float, ...], b: tuple[float, ...]) -> None:
    first, second = ((a[0], a[1]), (a[2], a[3])), ((b[0], b[1]), (b[2], b[3]))
    hit = meeting(first, second)
    if hit is None:
        return

    def at(way: tuple[tuple[float, float], ...], m: float) -> tuple[float, float]:
        part = m / math.dist(*way)
        return tuple(p + (q - p) * part for p, q in zip(*way, strict=True))  # type: ignore[return-value]

    # At a very small angle the point is not sharp; the sine says how sharp.
    assert math.dist(at(first, hit[0]), at(second, hit[1])) <= 1e-3 / max(hit[2], 1e-6)


def test_wide_turns_are_driven_faster_than_tight_ones() -> None:
    def arc(radius_m: float) -> tuple[tuple[float, float], ...]:
        return tuple(
            (radius_m * math.sin(k * math.pi / 40), radius_m * (1 - math.cos(k * math.pi / 40)))
            for k in range(21)
        )

    assert turn_speed_m_per_s(arc(8.0), 8.0 * math.pi / 2) == TURN_SPEED_M_PER_S
    assert turn_speed_m_per_s(arc(40.0), 40.0 * math.pi / 2) == pytest.approx(math.sqrt(120.0), rel=0.05)
