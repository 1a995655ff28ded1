"""A lamp is told by letter, by shape and by colour: any one of them is enough."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len
from rich.style import Style

from controller.vocabulary import GroupKind
from override.picture import LETTERS
from tui.lamps import KIND_SIGNS, LAMPS, RUNGS, UNKNOWN, lamp, lamp_words


def test_every_lamp_of_the_wire_has_a_sign_and_no_two_look_alike() -> None:
    assert set(LAMPS) == set(map(chr, LETTERS))
    signs = [*LAMPS.values(), UNKNOWN]
    for look in ("letter", "shape", "plain", "words"):
        assert len({getattr(sign, look) for sign in signs}) == len(signs), look
    assert all(Style.parse(sign.style).color is not None for sign in signs)
    assert len({(sign.colour, sign.bold) for sign in signs}) == len(signs)


def test_signs_are_one_cell_wide_and_plain_ones_ascii() -> None:
    for sign in (*LAMPS.values(), UNKNOWN, *RUNGS):
        assert cell_len(sign.shape) == 1
        assert sign.plain.isascii()
        assert unicodedata.east_asian_width(sign.shape) != "W"


def test_a_letter_nobody_knows_is_never_shown_as_a_lamp() -> None:
    assert lamp("Z") is UNKNOWN
    assert lamp("") is UNKNOWN


def test_words_are_those_of_who_stands_before_it() -> None:
    assert lamp_words("G", "pedestrian") == "walk"
    assert lamp_words("R", "pedestrian") == "don't walk"
    assert lamp_words("G") == "green"
    assert lamp_words("F", "pedestrian") == "flashing red"
    assert set(KIND_SIGNS) == {kind.name.lower() for kind in GroupKind}


def test_a_lamp_has_its_shape_and_its_letter() -> None:
    assert [lamp(letter).cell(False) for letter in "RGC"] == ["■R", "▲G", "▽C"]
    assert [lamp(letter).cell(True) for letter in "RGC"] == ["#R", "^G", "vC"]


def test_every_rung_has_its_own_shape_colour_and_word() -> None:
    assert [sign.rung for sign in RUNGS] == list(range(6))
    for look in ("shape", "plain", "colour", "word"):
        assert len({getattr(sign, look) for sign in RUNGS}) == 6
