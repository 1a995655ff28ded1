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
        """The words for which there is room; the page first, as nothing else tells it."""
        if self._page:
            wordings = [
                f"{BANNER}; its citizens' page: {self._page}",
                f"{WORDS}: no street; citizens' page: {self._page}",
                f"{WORDS}  {self._page}",
            ]
        else:
            wordings = [f"{WORDS}  {BANNER}  {WORDS}", BANNER]
        fitting = (words for words in wordings if len(words) <= self.size.width)
        return Text(next(fitting, wordings[-1]), "bold")
