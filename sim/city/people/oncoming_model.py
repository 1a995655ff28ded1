"""Ways by which vehicles come to crossings, as a named tuple of arrays for `oncoming_kernels`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)


class Oncoming(NamedTuple):
    """L lanes, C connections, K crossings, V vehicle trips. Nothing but `lane_asked` changes."""

    lane_edge: np.ndarray  # (L)
    lane_length_m: np.ndarray  # (L)
    lane_speed_m_per_s: np.ndarray  # (L)
    edge_lane_start: np.ndarray  # (E+1)
    connection_start: np.ndarray  # (L+1)
    connection_to: np.ndarray  # (C) lane
    connection_length_m: np.ndarray  # (C)
    connection_group: np.ndarray  # (C) -1 = no signal
    connection_stops: np.ndarray  # (C) bool, stop sign
    crossed_start: np.ndarray  # (C+1)
    crossed: np.ndarray  # crossings each connection drives over
    crossing_group: np.ndarray  # (K)
    near_start: np.ndarray  # (K+1)
    near_lane: np.ndarray  # lanes from which the crossing is reached within SIGHT_M
    lane_asked: np.ndarray  # (L) ms, last time somebody looked at this lane; scratch
    route: np.ndarray  # (V)
    route_start: np.ndarray  # (R+1)
    route_edge: np.ndarray
    accel_m_per_s2: np.ndarray  # (V)
    decel_m_per_s2: np.ndarray  # (V)
    speed_factor: np.ndarray  # (V)
    speed_max_m_per_s: np.ndarray  # (V)


def empty_oncoming() -> Oncoming:
    """No street at all; for the types."""
    i, f = np.zeros(0, np.int64), np.zeros(0)
    return Oncoming(i, f, f, i, i, i, f, i, np.zeros(0, np.bool_), i, i, i, i, i, i, i, i, i, f, f, f, f)


ONCOMING = typeof(empty_oncoming())
