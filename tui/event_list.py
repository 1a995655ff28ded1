"""Events as lines, newest last, filtered by kind and words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text

from override.views import AuditRow, Event
from tui.ages import clock
from tui.alarm_list import without_place
from tui.lines import Line
from tui.model import Sight

KIND_STYLES = {
    "alarm": "bold bright_red",
    "order": "bold bright_magenta",
    "rung": "bright_yellow",
    "flag": "bright_cyan",
    "key": "bold",
    "station": "bold",
}
"""Anything else is plain. Codes of alarms come as kinds of their own."""
DAY_MS = 86_400_000


def kinds(events: Iterable[Event]) -> list[str]:
    """All that there are, the well-known first."""
    found = {event.kind for event in events}
    return [*(kind for kind in KIND_STYLES if kind in found), *sorted(found - set(KIND_STYLES))]


def matching(events: Iterable[Event], kind: str, words: str, junction: str, sight: Sight) -> list[Event]:
    """Those of a kind and place (empty = any) that have all these words."""
    parts = words.casefold().split()

    def fits(event: Event) -> bool:
        if (kind and event.kind != kind) or (junction and event.junction != junction):
            return False
        title = sight.title(event.junction) if event.junction else ""
        text = f"{event.kind} {event.junction} {title} {event.sentence}".casefold()
        return all(part in text for part in parts)

    return [event for event in events if fits(event)]


def merged(earlier: Sequence[Event], lately: Sequence[Event]) -> list[Event]:
    """One after another, each once."""
    seen: dict[tuple[bytes, int], Event] = {}
    for event in (*earlier, *lately):
        seen.setdefault((event.boot, event.number), event)
    return sorted(seen.values(), key=lambda event: (event.wall_ms, event.number))


def event_line(event: Event, sight: Sight, offset_ms: int = 0) -> Line:
    """Time of day (here: `offset_ms` from UTC), kind, place, sentence."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    text.append(clock((event.wall_ms + offset_ms) % DAY_MS)).append(" ")
    text.append(f"{event.kind[:8]:<8} ", KIND_STYLES.get(event.kind, "bright_yellow"))
    place = sight.title(event.junction) if event.junction else ""
    if place:
        text.append(f"{place}: ", "bold")
    text.append(without_place(event.sentence, place) if place else event.sentence)
    return Line(f"{event.boot.hex()}/{event.number}", text)


def audit_line(row: AuditRow, offset_ms: int = 0) -> Line:
    """Time of day, who, what, which order."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    text.append(f"{row.number:>6} ", "bright_black")
    text.append(clock((row.wall_ms + offset_ms) % DAY_MS)).append(" ")
    text.append(f"{row.actor[:12]:<12} ", "bold").append(f"{row.what} ")
    if row.words:
        text.append(row.words, "italic")
    if row.order:
        text.append(f"  {row.order}", "bright_magenta")
    return Line(str(row.number), text)
