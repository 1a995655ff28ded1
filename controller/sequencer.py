"""The sequencer: the only writer of lamps, one lawful step at a time.

It takes the stage each junction's planner wants and makes it happen within the rules:
minimum green and WALK, full yellow, full pedestrian clearance, every intergreen, red
revert. It knows no planner and no sensor. Rules R1-R31 enter through the network's
times, computed at import and proved by `controller.conflicts`.
"""

from __future__ import annotations

import numpy as np

from controller import sequencer_kernels as kernels
from controller.junction import GROUPS_PER_JUNCTION_MAX
from controller.network import Network
from controller.state import State


class Sequencer:
    """Advances all junctions of a network. Holds no state of its own."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._start_ms = np.zeros(GROUPS_PER_JUNCTION_MAX, np.int64)

    def advance(self, state: State, now_ms: int) -> None:
        """One step at `now_ms`; does nothing between the street's lamp times.

        Writes `state.lamp` and what goes with it; clears the calls of groups that start.
        """
        if now_ms % self.network.lamp_resolution_ms:
            return
        network = self.network
        kernels.advance(
            now_ms,
            network.group_start,
            network.group_kind,
            network.min_green_ms,
            network.yellow_ms,
            network.conflict_bits,
            network.intergreen_start,
            network.intergreen_ms,
            network.stage_bits,
            state.recall,
            state.wanted_stage,
            state.planned_end_ms,
            state.target_stage,
            state.target_bits,
            state.in_transition,
            state.stage_since_ms,
            state.lamp,
            state.lamp_since_ms,
            state.green_ended_ms,
            state.call_since_ms,
            self._start_ms,
        )
