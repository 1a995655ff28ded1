"""Vehicles come onto the street: when they are due and there is room, in the order of departure."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.compiling import inner_kernel
from sim.city.movement.car_following_kernels import (
    arrive_speed, brake_gap_m, follow_speed, secure_gap_m, stop_speed,
)  # fmt: skip
from sim.city.movement.movement_model import DOORS, FLEET, LEDGER, MAY_PASS, MOTION, STREETS
from sim.city.movement.status import DRIVING, QUEUED
from sim.city.movement.traffic_kernels import put_on

_I, _F, _B = types.int64, types.float64, types.boolean


@inner_kernel(types.void(FLEET, MOTION, DOORS), forceinline=True)
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


@inner_kernel(_B(_I, _I, _F, STREETS, FLEET, MOTION), forceinline=True)
def has_place(v, lane, speed, streets, fleet, motion):
    """Whether `v` can start at the beginning of `lane` with `speed`, safe from and for everybody there."""
    feed, feed_start, links = streets.feed, streets.feed_start, streets.links
    n_lanes, ways = streets.n_lanes, streets.ways
    riders = fleet.riders
    cars, places, status = motion.cars, motion.places, motion.status
    front_m = min(riders[v].length_m, ways[lane].length_m)
    gap_m = 1e9
    u = places[lane].last
    if u >= 0:
        gap_m = cars[u].position_m - riders[u].length_m - front_m - riders[v].gap_m
    else:
        u = places[lane].tail
        if u >= 0 and status[u] == DRIVING:
            back_m = cars[u].driven_m - places[lane].tail_at_m - riders[u].length_m
            if back_m < 0.0:
                gap_m = ways[lane].length_m + back_m - front_m - riders[v].gap_m
    if gap_m < 0.0 or (gap_m < 1e8 and follow_speed(gap_m, cars[u].speed, riders[v].decel, 0.0) < speed):
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
        if gap_m < riders[u].gap_m + secure_gap_m(cars[u].speed, speed, riders[u].decel):
            return False
    return True


@inner_kernel(_F(_I, _I, STREETS, FLEET, MOTION), forceinline=True)
def rolling_speed(v, lane, streets, fleet, motion):
    """How fast `v` wants to come onto `lane`: as those there drive in the mean, but able to stop at its end.

    Where the node lets everybody pass, what stands or drives just beyond it counts instead of its line.
    """
    links, n_lanes, ways = streets.links, streets.n_lanes, streets.ways
    riders, row_start, rows = fleet.riders, fleet.row_start, fleet.rows
    cars, pass_state, places = motion.cars, motion.pass_state, motion.places
    length_m, decel = ways[lane].length_m, riders[v].decel
    speed = min(ways[lane].speed * riders[v].speed_factor, riders[v].speed_max)
    u, n, total = places[lane].last, 0, 0.0
    while u >= 0:
        n += 1
        total += cars[u].speed
        u = cars[u].ahead
    speed = min(speed, total / n if n > 0 else ways[lane].speed)
    left_m = length_m - min(riders[v].length_m, length_m)
    if n == 0 and left_m < brake_gap_m(speed, decel) + riders[v].gap_m:
        at = cars[v].route_at
        c = rows[row_start[at + riders[v].shift] + lane - streets.edge_lane_start[ways[lane].edge]].connection
        if at < riders[v].last_at and (c < 0 or pass_state[c] != MAY_PASS):
            speed = min(speed, stop_speed(left_m, decel))
        elif at < riders[v].last_at:
            for k in range(2):
                way = n_lanes[0] + c if k == 0 else links[c].to_lane
                u = places[way].last
                if u >= 0:
                    gap_m = left_m + cars[u].position_m - riders[u].length_m - riders[v].gap_m
                    speed = min(speed, follow_speed(max(0.0, gap_m), cars[u].speed, decel, 0.0))
                    break
                speed = min(speed, arrive_speed(left_m, ways[way].speed * riders[v].speed_factor, decel))
                left_m += ways[way].length_m
    return speed


@inner_kernel(_I(_I, _I, STREETS, FLEET, MOTION), forceinline=True)
def rolling_lane(v, edge, streets, fleet, motion):
    """Of the lanes that need no change: from the right, the one with most room behind whoever is last there.

    Not looked at is what lies beyond a lane that is empty or whose last vehicle drives faster than `v` would
    like to. Found by watching SUMO choose (`best_prob`, its default) on streets of `netgenerate`.
    """
    edge_lane_start, ways = streets.edge_lane_start, streets.ways
    riders, row_start, rows = fleet.riders, fleet.row_start, fleet.rows
    cars, places = motion.cars, motion.places
    first = edge_lane_start[edge]
    row = row_start[cars[v].route_at + riders[v].shift] - first
    best, best_m = -1, -1e9
    for lane in range(first, edge_lane_start[edge + 1]):
        if rows[row + lane].offset != 0 or not ways[lane].permits & riders[v].permit:
            continue
        u = places[lane].last
        gap_m = cars[u].position_m - riders[u].length_m if u >= 0 else ways[lane].length_m
        if gap_m > best_m:
            best, best_m = lane, gap_m
        if u < 0 or cars[u].limit > min(ways[lane].speed * riders[v].speed_factor, riders[v].speed_max):
            break
    return best


@inner_kernel(_I(_I, _I, STREETS, FLEET, MOTION), forceinline=True)
def first_lane(v, edge, streets, fleet, motion):
    """The lane on which one starts who starts from rest: the emptiest of those with the fewest changes."""
    edge_lane_start, ways = streets.edge_lane_start, streets.ways
    riders, row_start, rows = fleet.riders, fleet.row_start, fleet.rows
    cars, places = motion.cars, motion.places
    row = row_start[cars[v].route_at + riders[v].shift]
    best, best_changes, best_load = -1, 1000, 1e9
    first = edge_lane_start[edge]
    for lane in range(first, edge_lane_start[edge + 1]):
        if not ways[lane].permits & riders[v].permit:
            continue
        changes = abs(rows[row + lane - first].offset)
        load_m = places[lane].load_m
        if changes < best_changes or (changes == best_changes and load_m < best_load):
            best, best_changes, best_load = lane, changes, load_m
    return best


@inner_kernel(_B(_I, _I, _F, STREETS, FLEET, MOTION, LEDGER, DOORS), forceinline=True)
def start(v, lane, speed, streets, fleet, motion, ledger, doors):
    """Let `v` start at the beginning of `lane` with `speed` if there is a place. Returns whether it did."""
    cars, driving, n_driving = motion.cars, motion.driving, motion.n_driving
    if not has_place(v, lane, speed, streets, fleet, motion):
        return False
    motion.status[v] = DRIVING
    doors.departed_ms[v] = motion.time_ms[0]
    cars[v].position_m = min(fleet.riders[v].length_m, streets.ways[lane].length_m)
    cars[v].driven_m = cars[v].position_m
    cars[v].speed = speed
    put_on(v, lane, motion.places[lane].last, streets, fleet, motion, ledger)
    driving[n_driving[0]] = v
    n_driving[0] += 1
    return True


@inner_kernel(_I(_I, STREETS, FLEET, MOTION), forceinline=True)
def full_lanes(edge, streets, fleet, motion):
    """A bit for every lane without place for even the shortest of all, as `has_place` would tell anybody."""
    edge_lane_start, ways = streets.edge_lane_start, streets.ways
    cars, places = motion.cars, motion.places
    first, full = edge_lane_start[edge], types.int64(0)
    for lane in range(first, edge_lane_start[edge + 1]):
        u = places[lane].last
        front_m = min(fleet.least_m[0], ways[lane].length_m)
        if u >= 0 and cars[u].position_m - fleet.riders[u].length_m - front_m - fleet.least_m[1] < 0.0:
            full |= types.int64(1) << (lane - first)
    return full


@inner_kernel(types.void(STREETS, FLEET, MOTION, LEDGER, DOORS), forceinline=True)
def depart(streets, fleet, motion, ledger, doors):
    """Let those waiting at their first edge start, in the order of departure.

    From rest: whoever finds no place keeps everybody behind him waiting. Rolling: only those who want
    the same lane, as in SUMO.
    """
    edge_lane_start = streets.edge_lane_start
    n_waiting_edges, waiting_edges = doors.n_waiting_edges, doors.waiting_edges
    waiting_first, waiting_last, waiting_next = doors.waiting_first, doors.waiting_last, doors.waiting_next
    rolls = fleet.rolls_in[0] != 0
    kept = 0
    for k in range(n_waiting_edges[0]):
        edge = waiting_edges[k]
        first = edge_lane_start[edge]
        everything = (types.int64(1) << (edge_lane_start[edge + 1] - first)) - 1
        full = full_lanes(edge, streets, fleet, motion)  # and those on which somebody has found no place
        before, v = -1, waiting_first[edge]
        while v >= 0 and full != everything:
            following = waiting_next[v]
            if fleet.start_lanes[v] & ~full == 0:
                before, v = v, following
                continue
            if rolls:
                lane = rolling_lane(v, edge, streets, fleet, motion)
            else:
                lane = first_lane(v, edge, streets, fleet, motion)
            bit = types.int64(1) << max(0, lane - first)
            starts = lane >= 0 and full & bit == 0
            if starts:
                speed = rolling_speed(v, lane, streets, fleet, motion) if rolls else 0.0
                starts = start(v, lane, speed, streets, fleet, motion, ledger, doors)
                if not starts:
                    full |= bit
            if starts:
                if before >= 0:
                    waiting_next[before] = following
                else:
                    waiting_first[edge] = following
                if following < 0:
                    waiting_last[edge] = before
            elif rolls:
                before = v
            else:
                break
            v = following
        if waiting_first[edge] >= 0:
            waiting_edges[kept] = edge
            kept += 1
    n_waiting_edges[0] = kept
