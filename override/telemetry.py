"""What an engine tells beside its reports: details of junctions somebody looks at, pulse and record.

It is told over the line what is wanted, and answers with finished messages for the picture
endpoint, which the gateway hands on without looking into them. Every tick does a bounded part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import msgpack  # type: ignore[import-untyped]
import numpy as np

from controller.frame import Frame
from override import wire
from override.bounds import BOOT_BYTES
from override.details import WATCH_MS, WATCHED_MAX, Pulse, Record
from override.near_versions import NearVersions
from override.pulse import Pulsing, TickClock
from override.record import Recorder

if TYPE_CHECKING:
    from controller.adoption import Adoption
    from controller.tick import Controller
    from override.acting import Acting
    from override.handover import Meter

WISH = "wish"
"""First item of a wish on the line to the engine."""
_WISH = msgpack.packb([WISH, None, None])[:6]
SAID = b"S"
"""First byte of a finished message on the line to the gateway; a report begins otherwise."""
DETAILS_PER_TICK = 2
"""Beyond twenty junctions watched in real time, each is described less often than once a second."""
SECOND_MS = 1000


class Line(Protocol):
    """A way to the other process that never blocks."""

    def send(self, message: bytes) -> bool:
        """Hand over a message; False = no room, the message is lost."""


def pack_wish(kind: str, body: Any) -> bytes:
    """`boot`: what the messages carry; `watch`: numbers of the junctions to describe;
    `districts`: their names, and the number of its district for every junction."""
    message: bytes = msgpack.packb([WISH, kind, body])
    return message


def said(message: bytes) -> tuple[bytes, bytes] | None:
    """(topic, payload) of a finished message; None when it is something else."""
    if message[:1] != SAID:
        return None
    topic, _, payload = message[1:].partition(b"\0")
    return topic, payload


class Telemetry:
    """Watches one controller for one gateway, and the version that is to follow it, which `coming` gives."""

    def __init__(
        self,
        controller: Controller,
        acting: Acting,
        meter: Meter,
        speed: float,
        coming: Callable[[], Adoption | None] = lambda: None,
    ) -> None:
        self.near = NearVersions(controller, acting, coming)
        self.recorder = Recorder(controller)
        self.pulsing = Pulsing(controller.network, controller.policy)
        self.clock = TickClock(speed)
        self.lost = 0
        """Messages for which the line had no room."""
        self._controller, self._meter = controller, meter
        self._boot = bytes(BOOT_BYTES)
        self._seq = 0
        self._second_ms = self._pulse_ms = -SECOND_MS
        self._junctions = controller.network.n_junctions
        self._watched: dict[int, int] = {}
        self._watched_until_ms = 0

    def another_version(self) -> None:
        """Another version is final."""
        self.near.another_version()

    def takes(self, message: bytes) -> bool:
        """Take a wish; False = the message is none."""
        if message[: len(_WISH)] != _WISH:
            return False
        _, kind, body = msgpack.unpackb(message)
        if kind == "boot":
            self._boot = body
            self._seq = 0
        elif kind == "districts":
            if len(body[1]) == self._junctions:
                self.pulsing.place(*body)
        elif kind == "watch":
            wanted = [j for j in body if 0 <= j < self._junctions][:WATCHED_MAX]
            self._watched = {j: self._watched.get(j, 0) for j in wanted}
            self._watched_until_ms = -1
        return True

    def after_tick(self, line: Line, frame: Frame, clock_ms: int, street_ms: int, progress: int) -> None:
        """Look at what the tick did, and tell what is due."""
        self.near.observe(frame, street_ms)
        served = self.recorder.observe(frame, street_ms)
        meter, state = self._meter, self._controller.state
        self.pulsing.serve(served, meter.bus_persons, street_ms)
        if street_ms - self._second_ms >= SECOND_MS:
            self._second_ms = street_ms
            usual = self._controller.estimator.usual_veh_per_s
            self.pulsing.second(state, meter.waited_s, meter.bus_persons, usual, street_ms)
        # A pulse tells how late it is on the street: it must not overtake what the record has to say of
        # the time before, or a press whose call is still to be told looks unheard.
        pulse_due = clock_ms - self._pulse_ms >= SECOND_MS
        for rows in self.recorder.due(clock_ms, at_once=pulse_due):
            self._seq += 1
            record = Record(self._boot, self._seq, clock_ms, max(0, street_ms), rows)
            self._say(line, b"record", wire.pack(record, checked=False))
        if pulse_due and not self.recorder.waiting:
            self._pulse_ms = clock_ms
            self._tell_pulse(line, clock_ms, street_ms, progress)
        elif self._watched:
            self._tell_details(line, frame, clock_ms, street_ms)

    def _tell_pulse(self, line: Line, clock_ms: int, street_ms: int, progress: int) -> None:
        degradation = self._controller.degradation
        rungs = [self._junctions, 0, 0, 0, 0, 0]
        if degradation is not None:
            rungs = np.bincount(degradation.ladder.rungs.rung, minlength=6).tolist()
        modes, districts = self.pulsing.modes(), self.pulsing.by_district()
        pulse = Pulse(
            self._boot, clock_ms, max(0, street_ms), progress, modes, districts, tuple(rungs),
            *self.clock.told(),
        )  # fmt: skip
        self._say(line, b"pulse", wire.pack(pulse, checked=False))

    def _tell_details(self, line: Line, frame: Frame, clock_ms: int, street_ms: int) -> None:
        if self._watched_until_ms < 0:
            self._watched_until_ms = clock_ms + WATCH_MS
        if clock_ms > self._watched_until_ms:
            self._watched.clear()  # nobody has renewed it: the gateway is gone
            return
        due = [j for j, told_ms in self._watched.items() if clock_ms - told_ms >= SECOND_MS]
        due.sort(key=self._watched.__getitem__)
        for j in due[:DETAILS_PER_TICK]:
            self._watched[j] = clock_ms
            detail = self.near.detail(j, frame, self._boot, clock_ms, street_ms)
            self._say(line, b"detail", wire.pack(detail, checked=False))

    def _say(self, line: Line, topic: bytes, payload: bytes) -> None:
        if not line.send(SAID + topic + b"\0" + payload):
            self.lost += 1
