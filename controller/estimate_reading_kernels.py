"""One reading taken into the estimate: its kernels one after the other, without coming back to Python."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.bundle import BUNDLED, put, taken
from controller.compiling import kernel
from controller.demand_kernels import call_vehicles, count_people_and_flow
from controller.estimate_model import PICTURE
from controller.loop_estimate_kernels import count_gates, drive_on, hear_upstream, report, weigh_buses
from controller.loop_gates_kernels import believe_loops, time_gates, time_loops
from controller.unseen_kernels import play_unseen_lanes, suppose_people

_I, _F = types.int64, types.float64
_ON, _COUNT, _OCCUPANCY = types.boolean[:], types.int32[:], types.float64[:]


@kernel(_I(BUNDLED, PICTURE))
def lay_picture(memory, picture):
    """Lay a picture into the memory of its `Bundle`; gives how many words it needs."""
    return put(memory, picture)


@kernel(types.void(_I, _I, _ON, _COUNT, _OCCUPANCY, _F, _F, BUNDLED))
def hear_loops(now_ms, seconds, on, count, occupancy, persons_per_car, persons_per_bus, memory):
    """Queues, arrivals and persons of all lanes, so many seconds after the reading before.

    on, count, occupancy (D): the reading · memory: the picture's
    """
    picture = taken(memory, PICTURE)
    loops, ground, mind = picture.loops, picture.calling, picture.believed
    unseen, transit, held = mind.unseen_lane, mind.transit_veh, mind.held_veh
    time_loops(float(seconds), on, occupancy, mind.loop_held_s)
    time_gates(loops, mind.loop_held_s, unseen)
    drive_on(seconds, loops, transit, held)
    play_unseen_lanes(
        now_ms, seconds, unseen, loops.usual_veh_per_s, ground.lane_group_bits, ground.lane_junction,
        ground.group_start, mind.lamp, mind.lamp_since_ms, loops.saturation_veh_per_s, loops.gate_s,
        loops.feed_start, held, mind.passed_veh, mind.crossed_veh, mind.flow_veh_per_s,
    )  # fmt: skip
    count_gates(
        float(seconds), count, loops.gate, loops.lane, loops.share, unseen, loops.gate_s, transit, held,
        mind.passed_veh,
    )  # fmt: skip
    hear_upstream(
        loops.feed_start, loops.feed_lane, loops.feed_share, loops.feed_travel_s, mind.crossed_veh,
        loops.gate_s, transit, held, mind.passed_veh,
    )  # fmt: skip
    believe_loops(seconds, loops, mind.flow_veh_per_s, transit, held)
    report(
        on, loops.gate, loops.lane, loops.clear_s, loops.gate_s, loops.way_s, loops.seen_s, loops.feed_start,
        mind.flow_veh_per_s, transit, held, mind.queue_veh, mind.arrival_veh, mind.near_veh,
    )  # fmt: skip
    weigh_buses(
        seconds, count, loops.kind, loops.lane, loops.share, mind.near_veh, persons_per_car, persons_per_bus,
        mind.persons_per_veh,
    )  # fmt: skip


@kernel(types.void(_I, _I, _F, _ON, _COUNT, BUNDLED))
def hear_callers(now_ms, passed_ms, usual_people_per_s, on, count, memory):
    """Flows, people waiting and everybody's calls, so many ms after the reading before.

    usual_people_per_s: where nobody can call · on, count (D): the reading · memory: the picture's
    """
    picture = taken(memory, PICTURE)
    ground, mind = picture.calling, picture.believed
    count_people_and_flow(
        now_ms, passed_ms, mind.observed_ms[0], on, count, ground.detector_kind, ground.detector_lane,
        ground.detector_group, ground.detector_share, ground.group_kind, mind.lamp, mind.unseen_lane,
        mind.stop_on, mind.crossed_veh, mind.flow_veh_per_s, mind.waiting_people, mind.people_per_s,
        mind.call_since_ms,
    )  # fmt: skip
    suppose_people(
        now_ms, passed_ms, mind.unseen_group, mind.quiet_group, usual_people_per_s, mind.lamp,
        mind.waiting_people, mind.people_per_s, mind.call_since_ms,
    )  # fmt: skip
    mind.observed_ms[0] += passed_ms
    call_vehicles(
        now_ms, passed_ms, ground.group_start, ground.lane_group_bits, ground.lane_junction,
        ground.group_kind, ground.turn_on_red, mind.queue_veh, mind.arrival_veh, mind.near_veh, mind.lamp,
        ground.called, ground.kept, mind.empty_s, mind.call_since_ms,
    )  # fmt: skip
