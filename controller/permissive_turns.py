"""Who turns left while those facing him have green, too, and which stage lets him out of the junction.

He goes on, over his stop line, and waits inside for a gap. Where he shares his lane, whoever goes straight on
behind him stands inside as well, and both are still there when the next stage starts into them. Two such
pairs can block each other for good. A stage that gives those who turn left their green alone lets all of
them out (the lagging left turn of the Signal Timing Manual, NCHRP 812, 4.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from controller.network import DIRECTIONS, Network
from controller.plan_model import Model

Yields = dict[int, list[int]]
"""Groups that each group gives way to, inside the junction."""


def facing_lanes(network: Network, lanes: range, first: int, groups: Sequence[int]) -> int:
    """Bits of lanes with straight or right movements of these groups, counted from the junction's first."""
    bits = 0
    for i, lane in enumerate(lanes):
        for m in range(int(network.movement_start[lane]), int(network.movement_start[lane + 1])):
            straight = DIRECTIONS[network.movement_direction[m]] in ("straight", "right")
            if straight and int(network.movement_group[m]) - first in groups:
                bits |= 1 << i
    return bits


def fill_clearing(network: Network, model: Model, j: int, stages: Sequence[int], yields: Yields) -> None:
    """Find the stage that clears each stage of junction `j` searched (indices among all stages), if one does.

    Written: model.shared, clears, faced
    """
    first = int(network.group_start[j])
    lanes = range(int(network.lane_start[j]), int(network.lane_start[j + 1]))
    for s, stage in enumerate(stages):
        bits = int(network.stage_bits[stage])
        turning = facing = 0
        for i, lane in enumerate(lanes):
            turn, let_pass, others = _turns_from(network, lane, lanes, first, bits, yields)
            if turn and others:
                model.shared[j, s] |= 1 << i
                turning |= turn
                facing |= let_pass
        for s2, other in enumerate(stages):
            then = int(network.stage_bits[other])
            if turning and then & turning == turning and not then & facing:
                model.clears[j, s] = s2
                model.faced[j, s2] |= facing
                break


def _turns_from(
    network: Network, lane: int, lanes: range, first: int, bits: int, yields: Yields
) -> tuple[int, int, bool]:
    """In a stage of these groups (bits): by which drivers turn left, whom they let pass, if others go."""
    turn = let_pass = 0
    others = False
    for m in range(int(network.movement_start[lane]), int(network.movement_start[lane + 1])):
        k = int(network.movement_group[m]) - first
        if not bits >> k & 1:
            continue
        left = DIRECTIONS[network.movement_direction[m]] in ("left", "turn")
        facing = [h for h in yields.get(k, []) if bits >> h & 1 and facing_lanes(network, lanes, first, [h])]
        if left and facing:
            turn |= 1 << k
            let_pass |= sum(1 << h for h in set(facing))
        else:
            others = True
    return turn, let_pass, others
