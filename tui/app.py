"""The console as an application: it holds the latest sight and who sits before it, and opens the screens."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen

from override.client import Console
from override.flag_messages import FlagReply, FlagRequest
from override.roles import Role
from tui.ascii_only import AsciiOnly
from tui.attention import Attention, Notice
from tui.city import CityScreen
from tui.doors import DOORS
from tui.link import Wire
from tui.looks import CSS, NIGHT, SIXTEEN, Look, look_of
from tui.model import Contact, Sight
from tui.palette import Palette
from tui.sent_orders import SentOrders
from tui.sight_screen import SightScreen
from tui.tour import END_KEY, NEXT_KEY, Tour
from tui.training_line import TrainingLine

if TYPE_CHECKING:
    from tui.corridor import CorridorRun

Answer = TypeVar("Answer")


class Seen(Message):
    """A new sight; a newer one replaces it when it has not been looked at yet."""

    def __init__(self, sight: Sight) -> None:
        self.sight = sight
        super().__init__()

    def can_replace(self, message: Message) -> bool:
        """The newest is all of it."""
        return isinstance(message, Seen)


class BelishaConsole(App[None]):
    """The operator's console over a `Wire`.

    Screens read `sight`, `notices`, `chosen`, `who`, `role`, `now_s()` and `plain` here, and ask the
    station through `asked`.
    """

    TITLE = "Belisha"
    CSS = CSS
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar = {Palette}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "keys", "Help", key_display="?"),
        Binding("ctrl+p", "command_palette", "All commands", show=False),
        Binding("q", "leave", "Quit"),
        Binding(
            NEXT_KEY, "tour", "Guided tour", show=False, tooltip="Begin the guided tour, or its next step"
        ),
        Binding(END_KEY, "end_tour", "End the tour", show=False),
        Binding("ctrl+q", "leave", "Quit", show=False),
        # Priority, so that it works over dialogs too.
        Binding(
            "ctrl+z",
            "suspend_process",
            "To the shell",
            show=False,
            priority=True,
            tooltip="Back to the shell for a while; fg brings the console back",
        ),
        *(
            Binding(door.key, f"open_door('{door.name}')", door.title, tooltip=door.words, show=door.shown)
            for door in DOORS
            if door.key != "enter"
        ),
    ]

    def __init__(
        self,
        wire: Wire,
        who: str,
        role: Role | None = None,
        now_s: Callable[[], float] = time.monotonic,
        look: Look | None = None,
        training: bool = False,
    ) -> None:
        """`training`: what is seen is no street; every screen says so."""
        look = look or look_of()
        os.environ.pop("NO_COLOR", None)  # an empty one means nothing, but Textual would take it for a wish
        if look.no_colour:
            os.environ["NO_COLOR"] = "1"  # Textual reads it from there, and takes it away
        super().__init__(ansi_color=True if look.no_colour else None)
        self.register_theme(NIGHT)
        self.theme, self.ansi_theme_dark = look.theme, SIXTEEN
        self.wire = wire
        self.who, self.role = who, role.value if role else ""
        self.now_s = now_s
        self.look, self.plain = look, look.plain
        self._last_look = [AsciiOnly()] if look.plain else []
        self.sight = wire.sight
        self.attention = Attention()
        self.notices: list[Notice] = []
        self.chosen: str = ""
        self.sent = SentOrders()
        """What was ordered from here, until it has ended."""
        self.corridor_from = ""
        """Where a way begins whose end is being chosen on the map."""
        self.corridor: CorridorRun | None = None
        """The last way that was cleared from here."""
        self.training = training
        self.tour = Tour()
        self.hand_in_flag: Callable[[FlagRequest], FlagReply] | None = None
        """Hands a flag to the citizen process, where this console knows one."""
        self.citizens_page = ""
        """Where citizens read of these signals, where this console knows it."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """As Textual's: what every line goes through before it is shown."""
        return [*super().get_line_filters(), *self._last_look]

    # --- for screens ------------------------------------------------------------------------

    async def asked(self, job: Callable[[Console], Answer]) -> Answer:
        """Have this done with the connection, in its thread. Raises NoAnswer, Refused."""
        return await asyncio.wrap_future(self.wire.ask(job))

    def choose(self, junction: str) -> None:
        """This junction is meant from now on; it is looked at from near."""
        self.chosen = junction
        self.look_at((junction,) if junction else ())

    def look_at(self, junctions: tuple[str, ...]) -> None:
        """Ask the station for details of these, until told otherwise."""
        self.wire.watch(junctions)

    def open_door(self, name: str, junction: str = "") -> None:
        """Bring a screen of `DOORS` to the front."""
        door = next(d for d in DOORS if d.name == name)
        junction = junction or self.chosen
        if door.from_junction and not junction:
            self.notify("Choose a junction first: arrows on the map, n for the next urgent, / to find one.")
            return
        screen = door.open(junction)
        if type(screen) is type(self.screen) and not door.from_junction:
            return  # it is in front already
        self.push_screen(screen)

    def find(self, words: str) -> str:
        """The junction whose name, title or district begins with, or else has, these words; empty = none."""
        words = words.strip().lower()
        layouts = self.sight.layouts.values()
        for matches in (str.startswith, str.__contains__):
            for layout in layouts:
                if words and any(
                    matches(t.lower(), words) for t in (layout.name, layout.title, layout.district)
                ):
                    return layout.name
        return ""

    def push_screen(self, screen: Any, *args: Any, **kwargs: Any) -> Any:
        """As always; where this is a training, the screen says so in its first line."""
        pushed = super().push_screen(screen, *args, **kwargs)
        if self.training and isinstance(screen, Screen):
            screen.add_class("training")
            screen.call_later(screen.mount, TrainingLine(self.citizens_page))
        return pushed

    # --- what comes in ------------------------------------------------------------------------

    def on_mount(self) -> None:
        """First screen, then the connection."""
        self.push_screen(CityScreen())
        self.set_interval(1.0, self._second)
        self.wire.start(self._hear)

    def _hear(self, sight: Sight) -> None:
        """From the connection's thread."""
        self.post_message(Seen(sight))

    def on_seen(self, message: Seen) -> None:
        """Something came from the station."""
        before, self.sight = self.sight, message.sight
        self.notices = self.attention.notices(message.sight)
        if self.corridor is not None:
            self.corridor = self.corridor.seen(message.sight)
        self._say_changes(before, message.sight)
        for words, severity in self.sent.see(message.sight):
            self.notify(words, severity="warning" if severity == "warning" else "information", timeout=8)
        self._catch_up()

    def _second(self) -> None:
        """Ages grow though nothing comes."""
        self._catch_up()

    def _catch_up(self) -> None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, SightScreen):
                if screen.is_mounted:
                    screen.catch_up()
                return  # what is beneath a whole screen is not seen

    def _say_changes(self, before: Sight, now: Sight) -> None:
        if before.contact is not now.contact and Contact.LOST in (before.contact, now.contact):
            self.clear_notifications()  # what they say of the station is over
        if before.contact is Contact.LIVE and now.contact is Contact.LOST:
            self.notify("What you see is the past. The street goes on by itself.", title="Station silent",
                        severity="error", timeout=10)  # fmt: skip
        if now.contact is Contact.LIVE and before.contact is Contact.LOST:
            self.notify("What you see is live again.", title="Station answers")
        if now.starts_seen > max(1, before.starts_seen):
            self.notify("It was started anew: look which orders still act.",
                        title="Another run of the station", severity="warning", timeout=15)  # fmt: skip

    # --- keys -------------------------------------------------------------------------------------

    def action_open_door(self, name: str) -> None:
        """One of the screens."""
        self.open_door(name)

    def action_keys(self) -> None:
        """Every key of this screen, and what the signs mean."""
        from tui.keys_help import KeysHelp

        self.push_screen(KeysHelp(self.screen))

    def action_tour(self) -> None:
        """Begin the tour, or go to its next step."""
        self.tour.next()
        self._catch_up()

    def action_end_tour(self) -> None:
        """No more of it."""
        self.tour.end()
        self._catch_up()

    def action_leave(self) -> None:
        """End the console; it ends nothing else, and says so."""
        self.wire.stop()
        self.exit(message=self.farewell())

    def farewell(self) -> str:
        """What goes on when this console is gone."""
        mine = [o for o in self.sight.orders.values() if o.issuer == self.who]
        others = len(self.sight.orders) - len(mine)
        now_s = self.now_s()
        if self.training:
            return "The city you trained on ends with this console. No street was touched."
        lines = ["The street goes on without this console."]
        if self.sight.is_stale(now_s):
            lines = ["The station was silent when you left; what it does now this console does not know."]
        for order in mine:
            left_s = self.sight.left_s(order.expires_ms, now_s)
            lines.append(f"Your {order.command} {order.order} ends by itself in {left_s} s.")
        if others:
            lines.append(f"{others} order{'s' * (others != 1)} of others act{'s' * (others == 1)}.")
        return "\n".join(lines)
