"""The estimate where only loops see: lays a network's loops out as gates for the kernels."""

from __future__ import annotations

import numpy as np

from controller import loop_estimate_kernels as kernels
from controller.estimate_model import Loops
from controller.feeds import find_feeds
from controller.lane_sharing import pockets
from controller.network import Floats, Ints, Network
from controller.policy import Policy
from controller.state import HORIZON_S
from controller.unseen import usual_flow_veh_per_s
from controller.vocabulary import DetectorKind

NEAR_GATE_M = 45.0
"""Advance loops up to here from the stop line are its near gate, others its far gate."""
SIGHT_M = 200.0


class LoopEstimator:
    """The ground on which queues, arrivals and persons of all lanes are found from counts and occupancies.

    Keeps no memory of its own: what must be remembered is in the state.
    """

    def __init__(self, network: Network, policy: Policy) -> None:
        self.network = network
        self.policy = policy
        lanes = network.n_lanes
        self.detector_gate = np.array([gate_of(network, d) for d in range(len(network.detectors))], np.int8)
        self.gate_m: Floats = np.zeros((lanes, kernels.GATES))
        self.gate_s: Ints = np.full((lanes, kernels.GATES), -1, np.int64)
        self._place_gates()
        self._seen_s = np.ceil(np.minimum(network.lane_reach_m, SIGHT_M) / network.lane_speed_m_per_s)
        self._seen_s = self._seen_s.astype(np.int64)
        self._feeds = find_feeds(network)
        self._way_s = self._farthest_s()
        self._first_lane = network.lane_start[network.lane_junction]
        self._sibling_bits = np.concatenate([pockets(jn.lanes)[0] for jn in network.street.junctions])
        self.usual_veh_per_s = usual_flow_veh_per_s(network)
        self._standing_s = np.zeros((lanes, kernels.GATES))
        self._shared_s = np.zeros((lanes, kernels.GATES))
        self._clear_s = np.zeros((lanes, kernels.GATES))

    def _place_gates(self) -> None:
        network = self.network
        for d in np.flatnonzero(self.detector_gate > kernels.STOP):
            lane, gate = int(network.detector_lane[d]), int(self.detector_gate[d])
            at_m = float(network.detector_distance_m[d])
            # Branches of one gate differ; the nearest is certainly passed by everybody.
            known_m = float(self.gate_m[lane, gate])
            self.gate_m[lane, gate] = min(known_m, at_m) if known_m else at_m
        speed = network.lane_speed_m_per_s
        for gate in (kernels.NEAR, kernels.FAR):
            travel_s = np.clip((self.gate_m[:, gate] / speed).astype(np.int64), gate, HORIZON_S - 2)
            travel_s = np.maximum(travel_s, self.gate_s[:, gate - 1] + 1)
            self.gate_s[:, gate] = np.where(self.gate_m[:, gate] > 0.0, travel_s, -1)
        self.gate_s[:, kernels.STOP] = 0

    def _farthest_s(self) -> Ints:
        """(lanes) s of free travel from the farthest place where vehicles of a lane are counted."""
        farthest_s = self.gate_s.max(axis=1)
        fed_lane = np.repeat(np.arange(self.network.n_lanes), np.diff(self._feeds.start))
        np.maximum.at(farthest_s, fed_lane, np.minimum(self._feeds.travel_s, HORIZON_S - 1))
        return farthest_s

    def laid(self) -> Loops:
        """As the kernels take it."""
        network, feeds = self.network, self._feeds
        return Loops(
            network.detector_kind, self.detector_gate, network.detector_lane, network.detector_share,
            self.gate_s, self.gate_m, self._way_s, self._seen_s, network.lane_reach_m,
            network.lane_saturation_veh_per_s, self.usual_veh_per_s, self._first_lane, self._sibling_bits,
            feeds.start, feeds.lane, feeds.share, feeds.travel_s, self._standing_s,
            self._shared_s, self._clear_s,
        )  # fmt: skip


def gate_of(network: Network, detector: int) -> int:
    """Which gate of its lane a detector belongs to; -1 for buttons and bus check-ins."""
    kind = network.detector_kind[detector]
    if kind == DetectorKind.STOPLINE:
        return kernels.STOP
    if kind != DetectorKind.ADVANCE:
        return -1
    return kernels.NEAR if network.detector_distance_m[detector] <= NEAR_GATE_M else kernels.FAR
