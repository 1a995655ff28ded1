"""The junction screen: one junction from near, live, and why it does what it does."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Footer

from tui.card import Card
from tui.model import Sight
from tui.sight_screen import SightScreen
from tui.status import StatusLine


class JunctionScreen(SightScreen):
    """One junction."""

    BINDINGS = [("escape", "app.pop_screen", "Back")]  # noqa: RUF012

    def __init__(self, junction: str) -> None:
        super().__init__()
        self.junction = junction

    def compose(self) -> ComposeResult:
        """Status and card."""
        yield StatusLine()
        yield Card(self.console_app.plain)
        yield Footer()

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Show this."""
        self.query_one(Card).see(sight, self.junction, [], now_s, stale)
