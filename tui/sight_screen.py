"""What every screen of the console has: the status line, the latest sight, and the past shown as past."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.screen import Screen

from tui.model import Sight
from tui.status import StatusLine
from tui.tour import show_tour

if TYPE_CHECKING:
    from tui.app import BelishaConsole


class SightScreen(Screen[None]):
    """A screen that is told of every new sight (`see`), and once a second that time goes on."""

    _is_built = False

    @property
    def console_app(self) -> BelishaConsole:
        """The application, by its own type."""
        return cast("BelishaConsole", self.app)

    @property
    def sight(self) -> Sight:
        """The latest."""
        return self.console_app.sight

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Show this. Called for each new sight, once a second, and when the screen comes to the front."""

    def fit_to(self, width: int, height: int) -> None:
        """Fit what is shown to the terminal. Called when the screen is built and when the size changes."""

    def catch_up(self) -> None:
        """Show the latest sight now; not before there is anything to show it on, nor when it has left."""
        if not self._is_built or self not in self.app.screen_stack:
            return
        if self._pruning or not self.app.is_running:
            return  # the console is being left: parts of the screen are gone already
        app, now_s = self.console_app, self.console_app.now_s()
        stale = app.sight.is_stale(now_s)
        self.set_class(stale, "stale")
        for line in self.query(StatusLine):
            line.see(app.sight, now_s, app.who, app.role, app.plain)
        self.see(app.sight, now_s, stale)
        show_tour(self, app.tour, app)

    def on_mount(self) -> None:
        """First picture."""
        self._is_built = True
        self.fit_to(self.size.width, self.size.height)
        self.call_after_refresh(self.catch_up)

    def on_resize(self, event: events.Resize) -> None:
        """Another size."""
        if self._is_built:
            self.fit_to(event.size.width, event.size.height)
            self.call_after_refresh(self.catch_up)

    def on_screen_resume(self) -> None:
        """Back in front."""
        self.catch_up()
