"""A toy street that takes orders, for tests: whole controllers, heads that show what is permitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from controller.frame import empty_frame
from controller.junction import FixedPlan, Junction, PlanStep
from controller.network import Network
from controller.orders import Orders
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import Lamp, Sensors
from tests import toy_street

S_NS, S_NS_LEFT, S_EW, S_EW_LEFT = range(4)
FOREVER_MS = 10_000_000


class Street:
    """One or more toy junctions under a whole controller; heads show what is permitted."""

    def __init__(self, *junctions: Junction, controller: str = "fixed") -> None:
        self.network: Network = toy_street.network(*junctions, lamp_resolution_ms=100)
        self.controller = Controller(self.network, controller, Policy(), 0)
        self.state = self.controller.state
        self.orders = Orders(self.network)
        self.frame = empty_frame(self.network, Sensors.LOOPS)
        self.now_ms = 0
        self.faults: list[str] = []
        self.lamps: list[int] = []

    def decide(self) -> np.ndarray:
        """Lamps of this moment, by whoever has control."""
        return self.controller.tick(self.frame, self.now_ms, self.orders)

    def tick(self) -> list[int]:
        self.lamps = self.decide().tolist()
        verdict = self.controller.verdict
        assert verdict is not None
        self.faults += [v.sentence for v in verdict.violations] + [a.sentence for a in verdict.alarms]
        self.frame.lamps_shown[:] = self.lamps
        self.now_ms += 100
        return self.lamps

    def run(self, seconds: float) -> Street:
        for _ in range(round(10 * seconds)):
            self.tick()
        return self

    def until(self, *groups: int, within_s: float = 60) -> float:
        """Seconds until all of these are green."""
        begun_ms = self.now_ms
        while not all(self.lamps and self.lamps[g] == Lamp.GREEN for g in groups):
            assert self.now_ms - begun_ms < 1000 * within_s, f"not green within {within_s} s"
            self.tick()
        return (self.now_ms - begun_ms) / 1000

    def until_not(self, group: int, within_s: float = 180) -> None:
        """Until this one is green no more."""
        end_ms = self.for_s(within_s)
        while self.lamps[group] == Lamp.GREEN:
            assert self.now_ms < end_ms, f"still green after {within_s} s"
            self.tick()

    def comes_alive(self) -> None:
        """Somebody has green again."""
        end_ms = self.for_s(60)
        while not self.green():
            assert self.now_ms < end_ms, "no green for a minute"
            self.tick()

    def green(self) -> set[int]:
        return {g for g, lamp in enumerate(self.lamps) if lamp == Lamp.GREEN}

    def for_s(self, seconds: float) -> int:
        return self.now_ms + round(1000 * seconds)


def with_plan(junction: Junction) -> Junction:
    night = FixedPlan("night", 60_000, 0, (PlanStep("s2", 40_000), PlanStep("s0", 20_000)))
    return replace(junction, plans=(*junction.plans, night))
