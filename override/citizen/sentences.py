"""The few sentences that the page and text messages share: what a lamp shows, where a report stands."""

from __future__ import annotations

import re

from override.citizen.kinds import KINDS, words
from override.citizen.language import Language
from override.citizen.pages import CasePage, CaseRow, Showing, SignalPage, SignalRow
from override.citizen.phrases import PHRASES
from override.flag_messages import FlagLife, Presence

SHOWING: dict[Showing, str] = {
    Showing.WALK: words("Walk now"),
    Showing.FINISH: words("Finish, do not start"),
    Showing.WAIT: words("Red. Please wait"),
    Showing.FLASH: words("Flashing. Take great care"),
    Showing.DARK: words("Dark. Take great care"),
    Showing.GREEN: words("Green"),
    Showing.YELLOW: words("Yellow"),
    Showing.UNKNOWN: words("We do not know"),
}
WHY_TITLE: dict[Showing, str] = {
    Showing.WAIT: words("Why is it red?"),
    Showing.FLASH: words("Why does it flash?"),
    Showing.DARK: words("Why is it dark?"),
}
SIDES = (words("north"), words("south"), words("east"), words("west"))
_OVER = re.compile(rf"(.+) \(({'|'.join(SIDES)})\)")
_NUMBERED = re.compile(r"crossing[ ._](\d{1,3})")
WHY_ELSE = words("Why is that?")
LIFE: dict[FlagLife, str] = {
    FlagLife.RECEIVED: words("We have your report"),
    FlagLife.KNOWN: words("We know of it"),
    FlagLife.CONFIRMED: words("We found the fault"),
    FlagLife.REMEDIED: words("We made it safe for now"),
    FlagLife.WITH_A_PERSON: words("A person looks at it"),
    FlagLife.FIXED: words("It is mended"),
    FlagLife.NOT_CONFIRMED: words("We could not find the fault"),
    FlagLife.REOPENED: words("We look again"),
}
CODE_NOTES: dict[Presence, str] = {
    Presence.NONE: words("At the pole? With the code that it shows now, your report counts more."),
    Presence.OLD: words("The pole shows a new code now. We keep your report, but it counts less."),
    Presence.WRONG: words("That code does not match. We keep your report, but it counts less."),
}
"""Told to whose flag counts less, where poles show a code for a while."""
ACTED = frozenset({FlagLife.CONFIRMED, FlagLife.REMEDIED, FlagLife.FIXED})
"""Where a case stands so, one voice more or less changes nothing."""


def code_note(presence: Presence, life: FlagLife, speak: Language) -> str:
    """What is told of the code that came with a flag, or nothing."""
    telling = presence in CODE_NOTES and (presence is not Presence.NONE or life not in ACTED)
    return speak.say(CODE_NOTES[presence]) if telling else ""


def crossing_name(name: str, speak: Language) -> str:
    """What people call a crossing: the street it leads over and the side, or its number; in the language."""
    if numbered := _NUMBERED.fullmatch(name):
        return speak.say("crossing {number}", number=int(numbered[1]))
    if over := _OVER.fullmatch(name):
        street, side = over.groups()
        return speak.say("across {street}, {side} side", street=speak.name(street), side=speak.say(side))
    return speak.name(name)


def place(here: SignalPage | SignalRow | CasePage, speak: Language) -> str:
    """Where a signal stands: the junction's title, and the crossing if it is about one."""
    title = speak.name(here.title)
    return speak.beside(title, crossing_name(here.crossing, speak)) if here.crossing else title


def done_words(case: CasePage, speak: Language, now_ms: int) -> str:
    """What is done for a case, and until when; nothing where the reason beside it says it already."""
    if case.remedy is None or case.remedy.code == "remedy-person":
        return ""
    done = speak.phrase(case.remedy)
    if not case.until_wall_ms:
        return done
    time = speak.clock(case.until_wall_ms, now_ms)
    return f"{done} {speak.say('Until {time}, or longer if it takes longer.', time=time)}"


def kind_words(case: CasePage | CaseRow, speak: Language) -> str:
    """What is wrong, in a few words."""
    return speak.say(KINDS[case.kind].english)


def reworded(code: str, english: str, speak: Language) -> str:
    """A refusal that came in English, in the language; its values are taken from its words."""
    wanted = PHRASES.get(code, "")
    parts = re.split(r"{(\w+)}", wanted)
    pattern = "".join(f"(?P<{part}>.*)" if k % 2 else re.escape(part) for k, part in enumerate(parts))
    found = re.fullmatch(pattern, english, re.DOTALL) if wanted else None
    return speak.say(wanted, **found.groupdict()) if found else speak.name(english)
