"""What the adaptive planner's kernels work on: three named tuples of arrays.

Named tuples, because a kernel with thirty positional arguments cannot be read. All arrays
are padded to the greatest size, so that every junction runs through the same machine code.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import typeof

from controller import numba_cache  # noqa: F401  (must come before numba)

HORIZON_S = 60
SLOTS = 2
LANES_MAX = 48
STAGES_MAX = 24
CROSSINGS_MAX = 16


class Model(NamedTuple):
    """What never changes, per junction. J junctions, S stages, L lanes, P crossings."""

    lane_start: np.ndarray  # (J+1) index among all lanes
    n_stages: np.ndarray  # (J) how many of the junction's stages are searched
    stage_of: np.ndarray  # (J, S) index among all stages
    group_start: np.ndarray  # (J+1)
    rate: np.ndarray  # (J, S, L) veh/s served in that stage, 0 = red
    opposing: np.ndarray  # (J, S, L) bits of lanes given way to in that stage
    yield_share: np.ndarray  # (J, S, L) part of the lane's traffic that gives way
    switch_s: np.ndarray  # (J, S, S) s from end of one stage to start of the next
    min_s: np.ndarray  # (J, S) s of minimum green
    lane_groups: np.ndarray  # (J, L) bits of groups that serve the lane
    stage_groups: np.ndarray  # (J, S) bits
    crossing_group: np.ndarray  # (J, P) index inside the junction, -1 = none
    siblings: np.ndarray  # (J, L) bits of lanes whose vehicles come over the same lane upstream
    pocket_veh: np.ndarray  # (J, L) that fit between the stop line and that lane
    turns_across: np.ndarray  # (J, P, L) part of the lane's traffic that gives way on the crossing
    crossing_s: np.ndarray  # (J, P) s of walk and clearance
    shared: np.ndarray  # (J, S) bits of lanes shared with those who turn left and give way in that stage
    clears: np.ndarray  # (J, S) the stage in which all of these may go and nobody faces them, -1 = none
    faced: np.ndarray  # (J, S) bits of groups that those let pass before whom this stage lets out


class View(NamedTuple):
    """One junction as it stands now; filled anew for every replan."""

    arrival: np.ndarray  # (L, H) veh
    arrived: np.ndarray  # (L, H+1) veh, cumulated
    waited: np.ndarray  # (L, H+1) veh s, cumulated once more
    rate: np.ndarray  # (S, L) veh/s after exits that are full
    clearing_s: np.ndarray  # (L) mean wait of one vehicle per vehicle queued, in the best stage
    weight: np.ndarray  # (L) persons per vehicle, grown with age
    people: np.ndarray  # (P) waiting
    people_per_s: np.ndarray  # (P)
    people_weight: np.ndarray  # (P)
    min_s: np.ndarray  # (S) s, with walk and clearance where a crossing of the stage is called
    overdue: np.ndarray  # (H+1) bits of groups whose promise ends by that second


class Labels(NamedTuple):
    """The search's memory, reused."""

    cost: np.ndarray  # (H+1, S, SLOTS) person-seconds
    total: np.ndarray  # (H+1, S, SLOTS) person-seconds, cost-to-go included
    queue: np.ndarray  # (H+1, S, SLOTS, L) veh
    people: np.ndarray  # (H+1, S, SLOTS, P)
    served: np.ndarray  # (H+1, S, SLOTS) bits of groups served since now
    walking: np.ndarray  # (H+1, S, SLOTS) bits of crossings that have walk
    from_s: np.ndarray  # (H+1, S, SLOTS) parent's second, -1 = root
    from_stage: np.ndarray  # (H+1, S, SLOTS)
    from_slot: np.ndarray  # (H+1, S, SLOTS)
    grows: np.ndarray  # (S, SLOTS) bool, in the beam of this second
    trial_queue: np.ndarray  # (L)
    trial_people: np.ndarray  # (P)
    trial_weight: np.ndarray  # (L)
    stage_at: np.ndarray  # (H) the winner's stage by second
    start_at: np.ndarray  # (H) second its green starts, -1 = goes on


def empty_view() -> View:
    """A view of the greatest size."""
    h = HORIZON_S
    return View(
        arrival=np.zeros((LANES_MAX, h)),
        arrived=np.zeros((LANES_MAX, h + 1)),
        waited=np.zeros((LANES_MAX, h + 1)),
        rate=np.zeros((STAGES_MAX, LANES_MAX)),
        clearing_s=np.zeros(LANES_MAX),
        weight=np.zeros(LANES_MAX),
        people=np.zeros(CROSSINGS_MAX),
        people_per_s=np.zeros(CROSSINGS_MAX),
        people_weight=np.zeros(CROSSINGS_MAX),
        min_s=np.zeros(STAGES_MAX, np.int64),
        overdue=np.zeros(h + 1, np.int64),
    )


def empty_labels() -> Labels:
    """Labels of the greatest size."""
    node = (HORIZON_S + 1, STAGES_MAX, SLOTS)
    return Labels(
        cost=np.zeros(node),
        total=np.zeros(node),
        queue=np.zeros((*node, LANES_MAX)),
        people=np.zeros((*node, CROSSINGS_MAX)),
        served=np.zeros(node, np.int64),
        walking=np.zeros(node, np.int64),
        from_s=np.zeros(node, np.int64),
        from_stage=np.zeros(node, np.int64),
        from_slot=np.zeros(node, np.int64),
        grows=np.zeros((STAGES_MAX, SLOTS), np.bool_),
        trial_queue=np.zeros(LANES_MAX),
        trial_people=np.zeros(CROSSINGS_MAX),
        trial_weight=np.zeros(LANES_MAX),
        stage_at=np.zeros(HORIZON_S, np.int64),
        start_at=np.zeros(HORIZON_S, np.int64),
    )


def empty_model(junctions: int = 0) -> Model:
    """A model with room for so many junctions."""
    j, s, lanes, p = junctions, STAGES_MAX, LANES_MAX, CROSSINGS_MAX
    return Model(
        lane_start=np.zeros(j + 1, np.int64),
        n_stages=np.zeros(j, np.int64),
        stage_of=np.zeros((j, s), np.int64),
        group_start=np.zeros(j + 1, np.int64),
        rate=np.zeros((j, s, lanes)),
        opposing=np.zeros((j, s, lanes), np.int64),
        yield_share=np.zeros((j, s, lanes)),
        switch_s=np.zeros((j, s, s), np.int64),
        min_s=np.zeros((j, s), np.int64),
        lane_groups=np.zeros((j, lanes), np.int64),
        stage_groups=np.zeros((j, s), np.int64),
        crossing_group=np.full((j, p), -1, np.int64),
        siblings=np.zeros((j, lanes), np.int64),
        pocket_veh=np.zeros((j, lanes)),
        turns_across=np.zeros((j, p, lanes)),
        crossing_s=np.zeros((j, p), np.int64),
        shared=np.zeros((j, s), np.int64),
        clears=np.full((j, s), -1, np.int64),
        faced=np.zeros((j, s), np.int64),
    )


MODEL = typeof(empty_model())
VIEW = typeof(empty_view())
LABELS = typeof(empty_labels())
