"""The audit: who asked for what and what was decided, page by page, and whether the chain holds."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from override.client import NoAnswer
from override.refused import Refused
from override.views import AuditRow
from tui.drafts import refusal_words
from tui.event_list import audit_line
from tui.events_screen import utc_offset_ms
from tui.key_line import KeyLine
from tui.lines import LineList
from tui.model import Sight
from tui.said import Said
from tui.sight_screen import SightScreen
from tui.status import StatusLine


class AuditScreen(SightScreen):
    """Pages of the audit, the latest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("r", "latest", "Latest", tooltip="Ask for the latest page anew"),
        Binding("b", "earlier", "Earlier", tooltip="Ask for the page before"),
        Binding("j", "only", "This order", tooltip="Only the order of this line, or everything (or Enter)"),
    ]
    CSS = """
    AuditScreen #what { height: 1; padding: 0 1; text-style: bold; }
    AuditScreen #more { height: 5; padding: 0 1; border-top: solid $primary; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[int, AuditRow] = {}
        self.order = ""
        self.words = "Asking the station ..."
        self.holds: bool | None = None
        """Whether the chain of every page that came holds; None = none came."""

    def compose(self) -> ComposeResult:
        """Heading, lines, all of the one under the cursor."""
        yield StatusLine()
        yield Said(id="what")
        yield LineList(id="audit", empty="")
        yield Said(id="more")
        yield KeyLine()

    def on_mount(self) -> None:
        """Ask at once."""
        super().on_mount()
        self.action_latest()

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Show what came."""
        rows = [self.rows[number] for number in sorted(self.rows, reverse=True)]
        lines = [audit_line(row, utc_offset_ms(row.wall_ms)) for row in rows]
        self.query_one(LineList).show_lines(lines)
        text = Text("Audit" + (f" of {self.order}" if self.order else "") + f": {len(rows)} entries. ")
        if self.holds is True:
            text.append("The chain of these holds.", "bright_green")
        elif self.holds is False:
            text.append("THE CHAIN IS BROKEN: do not trust it, call the engineer.", "bold reverse bright_red")
        text.append(f" {self.words}", "italic")
        self.query_one("#what", Said).say(text)
        self._more()

    def _more(self) -> None:
        row, text = self.row, Text()
        if row is not None:
            text.append(f"{row.number}: {row.actor} ", "bold").append(row.what)
            text.append(f"\n{row.words}" if row.words else "", "italic")
            text.append(f"\n{row.order}" if row.order else "", "bright_magenta")
        self.query_one("#more", Said).say(text)

    @property
    def row(self) -> AuditRow | None:
        """The one under the cursor."""
        key = self.query_one(LineList).chosen
        return self.rows.get(int(key)) if key else None

    @on(LineList.Moved)
    def _moved(self) -> None:
        if self.is_current:  # or else it is being taken down
            self._more()

    @on(LineList.Opened)
    def action_only(self) -> None:
        """Only the order of this line; or everything again."""
        row = self.row
        self.order = "" if self.order else row.order if row is not None else ""
        self.action_latest()

    def action_latest(self) -> None:
        """From the end."""
        self.rows, self.holds = {}, None
        self._ask(0)

    def action_earlier(self) -> None:
        """The page before."""
        if self.rows and min(self.rows) > 0:
            self._ask(min(self.rows))

    @work(exclusive=True, group="audit")
    async def _ask(self, before: int) -> None:
        order = self.order
        self.words = "Asking the station ..."
        try:
            page = await self.console_app.asked(lambda console: console.audit(before, order))
        except Refused as refused:
            self.words = refusal_words(refused.code, refused.why)
        except NoAnswer as error:
            self.words = str(error)
        else:
            if page.rows:
                self.holds = page.verified and self.holds is not False
            self.rows.update((row.number, row) for row in page.rows)
            self.words = "" if page.rows else "Nothing earlier."
        self.catch_up()

    def action_back(self) -> None:
        """Everything again, then out."""
        if self.order:
            self.order = ""
            self.action_latest()
        else:
            self.app.pop_screen()
