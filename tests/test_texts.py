"""Text messages: any phone, five languages, two parts at most, and nothing that anybody types breaks it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from override.citizen.gsm import fitting, is_gsm, part_count, size, without_rare_accents
from override.citizen.kinds import KEYWORDS, KINDS, keywords
from override.citizen.language import TAGS, language
from override.citizen.phrases import PHRASES, say
from override.citizen.texts import answer
from override.citizen.web.app import make_app
from override.flag_messages import Channel, FlagLife, Kind
from tests.citizen_catalogues import placeholders
from tests.paper_citizens import WALL_MS, PaperDesk

SECRET = "a secret of the gateway"


@pytest.fixture
def desk() -> PaperDesk:
    return PaperDesk()


def ask(desk: PaperDesk, text: str) -> str:
    said = answer(text, "somebody", desk, now_ms=WALL_MS)
    assert part_count(said) <= 2, said
    return said


def number_in(said: str) -> str:
    return said.split()[-1]


def test_a_report_its_answer_and_what_became_of_it(desk: PaperDesk) -> None:
    said = ask(desk, "4F7K button")
    assert said.startswith("Thank you. 4F7K: Button does nothing.")
    assert "The walk comes by itself now" in said
    assert "Until 8:45 AM." in said
    assert [(f.signal, f.kind, f.channel) for f in desk.flags] == [("4F7K", Kind.BUTTON_DEAD, Channel.TEXT)]
    number = number_in(said)
    assert "We compare" not in ask(desk, f"status {number}")
    assert f"still {number}" in ask(desk, f"status {number}")
    desk.advance("C00001", FlagLife.FIXED, say("fixed-proof", times=3))
    assert "Mended: it has worked 3 times" in ask(desk, number.upper())
    assert ask(desk, f"Still {number}").startswith("Thank you. We noted that it is still wrong.")
    assert "There is no report with that number." in ask(desk, "status zzzz")


@pytest.mark.parametrize("tag", TAGS)
def test_everything_in_every_language(desk: PaperDesk, tag: str) -> None:
    speak = language(tag, bare=True)
    for kind, english in KEYWORDS.items():
        for word in keywords(english, speak):
            said = ask(desk, f"4f7k {word}")
            assert desk.flags[-1].kind is kind, word
            assert part_count(said) <= 2
            number = number_in(said)
            assert len(number) == 16, said
            by_word = {w: t for t in TAGS for w in keywords(english, language(t, bare=True))}
            if list(by_word).count(word) == 1 and word not in keywords(english, language("en")):
                assert without_rare_accents(speak.say(KINDS[kind].english)) in said
    for asked in ("help", "status", "still"):
        listed = {"help": "help, info, ?"}.get(asked, asked)
        word = keywords(listed, speak)[0]
        said = ask(desk, word if asked == "help" else f"{word} {number}")
        assert said
    seen = ask(desk, f"{tag} 4F7K")
    assert without_rare_accents(speak.coded("why-vehicles")) in seen
    assert speak.number(7) in ask(desk, f"{tag} help")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("4F7K 1", Kind.BUTTON_DEAD), ("4f7k   7 a car came", Kind.GREEN_TOGETHER), ("4 F 7 K 0", Kind.OTHER),
        ("4F7K: the button is broken!", Kind.BUTTON_DEAD), ("button 4F7K", Kind.BUTTON_DEAD),
        ("4F7K botón", Kind.BUTTON_DEAD), ("4F7K按钮没反应", Kind.BUTTON_DEAD), ("٤F٧K ٨", Kind.SOUND),
        ("4F7K a lamp fell down", Kind.OTHER), ("J7 dark", Kind.DARK),
        ("Canal St & Mill Ln bus", Kind.BUS_STUCK),
        ("4F7K button-dead", Kind.BUTTON_DEAD), ("es 4F7K bus", Kind.BUS_STUCK),
    ],
)  # fmt: skip
def test_people_write_as_they_write(desk: PaperDesk, text: str, kind: Kind) -> None:
    ask(desk, text)
    assert [flag.kind for flag in desk.flags] == [kind]


def test_more_words_go_to_a_person(desk: PaperDesk) -> None:
    ask(desk, "4F7K 6 it points\nat the sky\u202e")
    ask(desk, "4F7K the pole fell down")
    assert [flag.words for flag in desk.flags] == ["it points at the sky", "the pole fell down"]


def test_who_errs_is_helped(desk: PaperDesk) -> None:
    assert "Did you mean 4F7K" in ask(desk, "4F7J button")
    assert "Or a number: 1 button, 2 short" in ask(desk, "help")
    assert "Or a number" in ask(desk, "")
    assert "J7 button" in ask(desk, "J7 thanks")
    assert desk.flags == []
    desk.busy = True
    assert "Yours is NOT kept. Please send it again in 30 s." in ask(desk, "4F7K 1")


def test_a_message_delivered_twice_is_one_report(desk: PaperDesk) -> None:
    nonce = bytes(range(16))
    twice = [answer("4F7K 1", "x", desk, now_ms=WALL_MS, nonce=nonce) for _ in range(2)]
    assert twice[0] == twice[1]
    assert len(desk.flags) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["4F7K", "J7", "status", "1", "es", "زر", "still", "\x00"])).map(" ".join)
)
def test_no_text_breaks_it(text: str) -> None:
    said = answer(text, "x", PaperDesk(), now_ms=WALL_MS)
    assert said
    assert part_count(said) <= 2


@pytest.mark.parametrize("tag", TAGS)
def test_each_sentence_leaves_room_for_the_number(tag: str) -> None:
    """Whatever the desk says, the first sentence and the number by which one asks again are whole."""
    speak = language(tag, bare=True)
    wrong = speak.say(KINDS[Kind.GREEN_TOGETHER].english)
    first = f"{speak.say('Thank you.')} {speak.say('{where}: {what}.', where='K7M4XR', what=wrong)}"
    last = speak.say("Ask again: {example}", example="status 0123456789abcdef")
    for code, english in PHRASES.items():
        values = {name: 1234 for name in placeholders(english)}
        said = fitting(first, [speak.phrase(say(code, **values))], last)
        assert part_count(said) <= 2
        assert said.startswith(without_rare_accents(first))
        assert said.endswith(without_rare_accents(last))


def test_lengths_are_counted_as_networks_do() -> None:
    assert part_count("a" * 160) == 1
    assert part_count("a" * 161) == 2
    assert part_count("a" * 307) == 3
    assert part_count("€" * 80) == 1
    assert part_count("€" * 81) == 2
    assert part_count("字" * 70) == 1
    assert part_count("字" * 71) == 2
    assert size("𝕏字") == 3
    assert not is_gsm("á")
    assert without_rare_accents("¿Botón? ñ é") == "¿Boton? ñ é"
    assert without_rare_accents("字á") == "字á"
    assert fitting("a" * 400) == "a" * 303 + "..."
    assert fitting("a", ["b" * 400, "c"], "d") == "a c\nd"


@pytest.fixture
def gateway(desk: PaperDesk) -> Iterator[TestClient]:
    with TestClient(make_app(desk, text_secret=SECRET, now_ms=lambda: WALL_MS)) as client:
        client.headers["authorization"] = f"Bearer {SECRET}"
        yield client


def test_a_gateway_hands_messages_over(gateway: TestClient, desk: PaperDesk) -> None:
    plain = gateway.post("/text", data={"from": "+15550100", "text": "4F7K 1", "id": "m1"})
    assert plain.status_code == 200
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert plain.text.startswith("Thank you.")
    again = gateway.post("/text", data={"from": "+15550100", "text": "4F7K 1", "id": "m1"})
    assert again.text == plain.text
    assert len(desk.flags) == 1
    assert "15550100" not in repr(desk.flags)
    twilio = gateway.post("/text", data={"From": "+15550100", "Body": "9QXR", "MessageSid": "SM1"})
    assert twilio.headers["content-type"] == "text/xml; charset=utf-8"
    assert "<Response><Message>9QXR: Flashing." in twilio.text


def test_only_the_gateway_may(gateway: TestClient, desk: PaperDesk) -> None:
    sent = {"from": "1", "text": "4F7K 1"}
    assert gateway.post("/text", data=sent, headers={"authorization": ""}).status_code == 401
    assert gateway.post("/text", data=sent, headers={"authorization": "Bearer guess"}).status_code == 401
    assert gateway.post("/text", data=sent, headers={"authorization": "Basic %%%"}).status_code == 401
    assert desk.flags == []
    assert gateway.post("/text", data=sent, auth=("any", SECRET)).status_code == 200
    assert len(desk.flags) == 1
    with TestClient(make_app(desk)) as closed:
        assert closed.post("/text", data=sent).status_code == 404
    assert gateway.get("/text").status_code == 405
