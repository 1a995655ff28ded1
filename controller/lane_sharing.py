"""What lanes of one approach do to each other, and people on crossings to those who turn across them.

Two things that a lane's own queue does not tell: vehicles for both lanes of a turning pocket
come over the same lane upstream, so that a full pocket holds up the other one too; and drivers
who turn give way to people on the crossing they turn across.
"""

from __future__ import annotations

import numpy as np

from controller.feeds import DIRECTION_WEIGHT
from controller.junction import Lane
from controller.network import DIRECTIONS, Floats, Ints, Network
from controller.service_kernels import VEHICLE_SPACE_M

SHARE_LEAST = 0.05
"""Of a street lane's vehicles: fewer than this do not make it one that a lane's queue stands on."""


def pockets(lanes: tuple[Lane, ...]) -> tuple[Ints, Floats]:
    """Of each lane: bits of those fed over a common street lane; vehicles that fit before that one begins."""
    ways = [{r.street_lane: r.gap_m for r in lane.reach if r.share > SHARE_LEAST} for lane in lanes]
    siblings, room_veh = np.zeros(len(lanes), np.int64), np.zeros(len(lanes))
    for a, way in enumerate(ways):
        gap_m = np.inf
        for b, other in enumerate(ways):
            common = way.keys() & other.keys()
            if a != b and common:
                siblings[a] |= 1 << b
                gap_m = min(gap_m, *(way[name] for name in common))
        room_veh[a] = max(1.0, gap_m / VEHICLE_SPACE_M)
    return siblings, room_veh


def share_giving_way(network: Network, lane: int, crossing: int, yields: dict[int, list[int]]) -> float:
    """Part of a lane's traffic that turns across a crossing and gives way to people on it.

    `crossing` and the keys and values of `yields` (group: those it gives way to) count inside the junction.
    """
    first = int(network.group_start[network.lane_junction[lane]])
    total = turning = 0.0
    for m in range(int(network.movement_start[lane]), int(network.movement_start[lane + 1])):
        direction = DIRECTIONS[network.movement_direction[m]]
        total += DIRECTION_WEIGHT[direction]
        if direction != "straight" and crossing in yields.get(int(network.movement_group[m]) - first, []):
            turning += DIRECTION_WEIGHT[direction]
    return turning / total if total else 0.0
