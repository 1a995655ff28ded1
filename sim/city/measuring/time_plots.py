"""Lines over the minutes of a run and bars to both sides of zero, as plain SVG numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.plots import Tick, _short, _tick_step

WIDTH, HEIGHT = 420.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 10.0, 8.0, 30.0
LABEL_WIDTH, NUMBER_WIDTH, ROW_HEIGHT, BAR_HEIGHT = 150.0, 150.0, 21.0, 12.0
SIDES_WIDTH = 640.0


@dataclass(frozen=True, slots=True)
class Line:
    """One controller's line; `kind` is how it is drawn."""

    label: str
    kind: str
    points: str


@dataclass(frozen=True, slots=True)
class LinePlot:
    """One plot of `width` x `height` SVG units."""

    title: str
    unit: str
    width: float
    height: float
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    """`x` is where the line lies, from above."""
    summary: str


def line_plot(
    title: str, unit: str, series: Sequence[tuple[str, NDArray[np.float64]]], begin_minute: int = 0
) -> LinePlot:
    """One line a series of (label, value by minute), all of the same length, values at least 0."""
    minutes = len(series[0][1])
    highest = max(float(values.max(initial=0.0)) for _, values in series)
    step = _tick_step(highest)
    top = max(step, float(np.ceil(highest / step - 1e-9)) * step)
    room_x, room_y = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x_of(minute: float) -> float:
        return round(LEFT + room_x * minute / max(1, minutes), 1)

    def y_of(value: float) -> float:
        return round(TOP + room_y * (1 - value / top), 1)

    lines = tuple(
        Line(label, f"l{k % 5}", " ".join(f"{x_of(m + 0.5)},{y_of(float(v))}" for m, v in enumerate(values)))
        for k, (label, values) in enumerate(series)
    )
    every = next(n for n in (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 10**9) if minutes / n <= 7)
    first = -(-begin_minute // every) * every
    x_ticks = tuple(
        Tick(x_of(m - begin_minute), f"{m // 60 % 24:02d}:{m % 60:02d}")
        for m in range(first, begin_minute + minutes + 1, every)
    )
    y_ticks = tuple(Tick(y_of(n * step), _short(n * step)) for n in range(round(top / step) + 1))
    summary = "; ".join(f"{label} {float(values.mean()):.1f} on average" for label, values in series)
    return LinePlot(title, unit, WIDTH, HEIGHT, lines, x_ticks, y_ticks, summary)


@dataclass(frozen=True, slots=True)
class SideBar:
    """One row: a bar to the left (less) or to the right (more) of zero."""

    label: str
    kind: str
    x: float
    width: float
    middle: float
    text: str
    dots: tuple[float, ...]
    """Where each run lies."""


@dataclass(frozen=True, slots=True)
class SidePlot:
    """Bars to both sides of zero."""

    width: float
    height: float
    zero_x: float
    bars: tuple[SideBar, ...]
    ticks: tuple[Tick, ...]
    axis_y: float
    summary: str


def side_plot(rows: Sequence[tuple[str, str, float, str, Sequence[float]]], unit: str) -> SidePlot:
    """Lay out one bar a row of (label, kind, value, text, value of each run); `rows` is not empty."""
    reach = max(max((abs(v) for v in runs), default=0.0) for *_, runs in rows)
    reach = max(reach, max(abs(value) for _, _, value, _, _ in rows))
    step = _tick_step(2 * reach)
    ends = max(1, round(np.ceil(reach / step - 1e-9))) * step
    room = SIDES_WIDTH - LABEL_WIDTH - NUMBER_WIDTH

    def x_of(value: float) -> float:
        return round(LABEL_WIDTH + room * (value + ends) / (2 * ends), 1)

    bars = []
    for k, (label, kind, value, text, runs) in enumerate(rows):
        left, right = sorted((x_of(0.0), x_of(value)))
        middle = TOP + (k + 0.5) * ROW_HEIGHT
        dots = tuple(x_of(v) for v in runs)
        bars.append(SideBar(label, kind, left, round(right - left, 1), middle, text, dots))
    axis_y = TOP + len(rows) * ROW_HEIGHT + 3
    half = round(ends / step)
    ticks = tuple(Tick(x_of(n * step), f"{n * step:+g}" if n else "0") for n in range(-half, half + 1))
    summary = "; ".join(f"{label} {value:+.1f} {unit}" for label, _, value, _, _ in rows)
    return SidePlot(SIDES_WIDTH, axis_y + 20, x_of(0.0), tuple(bars), ticks, axis_y, summary)
