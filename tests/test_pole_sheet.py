"""The sheet for the poles: every crossing once, a code that can be read, typed and scanned."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from override.citizen.language import TAGS, language
from override.citizen.pole_sheet import TELL, cards, sheet
from override.layouts import GroupLayout, JunctionLayout
from override.poles import code_in, pole_codes, spoken
from override.refused import Refused

CODES = pole_codes([("J7", "w1"), ("J7", "w2")])
J7 = JunctionLayout(
    "J7", "Canal St <& Mill Ln>", 0, 0, "North",
    (
        GroupLayout("car", "vehicle", "north", 120_000),
        GroupLayout("w1", "pedestrian", "across Canal St", 90_000, CODES["J7", "w1"]),
        GroupLayout("w2", "pedestrian", "", 90_000, CODES["J7", "w2"]),
    ),
    (), (),
)  # fmt: skip
URL = "https://lights.example.org"


def test_every_crossing_has_one_card_with_all_it_needs() -> None:
    html = sheet("town", [J7], URL + "/", "+1 555 0100")
    assert html.count("<article>") == len(list(cards([J7]))) == 2
    for code in CODES.values():
        assert code_in(spoken(code)) == code
        assert f"<h2>{spoken(code)}</h2>" in html
        assert f"lights.example.org/s/{code}</p>" in html
    assert html.count('<svg xmlns="http://www.w3.org/2000/svg"') == 2
    assert "Canal St &lt;&amp; Mill Ln&gt;" in html
    for tag in TAGS:
        assert html.count(language(tag).say(TELL)) == 2
    text = "Text " + spoken(CODES["J7", "w1"]) + " button to +1 555 0100"
    assert text in html.replace("\u00a0", " ")
    assert not re.search(r"<(?:script|link|img|iframe)|url\(|@import", html), (
        "it must print without a network"
    )


def test_the_code_in_the_picture_is_the_page_of_the_signal() -> None:
    """Drawn again from the address that stands below it, the picture is the same."""
    import segno

    html = sheet("town", [J7], URL)
    drawn = re.findall(r'<path class="qrline"[^>]* d="([^"]+)"', html)
    for card, path in zip(cards([J7]), drawn, strict=True):
        made = segno.make(f"{URL}/s/{card.pole}", error="q", micro=False, boost_error=False)
        assert path in made.svg_inline(border=4)
        assert made.error == "Q"


@pytest.mark.parametrize(
    ("url", "junctions", "words"),
    [("lights.example.org", [J7], "https://"), (URL, [], "no crossing"), ("https://a\nb", [J7], "https://")],
)
def test_a_sheet_that_would_mislead_is_refused(url: str, junctions: list[JunctionLayout], words: str) -> None:
    with pytest.raises(Refused, match=words):
        sheet("town", junctions, url)


def test_the_command_prints_a_city_s(tmp_path: Path) -> None:
    import belisha

    output = tmp_path / "poles.html"
    done = CliRunner().invoke(
        belisha.app, ["poles", "print", "small-city", "--url", URL, "-o", str(output)], catch_exceptions=False
    )
    assert done.exit_code == 0
    codes = re.findall(r"<h2>(.+)</h2>", output.read_text(encoding="utf-8"))
    assert len(codes) == len(set(codes)) > 10
    assert all(code_in(code) for code in codes)
    assert f"{len(codes)} cards" in done.output
    neither = CliRunner().invoke(belisha.app, ["poles", "print"])
    assert neither.exception is not None
    assert belisha.is_bad_input(neither.exception)
    assert "--key" in str(neither.exception)


def test_no_number_is_parted_at_the_end_of_a_line() -> None:
    """Seen on a printed card: the Arabic line ended after `555-`."""
    html = sheet("town", [J7], URL, "555-0100")
    assert "555-\u20600100" in html
    assert "555-0100" not in html
