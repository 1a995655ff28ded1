"""The line that every screen has on top: how old this is, who I am, what is wrong, what acts."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from override.views import AlarmView
from tui.ages import clock, duration
from tui.lamps import RUNGS
from tui.model import Contact, Sight

LAG_MS = 500
"""A lag beyond this is worth a colour."""
SPEED_PERMILLE = 100
"""A street's clock that differs so much from ours is told."""


def age_words(age_s: float) -> str:
    """`0.2 s`, `14 s`, `3 min`."""
    return f"{age_s:.1f} s" if age_s < 10 else duration(round(1000 * age_s))


def open_alarms(sight: Sight) -> list[AlarmView]:
    """Alarms that nobody has acknowledged or suspended."""
    return [a for a in sight.alarms.values() if not a.acknowledged and not a.suspended]


def contact_words(sight: Sight, now_s: float) -> tuple[str, str]:
    """(words, style) of how the console stands with its station."""
    age_s = sight.age_s(now_s)
    if sight.contact is Contact.CALLING:
        return "… calling the station", "bold bright_yellow"
    if sight.contact is Contact.LIVE and sight.trouble:
        return f"✖ STREET STANDS STILL – this is {age_words(age_s)} old", "bold reverse bright_red"
    if sight.is_stale(now_s):
        return f"✖ STATION SILENT – this is {age_words(age_s)} old", "bold reverse bright_red"
    return f"● live {age_words(age_s)}", "green" if age_s < 2 else "bright_yellow"


def status_text(sight: Sight, now_s: float, who: str, role: str, width: int) -> Text:
    """One line, the most important first, cut at the end."""
    words, style = contact_words(sight, now_s)
    parts: list[tuple[str, str]] = [(words, style)]
    stale = sight.is_stale(now_s)
    if not stale:
        parts.append((f"lag {sight.lag_ms} ms", "" if sight.lag_ms < LAG_MS else "bold bright_yellow"))
    parts.append((f"{who} ({role})" if role else who, "bold"))
    if alarms := open_alarms(sight):
        parts.append((f"{len(alarms)} alarm{'s' * (len(alarms) > 1)}", "bold reverse bright_red"))
    else:
        parts.append(("no alarm", ""))
    orders = len(sight.orders)
    parts.append((f"{orders} order{'s' * (orders != 1)}", "bold bright_magenta" if orders else ""))
    if sight.flags:
        parts.append((f"{len(sight.flags)} flag{'s' * (len(sight.flags) != 1)}", "cyan"))
    if sight.pulse is not None:
        parts.append((f"{sight.street} {clock(sight.pulse.street_ms)}", ""))
        if abs(sight.pulse.speed_permille - 1000) > SPEED_PERMILLE:
            parts.append((f"×{sight.pulse.speed_permille / 1000:.1f}", ""))
    elif sight.street:
        parts.append((sight.street, ""))
    text = Text(no_wrap=True, overflow="ellipsis")
    for words, style in parts:
        if text:
            text.append(" · ", "bright_black")
        text.append(words, "bright_black" if stale and text else style)
    _append_rungs(text, sight, width)
    return text


def _append_rungs(text: Text, sight: Sight, width: int) -> None:
    counts = [0] * len(RUNGS)
    for view in sight.junctions.values():
        if view.rung < len(counts):
            counts[view.rung] += 1
    words = [(f"{sign.shape}{n}", sign.colour) for sign, n in zip(RUNGS, counts, strict=True) if n]
    if text.cell_len + sum(len(w) + 1 for w, _ in words) + 3 > width:
        return
    text.append(" ·", "bright_black")
    for word, style in words:
        text.append(f" {word}", style)


class StatusLine(Widget):
    """The line itself, and beneath it a second one while the station is silent: what is done about that."""

    DEFAULT_CSS = """
    StatusLine { height: 1; dock: top; padding: 0 1; background: $panel; }
    StatusLine.trouble { height: 2; }
    """

    def __init__(self) -> None:
        super().__init__(id="status")
        self._text = Text()

    def see(self, sight: Sight, now_s: float, who: str, role: str) -> None:
        """Show this."""
        text = status_text(sight, now_s, who, role, self.size.width - 2)
        trouble = sight.trouble if sight.is_stale(now_s) else ""
        if trouble:
            text = Text.assemble(
                text, "\n", (trouble, "bold bright_yellow"), no_wrap=True, overflow="ellipsis"
            )
        self.set_class(bool(trouble), "trouble")
        if text.markup != self._text.markup:
            self._text = text
            self.refresh()

    def render(self) -> Text:
        """The line."""
        return self._text
