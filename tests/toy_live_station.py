"""A station of three lamp processes, for tests: `python -m tests.toy_live_station FOLDER`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from controller.frame import empty_frame
from controller.network import Network
from controller.permissive import card_of
from controller.policy import Policy
from controller.tick import TICK_MS, Controller
from controller.vocabulary import Sensors
from controller.warm_up import warm_up
from override.engine import Engine
from override.engine_process import MonitorLink
from override.lamp_processes import LiveStreet, MakeStreetEnd, machine_ms
from override.line import LocalLine
from override.station import Station, StationPlan
from tests.control_room import street
from tests.order_street import Street

SPEED = 10.0
JUNCTIONS = 2


def play(network: Network, make: MakeStreetEnd) -> None:
    """An hour in which everybody always wants to go."""
    end, frame = make(network, 0), empty_frame(network, Sensors.LOOPS)
    began_s = time.monotonic()
    for k in range(36_000):
        frame.time_ms, frame.sequence = k * TICK_MS, k
        frame.detector_time_ms.fill(k * TICK_MS)
        frame.detector_on.fill(True)
        frame.lamps_shown[:] = end.tick(frame, k * TICK_MS)
        due_s = began_s + (k + 1) * TICK_MS / 1000 / SPEED
        now_s = time.monotonic()
        began_s += max(0.0, now_s - due_s - 0.2)
        end.rest(max(0.0, due_s - now_s))


def main() -> int:
    folder = Path(sys.argv[1])
    network = Street(*street(JUNCTIONS).junctions).network
    warm_up("fixed", Sensors.LOOPS)

    def make_engine(link: MonitorLink, now_ms: int, line: LocalLine | None) -> Engine:
        assert line is not None
        return Engine(Controller(network, "fixed", Policy(), now_ms, link), line, machine_ms, SPEED)

    live = LiveStreet(
        network, card_of(network.street), Sensors.LOOPS, lambda make: play(network, make), make_engine, SPEED
    )
    plan = StationPlan(folder / "keys", folder / "station.db", "tcp://127.0.0.1:*", "tcp://127.0.0.1:*")
    return Station(plan, network, live, lambda text: print(text, file=sys.stderr, flush=True)).run()


if __name__ == "__main__":
    sys.exit(main())
