"""People on foot, moved one step: pavement, kerb, carriageway, with millisecond precision.

Within a step the lamps stand still and everything that happens to a person is played in the
order of time, so that somebody who comes to the kerb in the middle of a second waits half a
second, and nobody walks a metre too many. All times are integer milliseconds.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import njit, types

from sim.city.walkers_model import PAVEMENTS, WALKERS

FUTURE, WALKING, WAITING, CROSSING, ARRIVED = 0, 1, 2, 3, 4
RED, GREEN, YELLOW, CLEARANCE = 0, 1, 2, 3
NO_SIGNAL = -1
GAP_MARGIN_S = 3.0
"""Added to the time the crossing takes: start-up and end clearance (HCM 2010, eq. 19-69)."""

_I, _B = types.int64, types.boolean


@njit(_I(_I, _I, WALKERS, PAVEMENTS), cache=True, nogil=True, inline="always")
def crossing_ms(row, k, walkers, pavements):
    """Time a person takes over a crossing, ms."""
    return max(1, int(pavements.crossing_length_m[k] / pavements.speed_m_per_s[row] * 1000.0 + 0.5))


@njit(_B(_I), cache=True, nogil=True, inline="always")
def works(lamp):
    """Whether a head tells people when to cross; flashing or dark it does not."""
    return lamp in (RED, GREEN, CLEARANCE, YELLOW)


@njit(types.void(_I, _I, _I, WALKERS, PAVEMENTS), cache=True, nogil=True, inline="always")
def begin_leg(row, leg, at_ms, walkers, pavements):
    """Set out on a leg at a moment, or arrive when there is none left."""
    if leg >= pavements.leg_start[row + 1]:
        walkers.status[row] = ARRIVED
        walkers.arrived_ms[row] = at_ms
        walkers.until_ms[row] = -1
        return
    walk_ms = int(pavements.leg_before_m[leg] / pavements.speed_m_per_s[row] * 1000.0 + 0.5)
    walkers.leg_at[row] = leg
    walkers.status[row] = WALKING
    walkers.until_ms[row] = at_ms + walk_ms


@njit(types.void(_I, _I, _I, _I, WALKERS, PAVEMENTS), cache=True, nogil=True, inline="always")
def come_to_kerb(row, k, at_ms, lamp, walkers, pavements):
    """Stand at the kerb, and press the button when people must wait."""
    walkers.status[row] = WAITING
    walkers.since_ms[row] = at_ms
    walkers.crossing_came[k] += 1
    if pavements.presses[row] and works(lamp) and lamp != GREEN:
        walkers.pressed[row] = True
        walkers.called_ms[row] = at_ms
        walkers.crossing_presses[k] += 1
        if walkers.crossing_called_ms[k] < 0:
            walkers.crossing_calls[k] += 1
            walkers.crossing_called_ms[k] = at_ms
        elif at_ms < walkers.crossing_called_ms[k]:
            walkers.crossing_called_ms[k] = at_ms


@njit(_I(_I, _I, _I, _I, _I, WALKERS, PAVEMENTS), cache=True, nogil=True, inline="always")
def steps_off_ms(row, k, lamp, now_ms, end_ms, walkers, pavements):
    """When a waiting person leaves the kerb in this step; -1 = not in this step.

    On WALK at once; never in the clearance; on red after the end of patience in a safe gap; where
    no signal works, in a safe gap.
    """
    at_ms = max(now_ms, walkers.since_ms[row])
    if lamp == GREEN:
        return at_ms
    if lamp in (CLEARANCE, YELLOW):
        return -1
    if lamp == RED:
        if pavements.patience_ms[row] < 0:
            return -1
        at_ms = max(at_ms, walkers.since_ms[row] + pavements.patience_ms[row])
        if at_ms >= end_ms:
            return -1
    needed_s = crossing_ms(row, k, walkers, pavements) / 1000.0 + GAP_MARGIN_S
    return at_ms if walkers.crossing_vehicle_s[k] >= needed_s else -1


@njit(types.void(_I, _I, _I, _I, WALKERS), cache=True, nogil=True, inline="always")
def stand(row, k, now_ms, until_ms, walkers):
    """Count the standing of this step, for the person and for the crossing."""
    standing_ms = until_ms - max(now_ms, walkers.since_ms[row])
    waited_ms = until_ms - walkers.since_ms[row]
    walkers.lost_ms[row] += standing_ms
    walkers.crossing_standing_ms[k] += standing_ms
    walkers.worst_waited_ms[row] = max(walkers.worst_waited_ms[row], waited_ms)
    walkers.crossing_worst_ms[k] = max(walkers.crossing_worst_ms[k], waited_ms)


@njit(types.void(_I, _I, _I, _I, _I, WALKERS, PAVEMENTS), cache=True, nogil=True, inline="always")
def wait_or_step_off(row, k, lamp, now_ms, end_ms, walkers, pavements):
    """Somebody at the kerb: stands on (until_ms -1), or is on the carriageway from a moment of this step."""
    off_ms = steps_off_ms(row, k, lamp, now_ms, end_ms, walkers, pavements)
    if off_ms < 0:
        stand(row, k, now_ms, end_ms, walkers)
        walkers.until_ms[row] = -1
        return
    stand(row, k, now_ms, off_ms, walkers)
    walkers.status[row] = CROSSING
    walkers.until_ms[row] = off_ms + crossing_ms(row, k, walkers, pavements)
    walkers.on_red[row] = lamp == RED
    walkers.pressed[row] = False
    walkers.called_ms[row] = -1


@njit(types.void(_I, _I, types.int8[::1], WALKERS, PAVEMENTS), cache=True, nogil=True)
def move_person(row, now_ms, group_lamp, walkers, pavements):
    """Play one person from now to the end of the step; several things may happen in it."""
    end_ms = walkers.time_ms[0]
    while walkers.status[row] != ARRIVED:
        leg = walkers.leg_at[row]
        k = pavements.leg_crossing[leg]
        lamp = NO_SIGNAL
        if k >= 0 and pavements.crossing_group[k] >= 0:
            lamp = int(group_lamp[pavements.crossing_group[k]])
        if walkers.status[row] == WAITING:
            wait_or_step_off(row, k, lamp, now_ms, end_ms, walkers, pavements)
            if walkers.status[row] == WAITING:
                return
        at_ms = walkers.until_ms[row]
        if at_ms >= end_ms:
            return
        if walkers.status[row] == CROSSING:
            walkers.crossing_crossed[k] += 1
            walkers.since_ms[row] = -1
            if walkers.on_red[row]:
                walkers.crossed_on_red[row] += 1
                walkers.crossing_red[k] += 1
                walkers.on_red[row] = False
            begin_leg(row, leg + 1, at_ms, walkers, pavements)
        elif k < 0:
            begin_leg(row, leg + 1, at_ms, walkers, pavements)
        else:
            come_to_kerb(row, k, at_ms, lamp, walkers, pavements)


@njit(types.void(_I, types.int8[::1], WALKERS, PAVEMENTS), cache=True, nogil=True)
def watch_lamps(now_ms, group_lamp, walkers, pavements):
    """What a change of lamps does: WALK answers the call; people still there at red were caught."""
    changed_to_red = False
    for k in range(pavements.crossing_group.size):
        g = pavements.crossing_group[k]
        if g < 0:
            continue
        lamp, before = group_lamp[g], walkers.crossing_lamp[k]
        if lamp == GREEN and walkers.crossing_called_ms[k] >= 0:
            called_for_ms = now_ms - walkers.crossing_called_ms[k]
            walkers.crossing_worst_call_ms[k] = max(walkers.crossing_worst_call_ms[k], called_for_ms)
            walkers.crossing_called_ms[k] = -1
        if lamp == RED and before in (CLEARANCE, GREEN):
            changed_to_red = True
    if changed_to_red:
        for i in range(walkers.n_out[0]):
            row = walkers.out[i]
            if walkers.status[row] != CROSSING or walkers.on_red[row] or walkers.until_ms[row] <= now_ms:
                continue
            k = pavements.leg_crossing[walkers.leg_at[row]]
            g = pavements.crossing_group[k]
            if g < 0 or group_lamp[g] != RED:
                continue
            if walkers.crossing_lamp[k] in (CLEARANCE, GREEN):
                walkers.caught[row] += 1
                walkers.crossing_caught[k] += 1
    for k in range(pavements.crossing_group.size):
        g = pavements.crossing_group[k]
        walkers.crossing_lamp[k] = group_lamp[g] if g >= 0 else NO_SIGNAL


@njit(types.void(_I, _I, WALKERS, PAVEMENTS), cache=True, nogil=True, inline="always")
def count_at_crossing(row, end_ms, walkers, pavements):
    """Where a person is when the step ends: on the carriageway, at the kerb, or soon at it."""
    k = pavements.leg_crossing[walkers.leg_at[row]]
    if k < 0:
        return
    next_ms = end_ms + 1000
    status = walkers.status[row]
    signal = works(int(walkers.crossing_lamp[k])) and pavements.crossing_group[k] >= 0
    if status == CROSSING:
        walkers.crossing_people[k] += 1
    elif status == WAITING:
        walkers.crossing_waiting[k] += 1
        since_ms = walkers.since_ms[row]
        if walkers.crossing_since_ms[k] < 0 or since_ms < walkers.crossing_since_ms[k]:
            walkers.crossing_since_ms[k] = since_ms
        patience_ms = pavements.patience_ms[row]
        if not signal or (patience_ms >= 0 and since_ms + patience_ms < next_ms):
            walkers.crossing_asks[k] = True
    elif walkers.until_ms[row] < next_ms and (not signal or pavements.patience_ms[row] == 0):
        walkers.crossing_asks[k] = True


@njit(types.void(_I, types.int8[::1], WALKERS, PAVEMENTS), cache=True, nogil=True)
def step_people(now_ms, group_lamp, walkers, pavements):
    """Move everybody from now_ms to now_ms + 1000 ms under lamps that stand still.

    group_lamp: (signal groups) int8 Lamp. `walkers.crossing_vehicle_s` must be of this step.
    Written: everything in `walkers` but crossing_vehicle_s.
    """
    end_ms = now_ms + 1000
    walkers.time_ms[0] = end_ms
    walkers.crossing_presses[:] = 0
    walkers.crossing_people[:] = 0
    walkers.crossing_waiting[:] = 0
    walkers.crossing_since_ms[:] = -1
    walkers.crossing_asks[:] = False
    watch_lamps(now_ms, group_lamp, walkers, pavements)
    row = walkers.next_row[0]
    n = walkers.n_out[0]
    while row < pavements.depart_ms.size and pavements.depart_ms[row] < end_ms:
        begin_leg(row, pavements.leg_start[row], pavements.depart_ms[row], walkers, pavements)
        walkers.out[n] = row
        n += 1
        row += 1
    walkers.next_row[0] = row
    kept = 0
    for i in range(n):
        row = walkers.out[i]
        if walkers.status[row] == WAITING or walkers.until_ms[row] < end_ms:
            move_person(row, now_ms, group_lamp, walkers, pavements)
        if walkers.status[row] == ARRIVED:
            continue
        walkers.out[kept] = row
        kept += 1
        count_at_crossing(row, end_ms, walkers, pavements)
    walkers.n_out[0] = kept
