"""A junction in a few lines, beside the map: what it shows, who waits, who orders, and why."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from override.views import JunctionView
from tui.ages import countdown, duration
from tui.attention import STYLES, Notice, without_title
from tui.lamps import lamp
from tui.lamps import rung as rung_sign
from tui.model import Sight


def promise_words(used_percent: int) -> tuple[str, str]:
    """How far the promise is used up, and its style."""
    style = "bold bright_red" if used_percent > 100 else "bright_yellow" if used_percent >= 75 else ""
    return f"{used_percent} % of its promise", style


def lamps_text(letters: str, kinds: list[str], plain: bool) -> Text:
    """All lamps in a row; crossings are told from the others by a bar before them."""
    text = Text()
    for k, letter in enumerate(letters):
        kind = kinds[k] if k < len(kinds) else "vehicle"
        if k:
            text.append("│" if kind == "pedestrian" != (kinds[k - 1] if k - 1 < len(kinds) else "") else " ")
        sign = lamp(letter)
        text.append(sign.cell(plain), sign.style)
    return text


def queue_words(view: JunctionView) -> str:
    """Who stands there: `3 vehicles queue, 1 person waits`."""
    vehicles = "1 vehicle queues" if view.queue_veh == 1 else f"{view.queue_veh} vehicles queue"
    people = "1 person waits" if view.people == 1 else f"{view.people} people wait"
    return f"{vehicles}, {people}"


def card_text(sight: Sight, junction: str, notices: list[Notice], now_s: float, plain: bool) -> Text:
    """The whole card; of a notice that is about no junction all it says."""
    view, layout = sight.junctions.get(junction), sight.layouts.get(junction)
    if view is None and notices:
        text = Text("The whole street", "bold")
        for notice in notices:
            text.append(f"\n{notice.why}", f"not bold {STYLES[notice.urgency]}")
        return text.append("\nEnter shows where to deal with it.", "not bold")
    if view is None:
        return Text(
            "No junction is chosen.\nArrows choose one on the map, n the next that needs you, / finds one."
        )
    text = Text()
    title = sight.title(junction)
    text.append(junction, "bold")
    if title != junction:
        text.append(f"  {title}")
    if layout and layout.district:
        text.append(f"  {layout.district}", "italic")
    sign = rung_sign(view.rung)
    text.append(f"\n{sign.shape} {sign.words}", sign.colour)
    text.append(f" · stage {view.stage or 'none'}\n")
    kinds = [group.kind for group in layout.groups] if layout else []
    text.append_text(lamps_text(view.lamps, kinds, plain))
    text.append(f"\n{queue_words(view)}")
    words, style = promise_words(view.used_percent)
    if view.longest_s:
        text.append(f"\nlongest wait {duration(1000 * view.longest_s)}, ")
        text.append(words, style)
    for order in view.orders:
        if (known := sight.orders.get(order)) is not None:
            left = countdown(1000 * sight.left_s(known.expires_ms, now_s))
            text.append(
                f"\n» {known.command} by {known.issuer}, {known.state}, {left} left", "bold bright_magenta"
            )
    for notice in notices[:4]:
        text.append(f"\n{notice.why}", STYLES[notice.urgency])
    if (seen := sight.details.get(junction)) is not None and seen.detail.operator:
        text.append("\nWhy: ", "bold")
        text.append(without_title(seen.detail.operator, title))
    return text


class Card(Widget):
    """The card as a widget, always as high; grey when it is of the past."""

    DEFAULT_CSS = "Card { height: 12; padding: 0 1; border-top: solid $primary; }"

    def __init__(self, plain: bool = False) -> None:
        super().__init__(id="card")
        self.plain = plain
        self._text = Text()

    def see(self, sight: Sight, junction: str, notices: list[Notice], now_s: float, stale: bool) -> None:
        """Show this junction."""
        text = card_text(sight, junction, notices, now_s, self.plain)
        if stale:
            text = Text(text.plain, "dim")
        if text != self._text or text.spans != self._text.spans:
            self._text = text
            self.refresh()

    def render(self) -> Text:
        """The card."""
        return self._text
