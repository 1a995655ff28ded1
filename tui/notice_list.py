"""The list of what needs attention: one line a junction, drawn only where it is seen."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.ages import short
from tui.attention import MARKS, STYLES, Notice
from tui.cut import cut

AGE_CELLS = 5
NAME_CELLS = 9


class NoticeList(ScrollView, can_focus=True):
    """Says `Chosen` when the cursor is on another line, `Opened` at enter or a double click."""

    DEFAULT_CSS = "NoticeList { height: 1fr; background: $surface; scrollbar-size-vertical: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Line above", show=False),
        Binding("down", "move(1)", "Line below", show=False),
        Binding("pageup", "move(-10)", "Ten lines up", show=False),
        Binding("pagedown", "move(10)", "Ten lines down", show=False),
        Binding("home", "move(-100000)", "Most urgent", show=False),
        Binding("end", "move(100000)", "Least urgent", show=False),
    ]

    class Chosen(Message):
        """The cursor is on the line of a junction."""

        def __init__(self, junction: str) -> None:
            self.junction = junction
            super().__init__()

    class Opened(Chosen):
        """... and he wants to see it from near."""

    def __init__(self, plain: bool = False) -> None:
        super().__init__(id="notices")
        self.plain, self.stale = plain, False
        self.notices: list[Notice] = []
        self.cursor = 0
        self.chosen = ""
        self.key = ""
        """Of the notice under the cursor."""
        self._now_ms = 0
        self._looks: list[tuple[object, ...]] = []
        """All that each line shows, to see which of them is another."""
        self._base: Style | None = None

    def see(self, notices: list[Notice], now_ms: int, stale: bool) -> None:
        """Show these; the cursor stays on its junction when the list moves under it."""
        longer = len(notices) != len(self.notices)
        self.notices, self._now_ms, self.stale = notices, now_ms, stale
        if longer:
            self.virtual_size = Size(self.size.width, max(1, len(notices)))
            self.refresh()
        self.choose(self.chosen)

    def choose(self, junction: str) -> None:
        """Put the cursor on this junction's line, where it has one."""
        self.chosen = junction
        by_key = [k for k, n in enumerate(self.notices) if n.key == self.key and n.junction == junction]
        by_name = [k for k, n in enumerate(self.notices) if n.junction == junction and junction]
        at = next(iter(by_key or by_name), -1)
        self.key = self.notices[at].key if at >= 0 else ""
        if at >= 0 and at != self.cursor:
            self.cursor = at
            self.scroll_to(y=max(0, at - self.size.height // 2), animate=False)
        self._refresh_changed()

    def _refresh_changed(self) -> None:
        before, self._looks = self._looks, [self._look(n) for n in self.notices]
        for k, look in enumerate(self._looks):
            if k >= len(before) or before[k] != look:
                self.refresh_line(k)

    def _look(self, notice: Notice) -> tuple[object, ...]:
        age = short(self._now_ms - notice.since_ms)
        return (
            notice.key, notice.urgency, notice.why, notice.more, notice.acknowledged, age, self.stale,
            notice.key == self.key,
        )  # fmt: skip

    @property
    def notice(self) -> Notice | None:
        """The one under the cursor."""
        return next((n for n in self.notices if n.key == self.key and self.key), None)

    def render_line(self, y: int) -> Strip:
        """One notice."""
        if self._base is None:
            self._base = self.rich_style
        width, base = self.scrollable_content_region.width, self._base
        at = y + self.scroll_offset.y
        if not self.notices and y == 0:
            words = "Nobody needs you just now." if not self.stale else "Nothing is known."
            return Strip([Segment(words, base + Style.parse("italic"))]).adjust_cell_length(width, base)
        if at >= len(self.notices):
            return Strip.blank(width, base)
        notice = self.notices[at]
        segments = [
            Segment(text, base + Style.parse(style or "none")) for text, style in self._pieces(notice, width)
        ]
        strip = Strip(segments).adjust_cell_length(width, base)
        if notice.key == self.key:
            strip = strip.apply_style(Style(reverse=True, bold=True))
        return strip

    def _pieces(self, notice: Notice, width: int) -> list[tuple[str, str]]:
        style = "dim" if self.stale else STYLES[notice.urgency]
        mark = MARKS[notice.urgency]
        if not notice.acknowledged and not self.stale and notice.kind == "alarm":
            style = f"{style} reverse"
        age = short(self._now_ms - notice.since_ms).rjust(AGE_CELLS)
        more = f" +{notice.more}" if notice.more else ""
        name = (notice.junction or "street")[:NAME_CELLS].ljust(NAME_CELLS)
        room = max(0, width - 2 - NAME_CELLS - 1 - AGE_CELLS - 1 - len(more))
        why = cut(notice.why, room)
        grey = "dim" if self.stale else ""
        return [
            (mark, style), (" ", ""), (name, grey or "bold"), (" ", ""), (why.ljust(room), grey),
            (more, grey or "cyan"), (" ", ""), (age, grey),
        ]  # fmt: skip

    def notify_style_update(self) -> None:
        """Another theme."""
        self._base = None
        super().notify_style_update()

    def action_move(self, lines: int) -> None:
        """The cursor up or down."""
        if self.notices:
            self._go(min(max(0, self.cursor + lines), len(self.notices) - 1) if self.key else 0)

    def _go(self, at: int) -> None:
        self.cursor, self.key = at, self.notices[at].key
        self.post_message(self.Chosen(self.notices[at].junction))

    def step(self, lines: int) -> None:
        """To the next or the one before, around the ends."""
        if self.notices:
            self._go((self.cursor + lines) % len(self.notices) if self.key else 0)

    def on_click(self, event: events.Click) -> None:
        """Choose; twice opens."""
        at = event.y + self.scroll_offset.y
        if at < len(self.notices):
            self._go(at)
            if event.chain > 1:
                self.post_message(self.Opened(self.notices[at].junction))

    def on_resize(self, event: events.Resize) -> None:
        """Lines are as wide as the list."""
        self.virtual_size = Size(event.size.width, max(1, len(self.notices)))
