"""The marks of all junctions as arrays, made anew only where a junction changed; a thousand at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from override.views import JunctionView
from tui.attention import Notice
from tui.marks import Mark, busy_level, mark_of

LEFT, MIDDLE, RIGHT, ALONE = range(4)
"""Columns of the arrays."""


class Inks:
    """Styles by number, so that a drawing is an array of numbers."""

    def __init__(self) -> None:
        self.styles = [""]
        self._numbers = {"": 0}

    def number(self, style: str) -> int:
        """Of this style; always the same."""
        if style not in self._numbers:
            self._numbers[style] = len(self.styles)
            self.styles.append(style)
        return self._numbers[style]


class MarkTable:
    """Marks of the junctions of one layout, in its order."""

    def __init__(self, names: Sequence[str], approaches: Mapping[str, int], inks: Inks) -> None:
        count = len(names)
        self.characters: NDArray[np.str_] = np.full((count, 4), " ", "<U1")
        """(J, 4)"""
        self.inks: NDArray[np.int16] = np.zeros((count, 4), np.int16)
        """(J, 4) numbers of styles"""
        self.weight: NDArray[np.int64] = np.zeros(count, np.int64)
        """(J) the heaviest of a cell is drawn"""
        self.known: NDArray[np.bool_] = np.zeros(count, np.bool_)
        """(J) whether anything is known of it"""
        self._names, self._approaches, self._ink = tuple(names), approaches, inks
        self._views: list[JunctionView | None] = [None] * count
        self._looks: list[Any] = [None] * count
        self._how = (False, False)

    def update(
        self, junctions: Mapping[str, JunctionView], worst: Mapping[str, Notice], letters: bool, plain: bool
    ) -> None:
        """Take in what changed. A view that is the same object is the same view: they are never altered."""
        if self._how != (letters, plain):
            self._how = (letters, plain)
            self._views = [None] * len(self._views)
        for k, name in enumerate(self._names):
            view, notice = junctions.get(name), worst.get(name)
            look = None if notice is None else (notice.urgency, notice.acknowledged)
            if view is self._views[k] and look == self._looks[k]:
                continue
            self._views[k], self._looks[k] = view, look
            self.known[k] = view is not None
            if view is not None:
                level = busy_level(view, self._approaches[name])
                self._take(k, mark_of(view, level, notice, letters, plain))

    def _take(self, k: int, mark: Mark) -> None:
        self.characters[k] = (mark.left, mark.middle, mark.right, mark.alone)
        styles = (mark.left_style, mark.middle_style, mark.right_style, mark.alone_style)
        self.inks[k] = [self._ink.number(style) for style in styles]
        self.weight[k] = mark.weight
