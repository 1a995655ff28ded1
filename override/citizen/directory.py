"""Which signals there are and how people call them, from the layout that the station gives."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from override.layouts import GroupLayout, JunctionLayout
from override.poles import parted

BUTTON = "button"
ON_FOOT = "pedestrian"


@dataclass(frozen=True, slots=True)
class Signal:
    """One crossing, or (with an empty group) a junction as a whole."""

    number: int
    """Of the junction, in the layout and in the record."""
    at: int
    """Of the group, among those of its junction; -1 = the whole junction."""
    junction: JunctionLayout
    group: GroupLayout | None
    pole: str
    buttons: tuple[int, ...] = ()
    """Numbers of its buttons among the junction's detectors."""

    @property
    def name(self) -> str:
        """Of the group, or nothing."""
        return self.group.name if self.group else ""

    @property
    def crossing(self) -> str:
        """What people call the crossing."""
        name = (self.group.approach or self.group.name) if self.group else ""
        return " ".join(name.replace(".", " ").replace("_", " ").split())

    @property
    def promise_ms(self) -> int:
        """No call shall wait longer; 0 = nothing is promised."""
        return self.group.promise_ms if self.group else 0


def plain(name: str) -> str:
    """A code as people type it: without case, spaces, dashes and lookalikes (O and 0, I, L and 1)."""
    kept = (c for c in unicodedata.normalize("NFKC", name).upper() if c.isalnum())
    return "".join(kept).translate(str.maketrans("OIL", "011"))


class Directory:
    """All signals of one street. Empty until the station was heard."""

    def __init__(self, street: str = "", junctions: Iterable[JunctionLayout] = ()) -> None:
        self.street = street
        self.junctions: tuple[JunctionLayout, ...] = tuple(junctions)
        self.number = {junction.name: number for number, junction in enumerate(self.junctions)}
        self.wholes = tuple(Signal(n, -1, j, None, "") for n, j in enumerate(self.junctions))
        self.crossings: tuple[Signal, ...] = tuple(
            Signal(
                number, at, junction, group, group.pole or f"{number}-{at}", _buttons(junction, group.name)
            )
            for number, junction in enumerate(self.junctions)
            for at, group in enumerate(junction.groups)
            if group.kind == ON_FOOT
        )
        self.districts: tuple[str, ...] = tuple(sorted({j.district for j in self.junctions}))
        self._by_place = {(s.number, s.at): s for s in (*self.crossings, *self.wholes)}
        self._by_pole = {plain(signal.pole): signal for signal in self.crossings}
        self._by_name = {plain(j.title): self.wholes[n] for n, j in enumerate(self.junctions)}
        self._by_name |= {plain(j.name): self.wholes[n] for n, j in enumerate(self.junctions)}
        self._exact = {j.name: self.wholes[n] for n, j in enumerate(self.junctions)}

    def __bool__(self) -> bool:
        return bool(self.junctions)

    def same_street(self, other: Directory) -> bool:
        """Whether numbers in the record mean the same in both."""
        return [
            (j.name, [g.name for g in j.groups], [d.name for d in j.detectors]) for j in self.junctions
        ] == [(j.name, [g.name for g in j.groups], [d.name for d in j.detectors]) for j in other.junctions]

    def find(self, name: str) -> Signal | None:
        """By code on the pole (whatever the pole shows beside it), or name or title of a junction."""
        name = parted(name)[0].strip()
        return self._exact.get(name) or self._by_pole.get(plain(name)) or self._by_name.get(plain(name))

    def at(self, number: int, group: int) -> Signal | None:
        """The crossing with these numbers of the record; None for a group of vehicles."""
        return self._by_place.get((number, group))

    def place(self, junction: str, group: str) -> Signal | None:
        """By the names that a case holds."""
        if (number := self.number.get(junction)) is None:
            return None
        if not group:
            return self.wholes[number]
        return next((s for s in self.crossings if s.number == number and s.name == group), None)

    def crossings_at(self, number: int) -> tuple[Signal, ...]:
        """All crossings of a junction."""
        return tuple(s for s in self.crossings if s.number == number)

    def conflicts(self, number: int) -> tuple[tuple[int, int], ...]:
        """Pairs of groups of a junction that are in no stage together: never green at the same time."""
        junction = self.junctions[number]
        together = {(a, b) for stage in junction.stages for a in stage.groups for b in stage.groups if a < b}
        count = len(junction.groups)
        if not junction.stages:
            return ()
        return tuple((a, b) for a in range(count) for b in range(a + 1, count) if (a, b) not in together)


def _buttons(junction: JunctionLayout, group: str) -> tuple[int, ...]:
    return tuple(k for k, d in enumerate(junction.detectors) if d.kind == BUTTON and d.watches == group)
