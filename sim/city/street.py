"""The city as the controller meets it: frames out of the arrays, lamps into them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame, empty_frame
from controller.network import Network
from sim.city.movement.traffic import STEP_MS, Traffic
from sim.city.people.walkers_model import Walkers
from sim.city.sensing.faults import Faults
from sim.city.sensing.sensors import CitySensors


class CityStreet:
    """Implements `controller.frame.Street`. What it shows stands in `lamps`, for whoever moves.

    Raises ValueError when the network's lamp times do not fit the city's steps.
    """

    def __init__(self, network: Network, sensors: CitySensors, faults: Faults, begin_ms: int) -> None:
        if network.lamp_resolution_ms != STEP_MS:
            raise ValueError(
                f"lamps change every {network.lamp_resolution_ms} ms; the city moves in steps of {STEP_MS} ms"
            )
        self.network = network
        self.lamp_resolution_ms = STEP_MS
        self.sensors = sensors
        self.faults = faults
        self.frame = empty_frame(network, sensors.fitting.sensors)
        self.frame.time_ms = begin_ms
        self.frame.detector_time_ms.fill(begin_ms)
        self.lamps: NDArray[np.int8] = np.zeros(network.n_groups, np.int8)
        """(groups) `Lamp` numbers that all heads show now."""

    def read(self) -> Frame:
        """The latest reading, faults and all. The frame is refilled by `sense`."""
        return self.frame

    def show(self, lamps: NDArray[np.int8]) -> None:
        """Show these lamps (groups,) from now on."""
        self.lamps[...] = lamps
        self.frame.lamps_shown[...] = lamps

    def sense(self, traffic: Traffic, walkers: Walkers | None, now_ms: int) -> None:
        """Take the reading of the second that ends at `now_ms`."""
        frame = self.frame
        frame.time_ms = now_ms
        frame.sequence += 1
        self.sensors.sense(traffic, walkers, frame)
        self.faults.advance(now_ms)
        self.faults.afflict(frame)
