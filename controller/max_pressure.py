"""The max-pressure planner: serve where most wait before the line and least stand behind it.

After Varaiya, "Max pressure control of a network of signalized intersections",
Transportation Research C 36 (2013): every few seconds the stage with the greatest sum of
saturation flow x (queue upstream - queues downstream by turning share). Waiting people
are a queue like any other. All stages are candidates, generated ones too.
"""

from __future__ import annotations

from controller import pressure_kernels as kernels
from controller.best_stage import BestStage
from controller.network import Network
from controller.state import State

INTERVAL_MS = 10_000
"""Time between two decisions in a full stage."""
GAIN = 0.0
"""Another stage must be better by this part to be worth the clearance."""


class MaxPressure:
    """Goes to the best stage by its score; promises and maximum greens come first."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.decision = BestStage(network, INTERVAL_MS, GAIN)

    def propose(self, state: State, now_ms: int) -> None:
        """Write the wanted stage and its planned end of the junctions whose turn it is."""
        network = self.network
        if now_ms % network.lamp_resolution_ms:
            return
        kernels.group_pressure(
            network.movement_start,
            network.movement_group,
            network.movement_exit,
            network.exit_start,
            network.exit_lane,
            network.exit_share,
            network.lane_saturation_veh_per_s,
            state.queue_veh,
            state.waiting_people,
            network.group_kind,
            self.decision.score,
        )
        self.decision.propose(state, now_ms)
