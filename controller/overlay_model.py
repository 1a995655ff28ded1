"""What the overlay's kernels read and write of state and network: one named tuple of views."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)
from controller.orders import Book, Plans


class Scene(NamedTuple):
    """J junctions, G groups, S stages, L lanes, D detectors."""

    group_start: np.ndarray  # (J+1)
    group_kind: np.ndarray  # (G) int8
    conflict_bits: np.ndarray  # (G)
    intergreen_start: np.ndarray  # (J)
    intergreen_ms: np.ndarray  # flat
    min_green_ms: np.ndarray  # (G)
    yellow_ms: np.ndarray  # (G)
    promise_ms: np.ndarray  # (G)
    stage_start: np.ndarray  # (J+1)
    stage_bits: np.ndarray  # (S)
    lane_group_bits: np.ndarray  # (L)
    detector_junction: np.ndarray  # (D)
    detector_lane: np.ndarray  # (D)
    detector_group: np.ndarray  # (D)
    lamp: np.ndarray  # (G) int8
    lamp_since_ms: np.ndarray  # (G)
    green_ended_ms: np.ndarray  # (G)
    call_since_ms: np.ndarray  # (G)
    recall: np.ndarray  # (G) bool
    wanted_stage: np.ndarray  # (J)
    planned_end_ms: np.ndarray  # (J)
    target_stage: np.ndarray  # (J)
    target_bits: np.ndarray  # (J)
    in_transition: np.ndarray  # (J) bool
    stage_since_ms: np.ndarray  # (J)
    all_red_until_ms: np.ndarray  # (J)
    stage_given: np.ndarray  # (S) bool
    starts_uncalled: np.ndarray  # (G) int8
    urgent_stage: np.ndarray  # (J)
    leave_by_ms: np.ndarray  # (J)
    since_ms: np.ndarray  # (62) scratch
    ended_ms: np.ndarray  # (62) scratch
    waived: np.ndarray  # (J) bool, the controller's word to the monitor
    suspended: np.ndarray  # (J) bool, the same
    in_flash: np.ndarray  # (J) bool, flashes by order
    recovers_until_ms: np.ndarray  # (J) promises are watched until then
    calls: np.ndarray  # (G) bool scratch


SMALL = frozenset({"group_kind", "lamp", "starts_uncalled"})
FLAGS = frozenset({"recall", "in_transition", "stage_given", "waived", "suspended", "in_flash", "calls"})


def _empty(fields: tuple[str, ...], small: frozenset[str], flags: frozenset[str]) -> list[Any]:
    def kind(name: str) -> type:
        return np.int8 if name in small else np.bool_ if name in flags else np.int64

    return [np.zeros(0, kind(name)) for name in fields]


SCENE = typeof(Scene(*_empty(Scene._fields, SMALL, FLAGS)))
BOOK = typeof(Book(*_empty(Book._fields, frozenset({"kind", "done"}), frozenset({"suspends", "walk_given"}))))
PLANS = typeof(Plans(*_empty(Plans._fields, frozenset(), frozenset({"stage_given"}))))
