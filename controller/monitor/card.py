"""The permissive card: what may be shown together, and for how long, frozen and hashed.

Like the program card of a conflict monitor it is made once, outside the engine, and never
changes while the monitor runs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields

import numpy as np

from controller.monitor.lamps import Bools, Int64s

COMPARISON_MARK = "comparison, not for a street"
"""The one mark a card may carry: timings to compare with published results only."""

YELLOW_FLOOR_MS = 2_700
"""R13: no yellow, and no yellow plus red before a conflicting green, is shorter."""
YELLOW_CEILING_MS = 6_000
"""R4, informed by MUTCD 11 §4F.17 ¶13."""
WALK_FLOOR_MS = 4_000
"""R22: the shortest WALK of the option; 7 s is the rule."""
BUFFER_MS = 3_000
"""R26: steady don't-walk before a conflicting green."""
MAX_MAX_GREEN_MS = 120_000
"""R18: no green is longer while a conflicting call waits."""


class CardError(ValueError):
    """A card that cannot be trusted; the message names the junction, the groups and the value."""


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """All groups of all junctions in network order: (G) groups, (J) junctions, (P) pairs.

    Arrays are copied, made read-only and sorted: pairs by (starting, ending), yields by (to, drivers).
    Groups that may be active together, also where one yields, are simply not among the pairs.
    Raises `CardError` when anything is out of bounds or contradicts itself.
    """

    junction_names: tuple[str, ...]
    group_names: tuple[str, ...]
    junction: Int64s
    """(G) index of the junction, not decreasing, every junction with at least one group."""
    pedestrian: Bools
    """(G) True for a crossing, False for vehicles, buses and bicycles."""
    yellow_ms: Int64s
    """(G) fixed yellow (R1-R5, R9); 0 for pedestrians."""
    min_green_ms: Int64s
    """(G) minimum green; for pedestrians the minimum WALK."""
    clearance_ms: Int64s
    """(G) pedestrian clearance (R23); 0 for vehicles."""
    promise_ms: Int64s
    """(G) promised longest time from call to green or WALK."""
    turn_on_red: Bools
    """(G) drivers may turn after stopping at red; shown and judged as red."""
    pair_ending: Int64s
    """(P) conflicting pairs, each in both directions: the group whose green ends,"""
    pair_starting: Int64s
    """(P) the group whose green starts,"""
    pair_intergreen_ms: Int64s
    """(P) and the time from the one to the other."""
    yield_drivers: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))
    """(N) who gives way: a group of drivers,"""
    yield_to: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))
    """(N) to whom: a crossing, or other drivers,"""
    yield_lead_ms: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))
    """(N) and by how long at least a WALK that leads (R29) begins before their green; 0 = none leads."""
    lamp_resolution_ms: int = 100
    """The street shows a change at the latest so much later; durations are rounded up to it."""
    max_max_green_ms: int = MAX_MAX_GREEN_MS
    mark: str = ""
    """Empty, or `COMPARISON_MARK`."""

    def __post_init__(self) -> None:
        _check_scalars(self)
        group_count = len(self.group_names)
        for name in ("junction", "yellow_ms", "min_green_ms", "clearance_ms", "promise_ms"):
            _freeze(self, name, np.int64, group_count)
        for name in ("pedestrian", "turn_on_red"):
            _freeze(self, name, np.bool_, group_count)
        pair_count = np.size(self.pair_ending)
        for name in ("pair_ending", "pair_starting", "pair_intergreen_ms"):
            _freeze(self, name, np.int64, pair_count)
        for name in ("yield_drivers", "yield_to", "yield_lead_ms"):
            _freeze(self, name, np.int64, np.size(self.yield_to))
        _check_junctions(self)
        _check_groups(self)
        _check_pairs(self)
        _check_yields(self)
        order = np.lexsort((self.pair_ending, self.pair_starting))
        for name in ("pair_ending", "pair_starting", "pair_intergreen_ms"):
            _set(self, name, getattr(self, name)[order])
        order = np.lexsort((self.yield_drivers, self.yield_to))
        for name in ("yield_drivers", "yield_to", "yield_lead_ms"):
            _set(self, name, getattr(self, name)[order])

    @property
    def group_count(self) -> int:
        """G."""
        return len(self.group_names)

    @property
    def junction_count(self) -> int:
        """J."""
        return len(self.junction_names)

    def digest(self) -> str:
        """SHA-256 over every field, in order, as hexadecimal: the identity of this card."""
        sha = hashlib.sha256(b"belisha permissive card 1")
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray):
                content = value.astype("<i8").tobytes()
            else:
                content = repr(value).encode()
            sha.update(f"|{item.name}:{len(content)}:".encode())
            sha.update(content)
        return sha.hexdigest()

    def where(self, group: int) -> str:
        """`junction/group` by name, for sentences and errors."""
        return f"{self.junction_names[int(self.junction[group])]}/{self.group_names[group]}"


def _set(card: Card, name: str, value: np.ndarray) -> None:
    value.setflags(write=False)
    object.__setattr__(card, name, value)


def _freeze(card: Card, name: str, dtype: type[np.int64] | type[np.bool_], length: int) -> None:
    given = np.asarray(getattr(card, name))
    if given.ndim != 1 or given.size != length:
        raise CardError(f"card {name}: {given.shape} values, expected ({length},)")
    allowed = "b" if dtype is np.bool_ else "iu"
    if given.size and given.dtype.kind not in allowed:
        raise CardError(f"card {name}: values of type {given.dtype}, expected {dtype.__name__}")
    _set(card, name, np.array(given, dtype=dtype))


def _check_scalars(card: Card) -> None:
    if card.mark not in ("", COMPARISON_MARK):
        raise CardError(f"card mark: {card.mark!r}, allowed '' or {COMPARISON_MARK!r}")
    for name, low, high in (
        ("lamp_resolution_ms", 100, 1_000),
        ("max_max_green_ms", 1_000, MAX_MAX_GREEN_MS),
    ):
        value = getattr(card, name)
        if type(value) is not int or not low <= value <= high:
            raise CardError(f"card {name}: {value!r}, allowed an integer from {low} to {high}")
    if not card.group_names:
        raise CardError("card: no signal group")


def _check_junctions(card: Card) -> None:
    expected = np.arange(len(card.junction_names))
    if not np.array_equal(np.unique(card.junction), expected):
        raise CardError(
            f"card junction: {len(card.junction_names)} junctions are named, but the groups belong to"
            f" {np.unique(card.junction).size}; every junction needs a group, numbered from 0"
        )
    if (np.diff(card.junction) < 0).any():
        raise CardError("card junction: groups must come junction by junction")


def _check_groups(card: Card) -> None:
    walks, drives = card.pedestrian, ~card.pedestrian
    rules = (
        ("yellow_ms", drives, YELLOW_FLOOR_MS, YELLOW_CEILING_MS),
        ("yellow_ms", walks, 0, 0),
        ("clearance_ms", drives, 0, 0),
        ("clearance_ms", walks, 1, 600_000),
        ("min_green_ms", drives, 0, MAX_MAX_GREEN_MS),
        ("min_green_ms", walks, WALK_FLOOR_MS, MAX_MAX_GREEN_MS),
        ("promise_ms", walks | drives, 1, 3_600_000),
    )
    for name, who, low, high in rules:
        values = getattr(card, name)
        wrong = np.flatnonzero(who & ((values < low) | (values > high)))
        if wrong.size:
            group = int(wrong[0])
            raise CardError(f"card {card.where(group)}: {name} {values[group]}, allowed {low} to {high}")


def _check_pairs(card: Card) -> None:
    ending, starting, duration_ms = card.pair_ending, card.pair_starting, card.pair_intergreen_ms
    outside = (ending < 0) | (ending >= card.group_count) | (starting < 0) | (starting >= card.group_count)
    if outside.any():
        pair = int(np.flatnonzero(outside)[0])
        last = card.group_count - 1
        raise CardError(f"card pair {pair}: groups {ending[pair]} and {starting[pair]}, allowed 0 to {last}")
    buffer_ms = 0 if card.mark else BUFFER_MS
    least_ms = np.where(card.pedestrian, card.clearance_ms + buffer_ms, card.yellow_ms)[ending]
    problems = (
        (ending == starting, "a group cannot conflict with itself"),
        (card.junction[ending] != card.junction[starting], "the groups belong to different junctions"),
        (
            duration_ms < least_ms,
            "the intergreen is shorter than the yellow or clearance in it",
        ),
        (duration_ms > 600_000, "the intergreen is longer than 600000 ms"),
    )
    for wrong, why in problems:
        if wrong.any():
            raise CardError(f"card {_pair_name(card, int(np.flatnonzero(wrong)[0]))}: {why}")
    forward = ending * card.group_count + starting
    backward = starting * card.group_count + ending
    _, first = np.unique(forward, return_index=True)
    if first.size < forward.size:
        twice = int(np.setdiff1d(np.arange(forward.size), first)[0])
        raise CardError(f"card {_pair_name(card, twice)}: listed twice")
    one_way = ~np.isin(backward, forward)
    if one_way.any():
        pair = int(np.flatnonzero(one_way)[0])
        raise CardError(f"card {_pair_name(card, pair)}: a conflict must be listed in both directions")


def _check_yields(card: Card) -> None:
    for drivers, to, lead_ms in zip(card.yield_drivers, card.yield_to, card.yield_lead_ms, strict=True):
        last = card.group_count - 1
        if not 0 <= drivers <= last or not 0 <= to <= last:
            raise CardError(f"card yield: groups {drivers} and {to}, allowed 0 to {last}")
        where = f"card yield: {card.where(int(drivers))} to {card.where(int(to))}"
        if card.pedestrian[drivers] or drivers == to:
            raise CardError(f"{where}: only drivers give way, and to others")
        if card.junction[drivers] != card.junction[to]:
            raise CardError(f"{where}: the groups belong to different junctions")
        most_ms = int(card.min_green_ms[to]) if card.pedestrian[to] else 0
        if not 0 <= lead_ms <= most_ms:
            raise CardError(f"{where}: led by {lead_ms} ms, allowed 0 to {most_ms}, the least WALK")


def _pair_name(card: Card, pair: int) -> str:
    ending, starting = int(card.pair_ending[pair]), int(card.pair_starting[pair])
    return f"{card.where(ending)} -> {card.where(starting)} ({card.pair_intergreen_ms[pair]} ms)"
