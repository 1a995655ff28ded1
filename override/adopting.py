"""The engine's side of a new version: made beside the tick, taken up by it, final when the gateway says so.

The gateway says which version it wants; the engine tells every second which one it runs and how far
another one is. What takes long (reading, proving, building) happens in a thread, so that no tick waits.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgpack  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from controller.adoption import Adoption, Phase
from controller.card_adoption import CardAdoption
from controller.frame import Frame
from controller.monitor import Card
from controller.network import Ints
from controller.orders import Orders
from controller.permissive import card_of
from controller.stage_table import StageTable
from controller.tick import Controller

MARK = b"V"
"""First byte of these messages, both ways."""
TELL_MS = 500
MAKING_SWITCH_S, USUAL_SWITCH_S = 0.0005, sys.getswitchinterval()
"""While a version is made beside the tick, the tick gets its turn ten times sooner than Python's usual."""
Make = Callable[[int, int], Controller]
"""Gives a controller of a version, by its number, made for this street time in ms. Raises ValueError."""


class Verb(StrEnum):
    """What the gateway says."""

    TAKE = "take"
    SETTLE = "settle"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Stand:
    """What the engine says."""

    runs: int
    """The version that is final here."""
    target: int = 0
    """The one being taken up; 0 = none."""
    phase: str = ""
    adopted: int = 0
    places: int = 0
    failed: int = 0
    """The last one that could not be taken up; 0 = none."""
    why: str = ""
    """It failed, or what it waits for."""
    begun: bool = True
    """Every junction has shown a whole stage since the engine began, and none flashes."""


def pack_verb(verb: Verb, number: int) -> bytes:
    """For the engine."""
    body: bytes = msgpack.packb([str(verb), number])
    return MARK + body


def stand_of(message: bytes) -> Stand | None:
    """What the engine says; None when the message is another one."""
    return Stand(*msgpack.unpackb(message[1:])) if message[:1] == MARK else None


class Adopting:
    """Ticks one engine's controller, and the version that is to follow it; `runs` is the first one."""

    def __init__(
        self, controller: Controller, orders: Orders, make: Make | None = None, runs: int = 0
    ) -> None:
        self.controller, self.orders = controller, orders
        self.runs, self.target = runs, 0
        self.changed: Callable[[Orders], None] = lambda orders: None
        """Told when another version became final: its orders stand in the place of the ones before."""
        self._make = make
        self._adoption: Adoption | None = None
        self._making: threading.Thread | None = None
        self._made: tuple[Controller, Card] | None = None
        self._failed, self._why = 0, ""
        self._told_ms = -TELL_MS
        self._shown = np.zeros(controller.network.n_junctions, np.bool_)
        self._begun = False

    @property
    def is_adopting(self) -> bool:
        """Whether two versions decide together."""
        return self._adoption is not None

    def takes(self, message: bytes) -> bool:
        """Heed the gateway; False = the message is none of these."""
        if message[:1] != MARK:
            return False
        verb, number = msgpack.unpackb(message[1:])
        if verb == Verb.TAKE and number not in (self.target, self.runs):
            self._take(number)
        elif verb == Verb.LEAVE and number == self.target:
            self._leave("it is no longer wanted")
        elif verb == Verb.SETTLE and number == self.target:
            self._settle()
        return True

    def tick(self, frame: Frame, now_ms: int) -> NDArray[np.int8]:
        """Lamps (groups,), by the version or versions that are followed."""
        if self._making is not None and not self._making.is_alive():
            self._begin(now_ms)
        adoption = self._adoption
        if adoption is None:
            lamps = self.controller.tick(frame, now_ms, self.orders)
        else:
            lamps = adoption.tick(frame, now_ms, self.orders)
            if adoption.phase is Phase.BACK:
                self._end(adoption.why)
        if not self._begun:
            self._look()
        return lamps

    def coming(self) -> Adoption | None:
        """The version that is to follow and the one before, while both decide; None = there is one only."""
        return self._adoption

    def other_stages(self) -> list[tuple[int, str]]:
        """(junction, name of its stage) where only the version being taken up knows this stage."""
        return [] if self._adoption is None else self._adoption.other_stages()

    def due(self, clock_ms: int) -> bytes | None:
        """What the gateway must be told now; None = nothing."""
        if self._make is None or clock_ms - self._told_ms < TELL_MS:
            return None
        self._told_ms = clock_ms
        s = self.stand()
        body: bytes = msgpack.packb([getattr(s, name) for name in Stand.__slots__])
        return MARK + body

    def stand(self) -> Stand:
        """How it stands."""
        adoption = self._adoption
        if adoption is None:
            phase = "is made" if self.target else ""
            return Stand(self.runs, self.target, phase, 0, 0, self._failed, self._why, self._begun)
        waits = adoption.why or adoption.waits_for(self.orders)
        here, places = int(adoption.adopted.sum()), len(adoption.places)
        phase = str(adoption.phase)
        return Stand(self.runs, self.target, phase, here, places, self._failed, waits, self._begun)

    # --- parts -----------------------------------------------------------------------------

    def _take(self, number: int) -> None:
        if self._make is None or self._adoption is not None:
            return  # first the one under way goes back; the gateway asks again
        self.target, self._failed, self._why, self._made = number, 0, "", None
        make, now_ms = self._make, int(self.controller.state.estimate_time_ms[0])

        def work() -> None:
            try:
                made = make(number, now_ms)
                network = made.network
                self._made = made, card_of(network.street, network.lamp_resolution_ms)
            except Exception as error:  # nothing in a file of somebody's may end the engine
                self._why = f"it cannot be made: {' '.join(str(error).split()) or type(error).__name__}"

        sys.setswitchinterval(MAKING_SWITCH_S)
        self._making = threading.Thread(target=work, name=f"version {number}", daemon=True)
        self._making.start()

    def _begin(self, now_ms: int) -> None:
        made, self._making = self._made, None
        sys.setswitchinterval(USUAL_SWITCH_S)
        if not self.target:
            return  # it was given up while it was being made
        if made is None:
            self._end(self._why)
            return
        try:
            new, card = made
            places = _places(self.controller, new)
            same = StageTable(self.controller.network, new.network)
            if card.digest() == self.controller.monitor.card.digest() and not same.apart.any():
                self._adoption = Adoption(self.controller, new, places, now_ms)
            else:
                self._adoption = CardAdoption(self.controller, new, places, now_ms, card, self.target)
        except ValueError as error:
            self._end(str(error))

    def _leave(self, why: str) -> None:
        if self._adoption is not None:
            self._adoption.go_back(why)
        else:
            self._end(why)

    def _end(self, why: str) -> None:
        self._failed, self._why = self.target, why
        self.target, self._adoption, self._made = 0, None, None

    def _settle(self) -> None:
        adoption = self._adoption
        if adoption is None or adoption.phase is not Phase.DONE:
            return
        orders = adoption.orders_after(self.orders)
        adoption.finish()
        self.orders = orders
        self.runs, self.target, self._adoption, self._made = self.target, 0, None, None
        self._failed, self._why = 0, ""
        self.changed(orders)

    def _look(self) -> None:
        state, verdict = self.controller.state, self.controller.verdict
        self._shown |= (state.target_stage >= 0) & ~state.in_transition
        flashes = verdict is None or bool(verdict.flash.any())
        self._begun = bool(self._shown.all()) and not flashes


def _places(old: Controller, new: Controller) -> Ints:
    """Junctions that differ; all where a policy or a timetable does."""
    before, after = old.network.street, new.network.street
    if old.policy != new.policy or before.timetable != after.timetable:
        return np.arange(old.network.n_junctions)
    pairs = enumerate(zip(before.junctions, after.junctions, strict=True))
    return np.array([j for j, (a, b) in pairs if a != b], np.int64)
