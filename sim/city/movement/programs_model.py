"""Fixed signal programs as arrays, for kernels that play them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)


class Programs(NamedTuple):
    """J junctions, F phases of all of them, G groups. A cycle of 0 ms = the junction has no program."""

    cycle_ms: np.ndarray  # (J)
    offset_ms: np.ndarray  # (J) the cycle begins at this time, and every cycle before and after
    phase_start: np.ndarray  # (J+1)
    phase_end_ms: np.ndarray  # (F) from the beginning of the cycle
    lamp_start: np.ndarray  # (F) into lamp, one a group of the junction
    lamp: np.ndarray  # int8
    group_start: np.ndarray  # (J+1)


_I = np.zeros(1, np.int64)
PROGRAMS = typeof(Programs(_I, _I, _I, _I, _I, np.zeros(1, np.int8), _I))
