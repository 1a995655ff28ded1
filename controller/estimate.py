"""The estimator: from a sensor reading to queues, arrivals, people waiting and calls."""

from __future__ import annotations

import numpy as np

from controller import demand_kernels, unseen_kernels
from controller import estimate_kernels as kernels
from controller.frame import Frame
from controller.loop_estimate import LoopEstimator
from controller.network import Floats, Network
from controller.policy import Policy
from controller.state import State
from controller.unseen import USUAL_PEOPLE_PER_S
from controller.vocabulary import Sensors


class Estimator:
    """Updates the estimate part of a `State` from frames. All memory lives in the state."""

    def __init__(self, network: Network, policy: Policy) -> None:
        self.network = network
        self.policy = policy
        self._called = np.zeros(network.n_groups, np.bool_)
        self._share = np.zeros(len(network.segment_share))
        self._kept = np.zeros(network.n_groups, np.bool_)
        self.loops = LoopEstimator(network, policy)
        self._sequence = -1

    @property
    def usual_veh_per_s(self) -> Floats:
        """(lanes) what is taken to come where nothing counts; may be overwritten by who knows better."""
        return self.loops.usual_veh_per_s

    def carry_on(self, other: Estimator) -> None:
        """Go on after the readings that `other` has used."""
        self._sequence = other._sequence

    def update(self, state: State, frame: Frame, now_ms: int) -> bool:
        """Take in a reading; gives False, and does nothing, when it was already used."""
        if frame.sequence == self._sequence:
            return False
        self._sequence = frame.sequence
        passed_ms = max(0, frame.time_ms - int(state.estimate_time_ms[0]))
        seconds = frame.time_ms // 1000 - int(state.estimate_time_ms[0]) // 1000
        state.estimate_time_ms[0] = frame.time_ms
        if frame.sensors is Sensors.FULL:
            self._from_tracks(state, frame)
        else:
            self.loops.update(state, frame, min(max(0, seconds), 60))
        network = self.network
        demand_kernels.count_people_and_flow(
            now_ms,
            passed_ms,
            int(state.observed_ms[0]),
            frame.detector_on,
            frame.detector_count,
            network.detector_kind,
            network.detector_lane,
            network.detector_group,
            network.detector_share,
            network.group_kind,
            state.lamp,
            state.unseen_lane,
            state.stop_on,
            state.crossed_veh,
            state.flow_veh_per_s,
            state.waiting_people,
            state.people_per_s,
            state.call_since_ms,
        )
        unseen_kernels.suppose_people(
            now_ms, passed_ms, state.unseen_group, state.quiet_group, USUAL_PEOPLE_PER_S, state.lamp,
            state.waiting_people, state.people_per_s, state.call_since_ms,
        )  # fmt: skip
        state.observed_ms[0] += passed_ms
        demand_kernels.call_vehicles(
            now_ms,
            passed_ms,
            network.group_start,
            network.lane_group_bits,
            network.lane_junction,
            network.group_kind,
            network.group_turn_on_red,
            state.queue_veh,
            state.arrival_veh,
            state.near_veh,
            state.lamp,
            self._called,
            self._kept,
            state.empty_s,
            state.call_since_ms,
        )
        return True

    def _from_tracks(self, state: State, frame: Frame) -> None:
        network = self.network
        kernels.learn_shares(
            network.segment_start,
            network.segment_lane,
            network.segment_share,
            state.flow_veh_per_s,
            self._share,
        )
        kernels.from_tracks(
            frame.n_tracks,
            frame.track_segment,
            frame.track_distance_m,
            frame.track_speed_m_per_s,
            frame.track_kind,
            network.segment_start,
            network.segment_lane,
            network.segment_gap_m,
            self._share,
            network.lane_speed_m_per_s,
            self.policy.persons_per_car,
            self.policy.persons_per_bus,
            state.queue_veh,
            state.arrival_veh,
            state.near_veh,
            state.persons_per_veh,
        )
