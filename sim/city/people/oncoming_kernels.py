"""When the next vehicle reaches a crossing, as somebody at the kerb would judge it.

A vehicle that will stop anyway (red, a stop sign) or must and still can (people have priority)
does not count. Every other one is followed along its route as far as it can be seen; it is
taken to reach the crossing at the beginning of the way over the node, driving as freely as it
may: people at the kerb are careful.
"""

from math import sqrt

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import DARK, FLASH_AMBER, GREEN
from controller.compiling import inner_kernel, kernel
from sim.city.people.oncoming_model import ONCOMING

NEVER_S = 1e9
SIGHT_M = 250.0
STANDING_M_PER_S = 0.1
REACTION_S = 1.0
"""Driver's reaction (NCHRP 731: mean brake response 1.00 s)."""

_I, _F, _B = types.int64, types.float64, types.boolean
_I1, _F1 = types.int64[::1], types.float64[::1]


@inner_kernel(_F(_F, _F, _F, _F), inline="always")
def soonest_s(way_m, speed_m_per_s, accel_m_per_s2, top_m_per_s):
    """Time for a way when speeding up to the top speed, s."""
    if way_m <= 0.0:
        return 0.0
    speed = min(speed_m_per_s, top_m_per_s)
    run_up_m = (top_m_per_s * top_m_per_s - speed * speed) / (2.0 * accel_m_per_s2)
    if way_m <= run_up_m:
        return (sqrt(speed * speed + 2.0 * accel_m_per_s2 * way_m) - speed) / accel_m_per_s2
    return (top_m_per_s - speed) / accel_m_per_s2 + (way_m - run_up_m) / top_m_per_s


@inner_kernel(_I(_I, _I, _I1, _I1, _I1, _I1))
def way_on(lane, next_edge, lane_edge, edge_lane_start, connection_start, connection_to):
    """The connection from a lane to the next edge of a route; that of a lane beside it when the
    lane itself has none; -1 = none."""
    for c in range(connection_start[lane], connection_start[lane + 1]):
        if lane_edge[connection_to[c]] == next_edge:
            return c
    edge = lane_edge[lane]
    for c in range(connection_start[edge_lane_start[edge]], connection_start[edge_lane_start[edge + 1]]):
        if lane_edge[connection_to[c]] == next_edge:
            return c
    return -1


@inner_kernel(_B(_I, _B), inline="always")
def halts_first(lamp, stops):
    """Whether a driver who can will stop before a connection whoever is there; lamp -1 = no signal."""
    if lamp < 0:
        return stops
    return lamp != GREEN and lamp != FLASH_AMBER and lamp != DARK


@inner_kernel(types.void(_I, types.boolean[::1], _F1, ONCOMING))
def mark_lanes(now_ms, crossing_asks, vehicle_s, streets):
    """Mark the lanes from which crossings are reached where somebody asks."""
    lane_asked, near_start, near_lane = streets.lane_asked, streets.near_start, streets.near_lane
    for k in range(crossing_asks.size):
        vehicle_s[k] = 0.0
        if crossing_asks[k]:
            vehicle_s[k] = NEVER_S
            for i in range(near_start[k], near_start[k + 1]):
                lane_asked[near_lane[i]] = now_ms


@inner_kernel(types.void(_I, types.int8[::1], _I, _I1, _I1, _I1, _F1, _F1, _I1, _F1, ONCOMING))
def follow_vehicles(
    now_ms, group_lamp, n_driving, driving, lane_of, connection_of, position_m, speed_m_per_s, route_at,
    vehicle_s, streets,
):  # fmt: skip
    """Follow everybody on a marked lane along the route; lower the seconds of crossings reached.

    Arrays as in `look_for_gaps`. One loop, not a function of one vehicle: numba counts references at
    every call that is given arrays.
    """
    lane_edge, lane_length_m, lane_asked = streets.lane_edge, streets.lane_length_m, streets.lane_asked
    edge_lane_start, connection_start = streets.edge_lane_start, streets.connection_start
    connection_to, connection_length_m = streets.connection_to, streets.connection_length_m
    connection_group, connection_stops = streets.connection_group, streets.connection_stops
    crossed_start, crossed, crossing_group = streets.crossed_start, streets.crossed, streets.crossing_group
    route_start, route_edge = streets.route_start, streets.route_edge
    for i in range(n_driving):
        v = driving[i]
        lane, c, speed = lane_of[v], connection_of[v], speed_m_per_s[v]
        at = route_at[v]
        way_m = -position_m[v]
        if lane < 0:
            if c < 0:
                continue
            lane = connection_to[c]
            way_m += connection_length_m[c]
            at += 1
            if speed >= STANDING_M_PER_S:
                for m in range(crossed_start[c], crossed_start[c + 1]):
                    vehicle_s[crossed[m]] = 0.0
        if lane_asked[lane] != now_ms:
            continue
        way_m += lane_length_m[lane]
        last = route_start[streets.route[v] + 1]
        wanted = streets.lane_speed_m_per_s[lane] * streets.speed_factor[v]
        top = min(max(speed, wanted), streets.speed_max_m_per_s[v])
        accel = streets.accel_m_per_s2[v]
        braking_m = speed * REACTION_S + speed * speed / (2.0 * streets.decel_m_per_s2[v])
        while way_m < SIGHT_M and at + 1 < last:
            c = way_on(lane, route_edge[at + 1], lane_edge, edge_lane_start, connection_start, connection_to)
            if c < 0:
                break
            can_stop = braking_m <= way_m or speed < STANDING_M_PER_S
            g = connection_group[c]
            if can_stop and halts_first(group_lamp[g] if g >= 0 else -1, connection_stops[c]):
                break
            for m in range(crossed_start[c], crossed_start[c + 1]):
                k = crossed[m]
                if not can_stop or crossing_group[k] >= 0:
                    vehicle_s[k] = min(vehicle_s[k], soonest_s(way_m, speed, accel, top))
            lane = connection_to[c]
            way_m += connection_length_m[c] + lane_length_m[lane]
            at += 1


@kernel(types.void(_I, types.boolean[::1], types.int8[::1], _I, _I1, _I1, _I1, _F1, _F1, _I1, _F1, ONCOMING))
def look_for_gaps(
    now_ms, crossing_asks, group_lamp, n_driving, driving, lane, connection, position_m, speed_m_per_s,
    route_at, vehicle_s, streets,
):  # fmt: skip
    """Seconds until the next vehicle that will not stop, at every crossing where somebody asks.

    crossing_asks: (K) bool; group_lamp: (signal groups) int8; driving, lane, connection,
    position_m, speed_m_per_s, route_at: (V) as in Traffic, n_driving of the rows in driving
    are valid. Written: vehicle_s (K) s, NEVER_S = nobody in sight, 0 where nobody asked;
    streets.lane_asked (L).
    """
    mark_lanes(now_ms, crossing_asks, vehicle_s, streets)
    if crossing_asks.any():
        follow_vehicles(
            now_ms, group_lamp, n_driving, driving, lane, connection, position_m, speed_m_per_s,
            route_at, vehicle_s, streets,
        )  # fmt: skip
