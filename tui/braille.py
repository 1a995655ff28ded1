"""A map drawn in characters: streets as fine lines of braille dots, or as plain strokes of ASCII.

Pure functions over arrays; no widget, no clock. A cell of braille is two dots wide and four high, and a
terminal's cell is about twice as high as wide, so a dot is as far across as down: one scale serves both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

DOTS_ACROSS, DOTS_DOWN = 2, 4
"""Of a cell."""
BRAILLE_BLANK = 0x2800
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.int64)
"""Of the dot at [row, column] of a cell (Unicode, block Braille Patterns)."""
_STROKES = np.array(list(" -/|\\+"))
_ACROSS, _RISING, _UPRIGHT, _FALLING, _CROSSING = 1, 2, 3, 4, 5
METRES_A_DOT = (0.05, 2_000.0)
"""Nearer and farther nobody needs."""
DOTS_MAX = 4_000_000
"""A drawing of more dots is thinned: a bound on what any layout can make us do."""

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of the world is seen: its middle, so many metres a dot, on so many cells. North is up."""

    middle_x_m: float
    middle_y_m: float
    metres_a_dot: float
    columns: int
    rows: int

    def zoomed(self, factor: float, column: float | None = None, row: float | None = None) -> Window:
        """Nearer (factor > 1) or farther, keeping the place under a cell where it is."""
        if column is None or row is None:
            column, row = self.columns / 2 - 0.5, self.rows / 2 - 0.5
        x_m, y_m = self.place(column, row)
        low, high = METRES_A_DOT
        scale = min(high, max(low, self.metres_a_dot / factor)) / self.metres_a_dot
        return replace(
            self,
            middle_x_m=x_m + (self.middle_x_m - x_m) * scale,
            middle_y_m=y_m + (self.middle_y_m - y_m) * scale,
            metres_a_dot=self.metres_a_dot * scale,
        )

    def panned(self, columns: float, rows: float) -> Window:
        """Moved by cells, to the right and down."""
        return replace(
            self,
            middle_x_m=self.middle_x_m + columns * DOTS_ACROSS * self.metres_a_dot,
            middle_y_m=self.middle_y_m - rows * DOTS_DOWN * self.metres_a_dot,
        )

    def centred(self, x_m: float, y_m: float) -> Window:
        """With a place in the middle."""
        return replace(self, middle_x_m=x_m, middle_y_m=y_m)

    def resized(self, columns: int, rows: int) -> Window:
        """On another number of cells; the middle and the scale stay."""
        return replace(self, columns=columns, rows=rows)

    def dots(self, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
        """Dots to the right and down from the upper left corner; may lie outside."""
        across = (x_m - self.middle_x_m) / self.metres_a_dot + self.columns * DOTS_ACROSS / 2
        down = (self.middle_y_m - y_m) / self.metres_a_dot + self.rows * DOTS_DOWN / 2
        return across, down

    def cells(self, x_m: Floats, y_m: Floats) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
        """(column, row, whether it is in the window) of places."""
        across, down = self.dots(np.asarray(x_m, np.float64), np.asarray(y_m, np.float64))
        column = np.floor(across / DOTS_ACROSS).astype(np.int64)
        row = np.floor(down / DOTS_DOWN).astype(np.int64)
        inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        return column, row, inside

    def place(self, column: float, row: float) -> tuple[float, float]:
        """(x_m, y_m) of the middle of a cell."""
        across = (column + 0.5) * DOTS_ACROSS - self.columns * DOTS_ACROSS / 2
        down = (row + 0.5) * DOTS_DOWN - self.rows * DOTS_DOWN / 2
        return self.middle_x_m + across * self.metres_a_dot, self.middle_y_m - down * self.metres_a_dot


def fitting(x_m: Floats, y_m: Floats, columns: int, rows: int, margin: float = 0.06) -> Window:
    """The window that shows all these places, with some room around; any window where there are none."""
    if not len(x_m):
        return Window(0.0, 0.0, 10.0, columns, rows)
    x_m, y_m = np.asarray(x_m, np.float64), np.asarray(y_m, np.float64)
    west, east, south, north = x_m.min(), x_m.max(), y_m.min(), y_m.max()
    across = max(1.0, columns * DOTS_ACROSS * (1 - 2 * margin))
    down = max(1.0, rows * DOTS_DOWN * (1 - 2 * margin))
    low, high = METRES_A_DOT
    scale = max((east - west) / across, (north - south) / down, low)
    if scale == low:  # a single place: the streets around it are wanted, not its dust
        scale = 2.0
    return Window(
        float((west + east) / 2), float((south + north) / 2), float(min(high, scale)), columns, rows
    )


@dataclass(frozen=True, slots=True)
class Lines:
    """Straight pieces of lines, and whose each is. Made once for a layout, drawn many times."""

    ends_m: Floats
    """(pieces, 4) metres: x0, y0, x1, y1"""
    owner: Numbers
    """(pieces) number of the polyline"""


def lines_of(polylines: Sequence[Sequence[float]]) -> Lines:
    """Polylines as a layout has them: x0, y0, x1, y1, ... each."""
    pieces: list[Floats] = []
    owners: list[Numbers] = []
    for number, flat in enumerate(polylines):
        points = np.asarray(flat[: len(flat) // 2 * 2], np.float64).reshape(-1, 2)
        if len(points) > 1:
            pieces.append(np.hstack([points[:-1], points[1:]]))
            owners.append(np.full(len(points) - 1, number, np.int64))
    if not pieces:
        return Lines(np.zeros((0, 4)), np.zeros(0, np.int64))
    return Lines(np.vstack(pieces), np.concatenate(owners))


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is in each cell."""

    characters: NDArray[np.str_]
    """(rows, columns) one character"""
    owner: Numbers
    """(rows, columns) number of the polyline that crosses the cell, the highest of them; -1 = none"""

    def text(self) -> list[str]:
        """A string a row."""
        return ["".join(row) for row in self.characters]


def draw(lines: Lines, window: Window, plain: bool = False) -> Drawing:
    """Draw what of the lines is in the window: braille, or strokes of ASCII where `plain`."""
    across, down, piece, step = _dots_of(lines, window)
    high, wide = window.rows * DOTS_DOWN, window.columns * DOTS_ACROSS
    owner = np.full((window.rows, window.columns), -1, np.int64)
    row, column = down // DOTS_DOWN, across // DOTS_ACROSS
    np.maximum.at(owner, (row, column), lines.owner[piece])
    if plain:
        return Drawing(_strokes(row, column, step[piece], window), owner)
    lit = np.zeros((high, wide), bool)
    lit[down, across] = True
    cells = lit.reshape(window.rows, DOTS_DOWN, window.columns, DOTS_ACROSS)
    codes = (cells * _BITS[None, :, None, :]).sum((1, 3))
    characters = np.where(codes > 0, _characters(codes + BRAILLE_BLANK), " ")
    return Drawing(characters, owner)


def _characters(codes: Numbers) -> NDArray[np.str_]:
    return np.ascontiguousarray(codes.astype(np.uint32)).view("<U1").reshape(codes.shape)


def _dots_of(lines: Lines, window: Window) -> tuple[Numbers, Numbers, Numbers, Floats]:
    """(across, down, number of the piece) of each dot in the window; (pieces, 2) direction in dots."""
    x0, y0 = window.dots(lines.ends_m[:, 0], lines.ends_m[:, 1])
    x1, y1 = window.dots(lines.ends_m[:, 2], lines.ends_m[:, 3])
    wide, high = window.columns * DOTS_ACROSS, window.rows * DOTS_DOWN
    start, end = _clipped(x0, y0, x1 - x0, y1 - y0, wide, high)
    seen = np.flatnonzero(start <= end)
    step = np.stack([x1 - x0, y1 - y0], 1)
    begin_x, begin_y = x0[seen] + start[seen] * step[seen, 0], y0[seen] + start[seen] * step[seen, 1]
    run = (end - start)[seen, None] * step[seen]
    count = np.ceil(np.abs(run).max(1, initial=0.0)).astype(np.int64) + 1
    if count.sum() > DOTS_MAX:
        count = np.maximum(2, count * DOTS_MAX // count.sum())
    of = np.repeat(np.arange(len(seen)), count)
    within = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    part = within / np.maximum(1, count - 1)[of]
    across = np.clip(np.floor(begin_x[of] + part * run[of, 0]), 0, wide - 1).astype(np.int64)
    down = np.clip(np.floor(begin_y[of] + part * run[of, 1]), 0, high - 1).astype(np.int64)
    return across, down, seen[of], step


def _clipped(x: Floats, y: Floats, dx: Floats, dy: Floats, wide: int, high: int) -> tuple[Floats, Floats]:
    """The part of each piece in the window, from 0 to 1; start > end = none (Liang and Barsky 1984)."""
    start, end = np.zeros(len(x)), np.ones(len(x))
    for p, q in ((-dx, x), (dx, wide - x), (-dy, y), (dy, high - y)):
        with np.errstate(divide="ignore", invalid="ignore"):
            at = q / p
        start = np.where(p < 0, np.maximum(start, at), start)
        end = np.where(p > 0, np.minimum(end, at), end)
        end = np.where((p == 0) & (q < 0), -1.0, end)
    return start, end


def _strokes(row: Numbers, column: Numbers, step: Floats, window: Window) -> NDArray[np.str_]:
    """The stroke nearest to the direction of each line; where two meet, a plus."""
    # A cell is twice as high as wide: what falls at 45 degrees in dots does so on the screen.
    angle = np.degrees(np.arctan2(-step[:, 1], step[:, 0])) % 180.0
    kind = np.select([angle < 22.5, angle < 67.5, angle < 112.5, angle < 157.5], [1, 2, 3, 4], _ACROSS)
    seen = np.zeros((_CROSSING, window.rows, window.columns), bool)
    seen[kind, row, column] = True
    several = seen[1:].sum(0)
    only = seen.argmax(0)
    strokes = _STROKES[np.where(several > 1, _CROSSING, only)]
    return np.asarray(strokes)
