"""The designer's model of one junction, second by second and obvious: what its kernels must agree with."""

from __future__ import annotations

import math

import numpy as np

from sim.plan_design.design_model import DesignPlans, DesignStreet


def step_at(j: int, t: int, plans: DesignPlans) -> int:
    """The step junction j is in at second t."""
    steps = plans.step_s[j, : plans.n_steps[j]].tolist()
    t = (t - int(plans.offset_s[j])) % sum(steps)
    for k, lasts in enumerate(steps):
        if t < lasts:
            return k
        t -= lasts
    raise AssertionError


def slow_lit(j: int, cycle_s: int, street: DesignStreet, plans: DesignPlans) -> np.ndarray:
    """(groups of j, cycle) effective green: lamps first, then two seconds later at both ends."""
    first, end = int(street.group_start[j]), int(street.group_start[j + 1])
    n = end - first
    has = np.array(
        [[plans.bits[j, step_at(j, t, plans)] >> b & 1 for t in range(cycle_s)] for b in range(n)], bool
    )
    ended = np.full(n, -(10**6))
    shown = np.zeros((n, cycle_s), bool)
    for t in range(3 * cycle_s):
        at = t % cycle_s
        for b in range(n):
            if not has[b, at] and has[b, (at - 1) % cycle_s]:
                ended[b] = t
        for b in range(n):
            g = first + b
            waits = [
                t - ended[street.wait_group[w] - first] >= street.wait_s[w]
                for w in range(street.wait_start[g], street.wait_start[g + 1])
            ]
            begun = shown[b, (at - 1) % cycle_s] and has[b, (at - 1) % cycle_s]
            clears = not has[b].all() and not all(
                has[b, (at + k) % cycle_s] for k in range(street.clearance_s[g] + 1)
            )
            shown[b, at] = has[b, at] and (begun or all(waits)) and not (street.clearance_s[g] and clears)
    lit = np.zeros((n, cycle_s), np.int8)
    for b in range(n):
        g = first + b
        if street.clearance_s[g] or shown[b].all():
            lit[b] = shown[b]
            continue
        for t in range(cycle_s):
            starts = any(
                not shown[b, (t - k - 1) % cycle_s] and shown[b, (t - k) % cycle_s] for k in range(2)
            )
            gains = any(shown[b, (t - k) % cycle_s] and not shown[b, (t - k + 1) % cycle_s] for k in (1, 2))
            lit[b, t] = (shown[b, t] and not starts) or gains
    return lit


def slow_arrivals(lane: int, cycle_s: int, street: DesignStreet, out: np.ndarray) -> np.ndarray:
    """(cycle) veh/s: every vehicle that left before, after its journey, geometrically late."""
    arrive = np.full(cycle_s, float(street.outside_veh_per_s[lane]))
    for f in range(street.feed_start[lane], street.feed_start[lane + 1]):
        travel = int(street.feed_s[f])
        part = 1.0 / (1.0 + 0.35 * 0.8 * travel)
        shift = int(0.8 * travel + 0.5)
        for t in range(cycle_s):
            for late in range(3 * cycle_s):
                weight = part * (1.0 - part) ** late
                source = out[street.feed_lane[f], (t - shift - late) % cycle_s]
                arrive[t] += street.feed_share[f] * weight * source
    return arrive


def slow_delay(
    lane: int, cycle_s: int, street: DesignStreet, arrive: np.ndarray, served: np.ndarray
) -> tuple[float, np.ndarray]:
    """Person-seconds a second, and (cycle) veh/s over the stop line."""
    demand, capacity = float(street.veh_per_s[lane]), max(float(served.sum()), 1e-3)
    scale = min(1.0, 0.98 / max(arrive.sum() / capacity, 1e-9))
    queue, waited, longest, out = 0.0, 0.0, 0.0, np.zeros(cycle_s)
    for t in range(3 * cycle_s):
        queue += scale * arrive[t % cycle_s]
        gone = min(queue, served[t % cycle_s])
        queue -= gone
        if t >= 2 * cycle_s:
            out[t % cycle_s], waited, longest = gone, waited + queue, max(longest, queue)
    x, per_h, hours = demand * cycle_s / capacity, 3600.0 * capacity / cycle_s, float(street.period_h[0])
    d2 = 900.0 * hours * (x - 1.0 + math.sqrt((x - 1.0) ** 2 + 4.0 * x / (per_h * hours)))
    spill = max(0.0, longest + demand * d2 - street.storage_veh[lane])
    return float(street.persons[lane]) * (waited / cycle_s + demand * d2 + 2.0 * spill * demand), out
