"""The time-space diagram of a chain of junctions: its greens as bands over time, and who could drive through.

One row of bands a junction, placed by its distance along the chain; time runs to the right. Between the
rows lines of one speed leave the beginning and the end of each green: where a line meets the next band, a
platoon passes without a stop. Pure functions; times are milliseconds from now (negative = ago).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from override.details import Detail
from override.layouts import JunctionLayout
from tui.braille import DOTS_ACROSS, DOTS_DOWN, Window, draw, lines_of

SPEED_M_PER_S = 13.9
"""50 km/h: what a platoon drives by where nobody says another speed."""
CHAIN_STEP_MAX_M = 900.0
"""Junctions farther apart have nothing to do with each other: platoons have dispersed by then."""
CHAIN_CONE_DEG = 35.0
CHAIN_MAX = 12
GREEN, WAS_NOT, UNKNOWN = "█", "─", " "
PLAIN_GREEN, PLAIN_WAS_NOT = "#", "-"
PLANNED, PLAIN_PLANNED = "▒", "="
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Band:
    """One junction of the chain."""

    title: str
    along_m: float
    """From the first junction of the chain."""
    shown: tuple[Span, ...]
    """Greens as they were, (from_ms, to_ms), oldest first, to_ms <= 0."""
    planned: tuple[Span, ...] = ()
    """Greens as they are foreseen."""
    known_from_ms: int = 0
    """What was before nobody knows here."""
    known_to_ms: int = 0


@dataclass(frozen=True, slots=True)
class TimeSpace:
    """The diagram row by row; `band[row]` is the junction whose band it is, -1 = between two."""

    text: tuple[str, ...]
    band: tuple[int, ...]


def chain_through(
    junctions: Sequence[JunctionLayout], start: str, heading_deg: float = 90.0, most: int = CHAIN_MAX
) -> list[JunctionLayout]:
    """Junctions in line with `start`, along a compass heading and against it, in the order of the heading.

    Each is the nearest within a cone ahead of the one before; empty when there is no junction `start`.
    """
    by_name = {junction.name: junction for junction in junctions}
    if start not in by_name:
        return []
    places = np.array([(junction.x_m, junction.y_m) for junction in junctions], np.float64)
    chain = [by_name[start]]
    ahead = behind = True
    while len(chain) < most and (ahead or behind):
        if ahead and (found := _next(junctions, places, chain[-1], heading_deg, chain)):
            chain.append(found)
        else:
            ahead = False
        if len(chain) == most:
            break
        if behind and (found := _next(junctions, places, chain[0], heading_deg + 180.0, chain)):
            chain.insert(0, found)
        else:
            behind = False
    return chain


def upstream_chain(
    layouts: Mapping[str, JunctionLayout], start: str, group: str = "", most: int = CHAIN_MAX
) -> list[tuple[JunctionLayout, str]]:
    """(junction, group) along the way vehicles take to a group of `start` and from there on, first to last.

    Follows `GroupLayout.upstream` backward, and forward the group that is fed from here and turns least.
    Empty where nothing is known of upstream junctions.
    """
    here = layouts.get(start)
    fed = [g for g in here.groups if g.upstream in layouts] if here else []
    first = next((g for g in fed if g.name == group), fed[0] if fed and not group else None)
    if here is None or first is None:
        return []
    chain = [(here, first.name)]
    names = {start}
    at, via = here, first.upstream
    while via in layouts and via not in names and len(chain) < most:
        before = layouts[via]
        heading = heading_of(before, at)
        names.add(via)
        found = _least_turn(layouts, before, heading)
        chain.insert(0, (before, found[0]))
        at, via = before, found[1]
    ahead = _ahead(layouts, chain, names)
    while ahead is not None and len(chain) < most:
        chain.append(ahead)
        names.add(ahead[0].name)
        ahead = _ahead(layouts, chain, names)
    return chain


def _least_turn(
    layouts: Mapping[str, JunctionLayout], at: JunctionLayout, heading_deg: float
) -> tuple[str, str]:
    """(group, its upstream) of the vehicle group whose way into this junction turns least to go on there."""
    fed = [g for g in at.groups if g.upstream in layouts and g.kind != "pedestrian"]
    cost = {g.name: _turn(heading_of(layouts[g.upstream], at), heading_deg) for g in fed}
    best = min(fed, key=lambda g: (round(cost[g.name]), at.groups.index(g)), default=None)
    if best is not None and cost[best.name] <= 90.0:
        return best.name, best.upstream
    return "", ""


def _ahead(
    layouts: Mapping[str, JunctionLayout], chain: list[tuple[JunctionLayout, str]], names: set[str]
) -> tuple[JunctionLayout, str] | None:
    """The junction straight ahead that is fed from the last of the chain, and its group."""
    last = chain[-1][0]
    group = next((g for g in last.groups if g.name == chain[-1][1]), None)
    source = layouts.get(group.upstream) if group else None
    fed = [
        (one, g)
        for one in layouts.values()
        if one.name not in names
        for g in one.groups
        if g.upstream == last.name and g.kind != "pedestrian"
    ]
    if not fed:
        return None
    came = heading_of(source, last) if source else heading_of(last, fed[0][0])
    one, g = min(fed, key=lambda pair: (round(_turn(came, heading_of(last, pair[0]))), pair[0].name))
    return (one, g.name) if _turn(came, heading_of(last, one)) <= 90.0 else None


def _turn(a_deg: float, b_deg: float) -> float:
    """Degrees between two headings, 0 to 180."""
    return abs((b_deg - a_deg + 180.0) % 360.0 - 180.0)


def _next(
    junctions: Sequence[JunctionLayout],
    places: np.ndarray,
    at: JunctionLayout,
    heading_deg: float,
    taken: Sequence[JunctionLayout],
) -> JunctionLayout | None:
    east, north = places[:, 0] - at.x_m, places[:, 1] - at.y_m
    distance = np.hypot(east, north)
    turn = (np.degrees(np.arctan2(east, north)) - heading_deg + 180.0) % 360.0 - 180.0
    names = {junction.name for junction in taken}
    fits = (distance > 0) & (distance <= CHAIN_STEP_MAX_M) & (np.abs(turn) <= CHAIN_CONE_DEG)
    fits &= np.array([junction.name not in names for junction in junctions])
    if not fits.any():
        return None
    # The nearest; a little aside counts as a little farther.
    cost = np.where(fits, distance * (1 + np.abs(turn) / CHAIN_CONE_DEG), np.inf)
    return junctions[int(cost.argmin())]


def heading_of(a: JunctionLayout, b: JunctionLayout) -> float:
    """Compass heading from one junction to another, in degrees."""
    return math.degrees(math.atan2(b.x_m - a.x_m, b.y_m - a.y_m)) % 360.0


def distances_m(chain: Sequence[JunctionLayout]) -> list[float]:
    """Along the chain, from its first junction, as the crow flies from one to the next."""
    out = [0.0]
    for a, b in pairwise(chain):
        out.append(out[-1] + math.hypot(b.x_m - a.x_m, b.y_m - a.y_m))
    return out[: len(chain)]


def greens_of(
    detail: Detail, layout: JunctionLayout, group: str
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """(shown, planned) greens of a group: the spans of its stages, joined where they meet."""
    number = next((k for k, one in enumerate(layout.groups) if one.name == group), -1)
    stages = {k for k, stage in enumerate(layout.stages) if number in stage.groups}
    shown = [(s.from_ms, min(0, s.from_ms + s.for_ms)) for s in detail.shown if s.stage in stages]
    planned = [(max(0, s.from_ms), s.from_ms + s.for_ms) for s in detail.planned if s.stage in stages]
    return joined(shown), joined(planned)


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """In order, without the empty ones, those that touch made one."""
    out: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return tuple(out)


def band_of(layout: JunctionLayout, along_m: float, group: str, details: Mapping[str, Detail]) -> Band:
    """The band of a junction from what has been told of it; an empty one where nothing has."""
    detail = details.get(layout.name)
    if detail is None or detail.stages or not group:  # of stages we do not know nobody knows whom they serve
        return Band(layout.title, along_m, ())
    shown, planned = greens_of(detail, layout, group)
    first = min((span.from_ms for span in detail.shown), default=0)
    last = max((span.from_ms + span.for_ms for span in detail.planned), default=0)
    return Band(layout.title, along_m, shown, planned, min(0, first), max(0, last))


def main_group(layout: JunctionLayout, details: Mapping[str, Detail]) -> str:
    """Whom to draw where nobody chose: the vehicle group with the most green lately; empty = none."""
    groups = [group for group in layout.groups if group.kind == "vehicle"]
    detail = details.get(layout.name)
    if detail is None:
        return groups[0].name if groups else ""

    def green_ms(name: str) -> int:
        return sum(end - start for spans in greens_of(detail, layout, name) for start, end in spans)

    return max((group.name for group in groups), key=green_ms, default="")


def rows_of(bands: Sequence[Band], height: int) -> list[int]:
    """The row of each band: by distance, at least one row apart, the first in the first row."""
    count = len(bands)
    if not count:
        return []
    if count >= height:
        return list(range(count))
    whole_m = max(1.0, bands[-1].along_m - bands[0].along_m)
    rows = [round((band.along_m - bands[0].along_m) / whole_m * (height - 1)) for band in bands]
    for k in range(1, count):
        rows[k] = max(rows[k], rows[k - 1] + 1)
    for k in range(count - 1, -1, -1):
        rows[k] = min(rows[k], height - count + k)
    return rows


def diagram(
    bands: Sequence[Band],
    columns: int,
    height: int,
    from_ms: int = -120_000,
    to_ms: int = 60_000,
    speed_m_per_s: float = SPEED_M_PER_S,
    plain: bool = False,
) -> TimeSpace:
    """Draw it, the first junction at the bottom as the field does; too many bands are cut off."""
    if not bands or columns < 8 or height < 1:
        return TimeSpace(tuple(" " * max(0, columns) for _ in range(max(0, height))), (-1,) * max(0, height))
    bands = bands[:height]
    at = rows_of(bands, height)
    cells = _paths(bands, at, columns, height, from_ms, to_ms, speed_m_per_s, plain)
    whose = [-1] * height
    now = min(columns - 1, max(0, int(-from_ms / (to_ms - from_ms) * columns)))
    for row in range(height):
        if cells[row][now] == " ":
            cells[row][now] = "|" if plain else "┊"
    for k, band in enumerate(bands):
        row = height - 1 - at[k]
        whose[row] = k
        cells[row] = _band_cells(band, columns, from_ms, to_ms, plain)
    return TimeSpace(tuple("".join(row) for row in cells), tuple(whose))


def _band_cells(band: Band, columns: int, from_ms: int, to_ms: int, plain: bool) -> list[str]:
    """A cell is green when the middle of its time is."""
    green, was_not = (PLAIN_GREEN, PLAIN_WAS_NOT) if plain else (GREEN, WAS_NOT)
    planned = PLAIN_PLANNED if plain else PLANNED
    out = []
    for column in range(columns):
        ms = from_ms + (column + 0.5) / columns * (to_ms - from_ms)
        if not band.known_from_ms <= ms < band.known_to_ms:
            out.append(UNKNOWN)
        elif any(start <= ms < end for start, end in band.shown):
            out.append(green)
        elif any(start <= ms < end for start, end in band.planned):
            out.append(planned)
        else:
            out.append(was_not)
    return out


def _paths(
    bands: Sequence[Band],
    at: Sequence[int],
    columns: int,
    height: int,
    from_ms: int,
    to_ms: int,
    speed_m_per_s: float,
    plain: bool,
) -> list[list[str]]:
    """Lines of one speed from each beginning and end of green to the next junction, between the bands."""
    dots_a_ms = columns * DOTS_ACROSS / (to_ms - from_ms)
    lines: list[list[float]] = []
    for k in range(len(bands) - 1):
        run_ms = 1000 * (bands[k + 1].along_m - bands[k].along_m) / speed_m_per_s
        low = (at[k] + 1) * DOTS_DOWN
        high = at[k + 1] * DOTS_DOWN
        if high - low < DOTS_DOWN:
            continue  # no row between them
        part = (at[k + 1] - at[k]) * DOTS_DOWN
        for ms in {edge for span in joined([*bands[k].shown, *bands[k].planned]) for edge in span}:
            begin = (ms - from_ms) * dots_a_ms
            slope = run_ms * dots_a_ms / part
            lines.append(
                [begin + slope * DOTS_DOWN / 2, low, begin + slope * (part - DOTS_DOWN / 2), high - 0.01]
            )
    window = Window(columns, height * DOTS_DOWN / 2, 1.0, columns, height)
    return [list(row) for row in draw(lines_of(lines), window, plain).characters]


def axis(columns: int, from_ms: int, to_ms: int, plain: bool = False) -> str:
    """The time below: minutes from now, `now` where it is."""
    out = [" "] * columns
    step = 30_000 if columns / ((to_ms - from_ms) / 30_000) >= 8 else 60_000
    for ms in range(-(-from_ms // step) * step, to_ms + 1, step):
        column = round((ms - from_ms) / (to_ms - from_ms) * columns)
        text = "now" if ms == 0 else f"{ms / 60_000:+g}min" if step == 60_000 else f"{ms // 1000:+}s"
        begin = min(columns - len(text), max(0, column - len(text) // 2))
        if all(c == " " for c in out[max(0, begin - 1) : begin + len(text) + 1]):
            out[begin : begin + len(text)] = text
    return "".join(out) if plain else "".join(out).replace("-", "−")
