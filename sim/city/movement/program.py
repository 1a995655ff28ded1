"""Each junction's own fixed program as a table of lamps by time in its cycle.

Made by playing the production planner and sequencer on a street where nobody calls, so that
yellow, clearances and WALK are what the controller `fixed` shows; then no controller is needed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from controller.fixed_time import FixedTime
from controller.network import Network
from controller.sequencer import Sequencer
from controller.state import new_state
from sim.city.movement.second_kernels import Table, read_table

CYCLES_BEFORE = 2
"""Played until every junction is in its rhythm."""


class FixedProgram:
    """Lamps of all groups for any time. Raises ValueError for a junction without a plan."""

    def __init__(self, network: Network) -> None:
        step_ms = network.lamp_resolution_ms
        network = replace(network, street=replace(network.street, timetable=()))
        cycle_ms = np.array([jn.plans[0].cycle_ms if jn.plans else 0 for jn in network.street.junctions])
        planner = FixedTime(network)
        # A cycle that lamp times do not divide comes round to the same lamps after several.
        rows_of_junction = np.lcm(cycle_ms, step_ms) // step_ms
        rows = rows_of_junction[network.group_junction].astype(np.int64)
        start = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
        lamp = np.zeros(int(start[-1]), np.int8)
        self.table = Table(np.full(1, step_ms, np.int64), rows, start, lamp)
        self._play(network, planner, step_ms)

    def _play(self, network: Network, planner: FixedTime, step_ms: int) -> None:
        table = self.table
        most = int(table.rows.max(initial=1))
        state, sequencer = new_state(network, 0), Sequencer(network)
        for k in range((CYCLES_BEFORE + 1) * most):
            planner.propose(state, k * step_ms)
            sequencer.advance(state, k * step_ms)
            if k >= CYCLES_BEFORE * most:
                table.lamp[table.start[:-1] + k % table.rows] = state.lamp

    def show(self, now_ms: int, lamps: NDArray[np.int8]) -> None:
        """Write the lamps (groups,) of this moment."""
        read_table(now_ms, self.table, lamps)
