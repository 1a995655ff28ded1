"""When the next vehicle reaches a crossing, as somebody at the kerb would judge it.

A vehicle that will stop anyway (red, a stop sign) or must and still can (people have priority)
does not count. Every other one is followed along its route as far as it can be seen; it is
taken to reach the crossing at the beginning of the way over the node, driving as freely as it
may: people at the kerb are careful.
"""

from math import sqrt

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import njit, types

from sim.city.oncoming_model import ONCOMING

GREEN, FLASH_AMBER, DARK = 1, 5, 6
NEVER_S = 1e9
SIGHT_M = 250.0
STANDING_M_PER_S = 0.1
REACTION_S = 1.0
"""Driver's reaction (NCHRP 731: mean brake response 1.00 s)."""

_I, _F, _B = types.int64, types.float64, types.boolean
_I1, _F1 = types.int64[::1], types.float64[::1]


@njit(_F(_F, _F, _F, _F), cache=True, nogil=True, inline="always")
def soonest_s(way_m, speed_m_per_s, accel_m_per_s2, top_m_per_s):
    """Time for a way when speeding up to the top speed, s."""
    if way_m <= 0.0:
        return 0.0
    speed = min(speed_m_per_s, top_m_per_s)
    run_up_m = (top_m_per_s * top_m_per_s - speed * speed) / (2.0 * accel_m_per_s2)
    if way_m <= run_up_m:
        return (sqrt(speed * speed + 2.0 * accel_m_per_s2 * way_m) - speed) / accel_m_per_s2
    return (top_m_per_s - speed) / accel_m_per_s2 + (way_m - run_up_m) / top_m_per_s


@njit(_I(_I, _I, ONCOMING), cache=True, nogil=True)
def way_on(lane, next_edge, streets):
    """The connection from a lane to the next edge of a route; that of a lane beside it when the
    lane itself has none; -1 = none."""
    for c in range(streets.connection_start[lane], streets.connection_start[lane + 1]):
        if streets.lane_edge[streets.connection_to[c]] == next_edge:
            return c
    edge = streets.lane_edge[lane]
    for beside in range(streets.edge_lane_start[edge], streets.edge_lane_start[edge + 1]):
        for c in range(streets.connection_start[beside], streets.connection_start[beside + 1]):
            if streets.lane_edge[streets.connection_to[c]] == next_edge:
                return c
    return -1


@njit(_B(_I, types.int8[::1], ONCOMING), cache=True, nogil=True, inline="always")
def halts_first(c, group_lamp, streets):
    """Whether a driver who can will stop before this connection whoever is there."""
    g = streets.connection_group[c]
    if g < 0:
        return streets.connection_stops[c]
    lamp = group_lamp[g]
    return lamp != GREEN and lamp != FLASH_AMBER and lamp != DARK


@njit(
    types.void(_I, _I, _I, _I, _F, _F, types.int8[::1], _F1, ONCOMING),
    cache=True,
    nogil=True,
)
def look_along(v, lane, connection, route_at, position_m, speed, group_lamp, vehicle_s, streets):
    """Follow one vehicle along its route and lower the seconds of every crossing it will reach."""
    last = streets.route_start[streets.route[v] + 1]
    at = route_at
    if connection >= 0:
        if speed >= STANDING_M_PER_S:
            for i in range(streets.crossed_start[connection], streets.crossed_start[connection + 1]):
                vehicle_s[streets.crossed[i]] = 0.0
        way_m = streets.connection_length_m[connection] - position_m
        lane = streets.connection_to[connection]
        way_m += streets.lane_length_m[lane]
        at += 1
    else:
        way_m = streets.lane_length_m[lane] - position_m
    top = min(
        max(speed, streets.lane_speed_m_per_s[lane] * streets.speed_factor[v]), streets.speed_max_m_per_s[v]
    )
    braking_m = speed * REACTION_S + speed * speed / (2.0 * streets.decel_m_per_s2[v])
    while way_m < SIGHT_M and at + 1 < last:
        c = way_on(lane, streets.route_edge[at + 1], streets)
        if c < 0:
            return
        can_stop = braking_m <= way_m or speed < STANDING_M_PER_S
        if can_stop and halts_first(c, group_lamp, streets):
            return
        at_s = soonest_s(way_m, speed, streets.accel_m_per_s2[v], top)
        for i in range(streets.crossed_start[c], streets.crossed_start[c + 1]):
            k = streets.crossed[i]
            if can_stop and streets.crossing_group[k] < 0:
                continue
            vehicle_s[k] = min(vehicle_s[k], at_s)
        lane = streets.connection_to[c]
        way_m += streets.connection_length_m[c] + streets.lane_length_m[lane]
        at += 1


@njit(
    types.void(_I, types.boolean[::1], types.int8[::1], _I, _I1, _I1, _I1, _F1, _F1, _I1, _F1, ONCOMING),
    cache=True,
    nogil=True,
)
def look_for_gaps(
    now_ms,
    crossing_asks,
    group_lamp,
    n_driving,
    driving,
    lane,
    connection,
    position_m,
    speed_m_per_s,
    route_at,
    vehicle_s,
    streets,
):
    """Seconds until the next vehicle that will not stop, at every crossing where somebody asks.

    crossing_asks: (K) bool; group_lamp: (signal groups) int8; driving, lane, connection,
    position_m, speed_m_per_s, route_at: (V) as in Traffic, n_driving of the rows in driving
    are valid. Written: vehicle_s (K) s, NEVER_S = nobody in sight, 0 where nobody asked;
    streets.lane_asked (L).
    """
    asked = False
    for k in range(crossing_asks.size):
        vehicle_s[k] = 0.0
        if crossing_asks[k]:
            asked = True
            vehicle_s[k] = NEVER_S
            for i in range(streets.near_start[k], streets.near_start[k + 1]):
                streets.lane_asked[streets.near_lane[i]] = now_ms
    if not asked:
        return
    for i in range(n_driving):
        v = driving[i]
        here = lane[v]
        if here < 0:
            c = connection[v]
            if c < 0:
                continue
            here = streets.connection_to[c]
            asked_on_way = False
            for m in range(streets.crossed_start[c], streets.crossed_start[c + 1]):
                asked_on_way = asked_on_way or crossing_asks[streets.crossed[m]]
            if not asked_on_way and streets.lane_asked[here] != now_ms:
                continue
        elif streets.lane_asked[here] != now_ms:
            continue
        look_along(
            v,
            lane[v],
            connection[v],
            route_at[v],
            position_m[v],
            speed_m_per_s[v],
            group_lamp,
            vehicle_s,
            streets,
        )
