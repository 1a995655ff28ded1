"""The street's end of the line: it shows what a fresh permit says, and else flashes by itself.

Whatever moves the people (a simulated city, SUMO) calls `StreetEnd.tick` every 100 ms as it would call
a controller. The reading goes to the engine, the state of the heads to the monitor, and the lamps that
come back are the monitor's. Nothing that engine, monitor or their lines do or leave undone keeps a
lamp lit longer than 300 ms without a permit.
"""

from __future__ import annotations

import select
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame
from controller.monitor import Card, Verdict
from controller.monitor.heads import bits_lit
from controller.monitor.lamps import FLASH_RED, LAMPS, RED
from controller.monitor.vigil import SILENCE_MAX_MS
from controller.network import Network
from controller.state import State, new_state
from override.lamp_line import (
    BadMessage,
    Heads,
    Hello,
    LampLine,
    Permit,
    array_of,
    knock_at,
    listen_at,
    pack,
    pack_reading,
    take_line,
    unpack,
)
from override.monitor_process import Places

KNOCK_EVERY_MS = 50
CATCH_UP_MS = 250
"""A street that was held up makes good no more than this: the monitor watches its time (C12)."""
REST_MS = 50
FIRST_WAIT_MS = 120_000
"""A street that has just been built waits so long for its engine before time begins to pass."""
READINGS_OPEN = 64
"""So many readings may wait for their permit."""

Heard = Callable[[NDArray[np.int8], int], None]
"""Told the lamps (groups,) that are shown and the own clock's time, whenever they are looked after."""
Lit = Callable[[NDArray[np.int8], NDArray[np.bool_]], NDArray[np.uint8]]
"""What heads light for these lamps (groups,), crossings as told: `controller.monitor.heads.bits_lit`."""


class PermitGate:
    """Decides what the heads show: the last permit while it is fresh, else all-red flash.

    A permit answers a reading and is fresh for 300 ms from when that was given, by the street's own
    clock: no other clock can lengthen it, and what was held up on its way is stale when it comes. Once
    the heads have flashed by themselves only the monitor's own flash leads out of it, never a green.
    """

    def __init__(self, card: Card, silence_max_ms: int = SILENCE_MAX_MS) -> None:
        self._flash: NDArray[np.int8] = np.where(card.pedestrian, RED, FLASH_RED).astype(np.int8)
        self._lamps = self._flash.copy()
        self._number = 0
        self._must_flash = True
        self._given_ms: dict[int, int] = {}
        self._from_ms: int | None = None
        self._silence_max_ms = silence_max_ms
        self.reading = -1
        """The latest reading a permit answered."""
        self.refused = 0
        """Permits that were late, out of turn or malformed."""

    def given(self, reading: int, own_ms: int) -> None:
        """This reading is given to engine and monitor now."""
        self._given_ms[reading] = own_ms
        self._given_ms.pop(reading - READINGS_OPEN, None)

    def forget(self) -> None:
        """The monitor is gone: no permit holds any more."""
        self._from_ms = None
        self._number = 0

    def take(self, permit: Permit, own_ms: int) -> bool:
        """Take a permit. Stale ones, ones out of turn and ones for other lamps are refused."""
        from_ms = self._given_ms.get(permit.reading)
        try:
            lamps = array_of(permit.lamps, np.int8, len(self._lamps))
        except BadMessage:
            lamps = self._flash[:0]
        lit = lamps.size > 0 and bool(lamps.min() >= 0 and lamps.max() < LAMPS)
        late = from_ms is None or not 0 <= own_ms - from_ms <= self._silence_max_ms
        unready = self._must_flash and not np.array_equal(lamps, self._flash)
        if not lit or late or unready or permit.number <= self._number:
            self.refused += 1
            return False
        self._must_flash = False
        self._number, self._from_ms, self.reading = permit.number, from_ms, permit.reading
        self._lamps[:] = lamps
        return True

    def left_ms(self, own_ms: int) -> int:
        """How long the permit still holds; 0 = there is none."""
        if self._from_ms is None or not 0 <= own_ms - self._from_ms <= self._silence_max_ms:
            return 0
        return self._from_ms + self._silence_max_ms - own_ms + 1

    def lamps(self, own_ms: int) -> NDArray[np.int8]:
        """(groups) what the heads show now."""
        if self.left_ms(own_ms):
            return self._lamps
        self._must_flash = True
        return self._flash


class StreetEnd:
    """Ticks like a controller, for a street whose engine and monitor are other processes.

    `own_ms` is the machine's monotonic clock in ms. `on_show` hears of the lamps whenever they are
    looked after; a cabinet whose lamps nobody looks after for 300 ms flashes by its own relay. `lit`
    are the heads, `wait` lets some milliseconds pass or something come.
    """

    def __init__(
        self,
        network: Network,
        card: Card,
        places: Places,
        own_ms: Callable[[], int],
        now_ms: int,
        speed: float = 1.0,
        on_show: Heard = lambda lamps, own_ms: None,
        disturb: Callable[[StreetEnd], None] = lambda end: None,
        lit: Lit = bits_lit,
        wait: Callable[[int], object] | None = None,
    ) -> None:
        self.network = network
        self.state: State = new_state(network, now_ms)
        """Nothing is known of calls here; whoever looks for them finds none."""
        self.verdict: Verdict | None = None
        """Never any: the monitor tells the engine."""
        self.gate = PermitGate(card, round(SILENCE_MAX_MS / min(speed, 1.0)))
        self.engine: LampLine | None = None
        self.monitor: LampLine | None = None
        self.by_itself_ticks = 0
        self.reading = 0
        self._card, self._places, self._own_ms = card, places, own_ms
        self._on_show, self._disturb = on_show, disturb
        self._door = listen_at(places.street)
        self._poller = select.poll()
        self._poller.register(self._door, select.POLLIN)
        self._lit, self._wait = lit, wait or self._poller.poll
        self._told = -1
        self._knocked_ms = -KNOCK_EVERY_MS
        self._begun = False
        self._by_itself = True

    def tick(self, frame: Frame, now_ms: int) -> NDArray[np.int8]:
        """Lamps (groups,) to show from `now_ms` (street time) on."""
        self._disturb(self)
        self._find_others(self._own_ms())
        if not self._begun:
            self._wait_for_everybody()
        self.reading += 1
        self._tell(frame, now_ms)
        # As long as a permit holds its successor is waited for; a flash waits for nobody.
        self._listen(self.reading)
        own_ms = self._own_ms()
        self._by_itself = not self.gate.left_ms(own_ms)
        self.by_itself_ticks += self._by_itself
        return self._look_after_lamps(own_ms)

    def rest(self, seconds: float) -> None:
        """Let so much time pass with an eye on the lamps: for a street that waits for its pace."""
        end_ms = self._own_ms() + round(1000 * seconds)
        while (own_ms := self._own_ms()) < end_ms:
            self._take_permits()
            self._look_after_lamps(own_ms)
            wait_ms = min(end_ms - own_ms, self.gate.left_ms(own_ms) or REST_MS, REST_MS)
            self._wait(wait_ms)
            self._find_others(self._own_ms())

    def close(self) -> None:
        """The street ends; engine and monitor see it at once."""
        if self.monitor is not None:
            self.monitor.send(pack(Hello("end")))
        for line in (self.engine, self.monitor):
            if line is not None:
                line.close()
        self._door.close()

    def cut(self) -> None:
        """Lose every line, as if they had been cut; they are sought anew (drills)."""
        for line in (self.engine, self.monitor):
            if line is not None:
                self._lose(line)

    # --- parts -----------------------------------------------------------------------------

    def _look_after_lamps(self, own_ms: int) -> NDArray[np.int8]:
        lamps = self.gate.lamps(own_ms)
        self._on_show(lamps, own_ms)
        return lamps

    def _tell(self, frame: Frame, now_ms: int) -> None:
        """The reading to the engine; what the heads have shown until now to the monitor."""
        self.gate.given(self.reading, self._own_ms())
        if self.monitor is not None:
            bits = self._lit(frame.lamps_shown, self._card.pedestrian).tobytes()
            self.monitor.send(pack(Heads(self.reading, now_ms, self._by_itself, bits)))
        if self.engine is not None:
            whole = frame.sequence != self._told
            if self.engine.send(pack_reading(self.reading, now_ms, frame, whole)):
                self._told = frame.sequence

    def _listen(self, reading: int) -> None:
        """Take permits until the one for this reading is there, or none holds any more."""
        while True:
            self._take_permits()
            own_ms = self._own_ms()
            self._look_after_lamps(own_ms)
            left_ms = self.gate.left_ms(own_ms)
            if self.monitor is None or self.gate.reading >= reading or not left_ms:
                return
            self._wait(min(left_ms, REST_MS))
            self._find_others(self._own_ms())

    def _take_permits(self) -> None:
        while self.monitor is not None:
            data = self.monitor.receive()
            if data is None:
                if self.monitor.closed:
                    self._lose(self.monitor)
                return
            try:
                message = unpack(data)
            except BadMessage:
                continue
            if isinstance(message, Permit):
                self.gate.take(message, self._own_ms())

    def _find_others(self, own_ms: int) -> None:
        """Let the engine in, knock at the monitor's, notice who has gone."""
        while (line := take_line(self._door)) is not None:
            if self.engine is not None:
                self._lose(self.engine)
            self.engine, self._told = line, -1
            self._poller.register(line, select.POLLIN)
        if self.engine is not None:
            self.engine.receive()
            if self.engine.closed:
                self._lose(self.engine)
        if self.monitor is None and abs(own_ms - self._knocked_ms) >= KNOCK_EVERY_MS:
            self._knocked_ms = own_ms
            self.monitor = knock_at(self._places.monitor)
            if self.monitor is not None:
                self.monitor.send(pack(Hello("street")))
                self._poller.register(self.monitor, select.POLLIN)

    def _lose(self, line: LampLine) -> None:
        self._poller.unregister(line)
        line.close()
        if line is self.engine:
            self.engine = None
        if line is self.monitor:
            self.monitor = None
            self.gate.forget()

    def _wait_for_everybody(self) -> None:
        """Before the first tick: what is built first waits for the others, in flash."""
        self._begun = True
        end_ms = self._own_ms() + FIRST_WAIT_MS
        while (own_ms := self._own_ms()) < end_ms and (self.engine is None or self.monitor is None):
            self._look_after_lamps(own_ms)
            self._wait(REST_MS)
            self._find_others(own_ms)
