"""The leading pedestrian interval (R29): WALK begins some seconds before drivers who give way to it may go.

People are on the crossing, and seen there, before the first driver turns across it. It only ever holds
back drivers who are about to start; nobody's green, WALK or clearance is shortened by it. A WALK that
comes late into a stage under way has no lead: those drivers are going already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from controller.junction import LEAD_WAIT_MS, Junction
from controller.sequencer_kernels import earliest_start_ms, groups_to_start
from controller.vocabulary import GroupKind, Lamp

if TYPE_CHECKING:
    from controller.network import Network
    from controller.state import State

Lead = tuple[int, int, int]
"""(crossing, drivers who give way to it, lead in ms); groups by their place in the junction."""


def leads_of(junction: Junction) -> list[Lead]:
    """Every pair of a crossing with a lead and drivers who give way to it."""
    index = {g.name: k for k, g in enumerate(junction.groups)}
    return [
        (index[y.to], index[y.group], junction.groups[index[y.to]].lead_ms)
        for y in junction.yields
        if junction.groups[index[y.to]].lead_ms and junction.groups[index[y.to]].kind == GroupKind.PEDESTRIAN
    ]


class Leading:
    """Holds drivers back for the sequencer. Remembers nothing: it goes by lamps and their ages."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._leads: list[tuple[int, list[Lead]]] = []
        for j, junction in enumerate(network.street.junctions):
            step_ms = network.lamp_resolution_ms
            rows = [(p, t, -(-ms // step_ms) * step_ms) for p, t, ms in leads_of(junction)]
            if rows:
                self._leads.append((j, rows))

    @property
    def needed(self) -> bool:
        """Whether any WALK leads."""
        return bool(self._leads)

    def hold_back(self, state: State, now_ms: int) -> list[tuple[int, int]]:
        """Take who must wait out of the targets; gives (junction, bits of its groups) to `let_go` after."""
        held = []
        for j, leads in self._leads:
            if now_ms < state.all_red_until_ms[j]:
                continue
            self._begin(state, j)
            if state.in_transition[j] and (bits := self._waits(state, j, leads, now_ms)):
                state.target_bits[j] &= ~bits
                held.append((j, bits))
        return held

    def let_go(self, state: State, held: list[tuple[int, int]]) -> None:
        """Those held back belong to the stage under way as before, which is not complete without them."""
        for j, bits in held:
            state.target_bits[j] |= bits
            state.in_transition[j] = True

    def _begin(self, state: State, j: int) -> None:
        """Begin a change as the sequencer would in this very step, so that nobody starts in it too early."""
        network = self.network
        if state.in_transition[j] or state.wanted_stage[j] == state.target_stage[j]:
            return
        first, end = int(network.group_start[j]), int(network.group_start[j + 1])
        state.target_stage[j] = state.wanted_stage[j]
        state.target_bits[j] = groups_to_start(
            int(network.stage_bits[state.target_stage[j]]), first, end - first, network.group_kind,
            state.recall, state.call_since_ms, state.lamp,
        )  # fmt: skip
        state.in_transition[j] = True

    def _waits(self, state: State, j: int, leads: list[Lead], now_ms: int) -> int:
        """Bits of the drivers who are not to start now."""
        first, target = int(self.network.group_start[j]), int(state.target_bits[j])
        bits = 0
        for walk, drivers, lead_ms in leads:
            g, t = first + walk, first + drivers
            if not target >> drivers & 1 or state.lamp[t] == Lamp.GREEN:
                continue
            if state.lamp[g] == Lamp.GREEN:
                # Also a WALK that is about to end: it has just begun, and somebody steps out.
                waits = now_ms - int(state.lamp_since_ms[g]) < lead_ms
            elif not target >> walk & 1:
                continue
            else:
                waits = self._start_ms(state, j, walk, now_ms) <= (
                    self._start_ms(state, j, drivers, now_ms) + LEAD_WAIT_MS
                )
            bits |= waits << drivers
        return bits

    def _start_ms(self, state: State, j: int, group: int, now_ms: int) -> int:
        network = self.network
        first, n = int(network.group_start[j]), int(network.group_start[j + 1] - network.group_start[j])
        at = int(network.intergreen_start[j])
        start_ms = earliest_start_ms(
            now_ms, first, n, group, network.conflict_bits, network.min_green_ms,
            network.intergreen_ms[at : at + n * n], state.lamp, state.lamp_since_ms, state.green_ended_ms,
        )  # fmt: skip
        return max(now_ms, int(start_ms))
