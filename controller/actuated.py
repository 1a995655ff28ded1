"""The actuated planner: fully actuated, stage-based control as most signals in the world know it.

The given stages form a ring. A stage runs its minimum, is extended while vehicles keep
coming (gap-out), and ends at its maximum green counted from the first conflicting call
(max-out). Then the next stage of the ring with a call takes over; stages nobody calls
are skipped; without a call elsewhere the present stage rests in green. WALK is given on
call or recall and cleared while vehicles keep their green. After FHWA-HOP-08-024
(Signal Timing Manual), chapter 5.
"""

from __future__ import annotations

import numpy as np

from controller import actuated_kernels as kernels
from controller.junction import Junction
from controller.network import Ints, Network
from controller.state import NEVER_MS, State
from controller.urgency import DECISION_PERIOD_MS, Urgency
from controller.vocabulary import StageSource

MAX_GREEN_OVER_SPLIT = 1.5
"""Maximum of a stage over its part of the fixed plan (Signal Timing Manual, 5.2: 1.25 to 1.5)."""


class Actuated:
    """Gap-out, max-out, recalls, pedestrian calls, skipped stages.

    Where a junction has no given stages the generated ones form the ring.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.urgency = Urgency(network)
        ring: list[int] = []
        starts, longest_ms = [0], []
        for j, junction in enumerate(network.street.junctions):
            given = [s for s, stage in enumerate(junction.stages) if stage.source == StageSource.GIVEN]
            places = given or list(range(len(junction.stages)))
            ring += [int(network.stage_start[j]) + s for s in places]
            longest_ms += [stage_max_ms(junction, junction.stages[s].name) for s in places]
            starts.append(len(ring))
        self.ring_start: Ints = np.array(starts, np.int64)
        self.ring_stage: Ints = np.array(ring, np.int64)
        self.ring_max_ms: Ints = np.array(longest_ms, np.int64)

    def propose(self, state: State, now_ms: int) -> None:
        """Write the wanted stage and its planned end of the junctions whose turn it is."""
        network, urgency = self.network, self.urgency
        if now_ms % network.lamp_resolution_ms:
            return
        urgency.update(state, now_ms)
        kernels.actuate(
            now_ms,
            network.lamp_resolution_ms,
            DECISION_PERIOD_MS,
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
            self.ring_start,
            self.ring_stage,
            self.ring_max_ms,
            network.lane_start,
            network.lane_group_bits,
            network.lane_saturation_veh_per_s,
            state.queue_veh,
            state.arrival_veh,
            state.blocked,
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
            urgency.due_calls,
            state.wanted_stage,
            state.planned_end_ms,
        )


def stage_max_ms(junction: Junction, stage: str) -> int:
    """Longest time of a stage while others wait: its split of the fixed plan and half as much again.

    The groups' own maximum greens hold beside it; where the plan does not know the stage, they alone.
    """
    steps = [step for plan in junction.plans[:1] for step in plan.steps if step.stage == stage]
    split_ms = sum(step.duration_ms for step in steps)
    return int(MAX_GREEN_OVER_SPLIT * split_ms) or NEVER_MS
