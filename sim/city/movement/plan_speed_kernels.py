"""How fast every vehicle will drive in the next second, from where everybody is now, over arrays.

Nothing moves here: all plans are made from the same moment, so their order does not matter
but for who announces himself first at a node.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

import math

from numba import types

from controller.compiling import inner_kernel
from sim.city.movement.status import DRIVING
from sim.city.movement.car_following_kernels import (
    arrive_speed, brake_gap_m, follow_speed, look_ahead_m, luck, may_hold, stop_speed, travel_s,
)  # fmt: skip
from sim.city.movement.movement_model import (
    AT_RED, BLOCKED, CREEP_M_PER_S, EMERGENCY_DECEL_M_PER_S2, FLEET, GIVE_WAY, MAY_PASS, MOTION, MUST_STOP,
    SIGHT_M, STOP_FIRST, STOP_IF_CAN, STOP_LINE_GAP_M, STREETS, YIELD_LINE_GAP_M,
)  # fmt: skip
from sim.city.movement.node_kernels import announce, gap_to_foes_m, has_room, someone_comes

_I, _F, _B = types.int64, types.float64, types.boolean
ROLLING_M_PER_S = 0.1
EARLY_S = 12.0
"""Nobody who gives way needs so much time that one who comes later would matter."""
IMPATIENT_MS = 180_000
"""Nobody waits for one who himself waits elsewhere for so long (SUMO: time to impatience)."""
CLOSE_M = 45.0
"""After a shorter lane the next node is announced to as well (SUMO: six vehicle lengths)."""


@inner_kernel(_B(_I, STREETS, MOTION), forceinline=True)
def people_cross(c, streets, motion):
    """Whether somebody is on a crossing that connection `c` drives over."""
    crossed, links = streets.crossed, streets.links
    crossing_people = motion.crossing_people
    found = False
    for k in range(links[c].crossed_start, links[c].crossed_end):
        if crossing_people[crossed[k]] > 0:
            found = True
    return found


@inner_kernel(_F(_I, _I, _F, _F, _I, _F, STREETS, FLEET, MOTION), forceinline=True)
def node_speed(v, c, entered_m, distance_m, at, planned, streets, fleet, motion):
    """Greatest speed towards connection `c`, or towards its waiting place inside the node; see below.

    entered_m: how far the gate lies on the connection (0 = its line) · distance_m: to the gate
    at: index into route_edge of the edge it leads to · planned: m/s that what lies before allows
    Returns a great number where nothing holds him, minus the greatest speed if he must stop there.
    """
    links, n_lanes, ways = streets.links, streets.n_lanes, streets.ways
    riders = fleet.riders
    cars, pass_state, time_ms = motion.cars, motion.pass_state, motion.time_ms
    watched_ms = motion.watched_ms
    now_ms = time_ms[0]
    speed, accel, decel = cars[v].speed, riders[v].accel, riders[v].decel
    way = n_lanes[0] + c
    state = pass_state[c]
    line_m = distance_m - YIELD_LINE_GAP_M
    inside = entered_m > 0.0
    if inside:
        gives_way = state != MAY_PASS and links[c].yield_end > links[c].yield_start
    else:
        gives_way = state == STOP_FIRST or (state == GIVE_WAY and links[c].wait_m <= 0.0)
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
        if gives_way:
            # Looks already who comes, so that they say so before he gets there.
            for k in range(links[c].yield_start, links[c].yield_end):
                watched_ms[streets.yield_to[k]] = now_ms
        result = -stop_speed(line_m, decel)
    else:
        limit = min(ways[way].speed * riders[v].speed_factor, riders[v].speed_max)
        announces = links[c].is_yielded_to and planned > CREEP_M_PER_S
        arrive_s = leave_s = 0.0
        if gives_way or announces:
            arrive_s = 0.001 * now_ms + travel_s(distance_m, speed, limit, accel)
            there = min(limit, math.sqrt(speed * speed + 2.0 * accel * distance_m))
            way_m = ways[way].length_m - entered_m
            end = min(limit, math.sqrt(there * there + 2.0 * accel * way_m))
            leave_s = arrive_s + (way_m + riders[v].length_m) / max(0.5 * (there + end), 0.5)
        minds_all = state == STOP_FIRST and links[c].group >= 0 and not links[c].turn_on_red
        if (gives_way and someone_comes(c, v, now_ms, minds_all, arrive_s, leave_s, streets, motion)) or (
            links[c].keeps_clear
            and not inside
            and not has_room(c, at, v, riders[v].length_m + riders[v].gap_m, streets, fleet, motion)
        ):
            result = -stop_speed(line_m, decel)
        else:
            if links[c].keeps_clear and cars[v].ahead < 0:
                foe_m = gap_to_foes_m(c, distance_m - entered_m, speed, accel, limit, streets, fleet, motion)
                if foe_m < 0.0:
                    result = -stop_speed(line_m, decel)
                elif foe_m < 1e8:
                    result = stop_speed(foe_m - riders[v].gap_m, decel)
            if result >= 0.0:
                # Who cannot move does not keep others waiting.
                if announces:
                    announce(c, v, now_ms, arrive_s, leave_s, motion)
                result = min(result, arrive_speed(distance_m, limit, decel))
    return result


@inner_kernel(types.void(types.uint32, _I, _I, _F, _B, STREETS, FLEET, MOTION))
def announce_ahead(v, c, at, distance_m, waits_at, streets, fleet, motion):
    """Let those who watch a node know of `v` before it has to plan for that node itself.

    Vehicles always announce themselves at the next node, and at those that follow it closely, as in SUMO;
    so does who waits at a node: at those that follow.
    c: next connection · at: index into route_edge of the edge before it · distance_m: to its beginning
    waits_at: gives way at `c`, which needs no more announcing
    """
    edge_lane_start, links, ways = streets.edge_lane_start, streets.links, streets.ways
    riders, row_start, rows = fleet.riders, fleet.row_start, fleet.rows
    cars, pass_state, time_ms = motion.cars, motion.pass_state, motion.time_ms
    watched_ms = motion.watched_ms
    car, rider = cars[v], riders[v]
    now_ms, lanes = time_ms[0], streets.n_lanes[0]
    first = c
    while c >= 0 and (pass_state[c] == MAY_PASS or pass_state[c] == GIVE_WAY):
        if watched_ms[c] >= now_ms - 1000 and (c != first or not waits_at):
            limit = min(ways[links[c].from_lane].speed * rider.speed_factor, rider.speed_max)
            arrive_s = 0.001 * now_ms + travel_s(distance_m, car.speed, limit, rider.accel)
            slow = min(limit, ways[lanes + c].speed * rider.speed_factor)
            leave_s = arrive_s + (ways[lanes + c].length_m + rider.length_m) / max(slow, 0.5)
            announce(c, v, now_ms, arrive_s, leave_s, motion)
        way = links[c].to_lane
        at += 1
        if ways[way].length_m > CLOSE_M or at >= rider.last_at:
            break
        distance_m += ways[lanes + c].length_m + ways[way].length_m
        c = rows[row_start[at + rider.shift] + way - edge_lane_start[ways[way].edge]].connection


@inner_kernel(_F(_I, _F, _F, STREETS, FLEET, MOTION), forceinline=True)
def speed_beyond(v, look_m, planned, streets, fleet, motion):
    """Greatest speed that what lies beyond the end of the present way allows, within `look_m`.

    planned: m/s that what lies before that end allows
    """
    edge_lane_start, links, n_lanes = streets.edge_lane_start, streets.links, streets.n_lanes
    ways = streets.ways
    halts, riders, row_start = fleet.halts, fleet.riders, fleet.row_start
    rows = fleet.rows
    cars, halt_at, pass_state = motion.cars, motion.halt_at, motion.pass_state
    places, status, stood_ms = motion.places, motion.status, motion.stood_ms
    lanes = n_lanes[0]
    car, rider = cars[v], riders[v]
    speed, decel = car.speed, rider.decel
    way, at = types.uint32(car.way), types.uint32(car.route_at)
    distance_m = ways[way].length_m - car.position_m
    safe = 1e9
    u = places[way].tail
    if car.ahead < 0 and u >= 0 and status[u] == DRIVING:
        # The one who has just left may still have its back here, wherever it went.
        back_m = cars[u].driven_m - places[way].tail_at_m - riders[u].length_m
        if back_m < 0.0:
            gap_m = distance_m + back_m - rider.gap_m
            safe = follow_speed(gap_m, cars[u].speed, decel, speed)
    c = car.next_connection
    on_node = way >= lanes
    if on_node:
        c = way - lanes
    while True:
        entered_m, gate_m = 0.0, distance_m
        if on_node:
            entered_m = links[c].wait_m
            gate_m = entered_m - car.position_m
        elif at >= rider.last_at:
            break
        elif c < 0:
            safe = min(safe, stop_speed(distance_m - YIELD_LINE_GAP_M, decel))
            break
        if gate_m > 0.0:
            before = min(safe, planned)
            allowed = node_speed(v, c, entered_m, gate_m, at + 1, before, streets, fleet, motion)
            safe = min(safe, abs(allowed))
            if allowed <= 0.0:
                gives_way = pass_state[c] == GIVE_WAY and gate_m <= SIGHT_M and before > CREEP_M_PER_S
                if gives_way and stood_ms[v] < IMPATIENT_MS:
                    announce_ahead(v, c, at, gate_m - entered_m, True, streets, fleet, motion)
                break
        if not on_node:
            u = places[lanes + c].last
            waits = links[c].wait_m > 0.0 and pass_state[c] == GIVE_WAY
            if waits:
                safe = min(safe, stop_speed(distance_m + links[c].wait_m - YIELD_LINE_GAP_M, decel))
            if u >= 0:
                gap_m = distance_m + cars[u].position_m - riders[u].length_m - rider.gap_m
                safe = min(safe, follow_speed(gap_m, cars[u].speed, decel, speed))
            if u >= 0 or waits:
                break
            distance_m += ways[lanes + c].length_m
        on_node = False
        if distance_m > look_m:
            break
        way = links[c].to_lane
        at += 1
        limit = min(ways[way].speed * rider.speed_factor, rider.speed_max)
        safe = min(safe, arrive_speed(distance_m, limit, decel))
        h = halt_at[v]
        if h < rider.halt_end and halts[h].edge == ways[way].edge:
            safe = min(safe, stop_speed(distance_m + halts[h].position_m, decel))
        u = places[way].last
        if u >= 0:
            gap_m = distance_m + cars[u].position_m - riders[u].length_m - rider.gap_m
            safe = min(safe, follow_speed(gap_m, cars[u].speed, decel, speed))
            break
        distance_m += ways[way].length_m
        if distance_m > look_m:
            break
        if at < rider.last_at:
            row = row_start[at + rider.shift] + way - edge_lane_start[ways[way].edge]
            c = rows[row].connection
    return safe


@inner_kernel(_B(_I, _F, STREETS, FLEET, MOTION), forceinline=True)
def stands_at_red(v, look_m, streets, fleet, motion):
    """Whether `v`, first on its way and standing, can only go when the head at its end lets it."""
    car, rider = motion.cars[v], fleet.riders[v]
    c = car.next_connection
    if car.way >= streets.n_lanes[0] or c < 0 or motion.pass_state[c] != MUST_STOP:
        return False
    left_m = streets.ways[car.way].length_m - car.position_m
    near = 0.0 < left_m < look_m and stop_speed(left_m - STOP_LINE_GAP_M, rider.decel) < CREEP_M_PER_S
    return near and car.route_at < rider.last_at and motion.halt_at[v] >= rider.halt_end


@inner_kernel(_I(STREETS, FLEET, MOTION), forceinline=True)
def plan_speeds(streets, fleet, motion):
    """Choose everybody's speed for the next second. Written: cars' next_speed, waits, announcements.

    Who stands behind somebody and has no room is left alone until that one moves, leaves the lane or
    another comes between (`traffic_kernels`), who stands first at red until the head says something else
    (`read_lamps`): until then their speed would come out as 0 again. Returns how many are awake.
    """
    links, n_lanes, ways = streets.links, streets.n_lanes, streets.ways
    halts, riders = fleet.halts, fleet.riders
    cars, driving, halt_at = motion.cars, motion.driving, motion.halt_at
    halt_until_ms, n_driving, seed_of = motion.halt_until_ms, motion.n_driving, motion.seed
    status, time_ms, waits = motion.status, motion.time_ms, motion.waits
    awake, waits_since_ms = motion.awake, motion.waits_since_ms
    n_awake = 0
    now_ms, seed = time_ms[0], seed_of[0]
    second = now_ms // 1000
    for i in range(n_driving[0]):
        v = types.uint32(driving[i])
        if waits[v] != 0:
            continue
        car, rider = cars[v], riders[v]
        awake[n_awake] = v
        n_awake += 1
        if halt_until_ms[v] > now_ms:
            car.next_speed = 0.0
            continue
        way, position_m, speed = types.uint32(car.way), car.position_m, car.speed
        accel, decel = rider.accel, rider.decel
        limit = car.limit
        wanted = min(speed + accel, limit) if speed <= limit else max(limit, speed - decel)
        look_m = car.look_m if wanted == limit else look_ahead_m(wanted, decel)
        safe = wanted
        u = car.ahead
        if u >= 0:
            gap_m = cars[u].position_m - riders[u].length_m - position_m - rider.gap_m
            if gap_m < look_m and may_hold(gap_m, cars[u].speed, decel, wanted):
                safe = min(safe, follow_speed(gap_m, cars[u].speed, decel, speed))
        h = halt_at[v]
        if safe < CREEP_M_PER_S and speed == 0.0:
            car.next_speed = car.speed_before = 0.0
            if u >= 0 and way < n_lanes[0] and h >= rider.halt_end:
                waits[v], waits_since_ms[v] = BLOCKED, now_ms
                n_awake -= 1
            continue
        if speed == 0.0 and u < 0 and stands_at_red(v, look_m, streets, fleet, motion):
            car.next_speed = car.speed_before = 0.0
            waits[v], waits_since_ms[v] = AT_RED, now_ms
            n_awake -= 1
            continue
        if h < rider.halt_end and way < n_lanes[0] and halts[h].edge == ways[way].edge:
            to_halt_m = halts[h].position_m - position_m
            if to_halt_m >= -1.0 and halt_until_ms[v] < 0:
                safe = min(safe, stop_speed(to_halt_m, decel))
        if ways[way].length_m - position_m < look_m or (
            way >= n_lanes[0] and links[way - n_lanes[0]].wait_m > position_m
        ):
            safe = min(safe, speed_beyond(v, look_m, safe, streets, fleet, motion))
        elif safe > CREEP_M_PER_S and ways[way].length_m - position_m < EARLY_S * wanted:
            left_m = ways[way].length_m - position_m
            announce_ahead(v, car.next_connection, car.route_at, left_m, False, streets, fleet, motion)
        if car.let_in_ms >= now_ms:
            u = car.let_in
            if status[u] == DRIVING and ways[cars[u].way].edge == ways[way].edge:
                gap_m = cars[u].position_m - riders[u].length_m - position_m - rider.gap_m
                kind = follow_speed(max(0.0, gap_m), cars[u].speed, decel, speed)
                safe = min(safe, max(kind, speed - decel))
        fastest = max(safe, speed - EMERGENCY_DECEL_M_PER_S2, 0.0)
        slowest = max(0.0, min(speed - decel, fastest))
        chance = 0.5 if seed == 0 else luck(seed, v, second)
        dawdled = fastest - rider.dawdle * chance * min(fastest, accel)
        car.next_speed = max(slowest, dawdled) if fastest >= CREEP_M_PER_S else 0.0
    return n_awake
