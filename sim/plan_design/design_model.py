"""What the designer's kernels work on: a street with its demand, plans under work, and scratch.

Time is whole seconds of a cycle that all junctions share. J junctions, G groups, L lanes, M movements.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)

STEPS_MAX = 10
CYCLE_MAX_S = 240


class DesignStreet(NamedTuple):
    """Streets and demand; nothing here changes while plans are sought."""

    group_start: np.ndarray  # (J+1)
    lane_start: np.ndarray  # (J+1)
    fed_start: np.ndarray  # (J+1) into fed_junction
    fed_junction: np.ndarray  # junctions that get traffic from this one
    min_green_s: np.ndarray  # (G) minimum green or WALK
    clearance_s: np.ndarray  # (G) of people on foot, 0 for vehicles
    promise_s: np.ndarray  # (G)
    turn_on_red: np.ndarray  # (G) bool
    walkers_per_s: np.ndarray  # (G)
    wait_start: np.ndarray  # (G+1) into wait_group, wait_s
    wait_group: np.ndarray  # index among all groups that must have ended
    wait_s: np.ndarray  # s after its step (its clearance inside) before this one may start
    veh_per_s: np.ndarray  # (L)
    outside_veh_per_s: np.ndarray  # (L) that come from no lane of a signal
    saturation_veh_per_s: np.ndarray  # (L)
    persons: np.ndarray  # (L) in a vehicle, mean
    storage_veh: np.ndarray  # (L) that fit before they stand in another's way
    yields: np.ndarray  # (L) bool, some movement gives way
    move_start: np.ndarray  # (L+1)
    move_group: np.ndarray  # (M) index among all groups
    move_share: np.ndarray  # (M) of the lane's traffic
    foe_start: np.ndarray  # (M+1) into foe_*
    foe_lane: np.ndarray  # lane given way to, -1 = people on foot
    foe_group: np.ndarray  # group given way to, while it is green
    foe_share: np.ndarray  # part of that lane's traffic
    feed_start: np.ndarray  # (L+1) into feed_*
    feed_lane: np.ndarray  # lane whose vehicles come here
    feed_share: np.ndarray  # part of them that does
    feed_s: np.ndarray  # s of free travel
    period_h: np.ndarray  # (1) how long this demand lasts


class DesignPlans(NamedTuple):
    """A plan for every junction. `laps` cycles of a junction fit into the common cycle."""

    n_steps: np.ndarray  # (J)
    bits: np.ndarray  # (J, STEPS_MAX) groups of the junction green in that step
    step_s: np.ndarray  # (J, STEPS_MAX)
    offset_s: np.ndarray  # (J)
    laps: np.ndarray  # (J)


class DesignScratch(NamedTuple):
    """Memory of an evaluation."""

    lit: np.ndarray  # (G, CYCLE_MAX_S) int8, effective green; WALK as shown
    arrive: np.ndarray  # (CYCLE_MAX_S) veh/s at one stop line
    served: np.ndarray  # (CYCLE_MAX_S) veh/s that one lane could let through
    out: np.ndarray  # (L, CYCLE_MAX_S) veh/s over the stop line
    row: np.ndarray  # (CYCLE_MAX_S)
    kept_out: np.ndarray  # (L, CYCLE_MAX_S)
    kept_lit: np.ndarray  # (G, CYCLE_MAX_S)
    kept_step_s: np.ndarray  # (STEPS_MAX)
    cost: np.ndarray  # (L) person-seconds of delay a second


def new_plans(n_junctions: int) -> DesignPlans:
    """Room for plans."""
    return DesignPlans(
        n_steps=np.zeros(n_junctions, np.int64),
        bits=np.zeros((n_junctions, STEPS_MAX), np.int64),
        step_s=np.zeros((n_junctions, STEPS_MAX), np.int64),
        offset_s=np.zeros(n_junctions, np.int64),
        laps=np.ones(n_junctions, np.int64),
    )


def new_scratch(n_groups: int, n_lanes: int) -> DesignScratch:
    """Memory for a street of this size."""
    return DesignScratch(
        lit=np.zeros((n_groups, CYCLE_MAX_S), np.int8),
        arrive=np.zeros(CYCLE_MAX_S),
        served=np.zeros(CYCLE_MAX_S),
        out=np.zeros((n_lanes, CYCLE_MAX_S)),
        row=np.zeros(CYCLE_MAX_S),
        kept_out=np.zeros((n_lanes, CYCLE_MAX_S)),
        kept_lit=np.zeros((n_groups, CYCLE_MAX_S), np.int8),
        kept_step_s=np.zeros(STEPS_MAX, np.int64),
        cost=np.zeros(n_lanes),
    )


def empty_street() -> DesignStreet:
    """A street without anything, for its type."""
    whole = {
        "group_start", "lane_start", "fed_start", "fed_junction", "min_green_s", "clearance_s", "promise_s",
        "wait_start", "wait_group", "wait_s", "move_start", "move_group", "foe_start", "foe_lane",
        "foe_group", "feed_start", "feed_lane", "feed_s",
    }  # fmt: skip
    flags = {"turn_on_red", "yields"}
    kind = {name: np.int64 for name in whole} | {name: np.bool_ for name in flags}
    return DesignStreet(**{name: np.zeros(0, kind.get(name, np.float64)) for name in DesignStreet._fields})


STREET = typeof(empty_street())
PLANS = typeof(new_plans(0))
SCRATCH = typeof(new_scratch(0, 0))
