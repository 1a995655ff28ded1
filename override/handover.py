"""What the engine hands over so that others may ask "what if": some junctions as they are, and a meter.

A question names a few junctions; the answer is a copy of their rows, made in one tick and at most
once a tick, so that its cost is bounded. The meter adds up waiting once a second of the street.
"""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

import msgpack  # type: ignore[import-untyped]
import numpy as np

from controller.frame import TICK_MS
from controller.ladder import Rung
from controller.network import Floats, Ints, Network
from controller.policy import Policy
from controller.present import BUSES, CARS, MODES, WALKERS, Present, take_present
from controller.state import State
from controller.tick import Controller
from controller.vocabulary import GroupKind, Lamp

ASK = "ask"
"""First item of a question on the line to the engine."""
_QUESTION = msgpack.packb([ASK, 0, [], True])[:5]
QUESTIONS_MAX = 8
"""Older ones are not answered: who asked has given up."""
MARK = b"H"
"""First byte of an answer; a report begins otherwise."""
JUNCTIONS_MAX = 64
TICKS_PER_S = 1000 // TICK_MS
BUS_MEMORY_S = 900.0


class Meter:
    """Person-seconds of waiting at every junction since the engine began, as the controller believes."""

    def __init__(self, network: Network, policy: Policy) -> None:
        self.waited_s: Floats = np.zeros((network.n_junctions, MODES))
        """(J, MODES), grows for ever."""
        self.longest_ms: Ints = np.zeros((network.n_junctions, MODES), np.int64)
        """(J, MODES) oldest call that stands now."""
        self.bus_persons: Floats = np.zeros(network.n_lanes)
        """(L) persons on buses, a vehicle of the lane, in the mean of the last quarter of an hour."""
        self._network, self._policy = network, policy
        self._walks = network.group_kind == GroupKind.PEDESTRIAN
        self._age_ms: Ints = np.zeros(network.n_groups, np.int64)
        self._groups = network.group_start[:-1]
        self._seconds = 0

    def weigh_by(self, policy: Policy) -> None:
        """From now on count persons by this policy."""
        self._policy = policy

    def second(self, state: State, street_ms: int) -> None:
        """Add the second that has passed."""
        network, policy = self._network, self._policy
        here, j = network.lane_junction, network.n_junctions
        self._seconds += 1
        on_buses = np.maximum(0.0, state.persons_per_veh - policy.persons_per_car)
        part = max(1.0 / self._seconds, 1.0 / BUS_MEMORY_S)
        seen = state.near_veh > 0.0
        self.bus_persons += np.where(seen, part * (on_buses - self.bus_persons), 0.0)
        queue = state.queue_veh
        self.waited_s[:, CARS] += policy.persons_per_car * np.bincount(here, queue, j)
        self.waited_s[:, BUSES] += np.bincount(here, queue * on_buses, j)
        waiting = state.waiting_people
        self.waited_s[:, WALKERS] += policy.persons_per_walker * np.add.reduceat(waiting, self._groups)
        age_ms = self._age_ms
        np.subtract(street_ms, state.call_since_ms, out=age_ms)
        age_ms[(age_ms < 0) | (state.lamp == Lamp.GREEN)] = 0
        self.longest_ms[:, CARS] = np.maximum.reduceat(np.where(self._walks, 0, age_ms), self._groups)
        self.longest_ms[:, WALKERS] = np.maximum.reduceat(np.where(self._walks, age_ms, 0), self._groups)


class Line(Protocol):
    """A way to the other process that never blocks."""

    def send(self, message: bytes) -> bool:
        """Hand over a message; False = no room, the message is lost."""


class HandingOver:
    """The engine's side: counts every second, and answers one question a tick at most."""

    def __init__(self, controller: Controller, speed: float) -> None:
        self.meter = Meter(controller.network, controller.policy)
        self._controller, self._speed = controller, speed
        self._run = secrets.randbits(32)
        self._questions: deque[bytes] = deque(maxlen=QUESTIONS_MAX)
        self._ticks = 0

    def takes(self, message: bytes) -> bool:
        """Whether a message is a question; then it will be answered."""
        if not message.startswith(_QUESTION):
            return False
        self._questions.append(message)
        return True

    def after_tick(self, line: Line, clock_ms: int, street_ms: int) -> None:
        """Call it when the controller has ticked at `street_ms`."""
        self._ticks += 1
        if self._ticks % TICKS_PER_S == 0:
            self.meter.second(self._controller.state, street_ms)
        if self._questions:
            question = msgpack.unpackb(self._questions.popleft())
            when = (clock_ms, street_ms, self._speed, self._run)
            line.send(hand_over(self._controller, self.meter, question, *when))


@dataclass(frozen=True, slots=True)
class Handover:
    """The answer to one question."""

    number: int
    clock_ms: int
    """The station's monotonic clock at that moment."""
    street_ms: int
    speed: float
    run: int
    """Which run of an engine it is: meters of two runs have nothing to do with each other."""
    waited_s: Floats  # (asked, MODES) by the meter
    longest_ms: Ints  # (asked, MODES)
    rungs: Ints  # (asked)
    bus_persons: Floats  # (their lanes)
    present: Present | None = None


def ask_for(number: int, junctions: Ints, whole: bool) -> bytes:
    """A question for the engine: these junctions (indices, ascending), `whole` with their state."""
    message: bytes = msgpack.packb([ASK, number, [int(j) for j in junctions[:JUNCTIONS_MAX]], whole])
    return message


def hand_over(
    controller: Controller,
    meter: Meter,
    question: list[Any],
    clock_ms: int,
    street_ms: int,
    speed: float,
    run: int,
) -> bytes:
    """The engine's answer to an unpacked question."""
    _, number, asked, whole = question
    network = controller.network
    junctions = np.array(asked[:JUNCTIONS_MAX], np.int64)
    lanes = np.concatenate([np.arange(network.lane_start[j], network.lane_start[j + 1]) for j in junctions])
    degradation = controller.degradation
    rung = np.zeros(network.n_junctions, np.int8) if degradation is None else degradation.ladder.rungs.rung
    if controller.name == "fixed":
        rung = np.full(network.n_junctions, Rung.COORDINATED, np.int8)
    fields = [
        meter.waited_s[junctions],
        meter.longest_ms[junctions],
        rung[junctions].astype(np.int64),
        meter.bus_persons[lanes],
    ]
    arrays: list[Any] = []
    if whole:
        present = take_present(network, controller.state, junctions, street_ms)
        arrays = [[name, _packed(_trimmed(name, array))] for name, array in present.arrays.items()]
    rows = [_packed(field) for field in fields]
    message: bytes = msgpack.packb([number, clock_ms, street_ms, speed, run, rows, arrays])
    return MARK + message


def handover_of(message: bytes) -> Handover:
    """An answer back from its message."""
    number, clock_ms, street_ms, speed, run, rows, arrays = msgpack.unpackb(message[len(MARK) :])
    present = None
    if arrays:
        present = Present(street_ms, {name: _unpacked(packed) for name, packed in arrays})
    waited, longest, rungs, bus = (_unpacked(row) for row in rows)
    return Handover(number, clock_ms, street_ms, speed, run, waited, longest, rungs, bus, present)


def _trimmed(name: str, array: np.ndarray) -> np.ndarray:
    """Arrivals only as far as any are known, and no finer than anybody can tell."""
    if name != "arrival_veh":
        return array
    used = np.flatnonzero(array.any(axis=0))
    return array[:, : int(used[-1]) + 1 if len(used) else 0].astype(np.float32)


def _packed(array: np.ndarray) -> list[Any]:
    return [array.dtype.str, list(array.shape), np.ascontiguousarray(array).tobytes()]


def _unpacked(packed: list[Any]) -> np.ndarray:
    kind, shape, data = packed
    return np.frombuffer(data, np.dtype(kind)).reshape(shape).copy()
