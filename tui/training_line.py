"""The line on top of every screen of a training, so that nobody takes it for a street, or a street for it."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

WORDS = "TRAINING"
BANNER = f"{WORDS}: this is no street; nothing you do here reaches one"


class TrainingLine(Widget):
    """The line itself."""

    DEFAULT_CSS = """
    TrainingLine { dock: top; height: 1; width: 100%; content-align: center middle; background: $accent;
        color: $background; text-style: bold reverse; }
    """

    def render(self) -> Text:
        """The words, at both ends and in the middle where there is room."""
        room = self.size.width - len(BANNER) - 2 * len(WORDS) - 4
        return Text(BANNER if room < 0 else f"{WORDS}  {BANNER}  {WORDS}", "bold")
