"""Vehicles come onto the street: when they are due and there is room, in the order of departure."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.compiling import inner_kernel
from sim.city.movement.status import DRIVING, QUEUED
from sim.city.movement.car_following_kernels import brake_gap_m
from sim.city.movement.movement_model import DOORS, FLEET, MOTION, STREETS, TAU_S
from sim.city.movement.traffic_kernels import put_on

_I, _B = types.int64, types.boolean


@inner_kernel(types.void(FLEET, MOTION, DOORS))
def enqueue(fleet, motion, doors):
    """Everybody who is due by now waits at his first edge."""
    depart_ms, route_edge = fleet.depart_ms, fleet.route_edge
    cars, status, time_ms = motion.cars, motion.status, motion.time_ms
    n_waiting_edges, next_row, waiting_edges = doors.n_waiting_edges, doors.next_row, doors.waiting_edges
    waiting_first, waiting_last, waiting_next = doors.waiting_first, doors.waiting_last, doors.waiting_next
    now_ms = time_ms[0]
    v = next_row[0]
    while v < len(depart_ms) and depart_ms[v] <= now_ms:
        edge = route_edge[cars[v].route_at]
        status[v] = QUEUED
        waiting_next[v] = -1
        if waiting_first[edge] < 0:
            waiting_first[edge] = v
            waiting_edges[n_waiting_edges[0]] = edge
            n_waiting_edges[0] += 1
        else:
            waiting_next[waiting_last[edge]] = v
        waiting_last[edge] = v
        v += 1
    next_row[0] = v


@inner_kernel(_B(_I, _I, STREETS, FLEET, MOTION), forceinline=True)
def has_place(v, lane, streets, fleet, motion):
    """Whether `v` can start at the beginning of `lane`, hindering nobody who is about to come there."""
    feed, feed_start, links = streets.feed, streets.feed_start, streets.links
    n_lanes, ways = streets.n_lanes, streets.ways
    riders = fleet.riders
    cars, places, status = motion.cars, motion.places, motion.status
    front_m = min(riders[v].length_m, ways[lane].length_m)
    u = places[lane].last
    if u >= 0:
        if cars[u].position_m - riders[u].length_m - front_m < riders[v].gap_m:
            return False
    else:
        u = places[lane].tail
        if u >= 0 and status[u] == DRIVING:
            back_m = cars[u].driven_m - places[lane].tail_at_m - riders[u].length_m
            if back_m < 0.0 and ways[lane].length_m + back_m - front_m < riders[v].gap_m:
                return False
    for k in range(feed_start[lane], feed_start[lane + 1]):
        c = feed[k]
        u = places[n_lanes[0] + c].first
        gap_m = front_m - riders[v].length_m + ways[n_lanes[0] + c].length_m
        if u >= 0:
            gap_m -= cars[u].position_m
        else:
            u = places[links[c].from_lane].first
            if u < 0 or cars[u].next_connection != c or cars[u].speed < 1.0:
                continue
            gap_m += ways[links[c].from_lane].length_m - cars[u].position_m
        speed = cars[u].speed
        if gap_m < riders[u].gap_m + brake_gap_m(speed, riders[u].decel) + speed * TAU_S:
            return False
    return True


@inner_kernel(_I(_I, _I, STREETS, FLEET, MOTION), forceinline=True)
def first_lane(v, edge, streets, fleet, motion):
    """The lane on which `v` starts, -1 while there is no place.

    Where `starts_right` (1): the rightmost that it may use (SUMO's default). Else the
    emptiest of those that need the fewest lane changes.
    """
    edge_lane_start, ways = streets.edge_lane_start, streets.ways
    riders, row_start, rows = fleet.riders, fleet.row_start, fleet.rows
    starts_right = fleet.starts_right
    cars, places = motion.cars, motion.places
    row = row_start[cars[v].route_at + riders[v].shift]
    best, best_changes, best_load = -1, 1000, 1e9
    first = edge_lane_start[edge]
    for lane in range(first, edge_lane_start[edge + 1]):
        if not ways[lane].permits & riders[v].permit:
            continue
        if starts_right[0]:
            return lane if has_place(v, lane, streets, fleet, motion) else -1
        changes = abs(rows[row + lane - first].offset)
        load_m = places[lane].load_m
        if changes < best_changes or (changes == best_changes and load_m < best_load):
            best, best_changes, best_load = lane, changes, load_m
    if best >= 0 and not has_place(v, best, streets, fleet, motion):
        best = -1
    return best


@inner_kernel(types.void(STREETS, FLEET, MOTION, DOORS))
def depart(streets, fleet, motion, doors):
    """Let those waiting at their first edge start, first come first served."""
    ways = streets.ways
    riders = fleet.riders
    cars, driving, n_driving = motion.cars, motion.driving, motion.n_driving
    places, status, time_ms = motion.places, motion.status, motion.time_ms
    departed_ms, n_waiting_edges, waiting_edges = (
        doors.departed_ms,
        doors.n_waiting_edges,
        doors.waiting_edges,
    )
    waiting_first, waiting_next = doors.waiting_first, doors.waiting_next
    kept = 0
    for k in range(n_waiting_edges[0]):
        edge = waiting_edges[k]
        v = waiting_first[edge]
        while v >= 0:
            lane = first_lane(v, edge, streets, fleet, motion)
            if lane < 0:
                break
            status[v] = DRIVING
            departed_ms[v] = time_ms[0]
            cars[v].position_m = min(riders[v].length_m, ways[lane].length_m)
            cars[v].driven_m = cars[v].position_m
            cars[v].speed = 0.0
            put_on(v, lane, places[lane].last, streets, fleet, motion)
            driving[n_driving[0]] = v
            n_driving[0] += 1
            v = waiting_next[v]
        waiting_first[edge] = v
        if v >= 0:
            waiting_edges[kept] = edge
            kept += 1
    n_waiting_edges[0] = kept
