"""Storms: the production controller, monitor and street under everything that goes wrong, seeded.

The three processes' own classes run over their own sockets in one process, on a clock of the storm's:
one seed is one storm. `python -m tests.storm --minutes 10` goes on for as long as it is asked to; a
failure prints seed and tick, and `--seed` brings it back.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.frame import TICK_MS, Frame, empty_frame
from controller.junction import StreetNetwork
from controller.monitor import Verdict
from controller.monitor.heads import GREEN_BIT, RED_BIT, bits_lit
from controller.network import Network, build_network
from controller.orders import Orders
from controller.permissive import card_of
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import Lamp, Sensors
from override.engine_process import EngineProcess, MonitorLink
from override.monitor_process import MonitorProcess, Places
from override.street_process import StreetEnd
from tests.asking_anybody import anybody
from tests.storm_command import generated, storm_options, tell_failure
from tests.storm_law import StormLaw, Unlawful
from tests.test_overlay_storm import any_order

HOUR_MS = 3_600_000
EXPECTED = ("C2:", "C3:", "C11:", "C12:")
"""What a monitor may have to say of an engine that is sound, in a storm of faults around it."""
OF_HEADS = ("C1:",)
OF_MADNESS = ("C1:", "C4:", "C5:", "C6:", "C7:", "C8:", "C9:", "C10:", "C13:")
CALM_TICKS = 1_500
"""After a storm every junction must have shown green again within so long."""


class StormFailure(AssertionError):
    """An invariant did not hold; the message says seed and tick."""


@dataclass(frozen=True)
class Weather:
    """How often things happen, a tick."""

    detectors: float = 0.002
    """A detector falls ill, each."""
    asking: float = 0.05
    """Other emergency vehicles and buses ask than in the reading before, real ones and impossible ones."""
    orders: float = 0.001
    """Somebody orders something, each junction."""
    late: float = 0.0006
    """Engine or monitor stands still for up to 0.6 s."""
    cuts: float = 0.0002
    jumps: float = 0.0001
    """A clock jumps: the street's, or one process's own."""
    deaths: float = 0.0001
    heads: float = 0.0002
    """A head shows something else for a while."""
    madness: float = 0.0
    """The engine proposes anything at one junction for a while."""


NOISE = Weather(late=0.0, cuts=0.0, jumps=0.0, deaths=0.0, heads=0.0)
"""Sick detectors and people who order: nothing that stops a street."""
ROUGH = Weather(late=0.003, cuts=0.002, jumps=0.002, deaths=0.001, heads=0.002)
MAD = Weather(madness=0.01)
KINDS = (NOISE, Weather(), ROUGH, MAD)


@dataclass
class Storm:
    """One storm over one street. `run` raises StormFailure at the first tick that is not as it must be."""

    street: StreetNetwork
    seed: int
    weather: Weather = field(default_factory=Weather)
    controller: str = "adaptive"

    def __post_init__(self) -> None:
        self.network: Network = build_network(self.street, TICK_MS)
        self.card = card_of(self.street, TICK_MS)
        self.chance = np.random.default_rng(self.seed)
        self.law = StormLaw(self.street)
        self.orders = Orders(self.network)
        self.frame = empty_frame(self.network, Sensors.LOOPS)
        self.said: list[str] = []
        self.happened: dict[str, int] = {}
        self.stopped: dict[str, int] = {}
        """Times the monitor spoke, by check."""
        self.tick = 0
        self.clock_ms = 1_000_000
        self._offset_ms = {"engine": 0, "monitor": 0, "street": 0}
        self._still_until_ms = {"engine": 0, "monitor": 0}
        self._street_offset_ms = 0
        d = len(self.network.detectors)
        self._ill = np.zeros(d, np.int64)
        self._ill_until = np.zeros(d, np.int64)
        self._busy = self.chance.random(d) < 0.2
        self._head: tuple[int, int, int] = (-1, 0, 0)
        self._mad: tuple[int, int] = (-1, 0)
        self._latched_at = np.full(self.network.n_junctions, -1, np.int64)
        self.calm = False

    # --- the play --------------------------------------------------------------------------

    def run(self, ticks: int) -> int:
        """So many ticks of storm and then calm; gives the junction-ticks survived."""
        with tempfile.TemporaryDirectory() as folder:
            self.places = Places(Path(folder))
            self.latches = Path(folder) / "latches"
            self.monitor = self._new_monitor()
            self.engine = self._new_engine()
            self.end = StreetEnd(
                self.network, self.card, self.places, self._clock("street"), 0, lit=self._lit, wait=self._wait
            )
            try:
                for _ in range(ticks):
                    self._one_tick()
                self._clear_up()
            except StormFailure:
                raise
            except Exception as error:
                raise StormFailure(f"{self._where}: {type(error).__name__}: {error}") from error
            finally:
                for part in (self.end, self.engine, self.monitor):
                    part.close()
        return self.tick * self.network.n_junctions

    @property
    def _where(self) -> str:
        return f"seed {self.seed}, tick {self.tick}"

    def _one_tick(self) -> None:
        self.tick += 1
        due_ms = self.clock_ms + TICK_MS
        if not self.calm:
            self._let_things_happen()
        self._read()
        street_ms = self.tick * TICK_MS
        lamps = self.end.tick(self.frame, street_ms + self._street_offset_ms)
        self.frame.lamps_shown[:] = lamps
        controller = self._controller
        if controller is not None:
            self.law.waived |= controller._waived
        try:
            self.law.look(street_ms, lamps)
        except Unlawful as broken:
            raise StormFailure(f"{self._where}: {broken}") from None
        if controller is not None:
            self.law.waived[:] = controller._waived
        self._hear()
        self._reset_latches()
        self.end.rest(max(0, due_ms - self.clock_ms) / 1000)

    def _clear_up(self) -> None:
        """The storm is over: every junction must come back to green within its time."""
        self.calm = True
        self._ill_until[:] = 0
        self._busy[:] = True
        self._street_offset_ms = 0
        self._people_fall_silent()
        greens = np.zeros(self.network.n_groups, np.bool_)
        for _ in range(CALM_TICKS):
            self._one_tick()
            greens |= self.frame.lamps_shown == Lamp.GREEN
            by_junction = np.logical_or.reduceat(greens, self.network.group_start[:-1])
            if by_junction.all():
                return
        name = self.street.junctions[int(np.flatnonzero(~by_junction)[0])].name
        raise StormFailure(f"{self._where}: {name} has shown no green for {CALM_TICKS} ticks of calm")

    # --- processes without processes ---------------------------------------------------------

    def _clock(self, name: str) -> Any:
        return lambda: self.clock_ms + self._offset_ms[name]

    def _new_monitor(self) -> MonitorProcess:
        return MonitorProcess(
            self.card, self.places, self._clock("monitor"), latches=self.latches, say=self.said.append,
            random_bytes=self.chance.bytes,
        )  # fmt: skip

    def _new_engine(self) -> EngineProcess:
        self._controller: Controller | None = None

        def make(link: MonitorLink, now_ms: int) -> Any:
            storm = self

            class Ticks:
                def tick(self, frame: Frame, now_ms: int) -> NDArray[np.int8]:
                    return storm._controller.tick(frame, now_ms, storm.orders)  # type: ignore[union-attr]

            self._controller = Controller(
                self.network, self.controller, Policy(), now_ms, MadLink(link, self)
            )
            return Ticks()

        return EngineProcess(self.network, self.card, Sensors.LOOPS, self.places, make, self._clock("engine"))

    def _wait(self, at_most_ms: int) -> None:
        """Some of the others' turns, and time."""
        if self.clock_ms >= self._still_until_ms["engine"]:
            self.engine.turn(0)
        if self.clock_ms >= self._still_until_ms["monitor"]:
            self.monitor.turn(0)
        self.clock_ms += max(1, min(at_most_ms, 50))

    # --- what happens --------------------------------------------------------------------------

    def _hits(self, what: str, often: float) -> bool:
        if self.chance.random() >= often:
            return False
        self.happened[what] = self.happened.get(what, 0) + 1
        return True

    def _let_things_happen(self) -> None:
        chance, weather = self.chance, self.weather
        who = ("engine", "monitor", "street")[int(chance.integers(3))]
        if self._hits("late", weather.late):
            still = ("engine", "monitor")[int(chance.integers(2))]
            self._still_until_ms[still] = self.clock_ms + int(chance.integers(50, 600))
        if self._hits("cut", weather.cuts):
            {"engine": self.engine, "monitor": self.monitor, "street": self.end}[who].cut()  # type: ignore[attr-defined]
        if self._hits("jump", weather.jumps):
            jump_ms = int(chance.choice([-HOUR_MS, HOUR_MS, -700, 700, 5_000]))
            if chance.random() < 0.5:
                self._street_offset_ms = max(-self.tick * TICK_MS, self._street_offset_ms + jump_ms)
            else:
                self._offset_ms[who] += jump_ms
        if self._hits("death", weather.deaths):
            if chance.random() < 0.5:
                self.engine.close()
                self.engine = self._new_engine()
            else:
                self.monitor.close()
                self.monitor = self._new_monitor()
        if self._hits("head", weather.heads):
            group = int(chance.integers(self.network.n_groups))
            bits = int(chance.choice([0, RED_BIT | GREEN_BIT, 255]))
            self._head = (group, bits, self.tick + int(chance.integers(1, 40)))
        if self._hits("madness", weather.madness):
            j = int(chance.integers(self.network.n_junctions))
            self._mad = (j, self.tick + int(chance.integers(1, 30)))
            self.law.mad[j] = True
        self._people_order()

    def _people_order(self) -> None:
        """What people want of the street in this tick."""
        chance, now_ms = self.chance, self.tick * TICK_MS + self._street_offset_ms
        for j in np.flatnonzero(chance.random(self.network.n_junctions) < self.weather.orders):
            any_order(self.orders, chance, int(j), now_ms, stops=True)

    def _people_fall_silent(self) -> None:
        """Nobody orders anything any more."""
        self.orders.book.kind[:] = 0

    def _read(self) -> None:
        """A reading once a second; some detectors lie, some frames come late or twice or broken."""
        frame, chance = self.frame, self.chance
        if self.tick % 10:
            return
        now_ms = self.tick * TICK_MS + self._street_offset_ms
        d = len(frame.detector_on)
        self._busy ^= chance.random(d) < 0.15
        fell = (chance.random(d) < self.weather.detectors) & (self._ill_until < self.tick) & (not self.calm)
        self._ill[fell] = chance.integers(1, 8, int(fell.sum()))
        self._ill_until[fell] = self.tick + chance.integers(10, 6000, int(fell.sum()))
        ill = np.where(self._ill_until >= self.tick, self._ill, 0)
        if not self.calm and chance.random() < 0.01:
            return  # nothing new came
        frame.sequence += 1
        frame.time_ms = now_ms
        frame.detector_time_ms.fill(now_ms)
        frame.detector_on[:] = self._busy
        frame.detector_count[:] = self._busy & (chance.random(d) < 0.5)
        frame.detector_occupancy[:] = self._busy * chance.random(d)
        frame.detector_on[ill == 1], frame.detector_occupancy[ill == 1] = True, 1.0
        frame.detector_on[ill == 2], frame.detector_count[ill == 2] = False, 0
        frame.detector_count[ill == 3] = chance.integers(-5, 60, int((ill == 3).sum()))
        frame.detector_occupancy[ill == 4] = np.nan
        frame.detector_occupancy[ill == 5] = 212.0
        frame.detector_time_ms[ill == 6] += int(chance.integers(-20_000, 20_000))
        frame.detector_on[ill == 7] = chance.random(int((ill == 7).sum())) < 0.5
        if chance.random() < self.weather.asking or self.calm:
            anybody(frame, self.network, chance, most=0 if self.calm else 4)

    def _lit(self, lamps: NDArray[np.int8], pedestrian: NDArray[np.bool_]) -> NDArray[np.uint8]:
        bits = bits_lit(lamps, pedestrian)
        group, wrong, until = self._head
        if group >= 0 and self.tick <= until:
            bits[group] = wrong
        return bits

    # --- what is heard -------------------------------------------------------------------------

    def _hear(self) -> None:
        """The monitor may stop what the storm has broken, and nothing that a sound engine does."""
        for line in self.said:
            if not line.startswith("monitor: "):
                continue
            code = line.removeprefix("monitor: ")
            check = code.partition(":")[0]
            self.stopped[check] = self.stopped.get(check, 0) + 1
            known = EXPECTED + (OF_HEADS if "shown active" in code else ())
            known += OF_MADNESS if self.happened.get("madness") else ()
            if not code.startswith(known):
                raise StormFailure(f"{self._where}: the engine tripped the monitor: {line}")
        self.said.clear()

    def _reset_latches(self) -> None:
        """Somebody comes after half a minute and ends a latch, with two keys."""
        latched = self.monitor.monitor.latched
        fresh = latched & (self._latched_at < 0)
        self._latched_at[fresh] = self.tick
        self._latched_at[~latched] = -1
        controller = self._controller
        wait = 30 if self.calm else 300
        for j in np.flatnonzero(latched & (self.tick - self._latched_at > wait)):
            if controller is not None:
                try:
                    controller.monitor.reset(int(j), "two people", "storm")
                except ValueError:
                    continue  # the engine has not heard of it yet
                self._latched_at[j] = self.tick


class MadLink:
    """A link whose engine now and then proposes anything at one junction."""

    def __init__(self, link: MonitorLink, storm: Storm) -> None:
        self._link, self._storm = link, storm

    @property
    def permitted(self) -> NDArray[np.int8]:
        return self._link.permitted

    def judge(self, now_ms: int, sequence: int, lamps: NDArray[np.int8], *rest: Any) -> Verdict:
        storm = self._storm
        j, until = storm._mad
        if j >= 0 and storm.tick <= until:
            lamps = lamps.copy()
            here = slice(int(storm.network.group_start[j]), int(storm.network.group_start[j + 1]))
            wild = storm.chance.random(len(lamps[here])) < 0.3
            anything = storm.chance.integers(0, 7, int(wild.sum()))
            lamps[here][wild] = Lamp.GREEN if storm.chance.random() < 0.5 else anything
            storm.law.mad[j] = True
        return self._link.judge(now_ms, sequence, lamps, *rest)

    def reset(self, junction: int, by: str, reason: str) -> None:
        self._link.reset(junction, by, reason)


def main(arguments: list[str]) -> int:
    parser = storm_options("storm", __doc__, ticks=6_000, junctions=200)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the clock")
    asked = parser.parse_args(arguments)
    street = generated(asked.junctions)
    end_s, seed, survived = time.monotonic() + 60 * asked.minutes, asked.seed, 0
    while time.monotonic() < end_s:
        try:
            survived += Storm(street, seed, KINDS[seed % len(KINDS)]).run(asked.ticks)
        except StormFailure as failure:
            tell_failure(failure, seed, asked)
            return 1
        print(f"seed {seed}: {survived:.3g} junction-ticks, {survived / 36_000:.1f} junction-hours survived")
        if asked.once:
            break
        seed += 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
