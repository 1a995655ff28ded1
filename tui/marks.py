"""What one junction looks like on the map: a shape by its rung, how busy it is, what is wrong, what acts.

A mark is three cells: what is wrong or who orders, the junction itself, how busy it is. Where junctions stand
too close for that only the middle one is drawn, and what is wrong takes its place. Every shape differs
from every other in outline, so that no colour is needed; `letters` shows the rung's number instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from override.layouts import JunctionLayout
from override.views import JunctionView, Urgency
from tui.attention import MARKS, STYLES, Notice
from tui.lamps import rung as rung_sign

CALM, SOME, BUSY, FULL, BROKEN = range(5)
BUSY_MARKS = (" ", "▂", "▄", "▆", "█")
PLAIN_BUSY_MARKS = (" ", ".", ":", "=", "#")
BUSY_STYLES = ("", "green", "bright_yellow", "bright_red", "bold bright_red")
CALM_SHAPE, PLAIN_CALM_SHAPE = "○", "o"
"""An adaptive junction where nobody waits for long; the full disc is for a busy one."""
PLAIN_BUSY_SHAPE = "O"
QUEUES_VEH = (3.0, 7.0, 12.0)
"""Vehicles a queue on average over the approaches, from which a junction counts as some, busy, full."""
PROMISE_PERCENT = (50, 75, 90, 100)
"""Of the promise used up, from which it counts as some, busy, full, broken."""
ORDER_MARK, PLAIN_ORDER_MARK = "»", ">"
ORDER_STYLE = "bold bright_magenta"


@dataclass(frozen=True, slots=True)
class Mark:
    """Three characters with their styles: left, middle, right; and its weight where several share a cell."""

    left: str
    left_style: str
    middle: str
    middle_style: str
    right: str
    right_style: str
    alone: str
    """The one character where there is room for no more."""
    alone_style: str
    weight: int
    """The heaviest of a cell is drawn."""


def busy_level(view: JunctionView, approaches: int) -> int:
    """CALM to BROKEN: by the longest queues, or by the promise that is nearest to be broken."""
    queue_veh = view.queue_veh / max(1, approaches)
    by_queue = sum(queue_veh >= least for least in QUEUES_VEH)
    by_promise = sum(view.used_percent >= least for least in PROMISE_PERCENT)
    return max(by_queue, by_promise)


def approach_count(layout: JunctionLayout) -> int:
    """Approaches of vehicles."""
    return len({group.approach for group in layout.groups if group.approach})


def mark_of(view: JunctionView, level: int, notice: Notice | None, letters: bool, plain: bool) -> Mark:
    """How it is drawn."""
    sign = rung_sign(view.rung)
    if letters:
        shape = str(view.rung)
    elif view.rung == 0 and level < BUSY:
        shape = PLAIN_CALM_SHAPE if plain else CALM_SHAPE
    elif view.rung == 0:
        shape = PLAIN_BUSY_SHAPE if plain else sign.shape
    else:
        shape = sign.plain if plain else sign.shape
    shape_style = f"bold {sign.colour}"
    left, left_style = " ", ""
    alone, alone_style = shape, BUSY_STYLES[level] or shape_style if view.rung == 0 else shape_style
    weight = 10 * view.rung + level
    if view.orders:
        left, left_style = PLAIN_ORDER_MARK if plain else ORDER_MARK, ORDER_STYLE
        weight += 60
        alone_style = f"{alone_style} underline"
    if notice is not None and notice.urgency is not Urgency.KNOW:
        left, left_style = MARKS[notice.urgency], STYLES[notice.urgency]
        if not notice.acknowledged:
            left_style = f"{left_style} reverse"
            alone, alone_style = left, left_style
        weight += 100 * (3 - notice.urgency.rank)
    busy = PLAIN_BUSY_MARKS if plain else BUSY_MARKS
    return Mark(
        left, left_style, shape, shape_style, busy[level], BUSY_STYLES[level], alone, alone_style, weight
    )
