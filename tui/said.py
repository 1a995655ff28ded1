"""Words on a screen that are drawn anew only when they are others: looking often costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from rich.console import RenderableType
from rich.text import Text
from textual.widgets import Static


class Said(Static):
    """A `Static` that knows what it says."""

    _key: Hashable = None

    def say(self, words: str | Text) -> None:
        """Say this, where it is not said already. Brackets in it are brackets."""
        text = Text(words) if isinstance(words, str) else words
        self.say_as((text.plain, tuple(text.spans), text.style), lambda: text)

    def say_as(self, key: Hashable, make: Callable[[], RenderableType]) -> None:
        """Say what `make` gives, where the last one had another key."""
        if key != self._key:
            self._key = key
            self.update(make())
