"""The controller's own sentence about its last decision, said in any language.

`controller.explain` says it in English, from a closed set of patterns; they are taken apart here
and said anew. What fits no pattern stays English, and is marked as such on the page.
"""

from __future__ import annotations

import re

from override.citizen.kinds import words
from override.citizen.language import Language
from override.citizen.sentences import crossing_name

REASONS = frozenset(
    (
        words("this way people in cars wait least"),
        words("this way people on buses wait least"),
        words("this way people on foot wait least"),
        words("nobody shall wait longer than promised"),
        words("this way fewer vehicles must stop"),
        words("this way less waiting is left for the next minutes"),
        words("this way everybody together waits least"),
        words("those who wait inside the junction to turn go first"),
        words("it is this way's turn in a plan made beforehand"),
        words("nobody was coming the other way any more"),
        words("the other way had its longest green"),
        words("the longest queues that can move on were here"),
        words("most traffic was waiting here"),
        words("an emergency vehicle is coming"),
        words("an emergency vehicle has passed, now it is this way's turn"),
        words("a bus that is late is coming"),
    )
)
WAYS = {
    "north": words("north"),
    "south": words("south"),
    "east": words("east"),
    "west": words("west"),
}
"""Names of ways that mean something by themselves."""
LEFT = words("{side} (turning left)")
GREEN = words("Green now for {whom}: {reason}.")
NO_GREEN = words("No green for a moment: {reason}.")
BOTH = words("{waited}, and {reason}")
ON_FOOT = words("people at {place} had waited {waited_s} s")
DRIVERS = words("drivers from {place} had waited {waited_s} s")
LIMIT = words("nobody here shall wait longer than {limit_s} s")


UNSEEN = words("Not all who wait here can be seen: usual traffic is assumed.")


def decision(sentence: str, speak: Language) -> str:
    """The sentence in the language; empty when it fits no pattern."""
    if sentence.endswith(f" {UNSEEN}"):
        told = decision(sentence.removesuffix(f" {UNSEEN}"), speak)
        return f"{told} {speak.say(UNSEEN)}" if told else ""
    if found := re.fullmatch(r"Green now for (.+): ([^:]+)\.", sentence):
        reason = _reason(found[2], speak)
        return speak.say(GREEN, whom=_ways(found[1], speak), reason=reason) if reason else ""
    if found := re.fullmatch(r"No green for a moment: ([^:]+)\.", sentence):
        reason = _reason(found[1], speak)
        return speak.say(NO_GREEN, reason=reason) if reason else ""
    return ""


def _reason(text: str, speak: Language) -> str:
    if text in REASONS:
        return speak.say(text)
    if found := re.fullmatch(r"nobody here shall wait longer than (\d+) s", text):
        return speak.say(LIMIT, limit_s=int(found[1]))
    found = re.fullmatch(r"(people at|drivers from) (.+) had waited (\d+) s, and (.+)", text)
    if not found or not (reason := _reason(found[4], speak)):
        return ""
    who = ON_FOOT if found[1] == "people at" else DRIVERS
    waited = speak.say(who, place=_ways(found[2], speak), waited_s=int(found[3]))
    return speak.say(BOTH, waited=waited, reason=reason)


def _ways(names: str, speak: Language) -> str:
    """Names in a row, as the language joins them."""
    return speak.joined([_way(name, speak) for name in names.split(", ")])


def _way(name: str, speak: Language) -> str:
    side, _, turn = name.partition(" ")
    if side in WAYS and turn in ("", "left"):
        said = speak.say(WAYS[side])
        return speak.say(LEFT, side=said) if turn else said
    return crossing_name(name, speak)
