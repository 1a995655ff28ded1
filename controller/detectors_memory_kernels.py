"""What detectors' readings add up to: intervals, hours, whole junctions, and the flow of every lane."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

import numpy as np
from numba import types

from controller.compiling import inner_kernel, kernel
from controller.detectors_kernels import (
    BUTTON, DISBELIEVE, FEW_GAPS, INTERVALS_PROOF, JUNCTION_FED_VEH, JUNCTION_GAPS, JUNCTION_LULL_S,
    JUNCTION_SILENT_S, LONGEST_MEMORY, LOW_DAYS, LOW_MADS, LOW_VEH, MAD, NEIGHBOUR_ALIVE_MS, NONE,
    ODD_INTERVALS, ODD_MADS, ODD_VEH, POISSON_999, PROVEN_GAPS, SILENT, SPREAD, STALE,
    STUCK_ON, UNPROVEN,
)  # fmt: skip
from controller.detectors_model import HEALTH, LAID, NOW, READING
from controller.detectors_witness_kernels import PROVEN_VEH

INTERVAL_MEMORY = 30.0
DAY_MEMORY = 10.0
JUNCTION_STUCK_S = 20.0
"""Nobody who stands at a green with room beyond it stays there for so long, wherever he stands."""
PRIOR_VEH_PER_S = 0.03
"""About 100 vehicles an hour on a lane of which nothing at all is known."""
NIGHT_SHARE = 0.25
"""Part of that from ten in the evening to six."""

_V, _I, _F, _F1 = types.void, types.int64, types.float64, types.float64[::1]
_I1, _N1 = types.int64[::1], types.int8[::1]


@inner_kernel(_V(_I, HEALTH))
def close_interval(d, health):
    """Compare what a detector and its witness counted in the interval with how they usually differ.

    Contradiction is blamed on the one that left its own habits further behind. Who has no witness is
    contradicted by nobody, however many come.
    """
    own, witness = health.interval_veh[d], health.interval_witness_veh[d]
    proof = health.proof_veh[d, 0] + health.proof_veh[d, 1]
    heard = health.witness_veh[d, 0] + health.witness_veh[d, 1]
    ratio = proof / heard if heard > 0.0 else 1.0
    difference = abs(own - ratio * witness)
    strange = (
        health.intervals[d] >= INTERVALS_PROOF
        and heard >= PROVEN_VEH
        and difference > ODD_MADS * MAD * health.spread_veh[d, 2] + ODD_VEH
        and abs(own - health.usual_veh[d, 0]) / (1.0 + health.spread_veh[d, 0])
        > abs(witness - health.usual_veh[d, 1]) / (1.0 + health.spread_veh[d, 1])
    )
    if strange:
        health.odd[d] = min(ODD_INTERVALS, health.odd[d] + 1)
        health.measured[d] = own - ratio * witness
    else:
        health.odd[d] = max(0, health.odd[d] - 1)
        if health.cause[d] == NONE:
            health.intervals[d] += 1
            weight = 1.0 / min(INTERVAL_MEMORY, float(health.intervals[d]))
            health.spread_veh[d, 0] += (abs(own - health.usual_veh[d, 0]) - health.spread_veh[d, 0]) * weight
            health.spread_veh[d, 1] += (
                abs(witness - health.usual_veh[d, 1]) - health.spread_veh[d, 1]
            ) * weight
            health.spread_veh[d, 2] += (difference - health.spread_veh[d, 2]) * weight
            health.usual_veh[d, 0] += (own - health.usual_veh[d, 0]) * weight
            health.usual_veh[d, 1] += (witness - health.usual_veh[d, 1]) * weight
    health.interval_veh[d] = 0.0
    health.interval_witness_veh[d] = 0.0


@kernel(_V(LAID, HEALTH))
def close_intervals(laid, health):
    """The interval ends for all detectors that have a witness."""
    for d in range(len(laid.kind)):
        if laid.gate[d] >= 0:
            close_interval(d, health)


@kernel(_V(_I, _I, types.boolean, LAID, HEALTH))
def turn_hour(before, after, whole, laid, health):
    """An hour ends: its count joins those of other days, and a new hour begins with what is known of it.

    whole: it was watched from its beginning
    """
    for d in range(len(laid.kind)):
        veh, days = health.hour_veh[d], health.days[d, before]
        usual, spread = health.day_veh[d, before], health.day_spread_veh[d, before]
        health.low[d] = (
            whole and days >= LOW_DAYS and usual >= LOW_VEH and veh < usual - LOW_MADS * MAD * spread
        )
        if health.low[d]:
            health.measured[d] = veh
        elif whole:
            weight = 1.0 / min(DAY_MEMORY, days + 1.0)
            if days > 0.0:
                health.day_spread_veh[d, before] += (abs(veh - usual) - spread) * weight
            health.day_veh[d, before] += (veh - usual) * weight
            health.days[d, before] = days + 1.0
        health.hour_veh[d] = 0.0
        if health.gaps[d, after] < PROVEN_GAPS:
            health.gap_s[d, after] = health.gap_s[d, before]
            health.longest_s[d, after] = health.longest_s[d, before]
            health.gaps[d, after] = min(health.gaps[d, before], PROVEN_GAPS)


@kernel(types.Tuple((types.boolean, _F))(_I, _I, LAID, HEALTH, NOW))
def fed_by_the_living(j, frame_ms, laid, health, now):
    """Whether a neighbour whose detectors live tells whom it sends to junction j, and how many now."""
    told, fed_veh = False, 0.0
    for lane in range(laid.lane_start[j], laid.lane_start[j + 1]):
        if now.fed_veh[lane] >= 0.0:
            up = laid.lane_junction[laid.feed_lane[laid.feed_start[lane]]]
            if up != j and frame_ms - health.junction_ms[up] < NEIGHBOUR_ALIVE_MS:
                told = True
                fed_veh += now.fed_veh[lane]
    return told, fed_veh


@kernel(_V(_I, _F, LAID, HEALTH, READING, _F1, NOW))
def judge_junctions(frame_ms, passed_s, laid, health, reading, blocked, now):
    """A junction whose loops all fall silent at once has lost its cabinet, not its traffic.

    So has one whose loops are all occupied at the same time, and count nobody through green after green.
    Where neighbours are heard and send hardly anybody, nobody is missed for longer.
    passed_s since the reading before · blocked (L) part of a lane's service lost to a full exit
    """
    d = 0
    for j in range(len(health.junction_ms)):
        first, occupied, clear, counted, held, last_ms = d, False, False, False, False, 0
        while d < len(laid.kind) and laid.junction[d] == j:
            if laid.gate[d] >= 0:
                last_ms = max(last_ms, health.last_ms[d])
            if laid.gate[d] == 0 and reading.on[d] and now.green[laid.lane[d]] == 2:
                held = held or blocked[laid.lane[d]] < 0.5
            # One that is masked for its silence tells at once when it is mended.
            if laid.gate[d] >= 0 and health.cause[d] in (NONE, SILENT, UNPROVEN, STUCK_ON):
                counted = counted or reading.counted[d] > 0
                occupied = occupied or reading.on[d]
                clear = clear or (not reading.on[d] and health.cause[d] != SILENT)
            d += 1
        silent_s = (frame_ms - health.junction_ms[j]) / 1000.0
        told, fed_veh = fed_by_the_living(j, frame_ms, laid, health, now)
        health.junction_fed_veh[j] += fed_veh
        mean_s, longest_s, gaps = health.junction_gap_s[j]
        if counted:
            n = min(gaps, JUNCTION_GAPS)
            health.junction_gap_s[j, 0] += (silent_s - mean_s) / (n + 1.0)
            health.junction_gap_s[j, 1] = max(silent_s, longest_s * LONGEST_MEMORY)
            health.junction_gap_s[j, 2] = gaps + 1.0
        usual_s = max(POISSON_999 * mean_s, longest_s)
        whole = occupied and not clear and not counted
        health.junction_held_s[j] = health.junction_held_s[j] + passed_s * held if whole else 0.0
        if counted or (occupied and health.junction_held_s[j] <= JUNCTION_STUCK_S):
            health.junction_ms[j] = frame_ms
            health.junction_fed_veh[j] = 0.0
            continue
        lull = told and health.junction_fed_veh[j] < JUNCTION_FED_VEH
        least_s = JUNCTION_LULL_S if lull else JUNCTION_SILENT_S
        lost_s = 0.0 if occupied else max(least_s, DISBELIEVE * usual_s)
        if gaps < JUNCTION_GAPS or silent_s <= lost_s:
            continue
        for k in range(first, d):
            if laid.kind[k] == BUTTON:
                # Who presses there is not heard either.
                health.presses[k] = 0
            if laid.gate[k] >= 0 and health.trust[k] > 0.0 and health.cause[k] in (NONE, SILENT, STUCK_ON):
                if health.cause[k] == NONE:
                    health.since_ms[k] = frame_ms
                health.trust[k], health.cause[k] = 0.0, STUCK_ON if reading.on[k] else SILENT
                health.measured[k], health.masked[k] = (frame_ms - last_ms) / 1000.0, True


@kernel(_V(types.boolean, _I, LAID, HEALTH, _F1, types.int8[::1]))
def usual_flows(night, hour, laid, health, rate_veh_per_s, known):
    """Usual flow of every lane at this hour: its own loops' memory, its junction's other lanes', or a prior.

    A few gaps of its own are no proof of what is usual, but tell more of a lane than others do: the upper end
    of what they allow, for whoever is left behind by too short a green is seen by nobody.

    rate_veh_per_s (L), known (L) 2 from its own loops, 1 from its neighbours, 0 not at all: written
    """
    rate_veh_per_s[:] = 0.0
    known[:] = 0
    for d in range(len(laid.kind)):
        if laid.gate[d] >= 0 and laid.own[d] and health.gaps[d, hour] >= PROVEN_GAPS:
            lane = laid.lane[d]
            rate = 1.0 / max(2.0, health.gap_s[d, hour])
            # The stop line's own loop knows best; of the others the one that counts most.
            best = laid.gate[d] == 0
            if best or known[lane] < 2 or (known[lane] == 2 and rate > rate_veh_per_s[lane]):
                rate_veh_per_s[lane] = rate
            known[lane] = 3 if best or known[lane] == 3 else 2
    for lane in range(len(known)):
        known[lane] = min(known[lane], 2)
    for j in range(len(laid.lane_start) - 1):
        total, n = 0.0, 0
        for lane in range(laid.lane_start[j], laid.lane_start[j + 1]):
            if known[lane] == 2:
                total += rate_veh_per_s[lane]
                n += 1
        for lane in range(laid.lane_start[j], laid.lane_start[j + 1]):
            if known[lane] == 0:
                rate_veh_per_s[lane] = total / n if n else PRIOR_VEH_PER_S * (NIGHT_SHARE if night else 1.0)
                known[lane] = 1 if n else 0
    for stop_line in (False, True):  # The stop line's own last: it knows best.
        for d in range(len(laid.kind)):
            few = FEW_GAPS <= health.gaps[d, hour] < PROVEN_GAPS
            if few and known[laid.lane[d]] < 2 and laid.own[d] and (laid.gate[d] == 0) == stop_line:
                most = 1.0 + SPREAD / np.sqrt(health.gaps[d, hour])
                rate_veh_per_s[laid.lane[d]] = most / max(2.0, health.gap_s[d, hour])


@kernel(_V(_I, LAID, HEALTH))
def lose_all(now_ms, laid, health):
    """No reading has come at all for too long: everything is missing."""
    for d in range(len(laid.kind)):
        if health.trust[d] > 0.0 or health.cause[d] != STALE:
            health.trust[d], health.masked[d] = 0.0, True
            if health.cause[d] != STALE:
                health.cause[d], health.since_ms[d] = STALE, now_ms
        if laid.kind[d] == BUTTON:
            health.presses[d] = 0


@kernel(_V(LAID, HEALTH, types.boolean, _N1, _I1, _I1))
def survey(laid, health, loops_only, seen, failed, blind):
    """Which lanes are still seen, and how many detectors of each junction are not used.

    loops_only: no tracks; a lane without loops is not seen · written: seen (L) 0 not at all, 1 by loops
    that have told of nobody yet, 2 seen · failed (3 J) all vehicle detectors, not used, in doubt
    blind (2 J) lanes, those of them not seen; where none has told of anybody, all of them
    """
    failed[:] = 0
    blind[:] = 0
    seen[:] = 0 if loops_only else 2
    for d in range(len(laid.kind)):
        # Where tracks are seen nothing rests on loops, and their silence says nothing.
        if laid.gate[d] < 0 or not loops_only:
            continue
        j, lane = laid.junction[d], laid.lane[d]
        failed[3 * j] += 1
        if health.masked[d]:
            failed[3 * j + 1] += 1
        else:
            unproven = health.cause[d] == UNPROVEN
            failed[3 * j + 2] += 0 if unproven or health.trust[d] >= 1.0 else 1
            seen[lane] = max(seen[lane], 1 if unproven else 2)
    for j in range(len(laid.lane_start) - 1):
        best = 0
        for lane in range(laid.lane_start[j], laid.lane_start[j + 1]):
            blind[2 * j] += 1
            blind[2 * j + 1] += 1 if seen[lane] == 0 else 0
            best = max(best, seen[lane])
        if best < 2:
            blind[2 * j + 1] = blind[2 * j]
