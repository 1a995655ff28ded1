"""What the record says of each complaint: stories of a crossing, minute by minute."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from override.citizen.evidence import LOOK_BACK_MS, Finding, Verdict, slow_walk_ms
from override.citizen.language import TAGS, language
from override.citizen.record import Code
from override.flag_messages import Kind
from tests.citizen_street import CAR, CitizenStreet


@pytest.fixture
def street(tmp_path: Path) -> Iterator[CitizenStreet]:
    street = CitizenStreet(tmp_path)
    for _ in range(20):  # some minutes of a crossing that works
        street.cycle()
    yield street
    street.close()


def judge(street: CitizenStreet, kind: Kind, signal: str = "") -> Finding:
    dealing = street.office.dealing
    found = dealing.directory.find(signal or street.pole())
    assert found is not None
    return dealing.witness.judge(kind, found, dealing.record.now_ms)


def test_a_button_that_is_pressed_and_served_works(street: CitizenStreet) -> None:
    finding = judge(street, Kind.BUTTON_DEAD)
    assert finding.verdict is Verdict.REFUTES
    assert "presses" in finding.words.english
    assert finding.records


def test_one_press_is_told_as_one(street: CitizenStreet) -> None:
    street.wait(LOOK_BACK_MS // 1000)
    street.cycle()
    words = judge(street, Kind.BUTTON_DEAD).words
    assert words.english.startswith("One press in the last ")
    for tag in TAGS:
        told = language(tag).phrase(words)
        assert "{" not in told
        assert tag == "en" or told != words.english


def test_whoever_pressed_a_button_that_no_press_came_from_is_right(street: CitizenStreet) -> None:
    street.wait(150)
    finding = judge(street, Kind.BUTTON_DEAD)
    assert finding.verdict is Verdict.AGREES
    assert finding.crossing == "walk"
    assert not finding.certain, "a quiet hour explains it as well"
    assert judge(street, Kind.BUTTON_DEAD, "J0").verdict is not Verdict.AGREES, "which button? nobody said"


def test_a_button_whose_line_is_not_believed_is_dead_for_certain(street: CitizenStreet) -> None:
    street.note(Code.LOST, 0, 1)
    street.tell()
    for name in ("", "J0"):
        finding = judge(street, Kind.BUTTON_DEAD, name)
        assert finding.verdict is Verdict.AGREES
        assert finding.certain
    street.note(Code.FOUND, 0, 1)
    street.cycle()
    assert judge(street, Kind.BUTTON_DEAD).verdict is Verdict.REFUTES


def test_a_press_that_becomes_no_call_is_no_use(street: CitizenStreet) -> None:
    street.note(Code.PRESSED)
    street.wait(10)
    finding = judge(street, Kind.BUTTON_DEAD)
    assert finding.verdict is Verdict.AGREES
    assert finding.words.code == "rec-button-unheard"


def test_a_press_while_a_call_from_before_the_record_waits_is_no_fault(street: CitizenStreet) -> None:
    """Whoever pressed before the gap has called already: the next press makes no new call."""
    street.seq += 5
    street.wait(4)
    street.note(Code.PRESSED)
    street.wait(10)
    assert judge(street, Kind.BUTTON_DEAD).verdict is not Verdict.AGREES
    street.note(Code.SERVED)
    street.note(Code.GREEN)
    street.wait(20)
    street.note(Code.RED)
    street.wait(5)
    street.note(Code.PRESSED)
    street.wait(10)
    assert judge(street, Kind.BUTTON_DEAD).words.code == "rec-button-unheard", "now no call waited"


def test_a_call_beyond_the_promise_is_seen_while_it_waits_and_after(street: CitizenStreet) -> None:
    street.note(Code.PRESSED)
    street.note(Code.CALLED)
    street.wait(80)
    assert judge(street, Kind.WAITED_LONG).verdict is Verdict.REFUTES, "80 s of 90 s"
    street.wait(15)
    waiting = judge(street, Kind.WAITED_LONG)
    assert waiting.verdict is Verdict.AGREES
    assert waiting.words.code == "rec-waiting-long"
    assert judge(street, Kind.BUTTON_DEAD).verdict is Verdict.AGREES, "for who waits it is the same"
    street.note(Code.SERVED)
    street.note(Code.GREEN)
    street.wait(5)
    after = judge(street, Kind.WAITED_LONG)
    assert after.verdict is Verdict.AGREES
    assert dict(after.words.values)["waited_s"] == 95


def test_a_walk_is_measured_against_the_slowest_walker_it_is_for(street: CitizenStreet) -> None:
    assert slow_walk_ms(120) == round((12 + 1.8) / 0.91 * 1000)
    enough = judge(street, Kind.WALK_SHORT)
    assert enough.verdict is Verdict.UNSURE, "who walks slower than that is right too"
    street.cycle(walk_s=14)
    short = judge(street, Kind.WALK_SHORT)
    assert short.verdict is Verdict.AGREES
    assert dict(short.words.values)["given_s"] == 14
    assert dict(short.words.values)["needed_s"] == 16


def test_lamps_that_never_change_are_stuck_and_those_that_do_are_not(street: CitizenStreet) -> None:
    assert judge(street, Kind.STUCK).verdict is Verdict.REFUTES
    street.wait(310)
    assert judge(street, Kind.STUCK).words.code == "rec-stuck"
    street.cycle(1)
    street.note(Code.LOST, 1, 0)
    street.cycle(1)
    blind = judge(street, Kind.STUCK, "J1")
    assert blind.verdict is Verdict.AGREES
    assert blind.detector == "loop"


def test_dark_and_flashing_signals_are_in_the_record_burnt_lamps_are_not(street: CitizenStreet) -> None:
    assert judge(street, Kind.DARK).verdict is Verdict.UNSURE
    street.note(Code.FLASH_RED)
    street.tell()
    assert judge(street, Kind.DARK).words.code == "rec-flash"
    street.note(Code.DARK)
    street.tell()
    assert judge(street, Kind.DARK).words.code == "rec-dark"


def test_green_together_is_looked_for_in_the_lamps_that_were_shown(street: CitizenStreet) -> None:
    assert judge(street, Kind.GREEN_TOGETHER).verdict is Verdict.UNSURE
    street.note(Code.GREEN, 0, CAR)
    street.note(Code.GREEN)
    street.wait(2)
    street.note(Code.RED)
    street.wait(60)
    found = judge(street, Kind.GREEN_TOGETHER)
    assert found.verdict is Verdict.AGREES
    assert "cars and walk had green together" in found.words.english
    assert judge(street, Kind.GREEN_TOGETHER, "J1").verdict is Verdict.UNSURE


def test_a_record_with_a_gap_proves_nothing(street: CitizenStreet) -> None:
    street.seq += 5
    street.wait(30)
    assert judge(street, Kind.BUTTON_DEAD).verdict is Verdict.UNSURE
    assert judge(street, Kind.WAITED_LONG).verdict is Verdict.UNSURE
    assert judge(street, Kind.STUCK).verdict is Verdict.UNSURE
    street.wait(100)
    assert judge(street, Kind.BUTTON_DEAD).verdict is Verdict.AGREES, "silent for two minutes since"


def test_a_street_that_begins_its_day_again_does_not_turn_the_record_back(street: CitizenStreet) -> None:
    record = street.office.dealing.record
    before_ms, clock = record.now_ms, record.clock(record.now_ms)
    street.boot, street.seq, street.street_ms = b"boot-two", 0, 7 * 3_600_000
    street.wait(5)
    assert record.now_ms > before_ms
    assert clock > "08:00"
    assert record.clock(record.now_ms) == "07:00"
    assert not record.complete_since(before_ms)


@pytest.mark.parametrize("kind", [Kind.TURNED, Kind.SOUND, Kind.OTHER])
def test_what_no_record_can_show_is_a_persons(street: CitizenStreet, kind: Kind) -> None:
    assert judge(street, kind).verdict is Verdict.CANNOT


def test_while_the_signal_flashes_no_promise_is_broken(street: CitizenStreet) -> None:
    """The cars flash, people on foot have a red head; who pressed waits for no fault of the button."""
    street.note(Code.PRESSED)
    street.note(Code.CALLED)
    street.note(Code.FLASH_AMBER, 0, CAR)
    street.wait(290)
    street.note(Code.PRESSED)
    street.wait(10)
    assert judge(street, Kind.BUTTON_DEAD).verdict is not Verdict.AGREES
    assert judge(street, Kind.WAITED_LONG).verdict is not Verdict.AGREES
    assert judge(street, Kind.DARK).verdict is Verdict.AGREES, "that is what is wrong"
    street.note(Code.GREEN, 0, CAR)
    street.wait(60)
    assert judge(street, Kind.WAITED_LONG).verdict is not Verdict.AGREES, "the promise runs from here"
    street.wait(60)
    assert judge(street, Kind.WAITED_LONG).verdict is Verdict.AGREES, "and is broken now"
