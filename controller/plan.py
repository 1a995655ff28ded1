"""The adaptive planner: times signals for people, by search over the coming minute.

Cars, buses and people on foot are weighed by `Policy` in person-seconds; promised maximum
waits are as good as hard constraints; full exits and what neighbours plan to send are in
the model. The search itself is in `plan_kernels`; here its model is built from names.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from controller import replan_kernels
from controller.feeds import DIRECTION_WEIGHT, find_feeds
from controller.lane_sharing import pockets, share_giving_way
from controller.network import DIRECTIONS, Ints, Network
from controller.permissive_turns import facing_lanes, fill_clearing
from controller.plan_live import TERMS, Live
from controller.plan_model import CROSSINGS_MAX, STAGES_MAX, Model, empty_labels, empty_model, empty_view
from controller.plan_turns import Turns
from controller.policy import Policy
from controller.state import State
from controller.urgency import Urgency
from controller.vocabulary import GroupKind, StageSource

MOSTLY_YIELDING = 0.5
"""In a lane shared with others the few who turn wait inside the junction and block nobody behind
the stop line; what they do block is learned (`learn_service`)."""
OPPOSED_MIN_S = 8
"""A stage in which drivers give way is not planned for less: two seconds of start-up and three headways
of the queue facing them (HCM 2010, ch. 31). After a shorter one they stand inside the junction with those
behind them, and the next stage starts into them."""
TURN_ON_RED_VEH_PER_S = 0.12
DETECTION_RANGE_M = 200.0


class Adaptive:
    """Plans every junction once a second."""

    def __init__(
        self,
        network: Network,
        policy: Policy,
        seen_range_m: float = DETECTION_RANGE_M,
        model: Model | None = None,
    ) -> None:
        self.network = network
        self.policy = policy
        self.model = build_model(network) if model is None else model
        self.view = empty_view()
        self.labels = empty_labels()
        self._chosen = np.zeros(4, np.int64)
        self._costs = np.zeros(2)
        self.winner_cost = np.zeros(network.n_junctions)
        self.loser_cost = np.zeros(network.n_junctions)
        self.terms = np.zeros((network.n_junctions, 2, TERMS))
        self.clears_first = np.zeros(network.n_junctions, np.bool_)
        """(J) what is wanted is only on the way: it lets those out of the junction who turn left."""
        self._persons_per_car = np.array([policy.persons_per_car])
        reach_m = np.minimum(network.lane_reach_m, seen_range_m)
        self._seen_s = np.ceil(reach_m / network.lane_speed_m_per_s).astype(np.int64)
        self._feeds = {**_feeds(network), **build_drains(network)}
        self.urgency = Urgency(network)
        self.turns = Turns(network.n_junctions, network.lamp_resolution_ms)
        self._live: Live | None = None
        self._live_of: State | None = None

    def propose(self, state: State, now_ms: int) -> None:
        """Replan the junctions whose turn it is in this tick; promises are kept when lamps may change."""
        due = self.turns.planning(now_ms)
        if len(due):
            replan_kernels.replan(
                due,
                len(due),
                now_ms,
                self.policy.persons_per_walker,
                self.policy.stop_s,
                self.policy.impatience_s,
                self.model,
                self.view,
                self.labels,
                self.live(state),
                self._chosen,
                self._costs,
            )
        deciding = self.turns.deciding(now_ms)
        if len(deciding):
            self._keep_promises(state, now_ms, deciding)

    def _keep_promises(self, state: State, now_ms: int, due: Ints) -> None:
        """The search weighs promises; the safety net under every planner keeps them."""
        self.urgency.update(state, now_ms)
        urgent, target, wanted = self.urgency.stage[due], state.target_stage[due], state.wanted_stage[due]
        for j in due[(urgent < 0) & (wanted != target) & (target >= 0)].tolist():
            if not self.urgency.allows(state, now_ms, j, int(state.wanted_stage[j])):
                state.wanted_stage[j] = state.target_stage[j]
        state.wanted_stage[due[urgent >= 0]] = urgent[urgent >= 0]
        state.planned_end_ms[due] = np.minimum(state.planned_end_ms[due], self.urgency.leave_by_ms[due])

    def live(self, state: State) -> Live:
        """What the kernels work on for this state."""
        if self._live is None or self._live_of is not state:
            own = {
                "winner_cost": self.winner_cost,
                "loser_cost": self.loser_cost,
                "clears_first": self.clears_first,
                "terms": self.terms,
                "persons_per_car": self._persons_per_car,
                "seen_s": self._seen_s,
                **self._feeds,
            }
            values: dict[str, Any] = {}
            for name in Live._fields:
                values[name] = own[name] if name in own else getattr(state, name, None)
                if values[name] is None:
                    values[name] = getattr(self.network, name)
            self._live = Live(**values)
            self._live_of = state
        return self._live


def build_model(network: Network) -> Model:
    """Service rates, give-way relations and change times of every stage, from the network's records."""
    model = empty_model(network.n_junctions)
    model.lane_start[:] = network.lane_start
    model.group_start[:] = network.group_start
    for j in range(network.n_junctions):
        _fill_junction(network, model, j)
    return model


def _fill_junction(network: Network, model: Model, j: int) -> None:
    junction = network.street.junctions[j]
    first = int(network.group_start[j])
    index = {g.name: k for k, g in enumerate(junction.groups)}
    yields: dict[int, list[int]] = {}
    for y in junction.yields:
        yields.setdefault(index[y.group], []).append(index[y.to])
    crossings = [k for k, g in enumerate(junction.groups) if g.kind == GroupKind.PEDESTRIAN]
    for p, k in enumerate(crossings[:CROSSINGS_MAX]):
        model.crossing_group[j, p] = k
        total_ms = int(network.min_green_ms[first + k] + network.yellow_ms[first + k])
        model.crossing_s[j, p] = -(-total_ms // 1000)
    lanes = range(int(network.lane_start[j]), int(network.lane_start[j + 1]))
    for i, lane in enumerate(lanes):
        model.lane_groups[j, i] = network.lane_group_bits[lane]
    model.siblings[j, : len(lanes)], model.pocket_veh[j, : len(lanes)] = pockets(junction.lanes)
    for p, k in enumerate(crossings[:CROSSINGS_MAX]):
        for i, lane in enumerate(lanes):
            model.turns_across[j, p, i] = share_giving_way(network, lane, k, yields)
    stages = _worth_searching(network, j, sum(1 << k for k in crossings), yields)
    model.n_stages[j] = len(stages)
    model.stage_of[j, : len(stages)] = stages
    fill_clearing(network, model, j, stages, yields)
    for s, stage in enumerate(stages):
        bits = int(network.stage_bits[stage])
        model.stage_groups[j, s] = bits
        greens = [
            int(network.min_green_ms[first + k])
            for k in range(len(index))
            if bits >> k & 1 and k not in crossings
        ]
        model.min_s[j, s] = -(-max(greens, default=1000) // 1000)
        for i, lane in enumerate(lanes):
            _fill_lane(network, model, j, s, i, lane, first, bits, yields, lanes)
        if model.opposing[j, s].any():
            model.min_s[j, s] = max(model.min_s[j, s], OPPOSED_MIN_S)
        for s2, other in enumerate(stages):
            model.switch_s[j, s, s2] = _switch_s(network, j, bits, int(network.stage_bits[other]), crossings)


def _worth_searching(network: Network, j: int, crossings: int, yields: dict[int, list[int]]) -> list[int]:
    """The given stages, and generated ones that serve together what no stage before them does.

    A given stage whose drivers turn across its crossings (bits) is there without these too: when
    people have crossed, those who gave way to them may still want to go. Groups whose drivers may
    turn on red do not make a stage worth having.
    """
    first = int(network.group_start[j])
    n = int(network.group_start[j + 1]) - first
    on_red = sum(1 << k for k in range(n) if network.group_turn_on_red[first + k])
    every = range(int(network.stage_start[j]), int(network.stage_start[j + 1]))
    bits_of = {stage: int(network.stage_bits[stage]) for stage in every}
    stages = network.street.junctions[j].stages
    given = {stage for stage in every if stages[stage - every.start].source == StageSource.GIVEN}
    walked = {
        bits_of[stage] & ~crossings
        for stage in given
        if any(
            bits_of[stage] >> k & 1 and any(bits_of[stage] & crossings & 1 << h for h in to)
            for k, to in yields.items()
        )
    }
    kept: list[int] = []
    for stage in every:
        bits = bits_of[stage] & ~on_red
        new = not any(bits & ~bits_of[k] == 0 for k in kept) or bits_of[stage] in walked
        if len(kept) < STAGES_MAX and (new or stage in given):
            kept.append(stage)
    return kept


def _switch_s(network: Network, j: int, old: int, new: int, crossings: list[int]) -> int:
    """Seconds from the end of the last green of `old` to the last start of `new`."""
    n = int(network.group_start[j + 1] - network.group_start[j])
    at = int(network.intergreen_start[j])
    longest = 0
    for a in range(n):
        for b in range(n):
            if old >> a & 1 and not new >> a & 1 and new >> b & 1 and not old >> b & 1 and a not in crossings:
                longest = max(longest, int(network.intergreen_ms[at + a * n + b]))
    return max(1, -(-longest // 1000))


def _fill_lane(
    network: Network,
    model: Model,
    j: int,
    s: int,
    i: int,
    lane: int,
    first: int,
    bits: int,
    yields: dict[int, list[int]],
    lanes: range,
) -> None:
    moves = range(int(network.movement_start[lane]), int(network.movement_start[lane + 1]))
    weight = {m: DIRECTION_WEIGHT[DIRECTIONS[network.movement_direction[m]]] for m in moves}
    total = sum(weight.values())
    green = on_red = gives_way = 0.0
    opposing = 0
    for m in moves:
        k = int(network.movement_group[m]) - first
        if not bits >> k & 1:
            on_red += weight[m] / total if network.group_turn_on_red[first + k] else 0.0
            continue
        green += weight[m] / total
        to = [h for h in yields.get(k, []) if bits >> h & 1]
        if to and DIRECTIONS[network.movement_direction[m]] in ("left", "turn"):
            facing = facing_lanes(network, lanes, first, to)
            opposing |= facing
            gives_way += weight[m] / total if facing else 0.0
    saturation = float(network.lane_saturation_veh_per_s[lane])
    model.rate[j, s, i] = saturation * green * green + (
        TURN_ON_RED_VEH_PER_S * on_red if green == 0.0 else 0.0
    )
    if gives_way > MOSTLY_YIELDING * green:
        model.opposing[j, s, i] = opposing & ~(1 << i)
        model.yield_share[j, s, i] = gives_way / green if model.opposing[j, s, i] else 0.0


def _feeds(network: Network) -> dict[str, np.ndarray]:
    feeds = find_feeds(network)
    return {
        "feed_start": feeds.start,
        "feed_lane": feeds.lane,
        "feed_share": feeds.share,
        "feed_travel_s": feeds.travel_s,
    }


def build_drains(network: Network) -> dict[str, np.ndarray]:
    """For every lane the downstream lanes its vehicles come to: share and room, as sparse rows."""
    rows: list[list[tuple[int, float, float]]] = []
    for up in range(network.n_lanes):
        moves = range(int(network.movement_start[up]), int(network.movement_start[up + 1]))
        weight = {m: DIRECTION_WEIGHT[DIRECTIONS[network.movement_direction[m]]] for m in moves}
        row = []
        for m in moves:
            x = int(network.movement_exit[m])
            for e in range(int(network.exit_start[x]), int(network.exit_start[x + 1])):
                share = weight[m] / sum(weight.values()) * float(network.exit_share[e])
                row.append((int(network.exit_lane[e]), share, float(network.exit_length_m[e])))
        rows.append(row)
    flat = [row for lane_rows in rows for row in lane_rows]
    return {
        "drain_start": np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64),
        "drain_lane": np.array([r[0] for r in flat], np.int64),
        "drain_share": np.array([r[1] for r in flat], np.float64),
        "drain_length_m": np.array([r[2] for r in flat], np.float64),
    }
