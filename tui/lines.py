"""A long list of lines, drawn only where it is seen; it follows its end until somebody looks further up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip


@dataclass(frozen=True, slots=True)
class Line:
    """One line, known by its key."""

    key: str
    text: Text


class LineList(ScrollView, can_focus=True):
    """Says `Moved` when the cursor is on another line and `Opened` at enter or a double click."""

    DEFAULT_CSS = "LineList { height: 1fr; background: $surface; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Line above", show=False),
        Binding("down", "move(1)", "Line below", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-1000000)", "First line", show=False),
        Binding("end", "move(1000000)", "Last line", show=False),
        Binding("enter", "open", "Open", show=False),
    ]

    class Moved(Message):
        """The cursor is on this line; empty = there is none."""

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    class Opened(Moved):
        """... and more of it is wanted."""

    def __init__(self, id: str | None = None, empty: str = "", follows: bool = False) -> None:
        super().__init__(id=id)
        self.lines_shown: Sequence[Line] = ()
        self.empty = empty
        """What is said where there is no line."""
        self.cursor = 0
        self.follows = follows
        """Whether it stays at its end while lines are added there."""
        self._follow_wanted = follows

    @property
    def chosen(self) -> str:
        """The key of the line under the cursor; empty = none."""
        return self.lines_shown[self.cursor].key if 0 <= self.cursor < len(self.lines_shown) else ""

    def say_when_empty(self, words: str) -> None:
        """What is said where there is no line, from now on."""
        if words != self.empty:
            self.empty = words
            self.refresh()

    def show_lines(self, lines: Sequence[Line]) -> None:
        """These; the cursor stays on its line, or at the end where it follows that."""
        if list(lines) == list(self.lines_shown):
            return
        kept = self.chosen
        self.lines_shown = lines
        if self.follows:
            self.cursor = max(0, len(lines) - 1)
        else:
            at = next((k for k, line in enumerate(lines) if line.key == kept), None)
            self.cursor = min(self.cursor, max(0, len(lines) - 1)) if at is None else at
        self.virtual_size = Size(self.size.width, max(1, len(lines)))
        self._keep_in_view()
        if self.chosen != kept:
            self.post_message(self.Moved(self.chosen))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line."""
        width, base = self.size.width, self.rich_style
        at = y + self.scroll_offset.y
        if not self.lines_shown and y == 0:
            return Strip([Segment(self.empty, base + Style(italic=True))]).adjust_cell_length(width, base)
        if at >= len(self.lines_shown):
            return Strip.blank(width, base)
        text = self.lines_shown[at].text
        segments = [
            Segment(segment.text, base + (segment.style or Style.null()))
            for segment in text.render(self.app.console)
            if segment.text not in ("", "\n")
        ]
        strip = Strip(segments).adjust_cell_length(width, base)
        if at == self.cursor and self.has_focus:
            strip = strip.apply_style(Style(reverse=True))
        return strip

    def action_move(self, lines: int) -> None:
        """The cursor up or down; at the end it follows again."""
        if not self.lines_shown:
            return
        last = len(self.lines_shown) - 1
        self.cursor = min(last, max(0, self.cursor + lines))
        self.follows = self._follow_wanted and self.cursor == last
        self._keep_in_view()
        self.post_message(self.Moved(self.chosen))
        self.refresh()

    def action_page(self, pages: int) -> None:
        """A page up or down."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_open(self) -> None:
        """More of this line."""
        if self.chosen:
            self.post_message(self.Opened(self.chosen))

    def _keep_in_view(self) -> None:
        top, height = round(self.scroll_offset.y), max(1, self.size.height)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)

    def on_click(self, event: events.Click) -> None:
        """Choose; twice opens."""
        at = event.y + round(self.scroll_offset.y)
        if at < len(self.lines_shown):
            self.cursor = at
            self.follows = False
            self.post_message(self.Opened(self.chosen) if event.chain > 1 else self.Moved(self.chosen))
            self.refresh()

    def on_focus(self) -> None:
        """The cursor is seen."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is seen no more."""
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Lines are as wide as the list."""
        self.virtual_size = Size(event.size.width, max(1, len(self.lines_shown)))
        self._keep_in_view()
