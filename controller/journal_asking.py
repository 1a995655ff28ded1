"""Who asks for a green, as a journal keeps it: buses and preempts told of in one reading.

A row with a value that nobody can have told is left out: the controller takes no notice of it either.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame

ROWS_MAX = 1 << 12
"""Of each kind, in one reading."""
_INT_MAX = (1 << 31) - 1
Column = tuple[str, np.dtype[Any], float, float]
"""Name in `Frame`, kind, lowest and highest."""
BUSES: tuple[Column, ...] = (
    ("bus_lane", np.dtype("<i4"), 0, _INT_MAX),
    ("bus_distance_m", np.dtype("<f8"), 0.0, 1e6),
    ("bus_late_s", np.dtype("<f8"), -1e6, 1e6),
    ("bus_persons", np.dtype("<f8"), -1.0, 1e4),
    ("bus_age_s", np.dtype("<f8"), 0.0, 1e6),
    ("bus_vehicle", np.dtype("<i4"), -_INT_MAX, _INT_MAX),
)
PREEMPTS: tuple[Column, ...] = (
    ("preempt_lane", np.dtype("<i4"), 0, _INT_MAX),
    ("preempt_distance_m", np.dtype("<f8"), 0.0, 1e6),
    ("preempt_number", np.dtype("i1"), -128, 127),
    ("preempt_vehicle", np.dtype("<i4"), -_INT_MAX, _INT_MAX),
    ("preempt_age_s", np.dtype("<f8"), 0.0, 1e6),
)
_TABLES = (("n_buses", BUSES), ("n_preempts", PREEMPTS))


class BadAsking(ValueError):
    """What nobody can have told; the message says what."""


def row_of(frame: Frame) -> list[Any]:
    """Everybody told of, as plain data; empty when it is nobody."""
    parts: list[Any] = []
    for count_of, columns in _TABLES:
        count = min(int(getattr(frame, count_of)), len(getattr(frame, columns[0][0])))
        values = [_told(name, getattr(frame, name)[:count], count) for name, _, _, _ in columns]
        good = np.ones(max(0, count), np.bool_)
        for value, (_, _, low, high) in zip(values, columns, strict=True):
            good &= (value >= low) & (value <= high)
        good[np.flatnonzero(good)[ROWS_MAX:]] = False
        parts.append(int(good.sum()))
        parts += [
            value[good].astype(kind).tobytes() for value, (_, kind, _, _) in zip(values, columns, strict=True)
        ]
    return parts if parts[0] or parts[1 + len(BUSES)] else []


def _told(name: str, value: NDArray[Any], count: int) -> NDArray[Any]:
    """People aboard that nobody has told of are -1; who has no number is 0."""
    if len(value) < count:
        value = np.concatenate([value, np.zeros(count - len(value), value.dtype)])
    return np.where((value >= 0.0) & (value <= 1e4), value, -1.0) if name == "bus_persons" else value


def fill(frame: Frame, data: object) -> None:
    """Put everybody told of back into the frame. Raises BadAsking."""
    if not isinstance(data, list) or len(data) != sum(1 + len(columns) for _, columns in _TABLES):
        raise BadAsking("who asks is no list of its length")
    at = 0
    for count_of, columns in _TABLES:
        count = data[at]
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= ROWS_MAX:
            raise BadAsking(f"{count_of} is {str(count)[:40]}; allowed is 0 to {ROWS_MAX}")
        for value, (name, kind, low, high) in zip(data[at + 1 :], columns, strict=False):
            if not isinstance(value, bytes) or len(value) != count * kind.itemsize:
                raise BadAsking(f"{name} is not {count} values")
            column = np.frombuffer(value, kind).astype(kind.type)
            if not ((column >= low) & (column <= high)).all():
                raise BadAsking(f"{name} holds a value outside {low:g} to {high:g}")
            setattr(frame, name, column)
        setattr(frame, count_of, count)
        at += 1 + len(columns)
