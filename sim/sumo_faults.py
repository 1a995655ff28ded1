"""Detectors that fall ill in a run in SUMO: the faults of the city, laid over the same kind of reading.

SUMO's streets know no districts: a fault is `all`, `junction:NAME` or `detector:NAME`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame
from controller.network import Network
from controller.vocabulary import Sensors
from sim.city.scenario import FaultPlan
from sim.city.sensing.faults import Faults


@dataclass(frozen=True, slots=True)
class Undivided:
    """A street without districts."""

    districts: tuple[str, ...]
    junction_district: NDArray[np.int64]


class StreetFaults:
    """What breaks on one street. Raises ValueError naming a plan that hits nothing or is out of bounds."""

    def __init__(
        self, network: Network, plans: Sequence[FaultPlan], begin_ms: int, end_ms: int, seed: int,
        sensors: Sensors,
    ) -> None:  # fmt: skip
        undivided = Undivided((), np.full(network.n_junctions, -1, np.int64))
        self.faults = Faults(network, undivided, plans, begin_ms, end_ms, seed, sensors)

    def afflict(self, frame: Frame) -> None:
        """Turn a true reading into what the detectors report of it, now."""
        self.faults.advance(frame.time_ms)
        self.faults.afflict(frame)
