"""What became of an order that was sent: from the station's picture alone, never from its acknowledgement.

Accepted means stored. Only `EFFECTIVE` means done, because only then the lamps have shown it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from override.roles import APPROVAL_MS, ONCE, Command
from override.views import Event, Outcome, Reply
from tui.ages import countdown, duration
from tui.model import Sight

UNDO_MS = 10_000
"""Undo is offered for so long after sending."""
ENDS = {
    "expired": "its time was over",
    "released": "it was given back",
    "superseded": "another order took its place",
    "vetoed": "the junction could not do it",
}
"""How an order can end, in words; the station may say more."""
ONCE_WORDS = "it was passed on at once; if it could not be done, an alarm says so"
"""Of what has no duration: its time is over as soon as it is agreed to."""
_WITH_REASON = {"done": "it did what it was for"}
_END = re.compile(r" has ended \(([^)]*)\)(?:: (.*))?$", re.DOTALL)
_DIGITS = re.compile(r"-([0-9a-f]{4})([0-9a-f]{4})[0-9a-f]*\Z")
"""At the end of an order's name: with what its digest begins, by which a second person knows it."""
LATE_MS = 60_000
"""Accepted for so long and not yet to be seen: worth a word."""


class Stage(StrEnum):
    """Where it is, as the console knows it."""

    WAITING = "waiting for the second person"
    ACCEPTED = "accepted, not yet on the street"
    EFFECTIVE = "on the street"
    ENDED = "ended"
    UNKNOWN = "unknown"
    """The station has not shown it yet, or has been started anew."""


@dataclass(frozen=True, slots=True)
class Following:
    """One order that this console sent."""

    order: str
    command: Command
    words: str
    """What it is, in words."""
    sent_ms: int
    """The station's clock when it was sent."""
    stage: Stage
    boot: bytes
    since_ms: int = 0
    """The station's clock when it came to this stage."""
    until_ms: int = 0
    seen: bool = False
    """Whether the picture has shown it at all."""
    end: str = ""

    @property
    def done(self) -> bool:
        """Nothing more will become of it."""
        return self.stage is Stage.ENDED

    def may_undo(self, now_ms: int) -> bool:
        """Whether taking it back at once is still offered."""
        return not self.done and now_ms - self.sent_ms <= UNDO_MS

    def progress(self, now_ms: int) -> str:
        """One line for the person who sent it."""
        since = duration(now_ms - self.since_ms)
        if self.stage is Stage.EFFECTIVE:
            left = f", {countdown(self.until_ms - now_ms)} left" if self.until_ms else ""
            return f"The lamps show it (after {duration(self.since_ms - self.sent_ms)}){left}."
        if self.stage is Stage.ACCEPTED:
            late = ", longer than usual: look at the junction" if now_ms - self.since_ms > LATE_MS else ""
            return f"Accepted {since} ago; the lamps do not show it yet{late}."
        if self.stage is Stage.WAITING:
            left_ms = APPROVAL_MS - (now_ms - self.sent_ms)
            words = (
                f"Waits for a second person, {countdown(left_ms)} left. Nothing has changed on the street."
            )
            digits = _DIGITS.search(self.order)
            return f"{words} Read to them: {digits[1]} {digits[2]}." if digits else words
        if self.stage is Stage.ENDED:
            return f"Ended{f': {self.end}' if self.end else ''}."
        return "The station has not shown it; look what acts before you send it again."


def sent(reply: Reply, command: Command, words: str, sight: Sight) -> Following:
    """Begin with the station's answer."""
    stage = Stage.WAITING if reply.outcome is Outcome.WAITING else Stage.ACCEPTED
    now_ms = max(reply.now_ms, sight.now_ms)
    return Following(
        reply.order, command, words, now_ms, stage, sight.boot, now_ms, until_ms=reply.expires_ms
    )


def followed(following: Following, sight: Sight) -> Following:
    """The same order as this picture has it."""
    if following.done:
        # The picture is often ahead of the words for it.
        return replace(following, end=following.end or _end_words(following, sight.events))
    if sight.boot != following.boot:
        end = "the station was started anew; only all red, flash and lockout go on"
        view = sight.orders.get(following.order)
        if view is None:
            return replace(following, stage=Stage.ENDED, since_ms=sight.now_ms, end=end)
        following = replace(following, boot=sight.boot)
    view = sight.orders.get(following.order)
    if view is None:
        if following.seen or sight.now_ms - following.sent_ms > LATE_MS:
            end = _end_words(following, sight.events)
            return replace(following, stage=Stage.ENDED, since_ms=sight.now_ms, end=end)
        return following
    stage = {
        "requested": Stage.WAITING, "accepted": Stage.ACCEPTED, "effective": Stage.EFFECTIVE,
        "refused": Stage.ENDED, "ended": Stage.ENDED,
    }.get(view.state, Stage.UNKNOWN)  # fmt: skip
    since_ms = following.since_ms if stage is following.stage else sight.now_ms
    return replace(following, stage=stage, since_ms=since_ms, until_ms=view.expires_ms, seen=True)


def _end_words(following: Following, events: tuple[Event, ...]) -> str:
    """What was said of its end; empty as long as nothing was."""
    for event in reversed(events):
        if following.order not in event.sentence:
            continue
        if found := _END.search(event.sentence):
            if following.command in ONCE and found[1] == "expired":
                return ONCE_WORDS
            return _WITH_REASON.get(found[2] or "", f"{ENDS.get(found[1], found[1])}{_more(found[2])}")
        if " refused: " in event.sentence:
            return event.sentence.partition(" refused: ")[2]
    return ""


def _more(why: str | None) -> str:
    return f", {why}" if why else ""
