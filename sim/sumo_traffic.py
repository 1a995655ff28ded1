"""What is on SUMO's streets at one moment, as arrays: vehicles by slot, people at crossings.

Filled by the street after every step; read by the detector model and by the measures.
Nothing here knows libsumo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BUS_CLASSES = frozenset({"bus", "coach", "tram"})
STANDING_M_PER_S = 0.1
"""Below this a vehicle or a person stands (SUMO's own threshold, and the measures')."""

NOWHERE = 0
"""Lane index of vehicles that are on no lane (parked off the road)."""


@dataclass(slots=True)
class Vehicles:
    """Vehicles now on the street. Rows (n) follow SUMO's order; slots stay for a vehicle's life."""

    capacity: int = 512
    slot_of: dict[str, int] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    slot: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # (n)
    lane: Ints = field(default_factory=lambda: np.zeros(0, np.int64))  # (n) lane index
    position_m: Floats = field(default_factory=lambda: np.zeros(0))  # (n) front, from the lane's beginning
    speed_m_per_s: Floats = field(default_factory=lambda: np.zeros(0))  # (n)
    new: list[int] = field(default_factory=list)
    """Slots filled since the last reading."""
    free: list[int] = field(default_factory=list)
    length_m: Floats = field(init=False)  # (slots)
    is_bus: NDArray[np.bool_] = field(init=False)  # (slots)
    present: NDArray[np.bool_] = field(init=False)  # (slots)

    def __post_init__(self) -> None:
        self.length_m = np.zeros(self.capacity)
        self.is_bus = np.zeros(self.capacity, np.bool_)
        self.present = np.zeros(self.capacity, np.bool_)
        self.free = list(range(self.capacity - 1, -1, -1))

    def refill(
        self,
        ids: tuple[str, ...],
        lane: list[int],
        position_m: list[float],
        speed_m_per_s: list[float],
        describe: Callable[[str], tuple[float, bool]],
    ) -> None:
        """Take a new reading; `describe(id)` gives length in m and whether it is a bus."""
        self.new.clear()
        slot_of = self.slot_of
        slots = [slot_of.get(i, -1) for i in ids]
        if -1 in slots:
            for row, vehicle in enumerate(ids):
                if slots[row] < 0:
                    slots[row] = self._admit(vehicle, *describe(vehicle))
        self.ids = ids
        self.slot = np.array(slots, np.int64)
        self.lane = np.array(lane, np.int64)
        self.position_m = np.array(position_m, np.float64)
        self.speed_m_per_s = np.array(speed_m_per_s, np.float64)
        self.present[:] = False
        self.present[self.slot] = True
        if len(slot_of) > len(ids):
            for vehicle in [v for v, s in slot_of.items() if not self.present[s]]:
                self.free.append(slot_of.pop(vehicle))

    def _admit(self, vehicle: str, length_m: float, is_bus: bool) -> int:
        if not self.free:
            self._grow()
        slot = self.free.pop()
        self.slot_of[vehicle] = slot
        self.length_m[slot] = length_m
        self.is_bus[slot] = is_bus
        self.new.append(slot)
        return slot

    def _grow(self) -> None:
        old = self.capacity
        self.capacity *= 2
        self.free = list(range(self.capacity - 1, old - 1, -1))
        for name in ("length_m", "is_bus", "present"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros(old, array.dtype)]))


@dataclass(slots=True)
class Walkers:
    """People at the kerb of a signalised crossing they are about to use: one entry a person."""

    ids: list[str] = field(default_factory=list)
    crossing: list[tuple[str, str]] = field(default_factory=list)
    """Walking area and crossing edge."""
    waiting_s: list[float] = field(default_factory=list)
    """Uninterrupted standstill so far."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """All lanes of the street by index; index 0 is `NOWHERE`."""

    ids: tuple[str, ...]
    index: dict[str, int]
    length_m: Floats  # (lanes)
    edge: Ints  # (lanes) index of its edge
    successors: Callable[[int], tuple[int, ...]]
    """Lanes a vehicle may drive on to directly, internal ones included."""
