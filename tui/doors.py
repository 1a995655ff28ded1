"""Which screens there are, by which key, and where their code is: one table, read once at the start.

A screen is imported when it is first opened, so that the first picture waits for none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.screen import Screen


@dataclass(frozen=True, slots=True)
class Door:
    """One screen. Its class is made without arguments and finds everything in `self.app`."""

    name: str
    key: str
    title: str
    words: str
    """What one does there, for help and the command palette."""
    module: str
    screen: str
    from_junction: bool = False
    """Made with the name of the selected junction."""

    def open(self, junction: str = "") -> Screen[object]:
        """Make the screen."""
        made = getattr(import_module(self.module), self.screen)
        screen: Screen[object] = made(junction) if self.from_junction else made()
        return screen


DOORS: tuple[Door, ...] = (
    Door("junction", "enter", "Junction", "See the selected junction from near", "tui.junction",
         "JunctionScreen", from_junction=True),
)  # fmt: skip
"""In the order in which they are offered. The overview is always there and has no door."""
