"""The estimator: from a sensor reading to queues, arrivals, people waiting and calls."""

from __future__ import annotations

import numpy as np

from controller import estimate_kernels as kernels
from controller import estimate_reading_kernels as reading
from controller.bundle import Bundle
from controller.estimate_model import Believed, Calling, Picture
from controller.frame import Frame
from controller.loop_estimate import LoopEstimator
from controller.network import Floats, Network
from controller.policy import Policy
from controller.state import State
from controller.unseen import USUAL_PEOPLE_PER_S
from controller.vocabulary import Sensors


class Estimator:
    """Updates the estimate part of a `State` from frames. All memory lives in the state."""

    UNCHANGING = frozenset({"_picture", "_state"})
    """Views of what is carried elsewhere."""

    def __init__(self, network: Network, policy: Policy) -> None:
        self.network = network
        self.policy = policy
        self._called = np.zeros(network.n_groups, np.bool_)
        self._share = np.zeros(len(network.segment_share))
        self._kept = np.zeros(network.n_groups, np.bool_)
        self.loops = LoopEstimator(network, policy)
        self._sequence = -1
        self._picture: Bundle | None = None
        self._state: State | None = None

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
            self.hear_loops(state, frame, min(max(0, seconds), 60))
        reading.hear_callers(
            now_ms, passed_ms, USUAL_PEOPLE_PER_S, frame.detector_on, frame.detector_count,
            self._picture_of(state).memory,
        )  # fmt: skip
        return True

    def hear_loops(self, state: State, frame: Frame, seconds: int) -> None:
        """Queues, arrivals and persons by what loops tell, so many seconds after the reading before."""
        policy = self.policy
        reading.hear_loops(
            frame.time_ms, seconds, frame.detector_on, frame.detector_count, frame.detector_occupancy,
            policy.persons_per_car, policy.persons_per_bus, self._picture_of(state).memory,
        )  # fmt: skip

    def _picture_of(self, state: State) -> Bundle:
        """All arrays as the kernels take them, bundled when another state is met than last time."""
        picture = self._picture
        if picture is None or state is not self._state:
            network = self.network
            calling = Calling(
                network.detector_kind, network.detector_lane, network.detector_group, network.detector_share,
                network.group_kind, network.group_turn_on_red, network.group_start, network.lane_group_bits,
                network.lane_junction, self._called, self._kept,
            )  # fmt: skip
            believed = Believed(*(getattr(state, name) for name in Believed._fields))
            picture = Bundle(reading.lay_picture, Picture(self.loops.laid(), calling, believed))
            self._picture, self._state = picture, state
        return picture

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
