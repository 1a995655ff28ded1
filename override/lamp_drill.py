"""A drill of processes: one of engine, monitor and street is harmed, and the heads are watched.

The processes are the real ones; only what moves the people is missing. The witness looks at the heads
as somebody at the kerb would: what the street's process lights, or the flash of the cabinet's own relay
where that process has not looked after its lamps for 300 ms.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.frame import TICK_MS, empty_frame
from controller.journal import JournalError, JournalWriter, read_journal
from controller.monitor import Card
from controller.monitor.lamps import ACTIVE, FLASH_RED, GREEN
from controller.network import Network
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import Sensors
from override.engine_process import MonitorLink
from override.lamp_processes import Kept, LampProcesses, LiveStreet, MakeStreetEnd, machine_ms
from override.line import LocalLine

RELAY_MS = 300
"""A cabinet's relay flashes when nobody has looked after the lamps for so long."""
HOUR_MS = 3_600_000
FLASH_MAX_MS = 500
LOOK_S = 0.001
WATCHED_MS = 1_000
"""Where no flash is expected, none may come for so long."""
NAMES = ("engine", "monitor", "street")


class Harm(StrEnum):
    """What is done to a process."""

    KILL = "kill"
    STOP = "stop"
    HANG = "hang"
    CLOCK_FORWARD = "clock +1 h"
    CLOCK_BACK = "clock -1 h"
    DISK_FULL = "disk full"
    LINK_CUT = "link cut"


class Stated(StrEnum):
    """What the heads must do."""

    FLASH = "flash within 500 ms"
    GOES_ON = "goes on"
    EITHER = "either of the two"


def stated(process: str, harm: Harm) -> Stated:
    """What the heads must do then.

    A full disk takes nothing from any lamp. A clock that jumps takes nothing from the engine, whose
    leases run on the street's time; to monitor and street it is a silence of an hour, unless they hear
    of each other in the very millisecond of the jump.
    """
    if harm is Harm.DISK_FULL:
        return Stated.GOES_ON
    if harm in (Harm.CLOCK_FORWARD, Harm.CLOCK_BACK):
        return Stated.GOES_ON if process == "engine" else Stated.EITHER
    return Stated.FLASH


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one harm."""

    process: str
    harm: Harm
    flash_ms: float | None
    """From the harm until every head for drivers flashed; None = they did not."""
    back_s: float | None
    """Until the first green after it, in seconds of the clock; None = none came in time."""
    conflicts: int
    """Looks at the heads that saw two conflicting groups active."""
    journal: str = ""
    """What is wrong with a journal the engine left behind; empty = every one can be read."""

    @property
    def kept(self) -> bool:
        """Whether everything is as stated."""
        return not self.amiss

    @property
    def amiss(self) -> str:
        """What is not as stated, in words; empty = nothing."""
        must = stated(self.process, self.harm)
        if self.conflicts:
            return f"conflicting groups active in {self.conflicts} looks"
        if self.journal:
            return f"journal: {self.journal}"
        if self.flash_ms is None and must is Stated.FLASH:
            return "no flash"
        if self.flash_ms is not None and must is Stated.GOES_ON:
            return "it flashed"
        if self.flash_ms is not None and self.flash_ms > FLASH_MAX_MS:
            return f"flash after {self.flash_ms:.0f} ms"
        return "no green again within a minute" if self.back_s is None else ""


class Heads:
    """The heads of a street, in memory that all processes share."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._lamps = RawArray("b", card.group_count)
        self._cared_ms = RawArray("q", 1)
        self._drives = ~card.pedestrian

    def show(self, lamps: NDArray[np.int8], own_ms: int) -> None:
        """The street's process looks after its lamps."""
        np.frombuffer(self._lamps, np.int8)[:] = lamps
        self._cared_ms[0] = machine_ms()

    def look(self) -> NDArray[np.int8]:
        """(groups) what somebody at the kerb sees."""
        if machine_ms() - self._cared_ms[0] > RELAY_MS:
            return np.where(self._drives, FLASH_RED, 0).astype(np.int8)
        return np.frombuffer(self._lamps, np.int8).copy()

    def flashes(self, lamps: NDArray[np.int8]) -> bool:
        """Every head for drivers flashes red."""
        return bool((lamps[self._drives] == FLASH_RED).all())

    def conflicts(self, lamps: NDArray[np.int8]) -> bool:
        """Two conflicting groups are active."""
        active = ACTIVE[lamps]
        return bool((active[self._card.pair_ending] & active[self._card.pair_starting]).any())


class Knobs:
    """How a drill reaches into its processes: each looks once a turn."""

    def __init__(self) -> None:
        self._hang = RawArray("q", len(NAMES))
        self._cut = RawArray("q", len(NAMES))
        self._jumped = RawArray("q", len(NAMES))
        self._jump_ms = RawArray("q", len(NAMES))

    def turn(self, name: str) -> Callable[[Any], None]:
        """What the process of that name calls."""
        at, cut_before = NAMES.index(name), [0]

        def look(process: Any) -> None:
            while self._hang[at] == os.getpid():
                pass
            if self._cut[at] != cut_before[0]:
                cut_before[0] = self._cut[at]
                process.cut()

        return look

    def clock(self, name: str) -> Callable[[], int]:
        """Its own clock; a process started anew has one that is right."""
        at = NAMES.index(name)

        def own_ms() -> int:
            return machine_ms() + (self._jump_ms[at] if self._jumped[at] == os.getpid() else 0)

        return own_ms

    def harm(self, kept: Kept, harm: Harm) -> None:
        """Do it, now."""
        assert kept.process is not None
        assert kept.process.pid is not None
        pid, at = kept.process.pid, NAMES.index(kept.name)
        if harm is Harm.KILL:
            os.kill(pid, signal.SIGKILL)
        elif harm is Harm.STOP:
            os.kill(pid, signal.SIGSTOP)
        elif harm is Harm.HANG:
            self._hang[at] = pid
        elif harm is Harm.LINK_CUT:
            self._cut[at] += 1
        elif harm is Harm.DISK_FULL:
            # No file may grow any more: every write fails as on a full disk.
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0))
        else:
            self._jump_ms[at] = HOUR_MS if harm is Harm.CLOCK_FORWARD else -HOUR_MS
            self._jumped[at] = pid


class LampDrill:
    """Harms one process of a street of its own, which lives for that alone.

    `folder` takes the engine's journals. `speed` street seconds pass in one of the clock; what must
    happen within milliseconds is of the clock.
    """

    def __init__(
        self, network: Network, card: Card, folder: Path, speed: float = 10.0, seed: int = 1
    ) -> None:
        self._network, self._card, self._folder = network, card, folder
        self._speed, self._seed = speed, seed
        self._ticks = RawArray("q", 1)
        self.said: list[str] = []

    def harm(self, process: str, harm: Harm) -> Outcome:
        """One harm, from a street that is alive to one that is alive again."""
        heads, knobs = Heads(self._card), Knobs()
        lamps = LampProcesses(self._live(heads, knobs), self.said.append)
        lamps.start()
        try:
            for seen in self._looks(lamps, heads, 120.0):
                if (seen == GREEN).any():
                    break
            kept = next(k for k in lamps.kept if k.name == process)
            knobs.harm(kept, harm)
            outcome = self._watch(process, harm, lamps, heads)
        finally:
            lamps.end()
        return replace(outcome, journal=self._read_journals())

    def _watch(self, process: str, harm: Harm, lamps: LampProcesses, heads: Heads) -> Outcome:
        began_s = time.perf_counter()
        flash_ms, back_s, conflicts = None, None, 0
        for seen in self._looks(lamps, heads, 60.0):
            passed_s = time.perf_counter() - began_s
            conflicts += heads.conflicts(seen)
            if flash_ms is None and heads.flashes(seen):
                flash_ms = 1000 * passed_s
            green = bool((seen == GREEN).any())
            if green and (flash_ms is not None or 1000 * passed_s > WATCHED_MS):
                back_s = passed_s
                break
        return Outcome(process, harm, flash_ms, back_s, conflicts)

    def _looks(self, lamps: LampProcesses, heads: Heads, at_most_s: float) -> Iterator[NDArray[np.int8]]:
        end_s = time.perf_counter() + at_most_s
        while time.perf_counter() < end_s:
            lamps.look()
            yield heads.look()
            time.sleep(LOOK_S)

    def _live(self, heads: Heads, knobs: Knobs) -> LiveStreet:
        return LiveStreet(
            self._network, self._card, Sensors.LOOPS, self._play, self._engine, self._speed,
            self._folder / "latches", disturb={name: knobs.turn(name) for name in NAMES},
            clocks={name: knobs.clock(name) for name in NAMES}, on_show=heads.show, restarts_street=True,
        )  # fmt: skip

    def _engine(self, link: MonitorLink, now_ms: int, line: LocalLine | None) -> Journaled:
        number = len(list(self._folder.glob("*.journal")))
        controller = Controller(self._network, "actuated", Policy(), now_ms, link)
        return Journaled(controller, self._folder / f"{number:04d}.journal")

    def _play(self, make: MakeStreetEnd) -> None:
        """A street where detectors come on and go off as they like."""
        network = self._network
        chance = np.random.default_rng(self._seed)
        end = make(network, self._ticks[0] * TICK_MS)
        frame = empty_frame(network, Sensors.LOOPS)
        began_s, first = time.monotonic(), self._ticks[0]
        while True:
            k = self._ticks[0]
            self._ticks[0] = k + 1  # street time goes on though a process ends
            if k % 10 == 0:
                frame.sequence += 1
                frame.time_ms = k * TICK_MS
                frame.detector_time_ms.fill(k * TICK_MS)
                frame.detector_on[:] = chance.random(len(frame.detector_on)) < 0.3
                frame.detector_count[:] = frame.detector_on
            frame.lamps_shown[:] = end.tick(frame, k * TICK_MS)
            due_s = began_s + (k + 1 - first) * TICK_MS / 1000 / self._speed
            now_s = time.monotonic()
            if now_s > due_s + 0.2:
                began_s += now_s - due_s  # held up: nothing is made good
            end.rest(max(0.0, due_s - now_s))

    def _read_journals(self) -> str:
        for path in sorted(self._folder.glob("*.journal")):
            try:
                for _ in read_journal(path):
                    pass
            except JournalError as error:
                return str(error)
        return ""


class Journaled:
    """A controller whose ticks are written down, after its lamps are proposed."""

    def __init__(self, controller: Controller, path: Path) -> None:
        self.controller = controller
        self.writer = JournalWriter(path, controller, controller.name, Sensors.LOOPS)

    def tick(self, frame: Any, now_ms: int) -> NDArray[np.int8]:
        """One tick; its record reaches the system at once."""
        lamps = self.controller.tick(frame, now_ms)
        self.writer.write(frame, now_ms, lamps)
        self.writer.flush()
        return lamps
