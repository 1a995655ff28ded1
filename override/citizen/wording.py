"""What people write in their own words: taken as text and nothing else, and without what names a person.

Refused are characters that do something instead of being read: controls, and the marks that turn
the direction of writing (they can make a text look like another one). Taken out are what looks like
numbers of phones or cards, mail addresses and addresses of pages.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from override import wire
from override.citizen.desk import WORDS_CHARACTERS
from override.citizen.phrases import Phrase, say
from override.flag_messages import FlagReply, FlagRequest
from override.refused import Refused
from override.topics import TOPICS

REMOVED = "[…]"
_MAIL = re.compile(r"[^\s@]{1,64}@[^\s@]{1,64}\.[^\s@]{1,24}")
_PAGE = re.compile(r"(?:https?:|www\.)\S+", re.IGNORECASE)
_NUMBER = re.compile(r"\+?\d(?:[\s().\-/]{0,2}\d){6,}")
_MEANT = {"\u200c", "\u200d"}
"""Joiners that Bengali, Arabic and Persian words need to be spelled right."""


class BadWords(ValueError):
    """Words that cannot be taken; `why` says what is wrong with them."""

    def __init__(self, why: Phrase) -> None:
        super().__init__(why.english)
        self.why = why


def screened(words: str, longest: int) -> str:
    """The words as they are kept. Raises BadWords."""
    if len(words) > longest:
        raise BadWords(say("bad-words", what=f"{len(words)} > {longest}"))
    for character in words:
        kind = unicodedata.category(character)
        spoils = kind in ("Cf", "Cs", "Co", "Cn", "Zl", "Zp") and character not in _MEANT
        if spoils or (kind == "Cc" and character not in "\n\r\t"):
            raise BadWords(say("bad-words", what=f"U+{ord(character):04X}"))
    text = " ".join(unicodedata.normalize("NFC", words).split())
    for personal in (_MAIL, _PAGE, _NUMBER):
        text = personal.sub(REMOVED, text)
    return text[:longest]


def checked(request: FlagRequest) -> FlagRequest:
    """The flag as it may be taken. Raises BadWords for whatever cannot be."""
    words = screened(request.words, WORDS_CHARACTERS)
    try:
        wire.decode(wire.pack(replace(request, words="")), TOPICS["flag"])
    except Refused as refused:
        raise BadWords(say("bad-flag", what=refused.why[:120])) from None
    except UnicodeError:
        raise BadWords(say("bad-flag", what="flag.signal")) from None
    return replace(request, words=words)


def refusal(nonce: bytes, why: Phrase, retry_s: int = 0) -> FlagReply:
    """No acceptance, with its reason; with a time to come back it is BUSY."""
    text = why.english[:400]
    return FlagReply(nonce, False, busy=retry_s > 0, retry_s=retry_s, code=why.code, why=text)
