"""A street map as plain SVG numbers: streets coloured and thickened by what people lose on them.

Classes carry the meaning twice, by darkness and by width, so that the map reads without colour and
on paper. Streets of one class are one path, which keeps the file small for large cities.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.file_words import why_not
from sim.city.measuring.run_files import MAP_FILE, ResultError

WIDTH = 640.0
HEIGHT_MAX = 640.0
MARGIN = 16.0
SIDE = 1.6
"""How far the two directions of a street are drawn apart, each, on its right-hand side."""
FEW_EDGES = 400
LETTER_WIDTH, LABEL_HEIGHT = 7.5, 32.0
LOSS_CLASSES_S = (2.0, 5.0, 10.0, 20.0, 40.0)
"""Seconds a person who used the street; below the first, between them, above the last."""
CHANGE_CLASSES_S = (-20.0, -5.0, -1.0, 1.0, 5.0, 20.0)
"""Seconds a person, B less A."""


@dataclass(frozen=True, slots=True)
class Layer:
    """All streets of one class."""

    kind: str
    """`c0`, `c1`, ... or `none` for streets nobody used: how they are drawn."""
    width: float
    path: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A text at a place, or a dot where the text is empty."""

    x: float
    y: float
    text: str
    kind: str = ""
    title: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """One map of `width` x `height` SVG units."""

    width: float
    height: float
    layers: tuple[Layer, ...]
    dots: tuple[Mark, ...]
    """Crossings."""
    labels: tuple[Mark, ...]
    """Districts; `note` is a second line."""
    pins: tuple[Mark, ...]
    """Numbered places."""
    summary: str
    dot_r: float
    """Radius of a crossing's dot."""


@dataclass(frozen=True, slots=True)
class StreetMap:
    """Streets to draw; the order of edges and crossings is that of the tables."""

    districts: tuple[str, ...]
    edge_names: tuple[str, ...]
    edge_district: NDArray[np.int64]
    edge_lanes: NDArray[np.int64]
    edge_shapes: tuple[NDArray[np.float64], ...]
    """(points, 2) metres each."""
    crossing_district: NDArray[np.int64]
    crossing_at: NDArray[np.float64]
    """(K, 2) metres."""
    junction_titles: tuple[str, ...]
    junction_at: NDArray[np.float64]


def read_map(folder: Path) -> StreetMap:
    """The map beside an experiment. Raises ResultError."""
    path = folder / MAP_FILE
    try:
        data: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return StreetMap(
            districts=tuple(data["districts"]),
            edge_names=tuple(edge["name"] for edge in data["edges"]),
            edge_district=np.array([edge["district"] for edge in data["edges"]], np.int64),
            edge_lanes=np.array([edge["lanes"] for edge in data["edges"]], np.int64),
            edge_shapes=tuple(np.array(edge["shape"], float).reshape(-1, 2) for edge in data["edges"]),
            crossing_district=np.array([one["district"] for one in data["crossings"]], np.int64),
            crossing_at=np.array([one["at"] for one in data["crossings"]], float).reshape(-1, 2),
            junction_titles=tuple(one["title"] for one in data["junctions"]),
            junction_at=np.array([one["at"] for one in data["junctions"]], float).reshape(-1, 2),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(f"{path}: no map of ours ({why_not(error)})") from error


class Projection:
    """Metres to SVG units: north up, the same scale both ways."""

    def __init__(self, street_map: StreetMap) -> None:
        shapes = [shape for shape in street_map.edge_shapes if len(shape)]
        points = np.concatenate(shapes) if shapes else np.zeros((1, 2))
        self._low, high = points.min(axis=0), points.max(axis=0)
        extent = np.maximum(high - self._low, 1.0)
        room_y = HEIGHT_MAX - 2 * MARGIN
        self._scale = min((WIDTH - 2 * MARGIN) / extent[0], room_y / extent[1])
        self._left = (WIDTH - extent[0] * self._scale) / 2
        self.height = float(extent[1] * self._scale + 2 * MARGIN)

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, 2) metres to (n, 2) SVG units."""
        at = (points - self._low) * self._scale
        return np.column_stack([self._left + at[:, 0], self.height - MARGIN - at[:, 1]])


def classes_of(values: NDArray[np.float64], limits: Sequence[float]) -> NDArray[np.int64]:
    """Class of each value: how many limits it has reached; -1 where it is not a number."""
    found = np.searchsorted(np.array(limits), values, side="right").astype(np.int64)
    return np.where(np.isnan(values), -1, found)


def draw(
    street_map: StreetMap,
    edge_s: NDArray[np.float64],
    crossing_s: NDArray[np.float64],
    limits: Sequence[float],
    district_notes: Mapping[str, str],
    places: Sequence[tuple[float, float, str]] = (),
    summary: str = "",
) -> Picture:
    """Lay out one map. `edge_s` (E) and `crossing_s` (K) are seconds a person, NaN where nobody was.

    `district_notes` is written under each district's name; `places` are (x, y in metres, title), numbered.
    """
    project = Projection(street_map)
    middle = len(limits) / 2
    diverging = limits[0] < 0
    edge_class = classes_of(edge_s, limits)
    layers = []
    strength = {c: abs(c - middle) if diverging else float(c) for c in range(-1, len(limits) + 1)}
    for c in sorted(range(-1, len(limits) + 1), key=lambda c: -9.0 if c < 0 else strength[c]):
        rows = np.flatnonzero(edge_class == c)
        if len(rows):
            path = "".join(_path(project(street_map.edge_shapes[e])) for e in rows)
            weight = 0.8 if c < 0 else 1.4 + 0.7 * strength[c]
            layers.append(Layer("none" if c < 0 else f"c{c}", _thin(weight, len(edge_s)), path))
    return Picture(
        width=WIDTH,
        height=round(project.height, 1),
        layers=tuple(layers),
        dots=tuple(_dots(street_map, project, crossing_s, limits)),
        labels=tuple(_labels(street_map, project, district_notes)),
        pins=tuple(_pins(project, places)),
        summary=summary,
        dot_r=_thin(3.2, len(edge_s)),
    )


def _thin(width: float, edges: int) -> float:
    """Lines of a large city are thinner."""
    return round(width * min(1.0, max(0.25, math.sqrt(FEW_EDGES / max(1, edges)))), 2)


def _path(points: NDArray[np.float64]) -> str:
    """One polyline, moved to its right-hand side so that the other direction has room."""
    if len(points) < 2:
        return ""
    step = np.diff(points, axis=0)
    length = np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)
    # y grows downwards on the screen, so right of (dx, dy) is (-dy, dx).
    normal = np.column_stack([-step[:, 1], step[:, 0]]) / length[:, None]
    at_point = np.vstack([normal[:1], (normal[1:] + normal[:-1]) / 2, normal[-1:]])
    moved = points + SIDE * at_point
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in moved)


def _dots(
    street_map: StreetMap,
    project: Projection,
    crossing_s: NDArray[np.float64],
    limits: Sequence[float],
) -> list[Mark]:
    """Crossings of one place lie over each other: one dot a place, the mean of those that are used."""
    if not len(street_map.crossing_at):
        return []
    places, member = np.unique(street_map.crossing_at, axis=0, return_inverse=True)
    used = ~np.isnan(crossing_s)
    member = member.reshape(-1)[used]
    count = np.bincount(member, minlength=len(places))
    mean_s = np.bincount(member, weights=crossing_s[used], minlength=len(places)) / np.maximum(count, 1)
    at = project(places)
    shown = classes_of(mean_s, limits)
    return [
        Mark(round(float(at[k, 0]), 1), round(float(at[k, 1]), 1), "", f"c{shown[k]}", f"{mean_s[k]:.0f} s")
        for k in np.flatnonzero(count > 0)
    ]


def _labels(street_map: StreetMap, project: Projection, notes: Mapping[str, str]) -> list[Mark]:
    """A district's name in its middle, moved down until it covers no other."""
    if len(street_map.districts) < 2:
        return []
    found = []
    for d, name in enumerate(street_map.districts):
        own = [s for s, of in zip(street_map.edge_shapes, street_map.edge_district, strict=True) if of == d]
        if own:
            x, y = project(np.concatenate(own).mean(axis=0, keepdims=True))[0]
            found.append((float(y), float(x), name))
    placed: list[Mark] = []
    for y, x, name in sorted(found):
        note = notes.get(name, "")
        half = LETTER_WIDTH * max(len(name), len(note)) / 2
        for other in placed:
            room = half + LETTER_WIDTH * max(len(other.text), len(other.note)) / 2
            if abs(other.x - x) < room and y - other.y < LABEL_HEIGHT:
                y = other.y + LABEL_HEIGHT
        placed.append(Mark(round(x, 1), round(y, 1), name, note=note))
    return placed


def _pins(project: Projection, places: Sequence[tuple[float, float, str]]) -> list[Mark]:
    if not places:
        return []
    at = project(np.array([(x, y) for x, y, _ in places]))
    return [
        Mark(round(float(at[k, 0]), 1), round(float(at[k, 1]), 1), str(k + 1), title=place[2])
        for k, place in enumerate(places)
    ]
