"""A screen with a list, and a line of words to look for in it: `/` opens it, Enter closes, Escape clears."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from tui.sight_screen import SightScreen


class FilterScreen(SightScreen):
    """Yields `filter_line` above its list, looks for `words`, and names its list in `AUTO_FOCUS`."""

    AUTO_FOCUS = "#list"
    DEFAULT_CSS = """
    FilterScreen #filter { display: none; }
    FilterScreen #filter.open { display: block; }
    """

    def filter_line(self, what: str) -> Input:
        """The line; `what` may be looked for."""
        return Input(placeholder=f"words{what}; Enter closes, Escape clears", id="filter")

    @property
    def words(self) -> str:
        """What is looked for; empty = all is shown."""
        return self.query_one("#filter", Input).value

    def action_filter(self) -> None:
        """Words to look for."""
        box = self.query_one("#filter", Input)
        box.add_class("open")
        box.focus()

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self.catch_up()

    @on(Input.Submitted, "#filter")
    def _close_filter(self) -> None:
        self.query_one("#filter", Input).remove_class("open")
        self.query_one(self.AUTO_FOCUS).focus()

    def action_back(self) -> None:
        """Out of the filter, then out."""
        box = self.query_one("#filter", Input)
        if box.has_class("open") or box.value:
            box.value = ""
            self._close_filter()
            self.catch_up()
        else:
            self.app.pop_screen()
