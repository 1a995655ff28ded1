"""A station of processes over toy junctions with buttons: `-m tests.button_station FOLDER ENDPOINTS`."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from controller.junction import Detector, Junction
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import DetectorKind
from override.engine import Engine
from override.line import LocalLine
from override.station import Station, StationPlan, clock
from tests.control_room import street
from tests.order_street import Street

SPEED = 10.0
JUNCTIONS = 6
CROSSINGS = ("walk.ns", "walk.ew")
PRESSED = 10
"""Number of the only button that anybody presses: the first one of J5."""
PRESS_EVERY_MS = 30_000


def junctions() -> tuple[Junction, ...]:
    """J0 to J5, each with two crossings and a button at each of them."""
    buttons = tuple(Detector(f"button.{name}", DetectorKind.BUTTON, group=name) for name in CROSSINGS)
    return tuple(replace(junction, detectors=buttons) for junction in street(JUNCTIONS).junctions)


def drive(line: LocalLine) -> None:
    """Ten street seconds a second."""
    toy = Street(*junctions())
    engine = Engine(Controller(toy.network, "actuated", Policy(), 0), line, lambda: clock()[0], SPEED)
    begun_s = time.monotonic()
    for street_ms in range(0, 36_000_000, 100):
        toy.frame.time_ms, toy.frame.sequence = street_ms, toy.frame.sequence + 1
        toy.frame.detector_time_ms[:] = street_ms
        toy.frame.detector_on[PRESSED] = street_ms % PRESS_EVERY_MS < 500
        toy.frame.detector_count[PRESSED] = street_ms % PRESS_EVERY_MS == 0
        toy.frame.lamps_shown[:] = engine.tick(toy.frame, street_ms)
        time.sleep(max(0.0, begun_s + street_ms / 1000 / SPEED - time.monotonic()))


def main() -> int:
    """Until it is ended."""
    folder, endpoints = Path(sys.argv[1]), sys.argv[2:5]
    plan = StationPlan(folder / "keys", folder / "station.db", *endpoints)
    network = Street(*junctions()).network
    return Station(plan, network, drive, lambda text: print(text, file=sys.stderr, flush=True)).run()


if __name__ == "__main__":
    sys.exit(main())
