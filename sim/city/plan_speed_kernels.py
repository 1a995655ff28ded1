"""How fast every vehicle will drive in the next second, from where everybody is now, over arrays.

Nothing moves here: all plans are made from the same moment, so their order does not matter
but for who announces himself first at a node.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

import math

from numba import njit, types

from sim.city.car_following_kernels import (
    arrive_speed, brake_gap_m, follow_speed, luck, stop_speed, travel_s,
)  # fmt: skip
from sim.city.movement_model import (
    EMERGENCY_DECEL_M_PER_S2, GIVE_WAY, MAY_PASS, MOTION, MUST_STOP, FLEET, SIGHT_M, STOP_FIRST, STOP_IF_CAN,
    STOP_LINE_GAP_M, TAU_S, STREETS, YIELD_LINE_GAP_M,
)  # fmt: skip
from sim.city.node_kernels import announce, gap_to_foes_m, has_room, someone_comes

_I, _F, _B = types.int64, types.float64, types.boolean
DRIVING = 2
ROLLING_M_PER_S = 0.1


@njit(_B(_I, STREETS, MOTION), cache=True, nogil=True, _nrt=False)
def people_cross(c, streets, motion):
    """Whether somebody is on a crossing that connection `c` drives over."""
    found = False
    for k in range(streets.links[c].crossed_start, streets.links[c].crossed_end):
        if motion.crossing_people[streets.crossed[k]] > 0:
            found = True
    return found


@njit(_F(_I, _I, _F, _F, _I, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False)
def node_speed(v, c, entered_m, distance_m, at, streets, fleet, motion):
    """Greatest speed towards connection `c`, or towards its waiting place inside the node; see below.

    entered_m: how far the gate lies on the connection (0 = its line) · distance_m: to the gate
    at: index into route_edge of the edge it leads to
    Returns a great number where nothing holds him, minus the greatest speed if he must stop there.
    """
    now_ms = motion.time_ms[0]
    speed, accel, decel = motion.cars[v].speed, fleet.riders[v].accel, fleet.riders[v].decel
    way = streets.n_lanes[0] + c
    state = motion.pass_state[c]
    line_m = distance_m - YIELD_LINE_GAP_M
    inside = entered_m > 0.0
    if inside:
        gives_way = state != MAY_PASS and streets.links[c].yield_end > streets.links[c].yield_start
    else:
        gives_way = state == STOP_FIRST or (state == GIVE_WAY and streets.links[c].wait_m <= 0.0)
    result = 1e9
    if not inside and (
        state == MUST_STOP or (state == STOP_IF_CAN and distance_m > brake_gap_m(speed, decel))
    ):
        result = -stop_speed(distance_m - STOP_LINE_GAP_M, decel)
    elif (
        (gives_way and distance_m > SIGHT_M)
        or people_cross(c, streets, motion)
        or (not inside and state == STOP_FIRST and speed > ROLLING_M_PER_S)
    ):
        result = -stop_speed(line_m, decel)
    else:
        limit = min(streets.ways[way].speed * fleet.riders[v].speed_factor, fleet.riders[v].speed_max)
        arrive_s = 0.001 * now_ms + travel_s(distance_m, speed, limit, accel)
        there = min(limit, math.sqrt(speed * speed + 2.0 * accel * distance_m))
        way_m = streets.ways[way].length_m - entered_m
        end = min(limit, math.sqrt(there * there + 2.0 * accel * way_m))
        leave_s = arrive_s + (way_m + fleet.riders[v].length_m) / max(0.5 * (there + end), 0.5)
        minds_all = state == STOP_FIRST and streets.links[c].group >= 0 and not streets.links[c].turn_on_red
        if (gives_way and someone_comes(c, v, now_ms, minds_all, arrive_s, leave_s, streets, motion)) or (
            streets.links[c].keeps_clear
            and not inside
            and not has_room(
                c, at, v, fleet.riders[v].length_m + fleet.riders[v].gap_m, streets, fleet, motion
            )
        ):
            result = -stop_speed(line_m, decel)
        else:
            if streets.links[c].keeps_clear and motion.cars[v].ahead < 0:
                foe_m = gap_to_foes_m(c, distance_m - entered_m, speed, accel, limit, streets, fleet, motion)
                if foe_m < 0.0:
                    result = -stop_speed(line_m, decel)
                elif foe_m < 1e8:
                    result = stop_speed(foe_m - fleet.riders[v].gap_m, decel)
            if result >= 0.0:
                if streets.links[c].is_yielded_to:
                    announce(c, v, now_ms, arrive_s, leave_s, motion)
                result = min(result, arrive_speed(distance_m, limit, decel))
    return result


@njit(_F(_I, _F, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False)
def speed_beyond(v, look_m, streets, fleet, motion):
    """Greatest speed that what lies beyond the end of the present way allows, within `look_m`."""
    lanes = streets.n_lanes[0]
    speed, decel = motion.cars[v].speed, fleet.riders[v].decel
    way, at = motion.cars[v].way, motion.cars[v].route_at
    distance_m = streets.ways[way].length_m - motion.cars[v].position_m
    safe = 1e9
    u = motion.places[way].tail
    if motion.cars[v].ahead < 0 and u >= 0 and motion.status[u] == DRIVING:
        # The one who has just left may still have its back here, wherever it went.
        back_m = motion.cars[u].driven_m - motion.places[way].tail_at_m - fleet.riders[u].length_m
        if back_m < 0.0:
            gap_m = distance_m + back_m - fleet.riders[v].gap_m
            safe = follow_speed(gap_m, motion.cars[u].speed, decel, speed)
    c = motion.cars[v].next_connection
    on_node = way >= lanes
    if on_node:
        c = way - lanes
    while True:
        if not on_node:
            if at >= fleet.riders[v].last_at:
                break
            if c < 0:
                safe = min(safe, stop_speed(distance_m - YIELD_LINE_GAP_M, decel))
                break
            entering = node_speed(v, c, 0.0, distance_m, at + 1, streets, fleet, motion)
            safe = min(safe, abs(entering))
            if entering <= 0.0:
                break
            u = motion.places[lanes + c].last
            if u >= 0:
                gap_m = (
                    distance_m + motion.cars[u].position_m - fleet.riders[u].length_m - fleet.riders[v].gap_m
                )
                safe = min(safe, follow_speed(gap_m, motion.cars[u].speed, decel, speed))
                break
            if streets.links[c].wait_m > 0.0 and motion.pass_state[c] == GIVE_WAY:
                safe = min(safe, stop_speed(distance_m + streets.links[c].wait_m - YIELD_LINE_GAP_M, decel))
                break
            distance_m += streets.ways[lanes + c].length_m
        elif streets.links[c].wait_m > motion.cars[v].position_m:
            wait_m = streets.links[c].wait_m - motion.cars[v].position_m
            inside = node_speed(v, c, streets.links[c].wait_m, wait_m, at + 1, streets, fleet, motion)
            safe = min(safe, abs(inside))
            if inside <= 0.0:
                break
        on_node = False
        if distance_m > look_m:
            break
        way = streets.links[c].to_lane
        at += 1
        limit = min(streets.ways[way].speed * fleet.riders[v].speed_factor, fleet.riders[v].speed_max)
        safe = min(safe, arrive_speed(distance_m, limit, decel))
        h = motion.halt_at[v]
        if h < fleet.riders[v].halt_end and fleet.halts[h].edge == streets.ways[way].edge:
            safe = min(safe, stop_speed(distance_m + fleet.halts[h].position_m, decel))
        u = motion.places[way].last
        if u >= 0:
            gap_m = distance_m + motion.cars[u].position_m - fleet.riders[u].length_m - fleet.riders[v].gap_m
            safe = min(safe, follow_speed(gap_m, motion.cars[u].speed, decel, speed))
            break
        distance_m += streets.ways[way].length_m
        if distance_m > look_m:
            break
        if at < fleet.riders[v].last_at:
            row = (
                fleet.row_start[at + fleet.riders[v].shift]
                + way
                - streets.edge_lane_start[streets.ways[way].edge]
            )
            c = fleet.rows[row].connection
    return safe


@njit(types.void(STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False)
def plan_speeds(streets, fleet, motion):
    """Choose everybody's speed for the next second. Written: motion.next_speed_m_per_s (V), announcements."""
    now_ms, seed = motion.time_ms[0], motion.seed[0]
    second = now_ms // 1000
    for i in range(motion.n_driving[0]):
        v = motion.driving[i]
        if motion.halt_until_ms[v] > now_ms:
            motion.cars[v].next_speed = 0.0
            continue
        way, position_m, speed = motion.cars[v].way, motion.cars[v].position_m, motion.cars[v].speed
        accel, decel = fleet.riders[v].accel, fleet.riders[v].decel
        limit = min(streets.ways[way].speed * fleet.riders[v].speed_factor, fleet.riders[v].speed_max)
        wanted = min(speed + accel, limit) if speed <= limit else max(limit, speed - decel)
        # Beyond this way nothing can hold him in the next second.
        look_m = wanted * (1.0 + TAU_S) + brake_gap_m(wanted, decel)
        safe = wanted
        u = motion.cars[v].ahead
        if u >= 0:
            gap_m = motion.cars[u].position_m - fleet.riders[u].length_m - position_m - fleet.riders[v].gap_m
            if gap_m < look_m:
                safe = min(safe, follow_speed(gap_m, motion.cars[u].speed, decel, speed))
        h = motion.halt_at[v]
        if (
            h < fleet.riders[v].halt_end
            and way < streets.n_lanes[0]
            and fleet.halts[h].edge == streets.ways[way].edge
        ):
            if motion.halt_until_ms[v] < 0 and fleet.halts[h].position_m >= position_m - 1.0:
                safe = min(safe, stop_speed(fleet.halts[h].position_m - position_m, decel))
        if streets.ways[way].length_m - position_m < look_m or (
            way >= streets.n_lanes[0] and streets.links[way - streets.n_lanes[0]].wait_m > position_m
        ):
            safe = min(safe, speed_beyond(v, look_m, streets, fleet, motion))
        if motion.cars[v].let_in_ms >= now_ms - 1000:
            u = motion.cars[v].let_in
            if (
                motion.status[u] == DRIVING
                and streets.ways[motion.cars[u].way].edge == streets.ways[way].edge
            ):
                gap_m = (
                    motion.cars[u].position_m - fleet.riders[u].length_m - position_m - fleet.riders[v].gap_m
                )
                kind = follow_speed(max(0.0, gap_m), motion.cars[u].speed, decel, speed)
                safe = min(safe, max(kind, speed - 0.5 * decel))
        fastest = max(safe, speed - EMERGENCY_DECEL_M_PER_S2, 0.0)
        slowest = max(0.0, min(speed - decel, fastest))
        chance = 0.5 if seed == 0 else luck(seed, v, second)
        dawdled = fastest - fleet.riders[v].dawdle * chance * min(fastest, accel)
        motion.cars[v].next_speed = max(slowest, dawdled)
