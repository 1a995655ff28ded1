"""The ladder's arithmetic: which rung each junction has reason for, and when it may take the next step."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from typing import NamedTuple

import numpy as np
from numba import typeof, types

from controller.codes import GREEN
from controller.compiling import inner_kernel, kernel

STAY, DOWN, UP = 0, 1, 2
RUNGS = 6
ACTUATED, COORDINATED, FREE, FLASH = 2, 3, 4, 5
(
    CLEAN, DETECTORS_DOUBTED, NEIGHBOUR_SILENT, DETECTORS_LOST, PLANNER_LOST, STOP_LINES_BLIND, ALARM,
    CLOCK_BAD, ORDERED, MONITOR_TRIP, WORSE_THAN_PLAN,
) = range(11)  # fmt: skip
DOUBTED_SHARE, LOST_SHARE, BLIND_SHARE = 0.10, 0.30, 0.50
"""Rules 3.3; stop lines count as unusable when more than half of the lanes are seen by nobody."""
CYCLE_MS_MAX = 150_000
"""A junction that rests has a cycle at least so often (rules R21)."""
ALARM_MS = 10_000
"""An alarm speaks for so long, so that no change of lamps under way hides it."""
EVENTS = 512


class Rungs(NamedTuple):
    """Where every junction stands, and why. J junctions."""

    rung: np.ndarray  # (J) int8
    cause: np.ndarray  # (J) int8 of the last step
    since_ms: np.ndarray  # (J)
    demand: np.ndarray  # (J) int8 rung there is reason for now
    demand_cause: np.ndarray  # (J) int8
    clean_since_ms: np.ndarray  # (J) since when a better rung would do
    clean_from_cycle: np.ndarray  # (J)
    cycle: np.ndarray  # (J) cycles since the start
    cycle_began_ms: np.ndarray  # (J)
    cycle_bits: np.ndarray  # (J) groups that have begun in this cycle
    green_bits: np.ndarray  # (J) groups green at the look before
    rose_in_cycle: np.ndarray  # (J) cycle of the last step up
    entries: np.ndarray  # (J, RUNGS)
    exits: np.ndarray  # (J, RUNGS)
    event_ms: np.ndarray  # (EVENTS) a ring of the last steps
    event: np.ndarray  # (EVENTS, 4) junction, from, to, cause
    events: np.ndarray  # (1) steps ever taken


class Reasons(NamedTuple):
    """What speaks for a lower rung. J junctions."""

    failed: np.ndarray  # (J, 3) vehicle detectors: all, not used, in doubt
    blind: np.ndarray  # (J, 2) lanes: all, not seen
    flash: np.ndarray  # (J) bool, by the monitor
    alarm_ms: np.ndarray  # (J) last alarm of the monitor, negative = none
    planner_lost: np.ndarray  # (J) bool, nobody plans for it within the lease
    plan_until_ms: np.ndarray  # (J) the plan in shadow costs clearly less: it is to run until then, 0 = not
    clock_bad: np.ndarray  # (1) bool
    ordered_rung: np.ndarray  # (J) int8 not better than this by order
    ordered_until_ms: np.ndarray  # (J)
    neighbour_start: np.ndarray  # (J+1)
    neighbour: np.ndarray  # flat, junctions that send traffic here


def new_rungs(junctions: int, now_ms: int) -> Rungs:
    """Everybody at the top."""
    j = junctions
    return Rungs(
        rung=np.zeros(j, np.int8), cause=np.zeros(j, np.int8), since_ms=np.full(j, now_ms, np.int64),
        demand=np.zeros(j, np.int8), demand_cause=np.zeros(j, np.int8),
        clean_since_ms=np.full(j, now_ms, np.int64), clean_from_cycle=np.zeros(j, np.int64),
        cycle=np.zeros(j, np.int64), cycle_began_ms=np.full(j, now_ms, np.int64),
        cycle_bits=np.zeros(j, np.int64), green_bits=np.zeros(j, np.int64),
        rose_in_cycle=np.full(j, -2, np.int64), entries=np.zeros((j, RUNGS), np.int64),
        exits=np.zeros((j, RUNGS), np.int64), event_ms=np.zeros(EVENTS, np.int64),
        event=np.zeros((EVENTS, 4), np.int64), events=np.zeros(1, np.int64),
    )  # fmt: skip


def new_reasons(junctions: int, neighbour_start: np.ndarray, neighbour: np.ndarray) -> Reasons:
    """None yet."""
    j = junctions
    return Reasons(
        failed=np.zeros((j, 3), np.int64), blind=np.zeros((j, 2), np.int64), flash=np.zeros(j, np.bool_),
        alarm_ms=np.full(j, -1, np.int64), planner_lost=np.zeros(j, np.bool_),
        plan_until_ms=np.zeros(j, np.int64),
        clock_bad=np.zeros(1, np.bool_),
        ordered_rung=np.zeros(j, np.int8), ordered_until_ms=np.zeros(j, np.int64),
        neighbour_start=neighbour_start, neighbour=neighbour,
    )  # fmt: skip


_NO_INTS = np.zeros(0, np.int64)
RUNGS_TYPE = typeof(new_rungs(0, 0))
REASONS_TYPE = typeof(new_reasons(0, _NO_INTS, _NO_INTS))
_V, _I, _B, _T = types.void, types.int64, types.boolean, types.UniTuple
_I1, _N1 = types.int64[::1], types.int8[::1]
_TABLE = types.int8[:, ::1]


@kernel(_T(_I, 2)(_I, _I, REASONS_TYPE))
def reasoned_rung(j, now_ms, reasons):
    """The best rung there is no reason against, and the reason that rules out the one above."""
    if reasons.flash[j]:
        return FLASH, MONITOR_TRIP
    if reasons.clock_bad[0]:
        return FREE, CLOCK_BAD
    rung, cause = 0, CLEAN
    detectors, lost, doubted = reasons.failed[j]
    lanes, blind = reasons.blind[j]
    if reasons.alarm_ms[j] >= 0 and now_ms - reasons.alarm_ms[j] <= ALARM_MS:
        rung, cause = COORDINATED, ALARM
    elif blind > BLIND_SHARE * lanes:
        rung, cause = COORDINATED, STOP_LINES_BLIND
    elif now_ms < reasons.plan_until_ms[j]:
        rung, cause = COORDINATED, WORSE_THAN_PLAN
    elif reasons.planner_lost[j]:
        rung, cause = ACTUATED, PLANNER_LOST
    elif lost > LOST_SHARE * detectors:
        rung, cause = ACTUATED, DETECTORS_LOST
    elif lost + doubted > DOUBTED_SHARE * detectors:
        rung, cause = 1, DETECTORS_DOUBTED
    else:
        for k in range(reasons.neighbour_start[j], reasons.neighbour_start[j + 1]):
            n = reasons.neighbour[k]
            if reasons.failed[n, 0] > 0 and reasons.blind[n, 1] > BLIND_SHARE * reasons.blind[n, 0]:
                rung, cause = 1, NEIGHBOUR_SILENT
    if now_ms < reasons.ordered_until_ms[j] and reasons.ordered_rung[j] > rung:
        rung, cause = reasons.ordered_rung[j], ORDERED
    return rung, cause


@kernel(_I(_I, _I, _B, _B, _B, _TABLE))
def next_rung(rung, demand, boundary, settled, two_cycles, table):
    """Where a junction stands after this look.

    boundary: no change of lamps is under way · settled: its dwell at this rung is over and clean
    two_cycles: its last step up is two cycles ago · table (RUNGS, RUNGS) STAY, DOWN or UP by rung, demand
    """
    move = table[rung, demand]
    if move == DOWN and (boundary or demand == FLASH):
        return demand
    if move == UP and boundary and settled and two_cycles:
        return rung - 1
    return rung


@inner_kernel(_V(_I, _I, _I, _I, _N1, RUNGS_TYPE))
def count_cycles(j, now_ms, first, n, lamp, rungs):
    """A cycle ends when a group begins that has begun in it already.

    lamp (G) Lamp
    """
    green = 0
    for k in range(n):
        if lamp[first + k] == GREEN:
            green |= 1 << k
    began = green & ~rungs.green_bits[j]
    rungs.green_bits[j] = green
    if began & rungs.cycle_bits[j] or now_ms - rungs.cycle_began_ms[j] >= CYCLE_MS_MAX:
        rungs.cycle[j] += 1
        rungs.cycle_began_ms[j] = now_ms
        rungs.cycle_bits[j] = began
    else:
        rungs.cycle_bits[j] |= began


@kernel(_V(_I, _I, _I, _I, RUNGS_TYPE))
def take_step(j, now_ms, rung, cause, rungs):
    """From one rung to another: counted, dated, told."""
    before = rungs.rung[j]
    rungs.exits[j, before] += 1
    rungs.entries[j, rung] += 1
    if rung < before:
        rungs.rose_in_cycle[j] = rungs.cycle[j]
    rungs.rung[j], rungs.cause[j], rungs.since_ms[j] = rung, cause, now_ms
    rungs.clean_since_ms[j], rungs.clean_from_cycle[j] = now_ms, rungs.cycle[j]
    k = rungs.events[0] % EVENTS
    rungs.event_ms[k] = now_ms
    rungs.event[k, 0], rungs.event[k, 1], rungs.event[k, 2], rungs.event[k, 3] = j, before, rung, cause
    rungs.events[0] += 1


@kernel(_I(_I, _I1, _N1, types.boolean[::1], REASONS_TYPE, _TABLE, _I1, _I1, RUNGS_TYPE))
def climb(now_ms, group_start, lamp, in_transition, reasons, table, dwell_ms, dwell_cycles, rungs):
    """One look at every junction; returns how many took a step.

    group_start (J+1) · lamp (G) Lamp · in_transition (J) · table (RUNGS, RUNGS)
    dwell_ms, dwell_cycles (RUNGS) clean time and cycles before that rung is left upward · written: rungs
    """
    steps = 0
    for j in range(len(rungs.rung)):
        count_cycles(j, now_ms, group_start[j], group_start[j + 1] - group_start[j], lamp, rungs)
        rung = rungs.rung[j]
        demand, cause = reasoned_rung(j, now_ms, reasons)
        rungs.demand[j], rungs.demand_cause[j] = demand, cause
        if demand >= rung:
            rungs.clean_since_ms[j], rungs.clean_from_cycle[j] = now_ms, rungs.cycle[j]
        settled = (
            now_ms - rungs.clean_since_ms[j] >= dwell_ms[rung]
            and rungs.cycle[j] - rungs.clean_from_cycle[j] >= dwell_cycles[rung]
        )
        two_cycles = rungs.cycle[j] - rungs.rose_in_cycle[j] >= 2
        after = next_rung(rung, demand, not in_transition[j], settled, two_cycles, table)
        if after != rung:
            take_step(j, now_ms, after, cause if after > rung else CLEAN, rungs)
            steps += 1
    return steps
