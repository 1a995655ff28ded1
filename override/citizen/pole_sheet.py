"""The sheet for the poles: code, QR code and number for text messages, one card a crossing, to be printed."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from override.citizen.kinds import KEYWORDS, keywords, words
from override.citizen.language import TAGS, language, plain
from override.citizen.presence import PoleCodes
from override.citizen.sentences import crossing_name
from override.flag_messages import Kind
from override.layouts import GroupLayout, JunctionLayout
from override.poles import joined, spoken
from override.refused import Refused

ON_FOOT = "pedestrian"
TELL = words("Something wrong here? Red too long? Look and tell us:")
TEXT = words("Text {example} to {number}")
UNTIL = words("{code} shows that you are here. It holds until {day}.")
PRINTED_LEAST_MS = 24 * 3_600_000


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


@dataclass(frozen=True, slots=True)
class ShownCodes:
    """What the poles show in one window of time, where they show a code for a while."""

    codes: PoleCodes
    window: int

    def __post_init__(self) -> None:
        if self.codes.period_ms < PRINTED_LEAST_MS:
            minutes = self.codes.period_ms // 60_000
            raise Refused(
                "arguments",
                f"codes that change every {minutes} minutes are for displays; print those of a day or more",
            )


def sheet(
    street: str,
    junctions: Iterable[JunctionLayout],
    public_url: str,
    text_number: str = "",
    shown: ShownCodes | None = None,
) -> str:
    """The sheet as one HTML page that needs nothing else, two cards on a page of A4 or Letter.

    With `shown` each card has the code of that window too, which tells that its reader is there.
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
        cards=[_card(card, base, plain(text_number), shown) for card in listed],
    )


def _crossing(group: GroupLayout) -> str:
    return crossing_name(group.approach or group.name, language(TAGS[0]))


def _card(card: Card, base: str, number: str, shown: ShownCodes | None) -> dict[str, Any]:
    extra = shown.codes.code(card.pole, shown.window) if shown else ""
    last_day = ""
    if shown:  # the end of a window is the first moment that is another's
        end_ms = shown.codes.begin_ms(shown.window + 1) - 1
        last_day = datetime.fromtimestamp(end_ms / 1000, UTC).date().isoformat()
    code = f"{spoken(card.pole)} {extra}".rstrip()
    lines = []
    for tag in TAGS:
        speak = language(tag)
        example = f"{code} {keywords(KEYWORDS[Kind.BUTTON_DEAD], speak)[0]}"
        text = speak.say(TEXT, example=example, number=number) if number else ""
        for name in filter(None, (example, number)):
            text = text.replace(name, _unbroken(name))
        lines.append(
            {
                "code": str(speak.locale).replace("_", "-"),
                "direction": speak.direction,
                "tell": speak.say(TELL),
                "text": text,
                "until": speak.say(UNTIL, code=extra, day=speak.day(last_day)) if extra else "",
            }
        )
    path = joined(card.pole, extra)
    return {
        "card": card, "code": code, "path": path, "turning": bool(extra), "lines": lines,
        "qr": _qr(f"{base}/s/{path}"),
    }  # fmt: skip


def _unbroken(name: str) -> str:
    """No line is broken inside of it, neither at a space nor behind a hyphen."""
    return name.replace(" ", "\u00a0").replace("-", "-\u2060")


def _qr(address: str) -> Markup:
    """As inline SVG; a quarter of it may be dirty or torn (error correction Q)."""
    drawn = io.BytesIO()
    segno.make(address, error="q", micro=False, boost_error=False).save(
        drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4, title=address
    )
    return Markup(drawn.getvalue().decode().strip())
