"""Degradation curves as one HTML page: what is too long in words first, then a plot a kind of failure.

Nothing is fetched and nothing runs in it; it prints.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.city.measuring.report import render
from sim.degrading.curves import (
    DISTRICT,
    EVERYBODY,
    LIMIT_FOUND,
    LIMIT_UNFOUND,
    Curves,
    Point,
    name_of,
    verdict,
)
from sim.evaluate_commands import command_line
from sim.plots import Tick, _short, _tick_step
from sim.sweep import versions

WIDTH, HEIGHT = 420.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 12.0, 8.0, 30.0
STYLES = 5
"""Lines that can be told apart in one plot."""


@dataclass(frozen=True, slots=True)
class CurveLine:
    """One line with a dot at each share; SVG coordinates."""

    label: str
    kind: str
    points: str
    dots: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True)
class CurvePlot:
    """One plot of `width` x `height` SVG units: shares to the right, times the plan's wait upward."""

    title: str
    unit: str
    width: float
    height: float
    lines: tuple[CurveLine, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    one_y: float
    """Where waits are the fixed plan's."""
    limit_y: float
    summary: str


def curve_plot(title: str, series: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> CurvePlot:
    """Lay out one line a series of (label, [(share 0-1, times)]), not empty; one scale from zero."""
    highest = max([LIMIT_UNFOUND, *(value for _, points in series for _, value in points)])
    step = _tick_step(highest)
    top = max(step, math.ceil(highest / step - 1e-9) * step)

    def x_of(share: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1)

    def y_of(value: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top), 1)

    lines = tuple(
        CurveLine(
            label,
            f"l{k % STYLES}",
            " ".join(f"{x_of(share)},{y_of(value)}" for share, value in points),
            tuple((x_of(s), y_of(v), f"{label}, {100 * s:.0f} %: {v:.2f}") for s, v in points),
        )
        for k, (label, points) in enumerate(series)
    )
    last = "; ".join(
        f"{label} {points[-1][1]:.2f} at {100 * points[-1][0]:.0f} %" for label, points in series
    )
    return CurvePlot(
        title,
        "times the fixed plan's wait, by per cent of detectors ill",
        WIDTH,
        HEIGHT,
        lines,
        tuple(Tick(x_of(n / 10), f"{10 * n}") for n in range(0, 11, 2)),
        tuple(Tick(y_of(n * step), _short(n * step)) for n in range(round(top / step) + 1)),
        y_of(1.0),
        y_of(LIMIT_FOUND),
        last,
    )


def html(found: Curves, sources: str) -> str:
    """The whole page."""
    modes = [whom for whom in found.whom if not whom.startswith(DISTRICT)]
    districts = [whom for whom in found.whom if whom.startswith(DISTRICT)]
    return render(
        "degradation.html.j2",
        title=f"When detectors fail: {found.place}",
        found=found,
        sentences=verdict(found),
        by_mode=[curve_plot(kind, _series(found.of(kind), modes)) for kind in found.kinds],
        by_district=[
            curve_plot(kind, _series(found.of(kind), districts)) for kind in found.kinds if districts
        ],
        mode_words=[name_of(whom) for whom in modes],
        district_words=[name_of(whom) for whom in districts],
        everybody=EVERYBODY,
        name_of=name_of,
        made={
            "command": command_line(),
            "versions": versions(),
            "sources": sources,
            "when": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        },
    )


def _series(points: Sequence[Point], whom: Sequence[str]) -> list[tuple[str, list[tuple[float, float]]]]:
    series = []
    for name in whom:
        own = [(point.share, point.times[name]) for point in points if name in point.times]
        if own:
            series.append((name_of(name), own))
    return series
