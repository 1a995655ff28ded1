"""The languages the citizen is spoken to in: words by catalogue, numbers and times as each writes them.

The English of a sentence is its name in the catalogues (`languages/*.po`), which are read as they
are: there is no compiled copy that could be older than its source. A sentence's placeholders stand
in braces; a translation may write `{minutes_text}` where English has `{minutes}`, and gets the
number with its unit, in the right one of the language's plurals.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import bidirectional, category

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time, format_timedelta
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from override.citizen.phrases import PHRASES, Phrase

CATALOGUES = Path(__file__).parent / "languages"
TAGS = ("en", "es", "bn", "zh", "ar")
"""In the order in which the links stand on every page."""
_LOCALES = {"zh": "zh_Hans"}
_DIGITS = {"beng": "০১২৩৪৫৬৭৮৯", "arab": "٠١٢٣٤٥٦٧٨٩"}
_SECONDS = {"s": 1, "minutes": 60, "days": 86_400}
_STOPS, _COMMAS = {"zh": "。", "bn": "।"}, {"zh": "，", "ar": "، "}
"""Where they are not those of English."""
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_NO_TEXT = ("Cf", "Cn", "Co", "Cs")
_TIME = re.compile(r"\d\d:\d\d")
_JOINERS = "\u200c\u200d"
"""Bengali and Persian words need them to be spelled right."""
NO_UNIT_UP = 1e9
"""As `threshold` of babel: keep the unit asked for, "90 seconds" and not "2 minutes"."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language, for a page or for a text message (`bare`: no invisible characters)."""

    tag: str
    locale: Locale
    translations: NullTranslations
    zone: tzinfo = UTC
    bare: bool = False

    @property
    def own_name(self) -> str:
        """As those who speak it call it."""
        return str(self.locale.get_display_name(self.locale)).split(" (")[0].capitalize()

    @property
    def direction(self) -> str:
        """Which way it is written: `ltr` or `rtl`."""
        return str(self.locale.text_direction)

    def say(self, english: str, **values: Any) -> str:
        """A sentence. `english` is its name in the catalogue; values are text, or whole numbers."""
        return self.translations.ugettext(english).format(**self._spoken(values))

    def say_count(self, one: str, many: str, count: int, **values: Any) -> str:
        """A sentence about a number of things, called `count` in it."""
        chosen = self.translations.ungettext(one, many, count)
        return str(chosen.format(**self._spoken({"count": count, **values})))

    def phrase(self, phrase: Phrase) -> str:
        """What the citizen process has to say."""
        return self.coded(phrase.code, **dict(phrase.values))

    def coded(self, code: str, **values: Any) -> str:
        """A sentence of the citizen process by its code. Raises KeyError for an unknown one."""
        return self.say(PHRASES[code], **values)

    def number(self, value: int) -> str:
        """A whole number in the language's own digits."""
        return self.own_digits(str(value))

    def sentence(self, words: str) -> str:
        """Words as a sentence, with the language's own full stop."""
        return words + _STOPS.get(self.tag, ".")

    def beside(self, first: str, second: str) -> str:
        """Two names with the language's own comma between them."""
        return f"{first}{_COMMAS.get(self.tag, ', ')}{second}"

    def joined(self, names: Sequence[str]) -> str:
        """Names in a row, as the language joins them."""
        return format_list(names, locale=self.locale)

    def seconds(self, seconds: int) -> str:
        """So many seconds, with the word for them."""
        return self._timespan(seconds, "second", NO_UNIT_UP)

    def span(self, seconds: int) -> str:
        """A length of time in its natural unit."""
        return self._timespan(seconds, "second", 1.0 if seconds >= 120 else NO_UNIT_UP)

    def clock(self, wall_ms: int, now_ms: int) -> str:
        """A time of the day, with the date when that is another day."""
        then, now = self._local(wall_ms), self._local(now_ms)
        time = self.own_digits(format_time(then, "short", locale=self.locale).replace("\u202f", " "))
        if then.date() == now.date():
            return time
        day = self.own_digits(format_skeleton("MMMd", then, locale=self.locale))
        return f"{day}, {time}"

    def day(self, iso_date: str) -> str:
        """A date that came as `2026-01-15`; anything else as it is."""
        try:
            day = datetime.strptime(iso_date, "%Y-%m-%d")
        except ValueError:
            return iso_date
        return self.own_digits(format_date(day, "long", locale=self.locale))

    def _local(self, wall_ms: int) -> datetime:
        return datetime.fromtimestamp(wall_ms / 1000, self.zone)

    def _timespan(self, seconds: int, granularity: Any, threshold: float) -> str:
        text = format_timedelta(
            timedelta(seconds=seconds), granularity=granularity, threshold=threshold, locale=self.locale
        )
        return self.own_digits(text)

    def own_digits(self, text: str) -> str:
        """The same with its digits as the language writes them."""
        digits = _DIGITS.get(self.locale.default_numbering_system, "")
        return text.translate(str.maketrans("0123456789", digits)) if digits else text

    def _spoken(self, values: dict[str, Any]) -> dict[str, str]:
        """Values as words: numbers in own digits, names so that their direction spoils nothing."""
        spoken: dict[str, str] = {}
        for name, value in values.items():
            if isinstance(value, int):
                spoken[name] = self.number(value)
                unit = "s" if name.endswith("_s") else name
                if unit in _SECONDS:
                    word = {"s": "second", "minutes": "minute", "days": "day"}[unit]
                    spoken[f"{name}_text"] = self._timespan(value * _SECONDS[unit], word, NO_UNIT_UP)
            elif _TIME.fullmatch(str(value)):
                spoken[name] = self.own_digits(str(value))
            else:
                spoken[name] = self.name(str(value))
        return spoken

    def name(self, text: str) -> str:
        """Somebody else's words, on one line, held apart where they run the other way."""
        text = plain(text)
        own_way = self.direction == "ltr" and not any(bidirectional(c) in ("R", "AL", "AN") for c in text)
        if self.bare or own_way:
            return text
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}"


def plain(text: str) -> str:
    """On one line, without control characters and without the marks that turn the direction of writing."""
    kept = (
        " " if (kind := category(c)) == "Cc" else "" if kind in _NO_TEXT and c not in _JOINERS else c
        for c in text
    )
    return " ".join("".join(kept).split())


@cache
def language(tag: str, zone: tzinfo = UTC, bare: bool = False) -> Language:
    """The language of that tag. Raises KeyError when it is none of `TAGS`."""
    if tag not in TAGS:
        raise KeyError(tag)
    return Language(tag, Locale.parse(_LOCALES.get(tag, tag)), _translations(tag), zone, bare)


def asked_for(accept_language: str) -> str:
    """The tag that a browser would like best (RFC 9110, 12.5.4); English when it likes none of ours."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language[:1000].split(",")):
        name, _, quality = part.partition(";")
        tag = name.strip().lower().split("-")[0]
        try:
            weight = float(quality.strip().removeprefix("q=") or 1.0)
        except ValueError:
            continue
        if tag in TAGS and 0.0 < weight <= 1.0:
            wishes.append((-weight, place, tag))
    return min(wishes)[2] if wishes else TAGS[0]


@cache
def _translations(tag: str) -> NullTranslations:
    """English is its own catalogue."""
    if tag == "en":
        return NullTranslations()
    with (CATALOGUES / f"{tag}.po").open("rb") as file:
        catalogue = read_po(file, locale=_LOCALES.get(tag, tag))
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
