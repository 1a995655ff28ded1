"""Replanning junction by junction: look at the state, search, write what is wanted, over arrays.

`replan` is the one kernel the adaptive planner calls; everything it needs of the state
and of the network comes as one named tuple of arrays.
"""

from typing import NamedTuple

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

import numpy as np
from numba import njit, types, typeof

from controller.plan_kernels import LATER, NOW, choose, play_outflow, search, yielding_rate
from controller.plan_model import CROSSINGS_MAX, HORIZON_S, LABELS, MODEL, VIEW
from controller.sequencer_kernels import earliest_start_ms

PEDESTRIAN = 1
GREEN, CLEARANCE = 1, 3
LEARN_AFTER_MS = 2000
"""Start-up is over: from here on a queue flows as it does."""
DETECTION_RANGE_M = 200.0
VEHICLE_SPACE_M = 7.5
ROOM_ENOUGH_M, ROOM_LEAST_M = 45.0, 15.0
"""Room left behind the last standing vehicle downstream: plenty, and none worth a green."""
TRUST_VEH = 8.0
"""The model counts as much as so many observed vehicles."""
FORGET = 0.995
FEED_FORGET = 0.998
FEED_TRUST_VEH = 1.5
FEED_PART_MAX = 4.0
LEARNED_MIN, LEARNED_MAX = 0.25, 1.6
NEVER_MS = 1 << 60


class Live(NamedTuple):
    """Views of the state and the network, as the planner reads and writes them."""

    lamp: np.ndarray  # (G) Lamp
    lamp_since_ms: np.ndarray  # (G)
    green_ended_ms: np.ndarray  # (G)
    call_since_ms: np.ndarray  # (G)
    promise_ms: np.ndarray  # (G)
    min_green_ms: np.ndarray  # (G)
    yellow_ms: np.ndarray  # (G)
    group_kind: np.ndarray  # (G)
    conflict_bits: np.ndarray  # (G)
    intergreen_start: np.ndarray  # (J)
    intergreen_ms: np.ndarray  # flat
    target_stage: np.ndarray  # (J)
    target_bits: np.ndarray  # (J)
    queue_veh: np.ndarray  # (L)
    arrival_veh: np.ndarray  # (L, H)
    persons_per_veh: np.ndarray  # (L)
    flow_veh_per_s: np.ndarray  # (L)
    blocked: np.ndarray  # (L)
    waiting_people: np.ndarray  # (G)
    people_per_s: np.ndarray  # (G)
    outflow_veh: np.ndarray  # (L, H)
    outflow_time_ms: np.ndarray  # (J)
    wanted_stage: np.ndarray  # (J)
    planned_end_ms: np.ndarray  # (J)
    lane_junction: np.ndarray  # (L)
    seen_s: np.ndarray  # (L) how far ahead arrivals are seen by sensors
    feed_start: np.ndarray  # (L+1)
    feed_lane: np.ndarray  # upstream lanes whose outflow comes to a lane
    feed_share: np.ndarray
    feed_travel_s: np.ndarray
    drain_start: np.ndarray  # (L+1)
    drain_lane: np.ndarray  # downstream lanes a lane's vehicles come to
    drain_share: np.ndarray
    drain_length_m: np.ndarray  # room between this stop line and the next
    in_transition: np.ndarray  # (J) bool
    stage_since_ms: np.ndarray  # (J)
    crossed_veh: np.ndarray  # (L)
    fed_veh: np.ndarray  # (L)
    came_veh: np.ndarray  # (L)
    standing_veh: np.ndarray  # (L)
    served_veh: np.ndarray  # (L, 2)
    foreseen_veh: np.ndarray  # (L, 2)
    winner_cost: np.ndarray  # (J) person-seconds
    loser_cost: np.ndarray  # (J) person-seconds, of the best plan with the other decision now


def empty_live() -> Live:
    """An empty one, for the signature."""
    kinds = {
        "lamp": np.int8,
        "group_kind": np.int8,
        "in_transition": np.bool_,
    }
    floats = {
        "queue_veh", "persons_per_veh", "flow_veh_per_s", "blocked", "waiting_people", "people_per_s", "feed_share", "drain_share", "drain_length_m",
        "winner_cost", "loser_cost", "crossed_veh", "standing_veh", "fed_veh", "came_veh",
    }
    grids = {"arrival_veh", "outflow_veh", "served_veh", "foreseen_veh"}
    out = {}
    for name in Live._fields:
        if name in grids:
            out[name] = np.zeros((0, HORIZON_S))
        else:
            out[name] = np.zeros(0, kinds.get(name, np.float64 if name in floats else np.int64))
    return Live(**out)


LIVE = typeof(empty_live())
_I, _F, _B = types.int64, types.float64, types.boolean
_F1, _I1 = types.float64[::1], types.int64[::1]


@njit(_F(_I, _I, _I, LIVE), cache=True, nogil=True)
def sent_by_neighbours(lane, t, now_ms, live):
    """Vehicles that the junctions upstream plan to send to a lane so as to arrive in second t."""
    coming = 0.0
    for f in range(live.feed_start[lane], live.feed_start[lane + 1]):
        up = live.feed_lane[f]
        age_s = (now_ms - live.outflow_time_ms[live.lane_junction[up]]) // 1000
        second = t + age_s - live.feed_travel_s[f]
        if 0 <= second < HORIZON_S:
            coming += live.outflow_veh[up, second] * live.feed_share[f]
    return coming


@njit(types.void(_I, _I, _I, _I, MODEL, VIEW, LIVE), cache=True, nogil=True)
def expect_arrivals(j, first_lane, n_lanes, now_ms, model, view, live):
    """Arrivals of the coming minute: seen ones, then what upstream junctions plan to send, else the flow.

    Where drivers turn is learned lane by lane: what neighbours promised against what came.
    Written: view.arrival, arrived, waited · live.fed_veh, came_veh (L)
    """
    for k in range(n_lanes):
        lane = first_lane + k
        seen_s = live.seen_s[lane]
        fed = live.feed_start[lane] < live.feed_start[lane + 1]
        part = 1.0
        if fed:
            soon = min(HORIZON_S - 1, seen_s)
            live.fed_veh[lane] = FEED_FORGET * live.fed_veh[lane] + sent_by_neighbours(lane, soon, now_ms, live)
            live.came_veh[lane] = FEED_FORGET * live.came_veh[lane] + live.crossed_veh[lane]
            part = min(FEED_PART_MAX, (live.came_veh[lane] + FEED_TRUST_VEH) / (live.fed_veh[lane] + FEED_TRUST_VEH))
        for t in range(HORIZON_S):
            coming = live.arrival_veh[lane, t]
            if t >= seen_s:
                coming += part * sent_by_neighbours(lane, t, now_ms, live) if fed else live.flow_veh_per_s[lane]
            view.arrival[k, t] = coming
            view.arrived[k, t + 1] = view.arrived[k, t] + coming
            view.waited[k, t + 1] = view.waited[k, t] + view.arrived[k, t + 1]


@njit(_F(_I, LIVE), cache=True, nogil=True)
def full_exit(lane, live):
    """Part of a lane's service lost because the way on is full of standing vehicles, 0-1.

    Never feed a full link: what stands in the junction blocks everybody (rules, gridlock).
    """
    lost = 0.0
    for d in range(live.drain_start[lane], live.drain_start[lane + 1]):
        room_m = min(live.drain_length_m[d], DETECTION_RANGE_M)
        free_m = room_m - VEHICLE_SPACE_M * live.queue_veh[live.drain_lane[d]]
        lost += live.drain_share[d] * min(1.0, max(0.0, (ROOM_ENOUGH_M - free_m) / (ROOM_ENOUGH_M - ROOM_LEAST_M)))
    return min(1.0, lost)


@njit(types.void(_I, _I, _I, _I, _I, _F, MODEL, VIEW, LIVE), cache=True, nogil=True)
def weigh_lanes(j, first_lane, first, n_lanes, now_ms, impatience_s, model, view, live):
    """Weights by persons and age of the oldest call, service rates after full exits."""
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
        age = max(0.0, (now_ms - since_ms) / 1000.0) / impatience_s
        view.weight[k] = live.persons_per_veh[first_lane + k] * (1.0 + age * age)
        view.best_rate[k] = 0.01
        live.blocked[first_lane + k] = full_exit(first_lane + k, live)
        for s in range(n_stages):
            rate = model.rate[j, s, k]
            view.best_rate[k] = max(view.best_rate[k], rate)
            kind = 1 if model.opposing[j, s, k] else 0
            lane = first_lane + k
            learned = (live.served_veh[lane, kind] + TRUST_VEH) / (live.foreseen_veh[lane, kind] + TRUST_VEH)
            view.rate[s, k] = rate * min(LEARNED_MAX, max(LEARNED_MIN, learned)) * (1.0 - live.blocked[lane])


@njit(types.void(_I, _I, _I, _I, _F, _F, MODEL, VIEW, LIVE), cache=True, nogil=True)
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
        view.people[p] = max(live.waiting_people[g], 1.0 if called else 0.0)
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


@njit(_B(_I, _I, LIVE), cache=True, nogil=True)
def is_green(first, groups, live):
    """Whether any of a lane's groups, bits inside the junction, is green."""
    g = first
    while groups:
        if groups & 1 and live.lamp[g] == GREEN:
            return True
        groups >>= 1
        g += 1
    return False


@njit(types.void(_I, _I, MODEL, LIVE), cache=True, nogil=True)
def learn_service(j, now_ms, model, live):
    """Compare what crossed each stop line from a standing queue with what the model would have served.

    Drivers who give way, turning radii and full exits make each lane its own; the ratio of
    both sums corrects its service rate, from a prior of TRUST_VEH vehicles. Only the
    vehicles that stood when green began count: behind them nobody knows what was possible.
    Written: live.standing_veh (L), served_veh, foreseen_veh (L, 2) veh
    """
    stage = -1
    for s in range(model.n_stages[j]):
        if model.stage_of[j, s] == live.target_stage[j]:
            stage = s
    first_lane = model.lane_start[j]
    first = model.group_start[j]
    n_lanes = model.lane_start[j + 1] - first_lane
    queue = live.queue_veh[first_lane : first_lane + n_lanes]
    arrival = live.arrival_veh[first_lane : first_lane + n_lanes]
    green_for_ms = now_ms - live.stage_since_ms[j]
    for k in range(n_lanes):
        lane = first_lane + k
        if not is_green(first, model.lane_groups[j, k], live):
            live.standing_veh[lane] = queue[k]
            continue
        standing = live.standing_veh[lane]
        live.standing_veh[lane] = standing - live.crossed_veh[lane]
        if live.in_transition[j] or stage < 0 or green_for_ms < LEARN_AFTER_MS or standing < 1.0:
            continue
        rate = model.rate[j, stage, k]
        kind = 0
        if model.opposing[j, stage, k]:
            kind = 1
            rate = yielding_rate(rate, model.opposing[j, stage, k], model.yield_share[j, stage, k], 0, queue, arrival)
        live.served_veh[lane, kind] = FORGET * live.served_veh[lane, kind] + live.crossed_veh[lane]
        live.foreseen_veh[lane, kind] = FORGET * live.foreseen_veh[lane, kind] + rate


@njit(types.UniTuple(_I, 2)(_I, _I, _I, _I, LIVE), cache=True, nogil=True)
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


@njit(types.void(_I, _I, _I, _I, _I, _I, _I, _I, _F1, _F1, _I, MODEL, VIEW, LIVE), cache=True, nogil=True)
def settle(
    j, stage, first_lane, first, n_lanes, n_crossings, complete_s, free_s, queue, people, walking, model, view, live
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


@njit(_B(_I, _I, _I, _I, _I1, LIVE), cache=True, nogil=True)
def walks_in_the_way(first, n, n_crossings, now_ms, crossing_group, live):
    """Whether a WALK that has lasted its minimum keeps a conflicting call waiting.

    It then ends, and people clear while drivers keep their green: turning traffic gets its
    share, and a change of stage finds the crossing empty. crossing_group (P)
    """
    for p in range(n_crossings):
        g = first + crossing_group[p]
        if live.lamp[g] != GREEN or now_ms < live.lamp_since_ms[g] + live.min_green_ms[g]:
            continue
        for b in range(n):
            if (live.conflict_bits[g] >> b) & 1 and live.call_since_ms[first + b] != NEVER_MS:
                return True
    return False


@njit(types.void(_I, _I, _F, _F, _F, MODEL, VIEW, LABELS, LIVE, _I1, _F1), cache=True, nogil=True)
def replan_junction(
    j, now_ms, person_weight, stop_s, impatience_s, model, view, labels, live, chosen, costs
):
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
    stage = 0
    for s in range(n_stages):
        if model.stage_of[j, s] == live.target_stage[j]:
            stage = s
    expect_arrivals(j, first_lane, n_lanes, now_ms, model, view, live)
    weigh_lanes(j, first_lane, first, n_lanes, now_ms, impatience_s, model, view, live)
    weigh_people(j, first, n_crossings, now_ms, person_weight, impatience_s, model, view, live)
    complete_s, free_s = time_to_settle(j, first, n, now_ms, live)
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
        j, stage, first_lane, first, n_lanes, n_crossings, complete_s, free_s, labels.queue[free_s, stage, LATER],
        labels.people[free_s, stage, LATER], walking, model, view, live,
    )
    served = green | live.target_bits[j]
    search(j, stage, free_s, walking, served, n_stages, n_lanes, n_crossings, model, view, labels, stop_s)
    choose(n_stages, labels, chosen, costs)
    live.wanted_stage[j] = model.stage_of[j, stage]
    live.planned_end_ms[j] = NEVER_MS
    if chosen[0] == 0:
        live.wanted_stage[j] = model.stage_of[j, chosen[1]]
    elif chosen[0] > 0:
        live.planned_end_ms[j] = now_ms + 1000 * chosen[0]
    if walks_in_the_way(first, n, n_crossings, now_ms, model.crossing_group[j], live):
        live.planned_end_ms[j] = now_ms
    live.winner_cost[j] = costs[chosen[3]]
    live.loser_cost[j] = costs[NOW if chosen[3] == LATER else LATER]
    play_outflow(
        j, complete_s, n_lanes, first_lane, live.queue_veh[first_lane : first_lane + n_lanes], model, view, labels,
        chosen, live.outflow_veh,
    )
    live.outflow_time_ms[j] = now_ms


@njit(types.void(_I1, _I, _I, _F, _F, _F, MODEL, VIEW, LABELS, LIVE, _I1, _F1), cache=True, nogil=True)
def replan(
    due, n_due, now_ms, person_weight, stop_s, impatience_s, model, view, labels, live, chosen, costs
):
    """Replan the junctions due[0:n_due].

    due (J) indices · chosen (4), costs (2): scratch
    """
    for i in range(n_due):
        learn_service(due[i], now_ms, model, live)
        replan_junction(
            due[i], now_ms, person_weight, stop_s, impatience_s, model, view, labels, live, chosen, costs
        )
