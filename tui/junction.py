"""The junction screen: one junction from near, live, and why it does what it does."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from override.details import Detail
from tui.card import lamps_text
from tui.junction_causes import (
    REGISTERS,
    approaches_text,
    buses_text,
    detectors_text,
    orders_text,
    title_text,
    troubles_text,
    why_text,
)
from tui.junction_signals import signals_text, timeline_text
from tui.key_line import KeyLine
from tui.model import STALE_S, Sight
from tui.sight_screen import SightScreen
from tui.status import StatusLine, age_words

SIDE_BY_SIDE_COLUMNS = 76


class Part(Static):
    """A part of the screen that is drawn anew only when it says something else."""

    DEFAULT_CSS = "Part { height: auto; margin: 0 0 1 0; }"

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self._said = Text()

    def say(self, text: Text, stale: bool) -> None:
        """Show this; grey when it is of the past."""
        if stale:
            text = Text(text.plain, "dim", no_wrap=text.no_wrap, overflow=text.overflow)
        if text != self._said or text.spans != self._said.spans:
            self._said = text
            self.update(text)


class JunctionScreen(SightScreen):
    """One junction. Asks for its details as long as it is in front."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "City"),
        Binding("e", "register", "Words", tooltip="Why, in the words of operator, engineer or citizen"),
        Binding("n", "urgent(1)", "Next", tooltip="The next junction that needs somebody"),
        Binding("p", "urgent(-1)", "The one before that needs somebody", show=False),
        Binding("x", "every_detector", "All detectors, or only those in doubt", show=False),
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
    ]
    CSS = """
    JunctionScreen #title { height: 1; padding: 0 1; background: $panel; text-style: bold; }
    JunctionScreen #near { height: 1fr; }
    JunctionScreen VerticalScroll { padding: 0 0 0 1; scrollbar-size-vertical: 1; }
    JunctionScreen #left { width: 3fr; }
    JunctionScreen #right { width: 2fr; border-left: solid $primary; }
    JunctionScreen.stacked #near { layout: vertical; overflow-y: auto; }
    JunctionScreen.stacked #left { width: 1fr; height: auto; }
    JunctionScreen.stacked #right { width: 1fr; height: auto; border-left: none; }
    """

    def __init__(self, junction: str) -> None:
        super().__init__()
        self.junction = junction
        self.register = REGISTERS[0]
        self.every = False

    def compose(self) -> ComposeResult:
        """Signals and their times on the left, why on the right; read in this order."""
        yield StatusLine()
        yield Static(id="title")
        with Horizontal(id="near"):
            with VerticalScroll(id="left", can_focus=False):
                yield Part("signals")
                yield Part("timeline")
                yield Part("approaches")
            with VerticalScroll(id="right", can_focus=False):
                for name in ("why", "orders", "troubles", "buses", "detectors"):
                    yield Part(name)
        yield KeyLine()

    def on_screen_resume(self) -> None:
        """In front: look from near."""
        self.console_app.choose(self.junction)  # the base class catches up by its own handler

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Every part of this sight."""
        plain = self.console_app.plain
        view, layout = sight.junctions.get(self.junction), sight.layouts.get(self.junction)
        seen = sight.details.get(self.junction)
        detail = seen.detail if seen else None
        old = stale or (seen is not None and now_s - seen.heard_s > STALE_S)
        title = title_text(sight, self.junction)
        if seen is not None and old:
            title.append(f" · signals {age_words(now_s - seen.heard_s)} old", "bold reverse")
        self.query_one("#title", Static).update(title)
        left, right = self._part("signals").size.width, self._part("why").size.width
        if layout is not None and detail is not None:
            self._part("signals").say(signals_text(layout, detail, left, plain), old)
            self._part("timeline").say(timeline_text(layout, detail, left, plain), old)
            self._part("approaches").say(approaches_text(detail), old)
            self._part("buses").say(buses_text(detail), old)
            self._part("detectors").say(detectors_text(layout, detail, self.every, plain), old)
        elif view is not None:
            kinds = [group.kind for group in layout.groups] if layout else []
            self._part("signals").say(lamps_text(view.lamps, kinds, plain), stale)
        words = why_text(detail, self.register, right, plain, sight.title(self.junction))
        self._part("why").say(words, old)
        self._part("orders").say(orders_text(sight, self.junction, now_s), stale)
        mine = [n for n in self.console_app.notices if n.junction == self.junction]
        self._part("troubles").say(troubles_text(mine, sight.station_ms(now_s)), stale)

    def _part(self, name: str) -> Part:
        return self.query_one(f"#{name}", Part)

    @property
    def detail(self) -> Detail | None:
        """What is known of it from near."""
        seen = self.sight.details.get(self.junction)
        return seen.detail if seen else None

    # --- keys ---------------------------------------------------------------------------

    def action_back(self) -> None:
        """To the city; the junction stays chosen there."""
        self.dismiss()

    def action_register(self) -> None:
        """The next of operator, engineer, citizen."""
        self.register = REGISTERS[(REGISTERS.index(self.register) + 1) % len(REGISTERS)]
        self.catch_up()

    def action_every_detector(self) -> None:
        """All detectors, or only those that are not believed."""
        self.every = not self.every
        self.catch_up()

    def action_urgent(self, step: int) -> None:
        """Go on to the next junction that needs somebody, without going back to the map."""
        names = list(dict.fromkeys(n.junction for n in self.console_app.notices if n.junction))
        if not names:
            return
        at = names.index(self.junction) + step if self.junction in names else 0
        self.junction = names[at % len(names)]
        self.console_app.choose(self.junction)
        self.catch_up()

    def action_scroll(self, lines: int) -> None:
        """Both columns, as far as each goes."""
        for name in ("near", "left", "right"):
            self.query_one(f"#{name}").scroll_relative(y=lines, animate=False)

    def fit_to(self, width: int, height: int) -> None:
        """Two columns where there is room, one under the other elsewhere."""
        self.set_class(width < SIDE_BY_SIDE_COLUMNS, "stacked")
