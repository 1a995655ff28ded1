"""What a plan costs whom: the cost of the winner and of the best loser by terms, over arrays.

The search keeps totals only. When a plan says to change stage now, both plans are played once
more along their way, with the same arithmetic, and what falls on whom is told apart.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.compiling import inner_kernel
from controller.plan_kernels import CHANGE_COST, INFINITE, LATER, PROMISE_COST, count_bits
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
from controller.plan_model import HORIZON_S, LABELS, MODEL, VIEW

CARS, BUSES, PEDESTRIANS, PROMISE, STOPS, LATER_ON = range(6)
"""Columns of the terms, in the order of `explain.Terms`."""

_I, _F = types.int64, types.float64
_F1 = types.float64[::1]


@inner_kernel(types.UniTuple(_I, 2)(_I, _I, LABELS))
def trace(n_stages, slot, labels):
    """Write down the way to the cheapest label of a slot; gives (nodes, last stage), 0 nodes = no plan.

    Written, from the horizon back to the root: labels.start_at (H) second, labels.stage_at (H) stage
    """
    stage = -1
    cheapest = INFINITE
    for s in range(n_stages):
        if labels.total[HORIZON_S, s, slot] < cheapest:
            cheapest = labels.total[HORIZON_S, s, slot]
            stage = s
    if stage < 0:
        return 0, -1
    last_stage = stage
    t = HORIZON_S
    n = 0
    while labels.from_s[t, stage, slot] != -1:
        before, before_stage = labels.from_s[t, stage, slot], labels.from_stage[t, stage, slot]
        slot = labels.from_slot[t, stage, slot]
        t, stage = before, before_stage
        labels.start_at[n], labels.stage_at[n] = t, stage
        n += 1
    return n, last_stage


@inner_kernel(types.UniTuple(_F, 2)(_I, _I, _I, _I, _I, _F, _F1, _F1, MODEL, VIEW, LABELS))
def lanes_along(j, n, root_s, root_stage, last_stage, stop_s, weight, queue, model, view, labels):
    """Cost in the lanes along a traced way of n nodes, and that of the queues left, in person-seconds.

    weight (L) persons/veh · queue (L) veh: scratch
    """
    n_lanes = len(weight)
    arrival, arrived, waited = view.arrival[:n_lanes], view.arrived[:n_lanes], view.waited[:n_lanes]
    clearing_s = view.clearing_s[:n_lanes]
    opposing, yield_share = model.opposing[j], model.yield_share[j]
    for k in range(n_lanes):
        queue[k] = labels.queue[root_s, root_stage, LATER, k]
    cost = 0.0
    for i in range(n - 1, -1, -1):
        t, stage = labels.start_at[i], labels.stage_at[i]
        end = labels.start_at[i - 1] if i else HORIZON_S
        new = labels.stage_at[i - 1] if i else last_stage
        old_rate, new_rate = view.rate[stage, :n_lanes], view.rate[new, :n_lanes]
        if new == stage:
            cost += hold_second(stage, t, stop_s, queue, arrival, weight, old_rate, opposing, yield_share)
            continue
        start = min(HORIZON_S, t + model.switch_s[j, stage, new])
        red, _ = leave_at_red(t, end, stop_s, queue, arrived, waited, weight, old_rate, new_rate, clearing_s)
        green, _ = serve_at_green(
            new, t, start, end, stop_s, queue, arrival, arrived, waited, weight, old_rate, new_rate,
            clearing_s, opposing, yield_share,
        )  # fmt: skip
        cost += red + green
    return cost, cost_to_go(queue, weight, view.rate[last_stage, :n_lanes], clearing_s)


@inner_kernel(types.void(_I, _I, _I, _I, _I, _I, _I, _I, MODEL, VIEW, LABELS, _F1))
def kerbs_along(
    j, n, root_s, root_stage, walking, served, last_stage, n_crossings, model, view, labels, terms
):
    """What falls on people at the kerbs along a traced way, on broken promises and on changes by themselves.

    walking: bits of crossings that have walk at the root · served: bits of groups served by it
    terms (6) person-seconds: added to
    """
    people = labels.trial_people[:n_crossings]
    people_per_s, people_weight = view.people_per_s[:n_crossings], view.people_weight[:n_crossings]
    crossing_group = model.crossing_group[j]
    for p in range(n_crossings):
        people[p] = labels.people[root_s, root_stage, LATER, p]
    for i in range(n - 1, -1, -1):
        t, stage = labels.start_at[i], labels.stage_at[i]
        end = labels.start_at[i - 1] if i else HORIZON_S
        new = labels.stage_at[i - 1] if i else last_stage
        terms[PROMISE] += PROMISE_COST * count_bits(view.overdue[t] & ~served) * (end - t)
        groups, start, kept = 0, end, walking
        if new != stage:
            groups = model.stage_groups[j, new]
            start = min(HORIZON_S, t + model.switch_s[j, stage, new])
            walking = crossings_served(groups, crossing_group, n_crossings)
            kept &= walking
            served |= groups
            terms[STOPS] += CHANGE_COST
        terms[PEDESTRIANS] += wait_at_kerbs(
            t, start, end, kept, groups, crossing_group, people, people_per_s, people_weight
        )
    terms[LATER_ON] += RED_AT_END_S * weighted(people, people_weight)


@inner_kernel(types.void(_I, _I, _I, _I, _I, _I, _I, _I, _I, _F, _F, _F1, MODEL, VIEW, LABELS, _F1))
def tell_terms(
    j,
    slot,
    root_s,
    root_stage,
    walking,
    served,
    n_stages,
    n_lanes,
    n_crossings,
    stop_s,
    persons_per_car,
    persons_per_veh,
    model,
    view,
    labels,
    terms,
):
    """The cheapest plan of a slot, told apart by who bears it; nothing but later where there is no plan.

    root_s, root_stage, walking, served: as given to `search` · persons_per_veh (L) of the junction's lanes
    terms (6) person-seconds: written
    """
    terms[:] = 0.0
    n, last_stage = trace(n_stages, slot, labels)
    if n == 0:
        terms[LATER_ON] = INFINITE
        return
    queue, weight = labels.trial_queue[:n_lanes], labels.trial_weight[:n_lanes]
    for k in range(n_lanes):
        weight[k] = view.weight[k]
    waiting, _ = lanes_along(j, n, root_s, root_stage, last_stage, 0.0, weight, queue, model, view, labels)
    stopping, left = lanes_along(
        j, n, root_s, root_stage, last_stage, stop_s, weight, queue, model, view, labels
    )
    for k in range(n_lanes):
        # What a lane's vehicles carry beyond cars is in its buses.
        weight[k] *= max(0.0, 1.0 - persons_per_car / persons_per_veh[k])
    buses, _ = lanes_along(j, n, root_s, root_stage, last_stage, 0.0, weight, queue, model, view, labels)
    terms[CARS] = waiting - buses
    terms[BUSES] = buses
    terms[STOPS] = stopping - waiting
    terms[LATER_ON] = left
    kerbs_along(
        j, n, root_s, root_stage, walking, served, last_stage, n_crossings, model, view, labels, terms
    )
