"""The engine: ticks a controller on a street and does what the desk says, whoever floods whom.

It knows no socket but one line to the gateway, from which it takes at most a few messages a
tick and to which it never waits: a gateway that hangs, floods or dies cannot delay a lamp.
What it was told to do ends by itself, by the leases it was told.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgpack  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from controller.drift import DriftWatch
from controller.frame import Frame
from controller.journal import JournalWriter
from controller.ladder import Rung
from controller.monitor import Verdict
from controller.orders import Kind, Orders
from controller.preemption import What
from controller.state import State
from controller.tick import Controller
from override.acting import Acting, Findings
from override.adopting import Adopting, Make
from override.beliefs import Beliefs, Heads
from override.handover import HandingOver
from override.roles import Command
from override.ruling import Act
from override.storage import pack_order, unpack_order
from override.telemetry import Telemetry
from override.wire_names import network_for_wire

MESSAGES_PER_TICK = 8
ACTS_PER_MESSAGE = 200
ALARMS_KEPT = 100
SECOND_MS = 1000
REPORT_EVERY = 2
"""A report every so many ticks; found things at once."""


class Line(Protocol):
    """A way to the other process that never blocks."""

    def send(self, message: bytes) -> bool:
        """Hand over a message; False = no room, the message is lost."""

    def receive(self) -> bytes | None:
        """The next message, if there is one."""


@dataclass(slots=True)
class Report:
    """What the gateway learns of the street."""

    now_ms: int
    """The station's monotonic clock."""
    progress: int
    """Ticks done."""
    lamps: bytes
    """(G) int8, as really shown."""
    stages: bytes
    """(J) int64 index among all stages, -1 = none."""
    rungs: bytes = b""
    """(J) int8, of the ladder; empty where the controller has none."""
    proven: list[tuple[str, str]] = field(default_factory=list)
    completed: list[str] = field(default_factory=list)
    vetoed: list[tuple[str, str, str]] = field(default_factory=list)
    served: list[tuple[str, str]] = field(default_factory=list)
    alarms: list[tuple[int, str, str]] = field(default_factory=list)
    """(junction index, code, sentence) of the monitor."""
    beliefs: bytes = b""
    """(ROWS, J) int32 as `override.beliefs` measures them, once a second; empty in between."""
    lost: int = 0
    """Messages for consoles that the line had no room for, since the engine began."""
    latched: bytes = b""
    """(J) bool, with `beliefs`: put to flash by the monitor until a person ends it."""
    unlike: bytes = b""
    """(J) bool, with `beliefs`: has shown other lamps than it was told to for two seconds."""
    runs: int = 0
    """Version whose stages these are."""
    others: list[tuple[int, str]] = field(default_factory=list)
    """(junction index, name of its stage) where it is one of the version being taken up."""

    def packed(self) -> bytes:
        """For the line."""
        message: bytes = msgpack.packb([getattr(self, name) for name in Report.__slots__])
        return message


def report_of(message: bytes) -> Report:
    """A report back from its message."""
    fields: list[Any] = msgpack.unpackb(message)
    for at in (5, 7, 8, 9, 15):
        fields[at] = [tuple(row) for row in fields[at]]
    return Report(*fields)


def pack_acts(acts: tuple[Act, ...]) -> list[bytes]:
    """Messages for the engine, so many acts in each; an order that acts in many places stands once in it."""
    out = []
    for at in range(0, len(acts), ACTS_PER_MESSAGE):
        part = acts[at : at + ACTS_PER_MESSAGE]
        orders = {a.order.id: pack_order(a.order) for a in part if a.order}
        rows = [[a.junction, a.point, a.order.id if a.order else "", a.until_ms] for a in part]
        out.append(msgpack.packb([orders, rows]))
    return out


def unpack_acts(message: bytes) -> tuple[Act, ...] | None:
    """Acts back from a message; None = end everything that acts."""
    packed, rows = msgpack.unpackb(message)
    if packed is None:
        return None
    orders = {name: unpack_order(record) for name, record in packed.items()}
    return tuple(Act(junction, point, orders.get(name), until_ms) for junction, point, name, until_ms in rows)


def pack_reset() -> bytes:
    """Sent first by a gateway that has just started: whatever acts is not known to it any more."""
    message: bytes = msgpack.packb([None, []])
    return message


class Engine:
    """A controller that takes orders over a line. Ticks like one: every 100 ms of street time.

    `clock_ms` is the station's monotonic clock; `speed` street seconds pass in one of its. `make` gives
    controllers of other versions, `runs` is the number of this one; `journal` makes
    the one it writes.
    """

    def __init__(
        self,
        controller: Controller,
        line: Line,
        clock_ms: Callable[[], int],
        speed: float = 1.0,
        make: Make | None = None,
        runs: int = 0,
        journal: Callable[[Controller, Orders], JournalWriter] | None = None,
    ) -> None:
        self.controller = controller
        self.state: State = controller.state
        self.network = network_for_wire(controller.network)
        self.orders = Orders(self.network)
        self.acting = Acting(self.network, self.orders, speed)
        self.adopting = Adopting(controller, self.orders, make, runs)
        self.adopting.changed = self._another_version
        self.journal = None if journal is None else journal(controller, self.orders)
        self.progress = 0
        self.lost_reports = 0
        self._line = line
        self.handing = HandingOver(controller, speed)
        meter, coming = self.handing.meter, self.adopting.coming
        self.telemetry = Telemetry(controller, self.acting, meter, speed, coming)
        self._clock_ms = clock_ms
        self._unsent: list[Findings] = []
        self._alarms: list[tuple[int, str, str]] = []
        self._beliefs = Beliefs(controller.network)
        self._believed_ms = -SECOND_MS
        self._heads = Heads(controller.network)
        self._drift = DriftWatch(controller.network)
        self._preempts_seen = controller.preemption.events_ever

    @property
    def verdict(self) -> Verdict | None:
        """The monitor's, of the last tick."""
        return self.controller.verdict

    @property
    def promises_suspended(self) -> NDArray[np.bool_]:
        """(J) where promises do not run now."""
        return self.controller.promises_suspended

    def tick(self, frame: Frame, now_ms: int) -> NDArray[np.int8]:
        """Lamps (groups,) to show from `now_ms` (street time) on. Waits for nobody."""
        began_ns = time.perf_counter_ns()
        clock_ms = self._clock_ms()
        for _ in range(MESSAGES_PER_TICK):
            if (message := self._line.receive()) is None:
                break
            if any(part.takes(message) for part in (self.handing, self.telemetry, self.adopting)):
                continue
            if (acts := unpack_acts(message)) is None:
                self.acting.reset()
            else:
                self.acting.take(acts, clock_ms, now_ms)
        while self.acting.once:
            self._do_once(self.acting.once.pop(0))
        lamps = self.adopting.tick(frame, now_ms)
        self.progress += 1
        if self.journal is not None:
            self._write(self.journal, frame, now_ms, lamps)
        self.handing.after_tick(self._line, clock_ms, now_ms)
        self.telemetry.after_tick(self._line, frame, clock_ms, now_ms, self.progress)
        found = self.acting.look(self.controller.state, frame.lamps_shown)
        if found.proven or found.completed or found.vetoed or found.served:
            self._unsent.append(found)
        verdict = self.controller.verdict
        if verdict is not None and (verdict.violations or verdict.alarms):
            for fault in (*verdict.violations, *verdict.alarms):
                self._alarms.append((int(fault.junction), str(fault.check), fault.sentence))
        self._watch_plans(now_ms)
        self._watch_preempts()
        if self._unsent or self._alarms or self.progress % REPORT_EVERY == 0:
            self._report(clock_ms, now_ms, frame.lamps_shown)
        if (stand := self.adopting.due(clock_ms)) is not None:
            self._line.send(stand)
        self._heads.look(lamps, frame.lamps_shown, now_ms)
        self.telemetry.clock.note(began_ns, time.perf_counter_ns(), now_ms)
        return lamps

    def close(self) -> None:
        """Complete the journal; nothing else is kept here."""
        if self.journal is not None:
            self.journal.close()

    def _write(self, journal: JournalWriter, frame: Frame, now_ms: int, lamps: NDArray[np.int8]) -> None:
        """Write the tick down. Where two versions decide together the journal ends, complete."""
        if self.adopting.is_adopting:
            journal.close()
            self.journal = None
            return
        journal.write(frame, now_ms, lamps)
        if journal.due:
            journal.flush()

    def _another_version(self, orders: Orders) -> None:
        """Another version is final: who knows the street by it shall know it so."""
        network, policy = self.controller.network, self.controller.policy
        self.state, self.orders, self.network = self.controller.state, orders, network_for_wire(network)
        self.acting.of_version(self.network, orders)
        self.telemetry.another_version()
        self.handing.meter.weigh_by(policy)
        self.telemetry.pulsing.weigh_by(policy)
        self._drift = DriftWatch(network)

    def _watch_plans(self, now_ms: int) -> None:
        """Where a fixed plan is played its greens must not creep (A7); orders are nobody's secret."""
        ladder = self.controller.degradation
        free = self.orders.book.kind != Kind.NONE
        if self.controller.name != "fixed":
            free |= True if ladder is None else ladder.ladder.rungs.rung < Rung.COORDINATED
        if self.network.street.timetable:
            self._hear_hours()
        for drift in self._drift.look(self.state, now_ms, free):
            self._alarms.append((drift.junction, "A7", drift.sentence(self.network)))

    def _hear_hours(self) -> None:
        """Plans that change with the hour: no creeping, and an alarm where they do not come into step."""
        for j in self.controller.plans_changed():
            self._drift.forget(j)
        self._alarms += [(j, "R46", sentence) for j, sentence in self.controller.plan_alarms()]

    def _watch_preempts(self) -> None:
        """Who has been let through for too long stands in somebody's way, or nowhere at all (R43)."""
        preemption = self.controller.preemption
        if preemption.events_ever == self._preempts_seen:
            return
        events, self._preempts_seen = preemption.new_events(self._preempts_seen)
        for event in events:
            if event.what == What.TOO_LONG:
                self._alarms.append((event.junction, "R43", preemption.said(event)))

    def _do_once(self, act: Act) -> None:
        """End the monitor's latch; two people have answered for it, or one who broke glass."""
        order = act.order
        if order is None or order.command is not Command.RESET_TRIP:
            return
        j = self.network.junction_index(act.junction)
        by = " and ".join(name for name in (order.issuer, order.second) if name)
        try:
            self.controller.monitor.reset(j, by, f"order {order.id}")
        except ValueError as error:
            self._alarms.append((j, "reset", str(error)))

    def _report(self, clock_ms: int, street_ms: int, shown: NDArray[np.int8]) -> None:
        stages = self.controller.state.target_stage.tobytes()
        ladder = self.controller.degradation
        rungs = b"" if ladder is None else ladder.ladder.rungs.rung.astype(np.int8).tobytes()
        report = Report(clock_ms, self.progress, shown.tobytes(), stages, rungs, runs=self.adopting.runs)
        report.others = self.adopting.other_stages()
        if clock_ms - self._believed_ms >= SECOND_MS:
            self._believed_ms = clock_ms
            detectors = None if ladder is None else ladder.detectors
            believed = self._beliefs.measure(self.controller.state, detectors, street_ms)
            report.beliefs, report.lost = believed.tobytes(), self.telemetry.lost
            if self.verdict is not None:
                report.latched = self.verdict.latched.tobytes()
            report.unlike = self._heads.unlike(street_ms).tobytes()
        for found in self._unsent:
            report.proven += found.proven
            report.completed += found.completed
            report.vetoed += found.vetoed
            report.served += found.served
        report.alarms = self._alarms[:]
        if self._line.send(report.packed()):
            self._unsent.clear()
            self._alarms.clear()
        else:
            # Lamps and stages of a lost report come with the next; what was found is kept for it.
            self.lost_reports += 1
            del self._alarms[:-ALARMS_KEPT]
