"""Going to the stage with the highest score, for planners that look at the present only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller import pressure_kernels as kernels
from controller.network import Floats, Network
from controller.state import State
from controller.urgency import DECISION_PERIOD_MS, Urgency


class BestStage:
    """One decision in `interval_ms` of full stage, promises and maximum greens first.

    The planner fills `score` (G) before each `propose`; a stage is worth the sum of its
    groups' scores, and another stage is taken when it is worth more than 1 + `gain`
    times the present one.
    """

    def __init__(self, network: Network, interval_ms: int, gain: float) -> None:
        self.network = network
        self.interval_ms = interval_ms
        self.gain = gain
        self.urgency = Urgency(network)
        self.score: Floats = np.zeros(network.n_groups)
        self._refused: NDArray[np.bool_] = np.zeros(network.n_stages, np.bool_)

    def propose(self, state: State, now_ms: int) -> None:
        """Write the wanted stage and its planned end of the junctions whose turn it is."""
        network, urgency = self.network, self.urgency
        urgency.update(state, now_ms)
        kernels.go_to_best(
            now_ms,
            network.lamp_resolution_ms,
            DECISION_PERIOD_MS,
            self.interval_ms,
            self.gain,
            network.group_start,
            network.group_kind,
            network.conflict_bits,
            network.intergreen_start,
            network.intergreen_ms,
            network.min_green_ms,
            network.yellow_ms,
            network.promise_ms,
            network.stage_start,
            network.stage_bits,
            urgency.stage_given,
            self.score,
            state.lamp,
            state.lamp_since_ms,
            state.green_ended_ms,
            state.target_stage,
            state.target_bits,
            state.in_transition,
            state.stage_since_ms,
            state.call_since_ms,
            urgency.starts_uncalled,
            urgency.since_ms,
            urgency.ended_ms,
            urgency.stage,
            urgency.leave_by_ms,
            self._refused,
            state.wanted_stage,
            state.planned_end_ms,
        )
