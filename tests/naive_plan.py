"""The planner's kernels once more, slow and obvious: plain lists, one vehicle-second after another."""

from __future__ import annotations

from controller import plan_kernels as kernels


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
    lanes newly green wait until `start`, lose the first second and half of the next.
    """
    queue = list(queue)
    cost = 0.0
    for k in range(len(queue)):
        before, after = rate[old][k], rate[new][k]
        if after == 0.0:
            queue[k] = max(0.0, queue[k] - kernels.YELLOW_USED_S * before)
        for second in range(t, end):
            coming = arrival[k][second]
            waiting = queue[k] + coming
            serves = 0.0
            if after > 0.0 and (before > 0.0 or second >= start + 1):
                serves = after
                if before == 0.0 and second == start + 1:
                    serves *= 2.0 - kernels.START_UP_LOST_S
                serves = service(serves, opposing[new][k], share[new][k], second, [*queue], arrival)
            if waiting > 0.0:
                waiting = max(0.0, waiting - serves)
            queue[k] = waiting
            stopped = coming if serves == 0.0 else min(coming, waiting)
            cost += weight[k] * (waiting + stop_s * stopped)
    return cost, queue
