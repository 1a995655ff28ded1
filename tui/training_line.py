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

    def __init__(self, page: str = "") -> None:
        """`page`: where citizens read of the signals of this city."""
        super().__init__()
        self._page = page

    def render(self) -> Text:
        """The words, and what else there is room for: the citizens' page, or the first word once more."""
        more = f"its citizens' page: {self._page}" if self._page else WORDS
        words = f"{WORDS}  {BANNER}  {more}" if not self._page else f"{BANNER}; {more}"
        return Text(BANNER if len(words) > self.size.width else words, "bold")
