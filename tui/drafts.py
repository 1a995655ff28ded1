"""An order while it is being written: frozen, in words, and as the wire wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from override.bounds import JUNCTIONS_PER_ORDER, REASON_CHARACTERS
from override.requests import Leg
from override.roles import ONCE, SAFER, Command, Slot
from override.views import JunctionView, OrderView
from tui.ages import duration
from tui.offers import SAID


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants; nothing of it has been sent."""

    command: Command
    slot: Slot
    junctions: tuple[str, ...]
    place: str
    """Where, as it is said: a junction's title or a district."""
    lease_ms: int = 0
    reason: str = ""
    stage: str = ""
    group: str = ""
    detector: str = ""
    plan: str = ""
    bias_ms: int = 0
    takeover: bool = False
    suspends_promise: bool = False
    break_glass: bool = False
    legs: tuple[Leg, ...] = ()
    """Of a corridor: one for each of its junctions, in the order of the way."""

    @property
    def safer(self) -> bool:
        """Toward safety nothing stands in its way: no preview, no basis."""
        return self.command in SAFER

    @property
    def argument(self) -> str:
        """What is chosen, in words."""
        bias = f"{self.bias_ms / 1000:+g} s" if self.bias_ms else ""
        return " ".join(filter(None, (self.stage, self.group, self.detector, self.plan, bias)))

    def sentence(self) -> str:
        """All of it on one line."""
        if self.legs:
            taking = ", displacing who holds it" if self.takeover else ""
            return f"Clear the way for {duration(self.lease_ms)}: {self.place}{taking}"
        what = SAID[self.command][0]
        what = f"{what}: {self.argument}" if self.argument else what
        time = f" for {duration(self.lease_ms)}" if self.lease_ms else ""
        extra = [
            words
            for words, on in (
                ("displacing who holds it", self.takeover),
                ("suspending promises", self.suspends_promise),
                ("breaking glass", self.break_glass),
            )
            if on
        ]
        return f"{what}{time} at {self.place}" + "".join(f", {words}" for words in extra)

    def wire(self, basis: Sequence[int], part: int = 0) -> dict[str, Any]:
        """Fields of an `OrderRequest` but header and issuer, for one part of its junctions."""
        junctions = self.parts()[part]
        return {
            "command": self.command, "slot": int(self.slot), "basis": tuple(basis),
            "junctions": () if self.legs else junctions, "legs": self.legs,
            "lease_ms": self.lease_ms, "reason": self.reason[:REASON_CHARACTERS], "stage": self.stage,
            "group": self.group, "detector": self.detector, "plan": self.plan, "bias_ms": self.bias_ms,
            "takeover": self.takeover, "suspends_promise": self.suspends_promise,
            "break_glass": self.break_glass,
        }  # fmt: skip

    def parts(self) -> list[tuple[str, ...]]:
        """Its junctions in orders of as many as one may have."""
        size = JUNCTIONS_PER_ORDER
        return [self.junctions[k : k + size] for k in range(0, len(self.junctions), size)]


POINTS = {
    Command.CALL: "call", Command.LONGER_WALK: "walk", Command.DETECTOR_DISABLE: "detector",
    Command.DETECTOR_RECALL: "detector",
}  # fmt: skip
"""Orders about one group or detector each; all others are about the stage, or done once."""


def takes_the_place_of(draft: Draft, view: OrderView) -> bool:
    """Whether this order would end that one where both act: the same slot, about the same thing."""
    if view.slot != draft.slot or {view.command, draft.command} & ONCE:
        return False
    about = POINTS.get(draft.command, "stage")
    same = about == POINTS.get(view.command, "stage")
    return same and (about == "stage" or view.argument.split()[:1] == draft.argument.split()[:1])


def changed_since(
    draft: Draft, basis: Sequence[int], junctions: Mapping[str, JunctionView], titles: Mapping[str, str]
) -> str:
    """What is no longer as it was when the preview was made, in words; empty = all of it still is."""
    out = []
    for name, seen in zip(draft.junctions, basis, strict=False):
        now = junctions.get(name)
        if now is None:
            out.append(f"{titles.get(name, name)} is not there any more")
        elif now.version != seen:
            orders = f", acting: {', '.join(now.orders)}" if now.orders else ", no order acts"
            out.append(f"{titles.get(name, name)} changed (now rung {now.rung}{orders})")
    return "; ".join(out[:3]) + (f"; and {len(out) - 3} more" if len(out) > 3 else "")


REFUSALS: dict[str, str] = {
    "basis": "The street changed since you looked: look again, then preview again.",
    "stale": "What you saw was too old: look again, then preview again.",
    "taken": "Somebody else holds this: speak to them, or take it over (T) if you must.",
    "role": "Your role may not do this: ask somebody whose role may.",
    "rate": "Wait ten seconds, then send again.",
    "locked": "Only who locked it, or a supervisor with a second person, can end that.",
    "approval": "It needs another person, within 60 s.",
    "arguments": "Something in it does not fit this junction.",
    "order": "That order lives no more.",
    "identity": "This console's key is not the one the message names.",
    "sequence": "Another console uses the same key: close one of them.",
    "signature": "Your key was not accepted; it may have been revoked.",
}
"""What to do about a refusal, by its code; the station's own sentence stands before it."""


def refusal_words(code: str, why: str) -> str:
    """A refusal as a person reads it: what the station said, and what to do now."""
    advice = REFUSALS.get(code, "")
    said = (why or code).rstrip(".")
    return f"Refused: {said}. {advice}".strip()
