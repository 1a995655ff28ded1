"""Vehicles move: positions, ways over nodes, arrivals, halts, and what it costs them, over arrays."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import njit, types

from sim.city.movement_model import FLEET, LEDGER, MOTION, STREETS

_I, _F = types.int64, types.float64
DRIVING, ARRIVED = 2, 3
STANDING_M_PER_S = 0.1
HALT_REACHED_M = 0.5


@njit(types.void(_I, FLEET, MOTION), cache=True, nogil=True, _nrt=False)
def take_off(v, fleet, motion):
    """Take vehicle `v` out of the order of its way."""
    way, ahead, behind = motion.cars[v].way, motion.cars[v].ahead, motion.cars[v].behind
    if ahead >= 0:
        motion.cars[ahead].behind = behind
    else:
        motion.places[way].first = behind
    if behind >= 0:
        motion.cars[behind].ahead = ahead
    else:
        motion.places[way].last = ahead
    motion.places[way].load_m -= fleet.riders[v].length_m + fleet.riders[v].gap_m
    if motion.places[way].first < 0:
        motion.places[way].load_m = 0.0
    if way < len(motion.lane_veh):
        motion.lane_veh[way] -= 1


@njit(types.void(_I, _I, _I, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False)
def put_on(v, way, ahead, streets, fleet, motion):
    """Put vehicle `v` on a way behind vehicle `ahead` (-1: as its first), and note its next connection."""
    behind = motion.cars[ahead].behind if ahead >= 0 else motion.places[way].first
    motion.cars[v].way, motion.cars[v].ahead, motion.cars[v].behind = way, ahead, behind
    if ahead >= 0:
        motion.cars[ahead].behind = v
    else:
        motion.places[way].first = v
    if behind >= 0:
        motion.cars[behind].ahead = v
    else:
        motion.places[way].last = v
    motion.places[way].load_m += fleet.riders[v].length_m + fleet.riders[v].gap_m
    if way < streets.n_lanes[0]:
        motion.lane_veh[way] += 1
        at = motion.cars[v].route_at
        motion.cars[v].next_connection = -1
        if at < fleet.riders[v].last_at:
            row = fleet.row_start[at + fleet.riders[v].shift] + way
            row -= streets.edge_lane_start[streets.ways[way].edge]
            motion.cars[v].next_connection = fleet.rows[row].connection


@njit(types.void(_I, _I, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False)
def halt(v, way, streets, fleet, motion):
    """Begin or end a halt at a stop."""
    h = motion.halt_at[v]
    clock_ms = motion.time_ms[0] + 1000
    if motion.halt_until_ms[v] >= 0:
        if motion.halt_until_ms[v] < clock_ms:
            motion.halt_until_ms[v] = -1
            motion.halt_at[v] = h + 1
    elif way < streets.n_lanes[0] and fleet.halts[h].edge == streets.ways[way].edge:
        past_m = motion.cars[v].position_m - fleet.halts[h].position_m
        if past_m > 1.0:
            motion.halt_at[v] = h + 1
        elif past_m > -HALT_REACHED_M and motion.cars[v].speed < STANDING_M_PER_S:
            motion.halt_until_ms[v] = max(clock_ms + fleet.halts[h].dwell_ms, fleet.halts[h].due_ms)


@njit(_I(_I, STREETS, FLEET, MOTION, LEDGER), cache=True, nogil=True, _nrt=False)
def leave_way(way, streets, fleet, motion, ledger):
    """Move on everybody who has passed the end of a way. Returns how many arrived."""
    lanes = streets.n_lanes[0]
    arrived = 0
    while True:
        v = motion.places[way].first
        if v < 0 or motion.cars[v].position_m <= streets.ways[way].length_m:
            return arrived
        here = way
        take_off(v, fleet, motion)
        while True:
            past_m = motion.cars[v].position_m - streets.ways[here].length_m
            motion.places[here].tail = v
            motion.places[here].tail_at_m = motion.cars[v].driven_m - past_m
            if here < lanes and motion.cars[v].route_at >= fleet.riders[v].last_at:
                motion.status[v] = ARRIVED
                ledger.arrived_ms[v] = motion.time_ms[0]
                motion.cars[v].way = -1
                ledger.lane[v] = -1
                ledger.route_at[v] = motion.cars[v].route_at
                arrived += 1
                break
            if here >= lanes:
                onto = streets.links[here - lanes].to_lane
                motion.cars[v].route_at += 1
            elif motion.cars[v].next_connection >= 0:
                onto = lanes + motion.cars[v].next_connection
            else:
                # Nobody drives over the end of a lane that does not lead on.
                motion.cars[v].driven_m -= past_m
                motion.cars[v].position_m = streets.ways[here].length_m
                motion.cars[v].speed = 0.0
                put_on(v, here, -1, streets, fleet, motion)
                return arrived
            motion.cars[v].position_m = past_m
            # Two may come onto one way in the same second: in the order of where they are.
            u = motion.places[onto].last
            while u >= 0 and motion.cars[u].position_m < past_m:
                u = motion.cars[u].ahead
            put_on(v, onto, u, streets, fleet, motion)
            if u >= 0 or past_m <= streets.ways[onto].length_m:
                break
            take_off(v, fleet, motion)
            here = onto


@njit(types.void(STREETS, FLEET, MOTION, LEDGER), cache=True, nogil=True, _nrt=False)
def move(streets, fleet, motion, ledger):
    """Let everybody drive for one second at the planned speed, and book it."""
    n = motion.n_driving[0]
    lanes = streets.n_lanes[0]
    n_crossing = 0
    for i in range(n):
        v = motion.driving[i]
        car, rider = motion.cars[v], fleet.riders[v]
        way, speed, before = car.way, car.next_speed, car.speed
        car.speed = speed
        car.position_m += speed
        car.driven_m += speed
        if motion.halt_at[v] < rider.halt_end:
            halt(v, way, streets, fleet, motion)
        stood_ms = 0
        if motion.halt_until_ms[v] < 0:
            lost_s = 1.0 - speed / min(streets.ways[way].speed * rider.speed_factor, rider.speed_max)
            if lost_s > 0.0:
                lane = way if way < lanes else streets.links[way - lanes].from_lane
                ledger.lost_s[v] += lost_s
                ledger.lane_lost_s[lane, rider.mode] += lost_s
                ledger.lane_lost_person_s[lane, rider.mode] += lost_s * ledger.persons[v]
            if speed < STANDING_M_PER_S:
                stood_ms = motion.stood_ms[v] + 1000
                ledger.worst_stood_ms[v] = max(ledger.worst_stood_ms[v], stood_ms)
                if before >= STANDING_M_PER_S:
                    ledger.stops[v] += 1
        motion.stood_ms[v] = stood_ms
        if car.position_m > streets.ways[way].length_m and car.ahead < 0:
            ledger.crossing_ways[n_crossing] = way
            n_crossing += 1
    arrived = 0
    for k in range(n_crossing):
        arrived += leave_way(ledger.crossing_ways[k], streets, fleet, motion, ledger)
    if arrived > 0:
        kept = 0
        for i in range(n):
            v = motion.driving[i]
            if motion.status[v] == DRIVING:
                motion.driving[kept] = v
                kept += 1
        motion.n_driving[0] = kept


@njit(types.void(STREETS, MOTION, LEDGER), cache=True, nogil=True, _nrt=False)
def show(streets, motion, ledger):
    """Tell the rest of the city where everybody is now."""
    lanes = streets.n_lanes[0]
    for i in range(motion.n_driving[0]):
        v = motion.driving[i]
        car = motion.cars[v]
        ledger.lane[v] = car.way if car.way < lanes else -1
        ledger.connection[v] = car.way - lanes if car.way >= lanes else -1
        ledger.position_m[v] = car.position_m
        ledger.speed_m_per_s[v] = car.speed
        ledger.route_at[v] = car.route_at
