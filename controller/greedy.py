"""The greedy planner: every few seconds the stage whose lanes hold the most vehicles.

What stands and what is coming within the sensors' reach count the same; waiting people
count as vehicles over the persons in a car. All stages are candidates, generated ones too.
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


class Greedy:
    """Goes to the best stage by its score; promises and maximum greens come first."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.decision = BestStage(network, INTERVAL_MS, GAIN)

    def propose(self, state: State, now_ms: int) -> None:
        """Write the wanted stage and its planned end of the junctions whose turn it is."""
        network = self.network
        if now_ms % network.lamp_resolution_ms:
            return
        kernels.group_load(
            network.movement_start,
            network.movement_group,
            state.near_veh,
            state.waiting_people,
            network.group_kind,
            self.decision.score,
        )
        self.decision.propose(state, now_ms)
