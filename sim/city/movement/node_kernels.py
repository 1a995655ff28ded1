"""Who may drive onto a node: lamps, giving way, foes still on it, room behind it, over arrays.

A driver who is going to pass announces it with the times at which he comes and has left;
whoever gives way to him looks at what was announced in this second or the one before.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import DARK
from controller.compiling import inner_kernel
from sim.city.movement.car_following_kernels import brake_gap_m, travel_s
from sim.city.movement.movement_model import (
    AT_RED, FOE_GAP_S, GIVE_WAY, LEDGER, MAY_PASS, MOTION, MUST_STOP, REGISTER, FLEET, STOP_FIRST,
    STREETS,
)  # fmt: skip
from sim.city.movement.traffic_kernels import wake

_I, _F, _B, _I1 = types.int64, types.float64, types.boolean, types.int8[::1]
JAMMED_M_PER_S = 0.1


@inner_kernel(types.void(_I1, _I1, STREETS, MOTION, LEDGER), forceinline=True)
def read_lamps(group_lamp, lamp_seen, streets, motion, ledger):
    """What every connection's head or sign says, after any lamp has changed.

    group_lamp (G) Lamp · Written: lamp_seen (G+1), motion.pass_state (C), and who wakes
    """
    links, states, yield_to = streets.links, streets.states, streets.yield_to
    cars, driving, pass_state, waits = motion.cars, motion.driving, motion.pass_state, motion.waits
    same = True
    for g in range(len(group_lamp)):
        if lamp_seen[g] != group_lamp[g]:
            lamp_seen[g] = group_lamp[g]
            same = False
    if same and lamp_seen[len(group_lamp)] == 1:
        return
    lamp_seen[len(group_lamp)] = 1
    n = len(links)
    for c in range(n):
        g = links[c].group
        pass_state[c] = states[c, group_lamp[g] if g >= 0 else DARK]
    for c in range(n):
        if pass_state[c] == MAY_PASS:
            for k in range(links[c].yield_start, links[c].yield_end):
                state = pass_state[yield_to[k]]
                if state != MUST_STOP and state != STOP_FIRST:
                    pass_state[c] = GIVE_WAY
                    break
    for i in range(motion.n_driving[0]):
        v = driving[i]
        if waits[v] == AT_RED and pass_state[cars[v].next_connection] != MUST_STOP:
            wake(v, motion.time_ms[0], motion, ledger)


@inner_kernel(types.void(_I, _I, _I, _F, _F, MOTION), forceinline=True)
def announce(c, v, now_ms, arrive_s, leave_s, motion):
    """Driver `v` is going to pass connection `c`, there from `arrive_s` to `leave_s` of street time."""
    coming = motion.coming
    place = -1
    for k in range(REGISTER):
        if coming[c, k].vehicle == v:
            place = k
            break
        if place < 0 and coming[c, k].ms < now_ms - 1000:
            place = k
    if place < 0:
        place = 0
        for k in range(1, REGISTER):
            if coming[c, k].arrive_s > coming[c, place].arrive_s:
                place = k
        if coming[c, place].arrive_s < arrive_s:
            place = -1
    if place >= 0:
        coming[c, place].vehicle = v
        coming[c, place].ms = now_ms
        coming[c, place].arrive_s = arrive_s
        coming[c, place].leave_s = leave_s


@inner_kernel(_B(_I, _I, _I, _B, _F, _F, STREETS, MOTION), forceinline=True)
def someone_comes(c, v, now_ms, minds_all, arrive_s, leave_s, streets, motion):
    """Whether somebody whom `v` gives way to on connection `c` would be met there.

    minds_all: gives way to every foe (flashing red), not only to those with priority
    """
    foe, links, yield_to = streets.foe, streets.links, streets.yield_to
    coming, watched_ms = motion.coming, motion.watched_ms
    found = False
    first = links[c].foe_start if minds_all else links[c].yield_start
    end = links[c].foe_end if minds_all else links[c].yield_end
    for k in range(first, end):
        f = foe[k] if minds_all else yield_to[k]
        watched_ms[f] = now_ms
        joins = links[f].to_lane == links[c].to_lane
        for p in range(REGISTER):
            if coming[f, p].ms < now_ms - 1000 or coming[f, p].vehicle == v:
                continue
            if coming[f, p].leave_s < arrive_s:
                if joins and arrive_s - coming[f, p].leave_s < FOE_GAP_S:
                    found = True
            elif coming[f, p].arrive_s <= leave_s + FOE_GAP_S:
                found = True
        if found:
            break
    return found


@inner_kernel(_F(_I, _F, _F, _F, _F, STREETS, FLEET, MOTION), forceinline=True)
def gap_to_foes_m(c, distance_m, speed, accel, limit, streets, fleet, motion):
    """Way to the next vehicle on the node that is in the way of one who takes connection `c`.

    distance_m: to where the node is entered · Returns a great number where nobody is, the way to
    where one who will be in front on the same lane could stand, or -1 for one who must clear first.
    """
    foe, links, n_lanes = streets.foe, streets.links, streets.n_lanes
    ways = streets.ways
    riders = fleet.riders
    cars, pass_state, places = motion.cars, motion.pass_state, motion.places
    nearest = 1e9
    lanes = n_lanes[0]
    for k in range(links[c].foe_start, links[c].foe_end):
        f = foe[k]
        u = places[lanes + f].last
        while u >= 0:
            back_m = cars[u].position_m - riders[u].length_m
            brakes_m = brake_gap_m(cars[u].speed, riders[u].decel)
            # Who gives way and has not passed his waiting place stops there for whoever comes.
            waits = cars[u].position_m + brakes_m <= links[f].wait_m + 0.1 and (
                cars[u].speed < 1.0 or pass_state[f] != MAY_PASS
            )
            if links[f].to_lane == links[c].to_lane:
                left_m = ways[lanes + f].length_m - back_m
                ahead_m = distance_m + ways[lanes + c].length_m - left_m
                beside = links[f].from_lane != links[c].from_lane
                if beside and not waits and ahead_m > -0.5 * riders[u].length_m:
                    nearest = min(nearest, max(0.0, ahead_m) + brakes_m)
            elif links[f].from_lane != links[c].from_lane:
                middle_m = 0.5 * ways[lanes + f].length_m
                if back_m < middle_m and not waits:
                    clear_s = (middle_m - back_m) / max(cars[u].speed + 1.0, 1.5)
                    way_m = distance_m + 0.5 * ways[lanes + c].length_m
                    if clear_s > travel_s(way_m, speed, limit, accel):
                        nearest = -1.0
            u = cars[u].ahead
        if nearest < 0.0:
            break
    return nearest


@inner_kernel(_B(_I, _I, _I, _F, STREETS, FLEET, MOTION), forceinline=True)
def has_room(c, at, v, need_m, streets, fleet, motion):
    """Whether behind connection `c` there are `need_m` metres not taken by standing vehicles.

    at: index into route_edge of the edge it leads to
    """
    edge_lane_start, links, n_lanes = streets.edge_lane_start, streets.links, streets.n_lanes
    ways = streets.ways
    riders, row_start, rows = fleet.riders, fleet.row_start, fleet.rows
    cars, places = motion.cars, motion.places
    lanes = n_lanes[0]
    found_m = -places[lanes + c].load_m
    way = links[c].to_lane
    enough = False
    while True:
        # Up to the hindmost who stands there: who still moves before him will close up to him.
        moving_m = 0.0
        u = places[way].last
        while u >= 0:
            back_m = cars[u].position_m - riders[u].length_m
            if cars[u].speed < JAMMED_M_PER_S or found_m + back_m - moving_m >= need_m:
                break
            moving_m += riders[u].length_m + riders[u].gap_m
            u = cars[u].ahead
        if u >= 0:
            enough = found_m + cars[u].position_m - riders[u].length_m - moving_m >= need_m
            break
        found_m += ways[way].length_m - moving_m
        if found_m >= need_m or at >= riders[v].last_at:
            enough = True
            break
        row = row_start[at + riders[v].shift] + way - edge_lane_start[ways[way].edge]
        following = rows[row].connection
        if following < 0:
            break
        found_m -= places[lanes + following].load_m
        way = links[following].to_lane
        at += 1
    return enough
