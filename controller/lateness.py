"""Buses weigh by who is in them and how late they are, as far as somebody tells of them.

Where nobody does, every bus counted weighs as the policy's usual one. Where a bus is told of, by
check-in or by the operator's feed, its lane weighs the people really aboard, each as much as
`Policy.lateness_factor` says: nothing extra for a bus that is early.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller.frame import Frame
from controller.network import Ints, Network
from controller.policy import Policy
from controller.state import State

SIGHT_M = 200.0
"""Vehicles on the lane are known up to here, so buses further away would weigh too much among them."""
SLOWER = 0.4
"""A bus drives at least so many times its free speed: else, by old news, it may still be on the lane."""
USUAL = 0.7
"""And as a rule so many times."""
PERSONS_MAX = 400.0
LATE_MAX_S = 86_400.0
AGE_MAX_S = 3600.0


class Lateness:
    """Call `lift` before and `lay` after the estimate has taken in a reading."""

    def __init__(self, network: Network, policy: Policy) -> None:
        self.network = network
        self.policy = policy
        self._own: NDArray[np.float64] = np.zeros(network.n_lanes)
        self._lanes: Ints = np.zeros(0, np.int64)

    def carry_on(self, other: Lateness) -> None:
        """Go on after `other`, of the same street, whose state has been taken over."""
        np.copyto(self._own, other._own)
        self._lanes = other._lanes.copy()

    def lift(self, state: State) -> None:
        """Put back what the estimate itself says."""
        if len(self._lanes):
            state.persons_per_veh[self._lanes] = self._own[self._lanes]
            self._lanes = self._lanes[:0]

    def lay(self, state: State, frame: Frame) -> None:
        """Weigh the lanes of all buses told of."""
        if not frame.n_buses:
            return
        buses: dict[int, tuple[int, float]] = {}
        for row in range(min(frame.n_buses, len(frame.bus_lane))):
            lane = int(frame.bus_lane[row])
            if not 0 <= lane < self.network.n_lanes or not self._on_the_lane(frame, row, lane):
                continue
            n, persons = buses.get(lane, (0, 0.0))
            buses[lane] = n + 1, persons + self.weight(frame, row)
        self._lanes = np.array(sorted(buses), np.int64)
        self._own[self._lanes] = state.persons_per_veh[self._lanes]
        for lane, (n, persons) in buses.items():
            vehicles = max(float(n), float(state.near_veh[lane]))
            others = (vehicles - n) * self.policy.persons_per_car
            state.persons_per_veh[lane] = (others + persons) / vehicles

    def weight(self, frame: Frame, row: int) -> float:
        """Persons on that bus, each as often as its lateness makes them count."""
        told = float(frame.bus_persons[row])
        persons = told if 0.0 <= told <= PERSONS_MAX else self.policy.persons_per_bus
        return max(1.0, persons) * self.policy.lateness_factor(float(frame.bus_late_s[row]))

    def _on_the_lane(self, frame: Frame, row: int, lane: int) -> bool:
        """Whether the bus is, by news of some age, where vehicles of the lane are known."""
        distance_m, age_s = float(frame.bus_distance_m[row]), float(frame.bus_age_s[row])
        late_s = float(frame.bus_late_s[row])
        speed = float(self.network.lane_speed_m_per_s[lane])
        if not (distance_m >= 0.0 and 0.0 <= age_s <= AGE_MAX_S and abs(late_s) <= LATE_MAX_S):
            return False
        return distance_m >= SLOWER * speed * age_s and distance_m - USUAL * speed * age_s <= SIGHT_M
