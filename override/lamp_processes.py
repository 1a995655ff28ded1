"""Street, monitor and engine as processes of their own, and who starts them anew.

The street ends the station: its hours are over, or its world is lost. Engine and monitor are
replaceable: one that has died, or has not moved for three seconds, is started again and comes back
through the start-up flash, while the street flashes.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from controller.monitor import Card
from controller.network import Network
from controller.vocabulary import Sensors
from override.card_change import CardOf
from override.engine_process import EngineProcess, MonitorLink, Ticking
from override.line import LocalLine
from override.monitor_process import MonitorProcess, Places
from override.street_process import StreetEnd

HANG_MS = 3_000
"""A process that has not moved for so long is killed and started anew."""
PAUSE_MS = 200
PAUSE_MAX_MS = 10_000
"""Between two starts of the same process; longer after every death."""
LONG_LIFE_MS = 60_000
"""Who has lived so long dies for the first time."""
GOODBYE_S = 5.0
FIRST = {"monitor": -15, "engine": -10}
"""Who comes first when processors are short, where the system lets us say so."""

MakeStreetEnd = Callable[[Network, int], StreetEnd]


def machine_ms() -> int:
    """The machine's monotonic clock, the same in all processes."""
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True)
class LiveStreet:
    """What the processes are made of. Everything is built before they are forked."""

    network: Network
    card: Card
    """The monitor's own."""
    sensors: Sensors
    play: Callable[[MakeStreetEnd], None]
    """Plays the street to its end, with `make(network, now_ms)` where it would have a controller."""
    make_engine: Callable[[MonitorLink, int, LocalLine | None], Ticking]
    """What ticks, from this street time in ms on, with a line to a gateway where there is one."""
    speed: float = 1.0
    latches: Path | None = None
    """File that remembers latched flashes."""
    engine_card: Card | None = None
    """What the engine says it is bound by; the monitor's own where there is none."""
    disturb: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    """Called once a turn by engine, monitor and street (drills)."""
    clocks: dict[str, Callable[[], int]] = field(default_factory=dict)
    """Own clocks in ms (drills)."""
    on_show: Callable[[Any, int], None] = lambda lamps, own_ms: None
    restarts_street: bool = False
    """A street without a world to lose is started anew too."""
    number: int = 0
    """Which version of the street it is."""
    of_version: Callable[[int], LiveStreet] | None = None
    """The same street in another version. Raises ValueError."""
    card_of: CardOf | None = None
    """The monitor's card of a version that two people have signed. Raises ValueError."""


class Anew:
    """With which version engine and monitor begin, and how often anew; shared memory."""

    def __init__(self, number: int) -> None:
        self._cells = RawArray("q", [number, 0])

    @property
    def number(self) -> int:
        """The version to begin with."""
        return int(self._cells[0])

    @property
    def times(self) -> int:
        """Grows with every wish to begin anew now."""
        return int(self._cells[1])

    def begin(self, number: int, now: bool) -> None:
        """Begin with this version at the next start, or `now`."""
        self._cells[0] = number
        self._cells[1] += now


class Kept:
    """One process by name: how often it was started, when, and since when it has not moved."""

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        self.name, self.run = name, run
        self.process: BaseProcess | None = None
        self.starts = 0
        self.started_ms = 0
        self.next_ms = 0
        self.pause_ms = PAUSE_MS

    @property
    def alive(self) -> bool:
        """Whether it runs, or is at least not gone."""
        return self.process is not None and self.process.is_alive()


class LampProcesses:
    """Keeps the three alive. `say` is told what died, in one line each."""

    def __init__(
        self,
        live: LiveStreet,
        say: Callable[[str], None] = lambda line: None,
        gateway: LocalLine | None = None,
        anew: Anew | None = None,
    ) -> None:
        self.live = live
        self._anew = anew or Anew(live.number)
        self._times = 0
        self._say, self._gateway = say, gateway
        self._context = get_context("fork")
        self._folder = Path(tempfile.mkdtemp(prefix="belisha-"))
        self.places = Places(self._folder)
        self._pulse = RawArray("q", 3)
        self._parent = os.getpid()
        self.street = Kept("street", self._run_street)
        self.monitor = Kept("monitor", self._run_monitor)
        self.engine = Kept("engine", self._run_engine)
        self.kept = (self.street, self.monitor, self.engine)

    def start(self) -> None:
        """Start all three; who comes later is waited for by the others."""
        for kept in self.kept:
            self._start(kept, machine_ms())

    @property
    def sentinels(self) -> list[int]:
        """To wait for, with `multiprocessing.connection.wait`."""
        return [kept.process.sentinel for kept in self.kept if kept.alive and kept.process is not None]

    def look(self) -> int | None:
        """Start anew what has died or hangs; an exit code when the street is over."""
        now_ms = machine_ms()
        street = self.street.process
        if not self.street.alive and not self.live.restarts_street:
            code = None if street is None else street.exitcode
            self._say(f"the street has ended (exit code {code})")
            return 0 if code == 0 else 1
        if self._anew.times != self._times:
            self._times = self._anew.times
            self._begin_anew(now_ms)
        for number, kept in enumerate(self.kept):
            if kept.alive:
                self._end_if_hung(number, kept, now_ms)
            elif kept.process is not None:
                self._bury(kept, now_ms)
            elif now_ms >= kept.next_ms:
                self._start(kept, now_ms)
        return None

    def end(self) -> None:
        """End all three; the street first, so that nobody sees a fault in it."""
        for kept in self.kept:
            process = kept.process
            if process is None:
                continue
            if process.is_alive():
                process.terminate()
                process.join(GOODBYE_S)
                if process.is_alive():
                    process.kill()
            process.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    # --- the starter -------------------------------------------------------------------------

    def _start(self, kept: Kept, now_ms: int) -> None:
        self._pulse[self.kept.index(kept)] = 0
        kept.process = self._context.Process(target=self._child, args=(kept,), name=kept.name)
        kept.process.start()
        kept.starts += 1
        kept.started_ms = now_ms

    def _begin_anew(self, now_ms: int) -> None:
        """Engine and monitor with another card, at the same time; the street flashes by itself meanwhile."""
        self._say(f"version {self._anew.number} begins: every junction goes through flash")
        # The monitor first: it must not take the engine's end for a fault, the third of which latches.
        for kept in (self.monitor, self.engine):
            if kept.process is not None:
                kept.process.kill()
                kept.process.join()
            kept.process, kept.next_ms, kept.pause_ms = None, now_ms, PAUSE_MS

    def _bury(self, kept: Kept, now_ms: int) -> None:
        assert kept.process is not None
        kept.pause_ms = (
            PAUSE_MS
            if now_ms - kept.started_ms > LONG_LIFE_MS or kept.starts == 1
            else min(PAUSE_MAX_MS, 2 * kept.pause_ms)
        )
        self._say(f"the {kept.name} has died (exit code {kept.process.exitcode}); it is started anew")
        kept.process.join()
        kept.process = None
        kept.next_ms = now_ms + kept.pause_ms

    def _end_if_hung(self, number: int, kept: Kept, now_ms: int) -> None:
        moved_ms = self._pulse[number]
        lost_world = kept is self.street and not self.live.restarts_street
        if moved_ms and not lost_world and now_ms - moved_ms > HANG_MS and kept.process is not None:
            self._say(f"the {kept.name} has not moved for {(now_ms - moved_ms) / 1000:.1f} s and is ended")
            kept.process.kill()
            self._pulse[number] = 0

    # --- the children ------------------------------------------------------------------------

    def _child(self, kept: Kept) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if kept.name in FIRST:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, 0, FIRST[kept.name])
        kept.run()

    def _moved(self, number: int, name: str) -> Callable[[Any], None]:
        """What a process calls once a turn: its pulse, its drill, and its end when the starter is gone."""
        disturb = self.live.disturb.get(name)

        def turn(process: Any) -> None:
            # An engine that has not ticked yet is still being built, which takes its time in a large city.
            if getattr(process, "ticks", 1):
                self._pulse[number] = machine_ms()
            if os.getppid() != self._parent:
                raise SystemExit(1)
            if disturb is not None:
                disturb(process)

        return turn

    def _clock(self, name: str) -> Callable[[], int]:
        return self.live.clocks.get(name, machine_ms)

    def _run_street(self) -> None:
        live = self.live
        ends: list[StreetEnd] = []

        def make(network: Network, now_ms: int) -> StreetEnd:
            end = StreetEnd(
                network, live.card, self.places, self._clock("street"), now_ms, live.speed, live.on_show,
                self._moved(0, "street"),
            )  # fmt: skip
            ends.append(end)
            return end

        live.play(make)
        for end in ends:
            end.close()

    def _of_version(self) -> LiveStreet:
        number = self._anew.number
        if number == self.live.number or self.live.of_version is None:
            return self.live
        return self.live.of_version(number)

    def _run_monitor(self) -> None:
        live = self._of_version()
        MonitorProcess(
            live.card, self.places, self._clock("monitor"), live.speed, live.latches, self._say,
            disturb=self._moved(1, "monitor"), card_of=live.card_of,
        ).run()  # fmt: skip

    def _run_engine(self) -> None:
        live = self._of_version()
        process = EngineProcess(
            live.network, live.engine_card or live.card, live.sensors, self.places,
            lambda link, now_ms: live.make_engine(link, now_ms, self._gateway),
            self._clock("engine"), self._moved(2, "engine"),
        )  # fmt: skip
        signal.signal(signal.SIGTERM, _leave)
        try:
            process.run()
        finally:
            if isinstance(process.ticking, Closes):
                process.ticking.close()  # what it has written is whole before it goes


def _leave(number: int, frame: object) -> None:
    raise SystemExit(0)


@runtime_checkable
class Closes(Protocol):
    """What ticks may have something to complete."""

    def close(self) -> None:
        """Complete it."""
