"""The keys that work now, in one line at the bottom: one widget, however many keys there are.

A widget for each key, as toolkits have it, is taken down and built anew whenever one key begins or ceases to
mean something; on a console that is at every move of a cursor.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

MORE, HELP = "…", "question_mark"
"""Stands where there are more keys than room; the key that tells of all of them."""


class ShownKey(NamedTuple):
    """One key and what it does."""

    key: str
    """As it is pressed, `exclamation_mark`."""
    sign: str
    """As it is told, `!`."""
    words: str
    enabled: bool


def shown_keys(screen: Screen[object]) -> tuple[ShownKey, ...]:
    """What works now and is told of, a key for each deed, in the order in which it was bound."""
    found: dict[str, ShownKey] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.show and binding.action not in found:
            sign = screen.app.get_key_display(binding)
            found[binding.action] = ShownKey(binding.key, sign, binding.description, active.enabled)
    return tuple(found.values())


def fitting(keys: tuple[ShownKey, ...], width: int) -> tuple[tuple[ShownKey, ...], ShownKey | None]:
    """The first ones for which there is room, and the one for help where that are not all; None = all."""

    def length(some: tuple[ShownKey, ...]) -> int:
        return sum(cell_len(key.sign) + len(key.words) + 2 for key in some)

    if length(keys) - 1 <= width:
        return keys, None
    helping = next((key for key in keys if key.key == HELP), None)
    rest = tuple(key for key in keys if key is not helping)
    room = width - len(MORE) - (length((helping,)) if helping else 0)
    while rest and length(rest) > room:
        rest = rest[:-1]
    return rest, helping


class KeyLine(Widget, can_focus=False):
    """The line. A key is pressed with the mouse as well."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key"}
    DEFAULT_CSS = """
    KeyLine { dock: bottom; height: 1; width: 100%; color: $footer-foreground; background: $panel; }
    KeyLine > .key-line--key { color: $footer-key-foreground; text-style: bold; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys: tuple[ShownKey, ...] = ()
        self._places: list[tuple[int, int, ShownKey]] = []
        """(first column, one beyond the last, key) of what is drawn."""

    def on_mount(self) -> None:
        """Be told when other keys work."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        if self.app.app_focus and screen is self.screen and (keys := shown_keys(screen)) != self.keys:
            self.keys = keys
            self.refresh()

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """All there is."""
        return container.width

    def render(self) -> Text:
        """As many keys as fit, the first ones first; help, which tells of all, always."""
        bold = self.get_component_rich_style("key-line--key", partial=True)
        text = Text(no_wrap=True, end="")
        self._places.clear()
        keys, last = fitting(self.keys, self.size.width)
        for key in keys:
            self._append(text, key, bold)
        if last is not None:
            text.append(f"{MORE} ", "dim")
            self._append(text, last, bold)
        return text

    def _append(self, text: Text, key: ShownKey, bold: Style) -> None:
        begin = text.cell_len
        text.append(key.sign, bold).append(f" {key.words}")
        if not key.enabled:
            text.stylize("dim", begin)
        self._places.append((begin, text.cell_len, key))
        text.append(" ")

    def on_click(self, event: events.Click) -> None:
        """As if the key had been pressed."""
        for begin, end, key in self._places:
            if begin <= event.x < end:
                event.stop()
                self.app.simulate_key(key.key) if key.enabled else self.app.bell()
