"""The sheet for the poles: code, QR code and number for text messages, one card a crossing, to be printed."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from override.citizen.kinds import KEYWORDS, keywords, words
from override.citizen.language import TAGS, language, plain
from override.citizen.sentences import crossing_name
from override.flag_messages import Kind
from override.layouts import GroupLayout, JunctionLayout
from override.poles import spoken
from override.refused import Refused

ON_FOOT = "pedestrian"
TELL = words("Something wrong here? Red too long? Look and tell us:")
TEXT = words("Text {example} to {number}")


@dataclass(frozen=True, slots=True)
class Card:
    """One crossing's."""

    pole: str
    title: str
    crossing: str
    district: str


def cards(junctions: Iterable[JunctionLayout]) -> Iterator[Card]:
    """A card for every crossing with a code, by district, junction and crossing."""
    found = [
        Card(group.pole, plain(j.title), _crossing(group), plain(j.district))
        for j in junctions
        for group in j.groups
        if group.kind == ON_FOOT and group.pole
    ]
    yield from sorted(found, key=lambda card: (card.district, card.title, card.crossing, card.pole))


def sheet(street: str, junctions: Iterable[JunctionLayout], public_url: str, text_number: str = "") -> str:
    """The sheet as one HTML page that needs nothing else, two cards on a page of A4 or Letter.

    Raises Refused when the address is none, or no crossing has a code.
    """
    if not public_url.startswith(("https://", "http://")) or not public_url.isprintable():
        raise Refused("arguments", f"address {public_url!r}: https://... is needed, as people shall type it")
    listed = list(cards(junctions))
    if not listed:
        raise Refused("arguments", f"street {street}: no crossing for people on foot, so no poles")
    base = public_url.rstrip("/")
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "web" / "templates"),
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined,
    )  # fmt: skip
    return templates.get_template("poles.html").render(
        street=plain(street),
        number=plain(text_number),
        shown_url=base.partition("://")[2],
        cards=[_card(card, base, plain(text_number)) for card in listed],
    )


def _crossing(group: GroupLayout) -> str:
    return crossing_name(group.approach or group.name, language(TAGS[0]))


def _card(card: Card, base: str, number: str) -> dict[str, Any]:
    code = spoken(card.pole)
    lines = []
    for tag in TAGS:
        speak = language(tag)
        example = f"{code} {keywords(KEYWORDS[Kind.BUTTON_DEAD], speak)[0]}"
        lines.append(
            {
                "code": str(speak.locale).replace("_", "-"),
                "direction": speak.direction,
                "tell": speak.say(TELL),
                "text": speak.say(TEXT, example=example, number=number) if number else "",
            }
        )
    return {"card": card, "code": code, "qr": _qr(f"{base}/s/{card.pole}"), "lines": lines}


def _qr(address: str) -> Markup:
    """As inline SVG; a quarter of it may be dirty or torn (error correction Q)."""
    drawn = io.BytesIO()
    segno.make(address, error="q", micro=False, boost_error=False).save(
        drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4, title=address
    )
    return Markup(drawn.getvalue().decode().strip())
