"""Who falls silent, who asks wrongly, and what the self-test says of a monitor that sees too little."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from controller.monitor import SafetyMonitor, Verdict, self_test
from controller.monitor.heartbeat import QUESTION_BYTES, Challenger, answer
from controller.monitor.lamps import FLASH_RED, GREEN, RED
from controller.monitor.vigil import Vigil
from tests.crossroads import EAST, NORTH, Street, crossroads


def test_when_the_engine_is_gone_the_street_flashes_and_takes_a_new_one_with_a_count_of_its_own() -> None:
    street = Street().started()
    street.drive(EAST)
    lost = street.monitor.lose("C11", "the engine is gone")
    assert lost.flash.all()
    assert not lost.latched.any()
    assert [v.check for v in lost.violations] == ["C11"]
    assert street.monitor.quiet.flash.all()
    assert not street.monitor.latched.any()
    street.sequence, street.now_ms = 5, street.now_ms + 60_000
    street.lamps[:] = RED
    began_ms = street.now_ms
    while street.tick().flash.any():
        assert street.now_ms < began_ms + 20_000
    assert street.now_ms - began_ms == 6_100, "the flash lasts six seconds from the new engine's first word"
    assert street.run(12) == []
    assert street.drive(EAST) == [], "and then it drives as ever"


def test_leases_of_the_wrong_form_are_not_believed() -> None:
    for leases in (np.zeros(1, np.int64), np.zeros(2, np.float64)):
        street = Street().started()
        street.waived[0] = True
        verdict = street.monitor.judge(
            street.now_ms + 100, street.sequence + 1, street.lamps, street.feedback, street.calls,
            street.waived, street.suspended, leases,
        )  # fmt: skip
        assert verdict.flash.all()
        assert [v.check for v in verdict.violations] == ["C12"]


def test_a_question_is_as_long_as_agreed_and_forgotten_when_told() -> None:
    challenger = Challenger()
    with pytest.raises(ValueError, match="a question has"):
        challenger.ask(b"short")
    question, lamps = challenger.ask(bytes(range(QUESTION_BYTES))), b"\x01\x02"
    given = answer(question, 7, lamps)
    challenger.forget()
    assert not challenger.accepts(given, 7, lamps), "what is forgotten is not asked"
    challenger.ask(question)
    assert challenger.accepts(given, 7, lamps)
    challenger.ask(question)
    assert not challenger.accepts(given, 7, lamps), "never twice"
    challenger.forget(another=True)
    challenger.ask(question)
    assert challenger.accepts(given, 7, lamps), "another engine counts anew"


def test_an_engine_that_rests_is_not_awaited() -> None:
    vigil = Vigil()
    assert not vigil.awake
    assert vigil.overdue(1_000) == ("", "")
    vigil.heard(1_000)
    vigil.asked(1_000, 1)
    vigil.asked(1_100, 2)
    assert vigil.awake
    assert vigil.answered(1_150, 1, 1_150) == "", "an older reading's answer: the newer one is still awaited"
    vigil.rest()
    assert vigil.overdue(9_000) == ("", "")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("refuses red", "all red was refused"),
        ("permits green", "a green of a conflict was permitted"),
        ("flashes too much", "flashes without a conflict"),
        ("says another check", "not as C1"),
    ],
)
def test_the_self_test_says_what_it_missed(spoil: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    true = SafetyMonitor.judge

    def spoilt(monitor: SafetyMonitor, now_ms: int, sequence: int, lamps: Any, *rest: Any) -> Verdict:
        verdict = true(monitor, now_ms, sequence, lamps, *rest)
        if spoil == "refuses red" and sequence == 3:
            return Verdict(verdict.flash, verdict.latched, verdict.permitted,
                           monitor.refuse("C15", "no").violations, ())  # fmt: skip
        if not (lamps == GREEN).any():
            return verdict
        flash, latched, permitted = verdict.flash.copy(), verdict.latched.copy(), verdict.permitted.copy()
        violations = verdict.violations
        if spoil == "permits green":
            permitted[:] = GREEN
        elif spoil == "flashes too much":
            flash[:] = latched[:] = True
        elif spoil == "says another check":
            violations = ()
        return Verdict(flash, latched, permitted, violations, ())

    # One conflict only, at the first junction: the second has nothing to find.
    card = crossroads(
        pair_ending=np.array([EAST, NORTH]), pair_starting=np.array([NORTH, EAST]),
        pair_intergreen_ms=np.array([5_000, 5_400]),
    )  # fmt: skip
    assert self_test.self_test(card) == ""
    monkeypatch.setattr(SafetyMonitor, "judge", spoilt)
    assert said in self_test.self_test(card)


def test_a_flash_is_red_for_drivers_and_steady_for_walkers() -> None:
    monitor = Street().started().monitor
    assert monitor.lose("C11", "gone").permitted.tolist() == [FLASH_RED] * 3 + [RED, FLASH_RED, RED]
