"""A station for an operator's shift: toy junctions with buttons, one of them broken. `-m`, FOLDER."""

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
BROKEN = 2 * 2
"""Number of the button whose own electronics say that it is held for too long: the first one of J2."""
BROKEN_FROM_MS = 20_000
TOO_LONG_OCCUPIED = 210.0
"""NTCIP 1202: max presence."""
PRESS_EVERY_MS = 45_000


def junctions() -> tuple[Junction, ...]:
    """J0 to J5, each with two crossings and a button at each of them."""
    buttons = tuple(Detector(f"button.{name}", DetectorKind.BUTTON, group=name) for name in CROSSINGS)
    return tuple(replace(junction, detectors=buttons) for junction in street(JUNCTIONS).junctions)


def drive(line: LocalLine) -> None:
    """Ten street seconds a second; somebody presses every working button now and then."""
    toy = Street(*junctions())
    frame = toy.frame
    engine = Engine(Controller(toy.network, "adaptive", Policy(), 0), line, lambda: clock()[0], SPEED)
    begun_s = time.monotonic()
    for street_ms in range(0, 36_000_000, 100):
        frame.time_ms, frame.sequence = street_ms, frame.sequence + 1
        frame.detector_time_ms[:] = street_ms
        frame.detector_on[:] = street_ms % PRESS_EVERY_MS < 500
        frame.detector_count[:] = street_ms % PRESS_EVERY_MS == 0
        if street_ms >= BROKEN_FROM_MS:
            frame.detector_on[BROKEN], frame.detector_count[BROKEN] = True, 0
            frame.detector_occupancy[BROKEN] = TOO_LONG_OCCUPIED
        frame.lamps_shown[:] = engine.tick(frame, street_ms)
        time.sleep(max(0.0, begun_s + street_ms / 1000 / SPEED - time.monotonic()))


def main() -> int:
    """Until it is ended."""
    folder = Path(sys.argv[1])
    here = "tcp://127.0.0.1:*"
    plan = StationPlan(folder / "keys", folder / "station.db", here, here)
    network = Street(*junctions()).network
    station = Station(
        plan, network, drive, lambda text: print(text, file=sys.stderr, flush=True), forecasts_by=Policy()
    )
    return station.run()


if __name__ == "__main__":
    sys.exit(main())
