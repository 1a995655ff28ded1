"""All red or flash, now: chosen from a list, and sent only when the place has been typed by its name.

No single key does it and no key held down does it. What is typed must be the name or the title of the place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.console import Group
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from override.roles import JUNCTIONS_ALONE, MINUTE_MS, Command, Role
from tui.dialog import Dialog
from tui.drafts import Draft
from tui.following import Following, followed
from tui.key_line import KeyLine
from tui.offers import cell, district_of
from tui.order_dialog import AGE_STEP_MS
from tui.order_page import now_text, preview_page, progress_text
from tui.said import Said
from tui.sending import Foreseen, Outcome, foresee, send, undo

LEASE_MS = 5 * MINUTE_MS
"""Long enough to think; it is renewed or released from the orders, and ends by itself."""
REASON = "panic key"


@dataclass(frozen=True, slots=True)
class Target:
    """What may be stopped, and what must be typed for it."""

    command: Command
    place: str
    names: tuple[str, ...]
    accepted: tuple[str, ...]


def same_words(a: str, b: str) -> bool:
    """Whether two names are the same, but for capitals and spaces."""
    return "".join(a.split()).casefold() == "".join(b.split()).casefold()


class PanicDialog(Dialog[tuple[Following, ...]]):
    """Its answer is what was sent."""

    BINDINGS: ClassVar[list[BindingType]] = []
    CSS = """
    PanicDialog > .box { border: heavy $error; }
    PanicDialog #page { height: auto; max-height: 14; }
    """

    def __init__(self, junction: str) -> None:
        super().__init__()
        self.junction = junction
        self.target: Target | None = None
        self.foreseen: Foreseen | None = None
        self.outcome: Outcome | None = None
        self.followings: list[Following] = []
        self.is_sent = False

    def compose(self) -> ComposeResult:
        """List of targets; then the line to type in, and what is to be seen meanwhile."""
        with VerticalScroll(classes="box"):
            yield Static("STOP TRAFFIC", classes="heading")
            yield OptionList(id="choices")
            yield Said(classes="words", id="confirm")
            yield Input(id="typed", select_on_focus=False)
            with VerticalScroll(id="page", can_focus=False):
                yield Said(id="preview")
        yield KeyLine()

    def on_mount(self) -> None:
        """What may be stopped."""
        super().on_mount()
        box = self.query_one(OptionList)
        for number, target in enumerate(self.targets(), 1):
            many = len(target.names)
            text = Text(f"{number} ", "bold")
            text.append(f"{target.command.replace('-', ' ').upper():<8} ", "bold")
            text.append(target.place + (f", {many} junctions" if many > 1 else ""))
            if many > JUNCTIONS_ALONE:
                text.append("  alarm to all; a second person within 10 min", "italic")
            box.add_option(Option(text, str(number - 1)))
        if not box.option_count:
            role = self.console_app.role or "viewer"
            words = f"A {role} may not stop traffic from here. On the station's own machine anybody can:\n"
            self.query_one("#confirm", Said).say(f"{words}belisha panic {self.junction}")
        if box.option_count:
            box.highlighted = 0
        box.focus()

    def targets(self) -> list[Target]:
        """All red and flash, of the junction and of its district."""
        role = Role(self.console_app.role) if self.console_app.role else Role.VIEWER
        layout = self.sight.layouts.get(self.junction)
        title = self.sight.title(self.junction)
        out = []
        for command in (Command.ALL_RED, Command.FLASH):
            if cell(role, command) is None:
                continue
            out.append(Target(command, title, (self.junction,), (self.junction, title)))
            names = district_of(layout, list(self.sight.layouts.values())) if layout else ()
            if layout and len(names) > 1:
                out.append(Target(command, layout.district, names, (layout.district,)))
        return sorted(out, key=lambda target: len(target.names) > 1)

    def draft(self, target: Target) -> Draft:
        """The order."""
        role = Role(self.console_app.role)
        found = cell(role, target.command)
        assert found is not None, "only what the table grants is offered"
        lease_ms = min(LEASE_MS, found[1].lease_max_ms)
        return Draft(target.command, found[0], target.names, target.place, lease_ms, REASON)

    def pick(self, value: str) -> None:
        """What to stop; nothing is sent before its name has been typed."""
        if self.target is not None:
            return
        self.target = self.targets()[int(value)]
        self.query_one(OptionList).display = False
        text = Text()
        text.append(f"{self.draft(self.target).sentence()}.\n", "bold")
        text.append("To do it type ").append(" or ".join(self.target.accepted), "bold reverse")
        text.append(" and press Enter. Escape leaves everything as it is.")
        self.query_one("#confirm", Said).say(text)
        line = self.query_one("#typed", Input)
        line.add_class("open")
        line.focus()
        self._foresee(self.target)

    @on(Input.Submitted, "#typed")
    def _typed(self, event: Input.Submitted) -> None:
        event.stop()
        if self.target is None or self.is_sent:
            return
        if not any(same_words(event.value, name) for name in self.target.accepted):
            self.notify(f"{event.value!r} is not that name; nothing was sent.", severity="warning")
            return
        self.is_sent = True
        self.query_one("#typed", Input).remove_class("open")
        self._send(self.target)

    @work(exclusive=True, group="preview")
    async def _foresee(self, target: Target) -> None:
        self.foreseen = await foresee(self.console_app, self.draft(target))
        self.look()

    @work(exclusive=True, group="send")
    async def _send(self, target: Target) -> None:
        self.look()
        self.outcome = await send(self.console_app, self.draft(target), None)
        self.followings = list(self.outcome.sent)
        self.console_app.sent.add(self.outcome.sent)
        self.look()

    def look(self) -> None:
        """What is there, what it would cost; and after sending, what became of it."""
        if self.target is None:
            return
        app, now_s = self.console_app, self.console_app.now_s()
        now_ms, page = self.sight.station_ms(now_s), self.query_one("#preview", Said)
        if self.is_sent:
            self.followings = [followed(one, self.sight) for one in self.followings]
            text = progress_text(self.followings, self.outcome, now_ms, app.plain)
            text.append("\nIt is renewed and released with the other orders (l).", "italic")
            page.say(text)
            return
        draft = self.draft(self.target)
        forecast = self.foreseen.forecast if self.foreseen else None
        age_ms = now_ms - forecast.now_ms if forecast else 0
        now = now_text(draft, self.sight, now_s)
        asked = (draft, self.foreseen, "", self.size.width, age_ms // AGE_STEP_MS * AGE_STEP_MS, app.plain)
        page.say_as((now.plain, asked), lambda: Group(now, preview_page(*asked)))

    def action_back(self) -> None:
        """Back; what was sent goes on."""
        self.dismiss(tuple(self.followings) or None)

    @work(exclusive=True, group="send")
    async def take_back(self) -> None:
        """Release what was sent just now."""
        self.notify(await undo(self.console_app, self.followings))
