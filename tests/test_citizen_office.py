"""What citizens, the station and people of the control room bring about, told as stories of one street."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from override.citizen.admission import DISTRICT_PER_MIN, SIGNAL_PER_MIN
from override.citizen.dealing import SETTLE_MS
from override.citizen.pages import PUBLIC_K, ROUND_MS, Showing
from override.citizen.phrases import say
from override.citizen.record import Code
from override.citizen.remedies import BY_REPORTS_MS, LEASE_MS, MOST_MS
from override.flag_messages import Channel, FlagAction, FlagActRequest, FlagLife, Kind
from override.requests import Header
from override.roles import TABLE, Command, Role, Slot
from tests.citizen_street import CitizenStreet


@pytest.fixture
def street(tmp_path: Path) -> Iterator[CitizenStreet]:
    street = CitizenStreet(tmp_path)
    for _ in range(4):
        street.cycle()
    yield street
    street.close()


def act(street: CitizenStreet, case: str, action: FlagAction, reason: str = "seen on site") -> str:
    header = Header(1, 1, secrets.token_bytes(16), 0, 0, bytes(8), 0)
    return street.office.act(FlagActRequest(header, "ana", case, action, reason))


def life(street: CitizenStreet, token: str) -> FlagLife:
    page = street.office.case(token)
    assert page is not None
    return page.life


def test_a_dead_button_is_answered_remedied_and_closed_by_three_presses(street: CitizenStreet) -> None:
    street.wait(150)
    reply = street.flag()
    assert reply.accepted
    assert reply.life is FlagLife.CONFIRMED
    page = street.office.case(reply.token)
    assert page is not None
    assert page.life is FlagLife.REMEDIED
    assert page.remedy is not None
    assert page.until_wall_ms >= street.wall_ms + LEASE_MS
    wish = street.asked[0]
    assert (wish.command, wish.junction, wish.group) == (Command.CALL, "J0", "walk")
    street.cycle(pressed=False)
    assert life(street, reply.token) is FlagLife.REMEDIED, "a walk by itself proves no button"
    for _ in range(3):
        street.cycle()
    assert life(street, reply.token) is FlagLife.FIXED
    assert not street.orders, "what was done is released"
    again = street.still(reply.token)
    assert again.accepted
    assert life(street, reply.token) is FlagLife.WITH_A_PERSON, "the record says it works: a person looks"


def test_a_working_button_is_not_confirmed_and_a_second_word_brings_a_person(street: CitizenStreet) -> None:
    reply = street.flag()
    assert reply.life is FlagLife.NOT_CONFIRMED
    assert "otherwise" in reply.why
    assert not street.asked
    street.flag()
    assert life(street, reply.token) is FlagLife.WITH_A_PERSON


def test_cars_and_walk_green_together_is_urgent_at_once_and_no_remedy(street: CitizenStreet) -> None:
    street.wait(900)
    reply = street.flag(Kind.GREEN_TOGETHER)
    (view,) = street.office.flag_views()
    assert view.urgent
    assert view.life is FlagLife.WITH_A_PERSON
    assert "never green together" in view.evidence
    assert life(street, reply.token) is FlagLife.WITH_A_PERSON
    street.wait(3600)
    assert life(street, reply.token) is FlagLife.WITH_A_PERSON, "only a named role closes it"
    assert act(street, view.flag, FlagAction.FIXED) == ""
    page = street.office.case(reply.token)
    assert page is not None
    assert page.closed
    assert "operator" in page.why.english
    assert act(street, view.flag, FlagAction.FIXED), "once is enough"
    assert act(street, "C99999", FlagAction.FIXED).startswith("no case")


@pytest.mark.parametrize("kind", [Kind.TURNED, Kind.SOUND, Kind.OTHER, Kind.DARK, Kind.WALK_SHORT])
def test_what_a_program_cannot_mend_is_a_persons(street: CitizenStreet, kind: Kind) -> None:
    reply = street.flag(kind)
    street.wait(SETTLE_MS / 1000 + 5)
    assert life(street, reply.token) is FlagLife.WITH_A_PERSON
    assert not street.asked


def test_a_walk_the_record_shows_too_short_is_made_longer_by_what_it_lacks_until_a_person_ends_it(
    street: CitizenStreet,
) -> None:
    street.cycle(walk_s=13)
    reply = street.flag(Kind.WALK_SHORT)
    street.wait(10)
    assert life(street, reply.token) is FlagLife.REMEDIED
    (wish,) = street.asked
    assert (wish.command, wish.group, wish.longer_ms) == (Command.LONGER_WALK, "walk", 3_000)
    page = street.office.case(reply.token)
    assert page is not None
    assert page.remedy == say("remedy-walk")
    for _ in range(8):
        street.cycle(walk_s=16)
    assert life(street, reply.token) is FlagLife.REMEDIED, "the remedy's own walks prove nothing mended"


def test_a_remedy_is_renewed_while_the_evidence_stands_and_ends_after_fourteen_days(
    street: CitizenStreet,
) -> None:
    street.wait(150)
    reply = street.flag()
    street.wait(600)
    assert [w.renew for w in street.asked] == [False, True]
    begun_ms = street.wall_ms
    street.wall_ms += MOST_MS
    street.now_ms += MOST_MS
    street.wait(10)
    page = street.office.case(reply.token)
    assert page is not None
    assert begun_ms
    assert page.life is FlagLife.WITH_A_PERSON
    assert page.why.code == "remedy-over"
    street.wait(60)
    assert not street.orders, "nobody gives it again but a person"


def test_a_station_that_forgot_the_remedy_is_asked_again(street: CitizenStreet) -> None:
    street.wait(150)
    reply = street.flag()
    street.orders.clear()  # the station was restarted: remedies are not resumed by it (10.3)
    street.wait(20)
    assert len(street.orders) == 1
    assert life(street, reply.token) is FlagLife.REMEDIED


def test_a_silent_or_unwilling_station_is_no_reason_to_pretend(street: CitizenStreet) -> None:
    street.wait(150)
    street.answers = "silence"
    reply = street.flag()
    street.wait(60)
    page = street.office.case(reply.token)
    assert page is not None
    assert page.remedy is None or page.remedy.code == "remedy-person"
    assert page.until_wall_ms == 0
    street.answers = "yes"
    street.wait(20)
    assert life(street, reply.token) is FlagLife.REMEDIED


def test_refused_remedies_go_to_a_person_with_the_reason(street: CitizenStreet) -> None:
    street.wait(150)
    street.answers = "locked"
    reply = street.flag()
    page = street.office.case(reply.token)
    assert page is not None
    assert page.life is FlagLife.WITH_A_PERSON
    assert "because" in page.why.english


def test_a_person_may_end_a_remedy_and_it_stays_ended(street: CitizenStreet) -> None:
    street.wait(150)
    reply = street.flag()
    case = street.office.flag_views()[0].flag
    assert act(street, case, FlagAction.END_REMEDY, "roadworks") == ""
    street.wait(60)
    assert not street.orders
    assert len(street.asked) == 2, "given once, released once"
    page = street.office.case(reply.token)
    assert page is not None
    assert "roadworks" in page.why.english
    assert act(street, case, FlagAction.CREW_SENT) == ""
    page = street.office.case(reply.token)
    assert page is not None
    assert page.crew is not None
    assert act(street, case, FlagAction.REJECT, "tested: works") == ""
    assert life(street, reply.token) is FlagLife.NOT_CONFIRMED


def test_reports_alone_need_three_at_different_times_and_ways_and_give_half_an_hour(
    street: CitizenStreet,
) -> None:
    """10.8 (b): the record says that all is well, and people go on saying that it is not."""
    tokens = [street.flag(channel=Channel.PAGE).token for _ in range(5)]
    assert not street.orders, "five at once by one way are one voice"
    for _ in range(12):
        street.cycle()
    street.flag(channel=Channel.PAGE)
    assert not street.orders, "two windows, but one way only"
    reply = street.flag(channel=Channel.TEXT)
    assert len(street.orders) == 1
    assert life(street, reply.token) is FlagLife.REMEDIED
    for _ in range(BY_REPORTS_MS // 50_000 + 1):
        street.cycle()
    assert not street.orders
    assert life(street, tokens[0]) is FlagLife.WITH_A_PERSON
    street.flag(channel=Channel.OPEN311)
    street.wait(60)
    assert not street.orders, "once; then it is a person's"


def test_the_record_may_come_to_agree_with_what_many_said(street: CitizenStreet) -> None:
    for channel in (Channel.PAGE, Channel.TEXT):
        reply = street.flag(channel=channel)
        for _ in range(12):
            street.cycle()
    street.flag()
    assert life(street, reply.token) is FlagLife.REMEDIED
    street.wait(300)
    street.flag()
    page = street.office.case(reply.token)
    assert page is not None
    assert page.life is FlagLife.REMEDIED
    assert page.evidence is not None
    assert page.evidence.code == "rec-button-silent"


def test_five_presses_in_ten_seconds_are_a_flag_without_a_phone(street: CitizenStreet) -> None:
    for _ in range(5):
        street.note(Code.PRESSED)
    street.note(Code.CALLED)
    street.wait(5)
    (page,) = street.office.cases()
    assert page.kind is Kind.BUTTON_DEAD
    assert page.records[-1].code == "rec-five-presses"
    street.wait(90)
    assert street.office.cases()[0].life is not FlagLife.REMEDIED, "it waits within the promise"
    for _ in range(5):
        street.note(Code.PRESSED)
    street.wait(10)
    assert street.office.cases()[0].life is FlagLife.REMEDIED, "it has waited longer than promised"
    for _ in range(SIGNAL_PER_MIN + 5):
        street.flag(Kind.OTHER)
    street.wait(30)
    assert street.flag(Kind.OTHER).accepted, "presses and flags are counted by one clock"


def test_a_button_that_presses_by_itself_says_so_until_it_is_no_longer_believed(
    street: CitizenStreet,
) -> None:
    """Nobody else tells: a loose contact, two presses a second, served each time the lights change."""
    for second in range(80):
        if second == 40:
            street.note(Code.LOST, 0, 1)
        for code in (Code.PRESSED, Code.CALLED, Code.PRESSED):
            street.note(code)
        street.wait(1)
        if second == 10:
            assert street.office.cases()[0].life is not FlagLife.REMEDIED, "its presses were heard"
    (page,) = street.office.cases()
    assert page.life is FlagLife.REMEDIED
    assert page.evidence is not None
    assert page.evidence.code == "rec-button-lost"
    assert len(street.orders) == 1


def test_flags_of_a_kind_are_folded_and_the_same_nonce_counts_once(street: CitizenStreet) -> None:
    request = street.request(Kind.SOUND)
    first, second = street.send(request), street.send(request)
    assert first.token == second.token
    (page,) = street.office.cases()
    assert page.reports is None, f"fewer than {PUBLIC_K} are nobody's business"
    for _ in range(PUBLIC_K):
        street.flag(Kind.SOUND)
    (page,) = street.office.cases()
    assert page.reports == PUBLIC_K + 1
    assert street.flag(Kind.SOUND).known_ms >= 0
    assert len({street.flag(Kind.SOUND).token for _ in range(3)}) == 3, "everybody has a token of his own"


def test_what_is_too_much_is_told_busy_and_is_not_kept(street: CitizenStreet) -> None:
    replies = [street.flag(Kind.OTHER, source=f"s{k}") for k in range(SIGNAL_PER_MIN + 5)]
    assert sum(reply.accepted for reply in replies) == SIGNAL_PER_MIN
    refused = [reply for reply in replies if not reply.accepted]
    assert all(reply.busy and reply.retry_s > 0 and not reply.token for reply in refused)
    assert "NOT kept" in refused[0].why
    assert street.flag(Kind.OTHER, street.pole(1)).accepted, "other signals are heard"
    street.wait(refused[-1].retry_s)
    assert street.flag(Kind.OTHER).accepted


def test_a_district_has_a_ceiling_too(tmp_path: Path) -> None:
    street = CitizenStreet(tmp_path, 24, districts=("North",))
    poles = [street.pole(k) for k in range(24)]
    accepted = sum(street.flag(Kind.OTHER, poles[k % 24]).accepted for k in range(2 * DISTRICT_PER_MIN))
    assert accepted == DISTRICT_PER_MIN
    street.close()


def test_who_shouts_waits_behind_who_does_not(street: CitizenStreet) -> None:
    shouted = [street.flag(Kind.OTHER, source="shouter") for _ in range(40)]
    assert sum(reply.accepted for reply in shouted) <= SIGNAL_PER_MIN / 2 + 1
    assert all(street.flag(Kind.OTHER, source=f"quiet {k}").accepted for k in range(5))


HOSTILE = (
    "<script>alert(1)</script>", "'; DROP TABLE cases; --", "a\x00b",
    "\u202egnp.exe", "\u2066x\u2069",
    "x" * 5_000, "\ud800", "\x1b[2J", "{{7*7}}", "%s%n", "../../etc/passwd", "\u200f\u200e",
    "ok\nsecond line",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_kept_as_text_or_refused_with_words(street: CitizenStreet, text: str) -> None:
    for field in ("words", "signal", "still"):
        values: dict[str, Any] = {field: text}
        reply = street.flag(Kind.OTHER, **values)
        assert reply.accepted or (reply.code and reply.why)
        if not reply.accepted:
            assert text not in reply.why or text.isprintable()
    assert street.office.case(text) is None
    assert street.office.signal(text) is None
    kept = [words for case in street.office.cases() for words in street.store.words_of(case.case)]
    assert all(words.isprintable() for words in kept)
    assert street.flag(Kind.SOUND).accepted, "and the file is whole"


def test_words_lose_what_names_a_person(street: CitizenStreet) -> None:
    reply = street.flag(
        Kind.OTHER, words="I am j.doe@mail.example, call +44 20 7946 0018, https://x.example/me; the 2nd pole"
    )
    page = street.office.case(reply.token)
    assert page is not None
    (kept,) = street.store.words_of(page.case)
    assert "doe" not in kept
    assert "7946" not in kept
    assert "x.example" not in kept
    assert "the 2nd pole" in kept


def test_unknown_signals_and_tokens_are_said_so(street: CitizenStreet) -> None:
    assert street.flag(Kind.OTHER, "NOSUCH").code == "unknown-signal"
    assert street.still(secrets.token_hex(8)).code == "unknown-token"
    assert street.office.still("nothing like it").code == "unknown-token"


def test_a_page_says_what_shows_why_and_when_it_does_not_know(street: CitizenStreet) -> None:
    page = street.office.signal(street.pole().lower())
    assert page is not None
    assert (page.showing, page.why.code) == (Showing.WAIT, "why-not-called")
    assert page.promise_s == 90
    street.note(Code.PRESSED)
    street.note(Code.CALLED)
    street.wait(20)
    page = street.office.signal("J0")
    assert page is not None
    assert page.crossings[0].showing is Showing.WAIT
    page = street.office.signal(street.pole())
    assert page is not None
    assert page.called
    assert page.waited_s == 20
    assert page.why.code == "why-others-turn"
    street.wall_ms += 60_000  # nothing is heard any more
    page = street.office.signal(street.pole())
    assert page is not None
    assert page.showing is Showing.UNKNOWN
    assert page.why.english == "We have heard nothing from this signal for 60 seconds, so we do not know."
    assert not page.called


def test_promises_kept_are_counted_from_five_calls_on(street: CitizenStreet) -> None:
    page = street.office.signal(street.pole())
    assert page is not None
    assert page.kept_percent is None
    street.cycle(red_s=120)
    page = street.office.signal(street.pole())
    assert page is not None
    assert (page.kept_percent, page.calls) == (80, 5)


def test_times_and_numbers_that_are_shown_are_rounded(street: CitizenStreet) -> None:
    reply = street.flag(Kind.SOUND)
    page = street.office.case(reply.token)
    assert page is not None
    times = [page.known_since_wall_ms, page.changed_wall_ms, *(step.wall_ms for step in page.steps)]
    assert all(ms % ROUND_MS == 0 for ms in times)
    data = street.office.open_data()
    assert data.at_wall_ms % ROUND_MS == 0
    assert all(o.cases is None and o.reports is None for o in data.outcomes)


def test_remedies_are_what_the_gateways_role_may_do_and_no_more() -> None:
    allowed = {(command, slot) for role, command, slot in TABLE if role is Role.CITIZEN_GATEWAY}
    assert allowed == {
        (command, Slot.ASSISTANCE)
        for command in (Command.CALL, Command.LONGER_WALK, Command.DETECTOR_RECALL, Command.RELEASE)
    }
