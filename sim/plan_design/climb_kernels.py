"""The search for better plans: one small change at one junction at a time, kept when people wait less.

Hill climbing over offsets and splits as TRANSYT does it (Robertson 1969). A change is judged by the
delay at its own junction and at those it sends traffic to; a plan that breaks a rule is never tried.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.compiling import inner_kernel, kernel
from sim.plan_design.design_model import PLANS, SCRATCH, STREET
from sim.plan_design.link_kernels import late_s, paint, run_junction, run_lane

IMPOSSIBLE = 1e18
GAIN_LEAST = 1e-6

_I, _F, _B = types.int64, types.float64, types.boolean


@kernel(_F(_I, _I, STREET, PLANS, SCRATCH))
def cost_near(j, cycle_s, street, plans, scratch):
    """Delay at a junction and at those it feeds, with its plan as it stands; person-seconds a second.

    Written: scratch.lit, out of the junction; `IMPOSSIBLE` when its plan breaks a rule.
    """
    if not paint(j, cycle_s, street, plans, scratch):
        return IMPOSSIBLE
    total = run_junction(j, cycle_s, street, scratch)
    for f in range(street.fed_start[j], street.fed_start[j + 1]):
        other = street.fed_junction[f]
        for lane in range(street.lane_start[other], street.lane_start[other + 1]):
            if street.feed_start[lane + 1] > street.feed_start[lane]:
                total += run_lane(lane, cycle_s, street, scratch, scratch.row)
    return total


@inner_kernel(types.void(_I, _I, _B, STREET, PLANS, SCRATCH))
def keep(j, cycle_s, back, street, plans, scratch):
    """Remember a junction's profiles and steps, or put them back."""
    for k in range(plans.n_steps[j]):
        if back:
            plans.step_s[j, k] = scratch.kept_step_s[k]
        else:
            scratch.kept_step_s[k] = plans.step_s[j, k]
    for lane in range(street.lane_start[j], street.lane_start[j + 1]):
        for t in range(cycle_s):
            if back:
                scratch.out[lane, t] = scratch.kept_out[lane, t]
            else:
                scratch.kept_out[lane, t] = scratch.out[lane, t]
    for g in range(street.group_start[j], street.group_start[j + 1]):
        for t in range(cycle_s):
            if back:
                scratch.lit[g, t] = scratch.kept_lit[g, t]
            else:
                scratch.kept_lit[g, t] = scratch.lit[g, t]


@kernel(_F(_I, STREET, PLANS, SCRATCH))
def run_street(cycle_s, street, plans, scratch):
    """Delay of everybody under the plans as they stand, after profiles have gone round; person-s a second."""
    n = len(street.group_start) - 1
    for j in range(n):
        if not paint(j, cycle_s, street, plans, scratch):
            return IMPOSSIBLE
    total = 0.0
    for _ in range(4):
        total = 0.0
        for j in range(n):
            total += run_junction(j, cycle_s, street, scratch)
    return total


@inner_kernel(_B(_I, STREET, PLANS))
def shortest_steps(j, street, plans):
    """Lengthen steps from one second up until every group has its minimum. Whether that ends.

    Written: plans.step_s (J, steps)
    """
    n = plans.n_steps[j]
    first, end = street.group_start[j], street.group_start[j + 1]
    for _ in range(400):
        changed = False
        for g in range(first, end):
            b = g - first
            need = street.min_green_s[g] + street.clearance_s[g]
            for k in range(n):
                if not (plans.bits[j, k] >> b) & 1 or (plans.bits[j, (k - 1) % n] >> b) & 1:
                    continue
                span, m, shortest = 0, k, k
                while (plans.bits[j, m % n] >> b) & 1 and m < k + n:
                    span += plans.step_s[j, m % n]
                    if plans.step_s[j, m % n] < plans.step_s[j, shortest % n]:
                        shortest = m
                    m += 1
                wait = late_s(j, b, k, 0, street, plans)
                if plans.step_s[j, k] <= wait:
                    span += wait + 1 - plans.step_s[j, k]
                    plans.step_s[j, k] = wait + 1
                    changed = True
                if span - wait < need:
                    plans.step_s[j, shortest % n] += need + wait - span
                    changed = True
        if not changed:
            return True
    return False


@kernel(_B(_I, _I, STREET, PLANS, SCRATCH))
def fill_steps(j, cycle_s, street, plans, scratch):
    """A first split: the shortest lawful steps, then second by second where it helps most.

    Whether there is one. Written: plans.step_s (J, steps), scratch of the junction
    """
    n = plans.n_steps[j]
    own_s = cycle_s // plans.laps[j]
    for k in range(n):
        plans.step_s[j, k] = 1
    if not shortest_steps(j, street, plans):
        return False
    used = 0
    for k in range(n):
        used += plans.step_s[j, k]
    left = own_s - used
    if left < 0:
        return False
    while left > 0:
        part = max(1, left // 6)
        best, chosen = IMPOSSIBLE, -1
        for k in range(n):
            # The cycle must be whole to be judged: the rest goes where it would go in proportion.
            plans.step_s[j, k] += left
            paint(j, cycle_s, street, plans, scratch)
            cost = run_junction(j, cycle_s, street, scratch)
            plans.step_s[j, k] -= left
            if cost < best:
                best, chosen = cost, k
        plans.step_s[j, chosen] += part
        left -= part
    return True


@inner_kernel(_F(_I, _I, _F, STREET, PLANS, SCRATCH))
def climb_offset(j, cycle_s, cost, street, plans, scratch):
    """Try other offsets; the cost of the best found, which stands."""
    for shift in (cycle_s // 2, -(cycle_s // 3), cycle_s // 6, -(cycle_s // 6), 8, -8, 3, -3, 1, -1):
        keep(j, cycle_s, False, street, plans, scratch)
        before = plans.offset_s[j]
        plans.offset_s[j] = (before + shift) % (cycle_s // plans.laps[j])
        found = cost_near(j, cycle_s, street, plans, scratch)
        if found < cost - GAIN_LEAST:
            cost = found
        else:
            plans.offset_s[j] = before
            keep(j, cycle_s, True, street, plans, scratch)
    return cost


@inner_kernel(_F(_I, _I, _F, STREET, PLANS, SCRATCH))
def climb_split(j, cycle_s, cost, street, plans, scratch):
    """Try to move seconds from step to step; the cost of the best found, which stands."""
    n = plans.n_steps[j]
    for seconds in (8, 3, 1):
        for a in range(n):
            for b in range(n):
                if a == b or plans.step_s[j, a] <= seconds:
                    continue
                keep(j, cycle_s, False, street, plans, scratch)
                plans.step_s[j, a] -= seconds
                plans.step_s[j, b] += seconds
                found = cost_near(j, cycle_s, street, plans, scratch)
                if found < cost - GAIN_LEAST:
                    cost = found
                else:
                    keep(j, cycle_s, True, street, plans, scratch)
    return cost


@kernel(_F(_I, _I, STREET, PLANS, SCRATCH))
def climb(cycle_s, rounds, street, plans, scratch):
    """Climb until a whole round finds nothing, `rounds` at most; delay of everybody, person-s a second.

    Written: plans.step_s, offset_s
    """
    best = run_street(cycle_s, street, plans, scratch)
    if best >= IMPOSSIBLE:
        return best
    for _ in range(rounds):
        for j in range(len(street.group_start) - 1):
            cost = cost_near(j, cycle_s, street, plans, scratch)
            cost = climb_offset(j, cycle_s, cost, street, plans, scratch)
            climb_split(j, cycle_s, cost, street, plans, scratch)
        total = run_street(cycle_s, street, plans, scratch)
        if total > best * 0.9999:
            return total
        best = total
    return best


@kernel(_F(_I, _I, STREET, PLANS, SCRATCH))
def climb_alone(j, cycle_s, street, plans, scratch):
    """A first split and the best one by itself, everybody coming as the profiles stand; its cost."""
    if not fill_steps(j, cycle_s, street, plans, scratch):
        return IMPOSSIBLE
    cost = cost_near(j, cycle_s, street, plans, scratch)
    if cost >= IMPOSSIBLE:
        return cost
    return climb_split(j, cycle_s, cost, street, plans, scratch)
