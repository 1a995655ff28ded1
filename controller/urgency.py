"""The safety net under every planner: promises and maximum greens.

A planner that asks it first can be as short-sighted as it likes: nobody waits longer
than promised, and no green outlasts its maximum while a conflicting call waits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller import urgency_kernels as kernels
from controller.junction import GROUPS_PER_JUNCTION_MAX
from controller.network import Ints, Network
from controller.state import NEVER_MS, State
from controller.vocabulary import StageSource

DECISION_PERIOD_MS = 1000
"""Every junction decides once in this time; on streets with finer lamp times they take turns."""


class Urgency:
    """What each junction must do now to keep its promises.

    After `update`: `stage` (J) the stage that must be wanted now, -1 = the planner is free;
    `leave_by_ms` (J) the time by which the present stage must be left, NEVER_MS = nobody calls;
    `due_calls` (J) bits of the calls whose turn it is because the greens in their way are at
    their maximum (a planner may pick another stage for one of them if it keeps the promises).
    A planner announces no planned end later than that. When the urgent stage is the present
    one, a crossing inside it must get WALK again, and `leave_by_ms` leaves room for it.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.stage: Ints = np.full(network.n_junctions, -1, np.int64)
        self.leave_by_ms: Ints = np.full(network.n_junctions, NEVER_MS, np.int64)
        self.stage_given: NDArray[np.bool_] = np.array(
            [s.source == StageSource.GIVEN for jn in network.street.junctions for s in jn.stages], np.bool_
        )
        self.starts_uncalled: NDArray[np.int8] = np.zeros(network.n_groups, np.int8)
        self.since_ms: Ints = np.zeros(GROUPS_PER_JUNCTION_MAX, np.int64)
        self.ended_ms: Ints = np.zeros(GROUPS_PER_JUNCTION_MAX, np.int64)
        self.due_calls: Ints = np.zeros(network.n_junctions, np.int64)

    def update(self, state: State, now_ms: int) -> None:
        """Judge the junctions whose turn it is at the lamp time `now_ms`."""
        network = self.network
        kernels.judge_urgency(
            now_ms,
            network.lamp_resolution_ms,
            DECISION_PERIOD_MS,
            network.group_start,
            network.group_kind,
            network.conflict_bits,
            network.intergreen_start,
            network.intergreen_ms,
            network.min_green_ms,
            network.max_green_ms,
            network.yellow_ms,
            network.promise_ms,
            network.stage_start,
            network.stage_bits,
            self.stage_given,
            state.recall,
            state.people_per_s,
            state.lamp,
            state.lamp_since_ms,
            state.green_ended_ms,
            state.target_stage,
            state.target_bits,
            state.in_transition,
            state.call_since_ms,
            self.starts_uncalled,
            self.since_ms,
            self.ended_ms,
            self.due_calls,
            self.stage,
            self.leave_by_ms,
        )

    def allows(self, state: State, now_ms: int, junction: int, stage: int) -> bool:
        """Whether a junction may go to `stage` now and still keep every promise; ask after `update`."""
        network = self.network
        return bool(
            kernels.keeps_promises(
                junction,
                stage,
                now_ms,
                network.group_start,
                network.conflict_bits,
                network.intergreen_start,
                network.intergreen_ms,
                network.min_green_ms,
                network.promise_ms,
                network.stage_start,
                network.stage_bits,
                self.stage_given,
                self.starts_uncalled,
                state.lamp,
                state.lamp_since_ms,
                state.green_ended_ms,
                state.target_bits,
                state.in_transition,
                state.call_since_ms,
                self.since_ms,
                self.ended_ms,
            )
        )
