"""Whatever the controller says to citizens about a decision, it is said in every language."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from controller.explain import Rule, explain
from override.citizen.decisions import decision as said_anew
from override.citizen.language import TAGS, language
from override.citizen.sentences import crossing_name
from tests.test_explain import bits, costs, decision, network

CASES: list[dict[str, Any]] = [
    *({"rule": rule, "winner": None, "loser": None} for rule in get_args(Rule)),
    *({"winner": costs(), "loser": costs(**{term: 90.0})} for term in (
        "cars", "buses", "pedestrians", "promise", "stops", "later",
    )),
    {"winner": costs(), "loser": costs()},
    {"waiting": ()},
    {"to_groups": 0},
    {"to_groups": bits(0, 1, 2)},
    {"to_groups": bits(0), "waiting": (), "by_history": bits(1)},
]  # fmt: skip


@pytest.mark.parametrize("changes", CASES, ids=str)
def test_every_sentence_of_the_controller_is_understood(changes: dict[str, Any]) -> None:
    english = explain(decision(**changes), network(), "citizen")
    spoken = {tag: said_anew(english, language(tag, bare=True)) for tag in TAGS}
    assert all(spoken.values()), english
    assert len(set(spoken.values())) == len(TAGS)
    assert spoken["en"].replace(" and ", ", ") == english.replace(" and ", ", ")
    numbers = re.findall(r"\d+", english)
    for tag in ("es", "zh", "ar"):
        assert re.findall(r"\d+", spoken[tag]) == numbers, spoken[tag]


def test_who_is_not_seen_is_told_so_in_every_language() -> None:
    """An operator read it, a citizen did not."""
    blind = explain(decision(to_groups=bits(0), waiting=(), by_history=bits(1)), network(), "citizen")
    assert blind.endswith("Not all who wait here can be seen: usual traffic is assumed.")
    for tag in TAGS:
        told, plain = (said_anew(one, language(tag)) for one in (blind, blind.partition(". ")[0] + "."))
        assert told.startswith(plain)
        assert len(told) > len(plain) + 10


def test_the_cases_are_as_many_as_there_are_reasons() -> None:
    """Each reason that the controller can give to citizens is among them."""
    from controller.explain import _FOR_CITIZENS, _RULES_FOR_CITIZENS

    english = " ".join(explain(decision(**changes), network(), "citizen") for changes in CASES)
    missing = [r for r in {*_FOR_CITIZENS.values(), *_RULES_FOR_CITIZENS.values()} if r not in english]
    assert missing in ([], ["nobody shall wait longer than promised"])


@pytest.mark.parametrize(
    "sentence", ["", "Something new.", "Green now for a: b: c.", "Green now for x: nonsense."]
)
def test_what_fits_no_pattern_is_left_as_it_is(sentence: str) -> None:
    assert said_anew(sentence, language("es")) == ""


def test_a_crossing_is_called_by_its_street_in_every_language() -> None:
    name = "Garden Road (west)"
    assert crossing_name(name, language("en")) == "across Garden Road, west side"
    for tag in ("es", "bn", "zh", "ar"):
        said = crossing_name(name, language(tag))
        assert "Garden Road" in said
        assert "west" not in said
    assert crossing_name("Garden Road (upper)", language("en")) == "Garden Road (upper)"


def test_who_turns_is_said_so_in_every_language() -> None:
    """Seen on a page in Spanish: `verde para west left`."""
    sentence = "Green now for west left, east left: the longest queues that can move on were here."
    said = {tag: said_anew(sentence, language(tag, bare=True)) for tag in TAGS}
    assert "west (turning left) and east (turning left)" in said["en"]
    for tag in ("es", "bn", "zh", "ar"):
        assert not re.search("west|left|east", said[tag]), said[tag]


def test_times_of_the_record_have_the_digits_of_the_language() -> None:
    assert "০৭:০৪" in language("bn").coded("rec-five-presses", at="07:04")
    assert "07:04" in language("ar").coded("rec-five-presses", at="07:04")
