"""What of a street does not change while its station runs: where things are and what they are called.

A console asks for it once for each boot of the station. Places are whole metres east and north of
the street's south-western corner, so that nobody needs to know a projection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from override.bounds import BOOT_BYTES, NONCE_BYTES, exactly, items, text, whole
from override.requests import Header

KILOMETRES_1000_M = 1_000_000


@dataclass(frozen=True, slots=True)
class GroupLayout:
    """One signal group."""

    name: Annotated[str, text(shortest=1)]
    kind: Annotated[str, text(shortest=1)]
    """As in `controller.vocabulary.GroupKind`, in lower case."""
    approach: Annotated[str, text()]
    promise_ms: Annotated[int, whole()]
    pole: Annotated[str, text(8)] = ""
    """Of a crossing: the code on its pole, by which citizens call it."""
    length_dm: Annotated[int, whole(10_000)] = 0
    """Of a crossing, in tenths of a metre."""
    clearance_ms: Annotated[int, whole()] = 0
    upstream: Annotated[str, text()] = ""
    """The junction whose green its vehicles come from; empty = none, or several alike."""


@dataclass(frozen=True, slots=True)
class StageLayout:
    """One stage: which of the junction's groups are green in it, by their numbers there."""

    name: Annotated[str, text(shortest=1)]
    groups: Annotated[tuple[int, ...], items(62)]


@dataclass(frozen=True, slots=True)
class DetectorLayout:
    """One detector and what it watches."""

    name: Annotated[str, text(shortest=1)]
    kind: Annotated[str, text(shortest=1)]
    watches: Annotated[str, text()]
    """An approach, or the group of a button."""


@dataclass(frozen=True, slots=True)
class JunctionLayout:
    """One junction. Its groups, stages and detectors are known by their place in these lists."""

    name: Annotated[str, text(shortest=1)]
    title: Annotated[str, text(shortest=1)]
    x_m: Annotated[int, whole(KILOMETRES_1000_M)]
    y_m: Annotated[int, whole(KILOMETRES_1000_M)]
    district: Annotated[str, text()]
    groups: Annotated[tuple[GroupLayout, ...], items(62)]
    stages: Annotated[tuple[StageLayout, ...], items(256)]
    detectors: Annotated[tuple[DetectorLayout, ...], items(256)]
    plans: Annotated[tuple[str, ...], items(64)] = ()


@dataclass(frozen=True, slots=True)
class RoadLayout:
    """One street as it is drawn: x0, y0, x1, y1, ... in metres."""

    points_m: Annotated[tuple[int, ...], items(64, 4)]
    lanes: Annotated[int, whole(20, 1)]
    district: Annotated[str, text()] = ""


@dataclass(frozen=True, slots=True)
class StreetLayout:
    """What of a street does not change while its station runs."""

    street: str
    junctions: tuple[JunctionLayout, ...]
    roads: tuple[RoadLayout, ...] = ()

    def districts(self) -> tuple[str, ...]:
        """Names of the districts, in the order in which junctions lie in them."""
        return tuple(dict.fromkeys(junction.district for junction in self.junctions))


@dataclass(frozen=True, slots=True)
class Layout:
    """Part of the whole layout; all parts carry the same boot."""

    boot: Annotated[bytes, exactly(BOOT_BYTES)]
    part: Annotated[int, whole(10_000)]
    parts: Annotated[int, whole(10_000, 1)]
    street: Annotated[str, text(shortest=1)]
    junctions: Annotated[tuple[JunctionLayout, ...], items(200)] = ()
    roads: Annotated[tuple[RoadLayout, ...], items(200)] = ()
    answers: Annotated[bytes, exactly(NONCE_BYTES)] = bytes(NONCE_BYTES)
    """Nonce of the request."""


@dataclass(frozen=True, slots=True)
class LayoutRequest:
    """Ask for it."""

    header: Header
    issuer: Annotated[str, text(32, 1)]
