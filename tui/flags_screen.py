"""Citizens' flags: the queue, the evidence beside each, and what a person may do about it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll

from override.flag_messages import FlagAction, FlagView
from tui.filter_screen import FilterScreen
from tui.flag_list import flag_rows, flag_text, matching, may_do, next_crew, promoted
from tui.key_line import KeyLine
from tui.model import Sight
from tui.order_dialog import OrderDialog
from tui.reason_dialog import ReasonDialog
from tui.rows import Rows
from tui.said import Said
from tui.sending import act_on_flag
from tui.status import StatusLine

BESIDE_COLUMNS = 110
REJECT_REASONS = (
    "the signal's record shows it working",
    "somebody looked: it works",
    "it is so by design, the reason is on the page",
    "not a signal of ours; passed on",
)
FIXED_REASONS = ("a crew mended it", "a crew looked: it works again", "tested from here with the record")
CREW_REASONS = ("our own crew", "the signal contractor", "the police", "the power company")
END_REASONS = ("a crew mended it", "it does more harm than good", "it was the wrong place")


class FlagsScreen(FilterScreen):
    """The queue."""

    AUTO_FOCUS = "#flags"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("g", "act('accept')", "Accept", tooltip="Agree that it is so; a remedy may follow"),
        Binding("r", "act('reject')", "Reject", tooltip="Not confirmed; your reason is what citizens read"),
        Binding("c", "crew", "Crew", tooltip="Work order: sent, then on site, then done"),
        Binding("x", "act('fixed')", "Fixed", tooltip="Close it with your name and a reason"),
        Binding("m", "act('end-remedy')", "End remedy", tooltip="End what is being done about it"),
        Binding("p", "promote", "Order", tooltip="Make an order of it: opens the dialog with what fits"),
        Binding("n", "new", "New", tooltip="Enter a flag for somebody who called"),
        Binding("v", "view", "Closed too", tooltip="Show closed cases too, or open ones only"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("j", "junction", "Junction", show=False, tooltip="See the junction from near (or Enter)"),
    ]
    CSS = """
    FlagsScreen #what { height: 1; padding: 0 1; text-style: bold; }
    FlagsScreen #both { layout: vertical; height: 1fr; }
    FlagsScreen #side { height: 9; border-top: solid $primary; padding: 0 1; }
    FlagsScreen.beside #both { layout: horizontal; }
    FlagsScreen.beside #flags { width: 2fr; }
    FlagsScreen.beside #side { width: 1fr; height: 1fr; border-top: none; border-left: solid $primary; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def compose(self) -> ComposeResult:
        """Heading, filter, queue, evidence."""
        yield StatusLine()
        yield Said(id="what")
        yield self.filter_line(": place, kind, state")
        with Container(id="both"):
            yield Rows(("", "since", "where", "what", "n", "ev", "state", "crew"), id="flags")
            with VerticalScroll(id="side", can_focus=False):
                yield Said(id="more")
        yield KeyLine()

    @property
    def flag(self) -> FlagView | None:
        """The case under the cursor."""
        return self.sight.flags.get(self.query_one(Rows).chosen)

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Show this."""
        words = self.words
        flags = matching(sight, words, self.closed)
        plain, table = self.console_app.plain, self.query_one(Rows)
        table.show_rows(flag_rows(flags, sight, sight.station_ms(now_s), table.size.width, plain))
        urgent = sum(flag.urgent for flag in flags)
        heading = f"Citizens' flags: {len(flags)} cases{', closed ones too' if self.closed else ''}"
        heading += f", {urgent} URGENT" if urgent else ""
        self.query_one("#what", Said).say(heading + (f"; with {words!r}" if words else ""))
        self._more()
        self.refresh_bindings()

    def _more(self) -> None:
        flag, now_s = self.flag, self.console_app.now_s()
        if flag is not None:
            text = flag_text(flag, self.sight, self.sight.station_ms(now_s))
        elif self.sight.is_stale(now_s):
            text = Text("Nothing is known of flags: the station is silent.", "bold bright_yellow")
        else:
            text = Text("No case here. n enters one for somebody who calls.")
        self.query_one("#more", Said).say(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys are offered only where they do something."""
        if action not in ("act", "crew", "promote", "junction") or not self.is_mounted:
            return True
        flag = self.flag
        if flag is None:
            return None
        if action == "act":
            return FlagAction(str(parameters[0])) in may_do(flag) or None
        if action == "crew":
            crew = next_crew(flag)
            return (crew is not None and crew in may_do(flag)) or None
        return True

    def on_resize(self, event: events.Resize) -> None:
        """Evidence beside the queue where there is room."""
        self.set_class(event.size.width >= BESIDE_COLUMNS, "beside")

    # --- keys ---------------------------------------------------------------------------------

    @on(Rows.Moved)
    def _moved(self) -> None:
        if not self.is_current:
            return  # it is being taken down
        self._more()
        self.refresh_bindings()
        if (flag := self.flag) is not None:
            self.console_app.choose(flag.junction)

    @on(Rows.RowSelected)
    def action_junction(self) -> None:
        """The junction from near."""
        if (flag := self.flag) is not None:
            self.console_app.open_door("junction", flag.junction)

    @work(exclusive=True, group="flag")
    async def action_act(self, action: str) -> None:
        """Do it; what closes a case or ends a remedy asks for a reason first."""
        flag, what = self.flag, FlagAction(action)
        if flag is None or what not in may_do(flag):
            return
        reasons = {
            FlagAction.REJECT: ("Reject this case?", "Citizens read your reason.", REJECT_REASONS),
            FlagAction.FIXED: ("Close it as fixed?", "Your name stands for it.", FIXED_REASONS),
            FlagAction.END_REMEDY: ("End the remedy?", flag.remedy, END_REASONS),
            FlagAction.CREW_SENT: ("Send somebody?", "The work order begins.", CREW_REASONS),
            FlagAction.CREW_ON_SITE: ("Somebody is there?", "The work order goes on.", CREW_REASONS),
            FlagAction.CREW_DONE: (
                "They are done?",
                "It closes when the record shows it.",
                CREW_REASONS,
            ),
        }.get(what)
        words = ""
        if reasons is not None:
            heading, more, offered = reasons
            question = "Who?" if offered is CREW_REASONS else "Why?"
            reason = await self.app.push_screen_wait(
                ReasonDialog(f"{heading} {self.sight.title(flag.junction)}", more, offered, question=question)
            )
            if reason is None:
                return
            words = reason.words
        self.notify(await act_on_flag(self.console_app, flag, what, words))

    def action_crew(self) -> None:
        """The next step of the work order."""
        if (flag := self.flag) is not None and (crew := next_crew(flag)) is not None:
            self.action_act(str(crew))

    def action_promote(self) -> None:
        """Begin an order with what fits this complaint."""
        if (flag := self.flag) is not None:
            command, group = promoted(flag, self.sight.layouts.get(flag.junction))
            self.app.push_screen(OrderDialog(flag.junction, command, group))

    def action_new(self) -> None:
        """Somebody is on the telephone."""
        from tui.caller_dialog import CallerDialog

        self.app.push_screen(CallerDialog(self.console_app.chosen))

    def action_view(self) -> None:
        """Closed ones too, or not."""
        self.closed = not self.closed
        self.catch_up()
