"""A toy junction with the production controller, to which vehicles come that ask for their green."""

from __future__ import annotations

from typing import Any

import numpy as np

from controller.frame import TICK_MS, empty_frame, fit_buses, fit_preempts
from controller.network import Network
from controller.orders import Orders
from controller.policy import Policy
from controller.tick import Controller
from controller.vocabulary import Lamp, Sensors
from tests import toy_street
from tests.lamp_law import LampLaw

NS, NS_LEFT, EW, EW_LEFT, WALK_NS, WALK_EW = range(6)


class AskingStreet:
    """Ticks a controller on one junction; every lamp is judged by the law and by the controller's monitor."""

    def __init__(self, network: Network | None = None, controller: str = "actuated") -> None:
        self.network = toy_street.network(lamp_resolution_ms=100) if network is None else network
        self.controller = Controller(self.network, controller, Policy(), 0)
        self.orders = Orders(self.network)
        self.frame = empty_frame(self.network, Sensors.LOOPS)
        self.law = LampLaw(self.network.street.junctions[0], self.network.lamp_resolution_ms, 0)
        self.now_ms = 0
        self.found: list[str] = []
        """What the safety monitor had to say."""
        self.preempts: list[dict[str, Any]] = []
        self.buses: list[dict[str, Any]] = []
        self.log: list[np.ndarray] = []
        self.busy: set[int] = set()
        """Lanes on which somebody always waits."""

    @property
    def preemption(self) -> Any:
        return self.controller.preemption

    def run(self, seconds: float) -> AskingStreet:
        """So many seconds; vehicles that ask come nearer, unless told to stand, until they are taken away."""
        for _ in range(round(seconds * 1000 / TICK_MS)):
            if self.now_ms % 1000 == 0:
                self._read()
            lamps = self.controller.tick(self.frame, self.now_ms, self.orders)
            self.law.look(self.now_ms, lamps.tolist())
            verdict = self.controller.verdict
            assert verdict is not None
            self.found += [f.sentence for f in (*verdict.violations, *verdict.alarms)]
            self.frame.lamps_shown[:] = lamps
            self.log.append(lamps.copy())
            self.now_ms += TICK_MS
        return self

    def lamp(self, group: int) -> Lamp:
        return Lamp(int(self.log[-1][group]))

    def seconds_until_green(self, group: int, within: float = 200.0) -> float:
        """Seconds until that group is green, 0 when it is."""
        for tick in range(round(within * 10)):
            if self.log and self.lamp(group) == Lamp.GREEN:
                return tick / 10
            self.run(0.1)
        raise AssertionError(f"group {group} is not green within {within} s")

    def call(
        self, lane: int, distance_m: float, number: int = 3, vehicle: int = 7, speed: float = 12.0
    ) -> None:
        """Somebody before whom everybody gives way checks in."""
        self.preempts.append(
            dict(lane=lane, distance_m=distance_m, number=number, vehicle=vehicle, age_s=0.0, speed=speed)
        )

    def bus(
        self, lane: int, distance_m: float, late_s: float, persons: float = 40.0, age_s: float = 0.0,
        vehicle: int = 9, speed: float = 12.0,
    ) -> None:  # fmt: skip
        """A bus checks in."""
        row = {"lane": lane, "distance_m": distance_m, "late_s": late_s, "persons": persons}
        self.buses.append({**row, "age_s": age_s, "vehicle": vehicle, "speed": speed})

    def _read(self) -> None:
        frame, state = self.frame, self.controller.state
        frame.sequence += 1
        frame.time_ms = self.now_ms
        for rows, fit, kind, count in (
            (self.preempts, fit_preempts, "preempt", "n_preempts"),
            (self.buses, fit_buses, "bus", "n_buses"),
        ):
            fit(frame, len(rows))
            setattr(frame, count, len(rows))
            for k, row in enumerate(rows):
                for name, value in row.items():
                    if name != "speed":
                        getattr(frame, f"{kind}_{name}")[k] = value
                if row["speed"]:
                    row["distance_m"] = max(0.0, row["distance_m"] - row["speed"])
        for lane in self.busy:
            state.queue_veh[lane] = 5.0
            group = int(self.network.lane_group_bits[lane]).bit_length() - 1
            if self.log and self.log[-1][group] != Lamp.GREEN:
                state.call_since_ms[group] = min(int(state.call_since_ms[group]), self.now_ms)
