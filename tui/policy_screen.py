"""The policy in force: whose waiting counts how much, who decided it and when, and what it brings where."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.text import Text
from textual import work
from textual.binding import Binding, BindingType

from override.client import Console, NoAnswer
from override.deploy_messages import Versions, VersionState, VersionView
from override.refused import Refused
from tui.fairness import ledgers, ratio_words
from tui.fairness_screen import district_table, policy_words
from tui.model import Sight
from tui.page_screen import THE_PAST, PageScreen

WEIGHTS = {
    "persons_per_car": "a car counts as {} people, where nobody knows how many sit in it",
    "persons_per_bus": "a bus counts as {} people, where nobody knows its load",
    "persons_per_walker": "a person on foot counts as {}",
    "stop_s": "one stop of a vehicle is as bad as {} s of waiting",
    "impatience_s": "who has waited {} s already counts double",
    "bus_late_after_s": "a bus up to {} s late counts for the people in it, and for nothing more",
    "bus_lateness_s": "people on a bus {} s later than that count double",
}
"""What each weight means; one that is not here is told by its own name."""
FORMER_SHOWN = 5
CHANGED = (VersionState.FORMER, VersionState.RETURNED, VersionState.PROPOSED, VersionState.ADOPTING)


class PolicyScreen(PageScreen):
    """One page; it asks the station once, and again when told to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("r", "ask", "Ask again", tooltip="Ask the station anew which policy is in force"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.versions: Versions | None = None
        self.in_force: VersionView | None = None
        self.trouble = ""
        self._number = 0

    def on_mount(self) -> None:
        """Ask at once."""
        super().on_mount()
        self.action_ask()

    @work(exclusive=True)
    async def action_ask(self) -> None:
        """Which versions there are, and the one in force whole."""
        try:
            self.versions, self.in_force = await self.console_app.asked(_versions)
            self.trouble = ""
        except Refused as refused:
            self.trouble = f"The station does not tell who decided: {refused.why}."
        except NoAnswer:
            self.trouble = "The station did not answer. r asks again."
        self._number += 1
        self.catch_up()

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Show this."""
        width, plain = self.page_columns, self.console_app.plain
        told = (sight.pulse, sight.layout_number, width, self._number, stale, plain)
        self.page.say_as(told, lambda: Group(*self._page(sight, width, stale, plain)))

    def _page(self, sight: Sight, width: int, stale: bool, plain: bool) -> list[RenderableType]:
        out: list[RenderableType] = []
        if stale:
            out.append(Text(THE_PAST, "bold bright_yellow"))
        out.append(Text("Whose waiting counts how much", "bold"))
        weights = self.versions.weights if self.versions else ()
        out += [Text(f"  {line}") for line in map(weight_words, weights) if line]
        if self.trouble or not weights:
            out.append(Text(f"  {self.trouble or 'Asking the station ...'}", "italic"))
        out.append(Text("\nWho decided it", "bold"))
        if self.in_force is not None:
            out += version_lines(self.in_force)
        others = [v for v in self.versions.versions if v.state in CHANGED] if self.versions else []
        out += [Text(f"  {version_line(v)}", "italic") for v in others[:FORMER_SHOWN]]
        out.append(Text())
        out += policy_words(sight)
        out.append(Text("\nWhat it brings, over the last 15 minutes", "bold"))
        if sight.pulse is None:
            return [*out, Text("  The station has not yet told how people fare.", "italic")]
        for ledger in ledgers(sight.pulse):
            words, look = ratio_words(ledger)
            out.append(Text(f"{'!' if look else ' '} {words}", "bold bright_yellow" if look else ""))
        return [*out, Text(), district_table(sight.pulse, width, "", plain)]


def _versions(console: Console) -> tuple[Versions, VersionView | None]:
    """All that are told, and the one in force with what it changed. Raises NoAnswer, Refused."""
    told = console.versions()
    whole = console.versions(told.in_force)
    return told, next((v for v in whole.versions if v.number == told.in_force), None)


def weight_words(weight: str) -> str:
    """`persons_per_bus=30` as a person says it; empty for what is no weight."""
    name, _, value = weight.partition("=")
    if name == "version":
        return ""
    return WEIGHTS.get(name, name.replace("_", " ") + ": {}").format(value)


def version_lines(view: VersionView) -> list[Text]:
    """The version in force: who, when, why, and what it changed."""
    if not view.base and not view.returns_to:
        words = f"  the installation's own, as it began {_when(view)}; nobody has changed it since"
        return [Text(words)]
    out = [Text(f"  version {view.number}, {_people(view)}, {_when(view)}", "bold")]
    if view.returns_to:
        out.append(Text(f"  it is version {view.returns_to} again"))
    if view.reason:
        out.append(Text(f"  because: {view.reason}", "italic"))
    return [*out, *(Text(f"  {line}") for line in view.words)]


def version_line(view: VersionView) -> str:
    """Another version on one line."""
    why = f": {view.reason}" if view.reason else ""
    return f"version {view.number}, {view.state}, {_people(view)}, {_when(view)}{why}"


def _people(view: VersionView) -> str:
    second = f" and {view.second}" if view.second else ""
    return f"by {view.proposer}{second}"


def _when(view: VersionView) -> str:
    return (
        time.strftime("%d %b %Y %H:%M", time.localtime(view.wall_ms / 1000)) if view.wall_ms else "at first"
    )
