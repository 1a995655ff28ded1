"""A town of a desk, an engine and the line between them, for tests of what an engine does and tells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller.policy import Policy
from controller.tick import Controller
from override.engine import Engine, Report, pack_acts, report_of
from override.line import LocalLine, line_pair
from override.orders import Life
from override.telemetry import said
from tests.control_room import Room, street
from tests.order_street import Street as ToyStreet

DESK_AHEAD_MS = 123_456
"""The desk's clock and the street's have nothing in common."""


LINES: list[LocalLine] = []


@pytest.fixture(autouse=True)
def no_line_stays_open() -> Iterator[None]:
    """Import it beside `Town`."""
    yield
    while LINES:
        LINES.pop().close()


class Town:
    """A room with a desk, an engine with junctions J0..., and the line between them."""

    def __init__(self, junctions: int = 3, controller: str = "actuated") -> None:
        self.room = Room(junctions)
        toy = ToyStreet(*street(junctions).junctions)
        ends = line_pair()
        self.here, there = LocalLine(ends[0]), LocalLine(ends[1])
        LINES.extend((self.here, there))
        made = Controller(toy.network, controller, Policy(), 0)
        self.engine = Engine(made, there, lambda: self.room.now_ms)
        self.toy = toy
        self.street_ms = 0
        self.room.now_ms = DESK_AHEAD_MS
        self.reports: list[Report] = []

    def run(self, seconds: float) -> Town:
        desk = self.room.desk
        for _ in range(round(10 * seconds)):
            desk.take(desk.due(self.room.now_ms))
            for message in pack_acts(desk.acts(self.room.now_ms)):
                assert self.here.send(message)
            self.tick()
            while (message := self.here.receive()) is not None:
                if said(message) is None:
                    self.hear(report_of(message))
            self.street_ms += 100
            self.room.now_ms += 100
        return self

    def tick(self) -> None:
        self.toy.lamps = self.engine.tick(self.toy.frame, self.street_ms).tolist()
        self.toy.frame.lamps_shown[:] = self.toy.lamps

    def hear(self, report: Report) -> None:
        desk, now_ms = self.room.desk, self.room.now_ms
        self.reports.append(report)
        for order, junction in report.proven:
            desk.take(desk.proven(order, [junction], now_ms))
        for order in report.completed:
            desk.take(desk.completed(order, now_ms))
        for order, junction, why in report.vetoed:
            desk.take(desk.vetoed(order, junction, why, now_ms))

    def lamps(self, j: int) -> list[int]:
        return self.toy.lamps[6 * j : 6 * j + 6]

    def life(self, order: str) -> Life | None:
        found = self.room.desk.orders.get(order)
        return found.life if found else None
