"""A station of three lamp processes, for tests: `python -m tests.toy_live_station FOLDER [JUNCTIONS]`.

Every act an engine is told stands in `told.txt`, after a line for each engine that began, or forgot all.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from controller.frame import TICK_MS, empty_frame
from controller.network import Network
from controller.permissive import card_of
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import Sensors
from controller.warm_up import warm_up
from override.engine import Engine
from override.engine_process import MonitorLink
from override.lamp_processes import LiveStreet, MakeStreetEnd, machine_ms
from override.line import LocalLine
from override.ruling import Act
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


def write_down(engine: Engine, path: Path) -> None:
    """Write what it is told, before it does it."""
    take, reset = engine.acting.take, engine.acting.reset
    told = path.open("a", encoding="utf-8", buffering=1)
    told.write("engine\n")

    def take_and_tell(acts: tuple[Act, ...], desk_ms: int, street_ms: int) -> None:
        for act in acts:
            if act.order is not None:
                told.write(f"{act.order.id} {act.junction} {act.order.command} {act.until_ms} {desk_ms}\n")
        take(acts, desk_ms, street_ms)

    def reset_and_tell() -> None:
        told.write("engine\n")  # it knows nothing any more, as one that has just begun
        reset()

    engine.acting.take, engine.acting.reset = take_and_tell, reset_and_tell  # type: ignore[method-assign]


def main() -> int:
    folder = Path(sys.argv[1])
    junctions = int(sys.argv[2]) if len(sys.argv) > 2 else JUNCTIONS
    network = Street(*street(junctions).junctions).network
    warm_up("fixed", Sensors.LOOPS)

    def make_engine(link: MonitorLink, now_ms: int, line: LocalLine | None) -> Engine:
        assert line is not None
        engine = Engine(Controller(network, "fixed", Policy(), now_ms, link), line, machine_ms, SPEED)
        write_down(engine, folder / "told.txt")
        return engine

    live = LiveStreet(
        network, card_of(network.street), Sensors.LOOPS, lambda make: play(network, make), make_engine, SPEED
    )
    plan = StationPlan(folder / "keys", folder / "station.db", "tcp://127.0.0.1:*", "tcp://127.0.0.1:*")
    return Station(plan, network, live, lambda text: print(text, file=sys.stderr, flush=True)).run()


if __name__ == "__main__":
    sys.exit(main())
