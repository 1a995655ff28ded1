"""A street file says exactly what it means: read, written and refused word by word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.conflicts import UnsafeJunction
from controller.junction import StreetLink, StreetNetwork
from controller.street_file import (
    StreetFileError,
    read_street,
    street_from_text,
    street_to_text,
    write_street,
)
from controller.vocabulary import Timing
from tests.test_conflicts import crossroads


def town() -> StreetNetwork:
    return StreetNetwork(
        "town",
        Timing.COMPUTED,
        (crossroads(), replace(crossroads(), name="L", title="J2")),
        (StreetLink("n_0_out", "L", "e_0", 210.25, 0.3333),),
        ("Streets are level.", 'One "quoted" sentence \\ with a line\nbreak.'),
    )


def test_what_is_written_is_read_back_exactly_and_writes_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "street.toml"
    write_street(town(), path)
    assert read_street(path) == town()
    assert street_to_text(read_street(path)).encode() == path.read_bytes()


@given(
    st.text(min_size=1, max_size=30).filter(lambda s: s.isprintable() or "\n" in s or "\x07" in s),
    st.floats(0.0, 300.0),
    st.floats(0.0, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_any_name_and_number_survives(name: str, length_m: float, share: float) -> None:
    street = replace(town(), name=name, links=(StreetLink(name, "K", "n_0", length_m, share),))
    assert street_from_text(street_to_text(street)) == street


def broken(tmp_path: Path, old: str, new: str, count: int = 1) -> str:
    text = street_to_text(town())
    assert old in text
    path = tmp_path / "street.toml"
    path.write_text(text.replace(old, new, count), encoding="utf-8")
    with pytest.raises(StreetFileError) as caught:
        read_street(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "yellow_ms = 3800",
            "yellow_ms = 12000",
            "junction[0].group[0].yellow_ms: found 12000; allowed is a whole number from 0 to 6000",
        ),
        (
            "yellow_ms = 3800",
            "yellow_ms = 3.8",
            "junction[0].group[0].yellow_ms: found 3.8; allowed is a whole number from 0 to 6000",
        ),
        (
            "yellow_ms = 3800",
            "yellow_ms = true",
            "junction[0].group[0].yellow_ms: found True; allowed is a whole number from 0 to 6000",
        ),
        ("clearance_ms = 9000\n", "clearence_ms = 9000\n", "junction[0].group[2].clearence_ms: unknown key;"),
        (
            'kind = "pedestrian"',
            'kind = "horse"',
            "junction[0].group[2].kind: found 'horse'; allowed is one of vehicle, pedestrian, bus, bicycle",
        ),
        ('timing = "computed"', 'timing = "fast"', "timing: found 'fast'; allowed is one of computed"),
        ("share = 0.3333", "share = nan", "link[0].share: found nan; allowed is a number from 0 to 1"),
        ("promise_ms = 120000\n", "", "junction[0].group[0].promise_ms: missing"),
        (
            "links = [0]",
            "links = []",
            "junction[0].group[0].links: found a list of 0; allowed is a list of 1",
        ),
        ("links = [0]", "links = 0", "junction[0].group[0].links: found 0; allowed is a list of 1"),
        ("format = 1", "format = 2", "format: found 2; allowed is a whole number from 1 to 1"),
        (
            'direction = "straight"',
            'direction = "up"',
            "junction[0].lane[0].movement[0].direction: found 'up'; allowed is one of straight, right, left",
        ),
        ("cycle_ms = 60000", 'cycle_ms = "a minute"', "junction[0].plan[0].cycle_ms: found 'a minute'"),
        ('name = "town"', 'name = ""', "name: found ''; allowed is text of 1 to"),
    ],
)
def test_a_wrong_value_is_named_with_its_place_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert broken(tmp_path, old, new).startswith(message)


def test_a_file_that_is_no_toml_or_not_there_is_one_line(tmp_path: Path) -> None:
    assert "not TOML" in broken(tmp_path, 'name = "town"', "name = town")
    with pytest.raises(StreetFileError, match="no such file"):
        read_street(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StreetFileError, match="cannot be read as text"):
        read_street(tmp_path / "bytes.toml")


def test_an_unsafe_street_is_refused_at_load_with_the_file_named(tmp_path: Path) -> None:
    path = tmp_path / "street.toml"
    text = street_to_text(town())
    together = text.replace('groups = ["north", "crossing.1"]', 'groups = ["north", "east", "crossing.1"]')
    assert together != text
    path.write_text(together, encoding="utf-8")
    with pytest.raises(UnsafeJunction, match="stage S1 has north and east green together") as caught:
        read_street(path)
    assert str(caught.value).startswith(str(path))


def test_an_infinite_number_is_not_written() -> None:
    street = replace(town(), links=(StreetLink("a", "K", "n_0", float("inf"), 1.0),))
    with pytest.raises(StreetFileError, match="finite"):
        street_to_text(street)
