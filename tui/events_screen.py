"""What happened: the tail of events, which follows its end until somebody looks further up."""

from __future__ import annotations

import time
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from override.client import NoAnswer
from override.refused import Refused
from override.views import Event
from tui.ages import ago
from tui.drafts import refusal_words
from tui.event_list import event_line, kinds, matching, merged
from tui.filter_screen import FilterScreen
from tui.key_line import KeyLine
from tui.lines import LineList
from tui.model import Sight
from tui.said import Said
from tui.status import StatusLine


def utc_offset_ms(wall_ms: int) -> int:
    """How far this terminal's clock is from UTC."""
    return 1000 * time.localtime(wall_ms / 1000).tm_gmtoff


NOTHING = "Nothing has happened since this console began."
NOTHING_FITS = "No event fits: Escape ends the search, k goes on to the next kind, h to everywhere."


class EventsScreen(FilterScreen):
    """The tail."""

    AUTO_FOCUS = "#events"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("k", "kind", "Kind", tooltip="Only orders, only alarms, ...; again for the next"),
        Binding("h", "here", "Here", tooltip="Only the chosen junction, or everywhere"),
        Binding("slash", "filter", "Search", key_display="/"),
        Binding("b", "earlier", "Earlier", tooltip="Ask the station for what happened before"),
        Binding("j", "junction", "Junction", tooltip="See the junction of this event from near (or Enter)"),
        Binding("end", "follow", "Follow", tooltip="To the end, and stay there", show=False),
    ]
    CSS = """
    EventsScreen #what { height: 1; padding: 0 1; text-style: bold; }
    EventsScreen #more { height: 3; padding: 0 1; border-top: solid $primary; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.kind = ""
        self.here = ""
        self.earlier: list[Event] = []
        self.at_beginning = False

    def compose(self) -> ComposeResult:
        """Heading, filter, lines, all of the one under the cursor."""
        yield StatusLine()
        yield Said(id="what")
        yield self.filter_line("")
        yield LineList(id="events", empty=NOTHING, follows=True)
        yield Said(id="more")
        yield KeyLine()

    def events(self) -> list[Event]:
        """All that are known here."""
        return merged(self.earlier, self.sight.events)

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Show this."""
        words = self.words
        events = self.events()
        found = matching(events, self.kind, words, self.here, sight)
        lines = [event_line(event, sight, utc_offset_ms(event.wall_ms)) for event in found]
        box = self.query_one(LineList)
        box.say_when_empty(NOTHING_FITS if events else NOTHING)
        box.show_lines(lines)
        where = f" at {sight.title(self.here)}" if self.here else ""
        heading = f"Events{where}: {len(found)} of {len(events)}" + (
            f", {self.kind} only" if self.kind else ""
        )
        heading += f", with {words!r}" if words else ""
        heading += "" if box.follows else "  (stopped here; End follows again)"
        self.query_one("#what", Said).say(heading)
        self._more()

    @property
    def event_here(self) -> Event | None:
        """The one under the cursor."""
        key = self.query_one(LineList).chosen
        return next((e for e in self.events() if f"{e.boot.hex()}/{e.number}" == key), None)

    def _more(self) -> None:
        event = self.event_here
        text = Text()
        if event is not None:
            now_ms = self.sight.station_ms(self.console_app.now_s())
            if event.boot == self.sight.boot:
                text.append(f"{ago(now_ms - event.now_ms)}: ", "bold")
            else:
                text.append("In an earlier run of the station: ", "bold")
            text.append(event.sentence)
        self.query_one("#more", Said).say(text)

    # --- keys ---------------------------------------------------------------------------------

    @on(LineList.Moved)
    def _moved(self) -> None:
        if self.is_current:  # or else it is being taken down
            self._more()

    @on(LineList.Opened)
    def action_junction(self) -> None:
        """The junction from near."""
        if (event := self.event_here) is not None and event.junction:
            self.console_app.choose(event.junction)
            self.console_app.open_door("junction", event.junction)

    def action_kind(self) -> None:
        """The next kind; after the last one all."""
        names = ["", *kinds(self.events())]
        self.kind = names[(names.index(self.kind) + 1) % len(names)] if self.kind in names else ""
        self.catch_up()

    def action_here(self) -> None:
        """Only the chosen junction, or everywhere."""
        if not self.here and not self.console_app.chosen:
            self.notify("Choose a junction first.")
        self.here = "" if self.here else self.console_app.chosen
        self.catch_up()

    def action_follow(self) -> None:
        """To the end."""
        self.query_one(LineList).action_move(1_000_000)
        self.catch_up()

    @work(exclusive=True, group="earlier")
    async def action_earlier(self) -> None:
        """Ask for the hundred events before the first that is known."""
        events = self.events()
        before = events[0].number if events and events[0].boot == self.sight.boot else 0
        junction = self.here
        try:
            found = await self.console_app.asked(lambda console: console.earlier(before, junction))
        except (NoAnswer, Refused) as error:
            words = refusal_words(error.code, error.why) if isinstance(error, Refused) else str(error)
            self.notify(words, severity="warning")
            return
        if not found:
            self.notify(
                "Nothing earlier is kept by this run of the station; the audit (U) goes further back."
            )
        self.earlier = merged(found, self.earlier)
        self.catch_up()
