"""A part of a street played forward, second by second, by the controller's own kernels.

The planner plans, orders are laid over it and the sequencer takes lawful steps, exactly as in a tick;
only the street is a model: each lane one queue that discharges as the planner foresees (learned
service, drivers who give way, full exits), what leaves it arrives downstream after its travel time,
and from outside come the flows of now. Junctions in flash work as an all-way stop.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.codes import FLASH_RED, GREEN, NEVER_MS, PEDESTRIAN, YELLOW
from controller.compiling import inner_kernel, kernel
from controller.demand_kernels import call_vehicles
from controller.forecast_model import AHEAD, RING_S
from controller.overlay_kernels import in_time, lay_calls, lay_orders, lay_walks
from controller.overlay_model import BOOK, PLANS, SCENE
from controller.plan_lanes_kernels import START_UP_LOST_S, YELLOW_USED_S, yielding_rate
from controller.plan_live import LIVE
from controller.plan_model import HORIZON_S, LABELS, MODEL, VIEW
from controller.present import BUSES, CARS, WALKERS
from controller.replan_kernels import age_queues, replan_junction
from controller.sequencer_kernels import advance
from controller.service_kernels import FREE, GIVES_WAY, WALKED, full_exit, learned_part, people_cross
from controller.stage_play_kernels import count_bits
from controller.urgency_kernels import judge_urgency

SECOND_MS = 1000
ALL_WAY_STOP_VEH_PER_S = 0.125
"""A lane at an all-way stop with others waiting: 8 s a vehicle (HCM 2010, ch. 20: 3.9 to 9.6 s)."""
COARSE_S = 4
"""A forecast that plans so seldom looks at promises every other second."""
CALL_PERSONS = 1.0
"""A crossing is called when so many are believed to have come."""

_I, _F = types.int64, types.float64


@inner_kernel(_F(_I, _I, _I, MODEL, LIVE, AHEAD))
def lane_rate(j, k, green, model, live, ahead):
    """Vehicles a second that lane k of junction j sends while its groups `green` (bits) are green.

    As the planner has it for a stage with these greens; without one, saturation by the part that is green.
    """
    lane = model.lane_start[j] + k
    mine = model.lane_groups[j, k] & green
    best = -1
    for s in range(model.n_stages[j]):
        same = model.lane_groups[j, k] & model.stage_groups[j, s] == mine
        if same and (best < 0 or model.stage_of[j, s] == live.target_stage[j]):
            best = s
    if best < 0:
        n_green, n_all = count_bits(mine), count_bits(model.lane_groups[j, k])
        return ahead.saturation_veh_per_s[lane] * n_green / max(1, n_all)
    rate = model.rate[j, best, k]
    opposing = model.opposing[j, best, k]
    kind = GIVES_WAY if opposing else FREE
    if people_cross(j, k, model.group_start[j], -1, True, model, live):
        kind = WALKED
    rate *= learned_part(lane, kind, live)
    if rate > 0.0 and opposing:
        first = model.lane_start[j]
        end = model.lane_start[j + 1]
        rate = yielding_rate(
            rate, opposing, model.yield_share[j, best, k], 0, live.queue_veh[first:end],
            live.arrival_veh[first:end],
        )  # fmt: skip
    return rate


@inner_kernel(types.void(_I, LIVE, AHEAD))
def arrive(second, live, ahead):
    """One second's arrivals join the queues, people come to the kerbs; what is on the way is shown anew.

    Written: live.queue_veh, arrival_veh, waiting_people, call_since_ms · ahead.coming_veh, near_veh
    """
    now_ms = SECOND_MS * second
    slot = second % RING_S
    for lane in range(len(live.queue_veh)):
        live.queue_veh[lane] += ahead.coming_veh[lane, slot]
        ahead.coming_veh[lane, slot] = 0.0
        seen_s = min(live.seen_s[lane], HORIZON_S)
        ahead.coming_veh[lane, (second + seen_s) % RING_S] += ahead.outside_veh_per_s[lane]
        near = live.queue_veh[lane]
        for t in range(HORIZON_S):
            coming = ahead.coming_veh[lane, (second + 1 + t) % RING_S] if t < seen_s else 0.0
            live.arrival_veh[lane, t] = coming
            near += coming
        ahead.near_veh[lane] = near
    for g in range(len(live.lamp)):
        if live.group_kind[g] != PEDESTRIAN:
            continue
        if live.lamp[g] == GREEN or live.lamp[g] == FLASH_RED:
            live.waiting_people[g] = 0.0
            continue
        live.waiting_people[g] += live.people_per_s[g]
        called = ahead.unseen_group[g] or live.waiting_people[g] >= CALL_PERSONS
        if called and live.call_since_ms[g] == NEVER_MS:
            live.call_since_ms[g] = now_ms


@inner_kernel(types.void(_I, _I, MODEL, LIVE, SCENE, AHEAD))
def depart(second, j, model, live, scene, ahead):
    """One second's departures of junction j; who leaves is on the way to the next stop line.

    Written: live.queue_veh, crossed_veh, queued_s, unmoved_s · ahead.coming_veh
    """
    now_ms = SECOND_MS * second
    first = model.group_start[j]
    flashes = scene.in_flash[j] or live.lamp[first] == FLASH_RED or scene.all_red_until_ms[j] == NEVER_MS
    green, yellow, age_ms, yellow_age_ms = 0, 0, NEVER_MS, NEVER_MS
    for g in range(first, model.group_start[j + 1]):
        if live.lamp[g] == GREEN:
            green |= 1 << (g - first)
        elif live.lamp[g] == YELLOW:
            yellow |= 1 << (g - first)
            yellow_age_ms = min(yellow_age_ms, now_ms - live.lamp_since_ms[g])
    for k in range(model.lane_start[j + 1] - model.lane_start[j]):
        lane = model.lane_start[j] + k
        live.crossed_veh[lane] = 0.0
        if live.queue_veh[lane] <= 0.0:
            continue
        rate = 0.0
        if flashes:
            rate = ALL_WAY_STOP_VEH_PER_S
        elif model.lane_groups[j, k] & green:
            rate = lane_rate(j, k, green, model, live, ahead)
            age_ms = 0
            for g in range(first, model.group_start[j + 1]):
                if (model.lane_groups[j, k] & green) >> (g - first) & 1:
                    age_ms = max(age_ms, now_ms - live.lamp_since_ms[g])
            rate *= min(1.0, max(0.0, (age_ms + SECOND_MS) / 1000.0 - START_UP_LOST_S))
        elif model.lane_groups[j, k] & yellow:
            rate = lane_rate(j, k, yellow, model, live, ahead)
            rate *= min(1.0, max(0.0, YELLOW_USED_S - yellow_age_ms / 1000.0))
        out = min(live.queue_veh[lane], rate * (1.0 - full_exit(lane, live)))
        live.queue_veh[lane] -= out
        live.crossed_veh[lane] = out
        for e in range(ahead.leave_start[lane], ahead.leave_start[lane + 1]):
            due = (second + min(RING_S - 1, ahead.leave_travel_s[e])) % RING_S
            ahead.coming_veh[ahead.leave_lane[e], due] += out * ahead.leave_share[e]
    age_queues(j, model, live)


@inner_kernel(types.void(_I, LIVE, SCENE, AHEAD, _F, _F))
def count(second, live, scene, ahead, persons_per_car, persons_per_walker):
    """One second of everybody's waiting. Written: ahead.waited_s, longest_ms, least_slack_ms."""
    now_ms = SECOND_MS * second
    for lane in range(len(live.queue_veh)):
        j = live.lane_junction[lane]
        ahead.waited_s[j, CARS] += persons_per_car * live.queue_veh[lane]
        ahead.waited_s[j, BUSES] += ahead.bus_persons[lane] * live.queue_veh[lane]
    for j in range(len(live.target_stage)):
        for g in range(scene.group_start[j], scene.group_start[j + 1]):
            mode = WALKERS if live.group_kind[g] == PEDESTRIAN else CARS
            called = live.call_since_ms[g] != NEVER_MS or scene.recall[g]
            if mode == WALKERS and called:
                # Until then it is not a person waiting, but one becoming more and more likely.
                ahead.waited_s[j, WALKERS] += persons_per_walker * live.waiting_people[g]
            if live.call_since_ms[g] != NEVER_MS and live.lamp[g] != GREEN:
                waited_ms = now_ms - live.call_since_ms[g]
                ahead.longest_ms[j, mode] = max(ahead.longest_ms[j, mode], waited_ms)
                slack_ms = live.promise_ms[g] - waited_ms
                ahead.least_slack_ms[j] = min(ahead.least_slack_ms[j], slack_ms)


@inner_kernel(types.void(_I, _I, _I, _F, _F, _F, MODEL, VIEW, LABELS, LIVE, SCENE, AHEAD))
def decide(
    j, now_ms, period_s, persons_per_walker, stop_s, impatience_s, model, view, labels, live, scene, ahead
):
    """The planner's turn at junction j, every `period_s` seconds and when its own end has come."""
    turn = (now_ms // SECOND_MS + j) % period_s == 0
    if turn or (scene.planned_end_ms[j] <= now_ms and scene.wanted_stage[j] == scene.target_stage[j]):
        replan_junction(
            j, now_ms, persons_per_walker, stop_s, impatience_s, model, view, labels, live, ahead.chosen,
            ahead.costs,
        )  # fmt: skip
    if scene.urgent_stage[j] >= 0:
        scene.wanted_stage[j] = scene.urgent_stage[j]
    elif (
        scene.wanted_stage[j] != scene.target_stage[j]
        and scene.target_stage[j] >= 0
        and not in_time(j, scene.wanted_stage[j], now_ms, scene)
    ):
        scene.wanted_stage[j] = scene.target_stage[j]
    scene.planned_end_ms[j] = min(scene.planned_end_ms[j], scene.leave_by_ms[j])


@inner_kernel(types.void(SCENE, AHEAD))
def propose_again(scene, ahead):
    """Before orders are laid over it. Written: scene.wanted_stage, planned_end_ms (J), recall (G)"""
    for j in range(len(scene.wanted_stage)):
        scene.wanted_stage[j], scene.planned_end_ms[j] = ahead.planned_stage[j], ahead.planned_end_ms[j]
    for g in range(len(scene.recall)):
        scene.recall[g] = ahead.planned_recall[g]


@inner_kernel(types.void(SCENE, AHEAD))
def keep_proposal(scene, ahead):
    """What the planner wants, without orders. Written: ahead.planned_stage, planned_end_ms (J)"""
    for j in range(len(scene.wanted_stage)):
        ahead.planned_stage[j], ahead.planned_end_ms[j] = scene.wanted_stage[j], scene.planned_end_ms[j]


@kernel(types.void(_I, _I, _I, _F, _F, _F, _F, MODEL, VIEW, LABELS, LIVE, BOOK, PLANS, SCENE, AHEAD))
def play(
    begin_s,
    end_s,
    period_s,
    persons_per_car,
    persons_per_walker,
    stop_s,
    impatience_s,
    model,
    view,
    labels,
    live,
    book,
    plans,
    scene,
    ahead,
):
    """The seconds begin_s to end_s of street time, in place."""
    for second in range(begin_s, end_s):
        now_ms = SECOND_MS * second
        arrive(second, live, ahead)
        call_vehicles(
            now_ms, SECOND_MS, scene.group_start, scene.lane_group_bits, live.lane_junction,
            live.group_kind, ahead.group_turn_on_red, live.queue_veh, live.arrival_veh, ahead.near_veh,
            live.lamp, ahead.called, ahead.kept, ahead.empty_s, live.call_since_ms,
        )  # fmt: skip
        propose_again(scene, ahead)
        lay_calls(now_ms, book, scene)
        look_ms = SECOND_MS if period_s < COARSE_S else 2 * SECOND_MS
        judge_urgency(
            now_ms, SECOND_MS, look_ms, scene.group_start, live.group_kind, live.conflict_bits,
            live.intergreen_start, live.intergreen_ms, live.min_green_ms, ahead.max_green_ms, live.yellow_ms,
            live.promise_ms, scene.stage_start, scene.stage_bits, scene.stage_given, scene.recall,
            live.people_per_s, live.lamp, live.lamp_since_ms, live.green_ended_ms, live.target_stage,
            live.target_bits, live.in_transition, live.call_since_ms, scene.starts_uncalled, scene.since_ms,
            scene.ended_ms, ahead.due_calls, scene.urgent_stage, scene.leave_by_ms,
        )  # fmt: skip
        for j in range(len(live.target_stage)):
            decide(
                j, now_ms, period_s, persons_per_walker, stop_s, impatience_s, model, view, labels, live,
                scene, ahead,
            )  # fmt: skip
        keep_proposal(scene, ahead)
        lay_orders(now_ms, book, plans, scene)
        lay_walks(now_ms, book, scene)
        advance(
            now_ms, scene.group_start, live.group_kind, live.min_green_ms, live.yellow_ms,
            live.conflict_bits, live.intergreen_start, live.intergreen_ms, scene.stage_bits, scene.recall,
            scene.wanted_stage, scene.planned_end_ms, live.target_stage, live.target_bits,
            live.in_transition, live.stage_since_ms, scene.all_red_until_ms, live.lamp, live.lamp_since_ms,
            live.green_ended_ms, live.call_since_ms, ahead.start_ms,
        )  # fmt: skip
        for j in range(len(live.target_stage)):
            depart(second, j, model, live, scene, ahead)
        count(second, live, scene, ahead, persons_per_car, persons_per_walker)
