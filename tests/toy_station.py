"""A whole station over the toy street: `python -m tests.toy_station FOLDER [ENDPOINT] [foresees]`."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from controller.policy import Policy
from controller.tick import Controller
from override.engine import Engine
from override.layouts import StreetLayout
from override.line import LocalLine
from override.ruling import Act
from override.station import Station, StationPlan, clock
from override.street_layout import layout_of_street
from tests.control_room import street
from tests.order_street import Street

SPEED = 10.0
JUNCTIONS = 6
APART_M = 40


def layout() -> StreetLayout:
    """The junctions in a row, each fed by the one before it."""
    plain = layout_of_street(street(JUNCTIONS))
    return replace(
        plain,
        junctions=tuple(
            replace(
                j,
                x_m=APART_M * k,
                groups=tuple(replace(g, upstream=f"J{k - 1}" if k else "") for g in j.groups),
            )
            for k, j in enumerate(plain.junctions)
        ),
    )


def drive(folder: Path, line: LocalLine) -> None:
    """Ten street seconds a second; every act the engine was told stands in `told.txt`."""
    toy = Street(*street(JUNCTIONS).junctions)
    engine = Engine(Controller(toy.network, "actuated", Policy(), 0), line, lambda: clock()[0], SPEED)
    take = engine.acting.take
    told = (folder / "told.txt").open("a", encoding="utf-8")

    def take_and_tell(acts: tuple[Act, ...], desk_ms: int, street_ms: int) -> None:
        for act in acts:
            if act.order is not None:
                told.write(f"{act.order.id} {act.junction} {act.order.command}\n")
        told.flush()
        take(acts, desk_ms, street_ms)

    engine.acting.take = take_and_tell  # type: ignore[method-assign]
    for street_ms in range(0, 3_600_000, 100):
        toy.frame.lamps_shown[:] = engine.tick(toy.frame, street_ms)
        time.sleep(0.01)


def main() -> int:
    folder = Path(sys.argv[1])
    endpoint = sys.argv[2] if len(sys.argv) > 2 else "tcp://127.0.0.1:*"
    plan = StationPlan(folder / "keys", folder / "station.db", endpoint, "tcp://127.0.0.1:*")
    network = Street(*street(JUNCTIONS).junctions).network
    station = Station(
        plan,
        network,
        lambda line: drive(folder, line),
        lambda text: print(text, file=sys.stderr, flush=True),
        layout(),
        forecasts_by=Policy() if "foresees" in sys.argv else None,
    )
    return station.run()


if __name__ == "__main__":
    sys.exit(main())
