"""Small plots drawn in characters: sparklines, bars, and lines over time with axes.

Pure functions: numbers in, lines of text out, each exactly as wide as asked. `nan` is a gap, never a zero.
Where `plain`, only ASCII is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tui.braille import DOTS_DOWN, Window, draw, lines_of

BLOCKS = " ▁▂▃▄▅▆▇█"
PLAIN_BLOCKS = " .:-=+*#@"
"""From least to most ink, nine of them as the blocks."""
EIGHTHS = " ▏▎▍▌▋▊▉█"
MARKS = "ox+*"
"""Of the lines of a plot where they cannot be told apart by colour."""


def sparkline(values: Sequence[float], width: int, top: float | None = None, plain: bool = False) -> str:
    """The latest values in one row, each cell the largest of its share; `top` = what fills a cell.

    A gap is a space; nothing is the lowest block, so that a dead line is told from no line.
    """
    if width <= 0:
        return ""
    blocks = PLAIN_BLOCKS if plain else BLOCKS
    cells = _shares(values, width)
    known = [value for value in cells if not math.isnan(value)]
    most = top if top is not None else max(known, default=0.0)
    out = []
    for value in cells:
        if math.isnan(value):
            out.append(" ")
            continue
        level = math.ceil((len(blocks) - 1) * min(1.0, max(0.0, value) / most)) if most > 0 else 0
        out.append(blocks[max(1, level)])
    return "".join(out).rjust(width)


def _shares(values: Sequence[float], width: int) -> list[float]:
    """At most `width` values: the largest of each share, so that no peak is lost."""
    if len(values) <= width:
        return [float(value) for value in values]
    edges = [k * len(values) // width for k in range(width + 1)]
    out = []
    for low, high in pairwise(edges):
        known = [float(value) for value in values[low:high] if not math.isnan(value)]
        out.append(max(known, default=math.nan))
    return out


def bar(value: float, top: float, width: int, plain: bool = False) -> str:
    """One bar, to an eighth of a cell; what goes beyond the top ends in an arrow."""
    if math.isnan(value) or top <= 0 or width <= 0:
        return " " * max(0, width)
    if value > top:
        return ("#" if plain else "█") * (width - 1) + (">" if plain else "▶")
    eighths = round(8 * width * max(0.0, value) / top)
    if value > 0:
        eighths = max(1, eighths)
    whole, rest = divmod(eighths, 8)
    if plain:
        return ("#" * whole + ("=" if rest else "")).ljust(width)
    return ("█" * whole + (EIGHTHS[rest] if rest else "")).ljust(width)


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a chart of bars."""

    label: str
    value: float
    text: str
    """The value as it is to be read."""


def bars(rows: Sequence[Bar], width: int, top: float | None = None, plain: bool = False) -> list[str]:
    """Labels, bars and values, in columns; `top` = what fills the longest bar."""
    if not rows:
        return []
    known = [row.value for row in rows if not math.isnan(row.value)]
    most = top if top is not None else max(known, default=0.0)
    text = max(len(row.text) for row in rows)
    label = min(max(len(row.label) for row in rows), max(4, width - text - 6))
    room = max(0, width - label - text - 2)
    return [
        f"{row.label[:label]:<{label}} {bar(row.value, most, room, plain)} {row.text:>{text}}"[:width]
        for row in rows
    ]


def nice_top(most: float) -> float:
    """The next of 1, 2, 5 times a power of ten: a scale that people can read; 1 for nothing."""
    if most <= 0 or math.isnan(most):
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if most <= step * power * (1 + 1e-9))


def number(value: float) -> str:
    """At most four characters, as at an axis."""
    if math.isnan(value):
        return "-"
    if abs(value) >= 10_000:
        return f"{value / 1000:.0f}k"
    if abs(value) >= 1000:
        return f"{value / 1000:.1f}k"
    return f"{value:.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.1f}"


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, row by row, and which line each cell belongs to (-1 = none), for colours."""

    text: tuple[str, ...]
    owner: tuple[tuple[int, ...], ...]


def plot(
    series: Sequence[Sequence[float]],
    width: int,
    height: int,
    unit: str = "",
    since: str = "",
    limit: float | None = None,
    plain: bool = False,
) -> Plot:
    """Lines over the same times, oldest left, with axes: `height` rows of which the last is the time's.

    `unit` stands beside the upright axis, `since` at the left end of the time's ("15 min ago"), `limit`
    is drawn as a dashed line (a promise). Too little room for axes gives the plot without them.
    """
    known = [v for line in series for v in line if not math.isnan(v)]
    top = nice_top(max([*known, *([limit] if limit is not None else [])], default=0.0))
    gutter = max(len(number(top)), len(unit), 1) + 1
    rows, columns = height - 1, width - gutter - 1
    if rows < 2 or columns < 4:
        return Plot(tuple(" " * width for _ in range(height)), tuple((-1,) * width for _ in range(height)))
    cells, owner = _lines(series, columns, rows, top, plain)
    if limit is not None and top > 0:
        _dash(cells, owner, rows - 1 - min(rows - 1, int(limit / top * rows)), plain)
    wall, foot, corner = ("|", "-", "+") if plain else ("│", "─", "└")
    out, owners = [], []
    for row in range(rows):
        label = number(top) if row == 0 else unit if row == 1 else "0" if row == rows - 1 else ""
        out.append(f"{label:>{gutter - 1}} {wall}" + "".join(cells[row]))
        owners.append((-1,) * (gutter + 1) + tuple(owner[row]))
    now = "now"
    dashes = foot * max(0, columns - len(since) - len(now))
    out.append((" " * gutter + corner + since + dashes + now)[:width].ljust(width))
    owners.append((-1,) * width)
    return Plot(tuple(out), tuple(owners))


def _lines(
    series: Sequence[Sequence[float]], columns: int, rows: int, top: float, plain: bool
) -> tuple[list[list[str]], list[list[int]]]:
    """Cells of the lines and whose they are; the place of a value is its share of the row."""
    if plain:
        return _marks(series, columns, rows, top)
    # A window of one unit a dot, so that the drawing of streets draws these lines too.
    window = Window(columns, rows * DOTS_DOWN / 2, 1.0, columns, rows)
    pieces: list[list[float]] = []
    whose: list[int] = []
    for k, line in enumerate(series):
        last = max(1, len(line) - 1)
        run: list[float] = []
        for i, value in enumerate([*line, math.nan]):
            if not math.isnan(value):
                high = min(1.0, max(0.0, value / top)) * (rows * DOTS_DOWN - 1) + 0.5
                run += [i / last * (2 * columns - 1) + 0.5, high]
                continue
            if run:
                pieces.append(run if len(run) > 2 else run * 2)
                whose.append(k)
            run = []
    drawing = draw(lines_of(pieces), window)
    of = np.array([*whose, -1])[drawing.owner]
    return [list(row) for row in drawing.characters], [[int(k) for k in row] for row in of]


def _marks(
    series: Sequence[Sequence[float]], columns: int, rows: int, top: float
) -> tuple[list[list[str]], list[list[int]]]:
    cells = [[" "] * columns for _ in range(rows)]
    owner = [[-1] * columns for _ in range(rows)]
    for k, line in enumerate(series):
        shares = _shares(line, columns)
        for i, value in enumerate(shares):
            if math.isnan(value):
                continue
            column = i if len(shares) == columns else i * (columns - 1) // max(1, len(shares) - 1)
            row = rows - 1 - min(rows - 1, int(min(1.0, max(0.0, value / top)) * rows))
            cells[row][column], owner[row][column] = MARKS[k % len(MARKS)], k
    return cells, owner


def _dash(cells: list[list[str]], owner: list[list[int]], row: int, plain: bool) -> None:
    """A dashed line where nothing else is."""
    for column in range(0, len(cells[row]), 2):
        if cells[row][column] == " ":
            cells[row][column] = "-" if plain else "╌"
            owner[row][column] = -1
