"""Lane changes: towards lanes that lead on, past slower vehicles, back to the right, over arrays.

The rules and constants are those of SUMO's LC2013 (Erdmann 2014, "Lane-changing model in
SUMO"), without its memory of other drivers' wishes beyond the next second.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.compiling import inner_kernel
from sim.city.movement.status import DRIVING
from sim.city.movement.car_following_kernels import brake_gap_m, follow_speed, secure_gap_m, stop_speed
from sim.city.movement.movement_model import BLOCKED, FLEET, LEDGER, MOTION, STREETS, TAU_S
from sim.city.movement.traffic_kernels import put_on, stood_ms_of, take_off

_I, _F, _B = types.int64, types.float64, types.boolean
LOOK_FORWARD_S = 10.0
LEFT_FACTOR = 2.0
GAIN_LEFT, GAIN_RIGHT = 0.2, 2.0
GAIN_SPEED_MIN_M_PER_S = 10.0
GAIN_REMAINS_S = 20.0
KEEP_RIGHT_S, KEEP_RIGHT_ACCEPTS_S = 5.0, 7.0
RIGHT_SLOWER_M_PER_S = 5.0 / 3.6
LOOK_MEMORY = 0.9
SQUEEZE, SLOW_M_PER_S = 0.7, 1.0
"""Part of the gap at standstill that two who creep do without while one changes lanes."""
CLEARLY_M = 0.01
"""Who has so much more than the way to brake from his limit is not held, whatever rounding does."""
STUCK_MS = 15_000
"""Two who stand beside each other and want each other's lane change places after so long."""


@inner_kernel(_F(_I, _F, _I, _F, _F, _B, FLEET, MOTION), forceinline=True)
def speed_behind(v, limit, u, gap_m, free_m, gathers, fleet, motion):
    """What `v` expects to drive behind `u` (-1 nobody) on a lane of `free_m`, where both are now.

    gathers: a leader here or there is gaining speed, so that only the next second can be compared
    """
    cars, riders = motion.cars, fleet.riders
    decel = riders[v].decel
    if gathers:
        limit = min(limit, cars[v].speed + riders[v].accel)
    if u < 0:
        if free_m >= 400.0 or 2.0 * decel * (free_m - CLEARLY_M - limit * TAU_S) > limit * limit:
            return limit
        return min(limit, stop_speed(free_m, decel))
    if 2.0 * decel * (gap_m - limit * TAU_S) > limit * limit:
        return limit  # too far away to matter
    return min(limit, follow_speed(gap_m, cars[u].speed, decel, cars[v].speed))


@inner_kernel(_B(_I, _I, STREETS, FLEET, MOTION), forceinline=True)
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


@inner_kernel(_I(_I, _I, _I, STREETS, FLEET, MOTION), forceinline=True)
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


@inner_kernel(types.void(_I, _I, _I, STREETS, FLEET, MOTION, LEDGER), forceinline=True)
def change(v, lane, leader, streets, fleet, motion, ledger):
    """Move `v` to `lane` of the same edge, behind `leader` (-1: in front of everybody)."""
    ways = streets.ways
    cars, time_ms = motion.cars, motion.time_ms
    take_off(v, streets, fleet, motion, ledger)
    cars[v].position_m = min(cars[v].position_m, ways[lane].length_m)
    put_on(v, lane, leader, streets, fleet, motion, ledger)
    cars[v].changed_ms = time_ms[0]
    cars[v].lane_gain = 0.0
    cars[v].lane_right = 0.0
    cars[v].look_speed = 0.0


@inner_kernel(types.void(_I, _I, STREETS, FLEET, MOTION, LEDGER))
def swap(v, u, streets, fleet, motion, ledger):
    """Two vehicles change places and lanes, each with its own way on."""
    cars, time_ms = motion.cars, motion.time_ms
    lane_v, lane_u = cars[v].way, cars[u].way
    place_v, place_u = cars[v].position_m, cars[u].position_m
    ahead_v, ahead_u = cars[v].ahead, cars[u].ahead
    take_off(v, streets, fleet, motion, ledger)
    take_off(u, streets, fleet, motion, ledger)
    cars[v].position_m, cars[u].position_m = place_u, place_v
    put_on(v, lane_u, ahead_u, streets, fleet, motion, ledger)
    put_on(u, lane_v, ahead_v, streets, fleet, motion, ledger)
    cars[v].changed_ms = cars[u].changed_ms = time_ms[0]


@inner_kernel(types.void(_I, _I, _I, _I, STREETS, FLEET, MOTION, LEDGER))
def ask_for_room(v, lane, leader, why, streets, fleet, motion, ledger):
    """Somebody must change but cannot: the follower there makes room, or he falls behind the leader."""
    edge_lane_start, ways = streets.edge_lane_start, streets.ways
    riders, row_start, rows = fleet.riders, fleet.row_start, fleet.rows
    cars, places = motion.cars, motion.places
    time_ms = motion.time_ms
    now_ms = time_ms[0]
    follower = cars[leader].behind if leader >= 0 else places[lane].first
    if why >= 1 and follower >= 0:
        gap_m = cars[v].position_m - riders[v].length_m - cars[follower].position_m
        if gap_m < (1.0 - SQUEEZE) * riders[follower].gap_m:
            follower = cars[follower].behind
        # Who has stood that long in vain goes on: with too little room for it there is never enough.
        if follower >= 0 and stood_ms_of(follower, motion) < STUCK_MS:
            cars[follower].let_in = v
            cars[follower].let_in_ms = now_ms + 1000
    if why != 1 and leader >= 0 and cars[leader].speed > 1.0:
        cars[v].let_in = leader
        cars[v].let_in_ms = now_ms + 1000
    if stood_ms_of(v, motion) >= STUCK_MS:
        for k in range(2):
            u = leader if k == 0 else follower
            if u >= 0 and stood_ms_of(u, motion) >= STUCK_MS and abs(
                cars[u].position_m - cars[v].position_m
            ) < riders[u].length_m + riders[v].length_m:  # fmt: skip
                at = cars[u].route_at
                row = row_start[at + riders[u].shift] + lane - edge_lane_start[ways[lane].edge]
                if rows[row].offset * (cars[v].way - lane) > 0 and cars[u].next_connection < 0:
                    swap(v, u, streets, fleet, motion, ledger)
                    break


@inner_kernel(_B(_F, _I, _F), forceinline=True)
def too_late(left_m, changes, needed_m):
    """Whether so many changes no longer fit comfortably into what is left of the way."""
    return left_m < abs(changes) * needed_m


@inner_kernel(_I(_I, _I, _I, _I, _F, STREETS, FLEET, MOTION), forceinline=True)
def wish(v, lane, side, leader, limit, streets, fleet, motion):
    """Whether `v` wants to change to the lane at this side: 0 no, 1 yes, 2 it must.

    side: 1 left, -1 right · leader: who would be in front there, -1 nobody · limit: m/s
    """
    riders, rows = fleet.riders, fleet.rows
    cars, places = motion.cars, motion.places
    car, rider = cars[v], riders[v]
    row = car.row
    offset, beside = rows[row].offset, rows[row + side].offset
    there_m = rows[row + side].onward_m
    needed_m = car.look_speed * LOOK_FORWARD_S * (LEFT_FACTOR if side > 0 else 1.0)
    needed_m += 2.0 * (rider.length_m + rider.gap_m)
    if offset * side > 0:
        left_m = max(0.0, rows[row].onward_m - car.position_m - places[lane + offset].load_m)
        if too_late(left_m, offset, needed_m):
            return 2
    elif offset != 0 or beside != 0:
        left_m = there_m - car.position_m
        if too_late(left_m, abs(offset) + 2, needed_m):
            return 0
        jam_m = max(places[lane].load_m, places[lane + side].load_m)
        if too_late(left_m - jam_m, abs(offset) + 2, needed_m):
            return 0
    own = car.ahead
    gathers = False
    own_gap_m = gap_m = 1e9
    if own >= 0:
        gathers = cars[own].speed > cars[own].speed_before
        own_gap_m = cars[own].position_m - riders[own].length_m - car.position_m - rider.gap_m
    if leader >= 0:
        gathers = gathers or cars[leader].speed > cars[leader].speed_before
        gap_m = cars[leader].position_m - riders[leader].length_m - car.position_m - rider.gap_m
    here = speed_behind(v, limit, own, own_gap_m, rows[row].onward_m, gathers, fleet, motion)
    there = speed_behind(v, limit, leader, gap_m, there_m, gathers, fleet, motion)
    gain = 0.0 if there == here else (there - here) / max(there, GAIN_SPEED_MIN_M_PER_S)
    lasts = there_m > GAIN_REMAINS_S * max(0.1, car.speed)
    result = 0
    if side < 0:
        if here - RIGHT_SLOWER_M_PER_S > there:
            if car.lane_gain < 0.0:
                car.lane_gain *= 0.5
        else:
            if car.lane_gain < 0.0 or gain > 0.0:
                car.lane_gain -= gain
            accepts_s = KEEP_RIGHT_ACCEPTS_S * max(1.0, car.speed) * limit / streets.ways[lane].speed
            free_m = max(0.0, there_m - brake_gap_m(limit, rider.decel) - limit * TAU_S)
            free_s = min(accepts_s, free_m / limit)
            if leader >= 0 and cars[leader].speed < limit:
                free_m = min(free_m, gap_m - secure_gap_m(limit, cars[leader].speed, rider.decel))
                free_s = min(free_s, max(0.0, free_m) / (limit - cars[leader].speed))
            car.lane_right += free_s / accepts_s / KEEP_RIGHT_S
            if car.lane_right > 1.0:
                result = 1
        if car.lane_gain < -GAIN_RIGHT and lasts:
            result = 1
    else:
        if here > there and car.lane_gain > 0.0:
            car.lane_gain *= 0.5
        elif here == there and car.lane_gain > 0.0:
            car.lane_gain *= 0.8
        elif there > here:
            car.lane_gain += gain
        if car.lane_gain > GAIN_LEFT and gain > 1e-3 and lasts:
            result = 1
    if offset * side > 0 and gain >= 0.0 and car.lane_gain * side > 0.0:
        result = 1
    return result


@inner_kernel(types.void(_I, STREETS, FLEET, MOTION, LEDGER), forceinline=True)
def change_from(lane, streets, fleet, motion, ledger):
    """Let everybody on one lane change who wants to and can."""
    edge_lane_start, ways = streets.edge_lane_start, streets.ways
    riders, rows = fleet.riders, fleet.rows
    cars, halt_until_ms, places = motion.cars, motion.halt_until_ms, motion.places
    time_ms, waits = motion.time_ms, motion.waits
    edge, now_ms = ways[lane].edge, time_ms[0]
    left = places[lane + 1].last if lane + 1 < edge_lane_start[edge + 1] else -1
    right = places[lane - 1].last if lane > edge_lane_start[edge] else -1
    v = places[lane].last
    # From the back: those in front are reached by going ahead.
    while v >= 0:
        car, rider = cars[v], riders[v]
        ahead, position_m = car.ahead, car.position_m
        if car.changed_ms != now_ms and halt_until_ms[v] < 0:
            car.look_speed = max(car.speed, LOOK_MEMORY * car.look_speed + (1.0 - LOOK_MEMORY) * car.speed)
            sides = car.sides
            if sides == 0:
                v = ahead
                continue
            while left >= 0 and cars[left].position_m < position_m:
                left = cars[left].ahead
            while right >= 0 and cars[right].position_m < position_m:
                right = cars[right].ahead
            limit = car.limit
            stays = waits[v] == BLOCKED and rows[car.row].offset == 0
            place_m = position_m + rider.length_m + rider.gap_m
            for k in range(2):
                # To the right first; who has changed does not change again.
                side = -1 if k == 0 else 1
                if sides & (k + 1) == 0:
                    continue
                leader = right if k == 0 else left
                # Who stands in a queue minds a lane beside only where it would come a place further on.
                if stays and leader >= 0 and cars[leader].position_m < place_m:
                    continue
                wanted = wish(v, lane, side, leader, limit, streets, fleet, motion)
                if wanted == 0:
                    continue
                why = obstacle(v, lane + side, leader, streets, fleet, motion)
                if why < 0:
                    change(v, lane + side, leader, streets, fleet, motion, ledger)
                    right, left = v if k == 0 else right, left if k == 0 else v
                    break
                if wanted == 2:
                    ask_for_room(v, lane + side, leader, why, streets, fleet, motion, ledger)
                    break
        v = ahead


@inner_kernel(types.void(STREETS, FLEET, MOTION, LEDGER), forceinline=True)
def change_lanes(streets, fleet, motion, ledger):
    """Let everybody change lanes who wants to and can. At most one change a second."""
    changing_lanes = streets.changing_lanes
    lane_veh = motion.lane_veh
    for k in range(len(changing_lanes)):
        if lane_veh[changing_lanes[k]] > 0:
            change_from(changing_lanes[k], streets, fleet, motion, ledger)
