"""A living city under a station, with instruments: `python -m bench.living_station FOLDER SCENARIO SPEED`.

Everything is as `belisha station` has it. Besides, the street's process takes down, in a file both sides map,
how long each reading waited for its lamps, when each tick began, and what the heads show.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame
from controller.network import Network
from controller.policy import Policy
from controller.warm_up import warm_up
from override.lamp_processes import LiveStreet, MakeStreetEnd
from override.station import Station, StationPlan
from override.street_process import StreetEnd
from sim.city.layout import layout_of_city
from sim.city.load import load_city
from sim.city.scenario import find_scenario
from sim.first_start import compile_kernels
from sim.live_city import live_city, played

TICKS = 200_000
FILE = "instruments.npy"
TICK = np.dtype([("began_s", "f8"), ("street_ms", "i8"), ("took_ms", "f8"), ("edges", "i4")])
HEADS = 16384
LAYOUT = np.dtype(
    [
        ("ticks", "i8"),
        ("lamps", "i1", (HEADS,)),
        ("drivers", "i8"),
        ("pids", "i8", (2,)),
        ("tick", TICK, (TICKS,)),
    ]
)
"""Ticks noted so far, what the heads show, how many of them are for drivers, who is monitor and who engine,
each tick."""
KILLED = ("monitor", "engine")


def instruments(folder: Path, new: bool = False) -> NDArray[Any]:
    """The shared file of a station in `folder`, one record of `LAYOUT`."""
    return np.memmap(folder / FILE, LAYOUT, "w+" if new else "r", shape=(1,))


class Watched:
    """Ticks as the street's end of the line does, and notes what each reading cost."""

    def __init__(self, end: StreetEnd, notes: NDArray[Any]) -> None:
        self._end, self._notes = end, notes[0]
        self._before: NDArray[np.bool_] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._end, name)

    def tick(self, frame: Frame, now_ms: int) -> NDArray[np.int8]:
        """Lamps for a reading; edges are detectors that say something else than in the reading before."""
        edges = 0 if self._before is None else int((frame.detector_on != self._before).sum())
        self._before = frame.detector_on.copy()
        began_s = time.perf_counter()
        lamps = self._end.tick(frame, now_ms)
        took_ms = 1000 * (time.perf_counter() - began_s)
        k = int(self._notes["ticks"])
        if k < TICKS:
            self._notes["tick"][k] = (began_s, now_ms, took_ms, edges)
            self._notes["ticks"] = k + 1
        return lamps


def watched(live: LiveStreet, notes: NDArray[Any]) -> LiveStreet:
    """The same street with instruments."""

    def play(make: MakeStreetEnd) -> None:
        def make_watched(network: Network, now_ms: int) -> StreetEnd:
            return Watched(make(network, now_ms), notes)  # type: ignore[return-value]

        live.play(make_watched)

    def on_show(lamps: NDArray[np.int8], own_ms: int) -> None:
        notes[0]["lamps"][: len(lamps)] = lamps

    def here(number: int) -> Callable[[Any], None]:
        def turn(process: Any) -> None:
            notes[0]["pids"][number] = os.getpid()

        return turn

    notes[0]["drivers"] = int((~live.card.pedestrian).sum())
    disturb = {name: here(number) for number, name in enumerate(KILLED)}
    return replace(live, play=play, on_show=on_show, disturb=disturb)


def main(say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True)) -> int:
    """Until it is ended."""
    folder, speed = Path(sys.argv[1]), float(sys.argv[3])
    scenario = find_scenario(sys.argv[2])
    compile_kernels()
    warm_up("adaptive", scenario.run.sensors)
    import override.forecast_process  # noqa: F401  with its kernels, before the station is ready

    city = load_city(scenario, 1)
    file = folder / "station.db"
    keys, anywhere = folder / "keys", "tcp://127.0.0.1:*"
    play = played(city, "adaptive", speed)
    live, installation = live_city(city, play, "adaptive", speed, keys, file, say)
    plan = StationPlan(keys, file, anywhere, anywhere, anywhere)
    live = watched(live, instruments(folder, new=True))
    return Station(plan, city.network, live, say, layout_of_city(city), Policy(), installation).run()


if __name__ == "__main__":
    sys.exit(main())
