"""What will become of a few junctions: the present state, and from there on the controller's own kernels.

The junctions asked about and those around them make a network of their own, whose lamps change at
whole seconds. Who comes from outside it comes as now; who leaves it is gone.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from controller import forecast_kernels as kernels
from controller.demand_kernels import FLOW_MEMORY_S
from controller.feeds import find_feeds
from controller.forecast_model import RING_S, Ahead
from controller.junction import GROUPS_PER_JUNCTION_MAX, StreetNetwork
from controller.network import Floats, Ints, Network, build_network
from controller.orders import Orders
from controller.overlay import Overlay
from controller.plan import Adaptive, build_model
from controller.policy import Policy
from controller.present import MODES, Present
from controller.replan_kernels import FEED_PART_MAX, FEED_TRUST_VEH
from controller.state import NEVER_MS, State, new_state

SECOND_MS = 1000
ARRIVALS = "arrival_veh"
"""Only as many seconds of it as hold anybody may be given."""


def part_of(street: StreetNetwork, junctions: Ints) -> Network:
    """These junctions (indices, ascending) alone, as a network whose lamps change at whole seconds."""
    kept = tuple(street.junctions[j] for j in junctions)
    names = {junction.name for junction in kept}
    links = tuple(link for link in street.links if link.to_junction in names)
    return build_network(replace(street, junctions=kept, links=links, assumptions=()), SECOND_MS)


class Part:
    """A part of a street with all that never changes in it; good for many forecasts."""

    def __init__(self, street: StreetNetwork, junctions: Ints, policy: Policy) -> None:
        self.junctions = junctions
        self.network = part_of(street, junctions)
        self.policy = policy
        self.model = build_model(self.network)
        self._feeds = find_feeds(self.network)

    def begin(self, present: Present, bus_persons: Floats) -> Outlook:
        """A run that begins now. `bus_persons` (lanes): persons on buses, a vehicle in the mean."""
        return Outlook(self, present, bus_persons)

    def leaves(self, present: Present) -> tuple[Floats, Floats]:
        """(share of what leaves a stop line, by feed; veh/s that come to each lane from outside).

        Shares are those learned: what neighbours promised against what came.
        """
        feeds, arrays = self._feeds, present.arrays
        rows = np.repeat(np.arange(self.network.n_lanes), np.diff(feeds.start))
        came, fed = arrays["came_veh"], arrays["fed_veh"]
        part = np.minimum(FEED_PART_MAX, (came + FEED_TRUST_VEH) / (fed + FEED_TRUST_VEH))
        share = feeds.share * part[rows]
        # Nobody leaves twice: what a lane is believed to send adds up to itself at most.
        sent = np.bincount(feeds.lane, share, self.network.n_lanes)
        share = share / np.maximum(1.0, sent)[feeds.lane]
        flow = arrays["flow_veh_per_s"]
        inside = np.bincount(rows, share * flow[feeds.lane], self.network.n_lanes)
        # What came lately either crossed the stop line or stands before it; it came from somewhere.
        came_veh_per_s = flow + arrays["queue_veh"] / FLOW_MEMORY_S
        one = 1.0 / FLOW_MEMORY_S  # a single vehicle more or less proves nothing
        share = share * np.minimum(1.0, (came_veh_per_s + one) / (inside + one))[rows]
        return share, np.maximum(0.0, flow - inside)

    def ways(self, share: Floats) -> dict[str, np.ndarray]:
        """The feeds the other way round: from each lane to those downstream."""
        feeds, lanes = self._feeds, self.network.n_lanes
        order = np.argsort(feeds.lane, kind="stable")
        to = np.repeat(np.arange(lanes), np.diff(feeds.start))
        counts = np.bincount(feeds.lane, minlength=lanes)
        return {
            "leave_start": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            "leave_lane": to[order].astype(np.int64),
            "leave_share": share[order],
            "leave_travel_s": feeds.travel_s[order],
        }


class Outlook:
    """One run of a part of a street into the coming minutes."""

    def __init__(self, part: Part, present: Present, bus_persons: Floats) -> None:
        self.part = part
        self.now_s = -(-present.street_ms // SECOND_MS)
        network = part.network
        self.state = new_state(network, present.street_ms)
        for f in fields(State):
            if f.name in present.arrays and f.name != ARRIVALS:  # those are on the way, see `coming_veh`
                np.copyto(getattr(self.state, f.name), present.arrays[f.name])
        state = self.state
        for row in (state.wanted_stage, state.target_stage):
            row[row >= np.diff(network.stage_start)] = -1  # of another version, a moment ago
            row += np.where(row >= 0, network.stage_start[:-1], 0)
        np.maximum(state.wanted_stage, network.stage_start[:-1], out=state.wanted_stage)
        # A wait that began between two seconds ends at one of the next.
        state.outflow_time_ms[:] = present.street_ms - RING_S * SECOND_MS
        self.orders = Orders(network)
        self._planner = Adaptive(network, part.policy, model=part.model)
        suspended = np.zeros(network.n_junctions, np.bool_)
        self._overlay = Overlay(network, state, suspended.copy(), suspended)
        self._live = self._planner.live(state)
        self._ahead = self._beginning(present, bus_persons)

    def _beginning(self, present: Present, bus_persons: Floats) -> Ahead:
        part, network, state = self.part, self.part.network, self.state
        share, outside = part.leaves(present)
        j, g, lanes = network.n_junctions, network.n_groups, network.n_lanes
        coming = np.zeros((lanes, RING_S))
        arrival = present.arrays[ARRIVALS]
        for t in range(arrival.shape[1]):
            coming[:, (self.now_s + t) % RING_S] += arrival[:, t]
        own: dict[str, Any] = {
            "coming_veh": coming,
            "outside_veh_per_s": outside,
            "near_veh": np.zeros(lanes),
            "bus_persons": bus_persons.copy(),
            "max_green_ms": network.max_green_ms,
            "group_turn_on_red": network.group_turn_on_red,
            "saturation_veh_per_s": network.lane_saturation_veh_per_s,
            "called": np.zeros(g, np.bool_),
            "kept": np.zeros(g, np.bool_),
            "due_calls": np.zeros(j, np.int64),
            "planned_stage": state.wanted_stage.copy(),
            "planned_end_ms": state.planned_end_ms.copy(),
            "planned_recall": state.recall.copy(),
            "start_ms": np.zeros(GROUPS_PER_JUNCTION_MAX, np.int64),
            "chosen": np.zeros(4, np.int64),
            "costs": np.zeros(2),
            "waited_s": np.zeros((j, MODES)),
            "longest_ms": np.zeros((j, MODES), np.int64),
            "least_slack_ms": np.full(j, NEVER_MS, np.int64),
            **part.ways(share),
        }
        return Ahead(*[own[n] if n in own else getattr(state, n) for n in Ahead._fields])

    @property
    def waited_s(self) -> Floats:
        """(J, MODES) person-seconds of waiting so far."""
        return self._ahead.waited_s

    @property
    def longest_ms(self) -> Ints:
        """(J, MODES) longest wait so far."""
        return self._ahead.longest_ms

    @property
    def least_slack_ms(self) -> Ints:
        """(J) nearest that any call came to the end of its promise; negative = beyond."""
        return self._ahead.least_slack_ms

    def run(self, until_s: int, period_s: int = 1) -> None:
        """Play on to street second `until_s`, every junction planned anew each `period_s` seconds."""
        policy, planner, overlay = self.part.policy, self._planner, self._overlay
        kernels.play(
            self.now_s, until_s, period_s, policy.persons_per_car, policy.persons_per_walker, policy.stop_s,
            policy.impatience_s, planner.model, planner.view, planner.labels, self._live, self.orders.book,
            overlay.plans, overlay.scene, self._ahead,
        )  # fmt: skip
        self.now_s = max(self.now_s, until_s)
