"""People on foot, moved one step: pavement, kerb, carriageway, with millisecond precision.

Within a step the lamps stand still and everything that happens to a person is played in the
order of time, so that somebody who comes to the kerb in the middle of a second waits half a
second, and nobody walks a metre too many. All times are integer milliseconds.

One pass of each kind moves everybody who is due: sets out, comes to a kerb, stands there, or reaches
the other side; passes repeat while somebody may do more within the second. Loops, not functions
of one person: numba counts references at every call that is given arrays.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import CLEARANCE, GREEN, RED, YELLOW
from controller.compiling import inner_kernel, kernel
from sim.city.people.walkers_model import ARRIVED, CROSSING, PAVEMENTS, WAITING, WALKERS, WALKING

SETTING_OUT = 5
"""A stage of a walk that lasts within a pass only: nobody else sees it."""
NO_SIGNAL = -1
LOOKS_FOR_BUTTON_MS = 45_000
"""Who has not pressed does so after standing so long: nobody waits for ever beside a button that works."""
GAP_MARGIN_S = 3.0
"""Added to the time the crossing takes: start-up and end clearance (HCM 2010, eq. 19-69)."""

_I, _F, _B = types.int64, types.float64, types.boolean
_LAMPS = types.int8[::1]


@inner_kernel(_I(_F, _F), inline="always")
def walk_ms(way_m, speed_m_per_s):
    """Time for a way on foot, ms."""
    return int(way_m / speed_m_per_s * 1000.0 + 0.5)


@inner_kernel(_B(_I), inline="always")
def works(lamp):
    """Whether a head tells people when to cross; flashing or dark, or where there is none, it does not."""
    return RED <= lamp <= CLEARANCE


@inner_kernel(types.void(WALKERS, PAVEMENTS))
def depart(walkers, pavements):
    """Everybody whose time has come sets out; and note to whom something happens in this step."""
    end_ms = walkers.time_ms[0]
    row, n = walkers.next_row[0], walkers.n_out[0]
    while row < pavements.depart_ms.size and pavements.depart_ms[row] < end_ms:
        walkers.status[row] = SETTING_OUT
        walkers.leg_at[row] = pavements.leg_start[row]
        walkers.until_ms[row] = pavements.depart_ms[row]
        walkers.out[n] = row
        n += 1
        row += 1
    walkers.next_row[0], walkers.n_out[0] = row, n
    status, until_ms, out, due = walkers.status, walkers.until_ms, walkers.out, walkers.due
    n_due = 0
    for i in range(n):
        row = out[i]
        if until_ms[row] < end_ms or status[row] == WAITING:
            due[n_due] = row
            n_due += 1
    walkers.n_due[0] = n_due


@inner_kernel(types.void(WALKERS, PAVEMENTS))
def set_out(walkers, pavements):
    """Begin the next leg, or arrive where there is none left; ways without a crossing are walked on."""
    status, until_ms, leg_at, due = walkers.status, walkers.until_ms, walkers.leg_at, walkers.due
    end_ms = walkers.time_ms[0]
    for i in range(walkers.n_due[0]):
        row = due[i]
        while status[row] == SETTING_OUT:
            leg = leg_at[row]
            if leg == pavements.leg_start[row + 1]:
                status[row] = ARRIVED
                walkers.arrived_ms[row] = until_ms[row]
                break
            until_ms[row] += walk_ms(pavements.leg_before_m[leg], pavements.speed_m_per_s[row])
            status[row] = WALKING
        while status[row] == WALKING and until_ms[row] < end_ms:
            leg = leg_at[row] + 1
            if pavements.leg_crossing[leg - 1] >= 0:
                break
            leg_at[row] = leg
            if leg == pavements.leg_start[row + 1]:
                status[row] = ARRIVED
                walkers.arrived_ms[row] = until_ms[row]
            else:
                until_ms[row] += walk_ms(pavements.leg_before_m[leg], pavements.speed_m_per_s[row])


@inner_kernel(types.void(_I, _I, _I, WALKERS))
def press(row, k, at_ms, walkers):
    """Somebody pushes the button of crossing k."""
    walkers.pressed[row] = True
    walkers.called_ms[row] = at_ms
    walkers.crossing_presses[k] += 1
    if walkers.crossing_called_ms[k] < 0:
        walkers.crossing_calls[k] += 1
        walkers.crossing_called_ms[k] = at_ms
    else:
        walkers.crossing_called_ms[k] = min(walkers.crossing_called_ms[k], at_ms)


@inner_kernel(types.void(WALKERS, PAVEMENTS))
def come_to_kerbs(walkers, pavements):
    """At the end of the pavement people stand, and press the button when they must wait."""
    end_ms = walkers.time_ms[0]
    status, until_ms = walkers.status, walkers.until_ms
    for i in range(walkers.n_due[0]):
        row = walkers.due[i]
        if status[row] != WALKING or until_ms[row] >= end_ms:
            continue
        k = pavements.leg_crossing[walkers.leg_at[row]]
        at_ms = until_ms[row]
        status[row] = WAITING
        walkers.since_ms[row] = at_ms
        walkers.crossing_came[k] += 1
        lamp = walkers.crossing_lamp[k]
        if pavements.presses[row] and lamp != GREEN and works(lamp):
            press(row, k, at_ms, walkers)


@inner_kernel(_I(_I, _I, _I, _I, _I, _I, _F), inline="always")
def steps_off_ms(lamp, since_ms, patience_ms, now_ms, end_ms, cross_ms, vehicle_s):
    """When somebody at the kerb leaves it in this step; `end_ms` = not in this step.

    On WALK at once; never in the clearance; on red after the end of patience in a safe gap; where
    no signal works, in a safe gap.
    """
    at_ms = max(now_ms, since_ms)
    if lamp == GREEN:
        return at_ms
    if lamp in (CLEARANCE, YELLOW):
        return end_ms
    if lamp == RED:
        if patience_ms < 0:
            return end_ms
        at_ms = max(at_ms, since_ms + patience_ms)
    return at_ms if vehicle_s >= cross_ms / 1000.0 + GAP_MARGIN_S else end_ms


@inner_kernel(types.void(_I, WALKERS, PAVEMENTS))
def stand_at_kerbs(now_ms, walkers, pavements):
    """People at the kerb step off, or stand until the step ends; the standing is counted."""
    end_ms = walkers.time_ms[0]
    status, lost_ms, worst_ms = walkers.status, walkers.lost_ms, walkers.worst_waited_ms
    for i in range(walkers.n_due[0]):
        row = walkers.due[i]
        # Somebody who stands until the end of the step has been here in an earlier pass.
        if status[row] != WAITING or walkers.until_ms[row] == end_ms:
            continue
        k = pavements.leg_crossing[walkers.leg_at[row]]
        lamp, since_ms = int(walkers.crossing_lamp[k]), walkers.since_ms[row]
        cross_ms = walk_ms(pavements.crossing_length_m[k], pavements.speed_m_per_s[row])
        off_ms = steps_off_ms(
            lamp,
            since_ms,
            pavements.patience_ms[row],
            now_ms,
            end_ms,
            cross_ms,
            walkers.crossing_vehicle_s[k],
        )
        off_ms = min(off_ms, end_ms)
        looks_ms = since_ms + LOOKS_FOR_BUTTON_MS
        if not walkers.pressed[row] and now_ms <= looks_ms < off_ms and lamp != GREEN and works(lamp):
            press(row, k, looks_ms, walkers)
        standing_ms = off_ms - max(now_ms, since_ms)
        waited_ms = off_ms - since_ms
        lost_ms[row] += standing_ms
        walkers.crossing_standing_ms[k] += standing_ms
        worst_ms[row] = max(worst_ms[row], waited_ms)
        walkers.crossing_worst_ms[k] = max(walkers.crossing_worst_ms[k], waited_ms)
        walkers.until_ms[row] = off_ms
        if off_ms < end_ms:
            status[row] = CROSSING
            walkers.until_ms[row] = off_ms + max(1, cross_ms)
            walkers.on_red[row] = lamp == RED
            walkers.pressed[row] = False
            walkers.called_ms[row] = -1


@inner_kernel(_B(WALKERS, PAVEMENTS))
def reach_the_other_side(walkers, pavements):
    """Crossings that end within the step; returns whether there were any: those people walk on."""
    end_ms = walkers.time_ms[0]
    status, due = walkers.status, walkers.due
    reached = False
    for i in range(walkers.n_due[0]):
        row = due[i]
        if status[row] != CROSSING or walkers.until_ms[row] >= end_ms:
            continue
        k = pavements.leg_crossing[walkers.leg_at[row]]
        walkers.crossing_crossed[k] += 1
        walkers.since_ms[row] = -1
        if walkers.on_red[row]:
            walkers.on_red[row] = False
            walkers.crossed_on_red[row] += 1
            walkers.crossing_red[k] += 1
        walkers.leg_at[row] += 1
        status[row] = SETTING_OUT
        reached = True
    return reached


@inner_kernel(types.void(_I, _LAMPS, WALKERS, PAVEMENTS))
def watch_lamps(now_ms, group_lamp, walkers, pavements):
    """What a change of lamps does: WALK answers the call; people still there at red were caught."""
    lamps, called_ms, worst_ms = (
        walkers.crossing_lamp,
        walkers.crossing_called_ms,
        walkers.crossing_worst_call_ms,
    )
    changed_to_red = False
    for k in range(lamps.size):
        g = pavements.crossing_group[k]
        lamp = group_lamp[g] if g >= 0 else NO_SIGNAL
        if lamp == GREEN and called_ms[k] >= 0:
            worst_ms[k] = max(worst_ms[k], now_ms - called_ms[k])
            called_ms[k] = -1
        walkers.crossing_asks[k] = lamp == RED and lamps[k] in (CLEARANCE, GREEN)
        changed_to_red = changed_to_red or walkers.crossing_asks[k]
        lamps[k] = lamp
    if changed_to_red:
        for i in range(walkers.n_out[0]):
            row = walkers.out[i]
            if walkers.status[row] != CROSSING or walkers.on_red[row] or walkers.until_ms[row] <= now_ms:
                continue
            k = pavements.leg_crossing[walkers.leg_at[row]]
            if walkers.crossing_asks[k]:
                walkers.caught[row] += 1
                walkers.crossing_caught[k] += 1


@inner_kernel(types.void(WALKERS, PAVEMENTS))
def count_at_crossings(walkers, pavements):
    """Where everybody is when the step ends; who has arrived is no longer under way."""
    walkers.crossing_people[:] = 0
    walkers.crossing_waiting[:] = 0
    walkers.crossing_since_ms[:] = -1
    walkers.crossing_asks[:] = False
    status, since_ms, out = walkers.status, walkers.crossing_since_ms, walkers.out
    next_ms = walkers.time_ms[0] + 1000
    kept = 0
    for i in range(walkers.n_out[0]):
        row = out[i]
        if status[row] == ARRIVED:
            continue
        out[kept] = row
        kept += 1
        k = pavements.leg_crossing[walkers.leg_at[row]]
        if status[row] == CROSSING:
            walkers.crossing_people[k] += 1
        elif status[row] == WAITING:
            walkers.crossing_waiting[k] += 1
            if since_ms[k] < 0 or walkers.since_ms[row] < since_ms[k]:
                since_ms[k] = walkers.since_ms[row]
            walkers.until_ms[row] = -1
            patience_ms = pavements.patience_ms[row]
            if not works(walkers.crossing_lamp[k]) or (
                patience_ms >= 0 and walkers.since_ms[row] + patience_ms < next_ms
            ):
                walkers.crossing_asks[k] = True
        elif k >= 0 and walkers.until_ms[row] < next_ms:
            impatient = 0 <= pavements.patience_ms[row] < 1000
            if impatient or not works(walkers.crossing_lamp[k]):
                walkers.crossing_asks[k] = True
    walkers.n_out[0] = kept


@kernel(types.void(_I, _LAMPS, WALKERS, PAVEMENTS))
def step_people(now_ms, group_lamp, walkers, pavements):
    """Move everybody from now_ms to now_ms + 1000 ms under lamps that stand still.

    group_lamp: (signal groups) int8 Lamp. `walkers.crossing_vehicle_s` must be of this step.
    Written: everything in `walkers` but crossing_vehicle_s.
    """
    walkers.time_ms[0] = now_ms + 1000
    walkers.crossing_presses[:] = 0
    watch_lamps(now_ms, group_lamp, walkers, pavements)
    depart(walkers, pavements)
    again = True
    while again:
        set_out(walkers, pavements)
        come_to_kerbs(walkers, pavements)
        stand_at_kerbs(now_ms, walkers, pavements)
        again = reach_the_other_side(walkers, pavements)
    count_at_crossings(walkers, pavements)
