"""Street, engine and monitor as their processes are, with real lines between them, on a test's clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from controller.adoption import Phase
from controller.card_adoption import CardAdoption
from controller.frame import empty_frame
from controller.monitor import Card
from controller.monitor.heads import bits_lit
from controller.monitor.lamps import FLASHING
from controller.orders import Orders
from controller.permissive import card_of
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import Lamp, Sensors
from override.engine_process import MonitorLink
from override.lamp_line import Heads, Hello, Permit, knock_at, pack, unpack
from override.monitor_process import MonitorProcess, Places
from tests import toy_street
from tests.test_card_adoption import slower


class Loop:
    """Street, engine and monitor as their processes are, with real lines between them, on a test's clock."""

    def __init__(self, folder: Path) -> None:
        self.network = toy_street.network(*(toy_street.junction(f"J{k}") for k in range(2)))
        junctions = list(self.network.street.junctions)
        junctions[0] = slower(junctions[0])
        self.new_network = toy_street.network(*junctions)
        self.card, self.new_card = (card_of(n.street, 100) for n in (self.network, self.new_network))
        self.cards: Callable[[int], Card] = {2: self.new_card}.__getitem__
        self.now_ms = self.reading = 0
        self.said: list[str] = []
        self.places = Places(folder)
        self.frame = empty_frame(self.network, Sensors.LOOPS)
        self.orders = Orders(self.network)
        self.adoption: CardAdoption | None = None
        self.flashed = [0, 0]
        self.monitor = self.monitor_anew()
        self.engine_anew()
        self.run(60)

    def monitor_anew(self) -> MonitorProcess:
        monitor = MonitorProcess(
            self.card, self.places, lambda: self.now_ms, say=self.said.append,
            card_of=lambda number: self.cards(number),
        )  # fmt: skip
        street = knock_at(self.places.monitor)
        assert street is not None
        self.street = street
        self.street.send(pack(Hello("street")))
        return monitor

    def engine_anew(self) -> None:
        """It begins with the version in force, as the file has it."""
        self.link = MonitorLink(self.card, self.places)
        self.controller = Controller(self.network, "fixed", Policy(), self.now_ms, self.link)
        self.adoption = None

    def take(self, version: int = 2) -> CardAdoption:
        new = Controller(self.new_network, "fixed", Policy(), self.now_ms)
        self.adoption = CardAdoption(self.controller, new, np.array([0]), self.now_ms, self.new_card, version)
        return self.adoption

    def tick(self) -> None:
        self.now_ms += 100
        self.reading += 1
        lit = bits_lit(self.frame.lamps_shown, self.card.pedestrian).tobytes()
        self.street.send(pack(Heads(self.reading, self.now_ms, False, lit)))
        self.link.find()
        self.monitor.turn(0)
        self.link.listen()
        self.link.reading = self.reading
        if self.adoption is not None and self.adoption.phase is not Phase.BACK:
            self.adoption.tick(self.frame, self.now_ms, self.orders)
        else:
            self.controller.tick(self.frame, self.now_ms, self.orders)
        self.monitor.turn(0)
        while (data := self.street.receive()) is not None:
            permit = unpack(data)
            assert isinstance(permit, Permit)
            self.frame.lamps_shown[:] = np.frombuffer(permit.lamps, np.int8)
        if (thread := self.monitor._changes._thread) is not None:
            thread.join()
        for j in range(2):
            self.flashed[j] += bool(FLASHING[self.of(j)].any())

    def of(self, j: int) -> np.ndarray:
        lamps: np.ndarray = self.frame.lamps_shown[self.network.group_junction == j]
        return lamps

    def drives(self, j: int) -> bool:
        return bool((self.of(j) == Lamp.GREEN).any())

    def run(self, seconds: float) -> None:
        for _ in range(round(10 * seconds)):
            self.tick()

    def until(self, true: Callable[[], object], within_s: float = 400) -> None:
        for _ in range(round(10 * within_s)):
            if true():
                return
            self.tick()
        raise AssertionError(f"not within {within_s} s: {self.said}")

    def close(self) -> None:
        self.link.lose()
        self.street.close()
        self.monitor.close()
