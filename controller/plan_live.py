"""What the adaptive planner's kernels read and write of the state: one named tuple of views.

The arrays are the state's and the network's own, nothing is copied.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)
from controller.plan_model import HORIZON_S

TERMS = 6
"""Cars, buses, pedestrians, promise, stops and changes, later: as `explain.Terms`."""


class Live(NamedTuple):
    """Views of the state and the network, as the planner reads and writes them."""

    lamp: np.ndarray  # (G) Lamp
    lamp_since_ms: np.ndarray  # (G)
    green_ended_ms: np.ndarray  # (G)
    call_since_ms: np.ndarray  # (G)
    promise_ms: np.ndarray  # (G)
    min_green_ms: np.ndarray  # (G)
    yellow_ms: np.ndarray  # (G)
    group_kind: np.ndarray  # (G)
    conflict_bits: np.ndarray  # (G)
    intergreen_start: np.ndarray  # (J)
    intergreen_ms: np.ndarray  # flat
    target_stage: np.ndarray  # (J)
    target_bits: np.ndarray  # (J)
    queue_veh: np.ndarray  # (L)
    arrival_veh: np.ndarray  # (L, H)
    persons_per_veh: np.ndarray  # (L)
    flow_veh_per_s: np.ndarray  # (L)
    blocked: np.ndarray  # (L)
    waiting_people: np.ndarray  # (G)
    people_per_s: np.ndarray  # (G)
    outflow_veh: np.ndarray  # (L, H)
    outflow_time_ms: np.ndarray  # (J)
    wanted_stage: np.ndarray  # (J)
    planned_end_ms: np.ndarray  # (J)
    lane_junction: np.ndarray  # (L)
    seen_s: np.ndarray  # (L) how far ahead arrivals are seen by sensors
    feed_start: np.ndarray  # (L+1)
    feed_lane: np.ndarray  # upstream lanes whose outflow comes to a lane
    feed_share: np.ndarray
    feed_travel_s: np.ndarray
    drain_start: np.ndarray  # (L+1)
    drain_lane: np.ndarray  # downstream lanes a lane's vehicles come to
    drain_share: np.ndarray
    drain_length_m: np.ndarray  # room between this stop line and the next
    in_transition: np.ndarray  # (J) bool
    stage_since_ms: np.ndarray  # (J)
    crossed_veh: np.ndarray  # (L)
    fed_veh: np.ndarray  # (L)
    came_veh: np.ndarray  # (L)
    queued_s: np.ndarray  # (L)
    unmoved_s: np.ndarray  # (L)
    unseen_lane: np.ndarray  # (L) bool
    unseen_group: np.ndarray  # (G) bool
    quiet_group: np.ndarray  # (G) bool
    standing_veh: np.ndarray  # (L)
    served_veh: np.ndarray  # (L, 3)
    foreseen_veh: np.ndarray  # (L, 3)
    winner_cost: np.ndarray  # (J) person-seconds
    loser_cost: np.ndarray  # (J) person-seconds, of the best plan with the other decision now
    clears_first: np.ndarray  # (J) bool, the stage wanted only lets those out of the junction who turn left
    persons_per_car: np.ndarray  # (1)
    terms: np.ndarray  # (J, 2, 6) person-seconds of the winner and the loser, when last a change was wanted


def empty_live() -> Live:
    """An empty one, for the signature."""
    kinds = {
        "lamp": np.int8,
        "group_kind": np.int8,
        "in_transition": np.bool_,
        "unseen_lane": np.bool_,
        "unseen_group": np.bool_,
        "quiet_group": np.bool_,
        "clears_first": np.bool_,
    }
    floats = {
        "queue_veh",
        "persons_per_veh",
        "persons_per_car",
        "flow_veh_per_s",
        "blocked",
        "waiting_people",
        "people_per_s",
        "feed_share",
        "drain_share",
        "drain_length_m",
        "winner_cost",
        "loser_cost",
        "crossed_veh",
        "queued_s",
        "unmoved_s",
        "standing_veh",
        "fed_veh",
        "came_veh",
    }
    grids = {"arrival_veh", "outflow_veh", "served_veh", "foreseen_veh"}
    out: dict[str, np.ndarray] = {}
    for name in Live._fields:
        if name == "terms":
            out[name] = np.zeros((0, 2, TERMS))
        elif name in grids:
            out[name] = np.zeros((0, HORIZON_S))
        else:
            out[name] = np.zeros(0, kinds.get(name, np.float64 if name in floats else np.int64))
    return Live(**out)


LIVE = typeof(empty_live())
