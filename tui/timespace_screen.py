"""The time-space screen: the greens along a street through the chosen junction, lately and as planned."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget

from override.layouts import JunctionLayout
from tui.cut import cut
from tui.key_line import KeyLine
from tui.model import Sight
from tui.said import Said
from tui.sight_screen import SightScreen
from tui.status import StatusLine
from tui.timespace import (
    GREEN,
    PLAIN_GREEN,
    PLAIN_PLANNED,
    PLANNED,
    Band,
    axis,
    band_of,
    chain_through,
    diagram,
    distances_m,
    main_group,
    upstream_chain,
)

NAME_COLUMNS = 20
SPANS_MS = ((60_000, 30_000), (120_000, 60_000))
SPEEDS_KM_PER_H = (30, 40, 50, 60)
WATCHED_MOST = 16
"""A wish to watch holds so many junctions."""


class Diagram(Widget):
    """The diagram itself, with names at its left and the time below."""

    DEFAULT_CSS = "Diagram { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__(id="diagram")
        self._text = Text()

    def see(self, text: Text) -> None:
        """Show this."""
        if text != self._text:
            self._text = text
            self.refresh()

    def render(self) -> Text:
        """The text."""
        return self._text


class TimeSpaceScreen(SightScreen):
    """A chain of junctions."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back"),
        Binding("g", "group", "Way", tooltip="Another way through the junction: the next group"),
        Binding("r", "turn", "Turn", tooltip="Along another direction, where no way is known"),
        Binding("s", "speed", "Speed", tooltip="What a platoon drives by"),
        Binding("w", "span", "Minutes", tooltip="More or fewer minutes"),
        Binding("n", "along(1)", "Next", tooltip="The next junction of this street"),
        Binding("p", "along(-1)", "Before", tooltip="The junction before"),
    ]
    CSS = """
    TimeSpaceScreen #what { height: 1; padding: 0 1; text-style: bold; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.group = ""
        self.heading_deg = 90.0
        self.speed = SPEEDS_KM_PER_H[2]
        self.span = SPANS_MS[1]
        self._watched: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        """Heading and diagram."""
        yield StatusLine()
        yield Said(id="what", markup=False)
        yield Diagram()
        yield KeyLine()

    def chain(self) -> list[tuple[JunctionLayout, str]]:
        """(junction, its group), first to last along the way."""
        sight = self.sight
        start = self.console_app.chosen or next(iter(sight.layouts), "")
        if found := upstream_chain(sight.layouts, start, self.group):
            return self._with_greens(found)
        chain = chain_through(list(sight.layouts.values()), start, self.heading_deg)
        return self._with_greens([(layout, "") for layout in chain])

    def _with_greens(self, chain: list[tuple[JunctionLayout, str]]) -> list[tuple[JunctionLayout, str]]:
        details = {name: seen.detail for name, seen in self.sight.details.items()}
        return [(layout, group or main_group(layout, details)) for layout, group in chain]

    def see(self, sight: Sight, now_s: float, stale: bool) -> None:
        """Show this, and ask to be told of these junctions."""
        chain = self.chain()
        names = tuple(layout.name for layout, _ in chain)[:WATCHED_MOST]
        if names and names != self._watched:
            self._watched = names
            self.console_app.look_at(names)
        heading = "Nothing is known of where the junctions are."
        if chain:
            ends = f"{chain[0][0].title} to {chain[-1][0].title}" if len(chain) > 1 else chain[0][0].title
            heading = f"Greens from {ends}, platoons at {self.speed} km/h"
            if stale:
                heading = f"THE PAST: {heading}"
        self.query_one("#what", Said).say(heading)
        self.query_one(Diagram).see(self.picture(chain, sight, stale))

    def picture(self, chain: list[tuple[JunctionLayout, str]], sight: Sight, stale: bool) -> Text:
        """Names, bands, paths and the time."""
        area = self.query_one(Diagram).size
        if not area:
            return Text("")  # not laid out yet
        height, columns = area.height - 2, area.width - NAME_COLUMNS - 1
        if height < 1 or columns < 10 or not chain:
            return Text("Too little room for a diagram." if chain else "")
        plain, (back_ms, on_ms) = self.console_app.plain, self.span
        details = {name: seen.detail for name, seen in sight.details.items()}
        along = distances_m([layout for layout, _ in chain])
        bands = [
            band_of(layout, at_m, group, details) for (layout, group), at_m in zip(chain, along, strict=True)
        ]
        drawn = diagram(bands, columns, height, -back_ms, on_ms, self.speed / 3.6, plain)
        text = Text(no_wrap=True)
        chosen = self.console_app.chosen
        for line, band in zip(drawn.text, drawn.band, strict=True):
            name = self._label(bands, band)
            style = "bold reverse" if band >= 0 and chain[band][0].name == chosen else "bold"
            text.append(f"{name:>{NAME_COLUMNS}}", style).append(" ")
            for character in line:
                text.append(character, band_style(character, band, stale))
            text.append("\n")
        text.append(" " * (NAME_COLUMNS + 1)).append(axis(columns, -back_ms, on_ms, plain), "bright_black")
        known = sum(band.known_to_ms > band.known_from_ms for band in bands)
        text.append("\n" + " " * (NAME_COLUMNS + 1))
        green, planned = (PLAIN_GREEN, PLAIN_PLANNED) if plain else (GREEN, PLANNED)
        text.append(f"{green * 2} green  ", "bright_green").append(f"{planned * 2} planned  ", "green")
        text.append(f"told of {known} of {len(bands)} junctions", "italic")
        return text

    @staticmethod
    def _label(bands: list[Band], band: int) -> str:
        if band < 0:
            return ""
        where = f" {bands[band].along_m:.0f} m"
        room, title = NAME_COLUMNS - len(where), bands[band].title
        return cut(title, room) + where

    def on_resize(self, event: events.Resize) -> None:
        """As wide as there is room."""
        self.call_after_refresh(self.catch_up)

    # --- keys ---------------------------------------------------------------------------------

    def action_group(self) -> None:
        """The next group of the chosen junction that comes from another one."""
        layout = self.sight.layouts.get(self.console_app.chosen)
        names = [g.name for g in layout.groups if g.upstream] if layout else []
        if not names:
            self.notify("The station does not tell from where the groups of this junction are fed; r turns.")
            return
        self.group = names[(names.index(self.group) + 1) % len(names)] if self.group in names else names[0]
        self.catch_up()

    def action_turn(self) -> None:
        """A quarter turn."""
        self.heading_deg = (self.heading_deg + 45.0) % 360.0
        self.catch_up()

    def action_speed(self) -> None:
        """The next speed."""
        at = SPEEDS_KM_PER_H.index(self.speed)
        self.speed = SPEEDS_KM_PER_H[(at + 1) % len(SPEEDS_KM_PER_H)]
        self.catch_up()

    def action_span(self) -> None:
        """More or fewer minutes."""
        self.span = SPANS_MS[(SPANS_MS.index(self.span) + 1) % len(SPANS_MS)]
        self.catch_up()

    def action_along(self, step: int) -> None:
        """Another junction of the chain."""
        names = [layout.name for layout, _ in self.chain()]
        if names:
            at = names.index(self.console_app.chosen) if self.console_app.chosen in names else 0
            self.console_app.chosen = names[(at + step) % len(names)]
            self.group = ""
            self.catch_up()

    def action_leave(self) -> None:
        """Back; only the chosen junction is looked at from near again."""
        self.console_app.choose(self.console_app.chosen)
        self.app.pop_screen()


def band_style(character: str, band: int, stale: bool) -> str:
    """Of a cell: greens bright, what is planned dimmer, paths and reds in the background."""
    if stale:
        return "bright_black"
    if band < 0:
        return "bright_black"
    if character in (GREEN, PLAIN_GREEN):
        return "bright_green"
    if character in (PLANNED, PLAIN_PLANNED):
        return "green"
    return "red"
