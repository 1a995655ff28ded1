"""Codes that a pole shows for a while: they agree without a line, end in time, and tell here from far."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

import belisha
from override.citizen.cases import WINDOW_MS
from override.citizen.gsm import without_rare_accents
from override.citizen.language import TAGS, language
from override.citizen.pole_sheet import UNTIL, ShownCodes, sheet
from override.citizen.presence import PoleCodes, make_pole_codes, read_pole_codes, voice
from override.citizen.remedies import BY_REPORTS_MS
from override.citizen.sentences import CODE_NOTES
from override.citizen.web.app import make_app
from override.flag_messages import Channel, FlagAction, FlagActRequest, FlagLife, Kind, Presence
from override.keys import KeysError
from override.poles import ALPHABET, joined, parted, pole_codes, spoken
from override.refused import Refused
from override.requests import Header
from override.roles import Command
from tests.citizen_street import CitizenStreet

MINUTE_MS, DAY_MS = 60_000, 86_400_000
DISPLAY = PoleCodes(bytes(range(1, 33)), 15 * MINUTE_MS)
PAPER = replace(DISPLAY, period_ms=7 * DAY_MS)
POLE = "K7M4XR"
SECRET = "of the gateway"


@pytest.fixture
def street(tmp_path: Path) -> Iterator[CitizenStreet]:
    """Its poles show codes, and in its record nothing speaks for or against anybody."""
    street = CitizenStreet(tmp_path, codes=DISPLAY)
    yield street
    street.close()


def here(street: CitizenStreet, junction: int = 0) -> str:
    """What somebody at the pole types."""
    pole = street.pole(junction)
    return joined(pole, DISPLAY.code(pole, DISPLAY.window(street.wall_ms)))


def window_passes(street: CitizenStreet) -> None:
    """Ten minutes in which the lamps change as they should: the record speaks for nobody."""
    for _ in range(WINDOW_MS // 50_000):
        street.cycle(pressed=False)


def far(street: CitizenStreet) -> set[Presence]:
    """A brigade in another town: thirty people, by all channels, in three windows of time."""
    told = set()
    for _ in range(3):
        for k in range(10):
            channel = (Channel.PAGE, Channel.TEXT, Channel.OPEN311)[k % 3]
            told.add(street.flag(Kind.STUCK, source=f"member {k}", channel=channel).presence)
        window_passes(street)
    return told


def test_a_code_holds_for_its_window_and_the_grace_after_it_and_no_longer() -> None:
    code, begin_ms = DISPLAY.code(POLE, 1000), DISPLAY.begin_ms(1000)
    held = {
        minutes: voice(DISPLAY, Channel.PAGE, POLE, code, begin_ms + round(minutes * MINUTE_MS)).presence
        for minutes in (-2, -1, 0, 14.9, 15, 24.9, 25.1, 60)
    }
    current, old, wrong = Presence.CURRENT, Presence.OLD, Presence.WRONG
    assert held == {
        -2: wrong, -1: current, 0: current, 14.9: current, 15: current, 24.9: current, 25.1: old, 60: old,
    }  # fmt: skip
    assert voice(DISPLAY, Channel.PAGE, "other", code, begin_ms).presence is wrong, "another pole's"
    assert voice(DISPLAY, Channel.PAGE, POLE, "", begin_ms).presence is Presence.NONE
    assert voice(None, Channel.PAGE, POLE, code, begin_ms).presence is Presence.UNUSED
    assert PAPER.grace_ms == 7 * DAY_MS // 10, "cards take longer to change than a display"


def test_codes_look_like_plates_and_are_all_different() -> None:
    codes = {DISPLAY.code(pole, window) for pole in (POLE, "23456H") for window in range(2_000)}
    assert len(codes) > 3_990, "2.5 million of them: hardly two alike"
    assert all(set(code) <= set(ALPHABET) for code in codes)
    assert DISPLAY.code(POLE, 5) != PoleCodes(bytes(32), DISPLAY.period_ms).code(POLE, 5)


@pytest.mark.parametrize("typed", ["K7M4XR-9QYH4", "k7m 4xr 9qyh4", "K7M4XR9QYH4", " k7m.4xr-9qyh4 "])
def test_both_codes_are_told_apart_however_they_are_typed(typed: str, street: CitizenStreet) -> None:
    pole = street.pole()
    assert parted(typed.upper().replace("K7M", pole[:3]).replace("4XR", pole[3:])) == (pole, "9QYH4")
    for plain in (pole, spoken(pole), "Mill Lane 1", f"{pole} 9QYH", f"{pole} button"):
        assert parted(plain) == (plain, "")


def test_a_brigade_far_away_moves_no_signal_and_three_people_at_the_pole_do(street: CitizenStreet) -> None:
    """Nothing speaks for it in the record: without codes the same brigade would have got a walk."""
    assert far(street) == {Presence.NONE}
    assert not street.asked, "a remedy without evidence needs people who were there"
    (case,) = street.office.cases()
    assert case.life is FlagLife.WITH_A_PERSON, "what they say is not thrown away: a person looks"
    for k in range(3):
        street.flag(Kind.STUCK, here(street), channel=Channel.PAGE)
        assert bool(street.orders) is (k == 2)
        window_passes(street)
    assert (street.asked[0].command, street.asked[0].group) == (Command.CALL, "walk")
    for _ in range(BY_REPORTS_MS // WINDOW_MS):
        window_passes(street)
    assert not street.orders, "for half an hour, once"


def test_where_poles_show_no_codes_two_channels_are_enough_as_ever(tmp_path: Path) -> None:
    street = CitizenStreet(tmp_path)
    assert far(street) == {Presence.UNUSED}
    assert street.orders
    street.close()


def test_one_way_is_enough_with_codes_of_two_windows_but_not_with_one_code(tmp_path: Path) -> None:
    """Channels or rotating codes (10.8): a code of a week is one witness, however often it comes."""
    for codes, remedied in ((DISPLAY, True), (PAPER, False)):
        folder = tmp_path / f"{codes.period_ms}"
        folder.mkdir()
        street = CitizenStreet(folder, codes=codes)
        pole = street.pole()
        for _ in range(4):
            shown = codes.code(pole, codes.window(street.wall_ms))
            assert street.flag(Kind.STUCK, joined(pole, shown)).presence is Presence.CURRENT
            window_passes(street)
        assert bool(street.asked) is remedied
        street.close()


def test_a_silence_proves_a_button_dead_only_beside_somebody_who_was_there(street: CitizenStreet) -> None:
    street.wait(150)  # a quiet hour: nobody pressed
    street.flag(Kind.BUTTON_DEAD)
    street.wait(60)
    assert not street.asked
    assert street.flag(Kind.BUTTON_DEAD, here(street)).life is FlagLife.CONFIRMED
    assert len(street.orders) == 1


def test_what_the_record_shows_by_itself_needs_no_code(street: CitizenStreet) -> None:
    street.note(30, 0, 1)  # the button's line is not believed
    street.wait(5)
    reply = street.flag(Kind.BUTTON_DEAD)
    assert (reply.presence, reply.life) == (Presence.NONE, FlagLife.CONFIRMED)
    assert len(street.orders) == 1


def test_who_reopens_a_case_begins_its_count_anew(tmp_path: Path) -> None:
    """A crowd whose half hour is over, and whom a person did not believe, gets no other by one tap."""
    street = CitizenStreet(tmp_path)
    far(street)
    (case,) = street.office.cases()
    assert street.office.dealing.cases[case.case].voices == 30
    dealing = street.office.dealing
    header = Header(1, 1, bytes(16), 0, 0, bytes(8), 0)
    rejects = FlagActRequest(header, "ana", case.case, FlagAction.REJECT, "seen on site")
    assert street.office.act(rejects) == ""
    street.turn()
    assert not street.orders
    asked = len(street.asked)
    street.flag(Kind.STUCK)
    window_passes(street)
    assert len(street.asked) == asked
    assert dealing.cases[case.case].voices == 1
    street.close()


# --- told plainly, by every way --------------------------------------------------------------


@pytest.fixture
def phone(street: CitizenStreet) -> Iterator[TestClient]:
    street.office.start()
    app = make_app(street.office, text_secret=SECRET, now_ms=lambda: street.wall_ms)
    with TestClient(app, follow_redirects=True) as client:
        yield client
    street.office.stop()


@pytest.mark.parametrize("tag", TAGS)
def test_an_old_code_is_told_so_in_every_language_and_the_report_is_kept(
    phone: TestClient, street: CitizenStreet, tag: str
) -> None:
    pole, speak = street.pole(1), language(tag)
    window = DISPLAY.window(street.wall_ms)
    old, now = (DISPLAY.code(pole, w) for w in (window - 5, window))
    said = {presence: speak.say(english) for presence, english in CODE_NOTES.items()}
    page = phone.get(f"/{tag}/s/{pole}-{old}")
    assert f'action="/{tag}/s/{pole}-{old}"' in page.text, "the code goes with the report"
    assert 'name="shown"' not in page.text
    assert 'name="shown"' in phone.get(f"/{tag}/s/{pole}").text
    for path, form, presence in (
        (f"{pole}-{old}", {}, Presence.OLD), (pole, {"shown": old.lower()}, Presence.OLD),
        (pole, {"shown": "22222"}, Presence.WRONG), (pole, {"shown": "??"}, Presence.WRONG),
        (pole, {}, Presence.NONE), (f"{pole}-{now}", {}, None), (pole, {"shown": f" {now} "}, None),
    ):  # fmt: skip
        told = phone.post(f"/{tag}/s/{path}", data={"kind": "other", **form})
        assert "/f/" in str(told.url), "kept"
        assert [p for p, words in said.items() if words in told.text] == ([presence] if presence else [])
    report = {"service_code": "other", "attribute[signal]": f"{pole} {old}"}
    filed = phone.post("/open311/v2/requests.json", data=report, headers={"accept-language": tag})
    assert filed.status_code == 201
    assert said[Presence.OLD] in filed.json()[0]["service_notice"]
    text = f"{tag} {spoken(pole)} {old} 0 bent"
    answer = phone.post("/text", data={"from": "1", "text": text}, auth=("x", SECRET)).text
    bare = language(tag, bare=True).say(CODE_NOTES[Presence.OLD])
    assert without_rare_accents(bare) in answer
    assert phone.get(f"/{tag}/s?code={pole}{now}", follow_redirects=False).headers["location"].endswith(now)


def test_who_mistypes_the_pole_is_helped_with_a_code_behind_it_too(
    phone: TestClient, street: CitizenStreet
) -> None:
    pole = street.pole(1)
    wrong = pole[:4] + next(c for c in ALPHABET if c != pole[4]) + pole[5]
    page = phone.get(f"/en/s/{wrong}-9QYH4")
    assert page.status_code == 404
    assert spoken(pole) in page.text


# --- made, printed, asked for ------------------------------------------------------------------


def test_a_card_has_the_code_of_its_days_and_a_display_s_is_not_printed(street: CitizenStreet) -> None:
    window = PAPER.window(street.wall_ms)
    html = sheet("town", street.layout.junctions, "https://x.org", "+1 555", ShownCodes(PAPER, window))
    for k in range(4):
        shown = PAPER.code(street.pole(k), window)
        assert f"<h2>{spoken(street.pole(k))} {shown}</h2>" in html
        assert f"x.org/s/{street.pole(k)}-{shown}</p>" in html
        assert "<br>" + language("es").say(UNTIL, code=shown, day="26 de noviembre de 2025") in html
        assert f"Text {spoken(street.pole(k))} {shown} button to +1 555" in html.replace("\u00a0", " ")
    with pytest.raises(Refused, match="for displays"):
        ShownCodes(DISPLAY, window)


def test_the_secret_is_its_owners_alone_and_a_display_asks_for_the_next_codes(tmp_path: Path) -> None:
    file = tmp_path / "pole-codes.toml"
    run = CliRunner()
    made = run.invoke(belisha.app, ["poles", "secret", "-o", str(file), "--hours", "0.25"])
    assert made.exit_code == 0
    assert "10 minutes beyond" in made.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    codes = read_pole_codes(file)
    asked = run.invoke(
        belisha.app, ["poles", "code", "k7m 4xr", "--codes", str(file), "--ahead", "2", "--json"]
    )
    assert asked.exit_code == 1, "no code of a pole: a check character says so"
    pole = pole_codes([("J7", "w1")])["J7", "w1"]
    asked = run.invoke(belisha.app, ["poles", "code", pole, "--codes", str(file), "--ahead", "2", "--json"])
    rows = json.loads(asked.output)
    assert len({row["code"] for row in rows}) == 3
    assert [a["until"] for a in rows[:2]] == [b["from"] for b in rows[1:]]
    first = codes.window(round(_epoch_ms(rows[0]["from"])))
    assert [row["code"] for row in rows] == [codes.code(pole, first + k) for k in range(3)]


def _epoch_ms(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp() * 1000


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ('period_s = "900"\nsecret = "00"\n', 0o600, "64 random hexadecimal"),
        (f'period_s = "9"\nsecret = "{bytes(range(32)).hex()}"\n', 0o600, "period_s is 9; 300 to"),
        (f'period_s = "900"\nsecret = "{bytes(range(32)).hex()}"\n', 0o644, "open to others"),
        ('period_s = "900"\nsecret = "00"\nmore = "1"\n', 0o600, "exactly period_s, secret"),
    ],
)
def test_a_file_that_would_betray_or_mislead_is_refused(
    tmp_path: Path, text: str, mode: int, words: str
) -> None:
    file = tmp_path / "codes.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    with pytest.raises(KeysError, match=words):
        read_pole_codes(file)
    with pytest.raises(KeysError, match="never overwritten"):
        make_pole_codes(file, DISPLAY.period_ms)
