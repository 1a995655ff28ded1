"""Looks at a city once a second and notes who waits where: truth, never seen by a controller.

The delay of a passage is what a vehicle has lost since it passed the signal before (or set out),
so that what it loses on short edges and at nodes without a signal counts for the signal it
waits for. A wait at a kerb is booked to the millisecond when the person has stepped off.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

import numpy as np
from numba import types

from controller.compiling import inner_kernel, kernel
from sim.city.movement.status import ARRIVED, DRIVING
from sim.city.people.walkers_model import CROSSING, WAITING, WALKERS
from sim.city.measuring.watch_model import GRIDLOCK_STOOD_MS, GRIDLOCK_VEH, NOTES, STREETS

WALK = 4
STANDING_M_PER_S = 0.1
ROOM_M = 7.5
"""A street on which a car of usual length and its gap find no room is full."""
NO_CALL_MS = 1 << 59
"""From here on a call time means that there is none (`controller.state.NEVER_MS`)."""

_I, _F = types.int64, types.float64
_INTS, _FLOATS, _BYTES = types.int64[::1], types.float64[::1], types.int8[::1]


@inner_kernel(types.void(_I, _I, _F, _F, STREETS, NOTES))
def book(j, mode, delay_s, persons, streets, notes):
    """Count one passage of a signal with its delay."""
    delay_s = max(0.0, delay_s)
    b = np.searchsorted(streets.bin_edge_s, delay_s, side="right") - 1
    notes.delay_bins[j, mode, b] += 1
    notes.passed[j, mode] += 1
    notes.passed_persons[j, mode] += persons
    notes.delay_s[j, mode] += delay_s
    notes.delay_person_s[j, mode] += delay_s * persons
    notes.worst_delay_s[j, mode] = max(notes.worst_delay_s[j, mode], delay_s)


@inner_kernel(types.void(_I, _I, _F, _F, STREETS, NOTES))
def follow(v, route_at, lost_s, persons, streets, notes):
    """Book the signals a vehicle has passed since it was last seen."""
    for at in range(notes.seen_at[v], route_at):
        j = streets.edge_junction[streets.route_edge[at]]
        if j >= 0:
            book(j, streets.mode[v], lost_s - notes.signal_lost_s[v], persons, streets, notes)
            notes.signal_lost_s[v] = lost_s
    notes.seen_at[v] = route_at


@inner_kernel(_I(_I, _I, _I, _INTS, _INTS))
def suspended_ms_of(i, since_ms, so_far_ms, seen_since_ms, seen_suspended_ms):
    """For how long promises have been suspended in wait i, begun at `since_ms`, since it was first seen.

    so_far_ms: ever, at its signal · written: the wait seen last and what there was then, by person or vehicle
    """
    if seen_since_ms[i] != since_ms:
        seen_since_ms[i], seen_suspended_ms[i] = since_ms, so_far_ms
    return so_far_ms - seen_suspended_ms[i]


@inner_kernel(types.void(_I, _I, _I, _I, STREETS, NOTES))
def judge_standing(v, lane, since_ms, now_ms, streets, notes):
    """Note, once a standing, that it has lasted longer than promised while promises were not suspended."""
    so_far_ms = notes.suspended_ms[streets.lane_junction[lane]]
    suspended_ms = suspended_ms_of(v, since_ms, so_far_ms, notes.stood_since_ms, notes.stood_suspended_ms)
    promise_ms, counted_ms = streets.lane_promise_ms[lane], now_ms - since_ms - suspended_ms
    if 0 <= promise_ms < counted_ms and notes.stood_late_since_ms[v] != since_ms:
        notes.stood_late_since_ms[v] = since_ms
        notes.lane_late[lane] += 1
        notes.stood_late[v] = True


@kernel(
    types.void(_I, _I, _I, _INTS, _INTS, _FLOATS, _FLOATS, _INTS, _INTS, _FLOATS, _FLOATS, STREETS, NOTES)
)
def look_at_vehicles(
    now_ms, minute, n_driving, driving, lane, position_m, speed_m_per_s, stood_ms, route_at, lost_s, persons,
    streets, notes,
):  # fmt: skip
    """Everybody who drives, at the end of a step; arrays as in `sim.city.movement.traffic.Traffic`.

    driving: (V) rows, the first n_driving valid; lane: (V) -1 on a connection; position_m: (V) m;
    speed_m_per_s: (V) m/s; stood_ms: (V) ms; route_at: (V); lost_s: (V) s; persons: (V).
    """
    notes.queue_veh[:] = 0
    long_veh = 0
    notes.minute_driving_s[minute] += n_driving
    for i in range(n_driving):
        v = driving[i]
        if route_at[v] != notes.seen_at[v]:
            follow(v, route_at[v], lost_s[v], persons[v], streets, notes)
        if speed_m_per_s[v] >= STANDING_M_PER_S:
            continue
        mode = streets.mode[v]
        notes.minute_standing_s[minute, mode] += 1.0
        long_veh += stood_ms[v] > GRIDLOCK_STOOD_MS
        at = lane[v]
        if at < 0:
            continue
        if position_m[v] - streets.length_m[v] < ROOM_M and notes.lane_full_ms[at] != now_ms:
            notes.lane_full_ms[at] = now_ms
            notes.lane_full_s[at] += 1
        j = streets.lane_junction[at]
        if j >= 0:
            judge_standing(v, at, now_ms - stood_ms[v], now_ms, streets, notes)
            notes.queue_veh[j] += 1
            notes.worst_stood_s[j, mode] = max(notes.worst_stood_s[j, mode], stood_ms[v] / 1000.0)
    for j in range(notes.queue_veh.size):
        notes.queue_max_veh[j] = max(notes.queue_max_veh[j], notes.queue_veh[j])
    if long_veh >= GRIDLOCK_VEH:
        notes.gridlock[0] = True


@inner_kernel(types.void(_I, _I, _I, _I, STREETS, NOTES))
def judge_wait(p, k, since_ms, until_ms, streets, notes):
    """Note, once a wait, that it has lasted longer than promised, but for when promises were suspended."""
    so_far_ms = notes.suspended_ms[streets.crossing_junction[k]]
    promise_ms = streets.crossing_promise_ms[k]
    promise_ms += suspended_ms_of(p, since_ms, so_far_ms, notes.wait_since_ms, notes.wait_suspended_ms)
    if notes.late_since_ms[p] != since_ms and until_ms - since_ms > promise_ms:
        notes.late_since_ms[p] = since_ms
        notes.crossing_late[k] += 1
    if notes.noticed_since_ms[p] != since_ms and until_ms - max(since_ms, notes.heard_ms[k]) > promise_ms:
        notes.noticed_since_ms[p] = since_ms
        notes.crossing_late_noticed[k] += 1


@inner_kernel(types.void(_I, _I, _I, _I, types.boolean, STREETS, NOTES))
def book_kerb(p, k, since_ms, waited_ms, on_red, streets, notes):
    """A wait at a kerb has ended: count it at its signal, and whether the promise was kept."""
    j = streets.crossing_junction[k]
    book(j, WALK, waited_ms / 1000.0, 1.0, streets, notes)
    notes.worst_stood_s[j, WALK] = max(notes.worst_stood_s[j, WALK], waited_ms / 1000.0)
    judge_wait(p, k, since_ms, since_ms + waited_ms, streets, notes)
    if on_red and notes.late_since_ms[p] != since_ms:
        notes.crossing_gave_up[k] += 1


@kernel(types.void(_I, _I, types.boolean[::1], WALKERS, STREETS, NOTES))
def look_at_people(now_ms, minute, unheard, walkers, streets, notes):
    """Everybody at a signalled kerb or crossing there, at the end of a step.

    unheard: (K) the button is dead and the controller does not know.
    """
    for k in range(unheard.size):
        if unheard[k]:
            notes.heard_ms[k] = now_ms
    for i in range(walkers.n_out[0]):
        p = walkers.out[i]
        status = walkers.status[p]
        if status != WAITING and status != CROSSING:
            continue
        k = streets.leg_crossing[walkers.leg_at[p]]
        if status == WAITING:
            notes.minute_standing_s[minute, WALK] += 1.0
        if k < 0 or streets.crossing_junction[k] < 0:
            continue
        since_ms = walkers.since_ms[p]
        if status == CROSSING:
            if notes.kerb_since_ms[p] != since_ms:
                waited_ms = walkers.lost_ms[p] - notes.kerb_lost_ms[p]
                book_kerb(p, k, since_ms, waited_ms, walkers.on_red[p], streets, notes)
                notes.kerb_since_ms[p] = since_ms
                notes.kerb_lost_ms[p] = walkers.lost_ms[p]
        elif notes.late_since_ms[p] != since_ms or notes.noticed_since_ms[p] != since_ms:
            judge_wait(p, k, since_ms, now_ms, streets, notes)


@kernel(types.void(_I, _INTS, STREETS, NOTES))
def look_at_calls(now_ms, call_since_ms, streets, notes):
    """Calls as the controller has registered them; call_since_ms: (G) as in `controller.state.State`."""
    for g in range(call_since_ms.size):
        since_ms = call_since_ms[g]
        if since_ms >= NO_CALL_MS:
            notes.group_call_ms[g] = -1
            continue
        so_far_ms = notes.suspended_ms[streets.group_junction[g]]
        if notes.group_call_ms[g] != since_ms:
            notes.group_calls[g] += 1
        suspended_ms = suspended_ms_of(g, since_ms, so_far_ms, notes.group_call_ms, notes.group_suspended_ms)
        if (
            now_ms - since_ms - suspended_ms > streets.group_promise_ms[g]
            and notes.group_late_ms[g] != since_ms
        ):
            notes.group_late_ms[g] = since_ms
            notes.group_calls_late[g] += 1


@kernel(types.void(_BYTES, _INTS, _FLOATS, _FLOATS, WALKERS, STREETS, NOTES))
def close_books(status, route_at, lost_s, persons, walkers, streets, notes):
    """At the end: signals passed in a vehicle's last second, and who still waits at one.

    status, route_at, lost_s, persons: (V) as in `sim.city.movement.traffic.Traffic`.
    """
    for v in range(status.size):
        if status[v] != DRIVING and status[v] != ARRIVED:
            continue
        follow(v, route_at[v], lost_s[v], persons[v], streets, notes)
        if status[v] == ARRIVED:
            continue
        for at in range(route_at[v], streets.route_last[v]):
            j = streets.edge_junction[streets.route_edge[at]]
            if j >= 0:
                book(j, streets.mode[v], lost_s[v] - notes.signal_lost_s[v], persons[v], streets, notes)
                break
    for i in range(walkers.n_out[0]):
        p = walkers.out[i]
        k = streets.leg_crossing[walkers.leg_at[p]]
        if walkers.status[p] == WAITING and k >= 0 and streets.crossing_junction[k] >= 0:
            waited_ms = walkers.lost_ms[p] - notes.kerb_lost_ms[p]
            book_kerb(p, k, walkers.since_ms[p], waited_ms, False, streets, notes)
