"""Where the vehicles of a stop line come from: the stop lines of signals upstream, as sparse rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from controller.network import DIRECTIONS, Floats, Ints, Network

DIRECTION_WEIGHT = {"straight": 3.0, "right": 1.0, "left": 1.0, "turn": 0.1}
"""How traffic of a shared lane splits before anything is known."""
START_UP_S = 2
"""Time lost between a stop line and the beginning of the street behind it."""


class Feeds(NamedTuple):
    """L lanes; row `l` of the lists is `start[l]:start[l + 1]`."""

    start: Ints  # (L+1)
    lane: Ints  # lane upstream
    share: Floats  # part of what crosses its stop line that comes here, before learning
    travel_s: Ints  # from stop line to stop line at free flow


def find_feeds(network: Network) -> Feeds:
    """The lanes that feed each lane of a network."""
    rows: list[list[tuple[int, float, int]]] = [[] for _ in range(network.n_lanes)]
    for up in range(network.n_lanes):
        moves = range(int(network.movement_start[up]), int(network.movement_start[up + 1]))
        weight = {m: DIRECTION_WEIGHT[DIRECTIONS[network.movement_direction[m]]] for m in moves}
        for m in moves:
            x = int(network.movement_exit[m])
            for e in range(int(network.exit_start[x]), int(network.exit_start[x + 1])):
                lane = int(network.exit_lane[e])
                share = weight[m] / sum(weight.values()) * float(network.exit_share[e])
                travel_s = int(network.exit_length_m[e] / network.lane_speed_m_per_s[lane]) + START_UP_S
                rows[lane].append((up, share, travel_s))
    flat = [row for lane_rows in rows for row in lane_rows]
    return Feeds(
        start=np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64),
        lane=np.array([r[0] for r in flat], np.int64),
        share=np.array([r[1] for r in flat], np.float64),
        travel_s=np.array([r[2] for r in flat], np.int64),
    )
