"""How long a text message is: the alphabet of 3GPP TS 23.038, and parts as phones join them.

A message of the default alphabet holds 160 characters, or 153 in each of several parts; any
other is sent as UCS-2 with 70, or 67 in each of several.
"""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import normalize

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "ÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")
"""Each takes the room of two."""
ALONE, JOINED = 160, 153
ALONE_UCS2, JOINED_UCS2 = 70, 67
PARTS_MAX = 2


def is_gsm(text: str) -> bool:
    """Whether the default alphabet has every character."""
    return all(c in BASIC or c in EXTENDED for c in text)


def size(text: str) -> int:
    """Characters as the network counts them: septets, or UTF-16 units."""
    if is_gsm(text):
        return len(text) + sum(c in EXTENDED for c in text)
    return len(text.encode("utf-16-be")) // 2


def part_count(text: str) -> int:
    """How many messages it takes."""
    alone, joined = (ALONE, JOINED) if is_gsm(text) else (ALONE_UCS2, JOINED_UCS2)
    return 1 if size(text) <= alone else -(-size(text) // joined)


def without_rare_accents(text: str) -> str:
    """The accents that the alphabet lacks are left out where that makes the text fit into it.

    A Spanish á would cost more than half of the room; é and ñ stay.
    """
    folded = "".join(c if c in BASIC or c in EXTENDED else normalize("NFD", c)[0] for c in text)
    return folded if is_gsm(folded) else text


def fitting(needed: str, wishes: Iterable[str] = (), last: str = "") -> str:
    """The needed sentence, then in their order the wishes for which two parts have room, and a last line.

    The needed sentence is cut where it and the last line are longer by themselves, and shows that it is.
    """
    text = without_rare_accents(needed)
    tail = without_rare_accents(f"\n{last}") if last else ""
    if part_count(text + tail) > PARTS_MAX:
        while text and part_count(f"{text}...{tail}") > PARTS_MAX:
            text = text[:-1]
        return f"{text}...{tail}"
    for wish in wishes:
        longer = without_rare_accents(f"{text} {wish}")
        if wish and part_count(longer + tail) <= PARTS_MAX:
            text = longer
    return text + tail
