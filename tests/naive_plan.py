"""The planner's kernels once more, slow and obvious: plain lists, one vehicle-second after another."""

from __future__ import annotations

from controller import plan_lanes_kernels as kernels


def service(rate, opposing, share, t, queue, arrival):
    """What a lane lets over the line in second t if some of its drivers give way."""
    facing = [k for k in range(len(queue)) if opposing >> k & 1]
    if not facing:
        return rate
    if sum(queue[k] for k in facing) > 0.5:
        part = kernels.BLOCKED_TURN
    else:
        part = max(kernels.BLOCKED_TURN, 1.0 - kernels.GAP_LOSS_S * sum(arrival[k][t] for k in facing))
    return rate / (1.0 - share + share / part)


def hold(stage, t, stop_s, queue, arrival, weight, rate, opposing, share):
    """One second of a stage, lane by lane in order: gives (cost, queues after it)."""
    queue = list(queue)
    cost = 0.0
    for k in range(len(queue)):
        coming = arrival[k][t]
        waiting = queue[k] + coming
        if waiting > 0.0 and rate[stage][k] > 0.0:
            waiting = max(
                0.0, waiting - service(rate[stage][k], opposing[stage][k], share[stage][k], t, queue, arrival)
            )
        queue[k] = waiting
        cost += weight[k] * (waiting + stop_s * min(coming, waiting))
    return cost, queue


def change(old, new, t, start, end, stop_s, queue, arrival, weight, rate, opposing, share):
    """A change of stage, second by second: gives (cost, queues after it).

    Lanes red afterwards lose at once what yellow lets through; lanes green in both go on;
    lanes newly green wait until `start`, lose the first second and half of the next. Lanes
    that are red come first: who gives way does so to what they leave behind.
    """
    queue = list(queue)
    cost = 0.0
    for k in sorted(range(len(queue)), key=lambda k: rate[new][k] > 0.0):
        before, after = rate[old][k], rate[new][k]
        if after == 0.0:
            queue[k] = max(0.0, queue[k] - kernels.YELLOW_USED_S * before)
        # Others see a lane's queue as it was before the change, until the change is over.
        waiting = queue[k]
        for second in range(t, end):
            coming = arrival[k][second]
            waiting += coming
            serves = 0.0
            if after > 0.0 and (before > 0.0 or second >= start + 1):
                serves = after
                if before == 0.0 and second == start + 1:
                    serves *= 2.0 - kernels.START_UP_LOST_S
                serves = service(serves, opposing[new][k], share[new][k], second, queue, arrival)
            waiting = max(0.0, waiting - serves)
            stopped = coming if serves == 0.0 else min(coming, waiting)
            cost += weight[k] * (waiting + stop_s * stopped)
        queue[k] = waiting
    return cost, queue


def still_to_come(people, people_weight, queue, weight, rate, clearing_s):
    """What those left at the horizon will cost: a red to sit out where none serves, then the queue before."""
    cost = kernels.RED_AT_END_S * sum(n * w for n, w in zip(people, people_weight, strict=True))
    for n, w, serves, each_s in zip(queue, weight, rate, clearing_s, strict=True):
        red_s = 0.0 if serves > 0.0 else kernels.RED_AT_END_S
        cost += w * n * (red_s + each_s * n)
    return cost
