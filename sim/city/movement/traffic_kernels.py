"""Vehicles move: positions, ways over nodes, arrivals, halts, and what it costs them, over arrays."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

import numpy as np
from numba import types

from controller.compiling import inner_kernel
from sim.city.movement.car_following_kernels import look_ahead_m
from sim.city.movement.status import ARRIVED, DRIVING
from sim.city.movement.movement_model import FLEET, LEDGER, MOTION, STREETS, TURN_LANE_M

_I, _F = types.int64, types.float64
STANDING_M_PER_S = 0.1
HALT_REACHED_M = 0.5
PARTS_OF_A_SECOND = 16_777_216.0
"""Losses are booked in whole parts so small, so that sums are exact: the same in any order and in bundles."""


@inner_kernel(types.void(_I, _I, MOTION, LEDGER), forceinline=True)
def book_wait(v, until_ms, motion, ledger):
    """Book what `v`, who waits and is left alone, has stood until `until_ms`."""
    waited_ms = until_ms - motion.waits_since_ms[v]
    motion.waits_since_ms[v] = until_ms
    motion.stood_ms[v] += waited_ms
    ledger.worst_stood_ms[v] = max(ledger.worst_stood_ms[v], motion.stood_ms[v])
    ledger.lost_s[v] += waited_ms / 1000.0


@inner_kernel(_I(_I, MOTION), forceinline=True)
def stood_ms_of(v, motion):
    """How long `v` has stood without a break, after the others have moved for this second."""
    unbooked_ms = motion.time_ms[0] + 1000 - motion.waits_since_ms[v] if motion.waits[v] != 0 else 0
    return motion.stood_ms[v] + unbooked_ms


@inner_kernel(types.void(_I, _I, MOTION, LEDGER), forceinline=True)
def wake(v, until_ms, motion, ledger):
    """No longer leave `v` alone: it has waited until `until_ms`."""
    if motion.waits[v] != 0:
        book_wait(v, until_ms, motion, ledger)
        motion.waits[v] = 0


@inner_kernel(types.void(_I, STREETS, FLEET, MOTION, LEDGER), forceinline=True)
def book_lane(v, streets, fleet, motion, ledger):
    """Tell the lane of `v`, or the one before the node it is on, what `v` has lost since it was told last."""
    way, lanes, mode = motion.cars[v].way, streets.n_lanes[0], fleet.riders[v].mode
    lane = way if way < lanes else streets.links[way - lanes].from_lane
    lost_s = ledger.lost_s[v] - ledger.booked_s[v]
    ledger.booked_s[v] = ledger.lost_s[v]
    ledger.lane_lost_s[lane, mode] += lost_s
    ledger.lane_lost_person_s[lane, mode] += lost_s * ledger.persons[v]


@inner_kernel(types.void(_I, STREETS, FLEET, MOTION, LEDGER), forceinline=True)
def take_off(v, streets, fleet, motion, ledger):
    """Take vehicle `v` out of the order of its way, after the others have moved for this second."""
    riders = fleet.riders
    cars, lane_veh, places = motion.cars, motion.lane_veh, motion.places
    way, ahead, behind = cars[v].way, cars[v].ahead, cars[v].behind
    until_ms = motion.time_ms[0] + 1000
    wake(v, until_ms, motion, ledger)
    book_lane(v, streets, fleet, motion, ledger)
    if ahead >= 0:
        cars[ahead].behind = behind
    else:
        places[way].first = behind
    if behind >= 0:
        cars[behind].ahead = ahead
        wake(behind, until_ms, motion, ledger)
    else:
        places[way].last = ahead
    places[way].load_m -= riders[v].length_m + riders[v].gap_m
    if places[way].first < 0:
        places[way].load_m = 0.0
    if way < len(lane_veh):
        lane_veh[way] -= 1


@inner_kernel(_I(_I, _I, _I, STREETS, FLEET))
def sides(v, lane, row, streets, fleet):
    """The lanes beside that may be worth a change for `v` on `lane`: 1 the right one, 2 the left one."""
    edge_lane_start, ways, rows = streets.edge_lane_start, streets.ways, fleet.rows
    edge, found = ways[lane].edge, 0
    for k in range(2):
        step = 2 * k - 1
        if not edge_lane_start[edge] <= lane + step < edge_lane_start[edge + 1]:
            continue
        leads_off = rows[row].offset == 0 and rows[row + step].offset != 0
        if ways[lane + step].permits & fleet.riders[v].permit and not (
            leads_off and rows[row + step].onward_m < TURN_LANE_M
        ):
            found |= k + 1
    return found


@inner_kernel(types.void(_I, _I, _I, STREETS, FLEET, MOTION, LEDGER), forceinline=True)
def put_on(v, way, ahead, streets, fleet, motion, ledger):
    """Put vehicle `v` on a way behind vehicle `ahead` (-1: as its first), and note its next connection."""
    edge_lane_start, n_lanes, ways = streets.edge_lane_start, streets.n_lanes, streets.ways
    riders, row_start, rows = fleet.riders, fleet.row_start, fleet.rows
    cars, lane_veh, places = motion.cars, motion.lane_veh, motion.places
    behind = cars[ahead].behind if ahead >= 0 else places[way].first
    cars[v].way, cars[v].ahead, cars[v].behind = way, ahead, behind
    cars[v].limit = min(ways[way].speed * riders[v].speed_factor, riders[v].speed_max)
    cars[v].look_m = look_ahead_m(cars[v].limit, riders[v].decel)
    if ahead >= 0:
        cars[ahead].behind = v
    else:
        places[way].first = v
    if behind >= 0:
        cars[behind].ahead = v
        wake(behind, motion.time_ms[0] + 1000, motion, ledger)
    else:
        places[way].last = v
    places[way].load_m += riders[v].length_m + riders[v].gap_m
    if way < n_lanes[0]:
        lane_veh[way] += 1
        row = row_start[cars[v].route_at + riders[v].shift] + way - edge_lane_start[ways[way].edge]
        cars[v].row, cars[v].next_connection = row, rows[row].connection
        cars[v].sides = sides(v, way, row, streets, fleet)


@inner_kernel(types.void(_I, _I, STREETS, FLEET, MOTION), forceinline=True)
def halt(v, way, streets, fleet, motion):
    """Begin or end a halt at a stop."""
    n_lanes, ways = streets.n_lanes, streets.ways
    halts = fleet.halts
    cars, halt_at, halt_until_ms = motion.cars, motion.halt_at, motion.halt_until_ms
    time_ms = motion.time_ms
    h = halt_at[v]
    clock_ms = time_ms[0] + 1000
    if halt_until_ms[v] >= 0:
        if halt_until_ms[v] < clock_ms:
            halt_until_ms[v] = -1
            halt_at[v] = h + 1
    elif way < n_lanes[0] and halts[h].edge == ways[way].edge:
        past_m = cars[v].position_m - halts[h].position_m
        if past_m > 1.0:
            halt_at[v] = h + 1
        elif past_m > -HALT_REACHED_M and cars[v].speed < STANDING_M_PER_S:
            halt_until_ms[v] = max(clock_ms + halts[h].dwell_ms, halts[h].due_ms)


@inner_kernel(types.void(_I, _F, MOTION, LEDGER), forceinline=True)
def show_arrived(v, position_m, motion, ledger):
    """Tell the rest of the city for good that vehicle `v` has arrived, at the end of its last lane."""
    car = motion.cars[v]
    car.way = -1
    ledger.lane[v] = ledger.connection[v] = -1
    ledger.route_at[v] = car.route_at
    ledger.position_m[v] = position_m
    ledger.speed_m_per_s[v] = car.speed


@inner_kernel(_I(_I, STREETS, FLEET, MOTION, LEDGER), forceinline=True)
def leave_way(way, streets, fleet, motion, ledger):
    """Move on everybody who has passed the end of a way. Returns how many arrived."""
    links, n_lanes, ways = streets.links, streets.n_lanes, streets.ways
    riders = fleet.riders
    cars, places, status = motion.cars, motion.places, motion.status
    time_ms = motion.time_ms
    arrived_ms = ledger.arrived_ms
    lanes = n_lanes[0]
    arrived = 0
    while True:
        v = places[way].first
        if v < 0 or cars[v].position_m <= ways[way].length_m:
            return arrived
        here = way
        take_off(v, streets, fleet, motion, ledger)
        while True:
            past_m = cars[v].position_m - ways[here].length_m
            places[here].tail = v
            places[here].tail_at_m = cars[v].driven_m - past_m
            if here < lanes and cars[v].route_at >= riders[v].last_at:
                status[v] = ARRIVED
                arrived_ms[v] = time_ms[0]
                show_arrived(v, ways[here].length_m, motion, ledger)
                arrived += 1
                break
            if here >= lanes:
                onto = links[here - lanes].to_lane
                cars[v].route_at += 1
            elif cars[v].next_connection >= 0:
                onto = lanes + cars[v].next_connection
            else:
                # Nobody drives over the end of a lane that does not lead on.
                cars[v].driven_m -= past_m
                cars[v].position_m = ways[here].length_m
                cars[v].speed = 0.0
                put_on(v, here, -1, streets, fleet, motion, ledger)
                return arrived
            cars[v].position_m = past_m
            # Two may come onto one way in the same second: in the order of where they are.
            u = places[onto].last
            while u >= 0 and cars[u].position_m < past_m:
                u = cars[u].ahead
            put_on(v, onto, u, streets, fleet, motion, ledger)
            if u >= 0 or past_m <= ways[onto].length_m:
                break
            take_off(v, streets, fleet, motion, ledger)
            here = onto


@inner_kernel(types.void(_I, STREETS, FLEET, MOTION, LEDGER), forceinline=True)
def move(n_awake, streets, fleet, motion, ledger):
    """Let everybody who is awake drive for one second at the planned speed, and book it."""
    ways = streets.ways
    riders = fleet.riders
    cars, driving, halt_at = motion.cars, motion.driving, motion.halt_at
    halt_until_ms, n_driving, status = motion.halt_until_ms, motion.n_driving, motion.status
    awake, stood_ms_of = motion.awake, motion.stood_ms
    crossing_ways, lost_s_of, stops = ledger.crossing_ways, ledger.lost_s, ledger.stops
    worst_stood_ms = ledger.worst_stood_ms
    until_ms = motion.time_ms[0] + 1000
    n_crossing = 0
    for i in range(n_awake):
        v = types.uint32(awake[i])
        car, rider = cars[v], riders[v]
        way, limit, speed, before = types.uint32(car.way), car.limit, car.next_speed, car.speed
        if speed > 0.0 and car.behind >= 0:
            wake(car.behind, until_ms, motion, ledger)
        car.speed_before, car.speed = before, speed
        car.position_m += speed
        car.driven_m += speed
        if halt_at[v] < rider.halt_end:
            halt(v, way, streets, fleet, motion)
        stood_ms = 0
        if halt_until_ms[v] < 0:
            if speed < limit:
                lost_s = 1.0 - speed / limit
                lost_s_of[v] += np.floor(lost_s * PARTS_OF_A_SECOND + 0.5) / PARTS_OF_A_SECOND
            if speed < STANDING_M_PER_S:
                stood_ms = stood_ms_of[v] + 1000
                worst_stood_ms[v] = max(worst_stood_ms[v], stood_ms)
                if before >= STANDING_M_PER_S:
                    stops[v] += 1
        stood_ms_of[v] = stood_ms
        if car.position_m > ways[way].length_m and car.ahead < 0:
            crossing_ways[n_crossing] = way
            n_crossing += 1
    arrived = 0
    for k in range(n_crossing):
        arrived += leave_way(crossing_ways[k], streets, fleet, motion, ledger)
    if arrived > 0:
        kept = 0
        for i in range(n_driving[0]):
            v = types.uint32(driving[i])
            if status[v] == DRIVING:
                driving[kept] = v
                kept += 1
        n_driving[0] = kept


@inner_kernel(types.void(STREETS, FLEET, MOTION, LEDGER))
def show(streets, fleet, motion, ledger):
    """Tell the rest of the city where everybody is now, and book what has not been yet."""
    n_lanes = streets.n_lanes
    cars, driving, n_driving = motion.cars, motion.driving, motion.n_driving
    connection, lane, position_m = ledger.connection, ledger.lane, ledger.position_m
    route_at, speed_m_per_s = ledger.route_at, ledger.speed_m_per_s
    lanes = n_lanes[0]
    for i in range(n_driving[0]):
        v = driving[i]
        if motion.waits[v] != 0:
            book_wait(v, motion.time_ms[0], motion, ledger)
        book_lane(v, streets, fleet, motion, ledger)
        car = cars[v]
        lane[v] = car.way if car.way < lanes else -1
        connection[v] = car.way - lanes if car.way >= lanes else -1
        position_m[v] = car.position_m
        speed_m_per_s[v] = car.speed
        route_at[v] = car.route_at
