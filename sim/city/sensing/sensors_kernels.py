"""Machine code of the city's sensors: loops by passages, tracks and stop-line counts, once a second.

A place is a street lane (its own index) or a connection (L + its index). A passage is one
vehicle over one loop, as in `sim.sumo_sensors_kernels`: it opens when the front crosses the
loop's upstream edge and ends when the rear has left its downstream edge; `passage_past_m` is
how far the rear is past the upstream edge.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.bundle import BUNDLED, put, taken
from controller.compiling import inner_kernel, kernel
from sim.city.movement.status import DRIVING
from sim.city.sensing.sensors_model import LAID, MEMORY, MOTION, PEOPLE, READING, SEEN, SIGHT, SUITE, WAYS

"""`sim.city.movement.traffic.Status.DRIVING`."""
WAY_LANES_MAX = 8
"""Lanes a vehicle may pass in one second at most."""
WAY_M_MAX = 150.0
"""Longest way over several lanes looked for between two readings."""


_TRACKED = types.boolean[::1]


@inner_kernel(types.void(types.int64, MEMORY), forceinline=True)
def keep_way(n, memory):
    """Take note of the first `n` places of the way now looked at."""
    for k in range(n):
        memory.best_place[k] = memory.way_place[k]
        memory.best_before_m[k] = memory.way_before_m[k]


@inner_kernel(types.int64(types.int64, types.int64, WAYS, MEMORY))
def find_way(first, last, ways, memory):
    """Shortest way over connections from place `first` to place `last`, or to a lane beside it.

    Written: memory.best_place, best_before_m. Returns the number of places on it, both ends
    included; 0 = no way of at most WAY_LANES_MAX lanes and WAY_M_MAX between the ends.
    """
    n_lanes = len(ways.connection_start) - 1
    place, before = memory.way_place, memory.way_before_m
    place[0], before[0] = first, 0.0
    if last >= n_lanes and ways.connection_from[last - n_lanes] == first:
        place[1], before[1] = last, ways.place_length_m[first]
        keep_way(2, memory)
        return 2
    top = 0
    if first >= n_lanes:
        top = 1
        place[1], before[1] = ways.connection_to[first - n_lanes], ways.place_length_m[first]
        if place[1] == last:
            keep_way(2, memory)
            return 2
    bottom = top
    found, found_m, exact = 0, 1e18, False
    if top == 1 and ways.place_edge[place[1]] == ways.place_edge[last]:
        found, found_m = 2, before[1]
        keep_way(2, memory)
    memory.way_next[top] = ways.connection_start[place[top]]
    while top >= bottom:
        lane = place[top]
        c = memory.way_next[top]
        if c >= ways.connection_start[lane + 1]:
            top -= 2
            continue
        memory.way_next[top] = c + 1
        at_m = before[top] + ways.place_length_m[lane]
        place[top + 1], before[top + 1] = n_lanes + c, at_m
        to = ways.connection_to[c]
        place[top + 2], before[top + 2] = to, at_m + ways.place_length_m[n_lanes + c]
        n, here_m, hit = 0, 0.0, False
        if n_lanes + c == last:
            n, here_m, hit = top + 2, at_m, True
        elif ways.place_edge[to] == ways.place_edge[last]:
            n, here_m, hit = top + 3, before[top + 2], to == last
        if n > 0:
            if (hit and not exact) or (hit == exact and here_m < found_m):
                found, found_m, exact = n, here_m, hit
                keep_way(n, memory)
            continue
        far_m = before[top + 2] + ways.place_length_m[to] - ways.place_length_m[first]
        room = top + 4 < len(memory.way_place)
        if room and far_m <= WAY_M_MAX and not (exact and far_m >= found_m):
            top += 2
            memory.way_next[top] = ways.connection_start[to]
    return found


@inner_kernel(types.int64(types.int64, types.int64, WAYS, MEMORY))
def find_way_beside(first, last, ways, memory):
    """As `find_way`, for somebody who moved over to a lane beside `first` before leaving its edge."""
    n_lanes = len(ways.connection_start) - 1
    for step in (-1, 1):
        beside = first + step
        while 0 <= beside < n_lanes and ways.place_edge[beside] == ways.place_edge[first]:
            n = find_way(beside, last, ways, memory)
            if n > 0:
                return n
            beside += step
    return 0


_STRETCH = types.int64(
    types.int64,
    types.int64,
    types.float64,
    types.float64,
    types.float64,
    types.int64,
    MOTION,
    LAID,
    MEMORY,
    READING,
)


@inner_kernel(_STRETCH, forceinline=True)
def cross_loops(vehicle, place, from_m, to_m, before_m, n_passages, motion, laid, memory, reading):
    """Count the vehicle's front on every loop of a stretch of one place; returns the passages now open.

    before_m: driven since the last reading before this stretch began; its `moved_m` holds the
    whole way. A full passage array forgets the newest (it has room for every loop several times).
    """
    for k in range(laid.place_start[place], laid.place_start[place + 1]):
        d = laid.place_loop[k]
        at_m = laid.position_m[d]
        if at_m <= from_m or at_m > to_m or (laid.buses_only[d] and not motion.is_bus[vehicle]):
            continue
        reading.counted[d] += 1
        moved_m = memory.followed[vehicle].moved_m
        past_m = moved_m - (before_m + at_m - from_m)
        span_m = motion.length_m[vehicle] + laid.length_m[0]
        reading.occupancy[d] = min(1.0, reading.occupancy[d] + min(past_m, span_m) / moved_m)
        if past_m < span_m:
            reading.on[d] = True
            if n_passages < len(memory.passage_vehicle):
                memory.passage_vehicle[n_passages] = vehicle
                memory.passage_detector[n_passages] = d
                memory.passage_past_m[n_passages] = past_m - motion.length_m[vehicle]
                n_passages += 1
    return n_passages


@inner_kernel(types.int64(types.int64, types.int64, MOTION, LAID, MEMORY, READING))
def continue_passages(n_before, n_passages, motion, laid, memory, reading):
    """Move those who were on loops already (the first `n_before`); returns how many passages stay open."""
    kept = 0
    for i in range(n_passages):
        vehicle, d, past_m = memory.passage_vehicle[i], memory.passage_detector[i], memory.passage_past_m[i]
        if i < n_before:
            if motion.status[vehicle] != DRIVING:
                continue
            moved_m, left_m = memory.followed[vehicle].moved_m, laid.length_m[0] - past_m
            if moved_m >= left_m:
                reading.occupancy[d] = min(1.0, reading.occupancy[d] + left_m / moved_m)
                continue
            reading.occupancy[d] = 1.0
            reading.on[d] = True
            past_m += moved_m
        memory.passage_vehicle[kept], memory.passage_detector[kept] = vehicle, d
        memory.passage_past_m[kept] = past_m
        kept += 1
    return kept


@inner_kernel(types.int64(types.int64, MOTION, WAYS, LAID, MEMORY))
def end_beside(n_passages, motion, ways, laid, memory):
    """End the passages of those who moved over, on the lanes beside; returns how many stay open."""
    kept = 0
    for i in range(n_passages):
        to = memory.followed[memory.passage_vehicle[i]].settle
        at = laid.loop_place[memory.passage_detector[i]]
        if to >= 0 and at != to and ways.place_edge[at] == ways.place_edge[to]:
            continue
        memory.passage_vehicle[kept] = memory.passage_vehicle[i]
        memory.passage_detector[kept] = memory.passage_detector[i]
        memory.passage_past_m[kept] = memory.passage_past_m[i]
        kept += 1
    return kept


@inner_kernel(types.int64(types.int64, types.int64, MOTION, LAID, MEMORY, READING))
def settle(vehicle, n_passages, motion, laid, memory, reading):
    """Put a vehicle that moved over, or entered the map, on the loops under its body.

    Who moved over is uncounted: another loop of the same street saw it. Who entered the map on
    a loop is counted: in the world beyond it drove over it. Returns the passages now open.
    """
    place, length_m = memory.followed[vehicle].settle, motion.length_m[vehicle]
    for k in range(laid.place_start[place], laid.place_start[place + 1]):
        d = laid.place_loop[k]
        past_m = motion.position_m[vehicle] - laid.position_m[d] - length_m
        if past_m >= laid.length_m[0] or past_m < -length_m:
            continue
        if laid.buses_only[d] and not motion.is_bus[vehicle]:
            continue
        known = n_passages >= len(memory.passage_vehicle)
        for i in range(n_passages):
            known = known or (memory.passage_vehicle[i] == vehicle and memory.passage_detector[i] == d)
        if known:
            continue
        if memory.followed[vehicle].place < 0:
            reading.counted[d] += 1
        reading.on[d] = True
        memory.passage_vehicle[n_passages], memory.passage_detector[n_passages] = vehicle, d
        memory.passage_past_m[n_passages] = past_m
        n_passages += 1
    return n_passages


@inner_kernel(types.int64(types.int64, types.int64, MOTION, WAYS, LAID, MEMORY, READING))
def drive_on(vehicle, n_passages, motion, ways, laid, memory, reading):
    """Follow a vehicle to another place over the loops between; returns the passages now open.

    Sets its `settle` when it ended beside its way, or came by no way at all.
    """
    n_lanes = len(ways.connection_start) - 1
    place = motion.lane[vehicle] if motion.lane[vehicle] >= 0 else n_lanes + motion.connection[vehicle]
    last, from_m, at_m = (
        memory.followed[vehicle].place,
        memory.followed[vehicle].at_m,
        motion.position_m[vehicle],
    )
    memory.followed[vehicle].moved_m = 0.0
    if last < 0:
        memory.followed[vehicle].settle = place
        return n_passages
    if ways.place_edge[last] == ways.place_edge[place]:
        memory.followed[vehicle].settle = place
        if at_m > from_m:
            memory.followed[vehicle].moved_m = at_m - from_m
            n_passages = cross_loops(
                vehicle, last, from_m, at_m, 0.0, n_passages, motion, laid, memory, reading
            )
        return n_passages
    n = find_way(last, place, ways, memory)
    if n == 0:
        n = find_way_beside(last, place, ways, memory)
    if n == 0:
        memory.followed[vehicle].settle = place
        return n_passages
    memory.followed[vehicle].moved_m = max(memory.best_before_m[n - 1] + at_m - from_m, 1e-9)
    for k in range(n):
        on = memory.best_place[k] if k > 0 else last
        start_m = from_m if k == 0 else 0.0
        end_m = at_m if k == n - 1 else ways.place_length_m[on]
        before_m = memory.best_before_m[k] + start_m - from_m
        n_passages = cross_loops(
            vehicle, on, start_m, end_m, before_m, n_passages, motion, laid, memory, reading
        )
    if memory.best_place[n - 1] != place:
        memory.followed[vehicle].settle = place
    return n_passages


@inner_kernel(types.void(MOTION, WAYS, LAID, MEMORY, READING))
def sense_loops(motion, ways, laid, memory, reading):
    """Fill a reading (cleared before) from where vehicles were at the last reading and are now."""
    n_lanes = len(ways.connection_start) - 1
    n_before = memory.n_passages[0]
    n = n_before
    settling = 0
    for i in range(motion.n_driving[0]):
        v = motion.driving[i]
        place = motion.lane[v] if motion.lane[v] >= 0 else n_lanes + motion.connection[v]
        at_m = motion.position_m[v]
        if place == memory.followed[v].place:
            from_m = memory.followed[v].at_m
            memory.followed[v].moved_m = max(at_m - from_m, 0.0)
            if laid.place_start[place] < laid.place_start[place + 1] and at_m > from_m:
                n = cross_loops(v, place, from_m, at_m, 0.0, n, motion, laid, memory, reading)
        else:
            n = drive_on(v, n, motion, ways, laid, memory, reading)
            settling += memory.followed[v].settle >= 0
    n = continue_passages(n_before, n, motion, laid, memory, reading)
    if settling > 0:
        n = end_beside(n, motion, ways, laid, memory)
    for i in range(motion.n_driving[0]):
        v = motion.driving[i]
        if memory.followed[v].settle >= 0:
            n = settle(v, n, motion, laid, memory, reading)
            memory.followed[v].settle = -1
        memory.followed[v].place = motion.lane[v] if motion.lane[v] >= 0 else n_lanes + motion.connection[v]
        memory.followed[v].at_m = motion.position_m[v]
    memory.n_passages[0] = n


@kernel(types.int64(types.boolean, _TRACKED, MOTION, WAYS, SIGHT, MEMORY, READING, SEEN))
def see_tracks(counting, tracked, motion, ways, sight, memory, reading, seen):
    """Every tracked vehicle within sight of a stop line it may come to; returns how many.

    tracked (V) bool: seen at all (all of them, or those that are connected). With `counting`
    it also counts at the stop lines: who was in a stop line's lane and now drives on another edge
    has crossed, and `memory` takes note of where everybody is.
    """
    n_lanes = len(ways.connection_start) - 1
    n = 0
    for i in range(motion.n_driving[0]):
        v = motion.driving[i]
        if not tracked[v]:
            continue
        place = motion.lane[v] if motion.lane[v] >= 0 else n_lanes + motion.connection[v]
        if counting:
            last = memory.followed[v].place
            if last >= 0 and last != place:
                d = sight.place_stopline[last]
                if d >= 0 and ways.place_edge[last] != ways.place_edge[place]:
                    reading.counted[d] += 1
            memory.followed[v].place = place
        k, last_k = sight.piece_start[place], sight.piece_start[place + 1] - 1
        while k < last_k and motion.position_m[v] > sight.piece_end_m[k]:
            k += 1
        if k > last_k or sight.piece_segment[k] < 0:
            continue
        to_end_m = max(sight.piece_end_m[k] - motion.position_m[v], 0.0)
        if to_end_m + sight.piece_gap_m[k] <= sight.sight_m[0]:
            seen.segment[n] = sight.piece_segment[k]
            seen.distance_m[n] = to_end_m
            seen.speed_m_per_s[n] = motion.speed_m_per_s[v]
            seen.kind[n] = 1 if motion.is_bus[v] else 0
            n += 1
    return n


@inner_kernel(types.void(PEOPLE, READING))
def see_people(people, reading):
    """Presses of buttons, and people seen without one."""
    for k in range(len(people.detector)):
        d = people.detector[k]
        if d >= 0:
            count = people.presses[k]
            if people.passive[k]:
                count = max(count, people.came[k] - people.came_before[k])
                reading.on[d] = reading.on[d] or people.waiting[k] > 0
            if count > 0:
                reading.counted[d] += count
                reading.on[d] = True
            if reading.on[d]:
                reading.occupancy[d] = 1.0
        people.came_before[k] = people.came[k]


@kernel(types.int64(BUNDLED, SUITE))
def lay_suite(memory, suite):
    """Lay a suite into the memory of its `Bundle`; gives how many words it needs."""
    return put(memory, suite)


@kernel(types.void(types.boolean, BUNDLED))
def sense(loops, memory):
    """A new reading of buttons and, with `loops`, of loops, over the suite laid into a memory."""
    suite = taken(memory, SUITE)
    reading = suite.reading
    for d in range(len(reading.on)):
        reading.on[d] = False
        reading.counted[d] = 0
        reading.occupancy[d] = 0.0
    if loops:
        sense_loops(suite.motion, suite.ways, suite.laid, suite.memory, reading)
    see_people(suite.people, reading)
