"""What the estimate works on, as named tuples of arrays for the kernels.

J junctions, G groups, L lanes, D detectors, H seconds ahead; gates as in `controller.loop_gates_kernels`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import typeof, types

from controller import numba_cache  # noqa: F401  (must come before numba)


class Loops(NamedTuple):
    """How loops lie, and what is worked out of them at each reading."""

    kind: np.ndarray  # (D) int8 DetectorKind
    gate: np.ndarray  # (D) int8, -1 = none
    lane: np.ndarray  # (D)
    share: np.ndarray  # (D)
    gate_s: np.ndarray  # (L, GATES) free travel time to the stop line, -1 = no such gate
    gate_m: np.ndarray  # (L, GATES)
    way_s: np.ndarray  # (L)
    seen_s: np.ndarray  # (L)
    reach_m: np.ndarray  # (L)
    saturation_veh_per_s: np.ndarray  # (L)
    usual_veh_per_s: np.ndarray  # (L)
    first_lane: np.ndarray  # (L)
    sibling_bits: np.ndarray  # (L)
    feed_start: np.ndarray  # (L+1)
    feed_lane: np.ndarray
    feed_share: np.ndarray
    feed_travel_s: np.ndarray
    standing_s: np.ndarray  # (L, GATES) scratch, for how long one of its own loops stands occupied
    shared_s: np.ndarray  # (L, GATES) scratch, one shared with other lanes
    clear_s: np.ndarray  # (L, GATES) scratch


class Calling(NamedTuple):
    """Who may call where."""

    detector_kind: np.ndarray  # (D) int8 DetectorKind
    detector_lane: np.ndarray  # (D)
    detector_group: np.ndarray  # (D)
    detector_share: np.ndarray  # (D)
    group_kind: np.ndarray  # (G) int8 GroupKind
    turn_on_red: np.ndarray  # (G) bool
    group_start: np.ndarray  # (J+1)
    lane_group_bits: np.ndarray  # (L)
    lane_junction: np.ndarray  # (L)
    called: np.ndarray  # (G) bool scratch
    kept: np.ndarray  # (G) bool scratch


class Believed(NamedTuple):
    """Arrays of `State` under the same names: lamps, and what is believed of the street."""

    lamp: np.ndarray
    lamp_since_ms: np.ndarray
    call_since_ms: np.ndarray
    unseen_lane: np.ndarray
    unseen_group: np.ndarray
    quiet_group: np.ndarray
    queue_veh: np.ndarray
    arrival_veh: np.ndarray
    persons_per_veh: np.ndarray
    flow_veh_per_s: np.ndarray
    near_veh: np.ndarray
    waiting_people: np.ndarray
    people_per_s: np.ndarray
    transit_veh: np.ndarray
    held_veh: np.ndarray
    passed_veh: np.ndarray
    loop_held_s: np.ndarray
    stop_on: np.ndarray
    empty_s: np.ndarray
    crossed_veh: np.ndarray
    observed_ms: np.ndarray


class Picture(NamedTuple):
    """All the estimate works on but the reading."""

    loops: Loops
    calling: Calling
    believed: Believed


_BYTES = ("kind", "gate", "detector_kind", "group_kind", "lamp")
_TRUTHS = ("turn_on_red", "called", "kept", "unseen_lane", "unseen_group", "quiet_group")
_WHOLE = (
    "lane", "way_s", "seen_s", "first_lane", "sibling_bits", "feed_start", "feed_lane", "feed_travel_s",
    "detector_lane", "detector_group", "group_start", "lane_group_bits", "lane_junction", "lamp_since_ms",
    "call_since_ms", "observed_ms",
)  # fmt: skip
_TABLES = (
    "gate_m", "standing_s", "shared_s", "clear_s", "arrival_veh", "transit_veh", "held_veh", "passed_veh",
)  # fmt: skip


def _sample(name: str) -> np.ndarray:
    """An array of the type that the field of this name has."""
    if name == "gate_s":
        return np.zeros((1, 1), np.int64)
    if name in _TABLES:
        return np.zeros((1, 1))
    kinds = ((np.int8, _BYTES), (np.bool_, _TRUTHS), (np.int64, _WHOLE))
    return np.zeros(1, next((kind for kind, names in kinds if name in names), np.float64))


def _kind(of: Any) -> Any:
    return typeof(of(*map(_sample, of._fields)))


LOOPS = _kind(Loops)
PICTURE = types.NamedTuple((LOOPS, _kind(Calling), _kind(Believed)), Picture)
