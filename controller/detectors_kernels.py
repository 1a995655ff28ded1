"""How far each detector is believed: every fault of rules 3.1, found on what it says before anybody uses it.

A detector is judged by what is physically possible, by what it used to say at this hour, and by
what others say who count the same vehicles. Never by occupancy alone: a loop under a queue is
occupied for as long as the queue stands, and only its own green can tell it from a stuck one.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import BUTTON, GREEN, NEVER_MS, RED
from controller.compiling import inner_kernel, kernel
from controller.detectors_model import BELIEVED, HEALTH, LAID, NOW, READING
from controller.detectors_witness_kernels import gate_beside, hear_witness

NONE, SILENT, STUCK_ON, CHATTER, REPORTED, LOW_HITS = 0, 1, 2, 3, 4, 5
FROZEN, CONTRADICTED, STALE, UNPROVEN, IMPOSSIBLE, THROUGH_RED = 6, 7, 8, 9, 10, 11

ERRATIC_PER_MIN = 60.0
"""Twice what saturation flow lets over a loop (0.5 veh/s; rules 3.1)."""
STALE_S, STALE_PERIODS = 5.0, 3.0
REPORTED_FROM = 200.0
"""Occupancies of 210 to 213 are a device's own report of its fault (NTCIP 1202)."""
FROZEN_READINGS = 60
PRESENCE_S, PRESS_S = 900.0, 180.0
"""Longest time occupied: vehicles, buttons (rules 3.1)."""
GREEN_PROOF_S = 60.0
"""Occupied through so much of its own green without a count, a loop under a moving queue cannot be."""
FED_PROOF_S, FED_PROOF_VEH = 10.0, 6.0
"""Less of it will do when vehicles are seen to come up behind."""
GREENS_PROOF, MANY_GREENS = 3, 8
"""Without a count until it is suspected; so many need not be long to prove it, after `PRESENCE_S`."""
PEERS_PROOF_VEH = 12.0
START_UP_MS = 5_000
SILENT_S = 120.0
"""No detector with a memory is doubted for a shorter silence of its own."""
RED_VEH = 3.5
"""More than so many do not come over a loop in a minute of red: one stands there, the odd one runs it."""
CLEARED_MS = 3_000
MISSED_VEH = 2.0
MISSED_PROOF_VEH = 5.0
"""Of a loop that stays clear: who stands at a stop line after others counted him stands on its loop."""
UNHEARD_MS, UNHEARD = 20_000, 5.3
"""Of red since the first was counted farther up: by then he stands there. ln 200: so unlikely must it be that
all have turned off; two where nearly everybody comes, eight where every second one does."""
FEW_GAPS, PROVEN_GAPS = 5.0, 20.0
"""Enough to go by, and enough to know what is usual."""
SPREAD = 2.0
"""Standard deviations of a Poisson count that are still usual."""
POISSON_999 = 6.9
"""ln 1000: a Poisson gap is longer than so many mean gaps once in a thousand."""
DOUBT, DISBELIEVE = 2.0, 3.0
"""Times its p99.9 gap until a silent detector is doubted, and disbelieved (design 10.9)."""
GAP_MEMORY, LONGEST_MEMORY = 300.0, 0.999
JUNCTION_SILENT_S, JUNCTION_LULL_S, JUNCTION_GAPS = 60.0, 120.0, 20.0
"""A junction's silence, and one in which its neighbours sent nobody: that may be a lull."""
JUNCTION_FED_VEH = 6.0
NEIGHBOUR_ALIVE_MS = 30_000
MAD = 0.85
"""Median absolute deviation over mean absolute deviation, of normal noise."""
ODD_MADS, ODD_VEH, ODD_INTERVALS, INTERVALS_PROOF = 4.0, 3.0, 3, 10
LOW_VEH, LOW_MADS, LOW_DAYS = 50.0, 3.0, 3.0
RECOVER_S, RECOVER_STALE_S = 120.0, 20.0
"""Until a detector that speaks sense again is believed in full."""
PRESSES = 3

_V, _B, _I, _F = types.void, types.boolean, types.int64, types.float64
_I1, _F1, _N1 = types.int64[::1], types.float64[::1], types.int8[::1]


@inner_kernel(_V(_I, LAID, HEALTH, READING, _N1, _I1, NOW))
def look_around(now_ms, laid, health, reading, lamp, lamp_since_ms, now):
    """What the trusted detectors of every lane count now, what comes from upstream, and who has green.

    lamp (G) Lamp, lamp_since_ms (G) ms · written: now
    """
    now.gate_veh[:, :] = 0.0
    now.gate_trusted[:, :] = False
    for d in range(len(laid.kind)):
        gate = laid.gate[d]
        if gate >= 0 and health.trust[d] >= BELIEVED and (laid.own[d] or gate == 0):
            now.gate_trusted[laid.lane[d], gate] = True
            now.gate_veh[laid.lane[d], gate] += max(0, reading.counted[d])
            if reading.counted[d] > 0 or reading.on[d]:
                now.told_ms[laid.lane[d], gate] = now_ms
    for j in range(len(laid.lane_start) - 1):
        first = laid.group_start[j]
        for lane in range(laid.lane_start[j], laid.lane_start[j + 1]):
            bits, k, green = laid.lane_group_bits[lane], 0, 0
            red = not laid.turns_on_red[lane]
            while bits:
                g = first + k
                if bits & 1 and lamp[g] == GREEN:
                    green = max(green, 2 if now_ms - lamp_since_ms[g] > START_UP_MS else 1)
                red = red and not (bits & 1 and (lamp[g] != RED or now_ms - lamp_since_ms[g] <= CLEARED_MS))
                bits >>= 1
                k += 1
            now.green[lane] = green
            now.was_red[lane] = now.red[lane]
            now.red[lane] = red
    for lane in range(len(laid.lane_junction)):
        fed, heard = 0.0, laid.feed_start[lane + 1] > laid.feed_start[lane]
        for f in range(laid.feed_start[lane], laid.feed_start[lane + 1]):
            up = laid.feed_lane[f]
            heard = heard and now.gate_trusted[up, 0]
            fed += now.gate_veh[up, 0] * laid.feed_share[f]
        now.fed_veh[lane] = fed if heard else -1.0


@inner_kernel(_F(_I, _I, _F, HEALTH))
def usual_gap_s(d, hour, floor_s, health):
    """The gap between two counts that is exceeded once in a thousand at this hour; `floor_s` if unknown."""
    if health.gaps[d, hour] < PROVEN_GAPS:
        return floor_s
    return max(POISSON_999 * health.gap_s[d, hour], health.longest_s[d, hour])


@inner_kernel(_V(_I, _I, _I, _F, HEALTH))
def learn_gap(d, hour, count, gap_s, health):
    """So many were counted after so long: what is usual at this hour.

    A detector in doubt teaches little: its silence may have been its own.
    """
    if health.cause[d] != NONE and health.cause[d] != UNPROVEN:
        if health.cause[d] != SILENT or health.missed_veh[d] > 0.0:
            return
        gap_s = min(gap_s, DOUBT * health.longest_s[d, hour])
    n = min(health.gaps[d, hour], GAP_MEMORY)
    health.gap_s[d, hour] += (gap_s / count - health.gap_s[d, hour]) * min(1.0, count / (n + count))
    health.gaps[d, hour] = n + count
    health.longest_s[d, hour] = max(gap_s, health.longest_s[d, hour] * LONGEST_MEMORY)


@inner_kernel(_I(_I, _I, _F, LAID, HEALTH, READING))
def impossible_cause(d, frame_ms, passed_s, laid, health, reading):
    """A fault that one reading, or the last minute, shows by itself; NONE when there is none."""
    count, occupancy = reading.counted[d], reading.occupancy[d]
    if reading.time_ms[d] != 0:
        age_s = (frame_ms - reading.time_ms[d]) / 1000.0
        health.measured[d] = age_s if age_s > 0.0 else health.measured[d]
        if age_s > max(STALE_S, STALE_PERIODS * passed_s):
            return STALE
    if occupancy >= REPORTED_FROM:
        health.measured[d] = occupancy
        return REPORTED
    # Compared this way round, a NaN fails too.
    if not (0.0 <= occupancy <= 1.0) or count < 0:
        return IMPOSSIBLE
    health.minute_veh[d] = health.minute_veh[d] * max(0.0, 1.0 - passed_s / 60.0) + count
    if health.minute_veh[d] > ERRATIC_PER_MIN:
        health.measured[d] = health.minute_veh[d]
        return CHATTER
    alike = 0.0 < occupancy < 1.0 and occupancy == health.occupancy[d] and count == health.counted[d]
    health.alike[d] = health.alike[d] + 1 if alike else 0
    health.occupancy[d], health.counted[d] = occupancy, count
    if health.alike[d] >= FROZEN_READINGS:
        health.measured[d] = float(health.alike[d])
        return FROZEN
    return NONE


@inner_kernel(_I(_I, _I, _I, _F, _F, LAID, HEALTH, NOW, _F1))
def lasting_cause(d, frame_ms, hour, floor_s, on_s, laid, health, now, blocked):
    """A fault that time shows: occupied or silent for too long, against green, memory and witnesses.

    blocked (L) part of a lane's service lost to a full exit
    """
    lane, on = laid.lane[d], on_s > 0.0
    silent_s = (frame_ms - health.last_ms[d]) / 1000.0
    served = health.greens[d] >= 2 or laid.gate[d] != 0
    # A lane whose stop line tells of nobody may get no green that would prove it dead; red does as well.
    stand_ms = frame_ms - health.doubt_ms[d]
    beside = gate_beside(d, laid, now)
    before = laid.gate[d] == 0 or beside > laid.gate[d]
    unheard = before and stand_ms > UNHEARD_MS and health.unlikely[d] > UNHEARD
    # After the last count of a loop farther up, those it counted are still counted at the stop line.
    enough_veh = MISSED_PROOF_VEH if laid.gate[d] == 0 and not on else laid.room_veh[d]
    if (served and health.missed_veh[d] > enough_veh and silent_s > 30.0) or unheard:
        health.measured[d] = on_s if on else silent_s
        return STUCK_ON if on else SILENT
    if on:
        open_exit = blocked[lane] < 0.5 and health.greens[d] >= GREENS_PROOF
        through_s = health.held_green_s[d] if open_exit else 0.0
        many = open_exit and health.greens[d] >= MANY_GREENS and on_s > PRESENCE_S
        fed = laid.gate[d] == 0 and through_s >= FED_PROOF_S and health.missed_veh[d] >= FED_PROOF_VEH
        # A queue back to a loop farther up that no green moves is none that a longer green would help.
        moving = laid.gate[d] != 0 or health.peers_veh[d] >= PEERS_PROOF_VEH
        if fed or many or (through_s >= GREEN_PROOF_S and (moving or on_s > PRESENCE_S)):
            health.measured[d] = on_s
            return STUCK_ON
        return NONE
    known_s = (frame_ms - health.begun_ms[0]) / 1000.0
    if health.gaps[d, hour] < PROVEN_GAPS:
        health.measured[d] = silent_s
        if health.gaps[d, hour] == 0.0:
            return UNPROVEN if known_s > floor_s else NONE
        mean_s = known_s / (health.gaps[d, hour] + 1.0)
        return SILENT if silent_s > max(floor_s, DISBELIEVE * POISSON_999 * mean_s) else NONE
    usual_s = usual_gap_s(d, hour, floor_s, health)
    # Where a witness is as silent, it is the traffic that has gone.
    agreed = (
        (laid.gate[d] != 0 or health.missed_veh[d] < MISSED_VEH)
        and laid.own[d]
        and laid.single[d]
        and (beside >= 0 or now.fed_veh[lane] >= 0.0)
    )
    if silent_s > (max(floor_s, DISBELIEVE * usual_s) if agreed else max(SILENT_S, DOUBT * usual_s)):
        health.measured[d] = silent_s
        return SILENT
    return NONE


@inner_kernel(_F(_I, _I, _I, _I, _F, LAID, HEALTH))
def trust_for(d, cause, frame_ms, hour, floor_s, laid, health):
    """How far a detector with that cause is to be believed, 0-1."""
    if cause == NONE:
        return 1.0
    if cause == UNPROVEN:
        return 0.4 if laid.kind[d] == BUTTON else 0.6
    if cause == LOW_HITS:
        return 0.7
    if cause == CONTRADICTED:
        return max(0.0, 1.0 - health.odd[d] / ODD_INTERVALS)
    if cause == SILENT and laid.kind[d] != BUTTON and health.missed_veh[d] <= MISSED_PROOF_VEH:
        silent_s = (frame_ms - health.last_ms[d]) / 1000.0
        sure_s = max(floor_s, DISBELIEVE * usual_gap_s(d, hour, floor_s, health))
        return 0.0 if silent_s > sure_s else 0.4
    return 0.0


@inner_kernel(_V(_I, _I, _I, _F, _F, LAID, HEALTH))
def settle(d, cause, frame_ms, passed_s, trust, laid, health):
    """Believe less at once, more only slowly; a cause stands until trust is whole again."""
    if trust < health.trust[d] or (cause != NONE and trust == health.trust[d]):
        health.trust[d] = trust
        if health.cause[d] != cause:
            health.cause[d] = cause
            health.since_ms[d] = frame_ms
    elif trust > health.trust[d]:
        recover_s = RECOVER_STALE_S if health.cause[d] == STALE else RECOVER_S
        if laid.kind[d] == BUTTON:
            recover_s = 1.0
        health.trust[d] = min(trust, health.trust[d] + passed_s / recover_s)
        if health.trust[d] >= trust and health.cause[d] != cause:
            health.cause[d] = cause
            health.since_ms[d] = frame_ms
    doubted = laid.kind[d] == BUTTON and (health.cause[d] == SILENT or health.cause[d] == UNPROVEN)
    health.masked[d] = health.trust[d] < BELIEVED and not doubted


@inner_kernel(_I(_I, _I, _I, _F, _I, _F, HEALTH, READING))
def button_cause(d, frame_ms, hour, floor_s, found, on_s, health, reading):
    """A button is proven by three genuine presses, and by silence, fault or start no longer."""
    if found == NONE and on_s > PRESS_S:
        found = STUCK_ON
        health.measured[d] = on_s
    if found != NONE:
        health.presses[d] = 0
        return found
    if reading.counted[d] > 0 and not health.masked[d]:
        health.presses[d] = min(PRESSES, health.presses[d] + 1)
    silent_s = (frame_ms - health.last_ms[d]) / 1000.0
    if silent_s > max(floor_s, DISBELIEVE * usual_gap_s(d, hour, floor_s, health)):
        health.presses[d] = 0
        health.measured[d] = silent_s
        return SILENT if health.gaps[d, hour] > 0.0 else UNPROVEN
    if health.presses[d] < PRESSES:
        return SILENT if health.cause[d] == SILENT else UNPROVEN
    return NONE


@inner_kernel(_V(_I, _I, _I, _F, LAID, HEALTH, NOW))
def count_at_red(d, lane, count, passed_s, laid, health, now):
    """What a stop line's loop counts in a minute of red of its lane; kept until the next red begins."""
    if laid.gate[d] == 0 and now.red[lane]:
        kept = max(0.0, 1.0 - passed_s / 60.0) if now.was_red[lane] else 0.0
        health.red_veh[d] = health.red_veh[d] * kept + count


@kernel(_V(_I, _I, _F, _I, _F, LAID, HEALTH, READING, _N1, _I1, _F1, NOW))
def judge(
    now_ms, frame_ms, passed_s, hour, floor_s, laid, health, reading, lamp, lamp_since_ms, blocked, now
):
    """Judge every detector by a new reading, taken `passed_s` after the one before.

    hour 0-23 of the local day · floor_s silence allowed while nothing is learned · lamp (G) Lamp
    lamp_since_ms (G) ms · blocked (L) 0-1 · written: health, now
    """
    look_around(now_ms, laid, health, reading, lamp, lamp_since_ms, now)
    for j in range(len(laid.lane_start) - 1):
        for lane in range(laid.lane_start[j], laid.lane_start[j + 1]):
            now.crossed_veh[lane] = 0.0
            for other in range(laid.lane_start[j], laid.lane_start[j + 1]):
                if (
                    now.green[other] == 2
                    and other != lane
                    and laid.lane_group_bits[lane] & laid.lane_group_bits[other]
                ):
                    now.crossed_veh[lane] += now.gate_veh[other, 0]
    for d in range(len(laid.kind)):
        count, on = max(0, reading.counted[d]), reading.on[d]
        found = impossible_cause(d, frame_ms, passed_s, laid, health, reading)
        if found in (STALE, REPORTED, IMPOSSIBLE):
            health.on_since_ms[d] = NEVER_MS
            health.presses[d] = 0
            settle(d, found, frame_ms, passed_s, 0.0, laid, health)
            continue
        # Whoever had come after a gap would have been counted.
        full = on and (count == 0 or reading.occupancy[d] > 0.99 or health.on_since_ms[d] == NEVER_MS)
        if not full:
            health.on_since_ms[d] = NEVER_MS
        elif health.on_since_ms[d] == NEVER_MS:
            health.on_since_ms[d] = frame_ms
        on_s = (frame_ms - health.on_since_ms[d]) / 1000.0 if full else 0.0
        if count > 0:
            learn_gap(d, hour, count, (frame_ms - health.last_ms[d]) / 1000.0, health)
            health.interval_veh[d] += count
            health.hour_veh[d] += count
        if laid.kind[d] == BUTTON:
            found = button_cause(d, frame_ms, hour, floor_s, found, on_s, health, reading)
        elif laid.gate[d] >= 0:
            lane = laid.lane[d]
            hear_witness(d, frame_ms, count, float(count), laid, health, now)
            if count > 0 or on or now.green[lane] == 2:
                health.doubt_ms[d] = NEVER_MS
            if count > 0 or not full:
                health.held_green_s[d] = 0.0
            elif now.green[lane] == 2:
                health.held_green_s[d] += passed_s
            health.peers_veh[d] = 0.0 if count > 0 else health.peers_veh[d] + now.crossed_veh[lane]
            if count > 0:
                health.greens[d] = 0
            elif now.green[lane] > 0 and not now.was_green[lane]:
                health.greens[d] += 1
            count_at_red(d, lane, count, passed_s, laid, health, now)
            if found == NONE and health.red_veh[d] > RED_VEH:
                found = THROUGH_RED
                health.measured[d] = health.red_veh[d]
            if found == NONE:
                found = lasting_cause(d, frame_ms, hour, floor_s, on_s, laid, health, now, blocked)
            if found == NONE and health.odd[d] > 0:
                found = CONTRADICTED
            if found == NONE and health.low[d]:
                found = LOW_HITS
        if count > 0:
            health.last_ms[d] = frame_ms
        trust = trust_for(d, found, frame_ms, hour, floor_s, laid, health)
        settle(d, found, frame_ms, passed_s, trust, laid, health)
    for lane in range(len(now.green)):
        now.was_green[lane] = now.green[lane] > 0
