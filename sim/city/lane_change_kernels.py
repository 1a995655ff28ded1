"""Lane changes: towards lanes that lead on, past slower vehicles, back to the right, over arrays.

The rules and constants are those of SUMO's LC2013 (Erdmann 2014, "Lane-changing model in
SUMO"), without its memory of other drivers' wishes beyond the next second.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import njit, types

from sim.city.car_following_kernels import follow_speed, secure_gap_m
from sim.city.movement_model import FLEET, MOTION, STREETS
from sim.city.traffic_kernels import put_on, take_off

_I, _F, _B = types.int64, types.float64, types.boolean
DRIVING = 2
LOOK_FORWARD_S = 10.0
LEFT_FACTOR = 2.0
GAIN_LEFT, GAIN_RIGHT = 0.2, 2.0
GAIN_SPEED_MIN_M_PER_S = 10.0
GAIN_REMAINS_S = 20.0
KEEP_RIGHT_S, KEEP_RIGHT_ACCEPTS_S = 5.0, 7.0
GAIN_LOOK_S = 5.0
SQUEEZE, SLOW_M_PER_S = 0.7, 1.0
"""Part of the gap at standstill that two who creep do without while one changes lanes."""
STUCK_MS = 15_000
"""Two who stand beside each other and want each other's lane change places after so long."""


@njit(_F(_I, _F, _I, _F, FLEET, MOTION), cache=True, nogil=True, _nrt=False, forceinline=True)
def speed_behind(v, limit, u, gap_m, fleet, motion):
    """What `v` expects to drive behind `u` (-1 nobody), looking ahead 5 s."""
    riders = fleet.riders
    cars = motion.cars
    result = limit
    if u >= 0:
        theirs = cars[u].speed
        decel = riders[v].decel
        result = min(limit, follow_speed(gap_m, theirs, decel, cars[v].speed))
        if gap_m > 0.0 and limit > theirs:
            free_m = gap_m - secure_gap_m(result, theirs, decel)
            closing_s = max(0.0, free_m / (limit - theirs))
            if closing_s < GAIN_LOOK_S:
                span_s = 2.0 * GAIN_LOOK_S
                result = min(result, (closing_s * result + (span_s - closing_s) * theirs) / span_s)
    return result


@njit(_B(_I, _I, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False, forceinline=True)
def room_behind(v, lane, streets, fleet, motion):
    """Whether nobody who is about to come onto `lane` from a node would run into `v` there."""
    feed, feed_start, n_lanes = streets.feed, streets.feed_start, streets.n_lanes
    ways = streets.ways
    riders = fleet.riders
    cars, places = motion.cars, motion.places
    room = True
    back_m = cars[v].position_m - riders[v].length_m
    if back_m < 60.0:
        for k in range(feed_start[lane], feed_start[lane + 1]):
            way = n_lanes[0] + feed[k]
            u = places[way].first
            if u >= 0:
                gap_m = back_m + ways[way].length_m - cars[u].position_m - riders[u].gap_m
                if gap_m < secure_gap_m(cars[u].speed, cars[v].speed, riders[u].decel):
                    room = False
    return room


@njit(_I(_I, _I, _I, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False, forceinline=True)
def obstacle(v, lane, leader, streets, fleet, motion):
    """Who keeps `v` from changing to `lane` behind `leader`: -1 nobody, 0 leader, 1 follower, 2 both."""
    ways = streets.ways
    riders = fleet.riders
    cars, places, status = motion.cars, motion.places, motion.status
    follower = cars[leader].behind if leader >= 0 else places[lane].first
    front = back = False
    speed = cars[v].speed
    u = leader
    if leader >= 0:
        gap_m = cars[leader].position_m - riders[leader].length_m - cars[v].position_m - riders[v].gap_m
        # Two who creep keep less than they would like when standing.
        spare_m = SQUEEZE * riders[v].gap_m if speed < SLOW_M_PER_S else 0.0
        front = gap_m + spare_m < secure_gap_m(speed, cars[leader].speed, riders[v].decel)
    else:
        u = places[lane].tail
        if u >= 0 and status[u] == DRIVING:
            back_m = cars[u].driven_m - places[lane].tail_at_m - riders[u].length_m
            gap_m = ways[lane].length_m - cars[v].position_m + back_m - riders[v].gap_m
            if back_m < 0.0:
                front = gap_m < secure_gap_m(speed, cars[u].speed, riders[v].decel)
    if follower >= 0:
        gap_m = cars[v].position_m - riders[v].length_m - cars[follower].position_m
        gap_m -= riders[follower].gap_m
        theirs = cars[follower].speed
        spare_m = SQUEEZE * riders[follower].gap_m if theirs < SLOW_M_PER_S else 0.0
        back = gap_m + spare_m < secure_gap_m(theirs, speed, riders[follower].decel)
    else:
        back = not room_behind(v, lane, streets, fleet, motion)
    return 2 if front and back else 0 if front else 1 if back else -1


@njit(types.void(_I, _I, _I, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False, forceinline=True)
def change(v, lane, leader, streets, fleet, motion):
    """Move `v` to `lane` of the same edge, behind `leader` (-1: in front of everybody)."""
    ways = streets.ways
    cars, time_ms = motion.cars, motion.time_ms
    take_off(v, fleet, motion)
    cars[v].position_m = min(cars[v].position_m, ways[lane].length_m)
    put_on(v, lane, leader, streets, fleet, motion)
    cars[v].changed_ms = time_ms[0]
    cars[v].lane_gain = 0.0
    cars[v].lane_right = 0.0


@njit(types.void(_I, _I, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False)
def swap(v, u, streets, fleet, motion):
    """Two vehicles change places and lanes, each with its own way on."""
    cars, time_ms = motion.cars, motion.time_ms
    lane_v, lane_u = cars[v].way, cars[u].way
    place_v, place_u = cars[v].position_m, cars[u].position_m
    ahead_v, ahead_u = cars[v].ahead, cars[u].ahead
    take_off(v, fleet, motion)
    take_off(u, fleet, motion)
    cars[v].position_m, cars[u].position_m = place_u, place_v
    put_on(v, lane_u, ahead_u, streets, fleet, motion)
    put_on(u, lane_v, ahead_v, streets, fleet, motion)
    cars[v].changed_ms = cars[u].changed_ms = time_ms[0]


@njit(types.void(_I, _I, _I, _I, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False)
def ask_for_room(v, lane, leader, why, streets, fleet, motion):
    """Somebody must change but cannot: the follower there makes room, or he falls behind the leader."""
    edge_lane_start, ways = streets.edge_lane_start, streets.ways
    riders, row_start, rows = fleet.riders, fleet.row_start, fleet.rows
    cars, places, stood_ms = motion.cars, motion.places, motion.stood_ms
    time_ms = motion.time_ms
    now_ms = time_ms[0]
    follower = cars[leader].behind if leader >= 0 else places[lane].first
    if why >= 1 and follower >= 0:
        gap_m = cars[v].position_m - riders[v].length_m - cars[follower].position_m
        if gap_m < (1.0 - SQUEEZE) * riders[follower].gap_m:
            follower = cars[follower].behind
        # Who has stood that long in vain goes on: with too little room for it there is never enough.
        if follower >= 0 and stood_ms[follower] < STUCK_MS:
            cars[follower].let_in = v
            cars[follower].let_in_ms = now_ms + 1000
    if why != 1 and leader >= 0 and cars[leader].speed > 1.0:
        cars[v].let_in = leader
        cars[v].let_in_ms = now_ms + 1000
    if stood_ms[v] >= STUCK_MS:
        for k in range(2):
            u = leader if k == 0 else follower
            if u >= 0 and stood_ms[u] >= STUCK_MS and abs(
                cars[u].position_m - cars[v].position_m
            ) < riders[u].length_m + riders[v].length_m:  # fmt: skip
                at = cars[u].route_at
                row = row_start[at + riders[u].shift] + lane - edge_lane_start[ways[lane].edge]
                if rows[row].offset * (cars[v].way - lane) > 0 and cars[u].next_connection < 0:
                    swap(v, u, streets, fleet, motion)
                    break


@njit(_B(_F, _I, _F), cache=True, nogil=True, _nrt=False, forceinline=True)
def too_late(left_m, changes, needed_m):
    """Whether so many changes no longer fit comfortably into what is left of the way."""
    return left_m < abs(changes) * needed_m


@njit(_I(_I, _I, _I, _I, _F, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False, forceinline=True)
def wish(v, lane, leader_left, leader_right, limit, streets, fleet, motion):
    """Which way `v` wants to change: 1 left, -1 right, 2 and -2 where he must, 0 neither.

    leader_left, leader_right: who would be in front there, -1 nobody, -2 no such lane
    """
    edge_lane_start, ways = streets.edge_lane_start, streets.ways
    riders, row_start, rows = fleet.riders, fleet.row_start, fleet.rows
    cars, places = motion.cars, motion.places
    edge = ways[lane].edge
    first = edge_lane_start[edge]
    row = row_start[cars[v].route_at + riders[v].shift] + lane - first
    position_m, speed = cars[v].position_m, cars[v].speed
    needed_m = max(speed, 1.0) * LOOK_FORWARD_S + 2.0 * (riders[v].length_m + riders[v].gap_m)
    offset = rows[row].offset
    if offset != 0:
        best = lane + offset
        left_m = max(0.0, rows[row].onward_m - position_m - places[best].load_m)
        if too_late(left_m, offset, needed_m * (LEFT_FACTOR if offset > 0 else 1.0)):
            return 2 if offset > 0 else -2
    own_leader = cars[v].ahead
    own = limit
    if own_leader >= 0:
        gap_m = cars[own_leader].position_m - riders[own_leader].length_m - position_m - riders[v].gap_m
        own = speed_behind(v, limit, own_leader, gap_m, fleet, motion)
    result = 0
    for side in (1, -1):
        leader = leader_left if side > 0 else leader_right
        if leader == -2:
            continue
        there = rows[row + side].onward_m - position_m
        their_offset = rows[row + side].offset
        left_m = max(0.0, there - places[lane + side].load_m)
        span_m = needed_m * (LEFT_FACTOR if side > 0 else 1.0)
        away = offset * side <= 0 and their_offset != 0
        if away and (too_late(left_m, abs(offset) + 2, span_m) or (offset == 0 and 2.0 * left_m < span_m)):
            continue
        other, gap_m = limit, 1e9
        if leader >= 0:
            gap_m = cars[leader].position_m - riders[leader].length_m - position_m - riders[v].gap_m
            other = speed_behind(v, limit, leader, gap_m, fleet, motion)
        gain = (other - own) / max(other, GAIN_SPEED_MIN_M_PER_S)
        if side > 0:
            if own > other:
                cars[v].lane_gain = min(cars[v].lane_gain, 0.5 * cars[v].lane_gain)
            else:
                cars[v].lane_gain += gain
            if cars[v].lane_gain > GAIN_LEFT and gain > 0.0 and there > GAIN_REMAINS_S * max(0.1, speed):
                result = 1
        else:
            if own > other:
                cars[v].lane_gain = max(cars[v].lane_gain, 0.5 * cars[v].lane_gain)
            else:
                cars[v].lane_gain -= gain
            full_m = min(there, limit * KEEP_RIGHT_ACCEPTS_S)
            full_s = full_m / limit
            if leader >= 0 and cars[leader].speed < limit:
                full_m = min(full_m, gap_m - secure_gap_m(limit, cars[leader].speed, riders[v].decel))
                full_s = min(full_s, max(0.0, full_m) / (limit - cars[leader].speed))
            cars[v].lane_right += full_s / KEEP_RIGHT_ACCEPTS_S / KEEP_RIGHT_S
            faster = cars[v].lane_gain < -GAIN_RIGHT and gain > 0.0
            if result == 0 and (cars[v].lane_right > 1.0 or faster):
                if there > GAIN_REMAINS_S * max(0.1, speed):
                    result = -1
    return result


@njit(types.void(_I, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False, forceinline=True)
def change_from(lane, streets, fleet, motion):
    """Let everybody on one lane change who wants to and can, front to back."""
    edge_lane_start, ways = streets.edge_lane_start, streets.ways
    riders = fleet.riders
    cars, halt_until_ms, places = motion.cars, motion.halt_until_ms, motion.places
    time_ms = motion.time_ms
    edge = ways[lane].edge
    has_left = lane + 1 < edge_lane_start[edge + 1]
    has_right = lane > edge_lane_start[edge]
    left = places[lane + 1].last if has_left else -1
    right = places[lane - 1].last if has_right else -1
    v = places[lane].last
    # From the back: those in front are reached by going ahead.
    while v >= 0:
        ahead = cars[v].ahead
        position_m = cars[v].position_m
        while left >= 0 and cars[left].position_m < position_m:
            left = cars[left].ahead
        while right >= 0 and cars[right].position_m < position_m:
            right = cars[right].ahead
        if cars[v].changed_ms != time_ms[0] and halt_until_ms[v] < 0:
            permit = riders[v].permit
            may_left = has_left and (ways[lane + 1].permits & permit) != 0
            may_right = has_right and (ways[lane - 1].permits & permit) != 0
            if may_left or may_right:
                limit = min(ways[lane].speed * riders[v].speed_factor, riders[v].speed_max)
                side = wish(
                    v, lane, left if may_left else -2, right if may_right else -2, limit, streets, fleet, motion
                )  # fmt: skip
                if (side > 0 and may_left) or (side < 0 and may_right):
                    target = lane + 1 if side > 0 else lane - 1
                    leader = left if side > 0 else right
                    why = obstacle(v, target, leader, streets, fleet, motion)
                    if why < 0:
                        change(v, target, leader, streets, fleet, motion)
                        if side > 0:
                            left = v
                        else:
                            right = v
                    elif side == 2 or side == -2:
                        ask_for_room(v, target, leader, why, streets, fleet, motion)
        v = ahead


@njit(types.void(STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False)
def change_lanes(streets, fleet, motion):
    """Let everybody change lanes who wants to and can. At most one change a second."""
    changing_lanes = streets.changing_lanes
    places = motion.places
    for k in range(len(changing_lanes)):
        if places[changing_lanes[k]].last >= 0:
            change_from(changing_lanes[k], streets, fleet, motion)
