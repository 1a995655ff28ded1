"""The line that every screen has on top: how old this is, who I am, what is wrong, what acts."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text
from textual.widget import Widget

from override.views import AlarmView
from tui.ages import clock, duration
from tui.attention import CLOSED
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


def status_text(sight: Sight, now_s: float, who: str, role: str, width: int, plain: bool) -> Text:
    """One line, the most important first; what has no room is left out, never cut."""
    words, style = contact_words(sight, now_s)
    stale = sight.is_stale(now_s)
    text = Text(no_wrap=True, overflow="ellipsis").append(words, style)
    for words, style in _parts(sight, who, role, stale, plain):
        if text.cell_len + len(words) + 3 <= width:
            text.append(" · ", "dim")
            text.append(words, "dim" if stale else style)
    return text


def _parts(sight: Sight, who: str, role: str, stale: bool, plain: bool) -> Iterator[tuple[str, str]]:
    """(words, style) of all that may stand behind the contact, the most important first."""
    if not stale:
        yield f"lag {sight.lag_ms} ms", "" if sight.lag_ms < LAG_MS else "bold bright_yellow"
    yield f"{who} ({role})" if role else who, "bold"
    alarms, orders = len(open_alarms(sight)), len(sight.orders)
    flags = sum(flag.life not in CLOSED for flag in sight.flags.values())
    yield _counted(alarms, "alarm"), "bold reverse bright_red" if alarms else ""
    yield _counted(orders, "order"), "bold bright_magenta" if orders else ""
    if flags:
        yield _counted(flags, "flag"), "cyan"
    if sight.pulse is not None:
        yield clock(sight.pulse.street_ms), ""
        if abs(sight.pulse.speed_permille - 1000) > SPEED_PERMILLE:
            yield f"×{sight.pulse.speed_permille / 1000:.1f}", ""
    yield sight.street or "street", ""
    rungs = [0] * len(RUNGS)
    for view in sight.junctions.values():
        rungs[view.rung] += 1
    for sign, number in zip(RUNGS, rungs, strict=True):
        if number:
            yield f"{sign.plain}:{number}" if plain else f"{sign.shape}{number}", sign.colour


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'s' * (number > 1)}"


class StatusLine(Widget):
    """The line itself, and beneath it a second one while the station is silent: what is done about that."""

    DEFAULT_CSS = """
    StatusLine { height: 1; dock: top; padding: 0 1; background: $panel; }
    StatusLine.trouble { height: 2; }
    """

    def __init__(self) -> None:
        super().__init__(id="status")
        self._text = Text()

    def see(self, sight: Sight, now_s: float, who: str, role: str, plain: bool) -> None:
        """Show this."""
        text = status_text(sight, now_s, who, role, self.size.width - 2, plain)
        trouble = sight.trouble if sight.is_stale(now_s) else ""
        if trouble:
            text = Text.assemble(
                text, "\n", (trouble, "bold bright_yellow"), no_wrap=True, overflow="ellipsis"
            )
        self.set_class(bool(trouble), "trouble")
        if text != self._text or text.spans != self._text.spans:
            self._text = text
            self.refresh()

    def render(self) -> Text:
        """The line."""
        return self._text
