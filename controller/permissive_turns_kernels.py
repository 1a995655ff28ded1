"""On to the next stage by way of the one that lets those who turn left out of the junction, over arrays."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import GREEN
from controller.compiling import kernel
from controller.plan_live import LIVE
from controller.plan_model import HORIZON_S, MODEL

CAUGHT_VEH = 3.0
"""A lane with so many in its queue still sends one after the other into the junction when its green ends."""
CLEARED_MS = 6_000
"""After the yellow of those facing them: two seconds of start-up and two headways of two seconds (HCM 2010,
ch. 31), for whoever turns left and who stands behind him."""

_I = types.int64


@kernel(_I(_I, _I, _I, MODEL, LIVE))
def by_way_of(j, stage, to, model, live):
    """The stage to go to first from `stage` on the way to `to`: the one that clears it, or `to` itself.

    All stages as the search counts them. Only where somebody is likely to stand inside: a lane shared with
    those who turn left has a queue and is about to get red.
    """
    first_lane = model.lane_start[j]
    by = model.clears[j, stage]
    bits, k = model.shared[j, stage], 0
    while bits and by >= 0:
        queue = live.queue_veh[first_lane + k]
        if bits & 1 and queue >= CAUGHT_VEH and model.rate[j, to, k] == 0.0:
            return by
        bits >>= 1
        k += 1
    return to


@kernel(_I(_I, _I, _I, MODEL, LIVE))
def time_to_clear(j, stage, now_ms, model, live):
    """Seconds until those are out whom `stage` lets out since the ones facing them have red; 0 = they are."""
    bits, g = model.faced[j, stage], model.group_start[j]
    left_ms = 0
    while bits:
        if bits & 1 and live.lamp[g] != GREEN:
            left_ms = max(left_ms, live.green_ended_ms[g] + live.yellow_ms[g] + CLEARED_MS - now_ms)
        bits >>= 1
        g += 1
    return min(HORIZON_S // 2, (left_ms + 999) // 1000)
