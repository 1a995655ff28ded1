"""What one source alone may do: who crosses the stop line is set beside who was counted on the way there.

Two loops of a lane count the same vehicles one after the other, so between them is who was counted in and
not yet out. What only one of them tells is believed as far as it is usual, and a little more (rules A5);
so are people who press one button again and again.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from typing import NamedTuple

import numpy as np
from numba import typeof, types

from controller.codes import GREEN, PEDESTRIAN, STOP
from controller.compiling import inner_kernel, kernel
from controller.detectors_kernels import ODD_INTERVALS, SPREAD, THROUGH_RED
from controller.detectors_model import HEALTH, LAID
from controller.lane_green_kernels import green_since_ms, green_until_ms
from controller.substitute_kernels import START_UP_MS

MEMORY_S = 150.0
"""What both loops counted lately is forgotten over so long."""
SHIFT_VEH = 2.5
"""Five seconds of a saturated lane: one source alone may shift a split by so much (rules A5)."""
LOST_VEH = 3.0
"""Fewer who were counted on the way and never came are no sign of anything."""
STRAYS_VEH = 4.0
"""More who crossed lately and were never counted on the way, or the reverse: one of both loops is wrong."""
BEHIND_VEH = 3.0
"""Believed behind one who crosses at saturation flow, where nobody counts them farther up."""
ALONE_SHIFT_VEH = 4.0
"""Believed beyond what is usual where the stop line's loop alone tells of a lane: eight seconds of saturation
flow, within the tenth of a cycle of `SHIFT_S` (rules A5). Who believes less leaves people standing."""
UNCOUNTED_VEH = 2.0
STEADY_MS = 2_500
"""Since the last one crossed: a queue discharges every two seconds."""
SETTLED_MS, SETTLED_AGAIN_MS = 5_000, 2_000
"""Of green: by then a queue moves; sooner where the last green ended with somebody who did not."""
STILL_KEEPS = 0.9
"""Of those behind one who no longer moves after others did, at each further reading of that green."""
SILENT_VEH, BELIEVED_VEH = 3.0, 8.0
"""Usual in a silence while somebody stands at the stop line: believed from the first on, up to the second."""
STILL_GREENS = 2
"""In a row, and who stood there never moved: then only those stand there who were counted on the way."""
FORGOTTEN_VEH = 2.0
"""At least so many a loop that is found sick has forgotten, or counted out, who still stand there."""
PEOPLE_MEMORY_S = 600.0
CYCLE_S, SHIFT_S = 90.0, 9.0
"""A usual cycle, and a tenth of it: by so much one source alone may shift a split (rules A5)."""

_V, _I, _F, _B = types.void, types.int64, types.float64, types.boolean
_I1, _F1, _N1, _B1 = types.int64[::1], types.float64[::1], types.int8[::1], types.boolean[::1]
_F2 = types.float64[:, ::1]


class Pairs(NamedTuple):
    """The two loops of each lane; never changes. L lanes."""

    stop: np.ndarray  # (L) detector at the stop line, -1 = none or several
    far: np.ndarray  # (L) the one farther up that counts the lane's own vehicles, -1 = none or several
    far_s: np.ndarray  # (L) free travel time from there
    still_s: np.ndarray  # (L) of green without anybody moving until who stands there is nobody


class Ledger(NamedTuple):
    """What is remembered of each lane. L lanes, G groups."""

    inside_veh: np.ndarray  # (L) between both loops at the reading before
    stray_veh: np.ndarray  # (L) crossed in this green without having been counted on the way
    crossed_veh: np.ndarray  # (L) crossed in this green
    was_green: np.ndarray  # (L) bool
    ended_ms: np.ndarray  # (L) last end of green
    recent_veh: np.ndarray  # (L, 2) counted lately at the stop line, farther up
    strays_veh: np.ndarray  # (L) of those at the stop line, never counted farther up
    unheard_veh: np.ndarray  # (L) of those, since the last count farther up
    last_ms: np.ndarray  # (L) last count at the stop line
    due_veh: np.ndarray  # (L) counted farther up who had not crossed when the last green ended, and since
    cleared: np.ndarray  # (L) bool, nobody stood at the stop line at some time of this green
    still: np.ndarray  # (L) bool, who stood there did not move any more in this green
    still_greens: np.ndarray  # (L) such greens in a row
    was_masked: np.ndarray  # (L) bool, of the stop line's loop
    waiting: np.ndarray  # (G) people believed to wait at the reading before
    beyond: np.ndarray  # (G) presses of this red that were not believed yet
    people_per_s: np.ndarray  # (G) their usual arrivals


def new_ledger(lanes: int, groups: int, now_ms: int) -> Ledger:
    """Nothing counted yet, all greens just over."""
    return Ledger(
        inside_veh=np.zeros(lanes), stray_veh=np.zeros(lanes), crossed_veh=np.zeros(lanes),
        was_green=np.zeros(lanes, np.bool_), ended_ms=np.full(lanes, now_ms, np.int64),
        recent_veh=np.zeros((lanes, 2)), strays_veh=np.zeros(lanes), unheard_veh=np.zeros(lanes),
        last_ms=np.zeros(lanes, np.int64), due_veh=np.zeros(lanes), cleared=np.zeros(lanes, np.bool_),
        still=np.zeros(lanes, np.bool_), still_greens=np.zeros(lanes, np.int64),
        was_masked=np.zeros(lanes, np.bool_), waiting=np.zeros(groups), beyond=np.zeros(groups),
        people_per_s=np.zeros(groups),
    )  # fmt: skip


_NONE = np.zeros(0, np.int64)
PAIRS = typeof(Pairs(_NONE, _NONE, _NONE, np.zeros(0)))
LEDGER = typeof(new_ledger(0, 0, 0))


@inner_kernel(_V(_I, _I, _F2, LEDGER))
def close_green(lane, far_s, transit_veh, ledger):
    """A green of that lane is over: did somebody stand there who did not move, and who is still to come?"""
    ledger.due_veh[lane] = max(0.0, ledger.due_veh[lane] - ledger.crossed_veh[lane])
    if ledger.still[lane] or ledger.cleared[lane]:
        ledger.due_veh[lane] = 0.0
        for h in range(far_s + 1):
            ledger.due_veh[lane] += transit_veh[lane, h]
    if ledger.still[lane]:
        ledger.still_greens[lane] += 1
    elif ledger.cleared[lane]:
        ledger.still_greens[lane] = 0
    ledger.still[lane] = ledger.cleared[lane] = False


@kernel(_V(_I, _F, LAID, HEALTH, PAIRS, types.int32[::1], _N1, _I1, _F2, _F2, LEDGER))
def keep_ledger(
    now_ms, passed_s, laid, health, pairs, counted, lamp, lamp_since_ms, transit_veh, held_veh, ledger
):
    """Write down what both loops of every lane counted, and who came out that never went in.

    counted (D) raw · lamp (G) Lamp, lamp_since_ms (G) ms · transit_veh (L, H), held_veh (L, GATES) after it
    Written: ledger
    """
    kept = max(0.0, 1.0 - passed_s / MEMORY_S)
    for lane in range(len(pairs.stop)):
        stop, far = pairs.stop[lane], pairs.far[lane]
        first, bits = laid.group_start[laid.lane_junction[lane]], laid.lane_group_bits[lane]
        green = green_since_ms(first, bits, lamp, lamp_since_ms) >= 0
        if green and not ledger.was_green[lane]:
            ledger.stray_veh[lane] = ledger.crossed_veh[lane] = 0.0
        elif ledger.was_green[lane] and not green:
            ledger.ended_ms[lane] = now_ms
            close_green(lane, pairs.far_s[lane], transit_veh, ledger)
        ledger.was_green[lane] = green
        if stop < 0:
            continue
        out, stray = float(max(0, counted[stop])), 0.0
        if out > 0.0:
            ledger.last_ms[lane] = now_ms
        if green:
            ledger.crossed_veh[lane] += out
        if far < 0:
            continue
        come = float(max(0, counted[far]))
        if not health.masked[far]:
            stray = max(0.0, out - ledger.inside_veh[lane] - come)
        ledger.inside_veh[lane] = held_veh[lane, STOP]
        for h in range(pairs.far_s[lane] + 1):
            ledger.inside_veh[lane] += transit_veh[lane, h]
        if green:
            ledger.stray_veh[lane] += stray
        ledger.recent_veh[lane, 0] = ledger.recent_veh[lane, 0] * kept + out
        ledger.recent_veh[lane, 1] = ledger.recent_veh[lane, 1] * kept + come
        ledger.strays_veh[lane] = ledger.strays_veh[lane] * kept + stray
        ledger.due_veh[lane] += come
        ledger.unheard_veh[lane] = 0.0 if come > 0.0 else ledger.unheard_veh[lane] + stray


@kernel(_V(_I, _I, LAID, HEALTH, PAIRS, _N1, _F1, LEDGER))
def blame_one_of_two(now_ms, observed_ms, laid, health, pairs, known, rate_veh_per_s, ledger):
    """Of two loops that no longer agree the one is wrong that left its own habits further behind.

    A loop that counts far more than is usual is contradicted; a stop line that counts what is usual, of whom
    nobody was counted farther up, has a dead loop there. `judge` does the rest at the next reading.
    observed_ms how long there have been readings · known (L), rate_veh_per_s (L) usual · written: health
    """
    memory_s = min(MEMORY_S, observed_ms / 1000.0)
    for lane in range(len(pairs.stop)):
        stop, far = pairs.stop[lane], pairs.far[lane]
        if stop < 0 or far < 0 or health.masked[stop] or health.masked[far] or known[lane] != 2:
            continue
        usual_veh = rate_veh_per_s[lane] * memory_s
        spread_veh = np.sqrt(usual_veh + 1.0)
        more_veh = ledger.recent_veh[lane, 0] - usual_veh
        far_more_veh = ledger.recent_veh[lane, 1] - usual_veh
        if ledger.strays_veh[lane] > STRAYS_VEH and more_veh > max(SPREAD * spread_veh, abs(far_more_veh)):
            health.odd[stop] = ODD_INTERVALS
            health.measured[stop] = 60.0 * ledger.strays_veh[lane] / memory_s
        lost_veh = ledger.recent_veh[lane, 1] - ledger.inside_veh[lane] - ledger.recent_veh[lane, 0]
        if lost_veh > STRAYS_VEH and far_more_veh > max(SPREAD * spread_veh, abs(more_veh)):
            health.odd[far] = ODD_INTERVALS
            health.measured[far] = 60.0 * lost_veh / memory_s
        silent_s = (now_ms - health.last_ms[far]) / 1000.0
        if (
            ledger.unheard_veh[lane] >= SHIFT_VEH
            and silent_s * rate_veh_per_s[lane] > UNCOUNTED_VEH
            and more_veh < SPREAD * spread_veh
        ):
            health.missed_veh[far] = max(health.missed_veh[far], laid.room_veh[far] + 1.0)


@inner_kernel(_F(_I, _F, _F, _B, _F, _F, _F1, _F2, LEDGER))
def bound_two(lane, usual_veh_per_s, presence, flows, red_veh, silent_veh, queue_veh, arrival_veh, ledger):
    """The queue of a lane both of whose loops are believed; gives it.

    presence 1 = somebody stands at the stop line · flows: he moves at saturation flow
    red_veh usual since the last green, silent_veh since the last count farther up
    queue_veh (L) · arrival_veh (L, H): written
    """
    out_veh = ledger.recent_veh[lane, 0] + LOST_VEH
    lost_veh = ledger.recent_veh[lane, 1] - ledger.inside_veh[lane] - out_veh
    queue = queue_veh[lane]
    if lost_veh > 0.0:
        # So many of those counted on the way never came: of the next ones as few will. Behind who stands
        # there are the usual at least, if so many were counted; and no more than the usual will come.
        part = out_veh / (out_veh + lost_veh)
        crossed_veh = ledger.crossed_veh[lane] if ledger.was_green[lane] else 0.0
        behind_veh = max(0.0, queue - presence)
        usual_veh = max(0.0, red_veh - crossed_veh - 1.0) if presence > 0.0 else 0.0
        queue = presence + max(part * behind_veh, min(behind_veh, usual_veh))
        for h in range(arrival_veh.shape[1]):
            arrival_veh[lane, h] = min(part * arrival_veh[lane, h], usual_veh_per_s)
    if not flows:
        queue = min(queue, max(1.0, presence + red_veh + SPREAD * np.sqrt(red_veh)))
    if ledger.was_green[lane] and presence > 0.0:
        counted_veh = ledger.crossed_veh[lane] - ledger.stray_veh[lane]
        if ledger.stray_veh[lane] > max(SHIFT_VEH, red_veh + SHIFT_VEH - counted_veh):
            queue = max(0.0, queue - presence)
        elif flows and ledger.unheard_veh[lane] >= UNCOUNTED_VEH and ledger.crossed_veh[lane] < red_veh:
            queue = max(queue, 1.0 + BEHIND_VEH)
    elif presence > 0.0 and silent_veh > SILENT_VEH:
        queue = max(queue, min(1.0 + silent_veh, BELIEVED_VEH))
    return queue


@inner_kernel(_F(_I, _B, _F, _F, LEDGER))
def bound_one(lane, flows, red_veh, queue, ledger):
    """The queue of a lane whose loop farther up is not believed: the usual may cross, and a little more."""
    most_veh = red_veh + ALONE_SHIFT_VEH
    if flows and ledger.crossed_veh[lane] < most_veh:
        return max(queue, 1.0 + BEHIND_VEH)
    if flows and ledger.crossed_veh[lane] > most_veh + SPREAD * np.sqrt(red_veh):
        return 0.0
    return queue


@kernel(_V(_I, LAID, HEALTH, PAIRS, _N1, _F1, _B1, _N1, _I1, LEDGER, _F2, _F1, _F2))
def bound_lanes(
    now_ms, laid, health, pairs, known, rate_veh_per_s, on, lamp, lamp_since_ms, ledger, held_veh,
    queue_veh, arrival_veh,
):  # fmt: skip
    """Believe no more of a queue than both loops of its lane confirm, or is usual and a little more.

    known (L), rate_veh_per_s (L) usual · on (D) raw · lamp (G) Lamp, lamp_since_ms (G) ms
    Written: ledger.was_masked · held_veh (L, GATES), queue_veh (L), arrival_veh (L, H)
    """
    for lane in range(len(pairs.stop)):
        stop, far = pairs.stop[lane], pairs.far[lane]
        if stop < 0 or laid.feed_start[lane] < laid.feed_start[lane + 1]:
            continue
        if health.masked[stop]:
            if far >= 0 and not ledger.was_masked[lane]:
                gone_veh = health.red_veh[stop] if health.cause[stop] == THROUGH_RED else 0.0
                gone_veh = max(health.missed_veh[stop], max(gone_veh, FORGOTTEN_VEH))
                held_veh[lane, STOP] = min(laid.storage_veh[lane], held_veh[lane, STOP] + gone_veh)
            ledger.was_masked[lane] = True
            continue
        ledger.was_masked[lane] = False
        presence = 1.0 if on[stop] else 0.0
        first, bits = laid.group_start[laid.lane_junction[lane]], laid.lane_group_bits[lane]
        since_ms = green_since_ms(first, bits, lamp, lamp_since_ms)
        if since_ms >= 0 and presence == 0.0:
            ledger.cleared[lane] = True
        settled_ms = SETTLED_MS if ledger.still_greens[lane] == 0 else SETTLED_AGAIN_MS
        moved_ms = max(since_ms + settled_ms, ledger.last_ms[lane])
        if presence > 0.0 and since_ms >= 0 and now_ms - moved_ms > 1000.0 * pairs.still_s[lane]:
            queue_veh[lane] = presence = 0.0
            ledger.still[lane] = True
            if ledger.crossed_veh[lane] > 0.0:
                held_veh[lane, STOP] *= STILL_KEEPS
        if far < 0 or known[lane] != 2:
            continue
        if ledger.still_greens[lane] >= STILL_GREENS and not health.masked[far]:
            crossed_veh = ledger.crossed_veh[lane] if ledger.was_green[lane] else 0.0
            queue_veh[lane] = min(queue_veh[lane], max(0.0, ledger.due_veh[lane] - crossed_veh))
            presence = min(presence, queue_veh[lane])
        steady = now_ms - ledger.last_ms[lane] <= STEADY_MS
        flows = presence > 0.0 and steady and 0 <= since_ms < now_ms - START_UP_MS
        red_veh = rate_veh_per_s[lane] * (now_ms - ledger.ended_ms[lane]) / 1000.0
        if health.masked[far]:
            queue_veh[lane] = bound_one(lane, flows, red_veh, queue_veh[lane], ledger)
            continue
        silent_ms = now_ms - max(ledger.ended_ms[lane], health.last_ms[far])
        silent_veh = rate_veh_per_s[lane] * silent_ms / 1000.0
        queue_veh[lane] = bound_two(
            lane, rate_veh_per_s[lane], presence, flows, red_veh, silent_veh, queue_veh, arrival_veh, ledger
        )


@kernel(_V(_I, LAID, HEALTH, _N1, _F1, _N1, _N1, _I1, _I1, _F1))
def bound_lone_loops(
    now_ms, laid, health, known, rate_veh_per_s, rung, lamp, green_ended_ms, believed_loops, queue_veh
):  # fmt: skip
    """The queue of a lane that one loop alone tells of is believed as far as it is usual, and a little more.

    Not where signals upstream tell of it, too. known (L), rate_veh_per_s (L) usual · rung (J), a little is
    half as much below the top · lamp (G) Lamp, green_ended_ms (G) ms · believed_loops (L): scratch
    Written: queue_veh (L)
    """
    believed_loops[:] = 0
    for d in range(len(laid.kind)):
        if laid.gate[d] >= 0 and not health.masked[d]:
            believed_loops[laid.lane[d]] += 1
    for lane in range(len(known)):
        fed = laid.feed_start[lane + 1] > laid.feed_start[lane]
        if believed_loops[lane] != 1 or known[lane] != 2 or fed:
            continue
        j, bits = laid.lane_junction[lane], laid.lane_group_bits[lane]
        ended_ms = green_until_ms(now_ms, laid.group_start[j], bits, lamp, green_ended_ms)
        shift_s = SHIFT_S * (0.5 if rung[j] else 1.0)
        usual_veh = rate_veh_per_s[lane] * max(CYCLE_S, (now_ms - ended_ms) / 1000.0)
        queue_veh[lane] = min(queue_veh[lane], usual_veh + laid.saturation_veh_per_s[lane] * shift_s)


@kernel(_V(_I, _F, _I, _B1, _N1, _N1, _I1, LEDGER, _F1, _F1))
def bound_people(
    now_ms, passed_s, observed_ms, unseen_group, group_kind, lamp, green_ended_ms, ledger, waiting_people,
    people_per_s,
):  # fmt: skip
    """However often a button is pressed: one person waits, and those who usually came since the last WALK.

    A deviation more of a Poisson count is usual, too, and who came sooner than usual is believed later.

    observed_ms how long there have been readings · unseen_group (G) bool, nobody is heard there
    group_kind (G) · lamp (G) Lamp, green_ended_ms (G) · waiting_people, people_per_s (G): written
    """
    part = min(1.0, passed_s / min(PEOPLE_MEMORY_S, observed_ms / 1000.0 + 60.0))
    for g in range(len(lamp)):
        if group_kind[g] != PEDESTRIAN or unseen_group[g] or lamp[g] == GREEN:
            ledger.waiting[g] = ledger.beyond[g] = 0.0
            continue
        usual = ledger.people_per_s[g] * (now_ms - green_ended_ms[g]) / 1000.0
        pressed = waiting_people[g] + ledger.beyond[g]
        # The usual itself is learned without the deviation, or one who presses on would make himself usual.
        waiting = min(pressed, 1.0 + usual)
        come_per_s = max(0.0, waiting - ledger.waiting[g]) / passed_s
        ledger.people_per_s[g] += (come_per_s - ledger.people_per_s[g]) * part
        ledger.waiting[g] = waiting
        waiting_people[g] = min(pressed, 1.0 + usual + np.sqrt(usual))
        ledger.beyond[g] = pressed - waiting_people[g]
        people_per_s[g] = ledger.people_per_s[g]
