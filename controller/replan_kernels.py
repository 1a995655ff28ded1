"""Replanning junction by junction: look at the state, search, write what is wanted, over arrays.

`replan` is the one kernel the adaptive planner calls; everything it needs of the state
and of the network comes as one named tuple of arrays.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import CLEARANCE, GREEN, NEVER_MS, PEDESTRIAN
from controller.compiling import inner_kernel, kernel
from controller.permissive_turns_kernels import by_way_of, time_to_clear
from controller.plan_kernels import LATER, NOW, search
from controller.plan_lanes_kernels import yielding_rate
from controller.plan_live import LIVE
from controller.plan_model import CROSSINGS_MAX, HORIZON_S, LABELS, MODEL, VIEW
from controller.plan_outcome_kernels import choose, play_outflow
from controller.plan_terms_kernels import tell_terms
from controller.sequencer_kernels import earliest_start_ms
from controller.service_kernels import (
    full_exit,
    is_green,
    learn_service,
    searched_stage,
    sent_by_neighbours,
    service_of,
)

BOUND_S = 3
"""While a stage cannot be left for so long, a plan younger than that stands."""
QUEUE_LEAST_VEH = 0.5
"""A queue below it is none."""
UNMOVED_MAX_S = 10.0
"""Of green without anybody crossing. A queue discharges every two seconds; one that gives way may have to
wait for a gap longer than this, and is then no worse off than one that has just come."""
UNMOVED_KEEPS = 0.9
"""Of the time in a queue, after each further second of such green."""
QUEUED_MAX_S = 600.0
QUEUED_AGE_MAX = 2.0
"""The weight of those left behind grows no more beyond so many times the impatience: five times that of
those who have just come. Without a bound one full lane would stop all others."""
FEED_FORGET = 0.998
"""Of what neighbours promised and what came, a second later."""
FEED_TRUST_VEH = 1.5
FEED_PART_MAX = 4.0

_I, _F = types.int64, types.float64
_F1, _I1 = types.float64[::1], types.int64[::1]


@inner_kernel(types.void(_I, _I, MODEL, LIVE))
def learn_feeds(j, now_ms, model, live):
    """Where drivers turn is learned lane by lane: what neighbours promised against what came.

    Call it once a second. Written: live.fed_veh, came_veh (L)
    """
    for lane in range(model.lane_start[j], model.lane_start[j + 1]):
        if live.feed_start[lane] < live.feed_start[lane + 1]:
            soon = min(HORIZON_S - 1, live.seen_s[lane])
            promised = sent_by_neighbours(lane, soon, now_ms, live)
            live.fed_veh[lane] = FEED_FORGET * live.fed_veh[lane] + promised
            live.came_veh[lane] = FEED_FORGET * live.came_veh[lane] + live.crossed_veh[lane]


@kernel(types.void(_I, MODEL, LIVE))
def age_queues(j, model, live):
    """How long the first of each queue has been in it: a second more, less by what has crossed.

    Vehicles of a queue are taken to have come evenly, so that in a steady state this is the queue
    over its outflow (Little 1961). A short green does not make whoever is left behind younger. Where
    nobody sees who crosses, nobody is known to be left behind; a queue that does not move in its greens is
    blocked, or none, and loses what it had.
    Call it once a second. Written: live.queued_s, unmoved_s (L)
    """
    for k in range(model.lane_start[j + 1] - model.lane_start[j]):
        lane = model.lane_start[j] + k
        queue = live.queue_veh[lane]
        if live.crossed_veh[lane] > 0.0:
            live.unmoved_s[lane] = 0.0
        elif is_green(model.group_start[j], model.lane_groups[j, k], live):
            live.unmoved_s[lane] += 1.0
        if queue < QUEUE_LEAST_VEH or live.unseen_lane[lane]:
            live.queued_s[lane] = 0.0
        elif live.unmoved_s[lane] > UNMOVED_MAX_S:
            live.queued_s[lane] *= UNMOVED_KEEPS
        else:
            left = queue / (queue + live.crossed_veh[lane])
            live.queued_s[lane] = min(QUEUED_MAX_S, (live.queued_s[lane] + 1.0) * left)


@inner_kernel(types.void(_I, _I, _I, VIEW, LIVE))
def expect_arrivals(first_lane, n_lanes, now_ms, view, live):
    """Arrivals of the coming minute: seen ones, then what upstream junctions plan to send, else the flow.

    Written: view.arrival, arrived, waited
    """
    for k in range(n_lanes):
        lane = first_lane + k
        seen_s = live.seen_s[lane]
        fed = live.feed_start[lane] < live.feed_start[lane + 1]
        part = 1.0
        if fed:
            part = min(
                FEED_PART_MAX, (live.came_veh[lane] + FEED_TRUST_VEH) / (live.fed_veh[lane] + FEED_TRUST_VEH)
            )
        for t in range(HORIZON_S):
            coming = live.arrival_veh[lane, t]
            if t >= seen_s:
                coming += (
                    part * sent_by_neighbours(lane, t, now_ms, live) if fed else live.flow_veh_per_s[lane]
                )
            view.arrival[k, t] = coming
            view.arrived[k, t + 1] = view.arrived[k, t] + coming
            view.waited[k, t + 1] = view.waited[k, t] + view.arrived[k, t + 1]


@inner_kernel(types.void(_I, _I, _I, _I, _I, _F, MODEL, VIEW, LIVE))
def weigh_lanes(j, first_lane, first, n_lanes, now_ms, impatience_s, model, view, live):
    """Weights by persons and age of the oldest call, service rates as learned and as things stand."""
    n_stages = model.n_stages[j]
    for k in range(n_lanes):
        since_ms = NEVER_MS
        bits = model.lane_groups[j, k]
        g = first
        while bits:
            if bits & 1:
                since_ms = min(since_ms, live.call_since_ms[g])
            bits >>= 1
            g += 1
        queued = min(QUEUED_AGE_MAX, live.queued_s[first_lane + k] / impatience_s)
        age = max(queued, (now_ms - since_ms) / 1000.0 / impatience_s)
        view.weight[k] = live.persons_per_veh[first_lane + k] * (1.0 + age * age)
        best_rate = 0.01
        live.blocked[first_lane + k] = full_exit(first_lane + k, live)
        for s in range(n_stages):
            best_rate = max(best_rate, model.rate[j, s, k])
            view.rate[s, k] = service_of(j, s, k, first, first_lane, model, live)
        view.clearing_s[k] = 0.5 / best_rate


@inner_kernel(types.void(_I, _I, _I, _I, _F, _F, MODEL, VIEW, LIVE))
def weigh_people(j, first, n_crossings, now_ms, person_weight, impatience_s, model, view, live):
    """People at the kerbs, the stages' minimum with walks that are called, and the promises by second."""
    n_stages = model.n_stages[j]
    n = model.group_start[j + 1] - first
    for s in range(n_stages):
        view.min_s[s] = model.min_s[j, s]
    for p in range(n_crossings):
        g = first + model.crossing_group[j, p]
        called = live.call_since_ms[g] != NEVER_MS
        age = max(0.0, (now_ms - live.call_since_ms[g]) / 1000.0) / impatience_s if called else 0.0
        believed = live.unseen_group[g] and not live.quiet_group[g]  # the call is not one of somebody seen
        view.people[p] = max(live.waiting_people[g], 1.0 if called and not believed else 0.0)
        view.people_per_s[p] = live.people_per_s[g]
        view.people_weight[p] = person_weight * (1.0 + age * age)
        if called:
            for s in range(n_stages):
                if (model.stage_groups[j, s] >> model.crossing_group[j, p]) & 1:
                    view.min_s[s] = max(view.min_s[s], model.crossing_s[j, p])
    view.overdue[:] = 0
    for k in range(n):
        g = first + k
        if live.call_since_ms[g] == NEVER_MS:
            continue
        due_s = max(0, (live.call_since_ms[g] + live.promise_ms[g] - now_ms) // 1000)
        for t in range(due_s, HORIZON_S + 1):
            view.overdue[t] |= 1 << k


@inner_kernel(types.UniTuple(_I, 2)(_I, _I, _I, _I, LIVE))
def time_to_settle(j, first, n, now_ms, live):
    """Seconds until the stage under way is complete, and until it may be left again."""
    table_ms = live.intergreen_ms[live.intergreen_start[j] : live.intergreen_start[j] + n * n]
    complete_ms = now_ms
    free_ms = now_ms
    for k in range(n):
        g = first + k
        if (live.target_bits[j] >> k) & 1:
            started_ms = live.lamp_since_ms[g]
            if live.lamp[g] != GREEN:
                started_ms = max(
                    now_ms,
                    earliest_start_ms(
                        now_ms,
                        first,
                        n,
                        k,
                        live.conflict_bits,
                        live.min_green_ms,
                        table_ms,
                        live.lamp,
                        live.lamp_since_ms,
                        live.green_ended_ms,
                    ),
                )
                complete_ms = max(complete_ms, started_ms)
            if live.group_kind[g] == PEDESTRIAN:
                free_ms = max(free_ms, max(now_ms, started_ms + live.min_green_ms[g]) + live.yellow_ms[g])
            else:
                free_ms = max(free_ms, started_ms + live.min_green_ms[g])
        elif live.lamp[g] == CLEARANCE:
            free_ms = max(free_ms, live.lamp_since_ms[g] + live.yellow_ms[g])
    complete_s = min(HORIZON_S // 2, (complete_ms - now_ms + 999) // 1000)
    return complete_s, max(complete_s, min(HORIZON_S // 2, (free_ms - now_ms + 999) // 1000))


@inner_kernel(types.void(_I, _I, _I, _I, _I, _I, _I, _I, _F1, _F1, _I, MODEL, VIEW, LIVE))
def settle(
    j,
    stage,
    first_lane,
    first,
    n_lanes,
    n_crossings,
    complete_s,
    free_s,
    queue,
    people,
    walking,
    model,
    view,
    live,
):
    """Roll the queues on to the second the stage may be left: lanes already green flow, the others wait.

    queue (L) veh, people (P): written
    """
    for k in range(n_lanes):
        waiting = live.queue_veh[first_lane + k]
        flows = is_green(first, model.lane_groups[j, k] & model.stage_groups[j, stage], live)
        queue[k] = waiting
        for t in range(free_s):
            waiting += view.arrival[k, t]
            rate = view.rate[stage, k] if flows or t >= complete_s + 1 else 0.0
            if rate > 0.0 and model.opposing[j, stage, k]:
                rate = yielding_rate(
                    rate, model.opposing[j, stage, k], model.yield_share[j, stage, k], t, queue, view.arrival
                )
            waiting = max(0.0, waiting - rate)
            queue[k] = waiting
    for p in range(n_crossings):
        people[p] = view.people[p]
        for _ in range(free_s):
            if not (walking >> p) & 1:
                people[p] += view.people_per_s[p]
        if (walking >> p) & 1:
            people[p] = 0.0


@kernel(types.void(_I, _I, _F, _F, _F, MODEL, VIEW, LABELS, LIVE, _I1, _F1))
def replan_junction(j, now_ms, person_weight, stop_s, impatience_s, model, view, labels, live, chosen, costs):
    """Plan junction j's coming minute; writes wanted stage, planned end and outflows.

    chosen (4), costs (2): scratch
    """
    first_lane = model.lane_start[j]
    n_lanes = model.lane_start[j + 1] - first_lane
    first = model.group_start[j]
    n = model.group_start[j + 1] - first
    n_stages = model.n_stages[j]
    n_crossings = 0
    while n_crossings < CROSSINGS_MAX and model.crossing_group[j, n_crossings] >= 0:
        n_crossings += 1
    complete_s, free_s = time_to_settle(j, first, n, now_ms, live)
    stage = max(0, searched_stage(j, model, live))
    free_s = max(free_s, time_to_clear(j, stage, now_ms, model, live))
    if free_s >= BOUND_S and now_ms - live.outflow_time_ms[j] < 1000 * BOUND_S:
        return
    expect_arrivals(first_lane, n_lanes, now_ms, view, live)
    weigh_lanes(j, first_lane, first, n_lanes, now_ms, impatience_s, model, view, live)
    weigh_people(j, first, n_crossings, now_ms, person_weight, impatience_s, model, view, live)
    walking = 0
    green = 0
    for k in range(n):
        if live.lamp[first + k] == GREEN:
            green |= 1 << k
    for p in range(n_crossings):
        g = model.crossing_group[j, p]
        if (green >> g) & 1 or (live.target_bits[j] >> g) & 1:
            walking |= 1 << p
    settle(
        j, stage, first_lane, first, n_lanes, n_crossings, complete_s, free_s,
        labels.queue[free_s, stage, LATER], labels.people[free_s, stage, LATER], walking, model, view,
        live,
    )  # fmt: skip
    served = green | live.target_bits[j]
    search(j, stage, free_s, walking, served, n_stages, n_lanes, n_crossings, model, view, labels, stop_s)
    choose(n_stages, labels, chosen, costs)
    live.wanted_stage[j] = model.stage_of[j, stage]
    live.planned_end_ms[j] = NEVER_MS
    live.clears_first[j] = False
    if chosen[0] == 0:
        by = by_way_of(j, stage, chosen[1], model, live)
        live.clears_first[j] = by != chosen[1]
        live.wanted_stage[j] = model.stage_of[j, by]
    elif chosen[0] > 0:
        live.planned_end_ms[j] = now_ms + 1000 * chosen[0]
    live.winner_cost[j] = costs[chosen[3]]
    live.loser_cost[j] = costs[NOW if chosen[3] == LATER else LATER]
    if chosen[0] == 0:
        for row in range(2):
            tell_terms(
                j,
                NOW if row == 0 else LATER,
                free_s,
                stage,
                walking,
                served,
                n_stages,
                n_lanes,
                n_crossings,
                stop_s,
                live.persons_per_car[0],
                live.persons_per_veh[first_lane : first_lane + n_lanes],
                model,
                view,
                labels,
                live.terms[j, row],
            )
    play_outflow(
        j, complete_s, n_lanes, first_lane, live.queue_veh[first_lane : first_lane + n_lanes], model, view,
        labels, chosen, live.outflow_veh,
    )  # fmt: skip
    live.outflow_time_ms[j] = now_ms


@kernel(types.void(_I1, _I, _I, _F, _F, _F, MODEL, VIEW, LABELS, LIVE, _I1, _F1))
def replan(due, n_due, now_ms, person_weight, stop_s, impatience_s, model, view, labels, live, chosen, costs):
    """Replan the junctions due[0:n_due].

    due (J) indices · chosen (4), costs (2): scratch
    """
    for i in range(n_due):
        learn_service(due[i], now_ms, model, live)
        learn_feeds(due[i], now_ms, model, live)
        age_queues(due[i], model, live)
        replan_junction(
            due[i], now_ms, person_weight, stop_s, impatience_s, model, view, labels, live, chosen, costs
        )
