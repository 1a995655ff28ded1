"""Times as people read and type them."""

from __future__ import annotations

import pytest

from tui.ages import BadTime, against, ago, clock, countdown, duration, lateness, left, short, typed

S, MIN, H = 1_000, 60_000, 3_600_000


@pytest.mark.parametrize(
    ("ms", "long", "brief"),
    [
        (0, "0 s", "0s"),
        (999, "0 s", "0s"),
        (59 * S, "59 s", "59s"),
        (2 * MIN + 5 * S, "2 min 05 s", "2m05"),
        (3 * MIN, "3 min", "3m00"),
        (12 * MIN + 40 * S, "12 min", "12m"),
        (3 * H + 20 * MIN, "3 h 20 min", "3h20"),
        (2 * H, "2 h", "2h00"),
        (52 * H, "2 d 4 h", "2d4h"),
        (480 * H, "20 d", "20d"),
        (-5, "0 s", "0s"),
    ],
)
def test_durations(ms: int, long: str, brief: str) -> None:
    assert duration(ms) == long
    assert short(ms) == brief
    assert len(brief) <= 5


def test_what_is_not_over_never_says_nothing_is_left() -> None:
    assert left(1) == "1 s left"
    assert left(0) == "over"
    assert countdown(1) == "0:01"
    assert countdown(118_000) == "1:58"
    assert countdown(2 * H + 5 * MIN) == "2:05:00"
    assert ago(500) == "just now"
    assert ago(4_000) == "4 s ago"


def test_lateness_and_promises() -> None:
    assert lateness(10) == "on time"
    assert lateness(130) == "2 min late"
    assert lateness(-70) == "1 min early"
    assert against(35 * S, 90 * S) == "35 s of 1 min 30 s"
    assert against(100 * S, 90 * S) == "1 min 40 s, 10 s over the promise"
    assert clock(3 * H + 4 * MIN + 5 * S + 24 * H) == "03:04:05"


def test_what_people_type() -> None:
    assert typed("90s") == 90 * S
    assert typed("5") == 5 * MIN
    assert typed(" 5 min ") == 5 * MIN
    assert typed("2H") == 2 * H
    for text in ("", "soon", "-5", "1.5h", "0s", "99999999999999"):
        with pytest.raises(BadTime):
            typed(text)
    with pytest.raises(BadTime, match="3 min at most"):
        typed("4min", most_ms=3 * MIN)
