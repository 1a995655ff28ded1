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

from numba import njit, types

from controller.plan_model import (
    HORIZON_S,
    LABELS,
    MODEL,
    SLOTS,
    VIEW,
)

NOW, LATER = 0, 1
INFINITE = 1e18
BEAM = 5
"""Labels of each slot that grow in one second."""
FINE_S = 12
"""Changes of stage are tried every second so far ahead, then every COARSE_S."""
COARSE_S = 3

START_UP_LOST_S = 1.5
"""Time lost by the first vehicles of a queue (HCM 2010, ch. 18: about 2 s, here net of the step)."""
YELLOW_USED_S = 1.5
"""Part of yellow in which the queue still flows (HCM 2010, ch. 18: extension of effective green)."""
CHANGE_COST = 1.0
"""Person-seconds of a change of stage by itself, so that nothing changes for nobody."""
PROMISE_COST = 2000.0
"""Person-seconds a second beyond a promise costs: more than any queue can outweigh."""
RED_AT_END_S = 10.0
"""Cost-to-go: what somebody left at red at the end of the horizon will wait at least."""
GAP_LOSS_S = 3.0
"""Critical gap of drivers who give way, about 4.5 s less their headway (HCM 2010, ch. 19)."""
BLOCKED_TURN = 0.08
"""Service that remains, as part of saturation, while the stream given way to discharges its queue."""

_I, _F = types.int64, types.float64
_F1, _F2, _F3 = types.float64[::1], types.float64[:, ::1], types.float64[:, :, ::1]
_I1, _I2 = types.int64[::1], types.int64[:, ::1]


@njit(_F(_I), cache=True, nogil=True, inline="always")
def count_bits(bits):
    """Number of bits set."""
    n = 0.0
    while bits:
        bits &= bits - 1
        n += 1.0
    return n


@njit(_F(_F, _I, _F, _I, _F1, _F2), cache=True, nogil=True, inline="always")
def yielding_rate(rate, opposing, share, t, queue, arrival):
    """Service of a lane some of whose drivers give way, at second t.

    While the opposing queue discharges, next to nothing; then what gaps allow. Mixed lanes
    pass at the harmonic mean of both kinds of drivers (HCM 2010, ch. 31, shared lanes).

    opposing: bits of lanes · share: of drivers who give way · queue (L) veh · arrival (L, H) veh
    """
    standing = 0.0
    coming = 0.0
    bits = opposing
    k = 0
    while bits:
        if bits & 1:
            standing += queue[k]
            coming += arrival[k, t]
        bits >>= 1
        k += 1
    part = BLOCKED_TURN if standing > 0.5 else max(BLOCKED_TURN, 1.0 - GAP_LOSS_S * coming)
    return rate / (1.0 - share + share / part)


@njit(_F(_I, _I, _F, _F1, _F2, _F1, _F1, _I2, _F2), cache=True, nogil=True, inline="always")
def hold_second(stage, t, stop_s, queue, arrival, weight, rate, opposing, yield_share):
    """One more second `t` of the same stage in every lane; gives its cost in person-seconds.

    queue (L) veh: changed in place · arrival (L, H) veh · weight (L) persons/veh
    rate (L) veh/s in this stage
    opposing (S, L) bits of lanes · yield_share (S, L)
    """
    cost = 0.0
    for k in range(len(weight)):
        coming = arrival[k, t]
        waiting = queue[k] + coming
        if waiting > 0.0:
            serves = rate[k]
            if serves > 0.0:
                if opposing[stage, k]:
                    serves = yielding_rate(
                        serves, opposing[stage, k], yield_share[stage, k], t, queue, arrival
                    )
                waiting = max(0.0, waiting - serves)
            queue[k] = waiting
            cost += weight[k] * (waiting + stop_s * min(coming, waiting))
    return cost


@njit(
    _F(_I, _I, _I, _I, _F, _F1, _F2, _F2, _F2, _F1, _F1, _F1, _I2, _F2),
    cache=True,
    nogil=True,
    inline="always",
)
def change_lanes(
    new,
    t,
    start,
    end,
    stop_s,
    queue,
    arrival,
    arrived,
    waited,
    weight,
    old_rate,
    new_rate,
    opposing,
    yield_share,
):
    """Seconds t to end in every lane: the old stage ends, the new one starts at `start` and runs.

    queue (L) veh: changed in place · arrival (L, H) veh · arrived, waited (L, H+1) its sums
    weight (L) persons/veh · old_rate, new_rate (L) veh/s · opposing (S, L) bits of lanes · yield_share (S, L)
    """
    cost = 0.0
    for k in range(len(weight)):
        waiting = queue[k]
        if new_rate[k] == 0.0:
            waiting = max(0.0, waiting - YELLOW_USED_S * old_rate[k])
            came = arrived[k, end] - arrived[k, t]
            cost += weight[k] * (
                waiting * (end - t)
                + waited[k, end]
                - waited[k, t]
                - arrived[k, t] * (end - t)
                + stop_s * came
            )
            queue[k] = waiting + came
            continue
        first = t
        if old_rate[k] == 0.0:
            first = min(start + 1, end)
            came = arrived[k, first] - arrived[k, t]
            cost += weight[k] * (
                waiting * (first - t)
                + waited[k, first]
                - waited[k, t]
                - arrived[k, t] * (first - t)
                + stop_s * came
            )
            waiting += came
        for second in range(first, end):
            coming = arrival[k, second]
            waiting += coming
            if waiting > 0.0:
                serves = new_rate[k]
                if second == start + 1 and old_rate[k] == 0.0:
                    serves *= 2.0 - START_UP_LOST_S
                if opposing[new, k]:
                    serves = yielding_rate(
                        serves, opposing[new, k], yield_share[new, k], second, queue, arrival
                    )
                waiting = max(0.0, waiting - serves)
                cost += weight[k] * (waiting + stop_s * min(coming, waiting))
        queue[k] = waiting
    return cost


@njit(_F(_F, _F1, _F1, _F1, _F1), cache=True, nogil=True, inline="always")
def cost_to_go(people_cost, queue, weight, rate, best_rate):
    """What the queues left will still cost: clearing time, and a red to sit out where none serves.

    people_cost: weighted people still waiting · queue (L) veh · weight (L) persons/veh
    rate (L) veh/s in the present stage · best_rate (L) veh/s in the best one
    """
    cost = people_cost * RED_AT_END_S
    for k in range(len(weight)):
        if queue[k] > 0.0:
            red = 0.0 if rate[k] > 0.0 else RED_AT_END_S
            cost += weight[k] * queue[k] * (red + 0.5 * queue[k] / best_rate[k])
    return cost


@njit(_F(_I, _I, _I, _I, _I, _I1, _F1, _F1, _F1), cache=True, nogil=True, inline="always")
def wait_at_kerbs(t, start, end, walking, stage_groups, crossing_group, people, people_per_s, people_weight):
    """Seconds t to end at the crossings: they wait until `start` where the stage serves them.

    walking: bits of crossings that have walk all along · stage_groups: bits of the stage's groups
    crossing_group (P) · people (P): changed in place · people_per_s, people_weight (P)
    """
    cost = 0.0
    for p in range(len(people)):
        if (walking >> p) & 1:
            continue
        served = (stage_groups >> crossing_group[p]) & 1
        seconds = start - t if served else end - t
        cost += people_weight[p] * seconds * (people[p] + people_per_s[p] * 0.5 * (seconds + 1))
        people[p] = 0.0 if served else people[p] + people_per_s[p] * seconds
    return cost


@njit(types.void(_I, _I, LABELS), cache=True, nogil=True)
def choose_beam(t, n_stages, labels):
    """Mark the BEAM most promising labels of each slot at second t; ties go to the lower stage.

    Written: labels.grows (S, SLOTS)
    """
    total = labels.total
    grows = labels.grows
    for slot in range(SLOTS):
        for stage in range(n_stages):
            grows[stage, slot] = False
        for _ in range(BEAM):
            best = -1
            for stage in range(n_stages):
                better = best < 0 or total[t, stage, slot] < total[t, best, slot]
                if not grows[stage, slot] and total[t, stage, slot] < INFINITE and better:
                    best = stage
            if best >= 0:
                grows[best, slot] = True


@njit(_I(_I, _I1, _I), cache=True, nogil=True, inline="always")
def crossings_served(stage_groups, crossing_group, n_crossings):
    """Bits of the crossings whose group is among the stage's. crossing_group (P)"""
    bits = 0
    for p in range(n_crossings):
        bits |= ((stage_groups >> crossing_group[p]) & 1) << p
    return bits


@njit(
    types.void(_I, _I, _I, _I, _I, _I, _F, _F, _F1, _F1, LABELS),
    cache=True,
    nogil=True,
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


@njit(types.void(_I, _I, _I, _F1, _F1, LABELS), cache=True, nogil=True, inline="always")
def load(t, stage, slot, queue, people, labels):
    """Take a label's queue (L) veh and people (P) to try something with them."""
    for k in range(len(queue)):
        queue[k] = labels.queue[t, stage, slot, k]
    for p in range(len(people)):
        people[p] = labels.people[t, stage, slot, p]


@njit(_F(_F1, _F1), cache=True, nogil=True, inline="always")
def weighted(people, people_weight):
    """Sum of people (P) times their weights (P)."""
    total = 0.0
    for p in range(len(people)):
        total += people_weight[p] * people[p]
    return total


@njit(types.void(_I, _I, _I, _I, _I, LABELS), cache=True, nogil=True)
def plant_root(root_s, stage0, n_stages, served0, walking0, labels):
    """Empty all nodes but the root's; its queues and people already stand there."""
    labels.total[:, :n_stages, :] = INFINITE
    labels.total[root_s, stage0, LATER] = 0.0
    labels.cost[root_s, stage0, LATER] = 0.0
    labels.served[root_s, stage0, LATER] = served0
    labels.walking[root_s, stage0, LATER] = walking0
    labels.from_s[root_s, stage0, LATER] = -1


@njit(types.void(_I, _I, _I, _I, _I, _I, _I, _I, MODEL, VIEW, LABELS, _F), cache=True, nogil=True)
def search(j, stage0, root_s, walking0, served0, n_stages, n_lanes, n_crossings, model, view, labels, stop_s):
    """Fill the labels, from the root at second `root_s` in `stage0` to the horizon.

    The root's queues and people stand in labels.queue, people at [root_s, stage0, LATER].
    walking0: bits of crossings that have walk · served0: bits of groups served by the root
    """
    arrival, arrived, waited = view.arrival[:n_lanes], view.arrived[:n_lanes], view.waited[:n_lanes]
    weight, rate, best_rate = view.weight[:n_lanes], view.rate[:, :n_lanes].copy(), view.best_rate[:n_lanes]
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
            cost = cost_of[t, stage, slot]
            for new in range(n_stages):
                holds = new == stage
                if not (holds or may_change):
                    continue
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
                load(t, stage, slot, queue, people, labels)
                if holds:
                    grown += hold_second(
                        stage, t, stop_s, queue, arrival, weight, rate[stage], opposing, yield_share
                    )
                    grown += wait_at_kerbs(
                        t, end, end, walking, 0, crossing_group, people, people_per_s, people_weight
                    )
                else:
                    grown += CHANGE_COST + change_lanes(
                        new,
                        t,
                        start,
                        end,
                        stop_s,
                        queue,
                        arrival,
                        arrived,
                        waited,
                        weight,
                        rate[stage],
                        rate[new],
                        opposing,
                        yield_share,
                    )
                    grown += wait_at_kerbs(
                        t,
                        start,
                        end,
                        walking & to_walking,
                        stage_groups[new],
                        crossing_group,
                        people,
                        people_per_s,
                        people_weight,
                    )
                people_cost = weighted(people, people_weight)
                total = grown + cost_to_go(people_cost, queue, weight, rate[new], best_rate)
                if total < total_of[end, new, to_slot]:
                    labels.served[end, new, to_slot] = to_served
                    labels.walking[end, new, to_slot] = to_walking
                    store(end, new, to_slot, t, stage, slot, total, grown, queue, people, labels)
