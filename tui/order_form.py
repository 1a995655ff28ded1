"""An order being written: which questions there are, what may be answered, and what it is so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from override.layouts import JunctionLayout
from override.roles import Role
from tui.drafts import Draft
from tui.offers import REASONS, Choice, Offer, choices, leases, offers, places

OTHER = "\0other"
"""The answer that opens the line to type in."""
PREVIEW, SENT = "preview", "sent"
"""The pages after the last question."""


@dataclass(frozen=True, slots=True)
class OrderForm:
    """What was answered so far, at a junction, by somebody of a role."""

    role: Role
    layout: JunctionLayout | None
    """None = the station has not told what the junction has."""
    city: tuple[JunctionLayout, ...]
    answers: Mapping[str, str]
    """By question: what, the arguments' own names, where, time, why."""
    toggles: Mapping[str, bool]

    @property
    def offers(self) -> tuple[Offer, ...]:
        """What may be ordered."""
        return offers(self.role, self.layout) if self.layout else ()

    @property
    def offer(self) -> Offer | None:
        """What was chosen."""
        return next((o for o in self.offers if str(o.command) == self.answers.get("what")), None)

    def steps(self) -> list[str]:
        """All questions of this order, in order, and the pages after them."""
        offer = self.offer
        if offer is None:
            return ["what"]
        out = ["what", *offer.asks]
        if len(self._places(offer)) > 1:
            out.append("where")
        return [*out, *(["time"] if offer.lease_max_ms else []), "why", PREVIEW, SENT]

    def after(self, step: str) -> str:
        """The next question or page."""
        steps = self.steps()
        return steps[min(len(steps) - 1, steps.index(step) + 1)]

    def answers_to(self, step: str) -> list[Choice]:
        """What may be answered."""
        offer = self.offer
        if step == "what" or self.layout is None or offer is None:
            return [Choice(str(o.command), o.title, o.words) for o in self.offers]
        if step == "where":
            return [choice for choice, _ in self._places(offer)]
        if step == "time":
            return [*leases(offer), Choice(OTHER, "another time ...")]
        if step == "why":
            return [*(Choice(reason, reason) for reason in REASONS), Choice(OTHER, "another reason ...")]
        return list(choices(self.layout, offer.command, step))

    def draft(self) -> Draft | None:
        """The order as far as it is written; None before a command is chosen."""
        offer = self.offer
        if offer is None:
            return None
        found = {choice.value: (choice.label, names) for choice, names in self._places(offer)}
        place, names = found.get(self.answers.get("where", "here"), found["here"])
        arguments: dict[str, Any] = {name: self.answers[name] for name in offer.asks if name in self.answers}
        if "bias_ms" in arguments:
            arguments["bias_ms"] = int(arguments["bias_ms"])
        arguments.update(self.toggles)
        return Draft(
            offer.command, offer.slot, names, place, int(self.answers.get("time", "0")),
            self.answers.get("why", ""), **arguments,
        )  # fmt: skip

    def _places(self, offer: Offer) -> tuple[tuple[Choice, tuple[str, ...]], ...]:
        assert self.layout is not None, "there is no offer where there is no layout"
        return places(offer, self.layout, self.city, self.answers.get("plan", ""))
