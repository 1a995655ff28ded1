"""What one source alone may do: the two loops of each lane beside each other, and people at buttons.

Rules A5: one source moves a split by five seconds or a tenth of the cycle, and more only where a second one
agrees. See `controller.influence_kernels` for how that is bounded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller import influence_kernels as kernels
from controller.detectors import Detectors
from controller.frame import Frame
from controller.influence_kernels import Ledger, Pairs
from controller.loop_estimate import LoopEstimator
from controller.network import Network
from controller.state import State
from controller.vocabulary import Sensors

STILL_S, STILL_GIVING_WAY_S = 3.0, 15.0
"""Of green after its first five seconds; who gives way may have to wait for a gap."""


class Influence:
    """Bounds of one controller; `bound` completes a new estimate."""

    def __init__(self, detectors: Detectors, loops: LoopEstimator, now_ms: int) -> None:
        network = detectors.network
        self.network = network
        self.pairs: Pairs = _pairs(detectors, loops)
        self.ledger: Ledger = kernels.new_ledger(network.n_lanes, network.n_groups, now_ms)
        self._believed_loops = np.zeros(network.n_lanes, np.int64)

    def carry_on(self, other: Influence) -> None:
        """Know what `other` has written down of the same street."""
        for mine, theirs in zip(self.ledger, other.ledger, strict=True):
            np.copyto(mine, theirs)

    def bound(
        self, state: State, frame: Frame, detectors: Detectors, rung: NDArray[np.int8], now_ms: int
    ) -> None:
        """Bound the estimate of a raw reading, once for every new one. rung (J): where junctions stand."""
        passed_s, observed_ms, ledger = detectors.passed_s, int(state.observed_ms[0]), self.ledger
        kernels.bound_people(
            now_ms, passed_s, observed_ms, state.unseen_group, self.network.group_kind, state.lamp,
            state.green_ended_ms, ledger, state.waiting_people, state.people_per_s,
        )  # fmt: skip
        if frame.sensors is Sensors.FULL:
            return
        laid, health, pairs = detectors.laid, detectors.health, self.pairs
        kernels.keep_ledger(
            now_ms, passed_s, laid, health, pairs, frame.detector_count, state.lamp, state.lamp_since_ms,
            state.transit_veh, state.held_veh, ledger,
        )  # fmt: skip
        kernels.blame_one_of_two(
            now_ms, observed_ms, laid, health, pairs, detectors.known, detectors.rate_veh_per_s, ledger
        )
        kernels.bound_lanes(
            now_ms, laid, health, pairs, detectors.known, detectors.rate_veh_per_s, frame.detector_on,
            state.lamp, state.lamp_since_ms, ledger, state.held_veh, state.queue_veh, state.arrival_veh,
        )  # fmt: skip
        kernels.bound_lone_loops(
            now_ms, laid, health, detectors.known, detectors.rate_veh_per_s, rung, state.lamp,
            state.green_ended_ms, self._believed_loops, state.queue_veh,
        )  # fmt: skip


def _pairs(detectors: Detectors, loops: LoopEstimator) -> Pairs:
    """The loop at each lane's stop line and the one farther up, where there is one of each."""
    network, laid = detectors.network, detectors.laid
    stop, far = np.full((2, network.n_lanes), -1, np.int64)
    far_s = np.zeros(network.n_lanes, np.int64)
    for lane in range(network.n_lanes):
        here = np.flatnonzero((laid.gate >= 0) & (laid.lane == lane)).tolist()
        at_stop = [d for d in here if laid.gate[d] == 0]
        above = [d for d in here if laid.gate[d] > 0]
        if len(at_stop) == 1:
            stop[lane] = at_stop[0]
            if len(above) == 1 and laid.own[above[0]]:
                far[lane] = above[0]
                far_s[lane] = loops.gate_s[lane, laid.gate[above[0]]]
    still_s = np.where(_gives_way(network), STILL_GIVING_WAY_S, STILL_S)
    return Pairs(stop, far, far_s, still_s)


def _gives_way(network: Network) -> np.ndarray:
    """(lanes) some of whose drivers give way to others, or to people who walk."""
    found = np.zeros(network.n_lanes, np.bool_)
    for lane in range(network.n_lanes):
        junction = network.street.junctions[int(network.lane_junction[lane])]
        yielding = {y.group for y in junction.yields}
        bits = int(network.lane_group_bits[lane])
        found[lane] = any(bits >> k & 1 and g.name in yielding for k, g in enumerate(junction.groups))
    return found
