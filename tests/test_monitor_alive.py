"""What the monitor knows of those who must keep talking: heads, heartbeats, clocks, leases, and itself."""

from __future__ import annotations

import numpy as np
import pytest

from controller.monitor import SafetyMonitor, Verdict
from controller.monitor.heads import (
    DONT_WALK_BIT,
    DUAL,
    FLASHING_BIT,
    GREEN_BIT,
    RED_BIT,
    WALK_BIT,
    YELLOW_BIT,
    bits_lit,
    lamps_lit,
)
from controller.monitor.heartbeat import OPEN_QUESTIONS, Challenger, answer
from controller.monitor.lamps import CLEARANCE, DARK, FLASH_AMBER, FLASH_RED, GREEN, RED, YELLOW
from controller.monitor.self_test import one_pair_each, self_test
from controller.monitor.verdict import WHOLE_STREET
from controller.monitor.vigil import LEAD_MAX_MS, SILENCE_MAX_MS, Vigil
from tests.crossroads import EAST, NORTH, Street, crossroads

ROAD, WALK = np.array([False]), np.array([True])


def lit(bits: int, pedestrian: bool) -> int:
    return int(lamps_lit(np.array([bits], np.uint8), WALK if pedestrian else ROAD)[0])


@pytest.mark.parametrize(
    ("bits", "pedestrian", "lamp"),
    [
        (RED_BIT, False, RED),
        (GREEN_BIT, False, GREEN),
        (YELLOW_BIT, False, YELLOW),
        (RED_BIT | FLASHING_BIT, False, FLASH_RED),
        (YELLOW_BIT | FLASHING_BIT, False, FLASH_AMBER),
        (DONT_WALK_BIT, True, RED),
        (WALK_BIT, True, GREEN),
        (DONT_WALK_BIT | FLASHING_BIT, True, CLEARANCE),
        (0, False, DARK),
        (0, True, DARK),
        (RED_BIT | GREEN_BIT, False, DUAL),
        (WALK_BIT | DONT_WALK_BIT, True, DUAL),
        (GREEN_BIT, True, DUAL),
        (WALK_BIT, False, DUAL),
        (255, False, DUAL),
    ],
)
def test_a_head_says_what_it_lights(bits: int, pedestrian: bool, lamp: int) -> None:
    assert lit(bits, pedestrian) == lamp


def test_sound_heads_show_what_they_are_told() -> None:
    for pedestrian, lamps in (
        (False, (RED, GREEN, YELLOW, FLASH_RED, FLASH_AMBER, DARK)),
        (True, (RED, GREEN, CLEARANCE, DARK)),
    ):
        told = np.array(lamps, np.int8)
        who = np.full(len(told), pedestrian)
        assert lamps_lit(bits_lit(told, who), who).tolist() == list(lamps)


def test_red_and_green_together_is_caught_as_a_conflict_and_latched() -> None:
    """A relay that hangs: the head of a red group also shows green, beside the green of its conflict."""
    street = Street().started()
    assert street.show(GREEN, EAST) == []
    street.feedback[NORTH] = DUAL
    verdict = street.tick()
    assert {v.check for v in verdict.violations} == {"C1"}
    assert verdict.latched.tolist() == [True, False]
    assert "two lamps" in verdict.violations[0].sentence


def test_red_and_green_together_in_a_quiet_street_is_a_dual_indication() -> None:
    street = Street().started()
    found = []
    for _ in range(3):
        street.feedback[NORTH] = DUAL
        found += street.tick().violations
    assert [v.check for v in found] == ["C3"]
    assert "shows two lamps at once instead of red" in found[0].sentence


def test_a_heartbeat_answers_a_question_and_is_never_heard_twice() -> None:
    asks = Challenger()
    question = asks.ask(bytes(range(16)))
    right = answer(question, 1, b"lamps")
    assert not asks.accepts(answer(bytes(16), 1, b"lamps"), 1, b"lamps"), "another question"
    assert not asks.accepts(right, 1, b"other lamps"), "for other lamps"
    assert not asks.accepts(right, 2, b"lamps"), "under another number"
    assert asks.accepts(right, 1, b"lamps")
    assert not asks.accepts(right, 1, b"lamps"), "a recording"
    for k in range(OPEN_QUESTIONS):
        asks.ask(bytes([k]) * 16)
    assert not asks.accepts(answer(question, 3, b""), 3, b""), "too late"
    with pytest.raises(ValueError, match="16 bytes"):
        asks.ask(b"guess")


def test_silence_of_300_ms_is_found_by_the_monitors_own_clock() -> None:
    vigil = Vigil()
    assert vigil.overdue(0) == ("", ""), "nobody has spoken yet"
    vigil.heard(1000)
    assert vigil.overdue(1000 + SILENCE_MAX_MS) == ("", "")
    check, reason = vigil.overdue(1001 + SILENCE_MAX_MS)
    assert check == "C11"
    assert "301 ms" in reason
    vigil.rest()
    assert not vigil.awake
    assert vigil.overdue(99_999) == ("", "")


def test_an_engine_that_lives_and_proposes_nothing_is_found_too() -> None:
    vigil = Vigil()
    for own_ms in range(0, 500, 50):
        vigil.heard(own_ms)
        if own_ms == 0:
            vigil.asked(own_ms, 7)
    check, reason = vigil.overdue(460)
    assert check == "C12"
    assert "proposed nothing" in reason


def test_street_time_that_outruns_the_monitors_clock_is_not_believed() -> None:
    """A minute of green in half a minute: yellow would last half its time on the street."""
    vigil = Vigil()
    for k in range(1, 40):
        vigil.asked(50 * k, k)
        doubt = vigil.answered(50 * k, k, 100 * k)
        if doubt:
            break
    assert "ahead of the monitor's own clock" in doubt
    assert 50 * k >= LEAD_MAX_MS
    slow = Vigil()
    assert not any(slow.answered(1000 * k, k, 100 * k) for k in range(1, 40)), "held up is no haste"
    fast = Vigil(speed=20.0)
    assert not any(fast.answered(5 * k, k, 100 * k) for k in range(1, 40))


def test_a_clock_that_goes_back_is_no_clock() -> None:
    vigil = Vigil()
    vigil.heard(5000)
    vigil.overdue(5000)
    assert vigil.overdue(1400)[0] == "C12"


def leased(street: Street, until_ms: np.ndarray) -> Verdict:
    """One frame more, with what the engine says of leases."""
    street.now_ms += 100
    street.sequence += 1
    return street.monitor.judge(
        street.now_ms, street.sequence, street.lamps, street.feedback, street.calls, street.waived,
        street.suspended, until_ms,
    )  # fmt: skip


def test_an_orders_effect_that_outlasts_its_lease_is_an_alarm_once() -> None:
    street = Street().started()
    street.waived[0] = True
    until_ms = np.array([street.now_ms + 500, 0])
    alarms = []
    for _ in range(40):
        alarms += [(street.now_ms, a.check) for a in leased(street, until_ms).alarms]
    assert [check for _, check in alarms] == ["C14"]
    assert 0 <= alarms[0][0] - int(until_ms[0]) - 1000 <= 200


def test_a_lease_of_more_than_a_day_is_nobodys() -> None:
    street = Street().started()
    street.suspended[0] = True
    verdict = leased(street, np.array([street.now_ms + 25 * 3_600_000, 0]))
    assert [a.check for a in verdict.alarms] == ["C14"]
    assert "longer than a day" in verdict.alarms[0].sentence


def test_the_self_test_sees_every_pair_and_fails_where_nothing_is_seen() -> None:
    card = crossroads()
    assert len(one_pair_each(card)) == len(set(card.junction[card.pair_starting].tolist()))
    turns = {tuple(one_pair_each(card, turn)) for turn in range(20)}
    assert len(turns) > 3, "another conflict every time"
    assert [self_test(card, turn) for turn in range(20)] == [""] * 20


def test_the_self_test_fails_when_the_monitor_is_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "controller.monitor.transitions.TransitionChecks._report_conflicts", lambda *anything: None
    )
    assert self_test(crossroads()) != ""


def test_after_a_power_up_everything_flashes_six_seconds_and_is_red_for_six() -> None:
    card = crossroads()
    street = Street(card, SafetyMonitor(card, starts_in_flash=True))
    street.feedback = street.monitor.permitted.copy()
    drives = ~card.pedestrian
    assert (street.monitor.permitted[drives] == FLASH_RED).all(), "before anybody has said a word"
    flashed_ms = red_ms = 0
    for _ in range(121):
        verdict = street.tick()
        assert not verdict.violations
        flashed_ms += 100 * bool((verdict.permitted[drives] == FLASH_RED).all())
        red_ms += 100 * bool((verdict.permitted == RED).all())
    assert 6_000 <= flashed_ms <= 6_100
    assert red_ms >= 5_900


def test_a_card_that_is_not_the_engines_latches_everything() -> None:
    verdict = SafetyMonitor(crossroads()).refuse("C15", "another card")
    assert verdict.latched.all()
    assert [(v.sentence, v.junction, v.groups, v.measured_ms, v.required_ms) for v in verdict.violations] == [
        ("whole street: another card", WHOLE_STREET, (), 0, 0)
    ]
