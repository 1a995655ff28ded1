"""What a forecast's street has beside the controller's own arrays: who comes, and what waiting came to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)

RING_S = 256
"""Vehicles between two stop lines arrive within so many seconds."""


class Ahead(NamedTuple):
    """J junctions, G groups, L lanes, E ways from stop line to stop line."""

    coming_veh: np.ndarray  # (L, RING_S) due at the stop line, by second modulo RING_S
    outside_veh_per_s: np.ndarray  # (L) comes from where nothing is forecast
    near_veh: np.ndarray  # (L)
    bus_persons: np.ndarray  # (L) persons on buses, a vehicle of the lane in the mean
    unseen_group: np.ndarray  # (G) bool, crossings nobody can call
    leave_start: np.ndarray  # (L+1) into leave_*: where to those who cross a stop line go
    leave_lane: np.ndarray  # (E)
    leave_share: np.ndarray  # (E) learned
    leave_travel_s: np.ndarray  # (E)
    group_turn_on_red: np.ndarray  # (G) bool
    max_green_ms: np.ndarray  # (G)
    saturation_veh_per_s: np.ndarray  # (L)
    called: np.ndarray  # (G) bool scratch
    kept: np.ndarray  # (G) bool scratch
    empty_s: np.ndarray  # (L)
    due_calls: np.ndarray  # (J)
    planned_stage: np.ndarray  # (J) the planner's own wish
    planned_end_ms: np.ndarray  # (J)
    planned_recall: np.ndarray  # (G) bool
    start_ms: np.ndarray  # (62) scratch
    chosen: np.ndarray  # (4) scratch
    costs: np.ndarray  # (2) scratch
    waited_s: np.ndarray  # (J, MODES) person-seconds of waiting
    longest_ms: np.ndarray  # (J, MODES) longest wait seen
    least_slack_ms: np.ndarray  # (J) nearest any call came to the end of its promise


_FLAGS = frozenset({"unseen_group", "group_turn_on_red", "called", "kept", "planned_recall"})
_FLOATS = frozenset(
    {
        "outside_veh_per_s",
        "near_veh",
        "bus_persons",
        "leave_share",
        "saturation_veh_per_s",
        "empty_s",
        "costs",
    }
)
_GRIDS = {"coming_veh": np.float64, "waited_s": np.float64, "longest_ms": np.int64}


def _empty(name: str) -> np.ndarray:
    if name in _GRIDS:
        return np.zeros((0, 0), _GRIDS[name])
    return np.zeros(0, np.bool_ if name in _FLAGS else np.float64 if name in _FLOATS else np.int64)


AHEAD = typeof(Ahead(*[_empty(name) for name in Ahead._fields]))
