"""The fixed plan in shadow: what usual demand would wait under it, beside the lamps really shown.

Both sides are the same point queues, filled by what is usual at this hour and emptied at saturation flow;
only the greens differ. So no lie of the moment can make one of them look better than the other.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from typing import NamedTuple

import numpy as np
from numba import typeof, types

from controller.codes import GREEN, PEDESTRIAN
from controller.compiling import inner_kernel, kernel
from controller.detectors_model import LAID
from controller.ladder_kernels import DOUBTED_SHARE

START_UP_MS = 2_000
CLEARLY, AT_LEAST_PERSON_S = 1.10, 20.0
"""So many times the plan's waiting, and so much of it, is clearly worse."""
WORSE_CYCLES = 3
DOUBTED_LEAST = 2
"""Detectors in doubt: one source alone sends no junction to its plan (rules A5)."""
KNOWN_SHARE = 0.5
"""Of its lanes whose usual flow was learned; a plan's own guess of demand would always find the plan best."""
WINDOW_MS = 60_000
"""Cycles shorter than this are judged together."""
HOLD_MS, HOLD_MAX_MS = 600_000, 3_600_000
"""How long the plan then runs at least; twice as long each time, as long as detectors stay in doubt."""


class Table(NamedTuple):
    """Every junction's plan. J junctions, K steps."""

    step_start: np.ndarray  # (J+1)
    step_bits: np.ndarray  # (K) groups of the junction
    before_bits: np.ndarray  # (K) groups of the step before
    step_end_ms: np.ndarray  # (K) from the cycle's beginning
    change_ms: np.ndarray  # (K) until the groups that begin with the step have green
    cycle_ms: np.ndarray  # (J)
    offset_ms: np.ndarray  # (J)


class Shadow(NamedTuple):
    """Both queues and what waiting came to. J junctions, G groups, L lanes."""

    own_veh: np.ndarray  # (L)
    plan_veh: np.ndarray  # (L)
    own_people: np.ndarray  # (G)
    plan_people: np.ndarray  # (G)
    own_s: np.ndarray  # (J) person-seconds in this window
    plan_s: np.ndarray  # (J)
    began_ms: np.ndarray  # (J) of this window
    cycle: np.ndarray  # (J) in which it began
    worse: np.ndarray  # (J) windows in a row that were clearly worse
    hold_ms: np.ndarray  # (J) how long the next trip lasts
    until_ms: np.ndarray  # (J) the plan is to run until then, 0 = not


def new_shadow(junctions: int, groups: int, lanes: int, now_ms: int) -> Shadow:
    """Nobody waits yet on either side."""
    return Shadow(
        own_veh=np.zeros(lanes), plan_veh=np.zeros(lanes), own_people=np.zeros(groups),
        plan_people=np.zeros(groups), own_s=np.zeros(junctions), plan_s=np.zeros(junctions),
        began_ms=np.full(junctions, now_ms, np.int64), cycle=np.zeros(junctions, np.int64),
        worse=np.zeros(junctions, np.int64), hold_ms=np.full(junctions, HOLD_MS, np.int64),
        until_ms=np.zeros(junctions, np.int64),
    )  # fmt: skip


_NONE = np.zeros(0, np.int64)
TABLE = typeof(Table(*(_NONE for _ in Table._fields)))
SHADOW = typeof(new_shadow(0, 0, 0, 0))
_V, _I, _F, _T = types.void, types.int64, types.float64, types.UniTuple
_I1, _F1, _N1, _I2 = types.int64[::1], types.float64[::1], types.int8[::1], types.int64[:, ::1]


@kernel(_T(_I, 2)(_I, _I, TABLE))
def plan_greens(j, now_ms, table):
    """Groups (bits) that are green under the plan now, and those of them past their start-up."""
    at_ms = (now_ms - table.offset_ms[j]) % table.cycle_ms[j]
    k = table.step_start[j]
    while table.step_end_ms[k] <= at_ms:
        k += 1
    since_ms = at_ms - (table.step_end_ms[k - 1] if k > table.step_start[j] else 0)
    kept = table.step_bits[k] & table.before_bits[k]
    green = table.step_bits[k] if since_ms >= table.change_ms[k] else kept
    return green, table.step_bits[k] if since_ms >= table.change_ms[k] + START_UP_MS else kept


@inner_kernel(_T(_I, 2)(_I, _I, _I, _I, _N1, _I1))
def own_greens(first, n, now_ms, flash, lamp, lamp_since_ms):
    """The same of the lamps really shown; none in flash. lamp (G) Lamp · lamp_since_ms (G) ms"""
    green = moving = 0
    for k in range(n):
        if lamp[first + k] == GREEN and not flash:
            green |= 1 << k
            moving |= (1 << k) * (now_ms - lamp_since_ms[first + k] >= START_UP_MS)
    return green, moving


@inner_kernel(_F(_F, _F, _F, _F))
def pass_queue(veh, come, out, room):
    """A point queue after so many came and so many could go; never longer than its room."""
    return min(max(0.0, veh + come - out), room)


@kernel(_V(_I, _F, _F, _F, LAID, TABLE, _N1, _I1, _N1, _F1, _F1, SHADOW))
def play_shadow(
    now_ms, passed_s, persons_per_car, persons_per_walker, laid, table, lamp, lamp_since_ms, rung,
    rate_veh_per_s, people_per_s, shadow,
):  # fmt: skip
    """Let `passed_s` pass on both sides.

    lamp (G) Lamp, lamp_since_ms (G) ms · rung (J) · rate_veh_per_s (L) usual at this hour · people_per_s (G)
    Written: shadow
    """
    for j in range(len(table.cycle_ms)):
        first, n = laid.group_start[j], laid.group_start[j + 1] - laid.group_start[j]
        plan_green, plan_moving = plan_greens(j, now_ms, table)
        green, moving = own_greens(first, n, now_ms, rung[j] == 5, lamp, lamp_since_ms)
        for lane in range(laid.lane_start[j], laid.lane_start[j + 1]):
            bits, come = laid.lane_group_bits[lane], rate_veh_per_s[lane] * passed_s
            out, room = laid.saturation_veh_per_s[lane] * passed_s, laid.storage_veh[lane]
            shadow.own_veh[lane] = pass_queue(shadow.own_veh[lane], come, out if bits & moving else 0.0, room)
            shadow.plan_veh[lane] = pass_queue(
                shadow.plan_veh[lane], come, out if bits & plan_moving else 0.0, room
            )
            shadow.own_s[j] += shadow.own_veh[lane] * persons_per_car * passed_s
            shadow.plan_s[j] += shadow.plan_veh[lane] * persons_per_car * passed_s
        for k in range(n):
            g = first + k
            if laid.group_kind[g] == PEDESTRIAN:
                come = people_per_s[g] * passed_s
                shadow.own_people[g] = 0.0 if green >> k & 1 else shadow.own_people[g] + come
                shadow.plan_people[g] = 0.0 if plan_green >> k & 1 else shadow.plan_people[g] + come
                shadow.own_s[j] += shadow.own_people[g] * persons_per_walker * passed_s
                shadow.plan_s[j] += shadow.plan_people[g] * persons_per_walker * passed_s


@inner_kernel(_V(_I, _I, types.boolean, _I, _I, SHADOW))
def judge_window(j, now_ms, doubted, rung, cycle, shadow):
    """At the end of a window: whether it was clearly worse, and whether the plan is to run from now on.

    doubted: enough of its detectors for a step down · rung where it stands, cycle since the start
    """
    if not doubted:
        shadow.worse[j], shadow.until_ms[j], shadow.hold_ms[j] = 0, 0, HOLD_MS
    if cycle == shadow.cycle[j] or now_ms - shadow.began_ms[j] < WINDOW_MS:
        return
    over_s = shadow.own_s[j] - CLEARLY * shadow.plan_s[j]
    clearly = doubted and rung < 3 and over_s > 0.0 and over_s + shadow.plan_s[j] > AT_LEAST_PERSON_S
    shadow.worse[j] = shadow.worse[j] + 1 if clearly else 0
    shadow.own_s[j] = shadow.plan_s[j] = 0.0
    shadow.began_ms[j], shadow.cycle[j] = now_ms, cycle
    if shadow.worse[j] >= WORSE_CYCLES:
        shadow.worse[j] = 0
        shadow.until_ms[j] = now_ms + shadow.hold_ms[j]
        shadow.hold_ms[j] = min(2 * shadow.hold_ms[j], HOLD_MAX_MS)


@kernel(_V(_I, LAID, _I2, _N1, _N1, _I1, SHADOW))
def judge_shadows(now_ms, laid, failed, known, rung, cycle, shadow):
    """Every junction of which enough is known.

    failed (J, 3) as the ladder's · known (L) 2 = from its own loops · rung, cycle (J)
    Written: shadow
    """
    for j in range(len(rung)):
        lanes, usual = laid.lane_start[j + 1] - laid.lane_start[j], 0
        for lane in range(laid.lane_start[j], laid.lane_start[j + 1]):
            usual += 1 if known[lane] == 2 else 0
        ill = failed[j, 1] + failed[j, 2]
        doubted = ill >= DOUBTED_LEAST and ill > DOUBTED_SHARE * failed[j, 0]
        judge_window(j, now_ms, doubted and usual >= KNOWN_SHARE * lanes, rung[j], cycle[j], shadow)
