"""The sequencer: the only writer of lamps, one lawful step at a time.

It takes the stage each junction's planner wants and makes it happen within the rules:
minimum green and WALK, full yellow, full pedestrian clearance, every intergreen, red
revert. It knows no planner and no sensor. Rules R1-R31 enter through the network's
times, computed at import and proved by `controller.conflicts`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from controller import sequencer_kernels as kernels
from controller.junction import GROUPS_PER_JUNCTION_MAX
from controller.leading import Leading
from controller.network import Network
from controller.state import NEVER_MS, State
from controller.vocabulary import Lamp

ALL_RED_AFTER_FLASH_MS = 6_000
"""Rules R39: all red between the end of a flash and the first green."""


class Sequencer:
    """Advances all junctions of a network. Holds no state of its own."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._leading = Leading(network)
        self._start_ms = np.zeros(GROUPS_PER_JUNCTION_MAX, np.int64)

    def advance(self, state: State, now_ms: int) -> None:
        """One step at `now_ms`; does nothing between the street's lamp times.

        Writes `state.lamp` and what goes with it; clears the calls of groups that start.
        """
        if now_ms % self.network.lamp_resolution_ms:
            return
        network = self.network
        held = self._leading.hold_back(state, now_ms) if self._leading.needed else ()
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
            state.all_red_until_ms,
            state.lamp,
            state.lamp_since_ms,
            state.green_ended_ms,
            state.call_since_ms,
            self._start_ms,
        )
        if held:
            self._leading.let_go(state, held)

    def begin_red(self, state: State, junctions: NDArray[np.bool_], now_ms: int) -> None:
        """These junctions (J) begin as after a flash: all red, and six seconds of it before any green."""
        groups = junctions[self.network.group_junction]
        state.lamp[groups] = Lamp.RED
        state.lamp_since_ms[groups] = now_ms
        state.green_ended_ms[groups] = now_ms
        state.target_stage[junctions] = -1
        state.target_bits[junctions] = 0
        state.in_transition[junctions] = False
        state.stage_since_ms[junctions] = now_ms
        state.all_red_until_ms[junctions] = now_ms + ALL_RED_AFTER_FLASH_MS

    def follow_flash(self, state: State, flash: NDArray[np.bool_], now_ms: int) -> None:
        """Junctions in `flash` (J) go to all red and stay so; the others come out of it through all red.

        Every green counts as ended when the flash began, and once more when it ended: what
        a flash let through nobody knows. Call it when the monitor has judged the frame.
        """
        until_ms = state.all_red_until_ms
        begins = flash & (until_ms != NEVER_MS)
        ends = ~flash & (until_ms == NEVER_MS)
        changes = begins | ends
        if not changes.any():
            return
        self.begin_red(state, changes, now_ms)
        until_ms[begins] = NEVER_MS
