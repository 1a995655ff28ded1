"""Everything that changes while Belisha runs, as one struct of arrays.

It can be copied (what-if), compared by digest (same seed, same bytes) and holds no
object that a replay could not rebuild. Times are street milliseconds.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from controller.codes import NEVER_MS
from controller.network import Network
from controller.unseen import crossings_without_button, lanes_without_loop

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

HORIZON_S = 60
"""How far the planner looks ahead, in steps of one second."""


@dataclass(slots=True, eq=False)
class State:
    """All changing state. J junctions, G groups, S stages, L lanes, D detectors."""

    # signal groups, written by the sequencer
    lamp: NDArray[np.int8]  # (G) Lamp
    lamp_since_ms: Ints  # (G) when that lamp began
    green_ended_ms: Ints  # (G) last end of green or WALK
    # stages
    wanted_stage: Ints  # (J) index among all stages, written by a planner
    planned_end_ms: Ints  # (J) when the planner expects to leave the wanted stage; NEVER_MS = rest
    target_stage: Ints  # (J) stage shown or being approached, written by the sequencer; -1 = none yet
    target_bits: Ints  # (J) its groups that really start (pedestrians only when called)
    in_transition: NDArray[np.bool_]  # (J)
    stage_since_ms: Ints  # (J) when the target stage was complete
    all_red_until_ms: Ints  # (J) no green before it; NEVER_MS while the junction is in flash
    # calls
    call_since_ms: Ints  # (G) registered and not yet served; NEVER_MS = no call
    recall: NDArray[np.bool_]  # (G) called in every cycle, whether or not anybody is seen
    unseen_lane: NDArray[np.bool_]  # (L) no loop to trust at the stop line: the queue is believed, not seen
    unseen_group: NDArray[np.bool_]  # (G) crossings nobody can call, as far as is known
    quiet_group: NDArray[np.bool_]  # (G) of them, those whose button may only be quiet
    # estimate
    queue_veh: Floats  # (L) standing or slowly moving up
    arrival_veh: Floats  # (L, HORIZON_S) would reach the stop line at free flow in that second
    persons_per_veh: Floats  # (L)
    flow_veh_per_s: Floats  # (L) smoothed arrival flow
    near_veh: Floats  # (L) all vehicles now known on the lane's reach
    blocked: Floats  # (L) part of its service lost to a full exit, 0-1
    waiting_people: Floats  # (G) pedestrians believed to wait
    people_per_s: Floats  # (G) smoothed pedestrian arrivals
    transit_veh: Floats  # (L, HORIZON_S) counted by loops, by seconds of free travel left to the stop line
    held_veh: Floats  # (L, 3) due at the stop line, near and far loops, and not yet counted there
    passed_veh: Floats  # (L, 4) counted there and sent from upstream, forgotten slowly
    loop_held_s: Floats  # (D) how long a loop has been occupied, or clear (negative)
    stop_on: Floats  # (L) stop-line loop occupied at the reading before (1 or 0)
    empty_s: Floats  # (L) how long nobody has been known on the lane's reach
    crossed_veh: Floats  # (L) over the stop line since the reading before
    fed_veh: Floats  # (L) what upstream plans promised to send, forgotten slowly
    came_veh: Floats  # (L) what crossed the stop line meanwhile
    queued_s: Floats  # (L) how long the first vehicle of the queue has been in it
    unmoved_s: Floats  # (L) seconds of green since somebody last crossed
    standing_veh: Floats  # (L) of the queue at the start of green, still to cross
    served_veh: Floats  # (L, 3) vehicles served from a queue, forgotten slowly; 1 giving way, 2 to people
    foreseen_veh: Floats  # (L, 3) what the planner's model would have served meanwhile
    estimate_time_ms: Ints  # (1) time of the reading last used
    observed_ms: Ints  # (1) how long there have been readings
    outflow_veh: Floats  # (L, HORIZON_S) what the winning plan lets through, by second from its time
    outflow_time_ms: Ints  # (J) time of that plan

    def copy(self) -> State:
        """An independent copy, for what-if questions."""
        return State(**{f.name: getattr(self, f.name).copy() for f in fields(self)})

    def digest(self) -> str:
        """SHA-256 over all arrays: equal digests mean equal states."""
        sha = hashlib.sha256()
        for f in fields(self):
            sha.update(np.ascontiguousarray(getattr(self, f.name)).tobytes())
        return sha.hexdigest()


def new_state(network: Network, now_ms: int) -> State:
    """All groups red from `now_ms`, as if every green had just ended: the safest start."""
    j, g, lanes = network.n_junctions, network.n_groups, network.n_lanes
    return State(
        lamp=np.zeros(g, np.int8),
        lamp_since_ms=np.full(g, now_ms, np.int64),
        green_ended_ms=np.full(g, now_ms, np.int64),
        wanted_stage=network.stage_start[:-1].copy(),
        planned_end_ms=np.full(j, NEVER_MS, np.int64),
        target_stage=np.full(j, -1, np.int64),
        target_bits=np.zeros(j, np.int64),
        in_transition=np.zeros(j, np.bool_),
        stage_since_ms=np.full(j, now_ms, np.int64),
        all_red_until_ms=np.full(j, now_ms, np.int64),
        call_since_ms=np.full(g, NEVER_MS, np.int64),
        recall=np.zeros(g, np.bool_),
        unseen_lane=lanes_without_loop(network),
        unseen_group=crossings_without_button(network),
        quiet_group=np.zeros(g, np.bool_),
        queue_veh=np.zeros(lanes),
        arrival_veh=np.zeros((lanes, HORIZON_S)),
        persons_per_veh=np.full(lanes, 1.3),
        flow_veh_per_s=np.zeros(lanes),
        near_veh=np.zeros(lanes),
        blocked=np.zeros(lanes),
        waiting_people=np.zeros(g),
        people_per_s=np.zeros(g),
        transit_veh=np.zeros((lanes, HORIZON_S)),
        held_veh=np.zeros((lanes, 3)),
        passed_veh=np.zeros((lanes, 4)),
        loop_held_s=np.zeros(len(network.detectors)),
        stop_on=np.zeros(lanes),
        empty_s=np.zeros(lanes),
        crossed_veh=np.zeros(lanes),
        fed_veh=np.zeros(lanes),
        came_veh=np.zeros(lanes),
        queued_s=np.zeros(lanes),
        unmoved_s=np.zeros(lanes),
        standing_veh=np.zeros(lanes),
        served_veh=np.zeros((lanes, 3)),
        foreseen_veh=np.zeros((lanes, 3)),
        estimate_time_ms=np.full(1, now_ms, np.int64),
        observed_ms=np.zeros(1, np.int64),
        outflow_veh=np.zeros((lanes, HORIZON_S)),
        outflow_time_ms=np.full(j, now_ms, np.int64),
    )
