"""What a fixed plan does to one lane: platoons that arrive, a queue that grows and leaves, delay.

Cyclic flow profiles as TRANSYT has them (Robertson, "TRANSYT: a traffic network study tool", Road
Research Laboratory LR 253, 1969): every second of the common cycle is one value. To the delay of the
profile comes that of chance and of too much demand (Highway Capacity Manual 2000, equation 16-12).
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from math import exp, sqrt

from numba import types

from controller.compiling import inner_kernel, kernel
from sim.plan_design.design_model import PLANS, SCRATCH, STREET

START_LOST_S = 2
END_GAIN_S = 2
"""HCM 2000: two seconds lost at the beginning of green, two of yellow used."""
DISPERSION_ALPHA = 0.35
DISPERSION_BETA = 0.8
"""Robertson 1969: F = 1 / (1 + alpha beta T), the platoon's head arrives after beta T."""
CRITICAL_GAP_S = 4.5
FOLLOW_UP_S = 2.5
"""HCM 2000: a left turn through oncoming traffic."""
SNEAKERS_VEH = 1.0
"""Who waits inside the node leaves when the light changes."""
HCM_K = 0.5
LEAST_RATE = 0.02
"""A movement that may not go holds up the others of its lane, but its turn comes rarely."""
FULL = 0.98
STORAGE_COST = 2.0
"""Person-seconds a second for each vehicle beyond the storage: it stands in somebody's way."""
CROSSING_TAKES_S = 4.0

_I, _F, _B = types.int64, types.float64, types.boolean


@inner_kernel(_I(_I, _I, _I, _I, STREET, PLANS))
def late_s(j, b, k, cycle_s, street, plans):
    """How long after the beginning of step k group b (of junction j) may start; s."""
    n, first = plans.n_steps[j], street.group_start[j]
    late = 0
    for w in range(street.wait_start[first + b], street.wait_start[first + b + 1]):
        a, between = street.wait_group[w] - first, street.wait_s[w]
        ago = 0
        for back in range(n):
            at = (k - back) % n
            if back:
                ago += plans.step_s[j, at]
            if ago >= between:
                break
            if (plans.bits[j, (at - 1) % n] >> a) & 1 and not (plans.bits[j, at] >> a) & 1:
                late = max(late, between - ago)
                break
    return late


@inner_kernel(types.void(_I, _I, _I, _I, _I, _I, types.int8[:, ::1]))
def light(g, from_s, to_s, own_s, laps, offset_s, lit):
    """Group g is green from one second of its junction's cycle to another, in each lap."""
    whole = own_s * laps
    for lap in range(laps):
        for t in range(from_s, to_s):
            lit[g, (offset_s + lap * own_s + t) % whole] = 1


@inner_kernel(_B(_I, _I, STREET, PLANS, SCRATCH))
def paint(j, cycle_s, street, plans, scratch):
    """Effective greens of a junction's groups over the cycle; whether its plan breaks no rule.

    Written: scratch.lit (G, cycle)
    """
    first, end, n = street.group_start[j], street.group_start[j + 1], plans.n_steps[j]
    laps = plans.laps[j]
    own_s = cycle_s // laps
    lawful = own_s * laps == cycle_s
    begin = 0
    for k in range(n):
        begin += plans.step_s[j, k]
        lawful = lawful and plans.step_s[j, k] >= 1
    lawful = lawful and begin == own_s
    for g in range(first, end):
        scratch.lit[g, :cycle_s] = 0
    if not lawful:
        return False
    for g in range(first, end):
        b = g - first
        always, never = True, True
        for k in range(n):
            always = always and (plans.bits[j, k] >> b) & 1
            never = never and not (plans.bits[j, k] >> b) & 1
        if never and not street.turn_on_red[g]:
            return False
        if always:
            scratch.lit[g, :cycle_s] = 1
            lawful = lawful and (street.clearance_s[g] == 0 or own_s <= street.promise_s[g])
            continue
        begin, last_end, first_start = 0, -1, -1
        for k in range(n):
            starts = (plans.bits[j, k] >> b) & 1 and not (plans.bits[j, (k - 1) % n] >> b) & 1
            if starts:
                late = late_s(j, b, k, cycle_s, street, plans)
                span, m = 0, k
                while (plans.bits[j, m % n] >> b) & 1:
                    span += plans.step_s[j, m % n]
                    m += 1
                clear = street.clearance_s[g]
                lawful = lawful and span - late - clear >= street.min_green_s[g]
                # A change of stage runs to its end before the next begins.
                lawful = lawful and plans.step_s[j, k] > late
                start, stop = begin + late, begin + span - clear
                if last_end >= 0:
                    lawful = lawful and start - last_end <= street.promise_s[g]
                else:
                    first_start = start
                last_end = stop
                if clear:
                    light(g, start, stop, own_s, laps, plans.offset_s[j], scratch.lit)
                else:
                    light(
                        g, start + START_LOST_S, max(start + START_LOST_S, stop + END_GAIN_S), own_s, laps,
                        plans.offset_s[j], scratch.lit,
                    )  # fmt: skip
            begin += plans.step_s[j, k]
        if last_end >= 0:
            lawful = lawful and first_start + own_s - last_end <= street.promise_s[g]
    return lawful


@kernel(types.void(_I, _I, STREET, SCRATCH))
def arrivals(lane, cycle_s, street, scratch):
    """Profile of arrivals at a stop line from what its feeding lanes let through.

    Written: scratch.arrive (cycle) veh/s
    """
    scratch.arrive[:cycle_s] = street.outside_veh_per_s[lane]
    for f in range(street.feed_start[lane], street.feed_start[lane + 1]):
        source, share, travel = street.feed_lane[f], street.feed_share[f], street.feed_s[f]
        smooth = 1.0 / (1.0 + DISPERSION_ALPHA * DISPERSION_BETA * travel)
        shift = int(DISPERSION_BETA * travel + 0.5)
        flow = 0.0
        for t in range(cycle_s):
            flow += scratch.out[source, t]
        flow /= cycle_s
        # Twice round: after one cycle the beginning is forgotten.
        for t in range(2 * cycle_s):
            flow += smooth * (scratch.out[source, t % cycle_s] - flow)
            if t >= cycle_s:
                scratch.arrive[(t + shift) % cycle_s] += share * flow


@inner_kernel(_F(_I, _I, _I, STREET, SCRATCH))
def gap_rate(m, t, cycle_s, street, scratch):
    """Part of its saturation flow a movement keeps beside those it gives way to in second t."""
    opposed, walkers = 0.0, 0.0
    for f in range(street.foe_start[m], street.foe_start[m + 1]):
        g = street.foe_group[f]
        if not scratch.lit[g, t]:
            continue
        if street.foe_lane[f] >= 0:
            opposed += street.foe_share[f] * scratch.out[street.foe_lane[f], t]
        else:
            walkers += street.walkers_per_s[g]
    rate = 1.0
    if opposed > 1e-6:
        rate = FOLLOW_UP_S * opposed * exp(-opposed * CRITICAL_GAP_S) / (1.0 - exp(-opposed * FOLLOW_UP_S))
    if walkers > 0.0:
        rate *= exp(-walkers * CROSSING_TAKES_S)
    return rate


@inner_kernel(_F(_I, _I, STREET, SCRATCH))
def service(lane, cycle_s, street, scratch):
    """What a lane could let through in each second; veh a cycle. Its movements wait for each other.

    Written: scratch.served (cycle) veh/s
    """
    total = 0.0
    saturation = street.saturation_veh_per_s[lane]
    for t in range(cycle_s):
        each, any_green, sneak = 0.0, False, 0.0
        for m in range(street.move_start[lane], street.move_start[lane + 1]):
            share = street.move_share[m]
            if share <= 0.0:
                continue
            g = street.move_group[m]
            rate = 0.0
            if scratch.lit[g, t]:
                any_green = True
                rate = gap_rate(m, t, cycle_s, street, scratch)
                if street.foe_start[m + 1] > street.foe_start[m] and not scratch.lit[g, (t + 2) % cycle_s]:
                    sneak = max(sneak, SNEAKERS_VEH / 2.0)
            each += share / max(rate, LEAST_RATE)
        scratch.served[t] = 0.0
        if any_green and each > 0.0:
            scratch.served[t] = min(saturation, max(saturation / each, sneak))
        total += scratch.served[t]
    return total


@kernel(_F(_I, _I, STREET, SCRATCH, types.float64[:]))
def run_lane(lane, cycle_s, street, scratch, out):
    """Delay of a lane's people, person-seconds a second.

    Written: out (cycle) veh/s over its stop line
    """
    demand = street.veh_per_s[lane]
    if demand <= 0.0:
        out[:cycle_s] = 0.0
        return 0.0
    arrivals(lane, cycle_s, street, scratch)
    capacity = service(lane, cycle_s, street, scratch)
    arriving = 0.0
    for t in range(cycle_s):
        arriving += scratch.arrive[t]
    ratio = arriving / max(capacity, 1e-3)
    scale = min(1.0, FULL / max(ratio, 1e-9))
    queue, waited, longest = 0.0, 0.0, 0.0
    for t in range(3 * cycle_s):
        at = t % cycle_s
        queue += scale * scratch.arrive[at]
        leaves = min(queue, scratch.served[at])
        queue -= leaves
        if t >= 2 * cycle_s:
            out[at] = leaves
            waited += queue
            longest = max(longest, queue)
    x = demand * cycle_s / max(capacity, 1e-3)
    per_h = 3600.0 * max(capacity, 1e-3) / cycle_s
    over = x - 1.0
    hours = street.period_h[0]
    chance_s = 900.0 * hours * (over + sqrt(over * over + 8.0 * HCM_K * x / (per_h * hours)))
    spill = max(0.0, longest + demand * chance_s - street.storage_veh[lane])
    delay = waited / cycle_s + demand * chance_s
    return street.persons[lane] * (delay + STORAGE_COST * spill * demand)


@inner_kernel(_F(_I, _I, STREET, SCRATCH))
def walk_cost(j, cycle_s, street, scratch):
    """Delay of people on foot at a junction's crossings, who come evenly; person-seconds a second."""
    total = 0.0
    for g in range(street.group_start[j], street.group_start[j + 1]):
        if street.walkers_per_s[g] <= 0.0:
            continue
        waiting = 0.0
        for t in range(2 * cycle_s):
            waiting = 0.0 if scratch.lit[g, t % cycle_s] else waiting + street.walkers_per_s[g]
            if t >= cycle_s:
                total += waiting / cycle_s
    return total


@inner_kernel(_F(_I, _I, STREET, SCRATCH))
def run_junction(j, cycle_s, street, scratch):
    """Delay of everybody at a junction whose greens are painted; person-seconds a second.

    Written: scratch.out (L, cycle) of its lanes. Those who give way come after those they give way to.
    """
    total = walk_cost(j, cycle_s, street, scratch)
    for gives_way in range(2):
        for lane in range(street.lane_start[j], street.lane_start[j + 1]):
            if street.yields[lane] == (gives_way == 1):
                cost = run_lane(lane, cycle_s, street, scratch, scratch.out[lane])
                scratch.cost[lane] = cost
                total += cost
    return total
