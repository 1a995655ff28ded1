"""A screen that is one page of words and tables, longer than a small terminal: it scrolls."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from tui.key_line import KeyLine
from tui.said import Said
from tui.sight_screen import SightScreen
from tui.status import StatusLine

THE_PAST = "This is the past: the station is silent."


class PageScreen(SightScreen):
    """Status line, page, keys; what stands on the page is said by `see` on `page`."""

    DEFAULT_CSS = """
    PageScreen #page { height: 1fr; padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        """The page between status and keys."""
        yield StatusLine()
        with VerticalScroll(id="page"):
            yield Said(id="words")
        yield KeyLine()

    def on_mount(self) -> None:
        """Keys scroll at once."""
        super().on_mount()
        self.query_one("#page").focus()

    @property
    def page(self) -> Said:
        """What stands on it."""
        return self.query_one("#words", Said)

    @property
    def page_columns(self) -> int:
        """How wide a line may be."""
        return max(20, self.size.width - 4)
