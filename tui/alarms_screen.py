"""The alarms: acknowledge, suspend for a while with a reason, filter; enter goes to the junction."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from override.requests import AlarmAction
from override.roles import HOUR_MS, MINUTE_MS
from override.views import AlarmView
from tui.alarm_list import Shown, alarm_rows, alarm_text, is_open, matching
from tui.filter_screen import FilterScreen
from tui.key_line import KeyLine
from tui.model import Sight
from tui.reason_dialog import ReasonDialog
from tui.rows import Rows
from tui.said import Said
from tui.sending import act_on_alarm
from tui.status import StatusLine

SUSPEND_MAX_MS = 8 * HOUR_MS
TIMES_MS = (15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, SUSPEND_MAX_MS)
REASONS = (
    "crew is on its way",
    "known, a part is ordered",
    "road works agreed until then",
    "false alarm, being looked into",
)


class AlarmsScreen(FilterScreen):
    """All alarms, or those that still want somebody."""

    AUTO_FOCUS = "#alarms"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("k", "acknowledge", "Acknowledge", tooltip="I have seen it; it stays until it is over"),
        Binding("s", "suspend", "Suspend", tooltip="Show it no more for a while, with a reason"),
        Binding("w", "resume", "Wake", tooltip="End its suspension"),
        Binding("v", "view", "Open/all", tooltip="Open ones, suspended ones, all"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("j", "junction", "Junction", tooltip="See the junction from near (or Enter)"),
    ]
    CSS = """
    AlarmsScreen #what { height: 1; padding: 0 1; text-style: bold; }
    AlarmsScreen #more { height: 4; padding: 0 1; border-top: solid $primary; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.shown = Shown.OPEN

    def compose(self) -> ComposeResult:
        """Heading, filter, table, and more of the alarm under the cursor."""
        yield StatusLine()
        yield Said(id="what")
        yield self.filter_line(": place, code, who")
        yield Rows(("", "since", "where", "state", "what"), id="alarms")
        yield Said(id="more")
        yield KeyLine()

    @property
    def alarm(self) -> AlarmView | None:
        """The one under the cursor."""
        return self.sight.alarms.get(self.query_one(Rows).chosen)

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Show this."""
        app, now_ms = self.console_app, sight.station_ms(now_s)
        words = self.words
        alarms = matching(sight, self.shown, words)
        width = self.size.width
        self.query_one(Rows).show_rows(alarm_rows(alarms, sight, now_ms, width, app.plain))
        new = sum(is_open(a) and not a.acknowledged for a in sight.alarms.values())
        heading = f"Alarms, {self.shown}: {len(alarms)} of {len(sight.alarms)}; {new} nobody has seen"
        self.query_one("#what", Said).say(heading + (f"; with {words!r}" if words else ""))
        self._more()
        self.refresh_bindings()

    def _more(self) -> None:
        alarm, now_s = self.alarm, self.console_app.now_s()
        if alarm is not None:
            text = alarm_text(alarm, self.sight, self.sight.station_ms(now_s))
        elif self.sight.is_stale(now_s):
            text = Text("Nothing is known of alarms: the station is silent.", "bold bright_yellow")
        else:
            text = Text("No alarm here." if self.shown is not Shown.OPEN else "No alarm is open.")
        self.query_one("#more", Said).say(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are offered only where they do something."""
        if action not in ("acknowledge", "suspend", "resume", "junction") or not self.is_mounted:
            return True
        alarm = self.alarm
        if alarm is None:
            return None
        return {
            "acknowledge": not alarm.acknowledged or None,
            "suspend": not alarm.suspended or None,
            "resume": alarm.suspended or None,
            "junction": bool(alarm.junction) or None,
        }[action]

    # --- keys ---------------------------------------------------------------------------------

    @on(Rows.Moved)
    def _moved(self) -> None:
        if not self.is_current:
            return  # it is being taken down
        self._more()
        self.refresh_bindings()
        if (alarm := self.alarm) is not None and alarm.junction:
            self.console_app.choose(alarm.junction)

    @on(Rows.RowSelected)
    def action_junction(self) -> None:
        """The junction from near."""
        if (alarm := self.alarm) is not None and alarm.junction:
            self.console_app.open_door("junction", alarm.junction)

    @work(exclusive=True, group="alarm")
    async def action_acknowledge(self) -> None:
        """Seen."""
        if (alarm := self.alarm) is not None:
            self._to_the_next(alarm.alarm)
            self._say(await act_on_alarm(self.console_app, alarm, AlarmAction.ACKNOWLEDGE))

    def _to_the_next(self, alarm: str) -> None:
        """What was dealt with sinks in the list: the cursor stays above, on the next that nobody has seen."""
        table = self.query_one(Rows)
        keys = [row.key for row in table.rows_shown]
        below = keys[keys.index(alarm) + 1 :] if alarm in keys else []
        alarms = self.sight.alarms
        table.choose(next((k for k in below if k in alarms and not alarms[k].acknowledged), alarm))

    @work(exclusive=True, group="alarm")
    async def action_suspend(self) -> None:
        """For how long, and why; then it is silent."""
        if (alarm := self.alarm) is None:
            return
        place = self.sight.title(alarm.junction) if alarm.junction else "the street"
        heading = f"Suspend the alarm at {place}?"
        words = f"{alarm.sentence}\nIt comes back by itself, at once when it becomes worse."
        reason = await self.app.push_screen_wait(
            ReasonDialog(heading, words, REASONS, TIMES_MS, SUSPEND_MAX_MS)
        )
        if reason is not None:
            self._to_the_next(alarm.alarm)
            said = await act_on_alarm(
                self.console_app, alarm, AlarmAction.SUSPEND, reason.for_ms, reason.words
            )
            self._say(said)

    @work(exclusive=True, group="alarm")
    async def action_resume(self) -> None:
        """Show it again."""
        if (alarm := self.alarm) is not None:
            self._say(await act_on_alarm(self.console_app, alarm, AlarmAction.RESUME))

    def _say(self, words: str) -> None:
        failed = words.startswith(("Refused", "No answer"))
        self.notify(words, severity="warning" if failed else "information")

    def action_view(self) -> None:
        """The next kind."""
        kinds = list(Shown)
        self.shown = kinds[(kinds.index(self.shown) + 1) % len(kinds)]
        self.catch_up()
