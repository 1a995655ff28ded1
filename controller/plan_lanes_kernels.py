"""What seconds of a stage or a change of stage do to the lanes and crossings of a junction, over arrays.

Each function plays some seconds in place and gives their cost in person-seconds. They are
inlined into the planner's search: numba counts references at every call that is given arrays,
which would cost more than the arithmetic.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.compiling import inner_kernel, kernel

START_UP_LOST_S = 1.5
"""Time lost by the first vehicles of a queue (HCM 2010, ch. 18: about 2 s, here net of the step)."""
YELLOW_USED_S = 1.5
"""Part of yellow in which the queue still flows (HCM 2010, ch. 18: extension of effective green)."""
RED_AT_END_S = 10.0
"""Cost-to-go: what somebody left at red at the end of the horizon will wait at least."""
GAP_LOSS_S = 3.0
"""Critical gap of drivers who give way, about 4.5 s less their headway (HCM 2010, ch. 19)."""
BLOCKED_TURN = 0.08
"""Service that remains, as part of saturation, while the stream given way to discharges its queue."""

_I, _F = types.int64, types.float64
_F1, _F2 = types.float64[::1], types.float64[:, ::1]
_I1, _I2 = types.int64[::1], types.int64[:, ::1]


@inner_kernel(_F(_F), inline="always")
def positive(x):
    """x, or 0 where it is negative; without the care that `max` takes of what is no number."""
    return x if x > 0.0 else 0.0


@inner_kernel(_F(_F, _I, _F, _I, _F1, _F2), inline="always")
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


@kernel(_F(_I, _I, _F, _F1, _F2, _F1, _F1, _I2, _F2), inline="always")
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
                waiting = positive(waiting - serves)
            queue[k] = waiting
            cost += weight[k] * (waiting + stop_s * (coming if coming < waiting else waiting))
    return cost


@kernel(
    types.UniTuple(_F, 2)(_I, _I, _F, _F1, _F2, _F2, _F1, _F1, _F1, _F1),
    inline="always",
)
def leave_at_red(t, end, stop_s, queue, arrived, waited, weight, old_rate, new_rate, clearing_s):
    """Seconds t to end in the lanes that the new stage does not serve: cost, and what the queues left cost.

    queue (L) veh: changed in place · arrived, waited (L, H+1) sums of arrivals
    weight (L) persons/veh · old_rate, new_rate (L) veh/s · clearing_s (L)
    """
    cost, to_go = 0.0, 0.0
    seconds = end - t
    for k in range(len(weight)):
        if new_rate[k] == 0.0:
            waiting = positive(queue[k] - YELLOW_USED_S * old_rate[k])
            came = arrived[k, end] - arrived[k, t]
            left = waiting + came
            cost += weight[k] * (
                waiting * seconds + waited[k, end] - waited[k, t] - arrived[k, t] * seconds + stop_s * came
            )
            to_go += weight[k] * left * (RED_AT_END_S + clearing_s[k] * left)
            queue[k] = left
    return cost, to_go


@kernel(
    types.UniTuple(_F, 2)(_I, _I, _I, _I, _F, _F1, _F2, _F2, _F2, _F1, _F1, _F1, _F1, _I2, _F2),
    inline="always",
)
def serve_at_green(
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
    clearing_s,
    opposing,
    yield_share,
):
    """Seconds t to end in the lanes that the new stage serves from `start` on: cost, and that of queues left.

    queue (L) veh: changed in place · arrival (L, H) veh · arrived, waited (L, H+1) its sums
    weight (L) persons/veh · old_rate, new_rate (L) veh/s · clearing_s (L) · opposing (S, L) bits of lanes
    yield_share (S, L)
    """
    cost, to_go = 0.0, 0.0
    for k in range(len(weight)):
        serves = new_rate[k]
        if serves == 0.0:
            continue
        waiting = queue[k]
        lost = 0.0
        second = t
        if old_rate[k] == 0.0:
            second = min(start + 1, end)
            came = arrived[k, second] - arrived[k, t]
            lost += (
                waiting * (second - t)
                + waited[k, second]
                - waited[k, t]
                - arrived[k, t] * (second - t)
                + stop_s * came
            )
            waiting += came
            if second < end:
                rate = serves * (2.0 - START_UP_LOST_S)
                if opposing[new, k]:
                    rate = yielding_rate(rate, opposing[new, k], yield_share[new, k], second, queue, arrival)
                coming = arrival[k, second]
                waiting = positive(waiting + coming - rate)
                lost += waiting + stop_s * (coming if coming < waiting else waiting)
                second += 1
        if opposing[new, k]:
            while second < end:
                rate = yielding_rate(serves, opposing[new, k], yield_share[new, k], second, queue, arrival)
                coming = arrival[k, second]
                waiting = positive(waiting + coming - rate)
                lost += waiting + stop_s * (coming if coming < waiting else waiting)
                second += 1
        else:
            while second < end:
                coming = arrival[k, second]
                waiting = positive(waiting + coming - serves)
                lost += waiting + stop_s * (coming if coming < waiting else waiting)
                second += 1
        cost += weight[k] * lost
        to_go += weight[k] * clearing_s[k] * waiting * waiting
        queue[k] = waiting
    return cost, to_go


@kernel(_F(_F1, _F1, _F1, _F1), inline="always")
def cost_to_go(queue, weight, rate, clearing_s):
    """What the queues left will still cost: clearing time, and a red to sit out where none serves.

    queue (L) veh · weight (L) persons/veh
    rate (L) veh/s in the present stage · clearing_s (L) mean wait of one vehicle a vehicle in the queue
    """
    cost = 0.0
    for k in range(len(weight)):
        if queue[k] > 0.0:
            red = 0.0 if rate[k] > 0.0 else RED_AT_END_S
            cost += weight[k] * queue[k] * (red + clearing_s[k] * queue[k])
    return cost


@inner_kernel(_F(_I, _I, _I, _I, _I, _I1, _F1, _F1, _F1), inline="always")
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


@inner_kernel(_I(_I, _I1, _I), inline="always")
def crossings_served(stage_groups, crossing_group, n_crossings):
    """Bits of the crossings whose group is among the stage's. crossing_group (P)"""
    bits = 0
    for p in range(n_crossings):
        bits |= ((stage_groups >> crossing_group[p]) & 1) << p
    return bits


@inner_kernel(_F(_F1, _F1), inline="always")
def weighted(people, people_weight):
    """Sum of people (P) times their weights (P)."""
    total = 0.0
    for p in range(len(people)):
        total += people_weight[p] * people[p]
    return total
