"""The adaptive planner's search, over arrays: which stage when, for the coming minute.

Forward search over (second, stage) nodes. A label carries the cost so far and the queues
left in every lane; each node keeps two labels, the best that changes stage now and the
best that does not, so that the winner and the best loser are always both known. A label
grows by one second of the same stage, or by a change of stage: intergreen, start-up and
minimum green in one stride. In every second only the most promising labels grow (a beam).

The small functions are inlined into `search`: numba counts references at every call that
is given arrays, which would cost more than the arithmetic.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.compiling import inner_kernel
from controller.plan_lanes_kernels import (
    RED_AT_END_S,
    cost_to_go,
    crossings_served,
    hold_second,
    leave_at_red,
    serve_at_green,
    wait_at_kerbs,
    weighted,
)
from controller.plan_model import (
    HORIZON_S,
    LABELS,
    MODEL,
    SLOTS,
    VIEW,
)

NOW, LATER = 0, 1
INFINITE = 1e18
BEAM = 4
"""Labels that grow in one second, one of each slot at least."""
FINE_S = 12
"""Changes of stage are tried every second so far ahead, then every COARSE_S."""
COARSE_S = 3

CHANGE_COST = 1.0
"""Person-seconds of a change of stage by itself, so that nothing changes for nobody."""
PROMISE_COST = 2000.0
"""Person-seconds a second beyond a promise costs: more than any queue can outweigh."""

_I, _F = types.int64, types.float64
_F1, _F2, _F3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
_I1, _I2 = types.int64[::1], types.int64[:, ::1]


@inner_kernel(_F(_I), inline="always")
def count_bits(bits):
    """Number of bits set."""
    n = 0.0
    while bits:
        bits &= bits - 1
        n += 1.0
    return n


@inner_kernel(types.void(_I, _I, LABELS))
def choose_beam(t, n_stages, labels):
    """Mark the BEAM most promising labels at second t, one of each slot at least; ties go to the lower.

    Written: labels.grows (S, SLOTS)
    """
    total = labels.total
    grows = labels.grows
    for stage in range(n_stages):
        for slot in range(SLOTS):
            grows[stage, slot] = False
    for place in range(BEAM):
        lowest = INFINITE
        best, best_slot = -1, -1
        for stage in range(n_stages):
            for slot in range(SLOTS):
                own = slot == place or place >= SLOTS
                if own and not grows[stage, slot] and total[t, stage, slot] < lowest:
                    lowest = total[t, stage, slot]
                    best, best_slot = stage, slot
        if best >= 0:
            grows[best, best_slot] = True


@inner_kernel(
    types.void(_I, _I, _I, _I, _I, _I, _F, _F, _F1, _F1, LABELS),
    inline="always",
)
def store(t, stage, slot, from_s, from_stage, from_slot, total, cost, queue, people, labels):
    """Write a label into its node. queue (L) veh · people (P)"""
    labels.total[t, stage, slot] = total
    labels.cost[t, stage, slot] = cost
    labels.from_s[t, stage, slot] = from_s
    labels.from_stage[t, stage, slot] = from_stage
    labels.from_slot[t, stage, slot] = from_slot
    for k in range(len(queue)):
        labels.queue[t, stage, slot, k] = queue[k]
    for p in range(len(people)):
        labels.people[t, stage, slot, p] = people[p]


@inner_kernel(types.void(_I, _I, _I, _F1, _F1, LABELS), inline="always")
def load(t, stage, slot, queue, people, labels):
    """Take a label's queue (L) veh and people (P) to try something with them."""
    for k in range(len(queue)):
        queue[k] = labels.queue[t, stage, slot, k]
    for p in range(len(people)):
        people[p] = labels.people[t, stage, slot, p]


@inner_kernel(types.void(_I, _I, _I, _I, _I, LABELS))
def plant_root(root_s, stage0, n_stages, served0, walking0, labels):
    """Empty all nodes but the root's; its queues and people already stand there."""
    labels.total[:, :n_stages, :] = INFINITE
    labels.total[root_s, stage0, LATER] = 0.0
    labels.cost[root_s, stage0, LATER] = 0.0
    labels.served[root_s, stage0, LATER] = served0
    labels.walking[root_s, stage0, LATER] = walking0
    labels.from_s[root_s, stage0, LATER] = -1


@inner_kernel(types.void(_I, _I, _I, _I, _I, _I, _I, _I, MODEL, VIEW, LABELS, _F))
def search(j, stage0, root_s, walking0, served0, n_stages, n_lanes, n_crossings, model, view, labels, stop_s):
    """Fill the labels, from the root at second `root_s` in `stage0` to the horizon.

    The root's queues and people stand in labels.queue, people at [root_s, stage0, LATER].
    walking0: bits of crossings that have walk · served0: bits of groups served by the root
    """
    arrival, arrived, waited = view.arrival[:n_lanes], view.arrived[:n_lanes], view.waited[:n_lanes]
    weight, clearing_s = view.weight[:n_lanes], view.clearing_s[:n_lanes]
    people_per_s, people_weight = view.people_per_s[:n_crossings], view.people_weight[:n_crossings]
    min_s, overdue = view.min_s, view.overdue
    opposing, yield_share = model.opposing[j], model.yield_share[j]
    switch_s, stage_groups, crossing_group = model.switch_s[j], model.stage_groups[j], model.crossing_group[j]
    queue, people = labels.trial_queue[:n_lanes], labels.trial_people[:n_crossings]
    cost_of, total_of, grows = labels.cost, labels.total, labels.grows
    plant_root(root_s, stage0, n_stages, served0, walking0, labels)
    for t in range(root_s, HORIZON_S):
        since = t - root_s
        may_change = since < FINE_S or since % COARSE_S == 0
        choose_beam(t, n_stages, labels)
        for node in range(n_stages * SLOTS):
            stage, slot = node // SLOTS, node % SLOTS
            if not grows[stage, slot]:
                continue
            served, walking = labels.served[t, stage, slot], labels.walking[t, stage, slot]
            late = PROMISE_COST * count_bits(overdue[t] & ~served)
            cost, rate_old = cost_of[t, stage, slot], view.rate[stage, :n_lanes]
            for new in range(n_stages):
                holds = new == stage
                if not (holds or may_change):
                    continue
                rate_new = view.rate[new, :n_lanes]
                start, end, to_slot, to_walking, to_served = t + 1, t + 1, slot, walking, served
                if not holds:
                    start = min(HORIZON_S, t + switch_s[stage, new])
                    end = min(HORIZON_S, start + min_s[new])
                    to_slot = NOW if t == 0 and labels.from_s[t, stage, slot] == -1 else slot
                    to_served = served | stage_groups[new]
                    to_walking = crossings_served(stage_groups[new], crossing_group, n_crossings)
                grown = cost + late * (end - t)
                if grown >= total_of[end, new, to_slot]:
                    continue
                bar = total_of[end, new, to_slot]
                load(t, stage, slot, queue, people, labels)
                if holds:
                    grown += wait_at_kerbs(
                        t, end, end, walking, 0, crossing_group, people, people_per_s, people_weight
                    )
                    grown += hold_second(
                        stage, t, stop_s, queue, arrival, weight, rate_old, opposing, yield_share
                    )
                    to_go = cost_to_go(queue, weight, rate_new, clearing_s)
                    to_go += RED_AT_END_S * weighted(people, people_weight)
                else:
                    grown += CHANGE_COST + wait_at_kerbs(
                        t, start, end, walking & to_walking, stage_groups[new], crossing_group, people,
                        people_per_s, people_weight,
                    )  # fmt: skip
                    to_go = RED_AT_END_S * weighted(people, people_weight)
                    lost, left = leave_at_red(
                        t, end, stop_s, queue, arrived, waited, weight, rate_old, rate_new, clearing_s
                    )
                    grown += lost
                    to_go += left
                    # What is served can only add to it: most changes end here.
                    if grown + to_go >= bar:
                        continue
                    lost, left = serve_at_green(
                        new, t, start, end, stop_s, queue, arrival, arrived, waited, weight, rate_old,
                        rate_new, clearing_s, opposing, yield_share,
                    )  # fmt: skip
                    grown += lost
                    to_go += left
                total = grown + to_go
                if total < bar:
                    labels.served[end, new, to_slot] = to_served
                    labels.walking[end, new, to_slot] = to_walking
                    store(end, new, to_slot, t, stage, slot, total, grown, queue, people, labels)
