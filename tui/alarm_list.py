"""Alarms in the order in which they need somebody, filtered, each as one row. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from rich.text import Text

from override.views import AlarmView
from tui.ages import ago, left, short
from tui.attention import MARKS, STYLES
from tui.cut import cut
from tui.model import Sight
from tui.rows import Row


class Shown(StrEnum):
    """Which alarms a screen shows."""

    OPEN = "open"
    """Active or not yet seen by anybody, and not suspended."""
    SUSPENDED = "suspended"
    ALL = "all"


def is_open(alarm: AlarmView) -> bool:
    """Whether it still wants somebody."""
    return not alarm.suspended and (alarm.active or not alarm.acknowledged)


def matching(sight: Sight, shown: Shown, words: str) -> list[AlarmView]:
    """Those of a kind that have all these words somewhere, most pressing first."""

    def fits(alarm: AlarmView) -> bool:
        if shown is Shown.OPEN and not is_open(alarm):
            return False
        if shown is Shown.SUSPENDED and not alarm.suspended:
            return False
        layout = sight.layouts.get(alarm.junction)
        place = f"{alarm.junction} {layout.title} {layout.district}" if layout else alarm.junction
        text = f"{place} {alarm.code} {alarm.sentence} {alarm.urgency} {alarm.by}".casefold()
        return all(word in text for word in words.casefold().split())

    return sorted((a for a in sight.alarms.values() if fits(a)), key=lambda alarm: alarm.order)


WHOLE = "whole street"
"""As the station says it of what has no junction."""
PLACE_CELLS = 18


def place_words(alarm: AlarmView, sight: Sight) -> str:
    """Where it is."""
    return sight.title(alarm.junction) if alarm.junction else WHOLE


def without_place(sentence: str, place: str) -> str:
    """A sentence without the place at its beginning, where that stands beside it."""
    for said in (f"{place}: ", f"{place} "):
        if sentence.startswith(said) and len(sentence) > len(said):
            return sentence[len(said) :]
    return sentence


def state_text(alarm: AlarmView, now_ms: int) -> Text:
    """What somebody has done about it, in a few words."""
    if alarm.suspended:
        return Text(f"suspended, {left(alarm.until_ms - now_ms)}", "italic")
    if alarm.acknowledged:
        by = f" by {alarm.by}" if alarm.by else ""
        return Text(f"seen{by}" if alarm.active else f"over, seen{by}", "")
    return Text("NEW" if alarm.active else "over, not seen", "bold reverse" if alarm.active else "bold")


def alarm_rows(alarms: Iterable[AlarmView], sight: Sight, now_ms: int, width: int, plain: bool) -> list[Row]:
    """A row each: urgency, since when, where, what, and what was done about it."""
    room = max(12, width - 56)
    out = []
    for alarm in alarms:
        style = STYLES[alarm.urgency] if alarm.active and not alarm.suspended else "bright_black"
        mark = MARKS[alarm.urgency]
        place = place_words(alarm, sight)
        times = f" ×{alarm.count}" if alarm.count > 1 else ""
        sentence = without_place(alarm.sentence, place)
        sentence = cut(sentence, room)
        out.append(
            Row(
                alarm.alarm,
                (
                    Text(mark, style),
                    Text(short(now_ms - alarm.since_ms).rjust(5)),
                    Text(cut(place, PLACE_CELLS), "bold"),
                    state_text(alarm, now_ms),
                    Text(f"{sentence}{times}", style if alarm.active else "italic"),
                ),
            )
        )
    return out


def alarm_text(alarm: AlarmView, sight: Sight, now_ms: int) -> Text:
    """All of it."""
    text = Text()
    place = place_words(alarm, sight)
    sentence = without_place(alarm.sentence, place)
    text.append(f"{place}: ", "bold").append(f"{sentence}\n", STYLES[alarm.urgency])
    text.append(f"{alarm.code}, {'active' if alarm.active else 'over'}, began {ago(now_ms - alarm.since_ms)}")
    if alarm.count > 1:
        text.append(f", {alarm.count} times since somebody last saw it")
    text.append("\n")
    if alarm.suspended:
        text.append(f"Suspended by {alarm.by or 'somebody'}, {left(alarm.until_ms - now_ms)}; ")
        text.append("it comes back then, or when it becomes worse.")
    elif alarm.acknowledged:
        text.append(f"Seen by {alarm.by or 'somebody'}.")
    else:
        text.append("Nobody has acknowledged it.", "bold")
    return text
