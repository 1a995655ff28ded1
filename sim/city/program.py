"""Each junction's own fixed program as a table of lamps by time in its cycle.

Made by playing the production planner and sequencer on a street where nobody calls, so that
yellow, clearances and WALK are what the controller `fixed` shows; then no controller is needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller.fixed_time import FixedTime
from controller.network import Ints, Network
from controller.sequencer import Sequencer
from controller.state import new_state

CYCLES_BEFORE = 2
"""Played until every junction is in its rhythm."""


class FixedProgram:
    """Lamps of all groups for any time. Raises ValueError for a junction without a plan."""

    def __init__(self, network: Network) -> None:
        step_ms = network.lamp_resolution_ms
        cycle_ms = np.array([jn.plans[0].cycle_ms if jn.plans else 0 for jn in network.street.junctions])
        planner = FixedTime(network)
        # A cycle that lamp times do not divide comes round to the same lamps after several.
        rows_of_junction = np.lcm(cycle_ms, step_ms) // step_ms
        self.step_ms = step_ms
        self.rows: Ints = rows_of_junction[network.group_junction].astype(np.int64)
        """(groups) lamp times in one round."""
        self.start: Ints = np.concatenate([[0], np.cumsum(self.rows)]).astype(np.int64)
        """(groups+1) into `lamp`."""
        self.lamp: NDArray[np.int8] = np.zeros(int(self.start[-1]), np.int8)
        """Lamps of each group, by time modulo its round."""
        self._play(network, planner)

    def _play(self, network: Network, planner: FixedTime) -> None:
        most = int(self.rows.max(initial=1))
        state, sequencer = new_state(network, 0), Sequencer(network)
        for k in range((CYCLES_BEFORE + 1) * most):
            now_ms = k * self.step_ms
            planner.propose(state, now_ms)
            sequencer.advance(state, now_ms)
            if k >= CYCLES_BEFORE * most:
                self.lamp[self.start[:-1] + k % self.rows] = state.lamp

    def show(self, now_ms: int, lamps: NDArray[np.int8]) -> None:
        """Write the lamps (groups,) of this moment."""
        np.take(self.lamp, self.start[:-1] + now_ms // self.step_ms % self.rows, out=lamps)
