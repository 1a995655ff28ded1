"""The ten things that may be wrong, each with its number, its words, its symbol and the words people text.

The symbols are drawn in a square of 24 with lines of the colour of the text; they stand beside the
words, never instead of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from unicodedata import combining, normalize

from override.citizen.language import TAGS, Language, language
from override.flag_messages import Kind


@dataclass(frozen=True, slots=True)
class KindWords:
    """How one kind is said, drawn and texted."""

    kind: Kind
    number: int
    """The digit that stands for it in a text message."""
    english: str
    """A few words; the name in the catalogues."""
    symbol: str
    """Inside of an SVG of 24 by 24."""


def words(english: str) -> str:
    """Marks a sentence for the catalogues; it is translated where it is said."""
    return english


_LIGHT = '<rect x="8" y="2" width="8" height="20" rx="2"/>'
_WALKER = '<circle cx="7" cy="4.5" r="2"/><path d="M7 7v7l-3 7M7 14l3 7M3 11l4-3 4 3"/>'
KINDS: dict[Kind, KindWords] = {
    row.kind: row
    for row in (
        KindWords(
            Kind.BUTTON_DEAD, 1, words("Button does nothing"),
            '<rect x="5" y="3" width="14" height="18" rx="3"/><circle cx="12" cy="12" r="4"/>'
            '<path d="M3 21 21 3"/>',
        ),
        KindWords(
            Kind.WALK_SHORT, 2, words("Not enough time to cross"),
            _WALKER + '<circle cx="17" cy="10" r="5"/><path d="M17 7v3h2"/>',
        ),
        KindWords(
            Kind.WAITED_LONG, 3, words("Waited too long"),
            '<path d="M6 2h12M6 22h12M7 2c0 6 10 8 10 10S7 16 7 22M17 2c0 6-10 8-10 10s10 4 10 10"/>',
        ),
        KindWords(
            Kind.STUCK, 4, words("Light is stuck"),
            _LIGHT + '<circle cx="12" cy="6.5" r="2" fill="currentColor"/><path d="M3 9v6M21 9v6"/>',
        ),
        KindWords(
            Kind.DARK, 5, words("Light is off or flashing"),
            _LIGHT + '<circle cx="12" cy="12" r="2"/>'
            '<path d="M3 5l2 2M3 12h2M3 19l2-2M21 5l-2 2M21 12h-2M21 19l-2-2"/>',
        ),
        KindWords(
            Kind.TURNED, 6, words("Light is turned or broken"),
            '<g transform="rotate(35 12 12)">' + _LIGHT + '</g><path d="M2 8a10 10 0 0 1 5-6M7 6V2H3"/>',
        ),
        KindWords(
            Kind.GREEN_TOGETHER, 7, words("Cars and walk are green together"),
            _WALKER + '<path d="M13 18v-4l1.5-3h6L22 14v4zM13 14h9"/><circle cx="15" cy="19" r="1.5"/>'
            '<circle cx="20" cy="19" r="1.5"/><path d="M17 2v4M17 8v.5"/>',
        ),
        KindWords(
            Kind.SOUND, 8, words("Sound for blind people is broken"),
            '<path d="M3 9v6h4l5 5V4L7 9zM16 9l5 6M21 9l-5 6"/>',
        ),
        KindWords(
            Kind.BUS_STUCK, 9, words("Bus is stuck"),
            '<rect x="4" y="3" width="16" height="15" rx="2"/><path d="M4 11h16M9 3v8M15 3v8"/>'
            '<circle cx="8" cy="19.5" r="2"/><circle cx="16" cy="19.5" r="2"/>',
        ),
        KindWords(
            Kind.OTHER, 0, words("Something else"),
            '<path d="M3 4h18v12H11l-5 5v-5H3z"/><path d="M8 10h.1M12 10h.1M16 10h.1"/>',
        ),
    )
}  # fmt: skip
KEYWORDS: dict[Kind, str] = {
    Kind.BUTTON_DEAD: words("button, press, push"),
    Kind.WALK_SHORT: words("short, walk, time"),
    Kind.WAITED_LONG: words("wait, waited, long, slow"),
    Kind.STUCK: words("stuck, frozen, hangs"),
    Kind.DARK: words("dark, off, out, flashing, flash"),
    Kind.TURNED: words("turned, damaged, broken, bent"),
    Kind.GREEN_TOGETHER: words("together, danger, both"),
    Kind.SOUND: words("sound, beep, blind"),
    Kind.BUS_STUCK: words("bus, tram"),
    Kind.OTHER: words("other, else"),
}
"""What people text for a kind, in one language; the catalogues have their own lists, not translations."""


def folded(text: str) -> str:
    """As it is compared: without case and without accents (of Latin letters only)."""
    letters = normalize("NFD", text.casefold())
    kept = (
        c
        for c, before in zip(letters, " " + letters, strict=False)
        if not (combining(c) and before < "\u0250")
    )
    return normalize("NFC", "".join(kept))


def kind_called(word: str, spoken: Language) -> tuple[Kind, str] | None:
    """The kind that a digit or a word means, and the tag of the language it is a word of.

    The language spoken so far is tried first. Chinese is written without spaces, so there a word
    may stand anywhere in what looks like one. None when it means nothing.
    """
    if len(word) == 1 and word.isdecimal():
        number = int(word)
        return next((row.kind, spoken.tag) for row in KINDS.values() if row.number == number)
    plain = folded(word)
    for tag in (spoken.tag, *(tag for tag in TAGS if tag != spoken.tag)):
        for kind, known in _words_of_kinds(tag):
            if plain in known or (tag == "zh" and any(w in word for w in known)):
                return kind, tag
    return None


@cache
def _words_of_kinds(tag: str) -> tuple[tuple[Kind, frozenset[str]], ...]:
    """What may be texted for each kind in this language, folded."""
    there = language(tag)
    return tuple(
        (kind, frozenset((kind.value, *(folded(w) for w in keywords(english, there)))))
        for kind, english in KEYWORDS.items()
    )


def keywords(english: str, there: Language) -> list[str]:
    """The words of such a list in that language."""
    listed = there.say(english).replace("،", ",").replace("，", ",").replace("、", ",")
    return [word.strip() for word in listed.split(",") if word.strip()]
