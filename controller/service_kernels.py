"""What a lane can send and receive: learned service, full exits, neighbours' plans, over arrays."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import CLEARANCE, GREEN, NEVER_MS
from controller.compiling import inner_kernel, kernel
from controller.plan_lanes_kernels import yielding_rate
from controller.plan_live import LIVE
from controller.plan_model import CROSSINGS_MAX, HORIZON_S, MODEL

FREE, GIVES_WAY, WALKED = 0, 1, 2
"""What a lane's service is learned by: nobody to give way to, drivers, people who walk across."""
WALKED_FIRST = 0.6
"""Part of its service that a lane is taken to keep while people walk, until it has shown its own."""
TRUST_VEH = 8.0
"""The model counts as much as so many observed vehicles."""
LEARNED_MIN, LEARNED_MAX = 0.15, 1.6
TURNERS_LEAST = 0.05
"""Fewer turning drivers than this hold nobody up."""
EXIT_FULL = 0.3
"""Of a service lost to full exits: nothing is learned about the lane itself from then on."""
POCKET_FULL = 0.2
"""Service left to a lane while those for its neighbour stand before it on the lane both come over."""
LEARN_AFTER_MS = 2000
"""Start-up is over: from here on a queue flows as it does."""
FORGET = 0.995
"""Of what was learned, a second later."""
DETECTION_RANGE_M = 200.0
VEHICLE_SPACE_M = 7.5
"""Length of one standing vehicle and its gap (HCM 2010, ch. 31: 25 ft)."""
ROOM_ENOUGH_M, ROOM_LEAST_M = 45.0, 15.0
"""Room left behind the last standing vehicle downstream: plenty, and none worth a green."""

_I, _F, _B = types.int64, types.float64, types.boolean


@inner_kernel(_B(_I, _I, LIVE))
def is_green(first, groups, live):
    """Whether any of a lane's groups, bits inside the junction, is green."""
    g = first
    while groups:
        if groups & 1 and live.lamp[g] == GREEN:
            return True
        groups >>= 1
        g += 1
    return False


@inner_kernel(_F(_I, _I, _I, LIVE))
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


@inner_kernel(_F(_I, LIVE))
def full_exit(lane, live):
    """Part of a lane's service lost because the way on is full of standing vehicles, 0-1.

    Never feed a full link: what stands in the junction blocks everybody (rules, gridlock).
    """
    lost = 0.0
    for d in range(live.drain_start[lane], live.drain_start[lane + 1]):
        room_m = min(live.drain_length_m[d], DETECTION_RANGE_M)
        free_m = room_m - VEHICLE_SPACE_M * live.queue_veh[live.drain_lane[d]]
        lost += live.drain_share[d] * min(
            1.0, max(0.0, (ROOM_ENOUGH_M - free_m) / (ROOM_ENOUGH_M - ROOM_LEAST_M))
        )
    return min(1.0, lost)


@inner_kernel(_I(_I, MODEL, LIVE))
def searched_stage(j, model, live):
    """Where the stage shown or approached stands among those the search knows; -1 = not among them."""
    for s in range(model.n_stages[j]):
        if model.stage_of[j, s] == live.target_stage[j]:
            return s
    return -1


@inner_kernel(_B(_I, _I, _I, _I, _B, MODEL, LIVE))
def people_cross(j, k, first, groups, now, model, live):
    """Whether drivers of lane `k` give way to people: now, or (not `now`) in a stage of these groups.

    A stage's crossing is walked on if it is now, or somebody has called for it.
    """
    for p in range(CROSSINGS_MAX):
        own = model.crossing_group[j, p]
        if own < 0:
            break
        if not (groups >> own) & 1 or model.turns_across[j, p, k] < TURNERS_LEAST:
            continue
        g = first + own
        if live.lamp[g] == GREEN:
            return True
        if live.lamp[g] == CLEARANCE if now else live.call_since_ms[g] != NEVER_MS:
            return True
    return False


@inner_kernel(_B(_I, _I, _I, _I, MODEL, LIVE))
def behind_a_full_pocket(j, s, k, first_lane, model, live):
    """Whether those for a neighbour that is red in stage `s` stand on the lane that lane `k` is fed over."""
    bits = model.siblings[j, k]
    other = 0
    while bits:
        red = bits & 1 and model.rate[j, s, other] == 0.0
        if red and live.queue_veh[first_lane + other] > model.pocket_veh[j, other]:
            return True
        bits >>= 1
        other += 1
    return False


@inner_kernel(_F(_I, _I, LIVE))
def learned_part(lane, kind, live):
    """What a lane has served of what was foreseen of it, with this kind of people to give way to."""
    prior_veh = WALKED_FIRST * TRUST_VEH if kind == WALKED else TRUST_VEH
    learned = (live.served_veh[lane, kind] + prior_veh) / (live.foreseen_veh[lane, kind] + TRUST_VEH)
    return min(LEARNED_MAX, max(LEARNED_MIN, learned))


@kernel(_F(_I, _I, _I, _I, _I, MODEL, LIVE))
def service_of(j, s, k, first, first_lane, model, live):
    """veh/s that lane `k` can be expected to serve in stage `s`, as learned and as things stand."""
    rate = model.rate[j, s, k]
    if rate == 0.0:
        return 0.0
    lane = first_lane + k
    kind = GIVES_WAY if model.opposing[j, s, k] else FREE
    if people_cross(j, k, first, model.stage_groups[j, s], False, model, live):
        kind = WALKED
    rate *= learned_part(lane, kind, live) * (1.0 - live.blocked[lane])
    return POCKET_FULL * rate if behind_a_full_pocket(j, s, k, first_lane, model, live) else rate


@kernel(types.void(_I, _I, MODEL, LIVE))
def learn_service(j, now_ms, model, live):
    """Compare what crossed each stop line from a standing queue with what the model would have served.

    Drivers who give way, to others or to people who walk, and turning radii make each lane its
    own; the ratio of both sums corrects its service rate, from a prior of TRUST_VEH vehicles. Only
    the vehicles that stood when green began count: behind them nobody knows what was possible.
    Written: live.standing_veh (L), served_veh, foreseen_veh (L, 3) veh
    """
    stage = searched_stage(j, model, live)
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
        if live.blocked[lane] > EXIT_FULL:
            continue
        rate = model.rate[j, stage, k]
        kind = FREE
        if model.opposing[j, stage, k]:
            kind = GIVES_WAY
            rate = yielding_rate(
                rate, model.opposing[j, stage, k], model.yield_share[j, stage, k], 0, queue, arrival
            )
        if people_cross(j, k, first, -1, True, model, live):
            kind = WALKED
        live.served_veh[lane, kind] = FORGET * live.served_veh[lane, kind] + live.crossed_veh[lane]
        live.foreseen_veh[lane, kind] = FORGET * live.foreseen_veh[lane, kind] + rate
