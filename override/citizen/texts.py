"""Reports and answers as text messages, for any phone there is.

    K7M 4XR              what the signal shows, why, and what is known to be wrong
    K7M 4XR button       a report, by a word in any of the languages ...
    K7M 4XR 1 pole fell  ... or by number; more words are read by a person
    K7M 4XR 9QYH4 button ... with the code that the pole shows now, where poles show one
    status 1234...       where a report stands (its number came with the first answer)
    still 1234...        still broken
    es ...               the language of the answer; a word of a language chooses it, too
    help

An answer takes at most two messages. Nothing is kept of who sent it.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from functools import cache
from unicodedata import decimal, normalize

from override.bounds import NONCE_BYTES, REASON_CHARACTERS
from override.citizen.desk import TOKEN_PATTERN, CitizenDesk
from override.citizen.gsm import fitting
from override.citizen.kinds import KEYWORDS, KINDS, folded, keywords, kind_called, words
from override.citizen.language import TAGS, Language, language, plain
from override.citizen.near import letters, near
from override.citizen.pages import CasePage, SignalPage
from override.citizen.sentences import SHOWING, code_note, kind_words, reworded
from override.flag_messages import Channel, FlagReply, FlagRequest, Kind
from override.poles import joined, parted

READ_CHARACTERS = 1000
"""More than any phone sends; the rest of a text is not read."""
NAME_WORDS_MAX = 6
EXAMPLE = "K7M 4XR"
"""A code, in help."""
HELP = words("help, info, ?")
STATUS = words("status")
STILL = words("still")
_NAMES = {
    "english": "en", "spanish": "es", "espanol": "es", "bengali": "bn", "bangla": "bn", "বাংলা": "bn",
    "chinese": "zh", "中文": "zh", "汉语": "zh", "arabic": "ar", "عربي": "ar", "العربية": "ar",
}  # fmt: skip
_TOKEN = re.compile(TOKEN_PATTERN)


@dataclass(frozen=True, slots=True)
class _Texter:
    """One message and what it takes to answer it."""

    said: list[str]
    sender_key: str
    desk: CitizenDesk
    speak: Language
    nonce: bytes
    now_ms: int
    shown: str = ""
    """What the pole shows for a while, where it was texted after the pole's own code."""

    def answer(self) -> str:
        if not self.said or folded(self.said[0]) in self.keys(HELP):
            return self.help()
        if self.means(self.said[0], STILL) and len(self.said) > 1:
            return self.still(_token("".join(self.said[1:])))
        if self.means(self.said[0], STATUS) and len(self.said) > 1:
            return self.status(_token("".join(self.said[1:])))
        if len(self.said) == 1 and _TOKEN.fullmatch(_token(self.said[0])):
            return self.status(_token(self.said[0]))
        page, rest, shown = self.found(self.said)
        if page is None and kind_called(self.said[0], self.speak):
            page, after, shown = self.found(self.said[1:])
            rest = [self.said[0], *after]
        return replace(self, shown=shown).about(page, rest) if page else self.unknown()

    def found(self, said: list[str]) -> tuple[SignalPage | None, list[str], str]:
        """The signal that the first words name, as many as can be, the words after, what its pole shows."""
        for count in range(min(NAME_WORDS_MAX, len(said)), 0, -1):
            name = " ".join(said[:count])[:64]
            if page := self.desk.signal(name):
                return page, said[count:], parted(name)[1]
        return None, said, ""

    def about(self, page: SignalPage, rest: list[str]) -> str:
        if not rest:
            return self.signal(page)
        for place, word in enumerate(rest):
            if called := kind_called(word, self.speak):
                kind, tag = called
                more = rest[place + 1 :] if place == 0 else rest
                return self.speaking(tag).flag(page, kind, more)
        return self.flag(page, Kind.OTHER, rest) if len(rest) > 1 else self.help(page)

    def help(self, page: SignalPage | None = None) -> str:
        code = _name(page) if page else EXAMPLE
        example = keywords_of(Kind.BUTTON_DEAD, self.speak)[0]
        how = self.speak.say(
            "Text the code on the pole and what is wrong, like: {example}", example=f"{code} {example}"
        )
        listed = ", ".join(
            f"{self.speak.number(row.number)} {keywords_of(row.kind, self.speak)[0]}"
            for row in KINDS.values()
        )
        return fitting(how, last=self.speak.say("Or a number: {list}.", list=listed))

    def signal(self, page: SignalPage) -> str:
        shows = self.speak.say(SHOWING[page.showing])
        told = [f"{self.speak.phrase(page.why)}"]
        told += [f"{kind_words(case, self.speak)}: {self.speak.phrase(case.why)}" for case in page.cases[:2]]
        first = self.speak.say("{where}: {what}.", where=_name(page), what=shows)
        return fitting(first, told, self.help_short(page))

    def help_short(self, page: SignalPage | None) -> str:
        example = f"{_name(page) if page else EXAMPLE} {keywords_of(Kind.BUTTON_DEAD, self.speak)[0]}"
        return self.speak.say("Something wrong? Text: {example}", example=example)

    def flag(self, page: SignalPage, kind: Kind, more: list[str]) -> str:
        free = plain(" ".join(more))[:REASON_CHARACTERS]
        signal = joined(page.pole, self.shown) or page.junction
        request = FlagRequest(self.nonce, signal, kind, Channel.TEXT, free)
        reply = self.desk.flag(request, self.sender_key)
        if not reply.accepted:
            return self.refused(reply)
        case = self.desk.case(reply.token)
        wrong = self.speak.say(KINDS[kind].english)
        what = self.speak.say("{where}: {what}.", where=_name(page), what=wrong)
        thanks = self.speak.say("Thank you.")
        told = [code_note(reply.presence, reply.life, self.speak)]
        told += self.standing(case) if case else []
        return fitting(f"{thanks} {what}", told, self.number(reply.token))

    def still(self, token: str) -> str:
        reply = self.desk.still(token, self.sender_key)
        if not reply.accepted:
            return self.refused(reply)
        thanks = self.speak.say("Thank you. We noted that it is still wrong.")
        case = self.desk.case(token)
        return fitting(thanks, self.standing(case) if case else [])

    def status(self, token: str) -> str:
        case = self.desk.case(token)
        if case is None:
            return fitting(self.speak.coded("unknown-token"))
        where = case.pole or case.junction
        what = self.speak.say("{where}: {what}.", where=where, what=kind_words(case, self.speak))
        still = self.speak.say("Still wrong? Text: {example}", example=f"{self.one(STILL)} {token}")
        return fitting(what, self.standing(case), still if case.mine else "")

    def standing(self, case: CasePage) -> list[str]:
        """Where a case stands, the most important first."""
        told = []
        if case.remedy and case.remedy.code != "remedy-person":  # the reason says that
            told.append(self.speak.phrase(case.remedy))
            if case.until_wall_ms:
                until = self.speak.clock(case.until_wall_ms, self.now_ms)
                told.append(self.speak.say("Until {time}.", time=until))
        told.append(self.speak.phrase(case.why))
        if case.evidence:
            told.append(self.speak.phrase(case.evidence))
        return told

    def refused(self, reply: FlagReply) -> str:
        if reply.code in ("busy", "not-kept"):
            return fitting(self.speak.coded(reply.code, retry_s=reply.retry_s))
        return fitting(reworded(reply.code, reply.why, self.speak))

    def unknown(self) -> str:
        typed = self.said[0] if len(letters(self.said[0])) > 3 else "".join(self.said[:2])
        meant = near(typed, self.desk.signals())
        known = self.speak.coded("unknown-signal")
        if not meant:
            return fitting(known, last=self.help_short(None))
        listed = self.speak.say(
            "Did you mean {list}?", list=", ".join(f"{r.pole} ({r.title})" for r in meant[:2])
        )
        return fitting(known, last=listed)

    def number(self, token: str) -> str:
        """How to ask again."""
        return self.speak.say("Ask again: {example}", example=f"{self.one(STATUS)} {token}")

    def one(self, listed: str) -> str:
        """The first word of a list, in the language."""
        return keywords(listed, self.speak)[0]

    def keys(self, listed: str) -> set[str]:
        """All words of a list, in all languages."""
        return {folded(word) for tag in TAGS for word in keywords(listed, language(tag))}

    def means(self, word: str, listed: str) -> bool:
        return folded(word) in self.keys(listed)

    def speaking(self, tag: str) -> _Texter:
        speak = language(tag, self.speak.zone, bare=True)
        return replace(self, speak=speak)


def answer(
    text: str,
    sender_key: str,
    desk: CitizenDesk,
    *,
    now_ms: int,
    nonce: bytes = b"",
    zone: tzinfo = UTC,
) -> str:
    """The answer to a text message: at most two parts of 160 GSM or 70 other characters.

    `sender_key` only puts the desk's queue in order. `nonce` makes a message that a gateway
    delivers twice one report. `now_ms` is the wall clock, by which times of another day get
    their date. Never raises for what somebody texted.
    """
    said = _words(text[:READ_CHARACTERS])
    tag, said = _spoken(said)
    nonce = nonce if len(nonce) == NONCE_BYTES else secrets.token_bytes(NONCE_BYTES)
    return _Texter(said, sender_key, desk, language(tag, zone, bare=True), nonce, now_ms).answer()


def keywords_of(kind: Kind, speak: Language) -> list[str]:
    """What people text for a kind in a language; the first is the one we teach."""
    return keywords(KEYWORDS[kind], speak)


def _words(text: str) -> list[str]:
    """Words, with digits of any script as ASCII, and a code parted from Chinese written close to it."""
    text = plain(normalize("NFKC", text))[:READ_CHARACTERS]  # some letters become eighteen
    text = "".join(str(decimal(c)) if c.isdecimal() else c for c in text)
    text = re.sub(r"(?<=[0-9A-Za-z])(?=[^\x00-\u024f])|(?<=[^\x00-\u024f])(?=[0-9A-Za-z])", " ", text)
    found = (word.strip(",.;:!¡¿\"'()，。！；：、") for word in text.split())
    return [word for word in found if word]


def _spoken(said: list[str]) -> tuple[str, list[str]]:
    """The language that a text asks for by its first word, or is written in."""
    if said and (tag := folded(said[0])) in (*TAGS, *_NAMES):
        return _NAMES.get(tag, tag), said[1:]
    for word in said[:NAME_WORDS_MAX]:
        for tag in TAGS:
            if folded(word) in _commands(tag):
                return tag, said
        if script := _script(word):
            return script, said
    return TAGS[0], said


@cache
def _commands(tag: str) -> frozenset[str]:
    """What may be texted in this language beside kinds, folded."""
    there = language(tag)
    return frozenset(folded(w) for listed in (HELP, STATUS, STILL) for w in keywords(listed, there))


def _script(word: str) -> str:
    """The language that a word's first letter gives away; empty for Latin ones."""
    first = ord(word[0])
    if 0x0600 <= first <= 0x06FF:
        return "ar"
    if 0x0980 <= first <= 0x09FF:
        return "bn"
    return "zh" if 0x4E00 <= first <= 0x9FFF else ""


def _token(text: str) -> str:
    """As it was sent: letters that look like digits are those (Crockford)."""
    return "".join(c for c in text.casefold() if c.isalnum()).translate(str.maketrans("oil", "011"))


def _name(page: SignalPage) -> str:
    return page.pole or page.junction
