"""Bar plots as plain numbers, ready for a template to draw: bars are means, dots are seeds.

Horizontal bars, because names are long and phones are narrow. One scale a plot, from zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 420.0
LABEL_WIDTH = 112.0
VALUE_WIDTH = 46.0
ROW_HEIGHT = 22.0
BAR_HEIGHT = 13.0
AXIS_HEIGHT = 20.0
TOP = 4.0


@dataclass(frozen=True, slots=True)
class Series:
    """What one bar shows: a mean and what each seed gave."""

    label: str
    value: float
    seeds: tuple[tuple[int, float], ...]
    """(seed, value)."""
    locked: frozenset[int]
    """Seeds that ended in gridlock: drawn as crosses."""
    kind: str
    """`ours`, `peer` or `yardstick`: how the bar is filled."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One seed of one bar; SVG coordinates."""

    x: float
    y: float
    locked: bool
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a plot; SVG coordinates."""

    label: str
    kind: str
    x: float
    y: float
    width: float
    middle: float
    text: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """One number under the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class BarPlot:
    """One plot of `width` x `height` SVG units."""

    title: str
    unit: str
    width: float
    height: float
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    axis_y: float
    summary: str
    """The same in words, for who cannot see it."""


def bar_plot(title: str, unit: str, series: Sequence[Series], digits: int = 1) -> BarPlot:
    """Lay out one bar a series, in their order. Values are at least 0; `series` is not empty."""
    highest = max(max((value for _, value in one.seeds), default=0.0) for one in series)
    highest = max(highest, max(one.value for one in series))
    step = _tick_step(highest)
    top = max(step, math.ceil(highest / step - 1e-9) * step)
    room = WIDTH - LABEL_WIDTH - VALUE_WIDTH

    def x_of(value: float) -> float:
        return round(LABEL_WIDTH + room * value / top, 2)

    bars = []
    for index, one in enumerate(series):
        y = TOP + index * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2
        middle = y + BAR_HEIGHT / 2
        dots = tuple(
            Dot(x_of(value), middle, seed in one.locked, f"seed {seed}: {value:.{digits}f} {unit}")
            for seed, value in one.seeds
        )
        text = f"{one.value:.{digits}f}"
        bars.append(
            Bar(
                one.label,
                one.kind,
                LABEL_WIDTH,
                y,
                round(x_of(one.value) - LABEL_WIDTH, 2),
                middle,
                text,
                dots,
            )
        )
    axis_y = TOP + len(series) * ROW_HEIGHT + 2
    ticks = tuple(Tick(x_of(n * step), _short(n * step)) for n in range(round(top / step) + 1))
    summary = "; ".join(f"{bar.label} {bar.text}" for bar in bars)
    return BarPlot(title, unit, WIDTH, axis_y + AXIS_HEIGHT, tuple(bars), ticks, axis_y, summary)


def _tick_step(highest: float) -> float:
    """1, 2 or 5 times a power of ten, so that there are three to six ticks."""
    if highest <= 0:
        return 1.0
    raw = highest / 4
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= raw * 0.999)


def _short(value: float) -> str:
    return f"{value:.6g}"
