"""Who else counts a detector's vehicles, another loop of its lane or signals upstream, and what it missed."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

import math

from numba import types

from controller.codes import NEVER_MS
from controller.compiling import inner_kernel
from controller.detectors_model import BELIEVED, HEALTH, LAID, NOW, OWN_GATE, UPSTREAM

MUTE_MS = 120_000
"""Who tells of nobody for so much longer than a loop farther up is no witness."""
SHRINK_VEH, KNOWN_VEH, LIKELY, SURELY = 2.0, 30.0, 0.4, 0.95
UNSEEN_VEH = 60.0
"""Counted by a witness while the detector has never counted anybody."""
PROVEN_VEH = 8.0
WITNESS_MEMORY_VEH = 600.0

_V, _I, _F = types.void, types.int64, types.float64


@inner_kernel(_I(_I, LAID, NOW))
def gate_beside(d, laid, now):
    """The nearest other gate of a detector's lane that can be asked, -1 = none.

    One that has told of nobody while a farther one did is not asked: it may be as dead as the detector.
    """
    lane, gate, latest_ms = laid.lane[d], laid.gate[d], -NEVER_MS
    for other in range(3):
        if other != gate and now.gate_trusted[lane, other]:
            latest_ms = max(latest_ms, now.told_ms[lane, other])
    for other in range(3):
        asked = other != gate and now.gate_trusted[lane, other]
        if asked and now.told_ms[lane, other] >= latest_ms - MUTE_MS:
            return other
    return -1


@inner_kernel(_V(_I, _I, _I, _F, LAID, HEALTH, NOW))
def hear_witness(d, frame_ms, count, veh, laid, health, now):
    """Compare with who counts the same vehicles: what the detector missed since its last count."""
    lane, beside = laid.lane[d], gate_beside(d, laid, now)
    if not (laid.own[d] and laid.single[d]) or (beside < 0 and now.fed_veh[lane] < 0.0):
        return
    witness = OWN_GATE if beside >= 0 else UPSTREAM
    testified = now.gate_veh[lane, beside] if beside >= 0 else now.fed_veh[lane]
    health.interval_witness_veh[d] += testified
    proof, heard = health.proof_veh[d, witness], health.witness_veh[d, witness]
    ratio = proof / (heard + SHRINK_VEH)
    if witness == OWN_GATE and heard < KNOWN_VEH:
        # Of its own lane's vehicles as many are to be expected as not, until more is known (Laplace).
        ratio = (proof + 1.0) / (heard + 2.0)
    elif heard < PROVEN_VEH or proof < PROVEN_VEH:
        ratio = 0.0
    if heard + testified >= UNSEEN_VEH and proof == 0.0:
        ratio = 1.0
    health.missed_veh[d] += min(1.0, ratio) * testified
    health.unlikely[d] -= math.log(1.0 - min(SURELY, ratio)) * testified
    if testified > 0.0 and ratio >= LIKELY and health.doubt_ms[d] == NEVER_MS:
        health.doubt_ms[d] = frame_ms
    if health.trust[d] >= BELIEVED:
        if heard > WITNESS_MEMORY_VEH:
            health.proof_veh[d, witness] *= 0.5
            health.witness_veh[d, witness] *= 0.5
        health.proof_veh[d, witness] += veh
        health.witness_veh[d, witness] += testified
    if count > 0:
        health.missed_veh[d] = health.unlikely[d] = 0.0
