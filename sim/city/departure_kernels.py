"""Vehicles come onto the street: when they are due and there is room, in the order of departure."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import njit, types

from sim.city.car_following_kernels import brake_gap_m
from sim.city.movement_model import DOORS, FLEET, MOTION, STREETS, TAU_S
from sim.city.traffic_kernels import put_on

_I, _B = types.int64, types.boolean
QUEUED, DRIVING = 1, 2


@njit(types.void(FLEET, MOTION, DOORS), cache=True, nogil=True, _nrt=False)
def enqueue(fleet, motion, doors):
    """Everybody who is due by now waits at his first edge."""
    now_ms = motion.time_ms[0]
    v = doors.next_row[0]
    while v < len(fleet.depart_ms) and fleet.depart_ms[v] <= now_ms:
        edge = fleet.route_edge[motion.cars[v].route_at]
        motion.status[v] = QUEUED
        doors.waiting_next[v] = -1
        if doors.waiting_first[edge] < 0:
            doors.waiting_first[edge] = v
            doors.waiting_edges[doors.n_waiting_edges[0]] = edge
            doors.n_waiting_edges[0] += 1
        else:
            doors.waiting_next[doors.waiting_last[edge]] = v
        doors.waiting_last[edge] = v
        v += 1
    doors.next_row[0] = v


@njit(_B(_I, _I, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False)
def has_place(v, lane, streets, fleet, motion):
    """Whether `v` can start at the beginning of `lane`, hindering nobody who is about to come there."""
    front_m = min(fleet.riders[v].length_m, streets.ways[lane].length_m)
    u = motion.places[lane].last
    if u >= 0:
        if motion.cars[u].position_m - fleet.riders[u].length_m - front_m < fleet.riders[v].gap_m:
            return False
    else:
        u = motion.places[lane].tail
        if u >= 0 and motion.status[u] == DRIVING:
            back_m = motion.cars[u].driven_m - motion.places[lane].tail_at_m - fleet.riders[u].length_m
            if back_m < 0.0 and streets.ways[lane].length_m + back_m - front_m < fleet.riders[v].gap_m:
                return False
    for k in range(streets.feed_start[lane], streets.feed_start[lane + 1]):
        c = streets.feed[k]
        u = motion.places[streets.n_lanes[0] + c].first
        gap_m = front_m - fleet.riders[v].length_m + streets.ways[streets.n_lanes[0] + c].length_m
        if u >= 0:
            gap_m -= motion.cars[u].position_m
        else:
            u = motion.places[streets.links[c].from_lane].first
            if u < 0 or motion.cars[u].next_connection != c or motion.cars[u].speed < 1.0:
                continue
            gap_m += streets.ways[streets.links[c].from_lane].length_m - motion.cars[u].position_m
        speed = motion.cars[u].speed
        if gap_m < fleet.riders[u].gap_m + brake_gap_m(speed, fleet.riders[u].decel) + speed * TAU_S:
            return False
    return True


@njit(_I(_I, _I, STREETS, FLEET, MOTION), cache=True, nogil=True, _nrt=False)
def first_lane(v, edge, streets, fleet, motion):
    """The lane on which `v` starts, -1 while there is no place.

    Where `starts_right` (1): the rightmost that it may use (SUMO's default). Else the
    emptiest of those that need the fewest lane changes.
    """
    row = fleet.row_start[motion.cars[v].route_at + fleet.riders[v].shift]
    best, best_changes, best_load = -1, 1000, 1e9
    first = streets.edge_lane_start[edge]
    for lane in range(first, streets.edge_lane_start[edge + 1]):
        if not streets.ways[lane].permits & fleet.riders[v].permit:
            continue
        if fleet.starts_right[0]:
            return lane if has_place(v, lane, streets, fleet, motion) else -1
        changes = abs(fleet.rows[row + lane - first].offset)
        if changes > best_changes or not has_place(v, lane, streets, fleet, motion):
            continue
        if changes < best_changes or motion.places[lane].load_m < best_load:
            best, best_changes, best_load = lane, changes, motion.places[lane].load_m
    return best


@njit(types.void(STREETS, FLEET, MOTION, DOORS), cache=True, nogil=True, _nrt=False)
def depart(streets, fleet, motion, doors):
    """Let those waiting at their first edge start, first come first served."""
    kept = 0
    for k in range(doors.n_waiting_edges[0]):
        edge = doors.waiting_edges[k]
        v = doors.waiting_first[edge]
        while v >= 0:
            lane = first_lane(v, edge, streets, fleet, motion)
            if lane < 0:
                break
            motion.status[v] = DRIVING
            doors.departed_ms[v] = motion.time_ms[0]
            motion.cars[v].position_m = min(fleet.riders[v].length_m, streets.ways[lane].length_m)
            motion.cars[v].driven_m = motion.cars[v].position_m
            motion.cars[v].speed = 0.0
            put_on(v, lane, motion.places[lane].last, streets, fleet, motion)
            motion.driving[motion.n_driving[0]] = v
            motion.n_driving[0] += 1
            v = doors.waiting_next[v]
        doors.waiting_first[edge] = v
        if v >= 0:
            doors.waiting_edges[kept] = edge
            kept += 1
    doors.n_waiting_edges[0] = kept
