"""The engine's own process: it decides, and what it decides is a proposal.

Readings come from the street, rulings from the monitor, orders from the gateway. `MonitorLink`
stands where a controller has its safety monitor, so that the controller is the same as everywhere.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame, empty_frame
from controller.monitor import Card, Verdict
from controller.monitor.heartbeat import answer
from controller.monitor.lamps import FLASH_RED, RED
from controller.network import Network
from controller.vocabulary import Sensors
from override.card_change import KEEP, CardAnswer, CardWish
from override.lamp_line import (
    BadMessage,
    Hello,
    LampLine,
    Proposal,
    Ruling,
    Unlatch,
    array_of,
    found_in,
    knock_at,
    pack,
    unpack,
    unpack_reading,
)
from override.monitor_process import Places

BEAT_MS = 80
"""With nothing to propose, the engine still says so often that it lives."""
ASK_EVERY = 5
"""A card is asked for again every so many ticks."""
KNOCK_EVERY_MS = 50
STREET_GONE_MS = 2_000
"""A street that does not come back in this time has ended."""


class Ticking(Protocol):
    """What runs here: `override.engine.Engine`, or a bare controller."""

    def tick(self, frame: Frame, now_ms: int) -> NDArray[np.int8]:
        """Called for each reading."""


class MonitorLink:
    """Takes the safety monitor's place in a controller: proposes to the real one, gives its last ruling.

    A ruling is about the frame before, so that the engine learns of a flash one tick late; the
    street does not wait for it.
    """

    def __init__(self, card: Card, places: Places) -> None:
        self.card = card
        self.line: LampLine | None = None
        self.reading = 0
        """The reading the controller is being asked about."""
        self.rulings = 0
        self._places = places
        self._base = card
        self._wish: tuple[int, Card, int, bool] | None = None
        self._wishes: dict[int, Card] = {}
        """Cards asked for, by the number of the wish; two may say the same."""
        self._wishes_ever = 0
        self._refusal = ""
        self._turns_asked = 0
        self._number = 0
        self._question = b""
        groups, junctions = card.group_count, card.junction_count
        self._permitted: NDArray[np.int8] = np.where(card.pedestrian, RED, FLASH_RED).astype(np.int8)
        self._flash = np.ones(junctions, np.bool_)
        self._latched = np.zeros(junctions, np.bool_)
        self._groups, self._junctions = groups, junctions
        self._violations: tuple = ()
        self._alarms: tuple = ()

    @property
    def permitted(self) -> NDArray[np.int8]:
        """(G) lamps of the last permit the monitor told of; flash before the first."""
        return self._permitted

    def judge(
        self, now_ms: int, sequence: int, lamps: NDArray[np.int8], feedback: NDArray[np.int8],
        calls: NDArray[np.bool_], min_green_waived: NDArray[np.bool_],
        promise_suspended: NDArray[np.bool_], lease_until_ms: NDArray[np.int64] | None = None,
    ) -> Verdict:  # fmt: skip
        """Propose; gives what is known of the proposals before. `feedback` the monitor has by itself."""
        self.listen()
        body = lamps.tobytes()
        leases = b"" if lease_until_ms is None else lease_until_ms.tobytes()
        self._send(
            sequence, now_ms, body, calls.tobytes(), min_green_waived.tobytes(), promise_suspended.tobytes(),
            leases,
        )  # fmt: skip
        verdict = Verdict(self._flash, self._latched, self._permitted, self._violations, self._alarms)
        self._violations = self._alarms = ()
        return verdict

    def reset(self, junction: int, by: str, reason: str) -> None:
        """Ask the monitor to end a latch. Raises ValueError where there is none, as far as is known here."""
        if not self._latched[junction]:
            raise ValueError(f"reset: junction {self.card.junction_names[junction]} is not latched")
        if self.line is not None:
            self.line.send(pack(Unlatch(junction, by, reason)))

    def take_card(self, junction: int, card: Card, version: int = 0, at_once: bool = False) -> None:
        """Ask the monitor for another card at a junction; call it again until `card` is that one.

        Also one that says the same: the junction flashes once. Raises ValueError once when it is refused.
        """
        if self._refusal:
            refusal, self._refusal = self._refusal, ""
            raise ValueError(refusal)
        if self.line is None or card is self.card:
            return
        asked = (junction, card, version, at_once)
        new = asked != self._wish
        self._turns_asked = 0 if new else self._turns_asked + 1
        if new:
            self._wishes_ever += 1
            self._wish, self._wishes[self._wishes_ever] = asked, card
        if self._turns_asked % ASK_EVERY == 0:
            digest = bytes.fromhex(card.digest())
            self.line.send(pack(CardWish(junction, version, digest, at_once, self._wishes_ever)))

    def keep_card(self) -> None:
        """The card in force is the one to begin with from now on, here and at the monitor."""
        self._base = self.card
        if self.line is not None:
            self.line.send(pack(CardWish(KEEP, 0, bytes.fromhex(self.card.digest()))))

    def beat(self) -> None:
        """Only a sign of life."""
        self.listen()
        self._send(0, 0, b"")

    def listen(self) -> None:
        """Take every ruling that is there."""
        while self.line is not None:
            data = self.line.receive()
            if data is None:
                if self.line.closed:
                    self.lose()
                return
            try:
                message = unpack(data)
                if isinstance(message, Ruling):
                    self._heed(message)
                elif isinstance(message, CardAnswer):
                    self._hear_of_card(message)
            except BadMessage:
                continue

    def find(self) -> None:
        """Knock at the monitor's, where there is no line to it."""
        if self.line is None:
            self.line = knock_at(self._places.monitor)
            if self.line is not None:
                self.line.send(pack(Hello("engine", bytes.fromhex(self._base.digest()))))

    def lose(self) -> None:
        """The monitor is gone: nothing is permitted until another one says so."""
        if self.line is not None:
            self.line.close()
            self.line = None
        self._question = b""
        self._number = 0
        self._flash = np.ones(self._junctions, np.bool_)
        self.card, self._wish, self._refusal = self._base, None, ""
        self._wishes.clear()
        self._wishes_ever = 0

    def _hear_of_card(self, answer: CardAnswer) -> None:
        card = self._wishes.pop(answer.number, None)
        if card is None:
            return  # it has been answered before
        if answer.number == self._wishes_ever:
            self._wish = None
        if answer.why:
            self._refusal = answer.why
        else:
            self.card = card

    def _send(self, sequence: int, now_ms: int, lamps: bytes, *rest: bytes) -> None:
        if self.line is None or not self._question:
            return
        self._number += 1
        given = answer(self._question, self._number, lamps)
        self.line.send(pack(Proposal(self._number, sequence, now_ms, self.reading, given, lamps, *rest)))

    def _heed(self, ruling: Ruling) -> None:
        flash = array_of(ruling.flash, np.bool_, self._junctions)
        latched = array_of(ruling.latched, np.bool_, self._junctions)
        permitted = array_of(ruling.permitted, np.int8, self._groups)
        violations, alarms = found_in(ruling)
        self._flash, self._latched, self._permitted = flash, latched, permitted
        self._question = ruling.question
        self._violations += violations
        self._alarms += alarms
        self.rulings += 1


class EngineProcess:
    """Ticks something for every reading of a street, until the street has ended.

    `make(link, now_ms)` gives what ticks, once the first reading has come. `own_ms` is the machine's
    monotonic clock.
    """

    def __init__(
        self,
        network: Network,
        card: Card,
        sensors: Sensors,
        places: Places,
        make: Callable[[MonitorLink, int], Ticking],
        own_ms: Callable[[], int],
        disturb: Callable[[EngineProcess], None] = lambda process: None,
    ) -> None:
        self.network = network
        self.link = MonitorLink(card, places)
        self.street: LampLine | None = None
        self.ticking: Ticking | None = None
        self.ticks = 0
        self._places, self._make, self._own_ms, self._disturb = places, make, own_ms, disturb
        self._frame = empty_frame(network, sensors)
        self._knocked_ms = -KNOCK_EVERY_MS
        self._beat_ms = self._gone_ms = own_ms()
        self._met = False

    def run(self, over: Callable[[], bool] = lambda: False) -> None:
        """Until the street has ended, or `over` says so."""
        while not over() and not self._is_alone():
            self.turn()

    def turn(self, timeout_ms: int = BEAT_MS // 2) -> None:
        """One round: the latest reading, else a sign of life."""
        self._find_others(self._own_ms())
        self._wait(timeout_ms)
        self._disturb(self)
        self.link.listen()
        data = self._latest()
        if data is not None:
            self._tick(data)
        elif self.ticking is not None and abs(self._own_ms() - self._beat_ms) >= BEAT_MS:
            self._beat_ms = self._own_ms()
            self.link.beat()

    def close(self) -> None:
        """Its process ends."""
        self.cut()

    def cut(self) -> None:
        """Lose every line, as if they had been cut; they are sought anew (drills)."""
        self.link.lose()
        self._lose_street()

    def _wait(self, timeout_ms: int) -> None:
        poller = select.poll()
        for line in (self.street, self.link.line):
            if line is not None and not line.closed:
                poller.register(line, select.POLLIN)
        poller.poll(timeout_ms)

    def _tick(self, data: bytes) -> None:
        try:
            number, now_ms = unpack_reading(data, self.network, self._frame)
        except BadMessage:
            return
        if self.ticking is None:
            self.ticking = self._make(self.link, now_ms)
        self.link.reading = number
        self._beat_ms = self._own_ms()
        self.ticking.tick(self._frame, now_ms)
        self.ticks += 1

    def _latest(self) -> bytes | None:
        """The newest reading; after a pause the older ones are worth nothing but their new sensor values."""
        latest: bytes | None = None
        while self.street is not None:
            data = self.street.receive()
            if data is None:
                if self.street.closed:
                    self._lose_street()
                break
            if latest is not None and len(latest) > len(data):
                self._take_in(latest)
            latest = data
        return latest

    def _take_in(self, data: bytes) -> None:
        try:
            unpack_reading(data, self.network, self._frame)
        except BadMessage:
            return

    def _find_others(self, own_ms: int) -> None:
        if abs(own_ms - self._knocked_ms) < KNOCK_EVERY_MS:
            return
        self._knocked_ms = own_ms
        self.link.find()
        if self.street is None:
            self.street = knock_at(self._places.street)
            if self.street is not None:
                self._met = True

    def _lose_street(self) -> None:
        if self.street is not None:
            self.street.close()
            self.street = None
            self._gone_ms = self._own_ms()

    def _is_alone(self) -> bool:
        return self._met and self.street is None and self._own_ms() - self._gone_ms > STREET_GONE_MS
