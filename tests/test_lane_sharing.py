"""Lanes that hold each other up: full pockets, and drivers who turn across people's way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from controller.junction import Junction, Movement, Reach, Yield
from controller.lane_sharing import pockets, share_giving_way
from controller.network import Network
from controller.plan import Adaptive, build_model
from controller.policy import Policy
from controller.service_kernels import (
    EXIT_FULL,
    FREE,
    LEARNED_MIN,
    POCKET_FULL,
    WALKED,
    WALKED_FIRST,
    learn_service,
    service_of,
)
from controller.state import NEVER_MS, State, new_state
from tests.toy_street import EW, NS, NS_LEFT, SATURATION_VEH_PER_S, WALK_NS, junction, network

NS_LANE, LEFT_LANE = 0, 1


def turning_junction() -> Junction:
    """North and south: some turn right over the crossing beside; the left turn has a pocket of 22 m."""
    plain = junction(generated=(("ns",), ("ew",)))
    exits = Movement(1, "ns", "right", "square.ns.right.out", 8.0)
    common = Reach("ns_upstream", 150.0, 22.5, 1.0)
    ns, left, *rest = plain.lanes
    ns = replace(ns, movements=(*ns.movements, exits), reach=(*ns.reach, replace(common, share=0.6)))
    left = replace(left, reach=(*left.reach, replace(common, share=0.4)))
    return replace(plain, lanes=(ns, left, *rest), yields=(Yield("ns", "walk.ns"),))


def planned(street: Network) -> tuple[Adaptive, State]:
    return Adaptive(street, Policy()), new_state(street, 0)


def service(adaptive: Adaptive, state: State, stage: int, lane: int) -> float:
    return service_of(0, stage, lane, 0, 0, adaptive.model, adaptive.live(state))


def test_lanes_of_a_pocket_know_each_other_and_their_room() -> None:
    siblings, room_veh = pockets(turning_junction().lanes)
    assert list(siblings[:3]) == [1 << LEFT_LANE, 1 << NS_LANE, 0]
    assert room_veh[NS_LANE] == room_veh[LEFT_LANE] == 3.0


def test_only_those_who_turn_across_a_crossing_give_way_on_it() -> None:
    street = network(turning_junction())
    yields = {NS: [WALK_NS]}
    assert 0.0 < share_giving_way(street, NS_LANE, WALK_NS, yields) < 0.5
    assert share_giving_way(street, LEFT_LANE, WALK_NS, yields) == 0.0
    assert share_giving_way(street, NS_LANE, EW, yields) == 0.0


def test_a_stage_whose_drivers_turn_across_people_is_searched_without_its_crossings_too() -> None:
    def bits(yields: tuple[Yield, ...]) -> set[int]:
        street = network(replace(turning_junction(), yields=yields))
        model = build_model(street)
        return set(map(int, model.stage_groups[0, : model.n_stages[0]]))

    assert 1 << NS in bits((Yield("ns", "walk.ns"),))
    assert 1 << EW not in bits((Yield("ns", "walk.ns"),)), "nobody turns across the other crossing"
    assert 1 << NS not in bits(())


def test_less_is_served_while_people_walk_across_and_only_then() -> None:
    adaptive, state = planned(network(turning_junction()))
    full = service(adaptive, state, 0, NS_LANE)
    assert full == pytest.approx(adaptive.model.rate[0, 0, NS_LANE])
    state.call_since_ms[WALK_NS] = 0
    assert service(adaptive, state, 0, NS_LANE) == pytest.approx(WALKED_FIRST * full)
    state.served_veh[NS_LANE, WALKED], state.foreseen_veh[NS_LANE, WALKED] = 1.0, 400.0
    assert service(adaptive, state, 0, NS_LANE) == pytest.approx(LEARNED_MIN * full)
    without = [s for s in range(adaptive.model.n_stages[0]) if adaptive.model.stage_groups[0, s] == 1 << NS]
    assert service(adaptive, state, without[0], NS_LANE) == pytest.approx(full)


def test_those_behind_a_full_pocket_wait_with_it() -> None:
    adaptive, state = planned(network(turning_junction()))
    full = service(adaptive, state, 0, NS_LANE)
    state.queue_veh[LEFT_LANE] = 3.0
    assert service(adaptive, state, 0, NS_LANE) == pytest.approx(full)
    state.queue_veh[LEFT_LANE] = 4.0  # one more than fits: he stands where the others drive
    assert service(adaptive, state, 0, NS_LANE) == pytest.approx(POCKET_FULL * full)
    state.queue_veh[NS_LANE], left = 9.0, 1
    stage = next(s for s in range(4) if adaptive.model.stage_groups[0, s] == 1 << NS_LEFT)
    assert service(adaptive, state, stage, left) == pytest.approx(POCKET_FULL * SATURATION_VEH_PER_S)


def test_what_is_seen_while_people_walk_is_learned_for_then_and_a_full_exit_teaches_nothing() -> None:
    adaptive, state = planned(network(turning_junction()))
    live = adaptive.live(state)
    state.target_stage[0], state.stage_since_ms[0] = 0, 0
    state.lamp[NS] = state.lamp[WALK_NS] = 1
    state.standing_veh[NS_LANE], state.crossed_veh[NS_LANE] = 8.0, 0.1

    def learned() -> np.ndarray:
        return state.foreseen_veh[NS_LANE].copy()

    learn_service(0, 10_000, adaptive.model, live)
    assert learned()[WALKED] > 0.0
    assert learned()[FREE] == 0.0
    state.lamp[WALK_NS], state.call_since_ms[WALK_NS] = 3, NEVER_MS  # they are still on it
    before = learned()
    learn_service(0, 11_000, adaptive.model, live)
    assert learned()[WALKED] > before[WALKED]
    state.lamp[WALK_NS] = 0
    learn_service(0, 12_000, adaptive.model, live)
    assert learned()[FREE] > 0.0
    before = learned()
    state.blocked[NS_LANE] = EXIT_FULL + 0.1
    learn_service(0, 13_000, adaptive.model, live)
    assert np.array_equal(learned(), before)
