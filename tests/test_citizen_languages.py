"""All that a citizen is told is there in every language, whole, with the same values, in easy words."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from override.citizen.decisions import REASONS
from override.citizen.kinds import KEYWORDS, KINDS, folded, keywords, kind_called
from override.citizen.language import TAGS, asked_for, language, plain
from override.citizen.phrases import PHRASES, say
from override.flag_messages import Kind
from tests.citizen_catalogues import TRANSLATED, catalogue, placeholders, said, table_words
from tests.reading_level import grade, syllables

SAID = [message for message, _ in said()]
LISTS = {*KEYWORDS.values(), "help, info, ?", "status", "still"}
"""Words people text: looked up, not read."""
LATIN_FINE = {"es": 1.0, "zh": 0.05, "bn": 0.05, "ar": 0.05}
"""So much of a translation may be Latin letters (names of things), placeholders left out."""


def key(message: str | tuple[str, ...]) -> str:
    return message if isinstance(message, str) else message[0]


@pytest.mark.parametrize("tag", TRANSLATED)
def test_every_sentence_has_its_translation_and_no_catalogue_holds_another(tag: str) -> None:
    written = catalogue(tag)
    ids = {
        message.id if isinstance(message.id, str) else message.id[0]: message
        for message in written
        if message.id
    }
    assert set(ids) == {key(message) for message in SAID}, "run python -m tests.citizen_catalogues"
    assert not written.obsolete
    for english, message in ids.items():
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert not message.fuzzy, english
        assert all(forms), f"{tag}: {english}"
        assert len(forms) == (written.num_plurals if message.pluralizable else 1), f"{tag}: {english}"
        for form in forms:
            assert placeholders(form) == placeholders(english), f"{tag}: {english} -> {form}"
            assert [*Formatter().parse(form)], form


@pytest.mark.parametrize("tag", TRANSLATED)
def test_translations_are_in_their_own_letters(tag: str) -> None:
    text = "".join(
        re.sub(r"{\w+}", "", form)
        for message in catalogue(tag)
        if message.id
        for form in (message.string if isinstance(message.string, tuple) else (message.string,))
    )
    latin = len(re.findall(r"[A-Za-z]", text)) / len(text)
    assert 0 < latin <= LATIN_FINE[tag] or latin <= LATIN_FINE[tag]


def test_enough_is_said_for_these_tests_to_mean_something() -> None:
    assert len(SAID) > 150
    assert set(PHRASES.values()) <= {key(message) for message in SAID}
    assert any(isinstance(message, tuple) for message in SAID), "a sentence with a plural"


@pytest.mark.parametrize("tag", TAGS)
def test_every_phrase_can_be_said(tag: str) -> None:
    speak = language(tag)
    for code, english in PHRASES.items():
        values = {
            name: 7 if name.endswith(("_s", "_m")) or name in NUMBERS else "J7"
            for name in placeholders(english)
        }
        spoken = speak.phrase(say(code, **values))
        assert spoken, code
        assert "{" not in spoken, code
        if tag != "en":
            assert spoken != say(code, **values).english


NUMBERS = {"minutes", "days", "times", "presses", "changes", "reports"}


def test_plurals_and_units_follow_each_language() -> None:
    one, many = "{count} person told us.", "{count} people told us."
    assert language("en").say_count(one, many, 1) == "1 person told us."
    assert language("es").say_count(one, many, 1) == "Nos avisó 1 persona."
    assert language("es").say_count(one, many, 12) == "Nos avisaron 12 personas."
    arabic = [language("ar").say_count(one, many, count) for count in (0, 1, 2, 5, 12, 100)]
    assert len(set(arabic)) == 6
    assert language("ar").seconds(1) == "ثانية"
    assert language("ar").seconds(5) == "5 ثوان"
    assert language("bn").seconds(45) == "৪৫ সেকেন্ড"
    assert language("zh").seconds(45).startswith("45秒")
    assert language("es").span(1) == "1 segundo"
    assert language("en").span(700) == "12 minutes"
    minute = say("rec-no-call", minutes=1)
    assert "1 minuto" in language("es").phrase(minute)


def test_times_of_day_are_written_as_each_writes_them() -> None:
    noon_ms, later_ms = 1_763_820_000_000, 1_763_906_400_000
    assert language("en").clock(noon_ms, noon_ms) == "2:00 PM"
    assert language("es").clock(noon_ms, noon_ms) == "14:00"
    assert language("bn").clock(noon_ms, noon_ms) == "২:০০ PM"
    assert language("zh").clock(noon_ms, later_ms) == "11月22日, 14:00"
    assert language("en").day("2026-01-15") == "January 15, 2026"
    assert language("en").day("long ago") == "long ago"


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"), ("de,fr;q=0.9", "en"), ("zh-TW,zh;q=0.9,en;q=0.8", "zh"), ("de,bn;q=0.1", "bn"),
        ("en;q=0.5,ar", "ar"), ("es;q=0,en", "en"), ("es;q=nonsense,ar;q=0.2", "ar"), ("*", "en"),
        ("es" * 5000, "en"), ("es-419", "es"),
    ],
)  # fmt: skip
def test_the_browser_s_wish_is_understood(header: str, tag: str) -> None:
    assert asked_for(header) == tag


def test_names_are_shown_on_one_line_and_turn_nothing_round() -> None:
    assert plain("a\x00b\r\nc\u202eevil\u2066") == "a b cevil"
    assert plain("ক্\u200dষ") == "ক্\u200dষ"
    assert language("en").name("شارع") == "\u2068شارع\u2069"
    assert language("en").name("Canal St") == "Canal St"
    assert language("ar", bare=True).name("Canal St") == "Canal St"


@pytest.mark.parametrize("tag", TAGS)
def test_each_keyword_means_one_kind(tag: str) -> None:
    speak = language(tag)
    taught: dict[str, Kind] = {}
    for kind, english in KEYWORDS.items():
        for word in keywords(english, speak):
            assert len(word.split()) == 1, f"{tag}: {word} is several words"
            assert taught.setdefault(folded(word), kind) is kind, f"{tag}: {word}"
            assert kind_called(word, speak) == (kind, tag)
    assert {row.number for row in KINDS.values()} == set(range(10))
    for row in KINDS.values():
        assert kind_called(speak.number(row.number), speak) == (row.kind, tag)


def sentences() -> list[str]:
    """All English of four words and more (labels would make the rest look easy), values filled in."""
    english = (message if isinstance(message, str) else message[1] for message in SAID)
    whole = (re.sub(r"{\w+}", "seven", line).rstrip(".:") + "." for line in english if line not in LISTS)
    return [line for line in dict.fromkeys(whole) if len(line.split()) >= 4]


def test_a_child_of_eleven_can_read_it() -> None:
    assert len(sentences()) > 100
    assert grade("\n".join(sentences())) <= 6.0
    parts = {f"{line}." for line in (*table_words(), *REASONS)}
    hard = [line for line in sentences() if line not in parts and grade(line) > 10.0]
    assert not hard, "say it in easier words"


def test_the_reading_level_knows_hard_from_easy() -> None:
    assert [syllables(word) for word in ("red", "button", "waited", "pressed", "signal", "people")] == [
        1,
        2,
        2,
        1,
        2,
        2,
    ]
    assert grade("See the dog run. It is red.") < 1.0
    assert (
        grade("Notwithstanding organisational considerations, implementation necessitates authorisation.")
        > 20.0
    )
