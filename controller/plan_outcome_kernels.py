"""What a search came to: the winner, its first change of stage, and what it lets through, over arrays."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.compiling import inner_kernel
from controller.plan_kernels import INFINITE
from controller.plan_model import HORIZON_S, LABELS, MODEL, SLOTS, VIEW

_I, _F1, _F2, _I1 = types.int64, types.float64[::1], types.float64[:, ::1], types.int64[::1]


@inner_kernel(types.void(_I, LABELS, _I1, _F1))
def choose(n_stages, labels, chosen, costs):
    """The cheapest label at the horizon of each slot, and the first change of stage on the way of the winner.

    Written: chosen (4) = second of the first change (-1 none), its stage, winner's final stage, winner's slot
    costs (SLOTS) person-seconds, cost-to-go included; INFINITE where a slot is empty
    """
    t = HORIZON_S
    costs[:] = INFINITE
    winner = INFINITE
    for stage in range(n_stages):
        for slot in range(SLOTS):
            total = labels.total[t, stage, slot]
            costs[slot] = min(costs[slot], total)
            if total < winner:
                winner = total
                chosen[2] = stage
                chosen[3] = slot
    chosen[0] = -1
    stage, slot = chosen[2], chosen[3]
    while labels.from_s[t, stage, slot] != -1:
        before = labels.from_s[t, stage, slot]
        before_stage = labels.from_stage[t, stage, slot]
        before_slot = labels.from_slot[t, stage, slot]
        if before_stage != stage:
            chosen[0] = before
            chosen[1] = stage
        t, stage, slot = before, before_stage, before_slot


@inner_kernel(types.void(_I, _I, _I, _I, _F1, MODEL, VIEW, LABELS, _I1, _F2))
def play_outflow(j, start0, n_lanes, first_lane, queue0, model, view, labels, chosen, outflow_veh):
    """What the winner lets over each stop line in each coming second, for the junctions downstream.

    start0: second in which the present stage is complete · queue0 (L) veh now · chosen as from `choose`
    outflow_veh (all lanes, H) veh: written
    """
    t, stage, slot = HORIZON_S, chosen[2], chosen[3]
    stage_at, start_at = labels.stage_at, labels.start_at
    while t > 0:
        before = labels.from_s[t, stage, slot]
        before_stage, before_slot = labels.from_stage[t, stage, slot], labels.from_slot[t, stage, slot]
        start = start0 if before < 0 else -1
        if before >= 0 and before_stage != stage:
            start = before + model.switch_s[j, before_stage, stage]
        for second in range(max(0, before), t):
            stage_at[second] = stage
            start_at[second] = start
        if before < 0:
            break
        t, stage, slot = before, before_stage, before_slot
    for k in range(n_lanes):
        waiting = queue0[k]
        for second in range(HORIZON_S):
            waiting += view.arrival[k, second]
            serves = view.rate[stage_at[second], k]
            if second <= start_at[second]:
                serves = 0.0
            out = min(waiting, serves)
            waiting -= out
            outflow_veh[first_lane + k, second] = out
